"""Accept addresses of documents, which are fetched by a process beside the workers."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin as check_request_origin
from document_parser.api.job_fields import FIELD_ERRORS, JobFields, check_texts, idempotency_key, parse_fields
from document_parser.api.middleware import rate_limits
from document_parser.api.routes.process import accepted_response, field_schemas, idempotency_parameter
from document_parser.api.schemas import Accepted
from document_parser.api.services import get_services
from document_parser.api.submission import SUBMISSION_ERRORS, AcceptedUpload, check_capacity, submit_link
from document_parser.errors import BadRequest, FetchNotResolved, FetchRefused, Forbidden, InvalidOption
from document_parser.ingest.fetch import check_origin
from document_parser.ingest.origin import MAX_ADDRESS_CHARACTERS, REGION_PATTERN, S3_SCHEME, Origin
from document_parser.settings import ApiSettings
from document_parser.ssrf import lookups

MAX_BODY_BYTES = 1 << 16
"""Maximum size of the JSON body in bytes."""
LINK_ERRORS = (Forbidden, FetchRefused, FetchNotResolved, *FIELD_ERRORS, *SUBMISSION_ERRORS)
"""Errors of a request that names a document's address."""
EXAMPLE_URL = "http://127.0.0.1:8000/paper.pdf"
"""The address that the documentation shows."""
URL_TEXT = "http or https address of the document. Its query is kept encrypted until the document is fetched, and never shown."
"""Description of ``url``."""
LINK_TEXT = (
    "The answer comes at once. The job's stage is fetching until the document has come, with the bytes so far in source; if it "
    "does not come, the job fails with a code that begins with FETCH_."
)
"""Description of both routes."""


def blueprint(settings: ApiSettings) -> APIBlueprint:
    """Return the routes that accept addresses. The documentation shows the default mode of these settings."""
    routes = APIBlueprint("links", __name__, url_prefix="/v1/process", abp_tags=[Tag(name="process")])
    options = field_schemas(settings)
    url = {"type": "string", "minLength": 1, "maxLength": MAX_ADDRESS_CHARACTERS, "description": URL_TEXT} | _example(
        EXAMPLE_URL
    )
    s3_uri = {
        "type": "string",
        "pattern": "^s3://",
        "description": "s3://bucket/key, in a bucket of FETCH_S3_BUCKETS.",
    } | _example("s3://inbox/paper.pdf")
    region = {
        "type": "string",
        "pattern": f"^({REGION_PATTERN})?$",
        "description": "Region of the bucket; without it, the server's own.",
        "default": "",
    }
    queued = openapi.answer(Accepted, "The document is queued.", "Location", "Idempotency-Replayed", "Retry-After")
    answers = openapi.responses({202: queued}, *LINK_ERRORS)
    key = {"parameters": [idempotency_parameter()]}

    @routes.post(
        "/url",
        summary="Have a document fetched from an address",
        description=LINK_TEXT,
        responses=answers,
        operation_id="process_url",
        request_body=_request_body({"url": url, **options}, {"required": ["url"]}),
        openapi_extensions=key,
    )
    def process_url() -> Response:
        fields = _json_fields()
        return _accept(Origin(address=_take_text(fields, "url")), fields, ("url",))

    @routes.post(
        "/s3",
        summary="Have a document fetched from an S3 bucket",
        description=f"Send s3_uri, or a pre-signed address as url. {LINK_TEXT}",
        responses=answers,
        operation_id="process_object",
        request_body=_request_body(
            {"s3_uri": s3_uri, "url": url, "region": region, **options},
            {"oneOf": [{"required": ["s3_uri"]}, {"required": ["url"]}]},
        ),
        openapi_extensions=key,
    )
    def process_s3() -> Response:
        fields = _json_fields()
        return _accept(_s3_origin(fields), fields, ("s3_uri", "url", "region"))

    return routes


def _accept(origin: Origin, fields: dict[str, Any], beside: tuple[str, ...]) -> Response:
    """Check the origin and the fields, create the job and return the 202 response. Raises the errors in LINK_ERRORS."""
    check_request_origin()
    services, key = get_services(), idempotency_key()
    check_capacity(services, keyed=bool(key))
    asked: JobFields = parse_fields(services.settings, fields, beside=beside, key=key)
    try:
        check_origin(services.settings, origin, lookups.resolver_for(rate_limits.caller()))
    except ValueError as error:
        raise InvalidOption.for_fields({"field": "s3_uri", "problem": str(error)}) from None
    taken: AcceptedUpload = submit_link(services, origin, asked)
    return accepted_response(taken)


def _s3_origin(fields: dict[str, Any]) -> Origin:
    """Return the origin in the fields s3_uri, or url, and region, and remove them. Raises InvalidOption."""
    region = _take_text(fields, "region") if "region" in fields else ""
    if not re.fullmatch(f"({REGION_PATTERN})?", region):
        raise InvalidOption.for_fields({"field": "region", "problem": "is a name like eu-central-1"})
    if ("s3_uri" in fields) == ("url" in fields):
        raise InvalidOption.for_fields({"field": "s3_uri", "problem": "send either s3_uri or url"})
    if "url" in fields:
        return Origin(address=_take_text(fields, "url"))
    address = _take_text(fields, "s3_uri")
    if not address.startswith(S3_SCHEME) or not address.removeprefix(S3_SCHEME).partition("/")[2]:
        raise InvalidOption.for_fields({"field": "s3_uri", "problem": "has the form s3://bucket/key"})
    return Origin(address=address, region=region)


def _take_text(fields: dict[str, Any], name: str) -> str:
    """Remove a field and return its text. Raises InvalidOption if it is absent or no text."""
    value = fields.pop(name, "")
    check_texts(**{name: value})
    if name == "url" and value.startswith(S3_SCHEME):
        raise InvalidOption.for_fields({"field": "url", "problem": "is an s3:// path; send it as s3_uri to /v1/process/s3"})
    if name != "region" and not value:
        raise InvalidOption.for_fields({"field": name, "problem": "is missing"})
    return str(value)


def _json_fields() -> dict[str, Any]:
    """Return the JSON object in the body; a field that is null counts as left out. Raises BadRequest."""
    request.max_content_length = MAX_BODY_BYTES
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise BadRequest(f"The body is larger than {MAX_BODY_BYTES >> 10} KiB. Send a JSON object with the document's address.")
    try:
        fields = request.get_json(silent=True)
    except RecursionError:
        fields = None
    if not isinstance(fields, dict):
        raise BadRequest('Send a JSON object with Content-Type: application/json, such as {"url": "https://…"}.')
    return {name: value for name, value in fields.items() if value is not None}


def _example(value: str) -> dict[str, list[str]]:
    return {"examples": [value]}


def _request_body(properties: dict[str, Any], required: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False, **required}
    return {"content": {openapi.JSON: {"schema": schema}}, "required": True}
