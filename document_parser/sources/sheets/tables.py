"""Make blocks of the rows of a sheet: tables with their headers, lone texts, and what is hidden beside what is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from document_parser.models import Block, Cell, LayerName, Span, Table, pack_cells
from document_parser.models.packed_cells import value_of
from document_parser.sources.sheets.references import Region
from document_parser.sources.sheets.regions import bounds_of, split_at_gaps
from document_parser.sources.sheets.rows import SheetRow, pack_rows

MAX_HEADER_ROWS = 5
"""Rows that a frozen pane or the titles of printed pages make headers at most; more are frozen for another reason."""


class SheetCell(NamedTuple):
    """A cell with content and the region that it covers."""

    box: Region
    text: str
    value: str | None
    format: str | None
    formula: str | None
    spans: Sequence[Span]


class NamedTable(NamedTuple):
    """A region that the file declares to be a table, and how many of its first rows are its header."""

    region: Region
    header_rows: int


@dataclass(slots=True)
class SheetFrame:
    """What a sheet says of its cells beside their rows. Columns and rows count from 1."""

    merges: list[Region] = field(default_factory=list)
    hidden_columns: Collection[int] = frozenset()
    tables: list[NamedTable] = field(default_factory=list)
    filtered: list[Region] = field(default_factory=list)
    """Regions with filters, whose first row is a header."""
    frozen_rows: int = 0
    """The last row of those that stay at the top while the others are scrolled."""
    title_rows: tuple[int, int] | None = None
    """The first and last row of those repeated on every printed page."""


class PlacedBlock(NamedTuple):
    """A block and the cell at which it begins."""

    row: int
    column: int
    block: Block


def make_blocks(rows: Sequence[SheetRow], frame: SheetFrame, sheet: Region | None = None) -> list[PlacedBlock]:
    """Return the blocks of the rows in reading order. ``sheet`` is the range of a large sheet of which the rows are a part.

    Rows of a part of a large sheet are parted at empty rows only: which columns are empty, the part does not show. They become
    packed tables if they are plain.
    """
    if sheet is not None and _are_plain(rows, frame):
        return list(packed_blocks(rows, sheet.left, sheet.right))
    cells = list(_cells_of(rows, frame.merges))
    hidden_rows = {row.number for row in rows if row.hidden}
    found: list[PlacedBlock] = []
    for region_cells, header_rows in _tables_of(cells, frame, is_whole=sheet is None):
        bounds = bounds_of([cell.box for cell in region_cells])
        if sheet is not None:
            bounds = bounds._replace(left=sheet.left, right=sheet.right)
        for block in _blocks_of_table(region_cells, bounds, header_rows, hidden_rows, frame.hidden_columns):
            found.append(PlacedBlock(bounds.top, bounds.left, block))
    return found


def _are_plain(rows: Sequence[SheetRow], frame: SheetFrame) -> bool:
    """Return whether rows have cells without headers, spans, emphasis and links, all of which are shown."""
    if not rows or frame.hidden_columns or any(row.hidden or row.spans for row in rows):
        return False
    first, last = rows[0].number, rows[-1].number
    heads = max(frame.frozen_rows, frame.title_rows[1] if frame.title_rows else 0)
    marked = [*frame.merges, *(region._replace(bottom=region.top) for region in frame.filtered)]
    marked += [table.region for table in frame.tables if table.region.top >= first or table.region.bottom < last]
    return heads < first and not any(region.top <= last and region.bottom >= first for region in marked)


def packed_blocks(rows: Sequence[SheetRow], left: int, right: int) -> Iterator[PlacedBlock]:
    """Yield packed tables of plain rows, parted at empty rows. ``left`` and ``right`` are the first and last column."""
    starts = [place for place, row in enumerate(rows) if not place or row.number > rows[place - 1].number + 1]
    for start, end in pairwise([*starts, len(rows)]):
        packed = pack_rows(rows[start:end], left, right)
        table = Table(rows=packed.rows, columns=packed.columns, cells=pack_cells(packed))
        yield PlacedBlock(rows[start].number, left, Block(kind="table", table=table))


def _cells_of(rows: Iterable[SheetRow], merges: Sequence[Region]) -> Iterator[SheetCell]:
    """Yield the cells with content, without what is stored under merged cells."""
    spread = {(merge.top, merge.left): merge for merge in merges}
    covering = _Covering(merges)
    for row in rows:
        for place, column in enumerate(row.columns):
            text, value, formula = row.texts[place], row.values[place], row.formulas.get(column)
            if not text.strip() and value is None and formula is None:
                continue
            box = spread.get((row.number, column))
            if box is None:
                if covering.covers(row.number, column):
                    continue
                box = Region(row.number, column, row.number, column)
            yield SheetCell(box, text, value, row.formats[place], formula, row.spans.get(column, ()))


class _Covering:
    """Which cells merged cells cover; asked in ascending order of rows, so that few merges are looked at."""

    def __init__(self, merges: Sequence[Region]) -> None:
        self._waiting = sorted(merges, key=lambda merge: merge.top, reverse=True)
        self._open: list[Region] = []
        self._row = 0

    def covers(self, row: int, column: int) -> bool:
        """Return whether a cell is under a merged cell."""
        if row != self._row:
            self._row = row
            while self._waiting and self._waiting[-1].top <= row:
                self._open.append(self._waiting.pop())
            self._open = [merge for merge in self._open if merge.bottom >= row]
        return bool(self._open) and any(merge.left <= column <= merge.right for merge in self._open)


# --- which cells are a table ------------------------------------------------------------------------------------------


def _tables_of(cells: list[SheetCell], frame: SheetFrame, *, is_whole: bool) -> Iterator[tuple[list[SheetCell], int]]:
    """Yield the cells of each table and the number of its header rows, in reading order."""
    named: list[list[SheetCell]] = [[] for _ in frame.tables]
    others: list[SheetCell] = [] if frame.tables else cells
    for cell in cells if frame.tables else ():
        place = next((at for at, table in enumerate(frame.tables) if table.region.contains(*cell.box[:2])), None)
        (others if place is None else named[place]).append(cell)
    found = [(held, table.header_rows) for held, table in zip(named, frame.tables, strict=True) if held]
    for group in _split(others, is_whole=is_whole):
        found += [(part, _count_header_rows(part, frame)) for part in _split_at_filter(group, frame.filtered)]
    for held, heads in sorted(found, key=lambda one: bounds_of([cell.box for cell in one[0]])[:2]) if named else found:
        yield sorted(held, key=lambda cell: cell.box[:2]), heads


def _split(cells: list[SheetCell], *, is_whole: bool) -> list[list[SheetCell]]:
    """Return the groups of cells between which rows or columns are empty."""
    by_box = {cell.box: cell for cell in cells}
    if is_whole:
        return [[by_box[box] for box in group] for group in split_at_gaps(list(by_box))]
    groups: list[list[SheetCell]] = []
    end = 0
    for cell in cells:
        if not groups or cell.box.top > end + 1:
            groups.append([])
        groups[-1].append(cell)
        end = max(end, cell.box.bottom)
    return groups


def _split_at_filter(cells: list[SheetCell], filtered: Sequence[Region]) -> list[list[SheetCell]]:
    """Return the cells above the header of a filter, if there are any, and all others."""
    heads = [region.top for region in filtered if any(region.contains(*cell.box[:2]) for cell in cells)]
    if not heads:
        return [cells]
    parts = [[cell for cell in cells if cell.box.bottom < heads[0]], [cell for cell in cells if cell.box.bottom >= heads[0]]]
    return [part for part in parts if part]


def _count_header_rows(cells: list[SheetCell], frame: SheetFrame) -> int:
    """Return how many of a table's first rows the file shows to be its header."""
    bounds = bounds_of([cell.box for cell in cells])
    if any(region.top == bounds.top and region.contains(bounds.top, bounds.left) for region in frame.filtered):
        return 1
    last = max(frame.frozen_rows, frame.title_rows[1] if frame.title_rows and frame.title_rows[0] <= bounds.top else 0)
    heads = last - bounds.top + 1
    return heads if 0 < heads <= MAX_HEADER_ROWS and bounds.bottom > last else 0


# --- tables -----------------------------------------------------------------------------------------------------------


def _blocks_of_table(
    cells: list[SheetCell], bounds: Region, header_rows: int, hidden_rows: Collection[int], hidden_columns: Collection[int]
) -> Iterator[Block]:
    """Yield the shown part of a table, then its hidden rows, then its hidden columns, each as a block of its own."""
    rows = _Axis(bounds.top, bounds.bottom, hidden_rows)
    columns = _Axis(bounds.left, bounds.right, hidden_columns)
    if not rows.hidden and not columns.hidden:
        yield _block(cells, rows, columns, bounds.top + header_rows, "body")
        return
    shown: list[SheetCell] = []
    by_row: list[SheetCell] = []
    by_column: list[SheetCell] = []
    for cell in cells:
        in_rows = rows.shows(cell.box.top, cell.box.bottom)
        in_columns = columns.shows(cell.box.left, cell.box.right)
        (shown if in_rows and in_columns else by_column if in_rows else by_row).append(cell)
    heads = bounds.top + header_rows
    if shown:
        yield _block(shown, rows, columns, heads, "body")
    if by_row:
        yield _block(by_row, rows.inverse(), _Axis(bounds.left, bounds.right, ()), heads, "hidden")
    if by_column:
        yield _block(by_column, rows, columns.inverse(), heads, "hidden")


class _Axis:
    """The rows, or the columns, of a table: which are shown, and which place each has among those."""

    def __init__(self, first: int, last: int, hidden: Collection[int], *, only_hidden: bool = False) -> None:
        self.first, self.last = first, last
        self.hidden = sorted(place for place in hidden if first <= place <= last)
        self._given = hidden
        self._only_hidden = only_hidden
        kept = set(self.hidden)
        if only_hidden:
            self._places: dict[int, int] | None = {place: at for at, place in enumerate(self.hidden)}
        elif kept:
            shown = (place for place in range(first, last + 1) if place not in kept)
            self._places = {place: at for at, place in enumerate(shown)}
        else:
            self._places = None
        self.count = last - first + 1 if self._places is None else len(self._places)

    def inverse(self) -> _Axis:
        """Return the same axis with only what is hidden."""
        return _Axis(self.first, self.last, self._given, only_hidden=True)

    def shows(self, first: int, last: int) -> bool:
        """Return whether one of these rows or columns is kept."""
        return self._places is None or any(place in self._places for place in range(first, min(last, self.last) + 1))

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Return the place of the first kept one, from 0, and how many are kept, at least 1."""
        if self._places is None:
            return first - self.first, (1 if first == last else min(last, self.last) - first + 1)
        last = min(last, self.last)
        kept = [self._places[place] for place in range(first, last + 1) if place in self._places]
        return (kept[0], len(kept)) if kept else (0, 1)


def _block(cells: list[SheetCell], rows: _Axis, columns: _Axis, heads_end: int, layer: LayerName) -> Block:
    """Return the block of these cells. A lone text is a paragraph. Rows before ``heads_end`` are headers."""
    if len(cells) == 1 and cells[0].value is None and cells[0].formula is None and layer == "body":
        return Block(kind="paragraph", text=cells[0].text, spans=list(cells[0].spans))
    made = []
    for cell in cells:
        top, left, bottom, right = cell.box
        row, row_span = rows.place(top, bottom)
        column, column_span = columns.place(left, right)
        made.append(
            Cell(
                row=row, column=column, row_span=row_span, column_span=column_span, text=cell.text,
                header=top < heads_end, spans=list(cell.spans),
                value=value_of(cell.value), formula=cell.formula, format=cell.format,
            )
        )  # fmt: skip
    return Block(kind="table", layer=layer, table=Table(rows=rows.count, columns=columns.count, cells=made))
