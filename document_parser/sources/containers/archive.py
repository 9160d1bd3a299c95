"""An archive as a document: one part that lists its files, which are documents inside it. Runs in the opener child.

Nothing is unpacked to a path: names of entries are shown and never used as places. Sizes are counted while entries are read,
since those that the archive declares may be wrong.
"""

from __future__ import annotations

import contextlib
import tarfile
import zipfile
from pathlib import Path
from typing import IO, Protocol

from document_parser.errors import EncryptedDocument, PageUnreadable
from document_parser.models import Block, Location, Member, PageWarning, Part
from document_parser.models.reading import MAX_NAME_CHARACTERS
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.faults import FAULTS, container_faults, member_faults
from document_parser.sources.containers.names import decode_names, numbered
from document_parser.sources.containers.packed import open_packed
from document_parser.sources.containers.seven_zip import SIGNATURE as SEVEN_ZIP
from document_parser.sources.containers.seven_zip import SevenZipEntries
from document_parser.sources.containers.zip_members import ZipMembers, check_unpacked_size
from document_parser.sources.flowing import FlowingDocument

_UNNAMED = "one packed file"
"""What the list of contents says of a file whose name the archive does not say."""
_CUT = "The archive breaks off: files behind the last one in the list are lost, and that one may be cut off."
_TAR_BLOCK = 512


class _Entries(Protocol):
    """The files of an archive of one format. ``is_cut`` says that its list breaks off."""

    is_cut: bool

    def members(self) -> list[Member]:
        """Return the files, folders and links left out."""

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file. Raises PageUnreadable, or what ``member_faults`` knows."""


class Archive(FlowingDocument):
    """A ZIP, TAR or 7z archive, TAR also packed, or one packed file."""

    page_count = 1

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the list of entries.

        Raises DamagedDocument, EncryptedDocument, ProgramAbsent, or TooLargeUnpacked by what the archive declares.
        """
        super().__init__(limits)
        with container_faults():
            self._entries = _entries_of(path, limits, password)
            found = self._entries.members()
        names = numbered(_shown_name(member.name) for member in found)
        self._members = [member.model_copy(update={"name": name}) for member, name in zip(found, names, strict=True)]
        declared = sum(member.size or 0 for member in self._members)
        check_unpacked_size(len(self._members), declared, path.stat().st_size, limits)

    def location(self, number: int) -> Location:
        """Return the only location: the list of contents."""
        if number != 1:
            raise PageUnreadable("An archive has one part.", page=number)
        return Location(kind="contents")

    def part(self, number: int) -> Part:
        """Return the names of the files as a list."""
        blocks = [Block(kind="list_item", text=member.name or _UNNAMED, level=1) for member in self._members]
        warnings = [PageWarning(code="damaged_data", message=_CUT)] if self._entries.is_cut else []
        return Part(location=self.location(number), blocks=blocks, warnings=warnings)

    def members(self) -> list[Member]:
        """Return the files. That of a packed file has no name: it is the archive's own without its last extension."""
        return self._members

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of a file. Raises PageUnreadable."""
        if not 0 <= index < len(self._members):
            raise PageUnreadable("The archive has no such file.")
        with member_faults(self._members[index].name):
            return self._entries.open(index)


def _entries_of(path: Path, limits: OpenerLimits, password: str | None) -> _Entries:
    """Return the files of an archive by what its file begins with."""
    with path.open("rb") as file:
        if file.read(len(SEVEN_ZIP)) == SEVEN_ZIP:
            return SevenZipEntries(path, limits)
    stream = open_packed(path, limits)
    if stream is not None:
        return _TarEntries(stream, path.stat().st_size, limits) if _is_tar(stream) else _PackedFile(stream)
    if zipfile.is_zipfile(path):
        return _ZipEntries(path, limits, password)
    return _TarEntries(path.open("rb"), path.stat().st_size, limits)


def _is_tar(stream: IO[bytes]) -> bool:
    """Return whether a stream begins with the head of an archive's entry. It is then at its start again."""
    head = stream.read(_TAR_BLOCK)
    stream.seek(0)
    with contextlib.suppress(tarfile.HeaderError):
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        return True
    return False


class _ZipEntries:
    """The files of a ZIP archive, whose list is at its end: it is whole or missing."""

    is_cut = False

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        self._archive = ZipMembers(path, limits, password)
        self._names = list(self._archive)
        if not password and self._names and all(map(self._archive.is_encrypted, self._names)):
            raise EncryptedDocument()

    def members(self) -> list[Member]:
        """Return the files."""
        return [Member(name=name[:MAX_NAME_CHARACTERS], size=self._archive.size(name)) for name in self._names]

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file. Raises PageUnreadable for one that is encrypted, or packed by an unknown method."""
        return self._archive.stream(self._names[index])


class _TarEntries:
    """The files of a TAR archive; links and devices are left out."""

    def __init__(self, stream: IO[bytes], packed: int, limits: OpenerLimits) -> None:
        """List the files, which unpacks a compressed archive of ``packed`` bytes: it ends as soon as a limit is passed."""
        self._archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - stays open with the document
        self._infos: list[tarfile.TarInfo] = []
        self.is_cut = False
        try:
            unpacked = 0
            for count, info in enumerate(self._archive, 1):  # links and folders too: they are no shorter to list
                unpacked += info.size
                if info.isfile():
                    self._infos.append(info)
                check_unpacked_size(count, unpacked, packed, limits)
        except FAULTS:
            if not self._infos:
                raise
            self.is_cut = True

    def members(self) -> list[Member]:
        """Return the files."""
        names = decode_names([info.name.encode("utf-8", "surrogateescape") for info in self._infos], "cp1252")
        return [Member(name=name[:MAX_NAME_CHARACTERS], size=info.size) for name, info in zip(names, self._infos, strict=True)]

    def open(self, index: int) -> IO[bytes]:
        """Return the contents of a file."""
        found = self._archive.extractfile(self._infos[index])
        if found is None:
            raise tarfile.TarError("no file")
        return found


class _PackedFile:
    """The only file of a packed one, which has no name of its own."""

    is_cut = False

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def members(self) -> list[Member]:
        """Return the file."""
        return [Member(name="")]

    def open(self, index: int) -> IO[bytes]:
        """Return its contents."""
        del index
        self._stream.seek(0)
        return self._stream


def _shown_name(name: str) -> str:
    """Return a name as it is shown: with slashes, without NUL."""
    return name.replace("\\", "/").replace("\0", "").encode("utf-8", "replace").decode()
