"""Whether a job is lost or usage counted wrongly while PostgreSQL or the bucket is away for a minute, Redis for ten seconds."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.bucket import Bucket
from tests.support.documents import pdf_of_text
from tests.support.owners import client_of, make_key
from tests.support.postgresql import PostgreSQL, running_postgresql, why_no_postgresql
from tests.support.service import SOON, Service, free_port, wait_until
from tests.support.valkey import valkey_server

OWNER = "acme"
CLIENTS = 3
PAUSE_SECONDS = 0.5
"""A client waits this long after each answer: the workers keep up, and the load is bounded."""
PAGES = 3
POSTGRESQL_SECONDS, BUCKET_SECONDS, REDIS_SECONDS = 60.0, 60.0, 10.0
AROUND_SECONDS = 10.0
"""How long clients send before and after a server is away."""
END_SECONDS = 300.0
"""No job takes longer to end."""
SETTINGS: dict[str, Any] = {**NEVER_FULL, **SOON, "AUTH_MODE": "required", "CACHE_HOURS": "0"}
"""Each document is read, though all are the same."""
DURABLE = "appendonly yes\nappendfsync always\n"


@dataclass
class Load:
    """What clients were answered: ids of the jobs that were accepted, and how often each status came."""

    accepted: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def running(self, client: httpx2.Client, document: Path) -> Iterator[None]:
        """Send a document again and again within this block."""
        content, stop = document.read_bytes(), threading.Event()
        senders = [threading.Thread(target=self._send, args=(client, content, stop)) for _ in range(CLIENTS)]
        for sender in senders:
            sender.start()
        try:
            yield
        finally:
            stop.set()
            for sender in senders:
                sender.join()

    def _send(self, client: httpx2.Client, content: bytes, stop: threading.Event) -> None:
        while not stop.wait(PAUSE_SECONDS):
            try:
                answer = client.post("/v1/process/async", files={"file": ("document.pdf", content)})
            except httpx2.TransportError:
                self.answers["no answer"] += 1
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == 202:
                self.accepted.append(answer.json()["job_id"])


@dataclass(frozen=True)
class Found:
    """How it ended: accepted jobs, those of them that are not completed, and what the usage says beside the ledgers."""

    load: Load
    lost: int
    pages: int
    pages_of_usage: int
    documents: int
    documents_of_usage: int


def main() -> None:
    trial = is_trial(__doc__)
    made = Report("outages")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        document = folder / "document.pdf"
        pdf_of_text(document, ["A page of a document that is read meanwhile."] * PAGES)
        if reason := why_no_postgresql():
            made.notes.append(f"PostgreSQL: {reason}.")
        else:
            seconds = 6.0 if trial else POSTGRESQL_SECONDS
            database = stack.enter_context(running_postgresql())
            add(made, f"PostgreSQL away for {seconds:.0f} s", without_postgresql(folder / "sql", document, database, seconds))
        seconds = 6.0 if trial else BUCKET_SECONDS
        add(made, f"the bucket away for {seconds:.0f} s", without_bucket(folder / "bucket", document, seconds))
        seconds = 3.0 if trial else REDIS_SECONDS
        add(made, f"Redis away for {seconds:.0f} s", without_redis(folder / "redis", document, seconds))
    made.notes.append(
        f"{CLIENTS} clients send documents of {PAGES} pages to a service with keys and two workers, {AROUND_SECONDS:.0f} s "
        "before, while and after a server is killed and started again. A document is lost if it was accepted and does not end "
        "as completed."
    )
    made.publish(trial=trial)


def without_postgresql(folder: Path, document: Path, database: PostgreSQL, seconds: float) -> Found:
    url = database.create_database("outages")
    tables = Database(Settings(store=StoreSettings(data_dir=folder), accounts=AccountSettings(database_url=url)))
    with tables.connection() as connection:
        schema.upgrade(connection)
    tables.close()

    def outage() -> None:
        database.kill()
        time.sleep(seconds)
        database.start()

    with Service(folder, DATABASE_URL=url, **SETTINGS) as service:
        return measure(service, document, make_key(service.data_dir, OWNER, database_url=url).secret, outage)


def without_bucket(folder: Path, document: Path, seconds: float) -> Found:
    with Bucket() as bucket:

        def outage() -> None:
            bucket.stop()
            time.sleep(seconds)
            bucket.start()

        with Service(folder, **bucket.settings, **SETTINGS) as service:
            return measure(service, document, make_key(service.data_dir, OWNER).secret, outage)


def without_redis(folder: Path, document: Path, seconds: float) -> Found:
    port = free_port()
    with ExitStack() as stack:
        _, server = stack.enter_context(valkey_server(folder / "valkey", port=port, config=DURABLE))

        def outage() -> None:
            server.send_signal(signal.SIGKILL)
            server.wait()
            time.sleep(seconds)
            stack.enter_context(valkey_server(folder / "valkey", port=port, config=DURABLE))

        with Service(folder / "service", REDIS_URL=f"redis://127.0.0.1:{port}/0", **SETTINGS) as service:
            return measure(service, document, make_key(service.data_dir, OWNER).secret, outage)


def measure(service: Service, document: Path, secret: str, outage: Callable[[], None]) -> Found:
    """Send documents while a server goes and comes back, and compare the usage with the ledgers of all jobs."""
    load = Load()
    with client_of(service.port, secret) as client:
        with load.running(client, document):
            time.sleep(AROUND_SECONDS)
            progress("a server is killed")
            outage()
            progress("it is started again")
            time.sleep(AROUND_SECONDS)
        wait_until(lambda: open_jobs(client) == 0, END_SECONDS, "all jobs end")
        jobs = all_jobs(client)
        lost = sum(jobs.get(job_id) != "completed" for job_id in load.accepted)
        pages = sum(pages_read(client, job_id) for job_id in jobs)
        documents = sum(state == "completed" for state in jobs.values())
        deadline = time.monotonic() + 30
        while (used := usage(client)) != (pages, documents) and time.monotonic() < deadline:
            time.sleep(0.5)
    return Found(load, lost, pages, used[0], documents, used[1])


def usage(client: httpx2.Client) -> tuple[int, int]:
    """Pages and documents of the usage."""
    total = client.get("/v1/usage").json()["total"]
    return total["pages"], total["documents"]


def all_jobs(client: httpx2.Client) -> dict[str, str]:
    """The state of every job of the owner."""
    found: dict[str, str] = {}
    query: dict[str, str] = {"limit": "100"}
    while True:
        answer = client.get("/v1/jobs", params=query).json()
        found |= {job["job_id"]: job["status"] for job in answer["jobs"]}
        if not answer["next_cursor"]:
            return found
        query["cursor"] = answer["next_cursor"]


def open_jobs(client: httpx2.Client) -> int:
    """How many jobs have not ended."""
    return sum(state not in ("completed", "failed", "cancelled") for state in all_jobs(client).values())


def pages_read(client: httpx2.Client, job_id: str) -> int:
    """How many pages the ledger of a job says were read."""
    entries = client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]
    return sum(entry["state"] in ("done", "blank") for entry in entries)


def add(made: Report, what: str, found: Found) -> None:
    answers = ", ".join(f"{status} {count}" for status, count in sorted(found.load.answers.items()))
    made.tell(f"{what}: answers to uploads", answers)
    made.below(f"{what}: of {len(found.load.accepted)} accepted jobs, lost", found.lost, 1, "{:d}")
    made.below(f"{what}: usage beside {found.pages} pages read, wrong by", abs(found.pages - found.pages_of_usage), 1, "{:d}")
    wrong = abs(found.documents - found.documents_of_usage)
    made.below(f"{what}: usage beside {found.documents} documents, wrong by", wrong, 1, "{:d}")


if __name__ == "__main__":
    main()
