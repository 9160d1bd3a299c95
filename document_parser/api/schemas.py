"""Define paths, queries and bodies of the routes as models. The documentation of the API is made from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    RootModel,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from document_parser.accounts.identity import DEFAULT_TIER, OWNER_PATTERN, Actor, Scope
from document_parser.accounts.records import MAX_GRACE_DAYS, MAX_NAME_CHARACTERS, MAX_ORIGINS, KeyState
from document_parser.balancing.breaker import State
from document_parser.jobs.records.job import ID_PATTERN
from document_parser.models import (
    MAX_CHUNK_TOKENS,
    MIN_CHUNK_TOKENS,
    Attempt,
    BatchState,
    Child,
    Chunk,
    ChunkStrategy,
    Delivery,
    Document,
    DocumentSegment,
    EngineName,
    JobState,
    JobStatus,
    ModelServerName,
    OutputFormat,
    Page,
    PageError,
    PageState,
    PageWarning,
    ResultWarning,
    WarningCode,
    WebhookState,
)
from document_parser.models.extraction import ExtractionCheck, ExtractionWarning, ResultExtraction
from document_parser.settings.tiers import TIER_PATTERN

EXAMPLE_JOB_ID = "5f0c2a4e-8f43-4c1b-9d0e-6a1c3b7e2f10"
"""Job id in the examples of the documentation."""
EVENT_ID = r"([0-9]{1,19}(-[0-9]{1,19})?)?"
"""Pattern of an event id: milliseconds and a counter, as Redis numbers the entries of a stream.

Empty for the beginning.
"""


HistoryState = Literal["queued", "processing", "completed", "failed", "cancelled", "deleted"]
"""The state of a job in the history."""


def _require_iso(value: object) -> object:
    """Refuse what is no text of ISO 8601: a number would count as seconds since 1970. Raises ValueError."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is not written like 2027-01-31 or 2027-01-31T12:00:00Z")
    if isinstance(value, int | float):
        raise ValueError("is not text")
    return value


Day = Annotated[date, BeforeValidator(_require_iso)]
"""A day, as ISO 8601 writes it."""


def _to_utc(moment: datetime) -> datetime:
    """Return the moment in UTC. Raises ValueError if it is before the year 1 or after the year 9999 there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment of the years 1 to 9999 in UTC") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_require_iso), AfterValidator(_to_utc)]
"""A moment, in UTC; as ISO 8601 writes it, with a time zone."""


def _replace_nul(value: str) -> str:
    return value.replace("\0", "\ufffd")


Searched = Annotated[str, AfterValidator(_replace_nul)]
"""A text to search for. PostgreSQL takes no NUL; in names of documents it is kept as this character."""


def _is_none(value: object) -> bool:
    return value is None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Query(_Strict):
    """Read a query in which an empty parameter counts as left out, because documentation pages send all their fields."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: value for name, value in given.items() if value != "" or name not in known}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Remove the default of optional choices: the empty text is none of their values."""
        found = handler(schema)
        for field in found.get("properties", {}).values():
            if "enum" in field and field.get("default") == "":
                del field["default"]
        return found


class JobPath(BaseModel):
    """The path of a job."""

    job_id: str = Field(
        description="The job_id from the response to the upload. On the page /docs the example stands for the last job sent.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class ExtractionPath(JobPath):
    """The path of an extraction."""

    extraction_id: str = Field(
        description="The extraction_id of the answer 202.",
        json_schema_extra={"pattern": "^[0-9a-f]{32}$", "example": "0" * 32},
    )


class ExtractionQuery(_Query):
    """The query of an extraction."""

    format: Literal["json", "csv"] | SkipJsonSchema[Literal[""]] = Field(
        default="", description="json, or csv: a line for each row of its lists, with the single values on each."
    )


class BatchExtractionsQuery(ExtractionQuery):
    """The query of the values of a batch."""

    schema_name: str = Field(
        default="", alias="schema", serialization_alias="schema", description="The name of a prebuilt schema.", max_length=50
    )
    extract_fields: str = Field(default="", description="Names of fields, separated by commas.", max_length=4000)
    json_schema: str = Field(default="", description="A JSON Schema, as JSON text.", max_length=8000)
    extract_scope: Literal["document", "page", "row"] = Field(default="document", description="What the schema describes.")
    on_ungrounded: Literal["flag", "null"] = Field(default="flag", description="What becomes of values not on the page.")


class FileExtraction(BaseModel):
    """A file of a batch with its values, or with the reason why there are none."""

    file: str
    job_id: str | None
    status: Literal["completed", "pending", "failed", "cancelled", "refused", "deleted", "expired"]
    error: str | None = Field(description="The code of the error because of which there are no values.")
    data: Any = Field(default=None, exclude_if=_is_none, description="This and what follows is left out without values.")
    evidence: Any = Field(default=None, exclude_if=_is_none)
    checks: list[ExtractionCheck] | None = Field(default=None, exclude_if=_is_none)
    rows_seen: dict[str, int] | None = Field(default=None, exclude_if=_is_none)
    rows_returned: dict[str, int] | None = Field(default=None, exclude_if=_is_none)
    warnings: list[ExtractionWarning] | None = Field(default=None, exclude_if=_is_none)
    complete: bool | None = Field(default=None, exclude_if=_is_none)


class BatchExtractions(BaseModel):
    """The values of all files of a batch."""

    batch_id: str
    extractions: list[FileExtraction]


class ExtractionStarted(BaseModel):
    """The response to an extraction that takes longer."""

    job_id: str
    extraction_id: str
    message: str
    status_url: str


class ClassificationPath(JobPath):
    """The path of a classification."""

    classification_id: str = Field(
        description="The classification_id of the answer 202.",
        json_schema_extra={"pattern": "^[0-9a-f]{32}$", "example": "0" * 32},
    )


class ClassificationStarted(BaseModel):
    """The response to a classification that takes longer."""

    job_id: str
    classification_id: str
    message: str
    status_url: str


class SchemaProblem(BaseModel):
    """A part of a schema that is not supported."""

    pointer: str = Field(description="JSON pointer into the schema.")
    message: str


class SchemaValidity(BaseModel):
    """Whether a schema is supported."""

    valid: bool
    problems: list[SchemaProblem]


class SchemaSummary(BaseModel):
    """A prebuilt schema."""

    name: str
    version: int
    title: str
    json_schema: dict[str, Any]


class Schemas(BaseModel):
    """The prebuilt schemas."""

    schemas: list[SchemaSummary]


class UploadPath(BaseModel):
    """The path of a resumable upload."""

    upload_id: str = Field(
        description="The end of the Location from the response to the creation.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class UploadState(BaseModel):
    """What has come of a resumable upload."""

    upload_id: str
    offset: int = Field(description="Bytes that are stored.")
    length: int | None = Field(description="Bytes of the whole; null until it is announced.")
    complete: bool = Field(description="Whether a job can be made of it.")
    filename: str = Field(description="Name of the document's file; empty if it is not known.")
    expires_at: str = Field(description="When it is deleted if nothing more comes.")
    upload_url: str = Field(description="Address of the upload, for clients of tus.")


class UploadInit(_Strict):
    """What is known of a document that will be sent in chunks."""

    filename: str = Field(default="", max_length=1024, description="Name of the document's file.")
    size: int | None = Field(default=None, ge=0, description="Bytes of the whole document.")


class UploadStarted(UploadState):
    """An upload in chunks that has begun."""

    chunk_bytes: int = Field(description="Bytes of each chunk but the last, if chunks are sent with an index.")


class PagePath(JobPath):
    """The path of a page of a job."""

    number: int = Field(ge=1, description="Number of the page, from 1.", json_schema_extra={"example": 1})


class FigurePath(JobPath):
    """The path of a figure of a job."""

    name: str = Field(
        pattern=r"^page-[0-9]{4,7}(-r[0-9]{1,6})?-figure-[0-9]{1,3}\.jpg$",
        description="The name in ``picture`` of a figure's block.",
        json_schema_extra={"example": "page-0001-figure-1.jpg"},
    )


class BatchPath(BaseModel):
    """The path of a batch."""

    batch_id: str = Field(
        description="The batch_id from the response to the upload.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class EventsHeader(BaseModel):
    """The request header that resumes an event stream."""

    last_event_id: str = Field(
        default="",
        alias="Last-Event-ID",
        description="Resume after this event.",
        json_schema_extra={"pattern": f"^{EVENT_ID}$"},
    )


class EventsQuery(_Query):
    """The query of an event stream."""

    last_event_id: str = Field(
        default="",
        pattern=f"^{EVENT_ID}$",
        description="Resume after this event. The header Last-Event-ID takes precedence.",
    )


class StatusQuery(_Query):
    """The query of a job's status."""

    wait: float = Field(
        default=0,
        ge=0,
        le=60,
        description="Wait up to this many seconds for the job to end, and for pages that are read again.",
    )


PLACE = r"([0-9]{6}(\.[0-9]{6}){0,64})?"
"""Pattern of a place in a batch. Empty for the beginning."""


class BatchQuery(StatusQuery):
    """The query of a batch's status."""

    limit: int = Field(default=100, ge=0, le=1000, description="Maximum number of files in the response; 0 leaves them out.")
    cursor: str = Field(
        default="", description="next_cursor of the previous response.", json_schema_extra={"pattern": f"^{PLACE}$"}
    )


class BatchDownloadQuery(_Query):
    """The query of a batch's download."""

    format: OutputFormat | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Format of the results; default: Markdown and JSON of each file."
    )


class ImageQuery(_Query):
    """The query of a page's image."""

    revision: int = Field(default=0, ge=0, description="Revision of the page, as in its image_url.")


class ResultQuery(_Query):
    """The query of a job's result."""

    format: OutputFormat | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Format of the result; default: the one chosen at upload."
    )

    table: int | None = Field(
        default=None,
        ge=1,
        description="With format=csv: number of the table to return, from 1. Without it, several tables are returned as a ZIP.",
    )

    children: Literal["list", "append"] = Field(
        default="list",
        description="append: the documents inside follow in the same text, each below a heading with its name (for Markdown "
        "and text). list: they are listed only.",
    )


class ChunksQuery(_Query):
    """The query of a job's chunks. What is not given is as the job was sent with."""

    strategy: ChunkStrategy | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Where chunks end: before headings, at the ends of pages, or after each block."
    )
    max_tokens: int | None = Field(
        default=None, ge=MIN_CHUNK_TOKENS, le=MAX_CHUNK_TOKENS, description="Maximum tokens of a chunk with its headings."
    )
    overlap: int | None = Field(
        default=None, ge=0, description="Tokens at the end of a chunk that the next one repeats; less than half of a chunk."
    )


class CiteQuery(_Query):
    """The query of a place in a document."""

    start: int = Field(
        ge=0,
        description="First character of the range in the Markdown, as in the span of a chunk.",
        json_schema_extra={"example": 0},
    )
    end: int = Field(ge=1, description="Character behind the last one of the range.", json_schema_extra={"example": 10})
    page: int | None = Field(default=None, ge=1, description="For a picture: the page; default: the first one of the range.")
    format: Literal["json", "png"] | SkipJsonSchema[Literal[""]] = Field(
        default="",
        description="png: a picture of the page with the place marked. Default: JSON, unless Accept prefers image/png.",
    )


CURSOR = r"([0-9]{1,16}(\.[0-9]{1,17})?)?"
"""Pattern of a cursor: a score of the list, as it was written for ``next_cursor``. Empty for the beginning."""


class _ListQuery(_Query):
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of entries in the response.")
    cursor: str = Field(
        default="", description="next_cursor of the previous response.", json_schema_extra={"pattern": f"^{CURSOR}$"}
    )


class JobsQuery(_ListQuery):
    """The query of the list of jobs."""

    status: JobState | SkipJsonSchema[Literal[""]] = Field(default="", description="Only jobs in this state.")
    owner: str = Field(
        default="",
        description="For admins: jobs of this owner instead of one's own.",
        max_length=64,
        json_schema_extra={"pattern": f"^({OWNER_PATTERN})?$"},
    )


class KeyPath(BaseModel):
    """The path of an API key."""

    key_id: Searched = Field(
        description="The id of the key, as the list shows it; not the key itself.",
        max_length=36,
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


class KeysQuery(_Query):
    """The query of the list of API keys."""

    owner: Searched = Field(default="", description="Only keys of this owner.", max_length=64)


class KeyWanted(_Strict):
    """The request to make an API key."""

    name: str = Field(
        min_length=1,
        max_length=MAX_NAME_CHARACTERS,
        description="What the key is for, for people.",
        json_schema_extra={"example": "invoices of the till"},
    )
    owner: str = Field(
        description="Whose documents the key sends and sees: a-z, 0-9, dot, hyphen and underscore.",
        json_schema_extra={"pattern": f"^{OWNER_PATTERN}$", "example": "accounting"},
    )
    tier: str = Field(
        default=DEFAULT_TIER, description="The tier of its limits.", json_schema_extra={"pattern": f"^{TIER_PATTERN}$"}
    )
    scopes: list[Scope] = Field(
        default=["process", "read"], min_length=1, description="What the key may do; admin includes all others."
    )
    expires_at: Moment | None = Field(default=None, description="When the key ends; without it, never.")
    origins: list[str] = Field(
        default=[],
        max_length=MAX_ORIGINS,
        description="Origins of web pages that may use the key, instead of CORS_ORIGINS; without it, those.",
        json_schema_extra={"example": ["https://app.example.org"]},
    )


class KeyRotation(_Strict):
    """The request to replace an API key."""

    grace_seconds: int = Field(
        default=0,
        ge=0,
        le=MAX_GRACE_DAYS * 86_400,
        description="Seconds for which the old key goes on working. 0: it ends at once.",
    )


class UsageQuery(_Query):
    """The query of usage."""

    by: str = Field(
        default="day",
        description="What is added up apart: some of day, key, engine and owner, separated by commas.",
        json_schema_extra={"pattern": r"^((day|key|engine|owner)(,(day|key|engine|owner)){0,3})?$"},
    )
    since: Day | None = Field(default=None, description="The first day, in UTC.")
    until: Day | None = Field(default=None, description="The last day.")
    owner: Searched = Field(
        default="",
        description="For admins: usage of this owner; * for all. Without it, one's own.",
        max_length=64,
        json_schema_extra={"pattern": rf"^({OWNER_PATTERN}|\*)?$"},
    )


class AuditQuery(_Query):
    """The query of the audit."""

    owner: Searched = Field(default="", description="Only what this owner's callers did.", max_length=64)
    key_id: Searched = Field(default="", description="Only what was done with this key.", max_length=36)
    action: Searched = Field(default="", description="Only this action, like result.read.", max_length=32)
    job_id: Searched = Field(default="", description="Only what was done to this job.", max_length=36)
    since: Moment | None = Field(default=None, description="Only entries from this moment on.")
    until: Moment | None = Field(default=None, description="Only entries before this moment.")
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of entries in the response.")
    cursor: int | None = Field(
        default=None, ge=1, le=2**53, description="next_cursor of the previous response.", json_schema_extra={"example": 1000}
    )


HISTORY_CURSOR = rf"([0-9]{{1,17}}_{ID_PATTERN})?"
"""Pattern of a cursor of the history. Empty for the beginning."""


class HistoryQuery(_Query):
    """The query of the history of jobs."""

    text: Searched = Field(
        default="", description="Only documents with this in their name, or with this job id or SHA-256.", max_length=256
    )
    owner: Searched = Field(default="", description="Only jobs of this owner.", max_length=64)
    state: HistoryState | SkipJsonSchema[Literal[""]] = Field(default="", description="Only jobs in this state.")
    error_code: Searched = Field(default="", description="Only jobs with this error.", max_length=64)
    since: Moment | None = Field(default=None, description="Only jobs that were sent from this moment on.")
    until: Moment | None = Field(default=None, description="Only jobs that were sent before this moment.")
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of jobs in the response.")
    cursor: str = Field(
        default="",
        pattern=f"^{HISTORY_CURSOR}$",
        description="next_cursor of the previous response.",
        json_schema_extra={"example": f"1798761600000000_{EXAMPLE_JOB_ID}"},
    )


DOCUMENTS_CURSOR = rf"([0-9]{{1,17}}_{ID_PATTERN}_([0-9a-f]{{32}}|asked)_[0-9]{{1,6}})?"
"""Pattern of a cursor of the documents. Empty for the beginning."""


class DocumentsQuery(_Query):
    """The query of the documents whose values are kept."""

    type: Searched = Field(default="", description="Only documents of this type, such as invoice.", max_length=64)
    invoice_number: Searched = Field(
        default="", description="Only the invoice with this number. Case and white space do not count.", max_length=256
    )
    order_number: Searched = Field(default="", description="Only what names this order number.", max_length=256)
    sha256: Searched = Field(
        default="", description="Only the file with this SHA-256.", max_length=64, json_schema_extra={"example": "a" * 64}
    )
    job_id: Searched = Field(default="", description="Only what was found by this job.", max_length=36)
    filename: Searched = Field(default="", description="Only documents with this in their name.", max_length=256)
    since: Moment | None = Field(default=None, alias="from", description="Only documents that were sent from this moment on.")
    until: Moment | None = Field(default=None, alias="to", description="Only documents that were sent before this moment.")
    dated_from: Day | None = Field(default=None, description="Only documents that give this date or a later one themselves.")
    dated_to: Day | None = Field(default=None, description="Only documents that give this date or an earlier one themselves.")
    owner: Searched = Field(
        default="",
        description="For admins: documents of this owner; * for all. Without it, one's own.",
        max_length=64,
        json_schema_extra={"pattern": rf"^({OWNER_PATTERN}|\*)?$"},
    )
    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of documents in the response.")
    cursor: str = Field(
        default="",
        pattern=f"^{DOCUMENTS_CURSOR}$",
        description="next_cursor of the previous response.",
        json_schema_extra={"example": f"1798761600000000_{EXAMPLE_JOB_ID}_{'0' * 32}_0"},
    )


class FailuresQuery(_Query):
    """The query of the reasons for which jobs failed."""

    owner: Searched = Field(default="", description="Only jobs of this owner.", max_length=64)
    since: Moment | None = Field(default=None, description="Only jobs that were sent from this moment on.")
    until: Moment | None = Field(default=None, description="Only jobs that were sent before this moment.")


class DeliveriesQuery(_ListQuery):
    """The query of the list of webhook deliveries."""

    state: WebhookState | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Only deliveries in this state; failed ones are in the order in which they failed."
    )


class Ping(_Strict):
    """The request to send a ping to a webhook receiver."""

    url: str = Field(
        min_length=1,
        description="The receiver's address, under the rules of webhook_url: a private host must be in WEBHOOK_ALLOW_HOSTS.",
        json_schema_extra={"example": "http://127.0.0.1:8000/hooks/documents"},
    )


def request_model(name: str) -> type[BaseModel] | None:
    """Return the model of a path, query or body by its name; None if there is none.

    A validation error of flask-openapi has no more than that name.
    """
    return next(
        (model for root in (JobPath, BatchPath, KeyPath, _Strict) for model in _models(root) if model.__name__ == name),
        None,
    )


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the model and all models that derive from it."""
    yield model
    for derived in model.__subclasses__():
        yield from _models(derived)


class Accepted(BaseModel):
    """The response to an upload."""

    job_id: str
    status: JobState
    cache: Literal["hit", "miss", "off"] = Field(
        description="hit: the document was read before; miss: it was not; off: the cache is not used."
    )
    shared: bool = Field(description="Whether another job is reading the same document; this job gets its pages.")
    message: str
    status_url: str
    result_url: str


class BatchJob(BaseModel):
    """A file of a batch: with its job, or with the error that refuses it."""

    name: str
    job_id: str | None = Field(default=None, exclude_if=_is_none)
    status_url: str | None = Field(default=None, exclude_if=_is_none)
    error: PageError | None = Field(default=None, exclude_if=_is_none)


class BatchAccepted(BaseModel):
    """The response to a batch."""

    batch_id: str
    status: BatchState
    jobs: list[BatchJob] = Field(description="The files in the order in which they were sent.")
    message: str
    status_url: str
    events_url: str
    download_url: str


class BatchCancelled(BaseModel):
    """The response to the cancellation of a batch."""

    batch_id: str
    status: BatchState
    message: str


class BatchDeleted(BaseModel):
    """The response to the deletion of a batch."""

    batch_id: str
    deleted_files: int
    deleted_keys: int
    """Number of entries of the job store that were deleted."""
    message: str


class TableText(BaseModel):
    """A table as CSV, and the page on which it begins."""

    page: int
    caption: str
    csv: str


class JsonFile(RootModel[Document | list[TableText]]):
    """A result as a JSON file: the document, or its tables."""


class Result(BaseModel):
    """The result of a job. The content is in the field named after its format."""

    job_id: str
    filename: str
    format: OutputFormat
    expires_at: str | None
    complete: bool
    revision: int
    missing_pages: list[int] | None = Field(
        description="Pages that were not read when the job was cancelled; null if it was cancelled before it was opened."
    )
    message: str = Field(description="What is missing from the result of a cancelled job; empty for other jobs.")
    failed_pages: list[int]
    stripped: int = Field(
        description="Number of lines of page headers and footers that the texts leave out, without bare page numbers."
    )
    children: list[Child] = Field(description="The documents inside this one, each with a job of its own.")
    attachments: list[Child] = Field(description="Those of them that are the data of electronic invoices.")
    warnings: list[ResultWarning]
    cache: Literal["hit", "miss", "off"]
    extraction: ResultExtraction | None = Field(
        default=None, exclude_if=_is_none, description="The values that were asked for with the document."
    )
    segments: list[DocumentSegment] | None = Field(
        default=None, exclude_if=_is_none, description="The documents that the file holds, if it was classified."
    )
    markdown: str | None = Field(default=None, exclude_if=_is_none)
    html: str | None = Field(default=None, exclude_if=_is_none)
    text: str | None = Field(default=None, exclude_if=_is_none)
    document: Document | None = Field(default=None, exclude_if=_is_none)
    tables: list[TableText] | None = Field(default=None, exclude_if=_is_none)
    chunking: UsedChunking | None = Field(default=None, exclude_if=_is_none)
    chunks: list[Chunk] | None = Field(default=None, exclude_if=_is_none)


class UsedChunking(BaseModel):
    """How the document was parted into chunks, and how tokens were counted."""

    max_tokens: int
    overlap: int
    strategy: ChunkStrategy
    encoding: str


class CitedBox(BaseModel):
    """A place on a page, in fractions of the upright page, origin top left."""

    left: float
    top: float
    right: float
    bottom: float


class CitedPage(BaseModel):
    """A page of a cited range."""

    page: int
    image_url: str | None = Field(description="The page image; null for a part of a document without pages.")
    marked_image_url: str | None = Field(description="The same with the boxes drawn, as a PNG.")
    boxes: list[CitedBox] = Field(description="Boxes of the blocks that the range is in; empty where none are known.")


class Citation(BaseModel):
    """Where a range of the Markdown stands in the document."""

    job_id: str
    revision: int
    start: int
    end: int
    text: str
    pages: list[CitedPage]


class Jobs(BaseModel):
    """One page of the list of jobs, newest first. ``next_cursor`` requests the next page; null at the end."""

    jobs: list[JobStatus]
    next_cursor: str | None


class Deliveries(BaseModel):
    """One page of the list of deliveries, newest first. ``next_cursor`` requests the next page; null at the end."""

    deliveries: list[Delivery]
    next_cursor: str | None
    pending: int
    """Webhooks that wait for delivery, whatever is listed."""
    failed: int
    """Webhooks that were given up and can be delivered again."""


class PageEntry(BaseModel):
    """A page in the job's ledger."""

    number: int
    state: PageState
    engine: EngineName | None = None
    warnings: list[WarningCode] = []
    error: str | None = None


class Pages(BaseModel):
    """All pages of a job in ascending order; empty until the document has been opened."""

    job_id: str
    total: int | None
    pages: list[PageEntry]


class PageView(BaseModel):
    """One page, read or not, and the reasons for its reading."""

    job_id: str
    number: int
    state: PageState
    route: str = ""
    attempts: list[Attempt] = []
    warnings: list[PageWarning] = []
    error: PageError | None = None
    page: Page | None = None
    image_url: str
    rereading: bool = False
    """Whether a retry of the page is queued or running. Until it ends, this is the page as it was."""
    retry_error: PageError | None = None
    """Why the last retry of this page has changed nothing."""


class Rereading(BaseModel):
    """The response to the request to read a page again."""

    job_id: str
    number: int
    revision: int = Field(description="Revision of the current result.")
    message: str
    status_url: str
    events_url: str = Field(description="Address of the events that follow this response.")


class Children(BaseModel):
    """The documents inside a job's document; empty until it has been opened."""

    job_id: str
    children: list[Child]


class Cancelled(BaseModel):
    """The response to the cancellation of a job."""

    job_id: str
    status: JobState
    message: str


class Deleted(BaseModel):
    """The response to the deletion of a job."""

    job_id: str
    deleted_files: int
    deleted_keys: int
    """Number of entries of the job store that were deleted."""
    message: str


class OwnerDeleted(BaseModel):
    """The response to the deletion of all that an owner has. Each number was checked: nothing of it is there any more."""

    jobs: int
    cancelled_jobs: int
    """How many of the jobs had not ended."""
    batches: int
    uploads: int
    files: int
    redis_keys: int
    history: int
    """Jobs that were removed from the history in the database."""
    usage: int
    """Rows of usage that have become sums without a name."""
    api_keys: int
    """API keys that were revoked, the one of this request among them."""
    message: str


class KeyView(BaseModel):
    """An API key without its secret."""

    id: str
    hint: str
    """Its first characters."""
    name: str
    owner: str
    tier: str
    scopes: list[Scope]
    state: KeyState
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """Exact to about a minute."""
    replaced_by: str | None = None
    """The id of the key that replaced it."""
    origins: list[str] = []
    """Origins of web pages that may use it; empty for those of CORS_ORIGINS."""


class KeyMade(KeyView):
    """A new API key. ``key`` is shown in this answer only."""

    key: str


class KeyList(BaseModel):
    """API keys, newest first."""

    keys: list[KeyView]


class Caller(BaseModel):
    """Who sends a request."""

    owner: str
    """Whose documents the caller sees."""
    actor: Actor
    scopes: list[Scope]
    tier: str | None = None
    key_id: str | None = None


class LoginKey(_Strict):
    """A login with an API key."""

    key: str = Field(max_length=256, description="The API key.", json_schema_extra={"example": "dp_live_..."})


class UsageLine(BaseModel):
    """Usage added up. What it was not grouped by is None."""

    owner: str | None = None
    day: date | None = None
    key_id: str | None = None
    """Empty for what was sent without a key."""
    engine: str | None = None
    """``none`` for documents and bytes, and for pages that no engine read."""
    documents: int
    pages: int
    bytes: int
    seconds: float
    tokens: int
    extractions: int


class QuotaState(BaseModel):
    """What is left of a quota of the caller's owner."""

    quota: str
    """concurrent_jobs, documents_per_day, documents_per_month or pages_per_month."""
    limit: int
    used: int
    """With what was taken for documents that have not ended."""
    left: int
    resets_at: datetime | None
    """When the count begins anew; null for concurrent_jobs."""


class UsageReport(BaseModel):
    """What was used. It is seconds old."""

    by: list[str]
    usage: list[UsageLine]
    total: UsageLine
    tier: str
    """The tier of the caller; empty if none applies."""
    quotas: list[QuotaState]
    """Those of the caller's tier, at this moment."""


class AuditEntry(BaseModel):
    """Who did what, when, from where, and how it ended. Texts are empty for what does not apply."""

    id: int
    at: datetime
    owner: str
    key_id: str
    actor: str
    """key, operator, or anyone (with AUTH_MODE=off)."""
    action: str
    subject: str
    """The id of the batch or key that it was done to."""
    job_id: str
    address: str
    status: int
    """HTTP status of the answer."""
    request_id: str


class AuditPage(BaseModel):
    """Entries of the audit, newest first."""

    entries: list[AuditEntry]
    next_cursor: int | None


class HistoryJob(BaseModel):
    """A job as it was when it last changed. Texts are empty for what does not apply, or was removed for privacy."""

    job_id: str
    owner: str
    key_id: str
    state: HistoryState
    complete: bool | None
    filename: str
    media_type: str
    size: int
    sha256: str
    options: dict[str, Any]
    lane: str
    cache: str
    total_pages: int | None
    page_counts: dict[str, int]
    """Finished pages by outcome and by engine."""
    error_code: str
    error_message: str
    revision: int
    children: int
    parent: str
    batch_id: str
    webhook_host: str
    request_id: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    deleted_at: datetime | None


class HistoryPage(BaseModel):
    """Jobs of the history, newest first.

    A page of a search may have fewer jobs than ``limit`` and still a ``next_cursor``, which goes on with the search.
    """

    jobs: list[HistoryJob]
    next_cursor: str | None


class KnownDocument(BaseModel):
    """A document, or a page of one, with the values that an extraction found."""

    job_id: str
    extraction_id: str = Field(
        validation_alias="source_id", description="The extraction that found the values; asked for the types of documents."
    )
    part: int
    """0 for the whole document; with the scope ``page``, the place in the answer, from 1; of a type the first page."""
    owner: str
    filename: str
    media_type: str
    sha256: str
    type: str
    status: Literal["complete", "partial"]
    invoice_number: str
    order_number: str
    dated: date | None
    fields: Any
    """The values, in the shape of their schema; null if they are too many to be kept."""
    ungrounded: list[str]
    """JSON pointers of the values that are not on a page."""
    created_at: datetime


class KnownDocuments(BaseModel):
    """Documents whose values are kept, newest first."""

    documents: list[KnownDocument]
    next_cursor: str | None


class DocumentsDeleted(BaseModel):
    """How many entries were deleted."""

    deleted: int


class Failure(BaseModel):
    """How many jobs failed for one reason."""

    error_code: str
    meaning: str
    """What the code says to users; empty for a code that this release does not know."""
    jobs: int
    owners: int
    newest_at: datetime
    """When the newest of these jobs was sent."""


class Failures(BaseModel):
    """Why jobs failed, the most frequent reason first."""

    failures: list[Failure]
    jobs: int
    """All of them together."""
    is_whole: bool
    """False if there are more failed jobs than are counted at once; then the newest are counted."""


class ServerBreaker(BaseModel):
    """A model server and its circuit breaker."""

    engine: ModelServerName
    server: str
    """Host and port of its address."""
    state: State
    """``closed``: pages go to it. ``open``: it is left alone. ``half_open``: one page tries it."""
    faults: int
    """Faults in a row."""
    retry_at: datetime | None
    """When a page tries it again; null if the breaker is closed."""


class Breakers(BaseModel):
    """The model servers of the settings and their circuit breakers. CPU engines have none."""

    breakers: list[ServerBreaker]


class Live(BaseModel):
    """The response of a web process that runs."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """The state of one part of the service. ``detail`` says what is wrong, or how the part works."""

    ok: bool
    detail: str = ""


class Health(BaseModel):
    """The state of the service and of its parts."""

    status: Literal["ok", "degraded", "down"]
    version: str
    workers: int
    checks: dict[str, Check]
    warnings: list[str]
