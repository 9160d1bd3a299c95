"""An archive as a document: one part that lists its files, which are documents inside it. Runs in the opener child.

Nothing is unpacked to a path: names of entries are shown and never used as places. Sizes are counted while entries are read,
since those that the archive declares may be wrong.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from document_parser.errors import DamagedDocument, EncryptedDocument, PageUnreadable
from document_parser.models import Block, Location, Member, Part
from document_parser.models.reading import MAX_NAME_CHARACTERS
from document_parser.sources.archive_members import ZipMembers, check_unpacked_size
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import FlowingDocument

_FAULTS = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
"""Raised by the libraries for damaged archives."""


class _Entries(Protocol):
    """The files of an archive of one format."""

    def members(self) -> list[Member]:
        """Return the files, folders and links left out."""

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file."""


class Archive(FlowingDocument):
    """A ZIP or TAR archive, TAR also compressed."""

    page_count = 1

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the list of entries.

        Raises DamagedDocument, EncryptedDocument, or TooLargeUnpacked by what the archive declares.
        """
        super().__init__(limits)
        with _faults_as_damage():
            self._entries: _Entries = (
                _ZipEntries(path, limits, password) if zipfile.is_zipfile(path) else _TarEntries(path, limits)
            )
            self._members = self._entries.members()
        declared = sum(member.size or 0 for member in self._members)
        check_unpacked_size(len(self._members), declared, path.stat().st_size, limits)

    def location(self, number: int) -> Location:
        """Return the only location: the list of contents."""
        if number != 1:
            raise PageUnreadable("An archive has one part.", page=number)
        return Location(kind="contents")

    def part(self, number: int) -> Part:
        """Return the names of the files as a list."""
        blocks = [Block(kind="list_item", text=member.name, level=1) for member in self._members]
        return Part(location=self.location(number), blocks=blocks)

    def members(self) -> list[Member]:
        """Return the files."""
        return self._members

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of a file. Raises PageUnreadable."""
        if not 0 <= index < len(self._members):
            raise PageUnreadable("The archive has no such file.")
        try:
            return self._entries.open(index)
        except _FAULTS as error:
            raise PageUnreadable("This file in the archive is damaged or packed in a way that is not read.") from error


class _ZipEntries:
    """The files of a ZIP archive."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        self._archive = ZipMembers(path, limits, password)
        self._names = list(self._archive)
        if not password and any(map(self._archive.is_encrypted, self._names)):
            raise EncryptedDocument()

    def members(self) -> list[Member]:
        """Return the files."""
        return [Member(name=_shown_name(name), size=self._archive.size(name)) for name in self._names]

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file."""
        return self._archive.stream(self._names[index])


class _TarEntries:
    """The files of a TAR archive; links and devices are left out."""

    def __init__(self, path: Path, limits: OpenerLimits) -> None:
        """List the files, which unpacks a compressed archive: it ends as soon as a limit is passed."""
        self._archive = tarfile.open(path)  # noqa: SIM115 - stays open with the document
        self._infos: list[tarfile.TarInfo] = []
        unpacked, packed = 0, path.stat().st_size
        for count, info in enumerate(self._archive, 1):  # links and folders too: they are no shorter to list
            unpacked += info.size
            if info.isfile():
                self._infos.append(info)
            check_unpacked_size(count, unpacked, packed, limits)

    def members(self) -> list[Member]:
        """Return the files."""
        return [Member(name=_shown_name(info.name), size=info.size) for info in self._infos]

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file."""
        found = self._archive.extractfile(self._infos[index])
        if found is None:
            raise tarfile.TarError("no file")
        return found


def _shown_name(name: str) -> str:
    """Return a name as it is shown: with slashes, without NUL, of bounded length."""
    return name.replace("\\", "/").replace("\0", "").encode("utf-8", "replace").decode()[:MAX_NAME_CHARACTERS] or "unnamed"


@contextmanager
def _faults_as_damage() -> Iterator[None]:
    """Raise DamagedDocument for what the libraries raise."""
    try:
        yield
    except _FAULTS as error:
        raise DamagedDocument("The archive is damaged or cut off. Pack it again.") from error
