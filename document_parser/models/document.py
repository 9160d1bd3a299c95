"""The result of reading: a document of pages of blocks, each with its place and how it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.models.classification import DocumentSegment
from document_parser.models.enums import (
    HARMLESS_WARNINGS,
    PIPELINE_VERSION,
    BlockKind,
    EngineName,
    GrammarName,
    GuardName,
    HiddenReason,
    LayerName,
    LocationKind,
    PageStatus,
    ReaderName,
    WarningCode,
)
from document_parser.models.packed_cells import STORED, CellsSchema, PackedCells, PackedTexts
from document_parser.models.page_words import PageWords
from document_parser.models.skew import Skew


class Word(NamedTuple):
    """A piece of text with its place on the upright page, from any source.

    Boxes and ``baseline`` are fractions of the page, origin top left. Only a text layer gives the font size (0 if unknown), the
    style, whether the font is for formulas (``math``) or has letters of equal width (``mono``), the height of the baseline (0
    if unknown), which distinguishes raised and lowered characters, and the target of a link (``link``). ``direction`` is where
    the line runs to on the page, as ``direction_of`` counts it: 0 to the right, 90 down, 180 upside down, 270 up. ``struck``
    says whether the word is struck out. ``estimated_points`` is a font size that was estimated for the line of a scan which the
    word is part of; 0 if the word is to be measured by itself.
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
    direction: int = 0
    struck: bool = False
    link: str = ""
    estimated_points: float = 0.0

    def straighten(self, skew: Skew) -> Word:
        """Return the word of the page as shown with its place on the straightened page."""
        if not skew.degrees:
            return self
        left, top, right, bottom = skew.straighten((self.left, self.top, self.right, self.bottom))
        return self._replace(left=left, top=top, right=right, bottom=bottom, baseline=0.0)


class RulingLine(NamedTuple):
    """A line that separates cells, in fractions of the upright page, origin top left.

    A thin box is a horizontal or vertical line. Any other box is a filled area whose edges count as lines.
    """

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
        """Return a box from any four numbers: ordered, limited to the page, rounded to five decimals."""
        left, right = sorted((left, right))
        top, bottom = sorted((top, bottom))
        return cls(left=_clamp(left), top=_clamp(top), right=_clamp(right), bottom=_clamp(bottom))

    @classmethod
    def around(cls, words: Iterable[Word]) -> BoundingBox | None:
        """Return the smallest box that contains all words. None if there are none."""
        kept = list(words)
        if not kept:
            return None
        return cls.of(
            min(w.left for w in kept),
            min(w.top for w in kept),
            max(w.right for w in kept),
            max(w.bottom for w in kept),
        )

    def unstraighten(self, skew: Skew) -> BoundingBox:
        """Return the box around the same place on the page as shown; this box is on the page straightened by ``skew``."""
        return BoundingBox.of(*skew.unstraighten((self.left, self.top, self.right, self.bottom)))

    def turn(self, degrees: int) -> BoundingBox:
        """Return the box of the same place after the page was turned clockwise by 0, 90, 180 or 270 degrees."""
        match degrees % 360:
            case 90:
                return BoundingBox.of(1 - self.bottom, self.left, 1 - self.top, self.right)
            case 180:
                return BoundingBox.of(1 - self.right, 1 - self.bottom, 1 - self.left, 1 - self.top)
            case 270:
                return BoundingBox.of(self.top, 1 - self.right, self.bottom, 1 - self.left)
        return self


def _clamp(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)


class Span(BaseModel):
    """The style of a range of a text, and where the range leads.

    ``start`` and ``end`` count the text's Unicode characters from 0; the character at ``end`` is not included. The spans of a
    text are in order and do not overlap.
    """

    model_config = ConfigDict(frozen=True)

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    bold: bool = Field(default=False, exclude_if=lambda bold: not bold)
    italic: bool = Field(default=False, exclude_if=lambda italic: not italic)
    struck: bool = Field(
        default=False, exclude_if=lambda struck: not struck, description="Struck out: the document says that it is not valid."
    )
    code: bool = Field(
        default=False, exclude_if=lambda code: not code, description="Code within a text: to be read letter by letter."
    )
    link: str | None = Field(
        default=None,
        exclude_if=lambda link: link is None,
        description="An address (http, https, mailto), or #page-N for a page of this document.",
    )
    note: str | None = Field(
        default=None,
        exclude_if=lambda note: note is None,
        description="In a flowing document, for the mark of a footnote or endnote: the name that the blocks of the note on the "
        "same page have as note, and that the mark at their beginning has too.",
    )


class Cell(BaseModel):
    """One cell of a table. Rows and columns count from 0."""

    row: int = Field(ge=0)
    column: int = Field(ge=0)
    row_span: int = Field(default=1, ge=1)
    column_span: int = Field(default=1, ge=1)
    text: str = ""
    header: bool = False
    spans: list[Span] = Field(default_factory=list, exclude_if=lambda spans: not spans)
    """Emphasis and links in the text."""
    value: bool | int | float | str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="For a cell of a sheet: the stored value if it is a number, a truth value or a date (ISO 8601); "
        "a text is its own value.",
    )
    formula: str | None = Field(
        default=None, exclude_if=lambda formula: formula is None, description="For a cell of a sheet: its formula, after =."
    )
    format: str | None = Field(
        default=None,
        exclude_if=lambda code: code is None,
        description="For a cell of a sheet: the number format by which the text shows the value, unless it is General.",
    )


def _make_plain_cell(**fields: Any) -> Cell:
    """Return a cell of a plain table from fields that are known to be right."""
    return Cell.model_construct(row_span=1, column_span=1, spans=[], **fields)


if TYPE_CHECKING:
    Cells = Sequence[Cell]
else:
    Cells = Annotated[list[Cell], CellsSchema(_make_plain_cell)]


def pack_cells(packed: PackedTexts) -> Sequence[Cell]:
    """Return the cells of a large plain table from their packed form."""
    return PackedCells(packed, _make_plain_cell)


def stored_json(model: BaseModel) -> bytes:
    """Return a model as JSON for this program itself, with packed cells and words; others get ``model_dump_json``."""
    stored = model.model_dump_json(context=STORED)
    if isinstance(model, Page) and model.words is not None:
        stored = f'{stored[:-1]},"words":{model.words.model_dump_json()}}}'
    return stored.encode()


class Table(BaseModel):
    """The cells of a table, with spans. HTML shows a table exactly; Markdown, CSV and XLSX are derived from these cells."""

    rows: int = Field(ge=0)
    columns: int = Field(ge=0)
    cells: Cells = Field(default_factory=list)
    """A list of cells; of a large plain table a sequence that makes them when they are asked for."""

    @property
    def is_packed(self) -> bool:
        """Return whether the table is large and plain, so that its cells are packed."""
        return isinstance(self.cells, PackedCells)

    @property
    def has_spans(self) -> bool:
        """Return whether a cell covers more than one row or column."""
        return not self.is_packed and any(cell.row_span > 1 or cell.column_span > 1 for cell in self.cells)


class Continuation(BaseModel):
    """The block that this one continues: the one that ended an earlier page, by its index (from 0) among that page's blocks.

    The whole text is the earlier one without its last ``cut`` characters, then ``between``, then this block's. The first
    ``repeated_rows`` rows of a table repeat its header.
    """

    page: int
    block: int
    cut: int = 0
    between: str = ""
    repeated_rows: int = 0


class Location(BaseModel):
    """Where a part of a flowing document is: such a part has no page image, and its blocks have no boxes."""

    model_config = ConfigDict(frozen=True)

    kind: LocationKind
    name: str = Field(default="", description="The name of a sheet, or the title of a slide, message or chapter.")
    range: str = Field(
        default="", exclude_if=lambda cells: not cells, description="For a sheet: the cells of this part, such as A1:F200."
    )


CODE_LANGUAGE = r"[A-Za-z][A-Za-z0-9_+#.-]{0,39}"
"""The name of a programming language as it may stand behind a fence."""


class Block(BaseModel):
    """One thing on a page. ``text`` is plain text, with formulas as LaTeX between dollar signs."""

    kind: BlockKind
    layer: LayerName = Field(
        default="body",
        exclude_if=lambda layer: layer == "body",
        description="The layer of a flowing document that the block belongs to; the option layers chooses which are shown.",
    )
    text: str = ""
    spans: list[Span] = Field(default_factory=list, exclude_if=lambda spans: not spans)
    """Emphasis and links in the text."""
    box: BoundingBox | None = None
    confidence: float | None = None
    level: int | None = None
    """Heading level 1 to 6, or the depth of a list item from 1."""
    language: str | None = Field(
        default=None,
        pattern=f"^{CODE_LANGUAGE}$",
        exclude_if=lambda name: name is None,
        description="For code of a flowing document: the programming language that the file names.",
    )
    note: str | None = Field(
        default=None,
        exclude_if=lambda note: note is None,
        description="For a block of a footnote or endnote of a flowing document: the name of the note on its page, which the "
        "span of its mark in the text has as note.",
    )
    table: Table | None = None
    size_points: float | None = Field(default=None, exclude_if=lambda size: size is None)
    """The font size of a heading, if the page gives it."""
    picture: str | None = Field(default=None, exclude_if=lambda name: name is None)
    """The name of the file with a figure's picture, cut out of the page."""
    caption: int | None = Field(
        default=None,
        exclude_if=lambda place: place is None,
        description="For a table or figure: index (from 0) of its caption among the page's blocks.",
    )
    caption_of: int | None = Field(
        default=None,
        exclude_if=lambda place: place is None,
        description="For a caption: index (from 0) of its table or figure among the page's blocks.",
    )
    printed_page: int | None = Field(
        default=None,
        exclude_if=lambda page: page is None,
        description="For a flowing document: the page, counted from 1, on which the block begins in the program that saved the "
        "file; None where the file does not say it.",
    )
    continued_on: int | None = Field(default=None, exclude_if=lambda page: page is None)
    """The page that continues this block."""
    continues: Continuation | None = Field(default=None, exclude_if=lambda before: before is None)


class HiddenText(BaseModel):
    """A text that is in the file and invisible on the page. Only the JSON format has it."""

    text: str
    words: int
    """How many."""
    box: BoundingBox
    """Where it would be; on the page's edge if that is outside the page."""
    hidden: HiddenReason
    """Why it is invisible."""


class UnreadLine(BaseModel):
    """A line that looks like writing and could not be read. Only the JSON format has it."""

    text: str
    """What the engine took it for, with too little confidence to be a part of the page; empty if it saw no letter."""
    confidence: float | None = None
    box: BoundingBox
    """Where it is."""


class PageWarning(BaseModel):
    """Something a reader of the page should know."""

    code: WarningCode
    message: str = ""
    page: int | None = None
    details: dict[str, Any] = Field(
        default_factory=dict,
        exclude_if=lambda details: not details,
        description="For damaged_data and cut_off: the damaged parts, and how much of each could be decoded.",
    )


class PageError(BaseModel):
    """Why a page could not be read."""

    code: str
    message: str


class Attempt(BaseModel):
    """One attempt of one engine to read a page, with its outcome and the reason."""

    engine: ReaderName
    model: str = Field(
        default="", exclude_if=lambda name: not name, description="The model that was asked, by the name its server serves it."
    )
    grammar: GrammarName | None = Field(
        default=None,
        exclude_if=lambda name: name is None,
        description="The form in which the model of the engine vlm was expected to answer (VLLM_VLM_GRAMMAR).",
    )
    outcome: Literal["accepted", "rejected", "error"]
    reason: str = ""
    guard: GuardName | None = Field(
        default=None, exclude_if=lambda name: name is None, description="The check that rejected the reading."
    )
    code: str = Field(
        default="", exclude_if=lambda code: not code, description="The code of the error of an engine that gave no answer."
    )
    temperature: float | None = None
    milliseconds: int = 0
    tokens: int = Field(
        default=0, exclude_if=lambda tokens: not tokens, description="Tokens of the model's prompt and answer together."
    )
    cached: bool = Field(default=False, exclude_if=lambda cached: not cached, description="The reading came from the cache.")
    reading: int = Field(
        default=1,
        exclude_if=lambda reading: reading == 1,
        description="The reading of the page that the attempt belongs to, from 1.",
    )


class Page(BaseModel):
    """A page as it was read. Width and height are in points of the upright page, rotation in degrees clockwise."""

    number: int = Field(ge=1)
    width: float = 0.0
    height: float = 0.0
    rotation: int = 0
    location: Location | None = Field(
        default=None,
        exclude_if=lambda location: location is None,
        description="For a part of a document without pages: the sheet, slide, message or chapter that it is.",
    )
    status: PageStatus = "done"
    engine: EngineName | None = None
    blocks: list[Block] = Field(default_factory=list)
    attempts: list[Attempt] = Field(default_factory=list)
    warnings: list[PageWarning] = Field(default_factory=list)
    hidden: list[HiddenText] = Field(default_factory=list, exclude_if=lambda hidden: not hidden)
    """Invisible texts of the text layer. They are not among the page's blocks, nor in any other format."""
    unread: list[UnreadLine] = Field(
        default_factory=list,
        exclude_if=lambda lines: not lines,
        description="Lines that look like writing and that could not be read. They are not among the page's blocks, nor in any "
        "other format; a warning of the page counts them.",
    )
    words: SkipJsonSchema[PageWords | None] = Field(default=None, exclude=True)
    """The words that the page was read from, or that it was compared with, with their places. Only ``stored_json`` has them."""
    stripped: int = Field(
        default=0,
        exclude_if=lambda lines: not lines,
        description="Number of lines of page headers and footers that the texts leave out (headers_footers=strip), without "
        "bare page numbers. The lines are blocks of the page.",
    )
    confidence: float | None = None
    agreement: float | None = Field(default=None, exclude_if=lambda share: share is None)
    """The share of its words that a second reader found too. None if the page was not read twice."""
    route: str = ""
    """Why this engine was chosen, in words."""
    error: PageError | None = None
    revision: int = Field(
        default=1, exclude_if=lambda revision: revision == 1, description="The job's revision for which the page was read."
    )

    @property
    def is_flagged(self) -> bool:
        """Return whether a person should check how the page was read."""
        return self.status != "failed" and any(warning.code not in HARMLESS_WARNINGS for warning in self.warnings)

    @property
    def is_cached(self) -> bool:
        """Return whether the page came from the cache and no engine was asked."""
        last = max((attempt.reading for attempt in self.attempts), default=1)
        return any(attempt.cached for attempt in self.attempts if attempt.reading == last)


class Child(BaseModel):
    """A document inside another one: an attachment, the entry of an archive. It has a job, a ledger and a result of its own."""

    model_config = ConfigDict(frozen=True)

    name: str
    part: int = Field(default=1, description="The page or part of the outer document that it belongs to, from 1.")
    job_id: str | None = Field(default=None, description="Its job; null if it is not read, and the error says why.")
    status_url: str | None = None
    source_url: str | None = Field(
        default=None, exclude_if=lambda url: url is None, description="Where the file itself can be fetched."
    )
    invoice: str | None = Field(
        default=None,
        exclude_if=lambda invoice: invoice is None,
        description="The specification that it follows, if it is the data of an electronic invoice; empty if it says none.",
    )
    error: PageError | None = Field(default=None, exclude_if=lambda error: error is None)


class Document(BaseModel):
    """A document after reading."""

    filename: str
    media_type: str
    page_count: int
    pipeline_version: str = PIPELINE_VERSION
    revision: int = 1
    """Raised each time a page is read again."""
    pages: list[Page] = Field(default_factory=list)
    children: list[Child] = Field(
        default_factory=list, exclude_if=lambda children: not children, description="The documents inside this one."
    )
    attachments: list[Child] = Field(
        default_factory=list,
        exclude_if=lambda attachments: not attachments,
        description="Those of them that are the data of electronic invoices.",
    )
    segments: list[DocumentSegment] | None = Field(
        default=None,
        exclude_if=lambda segments: segments is None,
        description="The documents that the file holds, if it was classified.",
    )

    def with_children(self, children: Sequence[Child]) -> Document:
        """Return the document with the documents inside it."""
        invoices = [child for child in children if child.invoice is not None]
        return self.model_copy(update={"children": [*children], "attachments": invoices})
