"""Score tables that were proposed, with weights fitted on drawn and real documents, and take the best.

A first forest tells how well the best reading of a run of lines as a table with these columns may agree with the truth (TEDS, 0
for what is no table); a second one which reading of the run that is. Both are sums of oblivious decision trees, fitted by
``python -m benchmarks.layout_scores`` on the documents that ``table_scores.json`` names.

Source: gradient boosting (Friedman, 2001) with oblivious trees (as in CatBoost, Prokhorenkova et al., 2018).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter

import numpy as np

from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.candidates import TableCandidate, propose_tables, variants_of
from document_parser.layout.tables.column_sets import Region
from document_parser.layout.tables.features import expected_of, features_of_all
from document_parser.layout.tables.forest import forest
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.ruled_table import grid_of_frame
from document_parser.layout.tables.rulings import Frame, Ruling
from document_parser.models import Word

MIN_TABLE_SCORE = 0.5
"""Expected agreement above which more lines of a run make it more likely to be the table, below which less."""
MIN_RUN_SCORE = 0.3
"""Expected agreement of a run, at least, before its readings are looked at."""

MAX_BOX_WORDS_SHARE = 0.15
"""Share of words with characters for drawing boxes, at most, in a table."""
_BOX_DRAWING = re.compile("[\u2500-\u257f]")


def propose_aligned_tables(index: PageIndex, lines: Sequence[Line], size: float, most: int) -> list[tuple[Grid, float]]:
    """Return the readings of lines as tables of aligned words that are most likely: of ``most`` runs of lines at most.

    ``index`` holds the lines' words, ``size`` is their usual font size in points. With each its run's expected agreement.
    """
    runs = propose_tables(Region(index, lines, size)) if len(lines) > 1 and not _is_drawing(lines) else []
    if not runs:
        return []
    scores = expected_of(runs, "runs", forest("runs"), MIN_RUN_SCORE)
    if scores is None:
        return []
    worth = (scores - MIN_TABLE_SCORE) * np.sqrt([run.end - run.start for run in runs])
    best = [runs[number] for number in np.argsort(-worth)[:most] if scores[number] >= MIN_RUN_SCORE]
    score_of = dict(zip(map(id, runs), scores.tolist(), strict=True))
    found = [(reading.to_grid(), score_of[id(run)]) for run, reading in zip(best, best_readings(best), strict=True)]
    spans = {(run.start, run.end): score_of[id(run)] for run in reversed(best)}
    for (start, end), score in spans.items():
        lattice = _lattice_of([word for line in lines[start:end] for word in line.words])
        found += [(lattice, score)] if lattice is not None else []
    return _distinct(found)


def _distinct(grids: Sequence[tuple[Grid, float]]) -> list[tuple[Grid, float]]:
    """Return the grids that differ in their cells: several runs may have the same best reading."""
    cells = [
        tuple(
            (number, cell.first, cell.last, cell.down, len(cell.words)) for number, row in enumerate(grid.rows) for cell in row
        )
        for grid, _ in grids
    ]
    return list(dict(zip([(grid.top, *key) for (grid, _), key in zip(grids, cells, strict=True)], grids, strict=True)).values())


def _lattice_of(words: Sequence[Word]) -> Grid | None:
    """Return the table that words make as if a line were drawn above and below them; None if they have one column."""
    left, right = min(word.left for word in words) - 1, max(word.right for word in words) + 1
    edges = min(word.top for word in words) - 1, max(word.bottom for word in words) + 1
    return grid_of_frame(Frame(tuple(Ruling(at, left, right) for at in edges), ()), words)


def _is_drawing(lines: Sequence[Line]) -> bool:
    """Return whether lines are a drawing made of the characters for boxes, which line up like columns do."""
    words = [word.text for line in lines for word in line.words]
    if _BOX_DRAWING.search("".join(words)) is None:
        return False
    return sum(_BOX_DRAWING.search(text) is not None for text in words) > MAX_BOX_WORDS_SHARE * len(words)


def best_readings(runs: Sequence[TableCandidate]) -> list[TableCandidate]:
    """Return of each run the reading, of which lines begin rows and where it ends, that agrees best; runs of one region."""
    readings = [variants_of(run) or [run] for run in runs]
    several = [variant for variants in readings if len(variants) > 1 for variant in variants]
    trees = forest("readings")
    scores = iter(trees.predict(features_of_all(several, trees.used)).tolist() if several else ())
    return [
        max(zip(variants, islice(scores, len(variants)), strict=True), key=itemgetter(1))[0]
        if len(variants) > 1
        else variants[0]
        for variants in readings
    ]
