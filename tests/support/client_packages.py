"""The client packages of other systems, which ``make test-clients`` installs apart from what this service needs."""

from __future__ import annotations

import importlib
import site
import sys
import sysconfig
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_why_not = "the clients of other systems were not asked for: make test-clients installs them"


def add_client_packages(venv: Path | None) -> None:
    """Let the modules of a virtual environment be imported, after all others. Warnings of theirs are not ours to mend."""
    global _why_not
    if venv is None:
        return
    if (venv / "installed.txt").is_file():
        scheme = {"base": str(venv), "platbase": str(venv)}
        site.addsitedir(sysconfig.get_path("purelib", "venv", scheme))
        _why_not = f"{venv} has no such package: remove it, and run make test-clients"
        return
    told = venv / "why-not"
    _why_not = f"there are no client packages in {venv}: {told.read_text().strip() if told.is_file() else 'make test-clients'}"


def client_package(name: str) -> Any:
    """Return a module of a client package. The test module that asks is skipped, with the reason, where there is none."""
    found: ModuleType | None = sys.modules.get(name)
    if found is not None:
        return found
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            pytest.skip(_why_not, allow_module_level=True)
