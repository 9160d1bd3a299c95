"""An environment of their own for the readers of others that a benchmark measures beside ours."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

from benchmarks.report import progress


def install_peers(folder: Path, requirements: Path) -> Path:
    """Make an environment with what a requirements file names and return its Python. Raises CalledProcessError."""
    progress("installing the peers")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return python
