"""Put what the pages of a document say together, as the numbers that its kind is decided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p, log10

import numpy as np
from numpy.typing import NDArray

from document_parser.classification.evidence import OTHER, PageEvidence, TitleHit
from document_parser.classification.tokens import PLACES, TokenCounts
from document_parser.models.classification import SHIPPED_TYPES

Floats = NDArray[np.float64]

LATER_PAGES = 0.6
"""What a title on a later page of a document counts, against one on its first page."""
CONCEPT_GROUPS = {
    "numbers": ("invoice_number", "customer_number", "due_date"),
    "orders": ("order_number", "delivery_date", "delivery_address"),
    "sums": ("tax_total", "tax_basis_total", "grand_total", "due_payable", "line_total", "prepaid", "shipping"),
    "parties": ("seller_vat_id", "buyer_vat_id", "buyer_name", "seller_name", "buyer_address"),
    "payment": ("iban", "bic"),
    "registration": ("registration_number", "registrant_name", "signer"),
}
"""Common fields that count together."""
SHAPES = (
    "money", "digits", "clauses", "blanks", "boxes", "colons", "long_lines", "tables", "columns", "narrow", "landscape",
    "few_words", "prose", "line_numbers", "message", "slide", "sheet",
)  # fmt: skip
"""Looks of a page."""
NAMES: tuple[str, ...] = (
    *(f"title {name}" for name in (*SHIPPED_TYPES, OTHER)),
    "title none",
    *(f"marks {name}" for name in SHIPPED_TYPES),
    *(f"density {name}" for name in SHIPPED_TYPES),
    *(f"concepts {name}" for name in CONCEPT_GROUPS),
    *(f"shape {name}" for name in SHAPES),
    "length",
    "one page",
)
"""The numbers that say something by themselves, in order. The words of the text are counted beside them."""


@dataclass(frozen=True)
class DocumentEvidence:
    """What the pages of a document say together."""

    pages: tuple[PageEvidence, ...]
    titles: dict[str, TitleHit]
    marks: dict[str, dict[str, str]]
    concepts: frozenset[str]
    shape: dict[str, float]
    words: int
    tokens: TokenCounts

    def named(self) -> Floats:
        """Return the numbers of ``NAMES``."""
        values = [self.titles[name].strength if name in self.titles else 0.0 for name in (*SHIPPED_TYPES, OTHER)]
        values.append(1.0 - max(values))
        counts = [len(self.marks.get(name, ())) for name in SHIPPED_TYPES]
        values += [log1p(count) / log1p(8) for count in counts]
        values += [min(1.0, 12 * count / (self.words + 12)) for count in counts]
        names = {name.partition(" ")[2] for name in self.concepts}
        values += [min(1.0, len(names.intersection(group)) / 3) for group in CONCEPT_GROUPS.values()]
        values += [self.shape.get(name, 0.0) for name in SHAPES]
        values += [log10(1 + self.words) / 4, float(len(self.pages) == 1)]
        return np.array(values)

    def text(self) -> tuple[NDArray[np.intp], Floats]:
        """Return the places of the text's words, and how much each counts: rows of length 1."""
        if not self.tokens:
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        places = np.fromiter(self.tokens.keys(), dtype=np.intp, count=len(self.tokens))
        counts = np.log1p(np.fromiter(self.tokens.values(), dtype=np.float64, count=len(self.tokens)))
        return places, counts / np.sqrt((counts**2).sum())


def join_pages(pages: Sequence[PageEvidence]) -> DocumentEvidence:
    """Return what pages say together. Those without words say nothing of the looks."""
    titles: dict[str, TitleHit] = {}
    marks: dict[str, dict[str, str]] = {}
    tokens: TokenCounts = TokenCounts()
    for place, page in enumerate(pages):
        for name, hit in page.titles.items():
            weighed = hit if place == 0 else hit._replace(strength=LATER_PAGES * hit.strength)
            if name not in titles or titles[name].strength < weighed.strength:
                titles[name] = weighed
        for name, found in page.marks.items():
            marks.setdefault(name, {}).update(found)
        tokens.update(page.tokens)
    inked = [page for page in pages if page.words] or list(pages)
    shape = {name: sum(page.shape.get(name, 0.0) for page in inked) / len(inked) for name in SHAPES} if inked else {}
    concepts = frozenset(name for page in pages for name in page.concepts)
    return DocumentEvidence(tuple(pages), titles, marks, concepts, shape, sum(page.words for page in pages), tokens)


def dense_text(documents: Sequence[DocumentEvidence]) -> NDArray[np.float32]:
    """Return the counts of the words of documents as rows, for fitting."""
    rows = np.zeros((len(documents), PLACES), dtype=np.float32)
    for row, document in zip(rows, documents, strict=True):
        places, counts = document.text()
        row[places] = counts
    return rows
