"""Refuse ASGI servers: the app is a WSGI app, and each of their requests would fail."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from gunicorn.config import Config

from document_parser.settings import gunicorn_arguments
from document_parser.settings.startup import CANNOT_START

ASGI_MODULES = ("uvicorn", "uvicorn_worker", "gunicorn.workers.gasgi")
"""Modules of which one is loaded in a web process that would call the app as an ASGI app."""
APP_LOAD_ERROR = 4
"""Exit status of a worker that makes gunicorn's master end.

After any other status the master starts the next worker, again and again.
"""


def refuse_asgi_worker(arguments: Sequence[str]) -> None:
    """End the program if gunicorn's ``arguments`` ask for an ASGI worker, and print the command that works."""
    from_environment = shlex.split(gunicorn_arguments())
    asked = _worker_class(arguments) or _worker_class(from_environment)
    if asked is not None and ("uvicorn" in asked or "asgi" in asked):
        command = shlex.join(["gunicorn", *_without_worker_class(arguments)])
        where = "" if _worker_class(arguments) else " Take it out of GUNICORN_CMD_ARGS."
        sys.stderr.write(
            f"The worker class {asked} serves ASGI apps; this service is a WSGI app.{where} Start it without this "
            f"worker class:\n    {command}\n"
        )
        sys.exit(CANNOT_START)


def refuse_asgi_server() -> None:
    """End this web process, and gunicorn with it, if it would call the app as an ASGI app."""
    if any(name in sys.modules for name in ASGI_MODULES):
        sys.stderr.write(
            "This service is a WSGI app. uvicorn and other ASGI servers and workers cannot serve it. Start it without "
            "--worker-class:\n    gunicorn document_parser.api:app --workers 4 --bind 0.0.0.0:1233 --timeout 300\n"
        )
        sys.stderr.flush()
        sys.exit(APP_LOAD_ERROR)


def _worker_class(arguments: Sequence[str]) -> str | None:
    known, _ = Config().parser().parse_known_args(list(arguments))
    return known.worker_class if isinstance(known.worker_class, str) else None


def _without_worker_class(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without ``-k CLASS``, ``--worker-class CLASS`` and ``--worker-class=CLASS``."""
    kept: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-k", "--worker-class"):
            next(rest, None)
        elif not argument.startswith(("--worker-class=", "-k")):
            kept.append(argument)
    return kept
