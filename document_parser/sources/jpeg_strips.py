"""Join the JPEG strips of a TIFF into one JPEG, without decoding them.

Source: ``t2p_process_jpeg_strip`` of libtiff. The coded data of the strips follow each other between restart markers,
at which a decoder begins anew as it does at the beginning of a strip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_SEQUENTIAL = (0xC0, 0xC1)
"""Frames whose one scan has the picture from top to bottom."""
_DRI, _SOS = 0xDD, 0xDA
_TABLES = (0xC4, 0xDB)
_FRAME_HEAD = 6
"""Bytes of a frame before its components: precision, height, width, and how many these are."""
_MAX_INTERVAL = 65535
_BLOCK = 8
_MARKER = re.compile(rb"\xff[^\x00]")


class _Strip(NamedTuple):
    """A strip: its segments before the scan as marker and content, the header of the scan, and its coded data."""

    segments: list[tuple[int, bytes]]
    scan_header: bytes
    coded: bytes

    @property
    def frame(self) -> bytes:
        return next((content for marker, content in self.segments if marker in _SEQUENTIAL), b"")

    @property
    def tables(self) -> list[tuple[int, bytes]]:
        return [one for one in self.segments if one[0] in _TABLES]


def join_strips(strips: Sequence[bytes], width: int, height: int, rows: int) -> bytes | None:
    """Return one JPEG of this size from strips of ``rows`` lines each, the last of which may have fewer.

    None if they cannot be joined: they differ in more than their height, do not end with whole blocks, or are not sequential.
    """
    found = [_split(strip) for strip in strips]
    first = found[0]
    if first is None or len(first.frame) < _FRAME_HEAD or len(first.frame) < _FRAME_HEAD + 3 * first.frame[5]:
        return None
    for number, strip in enumerate(found):
        if strip is None or strip.scan_header != first.scan_header or strip.tables != first.tables:
            return None
        if strip.frame != _frame_of(first.frame, min(rows, height - number * rows), width):
            return None
    block_rows, blocks = _blocks(first.frame, width, rows)
    if rows % block_rows or not 0 < blocks <= _MAX_INTERVAL:
        return None
    head = b"".join(
        _segment(marker, _frame_of(content, height, width) if marker in _SEQUENTIAL else content)
        for marker, content in first.segments
    )
    coded = b"".join(
        (b"" if not number else bytes([0xFF, 0xD0 + (number - 1) % 8])) + strip.coded
        for number, strip in enumerate(found)
        if strip is not None
    )
    interval = _segment(_DRI, blocks.to_bytes(2, "big"))
    return b"\xff\xd8" + head + interval + _segment(_SOS, first.scan_header) + coded + b"\xff\xd9"


def _split(data: bytes) -> _Strip | None:
    """Return the parts of a JPEG; None if it has several scans, restart markers, or an end that is missing."""
    segments: list[tuple[int, bytes]] = []
    at, end = 2, data.rfind(b"\xff\xd9")
    while at + 4 <= end and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        content = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == _SOS:
            coded = data[at:end]
            return None if _MARKER.search(coded) else _Strip(segments, content, coded)
        if marker == _DRI:
            return None
        segments.append((marker, content))
    return None


def _frame_of(frame: bytes, height: int, width: int) -> bytes:
    """Return the content of a frame with another size: it stands behind the precision, height first."""
    return frame[:1] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + frame[5:]


def _blocks(frame: bytes, width: int, rows: int) -> tuple[int, int]:
    """Return the lines that are coded together, and how many such units a strip has."""
    across = down = 1
    if (count := frame[5]) > 1:
        factors = [frame[7 + 3 * component] for component in range(count)]
        across, down = max(one >> 4 for one in factors), max(one & 15 for one in factors)
    unit_width, unit_rows = _BLOCK * max(1, across), _BLOCK * max(1, down)
    return unit_rows, -(-width // unit_width) * (rows // unit_rows)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
