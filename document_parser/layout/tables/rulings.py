"""Join the lines drawn on a page into whole lines, and these into frames. Lengths are in points, origin top left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from document_parser.layout.lazy import cached_property
from document_parser.layout.tables.fills import join_paddings
from document_parser.models import RulingLine

TOUCH_POINTS = 3.5
"""Points between two lines that meet, at most. Two parallel lines within this distance are one double line."""
VISIBLE_GAP_POINTS = 1.0
"""Points of a gap in a line above which the gap is visible."""
MAX_THICKNESS_POINTS = 3.5
"""Points of the thinner side of a drawn box up to which it is a line; a thicker box is a fill."""
MAX_RULINGS = 1200
"""Lines of one direction, at most. A page with more shows a drawing; its longest lines are kept."""
MAX_FILLS = 1000
"""Filled boxes, at most, that are compared with each other."""


class Ruling(NamedTuple):
    """A straight line: its position across its direction (``at``), its ends, and whether it is only the edge of a filled box.

    ``breaks`` are the positions of visible gaps in it, as between short lines under headings side by side. Lengths are in
    points; a horizontal line has y in ``at`` and x in ``start`` and ``end``, a vertical line the other way round.
    """

    at: float
    start: float
    end: float
    edge: bool = False
    breaks: tuple[float, ...] = ()

    @property
    def length(self) -> float:
        """Return the length in points."""
        return self.end - self.start

    @property
    def pieces(self) -> list[tuple[float, float]]:
        """Return where the parts between the gaps start and end, in points."""
        return list(pairwise([self.start, *self.breaks, self.end]))


@dataclass(frozen=True)
class Frame:
    """Horizontal and vertical lines that are connected, and the box around them. Lengths are in points."""

    horizontals: tuple[Ruling, ...]
    verticals: tuple[Ruling, ...]

    @cached_property
    def left(self) -> float:
        """Return the x position of the left edge in points."""
        return min([line.start for line in self.horizontals] + [line.at for line in self.verticals])

    @cached_property
    def right(self) -> float:
        """Return the x position of the right edge in points."""
        return max([line.end for line in self.horizontals] + [line.at for line in self.verticals])

    @cached_property
    def top(self) -> float:
        """Return the y position of the top edge in points."""
        return min([line.at for line in self.horizontals] + [line.start for line in self.verticals])

    @cached_property
    def bottom(self) -> float:
        """Return the y position of the bottom edge in points."""
        return max([line.at for line in self.horizontals] + [line.end for line in self.verticals])

    @cached_property
    def area(self) -> float:
        """Return the area of the box in square points."""
        return (self.right - self.left) * (self.bottom - self.top)

    def surrounds(self, other: Frame) -> bool:
        """Return whether another frame lies inside this one: strictly in height, within :data:`TOUCH_POINTS` at its sides."""
        inside = self.left - TOUCH_POINTS < other.left and other.right < self.right + TOUCH_POINTS
        return inside and self.top < other.top and other.bottom < self.bottom

    def join(self, other: Frame) -> Frame:
        """Return one frame with the lines of both."""
        return Frame((*self.horizontals, *other.horizontals), (*self.verticals, *other.verticals))


def rulings_of(rules: Sequence[RulingLine], size: float) -> tuple[list[Ruling], list[Ruling]]:
    """Return (horizontal lines, vertical lines) of a page. ``rules`` are in points, ``size`` is the usual font size in points.

    The edges of a filled box count as lines, unless vertical lines run close to both its sides: it then colours the cell
    between them.
    """
    drawn = [rule for rule in rules if _is_line(rule)]
    verticals = _join_collinear(_lines_in_direction(drawn, "upright"))
    fills = join_paddings([rule for rule in rules if not _is_line(rule) and not _is_cell_colour(rule, verticals, size)])
    fills = _drop_inner_fills(fills, size)
    edges = [edge for fill in fills for edge in _edges_of(fill)]
    horizontals, verticals = (
        _join_collinear(
            [
                *_lines_in_direction(drawn, direction),
                *(line._replace(edge=True) for line in _lines_in_direction(edges, direction)),
            ]
        )
        for direction in ("level", "upright")
    )
    return horizontals, verticals


def _is_line(rule: RulingLine) -> bool:
    """Return whether a drawn box is thin enough to be a line."""
    return min(rule.right - rule.left, rule.bottom - rule.top) <= MAX_THICKNESS_POINTS


def _lines_in_direction(rules: Iterable[RulingLine], direction: str) -> list[Ruling]:
    """Return the lines of one direction, "level" (horizontal) or "upright" (vertical)."""
    found = []
    for left, top, right, bottom in rules:
        level = right - left > bottom - top
        if level and direction == "level":
            found.append(Ruling((top + bottom) / 2, left, right))
        elif not level and direction == "upright":
            found.append(Ruling((left + right) / 2, top, bottom))
    return found


def _edges_of(fill: RulingLine) -> Iterable[RulingLine]:
    """Return the four edges of a filled box as thin boxes."""
    left, top, right, bottom = fill
    return (
        RulingLine(left, top, right, top),
        RulingLine(left, bottom, right, bottom),
        RulingLine(left, top, left, bottom),
        RulingLine(right, top, right, bottom),
    )


def _is_cell_colour(fill: RulingLine, verticals: Sequence[Ruling], size: float) -> bool:
    """Return whether a filled box colours the cell between two vertical lines."""
    at, start, end = _to_array(verticals).T
    beside = at[(start - TOUCH_POINTS <= fill.top) & (fill.bottom <= end + TOUCH_POINTS)]
    middle, reach = (fill.left + fill.right) / 2, 1.2 * size
    left, right = beside[beside < middle], beside[beside > middle]
    return bool((abs(left - fill.left) < reach).any() and (abs(right - fill.right) < reach).any())


def _drop_inner_fills(fills: list[RulingLine], size: float) -> list[RulingLine]:
    """Return filled boxes without those inside a slightly wider one: the background of a text line in a coloured cell."""
    if not 1 < len(fills) <= MAX_FILLS:
        return fills
    left, top, right, bottom = np.array(fills, dtype=np.float64).T
    inner = (
        (left[:, None] >= left - 1)
        & (right[:, None] <= right + 1)
        & (top[:, None] >= top - 1)
        & (bottom[:, None] <= bottom + 1)
    )
    narrower = (right - left) - (right - left)[:, None]
    shorter = (bottom - top) - (bottom - top)[:, None]
    hidden = (inner & (narrower < 3 * size) & (narrower + shorter > 1)).any(axis=1)
    return [fill for fill, gone in zip(fills, hidden.tolist(), strict=True) if not gone]


def _join_collinear(lines: Sequence[Ruling]) -> list[Ruling]:
    """Return lines with those that overlap or continue one another joined; only the longest :data:`MAX_RULINGS` are kept."""
    joined: list[Ruling] = []
    for track in _group_tracks(sorted(lines)):
        at = sum(line.at * line.length for line in track) / max(sum(line.length for line in track), 1e-6)
        first = len(joined)
        for line in track:
            last = joined[-1] if len(joined) > first else None
            if last is None or line.start > last.end + TOUCH_POINTS:
                joined.append(line._replace(at=at))
            else:
                joined[-1] = _extend_line(last, line, at)
    return sorted(joined, key=lambda line: line.length)[-MAX_RULINGS:]


def _extend_line(first: Ruling, then: Ruling, at: float) -> Ruling:
    """Return a line extended by the next one on its track, with the gap between them as a break if it is visible."""
    gap = (first.end, then.start) if then.start - first.end > VISIBLE_GAP_POINTS else ()
    breaks = (*first.breaks, *([sum(gap) / 2] if gap else []), *then.breaks)
    return Ruling(at, first.start, max(first.end, then.end), first.edge and then.edge, breaks)


def _group_tracks(lines: Sequence[Ruling]) -> Iterable[list[Ruling]]:
    """Yield the lines on each track, ordered by their start. ``lines`` are sorted by position."""
    track: list[Ruling] = []
    for line in lines:
        if track and line.at > track[0].at + TOUCH_POINTS:
            yield sorted(track, key=lambda line: line.start)
            track = []
        track.append(line)
    if track:
        yield sorted(track, key=lambda line: line.start)


def frames_of(horizontals: Sequence[Ruling], verticals: Sequence[Ruling]) -> list[Frame]:
    """Group lines into frames by where they meet. A line that meets no other is a frame of its own."""
    groups = _group_numbers(horizontals, verticals)
    return [
        Frame(
            tuple(line for line, group in zip(horizontals, groups[: len(horizontals)], strict=True) if group == number),
            tuple(line for line, group in zip(verticals, groups[len(horizontals) :], strict=True) if group == number),
        )
        for number in sorted(set(groups))
    ]


def _group_numbers(horizontals: Sequence[Ruling], verticals: Sequence[Ruling]) -> list[int]:
    """Return the group number of every line, horizontal lines first."""
    across, up = _to_array(horizontals), _to_array(verticals)
    meet = (
        (up[None, :, 0] >= across[:, None, 1] - TOUCH_POINTS)
        & (up[None, :, 0] <= across[:, None, 2] + TOUCH_POINTS)
        & (across[:, None, 0] >= up[None, :, 1] - TOUCH_POINTS)
        & (across[:, None, 0] <= up[None, :, 2] + TOUCH_POINTS)
    )
    numbers = [-1] * (len(horizontals) + len(verticals))
    for first in range(len(numbers)):
        waiting = [first] if numbers[first] < 0 else []
        while waiting:
            line = waiting.pop()
            if numbers[line] >= 0:
                continue
            numbers[line] = first
            if line < len(horizontals):
                waiting += (np.flatnonzero(meet[line]) + len(horizontals)).tolist()
            else:
                waiting += np.flatnonzero(meet[:, line - len(horizontals)]).tolist()
    return numbers


def _to_array(lines: Sequence[Ruling]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return position, start and end of each line, one row per line."""
    return np.array([line[:3] for line in lines], dtype=np.float64).reshape(len(lines), 3)


def borders_of(places: Iterable[float]) -> list[float]:
    """Return positions in ascending order, with those closer than :data:`TOUCH_POINTS` replaced by their mean."""
    borders: list[list[float]] = []
    for place in sorted(places):
        if borders and place - borders[-1][0] <= TOUCH_POINTS:
            borders[-1].append(place)
        else:
            borders.append([place])
    return [sum(group) / len(group) for group in borders]


def rulings_at(lines: Iterable[Ruling], at: float) -> list[Ruling]:
    """Return the lines at a border, within :data:`TOUCH_POINTS`."""
    return [line for line in lines if abs(line.at - at) <= TOUCH_POINTS]


def covers(lines: Iterable[Ruling], start: float, end: float, share: float = 0.6) -> bool:
    """Return whether lines cover at least this share of the stretch from ``start`` to ``end``, in points."""
    return sum(max(0.0, min(line.end, end) - max(line.start, start)) for line in lines) >= share * (end - start)
