"""Classify jobs: which of some rules a document matches. Their ids are those of job and classification."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import Response
from pydantic import ValidationError

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
from document_parser.api.middleware.access import EXTRACT, Access
from document_parser.api.middleware.errors import RecordedError
from document_parser.api.middleware.identity import identity
from document_parser.api.routes.stored_classifications import answer_to, order_by_id, store_order
from document_parser.api.services import Services, get_services
from document_parser.classification.labels import MAX_LABELS
from document_parser.errors import InvalidOption
from document_parser.jobs.records import storage_keys
from document_parser.jobs.records.job import Job
from document_parser.models import Classification, ClassificationOrder, JobState
from document_parser.models.classification import OwnLabel
from document_parser.text.common_words import common_words

WAIT_SECONDS = 1.0
"""Seconds that a request waits for a classification that is being made."""
_WORD = re.compile(r"[^\W\d_]{3,}")


@facade.route("POST", "/api/v2/classify", Access("extract", actions=("job.submit",)), receives=True)
def classify() -> Response:
    """Classify what was read before, else read a file first. Raises InvalidOption, and as ``conversion.submit``."""
    begin_upload()
    body = receive_json()
    given, configuration = take_text(body, "file_input", "file_id", "parse_job_id"), take_object(body, "configuration")
    rules = configuration.pop("rules", None)
    order, names = order_of_rules(rules)
    found, reading = find_input(given), take_object(configuration, "parsing_configuration")
    configuration.pop("mode", None)
    pages = take_pages(reading)
    ignore_rest(body)
    ignore_rest(configuration, "configuration.")
    ignore_rest(reading, "configuration.parsing_configuration.")
    job = found if isinstance(found, Job) else conversion.find_job(conversion.submit(found, pages).job_id)
    services, job_id = get_services(), job.card.job_id
    order = order.model_copy(update={"model": services.settings.extract_model_of(job.card.tier)})
    asked = {"rules": rules, "names": names, "input": given, "is_job": isinstance(found, Job)}
    services.storage.put(storage_keys.facade_order(job_id, order.digest), json.dumps(asked).encode())
    store_order(services, job_id, order)
    return json_response(_described(services, job, order))


@facade.route("GET", "/api/v2/classify/<job_id>", EXTRACT)
@facade.route("GET", "/api/v2/classify/<job_id>.<name>", EXTRACT)
def get_classification(job_id: str, name: str = "") -> Response:
    """Return a classify job. Raises JobNotFound, JobExpired, ClassificationNotFound, StorageUnavailable, RedisError."""
    services, job = get_services(), conversion.find_job(job_id)
    return json_response(_described(services, job, order_by_id(services, job.card.job_id, name)))


def order_of_rules(rules: Any) -> tuple[ClassificationOrder, dict[str, str]]:
    """Return the order for rules, and their types by the names that these have in it. Raises InvalidOption.

    What tells a type are the words of the rule that are not among the most common ones of a language.
    """
    if not isinstance(rules, list) or not 1 <= len(rules) <= MAX_LABELS:
        raise InvalidOption.for_fields({"field": "configuration.rules", "problem": f"is a list of 1 to {MAX_LABELS} rules"})
    labels: dict[str, OwnLabel] = {}
    names: dict[str, str] = {}
    for number, rule in enumerate(rules):
        kind, description = (str(rule.get(name, "")) if isinstance(rule, dict) else "" for name in ("type", "description"))
        name = re.sub(r"[^a-z0-9]+", "_", kind.lower()).strip("_")[:50]
        words = [
            word for word in _WORD.findall(f"{kind.replace('_', ' ')} {description}".lower()) if word not in common_words()
        ]
        try:
            label = OwnLabel(name=name, description=description[:500], words=tuple(dict.fromkeys(words))[:500])
        except ValidationError:
            problem = "has a type of letters and digits that begins with a letter, and a description"
            raise InvalidOption.for_fields({"field": f"configuration.rules[{number}]", "problem": problem}) from None
        if name in labels:
            raise InvalidOption.for_fields(
                {"field": f"configuration.rules[{number}]", "problem": "has the type of another rule"}
            )
        labels[name], names[name] = label, kind
    return ClassificationOrder(labels=tuple(labels), own=tuple(labels.values())), names


def _described(services: Services, job: Job, order: ClassificationOrder) -> dict[str, Any]:
    """Return a classify job, with its result once that is there."""
    asked = json.loads(services.storage.get(storage_keys.facade_order(job.card.job_id, order.digest)))
    body = {
        "id": f"{job.card.job_id}.{order.digest}",
        "configuration": {"rules": asked["rules"], "mode": "FAST"},
        "document_input_type": "parse_job_id" if asked["is_job"] else "file_id",
        "file_input": asked["input"],
        "parse_job_id": job.card.job_id,
        "user_id": identity().owner,
        **job_facts(job),
    }
    if job.state is not JobState.COMPLETED:
        return body
    try:
        answer = answer_to(services, job, order, WAIT_SECONDS)
    except RecordedError as error:
        return body | {"status": "FAILED", "error_message": error.error.message}
    if answer is None:
        return body | {"status": "RUNNING"}
    return body | {"result": _result(Classification.model_validate_json(answer), asked["names"])}


def _result(found: Classification, names: dict[str, str]) -> dict[str, Any]:
    """Return the type of the document, that of most pages if the file holds several."""
    largest = max(found.segments, key=lambda segment: len(segment.pages), default=None)
    if largest is None:
        return {"type": None, "confidence": 0.0, "reasoning": "The document has no pages that could be read."}
    reasons = "; ".join(largest.reasons) or "No rule matches."
    return {"type": names.get(largest.type or ""), "confidence": largest.confidence, "reasoning": reasons}
