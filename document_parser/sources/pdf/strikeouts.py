"""Find the words of a PDF page that annotations strike out. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, upright_map_of
from document_parser.sources.pdf.links import find_words_under
from document_parser.sources.pdf.objects import Box

MAX_ANNOTATIONS = 2000
"""Annotations of a page that are looked at."""
MAX_QUADS = 200
"""Lines of one annotation that are looked at."""
_UNSEEN_FLAGS = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


def mark_annotated_strikes(words: list[Word], page: Any) -> list[Word]:
    """Return the words, those under a visible StrikeOut annotation marked as struck out.

    Raises PageUnreadable if the page has no area.
    """
    boxes = list(_find_strikes(page))
    if not boxes or not words:
        return words
    places = np.array([word[1:5] for word in words])
    struck = {number for box in boxes for number in find_words_under(places, box)}
    return [word._replace(struck=True) if number in struck else word for number, word in enumerate(words)]


def _find_strikes(page: Any) -> Iterator[Box]:
    """Yield the boxes of struck-out lines in fractions of the upright page."""
    place = None
    for number in range(min(MAX_ANNOTATIONS, max(0, pdfium.FPDFPage_GetAnnotCount(page.raw)))):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            shown = not pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN_FLAGS
            if shown and pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_STRIKEOUT:
                place = place or upright_map_of(page)
                yield from map(place.map_rect, _rects_of(annotation))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _rects_of(annotation: Any) -> Iterator[Rect]:
    """Yield a rectangle for each line of an annotation, in points of the page's own space."""
    quad = pdfium.FS_QUADPOINTSF()
    for number in range(min(MAX_QUADS, max(0, pdfium.FPDFAnnot_CountAttachmentPoints(annotation)))):
        if pdfium.FPDFAnnot_GetAttachmentPoints(annotation, ctypes.c_size_t(number), quad):
            across, along = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            yield Rect(min(across), min(along), max(across), max(along))
