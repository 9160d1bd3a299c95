"""Score tables that were proposed, with weights fitted on drawn and real documents, and take the best.

A first forest tells how well the best reading of a run of lines as a table with these columns may agree with the truth (TEDS, 0
for what is no table); a second one which reading of the run that is. Both are sums of oblivious decision trees, fitted by
``python -m benchmarks.layout_scores`` on the documents that ``table_scores.json`` names.

Source: gradient boosting (Friedman, 2001) with oblivious trees (as in CatBoost, Prokhorenkova et al., 2018).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import Floats, PageIndex
from document_parser.layout.tables.candidates import Region, TableCandidate, propose_tables, variants_of
from document_parser.layout.tables.features import features_of
from document_parser.layout.tables.grid import Grid

WEIGHTS = Path(__file__).with_name("table_scores.npz")
"""File with the trees."""
MIN_TABLE_SCORE = 0.5
"""Expected agreement from which a run of lines is a table. Below it, columns of text or lines of prose agree better."""


MAX_BOX_WORDS_SHARE = 0.15
"""Share of words with characters for drawing boxes, at most, in a table."""
_BOX_DRAWING = re.compile("[\u2500-\u257f]")


@dataclass(frozen=True)
class Forest:
    """Trees that ask one question at each level. Shapes: (trees, depth), (trees, depth), (trees, 2^depth)."""

    base: float
    features: NDArray[np.intp]
    thresholds: Floats
    leaves: Floats

    def predict(self, samples: Floats) -> Floats:
        """Return the sum of the trees for each row of ``samples``, an array of (samples, features)."""
        above = samples[:, self.features] > self.thresholds
        weights = 1 << np.arange(above.shape[2])[::-1]
        leaf = above @ weights
        found: Floats = self.base + self.leaves[np.arange(len(self.leaves)), leaf].sum(axis=1)
        return found


@cache
def _forest(name: str) -> Forest:
    """Return the trees of one name from the package."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        parts = (stored[f"{name}_{part}"] for part in ("features", "thresholds", "leaves"))
        features, thresholds, leaves = parts
        return Forest(float(stored[f"{name}_base"]), features.astype(np.intp), thresholds.astype(float), leaves.astype(float))


def find_best_table(index: PageIndex, lines: Sequence[Line], size: float) -> tuple[Grid, float] | None:
    """Return the table of aligned words among these lines that is worth most, with its score. None if there is none."""
    if _is_drawing(lines):
        return None
    runs = propose_tables(Region(index, lines, size))
    if not runs:
        return None
    scores = _forest("runs").predict(np.array([features_of(run) for run in runs]))
    worth = (scores - MIN_TABLE_SCORE) * np.sqrt([run.end - run.start for run in runs])
    best = int(worth.argmax())
    if scores[best] < MIN_TABLE_SCORE:
        return None
    return best_reading(runs[best]).to_grid(), float(scores[best])


def _is_drawing(lines: Sequence[Line]) -> bool:
    """Return whether lines are a drawing made of the characters for boxes, which line up like columns do."""
    words = [word.text for line in lines for word in line.words]
    if _BOX_DRAWING.search("".join(words)) is None:
        return False
    return sum(_BOX_DRAWING.search(text) is not None for text in words) > MAX_BOX_WORDS_SHARE * len(words)


def best_reading(run: TableCandidate) -> TableCandidate:
    """Return the reading of a run, of which lines begin rows and where it ends, that agrees best."""
    readings = variants_of(run)
    if not readings:
        return run
    samples = np.array([features_of(reading) for reading in readings])
    return readings[int(_forest("readings").predict(samples).argmax())]
