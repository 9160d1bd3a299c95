"""Say what documents a file holds that was read."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.job_fields import find_labels
from document_parser.api.middleware import responses
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.stored_classifications import answer_to, order_by_id
from document_parser.api.schemas import ClassificationPath, ClassificationStarted, JobPath
from document_parser.api.services import Services, get_services
from document_parser.classification.labels import MAX_LABELS
from document_parser.errors import (
    BadRequest,
    ClassificationFailed,
    ClassificationNotFound,
    Forbidden,
    InvalidOption,
    JobEnded,
    JobNotComplete,
    LabelUnknown,
    OwnFileBroken,
    StorageUnavailable,
)
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models import Classification, ClassificationOrder
from document_parser.models.classification import SHIPPED_TYPES

CLASSIFICATION_ERRORS: tuple[openapi.Errors, ...] = (
    BadRequest,
    InvalidOption,
    LabelUnknown,
    OwnFileBroken,
    Forbidden,
    JobEnded,
    JobNotComplete,
    ClassificationFailed,
    StorageUnavailable,
    *openapi.RESULT,
)
"""Errors of a classification."""

routes = APIBlueprint(
    "classification", __name__, url_prefix="/v1", abp_tags=[Tag(name="classification", description="What a file holds.")]
)
"""The routes of classification."""

_BODY: dict[str, Any] = {
    "content": {
        openapi.JSON: {
            "schema": {
                "type": "object",
                "properties": {
                    "labels": {
                        "type": "array",
                        "items": {"type": "string", "minLength": 1},
                        "maxItems": MAX_LABELS,
                        "description": f"Types that the file may hold: {', '.join(SHIPPED_TYPES)}, and those of LABELS_FILE. "
                        "Without it, all of them.",
                        "examples": [["invoice", "receipt"]],
                    }
                },
                "additionalProperties": False,
            },
            "example": {"labels": ["invoice", "receipt"]},
        }
    },
    "required": False,
}


@routes.post(
    "/jobs/<job_id>/classify",
    summary="Say what documents a file holds that was read",
    description="Nothing is read again. A file with several documents is split: each of its pages is in exactly one segment. "
    "The type is null if none fits. The same question is answered from storage.",
    request_body=_BODY,
    responses=openapi.responses({200: Classification, 202: ClassificationStarted}, *CLASSIFICATION_ERRORS),
    operation_id="classify_job",
)
def classify_job(path: JobPath) -> Response:
    """Return the documents of a file, or 202 with the address to ask again if that takes longer."""
    check_origin()
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    order = find_labels(services.settings, _label_names())
    order = order.model_copy(update={"model": services.settings.extract_model_of(job.card.tier)})
    return _answer(services, job, order, asks_model_again=True)


@routes.get(
    "/jobs/<job_id>/classifications/<classification_id>",
    summary="The answer to a classification",
    description="Waits up to 30 seconds for one that is under way.",
    responses=openapi.responses(
        {200: Classification, 202: ClassificationStarted}, ClassificationNotFound, *CLASSIFICATION_ERRORS
    ),
    operation_id="job_classification",
)
def job_classification(path: ClassificationPath) -> Response:
    """Return the answer to what was asked before."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    return _answer(services, job, order_by_id(services, job.card.job_id, path.classification_id))


def _answer(services: Services, job: Job, order: ClassificationOrder, *, asks_model_again: bool = False) -> Response:
    """Return the answer to an order, or 202 with the address to ask again."""
    job_id = job.card.job_id
    found = answer_to(services, job, order, asks_model_again=asks_model_again)
    if found is not None:
        return Response(found, mimetype="application/json")
    started = ClassificationStarted(
        job_id=job_id,
        classification_id=order.digest,
        message="The document is being classified. status_url returns the answer.",
        status_url=url_for("classification.job_classification", job_id=job_id, classification_id=order.digest),
    )
    return responses.to_response(started, 202, {"Location": started.status_url})


def _label_names() -> list[str]:
    """Return the types that the request names. Raises BadRequest, InvalidOption."""
    if not request.get_data(cache=True):
        return []
    try:
        found = request.get_json(silent=True)
    except RecursionError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("Send a JSON object with labels, or nothing.")
    if unknown := [name for name in found if name != "labels"]:
        raise InvalidOption.for_fields(*({"field": name, "problem": "is unknown"} for name in unknown))
    names = found.get("labels") or []
    if not isinstance(names, list) or len(names) > MAX_LABELS or not all(isinstance(name, str) and name for name in names):
        raise InvalidOption.for_fields({"field": "labels", "problem": f"is a list of at most {MAX_LABELS} names"})
    return list(dict.fromkeys(names))
