"""Join dots and dashes that are objects of their own to the lines that they draw: browsers print dotted borders so."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from document_parser.sources.pdf.objects import Box

MIN_DOTS = 8
"""Dots of a line, at least: fewer may be an ellipsis, or marks of a scale."""
MAX_GAP_RATIO = 3.0
"""White between two dots divided by the length of a dot, at most."""
_DIGITS = 4
"""Digits of the fractions of the page by which the edges of the dots of one line agree."""


def join_dots(dots: Sequence[Box]) -> list[tuple[Box, int]]:
    """Return the box of each level or upright row of close dots, with the number of its first dot.

    Boxes are (left, top, right, bottom) in fractions of the page. Dots in rows of both directions are the pattern of an area.
    """
    if len(dots) < MIN_DOTS:
        return []
    runs = [*_runs(dots, along=0), *_runs(dots, along=1)]
    rows = Counter(number for run in runs for number in run)
    lines = [run for run in runs if sum(rows[number] > 1 for number in run) * 2 <= len(run)]
    return [(_box_around([dots[number] for number in run]), run[0]) for run in lines]


def _runs(dots: Sequence[Box], along: int) -> Iterator[list[int]]:
    """Yield the numbers of the dots of each line. ``along`` is 0 for level lines, 1 for upright ones."""
    rows: dict[tuple[float, float], list[int]] = defaultdict(list)
    for number, box in enumerate(dots):
        rows[round(box[1 - along], _DIGITS), round(box[3 - along], _DIGITS)].append(number)
    for numbers in rows.values():
        if len(numbers) < MIN_DOTS:
            continue
        numbers.sort(key=lambda number: dots[number][along])
        yield from _unbroken_runs(numbers, dots, along)


def _unbroken_runs(numbers: Sequence[int], dots: Sequence[Box], along: int) -> Iterator[list[int]]:
    """Yield the parts of a row between wide gaps. Where two lines meet, their last dots lie close to or over each other."""
    start = 0
    for end in range(1, len(numbers) + 1):
        last = dots[numbers[end - 1]]
        length = last[2 + along] - last[along]
        if end < len(numbers) and dots[numbers[end]][along] - last[2 + along] <= MAX_GAP_RATIO * length:
            continue
        if end - start >= MIN_DOTS:
            yield list(numbers[start:end])
        start = end


def _box_around(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
