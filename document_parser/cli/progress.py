"""How reading goes, on standard error: bars on a terminal, plain lines elsewhere, nothing but errors when asked to be quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from document_parser import models
from document_parser.cli.outcome import Outcome, Tally

LINE_SECONDS = 10.0
NAME_CHARACTERS = 40
SPEED_SECONDS = 120.0
NAMED_FILES = 5


class Display:
    """Says what went wrong and nothing else. A context manager; may be told of things by several threads."""

    def started(self, name: str) -> None:
        """A document is begun."""

    def progressed(self, name: str, progress: models.Progress) -> None:
        """Pages of a document are finished."""

    def finished(self, outcome: Outcome) -> None:
        """A document is done with."""
        if outcome.status != "complete":
            self.say(summary(outcome))

    def ended(self, tally: Tally) -> None:
        """All documents are done with."""

    def tell(self, line: str) -> None:
        """Something to know, that is no fault."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the terminal to somebody else."""
        yield

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Gives the terminal back."""


class Lines(Display):
    """A line at the end of each document, and one now and then about a long one."""

    def tell(self, line: str) -> None:
        self.say(line)

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def started(self, name: str) -> None:
        self._said[name] = time.monotonic()

    def progressed(self, name: str, progress: models.Progress) -> None:
        with self._lock:
            if progress.total_pages and time.monotonic() - self._said[name] > LINE_SECONDS:
                self._said[name] = time.monotonic()
                self.say(f"{printable(name)}: {progress.current_page} of {progress.total_pages} pages")

    def finished(self, outcome: Outcome) -> None:
        self._said.pop(outcome.file, None)
        self.say(summary(outcome))

    def ended(self, tally: Tally) -> None:
        if tally.total > 1:
            self.say(str(tally))


class Bars(Display):
    """A bar for each document being read, and one for all of them where there are several."""

    def __init__(self, total: int) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            speed_estimate_period=SPEED_SECONDS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._pausing = threading.Lock()
        self._done, self._total = 0, total
        self._all = self._bars.add_task("all documents", total=total, count=f"0/{total}") if total > 1 else None

    def started(self, name: str) -> None:
        if name not in self._tasks:  # a document is begun again with its password
            self._tasks[name] = self._bars.add_task(_short(printable(name)), total=None, count="")

    def progressed(self, name: str, progress: models.Progress) -> None:
        done, total = progress.current_page, progress.total_pages
        count = f"{done}/{total} pages" if total else "waiting"
        self._bars.update(self._tasks[name], completed=done, total=total, count=count)

    def finished(self, outcome: Outcome) -> None:
        if outcome.file in self._tasks:
            self._bars.remove_task(self._tasks.pop(outcome.file))
        self._done += 1
        if self._all is not None:
            self._bars.update(self._all, completed=self._done, count=f"{self._done}/{self._total}")
        self.say(summary(outcome))

    def ended(self, tally: Tally) -> None:
        if tally.total > 1:
            self.say(str(tally))

    def tell(self, line: str) -> None:
        self.say(line)

    def say(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        with self._pausing:
            self._bars.stop()
            try:
                yield
            finally:
                self._bars.start()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()


def display(total: int, *, quiet: bool) -> Display:
    """The display for this many documents."""
    if quiet:
        return Display()
    return Bars(total) if sys.stderr.isatty() else Lines()


def summary(outcome: Outcome) -> str:
    """What came of a document, in a line for people."""
    name = printable(outcome.file)
    if outcome.error is not None:
        return f"{name}: not read. {outcome.error['message']} ({outcome.error['code']})"
    more = f" and {len(outcome.outputs) - 1} more" if len(outcome.outputs) > 1 else ""
    where = f" -> {printable(outcome.output)}{more}" if outcome.output else ""
    pages = f"{outcome.pages} page{'s' if outcome.pages != 1 else ''}"
    failed = f"; not read: {', '.join(map(str, outcome.failed_pages))}" if outcome.failed_pages else ""
    tables = "; it has no table" if outcome.tables == 0 else ""
    return f"{name}{where}: {pages} in {outcome.seconds:.1f} s{failed}{tables}"


def left_out(files: Sequence[str]) -> str:
    """Which files of a folder are not read, in a line for people."""
    named = ", ".join(printable(Path(file).name) for file in files[:NAMED_FILES])
    more = f" and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return f"{len(files)} file{'s' if len(files) != 1 else ''} left out, of no kind that is read: {named}{more}"


def printable(name: str) -> str:
    """A file's name without what would move the cursor or cannot be encoded."""
    return "".join(char if char.isprintable() else "�" for char in name)


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"…{name[1 - NAME_CHARACTERS :]}"
