"""Two linear models that say how likely each type is: one of titles, labels and looks, one of the words of the text.

They are fitted apart by ``python -m benchmarks.classification.train`` and their answers are multiplied: the first one speaks in
every language whose titles and labels are known, the second one where the words of the text are like those it has seen.
Source: multinomial logistic regression; feature hashing (Weinberger et al., 2009); product of experts (Hinton, 2002).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from document_parser.classification.features import DocumentEvidence, Floats
from document_parser.models.classification import SHIPPED_TYPES

WEIGHTS = Path(__file__).with_name("weights.npz")
"""File with the weights; the JSON file beside it says what they were fitted on."""
NONE = "none"
"""Stands for documents that are of none of the types."""
CLASSES = (*SHIPPED_TYPES, NONE)
"""What the models tell apart, in order."""


@dataclass(frozen=True)
class Model:
    """Weights. Shapes: ``named`` (numbers + 1, classes), its last row is added; ``text`` (places, classes), ``text_base``.

    ``text_share`` and ``sharpness`` multiply the answer of the text, and that of both.
    """

    named: Floats
    text: NDArray[np.float32]
    text_base: Floats
    text_share: float
    sharpness: float

    def named_scores(self, document: DocumentEvidence) -> Floats:
        """Return what titles, labels and looks say of each class, as logits."""
        found: Floats = document.named() @ self.named[:-1] + self.named[-1]
        return found

    def text_scores(self, document: DocumentEvidence) -> Floats:
        """Return what the words say of each class, as logits."""
        places, counts = document.text()
        found: Floats = counts @ self.text[places].astype(np.float64) + self.text_base
        return found

    def probabilities(self, document: DocumentEvidence) -> Floats:
        """Return how likely each class is; they add up to 1."""
        return softmax(self.sharpness * (self.named_scores(document) + self.text_share * self.text_scores(document)))


def softmax(scores: Floats) -> Floats:
    """Return logits as shares of 1, along the last axis."""
    grown = np.exp(scores - scores.max(axis=-1, keepdims=True))
    found: Floats = grown / grown.sum(axis=-1, keepdims=True)
    return found


@cache
def load_model() -> Model:
    """Return the weights of the package."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        text = stored["text"].astype(np.float32) * stored["text_scale"].astype(np.float32)
        share, sharpness = map(float, stored["mixture"])
        return Model(stored["named"].astype(float), text, stored["text_base"].astype(float), share, sharpness)
