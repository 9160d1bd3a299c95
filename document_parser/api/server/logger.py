"""gunicorn's own lines, in the form of all others. Its access log stays off: ``access`` tells of every request."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn.glogging import Logger

from document_parser.settings import load_settings
from document_parser.telemetry import logs

log = logs.get(__name__)


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Set as gunicorn's ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(load_settings().logs)

    def exception(self, msg: str, *arguments: Any, **options: Any) -> None:
        """A client that stopped reading its answer is no fault of ours, and no reason for a stack trace."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            log.info("client_stalled")
        else:
            super().exception(msg, *arguments, **options)
