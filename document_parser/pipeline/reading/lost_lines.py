"""Look in a larger image for lines that RapidOCR did not find, or found and could not read, and say which are left.

A box may hold two lines, or print with handwriting over it; the letters of small print run into each other; a stamp hides a
title. Enlarged, the lines are found one by one. Where ink is that nothing read explains, a line may have been overlooked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from document_parser.errors import EngineError
from document_parser.models import CPU_ENGINES, BoundingBox, PageImage, Reading, Word
from document_parser.models.skew import LEVEL
from document_parser.pipeline.checks.evidence import uncovered_regions
from document_parser.pipeline.reading.closer_look import ENGINE, render_larger
from document_parser.pipeline.reading.page_context import PageContext

ENLARGEMENT = 2.0
"""How many times as large the image is in which the lines are looked for."""
MAX_LINES = 12
"""Lost lines of a page up to which they are looked for. More are handwriting, or letters that RapidOCR does not know."""
MAX_REGIONS = 12
"""Places with unexplained ink that are looked at. More of them are a photograph or a dirty page."""
MAX_REGION_SHARE = 0.15
"""Share of the page that the box around such ink takes, at most. A larger one is a frame, a shadow or a drawing."""
MIN_INK_COLUMNS = 3
"""Columns of the grid of InkFacts that such ink spans at least: about five letters of running text."""
MAX_UNREAD_SHARE = 0.5
"""Share of the writing that may be unread: more is handwriting or other letters, too."""
MIN_CONFIDENCE = 0.8
"""Confidence of a line from which it is taken: handwriting and patterns that pass for print have less."""
MIN_LETTERS = 2
"""Letters and digits that such a line has at least: a row of dashes has none."""
MIN_LEFT_SHARE = 0.25
"""Width of a line that is lost in the larger image too, over that of the line that it is a part of, from which it is named."""


async def read_lost_lines(context: PageContext, reading: Reading, image: PageImage | None) -> Reading:
    """Return the reading with the sure lines that a larger image shows in the place of lost ones and of unexplained ink.

    Raises PageUnreadable.
    """
    if image is None or reading.engine != ENGINE or not reading.words or reading.unread_share > MAX_UNREAD_SHARE:
        return reading
    lost = reading.lost_lines if len(reading.lost_lines) <= MAX_LINES else []
    inked = _unexplained_ink(reading, image)
    if not lost and not inked:
        return reading
    started = time.monotonic()
    try:
        larger = await render_larger(context, image, ENLARGEMENT)
        if larger is None:
            return reading
        boxes = [*(BoundingBox.of(*line[1:5]) for line in lost), *inked]
        regions = await context.engines.read_regions(ENGINE, larger, boxes, LEVEL if larger.skew.degrees else reading.skew)
    except EngineError as error:
        context.record_attempt(ENGINE, "error", f"closer look for lost lines: {error.message}", started)
        return reading
    return _with_lines_of_regions(reading, lost, regions)


def describe_lost(lines: int) -> str:
    """Return the message of the warning on a page with so many lines that could not be read."""
    found = "1 line that looks like writing" if lines == 1 else f"{lines} lines that look like writing"
    return f"{found} could not be read. The text leaves them out; JSON has their places as unread."


def describe_unread(reading: Reading, image: PageImage | None) -> str:
    """Return the message of the warning on a page of which much could not be read: how much, and why if its ink shows it."""
    unread = f"{reading.unread_share:.0%} of the text that was found could not be read."
    if image is None or not image.ink_facts.uneven or reading.engine not in CPU_ENGINES:
        return unread
    return f"{unread} The page looks handwritten: the CPU engine reads hardly any handwriting, and its words may be others."


def _unexplained_ink(reading: Reading, image: PageImage) -> list[BoundingBox]:
    """Return the places on the straightened page with ink that no line, drawn line or figure of the reading explains."""
    lines = [*reading.words, *reading.lost_lines, *reading.uncertain_lines]
    edges = [*(line[1:5] for line in lines), *((drawn.left, drawn.top, drawn.right, drawn.bottom) for drawn in reading.rules)]
    edges += [(figure.left, figure.top, figure.right, figure.bottom) for figure in reading.figures]
    # The ink was measured where boxes are, unless the lines themselves showed the skew.
    skew = LEVEL if image.skew.degrees else reading.skew
    seen = [BoundingBox.of(*skew.unstraighten(box)) for box in edges]
    regions = [box for box in uncovered_regions(image.ink_facts, seen, MIN_INK_COLUMNS) if _share_of(box) <= MAX_REGION_SHARE]
    if len(regions) > MAX_REGIONS:
        return []
    return [BoundingBox.of(*skew.straighten((box.left, box.top, box.right, box.bottom))) for box in regions]


def _share_of(box: BoundingBox) -> float:
    """Return the share of the page that a box takes."""
    return (box.right - box.left) * (box.bottom - box.top)


def _with_lines_of_regions(reading: Reading, lost: Sequence[Word], regions: Sequence[Sequence[Word]]) -> Reading:
    """Return the reading with the sure lines of regions, and with what is still lost of its lost lines.

    The first of the regions are those of the ``lost`` lines.
    """
    known, better, left = list(reading.words), dict[Word, list[Word]](), list[Word]()
    for place, found in enumerate(regions):
        new = [one for one in found if not any(_overlap(one, other) for other in known)]
        sure = [one for one in new if _is_sure(one)]
        known += sure
        if sure and place < len(lost):
            line = lost[place]
            better[line] = sure
            wide = MIN_LEFT_SHARE * (line.right - line.left)
            rest = [one for one in new if not _is_clear(one) and one.right - one.left >= wide and _overlap(one, line)]
            left += [one for one in rest if not any(_overlap(one, other) for other in left)]
    added = known[len(reading.words) :]
    if not added:
        return reading
    merged = reading.replace_lines(better)
    parts = {line: words for line, words in merged.parts_of_lines.items() if line not in better}
    note = f"{len(added)} {'line' if len(added) == 1 else 'lines'} found in a larger image"
    return replace(
        merged,
        words=[*(word for word in merged.words if word not in added), *added],
        parts_of_lines=parts | {word: [word] for word in added},
        lost_lines=[*merged.lost_lines, *left],
        how="; ".join(filter(None, (reading.how, note))),
    )


def _is_sure(line: Word) -> bool:
    """Return whether a line was read, and is no stroke or speck."""
    return _is_clear(line) and sum(map(str.isalnum, line.text)) >= MIN_LETTERS


def _is_clear(line: Word) -> bool:
    """Return whether the engine is sure of what a line is, be it a row of dashes."""
    return (line.confidence or 0.0) >= MIN_CONFIDENCE


def _overlap(one: Word, other: Word) -> bool:
    """Return whether the middle of one line lies in the other."""
    return _holds_middle(one, other) or _holds_middle(other, one)


def _holds_middle(one: Word, other: Word) -> bool:
    across, down = (other.left + other.right) / 2, (other.top + other.bottom) / 2
    return one.left <= across <= one.right and one.top <= down <= one.bottom
