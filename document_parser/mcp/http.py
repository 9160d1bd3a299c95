"""Serve the tools by HTTP (Streamable HTTP), for assistants that do not start programs themselves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from document_parser.errors import DocumentParserError, Forbidden, LoginRequired, ServerUnreachable
from document_parser.mcp.receiving import MAX_INLINE_MB
from document_parser.mcp.server import Server
from document_parser.settings import Settings
from document_parser.settings.exposure import Exposed, check_exposure, is_loopback

PATH = "/mcp"
"""Path of the endpoint."""
MAX_BODY_BYTES = (MAX_INLINE_MB * 4 // 3 + 1) << 20
"""Largest request in bytes: a document as Base64, and the rest of the call."""
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names under which a program on this machine reaches the server."""

App = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""An ASGI application."""


def check_open_listening(settings: Settings, host: str, server: str) -> bool:
    """Return whether callers must send a key, for a server that is to listen on ``host``.

    ``server`` is the address of the service; empty for one of this program's own. Raises Exposed if others reach the server
    and neither it nor the service asks for a key, unless the operator says AUTH_MODE=off, and ServerUnreachable.
    """
    if is_loopback(host):
        return False
    if not server or not _asks_for_key(server):
        check_exposure(settings.accounts, [host])
        return settings.accounts.needs_key
    return True


def _asks_for_key(server: str) -> bool:
    """Return whether a service refuses callers without a key. Raises ServerUnreachable."""
    address = server if "://" in server else f"http://{server}"
    try:
        return httpx2.get(f"{address.rstrip('/')}/v1/me", timeout=10).status_code in (401, 403)
    except httpx2.RequestError as error:
        raise ServerUnreachable(reason=type(error).__name__) from error


class Doorkeeper:
    """Refuse requests of foreign web pages, and, if keys are needed, those without one. The service judges the key."""

    def __init__(self, app: App, origins: Sequence[str], *, needs_key: bool) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._needs_key = needs_key

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            if not self._is_own(headers.get("origin", "")):
                return await _refuse(send, 403, Forbidden("Web pages of this origin may not call this server (--origin)."))
            if self._needs_key and not headers.get("authorization", "").lower().startswith("bearer "):
                return await _refuse(send, 401, LoginRequired("Send an API key of the service as 'Authorization: Bearer KEY'."))
        return await self._app(scope, receive, send)

    def _is_own(self, origin: str) -> bool:
        """Return whether a request comes from no web page, from one of this machine, or from one that is named."""
        if not origin or origin in self._origins:
            return True
        host = urlsplit(origin).hostname or ""
        return not self._needs_key and is_loopback(host)


async def _refuse(send: Callable[[Any], Awaitable[None]], status: int, error: DocumentParserError) -> None:
    body = json.dumps({"error": {"code": error.code, "message": error.message}}).encode()
    headers = [(b"content-type", b"application/json"), *([(b"www-authenticate", b"Bearer")] if status == 401 else [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def http_app(server: Server, host: str, origins: Sequence[str], *, needs_key: bool) -> App:
    """Return the application. On this machine alone, requests under other names are refused: DNS could lead them here."""
    own = [f"{name}:*" for name in LOOPBACK_NAMES]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=is_loopback(host),
        allowed_hosts=[*own, *LOOPBACK_NAMES],
        allowed_origins=[*(f"{scheme}://{name}" for name in own for scheme in ("http", "https")), *origins],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH, host=host, transport_security=security, max_request_body_size=MAX_BODY_BYTES
    )
    return Doorkeeper(app, origins, needs_key=needs_key)


async def serve_http(server: Server, host: str, port: int, origins: Sequence[str], *, needs_key: bool) -> None:
    """Serve until a signal stops it. Exits if the address cannot be listened on."""
    app = http_app(server, host, origins, needs_key=needs_key)
    # Addresses and headers are not logged: they may hold keys.
    config = uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False)
    await uvicorn.Server(config).serve()


__all__ = ["Exposed", "check_open_listening", "http_app", "serve_http"]
