"""Say how far a backup or a restore is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told of each step. The command prints it on standard error."""

    def advance(self, what: str, count: int, size: int) -> None:
        """Take note that ``count`` things of ``size`` bytes are done of a step; called for each of them."""

    def finish(self, what: str, count: int, size: int) -> None:
        """Take note that a step is done."""


class Silent:
    """Says nothing."""

    def advance(self, what: str, count: int, size: int) -> None:
        """Do nothing."""

    def finish(self, what: str, count: int, size: int) -> None:
        """Do nothing."""


class Tally:
    """Counts what a step has done, and reports it."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self.count = self.bytes = 0

    def add(self, size: int) -> None:
        """Count one thing of this size in bytes."""
        self.count += 1
        self.bytes += size
        self._progress.advance(self._what, self.count, self.bytes)

    def finish(self) -> None:
        """Report that the step is done."""
        self._progress.finish(self._what, self.count, self.bytes)
