"""Put the documents inside a document below it in one text: their headings, their notes, and why one is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from document_parser.models import OutputFormat

APPENDABLE: tuple[OutputFormat, ...] = ("markdown", "text")
"""Formats in which texts can stand one below the other."""
_MAX_LEVEL = 6
"""Deepest level of a heading in Markdown."""
_FENCE = re.compile(rb"\s*(`{3,})")
_NOTE = re.compile(rb"(`+)(?!`).+?(?<!`)\1(?!`)|\$[^$]+\$|(?<!\\)\[\^(?P<label>[a-z0-9-]+)\]")
"""A reference to a note, or its beginning, and what may look like one: code and formulas."""


def heading_of(name: str, depth: int, output_format: OutputFormat) -> bytes:
    """Return the heading of a document inside one that is ``depth`` deep. In Markdown its name is code, without other marks."""
    shown = " ".join(name.split()) or "unnamed"
    if output_format == "text":
        return f"\n{shown}\n\n".encode()
    return f"\n{'#' * min(depth + 1, _MAX_LEVEL)} `{shown.replace('`', chr(39))}`\n\n".encode()


def reason_line(message: str, output_format: OutputFormat) -> bytes:
    """Return the line that stands in the place of a document inside that was not read."""
    text = f"Not read: {message}"
    return f"*{text}*\n".encode() if output_format == "markdown" else f"{text}\n".encode()


def with_own_notes(lines: Iterable[bytes], number: int, output_format: OutputFormat) -> Iterator[bytes]:
    """Yield the lines of a document with labels of notes that no other document has in the same text.

    ``number`` is the place of the document in the text, from 1. ``lines`` are as this program writes Markdown; other formats
    have no labels.
    """
    fence = b""
    for line in lines:
        mark = _FENCE.match(line)
        if mark and (not fence or line.strip() == fence):
            fence = b"" if fence else mark[1]
        elif output_format == "markdown" and not fence and b"[^" in line and not line.lstrip().startswith(b"<"):
            line = _NOTE.sub(lambda match: b"[^%d-%s]" % (number, match["label"]) if match["label"] else match[0], line)
        yield line
