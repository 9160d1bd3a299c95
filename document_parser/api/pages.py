"""Pages of a job, readable while it runs: the ledger, one page with its why-trail, and its picture."""

from __future__ import annotations

import contextlib
from typing import Any

from flask import Response, request, send_file, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import answers, factory, openapi, retries
from document_parser.api.jobs import known
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
from document_parser.errors import (
    FigureNotFound,
    InvalidOption,
    PageNotFound,
    PicturePending,
    PictureUnavailable,
    StorageUnavailable,
)
from document_parser.jobs import files, record
from document_parser.jobs.page_file import read_page_file
from document_parser.jobs.pictures import PictureRequest
from document_parser.models import Page, PageError, PageState, PageWarning
from document_parser.storage import StoredFileMissing

PICTURE_SECONDS = 15.0
PICTURE_AGE_SECONDS = 3600
"""How long a browser may keep a picture: what a revision has does not change."""


routes = APIBlueprint(
    "pages",
    __name__,
    url_prefix="/v1/jobs",
    abp_tags=[Tag(name="pages", description="Look at single pages, also while the job runs.")],
)


@routes.get(
    "/<job_id>/pages",
    summary="The ledger: all pages of a job",
    responses=openapi.responses({200: Pages}, *openapi.JOB),
    operation_id="job_pages",
)
def listing(path: JobPath) -> Response:
    services = factory.services()
    job = record.load(services.redis, known(path.job_id))
    entries = services.ledger.entries(path.job_id)
    pages = [_entry(number, entry) for number, entry in sorted(entries.items())]
    return answers.of(Pages(job_id=path.job_id, total=job.total, pages=pages))


@routes.get(
    "/<job_id>/pages/<int:number>",
    summary="One page, and why it reads as it does",
    responses=openapi.responses({200: PageView}, InvalidOption, PageNotFound, *openapi.JOB),
    operation_id="job_page",
)
def page(path: PagePath) -> Response:
    return answers.of(_view(factory.services(), path.number, path.job_id))


@routes.get(
    "/<job_id>/pages/<int:number>/image",
    summary="The picture of a page, upright",
    description="A JPEG, drawn when it is first asked for. A page that is read again may be turned, and its picture with it: "
    "image_url of the page has the revision, and only what was asked for by it is kept by a browser without asking again.",
    responses=openapi.responses(
        {
            200: openapi.answer(openapi.JPEG, "The picture.", "ETag"),
            304: openapi.answer(None, "The picture is as it was.", "ETag"),
        },
        InvalidOption,
        PageNotFound,
        PicturePending,
        PictureUnavailable,
        StorageUnavailable,
        *openapi.JOB,
    ),
    operation_id="job_page_image",
)
def image(path: PagePath, query: ImageQuery) -> Response:
    services = factory.services()
    entry = _entry_of(services, path.job_id, path.number)
    found = _stored(services, path.job_id, path.number, _revision(entry))
    turn = found.rotation if found else 0
    response = send_file(_picture(services, PictureRequest(path.job_id, path.number, turn)), mimetype="image/jpeg")
    if found is None:
        response.headers["Cache-Control"] = "no-store"
        return response
    settled = query.revision == _revision(entry)
    response.headers["Cache-Control"] = f"private, max-age={PICTURE_AGE_SECONDS}" if settled else "private, no-cache"
    response.set_etag(f"{path.number}-{turn}")
    response.make_conditional(request)
    return response


@routes.get(
    "/<job_id>/figures/<name>",
    summary="The picture of a figure",
    description="A JPEG, cut out of the page as it was read. Markdown and HTML link it as figures/NAME.",
    responses=openapi.responses(
        {200: openapi.answer(openapi.JPEG, "The picture.")}, InvalidOption, FigureNotFound, StorageUnavailable, *openapi.JOB
    ),
    operation_id="job_figure",
)
def figure(path: FigurePath) -> Response:
    services = factory.services()
    record.load(services.redis, known(path.job_id))
    try:
        stream: Any = services.storage.open(files.figure(path.job_id, path.name))
    except StoredFileMissing:
        raise FigureNotFound(name=path.name) from None
    response = send_file(stream, mimetype="image/jpeg")
    response.headers["Cache-Control"] = f"private, max-age={PICTURE_AGE_SECONDS}"
    return response


@routes.post(
    "/<job_id>/pages/<int:number>/retry",
    summary="Read one page again",
    description="JSON, a form, or nothing. The old page stays until the new one is read; then the revision is raised.",
    request_body=retries.request_body(),
    responses=openapi.responses(
        {202: openapi.answer(Rereading, "The page is queued.", "Location")}, *retries.REFUSALS, *openapi.JOB
    ),
    operation_id="retry_page",
)
def retry(path: PagePath) -> Response:
    return retries.accepted(factory.services(), path.job_id, path.number)


def _picture(services: factory.Services, request: PictureRequest) -> Any:
    """The stored picture; drawn first where it is not there. Raises PicturePending, PictureUnavailable, JobNotFound."""
    with contextlib.suppress(StoredFileMissing):
        return services.storage.open(request.file)
    # Those who wait hold at most half of the threads; who finds no room comes again.
    if not services.waiting.take():
        raise PicturePending()
    try:
        answer = request.wait(services.redis, PICTURE_SECONDS)
    finally:
        services.waiting.give_back()
    if answer == "pending":
        raise PicturePending()
    try:
        return services.storage.open(request.file)
    except StoredFileMissing:
        record.load(services.redis, request.job_id)  # deleted meanwhile: that is what there is to say
        raise PictureUnavailable() from None


def _entry_of(services: factory.Services, job_id: str, number: int) -> dict[str, Any]:
    """The ledger's entry. Raises JobNotFound, JobExpired, PageNotFound."""
    job = record.load(services.redis, known(job_id))
    entry = services.ledger.entry(job_id, number)
    if entry is None:
        raise PageNotFound(page=number, total_pages=job.total)
    return entry


def _stored(services: factory.Services, job_id: str, number: int, revision: int) -> Page | None:
    """The page as it was read, None where it has not been."""
    return read_page_file(services.storage, job_id, number, revision)


def _view(services: factory.Services, number: int, job_id: str) -> PageView:
    entry = _entry_of(services, job_id, number)
    found = _stored(services, job_id, number, _revision(entry)) if _state(entry) in ("done", "blank", "failed") else None
    return PageView(
        job_id=job_id,
        number=number,
        state=_state(entry),
        route=entry.get("route", ""),
        attempts=entry.get("attempts", []),
        warnings=found.warnings if found else [PageWarning(code=code) for code in entry.get("warnings", [])],
        error=found.error if found else _error(entry),
        page=found,
        image_url=url_for("pages.image", job_id=job_id, number=number, revision=_revision(entry)),
        rereading=any(order.page == number for order in services.ledger.retries(job_id)),
        retry_error=entry.get("retry_error"),
    )


def _revision(entry: dict[str, Any]) -> int:
    """For which revision of the job the page was read."""
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
    """The error of a page that failed without leaving a file: reading it killed its worker."""
    code = entry.get("error")
    return PageError(code=code, message="Reading this page killed its worker twice.") if code else None


def _state(entry: dict[str, Any]) -> PageState:
    state: PageState = "reading" if entry["state"] == "claimed" else entry["state"]
    return state
