"""Results of jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, RootModel
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import Query
from document_parser.api.schemas.chunks import UsedChunking
from document_parser.models import Child, Chunk, Document, DocumentSegment, OutputFormat, ResultWarning
from document_parser.models.extraction import ResultExtraction


def _is_none(value: object) -> bool:
    return value is None


class ResultQuery(Query):
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
