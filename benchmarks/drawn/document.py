"""A seed names a document: its kind, its typesetter, its language, its style and every word.

Seeds below FIRST_FIT_SEED are for reporting, those from it on for fitting weights and bounds. A document that a number was
fitted on says nothing about that number, so ``draw`` refuses a seed of the other use.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from random import Random
from types import ModuleType
from typing import Literal

import pypdfium2

from benchmarks.drawn import fonts
from benchmarks.drawn.draft import Draft
from benchmarks.drawn.kinds import EVERY_KIND, kind_of
from benchmarks.drawn.truth import Truth, unfold_nested
from benchmarks.drawn.writer import Writer

FIRST_FIT_SEED = 100_000
"""Seeds from here on are never reported, those below never fitted on."""
TYPESETTERS = ("reportlab", "weasyprint", "chromium", "typst", "libreoffice")
Use = Literal["report", "fit"]


class CannotDraw(Exception):
    """Raised if the document's typesetter or font is not on this machine. The text says what is missing."""


@dataclass(frozen=True)
class DrawnDocument:
    """A document as a PDF, and the truth about it."""

    pdf: bytes
    truth: Truth


def draw(seed: int, use: Use = "report") -> DrawnDocument:
    """Draw the document that a seed names.

    Raises ValueError if the seed is not for this use, CannotDraw if something is missing on this machine.
    """
    check_use(seed, use)
    draft, typesetter = plan(seed)
    if reason := fonts.missing_for(draft.language) or load(typesetter).missing():
        raise CannotDraw(reason)
    truth = draft.truth(seed, typesetter)
    pdf, pages = load(typesetter).set_draft(draft)
    if draft.turn:
        pdf = turned(pdf, draft.turn)
        for block in truth.blocks:
            for holder in (block, *block.cells):
                holder.words.clear()
    for block in truth.blocks:
        block.cells = unfold_nested(block.cells)
    truth.pages = pages
    truth.has_boxes = any(block.words for block in truth.blocks)
    return DrawnDocument(pdf, truth)


def turned(pdf: bytes, degrees: int) -> bytes:
    """Return the PDF with every page turned clockwise for a viewer."""
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            page.set_rotation(degrees)
        out = BytesIO()
        document.save(out)
        return out.getvalue()


def plan(seed: int) -> tuple[Draft, str]:
    """Return what a seed names before it is set in type: a draft, and the name of its typesetter."""
    name = kind_of(seed)
    kind = EVERY_KIND[name]
    random = Random(seed)
    typesetter, language = random.choice(kind.typesetters), random.choice(kind.languages)
    draft = kind.build(random, Writer(random, language))
    draft.kind = name
    return draft, typesetter


def check_use(seed: int, use: Use) -> None:
    """Raise ValueError if a seed is kept for another use."""
    if (seed >= FIRST_FIT_SEED) is not (use == "fit"):
        raise ValueError(
            f"seed {seed} is not for use {use!r}: those from {FIRST_FIT_SEED} on are for fitting, the others for reports"
        )


def load(typesetter: str) -> ModuleType:
    """Return the module of a typesetter. What it needs is imported only when it sets something."""
    return import_module(f"benchmarks.drawn.typesetters.{typesetter}")
