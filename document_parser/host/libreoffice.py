"""Find LibreOffice on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

_BINARY = "soffice.bin"
"""The program itself. ``soffice`` beside it is a script that starts other programs."""


def find_libreoffice(named: str) -> Path | None:
    """Return the path of the program behind a name or a path, such as ``soffice``; None if it is not installed."""
    found = shutil.which(named) if named else None
    if found is None:
        return None
    program = Path(found).resolve().with_name(_BINARY)
    return program if program.is_file() else None
