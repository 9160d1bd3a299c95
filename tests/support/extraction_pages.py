"""Pages for tests of extraction: words with places, without any file."""

from __future__ import annotations

from document_parser.extraction.engine import extract
from document_parser.extraction.schema import compile_schema
from document_parser.extraction.view import view_page
from document_parser.models import Block, Cell, Page, PageWords, Table
from document_parser.models.extraction import Extraction

TEXT, NUMBER, DATE = {"type": "string"}, {"type": "number"}, {"type": "string", "format": "date"}
"""Schemas of single values."""


def page_of(*lines: tuple[float, float, str], number: int = 1, engine: str = "text_layer") -> Page:
    """Return a page of lines: x and y of their upper left corner in points, and the text, 5 points a letter."""
    words = [(text, x / 600, y / 800, (x + 5 * len(text)) / 600, (y + 10) / 800, None) for x, y, text in lines]
    return Page(number=number, width=600, height=800, engine=engine, words=PageWords.pack(words))


def table_page(heads: tuple[str, ...], rows: list[tuple[str, ...]], number: int = 1) -> Page:
    """Return a page with one table, heads first if there are any, as words and as a block."""
    shown = [heads, *rows] if heads else rows
    lines = [(40 + 130 * at, 40 + 20 * down, text) for down, row in enumerate(shown) for at, text in enumerate(row)]
    cells = [
        Cell(row=down, column=at, text=text, header=bool(heads) and down == 0)
        for down, row in enumerate(shown)
        for at, text in enumerate(row)
    ]
    block = Block(kind="table", table=Table(rows=len(shown), columns=len(shown[0]), cells=cells))
    return page_of(*lines, number=number).model_copy(update={"blocks": [block]})


def answer(page: Page | list[Page], **properties: dict[str, object]) -> Extraction:
    """Return the values of these properties on pages, without a model."""
    pages = page if isinstance(page, list) else [page]
    root = compile_schema({"type": "object", "properties": properties})
    return extract(root, [view_page(one) for one in pages])
