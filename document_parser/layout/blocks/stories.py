"""Find where a page of columns is divided across: by a line drawn over all columns, or by the headline of the next story.

A newspaper sets its stories one below the other, each in columns of its own. The gaps between the columns of two stories often
lie over each other and look like one gutter, so that columns cut by gutters alone run through all stories. Lengths are in
points, origin top left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile

import numpy as np

from document_parser.layout.blocks.block_kinds import has_sentence_end, is_caption
from document_parser.layout.blocks.gutters import MIN_GUTTER_WIDTH_EM, Gutter
from document_parser.layout.lines.lines import Line, lines_of, split_at_gaps
from document_parser.layout.page_index import Rules
from document_parser.models import Word

MIN_RULE_SHARE = 0.85
"""Share of the width of the columns that a line over all of them covers, at least."""
MIN_DIVIDER_SHARE = 0.6
"""Share of a gutter's height that a line drawn down it covers, at least: columns end at different heights."""
MIN_HEADLINE_RATIO = 1.12
"""Font size of a headline divided by that of the text, at least; a bold line may be smaller."""
MIN_SURE_HEADLINE_RATIO = 1.25
"""The same where only its size and its place show that a line is a headline."""
MAX_COLUMN_STEP_EM = 1.8
"""Font sizes by which the first lines of two columns below a headline differ in height, at most: a line, as of an author."""
MAX_INDENT_EM = 1.5
"""Font sizes from the edge of the columns to a headline, at most: it begins with the first column, on either side."""
MAX_HEADLINE_LINES = 4
"""Lines of a headline, at most."""
MIN_WHITE_EM = 2.5
"""Font sizes without text in every column where the headline of a next story stands over the first one, at least."""
MAX_WHITE_STEP_EM = 3.0
"""Font sizes by which these differ between columns, at most: columns of one story end within a few lines of each other. More
white beside the heading of a section is the place of a picture."""
MIN_STORY_HEADLINE_RATIO, MAX_STORY_WHITE_STEP_EM = 1.6, 5.0
"""Font size of a headline divided by that of the text from which it is that of a story, and the same for one: the last column
of a story above may end a few lines earlier than the others."""
MIN_FLOAT_WHITE_EM = 0.6
"""Font sizes of white above what floats beside a heading, at least."""
MAX_DATELINE_SHARE = 0.7
"""Share of the columns' width that the parts of such a line fill, at most; lines of a text fill more."""
MIN_DATELINE_WHITE_EM = 0.7
"""Font sizes of white below a line over all columns, at least; lines of a text are closer."""
MIN_COMPARED_LINES, MAX_COMPARED_LINES = 4, 10
"""Lines below a headline that show where the first column ends: of fewer lines, spaces between words align by chance."""


def is_divided(gutter: Gutter, rules: Rules) -> bool:
    """Return whether a line is drawn down a gutter: between columns, or between stories side by side."""
    x, top, bottom = rules.upright.T
    shared = np.minimum(bottom, gutter.bottom) - np.maximum(top, gutter.top)
    inside = (x > gutter.left) & (x < gutter.right)
    return bool((inside & (shared >= MIN_DIVIDER_SHARE * (gutter.bottom - gutter.top))).any())


def find_story_edge(words: Sequence[Word], gutter: Gutter, rules: Rules, size: float) -> float | None:
    """Return the y position of the first edge between stories among the words beside a gutter; None if there is one story.

    ``words`` are those of the columns, without tables, whose lines and headings would part them; ``size`` is the body font size
    in points.
    """
    return min((*_rules_across(words, rules), *_headlines(lines_of(words), gutter, size)), default=None)


def find_heads_below(words: Sequence[Word], gutter: Gutter, size: float) -> set[int]:
    """Return the identities of the words of headlines below all else beside a gutter: they head what comes below it."""
    middle = gutter.left + gutter.right
    sides = [[word for word in words if (word.left + word.right < middle) is is_left] for is_left in (True, False)]
    if not all(sides):
        return set()
    lower, upper = sorted(sides, key=lambda side: -max(word.bottom for word in side))
    end = max(word.bottom for word in upper)
    ended = lines_of([word for word in lower if word.top > end])
    last = [*takewhile(lambda line: _is_sure_headline(line, size), reversed(ended))]
    lines = last or ([] if ended else _last_headlines(lines_of(words), size))
    is_head = not any(has_sentence_end(word.text) for line in lines for word in line.words)
    return {id(word) for line in lines for word in line.words} if is_head else set()


def _last_headlines(lines: Sequence[Line], size: float) -> list[Line]:
    """Return the last line of columns if it is large on all sides: the headlines of the stories side by side below it."""
    if len(lines) < 2 or any(word.bottom > lines[-1].top for line in lines[:-1] for word in line.words):
        return []
    parts = split_at_gaps(lines[-1], 2 * MIN_GUTTER_WIDTH_EM * size)
    return [lines[-1]] if len(parts) > 1 and all(_is_sure_headline(part, size) for part in parts) else []


def find_dateline_end(words: Sequence[Word], gutter: Gutter, size: float) -> float | None:
    """Return the y position below the line that columns have in common above their text: issue, publisher, date.

    Its first part begins with the first column, its last one ends with the last column, but does not begin with it, as a
    heading of that column would. None without such a line. ``words`` are those beside the gutter.
    """
    first, *rest = lines_of(words)
    parts = split_at_gaps(first, MIN_GUTTER_WIDTH_EM * size)
    if len(rest) < 2 * MIN_COMPARED_LINES or len(parts) < 2 or _is_headline(first, size) or any(w.math for w in first.words):
        return None
    below = [word for line in rest for word in line.words]
    white = min(word.top for word in below) - first.bottom
    left, right = min(word.left for word in below), max(word.right for word in below)
    behind = min((word.left for word in below if word.left > gutter.left), default=right)
    is_full = sum(part.width for part in parts) > MAX_DATELINE_SHARE * (right - left)
    is_spread = abs(parts[0].left - left) < size and abs(parts[-1].right - right) < size and not is_full
    if not is_spread or white < MIN_DATELINE_WHITE_EM * size or parts[0].right > gutter.left or parts[-1].left < behind + size:
        return None
    return first.bottom + white / 2


def find_heading_edge(left: Sequence[Word], right: Sequence[Word], below: Sequence[Word], size: float) -> float | None:
    """Return the height above a heading that ends one side of a gutter, if the other side has white there; None without one.

    What stands beside and below it, as a box that floats beside the text, belongs to the heading's section.
    """
    for side, other in ((left, right), (right, left)):
        lines = lines_of(side)
        if len(lines) < 2 or not _is_sure_headline(lines[-1], size) or has_sentence_end(lines[-1].text):
            continue
        before, last = lines[-2:]
        goes_on = any(word.left < last.right and word.right > last.left and word.top < last.bottom + 3 * size for word in below)
        if not goes_on:
            continue
        for upper, lower in pairwise(lines_of(other)):
            start, end = max(upper.bottom, before.bottom), min(lower.top, last.top)
            if lower.top - upper.bottom >= MIN_FLOAT_WHITE_EM * size and end - start > 1:
                return (start + end) / 2
    return None


def find_aside(
    left: Sequence[Word], right: Sequence[Word], below: Sequence[Word], rules: Rules
) -> tuple[Sequence[Word], float] | None:
    """Return the words on the one side of a gutter that stand on a fill of their own, and its top, if text runs around it.

    ``below`` are the words below the gutter, where the text beside the fill goes on. None if there is no such fill, or a side
    has no words.
    """
    if not left or not right:
        return None
    for side, other in ((left, right), (right, left)):
        for fill in rules.fills.tolist():
            if all(_is_on(fill, word) for word in side) and not any(_is_on(fill, word) for word in other):
                start, end = min(word.left for word in other), max(word.right for word in other)
                if any(_is_under(fill, word) for word in below) and any(start < word.left < end for word in below):
                    return side, fill[1]
    return None


def _is_under(fill: Sequence[float], word: Word) -> bool:
    """Return whether a word stands below a fill, as far as its sides say that."""
    return word.left < fill[2] and word.right > fill[0]


def _is_on(fill: Sequence[float], word: Word) -> bool:
    """Return whether the middle of a word is on a fill."""
    left, top, right, bottom = fill
    return left < (word.left + word.right) / 2 < right and top < (word.top + word.bottom) / 2 < bottom


def _rules_across(words: Sequence[Word], rules: Rules) -> Iterator[float]:
    """Yield the heights of drawn lines over all columns that run through no word and have words above and below."""
    left, right = min(word.left for word in words), max(word.right for word in words)
    for y, start, end in rules.level.tolist():
        if min(end, right) - max(start, left) < MIN_RULE_SHARE * (right - left):
            continue
        above = [word for word in words if word.bottom <= y + 1]
        below = [word for word in words if word.top >= y - 1]
        if above and below and len(above) + len(below) == len(words):
            yield y


def _headlines(lines: Sequence[Line], gutter: Gutter, size: float) -> Iterator[float]:
    """Yield the tops of headlines that have no text beside them, and columns that begin side by side below them."""
    last = 0
    for place in range(1, len(lines)):
        if place < last or not _is_headline(lines[place], size):
            continue
        last = place + 1
        while last < min(len(lines), place + MAX_HEADLINE_LINES) and _goes_on(lines[last - 1], lines[last], size):
            last += 1
        if _is_over_columns(lines[:place], lines[place:last], lines[last:], gutter, size):
            yield lines[place].top


def _is_headline(line: Line, size: float) -> bool:
    """Return whether a line is larger than the text, or bold."""
    return line.size >= MIN_HEADLINE_RATIO * size or line.bold


def _is_sure_headline(line: Line, size: float) -> bool:
    """Return whether a line is a headline by its letters alone: much larger than the text, or bold."""
    return line.bold or line.size >= MIN_SURE_HEADLINE_RATIO * size


def _goes_on(before: Line, line: Line, size: float) -> bool:
    """Return whether a line continues a headline."""
    return _is_headline(line, size) and abs(line.size - before.size) < 0.1 * before.size and line.left < before.right


def _is_over_columns(
    above: Sequence[Line], headline: Sequence[Line], below: Sequence[Line], gutter: Gutter, size: float
) -> bool:
    """Return whether a headline parts the columns above it from those below it."""
    if not above or not below or len({word.left > gutter.left for line in headline for word in line.words}) > 1:
        return False
    top, bottom = headline[0].top, headline[-1].bottom
    slack = 0.25 * size
    edges = [abs(side(headline) - side([*above, *below])) for side in (_left, _right)]
    if min(edges) > MAX_INDENT_EM * size:
        return False
    if max(line.bottom for line in above) > top + slack or min(line.top for line in below) < bottom - slack:
        return False
    ends = [_side(above, gutter, is_left) for is_left in (True, False)]
    starts = [_side(below, gutter, is_left) for is_left in (True, False)]
    if not all(ends) or not all(starts):
        return False
    last = [max(word.bottom for word in side) for side in ends]
    first = [min(word.top for word in side) for side in starts]
    if abs(first[0] - first[1]) > MAX_COLUMN_STEP_EM * size:
        return False
    if _is_wide(headline, below, size):
        return True
    white = [start - end for start, end in zip(first, last, strict=True)]
    is_story = min(line.size for line in headline) >= MIN_STORY_HEADLINE_RATIO * size
    return (
        min(white) >= MIN_WHITE_EM * size
        and abs(white[0] - white[1]) <= (MAX_STORY_WHITE_STEP_EM if is_story else MAX_WHITE_STEP_EM) * size
        and all(_begin_texts(side, size) for side in starts)
    )


def _begin_texts(words: Sequence[Word], size: float) -> bool:
    """Return whether columns begin with text, and none of them with a headline or the caption of a picture."""
    top = min(word.top for word in words)
    first = lines_of([word for word in words if word.top <= top + MAX_COLUMN_STEP_EM * size])
    parts = [part for line in first for part in split_at_gaps(line, MIN_GUTTER_WIDTH_EM * size)]
    return not any(_is_headline(part, size) or is_caption(part.text) for part in parts)


def _is_wide(headline: Sequence[Line], below: Sequence[Line], size: float) -> bool:
    """Return whether a headline reaches over the end of the first column below it."""
    compared = below[:MAX_COMPARED_LINES]
    if len(compared) < MIN_COMPARED_LINES:
        return False
    spans = sorted((word.left, word.right) for line in compared for word in line.words)
    end = spans[0][1]
    for left, right in spans:
        if left - end >= MIN_GUTTER_WIDTH_EM * size:
            return _right(headline) > left
        end = max(end, right)
    return False


def _left(lines: Iterable[Line]) -> float:
    """Return the left edge of lines."""
    return min(line.left for line in lines)


def _right(lines: Iterable[Line]) -> float:
    """Return the right edge of lines."""
    return max(line.right for line in lines)


def _side(lines: Sequence[Line], gutter: Gutter, is_left: bool) -> list[Word]:
    """Return the words of lines on one side of a gutter."""
    middle = gutter.left + gutter.right
    return [word for line in lines for word in line.words if (word.left + word.right < middle) is is_left]
