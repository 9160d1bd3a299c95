"""Define the work on each document, its outcome, and the exit status of all outcomes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from document_parser.cli.inputs import Input
from document_parser.errors import (
    DocumentParserError,
    Forbidden,
    LoginRequired,
    OutputUnwritable,
    QueueUnavailable,
    RateLimited,
    ServerUnreachable,
    StorageUnavailable,
    UnexpectedAnswer,
)

COMPLETE, PARTIAL, USAGE, NOTHING, SERVER, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 4, 130, 141

_NO_SERVER = (ServerUnreachable, UnexpectedAnswer, Forbidden, LoginRequired)
_SERVER_BUSY = (RateLimited, QueueUnavailable, StorageUnavailable)
SERVER_CODES = frozenset(kind.code for kind in (*_NO_SERVER, *_SERVER_BUSY))
"""Error codes that mean that the server cannot be used, or is too busy."""
FATAL_ERRORS = _NO_SERVER
"""Errors after which no further document is sent."""


@dataclass(frozen=True)
class Work:
    """A document to read and the file of its result; None is standard output.

    ``table`` is the only table to write, counted from 1. ``in_folder`` says that several tables may become several files.
    """

    input: Input
    target: Path | None
    in_folder: bool = False
    table: int | None = None
    depth: int = 0
    """How deep the document is inside others."""


@dataclass
class Outcome:
    """The outcome of one document. ``status`` is partial if some of its pages could not be read."""

    file: str
    status: Literal["complete", "partial", "failed"] = "failed"
    pages: int = 0
    failed_pages: list[int] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    output: str | None = None
    """File with the result, the first of ``outputs``."""
    outputs: list[str] = field(default_factory=list)
    tables: int | None = None
    """Number of tables in the document, if CSV was asked for."""
    seconds: float = 0.0
    error: dict[str, str] | None = None
    job_id: str | None = None

    def record_reading(self, pages: int, failed_pages: list[int], warnings: list[dict[str, Any]]) -> None:
        """Record what was read."""
        self.pages, self.failed_pages, self.warnings = pages, failed_pages, warnings
        self.status = "partial" if failed_pages else "complete"

    def record_failure(self, error: DocumentParserError | OSError) -> None:
        """Record why there is no result."""
        ours = error if isinstance(error, DocumentParserError) else OutputUnwritable(_unwritable(error))
        self.status, self.output, self.outputs = "failed", None, []
        self.error = {"code": ours.code, "message": ours.message}

    @property
    def line(self) -> str:
        """Return the outcome as one line of JSON."""
        return json.dumps(asdict(self))


@contextmanager
def outcome_of(work: Work) -> Iterator[Outcome]:
    """Yield the outcome of a document, and record its time in seconds and any error that the block raises.

    Raises BrokenPipeError.
    """
    outcome, started = Outcome(work.input.shown), time.monotonic()
    try:
        yield outcome
    except BrokenPipeError:
        raise
    except (DocumentParserError, OSError) as error:
        outcome.record_failure(error)
    else:
        outcome.outputs = outcome.outputs or ([str(work.target)] if work.target else [])
        outcome.output = outcome.outputs[0] if outcome.outputs else None
    outcome.seconds = round(time.monotonic() - started, 3)


def _unwritable(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    return f"The result cannot be written{where}: {error.strerror}."


class Tally:
    """Count outcomes for the last line and the exit status."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.pages_read = 0
        self.server_trouble = False

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.counts[outcome.status] += 1
        self.pages_read += outcome.pages - len(outcome.failed_pages)
        self.server_trouble |= outcome.error is not None and outcome.error["code"] in SERVER_CODES

    @property
    def total(self) -> int:
        """Return the number of outcomes."""
        return self.counts.total()

    @property
    def exit_status(self) -> int:
        """Return the exit status of all outcomes."""
        if self.server_trouble:
            return SERVER
        if self.counts["complete"] == self.total:
            return COMPLETE
        return PARTIAL if self.pages_read else NOTHING

    def __str__(self) -> str:
        parts = [f"{self.counts['complete']} read"]
        parts += [f"{self.counts['partial']} with pages that could not be read"] if self.counts["partial"] else []
        parts += [f"{self.counts['failed']} not read"] if self.counts["failed"] else []
        return f"{self.total} documents: {', '.join(parts)}"
