"""What the program knows of accounts: keys, usage, history and audit, as they are when no database is at hand.

Everything that only names or checks them imports this module and no library of databases, which takes most of a second to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from document_parser.accounts.identity import Identity, Scope

MAX_NAME_CHARACTERS = 128
"""Longest name of a key, in characters."""
MAX_FILENAME_CHARACTERS = 1024
"""Longest name of a document that is kept, in characters; the rest is cut off."""
MAX_NUMBER_CHARACTERS = 128
"""Longest number of an invoice or an order that is kept, in characters; the rest is cut off."""
MAX_GRACE_DAYS = 30
"""How long a replaced key may go on working, at most, in days."""
MAX_ORIGINS = 20
"""Origins that a key may name."""
MAX_COUNTED_FAILURES = 100_000
"""Failed jobs that are counted at once, at most, newest first."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Cursors count microseconds from here: a float would round them."""

KeyState = Literal["active", "expired", "revoked"]
"""Whether a key works, and why not."""
Measure = Literal["documents", "pages", "bytes", "milliseconds", "tokens", "extractions"]
"""What is counted."""
MEASURES: tuple[Measure, ...] = get_args(Measure)
"""All measures, in the order of the table."""
Grouping = Literal["owner", "day", "key", "engine"]
"""By what usage is added up."""
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)
"""All groupings, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret."""

    id: str
    hint: str
    name: str
    owner: str
    tier: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_by: str = ""
    origins: tuple[str, ...] = ()
    """Origins whose pages may use the key; empty for those of CORS_ORIGINS."""

    def state(self, now: datetime) -> KeyState:
        """Return whether the key works at this moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    def to_identity(self) -> Identity:
        """Return the caller that the key stands for."""
        return Identity(self.owner, "key", frozenset(self.scopes), self.id, self.tier, self.origins)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with its secret, which is shown once and kept nowhere."""

    key: ApiKey
    secret: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of one key of an owner on a day, by one engine.

    ``changes`` may be negative: a page whose file was lost is read again.
    """

    owner: str
    key_id: str
    day: date
    engine: str
    changes: dict[Measure, int]


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Usage added up. What it was not grouped by is None."""

    owner: str | None
    day: date | None
    key_id: str | None
    engine: str | None
    documents: int
    pages: int
    bytes: int
    milliseconds: int
    tokens: int
    extractions: int

    @property
    def seconds(self) -> float:
        """Return how long engines read."""
        return self.milliseconds / 1000


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is None is not asked for."""

    text: str | None = None
    """A part of the document's name, or a whole job id or SHA-256."""
    owner: str | None = None
    state: str | None = None
    error_code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Jobs that were created before this moment."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of jobs: the job that was shown last."""

    created_at: datetime
    job_id: str

    def __str__(self) -> str:
        """Return the place as a cursor."""
        return f"{(self.created_at - EPOCH) // timedelta(microseconds=1)}_{self.job_id}"

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """Return the place that a cursor says. Raises ValueError."""
        micros, _, job_id = cursor.partition("_")
        return cls(EPOCH + timedelta(microseconds=int(micros)), job_id)


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """A place in the list of documents: the document that was shown last."""

    created_at: datetime
    job_id: str
    source_id: str
    part: int

    def __str__(self) -> str:
        """Return the place as a cursor."""
        return f"{Place(self.created_at, self.job_id)}_{self.source_id}_{self.part}"

    @classmethod
    def parse(cls, cursor: str) -> DocumentPlace:
        """Return the place that a cursor says. Raises ValueError."""
        place, source_id, part = cursor.rsplit("_", 2)
        job = Place.parse(place)
        return cls(job.created_at, job.job_id, source_id, int(part))


@dataclass(frozen=True, slots=True)
class FailureReason:
    """How many jobs failed with one code, of how many owners, and when the newest of them was sent."""

    error_code: str
    jobs: int
    owners: int
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents are wanted; what is None is not asked for."""

    owner: str | None = None
    type: str | None = None
    invoice_number: str | None = None
    order_number: str | None = None
    sha256: str | None = None
    job_id: str | None = None
    filename: str | None = None
    """A part of the document's name."""
    since: datetime | None = None
    until: datetime | None = None
    """Documents that were sent before this moment."""
    dated_from: date | None = None
    dated_to: date | None = None
    """The last date that a document may give itself."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to write. ``entry`` is a random id, by which it is written only once."""

    entry: str
    at: datetime
    owner: str
    actor: str
    action: str
    status: int
    key_id: str = ""
    subject: str = ""
    job_id: str = ""
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; what is None is not asked for."""

    owner: str | None = None
    key_id: str | None = None
    action: str | None = None
    job_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
