"""Imports without what they would bring along for uses that this service does not make."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Let imports in this block find no such module, if nobody has imported it yet."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # how Python is told that there is none
    try:
        yield
    finally:
        del sys.modules[module]
