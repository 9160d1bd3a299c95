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
from itertools import pairwise
from pathlib import Path

from redis import Redis

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from tests.support import documents
from tests.support.service import API, Service, redis_url_of, wait_until
from tests.support.syncs import SyncLog
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

FINISHED, PAGES, READ_BEFORE = 200, 300, 8
WRITE_SECONDS = 30.0
"""For so long Redis is written to all the time, while its syncs are measured."""
REBUILT_SECONDS = 20
CUT_OFF = 20
"""Documents that are accepted just before the power is cut."""
STALLED = 16
"""Pages of the document in the middle that are not read before the loss."""
RPO_SECONDS, RTO_SECONDS = 1.0, 60.0
LONGEST_SECONDS = 300
SPEED = Speed(tokens_per_second=300, per_sequence=100, first_token=0.05)
STAMP = 1000


def main() -> None:
    trial = is_trial(__doc__)
    finished, pages, seconds, cut_off = (10, 40, 6.0, 3) if trial else (FINISHED, PAGES, WRITE_SECONDS, CUT_OFF)
    report = Report("restore")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(served_from_thread(ModelServer(speed=SPEED, tokens=60)))
        settings = {"VLLM_DEEPSEEK_URL": server.url, "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1", "PAGE_CONCURRENCY": 8}
        settings |= {**NEVER_FULL, "INFERENCE_MODE": "vllm", "CACHE_HOURS": "0"}
        paper = folder / "paper.pdf"
        documents.pdf_of_text(paper, ["The quick brown fox jumps over the lazy dog."])
        syncs = SyncLog(folder)
        service = stack.enter_context(Service(folder / "first", API, preloaded=False, **settings, **syncs.environment))
        progress("a power cut")
        measure_power_cut(service, syncs, paper, seconds, cut_off, report)
        progress("a total loss")
        second = Service(folder / "second", API, preloaded=False, **settings)
        stack.callback(second.kill_everything)
        measure_total_loss(service, second, server, paper, finished, pages, report)
    report.notes.append(
        "Syncs are those of the embedded Valkey (appendfsync everysec), seen by a library that is preloaded into it. For the "
        "power cut everything is killed, the append-only file is cut back to what the last sync made durable, and the service "
        "starts on it. RTO counts from the start of `docparse restore`, of a backup on the same disk: "
        f"{finished} finished documents, and one of {pages} pages in the middle. The "
        "results of the finished ones are compared byte by byte."
    )
    report.publish(trial=trial)


def measure_power_cut(service: Service, log: SyncLog, paper: Path, seconds: float, cut_off: int, report: Report) -> None:
    """Measure how old a write may be that is not on the disk; then cut the power just after documents were accepted."""
    since = time.monotonic()
    with slowest_write(redis_url_of(service)):
        time.sleep(seconds)
    syncs = [sync for sync in log.syncs() if sync.began > since]
    gaps = [after.ended - before.began for before, after in pairwise(syncs)]
    report.below("RPO, power cut: the oldest write to Redis that is not on the disk, s", max(gaps), RPO_SECONDS, "{:.2f}")
    report.tell(f"… p50 of {len(gaps)} syncs", f"{statistics.median(gaps):.2f}")
    jobs = [service.submit(paper) for _ in range(cut_off)]
    service.kill_everything()
    (file,) = (service.data_dir / "valkey" / "appendonlydir").glob("*.incr.aof")
    durable = log.syncs()[-1].durable
    cut = file.stat().st_size - durable
    with file.open("r+b") as aof:
        aof.truncate(durable)
    service.start().ready()
    lost = [job_id for job_id in jobs if not ends_well(service, job_id)]
    report.tell("power cut just after documents were accepted: bytes of Redis' file that were not on the disk", f"{cut:,}")
    report.below(f"… of {cut_off} documents, lost", len(lost), 1, "{:.0f}")


def ends_well(service: Service, job_id: str) -> bool:
    """Whether a job is there and completes. A sweeper that has just started rebuilds those that Redis has lost."""
    try:
        wait_until(lambda: service.answers(f"/v1/jobs/{job_id}/status"), REBUILT_SECONDS, "the job is rebuilt")
    except AssertionError:
        return False
    return service.ended(job_id, LONGEST_SECONDS)["status"] == "completed"


def measure_total_loss(
    first: Service, second: Service, server: ModelServer, paper: Path, finished: int, pages: int, report: Report
) -> None:
    jobs = [first.submit(paper, output_format="markdown") for _ in range(finished)]
    results = {job_id: result_of(first, job_id) for job_id in jobs if ends_well(first, job_id)}
    scan = documents.stamped_pdf(paper.with_name("scan.pdf"), range(STAMP, STAMP + pages))
    for stamp in range(STAMP + pages - STALLED, STAMP + pages):
        server.script("stall", stamp=stamp, sticky=True)  # the document stays in the middle, however long the backup takes
    under_way = first.submit(scan, output_format="json")
    wait_until(lambda: first.status(under_way)["progress"]["deepseek_pages"] >= READ_BEFORE, LONGEST_SECONDS, "pages are read")
    with slowest_write(redis_url_of(first)) as slowest:
        seconds = docparse(first, "backup", paper.with_name("backup"))
    report.tell(f"backup of {finished} finished jobs and one in the middle, s", f"{seconds:.1f}")
    report.tell("… a write to Redis waits meanwhile, ms, most", f"{slowest() * 1000:.0f}")
    progress("the service is destroyed")
    first.kill_everything()
    first.data_dir.rename(paper.with_name("lost"))
    second.folder.mkdir()
    server.reset()
    since = time.time()
    report.tell("restore, s", f"{docparse(second, 'restore', paper.with_name('backup')):.1f}")
    second.start().ready()
    report.tell("RTO: until the service is ready, s", f"{time.time() - since:.1f}")
    progress("the restored service is ready")
    wait_until(lambda: server.log, LONGEST_SECONDS, "a page is read")
    goes_on = server.log[0].time - since
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
