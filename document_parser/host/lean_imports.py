"""Import libraries without optional modules that this service does not use, and without needless work."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def block_import(module: str) -> Iterator[None]:
    """Make imports of ``module`` fail within this block, unless it has been imported before."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # Python then raises ModuleNotFoundError
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def permanent_imports() -> Iterator[None]:
    """Import within this block what lives as long as the process: the garbage collector rests, and later passes it over.

    While modules are loaded almost nothing is garbage, and each collection visits all that was loaded before: a quarter of
    the time of a web server's imports. Objects that are frozen are not visited after a fork either, which would copy their
    memory.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.collect()
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
