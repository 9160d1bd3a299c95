"""Messages between an opener child and the process that asks it: a length-prefixed JSON header, then raw bytes.

Nothing is ever unpickled. A child may have been taken over by the file it reads, so its replies are data to be checked.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from document_parser.errors import (
    DamagedDocument,
    DeclaresEntities,
    DocumentError,
    DocumentParserError,
    EncryptedDocument,
    ExpandsTooMuch,
    NoPageImage,
    OversizedImage,
    OversizedPage,
    PageUnreadable,
    ProgramAbsent,
    TooLargeUnpacked,
    TooManyMembers,
    WrongPassword,
)
from document_parser.models import (
    BoundingBox,
    Confinement,
    Damage,
    FoundTable,
    InkFacts,
    Member,
    PageFacts,
    PageImageSpec,
    SourceKind,
)
from document_parser.models.page_picture import PagePicture

MAX_HEADER_BYTES = 1 << 16
"""A reply with a longer header is refused."""
MAX_PAYLOAD_BYTES = 1 << 28
"""A reply with a longer payload is refused."""
MEMBER_PIECE_BYTES = 1 << 22
"""Bytes of a member that one reply carries at most; an empty reply is its end."""

TEXT_SECTIONS = ("damage", "words", "rules")
"""What ``text`` asks for at once. What cannot be read is left out, and gives its error when it is asked for by itself."""

MAX_FIRST_FACTS = 16
"""Parts of a flowing document whose facts come with the reply to ``open``: most have no more, and one reply is enough."""

FORK_REQUEST = "any"
"""The message that asks a zygote for a child, or else the kind of the document that the child will open: the zygote loads what
the kind takes. One end of a socket pair comes with it."""
MAX_FORK_REQUEST_BYTES = 64
"""Bytes of such a message at most."""
PID = struct.Struct(">I")
"""The first thing that a child says, before any message: its pid."""
LENGTHS = struct.Struct(">II")
"""Before each message: the bytes of its header and of its payload."""
FACTS = TypeAdapter(Annotated[list[PageFacts], Field(max_length=MAX_FIRST_FACTS)])
"""The facts that come with the reply to ``open``."""
_MAX_MESSAGE_CHARACTERS = 500
"""Characters of an error message that are kept."""
_Side = Annotated[int, Field(ge=0, le=65535)]
"""Width or height of an image in pixels."""

LimitFact = Literal[
    "megapixels", "limit_megapixels", "unpacked_mb", "limit_mb", "expansion_ratio", "limit_ratio", "members", "limit_members"
]
"""A fact about a limit that an error may carry."""

ERRORS: dict[str, type[DocumentParserError]] = {
    error.code: error
    for error in (
        DocumentError,
        DamagedDocument,
        EncryptedDocument,
        WrongPassword,
        OversizedImage,
        TooLargeUnpacked,
        ExpandsTooMuch,
        TooManyMembers,
        DeclaresEntities,
        ProgramAbsent,
        PageUnreadable,
        NoPageImage,
        OversizedPage,
    )
}
"""The errors that a child may reply with, by their code."""


class Request(BaseModel):
    """A request to a child. ``seconds`` is the processor time that it may take."""

    op: Literal[
        "confine",
        "open",
        "facts",
        "text",
        "words",
        "rules",
        "damage",
        "render",
        "tables",
        "pdfplumber_words",
        "part",
        "picture",
        "members",
        "member",
        "page_picture",
        "searchable",
    ]
    seconds: float
    page: int = 0
    path: str = ""
    folder: str = ""
    """Of ``open``, for a document that is converted: where LibreOffice may write."""
    texts: str = ""
    """Of ``open`` and ``searchable``: the path of a PDF of our own whose texts are laid over the document's pages."""
    kind: SourceKind = "pdf"
    password: str | None = None
    spec: PageImageSpec | None = None
    turn: int = 0
    index: int = 0
    """Of ``picture`` and ``member``: which one."""
    offset: int = 0
    """Of ``member`` and ``searchable``: the first byte that is wanted."""
    regions: list[BoundingBox] = []
    """Of ``tables``: where to look for tables without lines."""


class Reply(BaseModel):
    """A child's reply.

    The payload beside it is JSON of the facts (of the first parts after ``open``), part, damage or tables, words or ruling
    lines as ``arrays`` encodes them, the three of TEXT_SECTIONS joined, or the image's data.

    ``width_pixels`` to ``shrunk`` describe a rendered image: ``askew`` is its skew in degrees, positive if its lines fell to
    the right, and ``shrunk`` the factor by which straightening made it smaller.
    """

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    error: str | None = None
    message: str = ""
    details: dict[LimitFact, Annotated[float, Field(ge=0)]] = {}
    """Facts about a limit that belong to the error."""
    page_count: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    member_count: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    """How many files are inside the document."""
    confinement: Confinement | None = None
    """What the child has given up. In the replies to ``open``, and to ``confine``, which opens no file."""
    processor_seconds: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """Processor time that the child has used since it was forked."""
    width_pixels: _Side = 0
    height_pixels: _Side = 0
    ink: Annotated[float, Field(ge=0, le=1)] = 0.0
    sideways: Annotated[float, Field(ge=0)] = 0.0
    marks: InkFacts = InkFacts()
    askew: Annotated[float, Field(ge=-45, le=45)] = 0.0
    shrunk: Annotated[float, Field(gt=0, le=1)] = 1.0
    messages: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """How many lines libraries wrote to stderr for this request that report damage; ``decoder`` is the first."""
    decoder: Annotated[str, Field(max_length=120)] = ""

    @classmethod
    def from_error(cls, error: DocumentParserError) -> Reply:
        """Return the reply that carries an error, as PageUnreadable if a child may not reply with it."""
        code = error.code if error.code in ERRORS else PageUnreadable.code
        facts = {name: error.details[name] for name in get_args(LimitFact) if name in error.details}
        return cls(error=code, message=error.message[:_MAX_MESSAGE_CHARACTERS], details=facts)

    def raise_error(self, **details: Any) -> None:
        """Raise the error that this reply carries, if any. Raises ValueError if it is none of ERRORS."""
        if self.error is None:
            return
        if self.error not in ERRORS:
            raise ValueError(f"no such error: {self.error[:40]!r}")
        raise ERRORS[self.error](self.message[:_MAX_MESSAGE_CHARACTERS], **self.details, **details)


def send(sock: socket.socket, header: BaseModel, payload: bytes = b"") -> None:
    """Write one frame, blocking. Raises OSError if the other side is gone."""
    sock.sendall(encode_head(header, len(payload)))
    if payload:
        sock.sendall(payload)


def receive(sock: socket.socket) -> tuple[bytes, bytes] | None:
    """Read one frame, blocking, and return header and payload; None if the other side is gone. Raises OSError."""
    lengths = _read(sock, LENGTHS.size)
    if lengths is None:
        return None
    header_length, payload_length = LENGTHS.unpack(lengths)
    header, payload = _read(sock, header_length), _read(sock, payload_length)
    return None if header is None or payload is None else (header, payload)


def encode_facts(facts: Sequence[PageFacts]) -> bytes:
    """Encode the facts of pages as a JSON array of objects."""
    return FACTS.dump_json([*facts])


def encode_damage(damage: Sequence[Damage]) -> bytes:
    """Encode damaged parts as a JSON array of objects."""
    return json.dumps([one.model_dump() for one in damage]).encode()


def encode_members(members: Sequence[Member]) -> bytes:
    """Encode the files of a container as JSON."""
    return json.dumps([one.model_dump() for one in members], ensure_ascii=False).encode("utf-8", "replace")


def encode_picture(picture: PagePicture, data: bytes) -> bytes:
    """Encode the picture of a page: JSON in one line, then the data of its tiles."""
    return picture.model_dump_json().encode() + b"\n" + data


def decode_picture(payload: bytes) -> tuple[PagePicture, list[bytes]]:
    """Return a picture and the data of each tile. Raises ValueError if they do not fit together."""
    head, _, data = payload.partition(b"\n")
    picture = PagePicture.model_validate_json(head)
    if sum(tile.length for tile in picture.tiles) != len(data):
        raise ValueError("a picture whose data has another length")
    parts, start = [], 0
    for tile in picture.tiles:
        parts.append(data[start : start + tile.length])
        start += tile.length
    return picture, parts


def encode_tables(tables: Sequence[FoundTable]) -> bytes:
    """Encode tables as JSON."""
    return json.dumps([one.model_dump() for one in tables], ensure_ascii=False).encode("utf-8", "replace")


def encode_head(header: BaseModel, payload_length: int) -> bytes:
    """Return the lengths of header and payload, and the header without what it leaves as it is."""
    text = header.model_dump_json(exclude_defaults=True).encode("utf-8")
    return LENGTHS.pack(len(text), payload_length) + text


def _read(sock: socket.socket, length: int) -> bytes | None:
    """Read ``length`` bytes, blocking; None if the other side is gone."""
    parts = bytearray()
    while len(parts) < length:
        part = sock.recv(min(length - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
