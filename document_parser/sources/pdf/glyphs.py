"""Read the glyphs of a page's lines whose words must be built from their places. Runs in the opener child."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.sources.pdf import calls
from document_parser.sources.pdf.coordinates import Rect, UprightMap, rect_from_edges, union_of, upright_map_of
from document_parser.sources.pdf.glyph_lines import (
    MAX_MARK_HEIGHT_EM,
    MAX_MARKED_SHIFT_EM,
    MIN_SPACE_EM,
    Glyph,
    are_ligatures_turned,
    build_lines,
    is_mark,
    join_ligature,
    needs_glyphs,
)
from document_parser.sources.pdf.objects import handle_of, objects_of
from document_parser.sources.pdf.page_text import PageText, Run

MIN_SEEN_EM = 0.01
"""Font sizes of the width of what a glyph draws, at least; what draws less is a space."""
NO_INDEX = -1
"""Index of a glyph that PDFium gives no character for."""


class Characters(Protocol):
    """The characters of a page by PDFium's index; lengths are in points of the page's own space."""

    @property
    def page_text(self) -> PageText:
        """Return the text that they are the characters of."""

    def size_of(self, index: int) -> float:
        """Return the font size of a character in points."""

    def are_alike(self, index: int, other: int) -> bool:
        """Return whether two characters are of one size and in no font for formulas or symbols."""

    def is_upright(self, index: int) -> bool:
        """Return whether a character stands upright in a line that runs to the right."""

    def origin_of(self, index: int) -> tuple[float, float]:
        """Return x and y of where a character begins on its baseline."""

    def rect_of(self, index: int) -> Rect:
        """Return what a character covers."""

    def loose_rect_of(self, index: int) -> Rect:
        """Return the box of a character by its font's measures."""


def split_by_glyphs(page: Any, characters: Characters, runs: list[Run]) -> tuple[list[Run], list[list[Glyph]]]:
    """Return (the other runs, the words of the lines that are built from their glyphs, each as glyphs in reading order).

    Lines of a page that is drawn turned are left to PDFium.
    """
    place = upright_map_of(page)
    if not needs_glyphs(characters.page_text.codes) or place.b or place.d or place.a <= 0:
        return runs, []
    reader = _GlyphReader(characters, runs)
    taken = [reader.is_on_line(first, count) for _, first, count in runs]
    inside = chain.from_iterable(range(first, first + count) for (_, first, count), own in zip(runs, taken, strict=True) if own)
    glyphs = [*reader.read(inside), *reader.read(reader.find_spaces()), *_find_silent(page, characters, place)]
    words = [word for line in build_lines(glyphs) for word in line]
    return [run for run, own in zip(runs, taken, strict=True) if not own], words


class _GlyphReader:
    """Reads the glyphs of the lines that hold writing from right to left, or letters that join or stack."""

    def __init__(self, characters: Characters, runs: Iterable[Run]) -> None:
        self._characters = characters
        lines = [
            characters.origin_of(first)[1]
            for text, first, _ in runs
            if not text.isascii()
            and characters.is_upright(first)
            and needs_glyphs(np.array([*map(ord, text)], dtype=np.uint16))
        ]
        self._heights = np.unique(np.round(lines, 1))

    def is_on_line(self, first: int, count: int) -> bool:
        """Return whether a run stands on the baseline of one of the lines, or a mark above or below one."""
        characters = self._characters
        if not characters.is_upright(first):
            return False
        nearest = np.abs(self._heights - characters.origin_of(first)[1]).min(initial=math.inf)
        only_marks = all(is_mark(characters.page_text.character_at(first + offset)) for offset in range(count))
        return bool(nearest <= (MAX_MARK_HEIGHT_EM if only_marks else MAX_MARKED_SHIFT_EM) * characters.size_of(first))

    def find_spaces(self) -> list[int]:
        """Return the indexes of the spaces on these lines that are characters of the file; PDFium adds others."""
        characters = self._characters
        indexes = map(characters.page_text.index_of, np.flatnonzero(characters.page_text.codes == ord(" ")).tolist())
        return [
            number
            for number in indexes
            if calls.get_text_object(characters.page_text.address, number) and self.is_on_line(number, 1)
        ]

    def read(self, indexes: Iterable[int]) -> list[Glyph]:
        """Return the glyphs of characters; those of one text object with one origin are one glyph."""
        characters = self._characters
        grouped: dict[tuple[int | None, float, float], list[tuple[int, Rect]]] = {}
        for index in indexes:
            key = calls.get_text_object(characters.page_text.address, index), *characters.origin_of(index)
            grouped.setdefault(key, []).append((index, characters.rect_of(index)))
        turned = are_ligatures_turned(
            [characters.page_text.character_at(index) for index, _ in group]
            for group in grouped.values()
            if len({box for _, box in group}) == 1
        )
        return [self._glyph_of(group, (x, y), turned) for (_, x, y), group in grouped.items()]

    def _glyph_of(self, group: list[tuple[int, Rect]], origin: tuple[float, float], turned: bool) -> Glyph:
        """Return the glyph of characters with their boxes; ``turned`` is what ``join_ligature`` is told."""
        characters = self._characters
        first = group[0][0]
        box = union_of(box for _, box in group)
        loose = union_of(characters.loose_rect_of(index) for index, _ in group).union(box)
        text = join_ligature(
            [(characters.page_text.character_at(index), (box.left + box.right) / 2) for index, box in group], turned
        )
        return Glyph(text, first, box, loose.left, loose.right, origin, characters.size_of(first))


def _find_silent(page: Any, characters: Characters, place: UprightMap) -> Iterator[Glyph]:
    """Yield the text objects that PDFium gives no character for: spaces that a file draws by themselves, and parts of a group.

    Parts of a group are glyphs without text.
    """
    read = {calls.get_text_object(characters.page_text.address, number) for number in range(characters.page_text.count)}
    cells = [ctypes.c_float() for _ in range(4)]
    matrix, size = pdfium.FS_MATRIX(), ctypes.c_float()
    for address, kind, around, _, _ in objects_of(page):
        if kind != pdfium.FPDF_PAGEOBJ_TEXT or around.b or around.d or address in read:
            continue
        found = handle_of(address)
        if not (pdfium.FPDFPageObj_GetBounds(found, *cells) and pdfium.FPDFPageObj_GetMatrix(found, matrix)):
            continue
        pdfium.FPDFTextObj_GetFontSize(found, size)
        # What is around the object is the page, or a form on it: to points of the page.
        scale_x, scale_y = around.a / place.a, around.e / place.e
        shift_x, shift_y = (around.c - place.c) / place.a, (around.f - place.f) / place.e
        left, bottom, right, top = (cell.value for cell in cells)
        origin = matrix.e * scale_x + shift_x, matrix.f * scale_y + shift_y
        box = rect_from_edges(
            left * scale_x + shift_x, bottom * scale_y + shift_y, right * scale_x + shift_x, top * scale_y + shift_y
        )
        em = size.value * math.hypot(matrix.c, matrix.d) * abs(scale_y)
        is_space = box.right - box.left < MIN_SEEN_EM * em
        width = MIN_SPACE_EM * em if is_space else 0.0
        yield Glyph(
            " " if is_space else "", NO_INDEX, box, min(box.left, origin[0]), max(box.right, origin[0] + width), origin, em
        )
