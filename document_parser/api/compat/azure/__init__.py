"""Azure Document Intelligence, API 2024-11-30: analyse a document by a prebuilt model, poll, fetch the result and its figures.

Source: the client packages ``azure-ai-documentintelligence`` 1.0 (Python) and ``@azure-rest/ai-document-intelligence``.
"""

from __future__ import annotations

from document_parser.api.compat.azure.routes import facade

__all__ = ["facade"]
