"""Decide at which resolution the scan of a PDF page is drawn. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

import pypdfium2.raw as pdfium

from document_parser.sources.pdf.objects import PageObject

MIN_SCAN_AREA_SHARE = 0.8
"""Share of the page under one image from which that is a scan of the page."""
A4_LONG_SIDE_POINTS = 842.0
"""Long side of A4 in points: the size of a page for which engines name their resolution."""


def scan_dpi_of(objects: Iterable[PageObject], width: float, height: float, dpi: float) -> float:
    """Return the resolution for the image of a page of ``width`` x ``height`` points of which an engine wants ``dpi``.

    The size in points says little about a scan: programs put a whole sheet on a page as small as a stamp. So the scan of a page
    smaller than A4 is drawn as large as A4 would be, as far as it has the pixels.
    """
    wanted = dpi * A4_LONG_SIDE_POINTS / max(width, height)
    if wanted <= dpi:
        return dpi
    pixels = max((_long_side_pixels(one) for one in objects if _is_scan(one)), default=0)
    return max(dpi, min(wanted, 72 * pixels / max(width, height)))


def _is_scan(one: PageObject) -> bool:
    """Return whether an object is an image over most of the page."""
    if one.kind != pdfium.FPDF_PAGEOBJ_IMAGE or one.box is None:
        return False
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in one.box)
    return (right - left) * (bottom - top) >= MIN_SCAN_AREA_SHARE


def _long_side_pixels(one: PageObject) -> int:
    """Return the pixels of the longer side of an image."""
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not pdfium.FPDFImageObj_GetImagePixelSize(one.found, width, height):
        return 0
    return max(width.value, height.value)
