"""Rich text keeps its encodings, its layers, its tables and its lists."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from document_parser.errors import DamagedDocument
from document_parser.models import Block
from document_parser.sources.base import OpenerLimits
from document_parser.sources.markup import rtf
from document_parser.sources.markup.rtf import RtfReader
from document_parser.sources.markup.rtf_file import RtfFile
from tests.support.local_reading import read_locally as read

FONTS = r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial Cyr;}{\f2\fcharset128 MS Gothic;}{\f3\fcharset2 Symbol;}}"


def blocks_of(text: str) -> list[Block]:
    """The blocks of RTF with this content."""
    return RtfReader().read(rf"{{\rtf1\ansi\ansicpg1252\deff0{FONTS}{text}}}".encode("latin-1"))


def texts_of(text: str, layer: str = "body") -> list[tuple[str, str]]:
    """Kind and text of the blocks of a layer."""
    return [(block.kind, block.text) for block in blocks_of(text) if block.layer == layer]


def test_rich_text_is_read_in_the_confined_child(tmp_path: Path):
    path = tmp_path / "a.rtf"
    path.write_bytes(rb"{\rtf1\ansi{\info{\title Letter}}plain {\b bold words}\par next\par}")
    document, markdown = read(path)
    assert markdown == "plain **bold words**\n\nnext\n"
    assert document.pages[0].location is not None
    assert document.pages[0].location.name == "Letter"


def test_bytes_mean_what_the_font_says():
    assert texts_of(r"\f1 \'cf\'f0\'e8{\f0 \'e4}\f2 \'93\'fa\'96\'7b\plain  \'e4\par") == [("paragraph", "Приä日本 ä")]


def test_the_second_byte_of_a_letter_may_be_written_as_itself():
    assert texts_of(r"\f2 \'83A\'83\'42\par") == [("paragraph", "アィ")]


def test_an_undefined_byte_is_shown_and_told_of():
    reader = RtfReader()
    assert reader.read(b"{\\rtf1{\\fonttbl{\\f0\\fcharset128 A;}}\\f0 a\\'82\\par}")[0].text == "a\ufffd"
    assert [warning.code for warning in reader.warnings()] == ["damaged_data"]


def test_pairs_of_unicode_are_one_letter_and_their_substitutes_are_left_out():
    assert texts_of(r"\u-10179?\u-8704? \uc2\u233ee \uc0\u233 x\par") == [("paragraph", "😀 é éx")]


def test_symbols_are_signs():
    assert texts_of(r"{\f3 \'b7 a}\u-3913?\par") == [("paragraph", "• α•")]


def test_deleted_and_hidden_text_is_in_its_layer():
    text = r"price 100{\deleted 200} {\v secret}each\par"
    assert texts_of(text) == [("paragraph", "price 100 each")]
    assert texts_of(text, "revisions") == [("paragraph", "200")]
    assert texts_of(text, "hidden") == [("paragraph", "secret")]


def test_a_deleted_mark_joins_two_paragraphs():
    assert texts_of(r"one {\deleted\par}two\par") == [("paragraph", "one two")]


def test_notes_comments_headers_and_boxes_are_read_once():
    text = (
        r"{\header Head\par}{\headerf Head\par}text{\super\chftn}{\footnote\pard\plain {\super\chftn} a note\par}"
        r"{\*\atnid AB}{\*\atnauthor Ann}{\*\annotation a comment\par}"
        r" more{\shp{\*\shpinst{\shptxt boxed\par}}{\shprslt{\*\do\dptxbx{\dptxbxtext boxed\par}}}}\par"
    )
    assert texts_of(text) == [("paragraph", "text¹ more"), ("paragraph", "boxed")]
    assert texts_of(text, "headers") == [("page_header", "Head")]
    assert texts_of(text, "notes") == [("footnote", "1 a note")]
    assert texts_of(text, "comments") == [("paragraph", "Ann: a comment")]


def test_a_mark_behind_its_note_has_the_number_of_the_note():
    text = r"a{\super{\*\footnote\chftn\pard\plain one}\chftn} b{\super\chftn{\footnote\chftn\pard\plain two}}\par"
    assert texts_of(text) == [("paragraph", "a¹ b²")]
    assert texts_of(text, "notes") == [("footnote", "1 one"), ("footnote", "2 two")]
    found = blocks_of(text)
    assert [(span.start, span.note) for span in found[0].spans] == [(1, "1"), (4, "2")]
    assert [block.note for block in found[1:]] == ["1", "2"]


def list_table(*levels: str, identifier: int = 7, override: str = "") -> str:
    """The tables of lists with one list of these levels, which paragraphs name ``\\ls1``."""
    defined = "".join(rf"{{\listlevel{level}{{\levelnumbers\'01;}}}}" for level in levels)
    table = rf"{{\*\listtable{{\list\listtemplateid1{defined}{{\listname ;}}\listid{identifier}}}}}"
    return table + rf"{{\*\listoverridetable{{\listoverride\listid{identifier}\listoverridecount0{override}\ls1}}}}"


DECIMAL = r"\levelnfc0\levelstartat1{\leveltext\leveltemplateid1\'02\'00.;}"
LETTER = r"\levelnfc4\levelstartat1{\leveltext\'05\'00.(\'01);}"
BULLET = r"\levelnfc23\levelstartat1{\leveltext\'01\u-3913 ?;}"


def item(text: str, level: int = 0, before: str = "") -> str:
    return rf"\pard {before}\ls1\ilvl{level} {text}\par"


def test_lists_without_the_text_of_their_labels_are_counted_as_their_tables_say():
    text = list_table(DECIMAL, LETTER, BULLET) + item("a") + item("b", 1) + item("c", 1) + r"\pard plain\par"
    text += item("d") + item("e", 1) + item("f", 2)
    assert texts_of(text) == [
        ("list_item", "1. a"), ("list_item", "1.(a) b"), ("list_item", "1.(b) c"), ("paragraph", "plain"),
        ("list_item", "2. d"), ("list_item", "2.(a) e"), ("list_item", "• f"),
    ]  # fmt: skip


def test_the_label_that_the_program_wrote_stands_before_the_counted_one():
    written = item("b", before=r"{\listtext II.\tab}")
    assert [text for _, text in texts_of(list_table(DECIMAL) + item("a") + written + item("c"))] == ["1. a", "II. b", "3. c"]


def test_a_list_may_begin_with_another_number():
    override = r"{\lfolevel\listoverridestartat\levelstartat5}"
    assert [text for _, text in texts_of(list_table(DECIMAL, override=override) + item("a") + item("b"))] == ["5. a", "6. b"]
    assert texts_of(list_table(r"\levelnfc2\levelstartat4{\leveltext\'01\'00;}") + item("a")) == [("list_item", "iv a")]


def test_a_list_that_no_table_defines_has_bullets():
    assert texts_of(item("a")) == [("list_item", "• a")]
    assert texts_of(list_table(DECIMAL) + item("a", 5)) == [("list_item", "• a")]


def test_a_note_in_markdown_is_what_its_mark_refers_to(tmp_path: Path):
    path = tmp_path / "a.rtf"
    path.write_bytes(rb"{\rtf1\ansi a {\b word}{\super\chftn}{\footnote\pard {\super\chftn} one\par two\par} on\par}")
    assert read(path)[1] == "a **word**[^1] on\n\n[^1]: one\n\n    two\n"


def test_the_unicode_half_of_a_pair_of_texts_is_taken():
    assert texts_of(r"{\upr{g?}{\*\ud{g\u233e}}}\par") == [("paragraph", "gé")]


def test_headings_come_from_styles_and_outline_levels():
    styles = r"{\stylesheet{\s1 heading 1;}{\s7\outlinelevel2 Clause;}}"
    text = styles + r"\pard\s1 A\par\pard\s7 B\par\pard\outlinelevel1 C\par\pard D\par"
    assert [(block.kind, block.level) for block in blocks_of(text)] == [
        ("heading", 1), ("heading", 3), ("heading", 2), ("paragraph", None),
    ]  # fmt: skip


def test_list_items_have_the_labels_of_the_program():
    text = (
        r"\pard{\listtext\plain\f0 3.2.1\tab}\ls1\ilvl2 one\par\pard between\par"
        r"{\listtext\f3 \'b7\tab}\ls2\ilvl0 two\par\pard"
    )
    assert [(block.kind, block.level, block.text) for block in blocks_of(text)] == [
        ("list_item", 3, "3.2.1 one"), ("paragraph", None, "between"), ("list_item", 1, "• two"),
    ]  # fmt: skip


def test_cells_are_placed_by_their_edges_and_merged():
    text = (
        r"\trowd\trhdr\clvmgf\cellx1000\cellx3000\pard\intbl a\par x\cell b\cell\row"
        r"\trowd\clvmrg\cellx1000\cellx2000\cellx3000\pard\intbl\cell c\cell d\cell\row\pard after\par"
    )
    table, after = blocks_of(text)
    assert table.table is not None
    assert [(c.row, c.column, c.row_span, c.column_span, c.header, c.text) for c in table.table.cells] == [
        (0, 0, 2, 1, True, "a\nx"), (0, 1, 1, 2, True, "b"), (1, 1, 1, 1, False, "c"), (1, 2, 1, 1, False, "d"),
    ]  # fmt: skip
    assert after.text == "after"


def test_a_table_before_a_paragraph_with_a_note_stays_a_table():
    text = r"\trowd\cellx1000\cellx2000\pard\intbl a\cell b\cell\row\pard text{\footnote note}\par"
    assert [(block.kind, block.layer) for block in blocks_of(text)] == [
        ("table", "body"), ("paragraph", "body"), ("footnote", "notes"),
    ]  # fmt: skip


def test_a_table_in_a_cell_is_lines_of_it_and_its_neighbours_text_stays():
    text = (
        r"\trowd\cellx1000\cellx2000\pard\intbl first\par\pard\intbl\itap2 p\nestcell q\nestcell"
        r"{\*\nesttableprops\trowd\cellx9\cellx99\nestrow}"
        r"\pard\intbl last\cell b\cell\row\pard"
    )
    table = blocks_of(text)[0].table
    assert table is not None
    assert [cell.text for cell in table.cells] == ["first\np | q\nlast", "b"]


def test_pictures_of_shapes_are_read_and_their_facts_are_not():
    text = r"a{\shp{\*\shpinst\shpleft0{\sp{\sn pib}{\sv {\pict\pngblip 8950}}}}}b\par"
    assert [(block.kind, block.text) for block in blocks_of(text)] == [("paragraph", "ab"), ("figure", "")]


def test_formulas_are_latex():
    fraction = r"{\mf{\mfPr{\mctrlPr x}}{\mnum{\mr a}}{\mden{\mr b}}}{\msSup{\me{\mr c}}{\msup{\mr 2}}}"
    assert texts_of(rf"is {{\mmath{{\*\moMath {fraction}}}{{\mmathPict{{\pict 00}}}}}}.\par") == [
        ("paragraph", r"is $\frac{a}{b}c^{2}$."),
    ]  # fmt: skip


def test_links_and_check_boxes_are_kept():
    text = (
        r'{\field{\*\fldinst HYPERLINK "https://a.org/"}{\fldrslt a link}} then'
        r"{\field{\*\fldinst FORMCHECKBOX{\*\formfield{\fftype1\ffres1}}}{\fldrslt }}done\par"
    )
    block = blocks_of(text)[0]
    assert block.text == "a link then☒ done"
    assert [(span.start, span.end, span.link) for span in block.spans] == [(0, 6, "https://a.org/")]


def test_pictures_are_figures_and_drawings_are_told_of():
    reader = RtfReader()
    blocks = reader.read(rb"{\rtf1 a{\pict\pngblip 89504e47}{\pict\jpegblip\bin4 {}\x}{\pict\wmetafile8 0100}b\par}")
    assert [(block.kind, block.text) for block in blocks] == [("paragraph", "ab"), ("figure", ""), ("figure", "")]
    assert reader.images == [b"\x89PNG", b"{}\\x"]
    assert [warning.code for warning in reader.warnings()] == ["not_read"]


@pytest.mark.parametrize("end", ["", "}", "}}}}garbage", r"\'", "\\", r"{\pict\bin99999999 x"])
def test_a_file_that_ends_anywhere_is_read_as_far_as_it_goes(end: str):
    assert RtfReader().read(rf"{{\rtf1 text{end}".encode())[0].text == "text"


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rtf, "MAX_GROUPS", 20)
    with pytest.raises(DamagedDocument, match="nest too deep"):
        RtfReader().read(b"{\\rtf1 " + b"{" * 30)
    with pytest.raises(DamagedDocument, match="no RTF"):
        RtfReader().read(b"text")


def old_object(kind: int, program: bytes, content: bytes) -> str:
    """The data of an object of OLE 1, in the digits of RTF."""
    text = struct.pack("<I", len(program) + 1) + program + b"\0"
    data = struct.pack("<II", 0x501, kind) + text + bytes(8) + struct.pack("<I", len(content)) + content
    return rf"{{\object\objemb{{\*\objclass X}}{{\*\objdata {data.hex()}}}{{\result shown\par}}}}"


def test_embedded_objects_are_documents_inside_and_linked_ones_are_told(tmp_path: Path):
    packaged = b"\x02\0plan.csv\0C:\\plan.csv\0" + bytes(4) + struct.pack("<I", 2) + b"c\0" + struct.pack("<I", 5) + b"a;b\r\n"
    objects = old_object(2, b"Package", packaged) + old_object(2, b"Word.Document.8", b"other") + old_object(1, b"Word", b"")
    path = tmp_path / "a.rtf"
    path.write_bytes(rf"{{\rtf1 before {objects}\par after{{\object{{\*\objdata 0105}}}}\par}}".encode())
    file = RtfFile(path, OpenerLimits(), None)
    part = file.part(1)
    assert [block.text for block in part.blocks][-1] == "after"
    assert [member.name for member in file.members()] == ["plan.csv", "object-2.bin", "object-4.bin"]
    assert [file.open_member(index).read() for index in (0, 1)] == [b"a;b\r\n", b"other"]
    assert [warning.message for warning in part.warnings] == ["Not read: 1 objects that are only linked to."]
