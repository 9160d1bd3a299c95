"""The JPEG strips of a TIFF become one JPEG with the same coded data."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from document_parser.sources.jpeg_strips import join_strips
from document_parser.sources.page_pictures import keep_as_stored

WIDTH, HEIGHT = 203, 150


def picture(mode):
    values = np.random.default_rng(7).integers(0, 256, (HEIGHT // 5, WIDTH // 7, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((WIDTH, HEIGHT)).convert(mode)


def kept(mode, rows):
    """A TIFF in strips of so many rows, as it is decoded, and what is kept of it for a PDF."""
    out = io.BytesIO()
    picture(mode).save(out, "TIFF", compression="jpeg", tiffinfo={278: rows})
    data = out.getvalue()
    with Image.open(io.BytesIO(data)) as image:
        assert len(image.tag_v2[273]) == -(-HEIGHT // rows)
        found = keep_as_stored(image, lambda start, length: data[start : start + length], len(data), 1)
        return np.asarray(image), len(data), found


def encoded(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(("mode", "rows"), [("L", 8), ("L", 48), ("RGB", 16)])
def test_all_strips_are_one_picture_of_the_same_pixels(mode, rows):
    pixels, size, found = kept(mode, rows)
    (tile,) = found.picture.tiles
    assert (tile.width, tile.height, tile.top, tile.bottom) == (WIDTH, HEIGHT, 0.0, 1.0)
    with Image.open(io.BytesIO(found.data)) as joined:
        assert joined.size == (WIDTH, HEIGHT)
        assert (np.asarray(joined.convert(mode)) == pixels).all()
    assert len(found.data) <= size


def test_colours_at_half_resolution_are_joined_too():
    whole = picture("RGB")
    strips = [encoded(whole.crop((0, top, WIDTH, min(HEIGHT, top + 32))), subsampling=2) for top in range(0, HEIGHT, 32)]
    with Image.open(io.BytesIO(join_strips(strips, WIDTH, HEIGHT, 32))) as joined:
        found = np.asarray(joined).astype(int)
    parts = np.concatenate([np.asarray(Image.open(io.BytesIO(strip))) for strip in strips])
    inner = [row for row in range(HEIGHT) if row % 32 not in (0, 31)]
    assert (found[inner] == parts[inner]).all()


def test_what_cannot_be_joined_stays_in_strips():
    whole = picture("L")
    one, other = (encoded(whole.crop((0, 0, WIDTH, 32)), quality=quality) for quality in (40, 80))
    assert join_strips([one, one], WIDTH, 64, 32) is not None
    assert join_strips([one, other], WIDTH, 64, 32) is None, "other tables"
    assert join_strips([one, one], WIDTH, 60, 32) is None, "another height than it says"
    progressive = encoded(whole.crop((0, 0, WIDTH, 32)), progressive=True)
    assert join_strips([progressive, progressive], WIDTH, 64, 32) is None
    assert join_strips([one[:-40], one], WIDTH, 64, 32) is None, "cut off"
    uneven = encoded(whole.crop((0, 0, WIDTH, 30)))
    assert join_strips([uneven, uneven], WIDTH, 60, 30) is None, "strips end within a block"
    at = one.index(b"\xff\xc0") + 2
    length = int.from_bytes(one[at : at + 2], "big")
    short = one[:at] + b"\0\5" + one[at + 2 : at + 5] + one[at + length :]
    assert join_strips([short, short], WIDTH, 64, 32) is None, "a frame that ends before it says how many components it has"
