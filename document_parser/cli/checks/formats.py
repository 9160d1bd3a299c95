"""Check what some formats need beside this package: LibreOffice and libarchive."""

from __future__ import annotations

import asyncio
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from document_parser.cli.checks import Finding
from document_parser.errors import DocumentParserError
from document_parser.host.libarchive import find_libarchive
from document_parser.host.libreoffice import find_libreoffice
from document_parser.settings import Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers

_SAMPLE = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="http://openoffice.org/2000/office" '
    'xmlns:text="http://openoffice.org/2000/text" office:class="text" office:version="1.0"><office:body>'
    "<text:p>Doctor 1234567890</text:p></office:body></office:document-content>"
)
"""The content of a text of OpenOffice 1, the simplest format that is converted."""
_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="http://openoffice.org/2001/manifest">'
    '<manifest:file-entry manifest:media-type="application/vnd.sun.xml.writer" manifest:full-path="/"/>'
    '<manifest:file-entry manifest:media-type="text/xml" manifest:full-path="content.xml"/></manifest:manifest>'
)


def check_libreoffice(settings: Settings) -> Iterator[Finding]:
    """Convert a small document with LibreOffice."""
    named = settings.workers.libreoffice_program
    if not named:
        yield Finding("libreoffice", "ok", "switched off by LIBREOFFICE_PROGRAM; DOC, PPT and other old formats are not read")
    elif find_libreoffice(named) is None:
        detail = f"{named} is not installed; DOC, PPT and other old formats are refused"
        advice = "Install libreoffice-writer, libreoffice-calc and libreoffice-impress, or set LIBREOFFICE_PROGRAM."
        yield Finding("libreoffice", "warning", detail, advice)
    else:
        yield _check_conversion(settings)


def check_libarchive(settings: Settings) -> Iterator[Finding]:
    """Check that the library is there that reads 7z archives."""
    del settings
    if find_libarchive() is None:
        yield Finding("libarchive", "warning", "is not installed; 7z archives are refused", "Install libarchive13.")
    else:
        yield Finding("libarchive", "ok", "reads 7z archives")


def _check_conversion(settings: Settings) -> Finding:
    """Return whether LibreOffice converts a small document, and its version."""
    with tempfile.TemporaryDirectory(prefix="docparse-doctor-") as folder:
        path = Path(folder) / "sample.sxw"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mimetype", "application/vnd.sun.xml.writer")
            archive.writestr("content.xml", _SAMPLE)
            archive.writestr("META-INF/manifest.xml", _MANIFEST)
        try:
            return Finding("libreoffice", "ok", asyncio.run(_convert(settings, path)))
        except DocumentParserError as error:
            return Finding("libreoffice", "warning", error.message, "Start it by hand to see why, or set LIBREOFFICE_PROGRAM.")


async def _convert(settings: Settings, path: Path) -> str:
    """Return what the warning of a conversion says. Raises the errors of ``Openers.open``."""
    with Openers.start(OpenerLimits.from_settings(settings)) as openers:
        async with await openers.open(path, "sxw") as source:
            part = await source.part(1)
    return next((warning.message for warning in part.warnings if warning.code == "converted"), "converts")
