"""Measures of many values in one array: of all, or of several groups of them in one step."""

from __future__ import annotations

import numpy as np

from document_parser.layout.page_index import Flags, Floats, Integers


class Groups:
    """Values of several groups, whose order statistics are found in one step: a matrix with a row a group is sorted."""

    def __init__(self, groups: Integers, count: int) -> None:
        self.counts = np.bincount(groups, minlength=count)
        self._order = groups.argsort(kind="stable")
        self._row = groups[self._order]
        self._column = np.arange(len(groups)) - starts_of(self.counts)[self._row]

    def _sorted(self, values: Floats) -> Floats:
        """Return the values of each group in ascending order, with infinity behind them. Shape: (groups, most values)."""
        found = np.full((len(self.counts), int(self.counts.max(initial=1))), np.inf)
        found[self._row, self._column] = values[self._order]
        found.sort(axis=1)
        return found

    def sums(self, flags: Flags) -> Integers:
        """Return how many flags of each group are set."""
        return np.bincount(self._row, weights=flags[self._order], minlength=len(self.counts)).astype(np.intp)

    def medians(self, values: Floats) -> Floats:
        """Return the median of each group; NaN for an empty one."""
        ordered, every = self._sorted(values), np.arange(len(self.counts))
        found = (ordered[every, np.maximum(0, self.counts - 1) // 2] + ordered[every, self.counts // 2 % ordered.shape[1]]) / 2
        medians: Floats = np.where(self.counts > 0, found, np.nan)
        return medians

    def percentiles(self, values: Floats, share: float) -> Floats:
        """Return the value at a share of each group's values in ascending order; that of an empty group says nothing."""
        ordered, every = self._sorted(values), np.arange(len(self.counts))
        place = share * np.maximum(0, self.counts - 1)
        low = place.astype(np.intp)
        high = np.minimum(low + 1, np.maximum(0, self.counts - 1))
        ordered[self.counts == 0] = 0.0
        found: Floats = ordered[every, low] + (place - low) * (ordered[every, high] - ordered[every, low])
        return found


def ranges(starts: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """Return (all numbers from each start to its end (excluded), one range after the other; the range of each)."""
    counts = ends - starts
    of = np.arange(len(counts)).repeat(counts)
    return np.arange(len(of)) + (starts - starts_of(counts))[of], of


def starts_of(counts: Integers) -> Integers:
    """Return where each of several groups begins that stand one after the other."""
    found: Integers = counts.cumsum() - counts
    return found


def share_of(parts: Floats | Integers, wholes: Integers) -> Floats:
    """Return parts divided by wholes; NaN where the whole is nothing."""
    found = np.full(len(wholes), np.nan)
    np.divide(parts, wholes, out=found, where=wholes > 0)
    return found


def deviations(values: Floats, groups: Integers, count: int) -> Floats:
    """Return the standard deviation of each group's values; 0 for an empty one."""
    counts = np.maximum(1, np.bincount(groups, minlength=count))
    off = values - (np.bincount(groups, weights=values, minlength=count) / counts)[groups]
    found: Floats = np.sqrt(np.bincount(groups, weights=off * off, minlength=count) / counts)
    return found


def fraction(flags: Flags) -> float:
    """Return the share of flags that are set; there must be some. Ten times as fast as ``mean`` for few."""
    return int(np.count_nonzero(flags)) / flags.size


def median(values: Floats | Integers) -> float:
    """Return the median of values; there must be some. Many times as fast as NumPy's for few."""
    ordered = np.sort(values)
    return float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
