"""Extract jobs: the values of a JSON Schema, from a parse job or from a file. Their ids are those of job and extraction."""

from __future__ import annotations

import json
from typing import Any

from flask import Response

from document_parser.api.auth import check_origin
from document_parser.api.compat import conversion
from document_parser.api.compat.facade import json_response
from document_parser.api.compat.intake import begin_upload
from document_parser.api.compat.json_body import receive_json
from document_parser.api.compat.llamaparse.wire import (
    facade,
    find_input,
    ignore_rest,
    job_facts,
    take_object,
    take_pages,
    take_text,
)
from document_parser.api.extraction_fields import parse_order, with_model
from document_parser.api.middleware.access import EXTRACT, Access
from document_parser.api.middleware.errors import RecordedError
from document_parser.api.routes.stored_extractions import answer_to, order_by_id, request_answer
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption, JobNotComplete
from document_parser.jobs.records.extraction_orders import store_order
from document_parser.jobs.records.job import Job
from document_parser.models import JobState
from document_parser.models.extraction import ExtractionOrder

WAIT_SECONDS = 1.0
"""Seconds that a request waits for values that are being extracted."""
MODES = {"agentic_plus": "maximum"}
"""The mode in which a file is read for a tier; else the server's own."""


@facade.route("POST", "/api/v2/extract", Access("extract", actions=("job.submit",)), receives=True)
def extract() -> Response:
    """Extract from what was read before, else read a file first. Raises InvalidOption, SchemaUnsupported, JobNotComplete."""
    begin_upload()
    body = receive_json()
    given, configuration = take_text(body, "file_input"), take_object(body, "configuration")
    services, order = get_services(), _order(configuration)
    found, pages = find_input(given), take_pages(configuration)
    tiers = [take_text(configuration, name) for name in ("parse_tier", "tier")]
    for name in ("version", "cite_sources", "confidence_scores", "advanced_citations"):
        configuration.pop(name, None)
    ignore_rest(body)
    ignore_rest(configuration, "configuration.")
    if not isinstance(found, Job):
        mode = next((MODES[tier] for tier in tiers if tier in MODES), None)
        options = {"json_schema": order.json_schema, **pages} | ({"accuracy_mode": mode} if mode else {})
        job = conversion.find_job(conversion.submit(found, options).job_id)
        asked = job.card.extraction
        assert asked is not None
        return json_response(_described(job, asked.id, order, given))
    if not found.state.has_ended:
        raise JobNotComplete(status=found.state.value)
    conversion.check_succeeded(found)
    order = with_model(services.settings, order, found.card.tier)
    store_order(services.storage, found.card.job_id, order)
    request_answer(services, found, order)
    return json_response(_described(found, order.digest, order, given) | {"status": "RUNNING"})


@facade.route("GET", "/api/v2/extract/<job_id>", EXTRACT)
@facade.route("GET", "/api/v2/extract/<job_id>.<name>", EXTRACT)
def get_extraction(job_id: str, name: str = "") -> Response:
    """Return an extract job, with its values once they are there. Raises JobNotFound, JobExpired, ExtractionNotFound."""
    services, job = get_services(), conversion.find_job(job_id)
    order = order_by_id(services, job, name)
    body = _described(job, name, order, job.card.job_id)
    if job.state is not JobState.COMPLETED:
        return json_response(body)
    if not job.is_at_rest:
        return json_response(body | {"status": "RUNNING"})
    try:
        answer = answer_to(services, job, order, WAIT_SECONDS)
    except RecordedError as error:
        return json_response(body | {"status": "FAILED", "error_message": error.error.message})
    if answer is None:
        return json_response(body | {"status": "RUNNING"})
    values = json.loads(answer)
    facts = {"field_metadata": {"document_metadata": _metadata(values.get("evidence") or {})}, "parse_job_id": job.card.job_id}
    return json_response(body | {"extract_result": values.get("data"), "extract_metadata": facts})


@facade.route("POST", "/api/v2/extract/schema/validation", Access("extract"))
def validate_schema() -> Response:
    """Return a schema that can be extracted. Raises InvalidOption, SchemaUnsupported."""
    check_origin()
    return json_response({"data_schema": _order(receive_json()).json_schema})


def _order(configuration: dict[str, Any]) -> ExtractionOrder:
    """Return the order for the schema of a configuration, which is removed. Raises InvalidOption, SchemaUnsupported."""
    schema = take_object(configuration, "data_schema")
    if not schema:
        raise InvalidOption.for_fields({"field": "configuration.data_schema", "problem": "is missing: send a JSON Schema"})
    return parse_order(get_services().settings, {"json_schema": schema})


def _described(job: Job, extraction_id: str, order: ExtractionOrder, given: str) -> dict[str, Any]:
    configuration = {"data_schema": order.json_schema}
    return {"id": f"{job.card.job_id}.{extraction_id}", "file_input": given, "configuration": configuration, **job_facts(job)}


def _metadata(evidence: Any) -> Any:
    """Return where each value stands, in the shape of the values. Boxes are fractions of the upright page."""
    if isinstance(evidence, list):
        return [_metadata(one) for one in evidence]
    if not isinstance(evidence, dict):
        return evidence
    if not ("match" in evidence and "state" in evidence and "boxes" in evidence):
        return {name: _metadata(one) for name, one in evidence.items()}
    boxes = [
        {
            "x": box["left"],
            "y": box["top"],
            "w": round(box["right"] - box["left"], 6),
            "h": round(box["bottom"] - box["top"], 6),
        }
        for box in evidence["boxes"]
    ]
    cited = {"page": evidence["page"], "matching_text": evidence["quote"], "bounding_boxes": boxes}
    return {
        "confidence": evidence["confidence"],
        "state": evidence["state"],
        "citation": [cited] if evidence["page"] is not None else [],
    }
