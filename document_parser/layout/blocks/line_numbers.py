"""Find the numbers of lines in the margin of pleadings, statutes and editions: they are no part of the text.

Lengths are in points, origin top left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import lines_of, split_at_gaps
from document_parser.layout.lines.units import Scale, size_of
from document_parser.models import Block, Word

STEPS = {1: 10, 5: 3}
"""Which lines are numbered, every one or every fifth, and how many numbers there are at least."""
MAX_EDGE_STEP_POINTS = 2.0
"""Distance of the left or right edges of numbers below each other, at most."""
MAX_PITCH_DEVIATION_SHARE = 0.15
"""Share of the usual distance of two numbers by which others may differ from it."""
MIN_PROSE_CHARACTERS = 40
"""Characters of the middle line of text beside the numbers, at least. Rows of a list of names are shorter."""
MIN_WHOLE_SHARE = 0.85
"""Share of the lines of text without a wide gap, at least; rows of a table have one."""
MIN_GAP_EM = 0.6
"""Font sizes of white between the numbers and the text, at least: more than a space."""
WIDE_GAP_EM = 2.0
"""Width of such a gap in font sizes."""
MIN_PAGE_NUMBERS = 20
"""Numbers beside few lines, at least: those of a whole page of pleading paper, whose text ends early."""
MIN_FOLLOWED_LINES = 4
"""Numbers that stand at their lines however far these are apart, at least, one for each of them."""
MIN_GOING_ON_SHARE = 0.25
"""Share of these lines that begin with a small letter, at least: a list has a number where a text begins, not within it."""


def split_line_numbers(words: Sequence[Word], scale: Scale) -> tuple[list[Word], list[Block]]:
    """Return (the words without line numbers, one block of the line numbers if there are any)."""
    for column in _columns_of_numbers(words):
        own = {id(word) for word in column}
        rest = [word for word in words if id(word) not in own]
        if rest and _is_beside(column, rest) and (_count_lines(column, rest) if _is_even(column) else _follow(column, rest)):
            text = " ".join(word.text for word in column)
            return rest, [Block(kind="page_header", text=text, box=scale.box_of(column))]
    return list(words), []


def _columns_of_numbers(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield runs of numbers below each other that may count lines."""
    numbers = [word for word in words if word.text.isascii() and word.text.isdecimal() and len(word.text) <= 4]
    for edge in ("right", "left"):
        columns: defaultdict[int, list[Word]] = defaultdict(list)
        for word in numbers:
            columns[round((word.right if edge == "right" else word.left) / MAX_EDGE_STEP_POINTS)].append(word)
        for place, column in columns.items():
            near = sorted([*column, *columns.get(place + 1, ())], key=lambda word: word.top)
            for step, least in STEPS.items():
                run = _count(near, step)
                if len(run) >= (least if _is_even(run) else MIN_FOLLOWED_LINES):
                    yield run


def _count(column: Sequence[Word], step: int) -> list[Word]:
    """Return the longest run of numbers that each are one step more than the one above."""
    best: list[Word] = []
    run: list[Word] = []
    for word in column:
        if not run or int(word.text) != int(run[-1].text) + step:
            run = []
        run.append(word)
        if len(run) > len(best):
            best = list(run)
    return best if best and int(best[0].text) % step == 0 else []


def _is_even(run: Sequence[Word]) -> bool:
    """Return whether numbers stand at even distances."""
    pitches = [below.top - above.top for above, below in pairwise(run)]
    usual = median(pitches) if pitches else 0.0
    return usual > 0 and all(abs(pitch - usual) <= MAX_PITCH_DEVIATION_SHARE * usual for pitch in pitches)


def _is_beside(column: Sequence[Word], rest: Sequence[Word]) -> bool:
    """Return whether all text at the height of the numbers is on one side of them."""
    top, bottom = column[0].top, column[-1].bottom
    beside = [word for word in rest if top < (word.top + word.bottom) / 2 < bottom]
    left, right = min(word.left for word in column), max(word.right for word in column)
    gap = MIN_GAP_EM * size_of(column[0])
    after, before = all(word.left >= right + gap for word in beside), all(word.right <= left - gap for word in beside)
    return bool(beside) and (after or before)


def _count_lines(column: Sequence[Word], rest: Sequence[Word]) -> bool:
    """Return whether numbers at even distances count lines: running text is beside them, or most of them have none at all."""
    if _is_text(rest):
        return True
    lines = [line for line in lines_of(rest) if column[0].top < line.middle < column[-1].bottom]
    return len(column) >= MIN_PAGE_NUMBERS and 2 * len(lines) <= len(column)


def _follow(column: Sequence[Word], rest: Sequence[Word]) -> bool:
    """Return whether numbers stand one at each line of a text, also where headings set the lines farther apart."""
    top, bottom = column[0].top, column[-1].bottom
    lines = [line for line in lines_of(rest) if top < line.middle < bottom]
    each = zip(column, lines, strict=False)
    if len(lines) != len(column) or not all(line.top < (word.top + word.bottom) / 2 < line.bottom for word, line in each):
        return False
    going_on = sum(line.text[:1].islower() for line in lines)
    whole = sum(len(split_at_gaps(line, WIDE_GAP_EM * line.size)) == 1 for line in lines)
    return going_on >= max(2, MIN_GOING_ON_SHARE * len(lines)) and whole == len(lines)


def _is_text(words: Sequence[Word]) -> bool:
    """Return whether words are running text, and no rows of a table."""
    lines = lines_of(words)
    whole = [line for line in lines if len(split_at_gaps(line, WIDE_GAP_EM * line.size)) == 1]
    return len(whole) >= MIN_WHOLE_SHARE * len(lines) and median(len(line.text) for line in lines) >= MIN_PROSE_CHARACTERS
