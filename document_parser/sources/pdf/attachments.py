"""The files attached to a PDF: portfolios, and the data of electronic invoices."""

from __future__ import annotations

import io
from typing import IO

import pypdfium2 as pdfium

from document_parser.errors import PageUnreadable
from document_parser.models import Member
from document_parser.models.reading import MAX_NAME_CHARACTERS


def list_attachments(document: pdfium.PdfDocument) -> list[Member]:
    """Return the attached files in the order of the file. PDFium gives no sizes."""
    names = (document.get_attachment(index).get_name() for index in range(document.count_attachments()))
    return [Member(name=name[:MAX_NAME_CHARACTERS] or "unnamed") for name in names]


def open_attachment(document: pdfium.PdfDocument, index: int) -> IO[bytes]:
    """Return the contents of an attached file. Raises PageUnreadable."""
    try:
        return io.BytesIO(bytes(document.get_attachment(index).get_data()))
    except (pdfium.PdfiumError, IndexError) as error:
        raise PageUnreadable("The attached file cannot be taken out of the PDF.") from error
