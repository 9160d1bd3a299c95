"""The methods of the client for operators and admins: keys, usage, history, audit, and the state of the service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from document_parser.client.models import parse_body
from document_parser.client.transport import Service


class Caller(BaseModel):
    """Who the client is to the service."""

    owner: str
    actor: str
    scopes: list[str]
    tier: str | None = None
    key_id: str | None = None


class Key(BaseModel):
    """An API key without its secret."""

    id: str
    hint: str
    name: str
    owner: str
    tier: str
    scopes: list[str]
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_by: str | None = None
    origins: list[str] = Field(default_factory=list)


class NewKey(Key):
    """A new API key. Only here is its secret, ``key``, shown."""

    key: str


class UsageLine(BaseModel):
    """Usage added up. What it was not grouped by is None."""

    owner: str | None = None
    day: date | None = None
    key_id: str | None = None
    engine: str | None = None
    documents: int
    pages: int
    bytes: int
    seconds: float
    tokens: int
    extractions: int


class Quota(BaseModel):
    """What is left of a quota."""

    quota: str
    limit: int
    used: int
    left: int
    resets_at: datetime | None = None


class Usage(BaseModel):
    """What was used, and what is left of the caller's quotas."""

    by: list[str]
    usage: list[UsageLine]
    total: UsageLine
    tier: str
    quotas: list[Quota]


class HistoryJob(BaseModel):
    """A job as it was when it last changed, also when it has expired."""

    job_id: str
    owner: str
    key_id: str
    state: str
    complete: bool | None
    filename: str
    media_type: str
    size: int
    sha256: str
    options: dict[str, Any]
    total_pages: int | None
    page_counts: dict[str, int]
    error_code: str
    error_message: str
    revision: int
    batch_id: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    deleted_at: datetime | None


class History(BaseModel):
    """Jobs of the history, newest first; ``next_cursor`` goes on with the search."""

    jobs: list[HistoryJob]
    next_cursor: str | None


class Failure(BaseModel):
    """How many jobs failed for one reason."""

    error_code: str
    meaning: str
    jobs: int
    owners: int
    newest_at: datetime


class AuditEntry(BaseModel):
    """Who did what, when, from where, and how it ended."""

    id: int
    at: datetime
    owner: str
    key_id: str
    actor: str
    action: str
    subject: str
    job_id: str
    address: str
    status: int
    request_id: str


class Audit(BaseModel):
    """Entries of the audit, newest first; ``next_cursor`` goes on."""

    entries: list[AuditEntry]
    next_cursor: int | None


class Breaker(BaseModel):
    """A model server and its circuit breaker."""

    engine: str
    server: str
    state: Literal["closed", "open", "half_open"]
    faults: int
    retry_at: datetime | None


class HealthCheck(BaseModel):
    """The state of one part of the service."""

    ok: bool
    detail: str = ""


class Health(BaseModel):
    """The state of the service and of its parts."""

    status: Literal["ok", "degraded", "down"]
    version: str
    workers: int
    checks: dict[str, HealthCheck]
    warnings: list[str]


class Amounts(BaseModel):
    """Jobs that have not ended, their pages, and the bytes of their documents; as bounds, 0 is none."""

    jobs: int
    pages: int
    bytes: int


class SystemLimits(BaseModel):
    """What one request may send."""

    max_upload_mb: int
    max_pages: int
    max_batch_files: int
    max_batch_mb: int


class SystemWorkers(BaseModel):
    """Workers that are alive, and those of them that are busy."""

    alive: int
    busy: int


class EngineHealth(HealthCheck):
    """The state of an engine, and how many requests it is answering."""

    in_flight: int = 0


class ReadFormat(BaseModel):
    """A format that is read, if what it needs is installed."""

    name: str
    media_type: str
    extensions: list[str]
    needs: str | None = None
    available: bool = True


class System(BaseModel):
    """Capacity and load of the service. ``pages_per_minute`` is 0 if it is not known."""

    version: str
    pipeline_version: str
    accepting: bool
    unfinished: Amounts
    most: Amounts
    pages_per_minute: float
    limits: SystemLimits
    workers: SystemWorkers
    engines: dict[str, EngineHealth]
    formats: list[ReadFormat]
    scripts: list[str] = Field(default_factory=list)
    virus_scan: bool


class OwnerDeleted(BaseModel):
    """What was deleted of an owner; each number was checked."""

    jobs: int
    cancelled_jobs: int
    batches: int
    uploads: int
    files: int
    redis_keys: int
    history: int
    usage: int
    api_keys: int
    message: str


class _Keys(BaseModel):
    keys: list[Key]


class _Failures(BaseModel):
    failures: list[Failure]


class _Breakers(BaseModel):
    breakers: list[Breaker]


class AdministrationMethods:
    """What a client has for operators and admins, and for anyone about themselves."""

    _service: Service

    def me(self) -> Caller:
        """Return who the client is to the service."""
        return parse_body(Caller, self._service.ask("GET", "/v1/me"))

    def health(self) -> Health:
        """Return what works and what does not. Raises UnexpectedAnswer if the service is down but answers."""
        return parse_body(Health, self._service.ask("GET", "/v1/health"))

    def system(self) -> System:
        """Return capacity and load of the service."""
        return parse_body(System, self._service.ask("GET", "/v1/system"))

    def keys(self, owner: str = "") -> list[Key]:
        """Return API keys, newest first; only those of one owner if one is given. For admins, as the next three."""
        return parse_body(_Keys, self._service.ask_as_operator("GET", "/v1/keys", params=_given(owner=owner))).keys

    def create_key(
        self,
        name: str,
        owner: str,
        *,
        scopes: Sequence[str] = (),
        tier: str = "",
        expires_at: datetime | None = None,
        origins: Sequence[str] = (),
    ) -> NewKey:
        """Make an API key. Its secret is shown in this answer only. What is left out is as the service has it."""
        moment = expires_at.isoformat() if expires_at is not None else ""
        body = _given(name=name, owner=owner, tier=tier, scopes=list(scopes), expires_at=moment, origins=list(origins))
        return parse_body(NewKey, self._service.ask_as_operator("POST", "/v1/keys", json=body))

    def rotate_key(self, key_id: str, *, grace_seconds: int = 0) -> NewKey:
        """Replace an API key. The old one goes on working for ``grace_seconds``."""
        body = {"grace_seconds": grace_seconds}
        return parse_body(NewKey, self._service.ask_as_operator("POST", f"{_key(key_id)}/rotate", json=body))

    def revoke_key(self, key_id: str) -> Key:
        """End an API key."""
        return parse_body(Key, self._service.ask_as_operator("POST", f"{_key(key_id)}/revoke"))

    def usage(
        self, by: Sequence[str] = ("day",), *, since: date | None = None, until: date | None = None, owner: str = ""
    ) -> Usage:
        """Return what was used, added up apart by some of day, key, engine and owner. ``owner`` is for admins; * is all."""
        query = _given(by=",".join(by), since=_iso(since), until=_iso(until), owner=owner)
        return parse_body(Usage, self._service.ask_as_operator("GET", "/v1/usage", params=query))

    def history(
        self,
        text: str = "",
        *,
        owner: str = "",
        state: str = "",
        error_code: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str = "",
    ) -> History:
        """Search the jobs of all owners, also expired ones, newest first. For admins, as the next three."""
        query = _given(
            text=text,
            owner=owner,
            state=state,
            error_code=error_code,
            since=_iso(since),
            until=_iso(until),
            limit=limit,
            cursor=cursor,
        )
        return parse_body(History, self._service.ask_as_operator("GET", "/v1/history", params=query))

    def failures(self, *, owner: str = "", since: datetime | None = None, until: datetime | None = None) -> list[Failure]:
        """Return why jobs failed, the most frequent reason first."""
        query = _given(owner=owner, since=_iso(since), until=_iso(until))
        return parse_body(_Failures, self._service.ask_as_operator("GET", "/v1/history/failures", params=query)).failures

    def audit(
        self,
        *,
        owner: str = "",
        key_id: str = "",
        action: str = "",
        job_id: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: int | None = None,
    ) -> Audit:
        """Return who did what, newest first."""
        query = _given(
            owner=owner,
            key_id=key_id,
            action=action,
            job_id=job_id,
            since=_iso(since),
            until=_iso(until),
            limit=limit,
            cursor=cursor or "",
        )
        return parse_body(Audit, self._service.ask_as_operator("GET", "/v1/audit", params=query))

    def breakers(self) -> list[Breaker]:
        """Return the model servers and the state of their circuit breakers."""
        return parse_body(_Breakers, self._service.ask_as_operator("GET", "/v1/breakers")).breakers

    def delete_owner(self) -> OwnerDeleted:
        """Delete everything of the caller's owner: documents, results, history, keys."""
        return parse_body(OwnerDeleted, self._service.ask_as_operator("DELETE", "/v1/owners/me"))


def _key(key_id: str) -> str:
    return f"/v1/keys/{quote(key_id, safe='')}"


def _iso(moment: date | datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value not in ("", None, [])}
