"""A text file as a document of one part. Runs in the opener child."""

from __future__ import annotations

import re
from pathlib import Path

from document_parser.models import Block, PageWarning, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import decode_text
from document_parser.sources.flowing import OneBody

_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
"""What separates paragraphs."""


class PlainText(OneBody):
    """A file of plain text: paragraphs between blank lines, their lines kept."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the file."""
        del password
        super().__init__(limits)
        self._path = path

    def part(self, number: int) -> Part:
        """Return the paragraphs of the text, with a warning for characters that could not be decoded."""
        location = self.location(number)
        decoded = decode_text(self._path.read_bytes())
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n")
        blocks = [
            Block(kind="paragraph", text=paragraph.strip("\n")) for paragraph in _BLANK_LINES.split(text) if paragraph.strip()
        ]
        return Part(location=location, blocks=blocks, warnings=undecoded_warnings(decoded.undecoded, decoded.encoding))


def undecoded_warnings(count: int, encoding: str) -> list[PageWarning]:
    """Return the warning for characters that could not be decoded; none if there are none."""
    if not count:
        return []
    message = (
        f"{count} characters could not be decoded as {encoding} and are shown as \ufffd. "
        "Save the file as UTF-8 and send it again."
    )
    return [PageWarning(code="damaged_data", message=message)]
