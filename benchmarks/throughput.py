"""Pages a second through the model path, beside a bare load generator on the same simulated servers."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks import bare
from benchmarks.bare import Load
from benchmarks.clients import multipart, send_all
from benchmarks.pages import Scan, as_printed, as_sent, scanned_pdf
from benchmarks.report import Report, is_trial, progress
from benchmarks.servers import TOKENS, ModelServers, stamps
from benchmarks.usage import Memory, ProcessorTime
from tests.support.service import API, Service
from tests.support.vllm_answers import answer_for

PAGES, TRIAL_PAGES = 200, 40
READ_WHOLE = "CHECK_IMAGE_PAGES=all"
"""The mode in which the CPU reads every page: fewer pages show its pace."""
UPLOADS_AT_ONCE = 8
LONGEST_SECONDS = 300
MARK = re.compile(r"\bstamp-\d+|\bu\d+n\d+[abc]\b", re.IGNORECASE)
"""Words that the simulated model writes for one page only."""


@dataclass(frozen=True)
class Run:
    """What one part of the benchmark took: seconds, and milliseconds of processor time a page."""

    pages: int
    seconds: float
    service_milliseconds: float
    server_milliseconds: float

    @property
    def pages_per_second(self) -> float:
        return self.pages / self.seconds


MODES: dict[str, dict[str, str]] = {
    "default settings": {"INFERENCE_MODE": "auto", "CHECK_IMAGE_PAGES": "auto"},
    "INFERENCE_MODE=vllm": {"INFERENCE_MODE": "vllm"},
    READ_WHOLE: {"INFERENCE_MODE": "auto", "CHECK_IMAGE_PAGES": "all"},
}
"""Settings by the name of their row; those of the default say what is the default anyway."""
MOST_MIBIBYTES = 600


@dataclass(frozen=True)
class Mode:
    """What the service did with some settings: one document, scans of one page, and the most memory of any process in MiB."""

    document: Run
    singles: Run
    memory: float


def main() -> None:
    trial = is_trial(__doc__)
    pages = TRIAL_PAGES if trial else PAGES
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        with ModelServers(folder / "servers") as servers:
            before = bare_load(servers, stamps(1, pages))
            modes = {
                mode: measured(
                    servers,
                    folder / f"service-{place}",
                    settings,
                    1_000_000 * (place + 1),
                    min(pages, TRIAL_PAGES) if mode == READ_WHOLE else pages,
                )
                for place, (mode, settings) in enumerate(MODES.items())
            }
            after = bare_load(servers, stamps(9_000_000, pages))
    report(before, modes, after).publish(trial=trial)


def pages_in(mode: str, pages: int) -> int:
    """Return how many of the pages a mode reads."""
    return min(pages, TRIAL_PAGES) if mode == READ_WHOLE else pages


def measured(servers: ModelServers, folder: Path, settings: dict[str, str], first: int, pages: int) -> Mode:
    """One mode, with a service of its own."""
    progress(" ".join(f"{name}={value}" for name, value in settings.items()))
    with Service(folder, API, **servers.settings(**settings)) as service:
        warm_up(service, folder.parent, first + 800_000)
        with Memory(service, 1.0) as memory:
            document = one_document(service, servers, folder.parent, stamps(first, pages))
            singles = one_page_scans(service, servers, stamps(first + 400_000, pages))
        return Mode(document, singles, max(memory.peaks().values()) / 2**20)


def bare_load(servers: ModelServers, numbers: list[int]) -> Load:
    progress(f"{len(numbers)} pages by the bare load generator")
    servers.forget()
    load = bare.load(servers.urls["deepseek"], {number: as_sent(number) for number in numbers})
    servers.check_asked_once(numbers)
    return load


def warm_up(service: Service, folder: Path, first: int) -> None:
    """One small job by every part of the path."""
    path = scanned_pdf(folder / "warm-up.pdf", [Scan(as_printed(first + number)) for number in range(8)])
    assert service.ended(service.submit(path))["status"] == "completed", service.log[-4000:]
    path.unlink()


def one_document(service: Service, servers: ModelServers, folder: Path, numbers: list[int]) -> Run:
    progress(f"one scanned PDF of {len(numbers)} pages")
    path = scanned_pdf(folder / "scans.pdf", (Scan(as_printed(number)) for number in numbers))

    def read() -> list[str]:
        job_id = upload_raw(service, path)
        completed(service, job_id)
        return [job_id]

    return _run(service, servers, numbers, read)


def upload_raw(service: Service, path: Path) -> str:
    """The document as the body of the request: what a program with a large file would send."""
    headers = {"Content-Type": "application/pdf", "Content-Length": str(path.stat().st_size)}
    with path.open("rb") as stream:
        answer = service.client.post("/v1/process/async", content=stream, params={"filename": path.name}, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def one_page_scans(service: Service, servers: ModelServers, numbers: list[int]) -> Run:
    progress(f"{len(numbers)} scans of one page")
    bodies = [multipart(f"scan-{number}.jpg", as_printed(number)) for number in numbers]

    def read() -> list[str]:
        sent = send_all(f"http://127.0.0.1:{service.port}/v1/process/async", bodies, UPLOADS_AT_ONCE)
        assert not sent.failures, f"{sent.failures} uploads failed"
        for answer in sent.answers:
            completed(service, answer["job_id"])
        return [answer["job_id"] for answer in sent.answers]

    return _run(service, servers, numbers, read)


def completed(service: Service, job_id: str) -> None:
    status = service.ended(job_id, LONGEST_SECONDS)
    assert status["status"] == "completed", status
    assert not status["progress"]["failed_pages"], status


def _run(service: Service, servers: ModelServers, numbers: list[int], read: Callable[[], list[str]]) -> Run:
    """Time ``read``, which gives the ids of the jobs, then check every word of what was read."""
    servers.forget()
    served = servers.processor_seconds()
    with ProcessorTime(service) as processor:
        started = time.perf_counter()
        job_ids = read()
        seconds = time.perf_counter() - started
    served = servers.processor_seconds() - served
    texts = [str(service.result(job_id, format="markdown")["markdown"]) for job_id in job_ids]
    check_words(texts, numbers)
    servers.check_asked_once(numbers)
    pages = len(numbers)
    return Run(pages, seconds, processor.seconds_used * 1000 / pages, served * 1000 / pages)


def check_words(texts: list[str], numbers: list[int]) -> None:
    """Every page is there once, whole and in its place. Jobs may have been taken in in any order."""
    expected = {number: MARK.findall(answer_for(number, "deepseek", TOKENS)) for number in numbers}
    found = [MARK.findall(text) for text in texts]
    if len(texts) == 1:
        wanted = [mark for number in numbers for mark in expected[number]]
        assert found[0] == wanted, f"pages are missing, doubled or out of order: {first_difference(found[0], wanted)}"
    else:
        assert sorted(found) == sorted(expected.values()), "scans are missing, doubled or mixed up"


def first_difference(found: list[str], wanted: list[str]) -> str:
    differing = ((one, other) for one, other in zip(found, wanted, strict=False) if one != other)
    return str(list(islice(differing, 1)) or f"{len(found)} marks instead of {len(wanted)}")


def report(before: Load, modes: dict[str, Mode], after: Load) -> Report:
    made = Report("throughput")
    floor = statistics.mean((before.pages_per_second, after.pages_per_second))
    made.tell("bare load generator, before and after, pages/s", f"{before.pages_per_second:.2f}, {after.pages_per_second:.2f}")
    made.tell("tokens a page", f"{before.tokens / before.pages:.0f}")
    made.tell("CPU a page, bare load generator", f"{before.processor * 1000 / before.pages:.1f} ms")
    for name, mode in modes.items():
        checked = name == READ_WHOLE
        document, singles = mode.document, mode.singles
        made.tell(f"{name}: one scanned PDF of {document.pages} pages, pages/s", f"{document.pages_per_second:.2f}")
        _compare(made, f"{name}: … of the bare load generator", document.pages_per_second / floor, None if checked else 0.90)
        made.tell(f"{name}: {singles.pages} scans of one page, pages/s", f"{singles.pages_per_second:.2f}")
        _compare(made, f"{name}: … of the bare load generator", singles.pages_per_second / floor, None if checked else 0.80)
        made.tell(f"{name}: CPU a page, one scanned PDF", f"{document.service_milliseconds:.1f} ms")
        made.tell(f"{name}: CPU a page, scans of one page", f"{singles.service_milliseconds:.1f} ms")
        made.tell(f"{name}: CPU a page, the simulated servers meanwhile", f"{document.server_milliseconds:.1f} ms")
        if checked:
            made.tell(f"{name}: most memory of a process", f"{mode.memory:.0f} MiB")
        else:
            made.below(f"{name}: most memory of a process", mode.memory, MOST_MIBIBYTES, "{:.0f} MiB")
    made.notes.append(
        "From the start of the upload to the completed job. The server says 2,500 tokens/s in all, 120 to a sequence, to 64 "
        "sequences, 0.2 s to the first token, 16 tokens a chunk; it, the service and the client share the cores. What it says "
        "stands on the pages. CPU is that of all processes of the service, looked at forty times a second. The default is a "
        "spot check of each page on the CPU, vllm none, all a reading of each page on the CPU."
    )
    return made


def _compare(made: Report, what: str, share: float, least: float | None) -> None:
    if least is None:
        made.tell(what, f"{share:.2f}")
    else:
        made.at_least(what, share, least)


if __name__ == "__main__":
    main()
