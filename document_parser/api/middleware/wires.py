"""What the middleware must know of routes that speak another system's protocol: access, keys, the shape and words of errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, has_request_context, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from document_parser.api.middleware.access import Access, access_of
from document_parser.errors import InvalidOption, NoSuchPages
from document_parser.models import JobError

if TYPE_CHECKING:
    from document_parser.api.middleware.errors import Problem

_EXTENSION = "document_parser_wires"
_ROOTS = "document_parser_wire_roots"
_Told = TypeVar("_Told", "Problem", JobError)
"""What a caller is told of an error."""


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
    field_names: Mapping[str, str] = field(default_factory=dict)
    """What its clients call the options of this service that messages name, where the name is another."""
    first_page: int = 1
    """The number of the first page, as its clients count."""

    def in_its_words(self, told: _Told) -> _Told:
        """Return an error that names fields as the clients of this protocol do."""
        names, message, details = self.field_names, self._renamed(told.message), told.details
        if told.code == NoSuchPages.code and "page_range" in names and "pages" in details:
            chosen = NoSuchPages.for_field(names["page_range"], details["pages"], self.first_page)
            message, details = chosen.message, chosen.details
        elif told.code == InvalidOption.code and (fields := details.get("fields")):
            renamed = [self._renamed_field(one) for one in fields]
            if renamed != fields:
                refused = InvalidOption.for_fields(*renamed)
                message, details = refused.message, refused.details
        return told.model_copy(update={"message": message, "details": details})

    def _renamed_field(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "field": self.field_names.get(one["field"], one["field"]), "problem": self._renamed(one["problem"])}

    def _renamed(self, text: str) -> str:
        """Return a sentence with the options that it names. Words that are no names of options only have no underscore."""
        names = [name for name in self.field_names if "_" in name]
        return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda match: self.field_names[match[0]], text) if names else text

    def error_response(self, problem: Problem, status: int) -> Response:
        """Return the response for an error."""
        body, status = self.write_error(self.in_its_words(problem), status)
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


def add_root(app: Flask, root: str, wire: Wire) -> None:
    """Note that all paths below one are of a protocol, also those that no route has."""
    app.extensions.setdefault(_ROOTS, {}).setdefault(root, wire)


def wire_of_request() -> Wire | None:
    """Return the protocol that an error of this request is written in; None for the shape of this service's own.

    A path without a route is of the protocol that has a root above it; a method that a path does not have, of that of another.
    """
    if (route := wire_route()) is not None:
        return route.wire
    if not has_request_context() or request.endpoint is not None:
        return None
    if isinstance(error := request.routing_exception, MethodNotAllowed):
        return _wire_of_path(error.valid_methods or ())
    roots: dict[str, Wire] = current_app.extensions.get(_ROOTS, {})
    return next((wire for root, wire in roots.items() if f"{request.path}/".startswith(f"{root}/")), None)


def _wire_of_path(methods: Iterable[str]) -> Wire | None:
    """Return the protocol of the route that the path has for the first of these methods; None for this service's own."""
    routes: dict[str, WireRoute] = current_app.extensions.get(_EXTENSION, {})
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        found = (routes.get(adapter.match(method=method)[0]) for method in sorted(methods))
        route = next(found, None)
    except HTTPException:  # a path that leads to another one: it has two slashes
        return None
    return route.wire if route is not None else None


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
