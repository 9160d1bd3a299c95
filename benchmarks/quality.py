"""How well pages are read: the development corpus, in process, on the CPU, scored beside it; writes docs/quality.md.

    python -m benchmarks.quality [--only digital,tables] [--outputs FOLDER] [--trial]

The corpus and its scorer are data of their own and not part of the project: ``--corpus`` and ``--scorer`` say where they lie.
Figures are means over documents, with a bootstrap interval of 95 %: the suites are small, and two or three tests are noise.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from benchmarks.report import circumstances, progress
from document_parser.settings import EngineSettings, Settings, cap_threads

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SHARED = ROOT.parent / "shared"
KINDS = ("digital", "tables", "olmocr_unit", "receipts", "scanned")
RESAMPLES = 1000
METRICS = {"word_f1": "word F1", "order": "order", "teds": "TEDS", "teds_struct": "TEDS structure", "fields": "fields"}
ALPHABET = {"en", "fr", "de", "nl", "it", "es", "zh", "ja", "no", "da", "sv", "pt", "en/zh"}
"""Languages in scripts that PP-OCRv6 small holds: Latin, Chinese, Japanese."""


@dataclass
class Reading:
    """What became of one document. ``failed`` are pages, ``error`` is the code of a document that was refused."""

    path: str
    pages: int = 0
    seconds: float = 0.0
    failed: list[int] = field(default_factory=list)
    engines: Counter[str] = field(default_factory=Counter)
    error: str = ""


@dataclass(frozen=True)
class Scored:
    """One document's metrics, or its metrics against a truth that another tool wrote (row ends in /C)."""

    path: str
    row: str
    kind: str
    language: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Aim:
    """A figure of a group of documents and what it is to reach; ``peer`` is the best of the peers'."""

    what: str
    metric: str
    chosen: Callable[[Scored], bool]
    least: float
    peer: str


def _printed(scored: Scored) -> bool:
    return scored.row == "scanned" and scored.kind != "handwriting" and scored.language in ALPHABET


AIMS = (
    Aim("digital, human truth: word F1", "word_f1", lambda s: s.row == "digital" and "order" in s.metrics, 0.92, ".890 PDFium"),
    Aim("digital, human truth: order", "order", lambda s: s.row == "digital", 0.90, ".883 PDFium"),
    Aim(
        "digital, text layer as truth: word F1",
        "word_f1",
        lambda s: s.row == "digital" and "order" not in s.metrics,
        0.98,
        ".999 PDFium",
    ),
    Aim("scanned, printed, Latin and CJK: word F1", "word_f1", _printed, 0.93, ""),
    Aim("scanned, printed, Latin and CJK: order", "order", _printed, 0.88, ""),
    Aim("scanned, printed, English: word F1", "word_f1", lambda s: _printed(s) and s.language == "en", 0.94, ".896 RapidOCR"),
    Aim("scanned, printed, English: order", "order", lambda s: _printed(s) and s.language == "en", 0.88, ".640 RapidOCR"),
    Aim("derived scans: word F1", "word_f1", lambda s: s.kind == "derived-scan", 0.95, ".901 RapidOCR"),
    Aim("derived scans: order", "order", lambda s: s.kind == "derived-scan", 0.92, ".79 RapidOCR"),
    Aim("tables: TEDS", "teds", lambda s: s.row == "tables", 0.75, ".350 pymupdf4llm"),
    Aim("tables: TEDS, structure", "teds_struct", lambda s: s.row == "tables", 0.80, ".397 pymupdf4llm"),
    Aim("tables, ICDAR-2013 digital: TEDS", "teds", lambda s: s.path.startswith("tables/icdar13"), 0.88, ""),
    Aim("receipts and invoices: expected fields", "fields", lambda s: s.row == "receipts", 0.995, ".991 RapidOCR"),
)


def documents(corpus: Path, kinds: Iterable[str]) -> list[str]:
    """Paths of the corpus's documents of these kinds."""
    with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row["path"] for row in rows if row["path"].split("/")[0] in kinds]


async def read_all(corpus: Path, paths: list[str], outputs: Path) -> list[Reading]:
    """Read every document into ``outputs/KIND/NAME.EXT.md``."""
    from document_parser.pipeline.document import DocumentReader

    settings = Settings(engines=EngineSettings(inference_mode="cpu"))
    async with DocumentReader(settings) as reader:
        found = []
        for path in paths:
            found.append(await _read(reader, corpus, path, outputs / f"{path}.md"))
            progress(f"{path}: {found[-1].pages} pages, {found[-1].seconds:.1f} s {found[-1].error}")
        return found


async def _read(reader: object, corpus: Path, path: str, target: Path) -> Reading:
    from document_parser.errors import DocumentParserError
    from document_parser.pipeline.document import DocumentReader

    assert isinstance(reader, DocumentReader)
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        with await reader.read(corpus / path) as document, target.open("wb") as out:
            document.write("markdown", out)
            engines = Counter(page.engine or page.status for page in document.pages())
            seconds = time.monotonic() - started
            return Reading(path, document.progress.total_pages or 0, seconds, document.failed_pages, engines)
    except DocumentParserError as error:
        return Reading(path, seconds=time.monotonic() - started, error=error.code)


def score(scorer: Path, corpus: Path, outputs: Path, kinds: Iterable[str]) -> tuple[list[Scored], dict[str, dict[str, bool]]]:
    """The scorer's verdict: documents, and its unit tests by suite and type."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, str(scorer), str(corpus), str(outputs), "--only", ",".join(kinds), "--json", file.name]
        subprocess.run(command, cwd=scorer.parent, check=True, stdout=subprocess.DEVNULL)
        data = json.loads(Path(file.name).read_text())
    scored = [Scored(d["path"], d["row"], d["kind"], d["language"], d["metrics"]) for d in data["documents"]]
    return scored, data["unit_tests"]


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean, from a fixed seed."""
    chance = random.Random(0)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return means[int(0.025 * RESAMPLES)], means[int(0.975 * RESAMPLES)]


def figure(values: list[float]) -> str:
    """``.912 [.88, .94] n=20``."""
    if not values:
        return "-"
    low, high = interval(values)
    return f"{mean(values):.3f} [{low:.2f}, {high:.2f}] n={len(values)}"


def aims_table(scored: list[Scored], unit: dict[str, dict[str, bool]]) -> list[str]:
    lines = ["| what | measured, 95 % interval | to reach | met | best peer |", "|---|---|---|---|---|"]
    rows = [
        (aim.what, [s.metrics[aim.metric] for s in scored if aim.chosen(s) and aim.metric in s.metrics], aim.least, aim.peer)
        for aim in AIMS
    ]
    passed = {name: [float(ok) for ok in results.values()] for name, results in unit.items()}
    olmocr = [ok for name, results in passed.items() if name.startswith("olmocr") for ok in results]
    rows += [
        ("olmOCR unit tests, without maths", olmocr, 0.75, ".480 markitdown"),
        ("both unit suites", [ok for results in passed.values() for ok in results], 0.82, ".612 RapidOCR"),
    ]
    for what, values, least, peer in rows:
        if values:
            lines.append(f"| {what} | {figure(values)} | ≥ {least:.3f} | {'yes' if mean(values) >= least else 'NO'} | {peer} |")
    return lines


def groups_table(scored: list[Scored], title: str, label: Callable[[Scored], str]) -> list[str]:
    """One line a group, one column a metric."""
    lines = [f"| {title} | " + " | ".join(METRICS.values()) + " |", "|---" * (len(METRICS) + 1) + "|"]
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        groups[label(one)].append(one)
    for name in sorted(groups):
        cells = [figure([s.metrics[metric] for s in groups[name] if metric in s.metrics]) for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def failures(readings: list[Reading]) -> list[str]:
    found = [
        f"- `{r.path}`: {r.error or 'pages ' + ', '.join(map(str, r.failed)) + ' failed'}"
        for r in readings
        if r.error or r.failed
    ]
    return found or ["None."]


def worst(scored: list[Scored], count: int = 5) -> list[str]:
    """The documents to look at next, by kind."""
    lines = []
    for row in sorted({s.row for s in scored}):
        ranked = sorted((s for s in scored if s.row == row), key=lambda s: (mean(s.metrics.values()), s.path))[:count]
        shown = ", ".join(f"`{s.path.split('/', 1)[1]}` {mean(s.metrics.values()):.2f}" for s in ranked)
        lines.append(f"- {row}: {shown}")
    return lines


def text(readings: list[Reading], scored: list[Scored], unit: dict[str, dict[str, bool]]) -> str:
    """The whole of docs/quality.md."""
    headline = [s for s in scored if not s.row.endswith("/C")]
    pages, seconds = sum(r.pages for r in readings), sum(r.seconds for r in readings)
    layer = [r for r in readings if set(r.engines) == {"text_layer"} and r.seconds]
    speed = sum(r.pages for r in layer) / max(sum(r.seconds for r in layer), 1e-9)
    parts = [
        [
            "# How well it reads",
            "",
            "Written by `python -m benchmarks.quality`, never by hand. In process, on the CPU, without any model server.",
        ],
        aims_table(headline, unit),
        [
            f"{len(readings)} documents, {pages} pages, {seconds:.0f} s. "
            f"By the text layer alone: {speed:.1f} pages/s, Markdown written, openers and all."
        ],
        ["## By kind", "", *groups_table(scored, "kind", lambda s: s.row)],
        [
            "## Scanned, by kind of document",
            "",
            *groups_table([s for s in headline if s.row == "scanned"], "kind", lambda s: s.kind),
        ],
        [
            "## Scanned, by language",
            "",
            *groups_table([s for s in headline if s.row == "scanned"], "language", lambda s: s.language or "?"),
        ],
        ["## Unit tests", "", "| suite and type | passed |", "|---|---|"]
        + [f"| {name} | {sum(found.values())} of {len(found)} |" for name, found in sorted(unit.items())],
        ["## Not read", "", *failures(readings)],
        ["## The worst of each kind", "", *worst(scored)],
        [circumstances()],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main() -> None:
    cap_threads()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus")
    parser.add_argument("--scorer", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, comma separated")
    parser.add_argument("--outputs", type=Path, help="keep what was read here; default: a temporary folder")
    parser.add_argument("--trial", action="store_true", help="print, and write no document")
    options = parser.parse_args()
    if not options.corpus.is_dir() or not options.scorer.is_file():
        sys.exit("The corpus or its scorer is not there: say where with --corpus and --scorer.")
    kinds = options.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        outputs = options.outputs or Path(folder)
        readings = asyncio.run(read_all(options.corpus, documents(options.corpus, kinds), outputs))
        found = text(readings, *score(options.scorer, options.corpus, outputs, kinds))
    print(found)
    if not options.trial:
        DOCUMENT.write_text(found)


if __name__ == "__main__":
    main()
