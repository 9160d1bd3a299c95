"""A document before it is set in type: its blocks, where they stand beside each other, and its style."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from random import Random

from benchmarks.drawn.truth import Block, Kind, Run, Truth

PAPERS = {"A4": (595.28, 841.89), "Letter": (612.0, 792.0), "Legal": (612.0, 1008.0), "A5": (419.53, 595.28)}
"""Width and height in points."""


@dataclass
class Columns:
    """Blocks in columns of equal width, filled one after the other; ``rule`` draws a line between them."""

    count: int
    blocks: list[Node]
    gap: float = 18.0
    rule: bool = False


@dataclass
class Beside:
    """Parts side by side, read one after the other. ``shares`` are of the width."""

    parts: list[list[Node]]
    shares: list[float]
    gap: float = 18.0
    framed: bool = False


@dataclass
class Gap:
    """White space of so many points; ``rule`` draws a line across it, ``page`` begins a new page."""

    points: float = 12.0
    rule: bool = False
    page: bool = False


Node = Block | Columns | Beside | Gap


@dataclass
class Style:
    """How a whole document looks. Sizes and lengths are in points."""

    paper: tuple[float, float]
    margins: tuple[float, float, float, float]
    family: str
    heading_family: str
    size: float
    leading: float
    align: str
    indent: float
    paragraph_gap: float
    heading_scale: tuple[float, float, float]
    heading_colour: str
    heading_bold: bool
    accent: str
    bullet: str
    background: str = ""
    ink: str = "#000000"
    extra: dict[str, float] = field(default_factory=dict)


@dataclass
class Draft:
    """A document to be set: what stands in its flow, and what is on every page. ``{page}`` in head and foot is the page."""

    language: str
    style: Style
    nodes: list[Node]
    head: str = ""
    foot: str = ""
    watermark: str = ""
    watermark_angle: float = 45.0
    line_numbers: bool = False
    margin_note: str = ""
    vertical: bool = False
    hidden: list[str] = field(default_factory=list)
    hidden_how: str = "white"
    painted_twice: bool = False
    kind: str = ""

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks of the flow in reading order."""
        yield from blocks_in(self.nodes)

    def truth(self, seed: int, typesetter: str) -> Truth:
        """Return the truth: the flow's blocks, footnotes last, then what is outside the body."""
        flow = [block for block in self.blocks() if block.kind is not Kind.FOOTNOTE]
        notes = [block for block in self.blocks() if block.kind is Kind.FOOTNOTE]
        outside = [Block(kind, (Run(text),)) for kind, text in self._outside() if text]
        blocks = [*flow, *notes, *outside]
        places = {id(block): number for number, block in enumerate(blocks)}
        by_rows = [places[id(b)] for b in blocks_in(self.nodes, by_rows=True) if b.kind is not Kind.FOOTNOTE]
        row_order = [*by_rows, *range(len(flow), len(blocks))] if by_rows != list(range(len(flow))) else []
        return Truth(seed, self.kind, typesetter, self.language, blocks, row_order=row_order)

    def _outside(self) -> list[tuple[Kind, str]]:
        return [
            (Kind.HEAD, self.head),
            (Kind.FOOT, self.foot),
            (Kind.WATERMARK, self.watermark),
            (Kind.MARGIN, self.margin_note),
            *((Kind.HIDDEN, text) for text in self.hidden),
        ]


def blocks_in(nodes: list[Node], *, by_rows: bool = False) -> Iterator[Block]:
    """Yield the blocks of some nodes in reading order; ``by_rows``: pairs that stand side by side row by row."""
    for node in nodes:
        match node:
            case Block():
                yield node
            case Columns():
                yield from blocks_in(node.blocks, by_rows=by_rows)
            case Beside():
                parts = [list(blocks_in(part)) for part in node.parts]
                if by_rows and all(block.kind is Kind.PAIR for part in parts for block in part):
                    yield from (block for row in zip_longest(*parts) for block in row if block is not None)
                else:
                    yield from chain.from_iterable(parts)


DARK = ("#000000", "#000000", "#222222", "#1f3a5f", "#5a1a1a", "#14532d", "#3b2f63")
ACCENTS = ("#1f3a5f", "#7a1f1f", "#2e6b3f", "#444444", "#a15c00", "#0b6e75")


def style_from(random: Random, *, landscape: bool = False, size: tuple[float, float] = (8.5, 12.5)) -> Style:
    """Return a style at random. ``size`` bounds the font size of the text in points."""
    width, height = PAPERS[random.choice(("A4", "A4", "A4", "Letter", "Letter", "Legal", "A5"))]
    if landscape:
        width, height = height, width
    side = random.uniform(36, 80) * min(1.0, width / 595)
    family = random.choice(("serif", "serif", "sans", "sans", "narrow", "times", "helvetica"))
    return Style(
        paper=(width, height),
        margins=(random.uniform(45, 80), side, random.uniform(45, 80), side + random.uniform(-6, 6)),
        family=family,
        heading_family=family if random.random() < 0.6 else random.choice(("serif", "sans", "helvetica")),
        size=round(random.uniform(*size), 1),
        leading=random.uniform(1.12, 1.5),
        align=random.choice(("left", "left", "justify", "justify")),
        indent=random.choice((0.0, 0.0, 12.0, 18.0)),
        paragraph_gap=random.uniform(0.35, 0.9),
        heading_scale=random.choice(((1.9, 1.35, 1.12), (1.6, 1.25, 1.1), (2.4, 1.5, 1.2), (1.45, 1.2, 1.05))),
        heading_colour=random.choice(DARK),
        heading_bold=random.random() < 0.85,
        accent=random.choice(ACCENTS),
        bullet=random.choice(("•", "•", "-", "–", "▪", "*")),
    )
