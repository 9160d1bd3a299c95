"""OLE files (MS-CFB, version 3) for tests: the least that a reader takes for one."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Storage = Mapping[str, "bytes | Storage"]
"""Streams and storages by their names."""

SECTOR, SMALL_STREAM = 512, 4096
_FAT_SECTORS = 4
_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def ole_file(root: Storage) -> bytes:
    """Return a file with these streams. Those below 4096 bytes are filled up: a file has another place for them."""
    entries: list[list[bytes | int]] = []
    streams: list[bytes] = []
    _add_entries("Root Entry", root, _ROOT, entries, streams)
    directory_sectors = -(-len(entries) // 4)
    fat = [_FAT] * _FAT_SECTORS
    _chain(fat, directory_sectors)
    starts = [_chain(fat, len(data) // SECTOR) for data in streams]
    directory = b"".join(_entry(*entry, starts) for entry in entries)  # type: ignore[arg-type]
    fat += [_FREE] * (_FAT_SECTORS * 128 - len(fat))
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, _FAT_SECTORS, _FAT_SECTORS, 0, SMALL_STREAM,
        _END, 0, _END, 0,
    )  # fmt: skip
    places = [*range(_FAT_SECTORS), *[_FREE] * (109 - _FAT_SECTORS)]
    table = struct.pack(f"<{len(fat)}I", *fat)
    return (
        header + struct.pack("<109I", *places) + table + directory.ljust(directory_sectors * SECTOR, b"\0") + b"".join(streams)
    )


def _add_entries(name: str, content: bytes | Storage, kind: int, entries: list[list[bytes | int]], streams: list[bytes]) -> int:
    """Add a storage or stream with all below it, and return its number. Neighbours hang on each other as a list."""
    number = len(entries)
    entries.append([name.encode("utf-16-le"), kind, _NONE, _NONE, -1, 0])
    if isinstance(content, bytes):
        data = content.ljust(SMALL_STREAM, b"\0")
        entries[number][4:] = [len(streams), len(data)]
        streams.append(data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\0"))
        return number
    last = _NONE
    for inner, below in content.items():
        added = _add_entries(inner, below, _STREAM if isinstance(below, bytes) else _STORAGE, entries, streams)
        if last == _NONE:
            entries[number][3] = added
        else:
            entries[last][2] = added
        last = added
    return number


def _chain(fat: list[int], sectors: int) -> int:
    """Add a chain of sectors, and return the first one."""
    first = len(fat)
    fat += [*range(first + 1, first + sectors), _END]
    return first


def _entry(name: bytes, kind: int, right: int, child: int, stream: int, size: int, starts: list[int]) -> bytes:
    """Return an entry of the directory."""
    start = starts[stream] if stream >= 0 else (_END if kind == _ROOT else 0)
    return struct.pack("<64sHBBIII36xIQ", name, len(name) + 2, kind, 1, _NONE, right, child, start, size)
