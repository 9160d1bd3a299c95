"""Gradient boosting with oblivious trees in numpy: every level of a tree asks one question of all samples.

Source: Friedman, "Greedy function approximation" (2001); oblivious trees as in CatBoost (Prokhorenkova et al., 2018).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 32
"""Quantiles of a feature at which a tree may part the samples."""
RATE, RIDGE = 0.1, 20.0
"""Share of a tree's answer that is added, and weight of the samples that each leaf is pulled to 0 with."""
SAMPLE_SHARE, FEATURE_SHARE = 0.7, 0.6
"""Shares of the samples and features that each tree sees."""

Floats = NDArray[np.float64]


class Trees(NamedTuple):
    """What ``layout.tables.score.Forest`` is made of."""

    base: float
    features: NDArray[np.intp]
    thresholds: Floats
    leaves: Floats

    def predict(self, samples: Floats) -> Floats:
        """Return the sum of the trees for each sample."""
        found = np.full(len(samples), self.base)
        for features, thresholds, leaves in zip(self.features, self.thresholds, self.leaves, strict=True):
            found += leaves[_leaf_of(samples, features, thresholds)]
        return found


def fit(samples: Floats, wanted: Floats, weights: Floats, *, trees: int, depth: int, seed: int) -> Trees:
    """Return trees whose sum is close to ``wanted`` in weighted squares. ``samples`` are (samples, features)."""
    chance = np.random.default_rng(seed)
    count, width = samples.shape
    edges = [np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])) for column in samples.T]
    bins = np.stack([np.searchsorted(edges[j], samples[:, j], side="left") for j in range(width)]).astype(np.int64)
    model = Trees(
        float(np.average(wanted, weights=weights)),
        np.zeros((trees, depth), dtype=np.intp),
        np.zeros((trees, depth)),
        np.zeros((trees, 2**depth)),
    )
    found = np.full(count, model.base)
    for tree in range(trees):
        rows = np.flatnonzero(chance.random(count) < SAMPLE_SHARE)
        columns = [int(j) for j in np.flatnonzero(chance.random(width) < FEATURE_SHARE) if len(edges[j])]
        pull, weight = (weights * (wanted - found))[rows], weights[rows]
        leaf = np.zeros(len(rows), dtype=np.int64)
        for level in range(depth):
            j, edge = _best_question(bins[:, rows], edges, columns, leaf, 2**level, pull, weight)
            model.features[tree, level], model.thresholds[tree, level] = j, edges[j][edge]
            leaf = leaf * 2 + (bins[j, rows] > edge)
        sums = np.bincount(leaf, pull, 2**depth), np.bincount(leaf, weight, 2**depth)
        model.leaves[tree] = RATE * sums[0] / (sums[1] + RIDGE)
        found += model.leaves[tree][_leaf_of(samples, model.features[tree], model.thresholds[tree])]
    return model


def _best_question(
    bins: NDArray[np.int64],
    edges: list[Floats],
    columns: list[int],
    leaf: NDArray[np.int64],
    leaves: int,
    pull: Floats,
    weight: Floats,
) -> tuple[int, int]:
    """Return (feature, edge) of the question that lowers the error of all leaves together most."""
    best, question = -1.0, (columns[0], 0)
    for j in columns:
        code = leaf * (BINS + 1) + bins[j]
        size = leaves * (BINS + 1)
        pulls = np.bincount(code, pull, size).reshape(leaves, BINS + 1).cumsum(axis=1)
        held = np.bincount(code, weight, size).reshape(leaves, BINS + 1).cumsum(axis=1)
        rest, others = pulls[:, -1:] - pulls, held[:, -1:] - held
        gains = (pulls**2 / (held + RIDGE) + rest**2 / (others + RIDGE)).sum(axis=0)[: len(edges[j])]
        edge = int(gains.argmax())
        if gains[edge] > best:
            best, question = float(gains[edge]), (j, edge)
    return question


def _leaf_of(samples: Floats, features: NDArray[np.intp], thresholds: Floats) -> NDArray[np.int64]:
    """Return the leaf of each sample."""
    leaf = np.zeros(len(samples), dtype=np.int64)
    for j, threshold in zip(features, thresholds, strict=True):
        leaf = leaf * 2 + (samples[:, j] > threshold)
    return leaf
