"""Write gunicorn's own log lines in the format of all others.

Its access log stays off, because ``request_log`` logs every request.
"""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.glogging import Logger

from document_parser.settings import load_settings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Log as this service does. Set as gunicorn's ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        """Configure logging from the settings of the service."""
        super().setup(cfg)
        logs.configure(load_settings().logs)

    def exception(self, msg: str, *arguments: Any, **options: Any) -> None:
        """Log an exception.

        A client that stopped reading its response is no fault of the service and gets no stack trace.
        """
        if isinstance(sys.exc_info()[1], BlockingIOError):
            log.info("client_stalled")
        else:
            super().exception(msg, *arguments, **options)
