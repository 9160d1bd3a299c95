"""The kinds of documents: what stands on each, which typesetters can set it, and in which languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from benchmarks.drawn.draft import Draft
from benchmarks.drawn.kinds import looks, prose, records
from benchmarks.drawn.writer import Writer

LATIN = ("en", "en", "en", "de", "fr", "es", "it", "nl", "pl", "cs")
EUROPEAN = (*LATIN, "ru", "el")
BUSINESS = ("en", "en", "de", "fr", "es")

SHAPED = ("ar", "he", "hi", "th", "ja", "zh", "ko")

ALL = ("reportlab", "reportlab", "weasyprint", "chromium", "typst", "libreoffice")
NO_OFFICE = ("reportlab", "reportlab", "weasyprint", "chromium", "typst", "typst")
"""LibreOffice draws no watermarks, hidden texts and slides here."""
Build = Callable[[Random, Writer], Draft]


@dataclass(frozen=True)
class DocumentKind:
    """How to write a document of one kind. A language or typesetter named twice is drawn twice as often."""

    build: Build
    languages: tuple[str, ...] = EUROPEAN
    typesetters: tuple[str, ...] = ALL


KINDS: dict[str, DocumentKind] = {
    "article": DocumentKind(prose.article),
    "invoice": DocumentKind(records.invoice, BUSINESS),
    "contract": DocumentKind(prose.contract, LATIN),
    "form": DocumentKind(records.form, BUSINESS),
    "tables": DocumentKind(records.tables),
    "newspaper": DocumentKind(prose.newspaper, typesetters=("reportlab", "weasyprint", "chromium")),
    "statement": DocumentKind(records.statement, BUSINESS),
    "lists": DocumentKind(prose.lists),
    "lab": DocumentKind(records.lab, BUSINESS),
    "contents": DocumentKind(prose.contents, LATIN),
    "report": DocumentKind(prose.report),
    "ledger": DocumentKind(records.ledger, LATIN),
    "pleading": DocumentKind(prose.pleading, ("en",), ("reportlab", "typst")),
    "prices": DocumentKind(records.prices, LATIN),
    "slides": DocumentKind(prose.slides, LATIN, NO_OFFICE),
    "questionnaire": DocumentKind(records.questionnaire, BUSINESS),
    "letter": DocumentKind(prose.letter, LATIN, NO_OFFICE),
    "poster": DocumentKind(prose.poster, LATIN, NO_OFFICE),
    "painted": DocumentKind(prose.painted, BUSINESS, NO_OFFICE),
    "sidebar": DocumentKind(prose.sidebar),
    "receipt": DocumentKind(records.receipt, BUSINESS, NO_OFFICE),
    "turned": DocumentKind(records.turned, LATIN),
    "pictured": DocumentKind(prose.pictured, BUSINESS, ("reportlab",)),
    "scripts": DocumentKind(prose.scripts, SHAPED, ("weasyprint", "chromium", "typst")),
    "vertical": DocumentKind(prose.vertical, ("ja",), ("chromium",)),
}
"""By name. Typst does not set the columns of equal height that newspapers need; only ReportLab and Typst number lines, only
Chromium sets vertical ones. The seed counts round this list, so every kind comes equally often; a new kind changes what every
seed names: those that came later are among SELDOM."""

SELDOM: dict[str, DocumentKind] = {
    "outline": DocumentKind(looks.outline, EUROPEAN, ("reportlab", "weasyprint", "chromium", "typst", "libreoffice")),
    "options": DocumentKind(looks.options, BUSINESS, ("reportlab", "weasyprint", "chromium")),
    "fillable": DocumentKind(looks.fillable, BUSINESS, ("reportlab",)),
    "nested": DocumentKind(looks.nested, LATIN, ("weasyprint", "chromium")),
    "blank": DocumentKind(looks.blank, LATIN),
}
"""Kinds that have a few of each hundred seeds, so that all others keep what they name."""
SELDOM_SEEDS = {
    10: "outline",
    46: "outline",
    82: "outline",
    33: "options",
    79: "options",
    53: "fillable",
    64: "nested",
    88: "blank",
}
"""Which seeds they have, by the last two digits."""
EVERY_KIND = {**KINDS, **SELDOM}


def kind_of(seed: int) -> str:
    """Return the kind of document that a seed names."""
    names = list(KINDS)
    return SELDOM_SEEDS.get(seed % 100) or names[seed % len(names)]
