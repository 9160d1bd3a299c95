"""Tables of Word: cells by the columns of their grid, with what is merged across rows.

Rows may begin later or end earlier than the grid, have cells wider than it, and cells wrapped in content controls. Columns of
the grid at which no cell begins are left out: Word splits a column wherever two rows differ by a hair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from document_parser.models import Block, Cell, Span, Table, pack_cells
from document_parser.models.packed_cells import PackedTexts, escape
from document_parser.sources.office.word_styles import VALUE, WORD, is_on
from document_parser.sources.xml_trees import Element, integer_of
from document_parser.text.spans import Run, runs_of, spans_of, text_of

_WRAPPERS = frozenset(f"{WORD}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"))
"""Elements around rows and cells that show what they hold."""
MIN_PACKED_CELLS = 20_000
"""Cells from which a plain table is packed: as many as a part of a sheet has at most."""
_CELL_SEPARATOR = " | "
"""Between the cells of a table within a cell."""


@dataclass(slots=True)
class FoundCell:
    """A cell while its table is read: its columns of the grid, and its blocks until ``settle`` has made them its text."""

    row: int
    start: int
    end: int
    blocks: list[Block] | None
    rows: int = 1
    header: bool = False
    text: str = ""
    spans: Sequence[Span] = ()
    beside: Sequence[Block] = ()
    """Blocks that no cell can hold; they come after the table."""

    def settle(self) -> int | None:
        """Make the text of the cell and let go of its blocks, which take a hundred times the room. Return their first page."""
        if self.blocks is None:
            return None
        text, spans, beside = cell_content(self.blocks)
        page = min((block.printed_page for block in self.blocks if block.printed_page), default=None)
        self.text, self.spans, self.beside, self.blocks = text, spans or (), beside or (), None
        return page


@dataclass(slots=True)
class FoundTable:
    """A table while it is read. ``beside`` are blocks that stand after it: deleted rows and cells, hidden rows."""

    rows: int = 0
    cells: list[FoundCell] = field(default_factory=list)
    beside: list[Block] = field(default_factory=list)
    page: int | None = None
    """The first printed page of the settled cells."""
    open: list[FoundCell] = field(default_factory=list)
    """Cells that are not settled."""

    def add(self, cell: FoundCell) -> None:
        """Add a cell."""
        self.cells.append(cell)
        self.open.append(cell)

    def settle(self, merged: Container[int] = ()) -> None:
        """Settle all cells except those whose identity is in ``merged``: they may go on in the next row."""
        pages = [page for cell in self.open if id(cell) not in merged and (page := cell.settle())]
        self.page = min([*pages, *([self.page] if self.page else [])], default=None)
        self.open = [cell for cell in self.open if cell.blocks is not None]


class TableReader:
    """Reads tables with a function that reads the blocks of a cell."""

    def __init__(self, read_blocks: Callable[[Element], list[Block]], has_first_row: Callable[[str], bool]) -> None:
        self._read_blocks = read_blocks
        self._has_first_row = has_first_row

    def read(self, element: Element) -> list[Block]:
        """Return a table and the blocks that belong after it; the content itself if the table is a frame around one cell."""
        found, headed = FoundTable(), self._is_first_row_set_apart(element)
        merged: dict[int, FoundCell] = {}
        for row in _wrapped(element, f"{WORD}tr"):
            self._read_row(row, found, merged)
        if headed and found.rows > 1:
            for cell in found.cells:
                cell.header = cell.header or cell.row == 0
        if len(found.cells) == 1 and found.cells[0].blocks is not None:
            return [*found.cells[0].blocks, *found.beside]
        found.settle()
        return _as_blocks(found)

    def _read_row(self, row: Element, found: FoundTable, merged: dict[int, FoundCell]) -> None:
        """Add a row; one whose deletion is tracked, or that is hidden, goes beside the table."""
        properties = row.find(f"{WORD}trPr")
        layer = None
        if properties is not None and properties.find(f"{WORD}del") is not None:
            layer = "revisions"
        elif properties is not None and is_on(properties.find(f"{WORD}hidden")):
            layer = "hidden"
        if layer is not None:
            blocks = [block for cell in _wrapped(row, f"{WORD}tc") for block in self._read_blocks(cell)]
            found.beside += [block.model_copy(update={"layer": layer}) for block in blocks]
            return
        header = properties is not None and is_on(properties.find(f"{WORD}tblHeader"))
        column, after, last = _count(properties, "gridBefore"), dict[int, FoundCell](), None
        for element in _wrapped(row, f"{WORD}tc"):
            cell_properties = element.find(f"{WORD}tcPr")
            end = column + max(1, _count(cell_properties, "gridSpan", 1))
            origin = _origin_of(cell_properties, merged.get(column))
            blocks = self._read_blocks(element)
            if cell_properties is not None and cell_properties.find(f"{WORD}cellDel") is not None:
                found.beside += [block.model_copy(update={"layer": "revisions"}) for block in blocks]
                column = end  # what is behind it stays in its column of the grid
                continue
            if last is not None and _is_merged_across(cell_properties):
                last.end = end
                _extend(last, blocks)
            elif origin is not None:
                origin.rows = found.rows - origin.row + 1
                _extend(origin, blocks)
                after[column] = last = origin
            else:
                last = FoundCell(found.rows, column, end, blocks, header=header)
                found.add(last)
                if _merge_of(cell_properties) is not None:
                    after[column] = last
            column = end
        merged.clear()
        merged.update(after)
        found.rows += 1
        if len(found.cells) > 1:
            found.settle({id(cell) for cell in after.values()})

    def _is_first_row_set_apart(self, element: Element) -> bool:
        """Return whether the table shows its first row as a header: its look asks for it, and its style has one."""
        properties = element.find(f"{WORD}tblPr")
        style = None if properties is None else properties.find(f"{WORD}tblStyle")
        look = None if properties is None else properties.find(f"{WORD}tblLook")
        if style is None or look is None:
            return False
        asked = look.get(f"{WORD}firstRow")
        if asked is None:
            try:
                asked = "1" if int(look.get(VALUE, "0"), 16) & 0x20 else "0"
            except ValueError:
                asked = "0"
        return asked in {"1", "true", "on"} and self._has_first_row(style.get(VALUE, ""))


def _wrapped(element: Element, tag: str) -> Iterator[Element]:
    """Yield the children of this tag, also those within wrappers."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _wrapped(child, tag)


def _count(properties: Element | None, name: str, default: int = 0) -> int:
    """Return a number in the properties of a row or cell."""
    found = None if properties is None else properties.find(f"{WORD}{name}")
    number = default if found is None else integer_of(found.get(VALUE), default)
    return number if number >= 0 else default


def _merge_of(properties: Element | None) -> str | None:
    """Return ``restart`` or ``continue`` for a cell that is merged across rows; None for any other."""
    found = None if properties is None else properties.find(f"{WORD}vMerge")
    return None if found is None else str(found.get(VALUE, "continue"))


def _origin_of(properties: Element | None, above: FoundCell | None) -> FoundCell | None:
    """Return the cell that a cell continues; None if it continues none."""
    return above if _merge_of(properties) == "continue" else None


def _is_merged_across(properties: Element | None) -> bool:
    """Return whether a cell is merged with the one before it, as older programs write it."""
    found = None if properties is None else properties.find(f"{WORD}hMerge")
    return found is not None and found.get(VALUE, "continue") == "continue"


def _extend(cell: FoundCell, blocks: list[Block]) -> None:
    """Add what a merged cell holds to the cell that it is merged with."""
    if cell.blocks is not None:
        cell.blocks += blocks


def _as_blocks(found: FoundTable) -> list[Block]:
    """Return the table with only the columns at which cells begin, then the blocks that belong after it."""
    beside = [*(block for cell in found.cells for block in cell.beside), *found.beside]
    if not found.cells:
        return beside
    starts = sorted({cell.start for cell in found.cells})
    place = {start: number for number, start in enumerate(starts)}
    table = _packed(found, place) or Table(
        rows=found.rows,
        columns=len(starts),
        cells=[
            Cell(
                row=cell.row,
                column=place[cell.start],
                row_span=cell.rows,
                column_span=max(1, bisect_left(starts, cell.end) - place[cell.start]),
                text=cell.text,
                spans=list(cell.spans),
                header=cell.header,
            )
            for cell in found.cells
        ],
    )
    return [Block(kind="table", table=table, printed_page=found.page), *beside]


def _packed(found: FoundTable, place: Mapping[int, int]) -> Table | None:
    """Return a large plain table with packed cells; None for any other. ``place`` is the column of each column of the grid."""
    if len(found.cells) < MIN_PACKED_CELLS or any(cell.rows > 1 or cell.spans for cell in found.cells):
        return None
    starts = list(place)
    if any(bisect_left(starts, cell.end) - place[cell.start] > 1 for cell in found.cells):
        return None
    lines = [[""] * len(place) for _ in range(found.rows)]
    for cell in found.cells:
        lines[cell.row][place[cell.start]] = escape(cell.text)
    heads = sum(1 for _ in takewhile(lambda cell: cell.header, found.cells))
    header_rows = found.cells[heads].row if heads < len(found.cells) else found.rows
    if any(cell.header != (cell.row < header_rows) for cell in found.cells):
        return None
    packed = PackedTexts(
        rows=found.rows, columns=len(place), texts="\n".join(map("\t".join, lines)), values="", formats="", formulas="",
        codes=[], header_rows=header_rows,
    )  # fmt: skip
    return Table(rows=packed.rows, columns=packed.columns, cells=pack_cells(packed))


def cell_content(blocks: Sequence[Block]) -> tuple[str, list[Span], list[Block]]:
    """Return the text of a cell with its spans, one line for each paragraph; and the blocks that no cell can hold."""
    shown = [block for block in blocks if block.layer in {"body", "headers", "notes", "comments"} and block.kind != "figure"]
    owner = shown[0].layer if shown else "body"
    kept = [block for block in shown if block.layer == owner]
    own = {id(block) for block in kept}
    others = [block for block in blocks if id(block) not in own]
    if len(kept) == 1 and not kept[0].table:
        return _in_line(kept[0]), kept[0].spans, others
    runs: list[Run] = []
    for block in kept:
        line = _rows_as_lines(block.table) if block.table else runs_of(_in_line(block), block.spans)
        if line:
            runs += [Run("\n"), *line] if runs else line
    return text_of(runs), spans_of(runs), others


def _in_line(block: Block) -> str:
    """Return the text of a block as it stands in a line."""
    return block.text[1:-1] if block.kind == "formula" and block.text.startswith("$$") else block.text


def _rows_as_lines(table: Table) -> list[Run]:
    """Return a table within a cell as lines of text, one for each row."""
    runs: list[Run] = []
    for row in range(table.rows):
        cells = [cell for cell in table.cells if cell.row == row and cell.text]
        for number, cell in enumerate(cells):
            between = _CELL_SEPARATOR if number else "\n" if runs else ""
            runs += [Run(between), *runs_of(cell.text, cell.spans)] if between else runs_of(cell.text, cell.spans)
    return runs
