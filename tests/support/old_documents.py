"""Documents of old formats that a test writes itself."""

from __future__ import annotations

import zipfile
from pathlib import Path

OFFICE_1 = "http://openoffice.org/2000"


def old_text(path: Path, body: str) -> Path:
    """Write a text of OpenOffice 1, which only LibreOffice reads."""
    return office_1(path, "writer", "text", body)


def office_1(path: Path, program: str, kind: str, body: str) -> Path:
    """Write a document of OpenOffice 1, which only LibreOffice reads, with the names of its program and kind."""
    spaces = " ".join(
        f'xmlns:{name}="{OFFICE_1}/{full}"'
        for name, full in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("style", "style"))
    )
    spaces += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:svg="http://www.w3.org/2000/svg"'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.sun.xml.{program}")
        archive.writestr(
            "content.xml",
            f'<office:document-content {spaces} office:class="{kind}" office:version="1.0"><office:body>{body}</office:body>'
            "</office:document-content>",
        )
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">'
            f'<manifest:file-entry manifest:media-type="application/vnd.sun.xml.{program}" manifest:full-path="/"/>'
            '<manifest:file-entry manifest:media-type="text/xml" manifest:full-path="content.xml"/></manifest:manifest>',
        )
    return path
