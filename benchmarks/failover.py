"""How soon a job goes on when the master of Redis is killed with -9 in its middle, and Sentinels choose the replica."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx2

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from tests.support import documents
from tests.support.service import API, Service, wait_until
from tests.support.valkey import master_port, wait_for_replica, watched_pair
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

RUNS, PAGES, READ_BEFORE = 3, 120, 8
DOWN_AFTER_MS = 5000
"""As docs/backup.md has it."""
GO_ON_WITHIN = 15.0
LONGEST_SECONDS = 180
SPEED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)

_stamps = count(1, PAGES)


@dataclass(frozen=True)
class Failover:
    """Seconds from the kill until the Sentinels name the replica, and until the next page is counted.

    ``asked_again`` are pages that the model was asked for twice, ``wrong`` those that do not read as they should.
    """

    chosen: float
    goes_on: float
    asked_again: int
    wrong: int


def main() -> None:
    trial = is_trial(__doc__)
    with served_from_thread(ModelServer(speed=SPEED, tokens=60)) as server:
        found = [failover(server, number) for number in range(1 if trial else RUNS)]
    report = Report("failover")
    report.below(
        f"until the job goes on, s, slowest of {len(found)}", max(one.goes_on for one in found), GO_ON_WITHIN, "{:.1f}"
    )
    report.tell("… of it, until the Sentinels name the replica, s", f"{max(one.chosen for one in found):.1f}")
    report.below("pages missing or not in their place in the results", sum(one.wrong for one in found), 1, "{:.0f}")
    report.tell(f"pages of {PAGES * len(found)} that the model was asked for twice", str(sum(one.asked_again for one in found)))
    report.notes.append(
        f"A master, a replica and three Sentinels with down-after-milliseconds {DOWN_AFTER_MS}. The job goes on when the API "
        "counts a page that was not counted at the kill. A page that is asked for twice was in flight, not stored."
    )
    report.publish(trial=trial)


def failover(server: ModelServer, number: int) -> Failover:
    """Kill the master in the middle of a document, and see it through."""
    progress(f"failover {number + 1}")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        url, processes = stack.enter_context(watched_pair(folder / "servers", down_after_ms=DOWN_AFTER_MS))
        settings = {"VLLM_DEEPSEEK_URL": server.url, "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1", "PAGE_CONCURRENCY": 8}
        service = stack.enter_context(
            Service(folder / "service", API, INFERENCE_MODE="vllm", REDIS_URL=url, **settings, **NEVER_FULL)
        )
        first, asked = next(_stamps), len(server.log)
        job_id = service.submit(documents.stamped_pdf(folder / "scan.pdf", range(first, first + PAGES)), output_format="json")
        wait_until(lambda: pages_read(service, job_id) >= READ_BEFORE, LONGEST_SECONDS, "pages are read")
        lost = master_port(url)
        wait_for_replica(url)
        before = pages_read(service, job_id)
        killed = time.monotonic()
        processes[lost].kill()
        wait_until(lambda: master_port(url) not in (0, lost), LONGEST_SECONDS, "the replica is chosen")
        chosen = time.monotonic() - killed
        wait_until(lambda: pages_read(service, job_id) > before, LONGEST_SECONDS, "the job goes on")
        goes_on = time.monotonic() - killed
        wrong = count_wrong(service, job_id, first)
        asked_for = Counter(entry.stamp for entry in server.log[asked:])
        return Failover(chosen, goes_on, sum(times - 1 for times in asked_for.values()), wrong)


def pages_read(service: Service, job_id: str) -> int:
    """How many pages the API counts; -1 while it does not answer."""
    try:
        answer = service.client.get(f"/v1/jobs/{job_id}/status")
    except httpx2.TransportError:
        return -1
    return int(answer.json()["progress"]["deepseek_pages"]) if answer.status_code == 200 else -1


def count_wrong(service: Service, job_id: str, first: int) -> int:
    status = service.ended(job_id, LONGEST_SECONDS)
    assert status["status"] == "completed", status
    texts = [
        " ".join(block["text"] for block in page["blocks"]) + " "
        for page in service.result(job_id, format="json")["document"]["pages"]
    ]
    return PAGES - sum(f"stamp-{first + place} " in text for place, text in enumerate(texts))


if __name__ == "__main__":
    main()
