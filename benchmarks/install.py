"""What a newcomer waits for and needs disk for: the README's commands in a fresh clone, with a package index at hand."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.report import Report, is_trial, progress
from tests.support.service import ROOT

STEPS = {
    "the service": ".venv/.installed",
    "what developers need besides": ".venv/.installed-dev",
}


def main() -> None:
    trial = is_trial(__doc__)
    report = Report("install")
    with tempfile.TemporaryDirectory(prefix="install-") as name:
        clone = Path(name) / "document-parser"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for what, target in STEPS.items():
            _, seconds = make(clone, target)
            report.tell(f"installing {what}, minutes", f"{seconds / 60:.1f}")
            report.tell(f"`.venv` with {what}, GB", f"{disk_bytes(clone / '.venv') / 1e9:.1f}")
        if not trial:
            printed, seconds = make(clone, "test")
            report.tell("`make test` after that, minutes", f"{seconds / 60:.0f}")
            report.notes.append(f"The suite said: {ending(printed)}.")
    report.publish(trial=trial)


def make(clone: Path, target: str) -> tuple[str, float]:
    """Run a target of the Makefile. Return what it printed, and its wall time in seconds. Ends the benchmark if it fails."""
    progress(f"make {target}")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "VIRTUAL_ENV", "PYTHONPATH"))
    }
    began = time.monotonic()
    ran = subprocess.run(["make", target], cwd=clone, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"make {target} failed:\n{ran.stdout[-4000:]}{ran.stderr[-4000:]}")
    return ran.stdout, time.monotonic() - began


def disk_bytes(folder: Path) -> int:
    """Return the room on the disk that a folder takes, in bytes, a file with several names once."""
    found = {(entry.st_dev, entry.st_ino): entry.st_blocks * 512 for entry in map(os.lstat, folder.rglob("*"))}
    return sum(found.values())


def ending(printed: str) -> str:
    """Return pytest's last words: how many tests passed and how many were skipped."""
    found = re.findall(r"=+ (.*\d+ passed.*?) in [\d.]+s.* =+", printed)
    return found[-1] if found else "nothing"


if __name__ == "__main__":
    main()
