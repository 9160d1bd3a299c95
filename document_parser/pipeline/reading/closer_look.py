"""Read the lines of a scan in Polish, Czech and other languages with many marks on their letters once more from a larger image.

At the size at which RapidOCR finds lines, the marks on small letters are one pixel high and it takes ą for a and ě for e. A
larger image shows them. It also shows the grain of the paper, so that points and commas are read worse: only the marks of words
that are else the same are taken, and no letters that the page does not have elsewhere. Other pages are not looked at again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from document_parser.errors import EngineError
from document_parser.models import BoundingBox, EngineName, PageImage, Reading, Word
from document_parser.models.skew import LEVEL
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.text.letter_marks import marked_letters, merge_marks

ENGINE: EngineName = "rapidocr"
"""The engine whose lines are read again."""
ENLARGEMENT = 1.5
"""How many times as large the image is from which they are read. At twice the size, more words are read wrong by the grain."""
MIN_LETTERS, MIN_MARKED_SHARE = 5, 0.01
"""Letters of the block Latin Extended-A (ą, ě, ł, ő), and their share of all letters, from which a page is in such a language.

Polish and Czech have .06 as they are read; French has one now and then, œ.
"""
FIRST_MARKED, LAST_MARKED, NOT_MARKED = "\u0100", "\u017f", frozenset("Œœſ")
MAX_LINE_PIXELS = 32
"""Height of lines whose letters are small: the recognition enlarges them to half as much again and more."""
MAX_LINES = 200
"""Lines of one page that are read again at most."""
MAX_SKEW_DIFFERENCE_DEGREES = 0.15
"""Difference between the skews of two images of a page up to which boxes of one fit the other."""
SAME_PLACE = 1e-3
"""Difference of the edges of one box as it was asked for and as it was answered, as a share of the page."""


async def look_closer(context: PageContext, reading: Reading, image: PageImage | None) -> Reading:
    """Return the reading with the marks that a larger image shows on the letters of small lines. Raises PageUnreadable."""
    if image is None or reading.engine != ENGINE or not _has_marked_letters(reading.words):
        return reading
    lines = [word for word in reading.words if _is_small(word, image)][:MAX_LINES]
    started = time.monotonic()
    try:
        if not lines or (larger := await render_larger(context, image, ENLARGEMENT)) is None:
            return reading
        boxes = [BoundingBox.of(*line[1:5]) for line in lines]
        skew = LEVEL if larger.skew.degrees else reading.skew
        found = await context.engines.read_segments(ENGINE, larger, boxes, skew)
    except EngineError as error:
        context.record_attempt(ENGINE, "error", f"closer look at small lines: {error.message}", started)
        return reading
    known = _usual_marked_letters(reading.words)
    merged = {line: merge_marks(line.text, seen, known) for line, seen in _texts_of(lines, found or [])}
    changed = {line: text for line, text in merged.items() if text != " ".join(line.text.split())}
    if not changed:
        return reading
    note = f"marks on the letters of {len(changed)} of {len(reading.words)} lines read in a larger image"
    return replace(reading.spell_lines(changed), how="; ".join(filter(None, (reading.how, note))))


def _has_marked_letters(words: Sequence[Word]) -> bool:
    """Return whether a page is in a language with many marks on its Latin letters."""
    letters = [letter for word in words for letter in word.text if letter.isalpha()]
    marked = sum(FIRST_MARKED <= letter <= LAST_MARKED and letter not in NOT_MARKED for letter in letters)
    return marked >= max(MIN_LETTERS, MIN_MARKED_SHARE * len(letters))


def _usual_marked_letters(words: Sequence[Word]) -> frozenset[str]:
    """Return the letters with marks that a page has more than once."""
    counted = Counter(letter for word in words for letter in marked_letters(word.text))
    return frozenset(letter for letter, count in counted.items() if count > 1)


def _is_small(line: Word, image: PageImage) -> bool:
    """Return whether a level line with a letter is a small one."""
    height = (line.bottom - line.top) * image.height_pixels
    return height <= MAX_LINE_PIXELS and not line.direction and any(map(str.isalpha, line.text))


async def render_larger(context: PageContext, image: PageImage, enlargement: float) -> PageImage | None:
    """Return the page image that RapidOCR reads, so many times as large. None if it was straightened otherwise than ``image``.

    Raises PageUnreadable, and EngineError if the page's direction cannot be detected.
    """
    spec = context.engines.get(ENGINE).image_spec
    size = {"dpi": enlargement * spec.dpi, "max_long_side": round(enlargement * spec.max_long_side)}
    larger = await context.images.render(spec.model_copy(update=size))
    return larger if abs(larger.skew.degrees - image.skew.degrees) <= MAX_SKEW_DIFFERENCE_DEGREES else None


def _texts_of(lines: Sequence[Word], found: Sequence[Word]) -> list[tuple[Word, str]]:
    """Return each line that was read again with what was read: those that could not be read are left out of ``found``."""
    texts: list[tuple[Word, str]] = []
    left = iter(lines)
    for word in found:
        line = next((line for line in left if _are_at_one_place(line, word)), None)
        if line is not None:
            texts.append((line, word.text))
    return texts


def _are_at_one_place(one: Word, other: Word) -> bool:
    return all(abs(mine - theirs) < SAME_PLACE for mine, theirs in zip(one[1:5], other[1:5], strict=True))
