"""Messages as Outlook stores them: the attributes of a winmail.dat (TNEF), the streams of a .msg file."""

from __future__ import annotations

import struct

from document_parser.sources.mail.winmail_file import SIGNATURE


def winmail(*attributes: bytes) -> bytes:
    """A winmail.dat in Western European letters."""
    return struct.pack("<IH", SIGNATURE, 1) + attribute(1, 0x9007, struct.pack("<II", 1252, 0)) + b"".join(attributes)


def attribute(level: int, number: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, number, 0, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(**values: bytes) -> bytes:
    """A list of TNEF properties: ``_3707_001F=b"..."``."""
    out = struct.pack("<I", len(values))
    for name, value in values.items():
        number, kind = int(name[1:5], 16), int(name[6:10], 16)
        out += struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return out


def stored(**texts: str) -> dict[str, bytes]:
    """The streams of texts, by the number of their property after a letter."""
    return {f"__substg1.0_{name[1:]}001F": text.encode("utf-16-le") for name, text in texts.items()}


def fixed(start: int, *entries: tuple[int, int, int]) -> dict[str, bytes]:
    """The stream of properties of fixed size: (number, type, value)."""
    values = b"".join(struct.pack("<HHIq", kind, number, 6, value) for number, kind, value in entries)
    return {"__properties_version1.0": b"\0" * start + values}
