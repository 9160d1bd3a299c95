"""Cells in rows and columns, however they were found, and the table block made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.emphasis import has_emphasis_or_link, spans_of_lines
from document_parser.layout.lines.joining import join_lines, join_words
from document_parser.layout.lines.lines import Extent, lines_of
from document_parser.layout.lines.units import Scale
from document_parser.models import Block, Cell, Table, Word

_NUMBER = re.compile(r"[^\w]*\d(?:[\d.,:/%\s'+()±×−–*†‡-]|(?<![A-Za-z])to(?![A-Za-z]))*[^\w]*(?:[A-Za-z%€]{1,3})?")
"""Numbers, ranges and amounts, with a sign, a unit of up to three letters or a footnote mark."""
_MAX_NUMBER_CHARACTERS = 40
"""Characters of a number, at most."""
_COLON = (":", "：")
"""What a label before its value ends with."""
_LEADER = re.compile(r"(?<=[\w)\]])\s*(?:\. ?){5,}$")
"""Dots that lead from a label to its numbers."""


@dataclass(frozen=True)
class GridCell(Extent):
    """The words of one cell and the rows and columns it covers.

    Columns count from 0; ``first`` and ``last`` are both included. ``down`` is the number of rows.
    """

    first: int
    last: int
    words: tuple[Word, ...]
    down: int = 1

    @cached_property
    def text(self) -> str:
        """Return the text of the cell as one line, without dot leaders."""
        text = join_lines(join_words(line.words) for line in lines_of(self.words))
        return _LEADER.sub("", text) if "." in text[-3:] else text

    @property
    def width(self) -> float:
        """Return the width of the cell's words in points."""
        return self.right - self.left

    @cached_property
    def bold(self) -> bool:
        """Return whether all words of the cell are bold."""
        return all(word.bold for word in self.words)


@dataclass(frozen=True)
class Grid(Extent):
    """Rows of cells; a cell is listed in the first row that it covers. Lengths are in points.

    ``columns`` is the number of columns. ``header_rows`` is the number of header rows, None if it is not known.
    """

    rows: tuple[tuple[GridCell, ...], ...]
    columns: int
    header_rows: int | None = None

    @cached_property
    def words(self) -> list[Word]:
        """Return the words of all cells, row by row."""
        return [word for row in self.rows for cell in row for word in cell.words]


def words_outside(grids: Sequence[Grid], words: Sequence[Word]) -> list[Word]:
    """Return the words whose middle lies in none of the grids, and those in none of a grid's cells.

    A long word beside a frame may reach over it with its middle.
    """
    if not grids:
        return list(words)
    boxes = [(grid.left, grid.top, grid.right, grid.bottom) for grid in grids]
    held: dict[tuple[float, float], list[Word]] = {}
    for grid in grids:
        for word in grid.words:
            held.setdefault((word.top, word.bottom), []).append(word)
    return [word for word in words if not (any(_is_in_box(word, box) for box in boxes) and _is_held(word, held))]


def _is_held(word: Word, held: Mapping[tuple[float, float], Sequence[Word]]) -> bool:
    """Return whether a word is among those of cells, by their top and bottom, or was cut into some of them."""
    return any(word.left <= cell.left and cell.right <= word.right for cell in held.get((word.top, word.bottom), ()))


def _is_in_box(word: Word, box: tuple[float, float, float, float]) -> bool:
    """Return whether the middle of a word lies in a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    return left <= (word.left + word.right) / 2 <= right and top <= (word.top + word.bottom) / 2 <= bottom


def is_number(text: str) -> bool:
    """Return whether a text is a number, a range or an amount."""
    return len(text) <= _MAX_NUMBER_CHARACTERS and _NUMBER.fullmatch(text) is not None


def is_mostly_numbers(texts: Sequence[str]) -> bool:
    """Return whether more than half of the texts are numbers."""
    return sum(map(is_number, texts)) * 2 > len(texts)


def build_table_block(grid: Grid, scale: Scale) -> Block:
    """Return the grid as a table block, with header rows if ruling lines or the style of the text show them.

    The block's box is in fractions of the page, the grid in points.
    """
    header_count = _count_header_rows(grid) if grid.header_rows is None else grid.header_rows
    cells = [
        Cell(
            row=row,
            column=cell.first,
            row_span=cell.down,
            column_span=cell.last - cell.first + 1,
            text=cell.text,
            header=row < header_count,
            spans=spans_of_lines(lines_of(cell.words)) if has_emphasis_or_link(cell.words) else [],
        )
        for row, cells in enumerate(grid.rows)
        for cell in cells
    ]
    table = Table(rows=len(grid.rows), columns=grid.columns, cells=cells)
    return Block(kind="table", box=scale.box_of(grid.words), table=table)


def _count_header_rows(grid: Grid) -> int:
    """Return the number of header rows: the first if it looks like one, and the rows its cells cover or head. 0 if none."""
    if not _has_header(grid):
        return 0
    header_count = max(cell.down for cell in grid.rows[0])
    over = any(cell.first < cell.last and cell.last - cell.first + 1 < grid.columns for cell in grid.rows[0] if cell.words)
    header_count = max(header_count, 2 if over else 1)
    return header_count if header_count < len(grid.rows) else 1


def _has_header(grid: Grid) -> bool:
    """Return whether the first row is a header: bold above plain text, or words above numbers."""
    first, *rest = grid.rows
    if _is_bold(first) and not all(_is_bold(row) for row in rest):
        return True
    if any(is_number(cell.text) or cell.text.endswith(_COLON) for cell in first[:-1]) or is_number(first[-1].text):
        return False  # values, or a label before its value
    return any(
        is_mostly_numbers([cell.text for row in rest for cell in row if cell.first == column])
        for column in _single_column_starts(first)
    )


def _single_column_starts(row: Sequence[GridCell]) -> set[int]:
    """Return the columns of the cells that cover one column."""
    return {cell.first for cell in row if cell.first == cell.last}


def _is_bold(row: Sequence[GridCell]) -> bool:
    """Return whether all cells of a row are bold."""
    return all(cell.bold for cell in row)
