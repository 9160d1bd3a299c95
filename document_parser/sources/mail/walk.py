"""Sort the parts of a message: every leaf is body, alternative, inline image or attachment, and none is left over.

``iter_attachments`` and ``get_body`` of the library pass over attachments within alternatives, second text parts, and bodies
in an image's frame. Here the structure is walked once, part by part.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from document_parser.errors import DocumentParserError
from document_parser.ingest.sniff import HEAD_BYTES, sniff
from document_parser.sources.decoding import DecodedText, decode_text
from document_parser.sources.mail.headers import file_name, header_text
from document_parser.sources.mail.signed import SIGNED_TYPES, signed_content

MAX_DEPTH = 30
"""Depth of parts within parts; what is deeper is an attachment as it is."""
_EXTENSIONS = {"text/calendar": ".ics", "message/rfc822": ".eml", "text/html": ".html", "text/plain": ".txt"}
"""Extensions of attachments without a name, by what the mail says they are."""

_BODY_TYPES = frozenset({"text/plain", "text/html", "text/rtf", "plain/text"})
"""Types of texts that a mail shows; the last is no type, but some programs send it."""

_NO_WORDS = re.compile(r"<(style|title|script)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)|<[^<>]*>|&nbsp;", re.DOTALL | re.IGNORECASE)
"""What HTML holds beside the words that it shows. What never ends goes on to the end, so that each letter is looked at once."""


@dataclass
class Attachment:
    """A file of a message: its name, its media type and its bytes, decoded when they are asked for."""

    name: str
    media_type: str
    part: Message

    def data(self) -> bytes:
        """Return the contents."""
        return attached_bytes(self.part)


@dataclass
class Leaves:
    """The parts of a message by what they are."""

    bodies: list[Message] = field(default_factory=list)
    """Texts that a mail program shows one after the other: of alternatives the best one."""
    inline: dict[str, Message] = field(default_factory=dict)
    """Images by their Content-ID, which a body may show."""
    attachments: list[Attachment] = field(default_factory=list)


def sort_parts(message: Message) -> Leaves:
    """Return the parts of a message."""
    leaves = Leaves()
    _sort(message, leaves, 0)
    _attach_unshown_images(leaves)
    for number, attachment in enumerate(leaves.attachments, 1):
        attachment.name = attachment.name or f"attachment-{number}{_extension_of(attachment)}"
    return leaves


def _extension_of(attachment: Attachment) -> str:
    """Return the extension for an attachment without a name, by its media type or its content; empty if neither says it."""
    if known := _EXTENSIONS.get(attachment.media_type):
        return known
    data = attachment.data()
    try:
        return sniff(data[:HEAD_BYTES], "", len(data)).extensions[0]
    except DocumentParserError:
        return ""


def _attach_unshown_images(leaves: Leaves) -> None:
    """Make attachments of the inline images that no body shows."""
    html = "".join(text_of_part(body).text for body in leaves.bodies if body.get_content_type() == "text/html")
    for content_id in [one for one in leaves.inline if f"cid:{one}" not in html]:
        part = leaves.inline.pop(content_id)
        leaves.attachments.append(Attachment(file_name(part), part.get_content_type(), part))


def _sort(part: Message, leaves: Leaves, depth: int) -> None:
    """Add a part and those in it to the leaves."""
    kind = part.get_content_type()
    children = _children_of(part) if depth < MAX_DEPTH else None
    signed = signed_content(attached_bytes(part)) if kind in SIGNED_TYPES and depth < MAX_DEPTH else None
    if signed is not None:
        _sort(message_from_bytes(signed), leaves, depth + 1)
    elif children is None:
        _sort_leaf(part, kind, leaves)
    elif kind == "multipart/alternative":
        _sort_alternatives(children, leaves, depth)
    else:
        for child in children:
            _sort(child, leaves, depth + 1)


def _children_of(part: Message) -> list[Message] | None:
    """Return the parts within a multipart; None for a leaf. A message within a message is a leaf: it is attached."""
    payload = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(payload, list):
        return [child for child in payload if isinstance(child, Message)]
    return None


def _sort_alternatives(children: list[Message], leaves: Leaves, depth: int) -> None:
    """Add the best alternative as body, and everything in the others that is no text as what it is.

    HTML is better than plain text, unless it holds no words; a text with words is better than one without. A calendar entry is
    kept beside its text.
    """
    sorted_children = []
    for child in children:
        found = Leaves()
        _sort(child, found, depth + 1)
        sorted_children.append(found)
        leaves.inline |= found.inline
        leaves.attachments += found.attachments
    with_bodies = [found.bodies for found in sorted_children if found.bodies]
    with_words = [bodies for bodies in with_bodies if any(map(_has_words, bodies))]
    html = [bodies for bodies in with_words if any(map(_is_html, bodies))]
    if chosen := html or with_words or with_bodies:
        leaves.bodies += chosen[-1]


def _is_html(body: Message) -> bool:
    """Return whether a body is HTML."""
    return body.get_content_type() == "text/html"


def _has_words(body: Message) -> bool:
    """Return whether a body shows more than white space; that of HTML is what stands between its tags."""
    text = text_of_part(body).text
    return bool((_NO_WORDS.sub("", text) if _is_html(body) else text).strip())


def _sort_leaf(part: Message, kind: str, leaves: Leaves) -> None:
    """Add a leaf to the leaves."""
    name, disposition = file_name(part), str(part.get_content_disposition() or "")
    content_id = header_text(part, "Content-ID").strip("<> ")
    if kind in _BODY_TYPES and disposition != "attachment" and not name:
        leaves.bodies.append(part)
    elif kind.startswith("image/") and content_id and disposition != "attachment":
        leaves.inline[content_id] = part
    elif kind.startswith("multipart/") and not part.is_multipart():
        leaves.bodies.append(part)  # without a boundary: all of it is one text
    elif kind in ("message/delivery-status", "message/disposition-notification"):
        leaves.bodies.append(part)
    else:
        leaves.attachments.append(Attachment(name or _name_of_message(part, kind), kind, part))


def _name_of_message(part: Message, kind: str) -> str:
    """Return a name for an attached message: its subject; empty for anything else."""
    if kind != "message/rfc822":
        return ""
    inner = attached_message(part)
    subject = re.sub(r"[\\/:*?\"<>|\x00-\x1f]+", " ", header_text(inner, "Subject")).strip() if inner is not None else ""
    return f"{subject or 'message'}.eml"


def attached_message(part: Message) -> Message | None:
    """Return the message in a part, also one in base64, which the library leaves encoded; None if there is none."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        inner = payload[0]
        if part.get("Content-Transfer-Encoding", "").strip().strip('"').lower() == "base64" and not inner.keys():
            return message_from_bytes(_base64(str(inner.get_payload()).encode("ascii", "ignore")))
        return inner
    return None


def attached_bytes(part: Message) -> bytes:
    """Return the contents of a leaf, decoded as far as that is possible."""
    if part.get_content_type() == "message/rfc822":
        inner = attached_message(part)
        return inner.as_bytes() if inner is not None else b""
    payload = part.get_payload()
    if isinstance(payload, list):
        return b"\n".join(child.as_bytes() for child in payload if isinstance(child, Message))
    if not isinstance(payload, str):
        return b""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip()
    match encoding.strip('"').lower():
        case "base64":
            return _base64(payload.encode("ascii", "ignore"))
        case "quoted-printable" if encoding.startswith('"'):
            return quopri.decodestring(payload.encode("ascii", "replace"))
    decoded = part.get_payload(decode=True)  # bytes as they are in the file; without ``decode`` some are replaced
    return decoded if isinstance(decoded, bytes) else payload.encode("utf-8", "replace")


def _base64(raw: bytes) -> bytes:
    """Return decoded base64: also of several blocks, each with its padding, and with other characters between."""
    clean = re.sub(rb"[^A-Za-z0-9+/=]", b"", raw)
    pieces = []
    for block in re.findall(rb"[A-Za-z0-9+/]+={0,2}", clean):
        whole = block.rstrip(b"=")
        try:
            pieces.append(base64.b64decode(whole + b"=" * (-len(whole) % 4)))
        except binascii.Error:
            pieces.append(base64.b64decode(whole[: len(whole) - len(whole) % 4]))
    return b"".join(pieces)


def text_of_part(part: Message) -> DecodedText:
    """Return the text of a body. Its charset is used if its bytes fit; an unknown or wrong one is guessed."""
    charset = part.get_content_charset()
    if part.get_content_type() == "text/html" and charset is None:
        found = re.search(rb"charset=[\"']?([\w-]+)", attached_bytes(part)[:2048], re.IGNORECASE)
        charset = found[1].decode() if found else None
    return decode_text(attached_bytes(part), charset)
