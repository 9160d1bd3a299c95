"""docling-serve v1: convert and chunk documents, as tasks or at once, answered with DoclingDocuments.

Source: docling-serve 1.31, and ``docling.datamodel.service`` and ``docling.service_client`` of docling-client 2.143.
"""

from document_parser.api.compat.docling import chunk, convert, service, tasks
from document_parser.api.compat.docling.wire import facade

__all__ = ["chunk", "convert", "facade", "service", "tasks"]
