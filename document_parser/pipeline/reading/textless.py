"""Handle a page that shows something and says nothing: a photograph, a drawing, an empty frame or form."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from document_parser.models import VLM_ENGINES, Block, BoundingBox, PageFacts, PageImage, Reading, Word
from document_parser.pipeline.checks.evidence import inked_box
from document_parser.pipeline.reading.candidate import Candidate
from document_parser.pipeline.reading.page_context import PageContext

MAX_FALSE_LINES = 3
"""Uncertain lines that an OCR may find on a page without text."""
MAX_FALSE_CONFIDENCE = 0.5
"""Confidence of lines that RapidOCR takes for writing in a photograph. It is surer of writing in a script that it does not
know."""

NO_TEXT = "No engine found text on the page. The drawing on it is shown as a figure."
"""The message of the warning on a page that is only shown as figures."""
NO_TEXT_NO_FIGURE = "No engine found text on the page. It has only lines or frames."
"""The message of the warning on a page without text and figures."""


def has_no_text(reading: Reading, facts: PageFacts) -> bool:
    """Return whether an empty reading shows that the page has no text.

    A model that writes nothing may have failed. An OCR searches for lines of text first: it found none, or hardly any. A text
    layer knows nothing of what the images on its page show.
    """
    if reading.engine == "text_layer":
        return not facts.image_share
    false = [line for line in reading.uncertain_lines if _is_no_writing(line)]
    return reading.engine not in VLM_ENGINES and len(false) == len(reading.uncertain_lines) <= MAX_FALSE_LINES


def _is_no_writing(line: Word) -> bool:
    """Return whether a line that an OCR found is none: it is hardly sure, or took drawn shapes for signs such as ■.

    Writing in a script that it does not know becomes an empty line, or points.
    """
    signs = line.text.split()
    shapes = bool(signs) and all(unicodedata.category(character).startswith("S") for character in "".join(signs))
    return shapes or (line.confidence or 0) < MAX_FALSE_CONFIDENCE


def make_textless_candidate(context: PageContext, reading: Reading, image: PageImage) -> Candidate:
    """Return the page as its figures, or as an empty one, with a note that no engine found text."""
    figures = _figure_boxes_of(context, reading, image)
    blocks = [Block(kind="figure", box=box) for box in figures]
    candidate = context.make_candidate(reading.engine, replace(reading, words=[], figures=[], blocks=blocks))
    candidate.turn = 0  # without writing nothing shows which way up the page is
    candidate.note("low_coverage", NO_TEXT if figures else NO_TEXT_NO_FIGURE)
    return candidate


def _figure_boxes_of(context: PageContext, reading: Reading, image: PageImage) -> list[BoundingBox]:
    """Return the boxes of the embedded images and drawings; of a scan, all that is inked. Thin lines of a PDF are no figure."""
    if context.facts.pictures:
        return context.facts.pictures
    if not context.facts.image_share:
        return []
    box = inked_box(image.ink_facts)
    return [box.turn(-image.turned) for box in ([box] if box else reading.figures)]
