"""Read a JSON body that has documents in it as base64. They are decoded onto the disk while they come, never held in memory."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from flask import current_app, request

from document_parser.api.intake.arrivals import PIECE_BYTES
from document_parser.api.intake.uploads import UploadRequest
from document_parser.errors import BadRequest
from document_parser.ingest.staged_file import StagedFile

MAX_TEXT_BYTES = 1 << 16
"""Size from which a string is a document, in bytes."""
MAX_REST_BYTES = 1 << 22
"""Maximum size of a body without its documents, in bytes."""
_DATA_URL = re.compile(rb"data:([^,;\"]{0,200})[^,\"]{0,200},")
"""How a data URL begins."""
_UNESCAPED = re.compile(rb'(?<!\\)(?:\\\\)*"')
"""The end of a string."""
_ALPHABET = bytes.maketrans(b"-_", b"+/")
"""The letters of URL-safe base64, and those of base64."""


@dataclass(frozen=True, slots=True)
class InlineDocument:
    """A document that came as a string of base64, or as a data URL, whose media type is known."""

    staged: StagedFile
    media_type: str = ""


def receive_json() -> dict[str, Any]:
    """Return the JSON object in the body. Each long string of base64 is an InlineDocument.

    Raises BadRequest, UploadCutOff, UploadTooSlow, ServerBusy, StorageFull, StorageUnavailable.
    """
    # Base64 is a third longer than what it stands for.
    request.max_content_length = (current_app.config["MAX_UPLOAD_MB"] << 20) * 3 // 2 + MAX_REST_BYTES
    reader = _Reader(cast(UploadRequest, request).stage)
    while piece := request.stream.read(PIECE_BYTES):
        reader.feed(piece)
    found = reader.end()
    if not isinstance(found, dict):
        raise BadRequest("Send a JSON object.")
    return found


def inline_document(value: Any) -> InlineDocument | None:
    """Return the document in a string of base64 or a data URL, however long; None for anything else."""
    if isinstance(value, InlineDocument):
        return value
    if not isinstance(value, str):
        return None
    text = value.encode(errors="replace")
    document = _Document(cast(UploadRequest, request).stage())
    try:
        document.write(text)
        return document.end()
    except BadRequest:
        return None


class _Document:
    """Decode a string of base64 piece by piece."""

    def __init__(self, staged: StagedFile) -> None:
        self._staged = staged
        self._media_type = ""
        self._head: bytes | None = b""
        self._left = b""

    def write(self, data: bytes) -> None:
        """Take a piece of the string as it is in JSON. Raises BadRequest."""
        data = self._left + data
        # An escape is never parted: PHP writes / as \/, and line ends are \n.
        cut = len(data) - 1 if data.endswith(b"\\") else len(data)
        data, self._left = data[:cut], data[cut:]
        data = data.replace(b"\\/", b"/").replace(b"\\r", b"").replace(b"\\n", b"")
        if self._head is not None:
            data = self._take_head(data)
        data = b"".join(data.split()).translate(_ALPHABET)
        whole = len(data) - len(data) % 4
        self._decode(data[:whole])
        self._left = data[whole:] + self._left

    def _take_head(self, data: bytes) -> bytes:
        """Remove the beginning of a data URL."""
        self._head = None
        if (match := _DATA_URL.match(data)) is None:
            return data
        self._media_type = match[1].decode("latin-1").strip().lower()
        return data[match.end() :]

    def _decode(self, data: bytes) -> None:
        try:
            self._staged.write(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            raise BadRequest("A long text of the body is no base64. Send documents as base64, or as an address.") from None

    def end(self) -> InlineDocument:
        """Return the document. Raises BadRequest."""
        left = self._left
        self._decode(left + b"=" * (-len(left) % 4))
        self._staged.finish()
        return InlineDocument(self._staged, self._media_type)


class _Reader:
    """Part a JSON text into its documents and the rest, which stays JSON."""

    def __init__(self, stage: Callable[[], StagedFile]) -> None:
        self._stage = stage
        # Nobody can guess it, so no string of the text is taken for the place of a document.
        self._mark = f"{uuid4()}:"
        """What a document's place in the rest begins with; its number follows."""
        self._rest = bytearray()
        self._documents: list[InlineDocument] = []
        self._string: bytearray | None = None
        """The string under way; None outside of one, or inside one that is a document."""
        self._document: _Document | None = None
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take a piece of the text. Raises BadRequest."""
        data = self._tail + data
        # The end of a string may depend on the backslashes in front of it.
        keep = len(data) - len(data.rstrip(b"\\"))
        data, self._tail = data[: len(data) - keep], data[len(data) - keep :]
        self._scan(data)

    def _scan(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._string is None and self._document is None:
                quote = data.find(b'"', at)
                self._keep(data[at : quote if quote >= 0 else len(data)])
                if quote < 0:
                    return
                self._string, at = bytearray(), quote + 1
                continue
            end = _UNESCAPED.search(data, at)
            self._add(data[at : end.end() - 1 if end else len(data)])
            if end is None:
                return
            self._end_string()
            at = end.end()

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > MAX_REST_BYTES:
            raise BadRequest(f"The body has more than {MAX_REST_BYTES >> 20} MiB beside its documents. Shorten it.")

    def _add(self, data: bytes) -> None:
        if self._document is not None:
            self._document.write(data)
            return
        assert self._string is not None
        self._string += data
        if len(self._string) > MAX_TEXT_BYTES:
            self._document = _Document(self._stage())
            self._document.write(bytes(self._string))
            self._string = None

    def _end_string(self) -> None:
        if self._document is not None:
            self._keep(json.dumps(f"{self._mark}{len(self._documents)}").encode())
            self._documents.append(self._document.end())
        else:
            self._keep(b'"' + bytes(self._string or b"") + b'"')
        self._string = self._document = None

    def end(self) -> Any:
        """Return the value. Raises BadRequest if the text is no JSON."""
        self._scan(self._tail)
        try:
            if self._string is not None or self._document is not None:
                raise ValueError
            return self._with_documents(json.loads(bytes(self._rest)))
        except (ValueError, RecursionError):
            raise BadRequest("The body is no JSON. Send a JSON object with Content-Type: application/json.") from None

    def _with_documents(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._with_documents(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._with_documents(one) for one in value]
        if isinstance(value, str) and value.startswith(self._mark):
            return self._documents[int(value.removeprefix(self._mark))]
        return value
