"""Folders for one piece of work that are deleted with it, also if the process that made them was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


class WorkFolder:
    """A new folder below the system's folder for temporary files, or another one. Its lock says that its process still runs.

    Making one deletes those of the same prefix whose process has ended. Raises OSError if the disk is full.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        """Make the folder, which only this user may enter."""
        parent = parent or Path(tempfile.gettempdir())
        _delete_abandoned(parent, prefix)
        unlocked = Path(tempfile.mkdtemp(prefix="new-", dir=parent))
        self._lock = _lock(unlocked)
        # Only a folder that is locked gets the name by which others look for abandoned ones.
        self.path = unlocked.rename(parent / f"{prefix}{unlocked.name.removeprefix('new-')}")

    def close(self) -> None:
        """Delete the folder and all that is in it. Further calls do nothing."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def _delete_abandoned(parent: Path, prefix: str) -> None:
    """Delete the folders of this prefix that nobody has locked."""
    for found in parent.glob(f"{prefix}*"):
        with suppress(OSError):  # of another user, or deleted meanwhile
            if (lock := _lock(found)) is not None:
                shutil.rmtree(found, ignore_errors=True)
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """Return a descriptor that locks a folder until it is closed; None if another one does. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
