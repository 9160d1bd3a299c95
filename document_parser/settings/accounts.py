"""Define the settings of keys, usage, history and audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from document_parser.errors import TierUnknown
from document_parser.settings.section import Emptiable, Section
from document_parser.settings.tiers import NO_LIMITS, Tier, anonymous_tier, load_tiers


class AccountSettings(Section):
    """Keys, usage, history and audit."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)

    database_url: Emptiable = Field(
        default="",
        pattern=r"^(postgres(ql)?(\+psycopg)?://.+)?$",
        description=(
            "postgresql://user:password@host/name for keys, usage, history and audit (needs the extra 'db'); set it for "
            "several hosts. Empty: SQLite in DATA_DIR."
        ),
    )
    auth_mode: Literal["off", "required"] = Field(
        default="off",
        description=(
            "required: every caller sends an API key and sees only its owner's documents. off: anyone who reaches the service "
            "may use it; a start on an address that is not loopback then needs AUTH_MODE=off to be set."
        ),
    )

    oidc_issuer: Emptiable = Field(
        default="",
        pattern=r"^(https://[^\s?#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?[^\s?#]*)?$",
        description=(
            "https:// address of an OpenID Connect provider, as its tokens name it: https://accounts.google.com. Its tokens "
            "are then taken beside API keys. Empty: keys only."
        ),
    )
    oidc_audience: Emptiable = Field(
        default="",
        description="Audiences (aud) for which tokens are made that this service takes, with commas. Empty: OIDC_CLIENT_ID.",
    )
    oidc_client_id: str = Field(
        default="", description="Id of this service at the provider. With it, people log in on the page."
    )
    oidc_client_secret: Emptiable = Field(
        default="", description="Secret of this service at the provider. Empty: a public client, by PKCE alone."
    )
    oidc_jwks_url: Emptiable = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Address of the provider's keys. Empty: as the provider's own description says.",
    )
    oidc_owner_claim: str = Field(
        default="sub",
        min_length=1,
        description=(
            "Claim that names the owner of a caller's documents, for example department; dots go into objects. sub: an owner a "
            "person."
        ),
    )
    oidc_tier_claim: Emptiable = Field(
        default="", description="Claim that names a caller's tier. Empty, or no such claim: OIDC_TIER."
    )
    oidc_tier: str = Field(
        default="oauth", pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="Tier of callers whose tokens name none."
    )
    oidc_scopes_claim: Emptiable = Field(
        default="",
        description=(
            "Claim that lists docparse:process, docparse:read, docparse:extract and docparse:admin, for example groups or "
            "realm_access.roles. Empty: every caller has OIDC_DEFAULT_SCOPES."
        ),
    )
    oidc_default_scopes: Emptiable = Field(
        default="",
        pattern=r"^((process|read|extract)(,(process|read|extract))*)?$",
        description=(
            "Scopes of callers whose tokens do not have OIDC_SCOPES_CLAIM, some of process, read and extract with commas. "
            "Empty: all three if no claim is set, none otherwise."
        ),
    )
    oidc_clock_skew_seconds: int = Field(
        default=60, ge=0, le=600, description="How far the provider's clock may be from this one, in seconds."
    )

    @model_validator(mode="after")
    def _check_provider(self) -> Self:
        if self.oidc_issuer and not self.audiences:
            raise ValueError(
                "OIDC_ISSUER needs OIDC_AUDIENCE or OIDC_CLIENT_ID: without them, tokens made for other services would be taken"
            )
        if self.oidc_client_id and not self.oidc_issuer:
            raise ValueError("OIDC_CLIENT_ID needs OIDC_ISSUER, the provider that knows it")
        return self

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return the audiences of tokens that are taken."""
        return tuple(filter(None, map(str.strip, self.oidc_audience.split(",")))) or tuple(filter(None, (self.oidc_client_id,)))

    @property
    def token_scopes(self) -> tuple[str, ...]:
        """Return the scopes of callers whose tokens list none."""
        if self.oidc_default_scopes:
            return tuple(self.oidc_default_scopes.split(","))
        return () if self.oidc_scopes_claim else ("process", "read", "extract")

    @property
    def has_tokens(self) -> bool:
        """Return whether tokens of a provider are taken."""
        return bool(self.oidc_issuer)

    @property
    def has_login(self) -> bool:
        """Return whether people can log in on the page at the provider."""
        return bool(self.oidc_issuer and self.oidc_client_id)

    audit_days: int = Field(
        default=0, ge=0, le=36_500, description="Days for which entries of the audit are kept. 0: for ever."
    )
    documents_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description=(
            "Days for which the values that extractions found are kept in the database, for GET /v1/documents. 0: they are not."
        ),
    )
    tiers_file: Emptiable = Field(
        default="",
        description=(
            "TOML file of the tiers of keys and their limits, the same on all hosts. Empty: those of the program, free, key, "
            "oauth and enterprise. No tier applies with AUTH_MODE=off."
        ),
    )

    @field_validator("tiers_file")
    @classmethod
    def _has_tiers(cls, path: str) -> str:
        """Accept only files that can be used."""
        load_tiers(path)
        return path

    @property
    def tiers(self) -> Mapping[str, Tier]:
        """Return all tiers by their names."""
        return load_tiers(self.tiers_file)

    @property
    def anonymous_tier(self) -> str:
        """Return the name of the tier for callers without a key; empty if they are refused."""
        return anonymous_tier(self.tiers) if self.needs_key else ""

    def tier(self, name: str) -> Tier:
        """Return a tier; one without limits for an empty name, to whose holder none applies. Raises TierUnknown."""
        if not name:
            return NO_LIMITS
        try:
            return self.tiers[name]
        except KeyError:
            raise TierUnknown(tier=name) from None

    @property
    def needs_key(self) -> bool:
        """Return whether callers must prove who they are."""
        return self.auth_mode == "required"

    @property
    def is_chosen(self) -> bool:
        """Return whether the operator has set AUTH_MODE, rather than left the default."""
        return "auth_mode" in self.model_fields_set
