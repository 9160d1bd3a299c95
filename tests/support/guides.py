"""The programs of docs/guides/, taken from the pages and run as a reader runs them, against the service of a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.service import ROOT, Service

GUIDES = ROOT / "docs" / "guides"
LIMIT_SECONDS = 300


def program_of(page: str, language: str, number: int = 0) -> str:
    """Return a block of code of a guide."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (GUIDES / page).read_text(), re.MULTILINE | re.DOTALL)
    return str(blocks[number])


def environment_of(service: Service, **more: str) -> dict[str, str]:
    """Return what a guide's program is told by its environment. The key is the operator's token."""
    own = {"DOCPARSE_SERVER": f"http://127.0.0.1:{service.port}", "DOCPARSE_API_KEY": service.operator_token}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT), **more}


def run_program(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a program in a folder with the sample documents; return its output. A program that fails fails the test."""
    if not (folder / "samples").exists():
        (folder / "samples").symlink_to(ROOT / "samples")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(page: str, folder: Path, environment: dict[str, str], *arguments: str, python: str = sys.executable) -> str:
    """Run the Python program of a guide."""
    path = folder / f"{Path(page).stem}_guide.py"
    path.write_text(program_of(page, "python"))
    return run_program([python, str(path), *arguments], folder, environment)


def why_not_installed(folder: Path | None, name: str) -> str | None:
    """Return why the packages of others for a guide are not there; None if they are. ``make test-guides`` installs them."""
    if folder is None:
        return "packages of others were not asked for: make test-guides installs them"
    if (folder / name / "installed").is_file():
        return None
    told = folder / name / "why-not"
    return f"{name} is not installed: {told.read_text().strip() if told.is_file() else 'make test-guides installs it'}"
