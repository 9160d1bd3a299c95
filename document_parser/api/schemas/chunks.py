"""Chunks of a document, and places in it that are cited."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import Query
from document_parser.models import MAX_CHUNK_TOKENS, MIN_CHUNK_TOKENS, ChunkStrategy


class ChunksQuery(Query):
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


class CiteQuery(Query):
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
