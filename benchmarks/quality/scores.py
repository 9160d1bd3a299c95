"""The scorer's verdict on what was read, and on what peers made of the same documents in the same run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from benchmarks.report import progress

RESAMPLES = 1000
PEERS = ("pdfium_text", "rapidocr")
"""Those that need nothing but what the product itself installs; Tesseract is asked beside them, in ``alone.py``."""

UnitTests = dict[str, dict[str, bool]]
"""Passed or not, by suite and type, then by the test's id."""


@dataclass(frozen=True)
class Scored:
    """One document's metrics, or its metrics against a truth that another tool wrote (row ends in /C)."""

    path: str
    row: str
    kind: str
    language: str
    metrics: dict[str, float]


@dataclass
class Verdict:
    """All the scores of one set of outputs."""

    documents: list[Scored] = field(default_factory=list)
    unit: UnitTests = field(default_factory=dict)

    @property
    def headline(self) -> list[Scored]:
        """Without the truths that other tools wrote."""
        return [scored for scored in self.documents if not scored.row.endswith("/C")]

    def passed(self, suite: str = "") -> list[float]:
        """1 or 0 for each unit test of the suites whose names begin so."""
        return [float(ok) for name, tests in self.unit.items() if name.startswith(suite) for ok in tests.values()]


def score(scorer: Path, corpus: Path, outputs: Path, kinds: Iterable[str]) -> Verdict:
    """Score a folder of outputs."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, str(scorer), str(corpus), str(outputs), "--only", ",".join(kinds), "--json", file.name]
        subprocess.run(command, cwd=scorer.parent, check=True, stdout=subprocess.DEVNULL)
        data = json.loads(Path(file.name).read_text())
    found = [Scored(d["path"], d["row"], d["kind"], d["language"], d["metrics"]) for d in data["documents"]]
    return Verdict(found, data["unit_tests"])


def peers(names: Iterable[str], scorer: Path, corpus: Path, outputs: Path, kinds: Iterable[str]) -> dict[str, Verdict]:
    """What the scorer says of peers that are installed here; a peer that cannot run here is left out, and said so."""
    runner = scorer.with_name("run_peer.py")
    verdicts = {}
    for name in names:
        command = [sys.executable, str(runner), name, str(corpus), str(outputs / name), "--only", ",".join(kinds)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            progress(f"{name} does not run here: {ran.stderr.strip().splitlines()[-1:]}")
            continue
        verdicts[name] = score(scorer, corpus, outputs / name, kinds)
    return verdicts


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean (percentile method, Efron 1979), from a fixed seed."""
    chance = random.Random(0)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]


def figure(values: list[float]) -> str:
    """``.912 [.88, .94] n=20``."""
    if not values:
        return "-"
    low, high = interval(values)
    return f"{mean(values):.3f} [{low:.2f}, {high:.2f}] n={len(values)}"
