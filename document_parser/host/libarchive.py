"""Find the system's libarchive, which reads 7z archives."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

_NAMES = ("libarchive.so.13", "libarchive.so")
"""The first is its name since 2012. They are tried by name: a search by ``ctypes.util`` starts programs."""


@cache
def find_libarchive() -> str | None:
    """Return the name by which the library loads; None if it is not installed."""
    for name in _NAMES:
        with suppress(OSError):
            ctypes.CDLL(name)
            return name
    return None
