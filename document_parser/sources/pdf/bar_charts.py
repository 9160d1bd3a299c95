"""Find bar charts on a PDF page: filled boxes on one line, of one breadth and of unequal lengths, with an axis.

They differ from the shading of tables, whose cells are equally long or hold words, and from progress bars, which have no axis.
Runs in the opener child.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise

from document_parser.models import RulingLine, Word
from document_parser.sources.pdf.objects import Box

MIN_BARS, MIN_LENGTHS = 3, 3
"""Bars, and lengths that differ: the cells of a heading of two rows have two."""
THIN_SHARE = 0.004
"""Share of the page's sides; a thinner ruling line is a line and no bar."""
SAME_PLACE_SHARE = 0.002
"""Share of the page's sides: edges this near to each other are at one place, and lengths that differ by less are equal."""
MAX_BREADTH_RATIO = 1.1
"""Breadth of the broadest bar of a chart over that of the narrowest one."""
MIN_LENGTH_DIFFERENCE_SHARE = 0.15
"""Share of the longest bar by which the shortest one must be shorter."""
MIN_AXIS_SHARE = 0.8
"""Share of the breadth of all bars along which an axis, or a line of a grid, must run."""
AXIS_REACH_SHARE = 0.004
"""Share of the page's side: how near to the foot of the bars their axis is."""
MIN_GRID_LINES = 2
"""Lines behind the bars that make a grid."""
BESIDE_RATIO, ABOVE_RATIO, CHART_REACH_SHARE = 0.5, 2.0, 0.01
"""What touches the chart belongs to it, lines and bars on bars, if it goes beyond the lowest bars by no more than these parts
of their breadth and length. What is within CHART_REACH_SHARE of the page's sides touches."""
MAX_BOXES = 1000
"""A page with more filled boxes is not searched."""
MAX_PARTED_SHARE = 0.3
"""Share of the bars of a chart between which lines may run. Of fields that are not filled in, more have a line between them."""
MAX_WITH_WORDS_SHARE = 0.5
"""Share of the bars that may have words on them, if they hang or lie on their side. Filled cells hold words, and so may
upright bars."""


def find_bar_chart_boxes(rules: Sequence[RulingLine], words_of_page: Callable[[], Iterable[Word]]) -> list[Box]:
    """Return the boxes of bar charts among the ruling lines and filled boxes of a page.

    All boxes are in fractions of the upright page. ``words_of_page`` is called if bars are found that hang, or lie on their
    side.
    """
    if sum(map(_is_filled, rules)) > MAX_BOXES:
        return []
    found = [_chart_box(bars, rules) for bars in _find_charts(rules, _bottom)]
    words = cache(lambda: [RulingLine(*word[1:5]) for word in words_of_page()])
    found += [_chart_box(bars, rules) for bars in _find_charts(rules, _top) if _are_no_cells(bars, rules, words())]
    turned = [_transpose(rule) for rule in rules]
    lying = [bars for foot in (_bottom, _top) for bars in _find_charts(turned, foot)]
    found += [_transpose(_chart_box(bars, turned)) for bars in lying if _are_no_cells(bars, turned, map(_transpose, words()))]
    return [(box.left, box.top, box.right, box.bottom) for box in found]


def _is_filled(rule: RulingLine) -> bool:
    """Return whether a ruling line is thick enough for a filled box."""
    return min(rule.right - rule.left, rule.bottom - rule.top) >= THIN_SHARE


def _transpose(rule: RulingLine) -> RulingLine:
    """Return a box with x and y exchanged."""
    return RulingLine(rule.top, rule.left, rule.bottom, rule.right)


def _find_charts(rules: Sequence[RulingLine], foot: Callable[[RulingLine], float]) -> Iterator[list[RulingLine]]:
    """Yield the bars of each chart, from left to right, whose feet are on a level line."""
    filled = [rule for rule in rules if _is_filled(rule)]
    for on_a_line in _group_alike(filled, foot, lambda first, last: last - first <= SAME_PLACE_SHARE):
        for alike in _group_alike(on_a_line, _breadth, lambda least, most: most <= MAX_BREADTH_RATIO * least):
            bars = _choose_side_by_side(alike)
            if _are_bars(bars) and _have_axis(bars, foot(bars[0]), rules):
                yield bars


def _bottom(rule: RulingLine) -> float:
    """Return the lower edge of a box."""
    return rule.bottom


def _top(rule: RulingLine) -> float:
    """Return the upper edge of a box."""
    return rule.top


def _breadth(rule: RulingLine) -> float:
    """Return the horizontal extent of a box."""
    return rule.right - rule.left


def _length(rule: RulingLine) -> float:
    """Return the vertical extent of a box."""
    return rule.bottom - rule.top


def _group_alike(
    rules: Iterable[RulingLine], measure: Callable[[RulingLine], float], are_alike: Callable[[float, float], bool]
) -> list[list[RulingLine]]:
    """Group boxes by a measure: in each group the smallest and the largest are alike. Groups below MIN_BARS are dropped."""
    runs: list[list[RulingLine]] = []
    for rule in sorted(rules, key=measure):
        if runs and are_alike(measure(runs[-1][0]), measure(rule)):
            runs[-1].append(rule)
        else:
            runs.append([rule])
    return [run for run in runs if len(run) >= MIN_BARS]


def _choose_side_by_side(rules: Iterable[RulingLine]) -> list[RulingLine]:
    """Return boxes from left to right; of those at one place the longest."""
    bars: list[RulingLine] = []
    for rule in sorted(rules, key=lambda rule: (rule.left, -_length(rule))):
        if not bars or rule.left >= bars[-1].right - SAME_PLACE_SHARE:
            bars.append(rule)
        elif _length(rule) > _length(bars[-1]):
            bars[-1] = rule
    return bars


def _are_bars(bars: Sequence[RulingLine]) -> bool:
    """Return whether boxes are enough and of enough different lengths."""
    lengths = sorted(map(_length, bars))
    if len(bars) < MIN_BARS or lengths[-1] - lengths[0] < MIN_LENGTH_DIFFERENCE_SHARE * lengths[-1]:
        return False
    steps = sum(longer - shorter > SAME_PLACE_SHARE for shorter, longer in pairwise(lengths))
    return steps + 1 >= MIN_LENGTHS


def _have_axis(bars: Sequence[RulingLine], foot: float, rules: Iterable[RulingLine]) -> bool:
    """Return whether a line runs along the foot of bars, or a grid behind them."""
    along = _find_lines_along(bars, rules)
    return any(abs(place - foot) <= AXIS_REACH_SHARE for place in along) or _have_grid(bars, along)


def _find_lines_along(bars: Sequence[RulingLine], rules: Iterable[RulingLine]) -> list[float]:
    """Return the heights of level lines that run along most of the bars' breadth."""
    left, right = bars[0].left, bars[-1].right
    return [
        (line.top + line.bottom) / 2
        for line in rules
        if _length(line) < THIN_SHARE and min(line.right, right) - max(line.left, left) >= MIN_AXIS_SHARE * (right - left)
    ]


def _have_grid(bars: Sequence[RulingLine], along: Iterable[float]) -> bool:
    """Return whether lines at several heights run behind bars."""
    whole = _bounding_box(bars)
    inside = (place for place in along if whole.top - AXIS_REACH_SHARE <= place <= whole.bottom + AXIS_REACH_SHARE)
    return len({round(place / SAME_PLACE_SHARE) for place in inside}) >= MIN_GRID_LINES


def _are_no_cells(bars: Sequence[RulingLine], rules: Sequence[RulingLine], words: Iterable[RulingLine]) -> bool:
    """Return whether bars are neither the cells of a table nor the fields of a form.

    Those hold words, or have lines between them; a chart has a scale, beside its bars or as a grid behind them.
    """
    whole = _bounding_box(bars)
    across = [
        (line.left + line.right) / 2
        for line in rules
        if _breadth(line) < THIN_SHARE
        and min(line.bottom, whole.bottom) - max(line.top, whole.top) >= MIN_AXIS_SHARE * _length(whole)
    ]
    parted = sum(any(one.right <= place <= other.left for place in across) for one, other in pairwise(bars))
    beside = any(not whole.left < place < whole.right for place in across)
    scaled = beside or _have_grid(bars, _find_lines_along(bars, rules))
    return scaled and parted <= MAX_PARTED_SHARE * len(bars) and _hold_few_words(bars, words)


def _hold_few_words(bars: Sequence[RulingLine], words: Iterable[RulingLine]) -> bool:
    """Return whether most bars have no word on them."""
    middles = [((word.left + word.right) / 2, (word.top + word.bottom) / 2) for word in words]
    holding = sum(any(bar.left <= x <= bar.right and bar.top <= y <= bar.bottom for x, y in middles) for bar in bars)
    return holding <= MAX_WITH_WORDS_SHARE * len(bars)


def _chart_box(bars: Sequence[RulingLine], rules: Sequence[RulingLine]) -> RulingLine:
    """Return the box around bars, what is stacked on them, their axes and their grid."""
    whole = _bounding_box(bars)
    beside, above = BESIDE_RATIO * _breadth(whole), ABOVE_RATIO * _length(whole)
    window = RulingLine(whole.left - beside, whole.top - above, whole.right + beside, whole.bottom + above)
    left = [rule for rule in rules if _is_within(rule, window)]
    while touching := [rule for rule in left if _touch(rule, whole)]:
        left = [rule for rule in left if not _touch(rule, whole)]
        whole = _bounding_box([whole, *touching])
    return whole


def _bounding_box(rules: Sequence[RulingLine]) -> RulingLine:
    """Return the box around boxes."""
    return RulingLine(
        min(rule.left for rule in rules),
        min(rule.top for rule in rules),
        max(rule.right for rule in rules),
        max(rule.bottom for rule in rules),
    )


def _is_within(rule: RulingLine, window: RulingLine) -> bool:
    """Return whether a box lies inside another."""
    return rule.left >= window.left and rule.top >= window.top and rule.right <= window.right and rule.bottom <= window.bottom


def _touch(rule: RulingLine, whole: RulingLine) -> bool:
    """Return whether a box comes within CHART_REACH_SHARE of another."""
    return (
        rule.left <= whole.right + CHART_REACH_SHARE
        and rule.right >= whole.left - CHART_REACH_SHARE
        and rule.top <= whole.bottom + CHART_REACH_SHARE
        and rule.bottom >= whole.top - CHART_REACH_SHARE
    )
