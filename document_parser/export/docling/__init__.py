"""Write a document as a DoclingDocument, the JSON of Docling and docling-core.

Source: ``docling_core.types.doc`` 2.104. What is written is what its schema 1.5 has, which every version since reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import IO

from document_parser.export.docling.items import Items
from document_parser.export.docling.values import as_json
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.flow import flow
from document_parser.models import Document, Options, Page

__all__ = ["EMBEDDED", "FACTS", "PLACEHOLDER", "write_docling"]

SCHEMA_VERSION = "1.5.0"
"""The version of DoclingDocument that is written."""
EMBEDDED = "embedded"
"""The variant with the images of figures."""
PLACEHOLDER = "placeholder"
"""The variant without them."""
FACTS = "facts"
"""The variant that is no document: it says which item each block has become, and how sure the pages are."""


def write_docling(
    document: Document,
    pages: Iterable[Page],
    options: Options,
    out: IO[bytes],
    figures: Figures = NO_FIGURES,
    *,
    variant: str,
) -> None:
    """Write one JSON object. Blocks are in the order of the Markdown, and joined over the ends of pages as there.

    In FACTS ``items`` is a list of ``[page, index, item]``: each block by its page and its index among the page's blocks, and
    the item that it has become, such as ``#/texts/0``. ``scores`` has the confidence of pages, ``warnings`` page, code and
    message of each that asks to look at a page.
    """
    with Items(options, figures, embeds=variant == EMBEDDED) as items:
        for piece in flow(items.note_pages(pages), options):
            items.add(piece)
        items.end()
        if variant == FACTS:
            found = [[page, index, item] for (page, index), item in items.references.items()]
            out.write(as_json({"items": found, "scores": items.scores, "warnings": items.warnings}))
            return
        head = {"schema_name": "DoclingDocument", "version": SCHEMA_VERSION, "name": PurePath(document.filename).stem}
        out.write(as_json(head)[:-1])
        items.write(out)
        out.write(b"}")
