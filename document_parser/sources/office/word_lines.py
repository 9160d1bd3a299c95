"""A paragraph of Word while it is read: its text in runs, and what of it belongs to other layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from document_parser.models import Block
from document_parser.sources.office.word_styles import Shift
from document_parser.text.raised import as_subscript, as_superscript
from document_parser.text.spans import Run, Style, strip_runs


class Piece(NamedTuple):
    """A piece of text in one style, and whether it is raised or lowered."""

    text: str
    style: Style
    shift: Shift = ""


@dataclass(slots=True)
class Line:
    """What was read of a paragraph.

    ``before`` are figures that stand before its first word, ``after`` blocks that come after the paragraph: its text boxes,
    figures and comments. ``page`` is how many page breaks come before the first word. ``deleted`` is text whose deletion is
    tracked, ``hidden`` text that Word does not show. ``formulas`` counts the formulas among the pieces.
    """

    pieces: list[Piece] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    before: list[Block] = field(default_factory=list)
    after: list[Block] = field(default_factory=list)
    page: int = 0
    formulas: int = 0

    def runs(self) -> list[Run]:
        """Return the text as runs, without white space at its ends, raised and lowered text as such."""
        if len(self.pieces) == 1 and not self.pieces[0].shift:
            text = self.pieces[0].text.strip()
            return [Run(text, self.pieces[0].style)] if text else []
        if any(piece.shift for piece in self.pieces):
            return strip_runs(_shifted(self.pieces))
        return strip_runs([Run(piece.text, piece.style) for piece in self.pieces])


def _shifted(pieces: Iterable[Piece]) -> list[Run]:
    """Return the pieces as runs; neighbours that are raised are raised together, each mark of a note on its own."""
    runs = []
    for (shift, _), group in groupby(pieces, key=lambda piece: (piece.shift, piece.style.note)):
        found = list(group)
        if shift:
            text = "".join(piece.text for piece in found)
            runs.append(Run(as_superscript(text) if shift == "super" else as_subscript(text), found[0].style))
        else:
            runs += [Run(piece.text, piece.style) for piece in found]
    return runs
