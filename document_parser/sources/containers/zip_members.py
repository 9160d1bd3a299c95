"""The members of a zip archive, within bounds: office files, e-books and archives are zip files. Runs in the opener child.

Names are only names: they never become paths of this machine. Nothing is unpacked before the whole directory was looked at.
"""

from __future__ import annotations

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from document_parser.errors import (
    DamagedDocument,
    EncryptedDocument,
    ExpandsTooMuch,
    PageUnreadable,
    TooLargeUnpacked,
    TooManyMembers,
)
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.faults import FAULTS
from document_parser.sources.containers.names import decode_names, unused_name

MIN_JUDGED_BYTES = 32 << 20
"""Archives that unpack to less are never refused for their ratio: short repetitive files shrink to almost nothing."""
_ENCRYPTED = 1
"""The bit of a member's flags that says it is encrypted."""
_NAMED_UTF8 = 1 << 11
"""The bit of a member's flags that says that its name is UTF-8."""
_UNICODE_PATH = 0x7075
"""The extra field with a member's name in UTF-8, which zipfile reads from Python 3.12 on (APPNOTE 4.6.9)."""
_STRONGLY_ENCRYPTED = 1 << 6
_TRIED_BYTES = 1 << 20
"""How much of an encrypted member is unpacked to try the password; all of a small one, so that its checksum is compared."""
_AES = 99
"""The method that stands for encryption by AES; the method of packing is elsewhere."""
_MEMBER_FAULTS: tuple[type[Exception], ...] = (PageUnreadable, *FAULTS)
_READ_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_METHOD_NAMES = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd"}
"""Methods of packing that are not read (APPNOTE 4.4.5)."""


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
        except FAULTS as error:
            raise DamagedDocument("The archive is damaged or cut off: its directory cannot be read. Send it again.") from error
        entries = self._archive.infolist()
        packed = self._archive.start_dir  # everything before the directory
        check_unpacked_size(len(entries), sum(entry.file_size for entry in entries), packed, limits)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry, stored in zip(entries, _names_of(entries), strict=True):
            name = normalise_name(stored)
            if name and not stored.endswith(("/", "\\")):
                self._entries[unused_name(name, self._entries)] = entry

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
        except _MEMBER_FAULTS as error:
            raise DamagedDocument(f"The member {name!r} of the archive is damaged.") from error

    def stream(self, name: str) -> IO[bytes]:
        """Return a member as a stream, whose errors are those of the library.

        Raises KeyError, EncryptedDocument if there is no password, and PageUnreadable for a wrong one and for a member that is
        packed or encrypted in a way that is not read.
        """
        entry = self._entries[name]
        if entry.compress_type == _AES or entry.flag_bits & _STRONGLY_ENCRYPTED:
            raise PageUnreadable(
                f"The file {name!r} in the archive is encrypted by AES, which is not read. Pack it without a password."
            )
        if entry.compress_type not in _READ_METHODS:
            method = _METHOD_NAMES.get(entry.compress_type, f"method {entry.compress_type}")
            raise PageUnreadable(
                f"The file {name!r} in the archive is packed by {method}, which is not read. Pack it again by Deflate."
            )
        if not self.is_encrypted(name):
            return self._archive.open(entry)
        if self._password is None:
            raise EncryptedDocument(f"The file {name!r} in the archive is encrypted. Send its password in 'password'.")
        return self._open_encrypted(name, entry)

    def _open_encrypted(self, name: str, entry: zipfile.ZipInfo) -> IO[bytes]:
        """Return an encrypted member, whose first bytes are tried: one wrong password of 256 shows only by what it gives.

        Raises PageUnreadable for a wrong password, or for a member so damaged that it looks like that.
        """
        try:
            with self._archive.open(entry, pwd=self._password) as stream:
                stream.read(_TRIED_BYTES)
            return self._archive.open(entry, pwd=self._password)
        except FAULTS as error:
            raise PageUnreadable(
                f"The password does not open the file {name!r} in the archive, or the file is damaged. Send the right password "
                "in the field 'password'."
            ) from error

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


def _names_of(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Return the names of the members, whichever encoding programs wrote them in.

    zipfile takes names without the mark of UTF-8 for cp437, which loses nothing.
    """
    old = [entry.orig_filename.encode("cp437", "replace") for entry in entries if not entry.flag_bits & _NAMED_UTF8]
    decoded = iter(decode_names(old, "cp437"))
    stored = [entry.orig_filename if entry.flag_bits & _NAMED_UTF8 else next(decoded) for entry in entries]
    return [_unicode_path(entry) or name for entry, name in zip(entries, stored, strict=True)]


def _unicode_path(entry: zipfile.ZipInfo) -> str | None:
    """Return the name of a member in its extra field for that; None if it has none that belongs to its other name."""
    extra, place = entry.extra, 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, place)
        field = extra[place + 4 : place + 4 + size]
        place += 4 + size
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            checksum = struct.unpack_from("<I", field, 1)[0]
            if checksum == zlib.crc32(entry.orig_filename.encode("cp437", "replace")):
                return field[5:].decode("utf-8", "replace")
    return None
