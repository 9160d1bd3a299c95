"""Files embedded in office documents: workbooks and documents as packages of their own, other objects in OLE files.

Source: MS-OLEDS (the stream of a packaged file), and the streams that Office writes.
"""

from __future__ import annotations

import io
import posixpath
import struct
from collections.abc import Callable, Mapping

import olefile

from document_parser.errors import DocumentError, PageUnreadable
from document_parser.models import Member
from document_parser.models.reading import MAX_NAME_CHARACTERS

EMBEDDING_RELATIONSHIPS = frozenset({"package", "oleObject"})
"""Kinds of relationships of Office Open XML that lead to an embedded file."""
_PACKAGED = "\x01Ole10Native"
"""The stream of a file of any kind, with its name."""
_STREAMS = (("Package", ""), ("CONTENTS", ".pdf"))
"""Streams that are a file of their own, and its extension if its content does not say it."""
_DOCUMENTS = (("WordDocument", ".doc"), ("Workbook", ".xls"), ("Book", ".xls"), ("PowerPoint Document", ".ppt"))
"""Streams that show that the OLE file is a document of its own."""
_FORMULA = "Equation Native".encode("utf-16-le")
"""The stream of a formula, as the directory of an OLE file has it."""
_LINKED, _EMBEDDED = 1, 2
"""What an object of OLE 1 is."""
_FAULTS = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error)
"""Raised by olefile, and by ourselves, for damaged objects."""


class EmbeddedFiles:
    """The files that are embedded in a document."""

    def __init__(self, read: Callable[[str], bytes], places: Mapping[str, int]) -> None:
        """Take what reads a member of the document, which raises DocumentError or KeyError, and the members that are objects.

        Each has the number of the part of the document that it belongs to.
        """
        self._read = read
        self._places = {place: number for place, number in places.items() if not self._is_formula(place)}

    def members(self) -> list[Member]:
        """Return the files; an object whose content cannot be told is one under its own name."""
        found = []
        for place, number in self._places.items():
            name, data = self._unwrap(place)
            found.append(Member(name=name[:MAX_NAME_CHARACTERS], size=None if data is None else len(data), part=number))
        return found

    def open_member(self, index: int) -> io.BytesIO:
        """Return the contents of a file. Raises PageUnreadable."""
        if not 0 <= index < len(self._places):
            raise PageUnreadable("The document has no such file.")
        data = self._unwrap(list(self._places)[index])[1]
        if data is None:
            raise PageUnreadable("This file in the document is damaged.")
        return io.BytesIO(data)

    def _is_formula(self, place: str) -> bool:
        """Return whether an object is a formula of the editor of old versions, which is no document."""
        try:
            data = self._read(place)
        except (DocumentError, KeyError):
            return False
        return data.startswith(olefile.MAGIC) and _FORMULA in data

    def _unwrap(self, place: str) -> tuple[str, bytes | None]:
        """Return the name and the content of an embedded file; None for one that is damaged."""
        name = posixpath.basename(place)
        try:
            data = self._read(place)
        except (DocumentError, KeyError):
            return name, None
        return _file_of(name, data)


def _file_of(name: str, data: bytes) -> tuple[str, bytes]:
    """Return the name and the content of the file in an object; the object itself if it holds none."""
    if not data.startswith(olefile.MAGIC):
        return name, data
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            return _content_of(file, posixpath.splitext(name)[0], data)
    except _FAULTS:
        return name, data


def file_of_old_object(stem: str, data: bytes) -> tuple[str, bytes] | None:
    """Return the name and the content of the file in an object of OLE 1, as RTF holds it; None for one that is only linked.

    Source: MS-OLEDS, 2.2. What cannot be told is a file of the bytes as they are.
    """
    try:
        _, kind = struct.unpack_from("<II", data)
        program, place = _counted_text(data, 8)
        if kind != _EMBEDDED:
            return None if kind == _LINKED else (f"{stem}.bin", data)
        for _ in range(2):  # the topic and the item of a link
            _, place = _counted_text(data, place)
        size = struct.unpack_from("<I", data, place)[0]
        content = data[place + 4 : place + 4 + size]
        if program == "Package":
            return _packaged_file(struct.pack("<I", size) + content)
        return _file_of(f"{stem}.bin", content)
    except _FAULTS:
        return f"{stem}.bin", data


def _counted_text(data: bytes, place: int) -> tuple[str, int]:
    """Return a text behind its length, and the place behind it."""
    end = place + 4 + struct.unpack_from("<I", data, place)[0]
    return data[place + 4 : end].rstrip(b"\0").decode("cp1252", "replace"), end


def _content_of(file: olefile.OleFileIO[str], stem: str, data: bytes) -> tuple[str, bytes]:
    """Return the name and the content of the file in an OLE file."""
    if file.exists(_PACKAGED):
        return _packaged_file(file.openstream(_PACKAGED).read())
    for stream, extension in _STREAMS:
        if file.exists(stream):
            return f"{stem}{extension}", file.openstream(stream).read()
    extension = next((extension for stream, extension in _DOCUMENTS if file.exists(stream)), ".bin")
    return f"{stem}{extension}", data


def _packaged_file(stream: bytes) -> tuple[str, bytes]:
    """Return the name and the content of a packaged file. Raises ValueError or struct.error if it is damaged."""
    place = 6  # the size of the stream, and flags
    name, place = _text(stream, place)
    _, place = _text(stream, place)  # where the file once was
    place += 8  # flags, and the size of the next text
    _, place = _text(stream, place)  # where it was copied to
    size = struct.unpack_from("<I", stream, place)[0]
    content = stream[place + 4 : place + 4 + size]
    if len(content) < size:
        raise ValueError("the packaged file is cut off")
    return posixpath.basename(name.replace("\\", "/")) or "object.bin", content


def _text(stream: bytes, place: int) -> tuple[str, int]:
    """Return a text that ends with a zero byte, and the place behind it."""
    end = stream.index(b"\0", place)
    return stream[place:end].decode("cp1252", "replace"), end + 1
