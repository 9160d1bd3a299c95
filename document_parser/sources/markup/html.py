"""A page of HTML as a document of one part. Runs in the opener child."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from document_parser.errors import PageUnreadable
from document_parser.models import Location, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.decoding import DecodedText, decode_text
from document_parser.sources.flowing import OneBody
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.images import data_of
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.plain_text import undecoded_warnings

_HEAD_BYTES = 4096
"""Where a page declares its encoding."""
_DECLARED = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)", re.I)
_READ_AS = {
    "iso8859-1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949",
    "shift_jis": "cp932", "big5": "big5hkscs", "tis-620": "cp874", "iso8859-9": "cp1254", "iso8859-11": "cp874",
}  # fmt: skip
"""Encodings that pages declare and what browsers read them as, by Python's names. Source: encoding.spec.whatwg.org."""
_LABELS = {"x-sjis": "cp932", "windows-31j": "cp932", "ks_c_5601-1987": "cp949", "x-gbk": "gb18030", "windows-874": "cp874"}
"""Names that Python does not know."""


def decode_html(data: bytes, declared: str | None = None) -> DecodedText:
    """Return the text of a page: by its byte order mark, what its sender declared, what it declares, or its letters."""
    head = data[:_HEAD_BYTES]
    match = _DECLARED.search(head)
    name = _encoding_of(declared or (next(filter(None, match.groups())).decode("ascii") if match else None))
    if name is not None and name.startswith("iso2022") and b"\x1b" in data:
        return DecodedText(data.decode(name, "replace"), name, 0)  # its bytes are UTF-8 too
    return decode_text(data, name)


def _encoding_of(label: str | None) -> str | None:
    """Return the encoding that browsers use for a label, by Python's name; None for one that nobody knows."""
    if not label:
        return None
    try:
        name = codecs.lookup(_LABELS.get(label.lower(), label)).name
    except LookupError:
        return None
    return _READ_AS.get(name, name)


class HtmlFile(OneBody):
    """A page of HTML."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Keep the path."""
        del password
        super().__init__(limits)
        self._path = path
        self._images: list[str] = []

    def part(self, number: int) -> Part:
        """Return the blocks of the page."""
        self.location(number)
        decoded = decode_html(self._path.read_bytes())
        found = blocks_of_html(parse_html(decoded.text))
        self._images = found.images
        return part_of(found, undecoded=decoded)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an image that the page holds in itself."""
        if not self._images:
            self.part(number)
        return embedded_image(self._images, number, index)


def part_of(found: HtmlBlocks, undecoded: DecodedText) -> Part:
    """Return a body of these blocks."""
    warnings = [*found.warnings, *undecoded_warnings(undecoded.undecoded, undecoded.encoding)]
    return Part(location=Location(kind="body", name=found.title), blocks=found.blocks, warnings=warnings)


def embedded_image(images: list[str], number: int, index: int) -> bytes:
    """Return the bytes of an image with a ``data:`` address. Raises PageUnreadable."""
    if not 0 <= index < len(images):
        raise PageUnreadable("The part has no such image.", page=number)
    try:
        return data_of(images[index])
    except ValueError as error:
        raise PageUnreadable("An image of the part cannot be decoded.", page=number) from error
