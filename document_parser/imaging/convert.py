"""Convert page images to the forms that the CPU engines take."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.errors import EngineRefused
from document_parser.models import PageImage


def decode_page_image(page: PageImage) -> Image.Image:
    """Return the decoded image of a page. Raises EngineRefused if the data is not in the encoding it declares."""
    try:
        if page.encoding == "rgb":
            return Image.frombytes("RGB", (page.width_pixels, page.height_pixels), page.data)
        with Image.open(io.BytesIO(page.data), formats=["JPEG"]) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        raise EngineRefused("The image of the page cannot be decoded.") from None


def to_bgr(picture: Image.Image) -> NDArray[np.uint8]:
    """Return the image as OpenCV expects it: rows of 8-bit pixels with the channels blue, green, red."""
    return np.ascontiguousarray(np.asarray(picture, dtype=np.uint8)[:, :, ::-1])
