"""A page that shows something and says nothing: a photograph, a drawing, an empty frame or form."""

from __future__ import annotations

from dataclasses import replace

from document_parser.models import Block, BoundingBox, PageFacts, PageImage, Reading
from document_parser.pipeline import route
from document_parser.pipeline.one_page import Candidate, OnePage
from document_parser.pipeline.witness import inked_box

MAX_FALSE_LINES = 3
MAX_FALSE_CONFIDENCE = 0.5
"""Of lines that RapidOCR takes for writing in a photograph. Of writing in a script that it does not know it is surer."""

NO_TEXT = "No engine found text on the page. What is drawn on it is shown as a figure."
NO_TEXT_NO_FIGURE = "No engine found text on the page: only lines or frames are drawn on it."


def has_no_text(reading: Reading, facts: PageFacts) -> bool:
    """Whether an empty reading tells that the page has no text.

    A model that is silent may have failed. An OCR looks for lines of text first: it found none, or hardly any.
    A text layer knows nothing of what its page's pictures show.
    """
    if reading.engine == "text_layer":
        return not facts.image_share
    false = [line for line in reading.doubtful if (line.confidence or 0) < MAX_FALSE_CONFIDENCE]
    return reading.engine not in route.MODELS and len(false) == len(reading.doubtful) <= MAX_FALSE_LINES


def only_shown(one: OnePage, reading: Reading, image: PageImage) -> Candidate:
    """The page as its figures, or as an empty one; a note says that nobody found text."""
    figures = _figures(one, reading, image)
    blocks = [Block(kind="figure", box=box) for box in figures]
    candidate = one.candidate(reading.engine, replace(reading, words=[], figures=[], blocks=blocks))
    candidate.turn = 0  # where nothing is written, nothing tells which way up the page stands
    candidate.note("low_coverage", NO_TEXT if figures else NO_TEXT_NO_FIGURE)
    return candidate


def _figures(one: OnePage, reading: Reading, image: PageImage) -> list[BoundingBox]:
    """The pictures and drawings that the file names; of a scan all that is inked. Thin lines of a PDF are no figure."""
    if one.facts.pictures:
        return one.facts.pictures
    if not one.facts.image_share:
        return []
    box = inked_box(image.marks)
    return [box.turned(-image.turned) for box in ([box] if box else reading.figures)]
