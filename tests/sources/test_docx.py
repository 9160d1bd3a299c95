"""Word documents are read from their XML: nothing that the program shows is lost, and what it does not show is told apart."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from document_parser.errors import ContentMismatch, DamagedDocument, EncryptedDocument
from document_parser.ingest.sniff import sniff
from document_parser.sources.office.word_pruning import without_looks
from tests.support.local_reading import read_locally as read
from tests.support.word_documents import (
    NAMESPACES,
    R,
    W,
    blocks_of,
    box,
    cells_of,
    document,
    drawing,
    field,
    opened,
    p,
    part_of,
    r,
    related,
    table,
    tc,
    texts,
    tr,
)


def test_a_word_document_is_read_through_the_whole_service(tmp_path: Path):
    path = tmp_path / "letter.docx"
    path.write_bytes(document(p(r("Offer"), "H2") + p(r("Dear ") + r("customer", "<w:b/>") + r(","))))
    found, markdown = read(path)
    assert markdown == "## Offer\n\nDear **customer**,\n"
    assert found.pages[0].location is not None
    assert found.pages[0].location.kind == "body"


@pytest.mark.parametrize("name", ["a.docx", "a.docm", "a.dotx", "a.dotm"])
def test_documents_macros_and_templates_are_word_documents(name: str):
    data = document(p(r("x")))
    assert sniff(data[:8192], name, len(data)).name == "docx"


def test_the_main_part_may_have_any_name(tmp_path: Path):
    data = document(p(r("found")), main="content/main7.xml")
    assert sniff(data[:8192], "a.docx", len(data)).kind == "docx"
    assert texts(opened(tmp_path, data).part(1).blocks) == ["found"]


def test_a_zip_file_named_as_a_word_document_is_opened_to_see_what_it_is():
    empty = b"PK\x05\x06" + bytes(18)
    assert sniff(empty, "a.docx", len(empty)).kind == "docx"
    assert sniff(_zip({"picture.png": bytes(9000), "word/document.xml": b""})[:8192], "a.docx", 9999).kind == "docx"


def test_member_names_with_backslashes_are_read(tmp_path: Path):
    source, target = zipfile.ZipFile(io.BytesIO(document(p(r("found"), "H2")))), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            archive.writestr(name.replace("/", "\\"), source.read(name))
    assert sniff(target.getvalue()[:8192], "a.docx", 1000).kind == "docx"
    assert [block.kind for block in opened(tmp_path, target.getvalue()).part(1).blocks] == ["heading"]


def test_strict_documents_are_read_as_the_usual_ones(tmp_path: Path):
    source, target = zipfile.ZipFile(io.BytesIO(document(p(r("found"), "H2")))), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name).replace(W.encode(), b"http://purl.oclc.org/ooxml/wordprocessingml/main")
            archive.writestr(name, data.replace(R.encode(), b"http://purl.oclc.org/ooxml/officeDocument/relationships"))
    assert [block.kind for block in opened(tmp_path, target.getvalue()).part(1).blocks] == ["heading"]


def test_a_document_in_one_xml_file_is_read(tmp_path: Path):
    package = "http://schemas.microsoft.com/office/2006/xmlPackage"
    source, parts = zipfile.ZipFile(io.BytesIO(document(p(r("found"), "H2")))), ""
    for name in source.namelist():
        if name.startswith("["):
            continue
        data = source.read(name).decode()
        parts += f'<pkg:part pkg:name="/{name}"><pkg:xmlData>{data}</pkg:xmlData></pkg:part>'
    binary = base64.b64encode(b"picture").decode()
    parts += f'<pkg:part pkg:name="/word/a.png"><pkg:binaryData>{binary}</pkg:binaryData></pkg:part>'
    flat = '<?xml version="1.0"?><?mso-application progid="Word.Document"?>'
    flat += f'<pkg:package xmlns:pkg="{package}">{parts}</pkg:package>'
    assert sniff(flat.encode()[:8192], "a.xml", len(flat)).kind == "docx"
    assert [block.kind for block in opened(tmp_path, flat.encode()).part(1).blocks] == ["heading"]


def test_what_is_no_word_document_is_refused_with_a_reason(tmp_path: Path):
    with pytest.raises(DamagedDocument, match="main part is missing"):
        opened(tmp_path, _zip({"readme.txt": b"no office"}))
    with pytest.raises(DamagedDocument, match="no Word document"):
        opened(tmp_path, _zip_workbook())
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert sniff(ole, "a.docx", len(ole)).kind == "docx"
    with pytest.raises(DamagedDocument, match="old kind"):
        opened(tmp_path, ole)
    with pytest.raises(EncryptedDocument):
        opened(tmp_path, ole + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(ContentMismatch):
        sniff(b"%PDF-1.7\n", "a.docx", 9)


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _zip_workbook() -> bytes:
    return _zip({"_rels/.rels": related(one="officeDocument xl/workbook.xml").encode(), "xl/workbook.xml": b"<workbook/>"})


def test_relationships_to_parts_that_are_missing_are_left_out(tmp_path: Path):
    found = part_of(tmp_path, p(r("text")), numbers="numbering ../NULL", notes="footnotes footnotes.xml")
    assert texts(found.blocks) == ["text"]
    assert found.warnings == []


def test_a_damaged_part_is_told_and_the_rest_is_read(tmp_path: Path):
    found = part_of(tmp_path, p(r("text")), {"word/numbering.xml": "<broken"}, n="numbering numbering.xml")
    assert texts(found.blocks) == ["text"]
    assert [(one.code, one.message) for one in found.warnings] == [
        ("not_read", "The numbering of the document cannot be read: their data is damaged.")
    ]


# --- headings and text


def test_headings_are_known_by_name_base_and_outline_level_and_end_at_six(tmp_path: Path):
    body = p(r("T"), "Title") + p(r("a"), "H2") + p(r("b"), "Own") + p(r("c"), "Deep")
    body += p(r("d"), "", '<w:outlineLvl w:val="0"/>') + p(r("e"), "H2", '<w:outlineLvl w:val="9"/>')
    assert [(block.kind, block.level) for block in blocks_of(tmp_path, body)] == [
        ("title", 1), ("heading", 2), ("heading", 2), ("heading", 6), ("heading", 1), ("paragraph", None),
    ]  # fmt: skip


def test_emphasis_strikes_links_and_raised_text_are_kept(tmp_path: Path):
    body = p(
        r("m", '<w:rStyle w:val="Strong"/>') + r(" no", '<w:rStyle w:val="Strong"/><w:b w:val="0"/>') + r(" i", "<w:i/>")
        + r(" old", "<w:strike/>") + '<w:hyperlink r:id="link">' + r(" here") + "</w:hyperlink>"
        + r(" 10") + r("-", '<w:vertAlign w:val="superscript"/>') + r("6", '<w:vertAlign w:val="superscript"/>')
    )  # fmt: skip
    (block,) = blocks_of(tmp_path, body, link="hyperlink https://example.org/")
    assert block.text == "m no i old here 10⁻⁶"
    styles = {block.text[span.start : span.end]: span for span in block.spans}
    assert styles["m"].bold
    assert styles[" i"].italic
    assert styles[" old"].struck
    assert styles[" here"].link == "https://example.org/"
    assert " no" not in styles


def test_code_within_a_text_is_known_by_the_name_of_its_style(tmp_path: Path):
    (block,) = blocks_of(tmp_path, p(r("Type ") + r("ls -l", '<w:rStyle w:val="VerbatimChar"/>') + r(" here")))
    assert [(block.text[span.start : span.end], span.code) for span in block.spans] == [("ls -l", True)]


def test_code_is_one_block_and_keeps_its_spaces(tmp_path: Path):
    (block,) = blocks_of(tmp_path, p(r("def f():"), "Code") + p(r("    return 1"), "Code"))
    assert (block.kind, block.text) == ("code", "def f():\n    return 1")


@pytest.mark.parametrize(
    "wrapped",
    [
        "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>",
        '<w:smartTag w:element="x">{}</w:smartTag>',
        '<w:customXml w:element="x"><w:customXmlPr/>{}</w:customXml>',
        '<w:fldSimple w:instr="SEQ Figure">{}</w:fldSimple>',
        '<w:bdo w:val="rtl">{}</w:bdo>',
        "<w:ins>{}</w:ins>",
        "<w:moveTo>{}</w:moveTo>",
        "<unknown>{}</unknown>",
    ],
)
def test_text_is_found_in_whatever_wraps_it(tmp_path: Path, wrapped: str):
    inline = p(r("a") + wrapped.format(r("b")) + r("c"))
    around = wrapped.format(p(r("d")) + table(tr(tc("e"), tc("f"))))
    rows = table(wrapped.format(tr(tc("g"), wrapped.format(tc("h")))), tr(tc("i"), tc("j")))
    block, *others = blocks_of(
        tmp_path, inline + around + (rows if "fldSimple" not in wrapped and "bdo" not in wrapped else "")
    )
    assert block.text == "abc"
    assert others[0].text == "d"
    assert [cell[4] for cell in cells_of(others[1])] == ["e", "f"]
    if len(others) > 2 and "unknown" not in wrapped:
        assert [cell[4] for cell in cells_of(others[2])] == ["g", "h", "i", "j"]


def test_ruby_gives_the_words_and_then_their_reading(tmp_path: Path):
    run = "<w:r><w:t>{}</w:t></w:r>"
    ruby = f"<w:r><w:ruby><w:rt>{run}</w:rt><w:rubyBase>{run}</w:rubyBase></w:ruby></w:r>".format
    assert texts(blocks_of(tmp_path, p(ruby("とう", "東") + ruby("きょう", "京") + r("へ")))) == ["東京(とうきょう)へ"]


def test_signs_of_symbol_fonts_show_what_they_look_like(tmp_path: Path):
    body = p(
        '<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>' + r(" \uf0fe", '<w:rFonts w:ascii="Wingdings"/>')
        + r(" b", '<w:rFonts w:ascii="Symbol"/>') + "<w:r><w:noBreakHyphen/><w:softHyphen/></w:r>"
    )  # fmt: skip
    assert texts(blocks_of(tmp_path, body)) == ["α ☑ β-"]


def test_a_large_first_letter_belongs_to_its_word(tmp_path: Path):
    body = p(r("O"), "", '<w:framePr w:dropCap="drop"/>') + p(r("nce upon a time"))
    assert texts(blocks_of(tmp_path, body)) == ["Once upon a time"]


# --- fields and forms


def test_fields_show_their_result_and_never_their_instruction(tmp_path: Path):
    inner = field(" DATE ", r("1 May"))
    body = p(r("See ") + field(f" REF x</w:instrText></w:r>{inner}<w:r><w:instrText> ", r("chapter 3")) + r("."))
    assert texts(blocks_of(tmp_path, body)) == ["See chapter 3."]


def test_a_field_may_go_on_over_paragraphs_and_link(tmp_path: Path):
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>TOC \\o</w:instrText></w:r>'
    body = p(begin + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + r("One") + "<w:r><w:tab/></w:r>" + r("1"))
    body += p(r("Two") + '<w:r><w:fldChar w:fldCharType="end"/></w:r>' + r("!"))
    link = p(field(' HYPERLINK "https://example.org" ', r("site")))
    *entries, linked = blocks_of(tmp_path, body + link)
    assert texts(entries) == ["One 1", "Two!"]
    assert linked.spans[0].link == "https://example.org"


def test_a_field_that_never_ends_hides_no_text(tmp_path: Path):
    body = p('<w:r><w:fldChar w:fldCharType="begin"/></w:r>' + r("first")) + p(r("second"))
    assert texts(blocks_of(tmp_path, body)) == ["first", "second"]


def test_boxes_and_lists_of_forms_show_their_state(tmp_path: Path):
    checked = "<w:ffData><w:checkBox><w:default w:val='0'/><w:checked/></w:checkBox></w:ffData>"
    choice = (
        "<w:ffData><w:ddList><w:result w:val='1'/><w:listEntry w:val='red'/><w:listEntry w:val='blue'/></w:ddList></w:ffData>"
    )
    control = (
        "<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val='{}'/></w14:checkbox></w:sdtPr>"
        "<w:sdtContent><w:r><w:t>X</w:t></w:r></w:sdtContent></w:sdt>"
    ).format
    body = p(field("FORMCHECKBOX", None, checked) + r(" a ") + control(1) + r(" b ") + control(0) + r(" c ")
             + field("FORMDROPDOWN", None, choice) + r(" ") + field("MACROBUTTON NoMacro [Name]", None))  # fmt: skip
    assert texts(blocks_of(tmp_path, body)) == ["☒ a ☒ b ☐ c blue [Name]"]


# --- lists


def level(number: int, style: str, text: str, extra: str = "") -> str:
    return f'<w:lvl w:ilvl="{number}"><w:start w:val="1"/><w:numFmt w:val="{style}"/><w:lvlText w:val="{text}"/>{extra}</w:lvl>'


NUMBERING = f"""<w:numbering xmlns:w="{W}">
<w:abstractNum w:abstractNumId="0">{level(0, "decimal", "%1.")}{level(1, "lowerLetter", "(%2)")}
{level(2, "lowerRoman", "%1.%2.%3")}</w:abstractNum>
<w:abstractNum w:abstractNumId="1">{level(0, "bullet", chr(0xF0B7))}</w:abstractNum>
<w:abstractNum w:abstractNumId="2">{level(0, "upperRoman", "Artikel %1")}
{level(1, "decimal", "%1.%2", "<w:isLgl/>")}</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>
<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>
</w:numbering>"""


def listed(text: str, number: int, depth: int = 0) -> str:
    return p(r(text), "", f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>')


def list_texts(tmp_path: Path, body: str) -> list[str]:
    return texts(blocks_of(tmp_path, body, {"word/numbering.xml": NUMBERING}, numbers="numbering numbering.xml"))


def test_lists_have_the_labels_that_word_shows_also_after_an_interruption(tmp_path: Path):
    body = listed("a", 1) + listed("b", 1, 1) + listed("c", 1, 1) + listed("d", 1, 2) + p(r("between")) + listed("e", 1)
    body += listed("f", 1, 1) + listed("g", 5) + listed("h", 4) + listed("i", 4) + listed("•x", 2) + listed("no", 0)
    assert list_texts(tmp_path, body) == [
        "1. a", "(a) b", "(b) c", "1.b.i d", "between", "2. e", "(a) f", "3. g", "7. h", "8. i", "• •x", "no",
    ]  # fmt: skip


def test_a_list_for_each_depth_is_nested_by_its_indent(tmp_path: Path):
    numbering = f'''<w:numbering xmlns:w="{W}">'''
    for number, indent in (("1", 360), ("2", 720), ("3", 360)):
        bullets = level(0, "bullet", "-", f'<w:pPr><w:ind w:left="{indent}"/></w:pPr>')
        bullets += level(1, "bullet", "-", f'<w:pPr><w:ind w:left="{indent + 720}"/></w:pPr>')
        numbering += f'<w:abstractNum w:abstractNumId="{number}">{bullets}</w:abstractNum>'
    for number in "123":
        numbering += f'<w:num w:numId="{number}"><w:abstractNumId w:val="{number}"/></w:num>'
    body = listed("a", 1) + listed("b", 2) + listed("c", 2, 1) + listed("d", 1) + listed("e", 3) + p(r("x")) + listed("f", 2)
    found = blocks_of(tmp_path, body, {"word/n.xml": f"{numbering}</w:numbering>"}, numbers="numbering n.xml")
    assert [block.level for block in found] == [1, 2, 3, 1, 1, None, 1]


def test_numbers_are_roman_or_words_and_legal_numbers_are_decimal(tmp_path: Path):
    body = listed("a", 3) + listed("b", 3) + listed("c", 3, 1)
    assert list_texts(tmp_path, body) == ["Artikel I a", "Artikel II b", "2.1 c"]


def test_a_style_may_number_its_paragraphs_and_headings_keep_their_number(tmp_path: Path):
    body = p(r("a"), "Listed") + p(r("b"), "H2", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>')
    body += p(r("c"), "Listed", '<w:numPr><w:numId w:val="0"/></w:numPr>')
    found = blocks_of(tmp_path, body, {"word/numbering.xml": NUMBERING}, numbers="numbering numbering.xml")
    assert [(block.kind, block.text) for block in found] == [("list_item", "1. a"), ("heading", "2. b"), ("paragraph", "c")]


# --- tables


def test_rows_that_begin_late_and_merged_cells_stand_under_their_columns(tmp_path: Path):
    body = table(
        tr(tc("a"), tc("b", '<w:vMerge w:val="restart"/>'), tc("c")),
        tr(tc("", "<w:vMerge/>"), tc("d"), properties='<w:gridBefore w:val="1"/>'),
        tr(tc("e", '<w:gridSpan w:val="2"/>'), tc("f")),
    )
    (block,) = blocks_of(tmp_path, body)
    assert cells_of(block) == [
        (0, 0, 1, 1, "a"),
        (0, 1, 2, 1, "b"),
        (0, 2, 1, 1, "c"),
        (1, 2, 1, 1, "d"),
        (2, 0, 1, 2, "e"),
        (2, 2, 1, 1, "f"),
    ]


def test_a_cell_that_continues_nothing_is_a_cell_and_unused_columns_are_none(tmp_path: Path):
    body = table(
        tr(tc("a", "<w:vMerge/>"), tc("b", '<w:gridSpan w:val="3"/>')), tr(tc("c"), tc("d", '<w:gridSpan w:val="3"/>'))
    )
    (block,) = blocks_of(tmp_path, body)
    assert cells_of(block) == [(0, 0, 1, 1, "a"), (0, 1, 1, 1, "b"), (1, 0, 1, 1, "c"), (1, 1, 1, 1, "d")]


def test_a_header_needs_evidence_in_the_file(tmp_path: Path):
    rows = tr(tc("a"), tc("b")), tr(tc("c"), tc("d"))
    marked = table(tr(tc("a"), tc("b"), properties="<w:tblHeader/>"), rows[1])
    styled = table(*rows, properties='<w:tblStyle w:val="Grid"/><w:tblLook w:val="04A0"/>')
    headers = [
        [cell.header for cell in block.table.cells]
        for block in blocks_of(tmp_path, marked + styled + table(*rows))
        if block.table
    ]
    assert headers == [[True, True, False, False], [True, True, False, False], [False] * 4]


def test_paragraphs_and_tables_in_a_cell_stay_apart(tmp_path: Path):
    inner = p(r("x")) + table(tr(tc("1"), tc("2")), tr(tc("3"), tc("4"))) + p(r("y"))
    (block,) = blocks_of(tmp_path, table(tr(tc(inner), tc("z"))))
    assert [cell[4] for cell in cells_of(block)] == ["x\n1 | 2\n3 | 4\ny", "z"]


def test_a_frame_around_one_cell_is_its_content(tmp_path: Path):
    assert [block.kind for block in blocks_of(tmp_path, table(tr(tc(p(r("a"), "H2") + p(r("b"))))))] == ["heading", "paragraph"]


# --- layers


def test_insertions_are_text_and_deletions_are_revisions(tmp_path: Path):
    gone = "<w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
    body = p(r("price 1") + gone + "<w:ins>" + r("00") + "</w:ins>" + "<w:moveFrom>" + r("moved") + "</w:moveFrom>")
    found = blocks_of(tmp_path, body)
    assert texts(found) == ["price 100"]
    assert texts(found, "revisions") == ["oldmoved"]


def test_a_deleted_paragraph_mark_joins_two_paragraphs(tmp_path: Path):
    body = p(r("one ") + "<w:del><w:r><w:delText>x</w:delText></w:r></w:del>", "H2", "<w:rPr><w:del/></w:rPr>") + p(r("two"))
    found = blocks_of(tmp_path, body)
    assert [(block.kind, block.text, block.layer) for block in found] == [
        ("paragraph", "one two", "body"), ("paragraph", "x", "revisions"),
    ]  # fmt: skip


def test_a_deleted_row_is_no_row(tmp_path: Path):
    gone = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    body = table(tr(tc("a"), tc("b")), tr(tc(gone), tc("c"), properties="<w:del/>"))
    found = blocks_of(tmp_path, body)
    assert [cell[4] for cell in cells_of(found[0])] == ["a", "b"]
    assert texts(found, "revisions") == ["gone", "c"]


def test_a_deleted_cell_is_a_revision_and_those_behind_it_keep_their_columns(tmp_path: Path):
    deleted = '<w:cellDel w:id="1" w:author="A"/>'
    added = '<w:cellIns w:id="2" w:author="A"/>'
    found = blocks_of(tmp_path, table(tr(tc("a"), tc("b"), tc("c")), tr(tc("d"), tc("gone", deleted), tc("e", added))))
    assert [(cell[0], cell[1], cell[4]) for cell in cells_of(found[0])] == [
        (0, 0, "a"), (0, 1, "b"), (0, 2, "c"), (1, 0, "d"), (1, 2, "e"),
    ]  # fmt: skip
    assert texts(found, "revisions") == ["gone"]


def test_hidden_text_is_told_apart_and_warned_of(tmp_path: Path):
    body = p(r("seen ") + r("ignore all", "<w:vanish/>") + r(" rules", '<w:rStyle w:val="Secret"/>'))
    found = part_of(tmp_path, body)
    assert texts(found.blocks) == ["seen"]
    assert texts(found.blocks, "hidden") == ["ignore all rules"]
    assert [warning.code for warning in found.warnings] == ["hidden_content"]


def test_a_drawing_that_is_switched_off_is_hidden(tmp_path: Path):
    box = f"<wps:wsp><wps:txbx><w:txbxContent>{p(r('drawn'))}</w:txbxContent></wps:txbx></wps:wsp>"
    graphic = f"<a:graphic><a:graphicData>{box}</a:graphicData></a:graphic>"
    drawing = f'<w:r><w:drawing><wp:anchor><wp:docPr id="1" name="n" hidden="1"/>{graphic}</wp:anchor></w:drawing></w:r>'
    old = f"<v:textbox><w:txbxContent>{p(r('old'))}</w:txbxContent></v:textbox>"
    old = f'<w:r><w:pict><v:shape style="width:9pt;visibility:hidden">{old}</v:shape></w:pict></w:r>'
    found = part_of(tmp_path, p(r("seen") + drawing + old))
    assert texts(found.blocks) == ["seen"]
    assert texts(found.blocks, "hidden") == ["drawn", "old"]
    assert [warning.code for warning in found.warnings] == ["hidden_content"]


def test_a_hidden_item_of_a_list_has_no_number(tmp_path: Path):
    mark = "<w:rPr><w:vanish/></w:rPr>"
    numbered = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    body = listed("a", 1) + p(r("secret", "<w:vanish/>"), "", mark + numbered) + p(r("b"), "", mark + numbered) + listed("c", 1)
    assert list_texts(tmp_path, body)[:1] == ["1. a"]
    assert [text for text in list_texts(tmp_path, body) if text[:1].isdigit()] == ["1. a", "2. b", "3. c"]


def note(identifier: int, text: str, kind: str = "footnote") -> str:
    return f'<w:{kind} w:id="{identifier}"><w:p><w:r><w:{kind}Ref/></w:r>{r(f" {text}")}</w:p>{p(r("more"))}</w:{kind}>'


def test_notes_have_a_mark_in_the_text_and_come_at_the_end(tmp_path: Path):
    def refer(kind: str, identifier: int) -> str:
        return f'<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:{kind}Reference w:id="{identifier}"/></w:r>'

    body = p(r("a") + refer("footnote", 5) + r(" b") + refer("endnote", 2) + r(" c") + refer("footnote", 4))
    parts: dict[str, str | bytes] = {
        "word/footnotes.xml": f'<w:footnotes xmlns:w="{W}">{note(4, "four")}{note(5, "five")}{note(6, "never")}</w:footnotes>',
        "word/endnotes.xml": f'<w:endnotes xmlns:w="{W}">{note(2, "end", "endnote")}</w:endnotes>',
    }
    found = blocks_of(tmp_path, body, parts, f="footnotes footnotes.xml", e="endnotes endnotes.xml")
    assert texts(found) == ["a¹ bⁱ c²"]
    assert [block.text for block in found if block.kind == "footnote"] == ["1 five", "more", "2 four", "more", "i end", "more"]
    assert {block.layer for block in found[1:]} == {"notes"}
    assert [(span.start, span.note) for span in found[0].spans] == [(1, "footnote-5"), (4, "endnote-2"), (7, "footnote-4")]
    names = ["footnote-5", "footnote-4", "endnote-2"]
    assert [block.note for block in found[1:]] == [name for name in names for _ in ("mark and text", "more")]
    assert [block.spans[0].note for block in found[1::2]] == names


def test_the_mark_of_a_note_that_the_document_does_not_have_is_text(tmp_path: Path):
    found = blocks_of(tmp_path, p(r("a") + '<w:r><w:footnoteReference w:id="4"/></w:r>'), {})
    assert [(block.text, block.spans) for block in found] == [("a¹", [])]


def test_words_above_the_notes_are_read_and_a_line_is_none(tmp_path: Path):
    body = p(r("a") + '<w:r><w:footnoteReference w:id="4"/></w:r>')
    above = f'<w:footnote w:type="separator" w:id="0">{p("<w:r><w:separator/></w:r>")}{p(r("Notes"))}</w:footnote>'
    unused = f'<w:footnote w:type="continuationSeparator" w:id="1">{p(r("never"))}</w:footnote>'
    parts: dict[str, str | bytes] = {
        "word/footnotes.xml": f'<w:footnotes xmlns:w="{W}">{above}{unused}{note(4, "four")}</w:footnotes>'
    }
    found = blocks_of(tmp_path, body, parts, f="footnotes footnotes.xml")
    assert [(block.text, block.layer) for block in found[1:3]] == [("Notes", "notes"), ("1 four", "notes")]


def test_a_comment_that_stands_at_no_place_of_the_text_comes_at_the_end(tmp_path: Path):
    comments = (
        f'<w:comments xmlns:w="{W}"><w:comment w:id="3" w:author="Ada">{p(r("Why?"))}</w:comment>'
        f'<w:comment w:id="4" w:author="Bob">{p(r("Because."))}</w:comment><w:comment w:id="5"><w:p/></w:comment></w:comments>'
    )
    body = p(r("claim") + '<w:r><w:commentReference w:id="3"/></w:r>') + p(r("next"))
    found = blocks_of(tmp_path, body, {"word/comments.xml": comments}, c="comments comments.xml")
    assert [(block.layer, block.text) for block in found] == [
        ("body", "claim"), ("comments", "Ada: Why?"), ("body", "next"), ("comments", "Bob: Because."),
    ]  # fmt: skip


def test_comments_follow_their_paragraph_with_their_author(tmp_path: Path):
    comments = (
        f'<w:comments xmlns:w="{W}"><w:comment w:id="3" w:author="Ada">{p(r("Why?"))}{p(r("Really."))}</w:comment></w:comments>'
    )
    body = p(r("claim") + '<w:r><w:commentReference w:id="3"/></w:r>') + p(r("next"))
    found = blocks_of(tmp_path, body, {"word/comments.xml": comments}, c="comments comments.xml")
    assert [(block.layer, block.text) for block in found] == [
        ("body", "claim"), ("comments", "Ada: Why?\nReally."), ("body", "next"),
    ]  # fmt: skip


def test_headers_and_footers_come_once_and_those_of_no_page_are_hidden(tmp_path: Path):
    def margin(kind: str, text: str) -> str:
        return f"<w:{kind} {NAMESPACES}>{p(r(text))}</w:{kind}>"

    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="h1"/><w:headerReference w:type="even" r:id="h2"/>'
        '<w:footerReference w:type="default" r:id="f1"/>{}</w:sectPr>'
    ).format
    body = p(r("text"), "", section('<w:headerReference w:type="first" r:id="h3"/><w:titlePg/>')) + p(r("more")) + section("")
    parts: dict[str, str | bytes] = {
        "word/h1.xml": margin("hdr", "Every page"), "word/h2.xml": margin("hdr", "No page"),
        "word/h3.xml": margin("hdr", "First page"), "word/f1.xml": margin("ftr", "– 7 –"),
    }  # fmt: skip
    found = blocks_of(tmp_path, body, parts, h1="header h1.xml", h2="header h2.xml", h3="header h3.xml", f1="footer f1.xml")
    assert [(block.kind, block.layer, block.text) for block in found] == [
        ("page_header", "headers", "First page"), ("page_header", "headers", "Every page"),
        ("page_header", "hidden", "No page"),
        ("paragraph", "body", "text"), ("paragraph", "body", "more"), ("page_number", "headers", "– 7 –"),
    ]  # fmt: skip


def test_the_number_of_one_page_is_not_shown(tmp_path: Path):
    path = tmp_path / "a.docx"
    footer = f"<w:ftr {NAMESPACES}>{p(r('7'))}</w:ftr>"
    section = '<w:sectPr><w:footerReference w:type="default" r:id="f1"/></w:sectPr>'
    path.write_bytes(document(p(r("text")) + section, {"word/f1.xml": footer}, f1="footer f1.xml"))
    assert read(path)[1] == "text\n"


# --- drawings


def test_a_text_box_is_read_once_after_its_paragraph(tmp_path: Path):
    old = f"<w:pict><v:shape><v:textbox><w:txbxContent>{p(r('box'))}</w:txbxContent></v:textbox></v:shape></w:pict>"
    new = f"<w:drawing><wp:anchor>{box(p(r('box')))}</wp:anchor></w:drawing>"
    versions = (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps">{}</mc:Choice>'
        "<mc:Fallback>{}</mc:Fallback></mc:AlternateContent></w:r>"
    ).format
    both, only_old = versions(new, old), versions("<w:drawing/>", old)
    assert texts(blocks_of(tmp_path, p(r("a") + both + r("b")) + p(r("c") + only_old) + p(f"<w:r>{old}</w:r>"))) == [
        "ab", "box", "c", "box", "box",
    ]  # fmt: skip


def picture(identifier: str) -> str:
    return f'<pic:pic><pic:blipFill><a:blip r:embed="{identifier}"/></pic:blipFill></pic:pic>'


def test_pictures_are_figures_with_their_alternative_text_and_never_fetched(tmp_path: Path):
    data = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(data, "PNG")
    shape = '<w:r><w:pict><v:shape alt="old"><v:imagedata r:id="one"/></v:shape></w:pict></w:r>'
    rule = '<w:r><w:pict><v:rect o:hr="t"><v:imagedata r:id="one"/></v:rect></w:pict></w:r>'
    body = p(drawing(picture("one"), "A red box") + r("text")) + p(r("more") + shape + rule) + p(drawing(picture("far"), "Far"))
    file = opened(
        tmp_path,
        document(body, {"word/media/a.png": data.getvalue()}, one="image media/a.png", far="image http://example.org/a.png"),
    )
    found = file.part(1).blocks
    assert [(block.kind, block.text, block.picture) for block in found] == [
        ("figure", "A red box", "word/media/a.png"), ("paragraph", "text", None), ("paragraph", "more", None),
        ("figure", "old", "word/media/a.png"), ("figure", "Far", None),
    ]  # fmt: skip
    assert file.picture_data(1, 1) == data.getvalue()


def test_pictures_of_a_group_have_names_of_their_own(tmp_path: Path):
    named = '<pic:pic><pic:nvPicPr><pic:cNvPr id="2" name="x" descr="Duck"/></pic:nvPicPr><a:blip r:embed="one"/></pic:pic>'
    body = p(r("text") + drawing(f"<wpg>{named}{picture('one')}</wpg>", "Group"))
    found = blocks_of(tmp_path, body, {"word/media/a.png": b"x"}, one="image media/a.png")
    assert texts(found) == ["text", "Duck", "Group"]


def test_a_chart_is_a_table_with_its_title(tmp_path: Path):
    def values(tag: str, kind: str, *texts: str, code: str = "") -> str:
        points = "".join(f'<c:pt idx="{at}"><c:v>{text}</c:v></c:pt>' for at, text in enumerate(texts) if text)
        return f"<c:{tag}><c:{kind}Ref><c:{kind}Cache>{code}{points}</c:{kind}Cache></c:{kind}Ref></c:{tag}>"

    percent, date = "<c:formatCode>0.0%</c:formatCode>", "<c:formatCode>d/m/yyyy</c:formatCode>"
    series = "".join(
        f"<c:ser>{values('tx', 'str', name)}{values('cat', 'num', '45292', '45323', code=date)}"
        f"{values('val', 'num', *numbers, code=code)}</c:ser>"
        for name, numbers, code in (("North", ("1.50", ""), ""), ("South", ("0.125", "0.5"), percent))
    )
    title = "<c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    area = f"<c:plotArea><c:barChart>{series}</c:barChart></c:plotArea>"
    chart = f"<c:chartSpace {NAMESPACES}><c:chart>{title}{area}</c:chart></c:chartSpace>"
    caption, block = blocks_of(tmp_path, p(drawing('<c:chart r:id="ch"/>')), {"word/c.xml": chart}, ch="chart c.xml")
    assert (caption.kind, caption.text) == ("caption", "Sales")
    assert [cell[4] for cell in cells_of(block)] == [
        "",
        "North",
        "South",
        "1/1/2024",
        "1.5",
        "12.5%",
        "1/2/2024",
        "",
        "50.0%",
    ]


def test_a_diagram_is_a_nested_list(tmp_path: Path):
    def point(name: str, text: str, kind: str = "node") -> str:
        return f'<dgm:pt modelId="{name}" type="{kind}"><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>'

    data = (
        f"<dgm:dataModel {NAMESPACES}><dgm:ptLst>{point('0', '', 'doc')}{point('b', 'Below')}"
        f"{point('a', 'Top')}{point('x', 'no', 'pres')}"
        '</dgm:ptLst><dgm:cxnLst><dgm:cxn srcId="0" destId="a" srcOrd="0"/><dgm:cxn srcId="a" destId="b" srcOrd="0"/>'
        "</dgm:cxnLst></dgm:dataModel>"
    )
    found = blocks_of(tmp_path, p(drawing('<dgm:relIds r:dm="d"/>')), {"word/d.xml": data}, d="diagramData d.xml")
    assert [(block.kind, block.level, block.text) for block in found] == [
        ("list_item", 1, "• Top"),
        ("list_item", 2, "• Below"),
    ]


def test_embedded_files_are_inside_the_document_and_linked_ones_are_told(tmp_path: Path):
    shape = '<w:r><w:object><o:OLEObject ProgID="Excel.Sheet.12" r:id="{}"/></w:object></w:r>'.format
    data = document(p(r("a") + shape("e")) + p(r("b") + shape("l")), {"word/embeddings/book.xlsx": b"PK workbook"},
                    e="package embeddings/book.xlsx", l="oleObject file:///c:/book.xlsx")  # fmt: skip
    file = opened(tmp_path, data)
    assert [(member.name, member.size) for member in file.members()] == [("book.xlsx", 11)]
    assert file.open_member(0).read() == b"PK workbook"
    assert [warning.message for warning in file.part(1).warnings] == [
        "An object (Excel.Sheet.12) that the document only links to: the picture shown was read."
    ]


# --- formulas


def test_formulas_stay_in_their_sentence_or_are_blocks(tmp_path: Path):
    fraction = "<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath>"
    found = blocks_of(tmp_path, p(r("With ") + fraction + r(" we")) + p(f"<m:oMathPara>{fraction}</m:oMathPara>"))
    assert [(block.kind, block.text) for block in found] == [
        ("paragraph", "With $\\frac{a}{b}$ we"), ("formula", "$$\\frac{a}{b}$$"),
    ]  # fmt: skip


# --- other documents, pages


def test_parts_in_other_formats_are_read_in_their_place(tmp_path: Path):
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    page = "<html><body><h1>Page</h1><p>of HTML</p></body></html>"
    parts: dict[str, str | bytes] = {
        "word/inner.docx": document(p(r("inner"), "H2")),
        "word/note.txt": "plain",
        "word/page.html": page,
        "word/saved.mht": f"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n"
        f"--x\nContent-Type: text/html; charset=utf-8\n\n{page}\n--x--\n",
        "word/rich.rtf": r"{\rtf1 rich}",
        "word/x.bin": b"?",
        "[Content_Types].xml": '<Types xmlns="x"><Default Extension="txt" ContentType="text/plain"/>'
        f'<Default Extension="docx" ContentType="{types}"/></Types>',
    }
    body = p(r("a")) + "".join(f'<w:altChunk r:id="{name}"/>' for name in ("i", "t", "h", "m", "r", "x")) + p(r("b"))
    found = part_of(
        tmp_path, body, parts, i="aFChunk inner.docx", t="aFChunk note.txt", h="aFChunk page.html", m="aFChunk saved.mht",
        r="aFChunk rich.rtf", x="aFChunk x.bin",
    )  # fmt: skip
    assert texts(found.blocks) == ["a", "inner", "plain", "Page", "of HTML", "Page", "of HTML", "rich", "b"]
    assert [warning.message for warning in found.warnings] == [
        "A part of the document in another format (word/x.bin) was not read."
    ]


@pytest.mark.parametrize(("counted", "pages"), [("2", [1, 2]), ("3", [None, None])])
def test_blocks_say_their_page_if_the_file_knows_all_pages(tmp_path: Path, counted: str, pages: list[int | None]):
    app = f'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"><Pages>{counted}</Pages></Properties>'
    body = p(r("one")) + p("<w:r><w:lastRenderedPageBreak/></w:r>" + r("two"))
    assert [block.printed_page for block in blocks_of(tmp_path, body, {"docProps/app.xml": app})] == pages


def test_a_document_nested_without_end_is_refused(tmp_path: Path):
    with pytest.raises(DamagedDocument):
        opened(tmp_path, document("<w:sdt>" * 300 + "</w:sdt>" * 300))
    deep = "<w:tbl><w:tr><w:tc>" * 80
    closed = "</w:tc></w:tr></w:tbl>" * 80
    assert texts(blocks_of(tmp_path, deep + p(r("x")) + closed)) == ["x"]


@pytest.mark.parametrize("number", ["-1", "9" * 5000, "99999999", "x", "²", ""])
def test_impossible_numbers_fail_nothing(tmp_path: Path, number: str):
    numbering = NUMBERING.replace('w:ilvl="2"', f'w:ilvl="{number}"').replace(
        '<w:start w:val="1"/>', f'<w:start w:val="{number}"/>'
    )
    body = listed("a", 1) + p(r("b"), "", f'<w:numPr><w:ilvl w:val="{number}"/><w:numId w:val="1"/></w:numPr>')
    body += table(tr(tc("c", f'<w:gridSpan w:val="{number}"/>'), tc("d")), properties=f'<w:tblLook w:val="{number}"/>')
    body += p('<w:r><w:sym w:font="Symbol" w:char="D800"/></w:r>' + field(f"SYMBOL {number}", None) + r("e"))
    found = part_of(tmp_path, body, {"word/numbering.xml": numbering}, numbers="numbering numbering.xml")
    assert found.model_dump_json()
    assert [cell[4] for block in found.blocks if block.table for cell in cells_of(block)] == ["c", "d"]


def test_a_large_plain_table_is_packed_and_says_what_the_same_cells_say_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = "<w:tr><w:trPr><w:tblHeader/></w:trPr>" + "".join(f"<w:tc>{p(r(name))}</w:tc>" for name in ("No", "Text"))
    rows = "".join(f"<w:tr><w:tc>{p(r(str(n)))}</w:tc><w:tc>{p(r(f'a{n}'))}{p(r('b'))}</w:tc></w:tr>" for n in range(9))
    single = part_of(tmp_path, f"<w:tbl>{head}</w:tr>{rows}</w:tbl>").blocks[0].table
    monkeypatch.setattr("document_parser.sources.office.word_tables.MIN_PACKED_CELLS", 20)
    packed = part_of(tmp_path, f"<w:tbl>{head}</w:tr>{rows}</w:tbl>").blocks[0].table
    assert single
    assert packed
    assert packed.is_packed
    assert not single.is_packed
    assert list(packed.cells) == single.cells
    assert [cell.text for cell in packed.cells if cell.header] == ["No", "Text"]


def test_a_large_table_with_merged_cells_or_emphasis_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("document_parser.sources.office.word_tables.MIN_PACKED_CELLS", 2)
    wide = f"<w:tr><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>{p(r('wide'))}</w:tc></w:tr>"
    plain = f"<w:tr><w:tc>{p(r('a'))}</w:tc><w:tc>{p(r('b'))}</w:tc></w:tr>"
    bold = f"<w:tr><w:tc>{p(r('a', '<w:b/>'))}</w:tc><w:tc>{p(r('b'))}</w:tc></w:tr>"
    for rows in (wide + plain, plain + bold):
        table = part_of(tmp_path, f"<w:tbl>{rows}</w:tbl>").blocks[0].table
        assert table
        assert not table.is_packed


def test_what_only_says_how_text_looks_is_cut_out_before_the_tree_is_made_and_nothing_else(tmp_path: Path) -> None:
    looks = '<w:rFonts w:ascii="Symbol"/><w:sz w:val="18"/><w:color w:val="00FF00"/><w:b/>'
    body = p(r("a < b".replace("<", "&lt;"), looks), properties='<w:jc w:val="center"/>')
    data = f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>".encode()
    cut = without_looks(data)
    assert [name for name in (b"w:sz", b"w:color", b"w:jc", b"w:b/", b"w:rFonts") if name in cut] == [b"w:b/", b"w:rFonts"]
    assert b"a &lt; b" in cut
    verbatim = data.replace(b"a &lt; b", b"<![CDATA[<w:sz/>]]>")
    assert without_looks(verbatim) == verbatim


@pytest.mark.parametrize("way", ["as programs write it", "in one line a tag", "with another prefix", "with a comment"])
def test_styles_are_found_however_their_part_is_written(tmp_path: Path, way: str):
    styles = (
        '<w:style w:type="paragraph" w:default="1" w:styleId="N"><w:name w:val="Normal"/><w:rPr><w:vanish/></w:rPr></w:style>'
    )
    styles += '<w:style w:type="paragraph" w:styleId="Base"><w:name w:val="heading 3"/></w:style>'
    styles += '<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="Base"/></w:style>'
    part = f'<?xml version="1.0"?><w:styles xmlns:w="{W}"><w:latentStyles><w:lsdException/></w:latentStyles>{styles}</w:styles>'
    if way == "in one line a tag":
        part = part.replace("<w:style w:type", "<w:style\n  w:type").replace("</w:styles>", "</w:styles>\n")
    elif way == "with another prefix":
        part = part.replace("w:", "x:").replace("xmlns:w=", "xmlns:x=")
    elif way == "with a comment":
        part = part.replace(
            "<w:latentStyles>", '<!-- <w:style w:styleId="Mine"><w:name w:val="Code"/></w:style> --><w:latentStyles>'
        )
    found = blocks_of(tmp_path, p(r("headed"), "Mine") + p(r("hidden by default")), {"word/styles.xml": part})
    assert [(block.kind, block.level, block.layer) for block in found] == [
        ("heading", 3, "body"), ("paragraph", None, "hidden"),
    ]  # fmt: skip


def test_a_style_that_is_damaged_is_told_where_it_is_used(tmp_path: Path):
    broken = '<w:style w:type="paragraph" w:styleId="Bad"><w:name w:val="heading 1"></w:style>'
    part = f'<w:styles xmlns:w="{W}">{broken}<w:style w:styleId="Good"><w:name w:val="heading 2"/></w:style></w:styles>'
    found = part_of(tmp_path, p(r("bad"), "Bad") + p(r("good"), "Good"), {"word/styles.xml": part})
    assert [block.kind for block in found.blocks] == ["paragraph", "heading"]
    assert [warning.code for warning in found.warnings] == ["not_read"]
