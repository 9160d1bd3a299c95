"""Tables of HTML: where each cell is, and whether a table holds data or only places things."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from typing import NamedTuple

from document_parser.sources.markup.lists import integer
from document_parser.sources.markup.tree import Element

_MAX_COLUMN_SPAN = 1000
"""What browsers allow."""
_MAX_COVERED = 2_000_000
"""Places that the cells of a table may cover; beyond, spans are not followed."""
_TABLE_ROLES = frozenset({"table", "grid", "treegrid"})
_CELL_ROLES = {"cell": False, "gridcell": False, "columnheader": True, "rowheader": True}
"""ARIA roles of cells, and whether they are headers."""
_HEADER_ATTRIBUTES = frozenset({"scope", "headers"})
"""Attributes that only cells of data have."""
_STRUCTURE = frozenset(["table", "h1", "h2", "h3", "h4", "h5", "h6", "form", "pre", "hr", "article", "section"])
"""What stands in a cell of a table that places things rather than in one that holds a value."""


class GridCell(NamedTuple):
    """A cell with its place; rows and columns count from 0."""

    element: Element
    row: int
    column: int
    row_span: int
    column_span: int
    header: bool


class Grid(NamedTuple):
    """The cells that a table shows, in order, and the rows and cells that it hides."""

    rows: int
    columns: int
    cells: list[GridCell]
    hidden: list[Element]


class _Row(NamedTuple):
    """A row: its cells, whether it is in the head of the table, and how many rows its group has from it on."""

    cells: list[Element]
    in_head: bool
    left_in_group: int


def is_table(element: Element) -> bool:
    """Return whether an element is a table: by its name, or by the role that it has for a screen reader."""
    return element.tag == "table" or element.get("role") in _TABLE_ROLES


def captions_of(table: Element) -> list[Element]:
    """Return the captions of a table."""
    return [child for child in table.elements() if child.tag == "caption"]


def grid_of(table: Element, hides: Callable[[Element], bool]) -> Grid:
    """Return the places of the cells, as the HTML standard counts them, without rows and columns in which no cell begins."""
    hidden: list[Element] = []
    placed: list[GridCell] = []
    below: dict[int, int] = {}
    covered = 0
    for at, row in enumerate(_rows_of(table, hides, hidden)):
        column = 0
        busy, below = below, {column: rows - 1 for column, rows in below.items() if rows > 1}
        for cell in row.cells:
            if hides(cell):
                hidden.append(cell)
                continue
            while column in busy:
                column += 1
            down, across = _spans_of(cell, row.left_in_group)
            covered += down * across
            down, across = (down, across) if covered < _MAX_COVERED else (1, 1)
            below.update(dict.fromkeys(range(column, column + across), down - 1) if down > 1 else {})
            header = cell.tag == "th" or row.in_head or _CELL_ROLES.get(cell.get("role"), False)
            placed.append(GridCell(cell, at, column, down, across, header))
            column += across
    return _compact(placed, hidden)


def is_layout(table: Element, grid: Grid) -> bool:
    """Return whether a table only places things: it says so, or nothing says that it holds data and its cells are no values."""
    if table.get("role") in {"presentation", "none"}:
        return True
    only_headers = all(cell.header for cell in grid.cells)  # of nothing: templates of mail place things by ``th``
    if _is_data(table, grid) and not (only_headers and _has_structure(grid)):
        return False
    return grid.rows < 2 or grid.columns < 2 or _has_structure(grid)


def _has_structure(grid: Grid) -> bool:
    """Return whether a cell holds what no value is: a table, a heading, a form, code."""
    return any(inner.tag in _STRUCTURE for cell in grid.cells for inner in cell.element.walk() if inner is not cell.element)


def _is_data(table: Element, grid: Grid) -> bool:
    """Return whether the file says that a table holds data: it has headers, a caption, a summary, lines, or a role."""
    if table.get("role") in _TABLE_ROLES or table.get("summary") or captions_of(table):
        return True
    if integer(table.get("border"), 0) > 0 or table.get("rules") not in {"", "none"}:
        return len(grid.cells) > 1
    return any(cell.header or not _HEADER_ATTRIBUTES.isdisjoint(cell.element.attributes) for cell in grid.cells)


def _rows_of(table: Element, hides: Callable[[Element], bool], hidden: list[Element]) -> Iterator[_Row]:
    """Yield the rows that are shown: those of the head first, those of the foot last. Hidden ones are added to ``hidden``."""
    groups: dict[int, list[tuple[list[Element], bool]]] = {0: [], 1: [], 2: []}
    for child in table.elements():
        if child.tag == "tr" or child.get("role") == "row":
            body = groups[1]
            if body and not body[-1][1]:
                body[-1][0].append(child)
            else:
                body.append(([child], False))
        elif child.tag in {"thead", "tbody", "tfoot"} or child.get("role") == "rowgroup":
            rows = [row for row in child.elements() if row.tag == "tr" or row.get("role") == "row"]
            place = {"thead": 0, "tfoot": 2}.get(child.tag, 1)
            groups[place].append(([] if hides(child) else rows, True))
            hidden += rows if hides(child) else []
    for place, group in groups.items():
        for rows, _ in group:
            shown: list[Element] = []
            for row in rows:
                (hidden if hides(row) else shown).append(row)
            for at, row in enumerate(shown):
                yield _Row([cell for cell in row.elements() if _is_cell(cell)], place == 0, len(shown) - at)


def _is_cell(element: Element) -> bool:
    """Return whether an element of a row is a cell."""
    return element.tag in {"td", "th"} or element.get("role") in _CELL_ROLES


def _spans_of(cell: Element, left_in_group: int) -> tuple[int, int]:
    """Return how many rows and columns a cell covers; rowspan 0 reaches to the end of its group."""
    if not cell.attributes:
        return 1, 1
    down = integer(cell.get("rowspan") or cell.get("aria-rowspan"), 1) or left_in_group
    across = integer(cell.get("colspan") or cell.get("aria-colspan"), 1)
    return min(max(1, down), left_in_group), min(max(1, across), _MAX_COLUMN_SPAN)


def _compact(placed: list[GridCell], hidden: list[Element]) -> Grid:
    """Return the grid without rows and columns in which no cell begins.

    A row is none either if all its cells reach below it, into cells that begin there: a browser gives it no height.
    """
    flat = {cell.row for cell in placed if cell.row_span == 1}
    begun = sorted({cell.row for cell in placed})
    kept = [row for row, below in pairwise([*begun, -1]) if row in flat or below != row + 1]
    rows = {row: bisect_left(kept, row) for row in begun}
    columns = {column: at for at, column in enumerate(sorted({cell.column for cell in placed}))}
    counted, every = frozenset(kept), columns.keys()
    cells = [_in_grid(cell, rows[cell.row], columns[cell.column], counted, every) for cell in placed]
    return Grid(len(kept), len(columns), cells, hidden)


def _in_grid(cell: GridCell, row: int, column: int, rows: Collection[int], columns: Collection[int]) -> GridCell:
    """Return a cell with its place among the rows and columns that are kept; most cells of large tables are there already."""
    if (row, column, 1, 1) == (cell.row, cell.column, cell.row_span, cell.column_span):
        return cell
    row_span = sum(place in rows for place in range(cell.row, cell.row + cell.row_span))
    column_span = sum(place in columns for place in range(cell.column, cell.column + cell.column_span))
    return cell._replace(row=row, column=column, row_span=row_span, column_span=column_span)
