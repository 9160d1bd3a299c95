"""Define what the tools answer. Texts of a document are quoted as its Markdown has them; places are those of the service."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from document_parser.models import PageBox

ToolName = Literal["parse", "status", "read", "search", "extract", "cite"]
"""The names of the tools."""


class NextCall(BaseModel):
    """A call that goes on where this answer ends."""

    tool: ToolName
    arguments: dict[str, str | int] = Field(description="The arguments to call the tool with.")
    why: str


class Heading(BaseModel):
    """A heading of the document and where its section begins."""

    text: str
    level: int
    page: int
    start: int = Field(description="Character of the Markdown at which it begins; an argument of read.")


class WarningCount(BaseModel):
    """A warning and the pages that have it."""

    code: str
    pages: int = Field(description="How many pages have it.")
    first_pages: list[int]


class DocumentAnswer(BaseModel):
    """A document and how far its reading is. ``headings`` is its outline once it was read."""

    document: str = Field(description="The id of the document, for all tools.")
    filename: str
    status: str = Field(description="queued, processing, completed, failed or cancelled.")
    complete: bool | None = Field(default=None, description="Whether every page could be read.")
    pages: int | None = None
    pages_read: int = 0
    eta_seconds: int | None = None
    characters: int | None = Field(default=None, description="Length of the Markdown.")
    failed_pages: list[int] = Field(default_factory=list)
    warnings: list[WarningCount] = Field(default_factory=list)
    headings: list[Heading] = Field(default_factory=list)
    headings_in_all: int = 0
    expires_at: str | None = Field(default=None, description="Until when the document is kept.")
    next: list[NextCall] = Field(default_factory=list)


class Passage(BaseModel):
    """A piece of the Markdown: a block, or a part of one if it is long."""

    start: int
    page: int
    block: int | None = Field(default=None, description="Index of the block among those of its page, from 0.")
    kind: str
    text: str


class ReadAnswer(BaseModel):
    """A part of the document, in reading order."""

    document: str
    start: int = Field(description="First character of the Markdown that is here.")
    end: int = Field(description="Character of the Markdown after the last one that is here.")
    under: list[str] = Field(default_factory=list, description="The headings that the beginning is below.")
    table_header: str = Field(default="", description="Header rows of the table whose rows the answer begins with.")
    passages: list[Passage]
    complete: bool = Field(description="Whether this is all that was asked for.")
    also_at: list[Heading] = Field(default_factory=list, description="Other headings with the text that was asked for.")
    next: list[NextCall] = Field(default_factory=list)


class Hit(BaseModel):
    """A place at which the document has what was searched for."""

    start: int
    page: int
    block: int | None = None
    heading: str = ""
    snippet: str
    box: PageBox | None = Field(default=None, description="The block, in fractions of the upright page, origin top left.")


class SearchAnswer(BaseModel):
    """The hits in the order of the document."""

    document: str
    query: str
    matched: Literal["phrase", "all words", "nothing"] = Field(
        description="Whether the query stands there as it is, or its words in one block."
    )
    hits_in_all: int
    hits: list[Hit]
    next: list[NextCall] = Field(default_factory=list)


class Value(BaseModel):
    """A value that was extracted, with its evidence."""

    pointer: str = Field(description="JSON pointer of the value.")
    value: Any = None
    cut: bool = Field(default=False, description="Whether the value is longer than what is here.")
    state: str = ""
    page: int | None = None
    quote: str = ""
    match: str = ""
    confidence: float | None = None
    box: PageBox | None = Field(default=None, description="Around the words of the value.")


class FailedCheck(BaseModel):
    """A check of the values that did not pass."""

    name: str
    outcome: str
    message: str


class ValueWarning(BaseModel):
    """Something that a reader of the values should know."""

    code: str
    message: str
    page: int | None = None


class ExtractAnswer(BaseModel):
    """Values in the order of the schema, each with its place. ``data`` is there if it is small."""

    document: str
    values_in_all: int
    values: list[Value]
    data: Any = Field(default=None, description="The values in the shape of the schema, if all of them are here.")
    checks: list[FailedCheck] = Field(default_factory=list)
    warnings: list[ValueWarning] = Field(default_factory=list)
    next: list[NextCall] = Field(default_factory=list)


class CitedPlace(BaseModel):
    """A place of the quotation on a page."""

    page: int
    start: int
    end: int
    text: str
    boxes: list[PageBox]
    image_url: str | None = Field(default=None, description="Picture of the page.")
    marked_image_url: str | None = Field(default=None, description="Picture of the page with the place marked.")


class CiteAnswer(BaseModel):
    """The places at which the quotation stands."""

    document: str
    quote: str
    found_in_all: int = Field(description="How often the whole document has it.")
    places: list[CitedPlace]
    next: list[NextCall] = Field(default_factory=list)


class ErrorFacts(BaseModel):
    """An error of the service, as its API answers it."""

    code: str
    message: str
    retryable: bool = False
    details: dict[str, Any] = Field(default_factory=dict)
