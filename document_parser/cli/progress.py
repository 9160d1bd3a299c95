"""Show progress on standard error: bars at a terminal, plain lines elsewhere, only errors if quiet."""

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
"""Interval of the lines about a long document, in seconds."""
NAME_CHARACTERS = 40
"""Maximum length of a name beside a bar."""
SPEED_SECONDS = 120.0
"""Period over which the remaining time is estimated, in seconds."""
MAX_NAMED_FILES = 5
"""Maximum number of files that one line names."""


class Display:
    """Print what went wrong and nothing else. A context manager; several threads may call it."""

    def show_start(self, name: str) -> None:
        """Show that a document was started."""

    def show_progress(self, name: str, progress: models.Progress) -> None:
        """Show how many pages of a document are finished."""

    def show_outcome(self, outcome: Outcome) -> None:
        """Show the outcome of a document."""
        if outcome.status != "complete":
            self.say(describe_outcome(outcome))

    def show_total(self, tally: Tally) -> None:
        """Show the outcome of all documents."""

    def inform(self, line: str) -> None:
        """Show a line that is no error."""

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave the terminal to others during the block."""
        yield

    def say(self, line: str) -> None:
        """Print a line."""
        print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Release the terminal."""


class Lines(Display):
    """Print a line at the end of each document, and one now and then about a long one."""

    def inform(self, line: str) -> None:
        """Print a line that is no error."""
        self.say(line)

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def show_start(self, name: str) -> None:
        """Remember when a document was started."""
        self._said[name] = time.monotonic()

    def show_progress(self, name: str, progress: models.Progress) -> None:
        """Print the number of finished pages if the last line is LINE_SECONDS ago."""
        with self._lock:
            if progress.total_pages and time.monotonic() - self._said[name] > LINE_SECONDS:
                self._said[name] = time.monotonic()
                self.say(f"{printable(name)}: {progress.current_page} of {progress.total_pages} pages")

    def show_outcome(self, outcome: Outcome) -> None:
        """Print the outcome of a document."""
        self._said.pop(outcome.file, None)
        self.say(describe_outcome(outcome))

    def show_total(self, tally: Tally) -> None:
        """Print the outcome of all documents if there are several."""
        if tally.total > 1:
            self.say(str(tally))


class Bars(Display):
    """Show a bar for each document that is read, and one for all of them if there are several."""

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

    def show_start(self, name: str) -> None:
        """Add a bar for a document."""
        if name not in self._tasks:  # a document is started again with its password
            self._tasks[name] = self._bars.add_task(_short(printable(name)), total=None, count="")

    def show_progress(self, name: str, progress: models.Progress) -> None:
        """Move the bar of a document."""
        done, total = progress.current_page, progress.total_pages
        count = f"{done}/{total} pages" if total else "waiting"
        self._bars.update(self._tasks[name], completed=done, total=total, count=count)

    def show_outcome(self, outcome: Outcome) -> None:
        """Remove the bar of a document and print its outcome."""
        if outcome.file in self._tasks:
            self._bars.remove_task(self._tasks.pop(outcome.file))
        self._done += 1
        if self._all is not None:
            self._bars.update(self._all, completed=self._done, count=f"{self._done}/{self._total}")
        self.say(describe_outcome(outcome))

    def show_total(self, tally: Tally) -> None:
        """Print the outcome of all documents if there are several."""
        if tally.total > 1:
            self.say(str(tally))

    def inform(self, line: str) -> None:
        """Print a line that is no error."""
        self.say(line)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Hide the bars during the block."""
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
    """Return the display for this many documents."""
    if quiet:
        return Display()
    return Bars(total) if sys.stderr.isatty() else Lines()


def describe_outcome(outcome: Outcome) -> str:
    """Return the outcome of a document in one line for people."""
    name = printable(outcome.file)
    if outcome.error is not None:
        return f"{name}: not read. {outcome.error['message']} ({outcome.error['code']})"
    more = f" and {len(outcome.outputs) - 1} more" if len(outcome.outputs) > 1 else ""
    where = f" -> {printable(outcome.output)}{more}" if outcome.output else ""
    pages = f"{outcome.pages} page{'s' if outcome.pages != 1 else ''}"
    failed = f"; not read: {', '.join(map(str, outcome.failed_pages))}" if outcome.failed_pages else ""
    tables = "; it has no table" if outcome.tables == 0 else ""
    return f"{name}{where}: {pages} in {outcome.seconds:.1f} s{failed}{tables}"


def describe_inside(name: str, inside: Sequence[str]) -> str:
    """Return the line about documents inside one whose result goes to standard output."""
    count = "1 document" if len(inside) == 1 else f"{len(inside)} documents"
    shown = ", ".join(map(printable, inside[:3])) + (" and others" if len(inside) > 3 else "")
    return f"{printable(name)} holds {count}: {shown}. -o PATH reads them too."


def describe_left_out(files: Sequence[str]) -> str:
    """Return one line for people that names the files of a folder that are not read."""
    named = ", ".join(printable(Path(file).name) for file in files[:MAX_NAMED_FILES])
    more = f" and {len(files) - MAX_NAMED_FILES} more" if len(files) > MAX_NAMED_FILES else ""
    return f"{len(files)} file{'s' if len(files) != 1 else ''} skipped, of a kind that is not read: {named}{more}"


def printable(name: str) -> str:
    """Replace each character of a name that would move the cursor or cannot be encoded."""
    return "".join(char if char.isprintable() else "�" for char in name)


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"…{name[1 - NAME_CHARACTERS :]}"
