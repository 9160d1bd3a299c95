"""The kinds of documents: what stands on each, which typesetters can set it, and in which languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from benchmarks.drawn.draft import Draft
from benchmarks.drawn.kinds import prose, records
from benchmarks.drawn.writer import Writer

LATIN = ("en", "en", "en", "de", "fr", "es", "it", "nl", "pl", "cs")
EUROPEAN = (*LATIN, "ru", "el")
BUSINESS = ("en", "en", "de", "fr", "es")

Build = Callable[[Random, Writer], Draft]


@dataclass(frozen=True)
class DocumentKind:
    """How to write a document of one kind. A language or typesetter named twice is drawn twice as often."""

    build: Build
    languages: tuple[str, ...] = EUROPEAN
    typesetters: tuple[str, ...] = ("reportlab",)


KINDS: dict[str, DocumentKind] = {
    "article": DocumentKind(prose.article),
    "invoice": DocumentKind(records.invoice, BUSINESS),
    "contract": DocumentKind(prose.contract, LATIN),
    "form": DocumentKind(records.form, BUSINESS),
    "tables": DocumentKind(records.tables),
    "newspaper": DocumentKind(prose.newspaper),
    "statement": DocumentKind(records.statement, BUSINESS),
    "lists": DocumentKind(prose.lists),
    "lab": DocumentKind(records.lab, BUSINESS),
    "contents": DocumentKind(prose.contents, LATIN),
    "report": DocumentKind(prose.report),
    "ledger": DocumentKind(records.ledger, LATIN),
    "pleading": DocumentKind(prose.pleading, ("en",)),
    "prices": DocumentKind(records.prices, LATIN),
    "slides": DocumentKind(prose.slides, LATIN),
    "questionnaire": DocumentKind(records.questionnaire, BUSINESS),
    "letter": DocumentKind(prose.letter, LATIN),
    "poster": DocumentKind(prose.poster, LATIN),
    "painted": DocumentKind(prose.painted, BUSINESS),
}
"""By name. The seed counts round this list, so every kind comes equally often; a new kind changes what every seed names."""
