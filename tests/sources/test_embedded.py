"""Files embedded in workbooks, texts and slides are documents inside them; what is shown in place is not there twice."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from document_parser.models import Member
from document_parser.sources.base import Container, OpenerLimits
from document_parser.sources.flowing import open_flowing

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "presentation": "presentation"
    }.items()
) + ' xmlns:xlink="http://www.w3.org/1999/xlink"'  # fmt: skip


def zipped(**members: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def inside(path: Path, data: bytes, kind: str) -> list[tuple[Member, bytes]]:
    path.write_bytes(data)
    document = open_flowing(path, kind, OpenerLimits(), None)
    assert isinstance(document, Container)
    return [(member, document.open_member(index).read()) for index, member in enumerate(document.members())]


def content(body: str) -> str:
    return f"<office:document-content {ODF}><office:body>{body}</office:body></office:document-content>"


def test_files_embedded_in_a_sheet_belong_to_its_part(tmp_path: Path):
    sheet = f'<worksheet {SHEET}><sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
    data = zipped(**{
        "_rels/.rels": f'<Relationships {PACKAGE}><Relationship Id="a" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook {SHEET} xmlns:r="{OFFICE}"><sheets><sheet name="A" sheetId="1" r:id="a"/>'
        '<sheet name="B" sheetId="2" r:id="b"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships {PACKAGE}>"
        + "".join(f'<Relationship Id="{name}" Type="{OFFICE}/worksheet" Target="{name}.xml"/>' for name in "ab")
        + "</Relationships>",
        "xl/a.xml": sheet,
        "xl/b.xml": sheet,
        "xl/_rels/b.xml.rels": f'<Relationships {PACKAGE}><Relationship Id="a" Type="{OFFICE}/package" '
        'Target="embeddings/letter.docx"/><Relationship Id="b" Type="'
        f'{OFFICE}/oleObject" Target="file:///c:/linked.doc" TargetMode="External"/></Relationships>',
        "xl/embeddings/letter.docx": b"PK letter",
    })  # fmt: skip
    assert inside(tmp_path / "book.xlsx", data, "xlsx") == [(Member(name="letter.docx", size=9, part=2), b"PK letter")]


@pytest.mark.parametrize(("kind", "shown"), [("odt", True), ("odp", True), ("ods", False)])
def test_objects_in_open_documents_are_inside_and_charts_are_not(tmp_path: Path, kind: str, shown: bool):
    objects = "".join(
        f'<draw:frame><draw:object{"-ole" if name == "Object 4" else ""} xlink:href="./{name}"/></draw:frame>'
        for name in ("Object 1", "Object 2", "Object 3", "Object 4", "Object 5")
    )
    bodies = {
        "odt": f"<office:text><text:p>{objects}</text:p></office:text>",
        "odp": f"<office:presentation><draw:page/><draw:page>{objects}</draw:page></office:presentation>",
        "ods": "<office:spreadsheet><table:table table:name='S'><table:shapes>"
        f"{objects}</table:shapes><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell></table:table-row>"
        "</table:table></office:spreadsheet>",
    }
    text = content("<office:text><text:p>Inner words</text:p></office:text>")
    data = zipped(**{
        "content.xml": content(bodies[kind]),
        "Object 1/content.xml": text,
        "Object 1/styles.xml": "<s/>",
        "Object 2/content.xml": content("<office:chart/>"),
        "Object 3/content.xml": content("<office:spreadsheet/>"),
        "Object 4": b"a packed file",
    })  # fmt: skip
    found = inside(tmp_path / f"outer.{kind}", data, kind)
    names = ["Object 1.odt", *([] if shown else ["Object 3.ods"]), "Object 4"]
    assert [member.name for member, _ in found] == names
    assert {member.part for member, _ in found} == {2 if kind == "odp" else 1}
    assert found[-1][1] == b"a packed file"
    inner = tmp_path / "inner.odt"
    inner.write_bytes(found[0][1])
    assert [block.text for block in open_flowing(inner, "odt", OpenerLimits(), None).part(1).blocks] == ["Inner words"]
