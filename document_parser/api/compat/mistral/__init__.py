"""Mistral's OCR and the files that it reads: ``/v1/ocr`` and ``/v1/files``. Source: the package mistralai 3.7."""

from document_parser.api.compat.mistral import files, ocr
from document_parser.api.compat.mistral.wire import facade

__all__ = ["facade", "files", "ocr"]
