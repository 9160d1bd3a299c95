"""Bar charts of a PDF page: filled boxes that stand on one line, of one breadth and of unlike lengths, with an axis.

Told from the shading of tables, whose cells are as long as each other or hold words, and from bars of progress, which have no
axis. Runs in the opener child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise

from document_parser.models import RulingLine, Word
from document_parser.sources.pdf.objects import Box

LEAST_BARS, LEAST_LENGTHS = 3, 3
"""Bars, and lengths that differ: the cells of a heading of two rows have two."""
THIN = 0.004
"""Of the page's sides; a thinner rule is a line."""
ONE_LINE = 0.002
"""Edges this near to each other are at one place, lengths that differ by less are alike."""
LIKE = 1.1
"""How much broader than the narrowest bar of a chart another one may be."""
UNLIKE = 0.15
"""By how much of the longest bar the shortest one is shorter."""
AXIS_LONG = 0.8
"""Of the breadth of all bars; an axis, or a line of a grid, runs along it."""
AXIS_NEAR = 0.004
LEAST_GRID = 2
BESIDE, ABOVE, REACH = 0.5, 2.0, 0.01
"""What touches the chart belongs to it, lines and bars on bars, where it goes beyond the lowest bars by no more than these
parts of their breadth and length."""
MOST_BOXES = 1000
MOST_PARTED = 0.3
MOST_WITH_WORDS = 0.5
"""Of the bars of a chart that hang or lie on their side; filled cells hold words, and so may bars that stand.
Of fields that are not filled in, more than MOST_PARTED have a line between them."""


def bar_chart_boxes(rules: Sequence[RulingLine], words_of_page: Callable[[], Iterable[Word]]) -> list[Box]:
    """The places of bar charts among the lines and filled boxes of a page, as fractions of the upright page.

    ``words_of_page`` is asked where bars are found that hang, or lie on their side.
    """
    if sum(map(_is_filled, rules)) > MOST_BOXES:
        return []
    found = [_whole(bars, rules) for bars in _charts(rules, _bottom)]
    words = cache(lambda: [RulingLine(*word[1:5]) for word in words_of_page()])
    found += [_whole(bars, rules) for bars in _charts(rules, _top) if _are_no_cells(bars, rules, words())]
    turned = [_transposed(rule) for rule in rules]
    lying = [bars for foot in (_bottom, _top) for bars in _charts(turned, foot)]
    found += [_transposed(_whole(bars, turned)) for bars in lying if _are_no_cells(bars, turned, map(_transposed, words()))]
    return [(box.left, box.top, box.right, box.bottom) for box in found]


def _is_filled(rule: RulingLine) -> bool:
    return min(rule.right - rule.left, rule.bottom - rule.top) >= THIN


def _transposed(rule: RulingLine) -> RulingLine:
    return RulingLine(rule.top, rule.left, rule.bottom, rule.right)


def _charts(rules: Sequence[RulingLine], foot: Callable[[RulingLine], float]) -> Iterator[list[RulingLine]]:
    """The bars of each chart, from left to right, whose feet are on a level line."""
    filled = [rule for rule in rules if _is_filled(rule)]
    for on_a_line in _runs(filled, foot, lambda first, last: last - first <= ONE_LINE):
        for alike in _runs(on_a_line, _breadth, lambda least, most: most <= LIKE * least):
            bars = _side_by_side(alike)
            if _are_bars(bars) and _have_axis(bars, foot(bars[0]), rules):
                yield bars


def _bottom(rule: RulingLine) -> float:
    return rule.bottom


def _top(rule: RulingLine) -> float:
    return rule.top


def _breadth(rule: RulingLine) -> float:
    return rule.right - rule.left


def _length(rule: RulingLine) -> float:
    return rule.bottom - rule.top


def _runs(
    rules: Iterable[RulingLine], measure: Callable[[RulingLine], float], together: Callable[[float, float], bool]
) -> list[list[RulingLine]]:
    """Rules whose measures are alike, as far as the first one of each run is like the last one."""
    runs: list[list[RulingLine]] = []
    for rule in sorted(rules, key=measure):
        if runs and together(measure(runs[-1][0]), measure(rule)):
            runs[-1].append(rule)
        else:
            runs.append([rule])
    return [run for run in runs if len(run) >= LEAST_BARS]


def _side_by_side(rules: Iterable[RulingLine]) -> list[RulingLine]:
    """From left to right; of those that stand in one place the longest."""
    bars: list[RulingLine] = []
    for rule in sorted(rules, key=lambda rule: (rule.left, -_length(rule))):
        if not bars or rule.left >= bars[-1].right - ONE_LINE:
            bars.append(rule)
        elif _length(rule) > _length(bars[-1]):
            bars[-1] = rule
    return bars


def _are_bars(bars: Sequence[RulingLine]) -> bool:
    lengths = sorted(map(_length, bars))
    if len(bars) < LEAST_BARS or lengths[-1] - lengths[0] < UNLIKE * lengths[-1]:
        return False
    steps = sum(longer - shorter > ONE_LINE for shorter, longer in pairwise(lengths))
    return steps + 1 >= LEAST_LENGTHS


def _have_axis(bars: Sequence[RulingLine], foot: float, rules: Iterable[RulingLine]) -> bool:
    """Whether a line runs along the foot of bars, or a grid behind them."""
    along = _lines_along(bars, rules)
    return any(abs(place - foot) <= AXIS_NEAR for place in along) or _have_grid(bars, along)


def _lines_along(bars: Sequence[RulingLine], rules: Iterable[RulingLine]) -> list[float]:
    """The heights of level lines as long as all bars are broad."""
    left, right = bars[0].left, bars[-1].right
    return [
        (line.top + line.bottom) / 2
        for line in rules
        if _length(line) < THIN and min(line.right, right) - max(line.left, left) >= AXIS_LONG * (right - left)
    ]


def _have_grid(bars: Sequence[RulingLine], along: Iterable[float]) -> bool:
    whole = _around(bars)
    inside = (place for place in along if whole.top - AXIS_NEAR <= place <= whole.bottom + AXIS_NEAR)
    return len({round(place / ONE_LINE) for place in inside}) >= LEAST_GRID


def _are_no_cells(bars: Sequence[RulingLine], rules: Sequence[RulingLine], words: Iterable[RulingLine]) -> bool:
    """Whether bars are neither the cells of a table nor the fields of a form.

    Those hold words, or have lines between them; a chart has a scale, beside its bars or as a grid behind them.
    """
    whole = _around(bars)
    across = [
        (line.left + line.right) / 2
        for line in rules
        if _breadth(line) < THIN and min(line.bottom, whole.bottom) - max(line.top, whole.top) >= AXIS_LONG * _length(whole)
    ]
    parted = sum(any(one.right <= place <= other.left for place in across) for one, other in pairwise(bars))
    beside = any(not whole.left < place < whole.right for place in across)
    scaled = beside or _have_grid(bars, _lines_along(bars, rules))
    return scaled and parted <= MOST_PARTED * len(bars) and _hold_few(bars, words)


def _hold_few(bars: Sequence[RulingLine], words: Iterable[RulingLine]) -> bool:
    """Whether most bars have no word on them."""
    middles = [((word.left + word.right) / 2, (word.top + word.bottom) / 2) for word in words]
    holding = sum(any(bar.left <= x <= bar.right and bar.top <= y <= bar.bottom for x, y in middles) for bar in bars)
    return holding <= MOST_WITH_WORDS * len(bars)


def _whole(bars: Sequence[RulingLine], rules: Sequence[RulingLine]) -> RulingLine:
    """The box around bars, what stands on them, their axes and their grid."""
    whole = _around(bars)
    beside, above = BESIDE * _breadth(whole), ABOVE * _length(whole)
    window = RulingLine(whole.left - beside, whole.top - above, whole.right + beside, whole.bottom + above)
    left = [rule for rule in rules if _within(rule, window)]
    while touching := [rule for rule in left if _touch(rule, whole)]:
        left = [rule for rule in left if not _touch(rule, whole)]
        whole = _around([whole, *touching])
    return whole


def _around(rules: Sequence[RulingLine]) -> RulingLine:
    return RulingLine(
        min(rule.left for rule in rules),
        min(rule.top for rule in rules),
        max(rule.right for rule in rules),
        max(rule.bottom for rule in rules),
    )


def _within(rule: RulingLine, window: RulingLine) -> bool:
    return rule.left >= window.left and rule.top >= window.top and rule.right <= window.right and rule.bottom <= window.bottom


def _touch(rule: RulingLine, whole: RulingLine) -> bool:
    return (
        rule.left <= whole.right + REACH
        and rule.right >= whole.left - REACH
        and rule.top <= whole.bottom + REACH
        and rule.bottom >= whole.top - REACH
    )
