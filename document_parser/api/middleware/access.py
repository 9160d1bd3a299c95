"""List what every route needs of its caller, and what the audit calls it.

This is the only list. A route that is not in it is for admins, and a test fails until it is added.
"""

from __future__ import annotations

from dataclasses import dataclass

from document_parser.accounts.identity import Scope
from document_parser.api.middleware.paths import without_alias_prefix

DASHBOARD = "/dashboard"
"""Path of the dashboard; everything below it is for admins."""
OPEN_TREES = ("/static/", "/openapi/", "/samples/")
"""Beginnings of paths of files that belong to the program, which anyone may have."""
RESULT_READ = "result.read"
"""The action of every request that returns contents of a document."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a route needs, and how the audit names what it does."""

    scope: Scope | None
    """The scope that a key needs; None if anyone may ask."""
    operator_when_off: bool = False
    """Whether the route is for the operator while AUTH_MODE=off: without owners, it would list or delete others' documents."""
    actions: tuple[str, ...] = ()
    """Entries of the audit. RESULT_READ beside another action counts only if a result was returned."""


OPEN = Access(None)
"""A route for anyone."""
READ = Access("read")
"""A route that shows what belongs to the caller's owner, without contents of documents."""
READ_RESULT = Access("read", actions=(RESULT_READ,))
"""A route that returns contents of documents."""
PROCESS = Access("process")
"""A route that changes something of the caller's owner."""
SUBMIT = Access("process", actions=("job.submit",))
"""A route that makes a job of a document."""
EXTRACT = Access("extract", actions=(RESULT_READ,))
"""A route that returns values of a document."""
ADMIN = Access("admin", operator_when_off=True)
"""A route for admins."""

ROUTES: dict[tuple[str, str], Access] = {
    **{
        ("GET", path): OPEN
        for path in ("/", "/admin", "/docs", "/openapi.json", "/operator", "/v1/health/live", "/v1/health/ready")
    },
    ("GET", "/login/provider"): OPEN,
    ("GET", "/login/callback"): Access(None, actions=("session.open",)),
    ("POST", "/login"): Access(None, actions=("session.open",)),
    ("POST", "/logout"): Access(None, actions=("session.close",)),
    ("GET", "/v1/me"): READ,
    ("GET", "/v1/health"): Access("read"),
    ("GET", "/v1/system"): READ,
    # What it shows is of all owners together; Prometheus sends a token.
    ("GET", "/v1/metrics"): Access("admin"),
    ("POST", "/v1/process/async"): SUBMIT,
    ("POST", "/v1/process/sync"): Access("process", actions=("job.submit", RESULT_READ)),
    ("POST", "/v1/process/url"): SUBMIT,
    ("POST", "/v1/process/s3"): SUBMIT,
    ("POST", "/v1/process/batch"): Access("process", actions=("batch.submit",)),
    ("POST", "/v1/documents/upload/init"): PROCESS,
    ("POST", "/v1/documents/upload/chunk"): PROCESS,
    ("POST", "/v1/documents/upload/complete"): SUBMIT,
    ("POST", "/v1/uploads"): PROCESS,
    ("GET", "/v1/uploads/<upload_id>"): PROCESS,
    ("PATCH", "/v1/uploads/<upload_id>"): PROCESS,
    ("DELETE", "/v1/uploads/<upload_id>"): PROCESS,
    ("GET", "/v1/jobs"): Access("read", operator_when_off=True),
    ("GET", "/v1/jobs/<job_id>"): READ,
    ("GET", "/v1/jobs/<job_id>/status"): READ,
    ("GET", "/v1/jobs/<job_id>/children"): READ,
    ("GET", "/v1/jobs/<job_id>/events"): READ,
    ("GET", "/v1/jobs/<job_id>/pages"): READ,
    ("GET", "/v1/jobs/<job_id>/pages/<int:number>"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/pages/<int:number>/image"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/figures/<name>"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/result"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/download"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/source"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/chunks"): READ_RESULT,
    ("GET", "/v1/jobs/<job_id>/cite"): READ_RESULT,
    ("POST", "/v1/jobs/<job_id>/pages/<int:number>/retry"): Access("process", actions=("page.retry",)),
    ("POST", "/v1/jobs/<job_id>/retry"): Access("process", actions=("job.retry",)),
    ("POST", "/v1/jobs/<job_id>/cancel"): Access("process", actions=("job.cancel",)),
    ("POST", "/v1/jobs/<job_id>/extract"): EXTRACT,
    ("GET", "/v1/jobs/<job_id>/extractions/<extraction_id>"): EXTRACT,
    ("POST", "/v1/extract"): Access("extract", actions=("job.submit", RESULT_READ)),
    ("GET", "/v1/batches/<batch_id>/extractions"): EXTRACT,
    ("POST", "/v1/extract/validate"): Access("extract"),
    ("GET", "/v1/schemas"): Access("extract"),
    ("GET", "/v1/documents"): Access("extract", operator_when_off=True, actions=(RESULT_READ,)),
    ("DELETE", "/v1/documents/<job_id>"): Access("process", operator_when_off=True, actions=("document.delete",)),
    ("POST", "/v1/jobs/<job_id>/classify"): EXTRACT,
    ("GET", "/v1/jobs/<job_id>/classifications/<classification_id>"): EXTRACT,
    ("DELETE", "/v1/jobs/<job_id>"): Access("process", operator_when_off=True, actions=("job.delete",)),
    ("POST", "/v1/jobs/<job_id>/webhook/replay"): Access("process", operator_when_off=True, actions=("webhook.replay",)),
    ("GET", "/v1/batches/<batch_id>"): READ,
    ("GET", "/v1/batches/<batch_id>/events"): READ,
    ("GET", "/v1/batches/<batch_id>/download"): READ_RESULT,
    ("POST", "/v1/batches/<batch_id>/cancel"): Access("process", actions=("batch.cancel",)),
    ("DELETE", "/v1/batches/<batch_id>"): Access("process", operator_when_off=True, actions=("batch.delete",)),
    ("GET", "/v1/webhooks/deliveries"): ADMIN,
    ("POST", "/v1/webhooks/deliveries/replay"): ADMIN,
    ("POST", "/v1/webhooks/ping"): ADMIN,
    ("DELETE", "/v1/owners/me"): Access("process", operator_when_off=True, actions=("owner.delete",)),
    ("GET", "/v1/usage"): Access("read", operator_when_off=True),
    ("GET", "/v1/audit"): ADMIN,
    ("GET", "/v1/history"): ADMIN,
    ("GET", "/v1/history/failures"): ADMIN,
    ("GET", "/v1/breakers"): ADMIN,
    ("GET", "/v1/keys"): ADMIN,
    ("POST", "/v1/keys"): Access("admin", operator_when_off=True, actions=("key.create",)),
    ("POST", "/v1/keys/<key_id>/rotate"): Access("admin", operator_when_off=True, actions=("key.rotate",)),
    ("POST", "/v1/keys/<key_id>/revoke"): Access("admin", operator_when_off=True, actions=("key.revoke",)),
}
"""Method and template of every route of this service. Aliases need what the routes need whose names they are."""
_ALIASES = {
    "/v1/documents": "/v1/process/async",
    "/v1/documents/sync": "/v1/process/sync",
    "/v1/documents/batch": "/v1/process/batch",
    "/v1/documents/from-url": "/v1/process/url",
    "/v1/documents/from-s3": "/v1/process/s3",
}


def find_access(method: str, rule: str) -> Access | None:
    """Return what a route needs, given its method and its template, such as ``/v1/jobs/<job_id>``; None if it is not listed."""
    if is_dashboard(rule):
        return ADMIN
    if rule.startswith(OPEN_TREES):
        return OPEN
    path, verb = without_alias_prefix(rule), "GET" if method == "HEAD" else method
    return ROUTES.get((verb, path)) or ROUTES.get((verb, _ALIASES.get(path, path)))


def access_of(method: str, rule: str) -> Access:
    """Return what a route needs. One that is not listed is for admins."""
    return find_access(method, rule) or ADMIN


def is_dashboard(path: str) -> bool:
    """Return whether a path belongs to the dashboard."""
    return f"{path}/".startswith(f"{DASHBOARD}/")
