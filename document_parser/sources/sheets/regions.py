"""Find the tables on a sheet: its cells parted at empty rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from document_parser.sources.sheets.references import Region

Boxes = list[Region]
"""What cells cover, merged cells with all of their area."""


def split_at_gaps(boxes: Sequence[Region]) -> list[Boxes]:
    """Return the groups between which a row or a column is empty, from top to bottom and from left to right.

    Groups are parted again until none has an empty row or column, so that tables side by side may have different heights.
    """
    done: list[Boxes] = []
    waiting: list[tuple[Boxes, bool]] = [(list(boxes), False)] if boxes else []
    while waiting:
        group, is_whole = waiting.pop()
        by_rows = _cut(group, lambda box: (box.top, box.bottom))
        parts = by_rows if len(by_rows) > 1 else _cut(group, lambda box: (box.left, box.right))
        if len(parts) == 1 or is_whole:
            done.append(group)
        else:
            waiting += [(part, len(part) == 1) for part in reversed(parts)]
    return done


def _cut(boxes: Boxes, extent: Callable[[Region], tuple[int, int]]) -> list[Boxes]:
    """Return the groups of boxes between which a row, or a column, is empty.

    ``extent`` gives the first and last one of a box.
    """
    groups: list[Boxes] = []
    end = 0
    for box in sorted(boxes, key=extent):
        first, last = extent(box)
        if not groups or first > end + 1:
            groups.append([])
            end = last
        groups[-1].append(box)
        end = max(end, last)
    return groups


def bounds_of(boxes: Sequence[Region]) -> Region:
    """Return the smallest region that contains all boxes, of which there is at least one."""
    return Region(
        min(box.top for box in boxes),
        min(box.left for box in boxes),
        max(box.bottom for box in boxes),
        max(box.right for box in boxes),
    )
