"""Serve the routes of API keys, for admins."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.records import ApiKey, NewKey
from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.middleware import responses
from document_parser.api.middleware.audit import note_subject
from document_parser.api.schemas import KeyList, KeyMade, KeyPath, KeyRotation, KeysQuery, KeyView, KeyWanted
from document_parser.api.services import get_services
from document_parser.errors import DatabaseNotUpgraded, DatabaseUnavailable, InvalidOption, KeyEnded, KeyNotFound
from document_parser.jobs.records import key_changes
from document_parser.jobs.redis.connection import RedisError

routes = APIBlueprint(
    "keys", __name__, url_prefix="/v1/keys", abp_tags=[Tag(name="keys", description="For admins: API keys of all owners.")]
)
"""The routes of API keys."""

DATABASE_ERRORS = (DatabaseUnavailable, DatabaseNotUpgraded)
"""Errors of a route that needs the database."""


@routes.get(
    "",
    summary="List API keys, newest first",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: KeyList}, InvalidOption, *DATABASE_ERRORS, *openapi.OPERATOR_ERRORS),
    operation_id="list_keys",
)
def listing(query: KeysQuery) -> Response:
    """Return all keys of all owners, or of one, without their secrets. Ended ones are in the list too."""
    now = datetime.now(UTC)
    found = get_services().accounts.tables.keys.list(query.owner or None)
    return responses.to_response(KeyList(keys=[_view(key, now) for key in found]))


@routes.post(
    "",
    summary="Make an API key",
    description="The answer has the key itself, which is kept nowhere and never shown again.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({201: KeyMade}, InvalidOption, *DATABASE_ERRORS, *openapi.OPERATOR_ERRORS),
    operation_id="create_key",
)
def create(body: KeyWanted) -> Response:
    """Make a key for an owner."""
    check_origin()
    now = datetime.now(UTC)
    made = get_services().accounts.tables.keys.create(
        name=body.name,
        owner=body.owner,
        tier=body.tier,
        scopes=body.scopes,
        expires_at=body.expires_at,
        origins=body.origins,
        now=now,
    )
    if made.key.origins:
        _announce()
    return _made(made, now)


@routes.post(
    "/<key_id>/rotate",
    summary="Replace an API key",
    description="Makes a key with the same name, owner, tier, scopes, expiry and origins. The old one ends at once, or after "
    "grace_seconds.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses(
        {201: KeyMade}, InvalidOption, KeyNotFound, KeyEnded, *DATABASE_ERRORS, *openapi.OPERATOR_ERRORS
    ),
    operation_id="rotate_key",
)
def rotate(path: KeyPath, body: KeyRotation) -> Response:
    """Replace a key by a new one."""
    check_origin()
    services, now = get_services(), datetime.now(UTC)
    made = services.accounts.tables.keys.rotate(path.key_id, now=now, grace=timedelta(seconds=body.grace_seconds))
    _announce()
    return _made(made, now)


@routes.post(
    "/<key_id>/revoke",
    summary="End an API key",
    description="The key ends on every host within five seconds, for good. Revoking it again changes nothing.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: KeyView}, InvalidOption, KeyNotFound, *DATABASE_ERRORS, *openapi.OPERATOR_ERRORS),
    operation_id="revoke_key",
)
def revoke(path: KeyPath) -> Response:
    """End a key for good."""
    check_origin()
    services, now = get_services(), datetime.now(UTC)
    ended = services.accounts.tables.keys.revoke(path.key_id, now=now)
    key_changes.announce(services.redis)
    return responses.to_response(_view(ended, now))


def _announce() -> None:
    """Let all processes look keys up again.

    Without Redis that takes up to a minute. The new key must be shown all the same, because it never will be again.
    """
    with contextlib.suppress(RedisError):
        key_changes.announce(get_services().redis)


def _view(key: ApiKey, now: datetime) -> KeyView:
    facts = asdict(key) | {"replaced_by": key.replaced_by or None}
    return KeyView(state=key.state(now), **facts)


def _made(made: NewKey, now: datetime) -> Response:
    note_subject(made.key.id)
    return responses.to_response(KeyMade(key=made.secret, **_view(made.key, now).model_dump()), 201)
