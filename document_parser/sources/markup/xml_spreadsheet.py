"""Workbooks that are one XML file (SpreadsheetML 2003), often exported under the name .xls. Runs in the opener child."""

from __future__ import annotations

from document_parser.models import Block, Cell, Table
from document_parser.sources.markup.blocks import HtmlBlocks
from document_parser.sources.markup.lists import integer
from document_parser.sources.xml_trees import Element, local_name

_NAMESPACE = "{urn:schemas-microsoft-com:office:spreadsheet}"


def is_spreadsheet(root: Element) -> bool:
    """Return whether XML is a workbook."""
    return bool(root.tag == f"{_NAMESPACE}Workbook")


def blocks_of_spreadsheet(root: Element) -> HtmlBlocks:
    """Return each sheet: its name as a heading, and its cells as a table. Values are those that the file stores."""
    blocks: list[Block] = []
    for sheet in root.iter(f"{_NAMESPACE}Worksheet"):
        table = _table_of(sheet)
        hidden = any(local_name(option) == "Visible" and "Hidden" in (option.text or "") for option in sheet.iter())
        found = [Block(kind="heading", level=2, text=sheet.get(f"{_NAMESPACE}Name", "Sheet"))]
        found += [Block(kind="table", table=table)] if table.cells else []
        blocks += [block.model_copy(update={"layer": "hidden"}) for block in found] if hidden else found
    return HtmlBlocks(blocks, [], [], "")


def _table_of(sheet: Element) -> Table:
    """Return the cells of a sheet, without rows and columns in which no cell begins."""
    placed: list[tuple[int, int, int, int, str]] = []
    row_number = 0
    for row in sheet.iter(f"{_NAMESPACE}Row"):
        row_number = integer(row.get(f"{_NAMESPACE}Index", ""), row_number + 1)
        column = 0
        for cell in row.iter(f"{_NAMESPACE}Cell"):
            column = integer(cell.get(f"{_NAMESPACE}Index", ""), column + 1)
            across, down = (integer(cell.get(f"{_NAMESPACE}{name}", ""), 0) for name in ("MergeAcross", "MergeDown"))
            if text := _text_of(cell):
                placed.append((row_number, column, down, across, text))
            column += across
    rows = {row: at for at, row in enumerate(sorted({cell[0] for cell in placed}))}
    columns = {column: at for at, column in enumerate(sorted({cell[1] for cell in placed}))}
    cells = [
        Cell(
            row=rows[row], column=columns[column], text=text,
            row_span=sum(row <= one <= row + down for one in rows) if down else 1,
            column_span=sum(column <= one <= column + across for one in columns) if across else 1,
        )
        for row, column, down, across, text in placed
    ]  # fmt: skip
    return Table(rows=len(rows), columns=len(columns), cells=cells)


def _text_of(cell: Element) -> str:
    """Return the value of a cell, not its comment."""
    data = next((child for child in cell if local_name(child) == "Data"), None)
    return "".join(data.itertext()).strip() if data is not None else ""
