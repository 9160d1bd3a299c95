"""Bodies, paths and queries of the routes, as models: the API's documentation is made from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

from document_parser.models import (
    Attempt,
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
EXAMPLE_JOB_ID = "5f0c2a4e-8f43-4c1b-9d0e-6a1c3b7e2f10"
EVENT_ID = r"([0-9]{1,19}(-[0-9]{1,19})?)?"
"""Milliseconds and a counter, as Redis numbers the entries of a stream; empty for the beginning."""


def _is_none(value: object) -> bool:
    return value is None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Query(_Strict):
    """In a query what is empty counts as left out: pages of documentation send their fields so."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if value != "" or name not in cls.model_fields}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A choice that may be left out has no default: the empty text is none of its values."""
        found = handler(schema)
        for field in found.get("properties", {}).values():
            if "enum" in field and field.get("default") == "":
                del field["default"]
        return found


class JobPath(BaseModel):
    job_id: str = Field(
        description="The job_id that the upload was answered with. On the page /docs the example stands for the job sent last.",
        json_schema_extra={"pattern": f"^{JOB_ID}$", "example": EXAMPLE_JOB_ID},
    )


class PagePath(JobPath):
    number: int = Field(ge=1, description="Page number of the document, from 1.", json_schema_extra={"example": 1})


class FigurePath(JobPath):
    name: str = Field(
        pattern=r"^page-[0-9]{4,7}(-r[0-9]{1,6})?-figure-[0-9]{1,3}\.jpg$",
        description="The name in ``picture`` of a figure's block.",
        json_schema_extra={"example": "page-0001-figure-1.jpg"},
    )


class EventsHeader(BaseModel):
    last_event_id: str = Field(
        default="",
        alias="Last-Event-ID",
        description="Go on after this event.",
        json_schema_extra={"pattern": f"^{EVENT_ID}$"},
    )


class EventsQuery(_Query):
    last_event_id: str = Field(
        default="",
        pattern=f"^{EVENT_ID}$",
        description="Go on after this event; the header Last-Event-ID goes first.",
    )


class StatusQuery(_Query):
    wait: float = Field(
        default=0, ge=0, le=60, description="Wait up to so many seconds for the job to end, and for pages that are read again."
    )


class ImageQuery(_Query):
    revision: int = Field(default=0, ge=0, description="Of the page, as its image_url has it.")


class ResultQuery(_Query):
    format: OutputFormat | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Another format than the one asked for at upload."
    )

    table: int | None = Field(
        default=None, ge=1, description="With format=csv: the table to send, counted from 1. Without it, several come as a ZIP."
    )


CURSOR = r"([0-9]{1,16}(\.[0-9]{1,17})?)?"
"""A score of the list, as it was written for next_cursor; empty for the beginning."""


class _ListQuery(_Query):
    limit: int = Field(default=50, ge=1, le=500, description="Most entries in one answer.")
    cursor: str = Field(
        default="", description="next_cursor of the answer before.", json_schema_extra={"pattern": f"^{CURSOR}$"}
    )


class JobsQuery(_ListQuery):
    status: JobState | SkipJsonSchema[Literal[""]] = Field(default="", description="Only jobs in this state.")


class DeliveriesQuery(_ListQuery):
    state: WebhookState | SkipJsonSchema[Literal[""]] = Field(
        default="", description="Only deliveries in this state; failed ones stand in the order they were given up."
    )


class Ping(_Strict):
    url: str = Field(
        min_length=1,
        description="The receiver's address, under the rules of webhook_url: a private host stands in WEBHOOK_ALLOW_HOSTS.",
        json_schema_extra={"example": "http://127.0.0.1:8000/hooks/documents"},
    )


def request_model(name: str) -> type[BaseModel] | None:
    """Return the model of a path, query or body by its name, which is all that a validation error knows of it."""
    return next((model for model in (*_models(JobPath), *_models(_Strict)) if model.__name__ == name), None)


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and all that derive from it."""
    yield model
    for derived in model.__subclasses__():
        yield from _models(derived)


class Accepted(BaseModel):
    """The answer to an upload."""

    job_id: str
    status: JobState
    cache: Literal["hit", "miss", "off"] = Field(description="Whether the document was read before; off: not looked for.")
    shared: bool = Field(description="Whether another job reads the same document already, for this one too.")
    message: str
    status_url: str
    result_url: str


class TableText(BaseModel):
    """A table as CSV, and the page it begins on."""

    page: int
    caption: str
    csv: str


class JsonFile(RootModel[Document | list[TableText]]):
    """A result as a JSON file: the document, or its tables."""


class Result(BaseModel):
    """The result of a job; the content stands under its format's name."""

    job_id: str
    filename: str
    format: OutputFormat
    expires_at: str | None
    complete: bool
    revision: int
    missing_pages: list[int] | None = Field(
        description="Pages that were not read when the job was cancelled; null if it was cancelled before it was opened."
    )
    message: str = Field(description="What is missing of a cancelled job, else empty.")
    failed_pages: list[int]
    stripped: int = Field(
        description="How many lines of running heads and feet the texts leave out, bare page numbers not counted."
    )
    warnings: list[ResultWarning]
    cache: Literal["hit", "miss", "off"]
    markdown: str | None = Field(default=None, exclude_if=_is_none)
    html: str | None = Field(default=None, exclude_if=_is_none)
    text: str | None = Field(default=None, exclude_if=_is_none)
    document: Document | None = Field(default=None, exclude_if=_is_none)
    tables: list[TableText] | None = Field(default=None, exclude_if=_is_none)


class Jobs(BaseModel):
    jobs: list[JobStatus]
    next_cursor: str | None


class Deliveries(BaseModel):
    deliveries: list[Delivery]
    next_cursor: str | None


class PageEntry(BaseModel):
    """A page as the ledger knows it."""

    number: int
    state: PageState
    engine: EngineName | None = None
    warnings: list[WarningCode] = []
    error: str | None = None


class Pages(BaseModel):
    """All pages of a job, ascending; none until the document has been opened."""

    job_id: str
    total: int | None
    pages: list[PageEntry]


class PageView(BaseModel):
    """One page, whether it has been read or not, and why it reads as it does."""

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
    """Whether it waits to be read again, or is being read: until then this is the page as it was."""
    retry_error: PageError | None = None
    """Why the last try to read it again has changed nothing."""


class Rereading(BaseModel):
    """The answer to the wish to have a page read again."""

    job_id: str
    number: int
    revision: int = Field(description="Of the result as it is until then.")
    message: str
    status_url: str
    events_url: str = Field(description="What happens from here on.")


class Cancelled(BaseModel):
    job_id: str
    status: JobState
    message: str


class Deleted(BaseModel):
    job_id: str
    deleted_files: int
    deleted_keys: int
    """Entries of the job store."""
    message: str


class Live(BaseModel):
    status: Literal["ok"] = "ok"


class Check(BaseModel):
    ok: bool
    detail: str = ""


class Health(BaseModel):
    """What works and what does not."""

    status: Literal["ok", "degraded", "down"]
    version: str
    workers: int
    checks: dict[str, Check]
    warnings: list[str]
