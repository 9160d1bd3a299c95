"""Create, find, rotate and revoke API keys."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from document_parser.accounts.database import Database
from document_parser.accounts.identity import OWNER_PATTERN, RESERVED_OWNERS, SCOPES
from document_parser.accounts.models import KeyRow
from document_parser.accounts.records import MAX_GRACE_DAYS, MAX_NAME_CHARACTERS, MAX_ORIGINS, ApiKey, NewKey
from document_parser.accounts.secret_keys import hash_of, hint_of, new_key
from document_parser.errors import InvalidOption, KeyEnded, KeyNotFound
from document_parser.settings.serving import is_origin
from document_parser.settings.tiers import TIER_PATTERN


class Keys:
    """The keys of all owners. Every method raises DatabaseUnavailable and DatabaseNotUpgraded.

    ``tiers`` are the names of those that a new key may have; None for any.
    """

    def __init__(self, database: Database, tiers: Collection[str] | None = None) -> None:
        self._database, self._tiers = database, tiers

    def create(
        self,
        *,
        name: str,
        owner: str,
        tier: str,
        scopes: Iterable[str],
        now: datetime,
        expires_at: datetime | None = None,
        origins: Iterable[str] = (),
    ) -> NewKey:
        """Make a key. Raises InvalidOption."""
        if self._tiers is not None and tier not in self._tiers:
            raise InvalidOption.for_fields({"field": "tier", "problem": f"is not one of {', '.join(self._tiers)} (TIERS_FILE)"})
        made = _new_row(name=name, owner=owner, tier=tier, scopes=scopes, now=now, expires_at=expires_at, origins=origins)
        with self._database.writing() as session:
            session.add(made.row)
        return made.shown()

    def find(self, secret: str) -> ApiKey | None:
        """Return the key that has this secret, whether it works or not; None if there is none."""
        return self.find_by_hash(hash_of(secret))

    def find_by_hash(self, wanted: str) -> ApiKey | None:
        """Return the key whose secret has this hash, whether it works or not; None if there is none."""
        with self._database.reading() as session:
            row = session.scalar(select(KeyRow).where(KeyRow.hash == wanted))
        # An index finds the row by a hash that no caller can steer; the comparison that decides takes the same time for all.
        return _to_key(row) if row is not None and hmac.compare_digest(row.hash, wanted) else None

    def origins(self, now: datetime) -> frozenset[str]:
        """Return the origins that any key which works at this moment names."""
        works = (KeyRow.revoked_at.is_(None), or_(KeyRow.expires_at.is_(None), KeyRow.expires_at > now))
        with self._database.reading() as session:
            found = session.scalars(select(KeyRow.origins).where(KeyRow.origins != "", *works).distinct())
            return frozenset(origin for origins in found for origin in origins.split())

    def get(self, key_id: str) -> ApiKey:
        """Return a key. Raises KeyNotFound."""
        with self._database.reading() as session:
            row = session.get(KeyRow, key_id)
        if row is None:
            raise KeyNotFound(key_id=key_id)
        return _to_key(row)

    def list(self, owner: str | None = None) -> list[ApiKey]:
        """Return the keys of an owner, or all keys, newest first."""
        query = select(KeyRow).order_by(KeyRow.created_at.desc(), KeyRow.id)
        if owner is not None:
            query = query.where(KeyRow.owner == owner)
        with self._database.reading() as session:
            return [_to_key(row) for row in session.scalars(query)]

    def rotate(self, key_id: str, *, now: datetime, grace: timedelta = timedelta()) -> NewKey:
        """Replace a key by one with the same name, owner, tier, scopes, expiry and origins.

        The old key ends at once, or after ``grace``. Raises KeyNotFound, KeyEnded, InvalidOption.
        """
        if not timedelta() <= grace <= timedelta(days=MAX_GRACE_DAYS):
            raise InvalidOption.for_fields(
                {"field": "grace_seconds", "problem": f"is not between 0 and {MAX_GRACE_DAYS * 86_400}"}
            )
        with self._database.writing() as session:
            old = session.get(KeyRow, key_id, with_for_update=True)
            if old is None:
                raise KeyNotFound(key_id=key_id)
            if _to_key(old).state(now) != "active" or old.replaced_by:
                raise KeyEnded(key_id=key_id)
            made = _new_row(
                name=old.name,
                owner=old.owner,
                tier=old.tier,
                scopes=old.scopes.split(),
                now=now,
                expires_at=old.expires_at,
                origins=old.origins.split(),
            )
            session.add(made.row)
            old.replaced_by = made.row.id
            if grace:
                old.expires_at = min(filter(None, (old.expires_at, now + grace)))
            else:
                old.revoked_at = now
        return made.shown()

    def revoke(self, key_id: str, *, now: datetime) -> ApiKey:
        """End a key for good. Nothing changes for one that was revoked before. Raises KeyNotFound."""
        with self._database.writing() as session:
            row = session.get(KeyRow, key_id, with_for_update=True)
            if row is None:
                raise KeyNotFound(key_id=key_id)
            row.revoked_at = row.revoked_at or now
        return _to_key(row)

    def note_used(self, moments: Mapping[str, datetime]) -> None:
        """Note when keys, named by their ids, were last used. An earlier moment than the one known changes nothing."""
        with self._database.writing() as session:
            for key_id, at in sorted(moments.items()):
                older = or_(KeyRow.last_used_at.is_(None), KeyRow.last_used_at < at)
                session.execute(update(KeyRow).where(KeyRow.id == key_id, older).values(last_used_at=at))


@dataclass(frozen=True, slots=True)
class _NewRow:
    row: KeyRow
    secret: str

    def shown(self) -> NewKey:
        return NewKey(_to_key(self.row), self.secret)


def _new_row(
    *,
    name: str,
    owner: str,
    tier: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None,
    origins: Iterable[str],
) -> _NewRow:
    """Return the row of a new key with a new secret. Raises InvalidOption that names each wrong field."""
    held, sites = set(scopes), tuple(origin.lower() for origin in origins)
    _check(name, owner, tier, held, now, expires_at, sites)
    secret = new_key()
    row = KeyRow(
        id=str(uuid.uuid4()),
        hash=hash_of(secret),
        hint=hint_of(secret),
        name=name.strip(),
        owner=owner,
        tier=tier,
        scopes=" ".join(scope for scope in SCOPES if scope in held),
        created_at=now,
        expires_at=expires_at,
        replaced_by="",
        origins=" ".join(dict.fromkeys(sites)),
    )
    return _NewRow(row, secret)


def _check(
    name: str,
    owner: str,
    tier: str,
    scopes: set[str],
    now: datetime,
    expires_at: datetime | None,
    origins: Sequence[str],
) -> None:
    wrong = []
    if not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS or not name.isprintable():
        wrong.append({"field": "name", "problem": f"is not 1 to {MAX_NAME_CHARACTERS} printable characters"})
    if not re.fullmatch(OWNER_PATTERN, owner):
        wrong.append(
            {"field": "owner", "problem": "is not 1 to 64 of a-z, 0-9, dot, hyphen and underscore that begin with a-z or 0-9"}
        )
    elif owner in RESERVED_OWNERS:
        wrong.append({"field": "owner", "problem": "is a name that the service itself uses; choose another"})
    if not re.fullmatch(TIER_PATTERN, tier):
        wrong.append({"field": "tier", "problem": "is not 1 to 32 of a-z, 0-9, hyphen and underscore that begin with a letter"})
    if unknown := sorted(scopes.difference(SCOPES)):
        wrong.append({"field": "scopes", "problem": f"{', '.join(unknown)} is not one of {', '.join(SCOPES)}"})
    elif not scopes:
        wrong.append({"field": "scopes", "problem": f"is empty; name some of {', '.join(SCOPES)}"})
    if expires_at is not None and expires_at <= now:
        wrong.append({"field": "expires_at", "problem": "has passed already"})
    if len(origins) > MAX_ORIGINS:
        wrong.append({"field": "origins", "problem": f"are more than {MAX_ORIGINS}"})
    if unknown := [origin for origin in origins if not is_origin(origin)]:
        wrong.append(
            {
                "field": "origins",
                "problem": f"{unknown[0][:80]} is no origin like https://app.example.org, without path and without *",
            }
        )
    if wrong:
        raise InvalidOption.for_fields(*wrong)


def _to_key(row: KeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        hint=row.hint,
        name=row.name,
        owner=row.owner,
        tier=row.tier,
        scopes=tuple(scope for scope in SCOPES if scope in row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
        replaced_by=row.replaced_by,
        origins=tuple(row.origins.split()),
    )
