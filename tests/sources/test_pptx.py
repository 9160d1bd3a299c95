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
