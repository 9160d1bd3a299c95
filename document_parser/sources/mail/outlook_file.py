"""A message of Outlook (.msg, MS-OXMSG) as a document. Runs in the opener child."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import olefile

from document_parser.errors import DamagedDocument, TooManyMembers
from document_parser.sources.base import OpenerLimits
from document_parser.sources.mail import mapi
from document_parser.sources.mail.mail_file import ParsedMail
from document_parser.sources.mail.mapi import MapiMessage, Properties

_FAULTS = (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError)
"""Raised by olefile for damaged files."""
_PROPERTIES = "__properties_version1.0"
_EMBEDDED = "__substg1.0_3701000D"
MAX_DEPTH = 20
"""Depth of messages attached to messages."""


class OutlookFile(ParsedMail):
    """A .msg file. It becomes a MIME message, which is read as any other."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the message with its attachments. Raises DamagedDocument, TooManyMembers."""
        del password
        try:
            with olefile.OleFileIO(str(path)) as file:
                message = mapi.as_mime(_Storage(file, limits.max_members).message([], 0))
        except _FAULTS as error:
            raise DamagedDocument("The message is damaged or cut off. Save it again.") from error
        super().__init__(limits, message_from_bytes(message.as_bytes()))


class _Storage:
    """The streams of an OLE file as properties."""

    def __init__(self, file: olefile.OleFileIO[str], most: int) -> None:
        self._file = file
        self._folders: dict[tuple[str, ...], list[list[str]]] = {}
        for path in file.listdir(streams=True, storages=True):
            self._folders.setdefault(tuple(path[:-1]), []).append(path)
        if (count := sum(map(len, self._folders.values()))) > most * 100:
            raise TooManyMembers.for_members(count // 100, most)

    def message(self, path: list[str], depth: int) -> MapiMessage:
        """Return the message in a storage."""
        properties = self._properties(path, 32 if depth == 0 else 24)
        found = MapiMessage(properties)
        for inner in self._folders.get(tuple(path), []):
            if inner[-1].startswith("__recip_version1.0_"):
                found.recipients.append(self._properties(inner, 8, properties.code_page))
            elif inner[-1].startswith("__attach_version1.0_"):
                embedded = [*inner, _EMBEDDED]
                is_message = depth < MAX_DEPTH and self._file.exists([*embedded, _PROPERTIES])
                message = self.message(embedded, depth + 1) if is_message else None
                found.attachments.append((self._properties(inner, 8, properties.code_page), message))
        return found

    def _properties(self, path: list[str], start: int, code_page: int = 0) -> Properties:
        """Return the properties in a storage; those of fixed size begin behind ``start`` bytes of their stream."""
        values: dict[int, tuple[int, bytes | int]] = {}
        for stream in self._folders.get(tuple(path), []):
            name = stream[-1]
            if name == _PROPERTIES:
                values |= mapi.read_fixed(self._file.openstream(stream).read(), start)
            elif name.startswith("__substg1.0_") and len(name) == 20 and self._file.get_type(stream) == olefile.STGTY_STREAM:
                number, kind = int(name[12:16], 16), int(name[16:20], 16)
                if kind in (mapi.TEXT_8, mapi.TEXT_16, mapi.BINARY):
                    values[number] = kind, self._file.openstream(stream).read()
        page = values.get(mapi.CODE_PAGE, (0, 0))[1]
        return Properties(values, page if isinstance(page, int) and page else code_page)
