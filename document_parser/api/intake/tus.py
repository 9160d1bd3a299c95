"""Read the headers of the tus protocol, version 1.0.0. Source: https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from document_parser.errors import BadRequest, ChecksumMismatch, TusVersionUnsupported, UploadContentType

VERSION = "1.0.0"
"""The version that is spoken."""
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration,concatenation"
"""The extensions that are spoken."""
CHECKSUM_ALGORITHMS = ("sha1", "sha256", "md5")
"""The algorithms of Upload-Checksum."""
PIECE_TYPE = "application/offset+octet-stream"
"""The media type of pieces."""
PATH = "/v1/uploads"
"""The path of uploads; that of one is below it."""
METHOD_OVERRIDES = frozenset({"PATCH", "DELETE", "HEAD"})
"""Methods that a POST request may name in X-HTTP-Method-Override, for clients that can send no others."""
REQUEST_HEADERS = (
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-HTTP-Method-Override",
    "X-Requested-With",
)
"""Request headers of the protocol and of its clients."""
ANSWER_HEADERS = (
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Concat",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
)
"""Response headers of the protocol."""


def check_version(headers: Headers) -> None:
    """Refuse a request of another version. Raises TusVersionUnsupported."""
    if headers.get("Tus-Resumable") != VERSION:
        raise TusVersionUnsupported(supported=[VERSION])


def check_piece_type(media_type: str) -> None:
    """Refuse a piece of another media type. Raises UploadContentType."""
    if media_type != PIECE_TYPE:
        raise UploadContentType(expected=PIECE_TYPE, received=media_type)


def number(headers: Headers, name: str) -> int | None:
    """Return a header that is a number of bytes; None if it is missing. Raises BadRequest."""
    value = headers.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", value.strip()):
        raise BadRequest(f"{name} must be a number of bytes.", header=name)
    return int(value)


def required_number(headers: Headers, name: str) -> int:
    """Return a header that is a number of bytes. Raises BadRequest if it is missing or none."""
    found = number(headers, name)
    if found is None:
        raise BadRequest(f"The header {name} is missing: send a number of bytes.", header=name)
    return found


def announced_length(headers: Headers) -> int | None:
    """Return the length of a new upload; None if Upload-Defer-Length says that it comes later. Raises BadRequest."""
    length, deferred = number(headers, "Upload-Length"), headers.get("Upload-Defer-Length")
    if deferred not in (None, "1"):
        raise BadRequest("Upload-Defer-Length must be 1.", header="Upload-Defer-Length")
    if (length is None) == (deferred is None):
        raise BadRequest("Send either Upload-Length or 'Upload-Defer-Length: 1'.", header="Upload-Length")
    return length


def parse_metadata(header: str) -> dict[str, str]:
    """Return the keys and values of Upload-Metadata. Raises BadRequest if it is malformed."""
    found: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            text = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _bad_metadata() from None
        if not name.isascii() or name in found:
            raise _bad_metadata()
        found[name] = text
    return found


def _bad_metadata() -> BadRequest:
    return BadRequest(
        "Upload-Metadata must be pairs of a key and a value in Base64 of UTF-8, separated by commas, each key once.",
        header="Upload-Metadata",
    )


def filename_of(header: str) -> str:
    """Return the name of the file in Upload-Metadata: ``filename``, or ``name`` as some clients call it; empty for none."""
    metadata = parse_metadata(header)
    return metadata.get("filename") or metadata.get("name", "")


def parse_concat(header: str) -> tuple[str, list[str]]:
    """Return "", "partial" or "final", and for final the ids of the uploads to join. Raises BadRequest.

    They are given as addresses, absolute or relative, of which only the path counts.
    """
    kind, _, addresses = header.strip().partition(";")
    if kind in ("", "partial") and not addresses:
        return kind, []
    found = [re.fullmatch(rf".*{PATH}/([0-9a-f-]{{36}})/?", urlsplit(address).path) for address in addresses.split()]
    if kind != "final" or not found or not all(found):
        raise BadRequest(
            "Upload-Concat must be 'partial', or 'final;' and the addresses of the uploads to join, separated by spaces.",
            header="Upload-Concat",
        )
    return kind, [match[1] for match in found if match]


@dataclass(frozen=True, slots=True)
class Checksum:
    """What Upload-Checksum promises of a piece."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, header: str | None) -> Checksum | None:
        """Return the checksum of a header; None if there is none. Raises BadRequest for another algorithm or form."""
        if header is None:
            return None
        algorithm, _, value = header.strip().partition(" ")
        if algorithm not in CHECKSUM_ALGORITHMS:
            known = ", ".join(CHECKSUM_ALGORITHMS)
            raise BadRequest(f"Upload-Checksum knows {known}.", header="Upload-Checksum", known=list(CHECKSUM_ALGORITHMS))
        try:
            return cls(algorithm, base64.b64decode(value.strip(), validate=True))
        except (binascii.Error, ValueError):
            raise BadRequest("Upload-Checksum must be an algorithm and a digest in Base64.", header="Upload-Checksum") from None

    def start(self) -> Any:
        """Return a new hash."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def check(self, hashed: Any) -> None:
        """Compare. Raises ChecksumMismatch."""
        if hashed.digest() != self.digest:
            raise ChecksumMismatch(algorithm=self.algorithm)
