"""Word documents, made of pieces of their XML."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from document_parser.models import Block, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.office.docx import WordDocument

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMESPACES = (
    f'xmlns:w="{W}" xmlns:r="{R}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
)
STYLES = """
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/><w:rPr><w:b/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="H2"/></w:style>
<w:style w:type="paragraph" w:styleId="Deep"><w:name w:val="Deep"/><w:pPr><w:outlineLvl w:val="7"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="Caption"><w:name w:val="caption"/></w:style>
<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="Source Code"/></w:style>
<w:style w:type="paragraph" w:styleId="Listed"><w:name w:val="Listed"/>
<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="character" w:styleId="Strong"><w:name w:val="Strong"/><w:rPr><w:b/></w:rPr></w:style>
<w:style w:type="character" w:styleId="VerbatimChar"><w:name w:val="Verbatim Char"/></w:style>
<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="table" w:styleId="Grid"><w:name w:val="Grid"/>
<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr></w:tblStylePr></w:style>
"""


def related(**kinds: str) -> str:
    """Relationships: id → "kind target", with an external target if it is an address."""
    lines = ""
    for identifier, both in kinds.items():
        kind, target = both.split(" ", 1)
        mode = ' TargetMode="External"' if "://" in target else ""
        lines += f'<Relationship Id="{identifier}" Type="{R}/{kind}" Target="{target}"{mode}/>'
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'


def document(
    body: str, parts: dict[str, str | bytes] | None = None, main: str = "word/document.xml", **relations: str
) -> bytes:
    """A Word file with this body, further parts, and relationships of its main part."""
    folder, name = main.rsplit("/", 1)
    relations = {"styles": "styles styles.xml", **relations}
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="txt" ContentType="text/plain"/></Types>',
        "_rels/.rels": related(one=f"officeDocument {main}", app="extended-properties docProps/app.xml"),
        main: f"<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>",
        f"{folder}/_rels/{name}.rels": related(**relations),
        f"{folder}/styles.xml": f'<w:styles xmlns:w="{W}">{STYLES}</w:styles>',
        **(parts or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return file.getvalue()


def opened(tmp_path: Path, data: bytes) -> WordDocument:
    path = tmp_path / "file.docx"
    path.write_bytes(data)
    return WordDocument(path, OpenerLimits(), None)


def part_of(tmp_path: Path, body: str, parts: dict[str, str | bytes] | None = None, **relations: str) -> Part:
    return opened(tmp_path, document(body, parts, **relations)).part(1)


def blocks_of(tmp_path: Path, body: str, parts: dict[str, str | bytes] | None = None, **relations: str) -> list[Block]:
    return part_of(tmp_path, body, parts, **relations).blocks


def texts(blocks: list[Block], layer: str = "body") -> list[str]:
    return [block.text for block in blocks if block.layer == layer]


def p(content: str, style: str = "", properties: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr>{content}</w:p>"


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def field(instruction: str, result: str | None, begin: str = "") -> str:
    sign = '<w:r><w:fldChar w:fldCharType="{}">{}</w:fldChar></w:r>'.format
    shown = f"{sign('separate', '')}{result}" if result is not None else ""
    return f"{sign('begin', begin)}<w:r><w:instrText>{instruction}</w:instrText></w:r>{shown}{sign('end', '')}"


def box(content: str) -> str:
    return f"<wps:wsp><wps:txbx><w:txbxContent>{content}</w:txbxContent></wps:txbx></wps:wsp>"


def drawing(content: str, alt: str = "") -> str:
    return (
        f'<w:r><w:drawing><wp:inline><wp:docPr id="1" name="x" descr="{alt}"/><a:graphic><a:graphicData>{content}'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>"
    )


def table(*rows: str, properties: str = "") -> str:
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr>{''.join(rows)}</w:tbl>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def tc(content: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(r(content)) if '<' not in content else content}</w:tc>"


def cells_of(block: Block) -> list[tuple[int, int, int, int, str]]:
    assert block.table is not None
    return [(cell.row, cell.column, cell.row_span, cell.column_span, cell.text) for cell in block.table.cells]


# --- the file
