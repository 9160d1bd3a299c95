"""The web server's part: ``gunicorn document_parser.api:app``, or ``python -m document_parser.api``.

``app`` is made when it is first asked for, so that importing the package opens nothing.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "app":
        from document_parser.api.server.asgi import refuse_asgi_server

        # Before the factory is imported: that takes seconds on a busy machine.
        refuse_asgi_server()
        from document_parser.api.factory import serving_app

        globals()["app"] = application = serving_app()
        return application
    raise AttributeError(name)
