"""Errors of who may do what: keys, logins, scopes, tiers and quotas, and the database that knows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from document_parser.errors.base import DocumentParserError


class Forbidden(DocumentParserError):
    """The route is for the operator and no proof came, or a page of another site sent the request."""

    code = "FORBIDDEN"
    status = 403
    message = (
        "This is for the operator. Programs send 'Authorization: Bearer' with ADMIN_TOKEN or the token that "
        "`docparse operator-token` prints on the machine; a browser opens the link that `docparse operator-link` prints there."
    )


class LoginRequired(DocumentParserError):
    """The request has a key or token that nobody made here, or the dashboard needs a password and none came."""

    code = "LOGIN_REQUIRED"
    status = 401
    message = (
        "The request has no API key and no token of this service. Send an API key, which begins with dp_live_, or as the "
        "operator ADMIN_TOKEN or what `docparse operator-token` prints on the machine, as a bearer token or as the dashboard's "
        "password."
    )


class LinkUsed(DocumentParserError):
    """A one-time operator link was used already or is older than its lifetime."""

    code = "LINK_USED"
    status = 410
    message = (
        "This link was used already, or is too old. `docparse operator-link` prints a new one, on the machine and as the "
        "service's user."
    )


class DashboardReadOnly(DocumentParserError):
    """The dashboard was asked to change something while DASHBOARD_WRITES is off."""

    code = "DASHBOARD_READ_ONLY"
    status = 403
    message = "The dashboard is read-only. Set DASHBOARD_WRITES=true to act from it."


class DatabaseUnavailable(DocumentParserError):
    """The database of keys, usage, history and audit cannot be used."""

    code = "DATABASE_UNAVAILABLE"
    status = 503
    retryable = True
    message = (
        "The database of keys and usage does not answer at the moment. Try again shortly. If the error stays, the operator "
        "checks DATABASE_URL and its server."
    )


class DatabaseNotUpgraded(DocumentParserError):
    """The tables of the database are older than this program."""

    code = "DATABASE_NOT_UPGRADED"
    status = 503
    message = "The database of keys and usage is older than this program. The operator runs `docparse db upgrade` once."


class KeyRequired(DocumentParserError):
    """AUTH_MODE=required, and the request has no API key."""

    code = "KEY_REQUIRED"
    status = 401
    message = (
        "This service needs an API key. Send it as 'Authorization: Bearer dp_live_...' or as X-API-Key. Its operator makes "
        "one with `docparse keys create`."
    )


class KeyInvalid(DocumentParserError):
    """The request has a key that this service did not make, or that was cut off while it was copied."""

    code = "KEY_INVALID"
    status = 401
    message = "This is no API key of this service. Check that all of it was copied, or ask the operator for a new one."


class KeyExpired(DocumentParserError):
    """The API key was valid until a moment that has passed."""

    code = "KEY_EXPIRED"
    status = 401
    message = "This API key has expired. Use the one that replaced it, or ask the operator for a new one."


class KeyRevoked(DocumentParserError):
    """The API key was revoked, or replaced at once by a rotation."""

    code = "KEY_REVOKED"
    status = 401
    message = "This API key was revoked. Use the one that replaced it, or ask the operator for a new one."


class TokenInvalid(DocumentParserError):
    """The request has a token that the login provider did not make for this service."""

    code = "TOKEN_INVALID"
    status = 401
    message = "This token was not made by the login provider for this service. Log in again."

    @classmethod
    def because(cls, reason: str) -> TokenInvalid:
        """Return the error with what is wrong, as a part of a sentence without a full stop."""
        return cls(f"This token is not accepted: {reason}. Ask the login provider for a new one for this service.")


class TokenExpired(DocumentParserError):
    """The token of the login provider was valid until a moment that has passed."""

    code = "TOKEN_EXPIRED"
    status = 401
    message = "This token of the login provider has expired. Ask the provider for a new one, or log in again."


class LoginProviderUnavailable(DocumentParserError):
    """The login provider does not answer, or not as one, and what is known of it is too old."""

    code = "LOGIN_PROVIDER_UNAVAILABLE"
    status = 503
    retryable = True
    message = (
        "The login provider does not answer, so the token cannot be checked. Try again later. API keys work meanwhile. The "
        "log says more."
    )


class LoginFailed(DocumentParserError):
    """A login was not begun in this browser, took too long, or the provider refused it."""

    code = "LOGIN_FAILED"
    status = 400
    message = (
        "The login did not succeed: it was not begun in this browser, took over ten minutes, or was refused. Log in again."
    )


class LoginOff(DocumentParserError):
    """No login provider is set."""

    code = "LOGIN_OFF"
    status = 404
    message = "This service has no login provider. Use an API key, or have its operator set OIDC_ISSUER and OIDC_CLIENT_ID."


class ScopeMissing(DocumentParserError):
    """The API key may not do this."""

    code = "SCOPE_MISSING"
    status = 403
    message = "This API key lacks the scope that the request needs, see details. Ask the operator for a key that has it."

    @classmethod
    def for_scope(cls, needed: str, held: Iterable[str]) -> ScopeMissing:
        """Return the error with the scope that is needed and those that the key has."""
        has = sorted(held)
        sentence = f"This request needs the scope {needed}; the API key has {', '.join(has) or 'none'}."
        return cls(f"{sentence} Ask the operator for a key that has it.", needed=needed, scopes=has)


class KeyNotFound(DocumentParserError):
    """No API key has this id."""

    code = "KEY_NOT_FOUND"
    status = 404
    message = "No API key has this id. `docparse keys list` and GET /v1/keys show the ids of all keys."


class KeyEnded(DocumentParserError):
    """A key that was revoked, replaced or has expired cannot be rotated."""

    code = "KEY_ENDED"
    status = 409
    message = "This API key was revoked, replaced or has expired, so it cannot be rotated. Create a new key."


class QuotaExceeded(DocumentParserError):
    """An owner has used up what its tier allows on a day or in a month. A tier may give it the status 402."""

    code = "QUOTA_EXCEEDED"
    status = 429
    message = "Your tier allows no more today or this month. The details say what is left, and when the count begins anew."

    @classmethod
    def for_quota(
        cls, quota: str, limit: int, used: int, wanted: int, *, resets_at: str, status: int = 429, **facts: Any
    ) -> QuotaExceeded:
        """Return the error of a quota such as documents_per_day; ``resets_at`` is a time of ISO 8601."""
        what, _, period = quota.partition("_per_")
        left = max(0, limit - used)
        error = cls(
            f"{what.capitalize()} left this {period}: {left} of {limit}; this takes {wanted}. The count ends at {resets_at}.",
            quota=quota, limit=limit, used=used, left=left, wanted=wanted, resets_at=resets_at, **facts,
        )  # fmt: skip
        error.status = status
        return error


class NotInTier(DocumentParserError):
    """The tier of the caller does not allow this mode, engine, lane or size."""

    code = "NOT_IN_TIER"
    status = 403
    message = "Your tier does not allow this. The details say what it allows."

    @classmethod
    def for_word(cls, tier: str, field: str, word: str, allowed: Iterable[str]) -> NotInTier:
        """Return the error for a value of a field, such as a mode, that is not one of those allowed."""
        words = list(allowed)
        return cls(
            f"The tier {tier} does not allow {field} {word}. It allows {', '.join(words)}.",
            tier=tier,
            field=field,
            allowed=words,
        )


class TierUnknown(DocumentParserError):
    """The tier of a key is not in the TIERS_FILE of this host."""

    code = "TIER_UNKNOWN"
    status = 403
    message = "This server does not know the tier of your key. Its operator has to add it to TIERS_FILE, or make another key."
