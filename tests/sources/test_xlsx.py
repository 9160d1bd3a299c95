"""Workbooks of Office Open XML: cells as the program shows them, nothing guessed, nothing lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from document_parser.errors import DocumentError, EncryptedDocument, PageUnreadable
from document_parser.export import flow
from document_parser.export.markdown import write_markdown
from document_parser.models import Block, Document, Options, Page, Part, Table, stored_json
from document_parser.models.document import Continuation
from document_parser.pipeline.assembly.page_breaks import join_pages
from document_parser.sources.base import OpenerLimits
from document_parser.sources.sheets.formulas import shift_formula
from document_parser.sources.sheets.rows import SheetRow
from document_parser.sources.sheets.tables import packed_blocks
from document_parser.sources.sheets.xlsx import ExcelWorkbook
from tests.support.workbooks import ANCHORS, CHART, DRAWING, MAIN, RELATIONS, STRICT, relations, row, sheet, write_xlsx

SHEET_RELATIONS = "xl/worksheets/_rels/sheet1.xml.rels"


def opened(path: Path) -> ExcelWorkbook:
    """The opened workbook."""
    return ExcelWorkbook(path, OpenerLimits(), None)


def first_part(tmp_path: Path, rows: str, *, before: str = "", after: str = "", **more: object) -> Part:
    """The part of a workbook with one sheet of these rows."""
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(rows, before=before, after=after)}, **more)  # type: ignore[arg-type]
    return opened(path).part(1)


def tables(part: Part, layer: str = "body") -> list[Table]:
    """The tables of a layer."""
    return [block.table for block in part.blocks if block.table and block.layer == layer]


def texts(table: Table) -> list[list[str]]:
    """The texts of a table as rows."""
    found = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        found[cell.row][cell.column] = cell.text
    return found


def shown(part: Part) -> list[list[list[str]]]:
    """The texts of all tables of the body."""
    return [texts(table) for table in tables(part)]


def test_cells_have_value_text_formula_and_format(tmp_path: Path):
    rows = (
        '<row r="1"><c r="A1" s="1"><v>45356</v></c><c r="B1" s="2"><v>0.25</v></c><c r="C1" t="b"><v>1</v></c>'
        '<c r="D1" t="e"><v>#DIV/0!</v></c><c r="E1" s="3"><f>A1+1</f><v>1.25</v></c><c r="F1"><v>12</v></c></row>'
    )
    cells = tables(first_part(tmp_path, rows, styles=["14", "0.0%", "[h]:mm"]))[0].cells
    assert [cell.text for cell in cells] == ["3/5/2024", "25.0%", "TRUE", "#DIV/0!", "30:00", "12"]
    assert [cell.value for cell in cells] == ["2024-03-05", 0.25, True, None, "PT30H0M0S", 12]
    assert [cell.format for cell in cells] == ["m/d/yyyy", "0.0%", None, None, "[h]:mm", None]
    assert [cell.formula for cell in cells] == [None, None, None, None, "A1+1", None]


def test_a_row_after_many_that_are_written_alike_shows_the_same_as_alone(tmp_path: Path):
    def two_columns(number: int, first: str, more: str = "") -> str:
        """A row with this content and a number."""
        return f'<row r="{number}"><c r="A{number}"{more}><v>{first}</v></c><c r="B{number}"><v>2</v></c></row>'

    odd = ["1", "0", "-5", "007", "-07", "1.5", "1.50", "123456789012", "1e5", "12.", ".5", "2\t3", " 4", "5\n", "x", "&amp;7"]
    ways = [(content, "") for content in odd] + [("45356", ' s="1"'), ("<!-- no -->3", ""), ("9", ' t="n"'), ("true", ' t="b"')]
    kept: list[list[tuple[str, object, str | None]]] = []
    for before in (0, 150):
        rows = [two_columns(number, str(number)) for number in range(1, before + 1)]
        rows += [two_columns(before + place, *way) for place, way in enumerate(ways, 1)]
        (table,) = tables(first_part(tmp_path, "".join(rows), styles=["14"]))
        kept.append([(cell.text, cell.value, cell.format) for cell in table.cells if cell.row >= before])
    assert kept[0] == kept[1]
    assert ("1.5", 1.5, None) in kept[1]


def test_dates_may_count_from_1904(tmp_path: Path):
    rows = '<row r="1"><c r="A1" s="1"><v>43894</v></c><c r="B1"><v>1</v></c></row>'
    path = write_xlsx(
        tmp_path / "book.xlsx", {"Data": sheet(rows)}, styles=["yyyy-mm-dd"], workbook='<workbookPr date1904="1"/>'
    )
    assert texts(tables(opened(path).part(1))[0]) == [["2024-03-05", "1"]]


def test_the_stored_size_of_a_sheet_is_not_believed(tmp_path: Path):
    part = first_part(tmp_path, row(1, "1", "2") + row(2, "3", "4"), before='<dimension ref="A1"/>')
    assert shown(part) == [[["1", "2"], ["3", "4"]]]
    assert part.location.range == "A1:B2"


def test_cells_with_a_style_and_no_content_are_no_cells(tmp_path: Path):
    rows = row(3, "", "1", "2") + '<row r="5000"><c r="ZZ5000" s="1"/></row>' + '<row r="6000"/>'
    part = first_part(tmp_path, rows, styles=["0"])
    assert part.location.range == "B3:C3"
    assert shown(part) == [[["1", "2"]]]


def test_tables_are_parted_at_empty_rows_and_columns(tmp_path: Path):
    rows = row(1, "1", "2", "", "7", "8") + row(2, "3", "4") + row(4, "5", "6")
    assert shown(first_part(tmp_path, rows)) == [[["1", "2"], ["3", "4"]], [["7", "8"]], [["5", "6"]]]


def test_a_lone_text_is_a_paragraph(tmp_path: Path):
    part = first_part(tmp_path, row(1, "Title") + row(3, "1", "2"))
    assert [(block.kind, block.text) for block in part.blocks] == [("paragraph", "Title"), ("table", "")]


def test_what_is_stored_under_merged_cells_is_not_shown(tmp_path: Path):
    part = first_part(
        tmp_path,
        row(1, "Head", "under", "c") + row(2, "1", "2", "3"),
        after='<mergeCells><mergeCell ref="A1:B1"/></mergeCells>',
    )
    cells = tables(part)[0].cells
    assert [(cell.text, cell.column_span) for cell in cells[:2]] == [("Head", 2), ("c", 1)]


def test_a_merge_over_the_whole_sheet_is_as_wide_as_the_content(tmp_path: Path):
    after = '<mergeCells><mergeCell ref="A1:XFD1"/></mergeCells>'
    table = tables(first_part(tmp_path, row(1, "Head") + row(2, "1", "2", "3"), after=after))[0]
    assert (table.columns, table.cells[0].column_span) == (3, 3)


def test_no_header_is_guessed(tmp_path: Path):
    part = first_part(tmp_path, row(1, "Name", "Age") + row(2, "Ann", "7"))
    assert not any(cell.header for cell in tables(part)[0].cells)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<sheetViews><sheetView><pane ySplit="1" state="frozen"/></sheetView></sheetViews>', ""),
        ("", '<autoFilter ref="A1:B2"/>'),
        ("", '<tableParts><tablePart r:id="r1"/></tableParts>'),
    ],
)
def test_a_header_is_marked_where_the_file_says_so(tmp_path: Path, before: str, after: str):
    members = {
        SHEET_RELATIONS: relations(("table", "../tables/table1.xml")),
        "xl/tables/table1.xml": f'<table xmlns="{MAIN}" ref="A1:B2" headerRowCount="1"/>',
    }
    part = first_part(tmp_path, row(1, "Name", "Age") + row(2, "Ann", "7"), before=before, after=after, members=members)
    assert [cell.header for cell in tables(part)[0].cells] == [True, True, False, False]


def test_rows_repeated_on_every_page_are_a_header(tmp_path: Path):
    names = '<definedNames><definedName name="_xlnm.Print_Titles" localSheetId="0">Data!$1:$1</definedName></definedNames>'
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(row(1, "Name") + row(2, "Ann"))}, workbook=names)
    assert [cell.header for cell in tables(opened(path).part(1))[0].cells] == [True, False]


def test_hidden_rows_and_columns_are_blocks_in_their_layer(tmp_path: Path):
    rows = row(1, "1", "2", "3") + row(2, "4", "5", "6", more=' hidden="1"') + row(3, "7", "8", "9")
    part = first_part(tmp_path, rows, before='<cols><col min="2" max="2" hidden="1"/></cols>')
    assert shown(part) == [[["1", "3"], ["7", "9"]]]
    assert [texts(table) for table in tables(part, "hidden")] == [[["4", "5", "6"]], [["2"], ["8"]]]
    assert [warning.code for warning in part.warnings] == ["hidden_content"]
    assert part.warnings[0].message == "Rows 2 are hidden; columns B are hidden."


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_in_layer_hidden(tmp_path: Path, state: str):
    path = write_xlsx(tmp_path / "book.xlsx", {"A": sheet(row(1, "1", "2")), "B": sheet(row(1, "3", "4"))}, states={"B": state})
    part = opened(path).part(2)
    assert {block.layer for block in part.blocks} == {"hidden"}
    assert [warning.code for warning in part.warnings] == ["hidden_content"]


def test_sheets_have_headings_if_there_are_several(tmp_path: Path):
    one = sheet(row(1, "1", "2"))
    alone = opened(write_xlsx(tmp_path / "one.xlsx", {"A": one})).part(1)
    both = opened(write_xlsx(tmp_path / "two.xlsx", {"A": one, "B": one}))
    assert [block.kind for block in alone.blocks] == ["table"]
    assert [(block.kind, block.level, block.text) for block in both.part(2).blocks[:1]] == [("heading", 2, "B")]


def test_formulas_without_a_result_are_told_of(tmp_path: Path):
    part = first_part(tmp_path, '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>A1*2</f></c></row>')
    assert [(warning.code, warning.details) for warning in part.warnings] == [
        ("uncached_formula", {"count": 1, "cells": ["B1"]})
    ]


def test_zeros_of_a_library_that_calculates_nothing_are_told_of(tmp_path: Path):
    rows = '<row r="1"><c r="A1"><f>1+1</f><v>0</v></c><c r="B1"><f>"a"</f><v>0</v></c></row>'
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(rows)}, workbook='<calcPr fullCalcOnLoad="1"/>')
    assert [warning.code for warning in opened(path).part(1).warnings] == ["uncached_formula"]


def test_a_shared_formula_is_that_of_its_cell(tmp_path: Path):
    rows = (
        '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1*$C$1</f><v>2</v></c></row>'
        '<row r="2"><c r="A2"><f t="shared" si="0"/><v>4</v></c></row>'
    )
    assert [cell.formula for cell in tables(first_part(tmp_path, rows))[0].cells] == ["B1*$C$1", "B2*$C$1"]


def test_only_relative_references_outside_of_texts_move():
    assert shift_formula("SUM(A1:$B2)&\"A1\"&'A1'!C3+LOG10(D4)", 1, 2) == "SUM(C2:$B3)&\"A1\"&'A1'!E4+LOG10(F5)"


def test_shared_strings_keep_emphasis_and_lose_phonetic_hints(tmp_path: Path):
    strings = (
        f'<sst xmlns="{MAIN}"><si><t>plain &amp; simple</t></si>'
        "<si><r><t>very </t></r><r><rPr><b/></rPr><t>bold</t></r><rPh><t>hint</t></rPh></si><si/>"
        "<si><t>a_x000D_\nb</t></si></sst>"
    )
    rows = '<row r="1">' + "".join(f'<c r="{name}1" t="s"><v>{at}</v></c>' for at, name in enumerate("ABCD")) + "</row>"
    rows += row(2, "1", "2", "3", "4")
    cells = tables(first_part(tmp_path, rows, members={"xl/sharedStrings.xml": strings}))[0].cells
    assert [cell.text for cell in cells[:3]] == ["plain & simple", "very bold", "a\nb"]
    assert [(span.start, span.end, span.bold) for span in cells[1].spans] == [(5, 9, True)]


def test_links_are_spans(tmp_path: Path):
    part = first_part(
        tmp_path,
        row(1, "site", "1"),
        after='<hyperlinks><hyperlink ref="A1" r:id="r1"/></hyperlinks>',
        members={SHEET_RELATIONS: relations(("hyperlink", "https://example.org/"), external=True)},
    )
    assert [span.link for span in tables(part)[0].cells[0].spans] == ["https://example.org/"]


def test_comments_and_threads_are_in_their_layer(tmp_path: Path):
    thread = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    members = {
        SHEET_RELATIONS: relations(("comments", "../comments1.xml"), ("threadedComment", "../threads.xml")),
        "xl/comments1.xml": f'<comments xmlns="{MAIN}"><authors><author>Ann</author></authors><commentList>'
        '<comment ref="A1" authorId="0"><text><t>Ann:\nWhy?</t></text></comment>'
        '<comment ref="B1" authorId="0"><text><t>[Threaded comment] copy</t></text></comment></commentList></comments>',
        "xl/threads.xml": f'<ThreadedComments xmlns="{thread}"><threadedComment ref="B1" '
        f'dT="2024-03-05T10:00:00.12" personId="p">'
        "<text>Because.</text></threadedComment></ThreadedComments>",
        "xl/persons/person.xml": f'<personList xmlns="{thread}"><person id="p" displayName="Bob"/></personList>',
    }
    part = first_part(tmp_path, row(1, "1", "2"), members=members)
    found = [block.text for block in part.blocks if block.layer == "comments"]
    assert found == ["A1 (Ann): Why?", "B1 (Bob, 2024-03-05T10:00:00): Because."]


def anchored(content: str, at: int) -> str:
    """A drawing's content, anchored at a row from 0."""
    return f"<xdr:twoCellAnchor><xdr:from><xdr:col>0</xdr:col><xdr:row>{at}</xdr:row></xdr:from>{content}</xdr:twoCellAnchor>"


def test_text_boxes_charts_and_images_stand_where_they_are_anchored(tmp_path: Path):
    box = "<xdr:sp><xdr:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></xdr:txBody></xdr:sp>"
    compatibility = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    alternatives = (
        f'<mc:AlternateContent xmlns:mc="{compatibility}"><mc:Choice>{box.format("boxed")}</mc:Choice>'
        f"<mc:Fallback>{box.format('boxed')}</mc:Fallback></mc:AlternateContent>"
    )
    chart = f'<xdr:graphicFrame><a:graphic><c:chart xmlns:c="{CHART}" r:id="r1"/></a:graphic></xdr:graphicFrame>'
    picture = '<xdr:pic><xdr:nvPicPr><xdr:cNvPr descr="a logo"/></xdr:nvPicPr><a:blip r:embed="r2"/></xdr:pic>'
    points = '<c:pt idx="0"><c:v>{}</c:v></c:pt>'
    series = (
        f"<c:ser><c:tx><c:v>Sales</c:v></c:tx><c:cat><c:strLit>{points.format('Q1')}</c:strLit></c:cat>"
        f"<c:val>"
        f"<c:numRef><c:numCache><c:formatCode>0%</c:formatCode>{points.format('0.5')}</c:numCache></c:numRef></c:val></c:ser>"
    )
    members = {
        SHEET_RELATIONS: relations(("drawing", "../drawings/drawing1.xml")),
        "xl/drawings/drawing1.xml": f'<xdr:wsDr xmlns:xdr="{ANCHORS}" xmlns:a="{DRAWING}" xmlns:r="{RELATIONS}">'
        f"{anchored(alternatives, 1)}{anchored(chart, 9)}{anchored(picture, 8)}</xdr:wsDr>",
        "xl/drawings/_rels/drawing1.xml.rels": relations(("chart", "../charts/chart1.xml"), ("image", "../media/image1.png")),
        "xl/charts/chart1.xml": f'<c:chartSpace xmlns:c="{CHART}"><c:chart><c:barChart>{series}</c:barChart></c:chart>'
        "</c:chartSpace>",
        "xl/media/image1.png": b"the image",
    }
    rows = row(1, "1", "2") + row(5, "3", "4")
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(rows)}, members=members)
    book = opened(path)
    blocks = book.part(1).blocks
    assert [block.kind for block in blocks] == ["table", "paragraph", "table", "figure", "table"]
    assert (blocks[1].text, blocks[3].text, blocks[3].picture) == ("boxed", "a logo", "image1.png")
    assert blocks[4].table is not None
    assert texts(blocks[4].table) == [["", "Sales"], ["Q1", "50%"]]
    assert book.picture_data(1, 0) == b"the image"


def test_a_diagram_on_a_sheet_is_a_nested_list(tmp_path: Path):
    names = f'xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="{DRAWING}"'
    word = "<d:t><a:p><a:r><a:t>{}</a:t></a:r></a:p></d:t>"
    points = f'<d:pt modelId="0" type="doc"/><d:pt modelId="2">{word.format("Clerk")}</d:pt>'
    points += f'<d:pt modelId="1">{word.format("Head")}</d:pt>'
    lines = '<d:cxn modelId="8" srcId="0" destId="1"/><d:cxn modelId="9" srcId="1" destId="2"/>'
    frame = f'<xdr:graphicFrame><a:graphic><d:relIds {names} r:dm="r1"/></a:graphic></xdr:graphicFrame>'
    members = {
        SHEET_RELATIONS: relations(("drawing", "../drawings/drawing1.xml")),
        "xl/drawings/drawing1.xml": f'<xdr:wsDr xmlns:xdr="{ANCHORS}" xmlns:a="{DRAWING}" xmlns:r="{RELATIONS}">'
        f"{anchored(frame, 1)}</xdr:wsDr>",
        "xl/drawings/_rels/drawing1.xml.rels": relations(("diagramData", "../diagrams/data1.xml")),
        "xl/diagrams/data1.xml": f"<d:dataModel {names}><d:ptLst>{points}</d:ptLst><d:cxnLst>{lines}</d:cxnLst></d:dataModel>",
    }
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(row(1, "1", "2"))}, members=members)
    listed = [block for block in opened(path).part(1).blocks if block.kind == "list_item"]
    assert [(block.text, block.level) for block in listed] == [("Head", 1), ("Clerk", 2)]


def test_headers_and_footers_of_printed_pages_are_in_their_layer(tmp_path: Path):
    header = '&amp;L&amp;"Arial"&amp;12R&amp;&amp;D&amp;C&amp;A'
    after = f"<headerFooter><oddHeader>{header}</oddHeader><oddFooter>&amp;P</oddFooter></headerFooter>"
    part = first_part(tmp_path, row(1, "1", "2"), after=after)
    assert [(block.kind, block.layer, block.text) for block in part.blocks][:1] == [("page_header", "headers", "R&D\nData")]
    assert len(part.blocks) == 2


def test_strict_prefixed_utf16_and_backslashed_workbooks_are_read(tmp_path: Path):
    plain = sheet(row(1, "1", "2"))
    prefixed = (
        f'<?xml version="1.0"?><x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c>'
        "<x:c><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>"
    )
    wide = ('<?xml version="1.0" encoding="UTF-16"?>' + plain).encode("utf-16")
    single = plain.replace('"', "'").replace("<v>1</v>", "<v><!-- one -->1</v>")
    variants = [
        write_xlsx(tmp_path / "a.xlsx", {"S": sheet(row(1, "1", "2"), namespace=STRICT)}, namespace=STRICT),
        write_xlsx(tmp_path / "b.xlsx", {"S": prefixed}),
        write_xlsx(tmp_path / "c.xlsx", {"S": plain}, members={"xl/worksheets/sheet1.xml": wide}),
        write_xlsx(tmp_path / "d.xlsx", {"S": plain}, backslashes=True),
        write_xlsx(tmp_path / "e.xlsx", {"S": single}),
    ]
    for path in variants:
        assert shown(opened(path).part(1)) == [[["1", "2"]]], path.name


def test_two_cells_at_the_far_ends_of_a_sheet_are_read_at_once(tmp_path: Path):
    rows = row(1, "1") + '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    part = first_part(tmp_path, rows)
    assert shown(part) == [[["1"]], [["2"]]]


def test_an_encrypted_workbook_says_so(tmp_path: Path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(EncryptedDocument):
        opened(path)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    with pytest.raises(DocumentError, match="old workbook"):
        opened(path)


def test_a_sheet_that_breaks_off_shows_the_rows_before(tmp_path: Path):
    broken = sheet(row(1, "1", "2") + row(2, "3", "4")).partition("</sheetData>")[0] + '<row r="3"><c r="A3"><v>'
    part = opened(write_xlsx(tmp_path / "book.xlsx", {"S": broken})).part(1)
    assert shown(part) == [[["1", "2"], ["3", "4"]]]
    assert [warning.code for warning in part.warnings] == ["damaged_data"]


def test_a_sheet_that_is_missing_is_a_part_that_cannot_be_read(tmp_path: Path):
    path = write_xlsx(tmp_path / "book.xlsx", {"A": sheet(row(1, "1")), "B": ""}, members={"xl/worksheets/sheet2.xml": "<x/>"})
    book = opened(path)
    assert book.page_count == 2
    with pytest.raises(PageUnreadable):
        book.part(2)


def test_a_large_sheet_is_several_parts_and_one_table(tmp_path: Path):
    rows = "".join(row(number, str(number), f"text &amp; {number}") for number in range(1, 20_002))
    book = opened(write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(rows)}))
    assert [book.location(number).range for number in range(1, book.page_count + 1)] == [
        "A1:B10000",
        "A10001:B20000",
        "A20001:B20001",
    ]
    pages = []
    for number in range(1, book.page_count + 1):
        part = book.part(number)
        pages.append(Page(number=number, location=part.location, blocks=part.blocks))
    stored = [Page.model_validate_json(stored_json(page)) for page in pages]
    out = io.BytesIO()
    write_markdown(Document(filename="a", media_type="b", page_count=3), join_pages(stored), Options(), out)
    lines = out.getvalue().decode().splitlines()
    assert lines[:3] == ["| 1 | text & 1 |", "| --- | --- |", "| 2 | text & 2 |"]
    assert (len(lines), lines[-1]) == (20_002, "| 20001 | text & 20001 |")


@pytest.mark.parametrize("held", [1 << 24, 0])
@pytest.mark.parametrize("text", ["plain", "two  spaces", " before", "behind ", "a*b", "a &lt;b&gt;", "<!-- page 2 -->", ""])
def test_packed_rows_are_written_as_their_cells_are(text: str, held: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flow, "MAX_HELD_CHARACTERS", held)
    options = Options(page_separator="<!-- page {page} -->")
    written = []
    for is_packed in (True, False):
        pages = []
        for number in (1, 2, 3):
            rows = [
                SheetRow(row, [1, 2], [str(row), text], [None] * 2, [None] * 2) for row in range(1, 3 if number == 2 else 2)
            ]
            table = next(packed_blocks(rows, 1, 2)).block.table
            assert table is not None
            kept = table if is_packed else Table(rows=table.rows, columns=2, cells=list(table.cells))
            begun, more = Continuation(page=number - 1, block=0) if number > 1 else None, number + 1 if number < 3 else None
            pages.append(Page(number=number, blocks=[Block(kind="table", table=kept, continues=begun, continued_on=more)]))
        out = io.BytesIO()
        write_markdown(Document(filename="a", media_type="b", page_count=3), pages, options, out)
        written.append(out.getvalue().decode())
    assert written[0] == written[1]
    assert written[0].count("\n| ") == 4


def test_parts_may_be_asked_for_in_any_order(tmp_path: Path):
    rows = "".join(row(number, str(number), "x") for number in range(1, 20_002))
    path = write_xlsx(tmp_path / "book.xlsx", {"Data": sheet(rows)})
    book, again = opened(path), opened(path)
    in_order = [book.part(number) for number in (1, 2, 3)]
    assert [again.part(number) for number in (3, 1, 2)] == [in_order[2], in_order[0], in_order[1]]


def test_parts_with_an_empty_row_between_them_are_two_tables():
    def page(number: int, cells: str) -> Page:
        table = Table(rows=1, columns=1, cells=[])
        location = {"kind": "sheet", "name": "S", "range": cells}
        return Page.model_validate({"number": number, "location": location, "blocks": [Block(kind="table", table=table)]})

    joined = list(join_pages([page(1, "A1:A9"), page(2, "A10:A19"), page(3, "A21:A29")]))
    assert [bool(one.blocks[0].continues) for one in joined] == [False, True, False]
