"""Files that cannot be deleted, whoever the tests run as."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def undeletable(path: Path) -> Iterator[None]:
    """Have the file stay whoever deletes it: root is kept off by the immutable flag, others by the mode of the folder."""
    if os.geteuid() != 0:
        mode = path.parent.stat().st_mode
        path.parent.chmod(0o500)
        try:
            yield
        finally:
            path.parent.chmod(mode)
        return
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+i", path], capture_output=True, check=False).returncode:
        pytest.skip("root can delete everything on this file system (no immutable flag)")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)
