"""How soon reading goes on after a kill -9: of a horse, a worker, the pool, the web server's master, Valkey, everything."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx2

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from tests.support import documents
from tests.support.processes import at_work, horses, kill, pool_pids
from tests.support.service import API, Service, processes_of, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

PAGES = 60
READ_BEFORE = 8
LONGEST_SECONDS = 120
READ_AGAIN_WITHIN = 15.0
GO_ON_WITHIN = 5.0
SPEED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)

_stamps = count(1, PAGES)


@dataclass(frozen=True)
class Recovery:
    """Seconds from the kill until the first and the last page that was being read are read again, and until any page is."""

    first_again: float
    last_again: float
    next_request: float


def main() -> None:
    trial = is_trial(__doc__)
    victims = VICTIMS if not trial else {name: VICTIMS[name] for name in ("the workers", "Valkey")}
    found: dict[str, Recovery] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(served_from_thread(ModelServer(speed=SPEED, tokens=60)))
        settings = {"VLLM_DEEPSEEK_URL": server.url, "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1", "PAGE_CONCURRENCY": 8}
        service = stack.enter_context(Service(folder / "service", API, INFERENCE_MODE="vllm", **settings, **NEVER_FULL))
        for victim, kill in victims.items():
            progress(f"kill -9 of {victim}")
            found[victim] = recovery(service, server, folder, kill)
    report(found).publish(trial=trial)


def recovery(service: Service, server: ModelServer, folder: Path, kill: Callable[[Service], float]) -> Recovery:
    """Kill in the middle of a document, see it through, and check that no stored page was asked again.

    ``kill`` gives the moment from which to count.
    """
    first = next(_stamps)
    job_id = service.submit(documents.stamped_pdf(folder / f"{first}.pdf", range(first, first + PAGES)))
    wait_until(lambda: service.status(job_id)["progress"]["deepseek_pages"] >= READ_BEFORE, LONGEST_SECONDS, "pages are read")
    stored = {first + int(path.stem) - 1 for path in (service.data_dir / "jobs" / job_id / "pages").glob("*.json")}
    asked = len(server.log)
    since = kill(service)
    ended = _ended(service, job_id)
    assert (ended["status"], ended["complete"]) == ("completed", True), ended
    after = server.log[asked:]
    assert not stored & {entry.stamp for entry in after}, "a stored page was asked again"
    dropped = {entry.stamp for entry in server.log[:asked] if entry.state == "aborted" and entry.stamp >= first}
    again = [entry.time - since for entry in after if entry.stamp in dropped]
    later = [entry.time - since for entry in after if entry.time > since]
    # Valkey's death drops no page: its readers go on when it is back.
    return Recovery(min(again, default=math.nan), max(again, default=math.nan), min(later))


def _ended(service: Service, job_id: str) -> dict[str, object]:
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        try:
            status = service.status(job_id, wait=2)
        except (httpx2.TransportError, ValueError):
            time.sleep(0.1)  # its web server was killed, too
            continue
        if status.get("status") in ("completed", "failed", "cancelled"):
            return status
    raise AssertionError(f"{job_id} has not ended\n{service.log[-4000:]}")


def _kill(pids: list[int]) -> float:
    moment = time.time()
    kill(pids)
    return moment


def _valkey(service: Service) -> float:
    """Counted from when the new one has come up."""
    old = service.pids("valkey-server")
    _kill(old)
    wait_until(lambda: service.pids("valkey-server") not in ([], old), LONGEST_SECONDS, "a new Valkey")
    return time.time()


def _master(service: Service) -> float:
    moment = _kill([service.pid])
    assert service.process is not None
    service.process.wait()
    wait_until(lambda: not processes_of(service.data_dir), LONGEST_SECONDS, "what the master has left ends")
    service.start().ready()
    return moment


def _everything(service: Service) -> float:
    moment = time.time()
    service.kill_everything()
    service.start().ready()
    return moment


VICTIMS: dict[str, Callable[[Service], float]] = {
    "the work horses": lambda service: _kill(horses(service)),
    "the workers": lambda service: _kill([*{*at_work(service).values()}]),
    "the pool": lambda service: _kill(pool_pids(service)),
    "Valkey": _valkey,
    "the web server's master": _master,
    "everything": _everything,
}


def report(found: dict[str, Recovery]) -> Report:
    """Pages of the dead are read alone, one after the other, so the last of them says how many there were as well."""
    report = Report("recovery")
    for victim, seconds in found.items():
        if victim == "Valkey":
            report.below("Valkey: from its being back to the next page, s", seconds.next_request, GO_ON_WITHIN, "{:.1f}")
        elif math.isnan(seconds.first_again):
            report.tell(f"{victim}: no page was being read when it died; the next one, s", f"{seconds.next_request:.1f}")
        else:
            report.below(f"{victim}: until its pages are read again, s", seconds.first_again, READ_AGAIN_WITHIN, "{:.1f}")
            report.tell(f"{victim}: the last of them, s", f"{seconds.last_again:.1f}")
    return report


if __name__ == "__main__":
    main()
