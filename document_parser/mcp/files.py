"""Decide which files of this machine an assistant may have read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from document_parser.errors import FileNotAllowed, FileUnreadable


def folders_of_roots(addresses: Iterable[str]) -> list[Path]:
    """Return the folders of this machine among the roots that an assistant's program names."""
    parts = [urlsplit(address) for address in addresses]
    return [Path(unquote(one.path)) for one in parts if one.scheme == "file" and one.netloc in ("", "localhost")]


@contextmanager
def open_allowed(path: str, folders: Sequence[Path]) -> Iterator[BinaryIO]:
    """Open a file below one of the folders, or below several of them for a relative path.

    What was opened is checked and not the path, which could be exchanged meanwhile. Raises FileNotAllowed for a file elsewhere,
    whether it is there or not, and FileUnreadable.
    """
    given = _given(path)
    candidates = [given] if given.is_absolute() else [folder / given for folder in folders]
    allowed = [one for one in candidates if _is_below(Path(os.path.realpath(one)), folders)]
    if not allowed:
        raise FileNotAllowed(folders=[str(folder) for folder in folders])
    found = next((one for one in allowed if one.exists()), allowed[0])
    try:
        descriptor = os.open(found, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise FileUnreadable(f"The file cannot be read: {error.strerror}. Check its path and permissions.") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileUnreadable("This is no file. Give the path of one document.")
        if not _is_below(Path(f"/proc/self/fd/{descriptor}").readlink(), folders):
            raise FileNotAllowed(folders=[str(folder) for folder in folders])
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _given(path: str) -> Path:
    """Return the path that an assistant names. Raises FileNotAllowed for what is none."""
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    if "\0" in path or not path:
        raise FileNotAllowed()
    return Path(path).expanduser() if path.startswith("~/") else Path(path)


def _is_below(real: Path, folders: Iterable[Path]) -> bool:
    """Return whether a path without links lies below one of the folders, and no name below that begins with a dot."""
    for folder in folders:
        top = Path(os.path.realpath(folder))
        if real != top and real.is_relative_to(top) and not any(name.startswith(".") for name in real.relative_to(top).parts):
            return True
    return False
