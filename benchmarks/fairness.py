"""How soon a document of two pages is read while two of 1,000 pages are, and how well the time they take is foretold."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.pages import LOOKS, Scan, as_scanned, scanned_pdf
from benchmarks.report import Report, is_trial, progress
from benchmarks.servers import ModelServers
from benchmarks.throughput import warm_up
from tests.support.service import API, Service, wait_until

BOOK_PAGES, TRIAL_BOOK_PAGES = 1000, 400
LETTERS_WHEN_IDLE = 15
WARMING_SECONDS = 15.0
"""After the books have been planned: their pace is known by then."""
LEFT_OF_A_BOOK = 60
"""No letter is sent any more once a book has so few pages left: the service shall be busy while a letter is read."""
LONGEST_SECONDS = 900
SHORTEST_FORETOLD = 15.0
"""Forecasts of less are not judged: they are made every few seconds, and shown in whole ones."""
FASTER_THAN = 3.0
CLOSE_ENOUGH = 0.25

_numbers = count(6_000_000)


def main() -> None:
    trial = is_trial(__doc__)
    pages = TRIAL_BOOK_PAGES if trial else BOOK_PAGES
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        books = [book(folder / f"book-{first}.pdf", first, pages) for first in (1, 1_000_000)]
        with (
            ModelServers(folder / "servers") as servers,
            Service(folder / "service", API, MAX_UPLOAD_MB=500, **servers.settings()) as service,
        ):
            warm_up(service, folder, 4_000_000)
            progress(f"{LETTERS_WHEN_IDLE} letters of two pages, one after the other")
            idle = [letter(service, folder) for _ in range(LETTERS_WHEN_IDLE)]
            progress(f"two books of {pages} pages, and letters meanwhile")
            busy, forecasts = beside_books(service, folder, books)
    report(idle, busy, forecasts, pages).publish(trial=trial)


def book(path: Path, first: int, pages: int) -> Path:
    """A scanned PDF; every page has a stamp of its own, so that none is read like another."""
    looks = [as_scanned(look, quality=40) for look in range(LOOKS)]
    return scanned_pdf(path, (Scan(looks[number % LOOKS], number) for number in range(first, first + pages)))


def letter(service: Service, folder: Path) -> float:
    """Seconds from the upload of a scan of two pages to its end."""
    path = scanned_pdf(folder / "letter.pdf", [Scan(as_scanned(next(_numbers))) for _ in range(2)])
    started = time.perf_counter()
    status = service.ended(service.submit(path), LONGEST_SECONDS)
    seconds = time.perf_counter() - started
    assert status["status"] == "completed", status
    assert status["progress"]["deepseek_pages"] == 2, status
    return seconds


@dataclass
class Forecasts:
    """What the status of some jobs foretold, and when each ended. Times are of one clock, in seconds."""

    service: Service
    job_ids: list[str]
    told: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def noted(self) -> Iterator[None]:
        thread = threading.Thread(target=self._note)
        thread.start()
        try:
            yield
        finally:
            self.stopping.set()
            thread.join()

    def _note(self) -> None:
        with self.service._client() as client:
            while len(self.ended) < len(self.job_ids) and not self.stopping.wait(0.5):
                for job_id in self.job_ids:
                    status = client.get(f"/v1/jobs/{job_id}/status").json()
                    moment, seconds = time.perf_counter(), status["progress"]["eta_seconds"]
                    if status["status"] == "completed":
                        self.ended.setdefault(job_id, moment)
                    elif seconds is not None:
                        self.told.setdefault(job_id, []).append((moment, seconds))

    def errors(self) -> list[float]:
        """By how much the forecasts were wrong, as shares of what was foretold; each worth judging."""
        return [
            abs(self.ended[job_id] - moment - seconds) / seconds
            for job_id, told in self.told.items()
            for moment, seconds in told
            if seconds >= SHORTEST_FORETOLD
        ]


def beside_books(service: Service, folder: Path, books: list[Path]) -> tuple[list[float], Forecasts]:
    """Letters sent one after the other while the books are read, until a book nears its end."""
    job_ids = [service.submit(path) for path in books]
    forecasts = Forecasts(service, job_ids)
    wait_until(lambda: not any(_still_planned(service, job_id) for job_id in job_ids), LONGEST_SECONDS, "the books are planned")
    time.sleep(WARMING_SECONDS)
    found = []
    with forecasts.noted():
        while all((_left(service, job_id) or 0) > LEFT_OF_A_BOOK for job_id in job_ids):
            found.append(letter(service, folder))
        for job_id in job_ids:
            assert service.ended(job_id, LONGEST_SECONDS)["status"] == "completed"
        wait_until(lambda: len(forecasts.ended) == len(job_ids), 10, "the end of both books was noted")
    return found, forecasts


def _still_planned(service: Service, job_id: str) -> bool:
    """Whether the planner has not yet looked at every page: until then it takes a worker from the reading."""
    pages = service.client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]
    return not pages or any(page["state"] == "pending" for page in pages)


def _left(service: Service, job_id: str) -> int | None:
    """Pages still to be read; None until the document has been opened."""
    told = service.status(job_id)["progress"]
    total = told["total_pages"]
    return None if total is None else round(total * (1 - told["percent"] / 100))


def report(idle: list[float], busy: list[float], forecasts: Forecasts, pages: int) -> Report:
    made = Report("fairness")
    usual = statistics.median(idle)
    made.tell("a scan of two pages, nothing else to do, p50", f"{usual:.2f} s")
    made.tell(f"… while two of {pages} pages are read, p50 of {len(busy)}", f"{statistics.median(busy):.2f} s")
    made.tell("… p95", f"{percentile(busy, 95):.2f} s")
    made.below("… p95, times the idle p50", percentile(busy, 95) / usual, FASTER_THAN, "× {:.2f}")
    errors = forecasts.errors()
    made.tell(f"forecasts for the large ones, {len(errors)}, wrong by, p50", f"{statistics.median(errors):.0%}")
    made.below("… p95", percentile(errors, 95), CLOSE_ENOUGH, "{:.0%}")
    made.notes.append(
        "From the start of the upload to the completed job, one after the other. A forecast is the status' eta_seconds of the "
        f"large documents, asked twice a second from {WARMING_SECONDS:.0f} s on, until {SHORTEST_FORETOLD:.0f} s before the "
        "foretold end, against what really happened. The simulated server is that of the throughput benchmark, at its limit "
        "meanwhile, where each page is written more slowly than on an idle one."
    )
    return made


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]


if __name__ == "__main__":
    main()
