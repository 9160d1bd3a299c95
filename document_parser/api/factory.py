"""Making the Flask app."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from flask import current_app
from flask_openapi import Info
from flask_openapi.models import License

import document_parser
from document_parser import logs
from document_parser.api import (
    access,
    auth,
    dashboard,
    events,
    jobs,
    limits,
    metrics,
    pages,
    problems,
    process,
    security,
    service,
    serving,
    system,
    ui,
    webhooks,
)
from document_parser.api.arrivals import Arrivals, Places, places_of
from document_parser.api.openapi import DescribedApp
from document_parser.api.uploads import UploadRequest, tidy_staging
from document_parser.jobs.connection import Redis, connect
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.secrets import make_webhook_secret
from document_parser.keeper import keep_beside
from document_parser.settings import Settings, load_settings
from document_parser.startup import keep_data_private
from document_parser.storage import Storage, make_storage

SMALL_FIELDS_BYTES = 1 << 20
"""Room for the fields beside the file. Werkzeug reads multipart in pieces of 64 KiB, each of which must fit."""
MOST_FORM_PARTS = 40


@dataclass(frozen=True)
class Services:
    """What the views work with."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    storage: Storage
    waiting: Places
    """Requests that wait hold at most half of the threads."""
    arrivals: Arrivals
    """Bodies under way; the slow ones share the threads that may be held for long with the requests that wait."""
    counts: access.Counts
    hasty_redis: Redis
    """Gives up soon where Redis does not answer: for what is asked all the time and can do without."""


def services() -> Services:
    found: Services = current_app.extensions["document_parser"]
    return found


def create_app(settings: Settings | None = None) -> DescribedApp:
    """An app over these settings. Connects to nothing until the first request, and starts nothing."""
    settings = settings or load_settings()
    app = DescribedApp(
        "document_parser.api",
        info=Info(
            title="Document parser",
            version=document_parser.__version__,
            description=(
                "Documents in; Markdown, JSON, HTML, CSV or text out, page by page. Any request may carry X-Request-ID, "
                "and every answer has one. A query field that is left empty counts as not given."
            ),
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        validation_error_callback=problems.invalid_option,
        validation_error_model=problems.ProblemBody,
    )
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = (settings.api.max_upload_mb << 20) + SMALL_FIELDS_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = SMALL_FIELDS_BYTES
    app.config["MAX_FORM_PARTS"] = MOST_FORM_PARTS
    held = places_of(settings.api.web_threads)
    redis, hasty_redis = connect(settings), connect(settings, answer_seconds=2.0, retries=1)
    app.extensions["document_parser"] = Services(
        settings=settings,
        redis=redis,
        ledger=Ledger(redis, settings),
        storage=make_storage(settings),
        waiting=Places(max(1, settings.api.web_threads // 2), of=held),
        arrivals=Arrivals(settings.api.upload_seconds, settings.api.client_stall_seconds, held),
        counts=access.register(app, hasty_redis, settings.api.client_stall_seconds),
        hasty_redis=hasty_redis,
    )
    security.register(app, settings)
    problems.register(app)
    dashboard.register(app, settings, redis)
    limits.register(app, settings, redis)
    auth.register(app)
    for blueprint in (
        process.blueprint(settings.api),
        jobs.routes,
        pages.routes,
        events.blueprint(),
        webhooks.routes,
        service.blueprint(),
        system.blueprint(),
        metrics.blueprint(),
        ui.blueprint(),
    ):
        app.register_api(blueprint)
    return app


def serving_app() -> DescribedApp:
    """The app of a server process, with a keeper beside the server's master."""
    settings = load_settings()
    logs.configure(settings.logs)
    keep_data_private(settings)
    _read_uploads_in_small_pieces()
    _believe_no_caller()
    app = create_app(settings)
    make_webhook_secret(settings)
    auth.make_operator_token(settings)
    tidy_staging(settings.data_dir / "staging", settings.api.upload_seconds)
    keep_beside(settings, _master_pid())
    return app


def _read_uploads_in_small_pieces() -> None:
    """gunicorn reads 1 MiB of a body ahead and copies the rest of it at every 64 KiB that the form parser takes.

    Small pieces take a quarter off the processor time of a 2 MB upload. Where gunicorn has no such attribute any more,
    or does not serve, nothing happens.
    """
    unreader = sys.modules.get("gunicorn.http.unreader")
    if unreader is not None and hasattr(unreader.SocketUnreader, "max_body_chunk"):
        unreader.SocketUnreader.max_body_chunk = 64 << 10


def _believe_no_caller() -> None:
    """gunicorn believes SCRIPT_NAME, X-Forwarded-Proto and the like of callers on 127.0.0.1 and on unix sockets.

    Not here, also when it was started without our configuration, which says the same. Of proxies the app believes what
    TRUSTED_PROXIES says.
    """
    config = sys.modules.get("gunicorn.config")
    if config is not None:
        for name, value in serving.BELIEVED.items():
            setattr(config.Config, name, value)


def _master_pid() -> int:
    """gunicorn's master where this is one of its workers, else this process: the one whose life counts."""
    return os.getppid() if "gunicorn.arbiter" in sys.modules else os.getpid()
