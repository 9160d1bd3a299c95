"""The routes of Azure Document Intelligence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import quote, urlencode

from flask import Response, request

from document_parser.api.compat import conversion
from document_parser.api.compat.azure.errors import azure_error, azure_status
from document_parser.api.compat.azure.fields import Places, document_of, pages_of
from document_parser.api.compat.azure.prebuilt import PREBUILT, Prebuilt
from document_parser.api.compat.facade import Facade, error_of, ignore_options, json_response
from document_parser.api.compat.intake import Arrived, arrived_in_json, begin_upload, receive_body
from document_parser.api.compat.json_body import receive_json
from document_parser.api.middleware.access import OPEN, READ_RESULT, SUBMIT, Access
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.wires import Wire
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.pages import revision_of
from document_parser.api.services import get_services
from document_parser.errors import FigureNotFound, FileMissing, InvalidOption, ModelNotFound
from document_parser.extraction.registry import load_schemas
from document_parser.ingest.origin import Origin
from document_parser.jobs.ending import delete_job
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.page_file import read_page_file
from document_parser.models import JobState, format_utc, shape_export
from document_parser.text.string_index import STRING_INDEX_TYPES, StringIndexType

API_VERSION = "2024-11-30"
"""The version of Azure's API that is spoken."""
ROOT = "/documentintelligence"
POLL_SECONDS = 2.0
"""How long a request for a result that is not ready is held before it is answered, in seconds."""
RETRY_AFTER = "1"
"""Seconds after which clients ask again."""
CHUNK_BYTES = 1 << 16
DELETE = Access("process", operator_when_off=True, actions=("job.delete",))
"""Who may delete a document: as the service's own route does."""
_FORMATS = ("text", "markdown")
_FILENAME = "document"
"""The name of a document that came without one; its format is found by its content."""
_FIELD_NAME = re.compile(r"[\w ]{1,64}")
_STATES = {JobState.QUEUED: "notStarted", JobState.PROCESSING: "running", JobState.CANCELLED: "canceled"}
_UNDERSTOOD_FEATURES = frozenset({"queryFields", "styleFont", "formulas"})
"""What is in every result, or is asked for by another parameter."""


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    return {"error": azure_error(problem.code, problem.message, status)}, azure_status(status)


facade = Facade(
    Wire(
        "azure",
        _write_error,
        key_headers=("Ocp-Apim-Subscription-Key",),
        key_query="subscription-key",
        field_names={"page_range": "pages", "url": "urlSource", "extract_fields": "queryFields", "json_schema": "queryFields"},
    ),
    roots=(ROOT,),
)


@facade.route("POST", f"{ROOT}/documentModels/<model>:analyze", SUBMIT, receives=True)
def analyze(model: str) -> Response:
    """Queue a document and answer where its result will be. Raises ModelNotFound, InvalidOption, and as ``submit``."""
    prebuilt, asked = _model(model), request.args
    export = _export_of(asked.get("outputContentFormat", "text"), asked.get("stringIndexType", STRING_INDEX_TYPES[0]))
    options: dict[str, Any] = {"page_range": asked.get("pages", "").replace(" ", ""), "figures": "placeholder"}
    options |= _extraction_fields(prebuilt, _query_fields())
    _note_ignored()
    taken = conversion.submit(_document(), options, exports=(export,))
    # The clients find the operation's id only in an address whose path begins with ROOT.
    location = f"{request.url_root.rstrip('/')}{ROOT}/documentModels/{quote(model)}/analyzeResults/{taken.job_id}"
    headers = {
        "Operation-Location": f"{location}?{urlencode({'api-version': asked.get('api-version', API_VERSION)})}",
        "Retry-After": RETRY_AFTER,
        "apim-request-id": taken.job_id,
    }
    return Response(status=202, headers=headers)


@facade.route("GET", f"{ROOT}/documentModels/<model>/analyzeResults/<job_id>", READ_RESULT)
def result(model: str, job_id: str) -> Response:
    """Return the state of an operation, with its result once it is there."""
    prebuilt, job = _model(model), conversion.find_job(job_id, POLL_SECONDS)
    times = {"createdDateTime": format_utc(job.card.created_at), "lastUpdatedDateTime": format_utc(_updated(job))}
    if (failed := error_of(job)) is not None:
        error = azure_error(failed.code, failed.message, failed.status)
        return json_response({"status": "failed", **times, "error": error})
    if job.state is not JobState.COMPLETED:
        return json_response({"status": _STATES[job.state], **times}, Retry_After=RETRY_AFTER)
    documents: list[dict[str, Any]] = []
    if job.card.extraction is not None:
        extraction = conversion.extraction_of(job) or {}
        if extraction.get("status") == "pending":
            return json_response({"status": "running", **times}, Retry_After=RETRY_AFTER)
        documents = _documents(model, prebuilt, job, extraction)
    head = {"status": "succeeded", **times}
    return Response(_body(head, model, documents, conversion.load_export(job, _export_in(job))), mimetype="application/json")


@facade.route("DELETE", f"{ROOT}/documentModels/<model>/analyzeResults/<job_id>", DELETE)
def delete_result(model: str, job_id: str) -> Response:
    """Delete the result and the document."""
    _model(model)
    services = get_services()
    delete_job(services.redis, services.ledger, services.storage, record.load(services.redis, check_job_id(job_id)))
    return Response(status=204)


@facade.route("GET", f"{ROOT}/documentModels/<model>/analyzeResults/<job_id>/figures/<name>", READ_RESULT)
def figure(model: str, job_id: str, name: str) -> Response:
    """Return the image of a figure, by its page and its number on it. Raises FigureNotFound."""
    _model(model)
    conversion.find_job(job_id)
    services = get_services()
    number, place = map(int, match.groups()) if (match := re.fullmatch(r"(\d{1,9})\.(\d{1,9})", name)) else (0, 0)
    entry = services.ledger.entries(job_id).get(number)
    page = read_page_file(services.storage, job_id, number, revision_of(entry)) if entry is not None else None
    figures = [block for block in page.blocks if block.kind == "figure"] if page is not None else []
    picture = figures[place - 1].picture if 0 < place <= len(figures) else None
    if picture is None or (image := conversion.figure_image(job_id, picture)) is None:
        raise FigureNotFound()
    return Response(image, mimetype="image/jpeg")


@facade.route("GET", f"{ROOT}/documentModels", OPEN)
def models() -> Response:
    """List the models."""
    return json_response({"value": [_details(name, prebuilt) for name, prebuilt in PREBUILT.items()]})


@facade.route("GET", f"{ROOT}/documentModels/<model>", OPEN)
def model_details(model: str) -> Response:
    """Return what is known of a model. Raises ModelNotFound."""
    return json_response(_details(model, _model(model)))


@facade.route("GET", f"{ROOT}/info", OPEN)
def info() -> Response:
    """Return the limits of the resource, which has no models of its own."""
    return json_response({"customDocumentModels": {"count": 0, "limit": 0}})


def _model(model: str) -> Prebuilt:
    """Return a model. Raises ModelNotFound."""
    found = PREBUILT.get(model)
    if found is None:
        raise ModelNotFound(f"The requested model was not found. There are: {', '.join(PREBUILT)}.", model=model[:100])
    return found


def _details(model: str, prebuilt: Prebuilt) -> dict[str, Any]:
    return {
        "modelId": model,
        "description": prebuilt.description,
        "createdDateTime": "2024-11-30T00:00:00Z",
        "apiVersion": API_VERSION,
    }


def _export_of(content_format: str, index_type: str) -> str:
    """Return the name of the export that the parameters ask for. Raises InvalidOption."""
    if content_format not in _FORMATS:
        raise InvalidOption.for_fields({"field": "outputContentFormat", "problem": "is not text or markdown"})
    if index_type not in STRING_INDEX_TYPES:
        raise InvalidOption.for_fields({"field": "stringIndexType", "problem": f"is not {' or '.join(STRING_INDEX_TYPES)}"})
    return shape_export("azure", f"{content_format}.{index_type.lower()}")


def _export_in(job: Job) -> str:
    """Return the name of the export that was asked for with the document; that of the defaults for a job from elsewhere."""
    return next((name for name in job.card.exports if name.startswith("azure-")), _export_of("text", STRING_INDEX_TYPES[0]))


def _index_type_in(job: Job) -> StringIndexType:
    counted = _export_in(job).rpartition(".")[2]
    return next(name for name in STRING_INDEX_TYPES if name.lower() == counted)


def _query_fields() -> list[str]:
    """Return the names of the fields that are asked for. Raises InvalidOption for what is no name."""
    names = [name for value in request.args.getlist("queryFields") for name in value.split(",") if name.strip()]
    if any(not _FIELD_NAME.fullmatch(name) for name in names):
        raise InvalidOption.for_fields({"field": "queryFields", "problem": "has a name that is not of letters, digits and _"})
    return list(dict.fromkeys(names))


def _extraction_fields(prebuilt: Prebuilt, queried: list[str]) -> dict[str, str]:
    """Return the option that extracts the fields of a model, and those of the query with them."""
    if not prebuilt.schema:
        return {"extract_fields": json.dumps(queried)} if queried else {}
    if not queried:
        return {"schema": prebuilt.schema}
    schema = load_schemas()[prebuilt.schema].json_schema
    properties = {**schema["properties"], **{name: {"type": "string"} for name in queried}}
    return {"json_schema": json.dumps({**schema, "properties": properties})}


def _note_ignored() -> None:
    """Name what was asked for and has no meaning here."""
    features = [name for value in request.args.getlist("features") for name in value.split(",") if name]
    ignore_options(*(f"features.{name}" for name in features if name not in _UNDERSTOOD_FEATURES))
    outputs = [name for value in request.args.getlist("output") for name in value.split(",") if name]
    ignore_options(*(f"output.{name}" for name in outputs if name != "figures"))
    known = {"api-version", "pages", "features", "output", "outputContentFormat", "stringIndexType", "queryFields"}
    ignore_options(*(name for name in request.args if name not in {*known, "_overload", "subscription-key"}))


def _document() -> Arrived:
    """Return the document of the request: its body, or what its JSON names. Raises FileMissing, BadRequest."""
    if request.mimetype != "application/json":
        return receive_body(_FILENAME)
    begin_upload()
    body = receive_json()
    if (address := body.get("urlSource")) is not None:
        origin = Origin(address=str(address))
        return Arrived(origin, _name_in(origin))
    if "base64Source" not in body:
        raise FileMissing("Send urlSource or base64Source in the JSON object, or the document as the body.")
    return arrived_in_json(body["base64Source"], _FILENAME)


def _name_in(origin: Origin) -> str:
    """Return the name of the document at an address. Raises InvalidOption for what is no address."""
    try:
        return origin.filename
    except ValueError as error:
        raise InvalidOption.for_fields({"field": "urlSource", "problem": str(error)}) from None


def _updated(job: Job) -> Any:
    return job.completed_at or job.started_at or job.card.created_at


def _documents(model: str, prebuilt: Prebuilt, job: Job, extraction: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents with the fields that were extracted; none if the extraction failed."""
    if extraction.get("data") is None:
        return []
    with conversion.load_export(job, _export_in(job)) as stream:
        places = Places(stream, pages_of(extraction.get("evidence")), _index_type_in(job))
    return [document_of(model, prebuilt, extraction, places)]


def _body(head: dict[str, Any], model: str, documents: list[dict[str, Any]], stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the response: the head, then the stored result as it is, with the id of the model and the documents in front."""
    result: dict[str, Any] = {"modelId": model, **({"documents": documents} if documents else {})}
    opened = json.dumps({**head, "analyzeResult": result}, ensure_ascii=False)
    yield opened[:-2].encode() + b", "
    with stream:
        stream.read(1)  # the brace that is open already
        while piece := stream.read(CHUNK_BYTES):
            yield piece
    yield b"}"
