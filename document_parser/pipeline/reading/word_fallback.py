"""The fallback for a text layer that PDFium cannot extract: pdfplumber's words in its place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from document_parser.errors import PageUnreadable
from document_parser.models import Attempt, PageFacts, Word
from document_parser.pipeline.reading.font_check import RepairedSource
from document_parser.pipeline.reading.routing import MAX_UNMAPPED_SHARE
from document_parser.sources.base import PageSource
from document_parser.text.language import is_doubtful
from document_parser.text.normalize import is_meaningless

FALLBACK_MESSAGE = "PDFium could not extract the text of this page; the words that pdfplumber found are used instead."
"""Of the warning ``bad_text_layer`` on a page that is read from these words."""


@dataclass(frozen=True)
class WordFallback:
    """A page with the words that are to be used, and what was tried to get them."""

    source: PageSource
    facts: PageFacts
    attempts: tuple[Attempt, ...] = ()
    replaced: bool = False
    """Whether the words are pdfplumber's."""


async def replace_unextracted_words(source: PageSource, facts: PageFacts) -> WordFallback:
    """Return the page with pdfplumber's words if PDFium knows no meaning of any character of it; else as it is.

    Words without meaning, or that no language would use, are not taken: the page goes on to the engines as before.
    """
    if facts.unmapped_share < 1 or facts.hidden:
        return WordFallback(source, facts)
    started = time.monotonic()
    try:
        words = await source.pdfplumber_words(facts.number)
    except PageUnreadable as error:
        return WordFallback(source, facts, (_attempt_of("error", error.message, started),))
    problem = _problem_of(words)
    if problem:
        return WordFallback(source, facts, (_attempt_of("rejected", problem, started),))
    characters = sum(len(word.text) for word in words)
    facts = facts.model_copy(update={"characters": characters, "unmapped_share": 0.0})
    told = _attempt_of("accepted", f"{len(words)} words in place of a text layer that PDFium cannot extract", started)
    return WordFallback(RepairedSource(source, facts, words), facts, (told,), replaced=True)


def _problem_of(words: list[Word]) -> str:
    """Return why pdfplumber's words cannot replace the text layer; empty if they can."""
    text = "".join(word.text for word in words)
    if not text:
        return "no words in place of a text layer that PDFium cannot extract"
    unmapped = sum(map(is_meaningless, text)) / len(text)
    if unmapped > MAX_UNMAPPED_SHARE:
        return f"{unmapped:.0%} of the characters have no meaning"
    return "the words do not look like words of a language" if is_doubtful(word.text for word in words) else ""


def _attempt_of(outcome: Literal["accepted", "rejected", "error"], reason: str, started: float) -> Attempt:
    spent = round((time.monotonic() - started) * 1000)
    return Attempt(engine="pdfplumber", outcome=outcome, reason=reason, milliseconds=spent)
