"""Check whether the data of a stream decodes completely. Pure functions on bytes; they run in the opener child.

PDFium, like every viewer, shows as much of a damaged stream as it can and reports nothing. These checks decode the data once
more, as cheaply as possible, and count what came out. Zlib data has a checksum (RFC 1950), so a changed bit shows; JPEG, CCITT
and JPEG 2000 data have none: damage shows there only if it leads to codes that do not exist, or to too much or too little data.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Any, Literal, NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from document_parser.sources import decoder_messages
from document_parser.sources.truncated_images import truncated_images

Fault = Literal["", "cut", "corrupt", "undecodable", "missing"]
"""``cut``: the data ends early. ``corrupt``: it decodes to the end, but is not what was written. ``undecodable``: it does not
decode at all, or not beyond a place. ``missing``: there is none. Empty: no fault was found."""

MAX_DECODED_BYTES = 1 << 28
"""Of data that decodes to more bytes, only the beginning is checked."""

MAX_KEPT_BYTES = 1 << 26
"""The same limit for data that is kept in memory."""

_PIECE_BYTES = 1 << 20
"""Bytes that are decoded at once."""
_FINE_PIECE_BYTES = 64
"""Bytes that are decoded at once to find the place beyond which data does not decode."""
_MAX_LZW_BYTES = 1 << 22
"""Longer LZW data is not decoded, because that is slow."""
_LZW_CLEAR, _LZW_END, _LZW_CODES = 256, 257, 4096
_END_OF_RUNS = 128
"""The length that ends run-length data."""
_POWERS_OF_85 = np.array([85**4, 85**3, 85**2, 85, 1])
_NO_HEX = re.compile(rb"[^0-9A-Fa-f]")
_MIN_SIDE_PIXELS = 160
"""Least width and height of the reduced image to which a JPEG is decoded for a check."""
_FILLER = bytes((7 * n * n + 31 * n) % 251 for n in range(1, 2049))
"""Noise in place of missing data. It has no 0xFF, which would begin a marker."""
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame of a JPEG: SOF0 to SOF15."""
_JPEG_PRECISION = "Unsupported JPEG data precision"
_JPEG_DAMAGE = ("Premature end", "Corrupt JPEG data")
"""How libjpeg-turbo's messages about damaged data begin."""


class CheckResult(NamedTuple):
    """The result of decoding. ``decoded`` and ``promised`` count rows of an image, else bytes; None if not known."""

    fault: Fault = ""
    decoded: int | None = None
    promised: int | None = None
    message: str = ""
    """The decoder's message."""


class DecodedData(NamedTuple):
    """The result of undoing a filter. ``size`` counts decoded bytes; ``data`` is empty if it was not to be kept."""

    fault: Fault
    size: int
    data: bytes
    whole: bool = True
    """False beyond the limit: then the end of the data was not reached."""
    ended: bool = True
    """Whether the data has its end marker. The data of an image is counted, whatever filters enclose it; contents show only by
    this that they are complete."""


def inflate(raw: bytes, *, keep: bool) -> DecodedData:
    """Decode zlib data. A checksum that is cut off is no fault: no contents are lost with it.

    Source: RFC 1950. The two bytes of the header are skipped.
    """
    if len(raw) < 2:
        return DecodedData("cut" if raw else "missing", 0, b"")
    limit = MAX_KEPT_BYTES if keep else MAX_DECODED_BYTES
    decoder, kept, size, sum_so_far = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), 0, 1
    rest = raw[2:]
    try:
        while not decoder.eof and size <= limit:
            piece = decoder.decompress(rest, _PIECE_BYTES)
            rest = decoder.unconsumed_tail
            size, sum_so_far = size + len(piece), zlib.adler32(piece, sum_so_far)
            if keep:
                kept += piece
            if not piece and not rest:
                break
    except zlib.error:
        data = _inflate_finely(raw)
        return DecodedData("undecodable", len(data), data if keep else b"")
    if not decoder.eof:
        return DecodedData("" if size > limit else "cut", size, bytes(kept), whole=size <= limit)
    checksum = decoder.unused_data[:4]
    wrong = len(checksum) == 4 and int.from_bytes(checksum) != sum_so_far
    return DecodedData("corrupt" if wrong else "", size, bytes(kept))


def _inflate_finely(raw: bytes) -> bytes:
    """Return what can be decoded before a place that cannot."""
    decoder, kept = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    for start in range(2, len(raw), _FINE_PIECE_BYTES):
        try:
            kept += decoder.decompress(raw[start : start + _FINE_PIECE_BYTES], max(1, MAX_KEPT_BYTES - len(kept)))
        except zlib.error:
            break
    return bytes(kept)


def decode_filter(name: str, raw: bytes, *, keep: bool, early_change: bool = True) -> DecodedData | None:
    """Undo one of the PDF filters that hold any kind of data; None for another filter's name.

    Source: ISO 32000-1, 7.4.2 to 7.4.5.
    """
    match name:
        case "/FlateDecode":
            return inflate(raw, keep=keep)
        case "/ASCII85Decode":
            return _decode_ascii85(raw)
        case "/ASCIIHexDecode":
            return _decode_hex(raw)
        case "/RunLengthDecode":
            return _decode_run_lengths(raw)
        case "/LZWDecode":
            return _decode_lzw(raw, early_change=early_change)
    return None


def _decode_ascii85(raw: bytes) -> DecodedData:
    """Undo ASCII85Decode."""
    body = raw.split(b"~", 1)[0].translate(None, b" \t\r\n\f\0").replace(b"z", b"!!!!!")
    surplus = -len(body) % 5
    digits = np.frombuffer(body + b"u" * surplus, dtype=np.uint8).astype(np.int64) - 33
    foreign = np.flatnonzero((digits < 0) | (digits > 84))
    values = digits[: (int(foreign[0]) if len(foreign) else len(digits)) // 5 * 5].reshape(-1, 5) @ _POWERS_OF_85
    too_large = np.flatnonzero(values >= 1 << 32)
    if surplus and len(too_large) and too_large[0] == len(values) - 1:  # an incomplete group, not one that ends the data
        values, too_large, surplus = values[:-1], too_large[:0], 0
    data: bytes = values[: int(too_large[0]) if len(too_large) else None].astype(">u4").tobytes()
    if len(foreign) or len(too_large):
        return DecodedData("undecodable", len(data), data)
    data = data[: len(data) - surplus] if surplus else data
    return DecodedData("", len(data), data, ended=b"~" in raw)


def _decode_hex(raw: bytes) -> DecodedData:
    """Undo ASCIIHexDecode."""
    body = raw.split(b">", 1)[0].translate(None, b" \t\r\n\f\0")
    foreign = _NO_HEX.search(body)
    digits = body[: foreign.start()] if foreign else body
    data = bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
    return DecodedData("undecodable" if foreign else "", len(data), data, ended=b">" in raw)


def _decode_run_lengths(raw: bytes) -> DecodedData:
    """Undo RunLengthDecode."""
    data, at = bytearray(), 0
    while at < len(raw) and raw[at] != _END_OF_RUNS and len(data) <= MAX_KEPT_BYTES:
        length = raw[at]
        if length < _END_OF_RUNS:
            data += raw[at + 1 : at + length + 2]
            at += length + 2
        else:
            data += raw[at + 1 : at + 2] * (257 - length)
            at += 2
    whole = len(data) <= MAX_KEPT_BYTES
    return DecodedData("cut" if at > len(raw) else "", len(data), bytes(data), whole, ended=at < len(raw))


def _decode_lzw(raw: bytes, *, early_change: bool) -> DecodedData:
    """Undo LZWDecode; long data is not decoded, because that is slow."""
    if len(raw) > _MAX_LZW_BYTES:
        return DecodedData("", 0, b"", whole=False)
    literals = [bytes([value]) for value in range(256)] + [b"", b""]
    table, width, last, size = list(literals), 9, b"", 0
    kept: list[bytes] = []
    bits = held = 0
    for byte in raw:
        bits, held = (bits << 8) | byte, held + 8
        if held < width:
            continue
        held -= width
        code, bits = bits >> held, bits & ((1 << held) - 1)
        if code == _LZW_END:
            return DecodedData("", size, b"".join(kept))
        if code == _LZW_CLEAR:
            table, width, last = list(literals), 9, b""
            continue
        if code > len(table) or (code == len(table) and not last):
            return DecodedData("undecodable", size, b"".join(kept))
        found = table[code] if code < len(table) else last + last[:1]
        if last and len(table) < _LZW_CODES:
            table.append(last + found[:1])
        kept.append(found)
        last, size = found, size + len(found)
        if size > MAX_KEPT_BYTES:
            return DecodedData("", size, b"".join(kept), whole=False)
        width = min(12, max(9, (len(table) + early_change).bit_length()))
    return DecodedData("", size, b"".join(kept), ended=False)


def check_jpeg(raw: bytes) -> CheckResult:
    """Decode a JPEG file at an eighth of its size, and return its fault and its whole rows.

    Samples of more than 8 bits are not decoded, here or in PDFium. What else libjpeg-turbo does not know is not judged.
    """
    try:
        height, _, colours, _ = simplejpeg.decode_jpeg_header(raw, strict=False)
    except (ValueError, KeyError) as error:  # KeyError: it has no header
        return CheckResult() if raw.startswith(b"\xff\xd8\xff") else CheckResult("undecodable", 0, None, str(error))
    space = "CMYK" if colours in {"CMYK", "YCCK"} else "GRAY"
    small: dict[str, Any] = {
        "colorspace": space,
        "fastdct": True,
    }
    if not may_be_lossless_jpeg(raw):
        small |= {"min_height": _MIN_SIDE_PIXELS, "min_width": _MIN_SIDE_PIXELS}
    try:
        simplejpeg.decode_jpeg(raw, strict=True, **small)
    except ValueError as error:
        message = str(error)
        if message.startswith(_JPEG_PRECISION):
            return CheckResult("undecodable", 0, None, message)
        if not message.startswith(_JPEG_DAMAGE):
            return CheckResult()
        if not message.startswith("Premature end of JPEG file"):
            return CheckResult("corrupt", None, height, message)
        rows = count_rows_of_cut_jpeg(raw)
        return CheckResult("cut" if rows < height else "", rows, height, message)
    if _has_surplus(raw, small):
        return CheckResult("corrupt", None, height, "surplus data after the last block")
    return CheckResult("", height, height)


def may_be_lossless_jpeg(raw: bytes) -> bool:
    """Return whether a JPEG may be of the lossless kind (marker SOF3), which has no smaller sizes.

    libjpeg-turbo then writes the whole image into the buffer for the smaller one. The marker is searched for everywhere, so
    that no file can hide it: the pixels of other JPEGs never contain it.
    """
    return b"\xff\xc3" in raw


def jpeg_sample_bits(head: bytes) -> int:
    """Return how many bits a sample of a JPEG has, by the first bytes of its file; 0 if they do not say it."""
    at = 2
    while head.startswith(b"\xff\xd8") and at + 5 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker in _FRAME_MARKERS:
            return head[at + 4]
        at += 2 + length
    return 0


def _has_surplus(raw: bytes, small: dict[str, Any]) -> bool:
    """Return whether a JPEG decodes as well without the last byte of its data.

    Then its blocks end earlier than they were written. A changed bit often shifts what follows by a few bits, and libjpeg
    reports only a surplus that does not fit into its buffer of eight bytes. A surplus of less than a byte cannot be
    distinguished from the bits that fill up the last byte, which not all programs set to 1.
    """
    end = raw.rfind(b"\xff\xd9")
    body = raw[:end].rstrip(b"\xff")
    body = body[:-2] if body.endswith(b"\xff\0") else body[:-1]
    try:
        simplejpeg.decode_jpeg(body.removesuffix(b"\xff") + b"\xff\xd9", strict=True, **small)
    except ValueError:
        return False
    return end > 0


def _decode_jpeg(raw: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a JPEG, as far as they go. Raises ValueError if it is none."""
    space = "CMYK" if simplejpeg.decode_jpeg_header(raw, strict=False)[2] in {"CMYK", "YCCK"} else "RGB"
    return np.asarray(simplejpeg.decode_jpeg(raw, colorspace=space, strict=False))


def count_rows_of_cut_jpeg(raw: bytes) -> int:
    """Return how many rows of a JPEG that ends early are whole.

    It is decoded twice, with nothing and with noise in place of the missing data: the rows above the first difference do not
    depend on it. In a progressive JPEG these rows have all their detail; those below may be there with less. Raises ValueError
    if the data is no JPEG.
    """
    body = raw.removesuffix(b"\xff")
    plain, noisy = (_decode_jpeg(body + filler + b"\xff\xd9") for filler in (b"", _FILLER))
    differing = np.flatnonzero((plain != noisy).any(axis=(1, 2)))
    return int(differing[0]) if len(differing) else len(plain)


def check_fax(raw: bytes, columns: int, rows: int, k: int, *, aligned: bool) -> CheckResult:
    """Decode CCITT data with libtiff, which reports on stderr in which rows it found no code.

    ``k`` is as in a PDF: below 0 Group 4, 0 Group 3 in one dimension, above 0 in two. The end of data that ends early is found
    as for a JPEG, unless the data has the marker that ends Group 4 data.
    """
    if aligned or not (0 < columns <= 65535 and 0 < rows <= 65535):
        return CheckResult()  # TIFF cannot express this
    ends = k < 0 and _has_end_of_block(raw)
    if 8 * len(raw) < rows and not ends:  # a row takes at least one bit
        return CheckResult("cut", 0, rows)
    decoder_messages.take_messages()
    plain = _decode_fax(raw, columns, rows, k)
    messages = decoder_messages.take_messages()
    if plain is None:
        return CheckResult("undecodable", 0, rows, next(iter(messages), ""))
    wrong = [row for row in map(decoder_messages.row_of, messages) if row is not None]
    whole = rows
    if not ends:
        noisy = _decode_fax(raw + _FILLER, columns, rows, k)
        decoder_messages.take_messages()
        if noisy is not None and len(differing := np.flatnonzero((plain != noisy).any(axis=1))):
            whole = int(differing[0])
    if wrong and min(wrong) < whole:
        return CheckResult("corrupt", min(wrong), rows, messages[0])
    return CheckResult("cut" if whole < rows else "", whole, rows)


def _has_end_of_block(raw: bytes) -> bool:
    """Return whether Group 4 data ends with EOFB, two codes of eleven zeros and a one (ITU-T T.6, 2.4.1.1)."""
    tail = int.from_bytes(raw.rstrip(b"\0\r\n")[-5:])
    return any((tail >> shift) & 0xFFFFFF == 0x001001 for shift in range(16))


def _decode_fax(raw: bytes, columns: int, rows: int, k: int) -> NDArray[np.bool_] | None:
    """Return the rows that libtiff decodes from CCITT data; None if it decodes none."""
    try:
        with Image.open(io.BytesIO(_fax_tiff(raw, columns, rows, k)), formats=["TIFF"]) as image:
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, struct.error):
        return None


def _fax_tiff(raw: bytes, columns: int, rows: int, k: int) -> bytes:
    """Return a TIFF of one strip, white where no bit is set."""
    tags = [
        (256, 4, columns), (257, 4, rows), (258, 3, 1), (259, 3, 4 if k < 0 else 3), (262, 3, 0),
        (273, 4, 0), (277, 3, 1), (278, 4, rows), (279, 4, len(raw)),
    ]  # fmt: skip
    if k >= 0:
        tags.append((292, 4, int(k > 0)))
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1) + struct.pack("<I" if kind == 4 else "<HH", *((value,) if kind == 4 else (value, 0)))
        for tag, kind, value in ((tag, kind, start if tag == 273 else value) for tag, kind, value in tags)
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + raw


def check_jpeg2000(raw: bytes) -> CheckResult:
    """Walk the tile parts of a JPEG 2000 codestream, then decode it at a small size.

    Source: ISO 15444-1, annex A.
    """
    share = _codestream_share(raw)
    if share is not None and share < 1:
        return CheckResult("cut", round(100 * share), 100)
    message = _jpeg2000_error(raw, 2)
    # Files with fewer levels cannot be reduced.
    message = message and _jpeg2000_error(raw, 0)
    return CheckResult("undecodable", 0, 100, message) if message else CheckResult()


def _jpeg2000_error(raw: bytes, levels: int) -> str:
    """Return OpenJPEG's message about an image that it cannot decode without ``levels`` resolution levels; empty if it can."""
    try:
        with truncated_images(allowed=False), Image.open(io.BytesIO(raw), formats=["JPEG2000"]) as image:
            if levels:
                setattr(image, "reduce", levels)  # noqa: B010 - an attribute of this plugin, a method of all others
            image.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        return str(error) or "undecodable"
    return ""


def _codestream_share(raw: bytes) -> float | None:
    """Return the share of the tile parts' bytes that is there, up to the first incomplete part; None if there are none."""
    place = raw.find(b"\xff\x4f\xff\x51")
    start = raw.find(b"\xff\x90\x00\x0a", place) if place >= 0 else -1
    if start < 0:
        return None
    at = start
    while raw[at : at + 4] == b"\xff\x90\x00\x0a" and at + 12 <= len(raw):
        length = int.from_bytes(raw[at + 6 : at + 10])
        if length == 0:  # the rest of the file
            return 1.0 if raw.rstrip(b"\r\n\0").endswith(b"\xff\xd9") else (len(raw) - start) / (len(raw) - start + 1)
        if at + length > len(raw):
            return (len(raw) - start) / (at + length - start)
        at += length
    return 1.0
