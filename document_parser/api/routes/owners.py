"""Serve the deletion of all that an owner has."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.accounts.identity import Identity
from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.middleware import responses
from document_parser.api.middleware.identity import identity
from document_parser.api.routes.keys import DATABASE_ERRORS
from document_parser.api.schemas import OwnerDeleted
from document_parser.api.services import Services, get_services
from document_parser.errors import DeletionIncomplete, StorageUnavailable
from document_parser.jobs import erasing
from document_parser.jobs.records import key_changes
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

KEPT = (
    "Everything of this owner is deleted, and all its keys are revoked. Usage stays as sums without names; the audit stays, "
    "and has no contents and no names of files."
)
"""What the response says."""

ERASE_ATTEMPTS = 3
"""How many times rows are deleted: a write of history or usage that had begun before may end in between."""

routes = APIBlueprint(
    "owners", __name__, url_prefix="/v1/owners", abp_tags=[Tag(name="owners", description="Delete all that an owner has.")]
)
"""The route of owners."""


@routes.delete(
    "/me",
    summary="Delete everything of the caller's owner",
    description="Jobs that have not ended are cancelled. Documents, results, uploads, cache and history are deleted, usage is "
    "kept as sums without names, and all keys of the owner are revoked, the one of this request last: until everything is "
    "deleted, the request can be sent again.",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses(
        {200: OwnerDeleted}, DeletionIncomplete, StorageUnavailable, *DATABASE_ERRORS, *openapi.OPERATOR_ERRORS
    ),
    operation_id="delete_owner",
)
def delete() -> Response:
    """Delete everything of the caller's owner."""
    check_origin()
    return responses.to_response(_delete(get_services(), identity()))


def _delete(services: Services, caller: Identity) -> OwnerDeleted:
    """Delete everything of an owner.

    What is left after an error is deleted by the next call. Raises DeletionIncomplete, DatabaseUnavailable, StorageUnavailable,
    RedisError.
    """
    redis, owner, now = services.redis, caller.owner, datetime.now(UTC)
    erasure = services.accounts.tables.erasure
    ended = erasure.end_keys(owner, now, without=caller.key_id)
    key_changes.announce(redis)
    before = erasing.holdings(redis, owner)
    # Keys end with their owner; a person logs in at the provider again, and is the same owner.
    gone = erasing.erase(redis, services.ledger, services.storage, owner, may_return=caller.actor == "user")
    if left := erasing.left_over(redis, services.storage, owner, before):
        raise DeletionIncomplete(None, **left)
    rows = [erasure.erase(owner, now)]
    ended += erasure.end_keys(owner, now)
    key_changes.forget_used(redis, ended)
    key_changes.announce(redis)
    erasing.note_erased(redis, owner, ended)
    while left_rows := erasure.count(owner, now):
        if len(rows) == ERASE_ATTEMPTS:
            raise DeletionIncomplete(rows=left_rows)
        rows.append(erasure.erase(owner, now))
    erasure.forget_writes()
    log.info("owner_deleted", jobs=gone.jobs, files=gone.files, api_keys=len(ended))
    return OwnerDeleted(
        jobs=gone.jobs,
        cancelled_jobs=gone.cancelled,
        batches=gone.batches,
        uploads=gone.uploads,
        files=gone.files,
        redis_keys=gone.redis_keys,
        history=sum(one.jobs for one in rows),
        usage=sum(one.usage for one in rows),
        api_keys=len(ended),
        message=KEPT,
    )
