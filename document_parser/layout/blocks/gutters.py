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
        for word in words:
            self.cover(word.left, word.top, word.right, word.bottom)

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
        strips, sides = free[:, columns], _ink_beside(self.ink, self.least, columns)
        new = _differ_from_previous(strips, *sides)
        columns = columns[new]
        number, first, last, height = _find_best_run(strips[:, new], *(side[:, new] for side in sides))
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


def _ink_beside(ink: Cells, width: int, columns: NDArray[np.intp]) -> tuple[Cells, Cells]:
    """Return two arrays for the strips at these columns: whether each row has ink to the left, and to the right."""
    inked = ink.any(axis=1)
    first = np.where(inked, ink.argmax(axis=1), ink.shape[1])
    last = np.where(inked, ink.shape[1] - 1 - ink[:, ::-1].argmax(axis=1), -1)
    return columns >= first[:, None], columns + width - 1 <= last[:, None]


def _differ_from_previous(*maps: Cells) -> NDArray[np.bool_]:
    """Return which columns differ from the one before in any of these maps: many strips of a broad gap are the same."""
    new = np.ones(maps[0].shape[1], dtype=np.bool_)
    new[1:] = np.logical_or.reduce([(one[:, 1:] != one[:, :-1]).any(axis=0) for one in maps])
    return new


def _find_best_run(free: Cells, left: Cells, right: Cells) -> tuple[int, int, int, int]:
    """Return (column, first row, last row, score) of the run of free strips with the most ink on its poorer side."""
    poorer = np.minimum(_count_since_break(free, left), _count_since_break(free, right))
    richest = poorer.max(axis=1)
    score = int(richest.max())
    last = len(richest) - 1 - int(richest[::-1].argmax())
    column = int(poorer[last].argmax())
    broken = np.flatnonzero(~free[: last + 1, column])
    return column, int(broken[-1]) + 1 if len(broken) else 0, last, score


def _count_since_break(free: Cells, inked: Cells) -> NDArray[np.int16]:
    """Return for every strip the number of rows with ink in its run of free strips, down to its row."""
    # Transposed, so that each strip is contiguous in memory: with few columns, sums are many times as fast.
    counts = np.cumsum((inked & free).T, axis=1, dtype=np.int16)
    counts -= np.maximum.accumulate(np.where(free.T, 0, counts), axis=1)
    return counts.T
