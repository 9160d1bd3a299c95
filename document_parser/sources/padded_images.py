"""Complete the file of an image that ends early with zeros, so that its decoder shows what is there. Runs in the opener child.

The libraries for WebP, AVIF, HEIC and JPEG 2000 refuse a file that is shorter than it says. Given its full length, they decode
until the data ends, and paint what the zeros happen to mean below that. The rows before that place are found by decoding the
file a second time without its last bytes: what both decodings share does not depend on the end.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAX_PADDING_BYTES = 64 << 20
"""A file that lacks more than this is not completed: its length is damaged, or hardly any of it is there."""
LEFT_OUT_BYTES = 64
"""How much of the end the second decoding leaves out: less than a row of blocks, more than a word of an arithmetic coder."""
_JPEG_2000 = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_END_OF_CODESTREAM = b"\xff\xd9"
_CODESTREAM, _TILE_SIZE, _TILE_PART = b"\xff\x4f\xff\x51", slice(24, 32), b"\xff\x90"


@dataclass(frozen=True, slots=True)
class CutFile:
    """A file that ends early: the bytes that are there, and how many it says that it has."""

    raw: bytes
    promised: int

    @property
    def padded(self) -> bytes:
        """The file at its full length."""
        return self.raw + bytes(self.promised - len(self.raw))

    @property
    def padded_earlier(self) -> bytes:
        """The file at its full length, with a little less of what is there."""
        there = self.raw[:-LEFT_OUT_BYTES]
        return there + bytes(self.promised - len(there))


def may_say_length(head: bytes) -> bool:
    """Return whether a file that begins so is of a format that ``find_cut`` knows; only then need all of it be read."""
    return head[:4] == b"RIFF" or head[4:8] == b"ftyp" or head.startswith((_JPEG_2000, _CODESTREAM))


def find_cut(raw: bytes) -> CutFile | None:
    """Return the file if it is WebP, AVIF, HEIC or JPEG 2000 and shorter than it says; None if it is whole, or not known."""
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        promised = 8 + int.from_bytes(raw[4:8], "little")
    elif raw[4:8] == b"ftyp" or raw.startswith(_JPEG_2000):
        promised = max(_box_ends(raw), default=0)
    elif raw.startswith(_CODESTREAM):
        promised = _codestream_end(raw, 0)
    else:
        return None
    return CutFile(raw, promised) if len(raw) < promised <= len(raw) + MAX_PADDING_BYTES else None


def rows_there(cut: CutFile, shown: Image.Image) -> int:
    """Return how many rows of the decoded file do not depend on where it ends. Raises the errors of Pillow's decoders."""
    with Image.open(io.BytesIO(cut.padded_earlier)) as image:
        image.load()
        differs = (np.asarray(image.convert("RGB")) != np.asarray(shown.convert("RGB"))).any(axis=(1, 2))
    return int(np.argmax(differs)) if differs.any() else shown.height


def whiten_missing_tiles(raw: bytes, shown: Image.Image) -> Image.Image | None:
    """Return a cut JPEG 2000 with its missing tiles, which are black, in white; None if there is nothing but black."""
    pixels = np.array(shown.convert("RGB"))
    if not pixels.any():
        return None
    start = raw.find(_CODESTREAM)
    size = raw[start + _TILE_SIZE.start : start + _TILE_SIZE.stop]
    across, along = int.from_bytes(size[:4]), int.from_bytes(size[4:])
    for tile in _tiles(pixels, max(across, 1), max(along, 1)):
        if not tile.any():
            tile[:] = 255
    return Image.fromarray(pixels)


def _tiles(pixels: NDArray[np.uint8], across: int, along: int) -> Iterator[NDArray[np.uint8]]:
    """Yield a view of each tile of this size."""
    for top in range(0, pixels.shape[0], along):
        for left in range(0, pixels.shape[1], across):
            yield pixels[top : top + along, left : left + across]


def _box_ends(raw: bytes) -> Iterator[int]:
    """Yield where each box of an ISO base media file, or of JPEG 2000, says that it ends.

    Source: ISO/IEC 14496-12, 4.2. A box of length 0 reaches to the end of the file, whatever that is.
    """
    at = 0
    while at + 8 <= len(raw):
        length, kind = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8]
        head = 16 if length == 1 else 8
        if length == 1:
            length = int.from_bytes(raw[at + 8 : at + 16])
        if length < head:
            if kind == b"jp2c":
                yield _codestream_end(raw, at + head)
            return
        at += length
        yield at


def _codestream_end(raw: bytes, start: int) -> int:
    """Return where the tile-parts of a JPEG 2000 codestream say that they end, as far as they can be followed."""
    at = raw.find(_TILE_PART, start)
    while at >= 0 and raw[at : at + 2] == _TILE_PART and at + 10 <= len(raw):
        length = int.from_bytes(raw[at + 6 : at + 10])
        if length == 0:  # to the end
            return 0
        at += length
    return at + len(_END_OF_CODESTREAM) if at > 0 else 0
