"""Reading a corpus: every document to Markdown, in this process, without any model server."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path

from benchmarks.report import progress
from document_parser.errors import DocumentParserError
from document_parser.models import Page
from document_parser.pipeline.local.append import append_inside
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings

MIN_SERIES = 3
"""Files whose names begin alike are a source of their own from this number on: fewer have the same first word by chance."""
KINDS = ("digital", "tables", "olmocr_unit", "receipts", "scanned")
ARCHIVES = {".zip", ".tar", ".7z"}
"""Endings of containers whose text is that of the documents inside: they are read with those below one another."""
MAX_DEPTH = 3
"""How deep documents inside others are read."""
OFFICE = "office"
"""The kind of documents that are no pages; it has sections of its own."""


@dataclass
class Reading:
    """What became of one document. ``failed`` are pages, ``error`` is the code of a document that was refused."""

    path: str
    pages: int = 0
    seconds: float = 0.0
    failed: list[int] = field(default_factory=list)
    engines: Counter[str] = field(default_factory=Counter)
    error: str = ""


def documents(corpus: Path, kinds: Iterable[str]) -> list[str]:
    """Paths of the corpus's documents of these kinds."""
    return [row["path"] for row in _manifest(corpus) if row["path"].split("/")[0] in kinds]


def sources(corpus: Path) -> dict[str, str]:
    """Where documents are from, by path: the beginning of its name before ``_`` if MIN_SERIES share it, else the repository."""
    rows = _manifest(corpus)
    series = Counter(_series(row["path"]) for row in rows)
    return {row["path"]: name if series[name := _series(row["path"])] >= MIN_SERIES else row["source_repo"] for row in rows}


def truths(corpus: Path) -> dict[str, str]:
    """How the truth of each document came about, by path: the tier that the corpus's manifest gives it, with its words."""
    return {row["path"]: row["gt_tier"] for row in _manifest(corpus)}


def tested_documents(corpus: Path) -> dict[str, str]:
    """The path of the document that each unit test is about, by the test's id."""
    tests = [
        json.loads(line)
        for suite in (corpus / "olmocr_unit").glob("*.jsonl")
        for line in suite.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    return {test["id"]: normpath(Path("olmocr_unit") / test["pdf"]) for test in tests}


def _manifest(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def _series(path: str) -> str:
    """What a file's name begins with: ``icdar13`` of ``tables/icdar13_eu-001.pdf``; the path itself without any ``_``."""
    first, mark, _ = Path(path).name.partition("_")
    return first if mark else path


async def read_all(corpus: Path, paths: list[str], outputs: Path, packs: str = "") -> list[Reading]:
    """Read every document into ``outputs/KIND/NAME.EXT.md``. ``packs`` is the packs' folder; empty: as the settings say."""
    settings = Settings(engines=EngineSettings(inference_mode="cpu", tessdata_dir=packs))
    async with DocumentParser(settings) as reader:
        found = []
        for path in paths:
            found.append(await _read(reader, corpus, path, outputs / f"{path}.md"))
            progress(f"{path}: {found[-1].pages} pages, {found[-1].seconds:.1f} s {found[-1].error}")
        return found


async def _read(reader: DocumentParser, corpus: Path, path: str, target: Path) -> Reading:
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        archive = Path(path).suffix in ARCHIVES
        with await reader.read(corpus / path, inside=archive) as document, target.open("wb") as out:
            document.write("markdown", out)
            await append_inside(reader, document, out, MAX_DEPTH)
            engines = Counter(name for page in document.pages() for name in _readers_of(page))
            seconds = time.monotonic() - started
            return Reading(path, document.progress.total_pages or 0, seconds, document.failed_pages, engines)
    except DocumentParserError as error:
        return Reading(path, seconds=time.monotonic() - started, error=error.code)


def _readers_of(page: Page) -> set[str]:
    """The engine that read a page, or its state, and those that read its pictures or were tried."""
    return {page.engine or page.status, *(attempt.engine for attempt in page.attempts)}


def by_text_layer(readings: Iterable[Reading]) -> list[Reading]:
    """Those of which no page was shown to any engine."""
    return [reading for reading in readings if reading.engines and set(reading.engines) <= {"text_layer", "blank"}]


@contextmanager
def on_one_core() -> Iterator[None]:
    """Bind this process, and the openers that it starts meanwhile, to one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
