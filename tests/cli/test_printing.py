"""A command that only prints makes nothing, and says where it looked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from document_parser.cli import COMMANDS
from tests.support import commands
from tests.support.service import CLEARED, Service

PRINTING = [
    ["--help"],
    ["--version"],
    *([name, "--help"] for name in COMMANDS),
    ["webhook-secret"],
    ["webhook-secret", "--all"],
    ["webhook-secret", "--rotate"],
    ["webhook-secret", "--retire"],
    ["redis-url"],
    ["models"],
    ["doctor"],
    ["parse", "/nowhere/absent.pdf"],
]
BESIDE = [["-m", "document_parser.settings"]]


def ran(folder: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """A command in a folder that is also its home and its folder for temporary files, all settings being the defaults."""
    environment = {name: value for name, value in os.environ.items() if name not in (*CLEARED, "DATA_DIR")}
    environment |= {"HOME": str(folder), "TMPDIR": str(folder), "INFERENCE_MODE": "cpu", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {name: str(value) for name, value in settings.items()}
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def docparse(folder: Path, *arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return ran(folder, *commands.docparse(*arguments), **settings)


@pytest.mark.parametrize("arguments", [*(["-m", "document_parser", *given] for given in PRINTING), *BESIDE], ids=" ".join)
def test_a_printing_command_makes_nothing(arguments, tmp_path):
    told = ran(tmp_path, sys.executable, *arguments)
    assert "Traceback" not in told.stderr
    assert told.stdout or told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_document_is_printed_and_nothing_else_is_made(tmp_path, paper):
    told = docparse(tmp_path, "parse", str(paper), "--format", "text")
    assert "The quick brown fox" in told.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [[], ["--all"], ["--rotate"], ["--retire"]])
def test_without_a_secret_it_is_said_where_it_was_looked_for_and_what_to_do(option, tmp_path):
    told = docparse(tmp_path, "webhook-secret", *option)
    assert (told.returncode, told.stdout) == (1, "")
    for word in (str(tmp_path / "data" / "webhook.secret"), "--create", "WEBHOOK_SECRET", "docparse-admin webhook-secret"):
        assert word in told.stderr


def test_a_secret_is_made_where_that_is_asked_for_and_once(tmp_path):
    made = docparse(tmp_path, "webhook-secret", "--create")
    assert (made.returncode, made.stdout[:6]) == (0, "whsec_")
    assert docparse(tmp_path, "webhook-secret", "--create").stdout == made.stdout
    assert docparse(tmp_path, "webhook-secret").stdout == made.stdout


def test_a_secret_that_another_user_may_not_read_is_said_with_what_to_do(tmp_path):
    tmp_path.joinpath("data").write_text("no folder")
    told = docparse(tmp_path, "webhook-secret")
    assert (told.returncode, told.stdout) == (1, "")
    assert "Run this command as the service's user" in told.stderr
    assert "docparse-admin webhook-secret" in told.stderr


def test_the_service_makes_its_secret_when_it_starts_and_the_command_finds_it_in_its_folder(tmp_path):
    with Service(tmp_path) as service:
        told = docparse(tmp_path, "webhook-secret")  # DATA_DIR is not named here: it is data below the service's folder
        assert told.stdout == (service.data_dir / "webhook.secret").read_text() + "\n"
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        lost = docparse(elsewhere, "redis-url")
        assert str(elsewhere / "data") in lost.stderr
        assert docparse(tmp_path, "redis-url", TMPDIR=os.environ.get("TMPDIR", "/tmp")).stderr == ""
