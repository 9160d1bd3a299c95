"""What all walkers of an HTML page share: its title, its addresses, the rules that hide elements, and what was left out."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urljoin

from document_parser.models import Block, PageWarning
from document_parser.sources.markup.images import is_data_image
from document_parser.sources.markup.tree import Element, ParsedHtml, parse_html
from document_parser.sources.markup.visibility import HidingRules
from document_parser.text.spans import safe_link_of

MAX_FRAMES = 50
"""Pages inside a page that are read."""

ResolveImage = Callable[[str], str | None]
"""Returns the name of an image that the document holds, by its address as the page writes it; None for all others."""


class HtmlPage:
    """What all walkers of one page share."""

    def __init__(
        self, page: ParsedHtml, resolve_image: ResolveImage | None, resolve_page: Callable[[str], str | None] | None
    ) -> None:
        """Read what the head of the page says."""
        self._resolve_image = resolve_image
        self._resolve_page = resolve_page
        self._left_out = page.left_out
        self._frames = 0
        self.wordless_images = 0
        elements = list(page.root.walk())
        self.rules = HidingRules(element.text() for element in elements if element.tag == "style")
        title = next((element for element in elements if element.tag == "title"), None)
        self.title = " ".join(title.text().split()) if title is not None else ""
        self._base = next(filter(None, (_base_of(elements, name) for name in ("base", "canonical", "og:url"))), "")

    def link(self, address: str) -> str | None:
        """Return where a link leads to; None if that is no address of the web."""
        if self._base and not address.startswith("#"):
            try:
                address = urljoin(self._base, address)
            except ValueError:
                return None
        return safe_link_of(address)

    def image(self, address: str) -> str | None:
        """Return the name of an image that the document holds, or its ``data:`` address."""
        if is_data_image(address):
            return address
        return self._resolve_image(address) if self._resolve_image is not None and address else None

    def frame(self, element: Element) -> Element | None:
        """Return the page inside a frame, if the document holds it."""
        text = element.attributes.get("srcdoc")
        if text is None and self._resolve_page is not None and element.get("src"):
            text = self._resolve_page(element.get("src"))
        if not text or self._frames >= MAX_FRAMES:
            return None
        self._frames += 1
        page = parse_html(text)
        self._left_out += page.left_out
        return page.root

    def warnings(self, blocks: list[Block]) -> list[PageWarning]:
        """Return what a reader of the page should know."""
        found = []
        words = sum(len(_words_of(block)) for block in blocks if block.layer == "hidden")
        if words:
            message = f"{words} words of the page are not shown by a browser. They are in the layer hidden."
            found.append(PageWarning(code="hidden_content", message=message))
        if self.wordless_images:
            message = f"{self.wordless_images} images have no text in their place and are not in the file; nothing is fetched."
            found.append(PageWarning(code="not_read", message=message))
        if self._left_out:
            message = f"{self._left_out} tags nest too deep and were left out; their text was kept."
            found.append(PageWarning(code="not_read", message=message))
        return found


def _base_of(elements: list[Element], name: str) -> str:
    """Return the address of a page by one of the ways to say it; empty if the page does not."""
    for element in elements:
        if name in {element.tag, element.get("rel").lower()} and element.get("href"):
            return element.get("href")
        if element.tag == "meta" and element.get("property") == name:
            return element.get("content")
    return ""


def _words_of(block: Block) -> list[str]:
    """Return the words of a block."""
    return " ".join([block.text, *(cell.text for cell in block.table.cells)] if block.table else [block.text]).split()
