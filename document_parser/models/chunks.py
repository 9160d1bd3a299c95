"""Chunks of a document's Markdown for search and language models, and the places that a range of the Markdown comes from."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, Field

ChunkStrategy = Literal["heading", "page", "block"]
"""Where chunks end: before headings, at the ends of pages, or after each block."""
ChunkKind = Literal["text", "heading", "list", "table", "figure", "code", "formula", "mixed"]
"""What is in a chunk, its headings and captions aside; ``mixed`` is more than one kind."""
MIN_CHUNK_TOKENS = 32
"""The least value of ``max_tokens``."""
MAX_CHUNK_TOKENS = 8192
"""The greatest value of ``max_tokens``; what OpenAI's embedding models take, and one."""
DEFAULT_CHUNK_TOKENS = 512
"""``max_tokens`` unless another is asked for."""
PLACES = "places"
"""The name of the export that says where each range of the Markdown comes from, beside the output formats."""
_VARIANT = re.compile(r"[a-z0-9._]{1,80}")
_CHUNKS_NAME = re.compile(r"chunks-(\d{1,4})-(\d{1,4})-([a-z]+)")


class Chunking(NamedTuple):
    """How a document is parted: tokens of a chunk at most, tokens that it repeats of the one before, and the strategy."""

    max_tokens: int = DEFAULT_CHUNK_TOKENS
    overlap: int = 0
    strategy: ChunkStrategy = "heading"

    @property
    def export_name(self) -> str:
        """Return the name of the export of these chunks, where they are not those of the job's own options."""
        return f"chunks-{self.max_tokens}-{self.overlap}-{self.strategy}"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return what the name of an export means; None for that of another export."""
        match = _CHUNKS_NAME.fullmatch(name)
        if match is None or match[3] not in get_args(ChunkStrategy):
            return None
        return cls(int(match[1]), int(match[2]), match[3])  # type: ignore[arg-type]


def shape_export(shape: str, variant: str = "") -> str:
    """Return the name of the export that is the document of another system, as in ``export.SHAPES``.

    ``variant`` is what its clients may choose about it: small letters, digits, dots and underscores. Raises ValueError for
    another one: the name is part of a path.
    """
    if variant and not _VARIANT.fullmatch(variant):
        raise ValueError(f"no variant of an export: {variant}")
    return f"{shape}-{variant}" if variant else shape


def check_overlap(overlap: int, max_tokens: int) -> int:
    """Return the overlap. Raises ValueError with a sentence for the user if it is half of a chunk or more."""
    if overlap * 2 >= max_tokens:
        raise ValueError(f"is not less than half of the tokens of a chunk ({max_tokens})")
    return overlap


class TextRange(BaseModel):
    """A range of the Markdown, in characters (Unicode code points) from 0; the one at ``end`` is not included."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class RowRange(BaseModel):
    """A range of rows of a table, from 0; the one at ``end`` is not included. A table joined over pages counts on."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class PageBox(BaseModel):
    """A place on a page, in fractions of the upright page, origin top left.

    Of a whole block it is the block's box. Of a part of one it is a box for each line, around the words of the part; the
    block's box if the words are not found on the page. Of a block that goes on over the end of a page, each page has its own.
    """

    page: int
    left: float
    top: float
    right: float
    bottom: float


class BlockReference(BaseModel):
    """A block: its page, and its index (from 0) among the page's blocks as the ``json`` format lists them."""

    page: int
    index: int


class ChunkTable(BaseModel):
    """The rows of a table that a chunk has.

    ``page`` and ``index`` are those of the block where the table begins, ``header`` the Markdown of its header rows; empty if
    it has none.
    """

    page: int
    index: int
    rows: RowRange
    header: str = ""


class ChunkWarning(BaseModel):
    """Something a reader of the chunk should know: of one of its pages, or of how the text was parted (without a page)."""

    code: str
    message: str = ""
    page: int | None = None


class Chunk(BaseModel):
    """A part of a document's Markdown."""

    id: str = Field(description="The same for the same content at the same place, in every job.")
    text: str = Field(description="Exactly the characters of the Markdown between span.start and span.end.")
    context_text: str = Field(
        description="What to embed: the headings above the text, the header rows of a table that began in an earlier chunk, "
        "and the text."
    )
    headings: list[str] = Field(description="The headings that the text is below, the outermost first.")
    pages: list[int]
    boxes: list[PageBox] = Field(
        description="Where the text is on the pages: boxes of blocks, or of the lines of a part of one."
    )
    blocks: list[BlockReference]
    span: TextRange
    kind: ChunkKind
    tokens: int = Field(description="Tokens of context_text in the encoding cl100k_base.")
    table: ChunkTable | None = Field(default=None, description="For a chunk of rows of a table.")
    warnings: list[ChunkWarning] = Field(default_factory=list)


class TextSource(BaseModel):
    """A range of the Markdown that comes from a block. ``box`` is left, top, right, bottom; None if the block has none."""

    start: int
    end: int
    page: int
    index: int
    box: tuple[float, float, float, float] | None = None
    is_part: bool = False
    """Whether the block has more there: the rest of a table, for example."""


class PlacedText(BaseModel):
    """A line of the export ``places``: a piece of the Markdown, where it begins, and the blocks that it comes from.

    ``page`` is where the piece begins. ``has_image`` is False for a document without pages.
    """

    start: int
    text: str
    page: int
    has_image: bool = True
    sources: list[TextSource] = Field(default_factory=list)
