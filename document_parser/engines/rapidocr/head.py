"""Find the class of every step of a line without computing all 18,000 classes where few can be meant.

The last layer of the recognition is fully connected. Its classes are mostly Chinese characters and take a third of its time in
eight bits, while nearly every step of a page shows one of a few hundred. We compute these first. A step whose greatest logit is
low may show another class: all classes are computed for it and its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MIN_LOGITS = (18.0, 22.0)
"""Greatest logit of the usual classes below which a step may show another class; the second in lines where a step does.

Of 3,500 steps of Japanese and Chinese pages that show another class, the second bound misses none, and the first no line. A
fiftieth of the steps of English pages is below the first.
"""

MIN_OTHER = 0.02
"""Probability of a class from which a step may have meant it."""

Features = NDArray[np.float32]
"""What the last layer is given for the steps of a line, (steps, features)."""


class Steps(NamedTuple):
    """What recognition says of the steps of a line."""

    best: NDArray[np.int64]
    """The most probable class of each step."""
    confidences: NDArray[np.float32]
    """The probability of that class."""
    probability: Callable[[int, int], float]
    """Return the probability of a class, given second, at a step."""
    others: Callable[[int], list[tuple[int, float]]]
    """Return the usual classes besides the best with a probability of MIN_OTHER at a step at least, with it."""


def steps_of(probabilities: NDArray[np.float32]) -> Steps:
    """Return the steps of a line for which the probabilities of all classes, (steps, classes), are known.

    They must not change as long as the steps are used.
    """
    best = probabilities.argmax(axis=1)
    confidences = probabilities[np.arange(len(best)), best]

    def others(step: int) -> list[tuple[int, float]]:
        likely = np.flatnonzero(probabilities[step] >= MIN_OTHER)
        return [(int(number), float(probabilities[step, number])) for number in likely if number != best[step]]

    return Steps(best, confidences, lambda step, number: float(probabilities[step, number]), others)


def letters_of(characters: str) -> list[str]:
    """Return the characters of the classes, "" for none, given those that the model names, one a line."""
    return ["", *characters.splitlines(), " "]


def is_usual(character: str) -> bool:
    """Return whether a character is one of the usual classes: Latin, Greek, punctuation, currencies, arrows, mathematics."""
    return character < "\u0400" or "\u2000" <= character < "\u2300"


class Head:
    """The last layer of the recognition. Several threads may use it."""

    def __init__(self, weights: NDArray[np.float32], bias: NDArray[np.float32], letters: Sequence[str]) -> None:
        """``weights`` is (features, classes), ``bias`` (classes). ``letters`` are the characters of the classes."""
        self._weights, self._bias = weights, bias
        self._usual = np.flatnonzero([is_usual(letter) for letter in letters])
        self._is_usual = np.isin(np.arange(len(bias)), self._usual)
        self._usual_weights, self._usual_bias = np.ascontiguousarray(weights[:, self._usual]), bias[self._usual]

    def __call__(self, features: Features) -> Steps:
        """Return the steps of a line. The features must not change as long as the steps are used."""
        best, highest, totals = _summarise(features @ self._usual_weights + self._usual_bias)
        usual, best = highest.copy(), self._usual[best]
        computed = np.zeros(len(best), dtype=np.bool_)
        for bound in MIN_LOGITS:
            doubtful = _widen(usual < bound) & ~computed
            if doubtful.any():
                best[doubtful], highest[doubtful], totals[doubtful] = _summarise(
                    features[doubtful] @ self._weights + self._bias
                )
                computed |= doubtful
            if self._is_usual[best].all():
                break

        def probability(step: int, number: int) -> float:
            return float(np.exp(features[step] @ self._weights[:, number] + self._bias[number] - totals[step]))

        def others(step: int) -> list[tuple[int, float]]:
            shares = np.exp(features[step] @ self._usual_weights + self._usual_bias - totals[step])
            likely = np.flatnonzero(shares >= MIN_OTHER)
            return [(int(self._usual[i]), float(shares[i])) for i in likely if self._usual[i] != best[step]]

        return Steps(best, np.exp(highest - totals), probability, others)


def _summarise(logits: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Return for each step the class with the greatest logit, that logit, and the logarithm of the sum of the exponentials.

    The logits are overwritten.
    """
    best = logits.argmax(axis=1)
    highest = logits[np.arange(len(best)), best]
    logits -= highest[:, None]
    return best, highest, highest + np.log(np.exp(logits, out=logits).sum(axis=1))


def _widen(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the marked steps and their neighbours."""
    wide = marked.copy()
    wide[1:] |= marked[:-1]
    wide[:-1] |= marked[1:]
    return wide
