"""Uploads a second beside a bare Flask route that only stores the file, and how soon a small document is read."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import httpx

from benchmarks.clients import MULTIPART, Outcome, multipart, send_all
from benchmarks.report import Report, is_trial, progress
from document_parser.settings import ApiSettings
from tests.documents import PARAGRAPH, pdf_of_text
from tests.service import API, ROOT, Service, free_port, wait_until

UPLOADS = {1: 40, 10: 100, 100: 200}
"""Uploads in one round, by clients at a time."""
ROUNDS = 4
BYTES = 2_000_000
SMALL_DOCUMENTS = 40

_serials = count(1)
_filling = os.urandom(BYTES)


def main() -> None:
    trial = is_trial(__doc__)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        with floor(folder / "floor") as floor_url, Service(folder / "intake", API, NUM_WORKERS=0) as service:
            sides = compare(floor_url, service, folder, 1 if trial else ROUNDS)
        with Service(folder / "service", API, INFERENCE_MODE="cpu") as service:
            waits = small_documents(service, folder, 5 if trial else SMALL_DOCUMENTS)
    report(sides, waits).publish(trial=trial)


@contextmanager
def floor(folder: Path) -> Iterator[str]:
    """The bare route under gunicorn with as many workers and threads as the product."""
    folder.mkdir()
    port, own = free_port(), ApiSettings.model_fields
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", str(own["web_workers"].default)]
    options += ["--threads", str(own["web_threads"].default), "--keep-alive", "5", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", "benchmarks.floor_app:app", *options]
    environment = {**os.environ, "FLOOR_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    with (folder.parent / "floor.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder.parent, env=environment, stdin=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/"), 20, "the floor answers")
        yield f"http://127.0.0.1:{port}/upload"
    finally:
        process.terminate()
        process.wait(40)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 404
    except httpx.TransportError:
        return False


def document() -> bytes:
    """A file of 2 MB that is no other's."""
    return b"%%PDF-1.7\n%% %012d\n" % next(_serials) + _filling


def compare(floor_url: str, service: Service, folder: Path, rounds: int) -> dict[tuple[str, int], Outcome]:
    """Outcomes by side and number of clients. The sides take turns, so that whatever else goes on meets both alike."""
    product = f"http://127.0.0.1:{service.port}/v1/process/async"
    sides: dict[str, Callable[[int, int], Outcome]] = {
        "floor": partial(_form, floor_url),
        "product": partial(_form, product),
        "raw": partial(_raw, product + "?filename=document.pdf"),
    }
    found = {(side, clients): Outcome() for side in sides for clients in UPLOADS}
    for side in sides.values():
        side(20, 10)  # warm
    for turn in range(rounds):
        progress(f"uploads, round {turn + 1} of {rounds}")
        for clients, uploads in UPLOADS.items():
            for name, send in sides.items():
                found[name, clients].add(send(uploads, clients))
                clear(folder / "floor", service.data_dir / "jobs")
    return found


def _form(url: str, uploads: int, clients: int) -> Outcome:
    return send_all(url, (multipart("document.pdf", document()) for _ in range(uploads)), clients, MULTIPART)


def _raw(url: str, uploads: int, clients: int) -> Outcome:
    return send_all(url, (document() for _ in range(uploads)), clients, "application/pdf")


def clear(*folders: Path) -> None:
    """Remove what was stored, so that disks neither fill nor write on into the next round."""
    for folder in folders:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def small_documents(service: Service, folder: Path, documents: int) -> dict[str, float]:
    """Median milliseconds from the upload of a digital page to its text, by the way of asking."""
    progress(f"{documents} digital PDFs of one page, each way")
    ways: dict[str, Callable[[bytes], dict[str, str]]] = {"sync": partial(_sync, service), "async": partial(_async, service)}
    for way in ways.values():
        for _ in range(5):
            way(small_document(folder)[1])
    waits: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(documents):
        for name, way in ways.items():
            word, content = small_document(folder)
            started = time.perf_counter()
            result = way(content)
            waits[name].append(time.perf_counter() - started)
            assert result["markdown"].count(word) == 1, f"{word} is not in {result}"
    return {name: statistics.median(found) * 1000 for name, found in waits.items()}


def small_document(folder: Path) -> tuple[str, bytes]:
    """A page of text, and a word that no other has."""
    word = f"reference{next(_serials)}"
    return word, pdf_of_text(folder / "small.pdf", [f"The {word} of this agreement. {PARAGRAPH * 8}"]).read_bytes()


def _sync(service: Service, content: bytes) -> dict[str, str]:
    answer = service.client.post("/v1/process/sync", files={"file": ("small.pdf", content)})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def _async(service: Service, content: bytes) -> dict[str, str]:
    answer = service.client.post("/v1/process/async", files={"file": ("small.pdf", content)})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert service.ended(job_id)["status"] == "completed"
    return service.result(job_id)


def report(sides: dict[tuple[str, int], Outcome], waits: dict[str, float]) -> Report:
    made = Report("submit")
    for clients in UPLOADS:
        floor, product, raw = (sides[side, clients] for side in ("floor", "product", "raw"))
        name = f"{clients} client{'s' if clients > 1 else ''}"
        if clients == 1:
            made.tell(f"{name}, bare route, p50", f"{floor.p50_milliseconds:.1f} ms")
            most = floor.p50_milliseconds + 10
            made.below(f"{name}, form, p50", product.p50_milliseconds, most, "{:.1f} ms")
            made.below(f"{name}, raw body, p50", raw.p50_milliseconds, most, "{:.1f} ms")
        made.tell(f"{name}, bare route, uploads/s", f"{floor.per_second:.1f}")
        made.tell(f"{name}, form, uploads/s", f"{product.per_second:.1f}")
        for what, side in (("form", product), ("raw body", raw)):
            ratio = side.per_second / floor.per_second
            if clients > 1:
                made.at_least(f"{name}, {what}, of the bare route", ratio, 0.8)
            else:
                made.tell(f"{name}, {what}, of the bare route", f"{ratio:.2f}")
    made.below("failed uploads", sum(outcome.failures for outcome in sides.values()), 1, "{:d}")
    for way, milliseconds in waits.items():
        made.below(f"one digital page, {way}, upload to result, p50", milliseconds, 300, "{:.0f} ms")
    made.notes.append("Uploads of 2 MB with NUM_WORKERS=0; the digital pages with two workers. The client shares the cores.")
    return made


if __name__ == "__main__":
    main()
