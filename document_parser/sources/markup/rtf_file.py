"""Rich text (RTF) as a document of one part. Runs in the opener child."""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, PageUnreadable, TooManyMembers
from document_parser.models import Location, Member, PageWarning, Part
from document_parser.models.reading import MAX_NAME_CHARACTERS
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.embedded import file_of_old_object
from document_parser.sources.flowing import OneBody
from document_parser.sources.markup.rtf import RtfReader


class RtfFile(OneBody):
    """A file of rich text. Embedded objects are documents inside it."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Keep the path."""
        del password
        super().__init__(limits)
        self._path = path
        self._images: list[bytes] = []
        self._files: list[tuple[str, bytes]] = []

    @cached_property
    def _part(self) -> Part:
        """Return the blocks of the file, and keep its images and files. Raises DamagedDocument."""
        reader = RtfReader()
        blocks = reader.read(self._path.read_bytes())
        found = [file_of_old_object(f"object-{number}", data) for number, data in enumerate(reader.objects, 1)]
        self._images, self._files = reader.images, [file for file in found if file is not None]
        warnings = reader.warnings()
        if linked := len(found) - len(self._files):
            message = f"Not read: {linked} objects that are only linked to."
            warnings.append(PageWarning(code="not_read", message=message))
        return Part(location=Location(kind="body", name=reader.title), blocks=blocks, warnings=warnings)

    def part(self, number: int) -> Part:
        """Return the blocks of the file. Raises PageUnreadable for what is no RTF."""
        self.location(number)
        try:
            return self._part
        except DamagedDocument as error:
            raise PageUnreadable(error.message, page=number) from error

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an embedded image."""
        self.part(number)
        if not 0 <= index < len(self._images):
            raise PageUnreadable("The part has no such image.", page=number)
        return self._images[index]

    def members(self) -> list[Member]:
        """Return the embedded files; none of a file that is no RTF, whose part says so. Raises TooManyMembers."""
        try:
            self.part(1)
        except PageUnreadable:
            return []
        if len(self._files) > self._limits.max_members:
            raise TooManyMembers.for_members(len(self._files), self._limits.max_members)
        return [Member(name=name[:MAX_NAME_CHARACTERS], size=len(data), part=1) for name, data in self._files]

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        if not 0 <= index < len(self.members()):
            raise PageUnreadable("The document has no such file.")
        return io.BytesIO(self._files[index][1])
