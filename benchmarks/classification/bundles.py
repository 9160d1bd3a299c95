"""Files with several documents, made of documents of known types, and the weights of the signs of a beginning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np

from document_parser.classification.evidence import PageEvidence
from document_parser.classification.features import DocumentEvidence, Floats, join_pages
from document_parser.classification.model import Model
from document_parser.classification.split import SIGNS, signs_of

BUNDLED = ("invoice", "receipt", "purchase_order", "contract", "form", "medical_record", "legal_document", "generic")
"""Types that bundles are made of."""
FITTED_BUNDLES = 700
"""Bundles that the weights are fitted on."""
STEPS, RATE, RIDGE = 1200, 0.05, 3e-3
"""Steps of the descent, their length, and how strongly the weights are drawn to what is expected of them."""
LONG_WEIGHT = 5.0
"""What a page that goes on counts against one that begins: to tear a document apart is worse than to leave two together."""
EXPECTED = {
    "numbered first": 10.0, "numbered on": -8.0, "numbered otherwise": 1.5, "last of its number": 1.5, "alone first": 1.5,
    "alone on": -2.5, "same document number": -7.0, "other document number": 9.0, "new title": 2.0, "other size": 2.0,
    "small letter": -1.5, "carried": -1.5, "other head": 1.0, "same head": -1.5, "closed": 0.5, "open": -0.5,
}  # fmt: skip
"""What is expected of a sign that the documents seldom have: weights are drawn to these, and those of all other signs to 0."""

Weights = tuple[float, Mapping[str, float]]


class Bundle(NamedTuple):
    """The pages of a file, and the places where its documents begin."""

    pages: list[PageEvidence]
    starts: list[int]


def bundle_of(documents: Sequence[DocumentEvidence]) -> Bundle:
    """Join documents."""
    pages: list[PageEvidence] = []
    starts = []
    for document in documents:
        starts.append(len(pages))
        pages += document.pages
    return Bundle(pages, starts)


def bundles(documents: Sequence[DocumentEvidence], count: int, random: Random) -> Iterator[Bundle]:
    """Yield files of two to five documents each."""
    for _ in range(count):
        yield bundle_of(random.sample(documents, random.randint(2, 5)))


def likely_of(model: Model, pages: Sequence[PageEvidence]) -> list[Floats]:
    """The probabilities of each page."""
    return [model.probabilities(join_pages([page])) for page in pages]


def fit_split(model: Model, documents: Sequence[DocumentEvidence]) -> Weights:
    """Fit the weights on bundles of these documents, and on each of them that has several pages."""
    random = Random("fitted bundles")
    listed = [*bundles(documents, FITTED_BUNDLES, random)]
    listed += [bundle_of([one]) for one in documents if len(one.pages) > 1]
    rows, wanted = [], []
    for bundle in listed:
        likely, start = likely_of(model, bundle.pages), 0
        for before, place in pairwise(place for place, page in enumerate(bundle.pages) if page.words):
            values = dict.fromkeys(SIGNS, 0.0)
            values |= {sign.name: sign.value for sign in signs_of(bundle.pages, likely, start, before, place)}
            rows.append([values[name] for name in SIGNS])
            wanted.append(place in bundle.starts)
            start = place if place in bundle.starts else start
    return _descend(np.array(rows), np.array(wanted, dtype=float))


def _descend(rows: Floats, wanted: Floats) -> Weights:
    """Fit a logistic regression by Adam over all rows at once; nothing is drawn at random."""
    share = np.where(wanted > 0, 1.0, LONG_WEIGHT)
    share /= share.sum()
    expected = np.array([EXPECTED.get(name, 0.0) for name in SIGNS])
    found = np.append(expected, 0.0)
    first, second = np.zeros_like(found), np.zeros_like(found)
    for step in range(1, STEPS + 1):
        fault = (1 / (1 + np.exp(-(rows @ found[:-1] + found[-1]))) - wanted) * share
        slope = np.append(rows.T @ fault + RIDGE * (found[:-1] - expected), fault.sum())
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        found -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return round(float(found[-1]), 3), {name: round(float(one), 3) for name, one in zip(SIGNS, found, strict=False)}
