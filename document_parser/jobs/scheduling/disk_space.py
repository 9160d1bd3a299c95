"""Whether the disk has room for one more upload: what was taken in already must be able to end."""

from __future__ import annotations

import os
from pathlib import Path

from document_parser.errors import StorageFull
from document_parser.settings import StoreSettings

RETRY_SECONDS = 30


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written below this folder, which need not be there yet."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    disk = os.statvfs(there)
    return disk.f_bavail * disk.f_frsize


def least_free_bytes(settings: StoreSettings) -> int:
    return settings.min_free_mb << 20


def check(settings: StoreSettings, size: int = 0) -> None:
    """Raises StorageFull where an upload of so many bytes would leave the disk of DATA_DIR less room than it is to keep."""
    least, free = least_free_bytes(settings), free_bytes(settings.data_dir.absolute())
    if least and free - size < least:
        raise StorageFull(free_bytes=free, least_free_bytes=least, retry_after_seconds=RETRY_SECONDS)
