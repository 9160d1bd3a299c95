"""Draw a document of a seed: its kind, layout, language, typesetter and every value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.drawn import fonts
from benchmarks.drawn.document import load
from benchmarks.drawn.truth import WordBox
from benchmarks.extraction.drawn.notation import LANGUAGES
from benchmarks.extraction.drawn.papers import HELD_OUT_LANGUAGES, HELD_OUT_LAYOUTS, KINDS, Holder

COUNT = 200
TYPESETTERS = ("reportlab", "reportlab", "weasyprint", "typst")
"""Only the first says where the words are."""


@dataclass(frozen=True)
class DrawnPaper:
    """A document with its truth. ``words`` are those of each value, by JSON pointer, in points; empty without known places."""

    seed: int
    kind: str
    layout: str
    language: str
    pdf: bytes
    pages: int
    schema: dict[str, Any]
    data: dict[str, Any]
    words: dict[str, list[WordBox]]
    blanks: frozenset[str]

    @property
    def is_held_out(self) -> bool:
        """Whether its layout or its language is one that nothing was fitted on."""
        return self.layout in HELD_OUT_LAYOUTS or self.language in HELD_OUT_LANGUAGES


def draw_paper(seed: int) -> DrawnPaper:
    """Draw the document of a seed."""
    kinds = [name for name, (_, _, count) in KINDS.items() for _ in range(count)]
    kind = kinds[seed % len(kinds)]
    make, layouts, _ = KINDS[kind]
    random = Random(f"extraction {seed}")
    layout, language = layouts[seed % len(layouts)], random.choice(LANGUAGES)
    typesetter = random.choice(TYPESETTERS)
    if fonts.missing_for(language) or load(typesetter).missing():
        typesetter = "reportlab"
    paper = make(random, language, layout)
    draft = paper.draft(random)
    pdf, pages = load(typesetter).set_draft(draft)
    words = {pointer: place for pointer, (holder, text) in paper.places.items() if (place := _words_of(holder, text))}
    schema = {"type": "object", **paper.schema}
    return DrawnPaper(seed, kind, layout, language, pdf, pages, schema, paper.data, words, frozenset(paper.blanks))


def draw_papers(seeds: range = range(COUNT)) -> Iterator[DrawnPaper]:
    """Draw the documents of some seeds."""
    yield from map(draw_paper, seeds)


def _words_of(holder: Holder, text: str) -> list[WordBox]:
    """The last words of a block or cell that are the words of a text; none if they are not there in order."""
    wanted = text.split(" ")
    for start in range(len(holder.words) - len(wanted), -1, -1):
        found = holder.words[start : start + len(wanted)]
        if [word.text for word in found] == wanted:
            return found
    return []
