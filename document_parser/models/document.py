"""What was read: a document of pages of blocks, each with its place and how it came to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models.words import (
    HARMLESS_WARNINGS,
    PIPELINE_VERSION,
    BlockKind,
    EngineName,
    GuardName,
    HiddenReason,
    PageStatus,
    WarningCode,
)
from document_parser.skew import Skew


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

    def straightened(self, skew: Skew) -> Word:
        """The word of the page as shown where it stands on the straightened one."""
        if not skew.degrees:
            return self
        left, top, right, bottom = skew.straightened((self.left, self.top, self.right, self.bottom))
        return self._replace(left=left, top=top, right=right, bottom=bottom, baseline=0.0)


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
    caption: int | None = Field(
        default=None,
        exclude_if=lambda place: place is None,
        description="Of a table or figure: the place (from 0) of its caption among the page's blocks.",
    )
    caption_of: int | None = Field(
        default=None,
        exclude_if=lambda place: place is None,
        description="Of a caption: the place (from 0) of its table or figure among the page's blocks.",
    )
    continued_on: int | None = Field(default=None, exclude_if=lambda page: page is None)
    """The page that carries this block on."""
    continues: Continuation | None = Field(default=None, exclude_if=lambda before: before is None)


class HiddenText(BaseModel):
    """A text that stands in the file and that nobody sees on the page. No format but JSON has it."""

    text: str
    words: int
    """How many."""
    box: BoundingBox
    """Where it would stand; on the page's edge where that is outside."""
    hidden: HiddenReason
    """Why nobody sees it."""


class PageWarning(BaseModel):
    """Something a reader of the page should know."""

    code: WarningCode
    message: str = ""
    page: int | None = None
    details: dict[str, Any] = Field(
        default_factory=dict,
        exclude_if=lambda details: not details,
        description="Of damaged_data and cut_off: what is damaged, and how much of it could be decoded.",
    )


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
    hidden: list[HiddenText] = Field(default_factory=list, exclude_if=lambda hidden: not hidden)
    """Texts of the text layer that nobody sees on the page. They are no part of its blocks, nor of any other format."""
    stripped: int = Field(
        default=0,
        exclude_if=lambda lines: not lines,
        description="How many lines of running heads and feet the texts leave out (headers_footers=strip), bare page numbers "
        "not counted. The lines are blocks of the page.",
    )
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
    def flagged(self) -> bool:
        """Whether somebody should look at how it was read."""
        return self.status != "failed" and any(warning.code not in HARMLESS_WARNINGS for warning in self.warnings)

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
