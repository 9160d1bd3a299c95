"""How gunicorn serves the app: shared by ``gunicorn.conf.py`` and ``python -m document_parser.api``."""

from __future__ import annotations

import gc
import importlib
import socket
import sys
from typing import Any

from document_parser import logs
from document_parser.keeper import keeper_lock
from document_parser.lean import without
from document_parser.operator_access import create_link
from document_parser.settings import Settings, load_settings

log = logs.get(__name__)

EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}

BELIEVED: dict[str, Any] = {"forwarded_allow_ips": [], "forwarder_headers": [], "secure_scheme_headers": {}}
"""gunicorn's settings of what callers may say of scheme and path: nothing."""

_workers: list[Any] = []
"""gunicorn's worker in this process, where gunicorn serves."""


def leaving() -> bool:
    """Whether this web worker was told to stop: whoever only waits should end now."""
    return any(not worker.alive for worker in _workers)


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
        "on_starting": _preload,
        "post_worker_init": _worker_started,
        "on_exit": _server_ended,
        # One control socket a user would be shared by all services of that user.
        "control_socket_disable": True,
        **{name: "" if value == [] else value for name, value in BELIEVED.items()},
        "logger_class": "document_parser.api.gunicorn_log.GunicornLogger",
    }


def _preload(_arbiter: Any) -> None:
    """Import what every web worker needs before they are forked: they share its memory, and start sooner.

    The app is made by each worker for itself: it has threads and connections.
    """
    with without("rich"):  # httpx would load it for its command line
        importlib.import_module("document_parser.api.factory")
    # What is here now lives as long as the server: no worker need look at it, and copy its memory, to find that out.
    gc.collect()
    gc.freeze()


def _worker_started(worker: Any) -> None:
    _workers.append(worker)
    # The first worker of a server says it; those that replace it, or come with a reload, do not.
    if worker.age == 1:
        scheme = "https" if worker.cfg.is_ssl else "http"
        for address in filter(None, map(_browser_address, worker.sockets)):
            url = f"{scheme}://{address}/"
            _tell(f"Open {url} in a browser. Ctrl-C stops the service.{_link_sentence(url)}", "listening", address=url)


def _link_sentence(url: str) -> str:
    """For a terminal, how its person becomes the operator; a link has no place in a log."""
    if not sys.stderr.isatty():
        return ""
    try:
        link = create_link(load_settings(), url)
    except OSError as error:
        log.warning("operator_link_not_made", error=type(error).__name__)
        return ""
    return f"\n  To see and delete all documents, open this link instead. It works once:\n  {link}"


def _server_ended(_arbiter: Any) -> None:
    """Say why processes of the service still run after gunicorn has ended."""
    settings = load_settings()
    if settings.workers.num_workers and keeper_lock(settings).holder() is not None:
        seconds = settings.workers.drain_seconds
        _tell(
            f"Stopped. The workers drain: they finish the pages in their hands, for up to {seconds:g} seconds, and then end by "
            "themselves. The next start reads the rest.",
            "workers_drain",
            seconds=seconds,
        )


def _browser_address(listener: Any) -> str | None:
    """Host and port at which a browser on this machine reaches a listening socket; None for a unix socket."""
    if listener.sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return local_address(*listener.sock.getsockname()[:2])


def local_address(host: str, port: int) -> str:
    """Host and port at which a program on this machine reaches a server that listens on ``host``."""
    shown = f"[{host}]" if ":" in host else host
    return f"{EVERY_INTERFACE.get(host, shown)}:{port}"


def _tell(sentence: str, event: str, **facts: object) -> None:
    """A sentence for the person at a terminal; elsewhere a line of the log, which has its own form."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\n  {sentence}\n\n")
        sys.stderr.flush()
    else:
        log.info(event, **facts)
