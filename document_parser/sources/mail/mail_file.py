"""A mail file (EML) or mailbox (MBOX) as a document: each message is a part, attachments are documents inside it."""

from __future__ import annotations

import codecs
import io
import mmap
import re
from abc import abstractmethod
from email import message_from_bytes
from email.message import Message
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import unquote

from document_parser.errors import DamagedDocument, PageUnreadable, TooManyMembers
from document_parser.models import Block, Location, Member, PageWarning, Part, Span
from document_parser.models.reading import MAX_NAME_CHARACTERS
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.mail import headers
from document_parser.sources.mail.calendar import blocks_of_calendar
from document_parser.sources.mail.plain_body import blocks_of_plain, pgp_kinds, unflow
from document_parser.sources.mail.signed import SIGNED_TYPES
from document_parser.sources.mail.walk import Attachment, Leaves, attached_bytes, sort_parts, text_of_part
from document_parser.sources.markup.blocks import blocks_of_html
from document_parser.sources.markup.html import decode_html
from document_parser.sources.markup.images import data_of, is_data_image
from document_parser.sources.markup.rtf import RtfReader
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.plain_text import undecoded_warnings

_POSTMARK = re.compile(rb"(?:\A|\r?\n\r?\n)(From [^\n]+\n)(?=[!-9;-~]+:)")
"""The line before each message of a mailbox: behind a blank line, and before a header."""
_ESCAPED_POSTMARK = re.compile(rb"^>(>*From )", re.MULTILINE)
_BEFORE_HEADERS = b"\xef\xbb\xbf\r\n \t"
"""What may stand before the first header by mistake; the library then takes all headers for text."""
_UNREADABLE = {
    **dict.fromkeys(SIGNED_TYPES, "S/MIME"),
    "application/pgp-encrypted": "PGP",
}
"""Media types of encrypted parts, and what they are encrypted with."""


class _Parsed(NamedTuple):
    """A message and its parts."""

    message: Message
    leaves: Leaves


class Messages(FlowingDocument):
    """Messages as parts. The message read last stays parsed."""

    def __init__(self, limits: OpenerLimits) -> None:
        """Begin without a parsed message."""
        super().__init__(limits)
        self._parsed: tuple[int, _Parsed] | None = None
        self._places: list[tuple[int, int]] | None = None
        self._images: tuple[int, list[bytes]] | None = None

    @abstractmethod
    def message(self, number: int) -> Message:
        """Return a message; the number is one of the document."""

    def location(self, number: int) -> Location:
        """Return the subject of a message."""
        return Location(kind="message", name=headers.header_text(self._load(number).message, "Subject"))

    def part(self, number: int) -> Part:
        """Return the head of a message, its body, and the names of its attachments."""
        message, leaves = self._load(number)
        blocks, warnings = [_head_of(message)], _encryption_warnings(leaves)
        images: list[bytes] = []
        for body in leaves.bodies:
            found = _read_body(body, leaves)
            blocks += found.blocks
            warnings += found.warnings
            images += found.images
        self._images = number, images
        for attachment in leaves.attachments:
            if attachment.media_type == "text/calendar":
                blocks += blocks_of_calendar(text_of_part(attachment.part).text)
        if leaves.attachments:
            names = ", ".join(attachment.name for attachment in leaves.attachments)
            blocks.append(Block(kind="paragraph", text=f"Attachments: {names}", spans=[Span(start=0, end=12, bold=True)]))
        return Part(
            location=self.location(number),
            blocks=[block for block in blocks if block.text or block.table or block.picture],
            warnings=warnings,
        )

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an image that the body of a message shows."""
        if self._images is None or self._images[0] != number:
            self.part(number)
        assert self._images is not None
        if not 0 <= index < len(self._images[1]):
            raise PageUnreadable("The message has no such image.", page=number)
        return self._images[1][index]

    def members(self) -> list[Member]:
        """Return the attachments of all messages. Raises TooManyMembers beyond ``max_members``."""
        self._places, found = [], []
        for number in range(1, self.page_count + 1):
            for index, attachment in enumerate(_files_of(self._load(number).leaves)):
                self._places.append((number, index))
                found.append(Member(name=attachment.name[:MAX_NAME_CHARACTERS], part=number))
            if len(found) > self._limits.max_members:
                raise TooManyMembers.for_members(len(found), self._limits.max_members)
        return found

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an attachment. Raises PageUnreadable."""
        if self._places is None:
            self.members()
        assert self._places is not None
        if not 0 <= index < len(self._places):
            raise PageUnreadable("The mail has no such attachment.")
        number, place = self._places[index]
        return io.BytesIO(_files_of(self._load(number).leaves)[place].data())

    def _load(self, number: int) -> _Parsed:
        """Return a parsed message. Raises PageUnreadable."""
        if self._parsed is not None and self._parsed[0] == number:
            return self._parsed[1]
        if not 1 <= number <= self.page_count:
            raise PageUnreadable("The mail has no such message.", page=number)
        message = self.message(number)
        self._parsed = number, _Parsed(message, sort_parts(message))
        return self._parsed[1]


class ParsedMail(Messages):
    """One message that is parsed already."""

    page_count = 1

    def __init__(self, limits: OpenerLimits, message: Message) -> None:
        """Keep the message."""
        super().__init__(limits)
        self._message = message

    def message(self, number: int) -> Message:
        """Return the message."""
        del number
        return self._message


class MailFile(Messages):
    """One message or the messages of a mailbox, as they were sent."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Find the messages. Raises DamagedDocument if there is none, TooManyMembers beyond ``max_members``."""
        del password
        super().__init__(limits)
        with path.open("rb") as file:
            self._data: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            self._data = decode_text(self._data[:]).text.encode()
        self._ranges = _ranges_of(self._data)
        self.page_count = len(self._ranges)
        if not self.page_count:
            raise DamagedDocument("The file holds no message.")
        if self.page_count > limits.max_members:
            raise TooManyMembers.for_members(self.page_count, limits.max_members)

    def message(self, number: int) -> Message:
        """Return a message."""
        start, end = self._ranges[number - 1]
        data = self._data[start:end]
        if start:
            data = _ESCAPED_POSTMARK.sub(rb"\1", data)
        return message_from_bytes(data.lstrip(_BEFORE_HEADERS))


def _ranges_of(data: mmap.mmap | bytes) -> list[tuple[int, int]]:
    """Return (start, end) of each message in the file, without the lines between them."""
    marks = list(_POSTMARK.finditer(data))
    if not marks or marks[0].start(1) != 0:
        return [(0, len(data))]
    starts = [mark.start(1) for mark in marks] + [len(data)]
    return [(mark.end(1), end) for mark, (_, end) in zip(marks, pairwise(starts), strict=True)]


def _files_of(leaves: Leaves) -> list[Attachment]:
    """Return the attachments that are documents of their own: all but detached signatures."""
    return [one for one in leaves.attachments if not one.media_type.endswith("-signature")]


def _head_of(message: Message) -> Block:
    """Return the fields that a mail program shows, a line each."""
    lines, spans, at = [], [], 0
    for name in headers.SHOWN:
        text = headers.date_text(message) if name == "Date" else headers.header_text(message, name)
        if text:
            lines.append(f"{name}: {text}")
            spans.append(Span(start=at, end=at + len(name) + 1, bold=True))
            at += len(lines[-1]) + 1
    return Block(kind="paragraph", text="\n".join(lines), spans=spans)


class _Body(NamedTuple):
    """What a body shows: its blocks, what could not be read of it, and its images in the order of its figures."""

    blocks: list[Block]
    warnings: list[PageWarning]
    images: list[bytes]


def _read_body(body: Message, leaves: Leaves) -> _Body:
    """Return a body: HTML as its structure, rich text, or plain text in paragraphs."""
    match body.get_content_type():
        case "text/html":
            return _read_html(body, leaves)
        case "text/rtf":
            reader = RtfReader()
            return _Body(reader.read(attached_bytes(body)), reader.warnings(), [])
    decoded = text_of_part(body)
    warnings = undecoded_warnings(decoded.undecoded, decoded.encoding)
    text = decoded.text.replace("\r\n", "\n")
    if str(body.get_param("format", "")).lower() == "flowed":
        text = unflow(text, delete_space=str(body.get_param("delsp", "")).lower() == "yes")
    return _Body(blocks_of_plain(text), [*warnings, *_pgp_warnings(text)], [])


def _read_html(body: Message, leaves: Leaves) -> _Body:
    """Return a body in HTML; images that it shows by their Content-ID stand in it, others are never fetched."""

    def find_image(address: str) -> str | None:
        name = unquote(address[len("cid:") :]) if address.lower().startswith("cid:") else ""
        return name if name in leaves.inline else None

    decoded = decode_html(attached_bytes(body), body.get_content_charset())
    found = blocks_of_html(parse_html(decoded.text), find_image)
    warnings = [*found.warnings, *undecoded_warnings(decoded.undecoded, decoded.encoding)]
    images = [data_of(one) if is_data_image(one) else attached_bytes(leaves.inline[one]) for one in found.images]
    return _Body(found.blocks, warnings, images)


def _pgp_warnings(text: str) -> list[PageWarning]:
    """Return the warnings for what a text holds of PGP and nobody can read. Signed text is read; its signature is code."""
    kinds = pgp_kinds(text)
    found = []
    if "MESSAGE" in kinds:
        found.append("The text of this message, or a part of it, is encrypted with PGP, and was not read.")
    if any(kind.endswith("KEY BLOCK") for kind in kinds):
        found.append("The text of this message holds a PGP key, which was not read.")
    return [PageWarning(code="not_read", message=message) for message in found]


def _encryption_warnings(leaves: Leaves) -> list[PageWarning]:
    """Return the warning that a part of the message is encrypted, or signed in a form that hides its text."""
    kinds = {attachment.media_type for attachment in leaves.attachments}
    return [
        PageWarning(code="not_read", message=f"A part of this message is encrypted or sealed with {name}, and was not read.")
        for name in sorted({_UNREADABLE[kind] for kind in kinds if kind in _UNREADABLE})
    ]
