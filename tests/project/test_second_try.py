"""Tests that failed are tried once more, alone, unless they are many: see the Makefile."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.service import ROOT

MOST_FAIL_ONCE = """
import pathlib
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_fails_the_first_time(number):
    tried = pathlib.Path(__file__).with_name(f"tried-{{number}}")
    assert tried.exists(), tried.touch()
    assert number >= {always}
"""


def suite_of(folder, tests, always=0):
    """A checkout with the Makefile of this project and a suite of so many tests; ``always`` of them fail every time."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text(MOST_FAIL_ONCE.format(tests=tests, always=always))
    (folder / "tests" / "conftest.py").write_text((ROOT / "tests" / "support" / "second_try.py").read_text())
    return folder


def make_test(folder):
    """``make test`` there, with what it needs already installed."""
    made = folder / "venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (made / "bin" / "docparse").write_text("#!/bin/sh\n")
    for program in (made / "bin").iterdir():
        program.chmod(0o755)
    (made / ".installed-dev").touch()
    command = ["make", "-f", ROOT / "Makefile", "-o", f"{made}/.installed-dev", "test", f"VENV={made}"]
    plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist.plugin"}  # the others take seconds to load
    return subprocess.run(command, cwd=folder, env=os.environ | plugins, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("tests", "always", "status"),
    [(3, 0, 0), (3, 1, 2), (4, 0, 2)],
    ids=["three that pass the second time", "one that fails twice", "four"],
)
def test_what_failed_is_tried_once_more_unless_it_is_much(tmp_path, tests, always, status):
    ran = make_test(suite_of(tmp_path, tests, always))
    assert f"{tests} failed" in ran.stdout
    assert ran.returncode == status, ran.stdout + ran.stderr
