"""What is known to stand on a page before a model's reading of it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from document_parser.models import INK_COLUMNS, INK_ROWS, BoundingBox, EngineName, InkFacts, Word
from document_parser.pipeline.comparable import Vocabulary, tokens


@dataclass(frozen=True)
class Witness:
    """Words with their places, from the text layer or from an engine that finds words, and what the ink shows.

    ``source`` says who found the words; None where there are none. ``sees_pictures`` says that words drawn in pictures are
    among them: a text layer has only those that are text.
    """

    words: Sequence[Word] = ()
    source: EngineName | None = None
    ink: InkFacts = field(default_factory=InkFacts)
    sees_pictures: bool = False

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.words]

    @cached_property
    def tokens(self) -> list[str]:
        """The words in comparable form, in the witness' order."""
        return tokens(" ".join(self.texts))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.tokens)

    def and_also(self, other: Witness) -> Witness:
        """Both together: what either knows is known."""
        return Witness([*self.words, *other.words], self.source or other.source, self.ink, sees_pictures=True)


def uncovered_ink(ink: InkFacts, boxes: Sequence[BoundingBox], until: float) -> float:
    """The share of the inked cells above ``until`` that lie in none of the boxes, 0 to 1; a cell's breadth around counts in."""
    inked = uncovered = 0
    for row, column in _inked_cells(ink):
        across, down = (column + 0.5) / INK_COLUMNS, (row + 0.5) / INK_ROWS
        if down >= until:
            continue
        inked += 1
        uncovered += not any(_holds(box, across, down) for box in boxes)
    return uncovered / inked if inked else 0.0


def inked_box(ink: InkFacts) -> BoundingBox | None:
    """The smallest box of whole cells of the grid around all ink; None where that is not known."""
    cells = _inked_cells(ink)
    if not cells:
        return None
    rows, columns = [row for row, _ in cells], [column for _, column in cells]
    left, right, top, bottom = min(columns), max(columns) + 1, min(rows), max(rows) + 1
    return BoundingBox.of(left / INK_COLUMNS, top / INK_ROWS, right / INK_COLUMNS, bottom / INK_ROWS)


def ink_below(ink: InkFacts, top: float) -> int:
    """How many cells of the grid below ``top`` have ink."""
    return sum((row + 0.5) / INK_ROWS > top for row, _ in _inked_cells(ink))


def _inked_cells(ink: InkFacts) -> list[tuple[int, int]]:
    """(row, column) of every cell of the grid with ink in it."""
    if len(ink.cells) * 4 != INK_ROWS * INK_COLUMNS:
        return []
    bits = f"{int(ink.cells, 16):0{INK_ROWS * INK_COLUMNS}b}"
    return [divmod(place, INK_COLUMNS) for place, bit in enumerate(bits) if bit == "1"]


def _holds(box: BoundingBox, across: float, down: float) -> bool:
    wide, high = 1 / INK_COLUMNS, 1 / INK_ROWS
    return box.left - wide <= across <= box.right + wide and box.top - high <= down <= box.bottom + high
