"""Write gunicorn's own log lines in the format of all others.

Its access log stays off, because ``request_log`` logs every request. Where it is switched on, it has templates
of routes instead of addresses, and no headers: names of files, passwords and codes of links may be in them.
"""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.glogging import Logger

from document_parser.settings import load_settings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


REQUEST_LINE = "%s %s"
"""The line that gunicorn's workers log of each request: its method and its path."""


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Log as this service does. Set as gunicorn's ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        """Configure logging from the settings of the service."""
        super().setup(cfg)
        settings = load_settings()
        logs.configure(settings.logs, settings.tracing.service_name)

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        """Return what the access log may say of a request: its route, and of its headers only the User-Agent."""
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        kept = {name: value for name, value in found.items() if not name.startswith("{")}
        line = f"{environ['REQUEST_METHOD']} {environ.get(logs.ROUTE, 'unmatched')} {environ['SERVER_PROTOCOL']}"
        return kept | {"r": line, "U": environ.get(logs.ROUTE, "unmatched"), "q": "", "f": "-", "u": "-"}

    def debug(self, msg: str, *arguments: Any, **options: Any) -> None:
        """Log a line of gunicorn at level DEBUG, but not the one that has the path of each request as it was sent."""
        if msg != REQUEST_LINE:
            super().debug(msg, *arguments, **options)

    def exception(self, msg: str, *arguments: Any, **options: Any) -> None:
        """Log an exception.

        A client that stopped reading its response is no fault of the service and gets no stack trace.
        """
        if isinstance(sys.exc_info()[1], BlockingIOError):
            log.info("client_stalled")
        else:
            super().exception(msg, *arguments, **options)
