"""Extract the words of a PDF page's own text layer with PDFium. Runs in the opener child.

One Word per run of characters without white space, in the order of the content stream. A Word never spans two lines or a gap
wider than its own height, so that layout can build lines and columns from Words alone. Ligatures stay as PDFium returns them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.errors import PageUnreadable
from document_parser.models import Word
from document_parser.sources.pdf import calls
from document_parser.sources.pdf.coordinates import Rect, rect_from_edges, union_of, upright_map_of
from document_parser.sources.pdf.glyph_lines import Glyph
from document_parser.sources.pdf.glyphs import Characters, split_by_glyphs
from document_parser.sources.pdf.page_text import PageText
from document_parser.sources.pdf.pieces import DOUBLE_BYTES, ROW_VALUES, Piece, Pieces, build_words
from document_parser.sources.pdf.runs import is_space_added_inside, join_runs
from document_parser.sources.pdf.text_styles import TextStyle, TextStyles
from document_parser.sources.pdf.turned import TurnedCharacters

MAX_WORDS = 200_000
"""A page with more words is refused: no page of a real document has them, and their list would not stay small."""

MIN_BASELINE_SHIFT_EM = 0.05
"""Baselines that differ by this many font sizes are two: an index, a power, a footnote's number."""

MIN_WHITE_EM = 0.1
"""Font sizes between two text objects, from the end of a character to the origin of the next, that are white.

A thin space is wider, kerning is less.
"""
MAX_TOUCHING_EM = 0.25
"""Font sizes between what two runs cover, at most, before it is asked whether they are one word; most spaces are wider."""
MIN_LETTERS_APART = 4
"""Letters for each such gap of a run, at least."""


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
    return MarkedWords(build_words(extractor.read(), place), extractor.split_at_mark)


class _Extractor:
    """Reads boxes and styles from a text page, and remembers the styles of text objects and fonts."""

    def __init__(self, page: Any, page_text: PageText, marked: frozenset[int]) -> None:
        self._page = page
        self.split_at_mark = False
        self.page_text = page_text
        self._raw = page_text.address
        self._styles = TextStyles(page, page_text, marked)
        self._cells = np.zeros(4)
        self._cell_addresses = [int(self._cells.ctypes.data) + DOUBLE_BYTES * number for number in range(4)]
        quarters = self._styles.quarters
        self._seen: Characters = TurnedCharacters(self, quarters) if quarters else self

    def read(self) -> Pieces:
        """Return the text of the page in pieces. Raises PageUnreadable above MAX_WORDS.

        A run in one rectangle is one piece, and PDFium writes its places into the array of all. Most runs are.
        """
        runs = self.page_text.runs()
        if len(runs) > MAX_WORDS:
            raise PageUnreadable(f"The page has more than {MAX_WORDS} words.", words=self.page_text.count)
        runs, words = split_by_glyphs(self._page, self, runs)
        runs = join_runs(self._seen, runs)
        pieces, raw, known = Pieces(len(runs) + 1), self._raw, self._styles.known
        add_text, add_style, add_run, style_of = pieces.texts.append, pieces.styles.append, pieces.runs.append, known.get
        count_rects, get_rect, get_object, get_origin = (
            calls.count_rects, calls.get_rect, calls.get_text_object, calls.get_char_origin
        )  # fmt: skip
        row, end = self._rows_of(pieces)
        for text, first, count in runs:
            rects = count_rects(raw, first, count)
            if rects == 1 and row < end and get_rect(raw, 0, row, row + 8, row + 16, row + 24):
                add_text(text)
                add_style(style_of(get_object(raw, first)) or self._styles.of(first))
                add_run((first, first + count - 1))
                get_origin(raw, first, row + 32, row + 40)
                row += DOUBLE_BYTES * ROW_VALUES
            else:
                for piece in self._split_run(text, first, count, self._read_rects(rects)):
                    pieces.add(*piece)
                row, end = self._rows_of(pieces)
        if self._seen is self:
            self._join_touching(pieces)
        for piece in chain.from_iterable(map(self._pieces_of, words)):
            pieces.add(*piece)
        return pieces

    def _join_touching(self, pieces: Pieces) -> None:
        """Join pieces of one word: all spaces of many files are added, so only those of pieces that touch are asked about."""
        for number in reversed(pieces.find_close(MAX_TOUCHING_EM)):
            run, after = pieces.runs[number], pieces.runs[number + 1]
            if run is not None and after is not None and is_space_added_inside(self, run, after):
                pieces.join(number)

    def size_of(self, index: int) -> float:
        """Return the font size of a character in points."""
        return self._styles.of(index).size_points

    def are_alike(self, index: int, other: int) -> bool:
        """Return whether two characters are of one size and in no font for formulas or symbols."""
        style, after = self._styles.of(index), self._styles.of(other)
        return not (style.font.math or style.font.glyphs or style.differs(after) or style.marked != after.marked)

    def is_upright(self, index: int) -> bool:
        """Return whether a character stands upright in a line that runs to the right, on the page as it is shown."""
        return self._styles.of(index).direction == 0

    def _pieces_of(self, word: Sequence[Glyph]) -> Iterator[Piece]:
        """Yield a word in pieces of one style."""
        start, style = 0, self._styles.of(word[0].index)
        for place, glyph in enumerate(word):
            now = self._styles.of(glyph.index)
            if style.differs(now) or style.marked != now.marked:
                self.split_at_mark |= not style.differs(now)
                yield _piece_of(word[start:place], style)
                start = place
            style = now
        yield _piece_of(word[start:], style)

    @staticmethod
    def _rows_of(pieces: Pieces) -> tuple[int, int]:
        """Return the addresses of the first free row of the values, and of the end of the last one."""
        start, size = int(pieces.values.ctypes.data), DOUBLE_BYTES * ROW_VALUES
        return start + size * len(pieces.texts), start + size * len(pieces.values)

    def _split_run(self, text: str, first: int, count: int, rects: list[Rect]) -> Iterator[Piece]:
        """Yield a run in pieces of one style that do not lie apart."""
        if len(rects) == 1:
            yield text, self._styles.of(first), rects[0], self._baseline_of(first)
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
            yield text, self._styles.of(first), self._union(rects, first, count), self._baseline_of(first)

    def _find_cuts(self, first: int, count: int) -> list[int]:
        """Return the offsets at which a run continues in another size, on another baseline, in a font for formulas, or apart.

        Text objects that lie apart are two words, as in neighbouring cells, unless many do: then each letter is an object.
        """
        cuts: list[int] = []
        apart: list[int] = []
        before, start = self._styles.of(first), first
        for offset in range(1, count):
            style = self._styles.of(first + offset)
            if style is before:
                continue
            shift = self._shift_between(start, first + offset)
            if before.differs(style) or shift > MIN_BASELINE_SHIFT_EM * style.size_points:
                cuts.append(offset)
            elif before.marked != style.marked:
                cuts.append(offset)
                self.split_at_mark = True
            elif self._is_apart(first + offset):
                apart.append(offset)
            before, start = style, first + offset
        return sorted([*cuts, *apart]) if len(apart) * MIN_LETTERS_APART <= count else cuts

    def _is_apart(self, index: int) -> bool:
        """Return whether there is white between an upright letter or digit and the one before it."""
        if not (
            self.page_text.character_at(index).isalnum()
            and self.page_text.character_at(index - 1).isalnum()
            and self.is_upright(index)
        ):
            return False
        gap = self._seen.origin_of(index)[0] - self._seen.loose_rect_of(index - 1).right
        return self.are_alike(index - 1, index) and MIN_WHITE_EM * self.size_of(index) <= gap

    def _baseline_of(self, index: int) -> float:
        """Return the height of a character's baseline in the page's own space."""
        return self.origin_of(index)[1]

    def _shift_between(self, before: int, index: int) -> float:
        """Return how far a character's baseline lies beside that of one before it, across the line, in points."""
        (x, y), (start_x, start_y) = self.origin_of(index), self.origin_of(before)
        if self._styles.runs_to_the_right(index):
            return abs(y - start_y)
        across, up = self._styles.heading_of(index)
        return abs(across * (y - start_y) - up * (x - start_x))

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
            yield text, self._styles.of(first), whole, self._baseline_of(first)
            return
        start, so_far = 0, self.rect_of(first)
        for offset in range(1, count):
            char = self.rect_of(first + offset)
            if not (so_far.is_near(char) or text[offset] in "\u0300\u0301\u0302\u0303\u0308"):
                yield text[start:offset], self._styles.of(first + start), so_far, self._baseline_of(first + start)
                start, so_far = offset, char
            else:
                so_far = so_far.union(char)
        yield text[start:], self._styles.of(first + start), so_far, self._baseline_of(first + start)

    def rect_of(self, index: int) -> Rect:
        """Return the box of a character."""
        if calls.get_char_box(self._raw, index, *self._cell_addresses):
            left, right, bottom, top = self._cells.tolist()
            return rect_from_edges(left, bottom, right, top)
        return self.loose_rect_of(index)


def _piece_of(glyphs: Sequence[Glyph], style: TextStyle) -> Piece:
    """Return glyphs of one style as one piece."""
    return "".join(glyph.text for glyph in glyphs), style, union_of(glyph.box for glyph in glyphs), glyphs[0].baseline
