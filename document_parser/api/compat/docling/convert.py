"""Convert documents that come in a form, in JSON, or as addresses: at once, or as a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from document_parser.api.compat import conversion
from document_parser.api.compat.docling import answers, tasks
from document_parser.api.compat.docling.options import Asked, conversion_options, form_options
from document_parser.api.compat.docling.wire import facade
from document_parser.api.compat.facade import ignore_options, json_response
from document_parser.api.compat.intake import Arrived, arrived_in_json, begin_upload, receive_form
from document_parser.api.compat.json_body import receive_json
from document_parser.api.middleware.access import RESULT_READ, SUBMIT, Access
from document_parser.api.submission import AcceptedUpload
from document_parser.errors import InvalidOption
from document_parser.ingest.origin import Origin
from document_parser.jobs.records.job import Job

AT_ONCE = Access("process", actions=("job.submit", RESULT_READ))
"""A route that answers with the document."""
MAX_FILES = 16
"""Maximum number of documents of one request."""
NO_STORAGE = "PresignedUrlTarget requires artifact storage to be configured. Use the target inbody or zip."
"""What the client takes for a server without storage for results, by its words; it then asks for them in the body."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a request has: documents, options by name, and where the answer goes."""

    documents: list[Arrived]
    options: dict[str, Any]
    target: str
    body: dict[str, Any]
    """The whole JSON object; empty for a form."""


def from_form(prefix: str = "") -> Request:
    """Return a request in a multipart form; ``prefix`` is before the names of options. Raises as ``receive_form``."""
    documents, form = receive_form("files", max_files=MAX_FILES)
    options = form_options(form, prefix)
    if not prefix:
        for name in ("target_type", "callbacks"):
            options.pop(name, None)
    if form.get("callbacks"):
        ignore_options("callbacks")
    return Request(documents, options, check_target(form.get("target_type") or "inbody"), {})


def from_json(options: str = "options") -> Request:
    """Return a request in JSON; ``options`` is the field with them. Raises as ``begin_upload``, BadRequest, InvalidOption."""
    begin_upload()
    body = receive_json()
    target, given, sources = body.get("target") or {}, body.get(options) or {}, body.get("sources")
    if not isinstance(target, dict) or not isinstance(given, dict):
        raise InvalidOption.for_fields({"field": options, "problem": "is an object, and so is target"})
    if not isinstance(sources, list) or not 0 < len(sources) <= MAX_FILES:
        raise InvalidOption.for_fields({"field": "sources", "problem": f"lists 1 to {MAX_FILES} sources"})
    if body.get("callbacks"):
        ignore_options("callbacks")
    checked = check_target(target.get("kind") or "inbody")
    return Request([_source(one) for one in sources], given, checked, body)


def check_target(kind: Any) -> str:
    """Return the kind of a target that is served here. Raises InvalidOption."""
    if kind in ("inbody", "zip"):
        return str(kind)
    raise InvalidOption(NO_STORAGE if kind == "presigned_url" else f"The target {kind!r} is not served. Use inbody or zip.")


def _source(value: Any) -> Arrived:
    """Return a document, or its address."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "file":
        return arrived_in_json(value.get("base64_string"), str(value.get("filename") or ""))
    if kind == "http" and isinstance(value.get("url"), str):
        if value.get("headers"):
            ignore_options("sources.headers")
        return Arrived(Origin(address=value["url"]), "")
    raise InvalidOption.for_fields(
        {"field": "sources", "problem": "have the kind http (url) or file (base64_string, filename)"}
    )


def submit_all(asked: Asked, documents: list[Arrived]) -> list[AcceptedUpload]:
    """Make a job of each document."""
    key = None if len(documents) == 1 else ""
    return [conversion.submit(document, asked.fields, exports=asked.exports, key=key) for document in documents]


def wait_for_all(taken: list[AcceptedUpload]) -> list[Job]:
    """Return the jobs once all of them were read. Raises as ``wait_for_job``."""
    return [conversion.wait_for_job(one.job_id) for one in taken]


def start_task(asked: Asked, documents: list[Arrived]) -> Response:
    """Make a task of one document, and return its status. Raises InvalidOption for several."""
    if len(documents) > 1:
        raise InvalidOption("A task has one document here. Send a request for each, or use the routes without /async.")
    (taken,) = submit_all(asked, documents)
    return json_response(tasks.task_status(conversion.find_job(taken.job_id)))


def _convert(found: Request) -> Response:
    asked = conversion_options(found.options, found.target)
    jobs = wait_for_all(submit_all(asked, found.documents))
    if len(jobs) > 1 or found.target == "zip":
        return answers.archive(jobs)
    return answers.converted(jobs[0])


def _start(found: Request) -> Response:
    return start_task(conversion_options(found.options, found.target), found.documents)


def _add(path: str, read: Callable[[], Request]) -> None:
    @facade.route("POST", path, AT_ONCE, receives=True)
    def convert() -> Response:
        return _convert(read())

    @facade.route("POST", f"{path}/async", SUBMIT, receives=True)
    def start() -> Response:
        return _start(read())


_add("/v1/convert/file", from_form)
_add("/v1/convert/source", from_json)


@facade.route("POST", "/v1/convert/source/batch", SUBMIT, receives=True)
def batch() -> Response:
    """Refuse a batch whose results go to a storage, as docling-serve does without one; one of a single source is a task."""
    found = from_json()
    targets = found.body.get("targets")
    for target in targets if isinstance(targets, list) else []:
        check_target(target.get("kind") if isinstance(target, dict) else None)
    return _start(found)
