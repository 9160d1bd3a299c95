"""Write documents as files in the output formats. A writer gets the document without its pages, and the pages one by one."""

from __future__ import annotations

from typing import Literal

from document_parser.export.base import ExportFormat, Writer
from document_parser.export.bundle import write_bundle
from document_parser.export.chunks import write_chunks, write_places
from document_parser.export.csv import write_csv, write_tables
from document_parser.export.html import write_html
from document_parser.export.json import write_json
from document_parser.export.markdown import write_markdown
from document_parser.export.text import write_text
from document_parser.models import FORMAT_FILES, OutputFormat

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


def writer_of(name: OutputFormat | Literal["places"]) -> Writer:
    """Return the writer of a format, or of the places that the Markdown comes from."""
    return write_places if name == "places" else FORMATS[name].write
