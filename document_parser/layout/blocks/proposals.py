"""Tables of aligned words that the regions of a page propose, each found and scored once.

The gutters of a region, and those of the regions inside it, ask for the same words again: for two fifths of all proposals.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.lines.lines import SameWords
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import has_answers, has_lone_columns, is_aligned_table, propose_grids
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.listings import is_numbered_listing
from document_parser.layout.tables.options import has_options
from document_parser.layout.tables.selection import OTHER_PRIOR, Origin, Proposal, ScoredTable, score_tables
from document_parser.models import Word

ALIGNED_PRIOR = 0.95
"""Agreement to expect of aligned words beside a gutter that the rules call a table: they were strict."""


class PageProposals:
    """What has been found out about proposals of one page. Keys are of objects that the values hold."""

    def __init__(self, index: PageIndex) -> None:
        self._index = index
        self._grids: dict[SameWords, list[Grid]] = {}
        self._priors: dict[int, tuple[Grid, float]] = {}
        self._sound: dict[int, tuple[Grid, bool]] = {}
        self._scored: dict[tuple[tuple[int, float], ...], list[ScoredTable]] = {}

    def grids_of(self, words: Sequence[Word]) -> list[Grid]:
        """Return what ``propose_grids`` finds."""
        key = SameWords(tuple(words))
        if key not in self._grids:
            self._grids[key] = propose_grids(words)
        return self._grids[key]

    def prior_of(self, grid: Grid) -> float:
        """Return the agreement to expect of aligned words by the rules for tables."""
        if id(grid) not in self._priors:
            self._priors[id(grid)] = grid, ALIGNED_PRIOR if is_aligned_table(grid) else OTHER_PRIOR
        return self._priors[id(grid)][1]

    def is_sound(self, grid: Grid) -> bool:
        """Return whether a grid is no formula, no drawing, no questionnaire and no code."""
        if id(grid) not in self._sound:
            unsound = has_lone_columns(grid) or has_answers(grid) or has_options(grid) or is_numbered_listing(grid)
            self._sound[id(grid)] = grid, not unsound
        return self._sound[id(grid)][1]

    def score(self, grids: Sequence[tuple[Grid, float]]) -> list[ScoredTable]:
        """Return aligned grids, each with its prior, with the agreement expected of each."""
        key = tuple((id(grid), prior) for grid, prior in grids)
        if key not in self._scored:
            self._scored[key] = score_tables([Proposal(grid, Origin.ALIGNED, prior) for grid, prior in grids], self._index)
        return self._scored[key]
