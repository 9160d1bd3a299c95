"""The options of a request."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from document_parser.models.chunks import (
    DEFAULT_CHUNK_TOKENS,
    MAX_CHUNK_TOKENS,
    MIN_CHUNK_TOKENS,
    Chunking,
    ChunkStrategy,
    check_overlap,
)
from document_parser.models.enums import LAYERS, AccuracyMode, FigureMode, LowQuality, OutputFormat


def parse_page_range(text: str) -> list[tuple[int, int]]:
    """Return ``"1,3-5,8-"`` as ranges of page numbers from 1, both ends included. An open end is 0.

    Raises ValueError that says what is wrong, to go behind the name of the field.
    """
    ranges = []
    for part in (piece.strip() for piece in text.split(",")) if text.strip() else ():
        match = re.fullmatch(r"([0-9]{1,9})(?:\s*(-)\s*([0-9]{1,9})?)?", part)
        if match is None:
            raise ValueError(f"has the form 1,3-5,8- and {part!r} does not match it")
        first = int(match[1])
        last = first if match[2] is None else int(match[3] or 0)
        if first < 1 or (last and last < first):
            raise ValueError(f"counts pages from 1 upwards, and {part!r} does not")
        ranges.append((first, last))
    return ranges


def _check_page_range(text: str) -> str:
    parse_page_range(text)
    return text


def parse_layers(text: str) -> frozenset[str]:
    """Return the names in ``"body,headers,notes"``. Raises ValueError with a sentence for the user."""
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names.difference(LAYERS)):
        raise ValueError(f"layers are {', '.join(LAYERS)}, separated by commas, and {unknown[0]!r} is none of them.")
    if not names:
        raise ValueError(f"layers names at least one of {', '.join(LAYERS)}.")
    return names


def _check_layers(text: str) -> str:
    names = parse_layers(text)
    return ",".join(name for name in LAYERS if name in names)


def _join_labels(given: Any) -> Any:
    """Return a list of names, as a JSON object or the text of a form may have it, as text with commas."""
    if isinstance(given, str) and given.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            given = json.loads(given)
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return ",".join(given)
    return given


class Options(BaseModel):
    """The options of a request. Every text field is a plain string, so that a form or a query can carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy_mode: AccuracyMode = Field(default="balanced", description="fast, balanced or maximum.")
    output_format: OutputFormat = Field(
        default="markdown", description="Format that is written first. Other formats are written on request."
    )
    page_range: Annotated[str, AfterValidator(_check_page_range)] = Field(
        default="", max_length=1000, description='Pages to read, like "1,3-5,8-". Empty reads all.'
    )
    headers_footers: Literal["keep", "strip"] = Field(
        default="strip", description="Keep or strip page headers, page footers and page numbers."
    )
    layers: Annotated[str, AfterValidator(_check_layers)] = Field(
        default="body,headers,notes",
        max_length=100,
        description="Layers of office files, mail and web pages that the text shows, separated by commas: body, headers, "
        "notes, comments, revisions, hidden. JSON has them all.",
    )
    on_low_quality: LowQuality = Field(
        default="flag",
        description="For a page whose reading is in doubt: flag keeps it with a warning, fallback asks further "
        "engines first, fail reports the page as failed.",
    )
    page_separator: str = Field(
        default="", max_length=200, description="A line between pages in Markdown, HTML and text; {page} is the next number."
    )
    priority: Literal["auto", "express", "normal", "batch"] = Field(
        default="auto",
        description="Lane of the job: express before normal before batch; auto puts small documents into express.",
    )
    figures: FigureMode = Field(
        default="placeholder",
        description="Figures in Markdown and HTML: none, placeholder (a link to each image) or embed (the images themselves).",
    )
    csv_safe: bool = Field(
        default=True,
        description="CSV cells that a spreadsheet would run as a formula get an apostrophe in front; false: as read.",
    )
    chunk_strategy: ChunkStrategy = Field(
        default="heading",
        description="Where chunks end (output_format=chunks): before headings, at the ends of pages, or after each block.",
    )
    chunk_max_tokens: int = Field(
        default=DEFAULT_CHUNK_TOKENS,
        ge=MIN_CHUNK_TOKENS,
        le=MAX_CHUNK_TOKENS,
        description="Maximum tokens of a chunk with its headings.",
    )
    chunk_overlap: int = Field(
        default=0, ge=0, description="Tokens at the end of a chunk that the next one repeats; less than half of a chunk."
    )
    classify: bool = Field(
        default=False, description="Say what types of documents the file holds, and on which pages: segments of the result."
    )
    labels: Annotated[str, BeforeValidator(_join_labels)] = Field(
        default="",
        max_length=4000,
        description="The types that the file may hold, separated by commas; classifies it. Empty: all, with classify=true.",
    )
    cache: bool = Field(default=True, description="Read earlier readings from the cache, and store new ones in it.")
    retention_hours: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Hours for which the ended job and its files are kept, at most MAX_RETENTION_HOURS. 0: until the result "
        "has been read completely once. Empty: JOB_TTL_HOURS.",
    )

    @field_validator("chunk_overlap")
    @classmethod
    def _check_overlap(cls, overlap: int, info: ValidationInfo) -> int:
        return check_overlap(overlap, info.data.get("chunk_max_tokens", MAX_CHUNK_TOKENS))

    @property
    def chunking(self) -> Chunking:
        """Return how the document is parted into chunks."""
        return Chunking(self.chunk_max_tokens, self.chunk_overlap, self.chunk_strategy)

    def with_chunking(self, chunking: Chunking) -> Options:
        """Return the options for other chunks."""
        changes = {
            "chunk_max_tokens": chunking.max_tokens,
            "chunk_overlap": chunking.overlap,
            "chunk_strategy": chunking.strategy,
        }
        return self.model_copy(update=changes)

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Return the types that the file may hold, each once; empty for all of them, None if it is not to be classified."""
        names = tuple(dict.fromkeys(name.strip() for name in self.labels.split(",") if name.strip()))
        return names if names or self.classify else None

    @property
    def ends_with_read(self) -> bool:
        """Return whether the job is deleted when its result has been read completely."""
        return self.retention_hours == 0

    def hours_to_keep(self, default: float) -> float:
        """Return for how many hours the ended job is kept, read or not; ``default`` is what the settings say."""
        return self.retention_hours or default

    def select_pages(self, page_count: int) -> list[int]:
        """Return the page numbers to read of a document with this many pages, in ascending order."""
        ranges = parse_page_range(self.page_range)
        if not ranges:
            return list(range(1, page_count + 1))
        chosen: set[int] = set()
        for first, last in ranges:
            chosen.update(range(first, min(last or page_count, page_count) + 1))
        return sorted(chosen)
