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
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import httpx2

from benchmarks.clients import MULTIPART, NEVER_FULL, Outcome, multipart, send_all
from benchmarks.report import Report, is_trial, progress
from benchmarks.usage import family_seconds
from document_parser.settings import ApiSettings
from tests.support.documents import PARAGRAPH, pdf_of_text
from tests.support.service import API, ROOT, Service, free_port, wait_until

UPLOADS = {1: 40, 10: 100, 100: 200}
"""Uploads in one round, by clients at a time."""
ROUNDS = 4
BYTES = 2_000_000
SMALL_DOCUMENTS = 40

_serials = count(1)
_filling = os.urandom(BYTES)


def main() -> None:
    trial = is_trial(__doc__)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=in_memory()) as name:
        folder = Path(name)
        with floor(folder / "floor") as bare, Service(folder / "intake", API, NUM_WORKERS=0, **NEVER_FULL) as service:
            found = compare(sides_of(bare, service), (folder / "floor", service.data_dir / "jobs"), 1 if trial else ROUNDS)
        with Service(folder / "service", API, INFERENCE_MODE="cpu", **NEVER_FULL) as service:
            waits = small_documents(service, folder, 5 if trial else SMALL_DOCUMENTS)
    report(found, waits).publish(trial=trial)


def in_memory() -> str | None:
    """A folder in memory where there is one: the disk would decide, and it is the same for both sides."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@dataclass(frozen=True)
class Side:
    """One way to upload: ``send(uploads, clients)``, and the process under which all of its server's processes are."""

    send: Callable[[int, int], Outcome]
    pid: int


@dataclass
class Cell(Outcome):
    """Uploads by one side with so many clients, and the processor seconds of its server."""

    processor: float = 0.0

    def measure(self, side: Side, uploads: int, clients: int) -> None:
        before = family_seconds(side.pid)
        self.add(side.send(uploads, clients))
        self.processor += family_seconds(side.pid) - before

    @property
    def processor_milliseconds(self) -> float:
        return self.processor / len(self.latencies) * 1000


@contextmanager
def floor(folder: Path) -> Iterator[tuple[str, int]]:
    """The bare route under gunicorn with as many workers and threads as the product: its address and its master."""
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
        yield f"http://127.0.0.1:{port}/upload", process.pid
    finally:
        process.terminate()
        process.wait(40)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 404
    except httpx2.TransportError:
        return False


def document() -> bytes:
    """A file of 2 MB that is no other's."""
    return b"%%PDF-1.7\n%% %012d\n" % next(_serials) + _filling


def sides_of(bare: tuple[str, int], service: Service) -> dict[str, Side]:
    product = f"http://127.0.0.1:{service.port}/v1/process/async"
    return {
        "floor": Side(partial(_form, bare[0]), bare[1]),
        "form": Side(partial(_form, product), service.pid),
        "raw body": Side(partial(_raw, product + "?filename=document.pdf"), service.pid),
    }


def compare(sides: dict[str, Side], stores: tuple[Path, ...], rounds: int) -> dict[tuple[str, int], Cell]:
    """Outcomes by side and number of clients. The sides take turns, so that whatever else goes on meets all alike."""
    found = {(side, clients): Cell() for side in sides for clients in UPLOADS}
    for side in sides.values():
        side.send(20, 10)  # warm
    for turn in range(rounds):
        progress(f"uploads, round {turn + 1} of {rounds}")
        for clients, uploads in UPLOADS.items():
            for name, side in sides.items():
                found[name, clients].measure(side, uploads, clients)
                clear(*stores)
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


def report(found: dict[tuple[str, int], Cell], waits: dict[str, float]) -> Report:
    made = Report("submit")
    for clients in UPLOADS:
        name = f"{clients} client{'s' if clients > 1 else ''}"
        bare = found["floor", clients]
        made.tell(f"{name}, bare route", f"{bare.per_second:.1f} uploads/s, p50 {bare.p50_milliseconds:.1f} ms")
        for way in ("form", "raw body"):
            _compare_way(made, f"{name}, {way}", found[way, clients], bare, alone=clients == 1)
    for side, what in (("floor", "bare route"), ("form", "form"), ("raw body", "raw body")):
        made.tell(f"CPU an upload, 10 clients, {what}", f"{found[side, 10].processor_milliseconds:.1f} ms")
    made.below("failed uploads", sum(cell.failures for cell in found.values()), 1, "{:d}")
    for way, milliseconds in waits.items():
        made.below(f"one digital page, {way}, upload to result, p50", milliseconds, 300, "{:.0f} ms")
    made.notes.append(
        "Uploads of 2 MB with NUM_WORKERS=0, stored in memory where the machine has a folder for that; the digital pages with "
        "two workers. The client shares the cores."
    )
    return made


def _compare_way(made: Report, name: str, cell: Cell, bare: Cell, *, alone: bool) -> None:
    made.tell(name, f"{cell.per_second:.1f} uploads/s, p50 {cell.p50_milliseconds:.1f} ms")
    if alone:
        made.below("… p50", cell.p50_milliseconds, bare.p50_milliseconds + 10, "{:.1f} ms")
    else:
        made.at_least("… uploads/s of the bare route", cell.per_second / bare.per_second, 0.8)


if __name__ == "__main__":
    main()
