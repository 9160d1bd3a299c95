"""Turn the bytes of a text file into text: by its byte order mark, as UTF-8, or as the likeliest older encoding."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from charset_normalizer import from_bytes

from document_parser.sources.short_texts import encoding_of_short

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings. That of UTF-32 begins with that of UTF-16 and comes first."""
_SAMPLE_BYTES = 1 << 18
"""Bytes at the start of a file by which an older encoding is chosen."""
_HEAD_BYTES = 4096
"""Bytes by which a text in UTF-16 is known."""
_MIN_ZERO_SHARE = 0.6
"""Of the bytes at odd or even places that are zero in a text in UTF-16: those of Latin letters, spaces, marks and tags are."""
_UNLIKELY = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7", "cp1006", "cp1125"]
"""Encodings that are told before, or that nobody uses and that fit nearly any bytes."""
_FALLBACK = "cp1252"
"""The encoding of text that nothing else fits."""


_ALIASES = re.compile(r"^(?:windows-|cp-|ibm-|x-cp|ansi_?)(?=\d)")
"""Beginnings of names of code pages that Python writes ``cp``."""
_DIRECTION = re.compile(r"(?<=8859-[68])-[ie]$")
"""The end of a name that says in which order its letters are stored."""


class DecodedText(NamedTuple):
    """A text, its encoding, and the number of characters that could not be decoded (U+FFFD stands for each)."""

    text: str
    encoding: str
    undecoded: int


def decode_text(data: bytes, declared: str | None = None) -> DecodedText:
    """Return the text of a file. ``declared`` is the encoding that the file claims, used if it fits or is all there is."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode(data, encoding)
    if encoding := _unmarked_utf16(data[:_HEAD_BYTES]):
        return _decode(data, encoding)
    for name in ("utf-8", _known(declared)):
        if name is not None:
            try:
                return DecodedText(data.decode(name), name, 0)
            except UnicodeDecodeError:
                continue
    if encoding := encoding_of_short(data[:_SAMPLE_BYTES]):
        return _decode(data, encoding)
    found = from_bytes(data[:_SAMPLE_BYTES], cp_exclusion=_UNLIKELY).best()
    return _decode(data, found.encoding if found is not None else _FALLBACK)


def _unmarked_utf16(head: bytes) -> str:
    """Return the encoding of a text in UTF-16 without a byte order mark: every second byte of Latin letters is zero.

    Empty for any other. The name says the byte order: Python's ``utf-16`` without a mark is an error in a stream.
    """
    zeros = [head[start::2].count(0) / max(1, len(head) // 2) for start in (0, 1)]
    if max(zeros) < _MIN_ZERO_SHARE or min(zeros) > 1 - _MIN_ZERO_SHARE:
        return ""
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _known(encoding: str | None) -> str | None:
    """Return the name of a text encoding that Python knows; None for any other."""
    try:
        info = codecs.lookup(_ALIASES.sub("cp", _DIRECTION.sub("", encoding.strip("\"' ").lower()))) if encoding else None
    except (LookupError, ValueError):
        return None
    return info.name if info is not None and info.name not in {"utf-8"} and _is_text_encoding(info) else None


def _is_text_encoding(info: codecs.CodecInfo) -> bool:
    """Return whether a codec turns bytes into text; some turn bytes into bytes."""
    try:
        return isinstance(info.decode(b"")[0], str)
    except (UnicodeError, ValueError, EOFError):
        return False


def _decode(data: bytes, encoding: str) -> DecodedText:
    """Return the text, with U+FFFD for what cannot be decoded."""
    text = data.decode(encoding, "replace")
    return DecodedText(text, encoding, text.count("\ufffd"))
