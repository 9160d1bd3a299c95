"""What is known about a page before a model's reading of it is believed: its words with boxes, and its ink.

Boxes and distances are fractions of the page, origin top left. The ink is a grid of INK_ROWS times INK_COLUMNS cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from document_parser.models import INK_COLUMNS, INK_ROWS, BoundingBox, EngineName, InkFacts, Word
from document_parser.text.normalize import Vocabulary, tokenize


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


def _covers(box: BoundingBox, across: float, down: float) -> bool:
    """Return whether a point lies in a box, or at most one cell beside it."""
    wide, high = 1 / INK_COLUMNS, 1 / INK_ROWS
    return box.left - wide <= across <= box.right + wide and box.top - high <= down <= box.bottom + high
