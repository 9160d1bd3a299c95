"""Set slanted labels level: headings of narrow columns, and the labels below the bars of a chart.

They stand in a row, each over or under its column: their lower or their upper ends are at one height. Lengths are in points of
the upright page, origin top left. Directions are those of ``Word.direction``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from document_parser.layout.lines.lines import Line, body_size, lines_of, split_at_gaps
from document_parser.layout.lines.units import size_of
from document_parser.models import Word

MIN_LABELS = 2
"""Labels in a row, at least."""
MAX_LABEL_SIZE_RATIO = 1.3
"""Font size of a label divided by that of the page's text, at most. A stamp or a watermark is larger."""
MAX_LEVEL_STEP_EM = 0.5
"""Font sizes by which the ends of the labels of a row differ in height, at most."""
MAX_LINE_STEP_EM = 1.5
"""Font sizes from one line of a label to its next one, at most, across the lines."""
MAX_WORD_GAP_EM = 1.0
"""Font sizes between two words of one label, at most."""
MAX_ROW_STEP_RATIO = 3.0
"""Widest distance of two labels of a row divided by the narrowest one, at most."""
MAX_FOOT_GAP_EM = 3.0
"""Font sizes from the feet of labels to the first row of the table below them, at most: a line of a frame is between them."""
LABEL_WIDTH_SHARE = 0.85
"""Share of the distance of two labels that a label is as wide as once it is level."""


Place = tuple[float, float]
"""A point of the page: x and y."""
FOOT, HEAD = 0, 1
"""Which end of a label."""


@dataclass(frozen=True, slots=True)
class _Label:
    """A label: its words in reading order, and the places of its lower end (FOOT) and of its upper one (HEAD)."""

    words: list[Word]
    text: str
    ends: tuple[Place, Place]


def level_labels(words: Sequence[Word], slanted: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Return (words with each label of a row as one level word at its end, the other slanted words).

    ``words`` run along or across the page. A label is as wide as its column allows: its letters do not fit there.
    """
    limit = MAX_LABEL_SIZE_RATIO * body_size(words)
    by_direction: defaultdict[int, list[Word]] = defaultdict(list)
    for word in slanted:
        if size_of(word) <= limit:
            by_direction[word.direction].append(word)
    levelled: list[Word] = []
    taken: set[int] = set()
    for direction, group in by_direction.items():
        for row, end in _rows_of(list(_labels_of(group, direction))):
            levelled += _level_row(row, end, words)
            taken |= {id(word) for label in row for word in label.words}
    if not taken:
        return list(words), list(slanted)
    return [*words, *levelled], [word for word in slanted if id(word) not in taken]


def _labels_of(words: Sequence[Word], direction: int) -> Iterator[_Label]:
    """Yield the labels among words of one direction; the lines of one label begin side by side, one below the other."""
    angle = math.radians(direction)
    own: dict[int, Word] = {}
    level = []
    for word in words:
        turned = _turn_level(word, angle)
        own[id(turned)] = word
        level.append(turned)
    parts = [part for line in lines_of(level) for part in split_at_gaps(line, MAX_WORD_GAP_EM * line.size)]
    labels: list[list[Line]] = []
    for part in sorted(parts, key=lambda part: part.middle):
        above = next((label for label in labels if _continues(label[-1], part)), None)
        if above is None:
            labels.append([part])
        else:
            above.append(part)
    for lines in labels:
        start, end = min(line.left for line in lines), max(line.right for line in lines)
        middle = (lines[0].middle + lines[-1].middle) / 2
        first, last = _turn_back(start, middle, angle), _turn_back(end, middle, angle)
        text = " ".join(line.text for line in lines)
        yield _Label(
            [own[id(word)] for line in lines for word in line.words],
            text,
            (first, last) if first[1] > last[1] else (last, first),
        )


def _turn_level(word: Word, angle: float) -> Word:
    """Return a word on the page turned so that its line runs to the right."""
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    along, down = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    half, size = length_of(word, angle) / 2, size_of(word)
    return word._replace(
        left=along - half, right=along + half, top=down - size / 2, bottom=down + size / 2, direction=0, baseline=0.0
    )


def _turn_back(along: float, down: float, angle: float) -> tuple[float, float]:
    """Return the place on the page of a place on the page turned level."""
    return along * math.cos(angle) - down * math.sin(angle), along * math.sin(angle) + down * math.cos(angle)


def length_of(word: Word, angle: float) -> float:
    """Return the length of a slanted word in points: its box is as wide and as high as its length and its size make it."""
    across, down = abs(math.cos(angle)), abs(math.sin(angle))
    size = size_of(word)
    width, height = word.right - word.left, word.bottom - word.top
    return max(0.3 * size, (width - size * down) / across if across > down else (height - size * across) / down)


def _continues(line: Line, below: Line) -> bool:
    """Return whether a line is the next one of a label."""
    return (
        0 < below.middle - line.middle <= MAX_LINE_STEP_EM * line.size
        and min(
            abs(below.left - line.left),
            abs(below.right - line.right),
            abs(below.left + below.right - line.left - line.right) / 2,
        )
        < 0.8 * line.size
    )


def _rows_of(labels: Sequence[_Label]) -> Iterator[tuple[list[_Label], int]]:
    """Yield the rows of labels whose feet, or whose heads, are at one height, with which end."""
    rest = list(labels)
    while rest:
        found = [(end, [label for label in rest if _is_level(first, label, end)]) for end in (FOOT, HEAD) for first in rest]
        end, row = max(found, key=lambda one: len(one[1]))
        if len(row) < MIN_LABELS or not _is_even(row, end):
            return
        yield row, end
        rest = [label for label in rest if label not in row]


def _is_level(one: _Label, other: _Label, end: int) -> bool:
    """Return whether the ends of two labels are at one height."""
    step = one.ends[end][1] - other.ends[end][1]
    return abs(step) <= MAX_LEVEL_STEP_EM * size_of(one.words[0])


def _is_even(row: Sequence[_Label], end: int) -> bool:
    """Return whether labels stand at distances of columns: none on another, none far away."""
    places = sorted(label.ends[end][0] for label in row)
    steps = [after - before for before, after in pairwise(places)]
    return min(steps) > size_of(row[0].words[0]) and max(steps) <= MAX_ROW_STEP_RATIO * min(steps)


def _level_row(row: Sequence[_Label], end: int, words: Sequence[Word]) -> Iterator[Word]:
    """Yield each label of a row as one level word: above its foot and close to the row of words below, or below its head."""
    places = sorted(label.ends[end][0] for label in row)
    width = LABEL_WIDTH_SHARE * min(after - before for before, after in pairwise(places))
    heights = [label.ends[end][1] for label in row]
    edge = sum(heights) / len(heights)
    if end == FOOT:
        reach = MAX_FOOT_GAP_EM * size_of(row[0].words[0])
        under = [
            word.top
            for word in words
            if edge < word.top < edge + reach and places[0] - width < word.right and word.left < places[-1] + width
        ]
        edge = max(edge, min(under, default=edge) - 0.5 * size_of(row[0].words[0]))
    for label in row:
        first = label.words[0]
        size, x = size_of(first), label.ends[end][0]
        top, bottom = (edge - size, edge) if end == FOOT else (edge, edge + size)
        struck, bold = all(word.struck for word in label.words), all(word.bold for word in label.words)
        yield first._replace(
            text=label.text, left=x - width / 2, right=x + width / 2, top=top, bottom=bottom,
            direction=0, baseline=0.0, bold=bold, struck=struck,
        )  # fmt: skip
