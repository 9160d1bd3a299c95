"""A document that LibreOffice converted: its new file as our readers read it, and what the conversion means for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

from document_parser.errors import DocumentError, PageUnreadable
from document_parser.models import ConvertedKind, Location, Member, PageWarning, Part
from document_parser.sources.base import Container, OpenerLimits
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.flowing import FlowingDocument, open_flowing
from document_parser.sources.libreoffice import CONVERSIONS

_PROGRAM = re.compile(rb"LibreOffice(?:Dev)?/([\d.]+)")
_PROPERTIES = ("docProps/app.xml", "meta.xml")
"""Where LibreOffice writes its name and version."""
_CONTENTS = ("word/", "ppt/slides/", "xl/worksheets/", "content.xml")
"""The members that have the text of a document, and its fields."""
_COMPUTED = re.compile(
    rb'instr(?:Text)?\b[^<>]*[">]\s*(?:DATE|TIME)\b|<a:fld [^>]*type="datetime'
    rb"|<(?:x:)?f\b[^<]*>[^<]*\b(?:TODAY|NOW)\(|<text:(?:date|time)\b(?![^>]*text:fixed=\"true\")"
    rb'|table:formula="[^"]*\b(?:TODAY|NOW)\('
)
"""Fields and formulas that show the date or time of the moment in which a program opens the document."""


class ConvertedDocument(FlowingDocument):
    """A converted document. Its parts, images and embedded files are those of the new file."""

    def __init__(self, path: Path, kind: ConvertedKind, limits: OpenerLimits) -> None:
        """Open the new file. Raises DocumentError and its subclasses."""
        super().__init__(limits)
        conversion = CONVERSIONS[kind]
        self._document = open_flowing(path, conversion.output.kind, limits, None)
        self.page_count = self._document.page_count
        self._warnings = _warnings_of(path, conversion.name, conversion.output.extension, limits)

    def location(self, number: int) -> Location:
        """Return where a part is."""
        return self._document.location(number)

    def part(self, number: int) -> Part:
        """Return a part, which says that it was converted."""
        part = self._document.part(number)
        return part.model_copy(update={"warnings": [*part.warnings, *self._warnings]})

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an embedded image."""
        return self._document.picture_data(number, index)

    def members(self) -> list[Member]:
        """Return the files embedded in the document."""
        return self._document.members() if isinstance(self._document, Container) else []

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        if not isinstance(self._document, Container):
            raise PageUnreadable("The document holds no other files.")
        return self._document.open_member(index)


def _warnings_of(path: Path, name: str, extension: str, limits: OpenerLimits) -> list[PageWarning]:
    """Return the warnings of each part: by which program it was converted, and that dates may be those of today."""
    members = ZipMembers(path, limits)
    version = next((found[1].decode() for member in _PROPERTIES if (found := _PROGRAM.search(_read(members, member)))), "")
    warnings = [
        PageWarning(
            code="converted",
            message=f"Converted from {name} to {extension.upper()} by LibreOffice {version}".rstrip() + ", then read.",
        )
    ]
    if any(_COMPUTED.search(_read(members, member)) for member in members if member.startswith(_CONTENTS)):
        message = (
            "The document has fields or formulas that show the date or time of now. LibreOffice computed them anew: they are "
            "not those that the document showed when it was saved."
        )
        warnings.append(PageWarning(code="recomputed_fields", message=message))
    members.close()
    return warnings


def _read(members: ZipMembers, name: str) -> bytes:
    """Return a member; empty if it is missing or damaged."""
    try:
        return members.read(name) if name in members else b""
    except DocumentError:
        return b""
