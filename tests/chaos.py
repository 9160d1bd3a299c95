"""Chaos: documents of several kinds are read by a real service while its parts are killed, one fault a round, in seeded order.

``make chaos``, or ``python -m tests.chaos --seed 7 --rounds 12``. After each round every document must read as it did
undisturbed, failed pages must be the planted one and no other, and no page that was stored before the fault may be asked again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests import documents
from tests.service import Service, processes_of, wait_until
from tests.test_lifecycle import parent, pools
from tests.vllm_batching import Speed
from tests.vllm_server import ModelServer, served_from_thread

PAGES = 16
LONGEST_SECONDS = 150
SPEED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)
SETTINGS = {
    "INFERENCE_MODE": "vllm",
    "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1",
    "PAGE_CONCURRENCY": 4,
    "HEARTBEAT_SECONDS": 0.5,
    "HEARTBEAT_TIMEOUT_SECONDS": 3,
    "SWEEP_SECONDS": 0.5,
    "OPENER_TIMEOUT_SECONDS": 3,
    "RATE_LIMIT_READS": "none",
}
Fault = Callable[[Service], None]


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def horses(service: Service) -> list[int]:
    """Work horses: children of a pool's workers."""
    workers = [pid for pid in processes_of(service.data_dir) if parent(pid) in pools(service)]
    return [pid for pid in processes_of(service.data_dir) if parent(pid) in workers]


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


FAULTS: dict[str, Fault] = {
    "kill -9 of a work horse": lambda service: kill(horses(service)[:1]),
    "kill -9 of a worker": lambda service: kill([parent(pid) for pid in horses(service)[:1]]),
    "kill -9 of the pool": lambda service: kill(pools(service)),
    "kill -9 of Valkey": _valkey,
    "kill -9 of gunicorn's master": _master,
    "kill -9 of everything": _everything,
    "a restart": _restart,
    "a reload (HUP)": lambda service: os.kill(service.pid, signal.SIGHUP),
}


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
    """The service, its model server, and the documents as they read undisturbed."""

    def __init__(self, service: Service, server: ModelServer, folder: Path) -> None:
        self.service = service
        self.server = server
        self.folder = folder
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
        before, started = len(self.server.log), time.monotonic()
        FAULTS[name](self.service)
        found = Round(name, 0.0)
        read = self._read(scanned)
        found.seconds = time.monotonic() - started
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

    def _submit(self, path: Path) -> str:
        return self.service.submit(path, output_format="json", cache="false")

    def _stored(self, job_id: str) -> list[int]:
        return [int(path.stem) for path in (self.service.data_dir / "jobs" / job_id / "pages").glob("*.json")]

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
            except (httpx.TransportError, ValueError):
                time.sleep(0.1)  # its web server may be what was killed
                continue
            if status.get("status") in ("completed", "failed", "cancelled"):
                return status
        raise AssertionError(f"{job_id} has not ended\n{self.service.log[-4000:]}")


def run(folder: Path, faults: list[str]) -> list[Round]:
    """One round a fault. Raises AssertionError where a job does not end at all."""
    with ExitStack() as stack:
        server = stack.enter_context(served_from_thread(ModelServer(speed=SPEED, tokens=60)))
        service = stack.enter_context(Service(folder / "service", VLLM_DEEPSEEK_URL=server.url, **SETTINGS))
        chaos = Chaos(service, server, folder)
        return [_told(chaos.round(name)) for name in faults]


def order(seed: int, rounds: int) -> list[str]:
    """Each fault once before any comes twice."""
    dice, chosen = random.Random(seed), []
    while len(chosen) < rounds:
        chosen += dice.sample(sorted(FAULTS), len(FAULTS))
    return chosen[:rounds]


def _told(found: Round) -> Round:
    sys.stdout.write(f"| {found.fault:<30} | {found.seconds:7.1f} s | {found.verdict} |\n")
    sys.stdout.flush()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2 * len(FAULTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        found = run(Path(name), order(options.seed, options.rounds))
    sound = sum(not one.complaints for one in found)
    sys.stdout.write(f"{sound} of {len(found)} rounds as undisturbed (seed {options.seed})\n")
    return int(sound != len(found))


if __name__ == "__main__":
    sys.exit(main())
