"""Read every document of the hostile corpus, a process for a few of them, and watch the memory of all processes."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.hostile.expected import Answer, Expected
from benchmarks.report import progress
from document_parser.errors import DocumentParserError
from document_parser.models import OutputFormat
from document_parser.pipeline.local.reader import DocumentParser, make_options
from document_parser.pipeline.local.result import ParseResult
from document_parser.settings import EngineSettings, Settings

BATCH_DOCUMENTS = 40
"""Documents that one process reads: a reader of the service makes way for the next one after READ_SLICE_SECONDS."""
SAMPLING_SECONDS = 0.02
DEADLINE_SECONDS = 300.0
"""For one document, all its pages: what takes longer hangs."""


class PeakMemory:
    """Samples the resident memory of this process and all below it. ``peak_mib`` is the highest of any single process."""

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def take(self) -> float:
        """Return the peak since the last call, in MiB."""
        peak, self.peak_mib = self.peak_mib, 0.0
        return peak

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLING_SECONDS):
            self.peak_mib = max([self.peak_mib, *(_resident_mib(pid) for pid in _descendants("self"))])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()


def _descendants(pid: str) -> list[str]:
    found = [pid]
    for one in found:
        try:
            for thread in Path(f"/proc/{one}/task").iterdir():
                found += (thread / "children").read_text().split()
        except OSError:
            continue  # the process or the thread has ended
    return found


def _resident_mib(pid: str) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / (1 << 20)
    except (OSError, IndexError):
        return 0.0


def read_all(corpus: Path, rows: list[Expected], good: Path) -> tuple[list[Answer], list[str]]:
    """Return the answer to each document, and the documents after which a good one was not read."""
    answers: list[Answer] = []
    poisoned: list[str] = []
    batches = [rows[start : start + BATCH_DOCUMENTS] for start in range(0, len(rows), BATCH_DOCUMENTS)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for found, worse in pool.map(_read_batch, repeat(corpus), batches, repeat(good)):
            answers += found
            poisoned += worse
    return answers, poisoned


def _read_batch(corpus: Path, rows: list[Expected], good: Path) -> tuple[list[Answer], list[str]]:
    return asyncio.run(_read_in_turn(corpus, rows, good))


async def _read_in_turn(corpus: Path, rows: list[Expected], good: Path) -> tuple[list[Answer], list[str]]:
    """Return what ``read_all`` does, of documents that one process reads."""
    settings = Settings(engines=EngineSettings(inference_mode="cpu"))
    answers, poisoned = [], []
    with PeakMemory() as memory:
        async with DocumentParser(settings) as reader:
            for row in rows:
                memory.take()
                answer = await _read(reader, corpus / row.path, row.path, row.password if row.password_sent else "")
                answer.peak_mib = memory.take()
                answers.append(answer)
                told = answer.code or f"{answer.pages} pages, {answer.failed} failed"
                progress(f"{row.path}: {told} {sorted(answer.warnings)} {answer.seconds:.1f} s {answer.peak_mib:.0f} MiB")
                if not (await _read(reader, good, "good")).is_read:
                    poisoned.append(row.path)
    return answers, poisoned


async def _read(reader: DocumentParser, path: Path, name: str, password: str = "") -> Answer:
    answer, started = Answer(name), time.monotonic()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            with await reader.read(path, make_options(Settings(), {}), password=password, inside=True) as result:
                _note(answer, result)
    except DocumentParserError as error:
        answer.status, answer.code = error.status, error.code
    except TimeoutError:
        answer.status, answer.code = 504, "HANGS"
    except Exception as error:  # noqa: BLE001 - anything else would be answered 500: that is what is looked for
        answer.status, answer.code = 500, f"{type(error).__name__}: {error}"
    answer.seconds = time.monotonic() - started
    return answer


def _note(answer: Answer, result: ParseResult) -> None:
    answer.pages, answer.failed = result.progress.total_pages or 0, len(result.failed_pages)
    if answer.failed == answer.pages:
        answer.code = next((page.error.code for page in result.pages() if page.error), "")
    answer.warnings = {warning.code for warning in result.warnings}
    answer.markdown, answer.html = _written(result, "markdown"), _written(result, "html")
    _written(result, "json")


def _written(result: ParseResult, name: OutputFormat) -> str:
    out = io.BytesIO()
    result.write(name, out)
    return out.getvalue().decode("utf-8")  # raises for what is no UTF-8
