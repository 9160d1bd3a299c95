"""A number drawn into a page's top margin, so that a simulated model server knows which page it was sent.

The stamp is one row of black and white squares: four to find it, 32 bits of value, 16 bits of checksum. Its place is given in
fractions of the picture, so scaling and JPEG leave it readable, and a page turned by 90, 180 or 270 degrees is read too.
"""

from __future__ import annotations

import io
import zlib

from PIL import Image, ImageDraw

LEFT, TOP, RIGHT, BOTTOM = 0.1, 0.012, 0.9, 0.034
FINDER = (1, 0, 1, 1)
VALUE_BITS, CHECK_BITS = 32, 16
CELLS = len(FINDER) + VALUE_BITS + CHECK_BITS
SAMPLES = 4  # a cell is read as this many columns, of which the inner ones count
DARK, LIGHT = 100, 155
READ_SIDE = 320  # pixels; JPEG decoding may stop at this size


def draw_stamp(image: Image.Image, value: int) -> None:
    """Draw the number (0 to 2**32 - 1) into the top margin, over whatever is there."""
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = _place(image)
    pen.rectangle((left - 4, top - 4, right + 4, bottom + 4), fill="white")
    step = (right - left) / CELLS
    for index, bit in enumerate(_cells(value)):
        if bit:
            pen.rectangle((left + index * step, top, left + (index + 1) * step, bottom), fill="black")


def stamp_rectangles(value: int) -> list[tuple[float, float, float, float]]:
    """The black squares as (left, top, right, bottom) in fractions of the page, for drawing with something else than PIL."""
    step = (RIGHT - LEFT) / CELLS
    return [(LEFT + i * step, TOP, LEFT + (i + 1) * step, BOTTOM) for i, bit in enumerate(_cells(value)) if bit]


def read_stamp(jpeg: bytes) -> int | None:
    """The number of a picture, or None where there is no stamp. Raises OSError where the picture is broken."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.draft("L", (READ_SIDE, READ_SIDE))
        gray = picture.convert("L")
    for turn in (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270):
        value = _decode(gray if turn is None else gray.transpose(turn))
        if value is not None:
            return value
    return None


def _cells(value: int) -> list[int]:
    data = value.to_bytes(VALUE_BITS // 8, "big")
    number = (value << CHECK_BITS) | (zlib.crc32(data) & 0xFFFF)
    return [*FINDER, *(number >> shift & 1 for shift in reversed(range(VALUE_BITS + CHECK_BITS)))]


def _place(image: Image.Image) -> tuple[float, float, float, float]:
    return LEFT * image.width, TOP * image.height, RIGHT * image.width, BOTTOM * image.height


def _decode(gray: Image.Image) -> int | None:
    left, top, right, bottom = _place(gray)
    margin = (bottom - top) / 4
    row = gray.resize((CELLS * SAMPLES, 1), Image.Resampling.BOX, (left, top + margin, right, bottom - margin)).tobytes()
    means = [sum(row[i * SAMPLES + 1 : i * SAMPLES + 3]) / 2 for i in range(CELLS)]
    if any(DARK < mean < LIGHT for mean in means):
        return None
    bits = [1 if mean <= DARK else 0 for mean in means]
    value = int("".join(map(str, bits[len(FINDER) : len(FINDER) + VALUE_BITS])), 2)
    return value if bits == _cells(value) else None
