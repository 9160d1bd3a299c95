"""Office files to Markdown on one core beside markitdown and all2md, and a sheet of a million cells beside python-calamine.

    python -m benchmarks.intake [--trial] [--corpus FOLDER]... [--peers PYTHON]

Both sides read the same files in turns, in one run. The best of the rounds counts: others may be at work on the machine.
The peers get an environment of their own, made of ``requirements.txt`` beside this file, unless ``--peers`` names its Python.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake.sheet import write_workbook
from benchmarks.peer_environment import install_peers
from benchmarks.report import Report, progress

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ROOT.parent / "shared"
KINDS = ("docx", "xlsx", "pptx")
PEERS = ("markitdown", "all2md")
OURS = [sys.executable, "-m", "benchmarks.intake.ours"]
ROUNDS, TRIAL_ROUNDS = 3, 1
CELLS, TRIAL_CELLS = 1_000_000, 100_000
LOOK_SECONDS = 0.02
LEAST_OF_MARKITDOWN, LEAST_OF_ALL2MD, MOST_OF_CALAMINE, MOST_MIB = 5.0, 1.0, 4.0, 600.0


@dataclass
class Best:
    """The best round of one side: seconds, files not read, and the most memory of one process in MiB."""

    seconds: float = float("inf")
    failed: int = 0
    mebibytes: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trial", action="store_true", help="a short run that prints its table and writes nothing")
    parser.add_argument(
        "--corpus", type=Path, action="append", help="a corpus with a folder office; may be given several times"
    )
    parser.add_argument("--peers", type=Path, help="the Python of an environment that has the peers")
    given = parser.parse_args()
    report = Report("intake")
    with tempfile.TemporaryDirectory(prefix="intake-") as name:
        peers = given.peers or install_peers(Path(name) / "peers", HERE / "requirements.txt")
        rounds = TRIAL_ROUNDS if given.trial else ROUNDS
        compare_documents(report, peers, given.corpus or [SHARED / "corpus", SHARED / "corpus2"], rounds)
        compare_sheet(report, peers, Path(name) / "sheet.xlsx", TRIAL_CELLS if given.trial else CELLS, rounds)
    report.notes.append(
        "One core for everything: ours with a confined process of its own for each document. Images are read on neither side. "
        "A peer that refuses a file has its time until then counted; the best of "
        f"{rounds} rounds."
    )
    report.publish(trial=given.trial)


def compare_documents(report: Report, peers: Path, corpora: list[Path], rounds: int) -> None:
    """Add the seconds of all sides for the documents of each kind, and for all."""
    sides = {"ours": OURS, **{name: [str(peers), str(HERE / "peer.py"), name] for name in PEERS}}
    total = dict.fromkeys(sides, 0.0)
    for kind in KINDS:
        files = [path for corpus in corpora for path in sorted((corpus / "office").glob(f"*.{kind}"))]
        if not files:
            report.notes.append(f"No {kind.upper()}: the corpus is not there.")
            continue
        best = measure(sides, files, rounds)
        for side in sides:
            total[side] += best[side].seconds
        figures = "; ".join(f"{side} {one.seconds:.2f} s, {one.failed} not read" for side, one in best.items())
        report.tell(f"{len(files)} {kind.upper()}", figures)
    if total["ours"]:
        report.at_least("all: times as fast as markitdown", total["markitdown"] / total["ours"], LEAST_OF_MARKITDOWN)
        report.at_least("all: times as fast as all2md", total["all2md"] / total["ours"], LEAST_OF_ALL2MD)


def compare_sheet(report: Report, peers: Path, path: Path, cells: int, rounds: int) -> None:
    """Add time and memory of a large sheet."""
    write_workbook(path, cells)
    best = measure({"ours": OURS, "calamine": [str(peers), str(HERE / "peer.py"), "calamine"]}, [path], rounds)
    ours, theirs = best["ours"], best["calamine"]
    report.tell(f"a sheet of {cells:,} cells", f"ours {ours.seconds:.2f} s, calamine {theirs.seconds:.2f} s")
    report.below("… to Markdown, times calamine's time", ours.seconds / theirs.seconds, MOST_OF_CALAMINE, "{:.2f}")
    report.below("… most memory of a process", ours.mebibytes, MOST_MIB, "{:.0f} MiB")


def measure(sides: dict[str, list[str]], files: list[Path], rounds: int) -> dict[str, Best]:
    """Let all sides read the files in turns. Return the best round of each; the memory is that of the worst one."""
    best = {side: Best() for side in sides}
    for number in range(rounds):
        for side, command in sides.items():
            progress(f"round {number + 1}: {side}, {len(files)} files")
            found, mebibytes = run(command, files)
            one = best[side]
            one.seconds, one.failed = min(one.seconds, found["seconds"]), int(found["failed"])
            one.mebibytes = max(one.mebibytes, mebibytes)
    return best


def run(command: list[str], files: list[Path]) -> tuple[dict[str, float], float]:
    """Run a side on one core. Return what it printed, and the most memory of one of its processes in MiB."""
    core = {max(os.sched_getaffinity(0))}
    process = subprocess.Popen(
        ["taskset", "-c", str(*core), *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n".join(map(str, files)))
    process.stdin.close()
    most = 0.0
    while process.poll() is None:
        most = max([most, *map(peak_mebibytes, descendants(process.pid))])
        time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise SystemExit(f"{command[-1]} failed")
    return json.loads(process.stdout.read()), most


def descendants(pid: int) -> list[int]:
    """Return a process and those that it and its children started."""
    found = [pid]
    for parent in found:
        try:
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
        except OSError:
            continue  # it has ended
    return found


def peak_mebibytes(pid: int) -> float:
    """Return the most memory that a process had so far in MiB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


if __name__ == "__main__":
    main()
