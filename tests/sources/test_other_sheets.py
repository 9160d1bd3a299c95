"""OpenDocument and old workbooks, and large files of separated values."""

from __future__ import annotations

from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument
from document_parser.models import Part, Table, stored_json
from document_parser.sources.base import OpenerLimits
from document_parser.sources.delimited import DelimitedFile
from document_parser.sources.sheets.ods import OpenDocumentWorkbook
from document_parser.sources.sheets.xls import OldWorkbook
from tests.support.workbooks import write_ods

OLD = Path(__file__).parents[2] / "shared" / "corpus2" / "office" / "tika_testEXCEL.xls"


def opened(tmp_path: Path, rows: str, styles: str = "", table: str = "") -> Part:
    """The part of a workbook with one sheet of these rows."""
    body = f'<table:table table:name="S"{table}>{rows}</table:table>'
    return OpenDocumentWorkbook(write_ods(tmp_path / "book.ods", body, styles), OpenerLimits(), None).part(1)


def cell(text: str, more: str = "") -> str:
    """A cell with a paragraph."""
    return f"<table:table-cell{more}><text:p>{text}</text:p></table:table-cell>"


def row(*cells: str, more: str = "") -> str:
    """A row of cells."""
    return f"<table:table-row{more}>{''.join(cells)}</table:table-row>"


def the_table(part: Part, layer: str = "body") -> Table:
    """The only table of a layer."""
    (found,) = [block.table for block in part.blocks if block.table and block.layer == layer]
    return found


def test_cells_show_what_the_program_showed_and_keep_their_value(tmp_path: Path):
    rows = row(
        cell("40:00", ' office:value-type="time" office:time-value="PT40H00M00S"'),
        cell("25 %", ' office:value-type="percentage" office:value="0.25"'),
        cell("TRUE", ' office:value-type="boolean" office:boolean-value="true"'),
        cell("8", ' office:value-type="float" office:value="8" table:formula="of:=SUM([.A1:.B1])"'),
    )
    cells = the_table(opened(tmp_path, rows)).cells
    assert [one.text for one in cells] == ["40:00", "25 %", "TRUE", "8"]
    assert [one.value for one in cells] == ["PT40H00M00S", 0.25, True, 8]
    assert cells[3].formula == "SUM(A1:B1)"


def test_line_breaks_tabs_and_spaces_are_kept_and_comments_are_no_text(tmp_path: Path):
    note = "<office:annotation><dc:creator>Ann</dc:creator><text:p>Why?</text:p></office:annotation>"
    rows = row(
        f"<table:table-cell>{note}<text:p>4711<text:line-break/>4712<text:s text:c='3'/>a<text:tab/>b</text:p>"
        "</table:table-cell>",
        cell("1"),
    )
    part = opened(tmp_path, rows)
    assert the_table(part).cells[0].text == "4711\n4712   a\tb"
    assert [block.text for block in part.blocks if block.layer == "comments"] == ["A1 (Ann): Why?"]


def test_what_tracked_changes_have_replaced_is_a_revision_and_never_in_the_table(tmp_path: Path):
    def old(text: str, column: int, more: str = "") -> str:
        place = f'<table:cell-address table:table="0" table:row="1" table:column="{column}"/>'
        return f"{place}{more}<table:change-track-table-cell>{text}</table:change-track-table-cell>"

    changes = (
        "<table:tracked-changes><table:cell-content-change><office:change-info><dc:creator>Ann</dc:creator></office:change-info>"
        f"<table:previous>{old('<text:p>old price</text:p>', 0)}</table:previous></table:cell-content-change>"
        '<table:deletion table:type="row" table:position="1"><table:deletions><table:cell-content-deletion>'
        f"{old('<text:p>gone</text:p>', 2)}</table:cell-content-deletion></table:deletions></table:deletion>"
        "</table:tracked-changes>"
    )
    body = f'{changes}<table:table table:name="S">{row(cell("new price"), cell("2"))}</table:table>'
    path = write_ods(tmp_path / "book.ods", body)
    for part in (OpenDocumentWorkbook(path, OpenerLimits(), None).part(1) for _ in range(2)):
        assert [one.text for one in the_table(part).cells] == ["new price", "2"]
        assert [block.text for block in part.blocks if block.layer == "revisions"] == ["1.A2: old price", "1.C2: gone"]


def test_cells_repeated_to_the_edge_of_the_sheet_are_not_expanded(tmp_path: Path):
    rows = row(cell("1"), cell("2"), '<table:table-cell table:number-columns-repeated="16382"/>') + row(
        '<table:table-cell table:number-columns-repeated="16384"/>', more=' table:number-rows-repeated="1048575"'
    )
    table = the_table(opened(tmp_path, rows))
    assert (table.rows, table.columns) == (1, 2)


def test_a_row_repeated_without_end_is_shown_as_often_as_is_bearable(tmp_path: Path):
    part = opened(tmp_path, row(cell("1"), more=' table:number-rows-repeated="1000000"'))
    assert the_table(part).rows == 10_000
    assert [warning.code for warning in part.warnings] == ["not_read"]


def test_merged_header_and_hidden_cells_are_marked(tmp_path: Path):
    head = row(
        cell("Head", ' table:number-columns-spanned="2"'),
        "<table:covered-table-cell><text:p>x</text:p></table:covered-table-cell>",
    )
    rows = f"<table:table-header-rows>{head}</table:table-header-rows>" + row(cell("1"), cell("2"))
    rows += row(cell("3"), cell("4"), more=' table:visibility="collapse"')
    part = opened(tmp_path, rows)
    assert [(one.text, one.column_span, one.header) for one in the_table(part).cells] == [
        ("Head", 2, True), ("1", 1, False), ("2", 1, False),
    ]  # fmt: skip
    assert [one.text for one in the_table(part, "hidden").cells] == ["3", "4"]


def test_a_sheet_that_is_not_displayed_is_hidden(tmp_path: Path):
    styles = '<style:style style:name="ta1" style:family="table"><style:table-properties table:display="false"/></style:style>'
    part = opened(tmp_path, row(cell("1"), cell("2")), styles, ' table:style-name="ta1"')
    assert {block.layer for block in part.blocks} == {"hidden"}


def test_a_large_csv_file_is_read_in_parts(tmp_path: Path):
    path = tmp_path / "big.csv"
    path.write_text("".join(f"{number},t{number}\n" for number in range(20_001)))
    file = DelimitedFile(path, OpenerLimits(), None)
    assert [file.location(number).range for number in (1, 2, 3)] == ["A1:B10000", "A10001:B20000", "A20001:B20001"]
    parts = [file.part(number) for number in (1, 2, 3)]
    assert [the_table(part).rows for part in parts] == [10_000, 10_000, 1]
    assert [one.text for one in the_table(file.part(2)).cells[:2]] == ["10000", "t10000"]


def test_packed_cells_are_a_list_for_others_and_stay_packed_for_this_program(tmp_path: Path):
    path = tmp_path / "big.csv"
    path.write_text("".join(f'"a\tb\\n{number}","x\ny"\n' for number in range(10_001)))
    file = DelimitedFile(path, OpenerLimits(), None)
    table = the_table(file.part(1))
    assert the_table(file.part(2)).rows == 1
    stored = Table.model_validate_json(stored_json(table))
    published = Table.model_validate_json(table.model_dump_json())
    assert (table.is_packed, stored.is_packed, published.is_packed) == (True, True, False)
    assert list(stored.cells) == list(table.cells) == list(published.cells)
    assert [one.text for one in stored.cells[:2]] == ["a\tb\\n0", "x\ny"]


@pytest.mark.parametrize("change", [{"rows": 3}, {"columns": 0}, {"texts": 5}, {"more": 1}])
def test_packed_cells_that_are_not_as_they_say_are_refused(change: dict[str, object]):
    packed = {
        "rows": 1,
        "columns": 2,
        "texts": "a\tb",
        "values": "",
        "formats": "",
        "formulas": "",
        "codes": [],
        "header_rows": 0,
    }
    assert Table.model_validate({"rows": 1, "columns": 2, "cells": packed}).is_packed
    with pytest.raises(ValueError, match="cells"):
        Table.model_validate({"rows": 1, "columns": 2, "cells": {**packed, **change}})


@pytest.mark.skipif(not OLD.exists(), reason="the second corpus is not here")
def test_an_old_workbook_is_read_with_its_formats():
    book = OldWorkbook(OLD, OpenerLimits(), None)
    texts = [
        one.text
        for number in range(1, book.page_count + 1)
        for block in book.part(number).blocks
        if block.table
        for one in block.table.cells
    ]
    assert texts


def test_what_is_no_old_workbook_is_damaged(tmp_path: Path):
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    with pytest.raises(DamagedDocument):
        OldWorkbook(path, OpenerLimits(), None)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_separated_values_in_utf_16_need_no_byte_order_mark(tmp_path: Path, encoding: str):
    path = tmp_path / "a.csv"
    path.write_bytes("name,wert\nMüller,1\n".encode(encoding))
    (block,) = DelimitedFile(path, OpenerLimits(), None).part(1).blocks
    assert [cell.text for cell in block.table.cells] == ["name", "wert", "Müller", "1"]
