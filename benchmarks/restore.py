"""What a power cut takes of the append-only file, and how soon a service that was lost reads on from its backup."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from redis import Redis

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from tests.support import documents
from tests.support.service import API, Service, redis_url_of, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

FINISHED, PAGES, READ_BEFORE = 200, 300, 8
WRITES = 60
"""Writes of which it is measured when they are on the disk."""
CUT_OFF = 20
"""Documents that are accepted just before the power is cut."""
RPO_SECONDS, RTO_SECONDS = 1.0, 60.0
LONGEST_SECONDS = 300
SPEED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)
STAMP = 1000


def main() -> None:
    trial = is_trial(__doc__)
    finished, writes, cut_off = (10, 10, 3) if trial else (FINISHED, WRITES, CUT_OFF)
    report = Report("restore")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(served_from_thread(ModelServer(speed=SPEED, tokens=60)))
        settings = {"VLLM_DEEPSEEK_URL": server.url, "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1", "PAGE_CONCURRENCY": 8}
        settings |= {**NEVER_FULL, "INFERENCE_MODE": "vllm", "CACHE_HOURS": "0"}
        paper = folder / "paper.pdf"
        documents.pdf_of_text(paper, ["The quick brown fox jumps over the lazy dog."])
        service = stack.enter_context(Service(folder / "first", API, preloaded=False, **settings))
        progress("a power cut")
        measure_power_cut(service, paper, writes, cut_off, report)
        progress("a total loss")
        second = Service(folder / "second", API, preloaded=False, **settings)
        stack.callback(second.kill_everything)
        measure_total_loss(service, second, server, paper, finished, report)
    report.notes.append(
        "A write is on the disk when WAITAOF says so. For the power cut, the append-only file is cut back to what was known to "
        "be on the disk before the last documents came, and the service starts on it. RTO counts from the start of `docparse "
        f"restore`, of a backup on the same disk: {finished} finished documents, and one of {PAGES} pages in the middle. The "
        "results of the finished ones are compared byte by byte."
    )
    report.publish(trial=trial)


def measure_power_cut(service: Service, paper: Path, writes: int, cut_off: int, report: Report) -> None:
    (file,) = (service.data_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    with contextlib.closing(Redis.from_url(redis_url_of(service))) as redis:
        waits = [seconds_until_synced(redis, number) for number in range(writes)]
        durable = file.stat().st_size
        seconds_until_synced(redis, writes)
        jobs = [service.submit(paper) for _ in range(cut_off)]
    service.kill_everything()
    with file.open("r+b") as log:
        log.truncate(durable)
    service.start().ready()
    lost = [job_id for job_id in jobs if not ends_well(service, job_id)]
    report.below("RPO, power cut: a write to Redis is on the disk after, s, most", max(waits), RPO_SECONDS, "{:.2f}")
    report.tell("… p50", f"{statistics.median(waits):.2f}")
    report.below(
        f"power cut, all that Redis had of them lost: of {cut_off} documents just accepted, lost", len(lost), 1, "{:.0f}"
    )


def seconds_until_synced(redis: Redis, number: int) -> float:
    time.sleep(0.037 * (number % 27))  # anywhere between two syncs
    started = time.monotonic()
    redis.set("benchmark:written", number)
    local, _ = redis.waitaof(1, 0, 10_000)
    assert local == 1, "not on the disk within ten seconds"
    return time.monotonic() - started


def ends_well(service: Service, job_id: str) -> bool:
    answer = service.client.get(f"/v1/jobs/{job_id}/status")
    return answer.status_code == 200 and service.ended(job_id, LONGEST_SECONDS)["status"] == "completed"


def measure_total_loss(
    first: Service, second: Service, server: ModelServer, paper: Path, finished: int, report: Report
) -> None:
    jobs = [first.submit(paper, output_format="markdown") for _ in range(finished)]
    results = {job_id: result_of(first, job_id) for job_id in jobs if ends_well(first, job_id)}
    scan = documents.stamped_pdf(paper.with_name("scan.pdf"), range(STAMP, STAMP + PAGES))
    under_way = first.submit(scan, output_format="json")
    wait_until(lambda: first.status(under_way)["progress"]["deepseek_pages"] >= READ_BEFORE, LONGEST_SECONDS, "pages are read")
    with slowest_write(redis_url_of(first)) as slowest:
        seconds = docparse(first, "backup", paper.with_name("backup"))
    report.tell(f"backup of {finished} finished jobs and one in the middle, s", f"{seconds:.1f}")
    report.tell("… a write to Redis waits meanwhile, ms, most", f"{slowest() * 1000:.0f}")
    first.kill_everything()
    first.data_dir.rename(paper.with_name("lost"))
    second.folder.mkdir()
    since, asked = time.time(), len(server.log)
    report.tell("restore, s", f"{docparse(second, 'restore', paper.with_name('backup')):.1f}")
    second.start().ready()
    report.tell("RTO: until the service is ready, s", f"{time.time() - since:.1f}")
    wait_until(lambda: len(server.log) > asked, LONGEST_SECONDS, "a page is read")
    goes_on = server.log[asked].time - since
    wrong = [job_id for job_id, content in results.items() if result_of(second, job_id) != content]
    report.below("RTO: until the job in the middle goes on, s", goes_on, RTO_SECONDS, "{:.1f}")
    report.below(f"of {len(results)} finished jobs, not read as before", len(wrong), 1, "{:.0f}")
    ended = second.ended(under_way, LONGEST_SECONDS)
    report.below("of one job in the middle, not whole at its end", ended.get("complete") is not True, 1, "{:.0f}")


def result_of(service: Service, job_id: str) -> bytes:
    answer = service.client.get(f"/v1/jobs/{job_id}/download")
    assert answer.status_code == 200, answer.text
    return answer.content


@contextlib.contextmanager
def slowest_write(url: str) -> Iterator[Callable[[], float]]:
    """Write all the time, and give the seconds that the slowest write took."""
    stop, seconds = threading.Event(), [0.0]

    def write() -> None:
        with contextlib.closing(Redis.from_url(url)) as redis:
            while not stop.wait(0.002):
                started = time.monotonic()
                redis.set("benchmark:written", 1)
                seconds.append(time.monotonic() - started)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield lambda: max(seconds)
    finally:
        stop.set()
        writer.join()


def docparse(service: Service, *words: object) -> float:
    """Run a command with the settings of a service. Return its seconds."""
    started = time.monotonic()
    command = [sys.executable, "-m", "document_parser", *map(str, words)]
    subprocess.run(command, env=service.environment, cwd=service.folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
