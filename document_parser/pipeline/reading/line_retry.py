"""Lines that RapidOCR found and could not read, read once more by Tesseract: those of another script among Latin ones.

Only lines in doubt are tried, where some are lost; the line is the reader's who reads clearly more letters of it surely.
"""

from __future__ import annotations

import time

from document_parser.errors import EngineError
from document_parser.models import InkFacts, PageImage, Reading, confident_letters
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.page_context import PageContext

LEAST_LOST, MOST_LOST = 0.03, 0.7
"""Of the writing. Less are smudges, stamps and rules taken for letters; of more Tesseract had better see the whole page."""
CLEARLY = 1.1
MOST_LINES = 200


async def retry_lines(one: PageContext, reading: Reading, image: PageImage | None) -> tuple[Reading, str]:
    """The reading with the lines that Tesseract reads better, and what to say of them."""
    if image is None or "tesseract" not in one.route.engines or not is_worth_it(reading, image.ink_facts):
        return reading, ""
    lines = reading.uncertain_lines[:MOST_LINES]
    started = time.monotonic()
    try:
        found = await one.engines.read_lines(image, lines, _still_askew(reading, image))
    except EngineError as error:
        one.record_attempt("tesseract", "error", f"lines in doubt: {error.message}", started)
        return reading, ""
    pairs = zip(lines, found.lines, strict=True)
    better = {
        line: words for line, words in pairs if confident_letters(words) > CLEARLY * confident_letters([line], at_least=0)
    }
    said = f"{len(better)} of {len(lines)} lines in doubt read by tesseract as {found.languages}" if better else ""
    return reading.with_better(better), said


def _still_askew(reading: Reading, image: PageImage) -> Skew:
    """How the picture is still to be straightened, for the reading's lines to stand where their boxes say."""
    return Skew() if image.skew.degrees else reading.skew


def is_worth_it(reading: Reading, marks: InkFacts) -> bool:
    """Whether Tesseract may know better: not handwriting, which it reads worse and slowly."""
    return bool(reading.uncertain_lines) and LEAST_LOST <= reading.unread_share <= MOST_LOST and not marks.uneven
