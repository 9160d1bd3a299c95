"""Write files that appear completely or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a new file beside ``path`` that replaces it at the end of the block, or is removed if an error occurs.

    Raises OSError.
    """
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as out:
            yield out
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_or_create_secret(path: Path, new: Callable[[], bytes]) -> str:
    """Return the text of a file, which is created once with the bytes of ``new`` and readable only by its owner (0600).

    If two processes create it at the same time, the second reads what the first wrote. Raises OSError.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f".{uuid.uuid4().hex}.part")
        part.touch(mode=0o600, exist_ok=False)
        try:
            part.write_bytes(new())
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text()
