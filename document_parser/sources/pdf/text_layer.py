"""Words of a PDF page's own text layer, read with PDFium. Runs in the opener child.

One Word per run of characters without white space, in the order of the content stream. A Word never spans two lines or a gap
wider than its own height, so that layout can build lines and columns from Words alone. Ligatures stay as PDFium gives them.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.errors import PageUnreadable
from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, ordered, upright_map
from document_parser.sources.pdf.fonts import FontLook, font_look

MAX_WORDS = 200_000
"""A page with more words than this is refused: no page of a real document has them, and their list would not stay small."""

SHIFTED = 0.05
"""Baselines that differ by this many font sizes are two: an index, a power, a footnote's number."""

_WORD = re.compile(r"[^\s\x00]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# PDFium marks a hyphen that ends a line as U+0002 or U+FFFE; a soft hyphen in the middle of a word is not shown.
# Word's bullets and boxes come from the symbol fonts Symbol and Wingdings, whose glyphs have private codes.
_SYMBOLS = {
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf0fb": "✗", "\uf0fe": "☑", "\uf0fd": "☒",
    "\uf0a8": "☐", "\uf06f": "☐", "\uf071": "☐", "\uf0e0": "→", "\uf076": "❖", "\uf06e": "■", "\uf06c": "●",
}  # fmt: skip
_CLEAN = str.maketrans({"\x02": "-", "\ufffe": "-", "\u00ad": "", "\ufeff": "", "\u200b": "", **_SYMBOLS})


class Style(NamedTuple):
    """How the characters of one text object look.

    ``face`` tells their font from the others of the page; ``marked`` is the object's address, where the caller asked for it.
    """

    size_points: float
    font: FontLook
    face: int = 0
    marked: int = 0

    def differs(self, other: Style) -> bool:
        """Whether the two tell parts of a formula apart, which may touch each other."""
        fonts = self.font.math != other.font.math or self.font.glyphs is not other.font.glyphs
        return fonts or abs(self.size_points - other.size_points) > 0.1 * self.size_points


Piece = tuple[str, Rect, Style, float]
"""Text, place, look, height of the baseline in the page's own space."""


class PageText:
    """The characters of a loaded text page, addressable by PDFium's character index."""

    def __init__(self, textpage: Any) -> None:
        self.raw = textpage.raw
        self.count: int = max(0, pdfium.FPDFText_CountChars(self.raw))
        self.text = self._read()
        # PDFium leaves characters without a meaning out of the text; then the two indices differ.
        self._exact = len(self.text) == self.count

    def _read(self) -> str:
        """The text with one Python character per UTF-16 unit, as PDFium counts them."""
        units = (ctypes.c_ushort * (self.count + 1))()
        written = pdfium.FPDFText_GetText(self.raw, 0, self.count, units) if self.count else 0
        codes = np.frombuffer(bytes(units), dtype="<u2")[: max(0, written - 1)]
        return str(codes.astype("<u4").tobytes(), "utf-32-le", "surrogatepass")

    def index(self, position: int) -> int:
        """PDFium's index of the character at this position of ``text``."""
        return position if self._exact else max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self.raw, position))

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """Runs without white space: text, PDFium's index of the first character, number of characters."""
        for match in _WORD.finditer(self.text):
            first = self.index(match.start())
            last = first + match.end() - match.start() - 1 if self._exact else self.index(match.end() - 1)
            yield match[0], first, max(1, last - first + 1)


def extract_words(page: Any, textpage: Any | None = None) -> list[Word]:
    """The words of a PDFium page, boxes in fractions of the upright page (``/Rotate`` and crop box applied).

    Words that lie wholly outside the page are left out. Raises PageUnreadable above MAX_WORDS.
    """
    if textpage is None:
        with_own = page.get_textpage()
        try:
            return extract_words(page, with_own)
        finally:
            with_own.close()
    return [word for word, _ in extract_marked(page, textpage, frozenset()).words]


class Marked(NamedTuple):
    """The words of a page, each with its style; and whether any was cut only because a marked object begins or ends there."""

    words: list[tuple[Word, Style]]
    cut: bool


def extract_marked(page: Any, textpage: Any, marked: frozenset[int]) -> Marked:
    """``extract_words``, each word with its style, which names the text object where that is one of these addresses.

    Marked words that lie outside the page are among them, their boxes on its edge. Errors as there.
    """
    place = upright_map(page)
    extractor = _Extractor(PageText(textpage), marked)
    words = ((_word(piece, place), piece[2]) for piece in extractor.pieces())
    return Marked([(word, style) for word, style in words if word is not None], extractor.cut_at_mark)


class _Extractor:
    """Reads boxes and styles off a text page, remembering what text objects and fonts look like."""

    def __init__(self, page_text: PageText, marked: frozenset[int] = frozenset()) -> None:
        self._marked = marked
        self.cut_at_mark = False
        self._page_text = page_text
        self._raw = page_text.raw
        self._styles: dict[int | None, Style] = {}
        self._fonts: dict[int | None, FontLook] = {}
        self._origin = ctypes.c_double(), ctypes.c_double()
        self._edges = tuple(ctypes.c_double() for _ in range(4))

    def pieces(self) -> Iterator[Piece]:
        for number, (text, first, count) in enumerate(self._page_text.spans()):
            if number >= MAX_WORDS:
                raise PageUnreadable(f"The page has more than {MAX_WORDS} words.", words=self._page_text.count)
            rects = self._rects(first, count)
            if len(rects) == 1:
                yield text, rects[0], self._style(first), self._baseline(first)
            elif count == len(text) and (cuts := self._cuts(first, count)):
                for start, end in pairwise((0, *cuts, count)):
                    part, at = text[start:end], first + start
                    yield from self._near(part, at, end - start, self._rects(at, end - start))
            else:
                yield from self._near(text, first, count, rects)

    def _near(self, text: str, first: int, count: int, rects: list[Rect]) -> Iterator[Piece]:
        """A run of one look, cut where its parts lie apart."""
        if len(rects) > 1 and not all(a.near(b) for a, b in pairwise(rects)):
            yield from self._split(text, first, count)
        else:
            yield text, self._union(rects, first, count), self._style(first), self._baseline(first)

    def _cuts(self, first: int, count: int) -> list[int]:
        """Where a run of several text objects goes on in another size, on another baseline or in a font for formulas."""
        cuts: list[int] = []
        before = self._style(first)
        height = self._baseline(first)
        for offset in range(1, count):
            style = self._style(first + offset)
            if style is before:
                continue
            now = self._baseline(first + offset)
            if before.differs(style) or abs(now - height) > SHIFTED * style.size_points:
                cuts.append(offset)
            elif before.marked != style.marked:
                cuts.append(offset)
                self.cut_at_mark = True
            before, height = style, now
        return cuts

    def _baseline(self, index: int) -> float:
        x, y = self._origin
        return y.value if pdfium.FPDFText_GetCharOrigin(self._raw, index, x, y) else 0.0

    def _rects(self, first: int, count: int) -> list[Rect]:
        """One rectangle per text object the characters come from; none where the glyphs have no extent."""
        found = pdfium.FPDFText_CountRects(self._raw, first, count)
        return [rect for i in range(found) if (rect := self._rect(i)) is not None]

    def _rect(self, number: int) -> Rect | None:
        left, top, right, bottom = self._edges
        if not pdfium.FPDFText_GetRect(self._raw, number, left, top, right, bottom):
            return None
        return ordered(left.value, bottom.value, right.value, top.value)

    def _union(self, rects: list[Rect], first: int, count: int) -> Rect:
        if not rects:
            return self._loose(first).joined(self._loose(first + count - 1))
        whole = rects[0]
        for rect in rects[1:]:
            whole = whole.joined(rect)
        return whole

    def _loose(self, index: int) -> Rect:
        """The box of a character by its font's measures; its origin where it has none."""
        box = pdfium.FS_RECTF()
        if pdfium.FPDFText_GetLooseCharBox(self._raw, index, box):
            return ordered(box.left, box.bottom, box.right, box.top)
        x, y = self._edges[:2]
        pdfium.FPDFText_GetCharOrigin(self._raw, index, x, y)
        return Rect(x.value, y.value, x.value, y.value)

    def _split(self, text: str, first: int, count: int) -> Iterator[Piece]:
        """A run whose parts lie apart, cut where one character is not near the one before."""
        if count != len(text):
            yield text, self._union(self._rects(first, count), first, count), self._style(first), self._baseline(first)
            return
        start, so_far = 0, self._char(first)
        for offset in range(1, count):
            char = self._char(first + offset)
            if not (so_far.near(char) or text[offset] in "\u0300\u0301\u0302\u0303\u0308"):
                yield text[start:offset], so_far, self._style(first + start), self._baseline(first + start)
                start, so_far = offset, char
            else:
                so_far = so_far.joined(char)
        yield text[start:], so_far, self._style(first + start), self._baseline(first + start)

    def _char(self, index: int) -> Rect:
        left, right, bottom, top = self._edges
        if pdfium.FPDFText_GetCharBox(self._raw, index, left, right, bottom, top):
            return ordered(left.value, bottom.value, right.value, top.value)
        return self._loose(index)

    def _style(self, index: int) -> Style:
        text_object = pdfium.FPDFText_GetTextObject(self._raw, index)
        key = ctypes.c_void_p.from_buffer(text_object).value
        style = self._styles.get(key)
        if style is None:
            style = self._new_style(index, text_object)
            if key in self._marked:
                style = style._replace(marked=key or 0)
            self._styles[key] = style
        return style

    def _new_style(self, index: int, text_object: Any) -> Style:
        size = pdfium.FPDFText_GetFontSize(self._raw, index)
        matrix = pdfium.FS_MATRIX()
        if pdfium.FPDFText_GetMatrix(self._raw, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
        face, font = self._font(pdfium.FPDFTextObj_GetFont(text_object)) if text_object else (0, FontLook())
        return Style(round(size, 2) if math.isfinite(size) else 0.0, font, face)

    def _font(self, font: Any) -> tuple[int, FontLook]:
        key = ctypes.cast(font, ctypes.c_void_p).value
        if key not in self._fonts:
            self._fonts[key] = font_look(font) if key else FontLook()
        return key or 0, self._fonts[key]


def _word(piece: Piece, place: UprightMap) -> Word | None:
    text, rect, style, height = piece
    left, top, right, bottom = place.box(rect)
    font = style.font
    text = _clean(text.translate(font.glyphs) if font.glyphs else text)
    if not text or not (style.marked or (left < 1 and top < 1 and right > 0 and bottom > 0)):
        return None
    # On a page that is written sideways there is no baseline to speak of.
    baseline = round(place.e * height + place.f, 5) if place.e else 0.0
    box = (_share(left), _share(top), _share(right), _share(bottom))
    return Word(text, *box, style.size_points, font.bold, font.italic, None, font.math, baseline, font.mono)


def _clean(text: str) -> str:
    """Line-end hyphens as hyphens, no characters without a look, surrogate pairs and doubled quotes as one character."""
    if text.isascii() and "\x02" not in text:
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CLEAN).replace("‘‘", "“").replace("’’", "”")


def _share(value: float) -> float:
    if 0.0 <= value <= 1.0:
        return round(value, 5)
    return 1.0 if value > 1.0 else 0.0
