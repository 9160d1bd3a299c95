"""Readings of lines as tables, each with how well it agrees with the truth, from drawn and from real documents."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.drawn.scores import letters, plain
from benchmarks.drawn.truth import Kind, Truth
from document_parser.layout.blocks.column_evidence import Parted, column_features
from document_parser.layout.blocks.reading_order import parts_of
from document_parser.layout.lines.lines import body_size, lines_of
from document_parser.layout.lines.rotated import turn_rulings, turn_words
from document_parser.layout.lines.units import Scale
from document_parser.layout.page import prepare_words, turn_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import propose_grids
from document_parser.layout.tables.candidates import TableCandidate, propose_tables, variants_of
from document_parser.layout.tables.column_sets import Region
from document_parser.layout.tables.features import features_of
from document_parser.layout.tables.grid import Grid, words_outside
from document_parser.layout.tables.grid_features import grid_features
from document_parser.layout.tables.headed import find_headed_table
from document_parser.layout.tables.ruled_tables import find_ruled_grids, propose_ruled_tables
from document_parser.layout.tables.score import propose_aligned_tables
from document_parser.layout.tables.selection import Origin, Proposal
from document_parser.models import RulingLine, Word

RUNS_PER_REGION, READINGS_PER_RUN = 30, 24
"""Runs of a region and readings of a run that are taken, at most, by chance."""
MAX_LARGE_READINGS, LARGE_RUN_CELLS = 10, 150
"""Readings of a run with more cells than the second number, at most: comparing large tables takes long."""
MAX_LARGE_GRIDS, LARGE_GRID_CELLS = 4, 250
"""Tables of a page or region with more cells than the second number, at most."""
MIN_READ_AGREEMENT = 0.3
"""Agreement with the truth from which the other readings of a run are looked at."""
WITHOUT_LINES_SHARE = 0.4
"""Share of the pages with drawn lines that are read without them too: tables of scans have none."""
GRIDS_PER_REGION = 3
"""Readings of a region as whole tables that are taken, at most: the best by the forests that are in the package."""
MIN_FOLLOWING, SEAM_LETTERS = 2, 9
"""Neighbouring pieces that the truth has, at least, and letters by which one is found at the end of another."""
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


@dataclass
class GridSamples:
    """One row for each table proposed, whatever it was made of: features, agreement (TEDS), its document."""

    features: list[Any] = field(default_factory=list)
    agreement: list[float] = field(default_factory=list)
    document: list[str] = field(default_factory=list)
    place: list[tuple[Any, ...]] = field(default_factory=list)
    """Where it is: the number of the page in the samples, its box in points, its words, and what it is from."""
    pages: int = 0


@dataclass
class Collected:
    """The samples of all forests."""

    samples: Samples = field(default_factory=Samples)
    grids: GridSamples = field(default_factory=GridSamples)
    columns: GridSamples = field(default_factory=GridSamples)


class Comparer:
    """How well readings agree with the true tables of one document. ``metrics`` is the scorer's module of that name."""

    def __init__(self, metrics: ModuleType, truth: str) -> None:
        self._metrics = metrics
        self._known: dict[tuple[Any, ...], float] = {}
        tables = [metrics.comparable(table) for table in metrics.find_tables(truth)]
        self._tables = [(table, _letters(table)) for table in tables if table]
        self._here = self._tables

    def agreement_of(self, key: tuple[Any, ...], grid: Grid) -> float:
        """Return the agreement of a grid that is known by a key: regions within regions propose the same tables."""
        if key not in self._known:
            self._known[key] = self.agreement(grid)
        return self._known[key]

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
            for table, own in self._here
            if (own & letters).total() >= MIN_SHARED_LETTERS * max(own.total(), letters.total())
        ]
        return max((float(self._metrics.teds(table, rows, True)) for table in close), default=0.0)

    def turn_to(self, words: Sequence[Word]) -> None:
        """Compare with what a page has of the true tables from now on: tables run over pages."""
        text = letters("".join(word.text for word in words))
        parts = [_part_on_page(table, text) for table, _ in self._tables]
        self._here = [(part, _letters(part)) for part in parts if part]
        self._known.clear()

    def _cells(self, row: Sequence[Any], columns: int) -> list[Any]:
        """Return a row with a cell in every place."""
        found, place = [], 0
        for cell in row:
            found += [self._metrics.Cell("") for _ in range(place, cell.first)]
            found.append(self._metrics.Cell(cell.text, cell.down, cell.last - cell.first + 1))
            place = cell.last + 1
        return found + [self._metrics.Cell("") for _ in range(place, columns)]


def _part_on_page(table: list[list[Any]], page: str) -> list[list[Any]]:
    """Return the rows of a true table from the first to the last whose texts are on a page, given by its letters."""
    texts = [[text for cell in row if len(text := letters(cell.text)) > 1] for row in table]
    here = [number for number, row in enumerate(texts) if row and sum(text in page for text in row) * 2 > len(row)]
    return table[here[0] : here[-1] + 1] if here else []


class Orders:
    """Which pieces of text follow each other in the true orders of one document."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [letters(plain(text)) for text in texts]

    def agreement(self, parted: Parted) -> float | None:
        """Return the share of neighbouring pieces that follow each other down the columns; None if too few are in the truth.

        The others follow each other across the gutter.
        """
        sides = [[letters(line.text) for line in side] for side in (parted.left, parted.right)]
        down = sum(self._follow(upper, lower) for side in sides for upper, lower in pairwise(side))
        across = sum(
            self._follow(letters(line.text), letters(other.text))
            for line in parted.left
            for other in parted.right
            if line.top < other.middle < line.bottom
        )
        return down / (down + across) if down + across >= MIN_FOLLOWING else None

    def _follow(self, first: str, second: str) -> bool:
        """Return whether a text follows another one in one of the orders."""
        seam = first[-SEAM_LETTERS:] + second[:SEAM_LETTERS]
        return len(first) > 1 and len(second) > 1 and any(seam in text for text in self._texts)


def _letters(rows: Sequence[Sequence[Any]]) -> Counter[str]:
    """Return how often each letter occurs in a table."""
    return Counter("".join(cell.text for row in rows for cell in row))


def true_tables(truth: Truth) -> str:
    """Return the true tables of a drawn document."""
    return "\n\n".join(block.markdown() for block in truth.body() if block.kind is Kind.TABLE)


def load_metrics(scorer: Path) -> ModuleType:
    """Return the scorer's ``table_metrics``."""
    sys.path.insert(0, str(scorer.parent))
    return import_module("table_metrics")


def collect(
    found: Collected, name: str, pages: Sequence[Page], compare: Comparer, orders: Orders, chance: random.Random
) -> None:
    """Add the readings of a document's pages, with their drawn lines and without."""
    for words, width, height, rules in map(_upright, pages):
        scale = Scale(width, height)
        placed, in_points, _ = prepare_words(scale.to_points(words), scale.rulings_to_points(rules))
        if len(pages) > 1:
            compare.turn_to(placed)
        index = PageIndex(placed, in_points)
        _add_grids(found.grids, name, index, propose_ruled_tables(index, placed, in_points), compare)
        for drawn in [in_points, []] if in_points and chance.random() < WITHOUT_LINES_SHARE else [in_points]:
            index = PageIndex(placed, drawn)
            for region in _regions(placed, drawn, found.columns, name, orders):
                runs = propose_tables(region)
                for run in chance.sample(runs, min(len(runs), RUNS_PER_REGION)):
                    _add_run(found.samples, name, run, compare.agreement, chance)
                proposed = [
                    grid for grid, _ in propose_aligned_tables(region.index, region.lines, region.size, GRIDS_PER_REGION)
                ]
                own = [word for line in region.lines for word in line.words]
                headed = find_headed_table(region.lines, region.size)
                proposed += [*propose_grids(own), *([headed] if headed else [])]
                _add_grids(found.grids, name, index, [Proposal(grid, Origin.ALIGNED, 0.0) for grid in proposed], compare)


def _upright(page: Page) -> Page:
    """Return a page as it is read: a page that is drawn turned is turned back."""
    words, width, height, rules = page
    turn = turn_of(words, width, height)
    if not turn:
        return page
    sides = (width, height) if turn == 180 else (height, width)
    return turn_words(words, turn), *sides, turn_rulings(rules, turn)


def _add_grids(samples: GridSamples, name: str, page: PageIndex, proposals: Sequence[Proposal], compare: Comparer) -> None:
    """Add tables proposed on a page, each once."""
    samples.pages += 1
    seen: set[tuple[Any, ...]] = set()
    large = 0
    for grid, origin, *_ in proposals:
        large += sum(map(len, grid.rows)) > LARGE_GRID_CELLS
        if large > MAX_LARGE_GRIDS and sum(map(len, grid.rows)) > LARGE_GRID_CELLS:
            continue
        key = tuple(
            (number, cell.first, cell.last, len(cell.words), round(cell.left), round(cell.top))
            for number, row in enumerate(grid.rows)
            for cell in row
            if cell.words
        )
        if key and (origin, key) not in seen:
            seen.add((origin, key))
            samples.features.append(grid_features(grid, page, origin))
            samples.agreement.append(compare.agreement_of(key, grid))
            samples.document.append(name)
            samples.place.append((samples.pages, grid.left, grid.top, grid.right, grid.bottom, len(grid.words), int(origin)))


class _Watcher:
    """Keeps the regions and gutters that the reading order looks at on a page."""

    def __init__(self, columns: GridSamples, name: str, orders: Orders) -> None:
        self.columns, self.name, self.orders = columns, name, orders
        self.regions: list[list[Word]] = []
        self.seen: set[tuple[Any, ...]] = set()

    def on_region(self, words: list[Word]) -> None:
        """Keep a region."""
        self.regions.append(words)

    def on_gutter(self, parted: Parted, page: PageIndex) -> None:
        """Keep a gutter whose text the truth has."""
        key = (parted.gutter, len(parted.left), len(parted.right))
        agreement = self.orders.agreement(parted) if key not in self.seen else None
        self.seen.add(key)
        if agreement is not None:
            self.columns.features.append(column_features(parted, page))
            self.columns.agreement.append(agreement)
            self.columns.document.append(self.name)


def _regions(
    words: list[Word], rules: Sequence[RulingLine], columns: GridSamples, name: str, orders: Orders
) -> Iterator[Region]:
    """Yield the regions that the reading order looks at on a page, and add the gutters that it looks at."""
    grids = find_ruled_grids(words, rules)
    text = words_outside(grids, words)
    watcher = _Watcher(columns, name, orders)
    parts_of(text, grids, rules, watcher)
    for group in watcher.regions:
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
    most = MAX_LARGE_READINGS if run.cells.stop - run.cells.start > LARGE_RUN_CELLS else READINGS_PER_RUN
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
