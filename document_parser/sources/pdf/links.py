"""Links of a PDF page: where they stand, where they lead, and which words they are on. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map
from document_parser.sources.pdf.objects import Box
from document_parser.text.spans import LONGEST_LINK, PAGE_LINK, safe_link

MOST_LINKS = 2000
MOST_QUADS = 50
"""Lines that one link may reach over."""
COVERED = 0.5
"""Share of a word's width that lies under its link, at least."""


def with_links(words: list[Word], document: Any, page: Any) -> list[Word]:
    """The words, those under a link with its address; ``document`` and ``page`` are raw PDFium handles' owners."""
    links = list(_links(document, page))
    if not links or not words:
        return words
    places = np.array([word[1:5] for word in words])
    addresses: dict[int, str] = {}
    for box, address in links:
        for number in _under(places, box):
            addresses.setdefault(number, address)
    return [word._replace(link=addresses[number]) if number in addresses else word for number, word in enumerate(words)]


def _under(places: Any, box: Box) -> Sequence[int]:
    """The numbers of the words whose middle a box holds, and most of whose width."""
    left, top, right, bottom = box
    middle = (places[:, 1] + places[:, 3]) / 2
    covered = np.minimum(places[:, 2], right) - np.maximum(places[:, 0], left)
    widths = places[:, 2] - places[:, 0]
    found = np.flatnonzero((middle > top) & (middle < bottom) & (covered > 0) & (covered >= COVERED * widths))
    return [int(number) for number in found]


def _links(document: Any, page: Any) -> Iterator[tuple[Box, str]]:
    place, position, link = None, ctypes.c_int(0), pdfium.FPDF_LINK()
    for _ in range(MOST_LINKS):
        if not pdfium.FPDFLink_Enumerate(page.raw, position, link):
            return
        address = _address(document, link)
        if address is not None:
            place = place or upright_map(page)
            for box in _boxes(link, place):
                yield box, address


def _address(document: Any, link: Any) -> str | None:
    """Where a link leads, if that is an address on the web, a mail box or a page of the document."""
    action = pdfium.FPDFLink_GetAction(link)
    kind = pdfium.FPDFAction_GetType(action) if action else pdfium.PDFACTION_GOTO
    if kind == pdfium.PDFACTION_URI:
        return _web_address(document, action)
    # PDFium gives the place in another file as if it were in this one.
    target = pdfium.FPDFLink_GetDest(document.raw, link) if kind == pdfium.PDFACTION_GOTO else None
    number = pdfium.FPDFDest_GetDestPageIndex(document.raw, target) if target else -1
    return f"{PAGE_LINK}{number + 1}" if 0 <= number < len(document) else None


def _web_address(document: Any, action: Any) -> str | None:
    length = pdfium.FPDFAction_GetURIPath(document.raw, action, None, 0)
    if not 1 < length <= LONGEST_LINK:
        return None
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(document.raw, action, buffer, length)
    return safe_link(buffer.value.decode("utf-8", "replace"))


def _boxes(link: Any, place: UprightMap) -> Iterator[Box]:
    """A box for each line of a link's text, or the one of its annotation."""
    quads = min(MOST_QUADS, max(0, pdfium.FPDFLink_CountQuadPoints(link)))
    for number in range(quads):
        quad = pdfium.FS_QUADPOINTSF()
        if pdfium.FPDFLink_GetQuadPoints(link, number, quad):
            across, along = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            yield place.box(Rect(min(across), min(along), max(across), max(along)))
    rect = pdfium.FS_RECTF()
    if not quads and pdfium.FPDFLink_GetAnnotRect(link, rect):
        yield place.box(Rect(rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top)))
