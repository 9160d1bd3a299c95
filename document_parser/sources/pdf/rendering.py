"""Render a part of a PDF page with and without some of its objects, to see what they change. Runs in the opener child."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.models import BoundingBox
from document_parser.sources.pdf.objects import Box

MIN_CHANGE_LEVELS = 12
"""A pixel that changes by more than this, of 255, changes visibly."""
RENDER_DPI = 100.0
"""Resolution of a rendering."""
MAX_LONG_SIDE_PIXELS = 2000
"""Pixels of the longer side of the rendered part."""

Pixels = NDArray[np.int16]
"""Rows of pixels with three channels."""


class Region(NamedTuple):
    """A part of a page in pixels, and the size of the whole page in pixels."""

    left: int
    top: int
    width: int
    height: int
    page_width: int
    page_height: int

    @classmethod
    def around(cls, page: Any, part: BoundingBox, dpi: float = RENDER_DPI) -> Region:
        """Return the region around a part of the page given in fractions."""
        across, down = pdfium.FPDF_GetPageWidthF(page.raw), pdfium.FPDF_GetPageHeightF(page.raw)
        longest = max((part.right - part.left) * across, (part.bottom - part.top) * down, 1.0)
        scale = min(dpi / 72, MAX_LONG_SIDE_PIXELS / longest)
        wide, high = max(1, round(across * scale)), max(1, round(down * scale))
        left, top = int(part.left * wide), int(part.top * high)
        return cls(left, top, int(part.right * wide) + 1 - left, int(part.bottom * high) + 1 - top, wide, high)

    def render(self, page: Any) -> Pixels:
        """Return the rendered part as rows of pixels with three channels."""
        bitmap = pypdfium2.PdfBitmap.new_native(self.width, self.height, pdfium.FPDFBitmap_BGRx)
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, self.width, self.height)
        place = (-self.left, -self.top, self.page_width, self.page_height, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDF_RenderPageBitmap(bitmap.raw, page.raw, *place)
        return np.asarray(bitmap.to_numpy()[..., :3], dtype=np.int16)

    def slices_of(self, box: Box) -> tuple[slice, slice]:
        """Return the rows and columns of a box in fractions of the page; what lies above or left of the region is cut."""
        left, right = int(box[0] * self.page_width), int(box[2] * self.page_width) + 1
        top, bottom = int(box[1] * self.page_height), int(box[3] * self.page_height) + 1
        return (
            slice(max(0, top - self.top), max(0, bottom - self.top)),
            slice(max(0, left - self.left), max(0, right - self.left)),
        )


@contextmanager
def objects_removed(handles: Sequence[Any]) -> Iterator[None]:
    """Deactivate these objects of a page inside the block."""
    for handle in handles:
        pdfium.FPDFPageObj_SetIsActive(handle, False)
    try:
        yield
    finally:
        for handle in handles:
            pdfium.FPDFPageObj_SetIsActive(handle, True)
