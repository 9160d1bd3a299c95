"""Header fields of mail: encoded words of any charset, addresses, dates and file names as senders write them."""

from __future__ import annotations

import re
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value

from document_parser.sources.decoding import decode_text

SHOWN = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
"""The fields that the head of a message shows, in this order."""
_FOLDED = re.compile(r"[ \t]*\r?\n[ \t]+")
_WORDS_BETWEEN = re.compile(r"(\?=)\s+(=\?)")


def header_text(message: Message, name: str) -> str:
    """Return all values of a field as text, separated by commas; empty if the message has none."""
    values = (decode_value(value) for value in _raw_values(message, name))
    return ", ".join(value for value in values if value)


def _raw_values(message: Message, name: str) -> list[str]:
    """Return the values of a field as they are written. Bytes that are no ASCII are UTF-8 or an older encoding."""
    return [_as_text(value) for found, value in message.raw_items() if found.lower() == name.lower()]


def decode_value(value: str) -> str:
    """Return the value of a field unfolded, its encoded words decoded; a word that cannot be decoded is kept as it is."""
    raw = _WORDS_BETWEEN.sub(r"\1\2", _FOLDED.sub(" ", value))
    try:
        pieces = decode_header(raw)
    except (ValueError, LookupError):
        return " ".join(raw.split())
    return " ".join("".join(_decode_piece(piece, charset) for piece, charset in pieces).split())


def _as_text(text: str) -> str:
    """Return a raw value with its surrogates, which stand for bytes that are no ASCII, decoded."""
    if text.isascii():
        return text
    data = text.encode("utf-8", "surrogateescape")
    return decode_text(data).text


def _decode_piece(piece: bytes | str, charset: str | None) -> str:
    """Return one piece of a decoded header."""
    if isinstance(piece, str):
        return piece
    if charset is None:
        return piece.decode("ascii", "surrogateescape").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return decode_text(piece, charset).text


def file_name(part: Message) -> str:
    """Return the name of an attachment; empty if it has none. The name may look like a path."""
    for header, key in (("content-disposition", "filename"), ("content-type", "name")):
        probe = Message()
        for raw in _raw_values(part, header)[:1]:
            probe[header] = raw
        value = probe.get_param(key, None, header)
        if isinstance(value, tuple):
            return decode_value(_decode_rfc2231(value))
        if isinstance(value, str) and value.strip():
            return decode_value(_unquoted(probe, header, key, value))
    return ""


def _decode_rfc2231(value: tuple[str | None, str | None, str]) -> str:
    """Return a value in the form of RFC 2231; an unknown charset is guessed."""
    try:
        return collapse_rfc2231_value(value)
    except LookupError:
        return decode_text(value[2].encode("latin-1", "replace"), value[0]).text


def _unquoted(part: Message, header: str, key: str, value: str) -> str:
    """Return a file name that was written without quotes and with spaces: the library takes its first word only."""
    raw = _FOLDED.sub(" ", str(part.get(header, "")))
    found = re.search(rf"\b{key}=(?P<name>[^\";]+)(?:;|$)", raw, re.IGNORECASE)
    plain = found["name"].strip() if found else ""
    return plain if plain.startswith(value) and len(plain) > len(value) else value


def date_text(message: Message) -> str:
    """Return the date of a message as it was written, without comments; empty if it has none."""
    return re.sub(r"\s*\([^()]*\)\s*$", "", header_text(message, "Date"))
