"""Serve the chosen facades: on the paths of the systems that they stand for, and below ``/compat/NAME``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable

from flask import Flask, Response

from document_parser.api.compat.facade import Facade, Route, ignored_options
from document_parser.api.middleware.wires import WireRoute, add_root, add_wire_route
from document_parser.models import FacadeName

PREFIX = "/compat"
"""Below ``PREFIX/NAME`` a facade has all its routes."""
MAX_IGNORED_CHARACTERS = 2000
"""Maximum length of X-Ignored-Options."""
_PLACE = re.compile(r"<(?:[^:<>]+:)?[^<>]+>")
"""A variable part of a template."""


def register(app: Flask, names: Iterable[FacadeName]) -> None:
    """Add the routes of these facades to an app that has all of its own.

    A route of this service, and one of a facade before, keeps its native path; below its prefix each facade has all.
    """
    taken = {(method, _shape(rule.rule)) for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    for name, facade in load_facades(names).items():
        for root in (f"{PREFIX}/{name}", *facade.roots):
            add_root(app, root, facade.wire)
        for route in facade.routes:
            _add(app, facade, route, f"{PREFIX}/{name}{route.rule}")
            if (route.method, _shape(route.rule)) not in taken:
                taken.add((route.method, _shape(route.rule)))
                _add(app, facade, route, route.rule)
    app.after_request(_name_ignored)


def load_facades(names: Iterable[FacadeName]) -> dict[FacadeName, Facade]:
    """Return facades by name. Their modules are imported when they are first asked for."""
    return {name: importlib.import_module(f"document_parser.api.compat.{name}").facade for name in names}


def _add(app: Flask, facade: Facade, route: Route, rule: str) -> None:
    endpoint = f"compat {route.method} {rule}".replace(".", "_")
    app.add_url_rule(rule, endpoint, route.view, methods=[route.method], provide_automatic_options=False)
    add_wire_route(app, endpoint, WireRoute(facade.wire, route.access, route.receives))


def _shape(rule: str) -> str:
    """Return a template without the names of its variable parts."""
    return _PLACE.sub("<>", rule)


def _name_ignored(response: Response) -> Response:
    """Name the options that were ignored."""
    if names := [re.sub(r"[^\w.\[\]-]", "_", name, flags=re.ASCII) for name in ignored_options()]:
        response.headers["X-Ignored-Options"] = ", ".join(names)[:MAX_IGNORED_CHARACTERS]
    return response
