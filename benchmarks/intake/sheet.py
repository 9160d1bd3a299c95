"""A workbook of many cells, written without a library: numbers and shared texts, as exports have them."""

from __future__ import annotations

import zipfile
from pathlib import Path

COLUMNS = 20
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TEXTS = 1000


def write_workbook(path: Path, cells: int) -> None:
    """Write a workbook with one sheet of this many cells: every fourth column has texts, the others have numbers."""
    members = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_KIND}.sharedStrings+xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": _relationships(officeDocument="xl/workbook.xml"),
        "xl/_rels/workbook.xml.rels": _relationships(worksheet="worksheets/sheet1.xml", sharedStrings="sharedStrings.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Export" sheetId="1" r:id="worksheet"/></sheets></workbook>',
        "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">'
        + "".join(f"<si><t>Customer {number}</t></si>" for number in range(_TEXTS))
        + "</sst>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_SHEET}"><sheetData>'.encode())
            for row in range(1, cells // COLUMNS + 1):
                sheet.write(f'<row r="{row}">{"".join(_cell(row, column) for column in range(COLUMNS))}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


def _relationships(**targets: str) -> str:
    """Return a relationships part; each relationship has its kind as its id."""
    lines = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'


def _cell(row: int, column: int) -> str:
    """Return one cell."""
    place = f"{chr(ord('A') + column)}{row}"
    if column % 4 == 0:
        return f'<c r="{place}" t="s"><v>{(row * 7 + column) % _TEXTS}</v></c>'
    return f'<c r="{place}"><v>{row * (column + 1) / 8:g}</v></c>'
