"""Programs that check what is in deploy/: those of ``make test-deploy`` in .venv-deploy, else this machine's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.service import ROOT

FOLDER = ROOT / ".venv-deploy"
PATH = f"{FOLDER / 'bin'}:{os.environ.get('PATH', '')}:/usr/sbin"


def tool(name: str) -> str:
    """The path of a program; skips the test where there is none."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"no {name} here; make test-deploy brings what can be had")
    return found


def checked(*command: str | Path, cwd: Path = ROOT, stdin: str = "", **environment: str) -> str:
    """What a command writes to standard output. It must succeed."""
    ran = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, input=stdin, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return ran.stdout


def compose() -> list[str]:
    """Docker Compose, as a program of its own or Docker's plugin; skips the test where there is none."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    pytest.skip("no docker compose here")


def why_no_docker() -> str:
    """Why no container can be started here, or nothing."""
    docker = shutil.which("docker")
    if docker is None:
        return "docker is not installed"
    running = subprocess.run([docker, "info"], capture_output=True, check=False, timeout=60).returncode == 0
    return "" if running else "no docker daemon runs"
