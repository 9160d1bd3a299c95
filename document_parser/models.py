"""The words of the product, as models without any library of ours behind them.

Lengths are fractions of the upright page unless a name says otherwise (``_points``, ``_pixels``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer

from document_parser.skew import Skew

PIPELINE_VERSION = "3"
"""Raised whenever the same page and options may read differently than before."""

EngineName = Literal["text_layer", "deepseek", "nanonets", "rapidocr", "tesseract"]
AccuracyMode = Literal["fast", "balanced", "maximum"]
OutputFormat = Literal["markdown", "json", "html", "csv", "text", "zip"]
BlockKind = Literal[
    "title",
    "heading",
    "paragraph",
    "list_item",
    "table",
    "figure",
    "caption",
    "formula",
    "code",
    "footnote",
    "page_header",
    "page_footer",
    "page_number",
    "signature",
    "watermark",
    "checkbox",
]
WarningCode = Literal[
    "engine_fallback",
    "loop_cut",
    "truncated",
    "low_coverage",
    "suspect_fabrication",
    "number_mismatch",
    "low_confidence",
    "low_agreement",
    "rotated",
    "bad_text_layer",
    "page_failed",
]
PageStatus = Literal["done", "blank", "failed"]
GuardName = Literal["length", "aborted", "loop", "broken_tags", "empty", "coverage", "fabrication"]
"""The checks that can reject a reading."""
PageKind = Literal["plain", "table", "figures", "form", "handwriting"]
"""What a page mostly is; ``figures`` is a page of tables full of numbers. It decides which model reads, and how it is asked."""
LowQuality = Literal["flag", "fallback", "fail"]
"""What becomes of a page whose reading is in doubt."""
SourceKind = Literal["pdf", "image"]
Lane = Literal["express", "normal", "batch"]
"""Which work goes first; see ``jobs/lanes.py``."""
FigureMode = Literal["none", "placeholder", "embed"]
"""How a result shows figures: not at all, by a link to their pictures, or with the pictures in it."""


class JobState(StrEnum):
    """Where a job stands. It only ever moves forward."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED}


class Word(NamedTuple):
    """A run of text with its place on the upright page, whoever found it.

    What only a text layer tells: the font's size (0 where unknown), its look, whether it is one for formulas or
    has letters of equal width (``mono``), the height of the baseline (0 where unknown), which tells raised and lowered
    characters from others, and where a link on it leads (``link``).
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size_points: float = 0.0
    bold: bool = False
    italic: bool = False
    confidence: float | None = None
    math: bool = False
    baseline: float = 0.0
    mono: bool = False
    link: str = ""


class Rule(NamedTuple):
    """What parts cells on the upright page. A thin box is a level or upright line; any other is filled, and its edges count."""

    left: float
    top: float
    right: float
    bottom: float


class BoundingBox(BaseModel):
    """A rectangle in fractions of the upright page, origin top left."""

    model_config = ConfigDict(frozen=True)

    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    right: float = Field(ge=0, le=1)
    bottom: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, left: float, top: float, right: float, bottom: float) -> BoundingBox:
        """A box from any four numbers: ordered, kept on the page, rounded to a hundredth of a per mille."""
        left, right = sorted((left, right))
        top, bottom = sorted((top, bottom))
        return cls(left=_on_page(left), top=_on_page(top), right=_on_page(right), bottom=_on_page(bottom))

    @classmethod
    def around(cls, words: Iterable[Word]) -> BoundingBox | None:
        """The smallest box that holds all words; None where there are none."""
        kept = list(words)
        if not kept:
            return None
        return cls.of(
            min(w.left for w in kept),
            min(w.top for w in kept),
            max(w.right for w in kept),
            max(w.bottom for w in kept),
        )

    def as_shown(self, skew: Skew) -> BoundingBox:
        """The box around the same place on the page as shown, where this is one of the straightened page."""
        return BoundingBox.of(*skew.as_shown((self.left, self.top, self.right, self.bottom)))

    def turned(self, degrees: int) -> BoundingBox:
        """The same place after the page was turned clockwise by 0, 90, 180 or 270 degrees."""
        match degrees % 360:
            case 90:
                return BoundingBox.of(1 - self.bottom, self.left, 1 - self.top, self.right)
            case 180:
                return BoundingBox.of(1 - self.right, 1 - self.bottom, 1 - self.left, 1 - self.top)
            case 270:
                return BoundingBox.of(self.top, 1 - self.right, self.bottom, 1 - self.left)
        return self


def _on_page(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)


class Span(BaseModel):
    """How a stretch of a text looks and where it leads.

    ``start`` and ``end`` count the text's Unicode characters from 0; the one at ``end`` is not part of it any more. The
    spans of a text stand in order and do not overlap.
    """

    model_config = ConfigDict(frozen=True)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    bold: bool = Field(default=False, exclude_if=lambda bold: not bold)
    italic: bool = Field(default=False, exclude_if=lambda italic: not italic)
    link: str | None = Field(
        default=None,
        exclude_if=lambda link: link is None,
        description="An address (http, https, mailto), or #page-N for a page of this document.",
    )


class Cell(BaseModel):
    """One cell of a table; rows and columns count from 0."""

    row: int = Field(ge=0)
    column: int = Field(ge=0)
    row_span: int = Field(default=1, ge=1)
    column_span: int = Field(default=1, ge=1)
    text: str = ""
    header: bool = False
    spans: list[Span] = Field(default_factory=list, exclude_if=lambda spans: not spans)
    """Emphasis and links in the text."""


class Table(BaseModel):
    """Cells with spans. HTML is a table's truth; Markdown, CSV and XLSX are derived from these cells."""

    rows: int = Field(ge=0)
    columns: int = Field(ge=0)
    cells: list[Cell] = Field(default_factory=list)

    @property
    def has_spans(self) -> bool:
        return any(cell.row_span > 1 or cell.column_span > 1 for cell in self.cells)


class Continuation(BaseModel):
    """What a block carries on: the block that an earlier page ended with, by its place (from 0) among that page's blocks.

    The whole text is the earlier one without its last ``cut`` characters, then ``between``, then this block's. The first
    ``repeated_rows`` rows of a table say its header again.
    """

    page: int
    block: int
    cut: int = 0
    between: str = ""
    repeated_rows: int = 0


class Block(BaseModel):
    """One thing on a page. ``text`` is plain text, formulas in it as LaTeX between dollar signs."""

    kind: BlockKind
    text: str = ""
    spans: list[Span] = Field(default_factory=list, exclude_if=lambda spans: not spans)
    """Emphasis and links in the text."""
    box: BoundingBox | None = None
    confidence: float | None = None
    level: int | None = None
    """Heading level 1..6, or the depth of a list item from 1."""
    table: Table | None = None
    size_points: float | None = Field(default=None, exclude_if=lambda size: size is None)
    """The font size of a heading, where the page tells it."""
    picture: str | None = Field(default=None, exclude_if=lambda name: name is None)
    """The name of the file with a figure's picture, cut out of the page."""
    continued_on: int | None = Field(default=None, exclude_if=lambda page: page is None)
    """The page that carries this block on."""
    continues: Continuation | None = Field(default=None, exclude_if=lambda before: before is None)


class PageWarning(BaseModel):
    """Something a reader of the page should know."""

    code: WarningCode
    message: str = ""
    page: int | None = None


class PageError(BaseModel):
    """Why a page could not be read."""

    code: str
    message: str


class Attempt(BaseModel):
    """One try of one engine at a page: the why-trail."""

    engine: EngineName
    outcome: Literal["accepted", "rejected", "error"]
    reason: str = ""
    guard: GuardName | None = Field(default=None, exclude_if=lambda name: name is None, description="What rejected it.")
    temperature: float | None = None
    milliseconds: int = 0
    cached: bool = Field(default=False, exclude_if=lambda cached: not cached, description="The reading came from the cache.")
    reading: int = Field(
        default=1, exclude_if=lambda reading: reading == 1, description="Which reading of the page it was made for, from 1."
    )


class Page(BaseModel):
    """A page as it was read. Width and height are in points of the upright page, rotation in degrees clockwise."""

    number: int = Field(ge=1)
    width: float = 0.0
    height: float = 0.0
    rotation: int = 0
    status: PageStatus = "done"
    engine: EngineName | None = None
    blocks: list[Block] = Field(default_factory=list)
    attempts: list[Attempt] = Field(default_factory=list)
    warnings: list[PageWarning] = Field(default_factory=list)
    confidence: float | None = None
    agreement: float | None = Field(default=None, exclude_if=lambda share: share is None)
    """The share of its words that a second reader found too; None where nobody read the page twice."""
    route: str = ""
    """Why this engine was chosen, in words."""
    error: PageError | None = None
    revision: int = Field(
        default=1, exclude_if=lambda revision: revision == 1, description="The job's revision for which it was read."
    )

    @property
    def cached(self) -> bool:
        """Whether it was read before, and no engine was asked."""
        last = max((attempt.reading for attempt in self.attempts), default=1)
        return any(attempt.cached for attempt in self.attempts if attempt.reading == last)


class Document(BaseModel):
    """A document after reading."""

    filename: str
    media_type: str
    page_count: int
    pipeline_version: str = PIPELINE_VERSION
    revision: int = 1
    """Raised each time a page was read again."""
    pages: list[Page] = Field(default_factory=list)


class PageFacts(BaseModel):
    """What is known of a page before anything reads it; all cheap to find.

    ``width_points`` and ``height_points`` are of the page as a viewer shows it, ``rotation`` is what the file asks a viewer
    to turn by. Shares are fractions 0..1.
    """

    number: int
    width_points: float
    height_points: float
    rotation: int = 0
    characters: int = 0
    unmapped_share: float = 0.0
    invisible_share: float = 0.0
    image_share: float = 0.0
    pictures: list[BoundingBox] = Field(default_factory=list)
    """Pictures on the page that are large enough to be figures, and no scan of the page."""
    objects: int = 0
    form_fields: int = 0


class PictureSpec(BaseModel):
    """The picture of a page that an engine wants: resolution, limits in pixels, encoding."""

    model_config = ConfigDict(frozen=True)

    dpi: float = 144.0
    max_long_side: int = 1920
    min_short_side: int = 0
    """Small originals are enlarged until their short side has this many pixels; 0 leaves them."""
    encoding: Literal["jpeg", "rgb"] = "jpeg"
    quality: int = 90
    region: BoundingBox | None = None
    """The part of the upright page that is wanted; all of it where there is none. The limits hold for the part."""


INK_COLUMNS, INK_ROWS = 32, 48
"""The grid on which a picture's ink is told."""


class InkFacts(BaseModel):
    """What the ink of a picture shows before anybody reads it.

    ``letters`` is about how many letters its lines of writing hold, ``ruled`` whether lines are drawn as around the cells of a
    table, ``uneven`` whether the lines of writing are of uneven height, as by hand. ``cells`` has a bit for every cell of a
    grid of INK_ROWS times INK_COLUMNS, row by row, most significant first, in hexadecimal: whether there is ink in it.
    """

    model_config = ConfigDict(frozen=True)

    letters: int = Field(default=0, ge=0)
    ruled: bool = False
    uneven: bool = False
    cells: str = Field(default="", max_length=INK_COLUMNS * INK_ROWS // 4, pattern=r"^[0-9a-f]*$")


@dataclass(frozen=True, slots=True)
class PageImage:
    """The picture of one page.

    ``data`` is a JPEG file, or rows of 8-bit RGB without padding. ``turned`` says by how many degrees clockwise the picture
    was turned away from what a viewer shows. ``ink`` is the share of dark pixels, ``sideways`` is above 1 where lines of
    writing seem to run from top to bottom. ``kind`` is what the page was found to be.
    """

    number: int
    width_pixels: int
    height_pixels: int
    encoding: Literal["jpeg", "rgb"]
    data: bytes = field(repr=False)
    turned: int = 0
    ink: float = 0.0
    sideways: float = 0.0
    marks: InkFacts = field(default_factory=InkFacts)
    kind: PageKind = "plain"


FinishReason = Literal["stop", "length", "loop", "aborted"]


SURELY = 0.7
"""Words read with less confidence do not count where two readings are compared by how much was read."""


@dataclass(slots=True)
class Reading:
    """What an engine returned for a page, before guards.

    Engines that find words give ``words`` and ``rules`` (boxes in fractions of the picture); engines that write give
    ``blocks``. Where there is a ``skew``, words and rules stand as on the straightened picture, blocks as on the one shown.
    ``text`` is the raw answer. ``lost`` is the share of the length of the lines found that could not be read, ``how`` what the
    engine says of its way of reading: nothing of the page.
    """

    engine: EngineName
    blocks: list[Block] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    skew: Skew = field(default_factory=Skew)
    text: str = ""
    lost: float = 0.0
    how: str = ""
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    milliseconds: int = 0
    temperature: float | None = None

    @property
    def letters_read(self) -> float:
        """Letters of the words that were read surely, each by its confidence; an engine that tells none is believed."""
        sure = ((word.text, 1.0 if word.confidence is None else word.confidence) for word in self.words)
        return sum(sum(map(str.isalnum, text)) * confidence for text, confidence in sure if confidence >= SURELY)


class Route(BaseModel):
    """The decision which engine reads a page, and why. ``engines`` is the ladder, first choice first."""

    model_config = ConfigDict(frozen=True)

    engines: tuple[EngineName, ...]
    reason: str
    second: EngineName | None = None
    """Who reads the page a second time, so that both can be compared."""


def parse_page_range(text: str) -> list[tuple[int, int]]:
    """``"1,3-5,8-"`` as ranges of page numbers from 1, both ends included; an open end is 0.

    Raises ValueError with a sentence for the user.
    """
    ranges = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.fullmatch(r"(\d{1,9})(?:\s*(-)\s*(\d{1,9})?)?", part)
        if match is None:
            raise ValueError(f"page_range has the form 1,3-5,8- and {part!r} is not of it.")
        first = int(match[1])
        last = first if match[2] is None else int(match[3] or 0)
        if first < 1 or (last and last < first):
            raise ValueError(f"page_range counts pages from 1 upwards, and {part!r} does not.")
        ranges.append((first, last))
    return ranges


def _page_range(text: str) -> str:
    parse_page_range(text)
    return text


class Options(BaseModel):
    """What a caller may ask for. Every text field is a plain string so that a form or a query can carry it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy_mode: AccuracyMode = Field(default="balanced", description="fast, balanced or maximum.")
    output_format: OutputFormat = Field(default="markdown", description="Format written first; others on request.")
    page_range: Annotated[str, AfterValidator(_page_range)] = Field(
        default="", max_length=1000, description='Pages to read, like "1,3-5,8-". Empty reads all.'
    )
    headers_footers: Literal["keep", "strip"] = Field(
        default="strip", description="Keep or strip running heads, feet and page numbers."
    )
    on_low_quality: LowQuality = Field(
        default="flag",
        description="A page whose reading is in doubt: flag keeps it with a warning, fallback asks further engines first, "
        "fail gives the page up.",
    )
    page_separator: str = Field(
        default="", max_length=200, description="A line between pages in Markdown and text; {page} is the next number."
    )
    priority: Literal["auto", "express", "normal", "batch"] = Field(
        default="auto", description="The lane: express before normal before batch; auto puts small documents into express."
    )
    figures: FigureMode = Field(
        default="placeholder",
        description="Figures in Markdown and HTML: none, placeholder (a link to each picture) or embed (the pictures in it).",
    )
    cache: bool = Field(default=True, description="Take what was read before from the cache, and keep what is read now.")

    def selects(self, page_count: int) -> list[int]:
        """The page numbers to read of a document with this many pages, ascending."""
        ranges = parse_page_range(self.page_range)
        if not ranges:
            return list(range(1, page_count + 1))
        chosen: set[int] = set()
        for first, last in ranges:
            chosen.update(range(first, min(last or page_count, page_count) + 1))
        return sorted(chosen)


class JobError(BaseModel):
    """Why a job failed; ``status`` is the HTTP status that says the same."""

    code: str
    message: str
    status: int
    retryable: bool = False
    details: dict[str, Any] = Field(default_factory=dict)


class Progress(BaseModel):
    """Counts of finished pages."""

    current_page: int = 0
    total_pages: int | None = None
    deepseek_pages: int = 0
    nanonets_pages: int = 0
    text_layer_pages: int = 0
    cpu_pages: int = 0
    blank_pages: int = 0
    cached_pages: int = 0
    failed_pages: int = 0
    percent: float = 0.0
    eta_seconds: int | None = None


class WebhookTry(BaseModel):
    """One try to deliver a webhook: the HTTP status of the answer, or what went wrong before there was one."""

    at: datetime
    status: int | None = None
    error: str | None = None

    @field_serializer("at", when_used="json")
    def _utc(self, value: datetime) -> str:
        return utc_text(value)


WebhookState = Literal["pending", "delivered", "failed"]


class Webhook(BaseModel):
    """How the delivery of a job's webhook goes; the newest tries stand last. Never the URL, which may hold secrets."""

    state: WebhookState = "pending"
    attempts: int = Field(default=0, description="Tries since the job ended, or since the last replay.")
    replays: int = Field(default=0, description="How often the operator began anew.")
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    tries: list[WebhookTry] = []

    @field_serializer("next_attempt_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)


class JobStatus(BaseModel):
    """What the status route shows."""

    job_id: str
    status: JobState
    stage: str = ""
    lane: Lane = "normal"
    cache: Literal["hit", "miss", "off"] = "off"
    """Whether all of it was read before; ``off`` where the cache was not asked."""
    shared: bool = False
    """Whether another job that was there first reads, or has read, the document for this one too."""
    queue_position: int | None = None
    """Place among the jobs that nobody has begun, from 1."""
    filename: str
    complete: bool | None = None
    revision: int = 1
    """Raised each time a page was read again: the result is another one."""
    progress: Progress = Field(default_factory=Progress)
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    webhook: Webhook | None = None

    @field_serializer("created_at", "started_at", "completed_at", "expires_at", when_used="json")
    def _utc(self, value: datetime | None) -> str | None:
        return None if value is None else utc_text(value)


def utc_text(value: datetime) -> str:
    """ISO 8601 with milliseconds and Z."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


class FormatFile(NamedTuple):
    """How a format is served: its media type and the extension of its file."""

    media_type: str
    extension: str


FORMAT_FILES: dict[OutputFormat, FormatFile] = {
    "markdown": FormatFile("text/markdown; charset=utf-8", "md"),
    "json": FormatFile("application/json", "json"),
    "html": FormatFile("text/html; charset=utf-8", "html"),
    "csv": FormatFile("application/json", "tables.json"),
    "text": FormatFile("text/plain; charset=utf-8", "txt"),
    "zip": FormatFile("application/zip", "zip"),
}
