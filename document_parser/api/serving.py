"""How gunicorn serves the app: shared by ``gunicorn.conf.py`` and ``python -m document_parser.api``."""

from __future__ import annotations

from typing import Any

from document_parser.settings import Settings

_workers: list[Any] = []
"""gunicorn's worker in this process, where gunicorn serves."""


def leaving() -> bool:
    """Whether this web worker was told to stop: whoever only waits should end now."""
    return any(not worker.alive for worker in _workers)


def _remember(worker: Any) -> None:
    _workers.append(worker)


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's options. Threads, so that waiting requests do not block a process."""
    return {
        "bind": [f"{settings.api.api_host}:{settings.api.api_port}"],
        "workers": settings.api.web_workers,
        "worker_class": "document_parser.api.threads.PatientWorker",
        "threads": settings.api.web_threads,
        "timeout": 300,
        "graceful_timeout": max(1, int(settings.workers.drain_seconds)),
        "keepalive": 5,
        "post_worker_init": _remember,
        # One control socket a user would be shared by all services of that user.
        "control_socket_disable": True,
        "logger_class": "document_parser.api.gunicorn_log.GunicornLogger",
    }
