"""Documents of every kind, with every fate: read, failed, cancelled, deleted; and what their callers do meanwhile."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import httpx2

from benchmarks.pages import Scan, as_scanned, scanned_pdf
from tests.support import documents
from tests.support.service import ROOT, Service

Fate = Literal["completed", "failed", "cancelled", "deleted", "any"]
CORPUS = ROOT.parent / "shared" / "corpus"
MOST_CORPUS_BYTES = 200_000
FIRST_STAMP = 7_000_000
PASSWORD = "key"


@dataclass(frozen=True)
class Case:
    """One document: how it is made, what is asked for, and how it ends."""

    name: str
    make: Callable[[Path, int], Path]
    fate: Fate = "completed"
    fields: dict[str, str] = field(default_factory=dict)
    watched: bool = False
    """Its caller follows the events, and looks at a page and at another format."""


def _paper(folder: Path, number: int) -> Path:
    return documents.pdf_of_text(folder / f"{number}.pdf", [f"Paper {number}. {documents.PARAGRAPH * 3}"] * 3)


def _scans(pages: int, folder: Path, number: int) -> Path:
    stamps = range(FIRST_STAMP + 10 * number, FIRST_STAMP + 10 * number + pages)
    return scanned_pdf(folder / f"{number}.pdf", [Scan(as_scanned(stamp)) for stamp in stamps])


def _photo(folder: Path, number: int) -> Path:
    path = folder / f"{number}.jpg"
    path.write_bytes(as_scanned(FIRST_STAMP + 10 * number))
    return path


def _frames(folder: Path, number: int) -> Path:
    return documents.multi_frame_tiff(folder / f"{number}.tiff", [f"Frame {frame} of {number}" for frame in (1, 2)])


def _locked(folder: Path, number: int) -> Path:
    return documents.encrypted_pdf(folder / f"{number}.pdf", PASSWORD, f"Secret {number}")


def _damaged(folder: Path, number: int) -> Path:
    whole = _paper(folder, number)
    return documents.truncated(whole, whole, 0.2)


def _found(source: Path, folder: Path, number: int) -> Path:
    path = folder / f"{number}{source.suffix}"
    path.write_bytes(source.read_bytes())
    return path


CASES = (
    Case("paper", _paper),
    Case("paper", _paper, watched=True),
    Case("paper", _paper, fields={"output_format": "json"}),
    Case("scan", partial(_scans, 1)),
    Case("scan", partial(_scans, 3), watched=True),
    Case("photo", _photo),
    Case("frames", _frames),
    Case("locked", _locked, fields={"password": PASSWORD}),
    Case("locked", _locked, "failed"),
    Case("damaged", _damaged, "any"),
    Case("scan, cancelled", partial(_scans, 6), "cancelled"),
    Case("scan, deleted", partial(_scans, 3), "deleted"),
)


def cases(count: int, webhook_url: str) -> Iterator[Case]:
    """So many documents in a fixed order; every fourth has a webhook, every tenth comes from the corpus where that is there."""
    chance, found = random.Random(count), _small_of_corpus()
    for number in range(count):
        case = CASES[number % len(CASES)]
        if found and number % 10 == 9:
            source = chance.choice(found)
            case = Case(f"corpus: {source.name}", partial(_found, source), "any")
        if number % 4 == 3:
            case = Case(case.name, case.make, case.fate, {**case.fields, "webhook_url": webhook_url}, case.watched)
        yield case


def _small_of_corpus() -> list[Path]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    paths = [CORPUS / row["path"] for row in rows if row["path"].startswith(("digital/", "hostile/"))]
    return [path for path in paths if path.suffix == ".pdf" and path.stat().st_size < MOST_CORPUS_BYTES]


def live_through(service: Service, client: httpx2.Client, case: Case, folder: Path, number: int) -> str:
    """Send one document and stay with it until its fate is fulfilled: how it ended. Raises AssertionError."""
    path = case.make(folder, number)
    with path.open("rb") as stream:
        answer = client.post("/v1/process/async", files={"file": (path.name, stream)}, data=case.fields)
    path.unlink()
    if case.fate == "any" and answer.status_code in (400, 415, 422):
        return "refused"
    assert answer.status_code == 202, (case.name, answer.text)
    job_id = str(answer.json()["job_id"])
    if case.fate == "deleted":
        assert client.delete(f"/v1/jobs/{job_id}").status_code == 200
        return "deleted"
    if case.fate == "cancelled":
        assert client.post(f"/v1/jobs/{job_id}/cancel").status_code in (200, 409)
    if case.watched:
        with client.stream("GET", f"/v1/jobs/{job_id}/events") as events:
            for _ in events.iter_lines():
                pass
    return _ended(service, client, case, job_id)


def _ended(service: Service, client: httpx2.Client, case: Case, job_id: str) -> str:
    while (status := client.get(f"/v1/jobs/{job_id}/status", params={"wait": 20}).json())["status"] in ("queued", "processing"):
        pass
    ended = str(status["status"])
    assert case.fate in ("any", ended) or (case.fate == "cancelled" and ended == "completed"), (case.name, status)
    if case.fate == "completed":
        assert status["complete"], (case.name, status)
        asked = ("", "html") if case.watched else ("",)
        for name in asked:
            assert client.get(f"/v1/jobs/{job_id}/result", params={"format": name}).status_code in (200, 409), service.log[
                -4000:
            ]
        if case.watched:
            assert client.get(f"/v1/jobs/{job_id}/pages/1/image").status_code in (200, 409)
    return ended
