"""Readings of lines as tables, each with how well it agrees with the truth, from drawn and from real documents."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from document_parser.layout.blocks.reading_order import parts_of
from document_parser.layout.lines.lines import body_size, lines_of
from document_parser.layout.lines.units import Scale
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.candidates import Region, TableCandidate, propose_tables, variants_of
from document_parser.layout.tables.features import features_of
from document_parser.layout.tables.grid import Grid, words_outside
from document_parser.layout.tables.ruled_tables import find_ruled_grids
from document_parser.models import RulingLine, Word

RUNS_PER_REGION, READINGS_PER_RUN = 30, 24
"""Runs of a region and readings of a run that are taken, at most, by chance."""
MAX_LARGE_READINGS, LARGE_RUN_CELLS = 10, 150
"""Readings of a run with more cells than the second number, at most: comparing large tables takes long."""
MIN_READ_AGREEMENT = 0.3
"""Agreement with the truth from which the other readings of a run are looked at."""
MIN_SHARED_LETTERS = 0.35
"""Letters that a reading and a true table share, at least, before they are compared."""

Page = tuple[list[Word], float, float, list[RulingLine]]
"""Words and rules in fractions of the page, and its width and height in points."""


@dataclass
class Samples:
    """One row for each reading: features, agreement (TEDS), the document and run it is of, and whether it is the plain one."""

    features: list[Any] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)
    document: list[str] = field(default_factory=list)
    run: list[int] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)

    def add(self, candidate: TableCandidate, agreement: float, document: str, run: int, *, plain: bool) -> None:
        """Add a reading."""
        self.features.append(features_of(candidate))
        self.agreement.append(agreement)
        self.document.append(document)
        self.run.append(run)
        self.plain.append(plain)


class Comparer:
    """How well readings agree with the true tables of one document. ``metrics`` is the scorer's module of that name."""

    def __init__(self, metrics: ModuleType, truth: str) -> None:
        self._metrics = metrics
        tables = [metrics.comparable(table) for table in metrics.find_tables(truth)]
        self._tables = [(table, _letters(table)) for table in tables]

    def agreement(self, grid: Grid) -> float:
        """Return the best TEDS of a grid with a true table; 0 if there is none."""
        if not self._tables:
            return 0.0
        rows = self._metrics.comparable(
            self._metrics.Table(list(map(self._cells, grid.rows, [grid.columns] * len(grid.rows))), False)
        )
        letters = _letters(rows)
        close = [
            table
            for table, own in self._tables
            if (own & letters).total() >= MIN_SHARED_LETTERS * max(own.total(), letters.total())
        ]
        return max((float(self._metrics.teds(table, rows, True)) for table in close), default=0.0)

    def _cells(self, row: Sequence[Any], columns: int) -> list[Any]:
        """Return a row with a cell in every place."""
        found, place = [], 0
        for cell in row:
            found += [self._metrics.Cell("") for _ in range(place, cell.first)]
            found.append(self._metrics.Cell(cell.text, cell.down, cell.last - cell.first + 1))
            place = cell.last + 1
        return found + [self._metrics.Cell("") for _ in range(place, columns)]


def _letters(rows: Sequence[Sequence[Any]]) -> Counter[str]:
    """Return how often each letter occurs in a table."""
    return Counter("".join(cell.text for row in rows for cell in row))


def load_metrics(scorer: Path) -> ModuleType:
    """Return the scorer's ``table_metrics``."""
    sys.path.insert(0, str(scorer.parent))
    return import_module("table_metrics")


def collect(samples: Samples, name: str, pages: Sequence[Page], compare: Comparer, chance: random.Random) -> None:
    """Add the readings of a document's pages, with their drawn lines and without."""
    for words, width, height, rules in pages:
        scale = Scale(width, height)
        for drawn in [rules, []] if rules else [rules]:
            for region in _regions(scale.to_points(words), scale.rulings_to_points(drawn)):
                runs = propose_tables(region)
                for run in chance.sample(runs, min(len(runs), RUNS_PER_REGION)):
                    _add_run(samples, name, run, compare.agreement, chance)


def _regions(words: list[Word], rules: list[RulingLine]) -> Iterator[Region]:
    """Yield the regions that the reading order looks at on a page."""
    grids = find_ruled_grids(words, rules)
    text = words_outside(grids, words)
    groups: list[list[Word]] = []
    parts_of(text, grids, rules, groups.append)
    for group in groups:
        if len(group) > 5:
            yield Region(PageIndex(group, rules), lines_of(group), body_size(group))


def _add_run(
    samples: Samples, name: str, run: TableCandidate, agreement: Callable[[Grid], float], chance: random.Random
) -> None:
    """Add a run, and readings of it if it agrees with a true table at all."""
    number = samples.run[-1] + 1 if samples.run else 0
    own = agreement(run.to_grid())
    samples.add(run, own, name, number, plain=True)
    if own < MIN_READ_AGREEMENT:
        return
    readings = variants_of(run)
    most = MAX_LARGE_READINGS if len(run.columns.at) > LARGE_RUN_CELLS else READINGS_PER_RUN
    for reading in chance.sample(readings, min(len(readings), most)):
        samples.add(reading, agreement(reading.to_grid()), name, number, plain=False)


def as_arrays(samples: Samples) -> dict[str, Any]:
    """Return the samples as arrays: features, agreement, best agreement of each run's readings, document, run, plain."""
    run, agreement = np.array(samples.run), np.array(samples.agreement)
    best = np.zeros(run.max() + 1)
    np.maximum.at(best, run, agreement)
    mean = np.bincount(run, agreement) / np.bincount(run)
    return {
        "features": np.array(samples.features),
        "agreement": agreement,
        "best": best[run],
        "above_mean": agreement - mean[run],
        "document": np.array(samples.document),
        "plain": np.array(samples.plain),
    }
