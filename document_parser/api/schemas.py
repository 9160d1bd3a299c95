"""Define paths, queries and bodies of the routes as models. The documentation of the API is made from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from document_parser.models import (
    Attempt,
    BatchState,
    Child,
    Delivery,
    Document,
    EngineName,
    JobState,
    JobStatus,
    OutputFormat,
    Page,
    PageError,
    PageState,
    PageWarning,
    ResultWarning,
    WarningCode,
    WebhookState,
)

JOB_ID = r"[0-9a-f-]{36}"
"""Pattern of a job id."""
EXAMPLE_JOB_ID = "5f0c2a4e-8f43-4c1b-9d0e-6a1c3b7e2f10"
"""Job id in the examples of the documentation."""
EVENT_ID = r"([0-9]{1,19}(-[0-9]{1,19})?)?"
"""Pattern of an event id: milliseconds and a counter, as Redis numbers the entries of a stream.

Empty for the beginning.
"""


def _is_none(value: object) -> bool:
    return value is None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Query(_Strict):
    """Read a query in which an empty parameter counts as left out, because documentation pages send all their fields."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value != "" or name not in cls.model_fields}

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
        json_schema_extra={"pattern": f"^{JOB_ID}$", "example": EXAMPLE_JOB_ID},
    )


class UploadPath(BaseModel):
    """The path of a resumable upload."""

    upload_id: str = Field(
        description="The end of the Location from the response to the creation.",
        json_schema_extra={"pattern": f"^{JOB_ID}$", "example": EXAMPLE_JOB_ID},
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
        json_schema_extra={"pattern": f"^{JOB_ID}$", "example": EXAMPLE_JOB_ID},
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
        (model for model in (*_models(JobPath), *_models(BatchPath), *_models(_Strict)) if model.__name__ == name), None
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
    markdown: str | None = Field(default=None, exclude_if=_is_none)
    html: str | None = Field(default=None, exclude_if=_is_none)
    text: str | None = Field(default=None, exclude_if=_is_none)
    document: Document | None = Field(default=None, exclude_if=_is_none)
    tables: list[TableText] | None = Field(default=None, exclude_if=_is_none)


class Jobs(BaseModel):
    """One page of the list of jobs, newest first. ``next_cursor`` requests the next page; null at the end."""

    jobs: list[JobStatus]
    next_cursor: str | None


class Deliveries(BaseModel):
    """One page of the list of deliveries, newest first. ``next_cursor`` requests the next page; null at the end."""

    deliveries: list[Delivery]
    next_cursor: str | None


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
