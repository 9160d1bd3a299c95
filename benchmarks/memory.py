"""What a scan of 1,000 pages takes of memory on the model path, and whether it grows on the way."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.pages import LOOKS, Scan, as_scanned, scanned_pdf
from benchmarks.report import Report, is_trial, progress
from benchmarks.servers import ModelServers, stamps
from benchmarks.throughput import check_words
from benchmarks.usage import Memory
from tests.support.documents import scanned_pdf as readable_scan
from tests.support.service import API, Service
from tests.support.vllm_batching import Speed

PAGES, TRIAL_PAGES = 1000, 200
FAST = Speed(tokens_per_second=50_000, per_sequence=2_000, first_token=0.05)
LONGEST_SECONDS = 900
AROUND = 0.05
"""Of the document's pages: how wide the windows are in which memory is compared."""
MIB = 1 << 20


def main() -> None:
    trial = is_trial(__doc__)
    pages = TRIAL_PAGES if trial else PAGES
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        model = on_the_model_path(folder, pages)
        cpu = on_the_cpu(folder)
    report(model, cpu, pages).publish(trial=trial)


def on_the_model_path(folder: Path, pages: int) -> Memory:
    """One reader reads all pages: a fresh one every 20 seconds, as usual, would hide what it gathers."""
    progress(f"a scan of {pages} pages on the model path")
    numbers = stamps(5_000_000, pages)  # not those of the pages: a heading that counts them would be a running head
    looks = [as_scanned(look, quality=40) for look in range(LOOKS)]
    path = scanned_pdf(folder / "long.pdf", (Scan(looks[number % LOOKS], number) for number in numbers))
    with (
        ModelServers(folder / "servers", FAST) as servers,
        Service(folder / "model", API, READ_SLICE_SECONDS=LONGEST_SECONDS, MAX_UPLOAD_MB=500, **servers.settings()) as service,
    ):
        with Memory(service) as memory:
            job_id = follow(service, service.submit(path), memory)
        check_words([str(service.result(job_id, format="markdown")["markdown"])], numbers)
        servers.check_asked_once(numbers)
    return memory


def on_the_cpu(folder: Path) -> Memory:
    progress("a scan of four pages on the CPU engine")
    texts = [f"Page {number} of a letter about the harbour.\n" + "The river runs to the sea. " * 40 for number in range(1, 5)]
    path = readable_scan(folder / "short.pdf", texts)
    with Service(folder / "cpu", API, INFERENCE_MODE="cpu") as service:
        with Memory(service) as memory:
            job_id = follow(service, service.submit(path), memory)
        assert "river" in str(service.result(job_id)["markdown"])
    return memory


def follow(service: Service, job_id: str, memory: Memory) -> str:
    """Tell the sampler how far the job is, until it is completed."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while (status := service.status(job_id))["status"] not in ("completed", "failed", "cancelled"):
        assert time.monotonic() < deadline, status
        told = status["progress"]
        memory.page = round(told["percent"] / 100 * (told["total_pages"] or 0))
        time.sleep(0.1)
    assert status["status"] == "completed", status
    assert not status["progress"]["failed_pages"], status
    return job_id


def report(model: Memory, cpu: Memory, pages: int) -> Report:
    made = Report("memory")
    peaks = model.peaks()
    kind = max(peaks, key=peaks.__getitem__)
    made.below(f"peak of any process over {pages} pages ({kind})", peaks[kind] / MIB, 600, "{:.0f} MiB")
    width = round(pages * AROUND)
    early = model.peaks(pages // 5 - width, pages // 5 + width)
    late = model.peaks(pages - 2 * width, pages)
    for name in sorted(early.keys() & late.keys(), key=late.__getitem__, reverse=True):
        growth = f"{early[name] / MIB:.0f} → {late[name] / MIB:.0f} MiB, × {late[name] / early[name]:.2f}"
        made.tell(f"{name}, page {pages // 5} → {pages}", growth)
    grown = max(late[name] / early[name] for name in ("task", "opener"))
    made.below("reading tasks and openers, growth", grown, 1.10, "× {:.2f}")
    cpu_peaks = cpu.peaks()
    made.tell(
        f"CPU engine, peak of any process ({max(cpu_peaks, key=cpu_peaks.__getitem__)})",
        f"{max(cpu_peaks.values()) / MIB:.0f} MiB",
    )
    made.notes.append(
        "Resident memory, each quarter of a second; libraries that processes share count in each. “task” is the reader, which "
        "here reads all pages by itself instead of making way."
    )
    return made


if __name__ == "__main__":
    main()
