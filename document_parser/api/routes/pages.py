"""Serve the pages of a job, even while it runs: the ledger, one page with the reasons for its reading, and its image."""

from __future__ import annotations

import contextlib
from typing import Any

from flask import Response, request, send_file, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.middleware import responses
from document_parser.api.routes import retries
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.schemas import (
    FigurePath,
    ImageQuery,
    JobPath,
    PageEntry,
    PagePath,
    Pages,
    PageView,
    Rereading,
)
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    FigureNotFound,
    InvalidOption,
    NoPageImage,
    PageImagePending,
    PageImageUnavailable,
    PageNotFound,
    StorageUnavailable,
)
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.page_file import read_page_file
from document_parser.jobs.records.page_images import PageImageRequest
from document_parser.models import Page, PageError, PageState, PageWarning
from document_parser.storage import StoredFileMissing

IMAGE_WAIT_SECONDS = 15.0
"""Longest wait for a page image that is being drawn, in seconds."""
IMAGE_CACHE_SECONDS = 3600
"""Time in seconds for which a browser may keep an image. The image of a revision never changes."""


routes = APIBlueprint(
    "pages",
    __name__,
    url_prefix="/v1/jobs",
    abp_tags=[Tag(name="pages", description="Show single pages, even while the job runs.")],
)
"""The routes of pages."""


@routes.get(
    "/<job_id>/pages",
    summary="All pages of a job: its ledger",
    responses=openapi.responses({200: Pages}, *openapi.JOB),
    operation_id="job_pages",
)
def listing(path: JobPath) -> Response:
    """Return all pages of a job with their state, engine and warnings."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    entries = services.ledger.entries(path.job_id)
    pages = [_entry(number, entry) for number, entry in sorted(entries.items())]
    return responses.to_response(Pages(job_id=path.job_id, total=job.total, pages=pages))


@routes.get(
    "/<job_id>/pages/<int:number>",
    summary="One page with its route and its attempts",
    responses=openapi.responses({200: PageView}, InvalidOption, PageNotFound, *openapi.JOB),
    operation_id="job_page",
)
def page(path: PagePath) -> Response:
    """Return one page with its text, and every attempt to read it."""
    return responses.to_response(_view(get_services(), path.number, path.job_id))


@routes.get(
    "/<job_id>/pages/<int:number>/image",
    summary="The image of a page, upright",
    description="A JPEG, drawn at the first request. A page that is read again may get another rotation, and another image. "
    "image_url of the page has the revision; a browser caches only images from such an address without asking again.",
    responses=openapi.responses(
        {
            200: openapi.answer(openapi.JPEG, "The image.", "ETag"),
            304: openapi.answer(None, "The image has not changed.", "ETag"),
        },
        InvalidOption,
        PageNotFound,
        NoPageImage,
        PageImagePending,
        PageImageUnavailable,
        StorageUnavailable,
        *openapi.JOB,
    ),
    operation_id="job_page_image",
)
def image(path: PagePath, query: ImageQuery) -> Response:
    """Return the page image of a job as a JPEG. Raises NoPageImage, PageImagePending and PageImageUnavailable."""
    services = get_services()
    entry = _entry_of(services, path.job_id, path.number)
    found = _load_page(services, path.job_id, path.number, revision_of(entry))
    if found is not None and found.location is not None:
        raise NoPageImage(page=path.number)
    turn = found.rotation if found else 0
    response = send_file(open_page_image(services, PageImageRequest(path.job_id, path.number, turn)), mimetype="image/jpeg")
    if found is None:
        response.headers["Cache-Control"] = "no-store"
        return response
    settled = query.revision == revision_of(entry)
    response.headers["Cache-Control"] = f"private, max-age={IMAGE_CACHE_SECONDS}" if settled else "private, no-cache"
    response.set_etag(f"{path.number}-{turn}")
    response.make_conditional(request)
    return response


@routes.get(
    "/<job_id>/figures/<name>",
    summary="The image of a figure",
    description="A JPEG, cropped from the page image that was read. Markdown and HTML link it as figures/NAME.",
    responses=openapi.responses(
        {200: openapi.answer(openapi.JPEG, "The image.")}, InvalidOption, FigureNotFound, StorageUnavailable, *openapi.JOB
    ),
    operation_id="job_figure",
)
def figure(path: FigurePath) -> Response:
    """Return the image of a figure as a JPEG. Raises FigureNotFound and the errors of the job."""
    services = get_services()
    record.load(services.redis, check_job_id(path.job_id))
    try:
        stream: Any = services.storage.open(storage_keys.figure(path.job_id, path.name))
    except StoredFileMissing:
        raise FigureNotFound(name=path.name) from None
    response = send_file(stream, mimetype="image/jpeg")
    response.headers["Cache-Control"] = f"private, max-age={IMAGE_CACHE_SECONDS}"
    return response


@routes.post(
    "/<job_id>/pages/<int:number>/retry",
    summary="Read one page again",
    description="JSON, a form, or no body. The old page stays until the new one is read. Then the revision rises.",
    request_body=retries.request_body(),
    responses=openapi.responses(
        {202: openapi.answer(Rereading, "The page is queued.", "Location")}, *retries.RETRY_ERRORS, *openapi.JOB
    ),
    operation_id="retry_page",
)
def retry(path: PagePath) -> Response:
    """Queue one page of a completed job to be read again. Raises the errors of ``retries.order_retry``."""
    return retries.request_retry(get_services(), path.job_id, path.number)


def open_page_image(services: Services, request: PageImageRequest) -> Any:
    """Open the stored page image, and have it drawn first if there is none.

    Raises PageImagePending, PageImageUnavailable, JobNotFound, JobExpired, StorageUnavailable, RedisError.
    """
    with contextlib.suppress(StoredFileMissing):
        return services.storage.open(request.file)
    # Requests that wait hold at most half of the threads; if none is free, the client asks again.
    if not services.waiting.take():
        raise PageImagePending()
    try:
        answer = request.wait(services.redis, IMAGE_WAIT_SECONDS)
    finally:
        services.waiting.release()
    if answer == "pending":
        raise PageImagePending()
    try:
        return services.storage.open(request.file)
    except StoredFileMissing:
        record.load(services.redis, request.job_id)  # raises if the job was deleted meanwhile
        raise PageImageUnavailable() from None


def _entry_of(services: Services, job_id: str, number: int) -> dict[str, Any]:
    """Return the ledger's entry of a page. Raises JobNotFound, JobExpired, PageNotFound, RedisError."""
    job = record.load(services.redis, check_job_id(job_id))
    entry = services.ledger.entry(job_id, number)
    if entry is None:
        raise PageNotFound(page=number, total_pages=job.total)
    return entry


def _load_page(services: Services, job_id: str, number: int, revision: int) -> Page | None:
    """Return the page as it was read; None if it has not been read."""
    return read_page_file(services.storage, job_id, number, revision)


def _view(services: Services, number: int, job_id: str) -> PageView:
    entry = _entry_of(services, job_id, number)
    found = _load_page(services, job_id, number, revision_of(entry)) if _state(entry) in ("done", "blank", "failed") else None
    return PageView(
        job_id=job_id,
        number=number,
        state=_state(entry),
        route=entry.get("route", ""),
        attempts=entry.get("attempts", []),
        warnings=found.warnings if found else [PageWarning(code=code) for code in entry.get("warnings", [])],
        error=found.error if found else _error(entry),
        page=found,
        image_url=url_for("pages.image", job_id=job_id, number=number, revision=revision_of(entry)),
        rereading=any(order.page == number for order in services.ledger.retries(job_id)),
        retry_error=entry.get("retry_error"),
    )


def revision_of(entry: dict[str, Any]) -> int:
    """Return the revision of the job for which the page was read."""
    revision: int = entry.get("revision", 1)
    return revision


def _entry(number: int, entry: dict[str, Any]) -> PageEntry:
    return PageEntry(
        number=number,
        state=_state(entry),
        engine=entry.get("engine"),
        warnings=entry.get("warnings", []),
        error=entry.get("error"),
    )


def _error(entry: dict[str, Any]) -> PageError | None:
    """Return the error of a page that failed without a page file, because reading it killed its worker."""
    code = entry.get("error")
    return PageError(code=code, message="The worker died twice while it read this page.") if code else None


def _state(entry: dict[str, Any]) -> PageState:
    state: PageState = "reading" if entry["state"] == "claimed" else entry["state"]
    return state
