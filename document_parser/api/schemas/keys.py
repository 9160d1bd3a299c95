"""API keys, and who a caller is."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from document_parser.accounts.identity import DEFAULT_TIER, OWNER_PATTERN, Actor, Scope
from document_parser.accounts.records import MAX_GRACE_DAYS, MAX_NAME_CHARACTERS, MAX_ORIGINS, KeyState
from document_parser.api.schemas.base import EXAMPLE_JOB_ID, Moment, Query, Searched, Strict
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.settings.tiers import TIER_PATTERN


class KeyPath(BaseModel):
    """The path of an API key."""

    key_id: Searched = Field(
        description="The id of the key, as the list shows it; not the key itself.",
        max_length=36,
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class KeysQuery(Query):
    """The query of the list of API keys."""

    owner: Searched = Field(default="", description="Only keys of this owner.", max_length=64)


class KeyWanted(Strict):
    """The request to make an API key."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description="What the key is for, for people.",
        json_schema_extra={"example": "invoices of the till"},
    )
    owner: str = Field(
        description="Whose documents the key sends and sees: a-z, 0-9, dot, hyphen and underscore.",
        json_schema_extra={"pattern": f"^{OWNER_PATTERN}$", "example": "accounting"},
    )
    tier: str = Field(
        default=DEFAULT_TIER, description="The tier of its limits.", json_schema_extra={"pattern": f"^{TIER_PATTERN}$"}
    )
    scopes: list[Scope] = Field(
        default=["process", "read"], min_length=1, description="What the key may do; admin includes all others."
    )
    expires_at: Moment | None = Field(default=None, description="When the key ends; without it, never.")
    origins: list[str] = Field(
        default=[],
        max_length=MAX_ORIGINS,
        description="Origins of web pages that may use the key, instead of CORS_ORIGINS; without it, those.",
        json_schema_extra={"example": ["https://app.example.org"]},
    )


class KeyRotation(Strict):
    """The request to replace an API key."""

    grace_seconds: int = Field(
        default=0,
        ge=0,
        le=MAX_GRACE_DAYS * 86_400,
        description="Seconds for which the old key goes on working. 0: it ends at once.",
    )


class KeyView(BaseModel):
    """An API key without its secret."""

    id: str
    hint: str
    """Its first characters."""
    name: str
    owner: str
    tier: str
    scopes: list[Scope]
    state: KeyState
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """Exact to about a minute."""
    replaced_by: str | None = None
    """The id of the key that replaced it."""
    origins: list[str] = []
    """Origins of web pages that may use it; empty for those of CORS_ORIGINS."""


class KeyMade(KeyView):
    """A new API key. ``key`` is shown in this answer only."""

    key: str


class KeyList(BaseModel):
    """API keys, newest first."""

    keys: list[KeyView]


class Caller(BaseModel):
    """Who sends a request."""

    owner: str
    """Whose documents the caller sees."""
    actor: Actor
    scopes: list[Scope]
    tier: str | None = None
    key_id: str | None = None


class LoginKey(Strict):
    """A login with an API key."""

    key: str = Field(max_length=256, description="The API key.", json_schema_extra={"example": "dp_live_..."})
