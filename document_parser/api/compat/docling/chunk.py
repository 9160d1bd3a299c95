"""Part documents into chunks for search: the routes of the hybrid and of the hierarchical chunker."""

from __future__ import annotations

from flask import Response, request

from document_parser.api.compat.docling import chunk_answers
from document_parser.api.compat.docling.convert import (
    AT_ONCE,
    Request,
    from_form,
    from_json,
    start_task,
    submit_all,
    wait_for_all,
)
from document_parser.api.compat.docling.options import Asked, chunk_options, form_options
from document_parser.api.compat.docling.wire import facade
from document_parser.api.middleware.access import SUBMIT
from document_parser.errors import InvalidOption

CHUNKERS = ("hybrid", "hierarchical")
"""The chunkers that docling-serve has."""


def _read(kind: str, chunker: str) -> tuple[Request, Asked]:
    """Return the request in a form (``file``) or in JSON (``source``), and what it asks for. Raises InvalidOption."""
    if kind == "file":
        found = from_form("convert_")
        chunking = form_options(request.form, "chunking_")
        with_document = request.form.get("include_converted_doc", "").lower() in ("true", "1")
    else:
        found = from_json("convert_options")
        chunking = found.body.get("chunking_options") or {}
        with_document = found.body.get("include_converted_doc") is True
    if found.target != "inbody" or not isinstance(chunking, dict):
        raise InvalidOption("Chunks are answered in the body: use the target inbody, and an object as chunking_options.")
    return found, chunk_options(found.options, chunking, chunker, with_document=with_document)


def _add(chunker: str, kind: str) -> None:
    path = f"/v1/chunk/{chunker}/{kind}"

    @facade.route("POST", path, AT_ONCE, receives=True)
    def chunk() -> Response:
        found, asked = _read(kind, chunker)
        return chunk_answers.chunked(wait_for_all(submit_all(asked, found.documents)))

    @facade.route("POST", f"{path}/async", SUBMIT, receives=True)
    def start() -> Response:
        found, asked = _read(kind, chunker)
        return start_task(asked, found.documents)


for _chunker in CHUNKERS:
    for _kind in ("file", "source"):
        _add(_chunker, _kind)
