"""gunicorn's own lines, in the form of all others. Its access log stays off: ``access`` tells of every request."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from document_parser import logs
from document_parser.settings import load_settings


class GunicornLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Set as gunicorn's ``logger_class``."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(load_settings().logs)
