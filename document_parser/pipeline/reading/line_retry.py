"""Read once more, by Tesseract, lines that RapidOCR found and could not read: those of another script among Latin ones.

Only uncertain lines are tried, and only if some are lost. Tesseract's reading of a line is taken if it has clearly more
confident letters.
"""

from __future__ import annotations

import time

from document_parser.errors import EngineError
from document_parser.models import InkFacts, PageImage, Reading, confident_letters
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.page_context import PageContext

MIN_RETRY_UNREAD_SHARE, MAX_RETRY_UNREAD_SHARE = 0.03, 0.7
"""Shares of the writing that must be unread. Less is smudges, stamps and rulings taken for letters; if more, Tesseract should
read the whole page."""
BETTER_LETTERS_RATIO = 1.1
"""Tesseract's line is taken if it has this many times the confident letters."""
MAX_RETRIED_LINES = 200
"""Lines of one page that are read again at most."""


async def retry_lines(context: PageContext, reading: Reading, image: PageImage | None) -> tuple[Reading, str]:
    """Return the reading with the lines that Tesseract reads better, and a note on them; an empty note if there are none."""
    if image is None or "tesseract" not in context.route.engines or not is_worth_it(reading, image.ink_facts):
        return reading, ""
    lines = reading.uncertain_lines[:MAX_RETRIED_LINES]
    started = time.monotonic()
    try:
        found = await context.engines.read_lines(image, lines, _remaining_skew(reading, image))
    except EngineError as error:
        context.record_attempt("tesseract", "error", f"retry of uncertain lines: {error.message}", started)
        return reading, ""
    pairs = zip(lines, found.lines, strict=True)
    better = {
        line: words
        for line, words in pairs
        if confident_letters(words) > BETTER_LETTERS_RATIO * confident_letters([line], at_least=0)
    }
    note = f"tesseract read {len(better)} of {len(lines)} uncertain lines again as {found.languages}" if better else ""
    return reading.replace_lines(better), note


def _remaining_skew(reading: Reading, image: PageImage) -> Skew:
    """Return the skew by which the image must still be straightened so that the reading's boxes fit it."""
    return Skew() if image.skew.degrees else reading.skew


def is_worth_it(reading: Reading, marks: InkFacts) -> bool:
    """Return whether Tesseract may read the uncertain lines better; not handwriting, which it reads worse and slowly."""
    return (
        bool(reading.uncertain_lines)
        and MIN_RETRY_UNREAD_SHARE <= reading.unread_share <= MAX_RETRY_UNREAD_SHARE
        and not marks.uneven
    )
