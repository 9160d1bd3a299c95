"""Parts in other formats that stand in the text of a Word document (``w:altChunk``): HTML, saved pages, rich text, plain text.

Reporting tools write them; Word turns them into paragraphs when it opens the file.
"""

from __future__ import annotations

from email import message_from_bytes, policy

from document_parser.errors import DamagedDocument
from document_parser.models import Block, PageWarning
from document_parser.sources.decoding import DecodedText, decode_text
from document_parser.sources.markup.blocks import blocks_of_html
from document_parser.sources.markup.html import decode_html
from document_parser.sources.markup.rtf import RtfReader
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.plain_text import undecoded_warnings

_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_ARCHIVES = frozenset({"message/rfc822", "multipart/related", "application/x-mimearchive"})
_RICH_TEXTS = frozenset({"application/rtf", "text/rtf", "text/richtext"})
_KINDS_BY_EXTENSION = {
    "html": "text/html", "htm": "text/html", "xhtml": "application/xhtml+xml", "mht": "message/rfc822",
    "mhtml": "message/rfc822",
    "rtf": "application/rtf", "txt": "text/plain",
}  # fmt: skip
"""The content type by the extension of the part, if the package does not say one of ours."""


def read_chunk(kind: str, name: str, data: bytes) -> tuple[list[Block], list[PageWarning]] | None:
    """Return the blocks of a part, and what could not be read of it. None for a format that is not read here.

    ``kind`` is the content type of the part, ``name`` its name. Images of the part have no picture. Raises DamagedDocument.
    """
    known = {*_PAGES, *_ARCHIVES, *_RICH_TEXTS, "text/plain"}
    kind = kind if kind in known else _KINDS_BY_EXTENSION.get(name.rpartition(".")[2].lower(), "")
    if kind in _RICH_TEXTS:
        reader = RtfReader()
        return _without_pictures(reader.read(data)), reader.warnings()
    if kind in _PAGES or kind in _ARCHIVES:
        decoded = decode_html(data) if kind in _PAGES else _page_of_archive(data)
        found = blocks_of_html(parse_html(decoded.text))
        return _without_pictures(found.blocks), [*found.warnings, *undecoded_warnings(decoded.undecoded, decoded.encoding)]
    if kind == "text/plain":
        decoded = decode_text(data)
        lines = [Block(kind="paragraph", text=line.strip()) for line in decoded.text.splitlines() if line.strip()]
        return lines, undecoded_warnings(decoded.undecoded, decoded.encoding)
    return None


def _page_of_archive(data: bytes) -> DecodedText:
    """Return the text of the first page of a saved page. Raises DamagedDocument if it holds none."""
    message = message_from_bytes(data.lstrip(), policy=policy.compat32)
    page = next((part for part in message.walk() if part.get_content_type() in _PAGES), None)
    content = page.get_payload(decode=True) if page is not None else None
    if page is None or not isinstance(content, bytes):
        raise DamagedDocument("The web archive in the document holds no page.")
    return decode_html(content, page.get_content_charset())


def _without_pictures(blocks: list[Block]) -> list[Block]:
    """Return the blocks with figures that have no picture: it is in the part, not in the document."""
    return [block.model_copy(update={"picture": None}) if block.picture else block for block in blocks]
