"""Rebuild a PDF that PDFium refuses, with qpdf (pikepdf). Runs in the opener child."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf

from document_parser.pipeline.pdf_damage import open_pdf

_FAULTS = (pikepdf.PdfError, ValueError, RuntimeError, OSError)


def rebuild(path: Path, password: str | None) -> bytes | None:
    """Return the PDF as qpdf reads it, with a new cross-reference table and without encryption.

    qpdf finds the objects of a file whose table is broken or cut off by looking through all of it. None if it finds no page.
    Streams are copied as they are.
    """
    pdf = open_pdf(path, password)
    if pdf is None:
        return None
    rebuilt = io.BytesIO()
    try:
        if not len(pdf.pages):
            return None
        pdf.save(
            rebuilt,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            fix_metadata_version=False,
        )
    except _FAULTS:
        return None
    return rebuilt.getvalue()
