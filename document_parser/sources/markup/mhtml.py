"""A page that a browser saved with its images and frames (MHTML) as a document of one part. Runs in the opener child."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path
from urllib.parse import urljoin

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.models import Location, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.markup.blocks import blocks_of_html
from document_parser.sources.markup.html import decode_html, embedded_image, part_of
from document_parser.sources.markup.images import is_data_image
from document_parser.sources.markup.tree import parse_html

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


class WebArchive(FlowingDocument):
    """A saved page: the first page of the archive, or the one that its head names, with what it shows of the others."""

    page_count = 1

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Read the parts of the archive. Raises DamagedDocument if none is a page."""
        del password
        super().__init__(limits)
        message = message_from_bytes(path.read_bytes().lstrip(), policy=policy.compat32)
        parts = [part for part in message.walk() if not part.is_multipart()]
        pages = [part for part in parts if part.get_content_type() in _PAGES]
        if not pages:
            raise DamagedDocument("The web archive holds no page. Save the page again and send it.")
        start = _content_id(str(message.get_param("start", "")))
        self._page = next((part for part in pages if start and _content_id(part.get("Content-ID", "")) == start), pages[0])
        self._parts = {name: part for part in reversed(parts) for name in _names_of(part)}
        self._images: list[str] | None = None

    def location(self, number: int) -> Location:
        """Return the only location: the body."""
        if number != 1:
            raise PageUnreadable("A web archive is one part.", page=number)
        return Location(kind="body")

    def part(self, number: int) -> Part:
        """Return the blocks of the page."""
        self.location(number)
        decoded = decode_html(_bytes_of(self._page), self._page.get_content_charset())
        found = blocks_of_html(parse_html(decoded.text), self._find_image, self._find_page)
        self._images = found.images
        return part_of(found, undecoded=decoded)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an image of the archive."""
        if self._images is None:
            self.part(number)
        images = self._images or []
        if not 0 <= index < len(images) or is_data_image(images[index]):
            return embedded_image(images, number, index)
        return _bytes_of(self._parts[images[index]])

    def _find(self, address: str) -> str | None:
        """Return the name of a part by an address in the page."""
        if address.lower().startswith("cid:"):
            name = _content_id(address[4:])
            return name if name in self._parts else None
        try:
            whole = urljoin(self._page.get("Content-Location", ""), address)
        except ValueError:
            return None
        return next((name for name in (whole, address) if name in self._parts), None)

    def _find_image(self, address: str) -> str | None:
        """Return the name of an image of pixels."""
        name = self._find(address)
        is_image = name is not None and self._parts[name].get_content_maintype() == "image"
        return name if name is not None and is_image and "svg" not in self._parts[name].get_content_type() else None

    def _find_page(self, address: str) -> str | None:
        """Return the text of a page that a frame shows."""
        name = self._find(address)
        if name is None or self._parts[name].get_content_type() not in _PAGES or self._parts[name] is self._page:
            return None
        return decode_html(_bytes_of(self._parts[name]), self._parts[name].get_content_charset()).text


def _names_of(part: Message) -> list[str]:
    """Return the names by which a page may call a part."""
    location, identity = part.get("Content-Location", "").strip(), _content_id(part.get("Content-ID", ""))
    return [name for name in (location, identity) if name]


def _content_id(value: str) -> str:
    """Return a content id without its brackets; the mark before it keeps it apart from locations."""
    value = value.strip().strip("<>")
    return f"cid:{value}" if value else ""


def _bytes_of(part: Message) -> bytes:
    """Return the decoded bytes of a part."""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""
