"""Find gutters, the white strips that separate columns, on a coarse raster of where words are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.page_index import Floats, Integers
from document_parser.models import Word

MAX_CELLS = 1500
"""Cells of the raster along one side, at most. Keeps the work bounded on posters with small print."""
MIN_GUTTER_WIDTH_EM = 0.75
"""Width of the narrowest gutter, in font sizes."""
MIN_GUTTER_HEIGHT_EM = 1.5
"""Height of the shortest gutter, in font sizes."""
MIN_SURE_HEIGHT_EM = 5.0
"""Height of a gutter that goes on where the gap narrows, at least: lower ones may be chance."""
MIN_RUN_GAP_EM = 0.2
"""Font sizes between two runs of an OCR on both sides of a gutter's end, at least: it reads over narrower spaces."""
MAX_RUN_STEP_EM = 0.3
"""Font sizes by which such a run may reach over the gutter: boxes of an OCR are loose, and columns of a scan slant."""
MAX_RUN_WHITE_EM = 1.0
"""Font sizes of white above such a run, at most: beyond more white another part of the page begins."""

Cells = NDArray[np.bool_]
"""One flag for each row and column of the raster."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A white rectangle with text on both sides, in points. ``height`` counts only the rows with text on both sides."""

    left: float
    right: float
    top: float
    bottom: float
    height: float

    @property
    def width(self) -> float:
        """Return the width in points."""
        return self.right - self.left


class InkMap:
    """A raster of a region that marks which cells words cover.

    One cell is an eighth of the font size wide and a quarter high, or larger in a region that would exceed :data:`MAX_CELLS`.
    ``left`` and ``top`` are the region's origin, ``cell_width`` and ``cell_height`` the size of a cell, in points. Rows between
    two edges of words are alike and kept once, as a band: ``edges`` are the rows of cells at which bands begin, and the end of
    the last one. ``ink`` has the shape (columns, bands + 1); a band that is covered ends each column.
    """

    def __init__(self, boxes: Floats, size: float) -> None:
        """Mark the boxes of words, of the shape (words, 4)."""
        self.left, self.top = boxes[:, :2].min(axis=0).tolist()
        right, bottom = boxes[:, 2:].max(axis=0).tolist()
        self.size = size
        self.cell_width = max(size / 8, (right - self.left) / MAX_CELLS, 1e-6)
        self.cell_height = max(size / 4, (bottom - self.top) / MAX_CELLS, 1e-6)
        boxes = boxes - (self.left, self.top, self.left, self.top)
        cells = (boxes / (self.cell_width, self.cell_height, self.cell_width, self.cell_height)).astype(np.intp)
        cells[:, 2:] += 1
        self.edges: list[int] = sorted({0, *cells[:, 1].tolist(), *cells[:, 3].tolist()})
        cells[:, 1::2] = np.searchsorted(self.edges, cells[:, 1::2])
        self.ink: Cells = np.zeros((self._column(right) + 1, len(self.edges)), dtype=np.bool_)
        self.ink[:, -1] = True
        for first, above, last, below in cells.tolist():
            self.ink[first:last, above:below] = True

    def copy(self) -> InkMap:
        """Return a map of the same ink, to be covered by itself."""
        found = copy(self)
        found.ink, found.edges = self.ink.copy(), self.edges.copy()
        return found

    def _column(self, x: float) -> int:
        """Return the column of cells at an x position in points."""
        return int((x - self.left) / self.cell_width)

    def _row(self, y: float) -> int:
        """Return the row of cells at a y position in points."""
        return int((y - self.top) / self.cell_height)

    def _band_from(self, row: int) -> int:
        """Return the band that begins with a row of cells; the one that the row lies in is parted there."""
        band = bisect_left(self.edges, row)
        if band < len(self.edges) and self.edges[band] > row:
            self.edges.insert(band, row)
            self.ink = np.insert(self.ink, band, self.ink[:, band - 1], axis=1)
        return min(band, len(self.edges) - 1)

    def cover(self, left: float, top: float, right: float, bottom: float) -> None:
        """Mark a rectangle, given in points, as covered by text."""
        first, last = self._band_from(self._row(top)), self._band_from(self._row(bottom) + 1)
        self.ink[self._column(left) : self._column(right) + 1, first:last] = True

    def find_tallest_gutter(self, narrowest: float = MIN_GUTTER_WIDTH_EM) -> Gutter | None:
        """Return the gutter that separates the most text, or None if no strip is wide and high enough.

        ``narrowest`` is the least width of a gutter in font sizes.
        """
        least = max(2, round(narrowest * self.size / self.cell_width) - 1)
        shortest = max(1, int(MIN_GUTTER_HEIGHT_EM * self.size / self.cell_height))
        if len(self.ink) <= least:
            return None
        edges = np.array(self.edges, dtype=np.int32)
        free = _find_strips(~self.ink, least)
        run = _find_best_run(free, edges, shortest, *_reach_of_ink(self.ink, least))
        return None if run is None else self._gutter_at(free, least, *run)

    def _gutter_at(self, free: Cells, width: int, column: int, first: int, end: int, height: int) -> Gutter:
        """Return the gutter around a strip, widened to all adjacent free strips of the same bands. ``width`` is in cells."""
        clear: list[bool] = np.all(free[:, first:end], axis=1).tolist()
        left = right = column
        while left > 0 and clear[left - 1]:
            left -= 1
        while right + 1 < len(clear) and clear[right + 1]:
            right += 1
        return Gutter(
            left=self.left + left * self.cell_width,
            right=self.left + (right + width) * self.cell_width,
            top=self.top + self.edges[first] * self.cell_height,
            bottom=self.top + self.edges[end] * self.cell_height,
            height=height * self.cell_height,
        )


def extend_between_runs(gutter: Gutter, words: Sequence[Word], size: float) -> Gutter:
    """Return a gutter with its ends moved on as far as the runs of an OCR leave a gap near it; ``size`` is in points.

    ``words`` are those of its region. A gutter is as straight as the raster; the columns of a scan are not.
    """
    if gutter.height < MIN_SURE_HEIGHT_EM * size or sum(" " in word.text for word in words) * 2 <= len(words):
        return gutter
    below = _end_between_runs(gutter, words, size)
    mirrored = [word._replace(top=-word.bottom, bottom=-word.top) for word in words]
    above = _end_between_runs(replace(gutter, top=-gutter.bottom, bottom=-gutter.top), mirrored, size)
    return replace(gutter, top=min(gutter.top, -above), bottom=max(gutter.bottom, below))


def _end_between_runs(gutter: Gutter, words: Sequence[Word], size: float) -> float:
    """Return the y position in points down to which runs on both sides leave a gap near a gutter; its own end if none do."""
    slack, middle = MAX_RUN_STEP_EM * size, gutter.left + gutter.right
    sides = [[word for word in words if (word.left + word.right < middle) is is_left] for is_left in (True, False)]
    ends = [max((word.bottom for word in side if _height_of(word) < gutter.bottom), default=0.0) for side in sides]
    found = [gutter.bottom, gutter.bottom]
    for word in sorted((word for word in words if _height_of(word) >= gutter.bottom), key=_height_of):
        side = int(word.left + word.right >= middle)
        crosses = word.left < gutter.left - slack if side else word.right > gutter.right + slack
        others = [other for other in sides[1 - side] if other.top < _height_of(word) < other.bottom]
        gap = min((max(word.left - other.right, other.left - word.right) for other in others), default=size)
        if crosses or gap < MIN_RUN_GAP_EM * size or word.top - ends[side] > MAX_RUN_WHITE_EM * size:
            break
        ends[side], found[side] = max(ends[side], word.bottom), _height_of(word)
    return max(found) if min(found) > gutter.bottom else gutter.bottom


def _height_of(word: Word) -> float:
    """Return the y position in points of a word's middle."""
    return (word.top + word.bottom) / 2


def _find_strips(white: Cells, width: int) -> Cells:
    """Return the cells from which ``width`` cells to the right are white."""
    free = white[: len(white) - width + 1].copy()
    for step in range(1, width):
        free &= white[step : step + len(free)]
    return free


def _reach_of_ink(ink: Cells, width: int) -> tuple[Integers, Integers]:
    """Return (first, last) of the columns whose strips have ink to the left, and to the right, of each band.

    In a band without ink the first lies behind all columns, and the last before them.
    """
    inked = ink.any(axis=0)
    first = np.where(inked, ink.argmax(axis=0), len(ink))
    last = np.where(inked, len(ink) - width - ink[::-1].argmax(axis=0), -width)
    return first.astype(np.int32), last.astype(np.int32)


def _find_best_run(
    free: Cells, edges: NDArray[np.int32], shortest: int, first: Integers, last: Integers
) -> tuple[int, int, int, int] | None:
    """Return (column, first band, band behind the last, score) of the run of free strips with the most ink on its poorer side.

    The score counts cells, as ``shortest`` does, the height of a run at least. None if there is no such run with text on both
    sides. Of runs with equal scores, the one that ends lowest; of these, the leftmost.
    """
    strips = np.append(False, free)  # a covered band before each column, and behind the last one
    change = np.flatnonzero(strips[1:] != strips[:-1])
    starts, ends = change[::2], change[1::2]
    long = np.flatnonzero(edges[ends % len(edges)] - edges[starts % len(edges)] >= shortest)
    if not len(long):
        return None
    starts, ends = starts[long], ends[long]
    columns = np.arange(len(free), dtype=first.dtype)[:, None]
    scores = np.minimum(*(_count_within(starts, ends, inked, edges) for inked in (columns >= first, columns <= last)))
    score = int(scores.max())
    best = np.flatnonzero(scores == score)
    run = best[(ends[best] % len(edges)).argmax()]
    column, start = divmod(int(starts[run]), len(edges))
    return (column, start, int(ends[run]) % len(edges), score) if score > 0 else None


def _count_within(starts: Integers, ends: Integers, inked: Cells, edges: NDArray[np.int32]) -> Integers:
    """Return the number of cells with ink of each run, whose bands are numbered through all columns.

    Not positive for a run in the first band of all, which has nothing to its left.
    """
    counts = (inked * np.diff(edges, append=edges[-1:])).ravel().cumsum(dtype=np.int32)  # many times as fast as by column
    found: Integers = counts[ends - 1] - counts[starts - 1]
    return found
