"""How an opener child and the process that asks it talk: a length-prefixed JSON header, then raw bytes.

Nothing is ever unpickled: a child may have been taken over by the file it reads, so its answers are data to be checked.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from document_parser.errors import (
    DamagedDocument,
    DocumentError,
    DocumentParserError,
    EncryptedDocument,
    OversizedPage,
    OversizedPicture,
    PageUnreadable,
    WrongPassword,
)
from document_parser.models import Confinement, Damage, InkFacts, PictureSpec, SourceKind, Word
from document_parser.spans import safe_link

MOST_HEADER_BYTES = 1 << 16
MOST_PAYLOAD_BYTES = 1 << 28

_LENGTHS = struct.Struct(">II")
_MESSAGE_LENGTH = 500
_Side = Annotated[int, Field(ge=0, le=65535)]

ERRORS: dict[str, type[DocumentParserError]] = {
    error.code: error
    for error in (
        DocumentError,
        DamagedDocument,
        EncryptedDocument,
        WrongPassword,
        OversizedPicture,
        PageUnreadable,
        OversizedPage,
    )
}
"""The errors a child may answer with, by their code."""


class Request(BaseModel):
    """What a child is asked. ``seconds`` is the processor time it may take."""

    op: Literal["confine", "open", "facts", "words", "rules", "damage", "render"]
    seconds: float
    page: int = 0
    path: str = ""
    kind: SourceKind = "pdf"
    password: str | None = None
    spec: PictureSpec | None = None
    turn: int = 0


class Reply(BaseModel):
    """What a child answers, beside the payload: JSON of the facts, words or rules, or the picture's data."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    error: str | None = None
    message: str = ""
    details: dict[Literal["megapixels", "limit_megapixels"], Annotated[float, Field(ge=0)]] = {}
    """Of the error: facts about a limit."""
    pid: Annotated[int, Field(ge=0)] = 0
    page_count: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    confinement: Confinement | None = None
    """Of the answers to ``open``, and to ``confine``, which opens no file: what the child has given up."""
    processor_seconds: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """What the child has used since it was forked."""
    width_pixels: _Side = 0
    height_pixels: _Side = 0
    ink: Annotated[float, Field(ge=0, le=1)] = 0.0
    sideways: Annotated[float, Field(ge=0)] = 0.0
    marks: InkFacts = InkFacts()
    askew: Annotated[float, Field(ge=-45, le=45)] = 0.0
    shrunk: Annotated[float, Field(gt=0, le=1)] = 1.0
    messages: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """How many lines libraries wrote to stderr for this request that tell of damage; ``decoder`` is the first."""
    decoder: Annotated[str, Field(max_length=120)] = ""

    @classmethod
    def refusing(cls, error: DocumentParserError) -> Reply:
        code = error.code if error.code in ERRORS else PageUnreadable.code
        facts = {name: error.details[name] for name in ("megapixels", "limit_megapixels") if name in error.details}
        return cls(error=code, message=error.message[:_MESSAGE_LENGTH], details=facts)

    def raise_error(self, **details: Any) -> None:
        """Raises the error this reply carries, if it does. Raises ValueError where that is none a child may answer with."""
        if self.error is None:
            return
        if self.error not in ERRORS:
            raise ValueError(f"no such error: {self.error[:40]!r}")
        raise ERRORS[self.error](self.message[:_MESSAGE_LENGTH], **self.details, **details)


def send(sock: socket.socket, header: BaseModel, payload: bytes = b"") -> None:
    """Write one frame, blocking."""
    sock.sendall(_head(header, len(payload)))
    if payload:
        sock.sendall(payload)


def receive(sock: socket.socket) -> tuple[bytes, bytes] | None:
    """Read one frame, blocking; None where the other side is gone."""
    lengths = _read(sock, _LENGTHS.size)
    if lengths is None:
        return None
    header_length, payload_length = _LENGTHS.unpack(lengths)
    header, payload = _read(sock, header_length), _read(sock, payload_length)
    return None if header is None or payload is None else (header, payload)


async def exchange(sock: socket.socket, request: Request) -> tuple[Reply, bytes]:
    """Ask a child and wait for its answer. Raises OSError and EOFError when it is gone, ValueError when it talks nonsense."""
    await asyncio.get_running_loop().sock_sendall(sock, _head(request, 0))
    return await answer(sock)


async def answer(sock: socket.socket) -> tuple[Reply, bytes]:
    """The next frame of a child. Errors as of ``exchange``."""
    header_length, payload_length = _LENGTHS.unpack(await _read_async(sock, _LENGTHS.size))
    if header_length > MOST_HEADER_BYTES or payload_length > MOST_PAYLOAD_BYTES:
        raise ValueError(f"a frame of {header_length} and {payload_length} bytes")
    reply = Reply.model_validate_json(await _read_async(sock, header_length))
    return reply, await _read_async(sock, payload_length)


def words_payload(words: Sequence[Word]) -> bytes:
    """Words as rows without their links; then each address with the numbers of the words on it: many words, one address."""
    links: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        if word.link:
            links.setdefault(word.link, []).append(number)
    return rows_payload([tuple(word[:-1] for word in words), tuple(links.items())])


def linked(words: list[Word], links: Sequence[tuple[str, Sequence[int]]]) -> list[Word]:
    """The words as they were before ``words_payload``. Raises ValueError for what no honest child says."""
    for address, numbers in links:
        if safe_link(address) != address or not all(0 <= number < len(words) for number in numbers):
            raise ValueError("a link that may not be one")
        for number in numbers:
            words[number] = words[number]._replace(link=address)
    return words


def damage_payload(damage: Sequence[Damage]) -> bytes:
    return json.dumps([one.model_dump() for one in damage]).encode()


def rows_payload(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Words or Rules as JSON arrays, in the order of their fields."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _head(header: BaseModel, payload_length: int) -> bytes:
    text = header.model_dump_json().encode("utf-8")
    return _LENGTHS.pack(len(text), payload_length) + text


def _read(sock: socket.socket, length: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < length:
        part = sock.recv(min(length - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


async def _read_async(sock: socket.socket, length: int) -> bytes:
    loop, buffer = asyncio.get_running_loop(), bytearray(length)
    view, done = memoryview(buffer), 0
    while done < length:
        got = await loop.sock_recv_into(sock, view[done:])
        if not got:
            raise EOFError("the opener child is gone")
        done += got
    return bytes(buffer)
