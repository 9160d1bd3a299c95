"""What is asked for when a page is to be read again, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models import AccuracyMode, EngineName, LowQuality, Options, PageStatus


class RetryChoice(BaseModel):
    """How a page is to be read this time; what is left out stays as the job was asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineName | None = Field(default=None, description="The engine to read it, and no other.")
    accuracy_mode: AccuracyMode | None = Field(default=None, description="fast, balanced or maximum.")
    on_low_quality: LowQuality | None = Field(default=None, description="flag, fallback or fail.")

    def options(self, of_job: Options) -> Options:
        chosen = {"accuracy_mode": self.accuracy_mode, "on_low_quality": self.on_low_quality}
        return of_job.model_copy(update={name: value for name, value in chosen.items() if value is not None})


class RetryOrder(RetryChoice):
    """One page to be read again."""

    page: int


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """What the ledger is to know of a page that was read again. ``revision`` is None where the page is kept as it was."""

    page: int
    entry: dict[str, Any]
    status: PageStatus
    revision: int | None = None
    error: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, float] = field(default_factory=dict)
    failed_pages: Sequence[int] = ()
    """All pages of the job whose newest reading again failed."""
    announced: str = ""
    """What a webhook says of it."""


def kept(number: int, entry: dict[str, Any], code: str, message: str) -> RetryOutcome:
    """The new reading failed: the page stays as it was, and says why."""
    told = entry | {"retry_error": {"code": code, "message": message}}
    return RetryOutcome(number, told, "failed", error=code)
