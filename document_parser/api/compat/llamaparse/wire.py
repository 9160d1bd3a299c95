"""The facade of LlamaParse: the shape of its errors, and what its jobs have in common.

Source: the package ``llama-cloud`` 2.19.
"""

from __future__ import annotations

from typing import Any

from document_parser.api import resumable
from document_parser.api.compat.facade import Facade, error_of, ignore_options
from document_parser.api.compat.intake import Arrived
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.identity import identity
from document_parser.api.middleware.wires import Wire
from document_parser.api.ownership import check_job
from document_parser.api.services import get_services
from document_parser.errors import InvalidOption, JobNotFound
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.models import JobState, format_utc

PROJECT = "default"
"""The project of all files and jobs: there are no projects here."""
STATES = {
    JobState.QUEUED: "PENDING",
    JobState.PROCESSING: "RUNNING",
    JobState.COMPLETED: "COMPLETED",
    JobState.FAILED: "FAILED",
    JobState.CANCELLED: "CANCELLED",
}
"""The word of LlamaParse for each state of a job."""


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return an error as FastAPI does. What is gone is for clients as what never was."""
    return {"detail": problem.message, "code": problem.code}, 404 if status == 410 else status


_FIELDS = {"page_range": "target_pages", "url": "source_url", "json_schema": "data_schema"}
"""What clients call options of this service."""
facade = Facade(Wire("llamaparse", _write_error, field_names=_FIELDS), roots=("/api/v2", "/api/v1/beta"))
"""The routes of LlamaParse."""


def job_facts(job: Job) -> dict[str, Any]:
    """Return what every kind of job says of itself, but for its id."""
    status, error = job.to_status(), error_of(job)
    return {
        "project_id": PROJECT,
        "status": STATES[job.state],
        "created_at": format_utc(status.created_at),
        "updated_at": format_utc(status.completed_at or status.started_at or status.created_at),
        "error_message": error.message if error is not None else None,
    }


def find_input(given: str) -> Job | Arrived:
    """Return the job or the file that an id stands for. Raises UploadNotFound, UploadGone, UploadIncomplete, RedisError."""
    services = get_services()
    try:
        check_job(services.redis, identity(), given)
        return record.load(services.redis, given)
    except JobNotFound:
        upload = resumable.finished_upload(services, given)
        return Arrived(upload, upload.filename)


def take_text(body: dict[str, Any], *names: str) -> str:
    """Return the first of these fields that has a text, and remove all of them. Empty if none has. Raises InvalidOption."""
    values = {name: body.pop(name, None) for name in names}
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise InvalidOption.for_fields({"field": name, "problem": "is not text"})
    return next(filter(None, values.values()), "")


def take_object(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is an object, and remove it; empty if it is not there. Raises InvalidOption."""
    value = body.pop(name, None)
    if value is not None and not isinstance(value, dict):
        raise InvalidOption.for_fields({"field": name, "problem": "is a JSON object"})
    return dict(value or {})


def take_pages(chosen: dict[str, Any]) -> dict[str, str]:
    """Return the option for the chosen pages, and remove their fields. Raises InvalidOption."""
    pages, most = take_text(chosen, "target_pages"), chosen.pop("max_pages", None)
    if pages:
        return {"page_range": pages}
    if most is None:
        return {}
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise InvalidOption.for_fields({"field": "max_pages", "problem": "is a whole number from 1"})
    return {"page_range": f"1-{most}"}


def ignore_rest(left: dict[str, Any], prefix: str = "") -> None:
    """Note the fields that are left, and say something."""
    ignore_options(*(f"{prefix}{name}" for name, value in left.items() if value not in (None, {}, [], False)))
