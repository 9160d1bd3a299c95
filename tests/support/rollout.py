"""A rolling update under load: the last release and this version side by side, there and back, with a migration between.

``make rollout-test``, or ``python -m tests.support.rollout --seconds 10 --pace 2``. Both versions share a Valkey, a bucket and
a PostgreSQL; each host has a folder of its own. No accepted job may be lost, none may read otherwise than it was sent, and no
request may fail that asking again by ``Retry-After`` does not mend. ``--write`` puts the table into docs/rollout.md.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from benchmarks.report import circumstances, with_section
from tests.support.bucket import Bucket
from tests.support.postgresql import running_postgresql, why_no_postgresql
from tests.support.released import NoRelease, Version, last_release, unpack
from tests.support.rollout_load import Callers, Counts, Fleet, Unmended
from tests.support.service import API, ROOT, UNCHECKED, WORKER, Service, asking, wait_until
from tests.support.valkey import valkey_server
from tests.support.vllm_batching import UNHURRIED
from tests.support.vllm_server import ModelServer, served_from_thread

DOCUMENT = ROOT / "docs" / "rollout.md"
OLD, NEW = "N", "N+1"
PRE_STOP = 10.0
"""Seconds between a host's leaving the balancer and its signal to stop: preStopSeconds of the chart."""
START_SECONDS = 60


class Phase(NamedTuple):
    """Which versions serve and which work while it lasts. With ``migrates`` the new version's tables are made in it."""

    name: str
    apis: tuple[str, ...]
    workers: tuple[str, ...]
    migrates: bool = False


PHASES = (
    Phase("N alone", (OLD,), (OLD,)),
    Phase("N alone, tables of N+1", (OLD,), (OLD,), migrates=True),
    Phase("both", (OLD, NEW), (OLD, NEW)),
    Phase("API of N+1, workers of N", (NEW,), (OLD,)),
    Phase("API of N, workers of N+1", (OLD,), (NEW,)),
    Phase("N+1 alone", (NEW,), (NEW,)),
    Phase("back: both", (NEW, OLD), (NEW, OLD)),
    Phase("back: N alone", (OLD,), (OLD,)),
    Phase("read through both", (OLD, NEW), (OLD,)),
)


@dataclass
class Found:
    """What one phase came to."""

    phase: str
    counts: Counts
    seconds: float

    @property
    def verdict(self) -> str:
        return "; ".join(self.counts.failures[:3]) or "nothing lost"


@dataclass
class Outcome:
    """What a whole run came to. ``lost`` are sentences about accepted jobs."""

    release: str
    phases: list[Found] = field(default_factory=list)
    accepted: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        return [sentence for one in self.phases for sentence in one.counts.failures]

    def table(self) -> str:
        heads = ("phase", "documents accepted", "requests at N", "requests at N+1", "asked again", "failed", "verdict")
        rows = [heads, tuple("-" * len(head) for head in heads)]
        for one in self.phases:
            counts = one.counts
            figures = (counts.accepted, counts.requests[OLD], counts.requests[NEW], _told(counts.again), len(counts.failures))
            rows.append((one.phase, *map(str, figures), one.verdict))
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def summary(self) -> str:
        return (
            f"{self.accepted} jobs accepted, {len(self.lost)} lost; {len(self.failed)} requests failed. "
            f"N is the commit {self.release[:10]}, N+1 this checkout."
        )


class Rollout:
    """The hosts of both versions, and the callers whose requests they take."""

    def __init__(self, folder: Path, settings: dict[str, Any], versions: dict[str, Version], stack: ExitStack) -> None:
        self.folder, self.settings, self.versions = folder, settings, versions
        self.stack = stack
        self.fleet = Fleet()
        self.hosts: dict[tuple[str, str], Service] = {}
        self.started = 0
        self.docparse(OLD, "db", "upgrade")
        scopes = ("--scopes", "process,read,extract,admin")
        told = self.docparse(OLD, "keys", "create", "--name", "rollout", "--owner", "rollout", *scopes)
        self.key = told.partition("key:")[2].split()[0]

    def docparse(self, version: str, *arguments: str) -> str:
        """Run a command of a version; what it prints."""
        host = self._host(version, "commands", API)
        host.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "document_parser", *arguments]
        told = subprocess.run(command, env=host.environment, cwd=host.folder, capture_output=True, text=True, check=False)
        host.client.close()
        assert told.returncode == 0, f"docparse {' '.join(arguments)} of {version}: {told.stdout}{told.stderr}"
        return told.stdout

    def enter(self, phase: Phase, before_stop: Callable[[], None]) -> None:
        """Start what the phase has and what is not there yet; then stop, one after the other, what it does not have."""
        if phase.migrates:
            self.docparse(NEW, "db", "upgrade")
        wanted = [*((version, "workers") for version in phase.workers), *((version, "api") for version in phase.apis)]
        for one in wanted:
            if one not in self.hosts:
                self._start(*one)
        for one in [one for one in self.hosts if one not in wanted]:
            before_stop()
            self._stop(one)

    def _start(self, version: str, role: str) -> None:
        host = self._host(version, role, API if role == "api" else WORKER)
        self.stack.callback(host.client.close)
        self.stack.callback(host.kill_everything)
        host.start()
        self.hosts[version, role] = host
        if role == "api":
            host.ready(START_SECONDS)
            self.fleet.join(version, host)
        elif any(kind == "api" for _, kind in self.hosts):
            pools = sum(kind == "workers" for _, kind in self.hosts)
            _, api = self.fleet.next()
            there = f"the worker of {version} is there\n{host.folder}"
            wait_until(lambda: _workers_at(api) >= pools, START_SECONDS, there, pause=0.25)

    def _stop(self, one: tuple[str, str]) -> None:
        host = self.hosts.pop(one)
        if one[1] == "api":
            self.fleet.leave(host)
            time.sleep(PRE_STOP)
        host.stop()

    def _host(self, version: str, role: str, command: list[str]) -> Service:
        self.started += 1
        own = {"NUM_WORKERS": 0 if role == "api" else 1, "PYTHONPATH": self.versions[version].root}
        folder = self.folder / f"{self.started:02}-{role}-{version}"
        return Service(folder, command, preloaded=False, **self.settings | own)


def run(folder: Path, *, seconds: float, pace: float) -> Outcome:
    """Go there and back once, each phase for at least so many seconds. Raises NoRelease, AssertionError."""
    release = last_release()
    outcome = Outcome(release)
    with ExitStack() as stack:
        versions = {OLD: unpack(release, folder / "release"), NEW: Version("checkout", ROOT)}
        settings = stack.enter_context(_surroundings(folder))
        rollout = Rollout(folder / "hosts", settings, versions, stack)
        callers = Callers(rollout.fleet, rollout.key, folder / "documents")
        for phase in PHASES:
            callers.counts = counts = Counts()
            began = time.monotonic()
            last = phase is PHASES[-1]
            if last:
                callers.finish()
            rollout.enter(phase, callers.send_long)
            if phase is PHASES[0]:
                callers.begin(pace)
            if last:
                outcome.lost = _lost(callers)
            else:
                time.sleep(seconds)
            outcome.phases.append(Found(phase.name, counts, time.monotonic() - began))
            _tell(outcome.phases[-1])
        outcome.accepted = len(callers.sent)
    return outcome


def _workers_at(api: Service) -> int:
    """How many workers an API host sees; none while it has no time to say."""
    try:
        return int(api.client.get("/v1/health").json()["workers"])
    except httpx2.TransportError:
        return 0


def _lost(callers: Callers) -> list[str]:
    """What is wrong with accepted jobs, each of them read through both versions, and in the lists of both."""
    found = []
    for _ in (OLD, NEW):
        with contextlib.suppress(Unmended):
            missing = {sent.job_id for sent in callers.sent} - callers.listed()
            found += [f"{job_id} is not in the list" for job_id in sorted(missing)]
        for sent in callers.sent:
            with contextlib.suppress(Unmended):
                found.append(callers.read(sent))
    return [sentence for sentence in found if sentence]


@contextlib.contextmanager
def _surroundings(folder: Path) -> Iterator[dict[str, Any]]:
    """Settings of hosts over one Valkey, bucket, PostgreSQL and model server, which run until the end of the block."""
    with ExitStack() as stack:
        port, _ = stack.enter_context(valkey_server(folder / "valkey", config="appendonly yes\n"))
        bucket = stack.enter_context(Bucket())
        postgresql = stack.enter_context(running_postgresql())
        models = stack.enter_context(served_from_thread(ModelServer(speed=UNHURRIED, tokens=60)))
        yield {
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "DATABASE_URL": postgresql.url,
            "SECRET_KEY": "shared by all hosts of the update",
            "AUTH_MODE": "required",
            "RATE_LIMIT_UPLOADS": "none",
            "RATE_LIMIT_READS": "none",
            "WEB_WORKERS": 1,
            "PAGE_CONCURRENCY": 4,
            # Longer than any request waits by design: N answers those no sooner when it stops.
            "DRAIN_SECONDS": 40,
            "OMP_NUM_THREADS": 1,
            **bucket.settings,
            **asking(models.url, "auto"),
            **UNCHECKED,
        }


def _told(again: Counter[str]) -> str:
    """How many requests were sent again, and why."""
    return ", ".join(f"{times} ({why})" for why, times in again.most_common()) or "0"


def _tell(found: Found) -> None:
    counts = found.counts
    asked = f"{counts.requests[OLD]:4} + {counts.requests[NEW]:4} requests, {counts.again.total():3} again"
    sys.stdout.write(
        f"| {found.phase:<26} | {found.seconds:6.1f} s | {counts.accepted:3} accepted | {asked} | {found.verdict} |\n"
    )
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="how long each phase lasts at least")
    parser.add_argument("--pace", type=float, default=2, help="documents a second")
    parser.add_argument("--write", action="store_true", help="write the table into docs/rollout.md")
    parser.add_argument("--keep", type=Path, help="a folder for the hosts and their logs, which is kept")
    options = parser.parse_args()
    # A shell that starts a program in the background has it ignore Ctrl-C; what was started must not outlive it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if reason := why_no_postgresql():
        sys.stderr.write(f"Not run: {reason}.\n")
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="rollout-") as name:
            outcome = run(options.keep or Path(name), seconds=options.seconds, pace=options.pace)
    except NoRelease as missing:
        sys.stderr.write(f"Not run: {missing}.\n")
        return 2
    for sentence in [*outcome.failed, *outcome.lost]:
        sys.stdout.write(f"- {sentence}\n")
    sys.stdout.write(f"{outcome.summary()}\n")
    if options.write:
        text = "\n\n".join([outcome.table(), outcome.summary(), circumstances()])
        DOCUMENT.write_text(with_section(DOCUMENT.read_text(), "rollout", text))
    return int(bool(outcome.failed or outcome.lost))


if __name__ == "__main__":
    sys.exit(main())
