"""Return the chunks of a document, and the place on its pages that a range of its Markdown comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from flask import Response, request, send_file, url_for
from flask_openapi import APIBlueprint, Tag

from document_parser.api import openapi
from document_parser.api.complete_reads import end_with_read
from document_parser.api.middleware import errors, responses
from document_parser.api.routes import results
from document_parser.api.routes.jobs import check_job_id
from document_parser.api.routes.pages import open_page_image, revision_of
from document_parser.api.routes.stored_results import load_result
from document_parser.api.schemas import ChunksQuery, Citation, CitedBox, CitedPage, CiteQuery, JobPath, Result
from document_parser.api.services import Services, get_services
from document_parser.errors import (
    InvalidOption,
    JobNotComplete,
    NoPageImage,
    PageImagePending,
    PageImageUnavailable,
    SpanOutOfRange,
)
from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.page_file import read_page_file
from document_parser.jobs.records.page_images import Box, PageImageRequest
from document_parser.models import (
    FORMAT_FILES,
    PLACES,
    BoundingBox,
    Chunking,
    PlacedText,
    PlacedWord,
    TextSource,
    check_overlap,
)
from document_parser.text.word_places import boxes_of_part

routes = APIBlueprint(
    "chunks",
    __name__,
    url_prefix="/v1/jobs",
    abp_tags=[Tag(name="chunks", description="Part a document for search, and find the place of a text on its pages.")],
)
"""The routes of chunks."""

LINES = FORMAT_FILES["chunks"].media_type
"""Media type of chunks as lines of JSON."""
_LINE_START = b'{"start":'
"""How each line of the export PLACES begins; the number follows."""


@routes.get(
    "/<job_id>/chunks",
    summary="The document in chunks for search",
    description="The texts of the chunks one behind another are the document's Markdown. Nothing is read again.",
    responses=openapi.responses(
        {200: openapi.answer({openapi.JSON: Result, LINES: openapi.TEXT}, "The chunks.")}, InvalidOption, *openapi.RESULT
    ),
    operation_id="job_chunks",
)
def chunks(path: JobPath, query: ChunksQuery) -> Response:
    """Return the document in chunks, parted as the query or else the job's options say."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    response = results.respond_with_chunks(services, job, _chunking(query, job))
    return end_with_read(response, services, job)


def _chunking(query: ChunksQuery, job: Job) -> Chunking:
    """Return how to part the document. Raises InvalidOption if the overlap is too large for the chunks."""
    own = job.card.options.chunking
    wanted = Chunking(
        query.max_tokens if query.max_tokens is not None else own.max_tokens,
        query.overlap if query.overlap is not None else own.overlap,
        query.strategy or own.strategy,
    )
    try:
        check_overlap(wanted.overlap, wanted.max_tokens)
    except ValueError as error:
        raise InvalidOption.for_fields({"field": "overlap", "problem": str(error)}) from None
    return wanted


@routes.get(
    "/<job_id>/cite",
    summary="The place of a range of the Markdown",
    description="With format=png, or if Accept prefers image/png: the page as a picture with the place marked.",
    responses=openapi.responses(
        {200: openapi.answer({openapi.JSON: Citation, **openapi.PNG}, "The place.")},
        InvalidOption,
        SpanOutOfRange,
        NoPageImage,
        PageImagePending,
        PageImageUnavailable,
        *openapi.RESULT,
    ),
    operation_id="cite_span",
)
def cite(path: JobPath, query: CiteQuery) -> Response:
    """Return the pages and boxes of a range of the Markdown, or the picture of one of the pages."""
    services = get_services()
    job = record.load(services.redis, check_job_id(path.job_id))
    if query.end <= query.start:
        raise InvalidOption.for_fields({"field": "end", "problem": f"is not more than start ({query.start})"})
    if not job.state.has_ended:
        raise JobNotComplete(status=job.state.value)
    if job.error is not None:
        return errors.error_response(job.error)
    found = _find_place(services, job, query.start, query.end)
    if query.format == "png" or (not query.format and request.accept_mimetypes.best == "image/png"):
        return _picture(services, job, found, query.page)
    return responses.to_response(_citation(services, job, query, found))


@dataclass(slots=True)
class _Place:
    """What is known of a range: its text, and the boxes on each page by number. ``words`` returns those of a page."""

    words: Callable[[int], Sequence[PlacedWord]]
    text: str = ""
    boxes: dict[int, list[Box]] = field(default_factory=dict)
    has_image: bool = True

    def add(self, line: PlacedText, start: int, end: int) -> None:
        """Add what a piece of the Markdown has of the range."""
        text = line.text[max(0, start - line.start) : end - line.start]
        self.text += text
        self.has_image = line.has_image
        sources = [source for source in line.sources if source.start < end and source.end > start]
        if not sources and text.strip():
            self.boxes.setdefault(line.page, [])
        for source in sources:
            self._add_source(source, line, max(start, source.start), min(end, source.end))

    def _add_source(self, source: TextSource, line: PlacedText, start: int, end: int) -> None:
        """Add the boxes of a part of what comes from a block."""
        boxes = self.boxes.setdefault(source.page, [])
        if source.box is None:
            return
        found = [BoundingBox.of(*source.box)]
        if source.is_part or (start, end) != (source.start, source.end):
            share = (start - source.start) / (source.end - source.start) if not source.is_part else None
            found = boxes_of_part(line.text[start - line.start : end - line.start], self.words(source.page), found[0], share)
        boxes += [box for one in found if (box := (one.left, one.top, one.right, one.bottom)) not in boxes]


def _find_place(services: Services, job: Job, start: int, end: int) -> _Place:
    """Return where a range stands. Raises SpanOutOfRange, and as ``load_result``."""
    entries = services.ledger.entries(job.card.job_id)

    @cache
    def words(number: int) -> Sequence[PlacedWord]:
        page = read_page_file(services.storage, job.card.job_id, number, revision_of(entries.get(number, {})))
        return page.words.unpack() if page is not None and page.words is not None else ()

    place, behind = _Place(words), 0
    with load_result(services, job, PLACES).stream as stream:
        for line in _overlapping(stream, start, end):
            place.add(line, start, end)
            behind = line.start + len(line.text)
    if behind < end:
        raise SpanOutOfRange(characters=behind, start=start, end=end)
    return place


def _overlapping(lines: Iterable[bytes], start: int, end: int) -> Iterator[PlacedText]:
    """Yield the pieces of the Markdown that a range overlaps, and the last one if the range reaches beyond its end.

    Of the others only the first number is read.
    """
    before: bytes | None = None
    for line in lines:
        at = int(line[len(_LINE_START) : line.index(b",")])
        if before is not None and at > start:
            yield PlacedText.model_validate_json(before)
        if at >= end:
            return
        before = line
    if before is not None:
        yield PlacedText.model_validate_json(before)


def _citation(services: Services, job: Job, query: CiteQuery, found: _Place) -> Citation:
    job_id = job.card.job_id
    entries = services.ledger.entries(job_id)

    def describe(number: int, boxes: list[Box]) -> CitedPage:
        image = marked = None
        if found.has_image:
            revision = revision_of(entries.get(number, {}))
            image = url_for("pages.image", job_id=job_id, number=number, revision=revision)
            marked = url_for("chunks.cite", job_id=job_id, start=query.start, end=query.end, page=number, format="png")
        shown = [CitedBox(left=left, top=top, right=right, bottom=bottom) for left, top, right, bottom in boxes]
        return CitedPage(page=number, image_url=image, marked_image_url=marked, boxes=shown)

    return Citation(
        job_id=job_id,
        revision=job.revision,
        start=query.start,
        end=query.end,
        text=found.text,
        pages=[describe(number, boxes) for number, boxes in sorted(found.boxes.items())],
    )


def _picture(services: Services, job: Job, found: _Place, number: int | None) -> Response:
    """Return a page with the range marked. Raises InvalidOption, NoPageImage, PageImagePending, PageImageUnavailable."""
    if number is None:
        number = min(found.boxes, default=1)
    if number not in found.boxes:
        raise InvalidOption.for_fields({"field": "page", "problem": f"has nothing of this range: {number}"})
    if not found.has_image:
        raise NoPageImage(page=number)
    entry = services.ledger.entry(job.card.job_id, number) or {}
    page = read_page_file(services.storage, job.card.job_id, number, revision_of(entry))
    wanted = PageImageRequest(job.card.job_id, number, page.rotation if page else 0, tuple(found.boxes[number]))
    response = send_file(open_page_image(services, wanted), mimetype="image/png")
    response.headers["Cache-Control"] = "private, no-cache"
    return response
