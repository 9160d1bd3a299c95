"""Write an entry of the audit for every request that reads contents of documents, or changes something.

An entry is in Redis before its answer leaves. The flush of a worker host writes it to the database.
"""

from __future__ import annotations

import uuid

import structlog
from flask import Flask, Response, g, request

from document_parser.api.middleware import errors, rate_limits
from document_parser.api.middleware.access import RESULT_READ
from document_parser.api.middleware.identity import find_identity
from document_parser.api.middleware.wires import access_of_request
from document_parser.jobs.records import audit_trail
from document_parser.jobs.records.audit_trail import Entry
from document_parser.jobs.redis.connection import Redis, RedisError
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


def register(app: Flask, redis: Redis) -> None:
    """Write entries. Call this after the registration of ``auth``, which says who sends a request."""

    @app.after_request
    def write(response: Response) -> Response:
        entries = _entries(response.status_code)
        if entries:
            try:
                audit_trail.append(redis, entries)
            except RedisError as error:
                # What was read or changed needs Redis, so this is rare; the log has the request all the same.
                log.error("audit_entry_lost", error=type(error).__name__, actions=[entry.action for entry in entries])
        return response


def note_subject(name: str) -> None:
    """Note the id of the batch or key that this request made, for its entry."""
    g.audited_subject = name


def _entries(status: int) -> list[Entry]:
    """Return the entries of this request. A request whose caller is not known has none: anybody could fill the audit."""
    caller, rule = find_identity(), request.url_rule
    if caller is None or rule is None:
        return []
    named = request.view_args or {}
    subject = g.get("audited_subject", "") or next((str(named[name]) for name in ("batch_id", "key_id") if name in named), "")
    return [
        Entry(
            entry=str(uuid.uuid4()),
            owner=caller.owner,
            key_id=caller.key_id,
            actor=caller.actor,
            action=action,
            subject=subject,
            job_id=str(structlog.contextvars.get_contextvars().get("job_id", "")),
            address=rate_limits.caller(),
            status=status,
            request_id=errors.request_id(),
        )
        for action in _actions(rule.rule, status)
    ]


def _actions(rule: str, status: int) -> list[str]:
    """Return the actions of a route. Beside another action, a result was read only if it was returned."""
    actions = access_of_request(rule).actions
    return [action for action in actions if action != RESULT_READ or len(actions) == 1 or status == 200]
