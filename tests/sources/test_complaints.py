"""What users of other programs complain of and no other test tries, each on the least file that shows it.

The other complaints have tests beside those of their format.
"""

# ruff: noqa: E501 - markup is read more easily on its own line
from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from document_parser.models import Block
from document_parser.sources.base import OpenerLimits
from document_parser.sources.image_file import ImageFile
from document_parser.sources.mail.mail_file import MailFile
from document_parser.sources.sheets.xls import OldWorkbook
from document_parser.sources.sheets.xlsx import ExcelWorkbook
from tests.support import slide_decks, word_documents
from tests.support.local_reading import read_locally
from tests.support.old_sheets import old_workbook
from tests.support.workbooks import CHART, relations, row, sheet, write_xlsx

BROKEN = b"\x89PNG\r\n\x1a\n" + b"no picture " * 20


def mail(folder: Path, raw: str | EmailMessage) -> MailFile:
    path = folder / "mail.eml"
    path.write_bytes(raw.as_bytes() if isinstance(raw, EmailMessage) else raw.encode())
    return MailFile(path, OpenerLimits(), None)


def texts(blocks: list[Block]) -> list[str]:
    return [block.text for block in blocks]


# --- pictures and slides ----------------------------------------------------------------------------------------------


def test_a_broken_picture_costs_no_slide_and_no_page(tmp_path: Path):
    picture = "<p:pic><p:nvPicPr/><p:blipFill><a:blip r:embed='i'/></p:blipFill></p:pic>"
    more: dict[str, str | bytes] = {
        "ppt/slides/_rels/slide0.xml.rels": slide_decks.relationships(("i", "image", "../media/a.png")),
        "ppt/media/a.png": BROKEN,
    }
    path = tmp_path / "a.pptx"
    slide_decks.deck(path, [slide_decks.shape("Words beside") + picture, slide_decks.shape("Next slide")], more)
    document, markdown = read_locally(path, figures="embed")
    assert [page.status for page in document.pages] == ["done", "done"]
    assert "Words beside" in markdown
    assert "Next slide" in markdown

    blip = '<a:graphic><a:graphicData><pic:pic><pic:blipFill><a:blip r:embed="i"/></pic:blipFill></pic:pic></a:graphicData></a:graphic>'
    body = f"<w:p><w:r><w:t xml:space='preserve'>Words before </w:t><w:drawing><wp:inline>{blip}</wp:inline></w:drawing><w:t>and after</w:t></w:r></w:p>"
    path = tmp_path / "a.docx"
    path.write_bytes(word_documents.document(body, {"word/media/a.png": BROKEN}, i="image media/a.png"))
    document, markdown = read_locally(path, figures="embed")
    assert document.pages[0].status == "done"
    assert "Words before and after" in markdown


@pytest.mark.parametrize("name", ["show.ppsx", "template.potx", "strict.pptx"])
def test_shows_templates_and_strict_slides_are_presentations(tmp_path: Path, name: str):
    path = tmp_path / name
    slide_decks.deck(path, [slide_decks.shape("Words of a slide")])
    if name == "strict.pptx":
        with zipfile.ZipFile(path) as archive:
            parts = {one: archive.read(one) for one in archive.namelist()}
        names = {
            b"http://schemas.openxmlformats.org/presentationml/2006/main": b"http://purl.oclc.org/ooxml/presentationml/main",
            b"http://schemas.openxmlformats.org/drawingml/2006/main": b"http://purl.oclc.org/ooxml/drawingml/main",
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        }
        with zipfile.ZipFile(path, "w") as archive:
            for one, data in parts.items():
                for usual, strict in names.items():
                    data = data.replace(usual, strict)
                archive.writestr(one, data)
    assert read_locally(path)[1] == "Words of a slide\n"


def test_the_preview_in_a_photo_and_reduced_images_of_a_scan_are_no_pages(tmp_path: Path):
    page, preview = Image.new("RGB", (400, 300), "white"), Image.new("RGB", (40, 30), "white")
    out = io.BytesIO()
    page.save(out, "MPO", save_all=True, append_images=[preview])
    assert ImageFile(out.getvalue(), 100, 500).page_count == 1


# --- sheets -----------------------------------------------------------------------------------------------------------


def test_no_blank_cell_changes_its_neighbours_and_no_heading_is_made_up(tmp_path: Path):
    cells = (
        ("Flag", "Count", "Code", "Code"),
        ("TRUE", "12", "NA", "40123460001"),
        ("", "", "null", "a|b"),
        ("FALSE", "7", "None", ""),
    )
    rows = ""
    for at, texts_ in enumerate(cells, 5):
        made = []
        for column, text in zip("CDEF", texts_, strict=True):
            if text in {"TRUE", "FALSE"}:
                made.append(f'<c r="{column}{at}" t="b"><v>{int(text == "TRUE")}</v></c>')
            elif text.isdigit():
                made.append(f'<c r="{column}{at}"><v>{text}</v></c>')
            elif text:
                made.append(f'<c r="{column}{at}" t="inlineStr"><is><t>{text}</t></is></c>')
        rows += f'<row r="{at}">{"".join(made)}</row>'
    markdown = read_locally(write_xlsx(tmp_path / "a.xlsx", {"Sheet": sheet(rows)}))[1]
    lines = [line for line in markdown.splitlines() if "---" not in line]
    assert lines == [
        "| Flag | Count | Code | Code |",
        "| TRUE | 12 | NA | 40123460001 |",
        "|  |  | null | a\\|b |",
        "| FALSE | 7 | None |  |",
    ]


def test_a_sheet_that_is_a_chart_gives_its_numbers(tmp_path: Path):
    series = (
        '<c:ser><c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>May</c:v></c:pt></c:strCache></c:strRef></c:cat>'
        '<c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>41</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser>'
    )
    members: dict[str, str | bytes] = {
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", "worksheets/sheet1.xml"), ("chartsheet", "chartsheets/sheet1.xml")
        ),
        "xl/chartsheets/sheet1.xml": "<chartsheet/>",
        "xl/chartsheets/_rels/sheet1.xml.rels": relations(("drawing", "../drawings/drawing1.xml")),
        "xl/drawings/drawing1.xml": '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><xdr:absoluteAnchor><xdr:graphicFrame>'
        f'<a:graphic><c:chart xmlns:c="{CHART}" r:id="r1"/></a:graphic></xdr:graphicFrame></xdr:absoluteAnchor></xdr:wsDr>',
        "xl/drawings/_rels/drawing1.xml.rels": relations(("chart", "../charts/chart1.xml")),
        "xl/charts/chart1.xml": f'<c:chartSpace xmlns:c="{CHART}"><c:chart><c:barChart>{series}</c:barChart></c:chart></c:chartSpace>',
    }
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": sheet(row(1, "x")), "Chart": ""}, members=members)
    book = ExcelWorkbook(path, OpenerLimits(), None)
    shown = [cell.text for block in book.part(2).blocks if block.table for cell in block.table.cells]
    assert book.page_count == 2
    assert {"May", "41"} <= set(shown)


def test_the_levels_of_the_categories_of_a_chart_are_all_there(tmp_path: Path):
    def level(*texts_: str) -> str:
        points = "".join(f'<c:pt idx="{at}"><c:v>{text}</c:v></c:pt>' for at, text in enumerate(texts_) if text)
        return f"<c:lvl>{points}</c:lvl>"

    categories = f"<c:multiLvlStrRef><c:multiLvlStrCache>{level('Q1', 'Q2', 'Q1')}{level('2024', '', '2025')}</c:multiLvlStrCache></c:multiLvlStrRef>"
    values = "".join(f'<c:pt idx="{at}"><c:v>{number}</c:v></c:pt>' for at, number in ((0, 7), (2, 9)))
    series = f"<c:ser><c:cat>{categories}</c:cat><c:val><c:numRef><c:numCache>{values}</c:numCache></c:numRef></c:val></c:ser>"
    chart = f"<c:chartSpace {word_documents.NAMESPACES}><c:chart><c:plotArea><c:barChart>{series}</c:barChart></c:plotArea></c:chart></c:chartSpace>"
    body = word_documents.p(word_documents.drawing('<c:chart r:id="ch"/>'))
    (block,) = word_documents.blocks_of(tmp_path, body, {"word/c.xml": chart}, ch="chart c.xml")
    assert block.table is not None
    shown = {(cell.row, cell.column): cell.text for cell in block.table.cells}
    assert [shown[at, 0] for at in (1, 2, 3)] == ["2024 / Q1", "2024 / Q2", "2025 / Q1"]
    assert [shown.get((at, 1), "") for at in (1, 2, 3)] == ["7", "", "9"]


def test_an_old_workbook_keeps_texts_that_look_like_nothing(tmp_path: Path):
    path = tmp_path / "a.xls"
    path.write_bytes(old_workbook(["00123", "NA", "1.10"]))
    (block,) = OldWorkbook(path, OpenerLimits(), None).part(1).blocks
    assert block.table is not None
    assert [cell.text for cell in block.table.cells] == ["00123", "NA", "1.10"]


# --- mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_of_html_alone_is_its_text(tmp_path: Path):
    raw = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<h1>Offer</h1><p>Two <b>words</b></p>"
    assert texts(mail(tmp_path, raw).part(1).blocks)[1:] == ["Offer", "Two words"]


def test_one_unknown_attachment_costs_nothing_but_itself(tmp_path: Path):
    message = EmailMessage()
    message["Subject"] = "Files"
    message.set_content("The body")
    message.add_attachment(bytes(range(256)), "application", "x-unknown", filename="odd.xyz")
    message.add_attachment(b"%PDF-1.7 broken", "application", "pdf", filename="broken.pdf")
    message.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="same.csv")
    message.add_attachment(b"c,d\n3,4\n", "text", "csv", filename="same.csv")
    path = tmp_path / "mail.eml"
    path.write_bytes(message.as_bytes())
    document, markdown = read_locally(path)
    assert "The body" in markdown
    assert [child.name for child in document.children] == ["odd.xyz", "broken.pdf", "same.csv", "same.csv"]
    opened = mail(tmp_path, message)
    assert [opened.open_member(at).read()[:1] for at in (2, 3)] == [b"a", b"c"]


@pytest.mark.parametrize(
    ("head", "body", "found"),
    [
        ("Content-Type: plain/text", "Odd type", "Odd type"),
        ("Content-Type: multipart/mixed", "--b\nContent-Type: text/plain\n\nNo boundary\n--b--", "No boundary"),
        ("Date: the day after tomorrow", "Bad date", "Bad date"),
        ("Content-Transfer-Encoding: \"base64\"", "UXVvdGVkIGJhc2U2NA==", "Quoted base64"),
        ("To: Doe, John <j@x.org>", "Loose comma", "Loose comma"),
    ],
)  # fmt: skip
def test_what_a_head_says_wrongly_costs_no_body(tmp_path: Path, head: str, body: str, found: str):
    assert any(
        found in text for text in texts(mail(tmp_path, f"Subject: x\nMIME-Version: 1.0\n{head}\n\n{body}\n").part(1).blocks)
    )


def test_an_image_before_the_text_that_shows_it_hides_no_text(tmp_path: Path):
    raw = (
        "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: image/png\n"
        "Content-ID: <i>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b\nContent-Type: text/html\n\n"
        "<p>Shown words</p><img src='cid:i' alt='sign'>\n--b--\n"
    )
    assert "Shown words" in texts(mail(tmp_path, raw).part(1).blocks)


def test_an_encrypted_mail_says_what_it_is_and_keeps_its_parts(tmp_path: Path):
    raw = (
        'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n'
        "--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream; name=msg.asc\n\n"
        "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n--b--\n"
    )
    opened = mail(tmp_path, raw)
    assert any("PGP" in warning.message for warning in opened.part(1).warnings)
    assert "msg.asc" in [member.name for member in opened.members()]
