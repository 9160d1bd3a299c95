"""What is known about a page before a model's reading of it is believed: its words with boxes, and its ink.

Boxes and distances are fractions of the page, origin top left. The ink is a grid of INK_ROWS times INK_COLUMNS cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from document_parser.models import INK_COLUMNS, INK_ROWS, BoundingBox, EngineName, InkFacts, Word
from document_parser.text.normalize import Vocabulary, tokenize

NEAR_CELLS = 0.3
"""Cells by which a box may miss a cell and still explain its ink: boxes of lines are tight."""
MARGIN_CELLS = 2
"""Cells added at both ends of ink in a row: a cell with the last letters of a line may have too little ink to count."""


@dataclass(frozen=True)
class Evidence:
    """The known words of a page with their boxes, and what its ink shows.

    ``source`` is the engine that found the words, ``text_layer`` or one that finds words; None if there are none.
    ``includes_drawn_words`` says that words drawn in images are among them: a text layer has only those that are text.
    """

    words: Sequence[Word] = ()
    source: EngineName | None = None
    ink: InkFacts = field(default_factory=InkFacts)
    includes_drawn_words: bool = False

    @property
    def texts(self) -> list[str]:
        """Return the text of each word."""
        return [word.text for word in self.words]

    @cached_property
    def tokens(self) -> list[str]:
        """Return the words in comparable form, in the order of their source."""
        return tokenize(" ".join(self.texts))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return the words in comparable form, ready for look-ups."""
        return Vocabulary(self.tokens)

    def merge(self, other: Evidence) -> Evidence:
        """Return this evidence and the other one together: what either knows is known."""
        return Evidence([*self.words, *other.words], self.source or other.source, self.ink, includes_drawn_words=True)


def uncovered_ink(ink: InkFacts, boxes: Sequence[BoundingBox], until: float) -> float:
    """Return the share (0 to 1) of the inked cells above ``until`` that lie in none of the boxes.

    ``until`` is a share of the page height from the top. A box covers one more cell on each side.
    """
    inked = uncovered = 0
    for row, column in _inked_cells(ink):
        across, down = (column + 0.5) / INK_COLUMNS, (row + 0.5) / INK_ROWS
        if down >= until:
            continue
        inked += 1
        uncovered += not any(_covers(box, across, down) for box in boxes)
    return uncovered / inked if inked else 0.0


def uncovered_regions(ink: InkFacts, boxes: Sequence[BoundingBox], columns: int) -> list[BoundingBox]:
    """Return boxes around neighbouring inked cells that no box touches, if they are so many columns wide at least.

    Ink at the edge of the image is left out: it is the shadow of a scan, or what lies beside the page.
    """
    left = set(_inked_cells(ink)).difference(*map(_cells_near, boxes))
    found = []
    while left:
        region, waiting = set[tuple[int, int]](), [left.pop()]
        while waiting:
            row, column = cell = waiting.pop()
            region.add(cell)
            near = {(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)} & left
            left -= near
            waiting += near
        rows, places = {row for row, _ in region}, {column for _, column in region}
        top, bottom, first, last = min(rows), max(rows) + 1, min(places), max(places) + 1
        if last - first >= columns and top > 0 and bottom < INK_ROWS and first > 0 and last < INK_COLUMNS:
            left_edge, right_edge = (first - MARGIN_CELLS) / INK_COLUMNS, (last + MARGIN_CELLS) / INK_COLUMNS
            found.append(BoundingBox.of(left_edge, top / INK_ROWS, right_edge, bottom / INK_ROWS))
    return sorted(found, key=lambda box: (box.top, box.left))


def inked_box(ink: InkFacts) -> BoundingBox | None:
    """Return the smallest box of whole cells around all ink; None if the page has no grid or no ink."""
    cells = _inked_cells(ink)
    if not cells:
        return None
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    left, right, top, bottom = min(columns), max(columns) + 1, min(rows), max(rows) + 1
    return BoundingBox.of(left / INK_COLUMNS, top / INK_ROWS, right / INK_COLUMNS, bottom / INK_ROWS)


def ink_below(ink: InkFacts, top: float) -> int:
    """Return how many inked cells have their middle below ``top``, a share of the page height from the top."""
    return sum((row + 0.5) / INK_ROWS > top for row, _ in _inked_cells(ink))


def _inked_cells(ink: InkFacts) -> list[tuple[int, int]]:
    """Return (row, column) of every inked cell."""
    if len(ink.cells) * 4 != INK_ROWS * INK_COLUMNS:
        return []
    bits = f"{int(ink.cells, 16):0{INK_ROWS * INK_COLUMNS}b}"
    return [divmod(place, INK_COLUMNS) for place, bit in enumerate(bits) if bit == "1"]


def _cells_near(box: BoundingBox) -> Iterator[tuple[int, int]]:
    """Yield (row, column) of every cell that a box reaches into, or nearly."""
    rows = range(math.floor(box.top * INK_ROWS - NEAR_CELLS), math.floor(box.bottom * INK_ROWS + NEAR_CELLS) + 1)
    columns = range(math.floor(box.left * INK_COLUMNS - NEAR_CELLS), math.floor(box.right * INK_COLUMNS + NEAR_CELLS) + 1)
    return product(rows, columns)


def _covers(box: BoundingBox, across: float, down: float) -> bool:
    """Return whether a point lies in a box, or at most one cell beside it."""
    wide, high = 1 / INK_COLUMNS, 1 / INK_ROWS
    return box.left - wide <= across <= box.right + wide and box.top - high <= down <= box.bottom + high
