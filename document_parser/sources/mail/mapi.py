"""Outlook's properties of a message (MS-OXPROPS), and the MIME message that they make.

A .msg file and a winmail.dat hold the same properties in two containers. Both become a MIME message here, so that there is one
way to read mail.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import format_datetime, formataddr

from document_parser.sources.decoding import decode_text
from document_parser.sources.mail.compressed_rtf import CompressedRtfError, decompress_rtf

SUBJECT, TRANSPORT_HEADERS = 0x0037, 0x007D
SENDER_NAME, SENDER_ADDRESS, SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
SENT, DELIVERED = 0x0039, 0x0E06
BODY, RTF, HTML = 0x1000, 0x1009, 0x1013
CODE_PAGE, INTERNET_CODE_PAGE = 0x3FFD, 0x3FDE
DISPLAY_NAME, ADDRESS, SMTP_ADDRESS, RECIPIENT_TYPE = 0x3001, 0x3003, 0x39FE, 0x0C15
ATTACHED_DATA, SHORT_NAME, LONG_NAME, MEDIA_TYPE, CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
DISPLAY_TO, DISPLAY_CC, DISPLAY_BCC = 0x0E04, 0x0E03, 0x0E02

TEXT_8, TEXT_16, BINARY, INTEGER, TIME = 0x001E, 0x001F, 0x0102, 0x0003, 0x0040
"""Types of values: text in the message's code page, text in UTF-16, bytes, a number, a time."""

_FIELDS = {1: "To", 2: "Cc", 3: "Bcc"}
_FILE_TIME_START = datetime(1601, 1, 1, tzinfo=UTC)
_KEPT_HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject", "Message-ID", "In-Reply-To")


@dataclass
class Properties:
    """Properties by their number: raw bytes of texts and binaries with their type, numbers, times."""

    values: dict[int, tuple[int, bytes | int]] = field(default_factory=dict)
    code_page: int = 0
    """The code page of its 8-bit texts; 0 if unknown."""

    def text(self, number: int) -> str:
        """Return a text; empty if there is none."""
        kind, value = self.values.get(number, (0, b""))
        if not isinstance(value, bytes):
            return ""
        if kind == TEXT_16:
            return value.decode("utf-16-le", "replace").rstrip("\0")
        return decode_text(value.rstrip(b"\0"), self._charset()).text

    def data(self, number: int) -> bytes:
        """Return bytes; empty if there are none."""
        value = self.values.get(number, (0, b""))[1]
        return value if isinstance(value, bytes) else b""

    def number(self, number: int) -> int:
        """Return a number; 0 if there is none."""
        value = self.values.get(number, (0, 0))[1]
        return value if isinstance(value, int) else 0

    def time(self, number: int) -> datetime | None:
        """Return a time in UTC; None if there is none, or one that no calendar has."""
        value = self.number(number)
        try:
            return _FILE_TIME_START + timedelta(microseconds=value // 10) if value else None
        except OverflowError:
            return None

    def _charset(self) -> str | None:
        page = self.code_page or self.number(CODE_PAGE) or self.number(INTERNET_CODE_PAGE)
        return "utf-8" if page == 65001 else f"cp{page}" if page else None


@dataclass
class MapiMessage:
    """A message with its recipients and attachments."""

    properties: Properties
    recipients: list[Properties] = field(default_factory=list)
    attachments: list[tuple[Properties, MapiMessage | None]] = field(default_factory=list)
    """Each with the message that it is, if it is one."""


def as_mime(found: MapiMessage) -> Message:
    """Return the message in MIME: its head, its body in the best form there is, its attachments."""
    message = EmailMessage()
    for name, value in _head_of(found).items():
        message[name] = " ".join(value.replace("\0", "").split())
    _add_body(message, found.properties)
    for properties, inner in found.attachments:
        _attach(message, properties, inner)
    return message


def _head_of(found: MapiMessage) -> dict[str, str]:
    """Return the fields of the head. The transport headers, if there are any, say them as they were sent."""
    properties = found.properties
    sent = message_from_bytes(properties.text(TRANSPORT_HEADERS).encode("utf-8", "replace").lstrip())
    head = {name: str(sent[name]) for name in _KEPT_HEADERS if sent[name]}
    sender = formataddr_safe(properties.text(SENDER_NAME), properties.text(SENDER_SMTP) or properties.text(SENDER_ADDRESS))
    head.setdefault("From", sender)
    by_field: dict[str, list[str]] = {}
    for recipient in found.recipients:
        address = recipient.text(SMTP_ADDRESS) or recipient.text(ADDRESS)
        name = _FIELDS.get(recipient.number(RECIPIENT_TYPE) & 0xF, "To")
        by_field.setdefault(name, []).append(formataddr_safe(recipient.text(DISPLAY_NAME), address))
    for name, number in (("To", DISPLAY_TO), ("Cc", DISPLAY_CC), ("Bcc", DISPLAY_BCC)):
        head.setdefault(name, ", ".join(by_field.get(name, [])) or properties.text(number))
    moment = properties.time(SENT) or properties.time(DELIVERED)
    if moment is not None:
        head.setdefault("Date", format_datetime(moment))
    head["Subject"] = properties.text(SUBJECT) or head.get("Subject", "")
    return {name: value for name, value in head.items() if value}


def formataddr_safe(name: str, address: str) -> str:
    """Return ``Name <address>``, or the one that there is; addresses of Exchange, which are paths, are left out."""
    clean = "" if address.startswith("/") or "@" not in address else address
    if not clean or name.strip("'\" ") == clean:
        return clean or name
    return formataddr((name, clean)) if name and name.isascii() else f"{name} <{clean}>" if name else clean


def _add_body(message: EmailMessage, properties: Properties) -> None:
    """Add the body: HTML, else plain text, else rich text."""
    html, plain = _html_of(properties), properties.text(BODY)
    if plain.strip() or not html:
        message.set_content(plain)
        if html:
            message.add_alternative(html, subtype="html")
    else:
        message.set_content(html, subtype="html")
    if html or plain.strip() or not properties.data(RTF):
        return
    try:
        rich = decompress_rtf(properties.data(RTF))
    except CompressedRtfError:
        return
    message.set_content(rich, "text", "rtf", cte="base64")


def _html_of(properties: Properties) -> str:
    """Return the body in HTML; empty if there is none."""
    kind, value = properties.values.get(HTML, (0, b""))
    if kind == BINARY and isinstance(value, bytes):
        return decode_text(value, properties._charset()).text
    return properties.text(HTML)


def _attach(message: EmailMessage, properties: Properties, inner: MapiMessage | None) -> None:
    """Attach a file, or a message as it would be sent."""
    name = properties.text(LONG_NAME) or properties.text(DISPLAY_NAME) or properties.text(SHORT_NAME)
    if inner is not None:
        mime = as_mime(inner)
        message.add_attachment(mime.as_bytes(), "application", "octet-stream", filename=_eml_name(name, mime))
        return
    if properties.text(MEDIA_TYPE).startswith("multipart/"):  # signed mail, whole as it was sent
        message.make_mixed()
        message.attach(message_from_bytes(properties.data(ATTACHED_DATA), policy=default))
        return
    kind, _, rest = (properties.text(MEDIA_TYPE) or "application/octet-stream").partition("/")
    if not rest or kind in ("multipart", "message") or not (kind + rest).isascii():
        kind, rest = "application", "octet-stream"
    cid = properties.text(CONTENT_ID).strip("<> ")
    message.add_attachment(
        properties.data(ATTACHED_DATA), kind, rest, filename=name or None, cid=f"<{cid}>" if cid else None,
        disposition="inline" if cid else "attachment",
    )  # fmt: skip


def _eml_name(name: str, inner: Message) -> str:
    """Return the name of an attached message."""
    title = name or str(inner["Subject"] or "message")
    return title if title.lower().endswith(".eml") else f"{title.removesuffix('.msg')}.eml"


def read_fixed(data: bytes, start: int) -> dict[int, tuple[int, bytes | int]]:
    """Return the numbers and times in a property stream whose entries of 16 bytes begin at ``start`` (MS-OXMSG 2.4)."""
    found: dict[int, tuple[int, bytes | int]] = {}
    for at in range(start, len(data) - 15, 16):
        kind, number, _ = struct.unpack_from("<HHI", data, at)
        if kind == INTEGER:
            found[number] = kind, struct.unpack_from("<i", data, at + 8)[0]
        elif kind == TIME:
            found[number] = kind, struct.unpack_from("<Q", data, at + 8)[0]
    return found
