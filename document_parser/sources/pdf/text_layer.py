"""Extract the words of a PDF page's own text layer with PDFium. Runs in the opener child.

One Word per run of characters without white space, in the order of the content stream. A Word never spans two lines or a gap
wider than its own height, so that layout can build lines and columns from Words alone. Ligatures stay as PDFium returns them.
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
from document_parser.models.skew import direction_of
from document_parser.sources.pdf.coordinates import Rect, UprightMap, rect_from_edges, upright_map_of
from document_parser.sources.pdf.fonts import FontStyle, font_style_of

MAX_WORDS = 200_000
"""A page with more words is refused: no page of a real document has them, and their list would not stay small."""

MIN_BASELINE_SHIFT_EM = 0.05
"""Baselines that differ by this many font sizes are two: an index, a power, a footnote's number."""

_WORD = re.compile(r"[^\s\x00]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SYMBOLS = {
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf0fb": "✗", "\uf0fe": "☑", "\uf0fd": "☒",
    "\uf0a8": "☐", "\uf06f": "☐", "\uf071": "☐", "\uf0e0": "→", "\uf076": "❖", "\uf06e": "■", "\uf06c": "●",
}  # fmt: skip
"""Bullets and boxes of Word from the fonts Symbol and Wingdings, whose glyphs have private codes."""
# PDFium marks a hyphen that ends a line as U+0002 or U+FFFE; a soft hyphen in the middle of a word is not shown.
_CLEAN = str.maketrans({"\x02": "-", "\ufffe": "-", "\u00ad": "", "\ufeff": "", "\u200b": "", **_SYMBOLS})


class TextStyle(NamedTuple):
    """The style of the characters of one text object.

    ``direction`` is where its line runs to on the upright page, in degrees as ``direction_of`` counts them. ``face``
    distinguishes their font from the others of the page; ``marked`` is the object's address, if the caller asked for it.
    """

    size_points: float
    font: FontStyle
    direction: int = 0
    face: int = 0
    marked: int = 0

    def differs(self, other: TextStyle) -> bool:
        """Return whether the two distinguish parts of a formula, which may touch each other."""
        fonts = self.font.math != other.font.math or self.font.glyphs is not other.font.glyphs
        return fonts or abs(self.size_points - other.size_points) > 0.1 * self.size_points


Piece = tuple[str, Rect, TextStyle, float]
"""Text, rectangle, style, and height of the baseline, in points of the page's own space."""


class PageText:
    """The characters of a loaded text page, addressable by PDFium's character index."""

    def __init__(self, textpage: Any) -> None:
        self.raw = textpage.raw
        self.count: int = max(0, pdfium.FPDFText_CountChars(self.raw))
        self.text = self._read()
        # PDFium leaves characters without a meaning out of the text; then the two indexes differ.
        self._exact = len(self.text) == self.count

    def _read(self) -> str:
        """Return the text with one Python character per UTF-16 unit, as PDFium counts them."""
        units = (ctypes.c_ushort * (self.count + 1))()
        written = pdfium.FPDFText_GetText(self.raw, 0, self.count, units) if self.count else 0
        codes = np.frombuffer(bytes(units), dtype="<u2")[: max(0, written - 1)]
        return str(codes.astype("<u4").tobytes(), "utf-32-le", "surrogatepass")

    def index_of(self, position: int) -> int:
        """Return PDFium's index of the character at this position of ``text``."""
        return position if self._exact else max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self.raw, position))

    def runs(self) -> Iterator[tuple[str, int, int]]:
        """Yield runs without white space: text, PDFium's index of the first character, number of characters."""
        for match in _WORD.finditer(self.text):
            first = self.index_of(match.start())
            last = first + match.end() - match.start() - 1 if self._exact else self.index_of(match.end() - 1)
            yield match[0], first, max(1, last - first + 1)


def extract_words(page: Any, textpage: Any | None = None) -> list[Word]:
    """Return the words of a PDFium page, boxes in fractions of the upright page (``/Rotate`` and crop box applied).

    Words that lie wholly outside the page are left out. Raises PageUnreadable above MAX_WORDS, or if the page has no area.
    """
    if textpage is None:
        with_own = page.get_textpage()
        try:
            return extract_words(page, with_own)
        finally:
            with_own.close()
    return [word for word, _ in extract_marked_words(page, textpage, frozenset()).words]


class MarkedWords(NamedTuple):
    """The words of a page with their styles.

    ``was_split`` says whether any word was split only because a marked object begins or ends there.
    """

    words: list[tuple[Word, TextStyle]]
    was_split: bool


def extract_marked_words(page: Any, textpage: Any, marked: frozenset[int]) -> MarkedWords:
    """Return the words as ``extract_words`` does, each with its style, which names its text object if that is in ``marked``.

    Marked words outside the page are included, with their boxes on its edge. Raises the errors of ``extract_words``.
    """
    place = upright_map_of(page)
    extractor = _Extractor(PageText(textpage), marked, 90 * max(0, pdfium.FPDFPage_GetRotation(page.raw)))
    words = ((_word_of(piece, place), piece[2]) for piece in extractor.pieces())
    return MarkedWords([(word, style) for word, style in words if word is not None], extractor.split_at_mark)


class _Extractor:
    """Reads boxes and styles from a text page, and remembers the styles of text objects and fonts."""

    def __init__(self, page_text: PageText, marked: frozenset[int], rotation: int) -> None:
        self._marked = marked
        self._rotation = rotation
        self.split_at_mark = False
        self._page_text = page_text
        self._raw = page_text.raw
        self._styles: dict[int | None, TextStyle] = {}
        self._fonts: dict[int | None, FontStyle] = {}
        self._origin = ctypes.c_double(), ctypes.c_double()
        self._edges = tuple(ctypes.c_double() for _ in range(4))

    def pieces(self) -> Iterator[Piece]:
        """Yield the text of the page in pieces of one style on one line. Raises PageUnreadable above MAX_WORDS."""
        for number, (text, first, count) in enumerate(self._page_text.runs()):
            if number >= MAX_WORDS:
                raise PageUnreadable(f"The page has more than {MAX_WORDS} words.", words=self._page_text.count)
            rects = self._rects_of(first, count)
            if len(rects) == 1:
                yield text, rects[0], self._style_of(first), self._baseline_of(first)
            elif count == len(text) and (cuts := self._find_cuts(first, count)):
                for start, end in pairwise((0, *cuts, count)):
                    part, at = text[start:end], first + start
                    yield from self._split_if_apart(part, at, end - start, self._rects_of(at, end - start))
            else:
                yield from self._split_if_apart(text, first, count, rects)

    def _split_if_apart(self, text: str, first: int, count: int, rects: list[Rect]) -> Iterator[Piece]:
        """Yield a run of one style, split if its parts lie apart."""
        if len(rects) > 1 and not all(a.is_near(b) for a, b in pairwise(rects)):
            yield from self._split(text, first, count)
        else:
            yield text, self._union(rects, first, count), self._style_of(first), self._baseline_of(first)

    def _find_cuts(self, first: int, count: int) -> list[int]:
        """Return the offsets at which a run continues in another size, on another baseline or in a font for formulas."""
        cuts: list[int] = []
        before = self._style_of(first)
        height = self._baseline_of(first)
        for offset in range(1, count):
            style = self._style_of(first + offset)
            if style is before:
                continue
            now = self._baseline_of(first + offset)
            if before.differs(style) or abs(now - height) > MIN_BASELINE_SHIFT_EM * style.size_points:
                cuts.append(offset)
            elif before.marked != style.marked:
                cuts.append(offset)
                self.split_at_mark = True
            before, height = style, now
        return cuts

    def _baseline_of(self, index: int) -> float:
        """Return the height of a character's baseline in the page's own space."""
        x, y = self._origin
        return y.value if pdfium.FPDFText_GetCharOrigin(self._raw, index, x, y) else 0.0

    def _rects_of(self, first: int, count: int) -> list[Rect]:
        """Return one rectangle per text object of the characters; none if the glyphs have no extent."""
        found = pdfium.FPDFText_CountRects(self._raw, first, count)
        return [rect for i in range(found) if (rect := self._read_rect(i)) is not None]

    def _read_rect(self, number: int) -> Rect | None:
        """Return a rectangle that PDFium counted last; None if it cannot be read."""
        left, top, right, bottom = self._edges
        if not pdfium.FPDFText_GetRect(self._raw, number, left, top, right, bottom):
            return None
        return rect_from_edges(left.value, bottom.value, right.value, top.value)

    def _union(self, rects: list[Rect], first: int, count: int) -> Rect:
        """Return the rectangle around a run."""
        if not rects:
            return self._loose_rect_of(first).union(self._loose_rect_of(first + count - 1))
        whole = rects[0]
        for rect in rects[1:]:
            whole = whole.union(rect)
        return whole

    def _loose_rect_of(self, index: int) -> Rect:
        """Return the box of a character by its font's measures; its origin if it has no box."""
        box = pdfium.FS_RECTF()
        if pdfium.FPDFText_GetLooseCharBox(self._raw, index, box):
            return rect_from_edges(box.left, box.bottom, box.right, box.top)
        x, y = self._edges[:2]
        pdfium.FPDFText_GetCharOrigin(self._raw, index, x, y)
        return Rect(x.value, y.value, x.value, y.value)

    def _split(self, text: str, first: int, count: int) -> Iterator[Piece]:
        """Yield a run whose parts lie apart, split before each character that is not near the one before."""
        if count != len(text):
            yield text, self._union(self._rects_of(first, count), first, count), self._style_of(first), self._baseline_of(first)
            return
        start, so_far = 0, self._rect_of(first)
        for offset in range(1, count):
            char = self._rect_of(first + offset)
            if not (so_far.is_near(char) or text[offset] in "\u0300\u0301\u0302\u0303\u0308"):
                yield text[start:offset], so_far, self._style_of(first + start), self._baseline_of(first + start)
                start, so_far = offset, char
            else:
                so_far = so_far.union(char)
        yield text[start:], so_far, self._style_of(first + start), self._baseline_of(first + start)

    def _rect_of(self, index: int) -> Rect:
        """Return the box of a character."""
        left, right, bottom, top = self._edges
        if pdfium.FPDFText_GetCharBox(self._raw, index, left, right, bottom, top):
            return rect_from_edges(left.value, bottom.value, right.value, top.value)
        return self._loose_rect_of(index)

    def _style_of(self, index: int) -> TextStyle:
        """Return the style of a character's text object, determined once."""
        text_object = pdfium.FPDFText_GetTextObject(self._raw, index)
        key = ctypes.c_void_p.from_buffer(text_object).value
        style = self._styles.get(key)
        if style is None:
            style = self._read_style(index, text_object)
            if key in self._marked:
                style = style._replace(marked=key or 0)
            self._styles[key] = style
        return style

    def _read_style(self, index: int, text_object: Any) -> TextStyle:
        """Read size, direction and font of a text object."""
        size, direction = pdfium.FPDFText_GetFontSize(self._raw, index), 0
        matrix = pdfium.FS_MATRIX()
        if pdfium.FPDFText_GetMatrix(self._raw, index, matrix):
            # A negative font size turns the letters upside down, which generators use in mirrored spaces.
            ahead = math.copysign(1.0, size)
            direction = (direction_of(ahead * matrix.a, -ahead * matrix.b) + self._rotation) % 360
            size *= math.hypot(matrix.c, matrix.d)
        face, font = self._font_style_of(pdfium.FPDFTextObj_GetFont(text_object)) if text_object else (0, FontStyle())
        return TextStyle(round(size, 2) if math.isfinite(size) else 0.0, font, direction, face)

    def _font_style_of(self, font: Any) -> tuple[int, FontStyle]:
        """Return a font's address and style, determined once."""
        key = ctypes.cast(font, ctypes.c_void_p).value
        if key not in self._fonts:
            self._fonts[key] = font_style_of(font) if key else FontStyle()
        return key or 0, self._fonts[key]


def _word_of(piece: Piece, place: UprightMap) -> Word | None:
    """Return a piece as a Word; None if it shows nothing or lies outside the page."""
    text, rect, style, height = piece
    left, top, right, bottom = place.map_rect(rect)
    font = style.font
    text = _clean(text.translate(font.glyphs) if font.glyphs else text)
    if not text or not (style.marked or (left < 1 and top < 1 and right > 0 and bottom > 0)):
        return None
    # On a page that is written sideways a baseline has no height.
    baseline = round(place.e * height + place.f, 5) if place.e else 0.0
    box = (_clamp(left), _clamp(top), _clamp(right), _clamp(bottom))
    return Word(text, *box, style.size_points, font.bold, font.italic, None, font.math, baseline, font.mono, style.direction)


def _clean(text: str) -> str:
    """Return text as it is shown.

    Hyphens at line ends become plain hyphens, characters without a look are removed, surrogate pairs and doubled quotes become
    one character.
    """
    if text.isascii() and "\x02" not in text:
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CLEAN).replace("‘‘", "“").replace("’’", "”")


def _clamp(value: float) -> float:
    """Return a fraction rounded and limited to the page."""
    if 0.0 <= value <= 1.0:
        return round(value, 5)
    return 1.0 if value > 1.0 else 0.0
