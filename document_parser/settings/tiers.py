"""Read the tiers: what the callers of each may send, and how much of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from document_parser.models import AccuracyMode, EngineName, Lane
from document_parser.settings.validation import wrong_fields

TIER_PATTERN = r"[a-z][a-z0-9_-]{0,31}"
"""Pattern of the name of a tier."""
QUOTA_STATUSES = (402, 429)
"""HTTP statuses that a tier may give to QUOTA_EXCEEDED: Payment Required, Too Many Requests."""

Quota = Literal["concurrent_jobs", "documents_per_day", "documents_per_month", "pages_per_month"]
"""What is counted of an owner's jobs. The scripts in Redis know these names, and check them in this order."""


def _distinct(words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if words is not None and not words:
        raise ValueError("allows nothing; leave it out to allow all")
    return words


class Tier(BaseModel):
    """What the callers of a tier may send. None is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    anonymous: bool = Field(default=False, description="Callers without a key have this tier, by their address.")
    documents_per_day: int | None = Field(default=None, ge=1, description="Documents that an owner may send on a day (UTC).")
    documents_per_month: int | None = Field(default=None, ge=1, description="Documents that an owner may send in a month.")
    pages_per_month: int | None = Field(default=None, ge=1, description="Pages that are read for an owner in a month.")
    concurrent_jobs: int | None = Field(default=None, ge=1, description="Documents of an owner that have not ended.")
    requests_per_minute: int | None = Field(default=None, ge=1, description="Requests of an owner in a minute.")
    max_file_mb: int | None = Field(default=None, ge=1, description="Largest file in MiB, up to MAX_UPLOAD_MB.")
    engines: Annotated[tuple[EngineName, ...] | None, Field(strict=False), AfterValidator(_distinct)] = Field(
        default=None, description="Engines that may read pages; text layers are always read."
    )
    modes: Annotated[tuple[AccuracyMode, ...] | None, Field(strict=False), AfterValidator(_distinct)] = Field(
        default=None, description="Modes that may be asked for; the first is the default if DEFAULT_ACCURACY_MODE is not here."
    )
    lanes: Annotated[tuple[Lane, ...] | None, Field(strict=False), AfterValidator(_distinct)] = Field(
        default=None, description="Lanes in which documents may wait."
    )
    retention_hours: float | None = Field(
        default=None, gt=0, strict=False, description="Hours for which an ended job is kept, up to JOB_TTL_HOURS."
    )
    quota_status: Literal[402, 429] = Field(default=429, description="HTTP status of QUOTA_EXCEEDED: 402 or 429.")

    @property
    def quotas(self) -> dict[Quota, int]:
        """Return the limits that are counted with each job."""
        limits: dict[Quota, int | None] = {
            "concurrent_jobs": self.concurrent_jobs,
            "documents_per_day": self.documents_per_day,
            "documents_per_month": self.documents_per_month,
            "pages_per_month": self.pages_per_month,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    def allows_lane(self, lane: Lane) -> bool:
        """Return whether documents may wait in this lane."""
        return self.lanes is None or lane in self.lanes

    def allows_engine(self, engine: EngineName) -> bool:
        """Return whether this engine may read pages."""
        return self.engines is None or engine == "text_layer" or engine in self.engines

    def max_file_bytes(self, most: int) -> int:
        """Return the largest size of a file in bytes; ``most`` is that of the server."""
        return most if self.max_file_mb is None else min(most, self.max_file_mb << 20)


NO_LIMITS = Tier()
"""The tier of those to whom no tier applies."""


class BadTiers(ValueError):
    """A file of tiers that cannot be used. The text says which tier and field, and what is allowed."""


@cache
def load_tiers(path: str) -> Mapping[str, Tier]:
    """Return the tiers in this file by their names, in its order; those of the program for an empty path. Raises BadTiers."""
    shipped = files("document_parser.settings") / "tiers.toml"
    try:
        found = tomllib.loads((Path(path) if path else shipped).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadTiers(f"{path} cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadTiers(f"{path} is not TOML: {error}") from None
    tiers = {name: _tier(name, fields) for name, fields in found.items()}
    if not tiers:
        raise BadTiers(f"{path} has no tier; write one like [key]")
    _check_anonymous(tiers)
    return tiers


def anonymous_tier(tiers: Mapping[str, Tier]) -> str:
    """Return the name of the tier for callers without a key; empty if there is none."""
    return next((name for name, tier in tiers.items() if tier.anonymous), "")


def _tier(name: str, fields: Any) -> Tier:
    if not re.fullmatch(TIER_PATTERN, name):
        raise BadTiers(f"{name!r} is no name of a tier: 1 to 32 of a-z, 0-9, hyphen and underscore that begin with a letter")
    if not isinstance(fields, dict):
        raise BadTiers(f"{name} is not a tier: write a table [{name}] with its fields below")
    try:
        return Tier.model_validate(fields)
    except ValidationError as error:
        raise BadTiers(f"tier {name}: {'; '.join(_problems(error))}") from None


def _problems(error: ValidationError) -> Iterable[str]:
    for wrong in wrong_fields(error, Tier):
        known = Tier.model_fields.get(wrong["field"])
        allowed = (known.description or "").removesuffix(".") if known else f"the fields are {', '.join(Tier.model_fields)}"
        yield f"{wrong['field']} {_sentence(wrong['problem'])} ({allowed})"


def _sentence(problem: str) -> str:
    return f"is {problem}" if problem.startswith(("unknown", "not ")) else problem


def _check_anonymous(tiers: Mapping[str, Tier]) -> None:
    named = [name for name, tier in tiers.items() if tier.anonymous]
    if len(named) > 1:
        raise BadTiers(f"tiers {', '.join(named)}: anonymous is true in several; callers without a key have one tier")
