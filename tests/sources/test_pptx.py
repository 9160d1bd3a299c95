"""Slides are read as they are seen, with notes and groups; hidden slides in their layer, embedded files inside."""

from __future__ import annotations

import pytest

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.sources.office.slide_text import format_label
from tests.support.slide_decks import NAMES, deck, relationships, shape, texts


def test_the_title_comes_first_then_shapes_from_top_to_bottom_and_left_to_right(tmp_path):
    tree = shape("low", 5_000_000) + shape("right", 2_000_000, 4_000_000) + shape("left", 2_050_000, 100)
    tree += shape("Plans", 8_000_000, holder='type="title"')
    part = deck(tmp_path / "a.pptx", [tree]).part(1)
    assert texts(part) == ["Plans", "left", "right", "low"]
    assert (part.blocks[0].kind, part.location.name) == ("heading", "Plans")


def test_groups_alternatives_fields_breaks_and_formulas_are_read(tmp_path):
    group = f"<p:grpSp><p:grpSpPr/>{shape('in a group')}<p:grpSp><p:grpSpPr/>{shape('deeper')}</p:grpSp></p:grpSp>"
    formula = "<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
    choice = f"<mc:AlternateContent><mc:Choice>{shape(f'<a:p>{formula}</a:p>')}</mc:Choice>"
    choice += f"<mc:Fallback>{shape('picture of it')}</mc:Fallback></mc:AlternateContent>"
    field = shape(
        '<a:p><a:r><a:t>on </a:t></a:r><a:fld type="datetime"><a:t>4 May</a:t></a:fld><a:br/><a:r><a:t>end</a:t></a:r></a:p>'
    )
    part = deck(tmp_path / "a.pptx", [group + choice + field]).part(1)
    assert texts(part) == ["in a group", "deeper", "$\\frac{1}{2}$", "on 4 May\nend"]


def test_bullets_and_numbers_are_those_of_the_shape_its_layout_and_master(tmp_path):
    def paragraph(text: str, properties: str = "") -> str:
        return f"<a:p>{properties}<a:r><a:t>{text}</a:t></a:r></a:p>"

    number = '<a:pPr><a:buAutoNum type="alphaLcParenR"/></a:pPr>'
    body = paragraph("one") + paragraph("two", '<a:pPr lvl="1"/>') + paragraph("plain", "<a:pPr><a:buNone/></a:pPr>")
    body += paragraph("a", number) + paragraph("b", number)
    prompt = shape("prompt", 1, holder='type="body"')
    master = f"<p:sldMaster {NAMES}><p:cSld><p:spTree>{prompt}"
    master += '</p:spTree></p:cSld><p:txStyles><p:bodyStyle><a:lvl1pPr><a:buChar char="•"/></a:lvl1pPr>'
    master += '<a:lvl2pPr><a:buChar char="–"/></a:lvl2pPr></p:bodyStyle></p:txStyles></p:sldMaster>'
    more = {
        "ppt/slides/_rels/slide0.xml.rels": relationships(("l", "slideLayout", "../slideLayouts/l.xml")),
        "ppt/slideLayouts/l.xml": f"<p:sldLayout {NAMES}><p:cSld><p:spTree/></p:cSld></p:sldLayout>",
        "ppt/slideLayouts/_rels/l.xml.rels": relationships(("m", "slideMaster", "../slideMasters/m.xml")),
        "ppt/slideMasters/m.xml": master,
    }
    part = deck(tmp_path / "a.pptx", [shape(body, holder='type="body"')], more).part(1)
    assert [(block.kind, block.text, block.level) for block in part.blocks] == [
        ("list_item", "one", 1), ("list_item", "two", 2), ("paragraph", "plain", None),
        ("list_item", "a) a", 1), ("list_item", "b) b", 1),
    ]  # fmt: skip


def test_emphasis_links_and_raised_text_are_kept(tmp_path):
    runs = (
        '<a:p><a:r><a:rPr b="1"/><a:t>bold</a:t></a:r><a:r><a:t> m</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>2</a:t></a:r>'
        '<a:r><a:t> </a:t></a:r><a:r><a:rPr strike="sngStrike"><a:hlinkClick r:id="h"/></a:rPr><a:t>site</a:t></a:r></a:p>'
    )
    more = {"ppt/slides/_rels/slide0.xml.rels": relationships(("h", "hyperlink", "https://example.org/"))}
    (block,) = deck(tmp_path / "a.pptx", [shape(runs)], more).part(1).blocks
    assert block.text == "bold m² site"
    assert [(one.start, one.end, one.bold, one.struck, one.link) for one in block.spans] == [
        (0, 4, True, False, None), (8, 12, False, True, "https://example.org/"),
    ]  # fmt: skip


def test_tables_keep_merges_and_leave_out_what_is_stored_under_them(tmp_path):
    def cell(text: str, attributes: str = "") -> str:
        return f"<a:tc {attributes}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    first = cell("Head", 'gridSpan="2"') + cell("ghost", 'hMerge="1"')
    table = f'<a:tbl><a:tblPr firstRow="1"/><a:tr>{first}</a:tr><a:tr>{cell("1")}{cell("a|b")}</a:tr></a:tbl>'
    frame = f"<p:graphicFrame><a:graphic><a:graphicData>{table}</a:graphicData></a:graphic></p:graphicFrame>"
    (block,) = deck(tmp_path / "a.pptx", [frame]).part(1).blocks
    assert block.table is not None
    assert [(one.row, one.column, one.column_span, one.text, one.header) for one in block.table.cells] == [
        (0, 0, 2, "Head", True), (1, 0, 1, "1", False), (1, 1, 1, "a|b", False),
    ]  # fmt: skip


def test_notes_comments_and_margins_are_layers_and_embedded_files_are_inside(tmp_path):
    number = shape("x", holder='type="sldNum"')
    more: dict[str, str | bytes] = {
        "ppt/slides/_rels/slide0.xml.rels": relationships(
            ("n", "notesSlide", "../notesSlides/n.xml"), ("c", "comments", "../comments/c.xml"),
            ("e", "package", "../embeddings/book.xlsx"), ("gone", "package", "../NULL"),
        ),
        "ppt/notesSlides/n.xml": f"<p:notes {NAMES}><p:cSld><p:spTree>{number}"
        f"{shape('say this')}</p:spTree></p:cSld></p:notes>",
        "ppt/comments/c.xml": f"<p:cmLst {NAMES}><p:cm><p:text>check</p:text></p:cm></p:cmLst>",
        "ppt/embeddings/book.xlsx": b"PK data",
    }  # fmt: skip
    document = deck(tmp_path / "a.pptx", [shape("words") + shape("Confidential", 9, holder='type="ftr"')], more)
    part = document.part(1)
    assert (texts(part), texts(part, "headers")) == (["words"], ["Confidential"])
    assert (texts(part, "notes"), texts(part, "comments")) == (["say this"], ["check"])
    assert [member.name for member in document.members()] == ["book.xlsx"]
    assert document.open_member(0).read() == b"PK data"


def test_what_stands_for_the_number_of_a_slide_is_no_text(tmp_path):
    fields = "".join(
        f'<p:sp><p:nvSpPr><p:cNvPr id="7" name="n"/><p:nvPr/></p:nvSpPr><p:txBody><a:p><a:fld type="slidenum"><a:t>{text}</a:t>'
        "</a:fld></a:p></p:txBody></p:sp>"
        for text in ("&lt;number&gt;", "‹#›", "3")
    )
    assert texts(deck(tmp_path / "a.pptx", [fields]).part(1)) == ["3"]


def test_a_hidden_slide_is_in_its_layer_and_a_broken_one_costs_itself_only(tmp_path):
    assert texts(deck(tmp_path / "a.pptx", [shape("secret")], attributes=' show="0"').part(1), "hidden") == ["secret"]
    document = deck(tmp_path / "b.pptx", [shape("one"), shape("two")], {"ppt/slides/slide1.xml": "<broken"})
    assert texts(document.part(1)) == ["one"]
    with pytest.raises(PageUnreadable):
        document.part(2)


def test_a_workbook_under_the_name_of_a_presentation_is_refused(tmp_path):
    with pytest.raises(DamagedDocument, match="no presentation"):
        deck(tmp_path / "a.pptx", [shape("x")], {"ppt/presentation.xml": "<workbook/>"})


@pytest.mark.parametrize(
    ("scheme", "labels"),
    [
        ("arabicPeriod", ["1.", "2."]), ("romanUcPeriod", ["I.", "II."]), ("alphaLcParenBoth", ["(a)", "(b)"]),
        ("arabicPlain", ["1", "2"]), ("unheardOf", ["1.", "2."]),
    ],
)  # fmt: skip
def test_labels_are_written_in_their_scheme(scheme, labels):
    assert [format_label(number, scheme) for number in (1, 2)] == labels


def test_a_slide_is_read_once_for_its_title_and_its_text(tmp_path):
    made = deck(tmp_path / "a.pptx", [shape(f"text {number}") for number in range(1, 31)])
    first = [made.location(number) and made.part(number) for number in range(1, 17)]
    assert all(made.part(number) is part for number, part in enumerate(first, 1))
    assert [texts(made.part(number)) for number in (30, 1, 29)] == [["text 30"], ["text 1"], ["text 29"]]


def placed(text: str, left: int, top: int, width: int, height: int, more: str = "") -> str:
    box = f'<a:off x="{left}" y="{top}"/><a:ext cx="{width}" cy="{height}"/>'
    names = f'<p:nvSpPr><p:cNvPr id="1" name="x" {more}/></p:nvSpPr><p:spPr><a:xfrm>{box}</a:xfrm></p:spPr>'
    return f"<p:sp>{names}<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def test_columns_are_read_one_after_the_other_and_rows_of_labels_across(tmp_path):
    columns = "".join(
        placed(f"{name} head", left, 1_000_000, 4_000_000, 500_000) + placed(name, left, top, 4_000_000, 3_000_000)
        for name, left, top in (("left", 0, 1_600_000), ("right", 5_000_000, 1_550_000))
    )
    labels = "".join(
        placed(f"0{row}", 0, row * 700_000, 500_000, 500_000)
        + placed(f"step {row}", 900_000, row * 700_000, 8_000_000, 500_000)
        for row in (1, 2)
    )
    straddling = placed("second", 3_000_000, 228_700, 1_000_000, 500_000) + placed("first", 0, 228_500, 3_100_000, 500_000)
    document = deck(tmp_path / "a.pptx", [columns, labels, straddling])
    assert texts(document.part(1)) == ["left head", "left", "right head", "right"]
    assert texts(document.part(2)) == ["01", "step 1", "02", "step 2"]
    assert texts(document.part(3)) == ["first", "second"]


def test_a_shape_that_is_switched_off_is_hidden_with_its_group(tmp_path):
    group = f'<p:grpSp><p:nvGrpSpPr><p:cNvPr id="1" name="g" hidden="1"/></p:nvGrpSpPr><p:grpSpPr/>{shape("grouped")}</p:grpSp>'
    part = deck(tmp_path / "a.pptx", [shape("seen") + placed("secret", 0, 9, 9, 9, 'hidden="1"') + group]).part(1)
    assert (texts(part), sorted(texts(part, "hidden"))) == (["seen"], ["grouped", "secret"])
    assert [warning.code for warning in part.warnings] == ["hidden_content"]


def test_the_fallback_is_read_where_no_other_version_holds_a_shape(tmp_path):
    ink = '<mc:AlternateContent><mc:Choice Requires="p14"><p:contentPart r:id="i"/></mc:Choice>'
    part = deck(tmp_path / "a.pptx", [f"{ink}<mc:Fallback>{shape('drawn')}</mc:Fallback></mc:AlternateContent>"]).part(1)
    assert texts(part) == ["drawn"]


def test_comments_name_their_authors_and_replies_follow_what_they_answer(tmp_path):
    new = 'xmlns:n="http://schemas.microsoft.com/office/powerpoint/2018/8/main"'
    reply = '<n:reply authorId="B"><n:txBody><a:p><a:r><a:t>No.</a:t></a:r></a:p></n:txBody></n:reply>'
    reply = f"<n:replyLst>{reply}</n:replyLst>"
    asked = f'<n:cm authorId="A">{reply}<n:txBody><a:p><a:r><a:t>Right?</a:t></a:r></a:p></n:txBody></n:cm>'
    more: dict[str, str | bytes] = {
        "ppt/_rels/presentation.xml.rels": relationships(
            ("s0", "slide", "slides/slide0.xml"), ("o", "commentAuthors", "old.xml"), ("n", "authors", "new.xml"),
        ),
        "ppt/old.xml": f'<p:cmAuthorLst {NAMES}><p:cmAuthor id="0" name="Cem"/></p:cmAuthorLst>',
        "ppt/new.xml": f'<n:authorLst {new}><n:author id="A" name="Ann"/><n:author id="B" name="Bob"/></n:authorLst>',
        "ppt/slides/_rels/slide0.xml.rels": relationships(("a", "comments", "../c.xml"), ("b", "comments", "../d.xml")),
        "ppt/c.xml": f'<p:cmLst {NAMES}><p:cm authorId="0"><p:text>Old.</p:text></p:cm></p:cmLst>',
        "ppt/d.xml": f"<n:cmLst {new} {NAMES}>{asked}</n:cmLst>",
    }  # fmt: skip
    part = deck(tmp_path / "a.pptx", [shape("x")], more).part(1)
    assert texts(part, "comments") == ["Cem: Old.", "Ann: Right?", "Bob: No."]


def test_a_label_that_someone_wrote_at_a_point_of_a_chart_stands_beside_its_number(tmp_path):
    def pt(text: str) -> str:
        return f'<c:pt idx="0"><c:v>{text}</c:v></c:pt>'

    def label(inner: str) -> str:
        return f'<c:dLbls><c:dLbl><c:idx val="0"/><c:tx><c:rich><a:p>{inner}</a:p></c:rich></c:tx></c:dLbl></c:dLbls>'

    written, field = label("<a:r><a:t>best year</a:t></a:r>"), label('<a:fld type="VALUE"><a:t>[VALUE]</a:t></a:fld>')
    series = "".join(
        f"<c:ser>{one}<c:cat><c:strCache>{pt('2024')}</c:strCache></c:cat><c:val><c:numCache>{pt('9')}</c:numCache></c:val></c:ser>"
        for one in (written, field)
    )
    chart = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    frame = (
        f'<p:graphicFrame><a:graphic><a:graphicData><c:chart {chart} r:id="c"/></a:graphicData></a:graphic></p:graphicFrame>'
    )
    more: dict[str, str | bytes] = {
        "ppt/slides/_rels/slide0.xml.rels": relationships(("c", "chart", "../chart.xml")),
        "ppt/chart.xml": f"<c:chartSpace {chart} {NAMES}><c:chart><c:plotArea>{series}</c:plotArea></c:chart></c:chartSpace>",
    }
    (block,) = deck(tmp_path / "a.pptx", [frame], more).part(1).blocks
    assert block.table is not None
    assert [cell.text for cell in block.table.cells if cell.row] == ["2024", "9 (best year)", "9"]
