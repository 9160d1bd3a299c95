"""Keep what belongs to one owner from all others: to them it does not exist."""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from document_parser.accounts.identity import Identity
from document_parser.errors import BatchNotFound, DocumentParserError, JobNotFound, UploadNotFound
from document_parser.jobs.records import owners
from document_parser.jobs.redis.connection import Redis

_OWNERS: dict[str, tuple[Callable[[Redis, str], str | None], type[DocumentParserError]]] = {
    "job_id": (owners.owner_of_job, JobNotFound),
    "batch_id": (owners.owner_of_batch, BatchNotFound),
    "upload_id": (owners.owner_of_upload, UploadNotFound),
}
"""What paths name, by the name in their templates: how its owner is found, and the error if it is another one's."""


def check_path(redis: Redis, caller: Identity) -> None:
    """Refuse a request whose path names what belongs to another owner. What does not exist is left to the view.

    Raises JobNotFound, BatchNotFound, UploadNotFound, RedisError.
    """
    for name, value in (request.view_args or {}).items():
        if name in _OWNERS:
            find_owner, missing = _OWNERS[name]
            _check(caller, find_owner(redis, str(value)), missing)


def check_job(redis: Redis, caller: Identity, job_id: str) -> None:
    """Refuse a job of another owner that a request names in its body. Raises JobNotFound, RedisError."""
    _check(caller, owners.owner_of_job(redis, job_id), JobNotFound)


def check_upload(redis: Redis, caller: Identity, upload_id: str) -> None:
    """Refuse an upload of another owner that a request names in its body. Raises UploadNotFound, RedisError."""
    _check(caller, owners.owner_of_upload(redis, upload_id), UploadNotFound)


def _check(caller: Identity, owner: str | None, missing: type[DocumentParserError]) -> None:
    if owner is not None and not caller.may_see(owner):
        raise missing()
