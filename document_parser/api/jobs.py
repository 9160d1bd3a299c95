"""Looking at jobs, fetching their results, ending them."""

from __future__ import annotations

import re
from functools import partial

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.api import answers, factory, openapi, results
from document_parser.api.auth import check_origin
from document_parser.api.listing import page_of
from document_parser.api.openapi import DOWNLOAD_CONTENT, RESULT_CONTENT
from document_parser.api.schemas import JOB_ID, Cancelled, Deleted, JobPath, Jobs, JobsQuery, ResultQuery, StatusQuery
from document_parser.api.waiting import retry_after, wait_for_end
from document_parser.errors import Forbidden, InvalidOption, JobEnded, JobNotFound
from document_parser.jobs import record
from document_parser.jobs.ending import delete_job, end_job
from document_parser.jobs.job import PUBLIC, Job
from document_parser.models import JobState, JobStatus

routes = APIBlueprint(
    "jobs", __name__, url_prefix="/v1/jobs", abp_tags=[Tag(name="jobs", description="Look at jobs, fetch results, end them.")]
)


STATUS = openapi.answer(JobStatus, "How it goes.", "Retry-After")


@routes.get(
    "",
    summary="List jobs, newest first",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Jobs}, InvalidOption, *openapi.OPERATOR),
    operation_id="list_jobs",
)
def listing(query: JobsQuery) -> Response:
    services = factory.services()
    return answers.of(_page_of_jobs(services, query))


@routes.get(
    "/<job_id>",
    summary="How a job goes; the same as /status",
    responses=openapi.responses({200: STATUS}, InvalidOption, *openapi.JOB),
    operation_id="get_job",
)
def job(path: JobPath, query: StatusQuery) -> Response:
    return _status(path, query)


@routes.get(
    "/<job_id>/status",
    summary="How a job goes",
    responses=openapi.responses({200: STATUS}, InvalidOption, *openapi.JOB),
    operation_id="job_status",
)
def status(path: JobPath, query: StatusQuery) -> Response:
    return _status(path, query)


@routes.get(
    "/<job_id>/result",
    summary="The content of the document",
    responses=openapi.responses(
        {200: openapi.answer(RESULT_CONTENT, "The content.", *openapi.RESULT_HEADERS)}, InvalidOption, *openapi.RESULT
    ),
    operation_id="job_result",
)
def result(path: JobPath, query: ResultQuery) -> Response:
    return results.respond(factory.services(), _load(path.job_id), query.format, query.table)


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
    return results.download(factory.services(), _load(path.job_id), query.format, query.table)


@routes.post(
    "/<job_id>/cancel",
    summary="End a job, keep its finished pages",
    responses=openapi.responses({200: Cancelled}, JobEnded, Forbidden, *openapi.JOB),
    operation_id="cancel_job",
)
def cancel(path: JobPath) -> Response:
    check_origin()
    return answers.of(_cancel(factory.services(), known(path.job_id)))


@routes.delete(
    "/<job_id>",
    summary="Delete a job and its files",
    security=openapi.OPERATOR_SECURITY,
    responses=openapi.responses({200: Deleted}, *openapi.OPERATOR, *openapi.JOB),
    operation_id="delete_job",
)
def delete(path: JobPath) -> Response:
    check_origin()
    services = factory.services()
    gone = delete_job(services.redis, services.ledger, services.storage, _load(path.job_id))
    body = Deleted(
        job_id=path.job_id,
        deleted_files=gone.files,
        deleted_keys=gone.keys,
        message="The job is gone with all its files and all that the job store knew of it.",
    )
    return answers.of(body)


def known(job_id: str) -> str:
    """A job id that can be one. Raises JobNotFound."""
    if not re.fullmatch(JOB_ID, job_id):
        raise JobNotFound()
    return job_id


def _status(path: JobPath, query: StatusQuery) -> Response:
    found = wait_for_end(factory.services(), known(path.job_id), query.wait)
    return answers.of(found.show(), headers={} if found.at_rest else retry_after())


def _load(job_id: str) -> Job:
    return record.load(factory.services().redis, known(job_id))


def _cancel(services: factory.Services, job_id: str) -> Cancelled:
    record.load(services.redis, job_id)
    outcome = end_job(services.redis, services.ledger, services.storage, job_id, JobState.CANCELLED)
    if outcome == "missing":
        raise JobNotFound()
    if outcome not in ("ok", JobState.CANCELLED):
        raise JobEnded(f"The job has already {outcome}.", status=outcome)
    return Cancelled(job_id=job_id, status=JobState.CANCELLED, message="Nothing more is read; finished pages are kept.")


def _page_of_jobs(services: factory.Services, query: JobsQuery) -> Jobs:
    def shown(job_ids: list[str]) -> dict[str, JobStatus]:
        jobs = record.load_many(services.redis, job_ids)
        return {job.card.job_id: job.show() for job in jobs if query.status in ("", job.state)}

    found, cursor = page_of(partial(record.newest, services.redis, PUBLIC), shown, query.cursor, query.limit)
    return Jobs(jobs=found, next_cursor=cursor)
