"""Tell check boxes with their labels from tables: a box is no column of its own, options below a table are no rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from document_parser.layout.lines.joining import CHECK_BOXES
from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.grid import Grid, GridCell

MAX_LABEL_SPACE_EM = 1.0
"""Font sizes between two words of a check box's label, at most, and between the box and its label."""
MIN_ROWS = 2
"""Rows of a table, at least."""


def has_options(grid: Grid) -> bool:
    """Return whether a grid of two columns is a list: check boxes and the numbers of questions, each with its text."""
    if grid.columns != 2 or not all(row and row[0].first == 0 and row[0].words for row in grid.rows):
        return False
    marks = [row[0].text for row in grid.rows]
    boxes = sum(mark in CHECK_BOXES for mark in marks)
    return boxes > 0 and all(mark in CHECK_BOXES or mark.rstrip(".)").isdecimal() for mark in marks)


def without_options(grid: Grid) -> Grid:
    """Return a table without the check boxes below its last row, each a box with one label."""
    size = body_size(grid.words)
    end = len(grid.rows)
    while end > 0 and _is_option(grid.rows[end - 1], size):
        end -= 1
    if end < MIN_ROWS or any(cell.down > end - number for number, row in enumerate(grid.rows[:end]) for cell in row):
        return grid
    return replace(grid, rows=grid.rows[:end]) if end < len(grid.rows) else grid


def _is_option(row: Sequence[GridCell], size: float) -> bool:
    """Return whether a row is one check box with its label, which columns may part but no gap does."""
    words = sorted((word for cell in row for word in cell.words), key=lambda word: word.left)
    if len(words) < 2 or words[0].text not in CHECK_BOXES or any(word.text in CHECK_BOXES for word in words[1:]):
        return False
    return all(after.left - before.right <= MAX_LABEL_SPACE_EM * size for before, after in pairwise(words))
