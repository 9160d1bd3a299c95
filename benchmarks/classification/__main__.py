"""How well types of documents are told apart and files with several are split, without a model server.

    python -m benchmarks.classification [--shared FOLDER] [--readings FOLDER] [--worst] [--trial]

Models are fitted anew for every figure, without what it is about: the layout, the language, or the source of the corpora.
Drawn documents have seeds that nothing is fitted on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple
from zlib import crc32

from benchmarks.classification.bundles import Bundle, bundles, fit_split, likely_of
from benchmarks.classification.records import SHORT
from benchmarks.classification.samples import NONE, Reader, Sample
from benchmarks.classification.train import Known, bundled, collect, fit, known_of
from benchmarks.classification.train import parser as train_parser
from benchmarks.report import Report, progress
from document_parser.classification.classify import MIN_CONFIDENCE, MIN_WORDS, classify_pages
from document_parser.classification.features import DocumentEvidence
from document_parser.classification.model import CLASSES, Model
from document_parser.classification.split import Beginning, find_beginnings
from document_parser.models import Page
from document_parser.models.classification import ClassificationOrder

DRAWN_SEEDS, RECORDS, SHORTS, BUNDLES = 100, 168, 28, 60
"""Drawn documents, drawn records, short texts and bundles that are reported on."""
FOLDS = 5
"""Parts of the sources of real documents, each of which is left out once."""


class Answered(NamedTuple):
    """A document with the type that it was given."""

    sample: Sample
    found: str


def answer(model: Model, document: DocumentEvidence) -> str:
    """The type of a document as ``classify_pages`` decides it."""
    if document.words < MIN_WORDS:
        return NONE
    likely = model.probabilities(document)[:-1]
    return CLASSES[int(likely.argmax())] if likely.max() >= MIN_CONFIDENCE else NONE


def by_group(fitted: Known, asked: Known, group: Callable[[Sample], str]) -> list[Answered]:
    """Answer each group with models that were fitted without it. A sample without a group is answered by none."""
    found = []
    for name in sorted({group(sample) for sample in asked.samples} - {""}):
        model = fit(fitted.where([group(sample) != name for sample in fitted.samples]))
        test = asked.where([group(sample) == name for sample in asked.samples])
        found += [Answered(one, answer(model, document)) for one, document in zip(test.samples, test.evidence, strict=True)]
        progress(f"without {name}: {sum(a.found == a.sample.type for a in found)} of {len(found)} so far")
    return found


def is_real(sample: Sample) -> bool:
    return "/" in sample.name


def is_drawn(sample: Sample) -> bool:
    return sample.source.startswith("drawn ")


def is_short(sample: Sample) -> bool:
    return sample.source.startswith(SHORT)


def fold_of(source: str) -> str:
    """Return which fifth of the sources one belongs to: all documents of a source are left out together."""
    return f"fold {crc32(source.encode()) % FOLDS}"


def right(answered: Sequence[Answered]) -> float:
    """The share of documents that have their type."""
    return sum(one.found == one.sample.type for one in answered) / max(1, len(answered))


def typed(answered: Sequence[Answered]) -> list[Answered]:
    return [one for one in answered if one.sample.type != NONE]


def outside(answered: Sequence[Answered]) -> list[Answered]:
    return [one for one in answered if one.sample.type == NONE]


def tell(report: Report, what: str, answered: Sequence[Answered]) -> None:
    """Add the accuracy and the abstention of some documents."""
    inside, out = typed(answered), outside(answered)
    if inside:
        report.at_least(f"{what}: accuracy ({len(inside)})", right(inside), 0.95, "{:.3f}")
    if out:
        report.at_least(f"{what}: abstention ({len(out)})", right(out), 0.9, "{:.3f}")


class Splits:
    """How files are split: counted over models that were fitted without half of the sources each."""

    def __init__(self) -> None:
        self.hits = self.found = self.wanted = self.exact = self.documents = self.kept = self.several = 0

    def add_bundle(self, bundle: Bundle, found: set[int]) -> None:
        """Count a file of several documents that was split at these places."""
        starts = set(bundle.starts)
        self.hits += len(starts & found) - 1
        self.found, self.wanted = self.found + len(found) - 1, self.wanted + len(starts) - 1
        bounds = sorted(starts | {len(bundle.pages)})
        self.documents += len(starts)
        self.exact += sum(
            start in found and (end in found or end == bounds[-1]) and not any(start < one < end for one in found)
            for start, end in pairwise(bounds)
        )

    def add_document(self, name: str, beginnings: Sequence[Beginning]) -> None:
        """Count a file of one document with several pages."""
        self.several += 1
        self.kept += len(beginnings) == 1
        if len(beginnings) > 1:
            progress(f"split: {name} {[(one.place + 1, one.reasons) for one in beginnings[1:]]}")

    def tell(self, report: Report) -> None:
        f1, exact = 2 * self.hits / max(1, self.found + self.wanted), self.exact / max(1, self.documents)
        kept = self.kept / max(1, self.several)
        report.at_least(f"bundles: beginnings, F1 ({BUNDLES} files)", f1, 0.9, "{:.3f}")
        report.at_least(f"bundles: documents that are exactly one segment ({self.documents})", exact, 0.9, "{:.3f}")
        report.at_least(f"documents of several pages that stay one ({self.several})", kept, 0.95, "{:.3f}")


def measure_splitting(fitted: Known, records: Known, drawn: Known) -> Splits:
    """Split files of each half of the real sources, and of drawn documents, with models that were fitted on the other half."""
    found, random = Splits(), Random("bundles")
    for half in range(2):

        def is_asked(sample: Sample, half: int = half) -> bool:
            return is_real(sample) and crc32(sample.source.encode()) % 2 == half

        rest = fitted.where([not is_asked(sample) for sample in fitted.samples])
        model = fit(rest)
        weights = fit_split(model, bundled(rest))
        real = fitted.where([is_asked(sample) for sample in fitted.samples])
        for bundle in bundles([*bundled(records), *bundled(real)], BUNDLES // 2, random):
            places = {one.place for one in find_beginnings(bundle.pages, likely_of(model, bundle.pages), weights)}
            found.add_bundle(bundle, places)
        # Drawn documents are none of those that are fitted on, so that one of the models is enough.
        for known in (real, drawn) if half else (real,):
            for sample, document in zip(known.samples, known.evidence, strict=True):
                if len(document.pages) > 1 and sample.type != NONE:
                    beginnings = find_beginnings(document.pages, likely_of(model, document.pages), weights)
                    found.add_document(sample.name, beginnings)
    return found


def seconds_of_ten_pages(pages: Sequence[Page]) -> float:
    """How long it takes to classify ten pages, in seconds of processor time."""
    ten = [page.model_copy(update={"number": place + 1}) for place, page in enumerate(pages[:10])]
    classify_pages(ten, ClassificationOrder())
    started = time.process_time()
    classify_pages(ten, ClassificationOrder())
    return time.process_time() - started


def measure(report: Report, options: argparse.Namespace) -> None:
    """Fit, answer and write down."""
    fitted = known_of(collect(options))
    with Reader(options.readings) as reader:
        records = known_of([*reader.records(0, RECORDS), *reader.shorts(0, SHORTS)])
        drawn = known_of(list(reader.drawn(range(DRAWN_SEEDS), "report")))
    progress(f"{len(fitted.samples)} fitted, {len(records.samples)} records, {len(drawn.samples)} drawn")
    real = fitted.where([is_real(sample) for sample in fitted.samples])
    groups: list[tuple[str, list[Answered]]] = [
        ("drawn, layouts unseen", by_group(fitted, records, lambda sample: "" if is_short(sample) else sample.source)),
        ("drawn short texts, kinds unseen", by_group(fitted, records, lambda sample: sample.source * is_short(sample))),
        ("drawn, languages unseen", by_group(fitted, records, lambda sample: sample.language)),
        ("other drawn documents, kinds unseen", by_group(fitted, drawn, lambda sample: "drawn"[: 5 * is_drawn(sample)])),
        ("real, sources unseen", by_group(fitted, real, lambda sample: fold_of(sample.source) if is_real(sample) else "")),
    ]
    for what, answered in groups:
        tell(report, what, answered)
    every = [one for _, answered in groups for one in answered]
    if options.worst:
        for one in every:
            if one.found != one.sample.type:
                at = one.sample
                progress(f"{at.name} ({at.source}, {at.language}): {at.type} expected, {one.found} found")
    measure_splitting(fitted, records, drawn).tell(report)
    samples = [*records.samples, *real.samples]
    pages = [page for sample in samples if sample.type == "invoice" for page in sample.pages]
    report.below("classifying ten pages, s of processor time", seconds_of_ten_pages(pages), 0.3, "{:.2f}")


def main() -> None:
    made = train_parser()
    made.add_argument("--worst", action="store_true", help="print each document that has another type")
    options = made.parse_args()
    report = Report("classification")
    measure(report, options)
    report.notes.append(
        "Each figure is of models that were fitted without the layouts, languages, kinds or sources that it is about. "
        "Titles and labels of all languages are known to them. Drawn documents of other kinds have words at random: only "
        "their titles, labels and looks tell. Abstention counts figures, programs, maps, empty pages, statements, ledgers "
        "and price lists."
    )
    report.publish(trial=options.trial)


if __name__ == "__main__":
    main()
