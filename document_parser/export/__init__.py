"""Write documents as files in the output formats. A writer gets the document without its pages, and the pages one by one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import IO, Protocol

from document_parser.export.azure import write_azure
from document_parser.export.base import ExportFormat, Writer
from document_parser.export.bundle import write_bundle
from document_parser.export.chunks import write_chunks, write_places
from document_parser.export.csv import write_csv, write_tables
from document_parser.export.docling import write_docling
from document_parser.export.elements import write_elements
from document_parser.export.figures import Figures
from document_parser.export.html import write_html
from document_parser.export.json import write_json
from document_parser.export.markdown import write_markdown
from document_parser.export.mineru import write_mineru
from document_parser.export.mistral import write_ocr_pages
from document_parser.export.page_items import write_page_items
from document_parser.export.text import write_text
from document_parser.models import FORMAT_FILES, PLACES, Document, Options, OutputFormat, Page

__all__ = ["FORMATS", "ExportFormat", "writer_of"]

_WRITERS: dict[OutputFormat, Writer] = {
    "markdown": write_markdown,
    "json": write_json,
    "html": write_html,
    "csv": write_csv,
    "tables": write_tables,
    "text": write_text,
    "chunks": write_chunks,
    "zip": write_bundle,
}
"""The writer of every output format."""
FORMATS: dict[OutputFormat, ExportFormat] = {
    name: ExportFormat(name, *FORMAT_FILES[name], write) for name, write in _WRITERS.items()
}
"""Every output format by its name."""


class ShapeWriter(Protocol):
    """A writer of the document of another system; ``variant`` is what its own clients may choose about it."""

    def __call__(
        self,
        document: Document,
        pages: Iterable[Page],
        options: Options,
        out: IO[bytes],
        figures: Figures = ...,
        *,
        variant: str,
    ) -> None:
        """Write the document to ``out``."""


SHAPES: dict[str, ShapeWriter] = {
    "azure": write_azure,
    "docling": write_docling,
    "elements": write_elements,
    "mineru": write_mineru,
    "mistral": write_ocr_pages,
    "pageitems": write_page_items,
}
"""The writer of the document of each other system, by the first word of the export's name (``models.shape_export``)."""


def writer_of(name: str) -> Writer:
    """Return the writer of a format, of the places that the Markdown comes from, or of the document of another system."""
    if name == PLACES:
        return write_places
    for known, form in FORMATS.items():
        if name == known:
            return form.write
    shape, _, variant = name.partition("-")
    return partial(SHAPES[shape], variant=variant)
