"""Find the embedded images of a PDF page that PDFium cannot decode: it leaves them out. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Container, Iterable
from typing import Any

import pypdfium2.raw as pdfium

from document_parser.models import Damage
from document_parser.pipeline.pdf_objects import Placed

MAX_IMAGES = 50
"""Embedded images of a page that are decoded for this."""

_NAME_BYTES = 32


def undecoded_images(objects: Iterable[Placed], filters: Container[str]) -> list[Damage]:
    """Decode the images whose last filter is one of these, and return those of which nothing comes."""
    images = [one.found for one in objects if one.kind == pdfium.FPDF_PAGEOBJ_IMAGE]
    named = [(image, _last_filter(image)) for image in images[:MAX_IMAGES]]
    undecoded = [name for image, name in named if name in filters and not _decodes(image)]
    return [Damage(part="picture", fault="undecodable", encoding=name.removesuffix("Decode")) for name in undecoded]


def _last_filter(image: Any) -> str:
    count = pdfium.FPDFImageObj_GetImageFilterCount(image)
    if count < 1:
        return ""
    name = ctypes.create_string_buffer(_NAME_BYTES)
    pdfium.FPDFImageObj_GetImageFilter(image, count - 1, name, _NAME_BYTES)
    return name.value.decode("latin-1")


def _decodes(image: Any) -> bool:
    bitmap = pdfium.FPDFImageObj_GetBitmap(image)
    if not bitmap:
        return False
    pdfium.FPDFBitmap_Destroy(bitmap)
    return True
