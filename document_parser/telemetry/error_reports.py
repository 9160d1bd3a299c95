"""Report unexpected errors to Sentry, if the operator names one; otherwise nothing is imported or sent.

Only faults of the service are reported, never an error that a document or a caller causes. A report has the class of the
error and the lines of code on the way to it, without any value: not the error's message, which may quote a document, no
variables, no request, no caller.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from document_parser.version import __version__

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk.types import Event, Hint

    from document_parser.settings import ErrorReportSettings

FLUSH_SECONDS = 2.0
"""The longest time that a process waits at its end for its reports to be sent."""
TAGS = ("job_id", "request_id", "page", "task")
"""What a report names of the log line beside it. None of them is about a person."""
SENT = ("event_id", "timestamp", "level", "platform", "release", "environment", "logger", "tags", "exception", "sdk")
"""What is sent of a report; all else that Sentry's library adds is left out."""
SENT_OF_ERROR = ("type", "module", "mechanism", "stacktrace")
"""What is sent of an error; above all not its message."""
SENT_OF_LINE = ("filename", "function", "module", "lineno", "context_line", "pre_context", "post_context", "in_app")
"""What is sent of a line of code; above all not its variables."""


class _Reports:
    """The reports of a process. Each process makes its own connection at its first report."""

    def __init__(self, settings: ErrorReportSettings) -> None:
        self._settings = settings
        self._pid = 0
        self._client: Client | None = None

    def send(self, error: BaseException, event: str) -> None:
        """Send a report in the background."""
        from sentry_sdk.utils import event_from_exception
        from structlog.contextvars import get_contextvars  # `logs`, which imports this module, loads it without Rich

        client = self._get_client()
        report, hint = event_from_exception(error, client.options)
        bound = get_contextvars()
        report["tags"] = {"event": event, **{name: str(bound[name]) for name in TAGS if name in bound}}
        client.capture_event(report, hint)

    def flush(self) -> None:
        """Wait for the reports of this process to be sent."""
        if self._client is not None and self._pid == os.getpid():
            self._client.flush(FLUSH_SECONDS)

    def _get_client(self) -> Client:
        from sentry_sdk import Client

        if self._client is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._client = Client(
                dsn=self._settings.dsn,
                environment=self._settings.environment,
                release=f"document-parser@{__version__}",
                default_integrations=False,
                auto_enabling_integrations=False,
                send_default_pii=False,
                include_local_variables=False,
                max_breadcrumbs=0,
                shutdown_timeout=FLUSH_SECONDS,
                before_send=remove_values,
            )
        return self._client


_reports: list[_Reports] = []


def configure(settings: ErrorReportSettings) -> None:
    """Report the unexpected errors of this process and of those that are forked from it, if the settings name a Sentry."""
    _reports[:] = [_Reports(settings)] if settings.dsn else []


def report(error: BaseException, event: str) -> None:
    """Report an unexpected error. ``event`` is that of its log line. Nothing is waited for."""
    for reports in _reports:
        reports.send(error, event)


def flush() -> None:
    """Wait up to FLUSH_SECONDS for what this process has reported, before it ends."""
    for reports in _reports:
        reports.flush()


def remove_values(event: Event, hint: Hint) -> Event:
    """Return a report without any value that may come from a document, a caller or this machine."""
    del hint
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in SENT}
    errors = (kept.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_without_values(error) for error in errors]}
    return kept  # type: ignore[return-value]  # a subset of its fields


def _without_values(error: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in error.items() if name in SENT_OF_ERROR}
    lines = (kept.get("stacktrace") or {}).get("frames") or []
    kept["stacktrace"] = {"frames": [{name: line[name] for name in SENT_OF_LINE if name in line} for line in lines]}
    return kept
