"""Mark places on a page image for people."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image, ImageDraw

from document_parser.imaging.convert import decode_page_image
from document_parser.models import PageImage

FILL = (255, 214, 0, 70)
"""Red, green, blue and opacity, 0 to 255, of a marked place."""
OUTLINE = (200, 60, 0, 255)
"""Those of the line around it."""
LINE_SHARE = 0.0025
"""Width of the line around a place, as a share of the page's longer side."""
MARGIN_SHARE = 0.004
"""White between what is marked and the line around it, as a share of the page's longer side."""


def mark_boxes(page: PageImage, boxes: Iterable[tuple[float, float, float, float]]) -> bytes:
    """Return a page image with marks around these boxes as a PNG. Boxes are left, top, right, bottom in fractions of the page.

    Raises EngineRefused if the data is not in the encoding it declares.
    """
    picture = decode_page_image(page)
    width, height = picture.size
    margin, line = max(width, height) * MARGIN_SHARE, max(1, round(max(width, height) * LINE_SHARE))
    marks = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(marks)
    for left, top, right, bottom in boxes:
        corners = (
            max(0.0, left * width - margin),
            max(0.0, top * height - margin),
            min(width - 1.0, right * width + margin),
            min(height - 1.0, bottom * height + margin),
        )
        pen.rectangle(corners, fill=FILL, outline=OUTLINE, width=line)
    out = io.BytesIO()
    Image.alpha_composite(picture.convert("RGBA"), marks).convert("RGB").save(out, "PNG")
    return out.getvalue()
