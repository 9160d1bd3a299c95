"""Chaos: documents of several kinds are read by a real service while its parts are killed, one fault a round, in seeded order.

``make chaos``, or ``python -m tests.support.chaos --seed 7 --rounds 12``. After each round every document must read as it did
undisturbed, failed pages must be the planted one and no other, and no page that was stored before the fault may be asked again.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from tests.support import documents
from tests.support.bucket import Bucket
from tests.support.processes import at_work, horses, kill, pool_pids
from tests.support.service import SOON, Service, asking, free_port, processes_of, wait_until
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_server import Asked, ModelServer, served_from_thread

PAGES = 16
LONGEST_SECONDS = 150
SETTINGS = {
    "PAGE_CONCURRENCY": 4,
    **SOON,
    "OPENER_TIMEOUT_SECONDS": 3,
    "RATE_LIMIT_READS": "none",
}
AWAY_SECONDS = 4.0
"""How long what is stopped stays away."""


def _valkey(service: Service) -> None:
    old = service.pids("valkey-server")
    kill(old)
    wait_until(lambda: service.pids("valkey-server") not in ([], old), LONGEST_SECONDS, "a new Valkey")


def _master(service: Service) -> None:
    assert service.process is not None
    service.process.kill()
    service.process.wait()
    # Its web workers answer what they are at, and hold the port until then: whoever supervises it starts it again after that.
    wait_until(lambda: not processes_of(service.data_dir), LONGEST_SECONDS, "what the master has left ends")
    service.start()


def _everything(service: Service) -> None:
    service.kill_everything()
    service.start()


def _restart(service: Service) -> None:
    service.stop()
    service.start()


class Models:
    """Two servers of one model, by one log. One of them may be killed, in the middle of its answers, and started again."""

    def __init__(self) -> None:
        self.log: list[Asked] = []
        self.ports = [free_port(), free_port()]
        self.servers: dict[int, tuple[ModelServer, ExitStack]] = {port: self._start(port) for port in self.ports}

    @property
    def urls(self) -> str:
        return ",".join(f"http://127.0.0.1:{port}/v1" for port in self.ports)

    def _start(self, port: int) -> tuple[ModelServer, ExitStack]:
        stack = ExitStack()
        server = stack.enter_context(served_from_thread(ModelServer(speed=UNHURRIED, tokens=60), port))
        server.log = self.log
        return server, stack

    def kill_one(self) -> None:
        """One that is in the middle of an answer: both halt there, and who halts cannot have just ended."""
        for server, _ in self.servers.values():
            server.batch.speed = replace(UNHURRIED, per_sequence=0.0)
        wait_until(self._answering, LONGEST_SECONDS, "a model server answers")
        port = self._answering()[0]
        self.servers[port][1].close()
        for server, _ in self.servers.values():
            server.batch.speed = UNHURRIED
        time.sleep(AWAY_SECONDS)
        self.servers[port] = self._start(port)

    def _answering(self) -> list[int]:
        return [port for port, (server, _) in self.servers.items() if server.batch.running]

    def close(self) -> None:
        for _, stack in self.servers.values():
            stack.close()


def fill_disk(service: Service) -> None:
    """No file of the service takes another byte for a while. Valkey's may: it is the store of documents that is full."""
    _limit_files(service, 0)
    time.sleep(AWAY_SECONDS)
    wait_until(lambda: not _limit_files(service, None), 20, "all processes may write again")


def _limit_files(service: Service, size: int | None) -> list[int]:
    """Limit how long files of these processes may be; None for as long as before. Which processes that changed."""
    changed = []
    for pid, line in processes_of(service.data_dir).items():
        # Openers write nothing, ever.
        if "valkey-server" in line or "docparse-" in line:
            continue
        with suppress(ProcessLookupError):
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            wanted = hard if size is None else size
            if soft != wanted:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (wanted, hard))
                changed.append(pid)
    return changed


def _bucket_away(bucket: Bucket) -> None:
    bucket.stop()
    time.sleep(AWAY_SECONDS)
    bucket.start()


FAULTS: dict[str, Callable[[Service], None]] = {
    "kill -9 of a work horse": lambda service: kill(horses(service)[:1]),
    "kill -9 of a worker": lambda service: kill(list(at_work(service).values())[:1]),
    "kill -9 of the pool": lambda service: kill(pool_pids(service)),
    "kill -9 of Valkey": _valkey,
    "kill -9 of gunicorn's master": _master,
    "kill -9 of everything": _everything,
    "a restart": _restart,
    "a reload (HUP)": lambda service: os.kill(service.pid, signal.SIGHUP),
    "a full disk": fill_disk,
}
MODEL_SERVER, S3 = "a model server killed in mid-stream", "S3 away for a while"
ALL_FAULTS = (*FAULTS, MODEL_SERVER, S3)


@dataclass
class Round:
    """What one fault came to."""

    fault: str
    seconds: float
    complaints: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return "; ".join(self.complaints) or "as undisturbed"


class Chaos:
    """The service, its model servers and its bucket, and the documents as they read undisturbed."""

    def __init__(self, service: Service, server: Models, bucket: Bucket | None, folder: Path) -> None:
        self.service = service
        self.server = server
        self.bucket = bucket
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.stamps = count(1, PAGES)
        self.poison = documents.endless_page_pdf(folder / "poison.pdf")
        self.letter = documents.pdf_of_text(
            folder / "letter.pdf", [f"Letter {number}. {documents.PARAGRAPH}" for number in range(9)]
        )
        self.undisturbed = {path: self._read(self._submit(path)) for path in (self.poison, self.letter)}

    def round(self, name: str) -> Round:
        """Read everything once more, with this fault in the middle."""
        first = next(self.stamps)
        scan = documents.stamped_pdf(self.folder / f"scan-{first}.pdf", range(first, first + PAGES))
        asked = len(self.server.log)
        scanned = self._submit(scan)
        others = {path: self._submit(path) for path in self.undisturbed}
        wait_until(lambda: len(self._stored(scanned)) >= 3, LONGEST_SECONDS, "some pages are stored")
        stored = {first + number - 1 for number in self._stored(scanned)}
        before, started, logged = len(self.server.log), time.monotonic(), len(self.service.log)
        self._disturb(name)
        found = Round(name, 0.0)
        read = self._read(scanned)
        found.seconds = time.monotonic() - started
        if not self._felt(name, self.service.log[logged:]):
            found.complaints.append("nobody felt it")
        if again := stored & {entry.stamp for entry in self.server.log[before:]}:
            found.complaints.append(f"stored pages asked again: {sorted(again)}")
        if missing := set(range(first, first + PAGES)) - {entry.stamp for entry in self.server.log[asked:]}:
            found.complaints.append(f"pages never asked: {sorted(missing)}")
        wrong = [
            number for number, (status, text) in enumerate(read) if status != "done" or f"stamp-{first + number} " not in text
        ]
        if wrong or len(read) != PAGES:
            found.complaints.append(f"wrong pages in the scan: {wrong} of {len(read)}")
        found.complaints += [
            f"{path.name} reads otherwise" for path, job in others.items() if self._read(job) != self.undisturbed[path]
        ]
        return found

    def _disturb(self, name: str) -> None:
        if name == MODEL_SERVER:
            self.server.kill_one()
        elif name == S3 and self.bucket is not None:
            _bucket_away(self.bucket)
        else:
            FAULTS[name](self.service)

    def _felt(self, name: str, told: str) -> bool:
        """Whether a fault that may miss has hit something."""
        if name == MODEL_SERVER:
            return any(entry.state == "aborted" for entry in self.server.log)
        return name not in (S3, "a full disk") or '"given_back"' in told

    def _submit(self, path: Path) -> str:
        return self.service.submit(path, output_format="json", cache="false")

    def _stored(self, job_id: str) -> list[int]:
        """Pages whose entry in the ledger says that their file is stored."""
        pages = self.service.client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]
        return [page["number"] for page in pages if page["state"] == "done"]

    def _read(self, job_id: str) -> list[tuple[str, str]]:
        """State and text of each page, once the job has completed."""
        status = self._ended(job_id)
        assert status["status"] == "completed", status
        pages = self.service.result(job_id, format="json")["document"]["pages"]
        return [(page["status"], " ".join(block.get("text", "") for block in page["blocks"]) + " ") for page in pages]

    def _ended(self, job_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < deadline:
            try:
                status = self.service.status(job_id, wait=1)
            except (httpx2.TransportError, ValueError):
                time.sleep(0.1)  # its web server may be what was killed
                continue
            if status.get("status") in ("completed", "failed", "cancelled"):
                return status
        raise AssertionError(f"{job_id} has not ended\n{self.service.log[-4000:]}")


def run(folder: Path, faults: list[str]) -> list[Round]:
    """One round a fault, those of the bucket last. Raises AssertionError where a job does not end at all."""
    found = _rounds(folder / "local", [name for name in faults if name != S3])
    if S3 in faults:
        with Bucket() as bucket:
            found += _rounds(folder / "s3", [name for name in faults if name == S3], bucket)
    return found


def _rounds(folder: Path, faults: list[str], bucket: Bucket | None = None) -> list[Round]:
    if not faults:
        return []
    with ExitStack() as stack:
        models = stack.enter_context(closing(Models()))
        settings = SETTINGS | asking(models.urls) | (bucket.settings if bucket is not None else {})
        service = stack.enter_context(Service(folder / "service", piped=True, **settings))
        chaos = Chaos(service, models, bucket, folder)
        return [_told(chaos.round(name)) for name in faults]


def order(seed: int, rounds: int) -> list[str]:
    """Each fault once before any comes twice."""
    dice, chosen = random.Random(seed), []
    while len(chosen) < rounds:
        chosen += dice.sample(sorted(ALL_FAULTS), len(ALL_FAULTS))
    return chosen[:rounds]


def _told(found: Round) -> Round:
    sys.stdout.write(f"| {found.fault:<36} | {found.seconds:7.1f} s | {found.verdict} |\n")
    sys.stdout.flush()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2 * len(ALL_FAULTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        found = run(Path(name), order(options.seed, options.rounds))
    sound = sum(not one.complaints for one in found)
    sys.stdout.write(f"{sound} of {len(found)} rounds as undisturbed (seed {options.seed})\n")
    return int(sound != len(found))


if __name__ == "__main__":
    sys.exit(main())
