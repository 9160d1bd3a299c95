"""From the pages of a document to a file in one of the formats, page by page, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from document_parser.export import FORMATS
from document_parser.models import Document, Options, OutputFormat, Page


def write_document(head: Document, pages: Iterable[Page], options: Options, name: OutputFormat, out: BinaryIO) -> None:
    """Write the document to ``out``. ``head`` carries no pages; they come one by one, ascending."""
    FORMATS[name].write(head, pages, options, out)
