"""Find the links of a PDF page: their places, their targets, and the words that they cover. Runs in the opener child."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap, upright_map_of
from document_parser.sources.pdf.objects import Box
from document_parser.text.spans import MAX_LINK_CHARACTERS, PAGE_LINK, safe_link_of

MAX_LINKS = 2000
"""Links of a page that are looked at."""
MAX_QUADS = 50
"""Lines that one link may extend over."""
MIN_WORD_COVERED_SHARE = 0.5
"""Share of a word's width that must lie under its link."""


def add_links(words: list[Word], document: Any, page: Any) -> list[Word]:
    """Return the words, those under a link with its address.

    ``document`` and ``page`` are pypdfium2's objects, which own the raw handles. Raises PageUnreadable if the page has no area.
    """
    links = list(_find_links(document, page))
    if not links or not words:
        return words
    places = np.array([word[1:5] for word in words])
    addresses: dict[int, str] = {}
    for box, address in links:
        for number in find_words_under(places, box):
            addresses.setdefault(number, address)
    return [word._replace(link=addresses[number]) if number in addresses else word for number, word in enumerate(words)]


def find_words_under(places: Any, box: Box) -> Sequence[int]:
    """Return the numbers of the words whose middle line a box holds, and most of whose width."""
    left, top, right, bottom = box
    middle = (places[:, 1] + places[:, 3]) / 2
    covered = np.minimum(places[:, 2], right) - np.maximum(places[:, 0], left)
    widths = places[:, 2] - places[:, 0]
    found = np.flatnonzero((middle > top) & (middle < bottom) & (covered > 0) & (covered >= MIN_WORD_COVERED_SHARE * widths))
    return [int(number) for number in found]


def _find_links(document: Any, page: Any) -> Iterator[tuple[Box, str]]:
    """Yield box, in fractions of the upright page, and address of each link."""
    place, position, link = None, ctypes.c_int(0), pdfium.FPDF_LINK()
    for _ in range(MAX_LINKS):
        if not pdfium.FPDFLink_Enumerate(page.raw, position, link):
            return
        address = _target_of(document, link)
        if address is not None:
            place = place or upright_map_of(page)
            for box in _boxes_of(link, place):
                yield box, address


def _target_of(document: Any, link: Any) -> str | None:
    """Return a link's target if it is an address on the web, a mail address or a page of the document; else None."""
    action = pdfium.FPDFLink_GetAction(link)
    kind = pdfium.FPDFAction_GetType(action) if action else pdfium.PDFACTION_GOTO
    if kind == pdfium.PDFACTION_URI:
        return _web_address(document, action)
    # PDFium returns a place in another file as if it were in this one.
    target = pdfium.FPDFLink_GetDest(document.raw, link) if kind == pdfium.PDFACTION_GOTO else None
    number = pdfium.FPDFDest_GetDestPageIndex(document.raw, target) if target else -1
    return f"{PAGE_LINK}{number + 1}" if 0 <= number < len(document) else None


def _web_address(document: Any, action: Any) -> str | None:
    """Return the address of a link to the web; None if it is too long or not safe."""
    length = pdfium.FPDFAction_GetURIPath(document.raw, action, None, 0)
    if not 1 < length <= MAX_LINK_CHARACTERS:
        return None
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(document.raw, action, buffer, length)
    return safe_link_of(buffer.value.decode("utf-8", "replace"))


def _boxes_of(link: Any, place: UprightMap) -> Iterator[Box]:
    """Yield a box for each line of a link's text, or the box of its annotation."""
    quads = min(MAX_QUADS, max(0, pdfium.FPDFLink_CountQuadPoints(link)))
    for number in range(quads):
        quad = pdfium.FS_QUADPOINTSF()
        if pdfium.FPDFLink_GetQuadPoints(link, number, quad):
            across, along = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
            yield place.map_rect(Rect(min(across), min(along), max(across), max(along)))
    rect = pdfium.FS_RECTF()
    if not quads and pdfium.FPDFLink_GetAnnotRect(link, rect):
        yield place.map_rect(Rect(rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top)))
