"""Create the Flask app."""

from __future__ import annotations

import os
import sys

from flask_openapi import Info
from flask_openapi.models import License

from document_parser.api import assets, auth
from document_parser.api.accounts import Accounts
from document_parser.api.compat import mounting
from document_parser.api.intake.arrivals import Arrivals, Slots, slots_for_threads
from document_parser.api.intake.uploads import UploadRequest, tidy_staging
from document_parser.api.middleware import audit, cors, errors, headers, rate_limits, request_log, tier_limits
from document_parser.api.openapi import DescribedApp
from document_parser.api.routes import (
    admin,
    aliases,
    batches,
    breakers,
    chunked_uploads,
    chunks,
    classification,
    dashboard,
    documents,
    events,
    extraction,
    extraction_csv,
    health,
    history,
    jobs,
    keys,
    links,
    login,
    metrics,
    owners,
    pages,
    process,
    system,
    ui,
    uploads,
    usage,
    webhooks,
)
from document_parser.api.routes import audit as audit_route
from document_parser.api.server import options
from document_parser.api.services import Services
from document_parser.classification.labels import load_labels
from document_parser.errors import StorageKeyWrong, StorageUnavailable, StoredFileDamaged
from document_parser.extraction.registry import load_schemas
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, load_settings
from document_parser.settings.exposure import Exposed, check_exposure, is_loopback
from document_parser.settings.secrets import make_webhook_secret
from document_parser.settings.startup import keep_data_private
from document_parser.storage import check_storage_key, make_storage
from document_parser.supervisor.supervisor import start_supervisor_watch
from document_parser.telemetry import error_reports, logs, tracing
from document_parser.version import __version__

log = logs.get_logger(__name__)

MAX_FIELDS_BYTES = 1 << 20
"""Maximum size of the form fields beside the file, in bytes.

Werkzeug reads multipart bodies in pieces of 64 KiB, each of which must fit.
"""
APP_LOAD_ERROR = 4
"""Exit status of a worker of gunicorn that cannot load its app: the master ends with it."""
MAX_PARTS = 40
"""Maximum number of parts of a form."""


def create_app(settings: Settings | None = None) -> DescribedApp:
    """Create an app with these settings. It connects to nothing until the first request, and starts nothing."""
    settings = settings or load_settings()
    app = DescribedApp(
        "document_parser.api",
        info=Info(
            title="Document parser",
            version=__version__,
            description=(
                "Reads documents page by page and returns Markdown, JSON, HTML, CSV or text. Any request may carry "
                "X-Request-ID, and every answer has one. An empty query field counts as not given."
            ),
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        validation_error_callback=errors.invalid_option,
        validation_error_model=errors.ProblemBody,
        template_folder=str(assets.asset_folder("templates")),
        static_folder=str(assets.asset_folder("static")),
    )
    app.request_class = UploadRequest
    app.config["MAX_CONTENT_LENGTH"] = (settings.api.max_upload_mb << 20) + MAX_FIELDS_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FIELDS_BYTES
    app.config["MAX_FORM_PARTS"] = MAX_PARTS
    # Middleware and intake are below Services. Slow bodies share the threads that may be held for long with requests that wait.
    held = slots_for_threads(settings.api.web_threads)
    app.config["MAX_UPLOAD_MB"] = settings.api.max_upload_mb
    app.config["STAGING_FOLDER"] = settings.plain_dir
    app.config["ARRIVALS"] = Arrivals(settings.api.upload_seconds, settings.api.client_stall_seconds, held)
    redis, probe_redis = connect(settings), connect(settings, answer_seconds=2.0, retries=1)
    accounts = Accounts(settings, redis)
    app.extensions["document_parser"] = Services(
        settings=settings,
        redis=redis,
        ledger=Ledger(redis, settings),
        storage=make_storage(settings),
        waiting=Slots(max(1, settings.api.web_threads // 2), of=held),
        counts=request_log.register(app, probe_redis, settings.api.client_stall_seconds),
        accounts=accounts,
        probe_redis=probe_redis,
    )
    assets.register(app)
    headers.register(app, settings)
    cors.register(app, settings, accounts.key_origins)
    errors.register(app)
    dashboard.register(app, settings, redis)
    rate_limits.register(app, settings, redis)
    auth.register(app)
    tier_limits.register(app)
    audit.register(app, redis)
    _register_routes(app, settings)
    mounting.register(app, settings.api.chosen_facades(private=_is_private(settings)))
    return app


def _is_private(settings: Settings) -> bool:
    """Return whether only this machine reaches the service: by what it listens on, else by API_HOST."""
    return all(is_loopback(host) for host in options.listening_hosts() or [settings.api.api_host])


def _register_routes(app: DescribedApp, settings: Settings) -> None:
    """Add all routes, and describe them."""
    uploads.register(app)
    for blueprint in (
        process.blueprint(settings.api),
        links.blueprint(settings.api),
        uploads.blueprint(),
        chunked_uploads.blueprint(),
        jobs.routes,
        pages.routes,
        extraction.blueprint(settings.api),
        extraction.routes,
        extraction_csv.routes,
        classification.routes,
        chunks.routes,
        documents.routes,
        events.blueprint(),
        batches.blueprint(settings.api),
        webhooks.routes,
        keys.routes,
        login.routes,
        owners.routes,
        usage.routes,
        audit_route.routes,
        history.routes,
        breakers.routes,
        health.blueprint(),
        system.blueprint(),
        metrics.blueprint(),
        ui.blueprint(),
        admin.routes,
    ):
        app.register_api(blueprint)
    aliases.register(app)
    app.describe_more = aliases.describe


def serving_app() -> DescribedApp:
    """Create the app of a server process, with a supervisor beside the server's master process.

    Raises OSError if DATA_DIR cannot be created.
    """
    settings = load_settings()
    logs.configure(settings.logs, settings.tracing.service_name)
    tracing.configure(settings.tracing)
    error_reports.configure(settings.error_reports)
    keep_data_private(settings)
    _check_exposure(settings)
    _check_storage_key(settings)
    _check_own_files(settings)
    _read_uploads_in_small_pieces()
    _trust_no_caller()
    app = create_app(settings)
    make_webhook_secret(settings)
    auth.make_operator_token(settings)
    tidy_staging(settings.plain_dir, settings.api.upload_seconds)
    if settings.accounts.needs_key:
        # Loaded before the web workers are forked: the first caller with a key would wait for it.
        _ = app.extensions["document_parser"].accounts.tables
    start_supervisor_watch(settings, _master_pid())
    return app


def _check_exposure(settings: Settings) -> None:
    """Refuse a start by other means than ours, which have checked it before they listened.

    Exits with the status by which gunicorn's master knows that it need not start this worker again.
    """
    try:
        check_exposure(settings.accounts, options.listening_hosts())
    except Exposed as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(APP_LOAD_ERROR)


def _check_storage_key(settings: Settings) -> None:
    """Refuse a start whose STORAGE_KEY does not fit the stored files. Where storage is away, its first use finds out."""
    try:
        check_storage_key(settings)
    except StorageKeyWrong as refusal:
        sys.stderr.write(f"{refusal.code}: {refusal}\n")
        sys.exit(APP_LOAD_ERROR)
    except (StorageUnavailable, StoredFileDamaged) as fault:
        log.warning("storage_key_not_checked", code=fault.code)


def _check_own_files(settings: Settings) -> None:
    """Refuse a start with types or schemas of the operator's own that cannot be used."""
    for setting, load in (("LABELS_FILE", load_labels), ("SCHEMAS_DIR", load_schemas)):
        try:
            load(str(getattr(settings.extraction, setting.lower())))
        except ValueError as problem:
            sys.stderr.write(f"{setting}: {problem}\nCorrect the file, or leave {setting} empty.\n")
            sys.exit(APP_LOAD_ERROR)


def _read_uploads_in_small_pieces() -> None:
    """Make gunicorn read bodies in pieces of 64 KiB.

    It otherwise reads 1 MiB of a body ahead and copies the rest of it at every 64 KiB that the form parser takes. Small pieces
    save a quarter of the processor time of a 2 MB upload. Nothing happens if gunicorn does not serve, or has this attribute no
    more.
    """
    unreader = sys.modules.get("gunicorn.http.unreader")
    if unreader is not None and hasattr(unreader.SocketUnreader, "max_body_chunk"):
        unreader.SocketUnreader.max_body_chunk = 64 << 10


def _trust_no_caller() -> None:
    """Keep gunicorn from believing SCRIPT_NAME, X-Forwarded-Proto and similar headers of local callers.

    gunicorn believes callers on 127.0.0.1 and on unix sockets. The configuration of this service forbids the same, but
    gunicorn may run without it. TRUSTED_PROXIES says which proxies the app believes.
    """
    config = sys.modules.get("gunicorn.config")
    if config is not None:
        for name, value in options.BELIEVED.items():
            setattr(config.Config, name, value)


def _master_pid() -> int:
    """Return the process id of gunicorn's master if this is one of its workers, else that of this process."""
    return os.getppid() if "gunicorn.arbiter" in sys.modules else os.getpid()
