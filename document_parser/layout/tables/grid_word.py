"""A table among the words around it."""

from __future__ import annotations

from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.grid import Grid
from document_parser.models import Word


class GridWord(Word):
    """A table found before, as one large word among the words around it."""

    grid: Grid

    @classmethod
    def from_grid(cls, grid: Grid) -> GridWord:
        """Return the word for a table, with the box of the table in points."""
        word = cls("\ufffc", grid.left, grid.top, grid.right, grid.bottom, body_size(grid.words))
        word.grid = grid
        return word
