"""Believe what trusted proxies say of a caller's address and of HTTPS, and nobody else.

TRUSTED_PROXIES says which they are: by their number in a row, or by their addresses. By number whoever reaches the service
counts as a proxy, so nobody may reach it past the proxies. By address, headers from others are ignored.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from document_parser.settings.serving import UNIX_SOCKET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
"""Addresses of proxies."""


def register(app: Flask, proxies: int | Sequence[str]) -> None:
    """Believe these proxies. They must pass the Host header on unchanged."""
    if not proxies:
        return
    inner = app.wsgi_app
    by_number = isinstance(proxies, int)
    app.wsgi_app = (  # type: ignore[method-assign]
        ProxyFix(inner, x_for=proxies, x_proto=proxies, x_host=0) if by_number else ProxiesByAddress(inner, proxies)  # type: ignore[arg-type]
    )


class ProxiesByAddress:
    """Goes back from the connection through the addresses in X-Forwarded-For, as far as they are those of proxies."""

    def __init__(self, app: WSGIApplication, proxies: Iterable[str]) -> None:
        self._app = app
        named = list(proxies)
        self._trusts_sockets = UNIX_SOCKET in named
        self._networks: list[Network] = [ipaddress.ip_network(name, strict=False) for name in named if name != UNIX_SOCKET]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request whose headers were believed as far as trusted proxies wrote them."""
        hops, schemes = _values(environ, "HTTP_X_FORWARDED_FOR"), _values(environ, "HTTP_X_FORWARDED_PROTO")
        proxies = self._count_proxies([*hops, environ.get("REMOTE_ADDR", "")])
        if not proxies:
            return self._app(environ, start_response)
        # A proxy may pass on the scheme that the one before it has written.
        fixed = ProxyFix(self._app, x_for=min(proxies, len(hops)), x_proto=min(proxies, len(schemes)), x_host=0)
        return fixed(environ, start_response)

    def _count_proxies(self, addresses: Sequence[str]) -> int:
        """Return how many of the last addresses are those of proxies."""
        count = 0
        for address in reversed(addresses):
            if not self._is_proxy(address):
                break
            count += 1
        return count

    def _is_proxy(self, text: str) -> bool:
        if not text:
            return self._trusts_sockets
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            return any(address.ipv4_mapped in network for network in self._networks)
        return any(address in network for network in self._networks)


def _values(environ: WSGIEnvironment, name: str) -> list[str]:
    return [value.strip() for value in str(environ.get(name, "")).split(",") if value.strip()]
