"""What all page pictures have in common: size, encoding, and what a glance at them tells. Runs in the opener child."""

from __future__ import annotations

import io
import math
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.imaging.deskew import skew_of_picture, straightened
from document_parser.imaging.ink import ink_facts
from document_parser.models import InkFacts, PictureSpec
from document_parser.models.skew import Skew

INK_MARGIN = 32
"""Grey levels, of 256, by which a pixel must differ from the paper to count as ink. Paper's own noise stays below it."""

_FULL_INK = 160.0
_FAINTEST = 0.12
_GLANCE_LONG_SIDE = 832
_TILE = 64
_FULL = 0.8
_SIDEWAYS_MARGIN = 1.2
_MOST_SIDEWAYS = 1000.0
_LEAST_VARIATION = 1e-3


def picture_size(width: float, height: float, spec: PictureSpec, dpi: float) -> tuple[int, int]:
    """Pixels of a picture of a page of ``width`` x ``height`` points at ``dpi``, within the limits of ``spec``.

    Small pages grow to ``min_short_side``; ``max_long_side`` has the last word, whatever a file says of its size.
    """
    scale = dpi / 72
    if min(width, height) * scale < spec.min_short_side:
        scale = spec.min_short_side / min(width, height)
    scale = min(scale, spec.max_long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class Frame(NamedTuple):
    """The part of a page that is drawn: its size, where it begins on the page, and the page's size, all in pixels."""

    width: int
    height: int
    left: int
    top: int
    page_width: int
    page_height: int


def framed(width: float, height: float, spec: PictureSpec, dpi: float) -> Frame:
    """What to draw of a page of ``width`` x ``height`` points, upright, at ``dpi``, within the limits of ``spec``."""
    region = spec.region
    if region is None:
        across, along = picture_size(width, height, spec, dpi)
        return Frame(across, along, 0, 0, across, along)
    part = max(1.0, (region.right - region.left) * width), max(1.0, (region.bottom - region.top) * height)
    across, along = picture_size(*part, spec, dpi)
    scale = max(across / part[0], along / part[1])
    page_width, page_height = max(1, round(width * scale)), max(1, round(height * scale))
    return Frame(across, along, round(region.left * page_width), round(region.top * page_height), page_width, page_height)


class Picture(NamedTuple):
    """A rendered page, before it is sent: see PageImage."""

    width_pixels: int
    height_pixels: int
    data: bytes
    ink: float
    sideways: float
    marks: InkFacts
    skew: Skew

    @classmethod
    def of(cls, image: Image.Image, spec: PictureSpec) -> Self:
        """The picture as it is to be sent: straightened, where that is wanted and it lies askew."""
        ink, sideways, marks = glance(image)
        skew = Skew(shape=image.width / image.height)
        if spec.straighten and ink and sideways <= 1 and (degrees := _degrees_askew(image)):
            image, skew = straightened(image, degrees)
            ink, sideways, marks = glance(image)
        return cls(*image.size, encoded(image, spec), ink, sideways, marks, skew)


def encoded(image: Image.Image, spec: PictureSpec) -> bytes:
    """A baseline JPEG with halved colour resolution (a third faster, and text keeps its luminance), or rows of RGB."""
    if spec.encoding == "rgb":
        return image.convert("RGB").tobytes()
    if image.mode not in {"RGB", "RGBX"}:
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=spec.quality, subsampling=2)
    return buffer.getvalue()


def glance(image: Image.Image) -> tuple[float, float, InkFacts]:
    """(ink, sideways, what the ink shows) of a picture.

    Ink is the share of pixels that differ clearly from the paper, darker on light paper, lighter on dark. Sideways compares
    how strongly ink varies along the rows and along the columns of small tiles: lines of writing make the one across them
    vary most. It is above 1 only with a margin, and 0 where there is nothing to compare.
    """
    grey = image.convert("L")
    levels = np.asarray(grey.histogram(), dtype=np.int64)
    paper = _paper(levels)
    blank = int(levels[max(0, paper - INK_MARGIN) : paper + INK_MARGIN + 1].sum())
    ink = 1 - blank / max(1, int(levels.sum()))
    if ink <= 0:
        return 0.0, 0.0, InkFacts()
    return round(ink, 6), round(_sideways(grey, paper), 3), ink_facts(grey, paper)


def _degrees_askew(image: Image.Image) -> float:
    grey = image.convert("L")
    return skew_of_picture(grey, _paper(np.asarray(grey.histogram(), dtype=np.int64)))


def _paper(levels: NDArray[np.int64]) -> int:
    """The grey level, 0 to 255, of the paper, by how many pixels have each level."""
    return int(np.convolve(levels, np.ones(9, dtype=np.int64), "same").argmax())


def _sideways(grey: Image.Image, paper: int) -> float:
    """The geometric mean over three sizes: small ones show the lines of large writing, large ones those of small print."""
    largest = grey.reduce(max(1, round(max(grey.size) / _GLANCE_LONG_SIDE)))
    logs = [_leaning(picture, paper) for picture in (largest, largest.reduce(2), largest.reduce(4))]
    if not any(logs):
        return 0.0
    return min(_MOST_SIDEWAYS, math.exp(sum(logs) / 1.5) / _SIDEWAYS_MARGIN)


def _leaning(grey: Image.Image, paper: int) -> float:
    """Logarithm of the variation across the page over that down the page; 0 where there is none of either."""
    strength = np.minimum(np.abs(np.arange(256, dtype=np.float32) - paper) / _FULL_INK, 1)
    strength[strength < _FAINTEST] = 0
    down, across = _variation(strength[np.asarray(grey)])
    # Two ways to sum, one led by strong tiles and one by many: a chart fools the first, a thin table the second.
    strong = _ratio(float(across.sum()), float(down.sum()))
    many = _ratio(float(np.sqrt(across).sum()), float(np.sqrt(down).sum()))
    return math.log(strong) / 2 + math.log(many)


def _ratio(above: float, below: float) -> float:
    return (above + _LEAST_VARIATION) / (below + _LEAST_VARIATION)


def _variation(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For every tile: how much the ink varies from row to row, and from column to column."""
    height, width = ink.shape
    tile = min(_TILE, height, width)
    rows, columns = height // tile, width // tile
    tiles = ink[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    by_row = tiles.mean(axis=3).transpose(0, 2, 1)
    by_column = tiles.mean(axis=1)
    return _spread(by_row), _spread(by_column)


def _spread(profile: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is filled from end to end, a ruled line or a bar, does not count."""
    profile = np.where(profile > _FULL, np.float32(0), profile)
    result: NDArray[np.float32] = profile.var(axis=2) * profile.shape[2]
    return result
