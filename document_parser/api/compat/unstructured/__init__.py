"""unstructured-api: ``POST /general/v0/general`` with documents in a form, answered with their elements."""

from __future__ import annotations

from document_parser.api.compat.unstructured.routes import facade

__all__ = ["facade"]
