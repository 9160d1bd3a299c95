"""What the middleware must know of routes that speak another system's protocol: access, keys, and the shape of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, has_request_context, jsonify, request

from document_parser.api.middleware.access import Access, access_of

if TYPE_CHECKING:
    from document_parser.api.middleware.errors import Problem

_EXTENSION = "document_parser_wires"


@dataclass(frozen=True, slots=True)
class Wire:
    """The protocol of another system, as far as it is the same for all its routes."""

    name: str
    write_error: Callable[[Problem, int], tuple[Any, int]]
    """Returns the body and the status that the system's clients expect for an error of ours. Its headers stay ours."""
    key_headers: tuple[str, ...] = ()
    """Headers in which its clients send a key, beside Authorization (Bearer) and X-API-Key."""
    key_query: str = ""
    """The field of the query in which its clients send a key; empty for none."""

    def error_response(self, problem: Problem, status: int) -> Response:
        """Return the response for an error."""
        body, status = self.write_error(problem, status)
        response = jsonify(body)
        response.status_code = status
        return response


@dataclass(frozen=True, slots=True)
class WireRoute:
    """A route of another system's protocol."""

    wire: Wire
    access: Access
    receives: bool
    """Whether it takes documents, and so counts against RATE_LIMIT_UPLOADS."""


def add_wire_route(app: Flask, endpoint: str, route: WireRoute) -> None:
    """Note what an endpoint of the app speaks."""
    app.extensions.setdefault(_EXTENSION, {})[endpoint] = route


def wire_route() -> WireRoute | None:
    """Return what the route of this request speaks; None for the routes of this service's own."""
    if not has_request_context() or request.endpoint is None:
        return None
    found: WireRoute | None = current_app.extensions.get(_EXTENSION, {}).get(request.endpoint)
    return found


def access_of_request(rule: str) -> Access:
    """Return what the route of this request needs, given its template. One that is not listed is for admins."""
    route = wire_route()
    return route.access if route is not None else access_of(request.method, rule)


def sent_key() -> str:
    """Return the key that came where only the clients of this request's wire send it; empty if none did."""
    route = wire_route()
    if route is None:
        return ""
    wire = route.wire
    found = (request.headers.get(name, "").strip() for name in wire.key_headers)
    return next(filter(None, found), request.args.get(wire.key_query, "").strip() if wire.key_query else "")
