"""Extract the values of a schema from documents that were read, and show the prebuilt schemas."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from flask import Response, request, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.middleware import responses
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.process import UPLOAD_ERRORS, accept_upload, accepted_response, upload_description
from document_parser.api.routes.stored_answers import is_order_id, load_answer
from document_parser.api.routes.waiting import wait_for_end
from document_parser.api.schemas import (
    ExtractionPath,
    ExtractionStarted,
    JobPath,
    Schemas,
    SchemaSummary,
    SchemaValidity,
)
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    BadRequest,
    ExtractionFailed,
    ExtractionNotFound,
    Forbidden,
    InvalidOption,
    JobNotComplete,
    SchemaNotFound,
    SchemaUnsupported,
    StorageUnavailable,
)
from document_parser.extraction.registry import NamedSchema, load_schemas
from document_parser.extraction.schema import SchemaProblems, compile_schema, schema_of_names
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models.extraction import Extraction, ExtractionOrder
from document_parser.settings import ApiSettings
from document_parser.storage import StoredFileMissing

MAX_NAMES = 1000
"""Names of fields in a request, at most."""
FIELDS = ("json_schema", "schema", "fields", "scope", "on_ungrounded")
"""What an order may have. In a form and a query ``fields`` is called ``extract_fields`` and has names between commas."""
ORDER_ERRORS = (BadRequest, InvalidOption, SchemaUnsupported, SchemaNotFound)
"""Errors of an order."""
EXTRACTION_ERRORS: tuple[openapi.Errors, ...] = (
    *ORDER_ERRORS,
    Forbidden,
    JobNotComplete,
    ExtractionFailed,
    StorageUnavailable,
    *openapi.RESULT,
)
"""Errors of an extraction."""
ORDER_TEXT = (
    "Send json_schema (a JSON Schema), schema (the name of a prebuilt one) or fields (a list of names). Each value of the "
    "answer has its page, its boxes and its quote in evidence; a value that the document does not have is null."
)
"""Description of an order in the documentation."""

_ORDER_PROPERTIES: dict[str, Any] = {
    "json_schema": {
        "type": "object",
        "description": "A JSON Schema whose root is an object with properties.",
        "examples": [{"type": "object", "properties": {"total": {"type": "number"}}}],
    },
    "schema": {
        "type": "string",
        "description": "The name of a prebuilt schema, as GET /v1/schemas lists them.",
        "examples": ["invoice"],
    },
    "fields": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": MAX_NAMES,
        "description": "Names of fields.",
        "examples": [["invoice number", "total"]],
    },
    "scope": {"enum": ["document", "page", "row"], "default": "document", "description": "What the schema describes."},
    "on_ungrounded": {"enum": ["flag", "null"], "default": "flag", "description": "What becomes of values not on the page."},
}

_FORM_PROPERTIES: dict[str, dict[str, Any]] = {
    "json_schema": {"type": "string", "default": "", "description": "A JSON Schema, as JSON text."},
    "schema": {
        "type": "string",
        "default": "",
        "description": "The name of a prebuilt schema, as GET /v1/schemas lists them.",
        "examples": ["invoice"],
    },
    "extract_fields": {"type": "string", "default": "", "description": "Names of fields, separated by commas."},
    "scope": _ORDER_PROPERTIES["scope"],
    "on_ungrounded": _ORDER_PROPERTIES["on_ungrounded"],
}
"""The fields of an order beside a document."""

routes = APIBlueprint(
    "extraction", __name__, url_prefix="/v1", abp_tags=[Tag(name="extraction", description="Values, each with its place.")]
)
"""The routes of extraction from documents that were read."""


def blueprint(settings: ApiSettings) -> APIBlueprint:
    """Return the route that reads a document and extracts from it. The documentation shows the mode of these settings."""
    tag = Tag(name="extraction", description="Values, each with its place.")
    uploading = APIBlueprint("extract", __name__, url_prefix="/v1", abp_tags=[tag])

    @uploading.post(
        "/extract",
        summary="Read a document and extract values from it",
        description="As /v1/process/sync, with the order beside the document: json_schema as JSON text, schema, or "
        f"extract_fields with names between commas. {ORDER_TEXT}",
        responses=openapi.responses(
            {200: Extraction, 202: ExtractionStarted, 414: openapi.uri_too_long()}, *UPLOAD_ERRORS, *EXTRACTION_ERRORS
        ),
        operation_id="extract",
        **upload_description(settings, _FORM_PROPERTIES),
    )
    def extract() -> Response:
        return _extract_new()

    return uploading


def _extract_new() -> Response:
    """Return the values of a new document, or 202 with the address to ask again if that takes longer."""
    services, orders = get_services(), list[ExtractionOrder]()
    taken = accept_upload(take=lambda fields: orders.append(parse_order(services, _form_order(fields))))
    order = orders[0]
    job = wait_for_end(services, taken.job_id, services.settings.api.sync_timeout_seconds)
    if not job.state.has_ended:
        _store_order(services, job, order)
        started = _started(job, order)
        response = accepted_response(taken)
        response.set_data(responses.to_response(started, 202).get_data())
        response.headers["Location"] = started.status_url
        return response
    return _answer(services, job, order)


def _order_body(*, required: bool = True) -> dict[str, Any]:
    """Return the description of an order in JSON."""
    one = {"oneOf": [{"required": [name]} for name in FIELDS[:3]]}
    schema = {"type": "object", "properties": _ORDER_PROPERTIES, "additionalProperties": False, **one}
    content = {"schema": schema, "example": {"fields": ["invoice number", "total"]}}
    return {"content": {openapi.JSON: content}, "required": required}


@routes.post(
    "/jobs/<job_id>/extract",
    summary="Extract values from a document that was read",
    description=f"Nothing is read again. The same order is answered from storage. {ORDER_TEXT}",
    request_body=_order_body(),
    responses=openapi.responses({200: Extraction, 202: ExtractionStarted}, *EXTRACTION_ERRORS),
    operation_id="extract_from_job",
)
def extract_from_job(path: JobPath) -> Response:
    """Return the values, or 202 with the address to ask again if that takes longer."""
    check_origin()
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    return _answer(services, job, parse_order(services, _json_order()))


@routes.get(
    "/jobs/<job_id>/extractions/<extraction_id>",
    summary="The answer to an extraction",
    description="Waits up to 30 seconds for one that is under way.",
    responses=openapi.responses({200: Extraction, 202: ExtractionStarted}, ExtractionNotFound, *EXTRACTION_ERRORS),
    operation_id="job_extraction",
)
def extraction(path: ExtractionPath) -> Response:
    """Return the answer to an order that was sent before."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    try:
        stored = services.storage.get(storage_keys.extraction_order(job.card.job_id, _check_id(path.extraction_id)))
    except StoredFileMissing:
        raise ExtractionNotFound() from None
    return _answer(services, job, ExtractionOrder.model_validate_json(stored))


@routes.post(
    "/extract/validate",
    summary="Check whether a schema is supported",
    request_body=_order_body(),
    responses=openapi.responses({200: SchemaValidity}, *ORDER_ERRORS),
    operation_id="validate_schema",
)
def validate() -> Response:
    """Return whether a schema is supported, and each part that is not by its JSON pointer."""
    check_origin()
    try:
        parse_order(get_services(), _json_order())
    except SchemaUnsupported as error:
        return responses.to_response(SchemaValidity(valid=False, problems=error.details["problems"]))
    return responses.to_response(SchemaValidity(valid=True, problems=[]))


@routes.get(
    "/schemas",
    summary="The prebuilt schemas",
    responses=openapi.responses({200: Schemas}),
    operation_id="list_schemas",
)
def schemas() -> Response:
    """Return the prebuilt schemas, and those of SCHEMAS_DIR."""
    found = [
        SchemaSummary(name=one.name, version=one.version, title=one.title, json_schema=one.json_schema)
        for one in _schemas(get_services()).values()
    ]
    return responses.to_response(Schemas(schemas=found))


def _schemas(services: Services) -> dict[str, NamedSchema]:
    return load_schemas(services.settings.extraction.schemas_dir)


def parse_order(services: Services, given: dict[str, Any]) -> ExtractionOrder:
    """Return the order that a request has sent. Raises InvalidOption, SchemaNotFound, SchemaUnsupported."""
    unknown = [name for name in given if name not in FIELDS]
    if unknown:
        raise InvalidOption.for_fields(*({"field": name, "problem": "is unknown"} for name in unknown))
    sources = [name for name in FIELDS[:3] if name in given]
    if len(sources) != 1:
        raise InvalidOption.for_fields({"field": "json_schema", "problem": "send one of json_schema, schema and fields"})
    name, schema = "", given.get("json_schema")
    if sources == ["schema"]:
        name, known = given["schema"], _schemas(services)
        if not isinstance(name, str):
            raise InvalidOption.for_fields({"field": "schema", "problem": "is a name"})
        if name not in known:
            raise SchemaNotFound(known=sorted(known))
        schema = known[name].json_schema
    elif sources == ["fields"]:
        names = given["fields"]
        sound = isinstance(names, list) and all(isinstance(one, str) and one for one in names)
        if not sound or not 1 <= len(names) <= MAX_NAMES:
            raise InvalidOption.for_fields({"field": "fields", "problem": f"is a list of at most {MAX_NAMES} names"})
        schema = schema_of_names(names)
    if not isinstance(schema, dict):
        raise InvalidOption.for_fields({"field": "json_schema", "problem": "is a JSON object"})
    options = {key: given[key] for key in ("scope", "on_ungrounded") if key in given}
    for key, allowed in (("scope", ("document", "page", "row")), ("on_ungrounded", ("flag", "null"))):
        if key in options and options[key] not in allowed:
            raise InvalidOption.for_fields({"field": key, "problem": f"is one of {', '.join(allowed)}"})
    try:
        compile_schema(schema)
    except SchemaProblems as error:
        raise SchemaUnsupported(problems=[one._asdict() for one in error.problems]) from None
    return ExtractionOrder(json_schema=schema, name=name, **options)


def _json_order() -> dict[str, Any]:
    """Return the order in the body. Raises BadRequest."""
    try:
        found = request.get_json(silent=True)
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("Send a JSON object with json_schema, schema or fields.")
    return found


def _form_order(fields: dict[str, Any]) -> dict[str, Any]:
    """Take the order out of the fields beside a document; texts of a form are understood. Raises InvalidOption."""
    names = {"json_schema", "schema", "extract_fields", "scope", "on_ungrounded"}
    given = {name: fields.pop(name) for name in names & fields.keys()}
    if isinstance(listed := given.pop("extract_fields", ""), str):
        listed = [one.strip() for one in listed.split(",") if one.strip()]
    if listed:
        given["fields"] = listed
    if isinstance(schema := given.get("json_schema"), str) and schema:
        try:
            given["json_schema"] = json.loads(schema)
        except (ValueError, RecursionError):
            raise InvalidOption.for_fields({"field": "json_schema", "problem": "is no JSON"}) from None
    return {name: value for name, value in given.items() if value != ""}


def _answer(services: Services, job: Job, order: ExtractionOrder) -> Response:
    """Return the stored answer to an order; have a worker write it first if it is not there, and wait for it."""
    key = storage_keys.extraction(job.card.job_id, order.digest, job.revision)
    store_order = partial(_store_order, services, job, order)
    if (found := load_answer(services, job, "extraction", order.digest, key, store_order)) is not None:
        return Response(found, mimetype="application/json")
    started = _started(job, order)
    return responses.to_response(started, 202, {"Location": started.status_url})


def _store_order(services: Services, job: Job, order: ExtractionOrder) -> None:
    """Store what was asked, for the worker and for those who ask again."""
    key = storage_keys.extraction_order(job.card.job_id, order.digest)
    services.storage.put(key, order.model_dump_json().encode())


def _started(job: Job, order: ExtractionOrder) -> ExtractionStarted:
    """Return where an extraction that takes longer is asked for again."""
    address = url_for("extraction.extraction", job_id=job.card.job_id, extraction_id=order.digest)
    return ExtractionStarted(
        job_id=job.card.job_id,
        extraction_id=order.digest,
        message="The document is being read, or its values are being extracted. status_url returns them.",
        status_url=address,
    )


def _check_id(extraction_id: str) -> str:
    """Return the id of an extraction; ids are hashes, and never parts of a path. Raises ExtractionNotFound."""
    if not is_order_id(extraction_id):
        raise ExtractionNotFound()
    return extraction_id
