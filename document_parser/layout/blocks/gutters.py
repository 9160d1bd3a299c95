"""Find gutters, the white strips that separate columns, on a coarse raster of where words are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from document_parser.models import Word

MAX_CELLS = 1500
"""Cells of the raster along one side, at most. Keeps the work bounded on posters with small print."""
MIN_GUTTER_WIDTH_EM = 0.75
"""Width of the narrowest gutter, in font sizes."""
MIN_GUTTER_HEIGHT_EM = 1.5
"""Height of the shortest gutter, in font sizes."""

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
    ``narrowest`` is the least width of a gutter in font sizes. ``left`` and ``top`` are the region's origin, ``cell_width`` and
    ``cell_height`` the size of a cell, in points. ``least`` and ``shortest`` are the narrowest and shortest gutter in cells.
    """

    def __init__(self, words: Sequence[Word], size: float, narrowest: float = MIN_GUTTER_WIDTH_EM) -> None:
        self.left = min(word.left for word in words)
        self.top = min(word.top for word in words)
        right, bottom = max(word.right for word in words), max(word.bottom for word in words)
        self.cell_width = max(size / 8, (right - self.left) / MAX_CELLS, 1e-6)
        self.cell_height = max(size / 4, (bottom - self.top) / MAX_CELLS, 1e-6)
        columns, rows = self._column(right) + 1, self._row(bottom) + 1
        self.ink: Cells = np.zeros((rows, columns), dtype=np.bool_)
        self.least = max(2, round(narrowest * size / self.cell_width) - 1)
        self.shortest = max(1, int(MIN_GUTTER_HEIGHT_EM * size / self.cell_height))
        boxes = np.array([word[1:5] for word in words]) - (self.left, self.top, self.left, self.top)
        cells = (boxes / (self.cell_width, self.cell_height, self.cell_width, self.cell_height)).astype(int).tolist()
        for first, above, last, below in cells:
            self.ink[above : below + 1, first : last + 1] = True

    def _column(self, x: float) -> int:
        """Return the column of cells at an x position in points."""
        return int((x - self.left) / self.cell_width)

    def _row(self, y: float) -> int:
        """Return the row of cells at a y position in points."""
        return int((y - self.top) / self.cell_height)

    def cover(self, left: float, top: float, right: float, bottom: float) -> None:
        """Mark a rectangle, given in points, as covered by text."""
        self.ink[self._row(top) : self._row(bottom) + 1, self._column(left) : self._column(right) + 1] = True

    def find_tallest_gutter(self) -> Gutter | None:
        """Return the gutter that separates the most text, or None if no strip is wide and high enough."""
        if self.ink.shape[1] <= self.least:
            return None
        free = _find_strips(~self.ink, self.least)
        columns = _columns_with_runs(free, self.shortest)
        if not len(columns):
            return None
        outermost = _outermost_ink(self.ink)
        strips = free[:, columns]
        new = _differ_from_previous(strips, columns, self.least, *outermost)
        columns = columns[new]
        number, first, last, height = _find_best_run(strips[:, new], *_ink_beside(columns, self.least, *outermost))
        if height == 0:
            return None
        return self._gutter_at(free, int(columns[number]), first, last, height)

    def _gutter_at(self, free: Cells, column: int, first: int, last: int, height: int) -> Gutter:
        """Return the gutter around a strip, widened to all adjacent free strips of the same rows."""
        clear: list[bool] = np.all(free[first : last + 1], axis=0).tolist()
        start = end = column
        while start > 0 and clear[start - 1]:
            start -= 1
        while end + 1 < len(clear) and clear[end + 1]:
            end += 1
        return Gutter(
            left=self.left + start * self.cell_width,
            right=self.left + (end + self.least) * self.cell_width,
            top=self.top + first * self.cell_height,
            bottom=self.top + (last + 1) * self.cell_height,
            height=height * self.cell_height,
        )


def _find_strips(white: Cells, width: int) -> Cells:
    """Return the cells from which ``width`` cells to the right are white."""
    free = white[:, : white.shape[1] - width + 1].copy()
    for step in range(1, width):
        free &= white[:, step : step + free.shape[1]]
    return free


def _columns_with_runs(free: Cells, length: int) -> NDArray[np.intp]:
    """Return the columns with a run of at least ``length`` free cells from top to bottom; the others hold no gutter."""
    if len(free) < length:
        return np.zeros(0, dtype=np.intp)
    runs = free[: len(free) - length + 1].copy()
    for step in range(1, length):
        runs &= free[step : step + len(runs)]
    return np.flatnonzero(runs.any(axis=0))


def _outermost_ink(ink: Cells) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (first, last) column with ink of each row; in a row without ink the first lies behind the last."""
    inked = ink.any(axis=1)
    first = np.where(inked, ink.argmax(axis=1), ink.shape[1])
    last = np.where(inked, ink.shape[1] - 1 - ink[:, ::-1].argmax(axis=1), -1)
    return first, last


def _ink_beside(columns: NDArray[np.intp], width: int, first: NDArray[np.intp], last: NDArray[np.intp]) -> tuple[Cells, Cells]:
    """Return two arrays for the strips at these columns: whether each row has ink to the left, and to the right."""
    return columns >= first[:, None], columns + width - 1 <= last[:, None]


def _differ_from_previous(
    strips: Cells, columns: NDArray[np.intp], width: int, first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which strips differ from the one before, or have ink beside them in other rows: those of a broad gap are alike.

    From left to right, ink on the left comes in row by row and ink on the right goes, so that their numbers show a change.
    """
    left = np.searchsorted(np.sort(first), columns, side="right")
    right = np.searchsorted(np.sort(last), columns + width - 1, side="left")
    new = np.ones(len(columns), dtype=np.bool_)
    new[1:] = (strips[:, 1:] != strips[:, :-1]).any(axis=0) | (np.diff(left) != 0) | (np.diff(right) != 0)
    return new


def _find_best_run(free: Cells, left: Cells, right: Cells) -> tuple[int, int, int, int]:
    """Return (column, first row, last row, score) of the run of free strips with the most ink on its poorer side.

    Of runs with equal scores, the one that ends lowest; of these, the leftmost.
    """
    length = len(free) + 1
    strips = _one_behind_the_other(free)
    change = np.flatnonzero(strips[1:] != strips[:-1]) + 1
    starts, ends = change[::2], change[1::2]
    scores = np.minimum(_count_within(starts, ends, left), _count_within(starts, ends, right))
    score = int(scores.max())
    best = np.flatnonzero(scores == score)
    run = best[((ends[best] - 1) % length).argmax()]
    column, first = divmod(int(starts[run]) - 1, length)
    return column, first, (int(ends[run]) - 1) % length - 1, score


def _one_behind_the_other(cells: Cells) -> NDArray[np.int8]:
    """Return the columns of an array one behind the other, with a cell that is not set before each and at the end."""
    found = np.zeros(cells.size + cells.shape[1] + 1, dtype=np.bool_)
    found[:-1].reshape(cells.shape[1], len(cells) + 1)[:, 1:] = cells.T
    return found


def _count_within(starts: NDArray[np.intp], ends: NDArray[np.intp], inked: Cells) -> NDArray[np.int32]:
    """Return the number of rows with ink of each run."""
    counts = _one_behind_the_other(inked).cumsum(dtype=np.int32)  # half the memory to write
    found: NDArray[np.int32] = counts[ends - 1] - counts[starts - 1]
    return found
