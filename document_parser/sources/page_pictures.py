"""The picture of a page as a PDF can hold it. Runs in the opener child.

JPEG, JPEG 2000 and the compressed lines of a PNG go into the PDF as they are, as in img2pdf. Bilevel images become CCITT
Group 4, or Flate where that is smaller; HEIC, AVIF and lossy WebP become JPEG; all else is packed without loss. Colours are
those of the ICC profile, or sRGB.
"""

from __future__ import annotations

import io
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageChops

from document_parser.imaging.page_image import drop_absent_colour
from document_parser.models.page_picture import MAX_TILES, PagePicture, PictureTile
from document_parser.sources.jpeg_strips import join_strips

JPEG_QUALITY = 85
"""Quality of the JPEG of a page that was drawn, or of a picture in a lossy format that PDF does not know."""
LOSSY_HEAD_BYTES = 64
"""Bytes of a file within which a WebP says whether it is lossless."""
_LOSSY_FORMATS = ("JPEG", "MPO", "HEIF", "AVIF")
Piece = Callable[[int, int], bytes]
"""Returns bytes of the file: from where, and how many."""
_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 256, 257, 259, 262
_STRIPS, _ORIENTATION, _ROWS_PER_STRIP, _STRIP_BYTES, _TABLES = 273, 274, 278, 279, 347
"""Tags of a TIFF."""
_TIFF_JPEG = 7
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_JP2_HEAD = b"\0\0\0\x0cjP  \r\n\x87\n"
_SEQUENTIAL_OR_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
"""Kinds of JPEG that PDF knows."""
_PROFILE_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_PROFILE_SPACES = {b"RGB ": "rgb", b"GRAY": "gray", b"CMYK": "cmyk"}
_ICC_HEAD_BYTES = 128
_MODES = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}


class Packed(NamedTuple):
    """A picture, and the data of its tiles one behind another."""

    picture: PagePicture
    data: bytes


def keep_as_stored(image: Image.Image, piece: Piece, size: int, orientation: int) -> Packed | None:
    """Return the picture with the data of its file, untouched; None if PDF does not know its encoding.

    ``image`` is an opened frame of a sound file of ``size`` bytes, of which ``piece`` returns parts.
    """
    if image.format in ("JPEG", "MPO"):
        return _keep_jpeg(image, piece(0, size), orientation)
    if image.format == "JPEG2000":
        return _keep_jpeg2000(image, piece(0, size), orientation)
    if image.format == "PNG" and image.mode in ("L", "P", "RGB") and not image.has_transparency_data:
        return _keep_png(piece(0, size), orientation, image.info.get("icc_profile", b""))
    if image.format == "TIFF":
        return _keep_tiff(image, piece)
    return None


def pack_without_loss(image: Image.Image, orientation: int = 1, profile: bytes = b"") -> Packed:
    """Return a decoded image, in mode 1, L, P or RGB, packed without loss."""
    if image.mode == "1":
        candidates = [_pack_bilevel(image), _pack_png(image)]
        tile, data = min(candidates, key=lambda one: len(one[1]))
    else:
        tile, data = _pack_png(_without_absent_colour(image))
        tile = tile.model_copy(update={"profile": _known_profile(profile, tile.colours)})
    return Packed(PagePicture(tiles=[tile], orientation=orientation), data)


def is_lossy(image: Image.Image, head: bytes) -> bool:
    """Return whether an opened file, which begins with ``head``, is in a format that loses detail as JPEG does."""
    return image.format in _LOSSY_FORMATS or (image.format == "WEBP" and b"VP8L" not in head)


def pack_as_jpeg(image: Image.Image, orientation: int = 1, profile: bytes = b"") -> Packed:
    """Return a decoded image as JPEG in full colour resolution."""
    plain = drop_absent_colour(image if image.mode == "L" else image.convert("RGB"))
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    data = out.getvalue()
    tile = PictureTile(
        width=plain.width,
        height=plain.height,
        encoding="DCTDecode",
        colours="gray" if plain.mode == "L" else "rgb",
        length=len(data),
    )
    tile = tile.model_copy(update={"profile": _known_profile(profile, tile.colours)})
    return Packed(PagePicture(tiles=[tile], orientation=orientation), data)


def _keep_jpeg(image: Image.Image, data: bytes, orientation: int) -> Packed | None:
    """Return a JPEG as it is; None if it is of a kind, or of colours, that PDF/A does not know."""
    colours = _MODES.get(image.mode)
    if colours is None or _jpeg_kind(data) not in _SEQUENTIAL_OR_PROGRESSIVE:
        return None
    profile = _known_profile(image.info.get("icc_profile", b""), colours)
    if colours == "cmyk" and not profile:
        return None
    is_adobe = "adobe_transform" in image.info
    components = [layer[0] for layer in getattr(image, "layer", [])]
    tile = PictureTile(
        width=image.width,
        height=image.height,
        encoding="DCTDecode",
        colours=colours,  # type: ignore[arg-type]
        length=len(data),
        profile=profile,
        transform=0 if components == [82, 71, 66] and not is_adobe else -1,
        inverted=colours == "cmyk" and is_adobe,
    )
    return Packed(PagePicture(tiles=[tile], orientation=orientation), data)


def _jpeg_kind(data: bytes) -> int:
    """Return the marker of a JPEG's frame, which says how it is encoded; 0 if there is none."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4])
    return 0


def _keep_jpeg2000(image: Image.Image, data: bytes, orientation: int) -> Packed | None:
    """Return a JPEG 2000 as it is if it names one colour space that PDF/A knows."""
    at = data[:4096].find(b"colr")
    if not data.startswith(_JP2_HEAD) or image.mode not in ("L", "RGB") or at < 0 or data[:4096].count(b"colr") != 1:
        return None
    method, space = data[at + 4], int.from_bytes(data[at + 7 : at + 11])
    if method != 1 or space != {"L": 17, "RGB": 16}[image.mode]:
        return None
    tile = PictureTile(
        width=image.width,
        height=image.height,
        encoding="JPXDecode",
        colours=_MODES[image.mode],  # type: ignore[arg-type]
        length=len(data),
    )
    return Packed(PagePicture(tiles=[tile], orientation=orientation), data)


def _keep_png(data: bytes, orientation: int, profile: bytes) -> Packed | None:
    """Return the compressed lines of a PNG as they are; None if they are interlaced or have more than 8 bits."""
    tile, lines = _split_png(data) or (None, b"")
    if tile is None:
        return None
    tile = tile.model_copy(update={"profile": _known_profile(profile, tile.colours)})
    return Packed(PagePicture(tiles=[tile], orientation=orientation), lines)


def _split_png(data: bytes) -> tuple[PictureTile, bytes] | None:
    """Return how the lines of a PNG are encoded, and the lines."""
    at, lines, palette = len(_PNG_HEAD), [], b""
    head = struct.unpack(">IIBBBBB", data[at + 8 : at + 21])
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            lines.append(body)
        elif kind == b"PLTE":
            palette = body
        at += 12 + length
    width, height, bits, colours, _, _, interlaced = head
    if bits > 8 or interlaced or colours not in (0, 2, 3):
        return None
    whole = b"".join(lines)
    tile = PictureTile(
        width=width,
        height=height,
        encoding="FlateDecode",
        colours="gray" if colours == 0 else "rgb",
        bits=bits,
        length=len(whole),
        palette=_encoded(palette if colours == 3 else b""),
    )
    return tile, whole


def _keep_tiff(image: Image.Image, piece: Piece) -> Packed | None:
    """Return a frame of a TIFF that is stored as JPEG, its strips joined or below each other; None for any other."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    photometric, strips = tags.get(_PHOTOMETRIC), tags.get(_STRIPS, ())
    if tags.get(_COMPRESSION) != _TIFF_JPEG or photometric not in (1, 2, 6) or not 1 <= len(strips) <= MAX_TILES:
        return None
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    rows = min(height, int(tags.get(_ROWS_PER_STRIP, height)))
    tables = bytes(tags.get(_TABLES, b""))
    tiles, parts = [], []
    for number, (start, length) in enumerate(zip(strips, tags.get(_STRIP_BYTES, ()), strict=True)):
        data = piece(start, length)
        if not data.startswith(b"\xff\xd8"):
            return None
        if tables:
            data = tables.removesuffix(b"\xff\xd9") + data[2:]
        if _jpeg_kind(data) not in _SEQUENTIAL_OR_PROGRESSIVE:
            return None
        top, bottom = number * rows, min(height, (number + 1) * rows)
        tile = PictureTile(
            width=width,
            height=bottom - top,
            encoding="DCTDecode",
            colours="gray" if photometric == 1 else "rgb",
            length=len(data),
            transform=0 if photometric == 2 else -1,
            top=top / height,
            bottom=bottom / height,
        )
        tiles.append(tile)
        parts.append(data)
    joined = join_strips(parts, width, height, rows) if len(parts) > 1 else None
    if joined is not None:
        tiles, parts = [tiles[0].model_copy(update={"height": height, "length": len(joined), "bottom": 1.0})], [joined]
    return Packed(PagePicture(tiles=tiles, orientation=int(tags.get(_ORIENTATION, 1))), b"".join(parts))


def _pack_bilevel(image: Image.Image) -> tuple[PictureTile, bytes]:
    """Return a bilevel image as CCITT Group 4, by libtiff."""
    out = io.BytesIO()
    image.save(out, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: image.height})
    with Image.open(out, formats=["TIFF"]) as written:
        tags = written.tag_v2  # type: ignore[attr-defined]
        starts, lengths, photometric = tags[_STRIPS], tags[_STRIP_BYTES], tags[_PHOTOMETRIC]
    if len(starts) != 1:
        return _pack_png(image)
    data = out.getvalue()[starts[0] : starts[0] + lengths[0]]
    tile = PictureTile(
        width=image.width,
        height=image.height,
        encoding="CCITTFaxDecode",
        colours="gray",
        bits=1,
        length=len(data),
        black_is_one=photometric == 1,
    )
    return tile, data


def _pack_png(image: Image.Image) -> tuple[PictureTile, bytes]:
    """Return an image as the compressed lines of a PNG."""
    out = io.BytesIO()
    image.save(out, "PNG", icc_profile=None)
    found = _split_png(out.getvalue())
    if found is None:
        raise ValueError("Pillow writes no such PNG")
    return found


def _without_absent_colour(image: Image.Image) -> Image.Image:
    """Return an RGB image whose pixels are all grey as greyscale; any other as it is."""
    if image.mode != "RGB":
        return image
    red, green, blue = image.split()
    same = not ImageChops.difference(red, green).getbbox() and not ImageChops.difference(green, blue).getbbox()
    return red if same else image


def _known_profile(profile: bytes | None, colours: str) -> bytes:
    """Return an ICC profile in base64 if PDF/A knows its kind and it is for these colours; else nothing."""
    if not profile or len(profile) < _ICC_HEAD_BYTES or int.from_bytes(profile[:4]) != len(profile):
        return b""
    known = profile[36:40] == b"acsp" and 2 <= profile[8] <= 4 and profile[12:16] in _PROFILE_CLASSES
    return _encoded(profile) if known and _PROFILE_SPACES.get(profile[16:20]) == colours else b""


def _encoded(data: bytes) -> bytes:
    """Return data as PictureTile takes it."""
    return b64encode(data)
