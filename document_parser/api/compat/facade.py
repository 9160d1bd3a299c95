"""Declare the routes of a facade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Response, g, jsonify

from document_parser.api.middleware.access import Access
from document_parser.api.middleware.wires import Wire, wire_route
from document_parser.jobs.records.job import Job
from document_parser.models import JobError

View = TypeVar("View", bound=Callable[..., Any])
"""A view function."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a facade: the view of a method and a template."""

    method: str
    rule: str
    view: Callable[..., Any]
    access: Access
    receives: bool


@dataclass(frozen=True)
class Facade:
    """The routes of a protocol.

    Ids in templates are named ``job_id``, ``batch_id`` or ``upload_id``: by these names what is another owner's is refused.
    """

    wire: Wire
    roots: tuple[str, ...] = ()
    """Native paths below which everything is of this protocol."""
    routes: list[Route] = field(default_factory=list)

    def route(self, method: str, rule: str, access: Access, *, receives: bool = False) -> Callable[[View], View]:
        """Return a decorator that adds a view. ``receives`` says that the route takes documents."""

        def add(view: View) -> View:
            self.routes.append(Route(method, rule, view, access, receives))
            return view

        return add


def error_of(job: Job) -> JobError | None:
    """Return why a job failed, in the words of the clients that ask; None if it did not."""
    route = wire_route()
    return job.error if job.error is None or route is None else route.wire.in_its_words(job.error)


def ignore_options(*names: str) -> None:
    """Note options that a client sent and that mean nothing here. The answer names them in X-Ignored-Options."""
    g.setdefault("ignored_options", {}).update(dict.fromkeys(names))


def ignored_options() -> list[str]:
    """Return the noted names, each once."""
    return list(g.get("ignored_options", {}))


def json_response(body: Any, status: int = 200, **headers: str) -> Response:
    """Return a response in JSON. Underscores in the names of headers become hyphens."""
    response = jsonify(body)
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response
