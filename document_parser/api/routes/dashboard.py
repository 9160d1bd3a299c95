"""Serve the operator's dashboard: rq-dashboard at ``/dashboard``, and pages of documents by name beside it.

Only the operator may open it, see ``auth``. It changes nothing unless DASHBOARD_WRITES is set.
"""

from __future__ import annotations

import functools
import re
import secrets
from collections import Counter
from typing import Any

import rq_dashboard
from flask import Blueprint, Flask, Response, g, jsonify, render_template, request, url_for
from markupsafe import escape
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import requeue_job
from rq.serializers import JSONSerializer
from rq_dashboard import web

from document_parser.api import auth
from document_parser.api.middleware import access, errors
from document_parser.api.middleware.headers import NOTHING
from document_parser.api.middleware.identity import asked_owner
from document_parser.api.schemas import CURSOR
from document_parser.api.services import get_services
from document_parser.errors import DashboardReadOnly, DocumentParserError, InvalidOption, JobNotFound, MethodNotAllowed
from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.redis.connection import Redis
from document_parser.settings import Settings

PREFIX = access.DASHBOARD
"""Path of the dashboard."""
DOCUMENTS_PER_PAGE = 50
"""Documents on one page of the list."""
REFRESH_SECONDS = 5
"""Interval in seconds at which the pages refresh themselves."""
NUMBERS = {"instance_number": (0, 0), "page": (1, 1_000_000), "per_page": (1, 200)}
"""Minimum and maximum of the numbers in rq-dashboard's addresses."""
REGISTRIES = {"queued", "failed", "deferred", "started", "finished", "scheduled", "canceled"}
"""Names of registries that rq-dashboard knows."""

IMAGES = "img-src 'self' data:"
"""Part of the Content-Security-Policy for images."""
OUR_POLICY = f"{NOTHING}; script-src 'self'; style-src 'self'; connect-src 'self'; {IMAGES}"
"""Content-Security-Policy of the pages of documents."""
RQ_SCRIPTS = "script-src 'self' 'nonce-{nonce}' 'unsafe-eval'"
"""Part of rq-dashboard's Content-Security-Policy for scripts.

It compiles its templates in the browser, which counts as eval, and its one inline script carries a nonce.
"""
RQ_POLICY = f"{NOTHING}; {RQ_SCRIPTS}; style-src 'self' 'unsafe-inline'; {IMAGES}; connect-src 'self'"
"""Content-Security-Policy of rq-dashboard's pages."""


class JsonJob(queue.TaskJob):
    """A job that is never unpickled. Otherwise anyone who can write to Redis could run code here."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:
        super().__init__(id, connection, serializer or JSONSerializer)


class JsonWorker(Worker):
    """A worker whose current job is never unpickled."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"serializer": JSONSerializer})


def register(app: Flask, settings: Settings, redis: Redis) -> None:
    """Serve the dashboard. Connects to nothing."""
    _adapt_rq_dashboard()
    app.config["RQ_DASHBOARD_REDIS_URL"] = ("redis",)  # one server, whose address is not shown
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = not settings.api.dashboard_writes
    app.redis_conn = redis  # type: ignore[attr-defined]  # where rq-dashboard looks for it
    app.before_request(functools.partial(_guard, settings))
    app.after_request(_set_policy)
    app.register_error_handler(NoSuchJobError, lambda _: errors.error_response(JobNotFound()))
    app.register_blueprint(_documents())
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=PREFIX)
    app.view_functions["rq_dashboard.job_info"] = _with_escaped_texts(app.view_functions["rq_dashboard.job_info"])


def _adapt_rq_dashboard() -> None:
    """Make rq-dashboard use JSON and this app's Redis connection.

    It would unpickle wherever it names no serializer, and open a connection without deadlines at every request.
    """
    web.from_url = lambda *_, **__: (None, get_services().redis)
    web.config.serializer = JSONSerializer
    web.Job = JsonJob
    web.Worker = JsonWorker
    web.requeue_job = functools.partial(requeue_job, serializer=JSONSerializer)


def _guard(settings: Settings) -> Response | None:
    """Check requests below the dashboard's path.

    The check is by path, because rq-dashboard's blueprint is shared by all apps of a process and takes no guard of its own.
    Raises RateLimited, RedisError, DashboardReadOnly, Forbidden, MethodNotAllowed, InvalidOption.
    """
    if not access.is_dashboard(request.path):
        return None
    try:
        auth.check_admin_or_password()
    except auth.PROOF_ERRORS as error:
        return _ask_for_token(error)
    _refuse_writes(settings)
    _check_arguments()
    g.script_nonce = secrets.token_urlsafe(16)
    return None


def _ask_for_token(error: DocumentParserError) -> Response:
    """Return the response that makes a browser ask for the password."""
    response = errors.error_response(error)
    response.headers["WWW-Authenticate"] = 'Basic realm="dashboard: the password is the operator\'s token", charset="UTF-8"'
    return response


def _refuse_writes(settings: Settings) -> None:
    """Refuse requests that change something, unless they are allowed.

    Raises DashboardReadOnly, Forbidden, MethodNotAllowed.
    """
    requeues_all = request.endpoint == "rq_dashboard.requeue_all"
    if request.method in ("GET", "HEAD") and not requeues_all:
        return
    if not settings.api.dashboard_writes:
        raise DashboardReadOnly()
    if requeues_all and request.method != "POST":
        raise MethodNotAllowed()  # rq-dashboard also acts on GET, which any page can make a browser send
    auth.check_own_origin()


def _check_arguments() -> None:
    """Refuse arguments that rq-dashboard does not expect, because it fails on them. Raises InvalidOption."""
    given = request.view_args or {}
    for name, (least, most) in NUMBERS.items():
        number = str(given.get(name, least))
        if not (number.isascii() and number.isdigit() and least <= int(number) <= most):
            raise InvalidOption.for_fields({"field": name, "problem": f"not a whole number from {least} to {most}"})
    if given.get("registry_name", "queued") not in REGISTRIES:
        raise InvalidOption.for_fields({"field": "registry_name", "problem": f"not one of {', '.join(sorted(REGISTRIES))}"})


def _set_policy(response: Response) -> Response:
    if request.blueprint == "dashboard":
        response.headers["Content-Security-Policy"] = OUR_POLICY
        response.headers["Cache-Control"] = "no-store"
    elif request.blueprint == "rq_dashboard" and "script_nonce" in g:
        response.headers["Content-Security-Policy"] = RQ_POLICY.format(nonce=g.script_nonce)
    return response


def _with_escaped_texts(view: Any) -> Any:
    """Wrap rq-dashboard's view of a job so that its texts are escaped.

    The page puts them into HTML unescaped, and a file's name may be any text.
    """

    @functools.wraps(view)
    def job_info(**arguments: Any) -> Response:
        response, headers = view(**arguments)
        found = {name: escape(value) if isinstance(value, str) else value for name, value in response.get_json().items()}
        answer = jsonify(found)
        answer.headers.extend(headers)
        return answer

    return job_info


def _documents() -> Blueprint:
    """Create the pages of documents. Without scripts they show the same, but do not refresh themselves."""
    pages = Blueprint("dashboard", __name__, url_prefix=PREFIX)

    @pages.get("/documents")
    def documents() -> str:
        services = get_services()
        found = record.newest(services.redis, asked_owner(request.args.get("owner", "")), _parse_before(), DOCUMENTS_PER_PAGE)
        jobs = record.load_many(services.redis, [job_id for job_id, _ in found])
        at_work = services.ledger.claim_holders()
        older = (
            url_for(".documents", before=repr(found[-1][1]), owner=request.args.get("owner"))
            if len(found) == DOCUMENTS_PER_PAGE
            else ""
        )
        return render_template(
            "dashboard/documents.html",
            active_tab="documents",
            jobs=[(job.to_status(), len(at_work[job.card.job_id])) for job in jobs],
            older=older,
            workers=queue.count_living_workers(services.redis),
            waiting=queue.waiting_documents(services.redis),
            refresh=REFRESH_SECONDS,
        )

    @pages.get("/documents/<job_id>")
    def document(job_id: str) -> str:
        services = get_services()
        job = record.load(services.redis, job_id)
        entries = services.ledger.entries(job_id)
        return render_template(
            "dashboard/document.html",
            active_tab="documents",
            job=job.to_status(),
            options=job.card.options,
            entries=sorted(entries.items()),
            states=Counter(entry["state"] for entry in entries.values()),
            refresh=0 if job.state.has_ended else REFRESH_SECONDS,
        )

    return pages


def _parse_before() -> float | None:
    """Return the creation time of the last document on the previous page, in seconds since 1970.

    None for the first page. Raises InvalidOption.
    """
    before = request.args.get("before")
    if before is None:
        return None
    if not before or not re.fullmatch(CURSOR, before):
        raise InvalidOption.for_fields({"field": "before", "problem": "not a time; follow the link on the previous page"})
    return float(before)
