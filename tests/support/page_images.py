"""Pictures of pages as engines receive them."""

from __future__ import annotations

import io

from PIL import Image

from document_parser.models import PageImage
from tests.support.stamp import draw_stamp

STAMP = 4711


def stamped_image(stamp: int = STAMP) -> PageImage:
    """A white page with a stamp, by which the simulated model server knows it."""
    image = Image.new("RGB", (620, 877), "white")
    draw_stamp(image, stamp)
    file = io.BytesIO()
    image.save(file, "JPEG")
    return PageImage(1, *image.size, "jpeg", file.getvalue(), ink=0.05)
