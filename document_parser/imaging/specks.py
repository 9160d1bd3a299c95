"""Remove the specks that a copier sprinkles over a page: read with the letters, they become accents, dots and commas.

Dark pixels that touch at most one other are taken for specks on a page that has many. That also takes the last pixel of
some strokes, and specks that touch a letter, which whole spots of ink would not show.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

MIN_SPECK_GREY_LEVELS = 40
"""Grey levels, of 256, by which a speck is darker than the paper."""
MAX_TOUCHING_PIXELS = 1
"""Dark neighbours, of eight, of a pixel that is taken for a speck."""
MIN_SINGLE_SHARE = 0.0003
"""Share of the page in dark pixels without dark neighbours from which it is a specked page.

Photocopies have 0.0017 and more, prints of needle and thermal printers up to 0.0002.
"""
MIN_LONE_SHARE = 0.00005
"""Share of the page in single dark pixels that lie alone, at least: those of small print lie beside its letters.

Photocopies have 0.00027 and more, pictures of a table in letters of eight pixels none.
"""
LONE_REACH_PIXELS = 3
"""How far a pixel that lies alone is from other ink, at least."""
MIN_SPECK_SHARE_OF_INK = 0.03
"""Share of all dark pixels that are specks; shaded paper, whose grain is dark, and old paper have up to 0.02."""


def remove_specks(image: Image.Image, grey: Image.Image, paper: int) -> Image.Image:
    """Return the image without its specks; the image itself if it has few.

    ``grey`` is the image in grey, ``paper`` the grey level of its paper, 0 to 255.
    """
    ink = (np.asarray(grey) < paper - MIN_SPECK_GREY_LEVELS).view(np.uint8)
    touching = _count_touching(ink)
    single, specks = (int(np.count_nonzero(ink & (touching <= most))) for most in (0, MAX_TOUCHING_PIXELS))
    if single < MIN_SINGLE_SHARE * ink.size or specks < MIN_SPECK_SHARE_OF_INK * np.count_nonzero(ink):
        return image
    if _count_lone(ink, touching) < MIN_LONE_SHARE * ink.size:
        return image
    mask = Image.fromarray((ink & (touching <= MAX_TOUCHING_PIXELS)) * np.uint8(255))
    return Image.composite(image.filter(ImageFilter.MedianFilter(3)), image, mask)


def _count_lone(ink: NDArray[np.uint8], touching: NDArray[np.uint8]) -> int:
    """Return the number of dark pixels that have no other within LONE_REACH_PIXELS."""
    rows, columns = np.nonzero(ink & (touching == 0))
    framed = np.pad(ink, LONE_REACH_PIXELS)
    reach = range(2 * LONE_REACH_PIXELS + 1)
    near = sum(
        (framed[rows + down, columns + across].astype(np.int64) for down in reach for across in reach), start=np.int64(0)
    )
    return int(np.count_nonzero(near == 1))


def _count_touching(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for every pixel how many of its eight neighbours are ink; what it returns for other pixels means nothing."""
    framed = np.pad(ink, 1)
    across = framed[:, :-2] + framed[:, 1:-1] + framed[:, 2:]
    counts: NDArray[np.uint8] = across[:-2] + across[1:-1] + across[2:] - ink
    return counts
