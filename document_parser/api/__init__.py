"""Serve the HTTP API: ``gunicorn document_parser.api:app``, or ``python -m document_parser.api``.

Everything that runs in a web process belongs here; it never imports a library that reads documents. ``app`` is created when it
is first used, so that importing the package opens nothing.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Create ``app`` when it is first used. End the process if an ASGI server would call it."""
    if name == "app":
        from document_parser.api.server.asgi import refuse_asgi_server

        # Before the factory is imported: that takes seconds on a busy machine.
        refuse_asgi_server()
        from document_parser.api.factory import serving_app

        globals()["app"] = application = serving_app()
        return application
    raise AttributeError(name)
