"""Sums of oblivious decision trees, fitted by ``python -m benchmarks.layout_scores`` and kept as numbers in the package.

Source: gradient boosting (Friedman, 2001) with oblivious trees (as in CatBoost, Prokhorenkova et al., 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.page_index import Floats

WEIGHTS = Path(__file__).with_name("table_scores.npz")
"""File with the trees."""


@dataclass(frozen=True)
class Forest:
    """Trees that ask one question at each level. Shapes: (trees, depth), (trees, depth), (trees, 2^depth)."""

    base: float
    features: NDArray[np.intp]
    thresholds: Floats
    leaves: Floats

    @cached_property
    def used(self) -> tuple[int, ...]:
        """Return the features that the trees ask for; the others may have any value."""
        return tuple(np.unique(self.features).tolist())

    def bound_by(self, known: frozenset[int]) -> Forest:
        """Return trees that give the most that these may give where only some features are known; others may have any value."""
        depth = self.features.shape[1]
        leaves = self.leaves.reshape(-1, *(2,) * depth)
        for level in range(depth):
            is_known = np.isin(self.features[:, level], sorted(known)).reshape(-1, *(1,) * depth)
            leaves = np.where(is_known, leaves, leaves.max(axis=level + 1, keepdims=True))
        return Forest(self.base, self.features, self.thresholds, leaves.reshape(self.leaves.shape))

    def predict(self, samples: Floats) -> Floats:
        """Return the sum of the trees for each row of ``samples``, an array of (samples, features)."""
        above = samples[:, self.features] > self.thresholds
        weights = 1 << np.arange(above.shape[2])[::-1]
        leaf = above @ weights
        found: Floats = self.base + self.leaves[np.arange(len(self.leaves)), leaf].sum(axis=1)
        return found


@cache
def forest(name: str) -> Forest:
    """Return the trees of one name from the package."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        parts = (stored[f"{name}_{part}"] for part in ("features", "thresholds", "leaves"))
        features, thresholds, leaves = parts
        return Forest(float(stored[f"{name}_base"]), features.astype(np.intp), thresholds.astype(float), leaves.astype(float))


@cache
def bound_of(name: str, known: frozenset[int]) -> Forest:
    """Return trees that give the most that those of one name may give where only some features are known."""
    return forest(name).bound_by(known)
