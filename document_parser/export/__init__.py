"""From pages to files. A writer gets the document without its pages, and the pages one by one, and writes as it goes."""

from __future__ import annotations

from document_parser.export.base import ExportFormat
from document_parser.export.bundle import write_bundle
from document_parser.export.csv import write_csv
from document_parser.export.html import write_html
from document_parser.export.json import write_json
from document_parser.export.markdown import write_markdown
from document_parser.export.text import write_text
from document_parser.models import OutputFormat

__all__ = ["FORMATS", "ExportFormat"]

FORMATS: dict[OutputFormat, ExportFormat] = {
    "markdown": ExportFormat("markdown", "text/markdown", "md", write_markdown),
    "json": ExportFormat("json", "application/json", "json", write_json),
    "html": ExportFormat("html", "text/html", "html", write_html),
    "csv": ExportFormat("csv", "application/json", "tables.json", write_csv),
    "text": ExportFormat("text", "text/plain", "txt", write_text),
    "zip": ExportFormat("zip", "application/zip", "zip", write_bundle),
}
