"""Long XML lists of records cut into pieces by their end tags, so that a record is looked at without a tree of the whole.

A record that is written as programs write it is matched by a regular expression; any other is parsed as XML by itself.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from document_parser.errors import DamagedDocument

CHUNK_BYTES = 1 << 18
MAX_HEAD_BYTES = 1 << 24
"""Bytes before the first record of a list at most."""
MAX_RECORD_BYTES = 1 << 25
"""Bytes of one record at most."""
_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ESCAPED = re.compile(r"_x((?!D[89A-F])[0-9A-F]{4})_", re.IGNORECASE)
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_CHARACTERS = range(1, 0x110000)


class Names(NamedTuple):
    """How a document writes its names. ``prefix`` ends in a colon, or is empty; ``opening`` is the start tag of the root."""

    prefix: bytes
    opening: bytes
    root: str

    def fill(self, pattern: bytes) -> bytes:
        """Return a text or pattern with the prefix for ``{p}``."""
        return pattern.replace(b"{p}", self.prefix)


def find_names(stream: IO[bytes], root: str) -> tuple[Iterator[bytes], Names]:
    """Return the chunks of a document in UTF-8, from its root element on, and how it writes names.

    Raises DamagedDocument if the root is none of this name.
    """
    chunks = _utf8_chunks(stream)
    head, pattern = b"", re.compile(rb"<(?:([\w.-]+:))?%s(?=[\s>/])[^>]*>" % root.encode())
    for chunk in chunks:
        head += chunk
        found = pattern.search(head)
        if found:
            return _chain(head[found.start() :], chunks), Names(found[1] or b"", found[0], root)
        if len(head) > MAX_HEAD_BYTES:
            break
    raise DamagedDocument(f"The XML of the document has no {root}.")


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _utf8_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a file in UTF-8."""
    first = stream.read(CHUNK_BYTES)
    encoding = _encoding_of(first)
    if encoding == "utf-8":
        yield first.removeprefix(codecs.BOM_UTF8)
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    chunk = first
    while chunk:
        yield decoder.decode(chunk).encode("utf-8", "replace")
        chunk = stream.read(CHUNK_BYTES)


def _encoding_of(first: bytes) -> str:
    """Return the encoding of a file by its mark or its declaration; UTF-8 if Python does not know it."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first.startswith((b"<\x00", b"\x00<")):
        return "utf-16-le" if first.startswith(b"<") else "utf-16-be"
    declared = _DECLARED.match(first.removeprefix(codecs.BOM_UTF8))
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name if declared else "utf-8"
    except (LookupError, UnicodeDecodeError):
        return "utf-8"
    return "utf-8" if name in {"ascii", "utf-8-sig"} else name


def pieces(chunks: Iterable[bytes], end: bytes, stop: bytes) -> Iterator[bytes]:
    """Yield what stands before each end tag of a record, without the tag, up to the end tag ``stop`` of the list.

    Raises DamagedDocument for a record that is too long.
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        parts = data.split(end)
        rest = parts.pop()
        yield from parts
        if stop in rest:
            break
        if len(rest) > MAX_RECORD_BYTES:
            raise DamagedDocument("A record of the document is longer than any program writes.")
    if stop in rest:
        yield rest.partition(stop)[0]


def batches(chunks: Iterable[bytes], end: bytes, stop: bytes) -> Iterator[bytes]:
    """Yield whole records, several at once, each with its end tag, up to the end tag ``stop`` of the list.

    Raises DamagedDocument for a record that is too long.
    """
    rest = b""
    for chunk in chunks:
        rest += chunk
        cut = rest.rfind(end) + len(end)
        if cut >= len(end):
            yield rest[:cut]
            rest = rest[cut:]
        if stop in rest:
            return
        if len(rest) > MAX_RECORD_BYTES:
            raise DamagedDocument("A record of the document is longer than any program writes.")


def wrap(opening: bytes, content: bytes) -> bytes:
    """Return a document of its own: the content within a root element with this start tag."""
    opening = opening[:-2] + b">" if opening.endswith(b"/>") else opening
    name = re.match(rb"<([\w.:-]+)", opening)
    return opening + content + b"</" + (name[1] if name else b"") + b">"


def plain_text(data: bytes) -> str:
    """Return the text of a record without elements: XML's own entities and ``_x000D_`` decoded, line ends plain."""
    text = data.decode("utf-8", "replace")
    return unescape(_ENTITY.sub(_decode_entity, text) if "&" in text else text)


def _decode_entity(match: re.Match[str]) -> str:
    """Return the character of an entity; the entity itself if XML knows no such character."""
    name = match[1]
    if not name.startswith("#"):
        return _ENTITIES[name]
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    return chr(code) if code in _CHARACTERS and not 0xD800 <= code < 0xE000 else match[0]


def unescape(text: str) -> str:
    """Return a text with the characters that the file writes as ``_x000D_``, and with plain line ends."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
