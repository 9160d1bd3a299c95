"""Tell lines of programs by signs that texts hardly have."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"[{}\[\];=<>]|\w\(|^\s*(?:#|//|/\*|\$ )")


def count_program_signs(text: str) -> int:
    """Return how many signs of a program a line has: brackets, comparisons, semicolons, calls, the beginning of a comment."""
    return len(_SIGNS.findall(text))
