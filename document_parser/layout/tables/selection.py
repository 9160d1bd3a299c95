"""Choose among proposed tables over the same words: the set without overlaps that agrees with the truth best, as expected.

A forest tells for each proposal the agreement (TEDS, 0 for what is no table) that tables like it had. A proposal is worth its
words times what that is above the agreement that words outside of tables are counted with.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.column_costs import column_cost
from document_parser.layout.tables.forest import forest
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.grid_features import grid_features

MIN_TABLE_AGREEMENT = 0.4
"""Expected agreement, at least, of what is read as a table rather than as lines of text."""
AGREEMENT_OF_TEXT = 0.2
"""Agreement that words outside a table are counted with where tables of other sizes compete: most of them are its cells."""
PART_COST, WITHIN_COST = 0.12, 0.1
"""Agreement by which a part of a frame, and aligned words in a frame, must be better than the whole read by its lines.

The score sees a table and what is around it, not that drawn lines go on; most frames are one table with a cell in each place.
"""
PRIOR_SHARE = 0.8
"""Share of the prior in the expected agreement.

The forest tells good tables from better ones, but is too sure on documents unlike those it was fitted on: fitted without a
source, it alone lets many of the source's tables go. The share was chosen by hand.
"""
TABLE_PRIOR, OTHER_PRIOR = 0.7, 0.1
"""Agreement of what the rules for tables (``is_table``, ``is_aligned_table``) call a table, and of what they do not."""
MAX_EXACT = 16
"""Proposals of which all sets are compared, at most; of more, the best ones that do not overlap are taken one by one."""


class Origin(IntEnum):
    """Where a proposal is from: drawn lines around its cells, aligned words within drawn lines, or aligned words alone."""

    RULED = 0
    WITHIN = 1
    ALIGNED = 2


class Proposal(NamedTuple):
    """A table that may be one."""

    grid: Grid
    origin: Origin
    prior: float
    """Agreement that the evidence by which it was proposed lets expect, from 0 to 1."""
    part: bool = False
    """Whether it is a part of what drawn lines join."""


class ScoredTable(NamedTuple):
    """A table with the agreement that is expected of it."""

    grid: Grid
    agreement: float

    @property
    def worth(self) -> float:
        """Return what the table adds to the page: words times agreement above that of text."""
        return len(self.grid.words) * (self.agreement - AGREEMENT_OF_TEXT)


def score_tables(proposals: Sequence[Proposal], page: PageIndex) -> list[ScoredTable]:
    """Return the proposals with the agreement, from 0 to about 1, that is expected of each."""
    if not proposals:
        return []
    features = np.array([grid_features(grid, page, origin) for grid, origin, *_ in proposals])
    agreements = forest("grids").predict(features).tolist()
    return [
        ScoredTable(proposal.grid, _blend(agreement, proposal))
        for proposal, agreement in zip(proposals, agreements, strict=True)
    ]


def _blend(agreement: float, proposal: Proposal) -> float:
    """Return the expected agreement of a proposal: what the forest expects, or what its prior does if that is clearly more."""
    cost = PART_COST * proposal.part + WITHIN_COST * (proposal.origin is Origin.WITHIN)
    if proposal.origin is not Origin.RULED:
        cost += column_cost(proposal.grid)
    return max(agreement, PRIOR_SHARE * proposal.prior) - cost


def choose_tables(proposals: Sequence[Proposal], page: PageIndex) -> list[Grid]:
    """Return the grids of the best set of proposals that do not overlap, the most worth first."""
    tables = sorted(
        (t for t in score_tables(proposals, page) if t.agreement >= MIN_TABLE_AGREEMENT), key=lambda t: t.worth, reverse=True
    )
    worth = [table.worth for table in tables]
    overlapping = {
        one: {other for other in range(len(tables)) if other != one and _overlap(tables[one].grid, tables[other].grid)}
        for one in range(len(tables))
    }
    return [tables[number].grid for number in _best_set(list(range(len(tables))), worth, overlapping)]


def _best_set(ordered: Sequence[int], worth: Sequence[float], overlapping: dict[int, set[int]]) -> list[int]:
    """Return the members of the set without overlaps that is worth most. ``ordered`` is sorted by worth, most first."""
    if not ordered:
        return []
    first, *rest = ordered
    with_first = [first, *_best_set([other for other in rest if other not in overlapping[first]], worth, overlapping)]
    rivals = overlapping[first].intersection(rest)
    if not rivals or len(ordered) > MAX_EXACT or sum(worth[other] for other in rivals) <= worth[first]:
        return with_first
    without = _best_set(rest, worth, overlapping)
    return max(with_first, without, key=lambda numbers: sum(worth[number] for number in numbers))


def _overlap(one: Grid, other: Grid) -> bool:
    """Return whether the boxes of two grids overlap by more than a line's edge."""
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    return wide > 1 and high > 1
