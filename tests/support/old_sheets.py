"""Old workbooks (BIFF 8) for tests: the least that a reader takes for one."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.support.ole_files import ole_file

_BOF, _EOF, _SHEET, _FONT, _XF, _SIZE, _LABEL, _LINK, _BOOK = 0x809, 0x0A, 0x85, 0x31, 0xE0, 0x200, 0x204, 0x1B8, 0x1AE
_LINK_CLASS, _ADDRESS_CLASS = (bytes.fromhex(f"{first}c9ea79f9bace118c8200aa004ba90b") for first in ("d0", "e0"))


def old_workbook(texts: Sequence[str], *, link: str = "", linked_book: str = "", first: bytes = b"") -> bytes:
    """A workbook with texts in its first row, the first of which is a link, and a reference to another workbook.

    ``first`` are records behind the first one.
    """
    book = _record(_BOF, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + first
    book += _record(_FONT, struct.pack("<HHHHHBBBB", 200, 0, 8, 400, 0, 0, 0, 0, 0) + _text("Arial", "<B")) + _record(
        _XF, b"\0" * 20
    )
    if linked_book:
        book += _record(_BOOK, struct.pack("<H", 1) + _text(linked_book, "<H") + _text("S", "<H"))
    name = _text("S", "<B")
    start = len(book) + 4 + 6 + len(name) + 4
    book += _record(_SHEET, struct.pack("<IBB", start, 0, 0) + name) + _record(_EOF, b"")
    cells = _record(_SIZE, struct.pack("<IIHHH", 0, 1, 0, len(texts), 0)) + b"".join(
        _record(_LABEL, struct.pack("<HHH", 0, column, 0) + _text(text, "<H")) for column, text in enumerate(texts)
    )
    address = f"{link}\0".encode("utf-16-le")
    place = _LINK_CLASS + struct.pack("<II", 2, 3) + _ADDRESS_CLASS + struct.pack("<I", len(address)) + address
    links = _record(_LINK, struct.pack("<HHHH", 0, 0, 0, 0) + place) if link else b""
    sheet = _record(_BOF, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + cells + links + _record(_EOF, b"")
    return ole_file({"Workbook": book + sheet})


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _text(text: str, length: str) -> bytes:
    """A text of one byte a letter behind its length."""
    return struct.pack(length, len(text)) + b"\0" + text.encode("latin-1")
