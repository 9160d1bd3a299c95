"""Reading the rest of a request that has been refused, so that its client learns why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from flask import current_app, request

from document_parser.api.intake.arrivals import Arrivals

MOST_DRAINED_BYTES = 64 << 20
REST_SECONDS = 10.0


def drain_request() -> None:
    """Read on a little, so that a client still sending learns why instead of meeting a closed connection."""
    stream, left = request.environ["wsgi.input"], MOST_DRAINED_BYTES
    left = min(left, request.content_length or left)
    with _patience():
        while left > 0 and (chunk := stream.read(min(left, 1 << 16))):
            left -= len(chunk)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """What has been refused may hold its thread for so long, however slowly the rest of it comes."""
    arrivals: Arrivals = current_app.extensions["document_parser"].arrivals
    client = request.environ.get("gunicorn.socket")
    arrival = arrivals.begin(client, REST_SECONDS) if client is not None else None
    try:
        yield
    finally:
        if arrival is not None:
            arrivals.end(arrival)
