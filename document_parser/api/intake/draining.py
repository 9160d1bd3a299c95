"""Read the rest of a refused request, so that its client receives the response."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flask import current_app, request

from document_parser.api.intake.arrivals import Arrivals

MAX_DRAINED_BYTES = 64 << 20
"""Maximum number of bytes that are read of a refused request."""
MAX_REST_SECONDS = 10.0
"""Maximum time for the rest of a refused request, in seconds."""


def drain_request() -> None:
    """Read the rest of the request within bounds.

    A client that is still sending would otherwise find a closed connection instead of the reason.
    """
    stream, left = request.environ["wsgi.input"], MAX_DRAINED_BYTES
    left = min(left, request.content_length or left)
    with _limited_time():
        while left > 0 and (chunk := stream.read(min(left, 1 << 16))):
            left -= len(chunk)


@contextlib.contextmanager
def _limited_time() -> Iterator[None]:
    """Bound the time that the rest of a refused request may hold its thread, however slowly it comes."""
    arrivals: Arrivals = current_app.config["ARRIVALS"]
    client = request.environ.get("gunicorn.socket")
    arrival = arrivals.begin(client, MAX_REST_SECONDS) if client is not None else None
    try:
        yield
    finally:
        if arrival is not None:
            arrivals.end(arrival)
