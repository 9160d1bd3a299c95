"""Tables of Word: cells by the columns of their grid, with what is merged across rows.

Rows may begin later or end earlier than the grid, have cells wider than it, and cells wrapped in content controls. Columns of
the grid at which no cell begins are left out: Word splits a column wherever two rows differ by a hair.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from document_parser.models import Block, Cell, Span, Table
from document_parser.sources.office.word_styles import VALUE, WORD, is_on
from document_parser.sources.xml_trees import Element, integer_of
from document_parser.text.spans import Run, runs_of, spans_of, text_of

_WRAPPERS = frozenset(f"{WORD}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"))
"""Elements around rows and cells that show what they hold."""
_CELL_SEPARATOR = " | "
"""Between the cells of a table within a cell."""


@dataclass(slots=True)
class FoundCell:
    """A cell while its table is read: its columns of the grid, and its blocks."""

    row: int
    start: int
    end: int
    blocks: list[Block]
    rows: int = 1
    header: bool = False


@dataclass(slots=True)
class FoundTable:
    """A table while it is read. ``beside`` are blocks that stand after it: deleted rows, hidden ones, what merging covers."""

    rows: int = 0
    cells: list[FoundCell] = field(default_factory=list)
    beside: list[Block] = field(default_factory=list)


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
        if len(found.cells) == 1:
            return [*found.cells[0].blocks, *found.beside]
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
            if last is not None and _is_merged_across(cell_properties):
                last.end = end
                last.blocks += blocks
            elif origin is not None:
                origin.rows = found.rows - origin.row + 1
                origin.blocks += blocks
                after[column] = last = origin
            else:
                last = FoundCell(found.rows, column, end, blocks, header=header)
                found.cells.append(last)
                if _merge_of(cell_properties) is not None:
                    after[column] = last
            column = end
        merged.clear()
        merged.update(after)
        found.rows += 1

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


def _as_blocks(found: FoundTable) -> list[Block]:
    """Return the table with only the columns at which cells begin, then the blocks that belong after it."""
    starts = sorted({cell.start for cell in found.cells})
    place = {start: number for number, start in enumerate(starts)}
    cells, beside = [], []
    pages = [block.printed_page for cell in found.cells for block in cell.blocks if block.printed_page]
    for cell in found.cells:
        text, spans, others = cell_content(cell.blocks)
        beside += others
        width = bisect_left(starts, cell.end) - place[cell.start]
        cells.append(
            Cell(
                row=cell.row, column=place[cell.start], row_span=cell.rows, column_span=max(1, width),
                text=text, spans=spans, header=cell.header,
            )
        )  # fmt: skip
    if not cells:
        return [*beside, *found.beside]
    table = Table(rows=found.rows, columns=len(starts), cells=cells)
    block = Block(kind="table", table=table, printed_page=min(pages, default=None))
    return [block, *beside, *found.beside]


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
