"""Show what is there of an image file whose data ends early or is damaged. Runs in the opener child.

Pillow refuses such files as a whole; viewers show them. The missing part is white here, so that no engine takes it for ink.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, TiffImagePlugin

from document_parser.models import Damage
from document_parser.sources.padded_images import CutFile, rows_there, whiten_missing_tiles
from document_parser.sources.pdf import stream_checks
from document_parser.sources.pdf.stream_checks import CheckResult
from document_parser.sources.truncated_images import truncated_images

_GIF_PASSES = ((0, 8), (4, 8), (2, 4), (1, 2))
"""The first row and the step of each pass of an interlaced GIF."""
TAIL_BYTES = 1024
"""Programs write some bytes of their own behind the end of an image."""
_FAULTS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
_OFFSETS, _COUNTS, _ROWS_PER_STRIP = 273, 279, 278
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_FLATE = (8, 32946)
_COMPRESSION, _FILL_ORDER, _T4_OPTIONS, _PLANAR = 259, 266, 292, 284
_GROUP_3, _GROUP_4 = 3, 4
# The tags of its frame that a strip needs to be decoded alone.
_STRIP_TAGS = (256, 258, 259, 262, 266, 277, 284, 292, 293, 317, 320, 338, 339, 347)
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Salvaged(NamedTuple):
    """The readable part of a damaged image. ``top`` and ``bottom`` bound the rows that are whole, as shares of its height."""

    image: Image.Image
    damage: Damage
    top: float
    bottom: float


def salvage(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Return the readable part of a frame that does not decode; None if there is none. ``frame`` counts from 0.

    ``image`` is the file opened at this frame, ``raw`` the whole file.
    """
    by_format = {"JPEG": _salvage_jpeg, "PNG": _salvage_png, "BMP": _salvage_bmp, "DIB": _salvage_bmp, "TIFF": _salvage_tiff,
                 "GIF": _salvage_gif}  # fmt: skip
    how = by_format.get(image.format or "")
    try:
        return how(image, raw, frame) if how else None
    except _FAULTS:
        return None


def show_cut(image: Image.Image, cut: CutFile) -> Salvaged | None:
    """Return what is there of a decoded frame of a file that ends early and was completed; None if that is nothing."""
    if image.format == "JPEG2000":
        # What the missing bytes refine is there in less detail, all over the frame.
        shown = whiten_missing_tiles(cut.raw, image)
        there = {"decoded": len(cut.raw), "promised": cut.promised, "encoding": "JPX"}
        damage = Damage.model_validate({"part": "frame", "fault": "cut", "unit": "bytes", **there})
        return Salvaged(shown, damage, 0.0, 1.0) if shown else None
    try:
        with truncated_images(allowed=True):
            rows = rows_there(cut, image)
    except _FAULTS:
        return None
    return Salvaged(image, _damage(CheckResult("cut", rows, image.height), ""), 0.0, rows / image.height) if rows else None


def describe_cut(head: bytes, tail: bytes, size: int) -> str:
    """Return how much is there of an image file that lacks its end, such as ``after 80 bytes``; empty if it has its end.

    ``tail`` are its last TAIL_BYTES.
    """
    ends = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND", b"GIF8": b"\x3b"}
    end = next((end for begin, end in ends.items() if head.startswith(begin)), None)
    return "" if end is None or end in tail else f"after {size} bytes"


def find_frame_damage(image: Image.Image, raw: bytes) -> Damage | None:
    """Return the damage of a frame that decodes without an error; None if none is found.

    The decoders of JPEG and fax data guess, and libtiff skips checksums. ``raw`` is the whole file.
    """
    try:
        if image.format == "JPEG":
            checked = stream_checks.check_jpeg(raw)
            return _damage(checked, "DCT") if checked.fault else None
        tags = _tags(image)
        if tags.get(_COMPRESSION) in {_GROUP_3, _GROUP_4} and _OFFSETS in tags:
            return _fax_damage(tags, raw)
        if tags.get(_COMPRESSION) in _FLATE:
            return _flate_damage(tags, raw)
    except _FAULTS:
        return None
    return None


def _salvage_jpeg(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Decode a JPEG that ends early."""
    del frame
    rows, height = stream_checks.count_rows_of_cut_jpeg(raw), image.height
    with Image.open(io.BytesIO(raw.removesuffix(b"\xff") + b"\xff\xd9"), formats=["JPEG"]) as whole:
        whole.draft(None, image.size)
        whole.load()
    # A progressive JPEG has all of its rows, the later ones with less detail.
    bottom = 1.0 if whole.info.get("progressive") else rows / height
    damage = _damage(CheckResult("cut", rows, height), "DCT")
    shows_something = any(low != high for low, high in _extrema(whole))
    return Salvaged(whole, damage, 0.0, bottom) if rows or (bottom == 1 and shows_something) else None


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    """Return the lowest and highest value of each channel."""
    return [channel.getextrema() for channel in image.split()]  # type: ignore[misc]  # a pair for a single channel


def _salvage_png(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Decode a PNG as far as its compressed data decodes."""
    del frame
    inflated = stream_checks.inflate(_png_data(raw), keep=False)
    row = -(-image.width * _png_bits(raw) // 8) + 1
    rows = min(image.height, inflated.size // row)
    fault = inflated.fault or "corrupt"  # a wrong checksum of a chunk
    with truncated_images(allowed=True), Image.open(io.BytesIO(raw), formats=["PNG"]) as whole:
        whole.load()
    interlaced = raw[28:29] == b"\x01"
    bottom = 1.0 if interlaced else rows / image.height
    return Salvaged(whole, _damage(CheckResult(fault, rows, image.height), "Flate"), 0.0, bottom) if rows else None


def _png_data(raw: bytes) -> bytes:
    """Return the compressed data of a PNG, as far as the file goes."""
    data, at = bytearray(), 8
    while at + 8 <= len(raw):
        length, kind = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8]
        if kind == b"IDAT":
            data += raw[at + 8 : at + 8 + length]
        at += 12 + length
    return bytes(data)


def _png_bits(raw: bytes) -> int:
    """Return the bits of a pixel, from IHDR."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(raw[25], 1)
    return channels * raw[24]


def _salvage_gif(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Decode a GIF as far as its data goes. A row that is missing between others gets the pixels of the one above it."""
    del image, frame
    with truncated_images(allowed=True), Image.open(io.BytesIO(raw), formats=["GIF"]) as whole:
        arguments = whole.tile[0].args if whole.tile else None
        interlaced = isinstance(arguments, tuple) and bool(arguments[1])
        whole.load()
    indices = np.array(whole) if whole.mode in {"P", "L"} else None
    if indices is None:
        return None
    height = len(indices)
    order = [row for first, step in _GIF_PASSES for row in range(first, height, step)] if interlaced else list(range(height))
    # Pixels that were not decoded have index 0.
    decoded = max((place for place, row in enumerate(order) if indices[row].any()), default=-1) + 1
    damage = _damage(CheckResult("cut", decoded, height), "LZW")
    if not interlaced:
        return Salvaged(whole, damage, 0.0, decoded / height) if decoded else None
    for row in sorted(order[decoded:]):
        indices[row] = indices[max(row - 1, 0)]
    whole.paste(Image.fromarray(indices), (0, 0))
    return Salvaged(whole, damage, 0.0, 1.0) if decoded else None


def _salvage_bmp(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Decode a bitmap. It is stored from the bottom up unless its height is negative, so what is cut off is the top."""
    del frame
    offset, bits = int.from_bytes(raw[10:14], "little"), int.from_bytes(raw[28:30], "little")
    row = (image.width * bits + 31) // 32 * 4
    rows = min(image.height, max(0, len(raw) - offset) // max(1, row))
    with truncated_images(allowed=True), Image.open(io.BytesIO(raw), formats=["BMP"]) as whole:
        whole.load()
    share, damage = rows / image.height, _damage(CheckResult("cut", rows, image.height), "")
    downwards = int.from_bytes(raw[22:26], "little", signed=True) < 0
    return Salvaged(whole, damage, *((0.0, share) if downwards else (1 - share, 1.0))) if rows else None


class _Piece(NamedTuple):
    """A strip or a tile of a frame.

    Its place and size are in pixels; ``data`` are the bytes that are there, ``promised`` is how many there should be.
    """

    left: int
    top: int
    width: int
    rows: int
    data: bytes
    promised: int


def _salvage_tiff(image: Image.Image, raw: bytes, frame: int) -> Salvaged | None:
    """Decode strip by strip, or tile by tile: each as a TIFF of its own, with what is there of it."""
    del frame
    tags = _tags(image)
    if tags.get(_PLANAR, 1) != 1 or int(tags.get(274, 1)) != 1:
        return None
    paper, whole = None, 0
    width, height = int(tags[256]), int(tags[257])
    for piece in _iterate_pieces(tags, raw):
        shown = _decode_piece(tags, piece) if piece.data else None
        if shown is not None:
            paper = paper or Image.new(shown.mode, (width, height), _white(shown))
            there = _whole_rows(tags, piece)
            paper.paste(shown.crop((0, 0, shown.width, there)), (piece.left, piece.top))
            whole += max(0, min(there, height - piece.top)) * min(piece.width, width - piece.left)
    if paper is None or not whole:
        return None
    return Salvaged(paper, _damage(CheckResult("cut", min(whole // width, height), height), _encoding(tags)), 0.0, 1.0)


def _white(strip: Image.Image) -> Any:
    """Return the pixel value that is white in the strip's mode; for a palette, the first pixel."""
    return strip.getpixel((0, 0)) if strip.mode == "P" else {"1": 1, "L": 255, "RGB": (255, 255, 255)}.get(strip.mode, 255)


def _iterate_pieces(tags: dict[int, Any], raw: bytes) -> Iterator[_Piece]:
    """Yield the strips or tiles of a frame, from the top to the bottom."""
    width, height = int(tags[256]), int(tags[257])
    if tiled := _TILE_OFFSETS in tags:
        across, along = int(tags[_TILE_WIDTH]), int(tags[_TILE_LENGTH])
    else:
        across, along = width, min(height, int(tags.get(_ROWS_PER_STRIP, height)))
    offsets, counts = (tags[_TILE_OFFSETS], tags[_TILE_COUNTS]) if tiled else (tags[_OFFSETS], tags[_COUNTS])
    in_row = -(-width // across)
    for number, (offset, count) in enumerate(zip(offsets, counts, strict=False)):
        left, top = number % in_row * across, number // in_row * along
        if top >= height:
            return
        rows = along if tiled else min(along, height - top)
        yield _Piece(left, top, across, rows, raw[offset : offset + count], count)


def _decode_piece(tags: dict[int, Any], piece: _Piece) -> Image.Image | None:
    """Return the image of a strip or tile; None if it does not decode."""
    data, rows = piece.data, piece.rows
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag in _STRIP_TAGS:
        if tag in tags:
            directory[tag] = tags[tag]
    if tags.get(_COMPRESSION, 1) == 1:
        data = data.ljust(piece.promised, b"\0" if tags.get(262) == 0 else b"\xff")
    # Pillow counts the offset of a strip from the end of the directory.
    directory[256], directory[257], directory[_ROWS_PER_STRIP] = piece.width, rows, rows
    directory[_COUNTS], directory[_OFFSETS] = len(data), 0
    file = b"II*\0" + struct.pack("<I", 8) + directory.tobytes(8) + data
    try:
        with truncated_images(allowed=True), Image.open(io.BytesIO(file), formats=["TIFF"]) as strip:
            strip.load()
            return strip.copy()
    except _FAULTS:
        return None


def _flate_damage(tags: dict[int, Any], raw: bytes) -> Damage | None:
    """Compare the checksums of the strips or tiles, and return the damage; None if all agree."""
    sound = damaged = 0
    for piece in _iterate_pieces(tags, raw):
        if stream_checks.inflate(piece.data, keep=False).fault:
            damaged += piece.width * piece.rows
        else:
            sound += piece.width * piece.rows
    if not damaged:
        return None
    height = int(tags[257])
    return _damage(CheckResult("corrupt", height * sound // (sound + damaged), height), _encoding(tags))


def _fax_damage(tags: dict[int, Any], raw: bytes) -> Damage | None:
    """Check the fax data of the strips or tiles, and return the damage; None if there is none."""
    height, decoded, fault, message = int(tags[257]), 0, "", ""
    for piece in _iterate_pieces(tags, raw):
        checked = _check_fax(tags, piece.data, piece.rows)
        decoded += piece.rows if checked.decoded is None else checked.decoded
        fault = fault or checked.fault or ("cut" if len(piece.data) < piece.promised else "")
        message = message or checked.message
    if not fault:
        return None
    encoding = _encoding(tags)
    return Damage.model_validate(
        {"part": "frame", "fault": fault, "decoded": decoded, "promised": height, "unit": "rows", "encoding": encoding,
         "decoder": message}
    )  # fmt: skip


def _check_fax(tags: dict[int, Any], data: bytes, rows: int) -> CheckResult:
    """Check the fax data of one strip or tile of ``rows`` rows."""
    data = data.translate(_REVERSED) if tags.get(_FILL_ORDER, 1) == 2 else data
    if tags[_COMPRESSION] == _GROUP_4:
        return stream_checks.check_fax(data, int(tags[256]), rows, -1, aligned=False)
    options = int(tags.get(_T4_OPTIONS, 0))
    return stream_checks.check_fax(data, int(tags[256]), rows, options & 1, aligned=bool(options & 4))


def _whole_rows(tags: dict[int, Any], piece: _Piece) -> int:
    """Return how many rows of a decoded strip or tile are whole, by how its code fails."""
    compression = tags.get(_COMPRESSION, 1)
    if compression in {_GROUP_3, _GROUP_4}:
        decoded = _check_fax(tags, piece.data, piece.rows).decoded
        return piece.rows if decoded is None else decoded
    if len(piece.data) >= piece.promised:
        return piece.rows
    return piece.rows * len(piece.data) // piece.promised if compression == 1 else 0


def _tags(image: Image.Image) -> dict[int, Any]:
    """Return the tags of a TIFF frame; empty for other formats."""
    found = getattr(image, "tag_v2", None)
    return {} if found is None else dict(found)


def _encoding(tags: dict[int, Any]) -> str:
    """Return the name of the compression, as PDF filters are called without ``Decode``; empty if it has none."""
    return {3: "CCITTFax", 4: "CCITTFax", 5: "LZW", 7: "DCT", 8: "Flate", 32946: "Flate"}.get(tags.get(_COMPRESSION, 1), "")


def _damage(checked: CheckResult, encoding: str) -> Damage:
    """Return the damage of a frame, counted in rows."""
    fields = {
        "fault": checked.fault,
        "decoded": checked.decoded,
        "promised": checked.promised,
        "decoder": checked.message[:120],
    }
    return Damage.model_validate({"part": "frame", "unit": "rows", "encoding": encoding, **fields})
