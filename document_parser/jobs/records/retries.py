"""The orders to read a page again, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models import AccuracyMode, EngineName, LowQuality, Options, PageStatus


class RetryChoice(BaseModel):
    """How a page is read this time; options that are left out stay those of the job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineName | None = Field(default=None, description="The only engine that may read the page.")
    accuracy_mode: AccuracyMode | None = Field(default=None, description="fast, balanced or maximum.")
    on_low_quality: LowQuality | None = Field(default=None, description="flag, fallback or fail.")

    def options(self, of_job: Options) -> Options:
        """Return the job's options with those of this choice instead."""
        chosen = {"accuracy_mode": self.accuracy_mode, "on_low_quality": self.on_low_quality}
        return of_job.model_copy(update={name: value for name, value in chosen.items() if value is not None})


class RetryOrder(RetryChoice):
    """An order to read one page again."""

    page: int


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """The outcome of a retry for the ledger. ``revision`` is None if the retry failed and the page is kept as it was.

    ``counts`` and ``samples`` are what to add to the job's counts and to the metrics.
    """

    page: int
    entry: dict[str, Any]
    status: PageStatus
    revision: int | None = None
    error: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, float] = field(default_factory=dict)
    usage: dict[str, dict[str, int]] = field(default_factory=dict)
    """What was used, by engine; nothing if the worker died."""
    failed_pages: Sequence[int] = ()
    """All pages of the job whose newest retry failed."""
    announced: str = ""
    """The body of the webhook about it."""


def failed_retry(number: int, entry: dict[str, Any], code: str, message: str) -> RetryOutcome:
    """Return the outcome of a failed retry: the page stays as it was, and its entry has the reason."""
    told = entry | {"retry_error": {"code": code, "message": message}}
    return RetryOutcome(number, told, "failed", error=code)
