"""A folder in which ``docparse parse`` is called as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from document_parser.settings import environment_fields
from tests.support.commands import docparse
from tests.support.service import ROOT

COMMAND = [sys.executable, "-m", "document_parser", "parse"]
"""The command with the start of Python and the loading of its modules."""


@dataclass
class Desk:
    """A folder in which the command is called, away from any .env."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        ours = {name for _, name, _ in environment_fields()}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return kept | {"INFERENCE_MODE": "cpu", "PYTHONPATH": str(ROOT), **self.settings}

    def parse(self, *arguments: object, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[str]:
        """Call the command; its standard output is text."""
        done = subprocess.run(
            docparse("parse", *arguments),
            cwd=self.folder,
            env=self.environment | settings,
            input=stdin,
            capture_output=True,
            timeout=200,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def popen(self, *arguments: object, **settings: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            docparse("parse", *arguments),
            cwd=self.folder,
            env=self.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def files(self, folder: str = "out") -> list[str]:
        """All files below a folder, hidden ones too."""
        root = self.folder / folder
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()
