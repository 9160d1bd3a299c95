"""Encode page images at the size an engine wants, straighten them and measure their ink. Runs in the opener child."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.imaging.deskew import find_skew_degrees, straighten
from document_parser.imaging.ink import ink_facts
from document_parser.imaging.specks import remove_specks
from document_parser.models import InkFacts, PageImageSpec
from document_parser.models.skew import Skew

INK_MARGIN_GREY_LEVELS = 32
"""Grey levels, of 256, by which a pixel must differ from the paper to count as ink. The paper's own noise stays below it."""

TINT_TILE_PIXELS = 8
"""Side in pixels of the tiles whose mean colour is looked at."""
MAX_TINT_GREY_LEVELS = 3
"""Levels, of 256, by which the colours of a tile of a colourless image differ: those of JPEG's rounding, no paper's tint."""

_FULL_INK_LEVELS = 160.0
"""Grey levels from the paper at which ink has its full strength."""
_MIN_INK_STRENGTH = 0.12
"""Fainter ink, as a share of full strength, does not count for the writing direction."""
_REDUCED_LONG_SIDE_PIXELS = 832
"""Pixels of the long side of the largest reduced image on which the writing direction is measured."""
_TILE_PIXELS = 64
"""Side of a tile in pixels."""
_FILLED_SHARE = 0.8
"""A tile's row or column with a stronger mean is a ruled line or a bar."""
_SIDEWAYS_MARGIN_RATIO = 1.2
"""How many times more the ink must vary across the page than down it to make the page sideways."""
_MAX_SIDEWAYS_SCORE = 1000.0
"""The score is cut off here."""
_MIN_VARIATION = 1e-3
"""Added to both sides of a ratio, so that noise on empty tiles does not count."""


def compute_pixel_size(width: float, height: float, spec: PageImageSpec, dpi: float) -> tuple[int, int]:
    """Return the width and height in pixels of the image of a page of ``width`` x ``height`` points at ``dpi``.

    Small pages are enlarged to ``spec.min_short_side``. ``spec.max_long_side`` and ``spec.max_pixels`` have precedence over
    everything, whatever size a file declares. Both sides are multiples of ``spec.multiple_of``, so their ratio may change a
    little.
    """
    scale = dpi / 72
    if min(width, height) * scale < spec.min_short_side:
        scale = spec.min_short_side / min(width, height)
    scale = min(scale, spec.max_long_side / max(width, height))
    if spec.max_pixels:
        scale = min(scale, math.sqrt(spec.max_pixels / (width * height)))
    if spec.multiple_of <= 1:
        return max(1, round(width * scale)), max(1, round(height * scale))
    across, along = (_to_multiple(side * scale, spec, round) for side in (width, height))
    if spec.max_pixels and across * along > spec.max_pixels:
        across, along = (_to_multiple(side * scale, spec, math.floor) for side in (width, height))
    return across, along


def _to_multiple(side: float, spec: PageImageSpec, rounded: Callable[[float], int]) -> int:
    """Return the multiple of ``spec.multiple_of`` next to this side in pixels, none above ``spec.max_long_side``."""
    count = min(rounded(side / spec.multiple_of), spec.max_long_side // spec.multiple_of)
    return max(1, count) * spec.multiple_of


class RenderWindow(NamedTuple):
    """The part of a page that is rendered, in pixels.

    ``left`` and ``top`` are where the part begins on the page, from its top left; ``page_width`` and ``page_height`` are the
    size of the whole page.
    """

    width: int
    height: int
    left: int
    top: int
    page_width: int
    page_height: int


def compute_render_window(width: float, height: float, spec: PageImageSpec, dpi: float) -> RenderWindow:
    """Return what to render of an upright page of ``width`` x ``height`` points at ``dpi``: ``spec.region`` or all of it.

    The limits of ``spec`` hold for the rendered part.
    """
    region = spec.region
    if region is None:
        across, along = compute_pixel_size(width, height, spec, dpi)
        return RenderWindow(across, along, 0, 0, across, along)
    part = max(1.0, (region.right - region.left) * width), max(1.0, (region.bottom - region.top) * height)
    across, along = compute_pixel_size(*part, spec, dpi)
    scale = max(across / part[0], along / part[1])
    page_width, page_height = max(1, round(width * scale)), max(1, round(height * scale))
    return RenderWindow(
        across, along, round(region.left * page_width), round(region.top * page_height), page_width, page_height
    )


class RenderedPage(NamedTuple):
    """A rendered page image before it is sent; see PageImage for its fields.

    ``skew`` is what was removed by straightening.
    """

    width_pixels: int
    height_pixels: int
    data: bytes
    ink: float
    sideways_score: float
    ink_facts: InkFacts
    skew: Skew

    @classmethod
    def from_image(cls, image: Image.Image, spec: PageImageSpec) -> Self:
        """Return the image encoded as ``spec`` asks for, straightened and without specks if that is wanted and needed."""
        grey, paper = _to_grey(image)
        if spec.straighten and (clean := remove_specks(image, grey, paper)) is not image:
            image, (grey, paper) = clean, _to_grey(clean)
        ink, sideways_score, facts = _measure_grey_ink(grey, paper)
        skew = Skew(shape=image.width / image.height)
        if spec.straighten and ink and sideways_score <= 1 and (degrees := find_skew_degrees(grey, paper)):
            image, skew = straighten(image, degrees)
            ink, sideways_score, facts = measure_ink(image)
        return cls(*image.size, encode_image(image, spec), ink, sideways_score, facts, skew)


def encode_image(image: Image.Image, spec: PageImageSpec) -> bytes:
    """Return the image as a JPEG file or as rows of 8-bit RGB, as ``spec.encoding`` says.

    The JPEG is baseline with halved colour resolution: a third faster, and text keeps its luminance.
    """
    if spec.encoding == "rgb":
        return image.convert("RGB").tobytes()
    if image.mode not in {"L", "RGB", "RGBX"}:
        image = image.convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=spec.quality, subsampling=2)
    return buffer.getvalue()


def measure_ink(image: Image.Image) -> tuple[float, float, InkFacts]:
    """Return (ink share, sideways score, ink facts) of an image.

    The ink share counts pixels that differ clearly from the paper, darker on light paper, lighter on dark. The sideways score
    compares how strongly ink varies along the rows and along the columns of small tiles, as text lines make the variation
    across them strongest. It is above 1 only by a margin, and 0 if there is nothing to compare.
    """
    return _measure_grey_ink(*_to_grey(image))


def drop_absent_colour(image: Image.Image) -> Image.Image:
    """Return an RGB image without colours as greyscale, which takes a third of the time to scale; any other image as it is.

    Tiles of TINT_TILE_PIXELS are compared, so a coloured line of one pixel in light grey is still a colour.
    """
    if image.mode != "RGB":
        return image
    tiles = np.asarray(image.reduce(TINT_TILE_PIXELS), dtype=np.int16)
    return image if np.ptp(tiles, axis=2).max() > MAX_TINT_GREY_LEVELS else image.convert("L")


def _to_grey(image: Image.Image) -> tuple[Image.Image, int]:
    """Return the image as greyscale, and the grey level of its paper, 0 to 255."""
    grey = image.convert("L")
    return grey, _paper_level(np.asarray(grey.histogram(), dtype=np.int64))


def _measure_grey_ink(grey: Image.Image, paper: int) -> tuple[float, float, InkFacts]:
    """Return what ``measure_ink`` returns, for a greyscale image and the grey level of its paper."""
    levels = np.asarray(grey.histogram(), dtype=np.int64)
    blank = int(levels[max(0, paper - INK_MARGIN_GREY_LEVELS) : paper + INK_MARGIN_GREY_LEVELS + 1].sum())
    ink = 1 - blank / max(1, int(levels.sum()))
    if ink <= 0:
        return 0.0, 0.0, InkFacts()
    return round(ink, 6), round(_sideways_score(grey, paper), 3), ink_facts(grey, paper)


def _paper_level(levels: NDArray[np.int64]) -> int:
    """Return the grey level of the paper, 0 to 255, from the number of pixels of each level."""
    return int(np.convolve(levels, np.ones(9, dtype=np.int64), "same").argmax())


def _sideways_score(grey: Image.Image, paper: int) -> float:
    """Return the geometric mean over three sizes: small ones show the lines of large text, large ones those of small print."""
    largest = grey.reduce(max(1, round(max(grey.size) / _REDUCED_LONG_SIDE_PIXELS)))
    logs = [_log_variation_ratio(picture, paper) for picture in (largest, largest.reduce(2), largest.reduce(4))]
    if not any(logs):
        return 0.0
    return min(_MAX_SIDEWAYS_SCORE, math.exp(sum(logs) / 1.5) / _SIDEWAYS_MARGIN_RATIO)


def _log_variation_ratio(grey: Image.Image, paper: int) -> float:
    """Return the logarithm of the variation across the page over that down the page; 0 if there is neither."""
    strength = np.minimum(np.abs(np.arange(256, dtype=np.float32) - paper) / _FULL_INK_LEVELS, 1)
    strength[strength < _MIN_INK_STRENGTH] = 0
    down, across = _measure_variation(strength[np.asarray(grey)])
    # Two sums, one led by strong tiles and one by many tiles: a chart misleads the first, a thin table the second.
    strong = _variation_ratio(float(across.sum()), float(down.sum()))
    many = _variation_ratio(float(np.sqrt(across).sum()), float(np.sqrt(down).sum()))
    return math.log(strong) / 2 + math.log(many)


def _variation_ratio(above: float, below: float) -> float:
    """Return a ratio of two variations that is near 1 if both are small."""
    return (above + _MIN_VARIATION) / (below + _MIN_VARIATION)


def _measure_variation(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for every tile how much the ink varies from row to row, and from column to column."""
    height, width = ink.shape
    tile = min(_TILE_PIXELS, height, width)
    rows, columns = height // tile, width // tile
    tiles = ink[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile)
    by_row = tiles.mean(axis=3).transpose(0, 2, 1)
    by_column = tiles.mean(axis=1)
    return _profile_variance(by_row), _profile_variance(by_column)


def _profile_variance(profile: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of squared deviations of each profile; what is filled, a ruled line or a bar, does not count."""
    profile = np.where(profile > _FILLED_SHARE, np.float32(0), profile)
    result: NDArray[np.float32] = profile.var(axis=2) * profile.shape[2]
    return result
