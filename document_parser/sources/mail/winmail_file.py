"""What Outlook packs into winmail.dat (TNEF, MS-OXTNEF) as a document. Runs in the opener child."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from email import message_from_bytes
from enum import IntEnum
from pathlib import Path

from document_parser.errors import DamagedDocument
from document_parser.sources.base import OpenerLimits
from document_parser.sources.mail import mapi
from document_parser.sources.mail.mail_file import ParsedMail
from document_parser.sources.mail.mapi import MapiMessage, Properties

SIGNATURE = 0x223E9F78


class _Attribute(IntEnum):
    """The attributes of TNEF that are read (MS-OXTNEF 2.1.3)."""

    CODE_PAGE = 0x9007
    SUBJECT = 0x8004
    BODY = 0x800C
    PROPERTIES = 0x9003
    RECIPIENTS = 0x9004
    ATTACHMENT = 0x9002
    ATTACHED_TITLE = 0x8010
    ATTACHED_DATA = 0x800F
    ATTACHED_PROPERTIES = 0x9005


_EMBEDDED_PREFIX = 16
"""Bytes of the interface's id before an embedded message."""
_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x000A: 4,
    0x000B: 4,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
"""Bytes of values of fixed size, padded, by type."""
_VARIABLE = frozenset({mapi.TEXT_8, mapi.TEXT_16, mapi.BINARY, 0x000D})
MAX_DEPTH = 20
"""Depth of messages attached to messages."""


class WinmailFile(ParsedMail):
    """A winmail.dat. It becomes a MIME message, which is read as any other."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the message with its attachments. Raises DamagedDocument."""
        del password
        try:
            message = mapi.as_mime(_message_of(path.read_bytes(), 0))
        except (struct.error, ValueError, IndexError) as error:
            raise DamagedDocument("The winmail.dat is damaged or cut off. Save the attachment again.") from error
        super().__init__(limits, message_from_bytes(message.as_bytes()))


def _message_of(data: bytes, depth: int) -> MapiMessage:
    """Return the message in TNEF data. Raises struct.error and ValueError for data that is none."""
    if struct.unpack_from("<I", data)[0] != SIGNATURE:
        raise ValueError("no TNEF")
    properties = Properties()
    found = MapiMessage(properties)
    for number, value in _attributes(data):
        match number:
            case _Attribute.CODE_PAGE:
                properties.code_page = struct.unpack_from("<I", value)[0]
            case _Attribute.SUBJECT:
                properties.values.setdefault(mapi.SUBJECT, (mapi.TEXT_8, value))
            case _Attribute.BODY:
                properties.values.setdefault(mapi.BODY, (mapi.TEXT_8, value))
            case _Attribute.PROPERTIES:
                properties.values |= _read_properties(value)
            case _Attribute.RECIPIENTS:
                found.recipients += _read_rows(value, properties.code_page)
            case _Attribute.ATTACHMENT:
                found.attachments.append((Properties(code_page=properties.code_page), None))
            case _Attribute.ATTACHED_TITLE | _Attribute.ATTACHED_DATA | _Attribute.ATTACHED_PROPERTIES if found.attachments:
                _add_to_attachment(found, number, value, depth)
    return found


def _add_to_attachment(found: MapiMessage, number: int, value: bytes, depth: int) -> None:
    """Add an attribute to the attachment that began last."""
    properties, inner = found.attachments[-1]
    if number == _Attribute.ATTACHED_TITLE:
        properties.values.setdefault(mapi.SHORT_NAME, (mapi.TEXT_8, value))
    elif number == _Attribute.ATTACHED_DATA:
        properties.values[mapi.ATTACHED_DATA] = mapi.BINARY, value
    else:
        more = _read_properties(value)
        kind, data = more.get(mapi.ATTACHED_DATA, (0, b""))
        if kind == 0x000D and isinstance(data, bytes):
            packed = data[_EMBEDDED_PREFIX:]
            more.pop(mapi.ATTACHED_DATA)
            if depth < MAX_DEPTH and packed[:4] == struct.pack("<I", SIGNATURE):
                inner = _message_of(packed, depth + 1)
            else:
                more[mapi.ATTACHED_DATA] = mapi.BINARY, packed
        properties.values |= more
    found.attachments[-1] = properties, inner


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, value) of each attribute; the file ends where one does not fit."""
    at = 6
    while at + 9 <= len(data):
        _, number, _, length = struct.unpack_from("<BHHI", data, at)
        if at + 9 + length > len(data):
            return
        yield number, data[at + 9 : at + 9 + length]
        at += 9 + length + 2


def _read_rows(data: bytes, code_page: int) -> list[Properties]:
    """Return the rows of a table of properties: recipients."""
    (count,) = struct.unpack_from("<I", data)
    rows, at = [], 4
    for _ in range(min(count, 10_000)):
        values, at = _read_property_list(data, at)
        rows.append(Properties(values, code_page))
    return rows


def _read_properties(data: bytes) -> dict[int, tuple[int, bytes | int]]:
    """Return the properties of a message or attachment."""
    return _read_property_list(data, 0)[0]


def _read_property_list(data: bytes, at: int) -> tuple[dict[int, tuple[int, bytes | int]], int]:
    """Return a list of properties and where it ends. It ends early at a type that is unknown."""
    (count,), at = struct.unpack_from("<I", data, at), at + 4
    found: dict[int, tuple[int, bytes | int]] = {}
    for _ in range(count):
        if at + 4 > len(data):
            break
        (kind, number), at = struct.unpack_from("<HH", data, at), at + 4
        if number >= 0x8000:
            at = _skip_name(data, at)
        several, kind = kind & 0x1000, kind & 0xEFFF
        if kind in _VARIABLE:
            (values,), at = struct.unpack_from("<I", data, at), at + 4
            for _ in range(min(values, 10_000)):
                (length,), at = struct.unpack_from("<I", data, at), at + 4
                found.setdefault(number, (kind, data[at : at + length]))
                at += length + -length % 4
        elif kind in _FIXED:
            values = 1
            if several:
                (values,), at = struct.unpack_from("<I", data, at), at + 4
            if kind in (mapi.INTEGER, mapi.TIME):
                found[number] = kind, struct.unpack_from("<i" if kind == mapi.INTEGER else "<Q", data, at)[0]
            at += _FIXED[kind] * values
        else:
            break
    return found, at


def _skip_name(data: bytes, at: int) -> int:
    """Return the place behind the name of a named property."""
    (kind,), at = struct.unpack_from("<I", data, at + 16), at + 20
    if kind == 0:
        return at + 4
    (length,) = struct.unpack_from("<I", data, at)
    return int(at + 4 + length + -length % 4)
