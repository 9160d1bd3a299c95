"""Describe the tables. Times are UTC; sizes are bytes; an empty text stands for what does not apply."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from document_parser.accounts.records import MAX_FILENAME_CHARACTERS, MAX_NAME_CHARACTERS, MAX_NUMBER_CHARACTERS


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no time zone, so the one of UTC is added when a value is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC. Raises ValueError for one without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class GivenText(TypeDecorator[str]):
    """Text that documents and callers gave, at most ``length`` characters of it.

    PostgreSQL refuses zero bytes, lone surrogates and longer texts with an error, which would keep all that is written with
    them out of the database: they are replaced, and the rest is cut off.
    """

    impl = Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column."""
        return dialect.type_descriptor(String(self.length)) if self.length else super().load_dialect_impl(dialect)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what every database takes."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[: self.length]


_Count = BigInteger().with_variant(Integer, "sqlite")
"""A whole number of 64 bits; SQLite numbers rows by itself only in a column of this name."""


class Base(DeclarativeBase):
    """The tables of one database."""


class KeyRow(Base):
    """An API key. Only the hash of its secret is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_owner", "owner"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the whole key in hexadecimal."""
    hint: Mapped[str] = mapped_column(String(16))
    """The first characters of the key, by which its holder recognises it."""
    name: Mapped[str] = mapped_column(String(MAX_NAME_CHARACTERS))
    owner: Mapped[str] = mapped_column(String(64))
    tier: Mapped[str] = mapped_column(String(32))
    scopes: Mapped[str] = mapped_column(String(128))
    """The scopes with a space between two, in their order."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was revoked. It ends a key whatever the time is: the clocks of the hosts may differ."""
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    replaced_by: Mapped[str] = mapped_column(String(36), default="")
    """The id of the key that a rotation made."""
    origins: Mapped[str] = mapped_column(Text, default="", server_default="")
    """The origins whose pages may use the key, with a space between two. Older programs leave it out."""


class UsageRow(Base):
    """What one key of one owner used on one day, by engine. Documents and bytes are in the row of the engine ``none``."""

    __tablename__ = "usage"
    __table_args__ = (Index("usage_day", "day"),)

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    engine: Mapped[str] = mapped_column(String(32), primary_key=True)
    documents: Mapped[int] = mapped_column(BigInteger, default=0)
    pages: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    milliseconds: Mapped[int] = mapped_column(BigInteger, default=0)
    """How long engines read; the API shows seconds."""
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    extractions: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Answers to schemas that were written. Older programs leave it out."""


class UsageBatchRow(Base):
    """A batch of counts that is in ``usage`` already: one that is written again, after a lost answer, adds nothing."""

    __tablename__ = "usage_batches"
    __table_args__ = (Index("usage_batches_written_at", "written_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRow(Base):
    """A job as it was when it last changed, kept longer than its record in Redis."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_owner_created_at", "owner", "created_at"),
        Index("jobs_state_created_at", "state", "created_at"),
        Index("jobs_created_at", "created_at"),
        Index("jobs_sha256", "sha256"),
    )

    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(36), default="")
    state: Mapped[str] = mapped_column(String(16))
    """queued, processing, completed, failed, cancelled, or deleted."""
    complete: Mapped[bool | None]
    filename: Mapped[str] = mapped_column(GivenText(MAX_FILENAME_CHARACTERS), default="")
    media_type: Mapped[str] = mapped_column(GivenText(128), default="")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    origin: Mapped[str] = mapped_column(GivenText, default="")
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    accuracy_mode: Mapped[str] = mapped_column(String(16), default="")
    output_format: Mapped[str] = mapped_column(String(16), default="")
    lane: Mapped[str] = mapped_column(String(16), default="")
    cache: Mapped[str] = mapped_column(String(8), default="")
    total_pages: Mapped[int | None]
    page_counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Finished pages by outcome and by engine, under the names of the ledger."""
    error_code: Mapped[str] = mapped_column(String(64), default="")
    error_message: Mapped[str] = mapped_column(GivenText, default="")
    revision: Mapped[int] = mapped_column(default=1)
    retries: Mapped[int] = mapped_column(default=0)
    children: Mapped[int] = mapped_column(default=0)
    parent: Mapped[str] = mapped_column(String(36), default="")
    batch_id: Mapped[str] = mapped_column(String(36), default="")
    webhook_host: Mapped[str] = mapped_column(GivenText(255), default="")
    request_id: Mapped[str] = mapped_column(GivenText(128), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DocumentRow(Base):
    """A document, or a page of one, with the values that an extraction found; kept longer than its job in Redis."""

    __tablename__ = "documents"
    __table_args__ = (
        Index("documents_owner_created_at", "owner", "created_at"),
        Index("documents_owner_type", "owner", "type", "created_at"),
        Index("documents_owner_invoice_number", "owner", "invoice_number"),
        Index("documents_owner_order_number", "owner", "order_number"),
        Index("documents_owner_sha256", "owner", "sha256"),
        Index("documents_created_at", "created_at"),
    )

    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The id of the extraction that found the values; ``asked`` for the types that were asked for with the document."""
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """0 for the whole document, else the place of the page in the answer, from 1; of a type the first page."""
    owner: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    """Hash of the file."""
    filename: Mapped[str] = mapped_column(GivenText(MAX_FILENAME_CHARACTERS))
    media_type: Mapped[str] = mapped_column(GivenText(128))
    type: Mapped[str] = mapped_column(GivenText(64))
    """What kind of document it is; empty if nothing says so."""
    status: Mapped[str] = mapped_column(String(16))
    """complete, or partial if a page could not be read."""
    invoice_number: Mapped[str] = mapped_column(GivenText(MAX_NUMBER_CHARACTERS), default="")
    """In capitals, without white space, as numbers are compared."""
    order_number: Mapped[str] = mapped_column(GivenText(MAX_NUMBER_CHARACTERS), default="")
    """Like ``invoice_number``."""
    dated: Mapped[date | None]
    """The date that the document gives itself."""
    fields: Mapped[Any] = mapped_column(JSON)
    """The values, in the shape of their schema; null if they are too many to be kept."""
    ungrounded: Mapped[list[str]] = mapped_column(JSON)
    """JSON pointers of the values that are not on a page."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the job was sent."""


class AuditRow(Base):
    """Who did what, when, from where, and how it ended. Rows are only added; triggers refuse changes."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_at", "at"),
        Index("audit_owner", "owner", "id"),
        Index("audit_job_id", "job_id"),
    )

    id: Mapped[int] = mapped_column(_Count, primary_key=True, autoincrement=True)
    entry: Mapped[str] = mapped_column(String(36), unique=True)
    """Names the entry wherever it is, so that it is not written twice."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    owner: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(36), default="")
    actor: Mapped[str] = mapped_column(String(16))
    """key, operator, or anyone (while no keys are needed)."""
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), default="")
    """The id of the batch, upload or key that it was done to."""
    job_id: Mapped[str] = mapped_column(String(36), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    status: Mapped[int]
    """HTTP status of the answer."""
    request_id: Mapped[str] = mapped_column(GivenText(128), default="")


class AuditExpiryRow(Base):
    """Up to when the table ``audit`` lets its entries be deleted; its triggers refuse every other deletion."""

    __tablename__ = "audit_expiry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Always 1."""
    before: Mapped[datetime] = mapped_column(UtcDateTime)
