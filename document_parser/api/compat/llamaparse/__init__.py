"""LlamaParse, version 2: parse, files, extract and classify, as the package ``llama-cloud`` asks for them."""

from __future__ import annotations

from document_parser.api.compat.llamaparse import classify, extract, files, parse  # their routes are added
from document_parser.api.compat.llamaparse.wire import facade

__all__ = ["classify", "extract", "facade", "files", "parse"]
