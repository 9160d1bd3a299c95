"""A page on its way: what is known of it, its picture, who is to read it, and what an engine returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models.document import Block, BoundingBox, HiddenText, Rule, Word
from document_parser.models.words import EngineName, PageKind
from document_parser.skew import Skew


class FontInDoubt(BaseModel):
    """The words of a page in a font whose letters may be others than those it shows."""

    words: list[Word]


DamagedPart = Literal["contents", "form", "picture", "font", "object", "frame", "pages"]
"""What of a page's data is damaged: its own contents, those of a form that it calls, a picture, a font, something that it names
and that the file does not have, the frame of a picture file; or pages that the file promises."""


class Damage(BaseModel):
    """One damaged part of a page's data.

    ``fault`` is ``missing``, ``cut`` (it ends early), ``undecodable`` (nothing beyond a place), or ``corrupt`` (what comes out
    is not what was written). ``decoded`` and ``promised`` count ``unit``; None if not known. ``encoding`` names the code it is
    written in, ``decoder`` is what a library said of it.
    """

    model_config = ConfigDict(frozen=True)

    part: DamagedPart
    fault: Literal["missing", "cut", "undecodable", "corrupt"]
    encoding: str = Field(default="", max_length=20, exclude_if=lambda name: not name)
    decoded: int | None = Field(default=None, ge=0)
    promised: int | None = Field(default=None, ge=0)
    unit: Literal["rows", "bytes", "percent", "pages"] = "bytes"
    decoder: str = Field(default="", max_length=120, exclude_if=lambda message: not message)


class PageFacts(BaseModel):
    """What is known of a page before anything reads it; all cheap to find.

    ``width_points`` and ``height_points`` are of the page as a viewer shows it, ``rotation`` is what the file asks a viewer
    to turn by. Shares are fractions 0..1. ``characters`` are those that can be seen, as far as that was looked into.
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
    dynamic_form: bool = False
    """Whether the document is a form that few programs draw (XFA): its pages hold nothing but a note that says so."""
    hidden: list[HiddenText] = Field(default_factory=list)
    """Texts that nobody sees, where the text layer is no earlier OCR as a whole: ``words`` of a source are without them."""
    doubted: list[FontInDoubt] = Field(default_factory=list)
    false_share: float = 0.0
    """Of the characters, those of fonts that were found to show others than they say."""
    repaired: bool = False
    """Whether the file's structure was broken and had to be rebuilt."""


class PictureSpec(BaseModel):
    """The picture of a page that an engine wants: resolution, limits in pixels, encoding."""

    model_config = ConfigDict(frozen=True)

    dpi: float = 144.0
    max_long_side: int = 1920
    min_short_side: int = 0
    """Small originals are enlarged until their short side has this many pixels; 0 leaves them."""
    encoding: Literal["jpeg", "rgb"] = "jpeg"
    quality: int = 90
    straighten: bool = False
    """Whether a picture of lines that are clearly askew is to be straightened."""
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
    skew: Skew = field(default_factory=Skew)
    """How it was straightened."""
    damage: Damage | None = None
    """What the libraries that drew it said of damage."""


FinishReason = Literal["stop", "length", "loop", "aborted"]


SURELY = 0.7
"""Words read with less confidence do not count where two readings are compared by how much was read."""


@dataclass(slots=True)
class Reading:
    """What an engine returned for a page, before guards.

    Engines that find words give ``words``, ``rules`` and the places of ``figures`` (boxes in fractions of the picture); engines
    that write give ``blocks``. Where there is a ``skew``, all of them stand as on the straightened picture.
    ``text`` is the raw answer. ``lost`` is the share of the length of the lines found that could not be read, ``doubtful`` are
    these lines and others that are hardly sure, as far as they could be read; ``how`` is what the engine says of its way of
    reading: nothing of the page.
    """

    engine: EngineName
    blocks: list[Block] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    figures: list[BoundingBox] = field(default_factory=list)
    skew: Skew = field(default_factory=Skew)
    text: str = ""
    lost: float = 0.0
    doubtful: list[Word] = field(default_factory=list)
    how: str = ""
    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    milliseconds: int = 0
    temperature: float | None = None

    @property
    def letters_read(self) -> float:
        """Letters of the words that were read surely, each by its confidence; an engine that tells none is believed."""
        return letters_read(self.words)

    def with_better(self, better: Mapping[Word, Sequence[Word]]) -> Reading:
        """The reading with these words in place of lines of its own, which are in doubt no longer, and less of it lost."""
        words = [word for word in self.words if word not in better]
        words += [word for found in better.values() for word in found]
        doubtful = [line for line in self.doubtful if line not in better]
        before = _length(self.doubtful)
        lost = round(self.lost * _length(doubtful) / before, 4) if before else self.lost
        return replace(self, words=words, doubtful=doubtful, lost=lost)


def _length(lines: Sequence[Word]) -> float:
    return sum(line.right - line.left for line in lines)


def letters_read(words: Iterable[Word], at_least: float = SURELY) -> float:
    """Letters of words read with this confidence or more, each by its confidence; an engine that tells none is believed."""
    sure = ((word.text, 1.0 if word.confidence is None else word.confidence) for word in words)
    return sum(sum(map(str.isalnum, text)) * confidence for text, confidence in sure if confidence >= at_least)


class Route(BaseModel):
    """The decision which engine reads a page, and why. ``engines`` is the ladder, first choice first."""

    model_config = ConfigDict(frozen=True)

    engines: tuple[EngineName, ...]
    reason: str
    second: EngineName | None = None
    """Who reads the page a second time, so that both can be compared."""
