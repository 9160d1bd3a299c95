"""Rich text as Outlook compresses it (MS-OXRTFCP)."""

from __future__ import annotations

import struct

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
MAX_BYTES = 1 << 26
"""Bytes of decompressed text at most."""


class CompressedRtfError(ValueError):
    """The data is no compressed rich text, or damaged."""


def decompress_rtf(data: bytes) -> bytes:
    """Return rich text. Raises CompressedRtfError."""
    if len(data) < 16:
        raise CompressedRtfError("too short")
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    if kind == _PLAIN:
        return data[16 : 16 + size]
    if kind != _COMPRESSED or size > MAX_BYTES:
        raise CompressedRtfError("not compressed rich text")
    window, write = bytearray(_DICTIONARY.ljust(_WINDOW, b"\0")), len(_DICTIONARY)
    out, at = bytearray(), 16
    while at < len(data) and len(out) < MAX_BYTES:
        control, at = data[at], at + 1
        for bit in range(8):
            if at >= len(data):
                return bytes(out)
            if not control >> bit & 1:
                piece, at = data[at : at + 1], at + 1
            else:
                if at + 1 >= len(data):
                    return bytes(out)
                reference, at = data[at] << 8 | data[at + 1], at + 2
                offset, length = reference >> 4, (reference & 0xF) + 2
                if offset == write:
                    return bytes(out)
                piece = _copy(window, offset, length, write)
            for byte in piece:
                window[write] = byte
                write = (write + 1) % _WINDOW
            out += piece
    return bytes(out)


def _copy(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """Return ``length`` bytes from the window; a run that reaches the place of writing repeats what is written there."""
    piece = bytearray()
    for step in range(length):
        place = (offset + step) % _WINDOW
        ahead = (place - write) % _WINDOW
        piece.append(piece[ahead] if ahead < step else window[place])
    return bytes(piece)
