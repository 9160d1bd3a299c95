"""Accept requests to read a page again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request, url_for
from pydantic import ValidationError

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.job_fields import MAX_PASSWORD_CHARACTERS, check_password
from document_parser.api.middleware import responses, tier_limits
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.model_servers import check_model_servers
from document_parser.api.routes.waiting import last_event
from document_parser.api.schemas import Rereading
from document_parser.errors import (
    BadRequest,
    EngineAbsent,
    Forbidden,
    InvalidOption,
    JobEnded,
    JobNotComplete,
    JobNotFound,
    NotInTier,
    PageBeingRead,
    PageNotFound,
    PasswordGone,
)
from document_parser.jobs import queue
from document_parser.jobs.records import passwords, record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.retries import RetryChoice, RetryOrder
from document_parser.jobs.redis.connection import text
from document_parser.models import VLM_ENGINES, EngineName, JobState
from document_parser.settings import validation
from document_parser.telemetry import logs

if TYPE_CHECKING:
    from document_parser.api.services import Services

log = logs.get_logger(__name__)


FIELDS = {*RetryChoice.model_fields, "password"}
"""Names of the fields of a retry."""
RETRY_ERRORS = (
    BadRequest,
    InvalidOption,
    Forbidden,
    PageNotFound,
    JobNotComplete,
    JobEnded,
    PageBeingRead,
    PasswordGone,
    EngineAbsent,
    NotInTier,
)
"""Errors of a retry."""


def request_retry(services: Services, job_id: str, number: int) -> Response:
    """Order a retry of the page and return the 202 response with the addresses to follow it.

    Raises JobNotFound, JobExpired, JobNotComplete, JobEnded (failed or cancelled), PageNotFound, PageBeingRead, PasswordGone,
    EngineAbsent, NotInTier, InvalidOption, BadRequest, Forbidden, RedisError.
    """
    check_origin()
    choice, password = _parse_body()
    job = record.load(services.redis, check_job_id(job_id))
    _check_state(job.state)
    if choice.accuracy_mode is not None:
        tier_limits.check_mode(choice.accuracy_mode)
    if choice.engine is not None:
        tier_limits.check_engine(choice.engine)
        _check_engine(services, choice.engine)
    order = RetryOrder(page=number, **choice.model_dump())
    sealed = passwords.seal(services.settings, password) if password else None
    before = text(last_event(services.redis, job_id))
    _check_outcome(services.ledger.request_retry(job_id, order, sealed), job, number)
    queue.enqueue_stage(services.redis, job_id, "retry")
    record.publish(services.redis, job_id)
    log.info("page_to_reread", page=number, engine=choice.engine or "")
    return _answer(job, number, before)


def _answer(job: Job, number: int, last_event_id: str) -> Response:
    status_url = url_for("jobs.status", job_id=job.card.job_id)
    body = Rereading(
        job_id=job.card.job_id,
        number=number,
        revision=job.revision,
        message="The page will be read again. Page and result stay as they are until status_url shows a higher revision.",
        status_url=status_url,
        events_url=url_for("events.events", job_id=job.card.job_id, last_event_id=last_event_id),
    )
    return responses.to_response(body, 202, {"Location": status_url})


def _parse_body() -> tuple[RetryChoice, str]:
    """Return the choice in the body, and the password in it. Raises BadRequest, InvalidOption."""
    is_json = request.is_json and bool(request.content_length)
    fields = _parse_json() if is_json else request.form.to_dict()
    if not isinstance(fields, dict):
        raise BadRequest("Send a JSON object or a form, or no body at all.")
    # A field that is left out is null in JSON and empty in a form; an unknown field is an error in any case.
    absent = None if is_json else ""
    given = {name: value for name, value in fields.items() if value != absent or name not in FIELDS}
    password = given.pop("password", "")
    if not isinstance(password, str):
        raise InvalidOption.for_fields({"field": "password", "problem": "is not text"})
    check_password(password)
    try:
        return RetryChoice.model_validate(given), password
    except ValidationError as error:
        raise validation.invalid_option(error, RetryChoice, ["password"]) from None


def _parse_json() -> Any:
    """Return the JSON of the body; None if it is not JSON, or is nested too deeply."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


def _check_state(state: JobState) -> None:
    if not state.has_ended:
        raise JobNotComplete(
            "The job has not ended yet. Wait until it is completed, then read its pages again.", status=state.value
        )
    if state is not JobState.COMPLETED:
        raise JobEnded(f"The job has {state.value}: only pages of a completed job are read again.", status=state.value)


def _check_engine(services: Services, engine: EngineName) -> None:
    """Refuse an engine that the settings do not allow, or whose servers do not answer. Raises EngineAbsent."""
    if engine == "text_layer":
        return
    if engine not in services.settings.allowed_engines:
        raise EngineAbsent(engine=engine)
    found = check_model_servers(services).get(engine) if engine in VLM_ENGINES else None
    if found is not None and not found.ok:
        raise EngineAbsent(engine=engine, reason=found.detail)


def _check_outcome(outcome: str, job: Job, number: int) -> None:
    """Raise the error that the ledger's answer to a retry means."""
    match outcome:
        case "ok":
            return
        case "missing":
            raise JobNotFound()
        case "page":
            raise PageNotFound(page=number, total_pages=job.total)
        case "underway":
            raise PageBeingRead(page=number)
        case "locked":
            raise PasswordGone()
    _check_state(JobState(outcome))


def request_body() -> dict[str, Any]:
    """Return the description of the body. It is written by hand, because the view takes JSON, a form, or nothing."""
    properties = dict(RetryChoice.model_json_schema()["properties"])
    properties["password"] = {
        "anyOf": [{"type": "string", "maxLength": MAX_PASSWORD_CHARACTERS}, {"type": "null"}],
        "default": "",
        "description": "Password of an encrypted document; kept encrypted until the page is read.",
    }
    form = {name: _without_null(schema) for name, schema in properties.items()}
    return {"content": {openapi.JSON: _media_type_of(properties), openapi.FORM: _media_type_of(form)}, "required": False}


def _media_type_of(properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"schema": schema, "example": {"accuracy_mode": "maximum"}}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema for a form, which has only texts."""
    kept = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return {name: value for name, value in schema.items() if name != "anyOf"} | kept[0] if kept else schema
