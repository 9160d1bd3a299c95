"""Serve the routes that show jobs, return their results and end them."""

from __future__ import annotations

import re
from functools import partial

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.auth import check_origin
from document_parser.api.complete_reads import end_with_read
from document_parser.api.middleware import responses
from document_parser.api.middleware.identity import asked_owner
from document_parser.api.openapi import DOWNLOAD_CONTENT, RESULT_CONTENT
from document_parser.api.pagination import page_of
from document_parser.api.routes import results
from document_parser.api.routes.waiting import retry_after_header, wait_for_end
from document_parser.api.schemas import Cancelled, Children, Deleted, JobPath, Jobs, JobsQuery, ResultQuery, StatusQuery
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    Forbidden,
    InfectedFile,
    InvalidOption,
    JobEnded,
    JobNotComplete,
    JobNotFound,
    QuotaExceeded,
    StorageUnavailable,
    TierUnknown,
    VirusScanUnavailable,
)
from document_parser.jobs import queue
from document_parser.jobs.ending import delete_job, end_job, store_state
from document_parser.jobs.records import children, record, transfers
from document_parser.jobs.records.job import ID_PATTERN, Job
from document_parser.models import JobState, JobStatus

routes = APIBlueprint(
    "jobs", __name__, url_prefix="/v1/jobs", abp_tags=[Tag(name="jobs", description="Show jobs, fetch results, end jobs.")]
)
"""The routes of jobs."""


STATUS = openapi.answer(JobStatus, "The status of the job.", "Retry-After")
"""Response with the status of a job."""


@routes.get(
    "",
    summary="List jobs, newest first",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Jobs}, InvalidOption, *openapi.OPERATOR_ERRORS),
    operation_id="list_jobs",
)
def listing(query: JobsQuery) -> Response:
    """Return one page of the list of jobs, newest first."""
    services = get_services()
    return responses.to_response(_page_of_jobs(services, query))


@routes.get(
    "/<job_id>",
    summary="Status of a job; the same as /status",
    responses=openapi.responses({200: STATUS}, InvalidOption, *openapi.JOB),
    operation_id="get_job",
)
def job(path: JobPath, query: StatusQuery) -> Response:
    """Return the state and progress of a job."""
    return _status(path, query)


@routes.get(
    "/<job_id>/status",
    summary="Status of a job",
    responses=openapi.responses({200: STATUS}, InvalidOption, *openapi.JOB),
    operation_id="job_status",
)
def status(path: JobPath, query: StatusQuery) -> Response:
    """Return the state and progress of a job. With ``wait``, the response comes when the job has ended or the time is over."""
    return _status(path, query)


@routes.get(
    "/<job_id>/children",
    summary="The documents inside the document",
    responses=openapi.responses({200: Children}, StorageUnavailable, *openapi.JOB),
    operation_id="job_children",
)
def list_children(path: JobPath) -> Response:
    """Return the documents inside the job's document, each with its job or with the reason why it has none."""
    job = _load(path.job_id)
    found = children.load(get_services().storage, path.job_id) if job.children else []
    return responses.to_response(Children(job_id=path.job_id, children=found))


@routes.get(
    "/<job_id>/result",
    summary="The content of the document",
    responses=openapi.responses(
        {200: openapi.answer(RESULT_CONTENT, "The content.", *openapi.RESULT_HEADERS)}, InvalidOption, *openapi.RESULT
    ),
    operation_id="job_result",
)
def result(path: JobPath, query: ResultQuery) -> Response:
    """Return the content in the format asked for at upload, or in another one."""
    services, job, appended = get_services(), _load(path.job_id), query.children == "append"
    response = results.respond(services, job, query.format, query.table, appended=appended)
    return response if query.table is not None else end_with_read(response, services, job, appended=appended)


@routes.get(
    "/<job_id>/download",
    summary="The result as a file",
    responses=openapi.responses(
        {200: openapi.answer(DOWNLOAD_CONTENT, "The file.", "Content-Disposition", *openapi.RESULT_HEADERS)},
        InvalidOption,
        *openapi.RESULT,
    ),
    operation_id="job_download",
)
def download(path: JobPath, query: ResultQuery) -> Response:
    """Return the content as a file, in the format asked for at upload or in another one."""
    services, job, appended = get_services(), _load(path.job_id), query.children == "append"
    response = results.download(services, job, query.format, query.table, appended=appended)
    return response if query.table is not None else end_with_read(response, services, job, appended=appended)


@routes.get(
    "/<job_id>/source",
    summary="The document as it was received",
    responses=openapi.responses(
        {200: openapi.answer(openapi.BINARY_CONTENT, "The file.", "Content-Disposition")},
        JobNotComplete,
        InfectedFile,
        VirusScanUnavailable,
        *openapi.JOB,
    ),
    operation_id="job_source",
)
def source(path: JobPath) -> Response:
    """Return the document itself, byte for byte: the XML of an electronic invoice, for example."""
    return results.source(get_services(), _load(path.job_id))


@routes.post(
    "/<job_id>/cancel",
    summary="End a job, keep its finished pages",
    responses=openapi.responses({200: Cancelled}, JobEnded, Forbidden, *openapi.JOB),
    operation_id="cancel_job",
)
def cancel(path: JobPath) -> Response:
    """End a job. Nothing more is read; finished pages are kept."""
    check_origin()
    return responses.to_response(cancel_job(get_services(), check_job_id(path.job_id)))


@routes.post(
    "/<job_id>/retry",
    summary="Scan a document for viruses again, and read it",
    description="For a document inside another one that failed with VIRUS_SCAN_UNAVAILABLE: it is stored, and waits again.",
    responses=openapi.responses(
        {202: openapi.answer(JobStatus, "The job is queued again.", "Location")},
        JobNotComplete,
        JobEnded,
        Forbidden,
        QuotaExceeded,
        TierUnknown,
        *openapi.JOB,
    ),
    operation_id="retry_job",
)
def retry(path: JobPath) -> Response:
    """Queue a job again whose document could not be scanned for viruses."""
    check_origin()
    headers = {"Location": url_for("jobs.status", job_id=path.job_id)}
    return responses.to_response(_scan_again(get_services(), _load(path.job_id)), 202, headers)


@routes.delete(
    "/<job_id>",
    summary="Delete a job and its files",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Deleted}, *openapi.OPERATOR_ERRORS, *openapi.JOB),
    operation_id="delete_job",
)
def delete(path: JobPath) -> Response:
    """Delete a job with all its files and its entries in the job store."""
    check_origin()
    services = get_services()
    gone = delete_job(services.redis, services.ledger, services.storage, _load(path.job_id))
    body = Deleted(
        job_id=path.job_id,
        deleted_files=gone.files,
        deleted_keys=gone.keys,
        message="The job, its files and its entries in the job store are deleted.",
    )
    return responses.to_response(body)


def check_job_id(job_id: str) -> str:
    """Return the job id if it is well-formed. Raises JobNotFound."""
    if not re.fullmatch(ID_PATTERN, job_id):
        raise JobNotFound()
    return job_id


def _status(path: JobPath, query: StatusQuery) -> Response:
    found = wait_for_end(get_services(), check_job_id(path.job_id), query.wait)
    return responses.to_response(found.to_status(), headers={} if found.is_at_rest else retry_after_header())


def _load(job_id: str) -> Job:
    return record.load(get_services().redis, check_job_id(job_id))


def cancel_job(services: Services, job_id: str) -> Cancelled:
    """End a job. Raises JobEnded if it has ended otherwise, JobNotFound, JobExpired, StorageUnavailable, RedisError."""
    record.load(services.redis, job_id)
    outcome = end_job(services.redis, services.ledger, services.storage, job_id, JobState.CANCELLED)
    if outcome == "missing":
        raise JobNotFound()
    if outcome not in ("ok", JobState.CANCELLED):
        raise JobEnded(f"The job has already {outcome}.", status=outcome)
    return Cancelled(job_id=job_id, status=JobState.CANCELLED, message="Nothing more is read; finished pages are kept.")


def _scan_again(services: Services, job: Job) -> JobStatus:
    """Return the status of a job that is queued again. Raises JobNotComplete, JobEnded, StorageUnavailable, RedisError."""
    job_id = job.card.job_id
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if not job.card.unscanned or queue.scan_again(services.redis, services.settings, job.card) != "ok":
        raise JobEnded("Only a job whose document could not be scanned for viruses is run again.", status=job.state.value)
    queued = store_state(services.redis, services.storage, job_id)
    if queued is None:
        raise JobNotFound()
    queue.enqueue_stage(services.redis, job_id, transfers.FETCH)
    record.publish(services.redis, job_id)
    return queued.to_status()


def _page_of_jobs(services: Services, query: JobsQuery) -> Jobs:
    def load_statuses(job_ids: list[str]) -> dict[str, JobStatus]:
        jobs = record.load_many(services.redis, job_ids)
        return {job.card.job_id: job.to_status() for job in jobs if query.status in ("", job.state)}

    newest = partial(record.newest, services.redis, asked_owner(query.owner))
    found, cursor = page_of(newest, load_statuses, query.cursor, query.limit)
    return Jobs(jobs=found, next_cursor=cursor)
