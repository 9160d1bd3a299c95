"""Lines drawn on a page, joined to what a reader sees, and the frames that they make. Lengths are in points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from document_parser.models import RulingLine

TOUCH_POINTS = 3.5
"""Lines that come this close to each other meet; two side by side are one double line."""
VISIBLE_GAP_POINTS = 1.0
"""A gap of a line that is wider is seen."""
MAX_THICKNESS_POINTS = 3.5
MAX_RULINGS = 1200
"""Of one direction; a page with more shows a drawing."""
MAX_FILLS = 1000


class Ruling(NamedTuple):
    """A line: where it lies across its direction, where it starts and ends, and whether it is but the edge of a filled box.

    ``breaks`` are the places where a gap shows in it: short lines under headings that stand side by side.
    """

    at: float
    start: float
    end: float
    edge: bool = False
    breaks: tuple[float, ...] = ()

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def pieces(self) -> list[tuple[float, float]]:
        """Where its parts start and end."""
        return list(pairwise([self.start, *self.breaks, self.end]))


@dataclass(frozen=True)
class Frame:
    """Lines that hang together, and the box around them."""

    horizontals: tuple[Ruling, ...]
    verticals: tuple[Ruling, ...]

    @cached_property
    def left(self) -> float:
        return min([line.start for line in self.horizontals] + [line.at for line in self.verticals])

    @cached_property
    def right(self) -> float:
        return max([line.end for line in self.horizontals] + [line.at for line in self.verticals])

    @cached_property
    def top(self) -> float:
        return min([line.at for line in self.horizontals] + [line.start for line in self.verticals])

    @cached_property
    def bottom(self) -> float:
        return max([line.at for line in self.horizontals] + [line.end for line in self.verticals])

    @cached_property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)

    def surrounds(self, other: Frame) -> bool:
        inside = self.left - TOUCH_POINTS < other.left and other.right < self.right + TOUCH_POINTS
        return inside and self.top < other.top and other.bottom < self.bottom

    def join(self, other: Frame) -> Frame:
        return Frame((*self.horizontals, *other.horizontals), (*self.verticals, *other.verticals))


def rulings_of(rules: Sequence[RulingLine], size: float) -> tuple[list[Ruling], list[Ruling]]:
    """(level lines, upright lines). ``rules`` are in points, ``size`` is the usual font size.

    The edges of a filled box count, except where lines stand close on both its sides: it colours the cell between them.
    """
    drawn = [rule for rule in rules if _is_line(rule)]
    verticals = _join_collinear(_lines_in_direction(drawn, "upright"))
    fills = [rule for rule in rules if not _is_line(rule) and not _is_cell_colour(rule, verticals, size)]
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
    return min(rule.right - rule.left, rule.bottom - rule.top) <= MAX_THICKNESS_POINTS


def _lines_in_direction(rules: Iterable[RulingLine], direction: str) -> list[Ruling]:
    found = []
    for left, top, right, bottom in rules:
        level = right - left > bottom - top
        if level and direction == "level":
            found.append(Ruling((top + bottom) / 2, left, right))
        elif not level and direction == "upright":
            found.append(Ruling((left + right) / 2, top, bottom))
    return found


def _edges_of(fill: RulingLine) -> Iterable[RulingLine]:
    left, top, right, bottom = fill
    return (
        RulingLine(left, top, right, top),
        RulingLine(left, bottom, right, bottom),
        RulingLine(left, top, left, bottom),
        RulingLine(right, top, right, bottom),
    )


def _is_cell_colour(fill: RulingLine, verticals: Sequence[Ruling], size: float) -> bool:
    at, start, end = _to_array(verticals).T
    beside = at[(start - TOUCH_POINTS <= fill.top) & (fill.bottom <= end + TOUCH_POINTS)]
    middle, reach = (fill.left + fill.right) / 2, 1.2 * size
    left, right = beside[beside < middle], beside[beside > middle]
    return bool((abs(left - fill.left) < reach).any() and (abs(right - fill.right) < reach).any())


def _drop_inner_fills(fills: list[RulingLine], size: float) -> list[RulingLine]:
    """Filled boxes without those set into another a little wider: the ground under a line of text in a coloured cell."""
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
    """Lines that lie on one another or carry on from one another as one."""
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
    gap = (first.end, then.start) if then.start - first.end > VISIBLE_GAP_POINTS else ()
    breaks = (*first.breaks, *([sum(gap) / 2] if gap else []), *then.breaks)
    return Ruling(at, first.start, max(first.end, then.end), first.edge and then.edge, breaks)


def _group_tracks(lines: Sequence[Ruling]) -> Iterable[list[Ruling]]:
    """Lines on one track, ordered by where they start."""
    track: list[Ruling] = []
    for line in lines:
        if track and line.at > track[0].at + TOUCH_POINTS:
            yield sorted(track, key=lambda line: line.start)
            track = []
        track.append(line)
    if track:
        yield sorted(track, key=lambda line: line.start)


def frames_of(horizontals: Sequence[Ruling], verticals: Sequence[Ruling]) -> list[Frame]:
    """Lines grouped by how they meet; a line that meets no other is a frame of its own."""
    groups = _group_numbers(horizontals, verticals)
    return [
        Frame(
            tuple(line for line, group in zip(horizontals, groups[: len(horizontals)], strict=True) if group == number),
            tuple(line for line, group in zip(verticals, groups[len(horizontals) :], strict=True) if group == number),
        )
        for number in sorted(set(groups))
    ]


def _group_numbers(horizontals: Sequence[Ruling], verticals: Sequence[Ruling]) -> list[int]:
    """For every line, first the level ones: the number of the group it is in."""
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
    return np.array([line[:3] for line in lines], dtype=np.float64).reshape(len(lines), 3)


def borders_of(places: Iterable[float]) -> list[float]:
    """Places in ascending order, those that touch as one."""
    borders: list[list[float]] = []
    for place in sorted(places):
        if borders and place - borders[-1][0] <= TOUCH_POINTS:
            borders[-1].append(place)
        else:
            borders.append([place])
    return [sum(group) / len(group) for group in borders]


def rulings_at(lines: Iterable[Ruling], at: float) -> list[Ruling]:
    """The lines that lie at a border."""
    return [line for line in lines if abs(line.at - at) <= TOUCH_POINTS]


def covers(lines: Iterable[Ruling], start: float, end: float, share: float = 0.6) -> bool:
    """Whether lines run along most of a stretch, or along this share of it."""
    return sum(max(0.0, min(line.end, end) - max(line.start, start)) for line in lines) >= share * (end - start)
