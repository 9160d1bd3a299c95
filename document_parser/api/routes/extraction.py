"""Extract the values of a schema from documents that were read, and show the prebuilt schemas."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.extraction_fields import (
    ORDER_ERRORS,
    ORDER_PROPERTIES,
    ORDER_TEXT,
    SOURCES,
    known_schemas,
    parse_order,
    with_model,
)
from document_parser.api.middleware import responses
from document_parser.api.routes.extraction_csv import CSV, as_csv
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.process import UPLOAD_ERRORS, accept_upload, accepted_response, upload_description
from document_parser.api.routes.results import prefers_csv
from document_parser.api.routes.stored_extractions import answer_by_id, answer_to, order_by_id
from document_parser.api.routes.waiting import wait_for_end
from document_parser.api.schemas import (
    ExtractionPath,
    ExtractionQuery,
    ExtractionStarted,
    JobPath,
    Schemas,
    SchemaSummary,
    SchemaValidity,
)
from document_parser.api.services import get_services
from document_parser.errors import (
    BadRequest,
    ExtractionFailed,
    ExtractionNotFound,
    Forbidden,
    JobEnded,
    JobNotComplete,
    OwnFileBroken,
    SchemaUnsupported,
    StorageUnavailable,
)
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models.extraction import Extraction
from document_parser.settings import ApiSettings

MAX_ORDER_BYTES = 4 << 20
"""Size of an order in JSON, at most: a schema of MAX_SCHEMA_BYTES may be written with escapes, which are longer."""
EXTRACTION_ERRORS: tuple[openapi.Errors, ...] = (
    *ORDER_ERRORS,
    Forbidden,
    JobEnded,
    JobNotComplete,
    ExtractionFailed,
    StorageUnavailable,
    *openapi.RESULT,
)
"""Errors of an extraction."""

VALUES = openapi.answer(Extraction, "The values.", "Content-Location")
"""Response with the values of a document."""

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
            {200: VALUES, 202: ExtractionStarted, 414: openapi.uri_too_long()}, *UPLOAD_ERRORS, *EXTRACTION_ERRORS
        ),
        operation_id="extract",
        **upload_description(settings, schema="invoice"),
    )
    def extract() -> Response:
        return _extract_new()

    return uploading


def _extract_new() -> Response:
    """Return the values of a new document, or 202 with the address to ask again if that takes longer."""
    services, taken = get_services(), accept_upload(extracts=True)
    job = wait_for_end(services, taken.job_id, services.settings.api.sync_timeout_seconds)
    asked = job.card.extraction
    if asked is not None and job.is_at_rest:
        return _response(job, asked.id, answer_by_id(services, job, asked.id))
    started = _started(job, asked.id if asked is not None else "")
    response = accepted_response(taken)
    response.set_data(responses.to_response(started, 202).get_data())
    response.headers["Location"] = started.status_url
    return response


def _order_body(*, required: bool = True) -> dict[str, Any]:
    """Return the description of an order in JSON."""
    one = {"oneOf": [{"required": [name]} for name in SOURCES]}
    schema = {"type": "object", "properties": ORDER_PROPERTIES, "additionalProperties": False, **one}
    content = {"schema": schema, "example": {"fields": ["invoice number", "total"]}}
    return {"content": {openapi.JSON: content}, "required": required}


@routes.post(
    "/jobs/<job_id>/extract",
    summary="Extract values from a document that was read",
    description=f"Nothing is read again. The same order is answered from storage. {ORDER_TEXT}",
    request_body=_order_body(),
    responses=openapi.responses({200: VALUES, 202: ExtractionStarted}, *EXTRACTION_ERRORS),
    operation_id="extract_from_job",
)
def extract_from_job(path: JobPath) -> Response:
    """Return the values, or 202 with the address to ask again if that takes longer."""
    check_origin()
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    order = with_model(services.settings, parse_order(services.settings, _json_order()), job.card.tier)
    return _response(job, order.digest, answer_to(services, job, order, asks_model_again=True))


@routes.get(
    "/jobs/<job_id>/extractions/<extraction_id>",
    summary="The answer to an extraction",
    description="Waits up to 30 seconds for one that is under way. With format=csv, or if Accept prefers text/csv: a table "
    "with a line for each row of its lists.",
    responses=openapi.responses(
        {
            200: openapi.answer({openapi.JSON: Extraction, CSV: openapi.TEXT}, "The values.", "Content-Disposition"),
            202: ExtractionStarted,
        },
        ExtractionNotFound,
        *EXTRACTION_ERRORS,
    ),
    operation_id="job_extraction",
)
def extraction(path: ExtractionPath, query: ExtractionQuery) -> Response:
    """Return the answer to an order that was sent before."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    order = order_by_id(services, job, path.extraction_id)
    answer = answer_to(services, job, order)
    if answer is not None and (query.format == "csv" or (not query.format and prefers_csv())):
        return as_csv(job, order, answer)
    return _response(job, order.digest, answer)


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
        parse_order(get_services().settings, _json_order())
    except SchemaUnsupported as error:
        return responses.to_response(SchemaValidity(valid=False, problems=error.details["problems"]))
    return responses.to_response(SchemaValidity(valid=True, problems=[]))


@routes.get(
    "/schemas",
    summary="The prebuilt schemas",
    responses=openapi.responses({200: Schemas}, OwnFileBroken),
    operation_id="list_schemas",
)
def schemas() -> Response:
    """Return the prebuilt schemas, and those of SCHEMAS_DIR."""
    found = [
        SchemaSummary(name=one.name, version=one.version, title=one.title, json_schema=one.json_schema)
        for one in known_schemas(get_services().settings).values()
    ]
    return responses.to_response(Schemas(schemas=found))


def _json_order() -> dict[str, Any]:
    """Return the order in the body. Raises BadRequest."""
    request.max_content_length = MAX_ORDER_BYTES
    if (request.content_length or 0) > MAX_ORDER_BYTES:
        raise BadRequest(f"The body is larger than {MAX_ORDER_BYTES >> 20} MiB. Send a JSON object with a smaller schema.")
    try:
        found = request.get_json(silent=True)
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("Send a JSON object with json_schema, schema or fields.")
    return found


def _response(job: Job, extraction_id: str, answer: bytes | None) -> Response:
    """Return the answer, or 202 with the address to ask again if it is not there yet."""
    if answer is not None:
        own = url_for("extraction.extraction", job_id=job.card.job_id, extraction_id=extraction_id)
        return Response(answer, mimetype="application/json", headers={"Content-Location": own})
    started = _started(job, extraction_id)
    return responses.to_response(started, 202, {"Location": started.status_url})


def _started(job: Job, extraction_id: str) -> ExtractionStarted:
    """Return where an extraction that takes longer is asked for again."""
    address = url_for("extraction.extraction", job_id=job.card.job_id, extraction_id=extraction_id)
    return ExtractionStarted(
        job_id=job.card.job_id,
        extraction_id=extraction_id,
        message="The document is being read, or its values are being extracted. status_url returns them.",
        status_url=address,
    )
