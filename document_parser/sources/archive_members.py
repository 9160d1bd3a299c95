"""The members of a zip archive, within bounds: office files, e-books and archives are zip files. Runs in the opener child.

Names are only names: they never become paths of this machine. Nothing is unpacked before the whole directory was looked at.
"""

from __future__ import annotations

import lzma
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, EncryptedDocument, ExpandsTooMuch, TooLargeUnpacked, TooManyMembers
from document_parser.sources.base import OpenerLimits

MIN_JUDGED_BYTES = 32 << 20
"""Archives that unpack to less are never refused for their ratio: short repetitive files shrink to almost nothing."""
_ENCRYPTED = 1
"""The bit of a member's flags that says it is encrypted."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError)
"""What reading a damaged member raises; ValueError and OSError come from decompressors and from impossible offsets."""


class ZipMembers:
    """An opened zip archive whose members are read by their names as ``normalise_name`` gives them.

    A file's bytes are never more than its directory entry declares, and all that is declared is within the limits: construction
    raises TooLargeUnpacked or its kinds otherwise, DamagedDocument for what is no zip archive. Of members with one name the
    later ones are numbered, as in ``name (2).txt``; folders are left out.
    """

    def __init__(self, file: Path | IO[bytes], limits: OpenerLimits, password: str | None = None) -> None:
        """Read the directory of the archive."""
        self._password = password.encode() if password else None
        try:
            self._archive = zipfile.ZipFile(file)
        except (*_UNREADABLE, NotImplementedError) as error:
            raise DamagedDocument("The archive is damaged or cut off: its directory cannot be read. Send it again.") from error
        entries = self._archive.infolist()
        packed = self._archive.start_dir  # everything before the directory
        check_unpacked_size(len(entries), sum(entry.file_size for entry in entries), packed, limits)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            name = normalise_name(entry.filename)
            if name and not entry.filename.endswith(("/", "\\")):
                self._entries[_unused_name(name, self._entries)] = entry

    def __contains__(self, name: str) -> bool:
        """Return whether the archive has a member of this name."""
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the members in the order of the directory."""
        return iter(self._entries)

    def size(self, name: str) -> int:
        """Return the bytes of a member when unpacked. Raises KeyError if there is none."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """Return a whole member. Raises KeyError if there is none, DamagedDocument, EncryptedDocument."""
        with self.open(name) as stream:
            return stream.read()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Give a member as a stream. Raises KeyError if there is none; DamagedDocument also while it is read in the block."""
        try:
            with self.stream(name) as stream:
                yield stream
        except (*_UNREADABLE, NotImplementedError) as error:
            raise DamagedDocument(f"The member {name!r} of the archive is damaged.") from error

    def stream(self, name: str) -> IO[bytes]:
        """Return a member as a stream, whose errors are those of the library. Raises KeyError and EncryptedDocument."""
        if self.is_encrypted(name) and self._password is None:
            raise EncryptedDocument(f"The member {name!r} of the archive is encrypted.")
        return self._archive.open(self._entries[name], pwd=self._password)

    def is_encrypted(self, name: str) -> bool:
        """Return whether a member can be read with a password only."""
        return bool(self._entries[name].flag_bits & _ENCRYPTED)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()


def check_unpacked_size(members: int, unpacked: int, packed: int, limits: OpenerLimits) -> None:
    """Raise TooLargeUnpacked, ExpandsTooMuch or TooManyMembers beyond the limits. Sizes are in bytes."""
    if members > limits.max_members:
        raise TooManyMembers.for_members(members, limits.max_members)
    if unpacked > limits.max_unpacked_mb << 20:
        raise TooLargeUnpacked.for_size(unpacked, limits.max_unpacked_mb)
    if unpacked > MIN_JUDGED_BYTES and unpacked > limits.max_expansion_ratio * packed:
        raise ExpandsTooMuch.for_ratio(unpacked / max(1, packed), limits.max_expansion_ratio)


def normalise_name(name: str) -> str:
    """Return a member's name with slashes, without drive, root, ``.``, ``..`` and control characters; empty if none is left."""
    parts = name.replace("\\", "/").split("/")
    if len(parts[0]) == 2 and parts[0][1] == ":":
        del parts[0]
    kept = ("".join(letter for letter in part if unicodedata.category(letter) != "Cc") for part in parts)
    return "/".join(part for part in kept if part not in {"", ".", ".."})


def _unused_name(name: str, taken: dict[str, zipfile.ZipInfo]) -> str:
    """Return the name, with a number before its extension if it is taken."""
    if name not in taken:
        return name
    folder, slash, last = name.rpartition("/")
    stem, dot, extension = last.rpartition(".")
    if not stem:
        stem, dot, extension = last, "", ""
    number = 2
    while (found := f"{folder}{slash}{stem} ({number}){dot}{extension}") in taken:
        number += 1
    return found
