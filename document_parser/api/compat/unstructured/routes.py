"""The routes of unstructured-api.

Source: ``prepline_general/api/general.py`` of unstructured-api 0.1.2 and what the package ``unstructured-client`` 0.46 sends.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import IO, Any

from flask import Response, request

from document_parser.api.compat import conversion
from document_parser.api.compat.facade import Facade, ignore_options, json_response
from document_parser.api.compat.intake import Arrived, receive_form
from document_parser.api.compat.unstructured.elements_csv import write_csv
from document_parser.api.compat.unstructured.gzipped import unpacked
from document_parser.api.compat.unstructured.options import Asked, parse_form
from document_parser.api.middleware.access import OPEN, RESULT_READ, Access
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.wires import Wire
from document_parser.api.routes.results import CHUNK_BYTES
from document_parser.errors import NotAcceptable
from document_parser.jobs.records.job import Job
from document_parser.models import shape_export

MAX_FILES = 100
"""Files of one request at most."""
JSON, CSV, LINES, MIXED = "application/json", "text/csv", "application/x-ndjson", "multipart/mixed"
"""The media types of answers."""


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return an error as FastAPI does, with what its clients read of it.

    They send again what was answered 5xx, unless ``retryable`` is false, and never what was answered 429.
    """
    body = {"detail": problem.message, "code": problem.code, "retryable": problem.retryable}
    return body, 503 if status == 429 and problem.retryable else status


_FIELDS = {"page_range": "page_range of POST /v1/process"}
"""What clients call options of this service."""
facade = Facade(
    Wire("unstructured", _write_error, key_headers=("unstructured-api-key",), field_names=_FIELDS), roots=("/general",)
)
"""The routes of unstructured-api."""


@facade.route("GET", "/general/docs", OPEN)
def docs() -> Response:
    """Answer what clients ask in place of a request that they have parted into several: only 200 lets them go on."""
    return json_response({"partition": "POST /general/v0/general"})


@facade.route("GET", "/healthcheck", OPEN)
def healthcheck() -> Response:
    """Answer the health check of that server."""
    return json_response({"healthcheck": "HEALTHCHECK STATUS: EVERYTHING OK!"})


@facade.route("POST", "/general/v0/general", Access("process", actions=("job.submit", RESULT_READ)), receives=True)
def partition() -> Response:
    """Return the elements of one document, or a list of them for each of several. Raises NotAcceptable, InvalidOption."""
    arrived, form = receive_form("files", "files[]", max_files=MAX_FILES)
    asked = parse_form(form)
    media_type = _media_type(len(arrived), asked)
    ignore_options(*asked.ignored)
    # All are submitted before the first is waited for: they are read side by side.
    jobs = [_submit(unpacked(one), asked) for one in arrived]
    found = [(conversion.wait_for_job(job_id), export) for job_id, export in jobs]
    response = _answer(found, media_type)
    response.headers.update(conversion.page_headers(job for job, _ in found))
    return response


def _submit(arrived: Arrived, asked: Asked) -> tuple[str, str]:
    """Return the id of the job of a document, and the name of the export with its elements."""
    export = shape_export("elements", asked.elements_of(arrived.filename).variant)
    return conversion.submit(arrived, asked.options, exports=(export,), key="").job_id, export


def _media_type(count: int, asked: Asked) -> str:
    """Return the media type of the answer. Raises NotAcceptable if the client accepts none that there is."""
    offered = [CSV] if asked.is_csv else [JSON, LINES] if count == 1 else [JSON]
    offered += [MIXED] if count > 1 else []
    if "Accept" not in request.headers:
        return offered[0]
    best = request.accept_mimetypes.best_match(offered)
    if best is None and count == 1 and asked.is_csv and request.accept_mimetypes[JSON]:
        # What its clients send, whatever format they ask for: application/json;q=1, text/csv;q=0.
        return CSV
    if best is None:
        raise NotAcceptable(f"The answer is {' or '.join(offered)}; Accept names neither.")
    return best


def _answer(found: list[tuple[Job, str]], media_type: str) -> Response:
    """Return the elements of the documents in this media type."""
    # They are opened now: an error of storage is answered as an error.
    streams = [conversion.load_export(*one) for one in found]
    if media_type == MIXED:
        boundary = secrets.token_hex(16)
        return Response(_parts(streams, boundary), content_type=f'{MIXED}; boundary="{boundary}"')
    if media_type == CSV:
        return Response(write_csv(streams), content_type=f"{CSV}; charset=utf-8")
    if media_type == LINES:
        return Response(_pieces(streams[0]), content_type=LINES)
    return Response(_list(streams[0]) if len(streams) == 1 else _joined(streams), content_type=JSON)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(CHUNK_BYTES):
            yield piece


def _list(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield lines of JSON as one list."""
    yield b"["
    with stream:
        for count, line in enumerate(stream):
            yield (b", " if count else b"") + line.rstrip(b"\n")
    yield b"]"


def _joined(streams: list[IO[bytes]]) -> Iterator[bytes]:
    yield b"["
    for count, stream in enumerate(streams):
        yield b", " if count else b""
        yield from _list(stream)
    yield b"]"


def _parts(streams: list[IO[bytes]], boundary: str) -> Iterator[bytes]:
    """Yield the parts of a multipart answer: one for each document."""
    for stream in streams:
        yield f"--{boundary}\r\nContent-Type: {JSON}\r\n\r\n".encode()
        yield from _list(stream)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
