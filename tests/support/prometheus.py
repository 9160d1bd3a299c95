"""Prometheus' own programs, where they are: ``promtool``, ``prometheus`` and ``amtool``."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.support.service import ROOT

FETCHED = ROOT / ".venv" / "prometheus" / "usr" / "bin"
"""Where ``tests/support/prometheus.sh`` puts the programs."""


def program(name: str) -> str:
    """The path of a program. The test is skipped where there is none."""
    found = shutil.which(name, path=os.pathsep.join([str(FETCHED), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"no {name} here (apt install prometheus prometheus-alertmanager, or tests/support/prometheus.sh)")
    return found


def promtool(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return run("promtool", *arguments, stdin=stdin)


def run(name: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the programs."""
    return subprocess.run([program(name), *map(str, arguments)], input=stdin, capture_output=True, text=True, check=False)
