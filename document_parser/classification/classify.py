"""Say what documents a file holds: split its pages, decide the type of each part, and say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from document_parser.classification.evidence import PageEvidence, Vocabulary, page_evidence, vocabulary_of
from document_parser.classification.features import NAMES, DocumentEvidence, join_pages
from document_parser.classification.model import CLASSES, NONE, Model, load_model, softmax
from document_parser.classification.split import find_beginnings
from document_parser.extraction.view import PageView, view_page
from document_parser.models import Page
from document_parser.models.classification import (
    SHIPPED_TYPES,
    Classification,
    ClassificationOrder,
    ClassificationWarning,
    DocumentSegment,
)

MIN_CONFIDENCE = 0.5
"""How likely a type is, at least, that is the answer; below it nothing fits well enough."""
MIN_WORDS = 4
"""Words of a document, at least, that anything can be decided by."""
JUDGE_BELOW = 0.7
"""A model server is asked about documents whose type is less sure than this."""
JUDGE_CONFIDENCE = 0.75
"""How sure the answer of a model server counts."""
MAX_JUDGED_CHARACTERS = 6000
"""Characters of a document that a model server is shown, at most."""
MAX_SHOWN_MARKS = 5
"""Labels that the reasons name, at most."""
MIN_TITLE_REASON = 0.3
"""Strength of a title, at least, that the reasons name."""
OWN_TITLE, OWN_MARK = 0.9, 0.25
"""How much a title of the operator's own words says, and each of them elsewhere, of what is left to be said."""
MIN_TEXT_REASON = 0.8
"""How likely the words alone make a type, at least, to be named as a reason."""

DESCRIPTIONS = {
    "invoice": "asks for money: an invoice, a credit note, a bill",
    "purchase_order": "orders goods or services, or confirms an order",
    "receipt": "says that money was paid: a till's receipt, a quittance",
    "contract": "what parties agree on: clauses, terms, conditions",
    "form": "fields to fill in, filled in or not: an application, a registration, a questionnaire",
    "medical_record": "what was found of a patient: a discharge letter, a laboratory report",
    "legal_document": "a paper of a court, a notary or a lawyer: a judgment, a claim, a power of attorney, a will",
    "generic": "running text of no such kind: a letter, a report, an article, a manual, slides",
}
"""What the shipped types are, for a model server."""

_SHAPES = {
    "clauses": ("numbered clauses", 0.12),
    "blanks": ("blanks to fill in", 0.5),
    "boxes": ("boxes to tick", 0.5),
    "money": ("lines that end in amounts", 0.12),
    "columns": ("columns of goods and prices", 0.5),
    "narrow": ("a narrow page as of a till", 0.5),
    "long_lines": ("running text", 0.6),
}
"""Looks that are named as reasons: in words, and from which share on."""


class JudgeSilent(Exception):
    """Raised by a judge that gives no answer. Its text says why, the code is that of the warning."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Judge(Protocol):
    """Decides about a document whose type is not sure, as a model server does."""

    name: str

    def __call__(self, text: str, types: Mapping[str, str]) -> str | None:
        """Return the name of the type of a text, one of ``types``, which have descriptions; None if it is none of them.

        Raises JudgeSilent if there is no answer.
        """


class InvoiceFile(NamedTuple):
    """The data of an electronic invoice in the document: the name of the file, and the page that it belongs to."""

    name: str
    page: int = 1


class _Verdict(NamedTuple):
    """The type of a document, how sure it is, and why."""

    type: str | None
    confidence: float
    reasons: tuple[str, ...]


def classify_pages(
    pages: Iterable[Page],
    order: ClassificationOrder,
    invoices: Sequence[InvoiceFile] = (),
    judge: Judge | None = None,
) -> Classification:
    """Return the documents of a file, in order; each page is in exactly one of them.

    ``invoices`` are electronic invoices in the file, ``judge`` is asked where types are not sure.
    """
    classifier = Classifier(order, invoices, judge)
    for page in pages:
        classifier.add(page)
    return classifier.finish()


class Classifier:
    """Take the pages of a file one by one, and answer at the end: little is kept of each page."""

    def __init__(self, order: ClassificationOrder, invoices: Sequence[InvoiceFile] = (), judge: Judge | None = None) -> None:
        self._order, self._invoices, self._judge = order, invoices, judge
        self._vocabulary: Vocabulary = vocabulary_of(order.own)
        self._pages: list[PageEvidence] = []
        self._texts: list[str] = []
        self._warnings: list[ClassificationWarning] = []

    def add(self, page: Page) -> None:
        """Add the next page."""
        view = view_page(page)
        found = page_evidence(page, view, self._vocabulary)
        found.failed = page.status == "failed"
        self._pages.append(found)
        self._texts.append(_text_of(view) if self._judge is not None else "")

    def finish(self) -> Classification:
        """Return the documents."""
        if not self._pages:
            return Classification(segments=[])
        model = load_model()
        likely = [model.probabilities(join_pages([page])) for page in self._pages]
        starts = find_beginnings(self._pages, likely)
        ends = [*(start.place for start in starts[1:]), len(self._pages)]
        segments = []
        for start, end in zip(starts, ends, strict=True):
            pages = self._pages[start.place : end]
            verdict = self._decide(model, pages, "\n".join(self._texts[start.place : end]))
            unread = [f"page {page.number} could not be read" for page in pages if page.failed]
            segments.append(
                DocumentSegment(
                    type=verdict.type,
                    confidence=round(verdict.confidence, 3),
                    reasons=[*verdict.reasons, *start.reasons, *unread],
                    pages=[page.number for page in pages],
                )
            )
        complete = not any(page.failed for page in self._pages)
        return Classification(segments=segments, complete=complete, warnings=self._warnings)

    def _decide(self, model: Model, pages: Sequence[PageEvidence], text: str) -> _Verdict:
        """Return the type of the document on these pages."""
        numbers = {page.number for page in pages}
        data = next((one for one in self._invoices if one.page in numbers), None)
        if data is not None and "invoice" in self._order.labels:
            return _Verdict("invoice", 1.0, (f"the data of an electronic invoice is attached ({data.name})",))
        document = join_pages(pages)
        if document.words < MIN_WORDS:
            return _Verdict(None, 1.0, ("no text to decide by",) if not document.words else ("too little text to decide by",))
        likely = self._probabilities(model, document)
        asked = {name: likely[name] for name in self._order.labels}
        best = max(asked, key=asked.__getitem__)
        sure = asked[best]
        silent: tuple[str, ...] = ()
        if sure < JUDGE_BELOW and self._judge is not None:
            try:
                return self._ask(self._judge, text)
            except JudgeSilent as fault:
                silent = (self._note(self._judge, fault),)
        if sure < MIN_CONFIDENCE:
            return _Verdict(None, 1.0 - sure, (*_reasons_against(likely, asked), *silent))
        return _Verdict(best, sure, (*_reasons(model, document, best), *silent))

    def _note(self, judge: Judge, fault: JudgeSilent) -> str:
        """Add the warning that a document was decided without the model server, once, and return the reason that says so."""
        reason = f"the model server ({judge.name}) gave no answer: {fault}"
        message = f"The model server ({judge.name}) gave no answer, so that types were decided without it: {fault}"
        if fault.code not in {one.code for one in self._warnings}:
            self._warnings.append(ClassificationWarning(code=fault.code, message=message))
        return reason

    def _probabilities(self, model: Model, document: DocumentEvidence) -> dict[str, float]:
        """Return how likely each type is, the operator's own among them; what is left is that it is none of them."""
        likely = dict(zip(CLASSES, map(float, model.probabilities(document)), strict=True))
        for name in self._vocabulary.own:
            if name in SHIPPED_TYPES:
                continue  # its words count as those of the shipped type
            title = document.titles[name].strength if name in document.titles else 0.0
            share = 1 - (1 - OWN_TITLE * title) * (1 - OWN_MARK) ** len(document.marks.get(name, ()))
            likely = {key: value * (1 - share) for key, value in likely.items()} | {name: share}
        return likely

    def _ask(self, judge: Judge, text: str) -> _Verdict:
        """Return what the model server says. Raises JudgeSilent."""
        descriptions = {name: _description(name, self._vocabulary) for name in self._order.labels}
        found = judge(text[:MAX_JUDGED_CHARACTERS], descriptions)
        if found not in descriptions:
            return _Verdict(None, JUDGE_CONFIDENCE, (f"the model server ({judge.name}) finds none of the types",))
        return _Verdict(found, JUDGE_CONFIDENCE, (f"the model server ({judge.name}) says so",))


def _reasons(model: Model, document: DocumentEvidence, name: str) -> list[str]:
    """Return why a document is of a type: its title, labels and looks, and whether its words are like those of others."""
    found = []
    title = document.titles.get(name)
    if title is not None and title.strength >= MIN_TITLE_REASON:
        found.append(f"title {title.text!r} on page {title.page}")
    if marks := document.marks.get(name):
        shown = [*marks.values()][:MAX_SHOWN_MARKS]
        more = len(marks) - len(shown)
        found.append(f"labels: {', '.join(shown)}" + (f" and {more} more" if more else ""))
    if name not in CLASSES:
        return found
    column = CLASSES.index(name)
    for look, (words, least) in _SHAPES.items():
        if document.shape.get(look, 0.0) >= least and model.named[NAMES.index(f"shape {look}"), column] > 0:
            found.append(words)
    texts = softmax(model.text_scores(document))
    if texts[column] >= MIN_TEXT_REASON:
        found.append(f"the words are like those of other documents of this kind ({texts[column]:.0%})")
    return found or ["titles, labels and words together"]


def _reasons_against(likely: Mapping[str, float], asked: Mapping[str, float]) -> tuple[str, ...]:
    """Return why no type fits."""
    first, second = sorted(likely, key=lambda name: -likely[name])[:2]
    if first == NONE:
        return ("none of the types fits: neither titles, labels nor words of one",)
    if first not in asked:
        return (f"none of the types asked for fits; it is most like {first.replace('_', ' ')}",)
    return (f"not sure: {likely[first]:.0%} {first.replace('_', ' ')}, {likely[second]:.0%} {second.replace('_', ' ')}",)


def _description(name: str, vocabulary: Vocabulary) -> str:
    """Return what a type is, for a model server."""
    own = vocabulary.own.get(name)
    return own.description if own is not None and own.description else DESCRIPTIONS.get(name, name.replace("_", " "))


def _text_of(view: PageView) -> str:
    """Return the text of a page as a model server is shown it."""
    return "\n".join(segment.text for segment in view.segments)
