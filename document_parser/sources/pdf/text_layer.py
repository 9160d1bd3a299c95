"""Extract the words of a PDF page's own text layer with PDFium. Runs in the opener child.

One Word per run of characters without white space, in the order of the content stream. A Word never spans two lines or a gap
wider than its own height, so that layout can build lines and columns from Words alone. Ligatures stay as PDFium returns them.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.errors import PageUnreadable
from document_parser.models import Word
from document_parser.models.skew import direction_of
from document_parser.sources.pdf import calls
from document_parser.sources.pdf.coordinates import Rect, UprightMap, rect_from_edges, union_of, upright_map_of
from document_parser.sources.pdf.fonts import FontStyle, font_style_of
from document_parser.sources.pdf.glyph_lines import Glyph
from document_parser.sources.pdf.glyphs import Run, split_by_glyphs
from document_parser.sources.pdf.objects import address_of
from document_parser.sources.pdf.runs import join_runs

MAX_WORDS = 200_000
"""A page with more words is refused: no page of a real document has them, and their list would not stay small."""

MIN_BASELINE_SHIFT_EM = 0.05
"""Baselines that differ by this many font sizes are two: an index, a power, a footnote's number."""

MIN_WHITE_EM = 0.1
"""Font sizes between two text objects, from the end of a character to the origin of the next, that are white.

A thin space is wider, kerning is less.
"""
MIN_LETTERS_APART = 4
"""Letters for each such gap of a run, at least."""

_IS_SPACE = np.array([not code or chr(code).isspace() for code in range(1 << 16)])
"""For each UTF-16 unit whether it separates words: white space, and PDFium's zero for what it cannot say."""
_DOUBLE_BYTES = 8
_ROW_VALUES = 6
"""Values of a word that PDFium writes: left, top, right and bottom of its rectangle, x and y of its origin."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SYMBOLS = {
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf0fb": "✗", "\uf0fe": "☑", "\uf0fd": "☒",
    "\uf0a8": "☐", "\uf06f": "☐", "\uf071": "☐", "\uf0e0": "→", "\uf076": "❖", "\uf06e": "■", "\uf06c": "●",
    "❏": "☐", "❐": "☐", "❑": "☐", "❒": "☐",
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


Piece = tuple[str, TextStyle, Rect, float]
"""Text, style, rectangle, and height of the baseline, in points of the page's own space."""


class PageText:
    """The characters of a loaded text page, addressable by PDFium's character index."""

    def __init__(self, textpage: Any) -> None:
        self.address = address_of(textpage.raw)
        self._raw = textpage.raw
        self.count: int = max(0, pdfium.FPDFText_CountChars(self._raw))
        self.codes = self._read()
        self.text = str(self.codes.astype("<u4").tobytes(), "utf-32-le", "surrogatepass")
        """One Python character per UTF-16 unit, as PDFium counts them."""
        # PDFium leaves characters without a meaning out of the text; then the two indexes differ.
        self.is_exact = len(self.codes) == self.count

    def _read(self) -> NDArray[np.uint16]:
        """Return the UTF-16 units of the text."""
        units = np.zeros(self.count + 1, dtype="<u2")
        buffer = units.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
        written = pdfium.FPDFText_GetText(self._raw, 0, self.count, buffer) if self.count else 0
        return units[: max(0, written - 1)]

    def find_visible(self) -> NDArray[np.bool_]:
        """Return for each unit whether it is no white space."""
        return ~_IS_SPACE[self.codes]

    def index_of(self, position: int) -> int:
        """Return PDFium's index of the character at this position of ``text``."""
        return position if self.is_exact else max(0, pdfium.FPDFText_GetCharIndexFromTextIndex(self._raw, position))

    def character_at(self, index: int) -> str:
        """Return the character with this index of PDFium's."""
        return self.text[index] if self.is_exact else chr(pdfium.FPDFText_GetUnicode(self._raw, index))

    def runs(self) -> list[Run]:
        """Return the runs without white space, in PDFium's order."""
        borders = np.flatnonzero(np.diff(self.find_visible(), prepend=False, append=False))
        starts, ends = borders[::2].tolist(), borders[1::2].tolist()
        text = self.text
        if self.is_exact:
            return [(text[start:end], start, end - start) for start, end in zip(starts, ends, strict=True)]
        firsts, lasts = map(self.index_of, starts), (self.index_of(end - 1) for end in ends)
        places = zip(starts, ends, firsts, lasts, strict=True)
        return [(text[start:end], first, max(1, last - first + 1)) for start, end, first, last in places]


def extract_words(page: Any, page_text: PageText) -> list[Word]:
    """Return the words of a PDFium page, boxes in fractions of the upright page (``/Rotate`` and crop box applied).

    Words that lie wholly outside the page are left out. Raises PageUnreadable above MAX_WORDS, or if the page has no area.
    """
    return [word for word, _ in extract_marked_words(page, page_text, frozenset()).words]


class MarkedWords(NamedTuple):
    """The words of a page with their styles.

    ``was_split`` says whether any word was split only because a marked object begins or ends there.
    """

    words: list[tuple[Word, TextStyle]]
    was_split: bool


def extract_marked_words(page: Any, page_text: PageText, marked: frozenset[int]) -> MarkedWords:
    """Return the words as ``extract_words`` does, each with its style, which names its text object if that is in ``marked``.

    Marked words outside the page are included, with their boxes on its edge. Raises the errors of ``extract_words``.
    """
    place = upright_map_of(page)
    extractor = _Extractor(page, page_text, marked)
    return MarkedWords(_build_words(extractor.read(), place), extractor.split_at_mark)


class _Pieces:
    """Text of a page in pieces of one style on one line.

    ``values`` has a row of _ROW_VALUES for each piece, in points of the page's own space; PDFium writes into it.
    """

    def __init__(self, expected: int) -> None:
        self.texts: list[str] = []
        self.styles: list[TextStyle] = []
        self.values = np.zeros((expected, _ROW_VALUES))

    def add(self, text: str, style: TextStyle, rect: Rect, height: float) -> None:
        """Add a piece with its rectangle and the height of its baseline."""
        if len(self.texts) == len(self.values):
            self.values = np.concatenate((self.values, np.zeros_like(self.values)))
        self.values[len(self.texts)] = rect.left, rect.top, rect.right, rect.bottom, 0.0, height
        self.texts.append(text)
        self.styles.append(style)

    def boxes(self, place: UprightMap) -> NDArray[np.float64]:
        """Return the boxes on the upright page: left, top, right, bottom in fractions, not limited to it, as (n, 4)."""
        left, top, right, bottom = self.values[: len(self.texts), :4].T
        left, right = np.minimum(left, right), np.maximum(left, right)
        bottom, top = np.minimum(bottom, top), np.maximum(bottom, top)
        return place.map_edges(np.stack((left, bottom, right, top), axis=1))

    def baselines(self, place: UprightMap) -> NDArray[np.float64]:
        """Return the heights of the baselines in fractions; 0 on a page that is written sideways, where they have none."""
        heights = self.values[: len(self.texts), 5]
        return np.round(place.e * heights + place.f, 5) if place.e else np.zeros_like(heights)


_Setting = tuple[float, int | None, tuple[float, ...]]
"""What decides the style of a text object: font size, the font's address, and a, b, c and d of the matrix, if it has one."""


class _Extractor:
    """Reads boxes and styles from a text page, and remembers the styles of text objects and fonts."""

    def __init__(self, page: Any, page_text: PageText, marked: frozenset[int]) -> None:
        self._page = page
        self._marked = marked
        self._rotation = 90 * max(0, pdfium.FPDFPage_GetRotation(page.raw))
        self.split_at_mark = False
        self._page_text = page_text
        self._raw = page_text.address
        self._styles: dict[int | None, TextStyle] = {}
        self._alike: dict[_Setting, TextStyle] = {}
        self._fonts: dict[int | None, FontStyle] = {}
        self._matrix = np.zeros(6, dtype=np.float32)
        self._matrix_address = int(self._matrix.ctypes.data)
        self._cells = np.zeros(4)
        self._cell_addresses = [int(self._cells.ctypes.data) + _DOUBLE_BYTES * number for number in range(4)]

    def read(self) -> _Pieces:
        """Return the text of the page in pieces. Raises PageUnreadable above MAX_WORDS.

        A run in one rectangle is one piece, and PDFium writes its places into the array of all. Most runs are.
        """
        runs = self._page_text.runs()
        if len(runs) > MAX_WORDS:
            raise PageUnreadable(f"The page has more than {MAX_WORDS} words.", words=self._page_text.count)
        runs, words = split_by_glyphs(self._page, self, runs)
        runs = join_runs(self, runs)
        pieces, raw, known = _Pieces(len(runs) + 1), self._raw, self._styles
        add_text, add_style, style_of = pieces.texts.append, pieces.styles.append, known.get
        count_rects, get_rect, get_object, get_origin = (
            calls.count_rects, calls.get_rect, calls.get_text_object, calls.get_char_origin
        )  # fmt: skip
        row, end = self._rows_of(pieces)
        for text, first, count in runs:
            rects = count_rects(raw, first, count)
            if rects == 1 and row < end and get_rect(raw, 0, row, row + 8, row + 16, row + 24):
                add_text(text)
                add_style(style_of(get_object(raw, first)) or self._style_of(first))
                get_origin(raw, first, row + 32, row + 40)
                row += _DOUBLE_BYTES * _ROW_VALUES
            else:
                for piece in self._split_run(text, first, count, self._read_rects(rects)):
                    pieces.add(*piece)
                row, end = self._rows_of(pieces)
        for piece in chain.from_iterable(map(self._pieces_of, words)):
            pieces.add(*piece)
        return pieces

    @property
    def address(self) -> int:
        """Return the address of PDFium's text page."""
        return self._raw

    @property
    def count(self) -> int:
        """Return the number of characters."""
        return self._page_text.count

    @property
    def codes(self) -> NDArray[np.uint16]:
        """Return the UTF-16 units of the text."""
        return self._page_text.codes

    def index_of(self, position: int) -> int:
        """Return PDFium's index of the unit at a position of ``codes``."""
        return self._page_text.index_of(position)

    def character_at(self, index: int) -> str:
        """Return the character with this index of PDFium's."""
        return self._page_text.character_at(index)

    def size_of(self, index: int) -> float:
        """Return the font size of a character in points."""
        return self._style_of(index).size_points

    def are_alike(self, index: int, other: int) -> bool:
        """Return whether two characters are of one size and in no font for formulas or symbols."""
        style, after = self._style_of(index), self._style_of(other)
        return not (style.font.math or style.font.glyphs or style.differs(after) or style.marked != after.marked)

    def is_upright(self, index: int) -> bool:
        """Return whether a character stands upright in a line that runs to the right."""
        return self._style_of(index).direction == 0

    def _pieces_of(self, word: Sequence[Glyph]) -> Iterator[Piece]:
        """Yield a word in pieces of one style."""
        start, style = 0, self._style_of(word[0].index)
        for place, glyph in enumerate(word):
            now = self._style_of(glyph.index)
            if style.differs(now) or style.marked != now.marked:
                self.split_at_mark |= not style.differs(now)
                yield _piece_of(word[start:place], style)
                start = place
            style = now
        yield _piece_of(word[start:], style)

    @staticmethod
    def _rows_of(pieces: _Pieces) -> tuple[int, int]:
        """Return the addresses of the first free row of the values, and of the end of the last one."""
        start, size = int(pieces.values.ctypes.data), _DOUBLE_BYTES * _ROW_VALUES
        return start + size * len(pieces.texts), start + size * len(pieces.values)

    def _split_run(self, text: str, first: int, count: int, rects: list[Rect]) -> Iterator[Piece]:
        """Yield a run in pieces of one style that do not lie apart."""
        if len(rects) == 1:
            yield text, self._style_of(first), rects[0], self._baseline_of(first)
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
            yield text, self._style_of(first), self._union(rects, first, count), self._baseline_of(first)

    def _find_cuts(self, first: int, count: int) -> list[int]:
        """Return the offsets at which a run continues in another size, on another baseline, in a font for formulas, or apart.

        Text objects that lie apart are two words, as in neighbouring cells, unless many do: then each letter is an object.
        """
        cuts: list[int] = []
        apart: list[int] = []
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
            elif self._is_apart(first + offset):
                apart.append(offset)
            before, height = style, now
        return sorted([*cuts, *apart]) if len(apart) * MIN_LETTERS_APART <= count else cuts

    def _is_apart(self, index: int) -> bool:
        """Return whether there is white between an upright letter or digit and the one before it."""
        if not (self.character_at(index).isalnum() and self.character_at(index - 1).isalnum() and self.is_upright(index)):
            return False
        gap = self.origin_of(index)[0] - self.loose_rect_of(index - 1).right
        return self.are_alike(index - 1, index) and MIN_WHITE_EM * self.size_of(index) <= gap

    def _baseline_of(self, index: int) -> float:
        """Return the height of a character's baseline in the page's own space."""
        return self.origin_of(index)[1]

    def origin_of(self, index: int) -> tuple[float, float]:
        """Return the origin of a character in the page's own space; (0, 0) if it has none."""
        if not calls.get_char_origin(self._raw, index, *self._cell_addresses[:2]):
            return 0.0, 0.0
        x, y = self._cells[:2].tolist()
        return x, y

    def _rects_of(self, first: int, count: int) -> list[Rect]:
        """Return one rectangle per text object of the characters; none if the glyphs have no extent."""
        return self._read_rects(calls.count_rects(self._raw, first, count))

    def _read_rects(self, count: int) -> list[Rect]:
        """Return the rectangles that PDFium counted last, as far as they can be read."""
        found = []
        for number in range(count):
            if calls.get_rect(self._raw, number, *self._cell_addresses):
                left, top, right, bottom = self._cells.tolist()
                found.append(rect_from_edges(left, bottom, right, top))
        return found

    def _union(self, rects: list[Rect], first: int, count: int) -> Rect:
        """Return the rectangle around a run."""
        if not rects:
            return self.loose_rect_of(first).union(self.loose_rect_of(first + count - 1))
        whole = rects[0]
        for rect in rects[1:]:
            whole = whole.union(rect)
        return whole

    def loose_rect_of(self, index: int) -> Rect:
        """Return the box of a character by its font's measures; its origin if it has no box."""
        box = pdfium.FS_RECTF()
        if calls.get_loose_char_box(self._raw, index, ctypes.addressof(box)):
            return rect_from_edges(box.left, box.bottom, box.right, box.top)
        x, y = self.origin_of(index)
        return Rect(x, y, x, y)

    def _split(self, text: str, first: int, count: int) -> Iterator[Piece]:
        """Yield a run whose parts lie apart, split before each character that is not near the one before."""
        if count != len(text):
            whole = self._union(self._rects_of(first, count), first, count)
            yield text, self._style_of(first), whole, self._baseline_of(first)
            return
        start, so_far = 0, self.rect_of(first)
        for offset in range(1, count):
            char = self.rect_of(first + offset)
            if not (so_far.is_near(char) or text[offset] in "\u0300\u0301\u0302\u0303\u0308"):
                yield text[start:offset], self._style_of(first + start), so_far, self._baseline_of(first + start)
                start, so_far = offset, char
            else:
                so_far = so_far.union(char)
        yield text[start:], self._style_of(first + start), so_far, self._baseline_of(first + start)

    def rect_of(self, index: int) -> Rect:
        """Return the box of a character."""
        if calls.get_char_box(self._raw, index, *self._cell_addresses):
            left, right, bottom, top = self._cells.tolist()
            return rect_from_edges(left, bottom, right, top)
        return self.loose_rect_of(index)

    def _style_of(self, index: int) -> TextStyle:
        """Return the style of a character's text object, determined once."""
        text_object = calls.get_text_object(self._raw, index)
        style = self._styles.get(text_object)
        if style is None:
            style = self._read_style(index, text_object)
            if text_object in self._marked:
                style = style._replace(marked=text_object or 0)
            self._styles[text_object] = style
        return style

    def _read_style(self, index: int, text_object: int | None) -> TextStyle:
        """Return a style for a text object alone, determined once for those of one size, matrix and font."""
        size, font = calls.get_font_size(self._raw, index), calls.get_font(text_object) if text_object else None
        has_matrix = calls.get_char_matrix(self._raw, index, self._matrix_address)
        setting: _Setting = size, font, tuple(self._matrix[:4].tolist()) if has_matrix else ()
        style = self._alike.get(setting)
        if style is None:
            style = self._alike[setting] = self._style_for(*setting)
        return _NEW(TextStyle, style)

    def _style_for(self, size: float, font: int | None, matrix: tuple[float, ...]) -> TextStyle:
        """Return the style of characters of a font size before their matrix, a, b, c and d, is applied; empty if unknown."""
        direction = 0
        if matrix:
            a, b, c, d = matrix
            # A negative font size turns the letters upside down, which generators use in mirrored spaces.
            ahead = -1.0 if size < 0 else 1.0
            if b or ahead * a <= 0:
                direction = direction_of(ahead * a, -ahead * b)
            direction = (direction + self._rotation) % 360
            size *= math.hypot(c, d)
        face, style = self._font_style_of(font)
        return TextStyle(round(size, 2) if math.isfinite(size) else 0.0, style, direction, face)

    def _font_style_of(self, font: int | None) -> tuple[int, FontStyle]:
        """Return a font's address and style, determined once."""
        if font not in self._fonts:
            self._fonts[font] = font_style_of(ctypes.cast(font, pdfium.FPDF_FONT)) if font else FontStyle()
        return font or 0, self._fonts[font]


def _piece_of(glyphs: Sequence[Glyph], style: TextStyle) -> Piece:
    """Return glyphs of one style as one piece."""
    return "".join(glyph.text for glyph in glyphs), style, union_of(glyph.box for glyph in glyphs), glyphs[0].baseline


def _build_words(pieces: _Pieces, place: UprightMap) -> list[tuple[Word, TextStyle]]:
    """Return pieces as Words with their styles, without those that show nothing or lie outside the page."""
    if not pieces.texts:
        return []
    boxes = pieces.boxes(place)
    left, top, right, bottom = boxes.T
    inside = (left < 1) & (top < 1) & (right > 0) & (bottom > 0)
    # Comparing with 0 first makes a value that is no number 0.
    limited = np.where(boxes > 1, 1.0, np.where(boxes >= 0, np.round(boxes, 5), 0.0))
    texts, baselines = _texts_of(pieces), pieces.baselines(place).tolist()
    sizes, bold, italic, formula, mono, directions = zip(*map(_look_of, pieces.styles), strict=True)
    before = texts, *limited.T.tolist(), sizes, bold, italic, repeat(None), formula
    rows = zip(*before, baselines, mono, directions, *map(repeat, _UNSET), strict=False)
    words: list[Word] = list(map(_NEW, repeat(Word), rows))
    found = zip(words, pieces.styles, strict=True)
    if inside.all() and all(texts):
        return list(found)
    return [
        (word, style)
        for (word, style), kept in zip(found, inside.tolist(), strict=True)
        if word.text and (kept or style.marked)
    ]


_NEW = tuple.__new__
"""Makes a Word or a TextStyle of its fields at half the cost."""
_UNSET = tuple(Word._field_defaults[name] for name in Word._fields[Word._fields.index("direction") + 1 :])
"""The fields of a Word after its direction, which others fill in."""


def _look_of(style: TextStyle) -> tuple[float, bool, bool, bool, bool, int]:
    """Return what a style says of its words: size, bold, italic, math, mono and direction, as the fields of Word."""
    font = style.font
    return style.size_points, font.bold, font.italic, font.math, font.mono, style.direction


def _texts_of(pieces: _Pieces) -> list[str]:
    """Return the texts of pieces as they are shown: cleaned, and with what the glyphs of fonts for formulas stand for."""
    if any(style.font.glyphs for style in pieces.styles):
        return [
            _clean(text.translate(style.font.glyphs) if style.font.glyphs else text)
            for text, style in zip(pieces.texts, pieces.styles, strict=True)
        ]
    if _is_shown_as_it_is("".join(pieces.texts)):
        return pieces.texts
    return [text if text.isascii() and "\x02" not in text else _clean(text) for text in pieces.texts]


def _is_shown_as_it_is(text: str) -> bool:
    """Return whether nothing in a text needs to be cleaned."""
    return text.isascii() and "\x02" not in text


def _clean(text: str) -> str:
    """Return text as it is shown.

    Hyphens at line ends become plain hyphens, characters without a look are removed, surrogate pairs and doubled quotes become
    one character.
    """
    if _is_shown_as_it_is(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CLEAN).replace("‘‘", "“").replace("’’", "”")
