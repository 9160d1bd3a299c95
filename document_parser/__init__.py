"""Read documents page by page and return faithful Markdown, JSON, HTML, CSV or plain text.

``parse(path)`` reads a document in this process. ``Client(url)`` asks a running service,
``AsyncClient(url)`` does the same in asyncio.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from document_parser.version import __version__

if TYPE_CHECKING:
    from document_parser.client import Client
    from document_parser.client.async_client import AsyncClient
    from document_parser.pipeline.local.reader import DocumentParser, parse, parse_async

__all__ = ["AsyncClient", "Client", "DocumentParser", "__version__", "parse", "parse_async"]

_FRONT_DOOR = {
    "AsyncClient": "document_parser.client.async_client",
    "Client": "document_parser.client",
    "DocumentParser": "document_parser.pipeline.local.reader",
    "parse": "document_parser.pipeline.local.reader",
    "parse_async": "document_parser.pipeline.local.reader",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that a web process never loads the reading libraries."""
    if name not in _FRONT_DOOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FRONT_DOOR[name]), name)
