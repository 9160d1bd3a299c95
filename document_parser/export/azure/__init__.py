"""Write the document in the form of Azure Document Intelligence: one content string, and all else as ranges of it."""

from __future__ import annotations

from document_parser.export.azure.result import write_azure

__all__ = ["write_azure"]
