"""Check that the disk has space for one more upload. Jobs that were accepted before must be able to end."""

from __future__ import annotations

import os
from pathlib import Path

from document_parser.errors import StorageFull
from document_parser.settings import StoreSettings

RETRY_SECONDS = 30
"""The Retry-After of a refusal."""


def free_bytes(folder: Path) -> int:
    """Return how many bytes may still be written below this folder, which need not exist yet. Raises OSError."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    disk = os.statvfs(there)
    return disk.f_bavail * disk.f_frsize


def least_free_bytes(settings: StoreSettings) -> int:
    """Return the bytes of DATA_DIR's disk that uploads must leave free; 0 for no bound."""
    return settings.min_free_mb << 20


def check(settings: StoreSettings, size: int = 0) -> None:
    """Check that an upload of ``size`` bytes leaves enough of DATA_DIR's disk free. Raises StorageFull if not, OSError."""
    least, free = least_free_bytes(settings), free_bytes(settings.data_dir.absolute())
    if least and free - size < least:
        raise StorageFull(free_bytes=free, least_free_bytes=least, retry_after_seconds=RETRY_SECONDS)
