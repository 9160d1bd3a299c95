"""Put the documents inside a document below it in one text: their headings, and why one is not there."""

from __future__ import annotations

from document_parser.models import OutputFormat

APPENDABLE: tuple[OutputFormat, ...] = ("markdown", "text")
"""Formats in which texts can stand one below the other."""
_MAX_LEVEL = 6
"""Deepest level of a heading in Markdown."""


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
