"""A page that is being read: what is known of it, its image, which engine reads it, and what the engine returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from document_parser.models.document import Block, BoundingBox, HiddenText, Location, PageWarning, RulingLine, Word
from document_parser.models.enums import EngineName, PageKind, TableStrategy
from document_parser.models.skew import Skew


class SuspectFont(BaseModel):
    """The words of a page in a font whose letters may be others than those it shows."""

    words: list[Word]


DamagedPart = Literal["contents", "form", "picture", "font", "object", "frame", "pages"]
"""Which part of a page's data is damaged.

Its own contents, those of a form that it calls, an embedded image, a font, an object that it names and the file does not have,
the frame of an image file, or pages that the file promises.
"""


class Damage(BaseModel):
    """One damaged part of a page's data.

    ``fault`` is ``missing``, ``cut`` (it ends early), ``undecodable`` (nothing after some place can be decoded) or ``corrupt``
    (the decoded data is not what was written). ``decoded`` and ``promised`` count ``unit``; None if unknown. ``encoding`` names
    the coding, ``decoder`` is the message of the library that decoded it.
    """

    model_config = ConfigDict(frozen=True)

    part: DamagedPart
    fault: Literal["missing", "cut", "undecodable", "corrupt"]
    encoding: str = Field(default="", max_length=20, exclude_if=lambda name: not name)
    decoded: int | None = Field(default=None, ge=0)
    promised: int | None = Field(default=None, ge=0)
    unit: Literal["rows", "bytes", "percent", "pages"] = "bytes"
    decoder: str = Field(default="", max_length=120, exclude_if=lambda message: not message)


class FoundTable(BaseModel):
    """A table as a second reader of a PDF page found it.

    ``rows`` have the texts of the cells; None where a cell before or above spans the place.
    """

    model_config = ConfigDict(frozen=True)

    strategy: TableStrategy
    box: BoundingBox
    rows: list[list[str | None]]


MAX_INVISIBLE_SHARE = 0.5
"""Maximum share of invisible characters with which a text layer is not taken for an earlier OCR."""


class PageFacts(BaseModel):
    """What is known of a page before an engine reads it. All of it is cheap to find.

    ``width_points`` and ``height_points`` are the size of the page as a viewer shows it; ``rotation`` is the turn in degrees
    that the file asks a viewer for. Shares are fractions from 0 to 1. ``characters`` counts the visible characters, as far as
    visibility was checked.
    """

    number: int
    width_points: float
    height_points: float
    rotation: int = 0
    characters: int = 0
    unmapped_share: float = 0.0
    invisible_share: float = 0.0
    guessed: int = 0
    """Characters that the file gives no meaning, so that PDFium guessed them; counted if there is a sign of any."""
    image_share: float = 0.0
    pictures: list[BoundingBox] = Field(default_factory=list)
    """Boxes of embedded images, drawings and charts that are large enough to be figures and are no scan of the page."""
    objects: int = 0
    form_fields: int = 0
    dynamic_form: bool = False
    """Whether the document is a dynamic form (XFA), which few programs draw: its pages hold only a note that says so."""
    hidden: list[HiddenText] = Field(default_factory=list)
    """Invisible texts, unless the text layer as a whole is an earlier OCR. ``words`` of a source leaves them out."""
    unchecked_layers: int = 0
    """Groups of objects that may be in a layer that is switched off, and were not looked at because there are too many."""
    suspect_fonts: list[SuspectFont] = Field(default_factory=list)
    false_share: float = 0.0
    """Share of the characters in fonts that show other letters than they encode."""
    repaired: bool = False
    """Whether the file's structure was broken and had to be rebuilt."""
    unread_frames: int = 0
    """Further frames of an animation, or further photos in the file, which are not read."""
    location: Location | None = None
    """For a part of a flowing document: where it is. Such a part has no size and no page image."""


class Part(BaseModel):
    """A part of a flowing document as its file says it: a sheet, a slide, a message, a chapter, or the whole body.

    A figure's ``picture`` is the name of its image file; the images are asked for by their index (from 0) among the figures
    that have one.
    """

    location: Location
    blocks: list[Block] = Field(default_factory=list)
    warnings: list[PageWarning] = Field(default_factory=list)


MAX_NAME_CHARACTERS = 1000
"""Characters of the name of a member; longer ones are cut by who reads the container."""


class Member(BaseModel):
    """A file inside a document: an attachment, the entry of an archive, an embedded object."""

    name: str = Field(max_length=MAX_NAME_CHARACTERS, description="As the container says it; it may look like a path.")
    size: int | None = Field(default=None, ge=0, description="In bytes, as declared; None if that is not known.")
    part: int = Field(default=1, ge=1, description="The number of the page or part that it belongs to.")


class PageImageSpec(BaseModel):
    """The page image that an engine wants: resolution, limits in pixels, encoding."""

    model_config = ConfigDict(frozen=True)

    dpi: float = 144.0
    max_long_side: int = 1920
    min_short_side: int = 0
    """Small originals are enlarged until their short side has this many pixels; 0 leaves them."""
    max_pixels: int = 0
    """Maximum of width times height; 0 sets none."""
    multiple_of: int = 1
    """Both sides are multiples of this many pixels: models cut an image into squares and would scale any other one again."""
    encoding: Literal["jpeg", "rgb"] = "jpeg"
    quality: int = 90
    straighten: bool = False
    """Whether an image whose lines are clearly skewed is straightened."""
    region: BoundingBox | None = None
    """The part of the upright page that is wanted; None for the whole page. The limits apply to the part."""


INK_COLUMNS, INK_ROWS = 32, 48
"""The grid on which an image's ink is described."""


class InkFacts(BaseModel):
    """What the ink of an image shows before an engine reads it.

    ``letters`` is about how many letters its lines of writing hold. ``ruled`` is whether lines are drawn as around the cells of
    a table. ``uneven`` is whether the lines of writing are of uneven height, as in handwriting. ``cells`` has a bit for every
    cell of a grid of INK_ROWS times INK_COLUMNS, row by row, most significant first, in hexadecimal: whether there is ink in
    it.
    """

    model_config = ConfigDict(frozen=True)

    letters: int = Field(default=0, ge=0)
    ruled: bool = False
    uneven: bool = False
    cells: str = Field(default="", max_length=INK_COLUMNS * INK_ROWS // 4, pattern=r"^[0-9a-f]*$")


@dataclass(frozen=True, slots=True)
class PageImage:
    """The page image: one page as pixels.

    ``data`` is a JPEG file, or rows of 8-bit RGB without padding. ``turned`` is by how many degrees clockwise the image was
    turned from what a viewer shows. ``ink`` is the share of dark pixels. ``sideways_score`` is above 1 if lines of writing seem
    to run from top to bottom. ``kind`` is what the page was found to be.
    """

    number: int
    width_pixels: int
    height_pixels: int
    encoding: Literal["jpeg", "rgb"]
    data: bytes = field(repr=False)
    turned: int = 0
    ink: float = 0.0
    sideways_score: float = 0.0
    ink_facts: InkFacts = field(default_factory=InkFacts)
    kind: PageKind = "plain"
    skew: Skew = field(default_factory=Skew)
    """How it was straightened."""
    damage: Damage | None = None
    """Damage that the libraries reported while drawing it."""


FinishReason = Literal["stop", "length", "loop", "aborted"]
"""Why an answer ended: by itself, at the maximum length, in a loop, or aborted."""


MIN_SURE_CONFIDENCE = 0.7
"""Words read with less confidence do not count when two readings are compared by how much was read."""


def _from_pairs(parts: Any) -> Any:
    """Return the parts of lines by their line, if they are the pairs as which JSON has them."""
    return {Word(*line): words for line, words in parts} if isinstance(parts, list) else parts


PartsOfLines = Annotated[
    dict[Word, list[Word]],
    BeforeValidator(_from_pairs),
    PlainSerializer(lambda parts: list(parts.items()), return_type=list[tuple[Word, list[Word]]]),
]
"""Words by the line that they are part of. In JSON, whose keys are texts, a list of pairs."""


@dataclass(slots=True)
class Reading:
    """What an engine returned for a page, before guards.

    Engines that find words give ``words``, ``rules`` and the places of ``figures``; engines that write give ``blocks``. Boxes
    are fractions of the image; with a ``skew``, of the straightened image. ``text`` is the raw answer. ``unread_share`` is
    the share of the length of the lines found that could not be read, ``unknown_share`` that of lines in letters which the
    engine does not know. ``uncertain_lines`` are these lines, and others of little confidence, as far as they could be read.
    ``lost_lines`` are those that look like writing and of which nothing is among the ``words``.
    ``parts_of_lines`` are the words of lines, or the runs of those of which a part is struck out, with boxes of their ink. The
    parts of a line that another engine read are among the ``words`` in its place. ``mended`` counts the letters and spaces that
    a dictionary has decided. ``how`` is what the engine says of its way
    of reading, nothing of the page.
    """

    engine: EngineName
    blocks: list[Block] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    parts_of_lines: PartsOfLines = field(default_factory=dict)
    rules: list[RulingLine] = field(default_factory=list)
    figures: list[BoundingBox] = field(default_factory=list)
    skew: Skew = field(default_factory=Skew)
    text: str = ""
    unread_share: float = 0.0
    unknown_share: float = 0.0
    uncertain_lines: list[Word] = field(default_factory=list)
    lost_lines: list[Word] = field(default_factory=list)
    mended: int = 0
    how: str = ""
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    milliseconds: int = 0
    temperature: float | None = None

    @property
    def confident_letters(self) -> float:
        """Return the letters of words read with confidence, each weighted by it. Words without a confidence count fully."""
        return confident_letters(self.words)

    def replace_lines(self, better: Mapping[Word, Sequence[Word]]) -> Reading:
        """Return the reading with lines of its own replaced by these words.

        The lines are no longer uncertain or lost, and the unread share is smaller. The words are parts of the lines that they
        replace.
        """
        words = [word for word in self.words if word not in better]
        words += [word for found in better.values() for word in found]
        doubtful = [line for line in self.uncertain_lines if line not in better]
        lost = [line for line in self.lost_lines if line not in better]
        before = _total_length_of(self.uncertain_lines)
        left = _total_length_of(doubtful) / before if before else 1.0
        unread, unknown = (round(share * left, 4) for share in (self.unread_share, self.unknown_share))
        parts = self.parts_of_lines | {line: list(found) for line, found in better.items()}
        return replace(
            self,
            words=words,
            parts_of_lines=parts,
            uncertain_lines=doubtful,
            lost_lines=lost,
            unread_share=unread,
            unknown_share=unknown,
        )

    def spell_lines(self, texts: Mapping[Word, str]) -> Reading:
        """Return the reading with lines of its own spelt otherwise, as many words as before, and their parts with them."""
        spelt = {line: line._replace(text=text) for line, text in texts.items()}
        parts = {
            spelt.get(line, line): _spell_parts(parts, texts[line]) if line in texts else parts
            for line, parts in self.parts_of_lines.items()
        }
        return replace(self, words=[spelt.get(word, word) for word in self.words], parts_of_lines=parts)


def _spell_parts(parts: Sequence[Word], text: str) -> list[Word]:
    """Return the parts of a line with the words of its other spelling; none if these are not as many."""
    words, found = text.split(), []
    for part in parts:
        count = len(part.text.split())
        found.append(part._replace(text=" ".join(words[:count])))
        words = words[count:]
    return [] if words or not all(part.text for part in found) else found


def _total_length_of(lines: Sequence[Word]) -> float:
    return sum(line.right - line.left for line in lines)


def confident_letters(words: Iterable[Word], at_least: float = MIN_SURE_CONFIDENCE) -> float:
    """Return the letters of words read with at least this confidence, each weighted by it.

    Words without a confidence count fully.
    """
    sure = ((word.text, 1.0 if word.confidence is None else word.confidence) for word in words)
    return sum(sum(map(str.isalnum, text)) * confidence for text, confidence in sure if confidence >= at_least)


class Route(BaseModel):
    """The decision which engine reads a page, and why. ``engines`` is the ladder, first choice first."""

    model_config = ConfigDict(frozen=True)

    engines: tuple[EngineName, ...]
    reason: str
    second: EngineName | None = None
    """The engine that reads the page a second time, so that both readings can be compared."""
