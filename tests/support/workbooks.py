"""Small workbooks of Office Open XML and OpenDocument, made of the XML that a test is about."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
ANCHORS = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
CHART = "http://schemas.openxmlformats.org/drawingml/2006/chart"


def relations(*targets: tuple[str, str], external: bool = False) -> str:
    """The relationships part with ids r1, r2, … of (type, target) pairs."""
    mode = ' TargetMode="External"' if external else ""
    listed = "".join(
        f'<Relationship Id="r{place}" Type="{RELATIONS}/{kind}" Target="{target}"{mode}/>'
        for place, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{PACKAGE_RELATIONS}">{listed}</Relationships>'


def sheet(rows: str, *, before: str = "", after: str = "", namespace: str = MAIN) -> str:
    """A worksheet with this XML of rows, and what stands before and after them."""
    return f'<worksheet xmlns="{namespace}" xmlns:r="{RELATIONS}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def row(number: int, *cells: str, more: str = "") -> str:
    """A row of cells from column A: numbers as they are, other texts as inline strings, empty ones left out."""
    return f'<row r="{number}"{more}>{"".join(_cell(number, at, text) for at, text in enumerate(cells) if text)}</row>'


def _cell(number: int, at: int, text: str) -> str:
    name = f"{chr(65 + at)}{number}"
    if text.startswith("<"):
        return text
    if text.lstrip("-").replace(".", "").isdigit():
        return f'<c r="{name}"><v>{text}</v></c>'
    return f'<c r="{name}" t="inlineStr"><is><t>{text}</t></is></c>'


def write_xlsx(
    path: Path,
    sheets: Mapping[str, str],
    *,
    styles: Sequence[str] = (),
    members: Mapping[str, str | bytes] | None = None,
    workbook: str = "",
    states: Mapping[str, str] | None = None,
    namespace: str = MAIN,
    backslashes: bool = False,
) -> Path:
    """Write a workbook. ``styles`` are number format codes, or ids of built-in ones, of styles 1, 2, …; style 0 is General.

    ``members`` are further parts, ``workbook`` is XML at the end of the workbook part, ``states`` those of sheets by name.
    """
    listed = "".join(
        f'<sheet name="{name}" sheetId="{at}" r:id="r{at}"{_state((states or {}).get(name))}/>'
        for at, name in enumerate(sheets, 1)
    )
    spaces = f'xmlns="{namespace}" xmlns:r="{RELATIONS}"'
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {spaces}><sheets>{listed}</sheets>{workbook}</workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            *[("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)],
            ("styles", "styles.xml"),
            ("sharedStrings", "sharedStrings.xml"),
            ("person", "persons/person.xml"),
        ),
        "xl/styles.xml": _styles(styles, namespace),
    }
    parts |= {f"xl/worksheets/sheet{at}.xml": content for at, content in enumerate(sheets.values(), 1)}
    parts |= members or {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("/", "\\") if backslashes else name, content)
    return path


def _state(state: str | None) -> str:
    return f' state="{state}"' if state else ""


def _styles(codes: Sequence[str], namespace: str) -> str:
    """The styles part."""
    own = [(200 + at, code) for at, code in enumerate(codes) if not code.isdecimal()]
    ids = [int(code) if code.isdecimal() else 200 + at for at, code in enumerate(codes)]
    formats = "".join(f'<numFmt numFmtId="{number}" formatCode="{_attribute(code)}"/>' for number, code in own)
    cells = "".join(f'<xf numFmtId="{number}"/>' for number in [0, *ids])
    return f'<styleSheet xmlns="{namespace}"><numFmts>{formats}</numFmts><cellXfs>{cells}</cellXfs></styleSheet>'


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def write_ods(path: Path, body: str, styles: str = "") -> Path:
    """Write an OpenDocument workbook with this XML of tables and automatic styles."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
        for name, full in (
            ("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"), ("fo", "xsl-fo-compatible"),
        )
    )  # fmt: skip
    content = (
        f'<office:document-content {spaces} xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
    return path
