"""Turn the blocks of a document into elements."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from document_parser.export.base import clean_runs, item_of, warnings_of
from document_parser.export.elements.element import Element, TableRows, table_html
from document_parser.export.elements.hierarchy import Hierarchy
from document_parser.export.elements.mail import mail_fields
from document_parser.export.figures import Figures
from document_parser.export.flow import Piece, flow
from document_parser.export.html import format_cell, heading_rows
from document_parser.models import Block, BlockKind, Document, ElementOptions, Options, Page
from document_parser.text.common_words import language_of
from document_parser.text.spans import Run

TYPES: dict[BlockKind, str] = {
    "title": "Title",
    "heading": "Title",
    "paragraph": "NarrativeText",
    "list_item": "ListItem",
    "table": "Table",
    "figure": "Image",
    "caption": "FigureCaption",
    "formula": "Formula",
    "code": "CodeSnippet",
    "footnote": "Footer",
    "page_header": "Header",
    "page_footer": "Footer",
    "page_number": "PageNumber",
    "signature": "UncategorizedText",
    "watermark": "UncategorizedText",
    # CheckBox would lose its text: the library drops these elements when it chunks.
    "checkbox": "UncategorizedText",
}
"""The type of the element of each kind of block."""
LANGUAGES = {
    "cs": "ces",
    "da": "dan",
    "de": "deu",
    "el": "ell",
    "en": "eng",
    "es": "spa",
    "fi": "fin",
    "fr": "fra",
    "hu": "hun",
    "it": "ita",
    "nl": "nld",
    "pl": "pol",
    "pt": "por",
    "ro": "ron",
    "ru": "rus",
    "sv": "swe",
    "tr": "tur",
}
"""The codes of languages in ISO 639-3, as elements have them, by those in ISO 639-1."""
MIN_NARRATIVE_WORDS = 8
"""Words of a paragraph from which it is a narrative without the end of a sentence."""
_SENTENCE = re.compile(r"[^\W\d_]{2,}[^.!?。！？]*[.!?。！？]['\"”»)\]]*(?:\s|$)")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]+")


def elements_of(
    document: Document, pages: Iterable[Page], options: Options, chosen: ElementOptions, figures: Figures
) -> Iterator[Element]:
    """Yield the elements in reading order, with their ids and parents.

    A text or table that goes on over the end of a page is one element, of the page where it begins.
    """
    writer = _Writer(document, chosen, figures)
    hierarchy, identify = Hierarchy(), _identifier(document.filename, unique=chosen.unique_ids)
    for _, group in groupby(flow(pages, options), key=lambda piece: piece.page.number):
        elements = writer.page(group)
        found = LANGUAGES.get(language_of(element.text for element in elements), "")
        for element in elements:
            if found and element.text:
                element.metadata["languages"] = [found]
            element.element_id = identify(element)
            if (parent := hierarchy.parent_of(element)) is not None:
                element.metadata["parent_id"] = parent
            yield element


def _identifier(filename: str, *, unique: bool) -> Callable[[Element], str]:
    """Return a function that returns the id of the next element: a UUID, or a hash that is the same in every job.

    Source: ``Element.id_to_hash`` of the library.
    """
    last: list[Any] = [None, 0]

    def identify(element: Element) -> str:
        if unique:
            return str(uuid.uuid4())
        page = element.metadata.get("page_number")
        last[:] = [page, last[1] + 1 if page == last[0] else 0]
        return hashlib.sha256(f"{filename}{element.text}{page}{last[1]}".encode()).hexdigest()[:32]

    return identify


class _Writer:
    """Make the elements of one page after the other."""

    def __init__(self, document: Document, chosen: ElementOptions, figures: Figures) -> None:
        self._chosen = chosen
        self._figures = figures
        self._common: dict[str, Any] = {
            "filename": document.filename,
            "filetype": document.media_type.partition(";")[0],
        }
        self._last = 0

    def page(self, pieces: Iterable[Piece]) -> list[Element]:
        """Return the elements of the pieces of a page."""
        found: list[Element] = []
        mail: dict[str, Any] = {}
        page: Page | None = None
        for piece in pieces:
            if piece.block is None:
                page = piece.page
                found += self._begin(page)
                continue
            if piece.page.location is not None and piece.page.location.kind == "message" and not mail:
                mail = mail_fields(piece.block)
            found += self._elements(piece)
        if page is not None and page.warnings:
            self._warn(page, found)
        for element in found:
            element.metadata.update(mail)
        return found

    def _warn(self, page: Page, found: list[Element]) -> None:
        """Give the warnings of a page to its first element; to one without text if it has none and asks to be looked at."""
        number = self._number(page.number)
        first = next((element for element in found if element.type != "PageBreak"), None)
        if first is None and page.is_flagged:
            first = Element("UncategorizedText", "", {**self._common, "page_number": number})
            found.append(first)
        if first is not None:
            first.metadata["warnings"] = [{**one, "page_number": number} for one in warnings_of(page)]

    def _begin(self, page: Page) -> Iterator[Element]:
        """Yield the break before a page, and what stands for one that was not read."""
        if self._chosen.page_breaks and self._last and page.location is None:
            yield Element("PageBreak", "", {**self._common, "page_number": self._number(self._last)})
        self._last = page.number
        if page.status == "failed":
            error = page.error.model_dump(mode="json") if page.error else {"code": "PAGE_UNREADABLE", "message": ""}
            yield Element("UncategorizedText", "", {**self._common, "page_number": self._number(page.number), "error": error})

    def _number(self, page: int) -> int:
        return page + self._chosen.starting_page_number - 1

    def _elements(self, piece: Piece) -> Iterator[Element]:
        """Yield the element of a block; none for one without content."""
        block = piece.block
        assert block is not None
        metadata = self._metadata(piece, block)
        if piece.parts is not None:
            rows = list(_rows_of(piece))
            if self._chosen.table_html and rows:
                metadata["text_as_html"] = table_html(rows)
            if text := " ".join(row.text for row in rows if row.text):
                yield Element("Table", text, metadata, rows=rows)
            return
        runs = item_of(block).runs if block.kind == "list_item" and item_of(block).number is None else None
        text = _styled(runs if runs is not None else clean_runs(block.text, block.spans), metadata)
        if block.kind == "code":
            text = block.text.strip("\n")
        if block.kind == "figure" and (image := self._image(block)):
            metadata |= {"image_base64": image, "image_mime_type": "image/jpeg"}
        if text or block.kind == "figure":
            yield Element(_type_of(block, text), text, metadata)

    def _metadata(self, piece: Piece, block: Block) -> dict[str, Any]:
        found = dict(self._common)
        page, location = piece.page, piece.page.location
        if location is None or location.kind in ("slide", "sheet", "chapter"):
            found["page_number"] = self._number(page.number)
        elif block.printed_page is not None:
            found["page_number"] = self._number(block.printed_page)
        if location is not None and location.kind == "sheet" and location.name:
            found["page_name"] = location.name
        if block.kind in ("title", "heading"):
            found["category_depth"] = 0 if block.kind == "title" else max(0, (block.level or 1) - 1)
        elif block.kind == "list_item":
            found["category_depth"] = max(0, (block.level or 1) - 1)
        if block.layer == "headers":
            found["header_footer_type"] = "primary"
        if block.confidence is not None:
            found["detection_class_prob"] = round(block.confidence, 4)
        if self._chosen.coordinates and block.box is not None and page.width and page.height:
            found["coordinates"] = _coordinates(block, page)
        return found

    def _image(self, block: Block) -> str:
        """Return the image of a figure in base64; empty if it is not asked for, or there is none."""
        if not self._chosen.images or block.picture is None:
            return ""
        data = self._figures.load(block.picture)
        return base64.b64encode(data).decode() if data is not None else ""


def _coordinates(block: Block, page: Page) -> dict[str, Any]:
    """Return the corners of a block from the top left one against the clock, in points of the upright page, origin top left."""
    assert block.box is not None
    left, right = round(block.box.left * page.width, 2), round(block.box.right * page.width, 2)
    top, bottom = round(block.box.top * page.height, 2), round(block.box.bottom * page.height, 2)
    return {
        "points": [[left, top], [left, bottom], [right, bottom], [right, top]],
        "system": "PixelSpace",
        "layout_width": round(page.width, 2),
        "layout_height": round(page.height, 2),
    }


def _type_of(block: Block, text: str) -> str:
    """Return the type of the element of a block."""
    if block.kind == "paragraph":
        if _ADDRESS.fullmatch(text):
            return "EmailAddress"
        return "NarrativeText" if _SENTENCE.search(text) or len(text.split()) >= MIN_NARRATIVE_WORDS else "UncategorizedText"
    return TYPES[block.kind]


def _styled(runs: Sequence[Run], metadata: dict[str, Any]) -> str:
    """Return the text of runs, with ~~ around what is struck out, and add its links and emphasis to the metadata."""
    text = ""
    links: list[dict[str, Any]] = []
    contents: list[str] = []
    tags: list[str] = []
    for style, group in groupby(runs, key=lambda run: run.style._replace(code=False, note=None)):
        piece = "".join(run.text for run in group)
        if style.link and not style.link.startswith("#"):
            links.append({"text": piece, "url": style.link, "start_index": len(text)})
        for tag in [name for name, held in (("b", style.bold), ("i", style.italic)) if held and piece.strip()]:
            contents.append(piece.strip())
            tags.append(tag)
        text += f"~~{piece}~~" if style.struck else piece
    if links:
        metadata["links"] = links
        metadata["link_texts"] = [link["text"] for link in links]
        metadata["link_urls"] = [link["url"] for link in links]
        metadata["link_start_indexes"] = [link["start_index"] for link in links]
    if contents:
        metadata |= {"emphasized_text_contents": contents, "emphasized_text_tags": tags}
    return text


def _rows_of(piece: Piece) -> Iterator[TableRows]:
    """Yield the rows of a table; those that cells over several rows hold together, together."""
    assert piece.parts is not None
    text: list[str] = []
    html, held, head = "", 0, True
    for heading, cells in heading_rows(piece.parts):
        text += [shown for cell in cells if (shown := " ".join(_styled(clean_runs(cell.text, cell.spans), {}).split()))]
        html += f"<tr>{''.join(map(format_cell, cells))}</tr>"
        held, head = max([held, *(cell.row_span for cell in cells)]) - 1, head and heading
        if held <= 0:
            yield TableRows(" ".join(text), html, head)
            text, html, held = [], "", 0
    if html:
        yield TableRows(" ".join(text), html, head)
