"""Find the templates and static files of the web page: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
"""Folder of the package ``document_parser``."""


def asset_folder(name: str) -> Path:
    """Return the folder ``templates`` or ``static``. A wheel has it inside the package, a checkout beside it."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name
