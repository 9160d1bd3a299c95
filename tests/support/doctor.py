"""``docparse doctor``, run as a command."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.commands import docparse
from tests.support.service import CLEARED, ROOT, free_port


def environment_for(folder: Path, **settings: object) -> dict[str, str]:
    """The environment of a command whose data folder lies in ``folder``."""
    environment = {name: value for name, value in os.environ.items() if name not in CLEARED}
    given = {"DATA_DIR": folder / "data", "API_PORT": free_port(), "INFERENCE_MODE": "cpu", "PYTHONPATH": ROOT, **settings}
    return environment | {name: str(value) for name, value in given.items()}


def run_doctor(
    folder: Path, *options: str, program: Sequence[str] | None = None, **settings: object
) -> subprocess.CompletedProcess[str]:
    """``program``: what starts Python, with the restrictions it is to run under, if there are any."""
    folder.mkdir(exist_ok=True)
    environment = environment_for(folder, **settings)
    command = [*program, "-m", "document_parser", "doctor", *options] if program else docparse("doctor", *options)
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def run_checks(folder: Path, *options: str, **settings: Any) -> dict[str, dict[str, str]]:
    """The checks by name; the exit status agrees with them."""
    told = run_doctor(folder, "--json", *options, **settings)
    answer = json.loads(told.stdout)
    assert told.returncode == (0 if answer["ok"] else 1), told.stderr
    assert answer["ok"] == all(check["status"] != "missing" for check in answer["checks"])
    return {check["name"]: check for check in answer["checks"]}
