"""Rich text (RTF) as a document of one part. Runs in the opener child."""

from __future__ import annotations

from pathlib import Path

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.models import Location, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import OneBody
from document_parser.sources.markup.rtf import RtfReader


class RtfFile(OneBody):
    """A file of rich text."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Keep the path."""
        del password
        super().__init__(limits)
        self._path = path
        self._images: list[bytes] | None = None

    def part(self, number: int) -> Part:
        """Return the blocks of the file. Raises PageUnreadable for what is no RTF."""
        self.location(number)
        reader = RtfReader()
        try:
            blocks = reader.read(self._path.read_bytes())
        except DamagedDocument as error:
            raise PageUnreadable(error.message, page=number) from error
        self._images = reader.images
        return Part(location=Location(kind="body", name=reader.title), blocks=blocks, warnings=reader.warnings())

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an embedded image."""
        if self._images is None:
            self.part(number)
        images = self._images or []
        if not 0 <= index < len(images):
            raise PageUnreadable("The part has no such image.", page=number)
        return images[index]
