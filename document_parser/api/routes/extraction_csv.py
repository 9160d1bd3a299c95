"""Return values as CSV: those of one extraction, or those of all files of a batch in one table."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import NamedTuple

from flask import Response
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.extraction_fields import ORDER_ERRORS, take_order
from document_parser.api.middleware import errors
from document_parser.api.routes.batch_archive import WITH_RESULT
from document_parser.api.routes.batch_files import MAX_FILES_PER_READ, all_files
from document_parser.api.routes.batches import check_batch_id
from document_parser.api.routes.results import attachment, prefers_csv, stem
from document_parser.api.routes.stored_answers import WAIT_SECONDS
from document_parser.api.routes.stored_extractions import answer_to, request_answer
from document_parser.api.schemas import BatchExtractions, BatchExtractionsQuery, BatchPath
from document_parser.api.services import Services, get_services
from document_parser.errors import BatchNotComplete, DocumentParserError, ExtractionNotFound, JobExpired, StorageUnavailable
from document_parser.extraction.flat_rows import PLACE_COLUMNS, columns_of, rows_of
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.batches import Batch
from document_parser.jobs.records.extraction_orders import load_order
from document_parser.jobs.records.job import Job
from document_parser.models import BatchFile
from document_parser.models.extraction import Extraction, ExtractionOrder
from document_parser.text.csv_cells import csv_line

CSV = "text/csv"
"""Media type of CSV."""
CSV_TYPE = f"{CSV}; charset=utf-8; header=present"
FILE_COLUMNS = ("file", "job_id", "status", "error", "complete")
"""The columns of the table of a batch in front of those of an extraction."""

routes = APIBlueprint("batch_extractions", __name__, url_prefix="/v1", abp_tags=[Tag(name="batches")])
"""The route of the values of a batch."""


class Answered(NamedTuple):
    """A file of a batch, with its answer or the reason why there is none."""

    file: BatchFile
    status: str
    error: str
    answer: bytes | None


def as_csv(job: Job, order: ExtractionOrder, answer: bytes) -> Response:
    """Return the answer to an order as CSV: a line for each row of its lists, or one line."""
    columns, safe = columns_of(order.json_schema), job.card.options.csv_safe
    found = Extraction.model_validate_json(answer)
    lines = [csv_line([*PLACE_COLUMNS, *(one.name for one in columns)], safe=safe)]
    lines += [csv_line(row, safe=safe) for row in rows_of(found.data, columns, order.scope)]
    headers = {"Content-Disposition": attachment(f"{stem(job)}-{order.name or 'values'}.csv")}
    return Response("".join(lines), content_type=CSV_TYPE, headers=headers)


@routes.get(
    "/batches/<batch_id>/extractions",
    summary="The values of all files of a batch",
    description="The values that were asked for with the batch; or those of schema, extract_fields or json_schema, which are "
    "extracted first where they are not there yet. With format=csv, or if Accept prefers text/csv, one table of all files. "
    "It is streamed; a file without values is in it with the reason.",
    responses=openapi.responses(
        {200: openapi.answer({openapi.JSON: BatchExtractions, CSV: openapi.TEXT}, "The values.", "Content-Disposition")},
        BatchNotComplete,
        ExtractionNotFound,
        StorageUnavailable,
        *ORDER_ERRORS,
        *openapi.BATCH,
    ),
    operation_id="batch_extractions",
)
def batch_extractions(path: BatchPath, query: BatchExtractionsQuery) -> Response:
    """Return the values of all files of a batch, as CSV or as a JSON list."""
    services = get_services()
    batch = batches.load(services.redis, check_batch_id(path.batch_id))
    if not batch.has_ended:
        raise BatchNotComplete(status=batch.state)
    asked = query.model_dump(exclude={"format"}, exclude_defaults=True, by_alias=True)
    order = take_order(services.settings, asked) or _asked_with(services, batch)
    answers = _answers(services, batch, order)
    name = f"batch-{batch.card.batch_id[:8]}-{order.name or 'values'}"
    if query.format == "csv" or (not query.format and prefers_csv()):
        headers = {"Content-Disposition": attachment(f"{name}.csv")}
        return Response(_csv_lines(batch, order, answers), content_type=CSV_TYPE, headers=headers)
    return Response(_json_list(batch, answers), mimetype=openapi.JSON)


def _asked_with(services: Services, batch: Batch) -> ExtractionOrder:
    """Return what was asked for with the batch. Raises ExtractionNotFound, StorageUnavailable, RedisError."""
    for jobs in _jobs_of(services, batch):
        for job in jobs:
            if job.card.extraction is not None and (
                order := load_order(services.storage, job.card.job_id, job.card.extraction.id)
            ):
                return order
    raise ExtractionNotFound("No values were asked for with this batch. Name them: send schema, extract_fields or json_schema.")


def _jobs_of(services: Services, batch: Batch) -> Iterator[list[Job]]:
    """Yield the jobs of a batch that still exist, as many as are loaded at once."""
    ids: list[str] = []
    for file in all_files(services, batch):
        ids += [file.job_id] if file.job_id else []
        if len(ids) == MAX_FILES_PER_READ:
            yield record.load_many(services.redis, ids)
            ids = []
    if ids:
        yield record.load_many(services.redis, ids)


def _answers(services: Services, batch: Batch, order: ExtractionOrder) -> Iterator[Answered]:
    """Yield all files in their order, after what is missing has been asked for of as many as are loaded at once.

    For answers that are not there yet it waits for WAIT_SECONDS in all; later ones are pending. Raises RedisError.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    waiting: list[BatchFile] = []

    def settle() -> Iterator[Answered]:
        ids = [file.job_id for file in waiting if file.job_id and file.status in WITH_RESULT]
        jobs = {job.card.job_id: job for job in record.load_many(services.redis, ids)} if ids else {}
        for job in jobs.values():
            request_answer(services, job, order)
        for file in waiting:
            yield _answered(services, file, jobs.get(file.job_id or ""), order, max(0.0, deadline - time.monotonic()))

    for file in all_files(services, batch):
        waiting.append(file)
        if len(waiting) == MAX_FILES_PER_READ:
            yield from settle()
            waiting.clear()
    yield from settle()


def _answered(services: Services, file: BatchFile, job: Job | None, order: ExtractionOrder, seconds: float) -> Answered:
    """Return a file with its answer, or with the code of the error that is in its place."""
    if job is None:
        code = file.error.code if file.error else JobExpired.code if file.status in WITH_RESULT else ""
        return Answered(file, "expired" if file.status in WITH_RESULT else file.status, code, None)
    try:
        answer = answer_to(services, job, order, seconds)
    except (DocumentParserError, errors.RecordedError) as error:
        fault = error.error if isinstance(error, errors.RecordedError) else error
        return Answered(file, file.status if file.status == "cancelled" else "failed", fault.code, None)
    return Answered(file, "pending" if answer is None else "completed", "", answer)


def _csv_lines(batch: Batch, order: ExtractionOrder, answers: Iterator[Answered]) -> Iterator[str]:
    """Yield the table, line by line: a file without an answer is one line with its reason."""
    columns, safe = columns_of(order.json_schema), batch.card.options.csv_safe
    yield csv_line([*FILE_COLUMNS, *PLACE_COLUMNS, *(one.name for one in columns)], safe=safe)
    for one in answers:
        head = [one.file.name, one.file.job_id or "", one.status, one.error]
        if one.answer is None:
            yield csv_line([*head, "", *("" for _ in (*PLACE_COLUMNS, *columns))], safe=safe)
            continue
        found = Extraction.model_validate_json(one.answer)
        for row in rows_of(found.data, columns, order.scope):
            yield csv_line([*head, json.dumps(found.complete), *row], safe=safe)


def _json_list(batch: Batch, answers: Iterator[Answered]) -> Iterator[bytes]:
    """Yield a JSON object with a list: for each file its state and the parts of its answer, which are passed through."""
    yield json.dumps({"batch_id": batch.card.batch_id}).encode()[:-1] + b', "extractions": ['
    for count, one in enumerate(answers):
        head = {"file": one.file.name, "job_id": one.file.job_id, "status": one.status, "error": one.error or None}
        text = json.dumps(head, ensure_ascii=False).encode()
        yield (b",\n" if count else b"\n") + (text if one.answer is None else text[:-1] + b", " + one.answer[1:])
    yield b"\n]}\n"
