"""Fit the models of ``document_parser.classification.model``, and write them and what made them into the package.

    python -m benchmarks.classification.train [--shared FOLDER] [--readings FOLDER] [--records N] [--seeds N] [--trial]

Drawn documents have seeds and numbers that are kept for fitting; ``python -m benchmarks.classification`` draws others. No text
is stored: words are hashed into places, and rounded to a byte a weight.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.classification.bundles import BUNDLED, FITTED_BUNDLES, Weights, fit_split  # noqa: E402
from benchmarks.classification.samples import FIRST_FIT_RECORD, Reader, Sample  # noqa: E402
from benchmarks.drawn.document import FIRST_FIT_SEED  # noqa: E402
from benchmarks.report import progress  # noqa: E402
from document_parser.classification.evidence import page_evidence, vocabulary_of  # noqa: E402
from document_parser.classification.features import (  # noqa: E402
    NAMES,
    DocumentEvidence,
    dense_text,
    join_pages,
)
from document_parser.classification.model import CLASSES, WEIGHTS, Model, softmax  # noqa: E402
from document_parser.classification.split import SPLIT_WEIGHTS  # noqa: E402
from document_parser.classification.tokens import PLACES  # noqa: E402
from document_parser.extraction.view import view_page  # noqa: E402

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
RECORDS, SEEDS = 600, 60
"""Drawn records and drawn documents of other kinds that are fitted on."""
SHORTS = 84
"""Drawn short texts that are fitted on."""
STEPS, RATE = 150, 0.1
"""Steps of the descent, and their length."""
NAMED_RIDGE, TEXT_RIDGE = 2e-3, 2e-4
"""Weight of the squares of the weights, which keeps them small."""
TEXT_SHARE, SHARPNESS = 0.5, 1.0
"""What the words count against titles, labels and looks, and how sharp both together are."""
REAL_WEIGHT = 2.0
"""What a real document counts against a drawn one."""
LEVELS = 127
"""Steps of a weight of the text above and below 0."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """Documents of known types, as the models see them."""

    samples: Sequence[Sample]
    evidence: Sequence[DocumentEvidence]

    @property
    def wanted(self) -> NDArray[np.intp]:
        return np.array([CLASSES.index(sample.type) for sample in self.samples])

    def weights(self) -> Floats:
        """Each type counts the same, a real document more than a drawn one."""
        found = np.array([REAL_WEIGHT if "/" in sample.name else 1.0 for sample in self.samples])
        by_type: dict[int, float] = Counter()
        for kind, weight in zip(self.wanted, found, strict=True):
            by_type[kind] += weight
        return found * np.array([len(found) / (len(by_type) * by_type[kind]) for kind in self.wanted])

    def where(self, chosen: Sequence[bool]) -> Known:
        """Return some of them."""
        places = [place for place, one in enumerate(chosen) if one]
        return Known([self.samples[place] for place in places], [self.evidence[place] for place in places])


def known_of(samples: Sequence[Sample]) -> Known:
    """Return documents as the models see them."""
    vocabulary = vocabulary_of()
    evidence = [join_pages([page_evidence(page, view_page(page), vocabulary) for page in sample.pages]) for sample in samples]
    return Known(samples, evidence)


def fit(known: Known) -> Model:
    """Fit both models."""
    named = np.array([document.named() for document in known.evidence])
    named_weights, named_base = _descend(named, known.wanted, known.weights(), NAMED_RIDGE)
    text_weights, text_base = _descend(dense_text(known.evidence), known.wanted, known.weights(), TEXT_RIDGE)
    scale = float(np.abs(text_weights).max()) / LEVELS or 1.0
    rounded = (np.round(text_weights / scale) * scale).astype(np.float32)
    return Model(np.vstack([named_weights, named_base]), rounded, text_base, TEXT_SHARE, SHARPNESS)


def _descend(rows: Any, wanted: Any, weights: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Fit a multinomial logistic regression by Adam (Kingma & Ba, 2015) over all rows at once; nothing is drawn at random."""
    count, classes = len(rows), len(CLASSES)
    truth = np.zeros((count, classes), dtype=np.float32)
    truth[np.arange(count), wanted] = 1.0
    share = (weights / weights.sum()).astype(np.float32)[:, None]
    rows = rows.astype(np.float32)
    found = np.zeros((rows.shape[1], classes), dtype=np.float32)
    base = np.zeros(classes, dtype=np.float32)
    first, second = [np.zeros_like(found), np.zeros_like(base)], [np.zeros_like(found), np.zeros_like(base)]
    for step in range(1, STEPS + 1):
        fault = (softmax((rows @ found + base).astype(np.float64)).astype(np.float32) - truth) * share
        slopes = [rows.T @ fault + ridge * found, fault.sum(axis=0)]
        for place, (target, slope) in enumerate(zip((found, base), slopes, strict=True)):
            first[place] = 0.9 * first[place] + 0.1 * slope
            second[place] = 0.999 * second[place] + 0.001 * slope**2
            grown = first[place] / (1 - 0.9**step), second[place] / (1 - 0.999**step)
            target -= RATE * grown[0] / (np.sqrt(grown[1]) + 1e-8)
    return found.astype(np.float64), base.astype(np.float64)


def bundled(known: Known) -> list[DocumentEvidence]:
    """Return the documents that bundles are made of."""
    return [one for sample, one in zip(known.samples, known.evidence, strict=True) if sample.type in BUNDLED and one.pages]


def guess(model: Model, known: Known) -> list[int]:
    """The most likely class of each document."""
    return [int(np.argmax(model.probabilities(document))) for document in known.evidence]


def collect(options: argparse.Namespace) -> list[Sample]:
    """Read everything that is fitted on."""
    with Reader(options.readings) as reader:
        found = list(reader.records(FIRST_FIT_RECORD, options.records))
        found += reader.shorts(FIRST_FIT_RECORD, SHORTS)
        progress(f"{len(found)} records")
        found += reader.drawn(range(FIRST_FIT_SEED, FIRST_FIT_SEED + options.seeds), "fit")
        progress(f"{len(found)} with other drawn documents")
        found += reader.real(options.shared)
        progress(f"{len(found)} with real ones")
    return found


def store(model: Model, split: Weights, made: dict[str, Any]) -> None:
    """Write the weights, and beside them what they were made of."""
    base, weights = split
    SPLIT_WEIGHTS.write_text(json.dumps({"base": base, "weights": weights}, indent=1) + "\n")
    scale = float(np.abs(model.text).max()) / LEVELS or 1.0
    np.savez_compressed(
        WEIGHTS,
        named=model.named.astype(np.float32),
        text=np.round(model.text / scale).astype(np.int8),
        text_scale=np.float32(scale),
        text_base=model.text_base.astype(np.float32),
        mixture=np.array([model.text_share, model.sharpness], dtype=np.float32),
    )
    WEIGHTS.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("--shared", type=Path, default=SHARED, help="the folder of the corpora")
    made.add_argument("--readings", type=Path, help="a folder that keeps what was read")
    made.add_argument("--records", type=int, default=RECORDS, help="how many drawn records")
    made.add_argument("--seeds", type=int, default=SEEDS, help="how many drawn documents of other kinds")
    made.add_argument("--trial", action="store_true", help="write nothing")
    return made


def main() -> None:
    options = parser().parse_args()
    known = known_of(collect(options))
    model = fit(known)
    right = sum(a == b for a, b in zip(guess(model, known), known.wanted, strict=True))
    progress(f"{right} of {len(known.samples)} fitted documents are known")
    made = {
        "command": f"python -m benchmarks.classification.train --records {options.records} --seeds {options.seeds}",
        "records": [FIRST_FIT_RECORD, FIRST_FIT_RECORD + options.records - 1],
        "seeds": [FIRST_FIT_SEED, FIRST_FIT_SEED + options.seeds - 1],
        "documents": dict(sorted(Counter(sample.type for sample in known.samples).items())),
        "real": sorted({sample.source for sample in known.samples if "/" in sample.name}),
        "classes": CLASSES,
        "names": NAMES,
        "places": PLACES,
        "ridge": [NAMED_RIDGE, TEXT_RIDGE],
        "steps": STEPS,
        "shorts": [FIRST_FIT_RECORD, FIRST_FIT_RECORD + SHORTS - 1],
        "bundles": FITTED_BUNDLES,
    }
    if not options.trial:
        store(model, fit_split(model, bundled(known)), made)


if __name__ == "__main__":
    main()
