"""Say how a task is doing, and give its result as often as it is asked for. A task is a job: they have the same id."""

from __future__ import annotations

import contextlib
from typing import Any

from flask import Response, request

from document_parser.api.compat import conversion
from document_parser.api.compat.docling import answers, chunk_answers
from document_parser.api.compat.docling.wire import facade
from document_parser.api.compat.facade import error_of, json_response
from document_parser.api.middleware.access import READ, READ_RESULT
from document_parser.api.routes.waiting import retry_after_header
from document_parser.errors import JobNotComplete, NotFound
from document_parser.jobs.records.job import Job
from document_parser.models import JobState

_STATES = {
    JobState.QUEUED: "pending",
    JobState.PROCESSING: "started",
    JobState.COMPLETED: "success",
    JobState.CANCELLED: "success",
    JobState.FAILED: "failure",
}
"""The state of a task. What a cancelled job had read by then is its result, and says that it is a part."""


def task_status(job: Job) -> dict[str, Any]:
    """Return the status of a task as docling-serve has it."""
    has_failed, ended = job.error is not None, job.state.has_ended
    return {
        "task_id": job.card.job_id,
        "task_type": "chunk" if chunk_answers.chunking_of(job) else "convert",
        "task_status": "failure" if has_failed else _STATES[job.state],
        "task_position": job.queue_position,
        "task_meta": {
            "num_docs": 1,
            "num_processed": int(ended),
            "num_succeeded": int(ended and not has_failed and job.complete is not False),
            "num_partially_succeeded": int(ended and not has_failed and job.complete is False),
            "num_failed": int(has_failed),
        },
        "error_message": error.message if (error := error_of(job)) is not None else None,
        "failure": answers.failure(job),
    }


@facade.route("GET", "/v1/status/poll/<job_id>", READ)
def poll(job_id: str) -> Response:
    """Return the status of a task, once it has ended or after ``wait`` seconds."""
    wait = 0.0
    with contextlib.suppress(ValueError):
        wait = max(0.0, float(request.args.get("wait", "0")))
    job = conversion.find_job(job_id, wait if wait == wait else 0.0)
    response = json_response(task_status(job))
    response.headers.update({} if job.state.has_ended else retry_after_header())
    return response


@facade.route("GET", "/v1/status/ws/<job_id>", READ)
def refuse_socket(job_id: str) -> Response:
    """Refuse the web socket, so that clients poll. Raises NotFound."""
    raise NotFound(f"There are no web sockets here. Ask GET /v1/status/poll/{conversion.find_job(job_id).card.job_id}?wait=30.")


@facade.route("GET", "/v1/result/<job_id>", READ_RESULT)
def result(job_id: str) -> Response:
    """Return the result of a task: the document, an archive, its chunks, or why there is none.

    Raises JobNotComplete, and JobEnded for a task that was cancelled before its document was opened.
    """
    job = conversion.find_job(job_id)
    if not job.state.has_ended:
        raise JobNotComplete()
    if (failure := answers.failure(job)) is not None:
        return json_response({"kind": "TaskFailureResult", "failure": failure})
    conversion.check_succeeded(job)
    if chunk_answers.chunking_of(job):
        return chunk_answers.chunked([job])
    return answers.archive([job]) if job.card.options.output_format == "zip" else answers.converted(job)
