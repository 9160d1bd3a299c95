"""Say how gunicorn serves the app, for ``gunicorn.conf.py`` and ``python -m document_parser.api``."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Any

from document_parser.host.lean_imports import permanent_imports
from document_parser.settings import Settings, load_settings
from document_parser.settings.exposure import Exposed, check_exposure
from document_parser.settings.operator_access import create_link
from document_parser.settings.startup import CANNOT_START
from document_parser.supervisor.supervisor import supervisor_lock
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""Listening addresses that mean every interface, and the local address to reach them."""

BELIEVED: dict[str, Any] = {"forwarded_allow_ips": [], "forwarder_headers": [], "secure_scheme_headers": {}}
"""gunicorn's settings of what callers may say of scheme and path: nothing."""

_workers: list[Any] = []
"""gunicorn's worker in this process, if gunicorn serves."""


def is_stopping() -> bool:
    """Return whether this web worker has been asked to stop. A request that only waits should end then."""
    return any(not worker.alive for worker in _workers)


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's options. It uses threads, so that waiting requests do not block a process."""
    return {
        "bind": [f"{settings.api.api_host}:{settings.api.api_port}"],
        "workers": settings.api.web_workers,
        "worker_class": "document_parser.api.server.worker_class.PatientWorker",
        "threads": settings.api.web_threads,
        "timeout": 300,
        "graceful_timeout": max(1, int(settings.workers.drain_seconds)),
        "keepalive": 5,
        "on_starting": _start,
        "post_worker_init": _worker_started,
        "on_exit": _server_ended,
        # One control socket a user would be shared by all services of that user.
        "control_socket_disable": True,
        **{name: "" if value == [] else value for name, value in BELIEVED.items()},
        "logger_class": "document_parser.api.server.logger.GunicornLogger",
    }


def listening_hosts() -> list[str]:
    """Return the addresses of all sockets on which this process listens, without unix sockets."""
    found = []
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        # Only a socket is copied: a copy of something else is no socket, which would close it.
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(descriptor.name)).st_mode):
                found += _listening_address(os.dup(int(descriptor.name)))
    return found


def _listening_address(descriptor: int) -> list[str]:
    """Return the address on which a socket listens, if it does and is no unix socket, and close this copy of it."""
    with socket.socket(fileno=descriptor) as listener:
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        if listens and listener.family in (socket.AF_INET, socket.AF_INET6):
            return [str(listener.getsockname()[0])]
    return []


def _start(arbiter: Any) -> None:
    """Refuse to listen where others reach a service without keys; else prepare for the workers.

    Exits with status 2.
    """
    hosts = [address[0] for address in arbiter.cfg.address if isinstance(address, tuple)]
    try:
        check_exposure(load_settings().accounts, hosts)
    except Exposed as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(CANNOT_START)
    _preload()


def _preload() -> None:
    """Import what every web worker needs before they are forked, so that they share its memory and start sooner.

    Each worker creates the app for itself, because the app has threads and connections.
    """
    with permanent_imports():
        importlib.import_module("document_parser.api.factory")


def _worker_started(worker: Any) -> None:
    """Remember gunicorn's worker, and let the first one say where the service listens."""
    _workers.append(worker)
    # The first worker of a server prints it; workers that replace it, or start at a reload, do not.
    if worker.age == 1:
        scheme = "https" if worker.cfg.is_ssl else "http"
        for address in filter(None, map(_browser_address, worker.sockets)):
            url = f"{scheme}://{address}/"
            _announce(f"Open {url} in a browser. Ctrl-C stops the service.{_link_sentence(url)}", "listening", address=url)


def _link_sentence(url: str) -> str:
    """Return the sentence that offers an operator link at a terminal; empty elsewhere, because a log must not hold a link."""
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
    if settings.workers.num_workers and supervisor_lock(settings).holder() is not None:
        seconds = settings.workers.drain_seconds
        _announce(
            f"Stopped. The workers finish their current pages, for up to {seconds:g} seconds, and then end by "
            "themselves. The next start reads the rest.",
            "workers_drain",
            seconds=seconds,
        )


def _browser_address(listener: Any) -> str | None:
    """Return host and port at which a local browser reaches a listening socket; None for a unix socket."""
    if listener.sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return local_address(*listener.sock.getsockname()[:2])


def local_address(host: str, port: int) -> str:
    """Return host and port at which a local program reaches a server that listens on ``host``."""
    shown = f"[{host}]" if ":" in host else host
    return f"{EVERY_INTERFACE.get(host, shown)}:{port}"


def _announce(sentence: str, event: str, **facts: object) -> None:
    """Print a sentence at a terminal; elsewhere write a log line, which has its own form."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\n  {sentence}\n\n")
        sys.stderr.flush()
    else:
        log.info(event, **facts)
