"""Whether a document of an old format is encrypted, which its head says: LibreOffice only says that it made nothing of it.

Runs in the opener child, after it has confined itself.

Source: MS-DOC 2.5.2 (fEncrypted), MS-PPT 2.3.2 (headerToken), the prefix of WordPerfect files, OpenOffice 1's manifest.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import olefile

from document_parser.errors import EncryptedDocument
from document_parser.models import ConvertedKind
from document_parser.sources.containers.faults import FAULTS

_WORD_ENCRYPTED = 0x0100
"""The bit of the flags at byte 10 of a Word document."""
_SLIDES_ENCRYPTED = bytes.fromhex("dfc4d1f3")
"""What stands at byte 12 of the stream about the user of an encrypted presentation."""


def refuse_encrypted(path: Path, kind: ConvertedKind) -> None:
    """Raise EncryptedDocument if a document that could not be converted is encrypted."""
    check = _CHECKS.get(kind)
    try:
        if check is None or not check(path):
            return
    except FAULTS:
        return  # a damaged file, which the error of the conversion says
    raise EncryptedDocument("The document has a password, and is not read with one. Save it without, then send it again.")


def _is_word_encrypted(path: Path) -> bool:
    """Return whether the head of a Word document says so."""
    return bool(int.from_bytes(_stream(path, "WordDocument")[10:12], "little") & _WORD_ENCRYPTED)


def _are_slides_encrypted(path: Path) -> bool:
    """Return whether a presentation says so of the user who saved it last."""
    return _stream(path, "Current User")[12:16] == _SLIDES_ENCRYPTED


def _is_wordperfect_encrypted(path: Path) -> bool:
    """Return whether the head of a WordPerfect file has the checksum of a password."""
    with path.open("rb") as file:
        head = file.read(16)
    return head[12:14] not in (b"", b"\0\0")


def _is_office_1_encrypted(path: Path) -> bool:
    """Return whether the manifest says that parts are encrypted."""
    with zipfile.ZipFile(path) as archive, archive.open("META-INF/manifest.xml") as manifest:
        return b"encryption-data" in manifest.read(1 << 20)


def _stream(path: Path, name: str) -> bytes:
    """Return the beginning of a stream of an OLE file. Raises OSError, also if the file is damaged."""
    with olefile.OleFileIO(str(path)) as file:
        try:
            return bytes(file.openstream(name).read(64))
        except (AttributeError, TypeError, IndexError) as error:
            raise OSError("a damaged directory") from error


_CHECKS: dict[ConvertedKind, Callable[[Path], bool]] = {
    "doc": _is_word_encrypted,
    "ppt": _are_slides_encrypted,
    "wordperfect": _is_wordperfect_encrypted,
    "sxw": _is_office_1_encrypted,
    "sxc": _is_office_1_encrypted,
    "sxi": _is_office_1_encrypted,
}
