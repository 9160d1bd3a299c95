"""Join the filled boxes that colour one cell. Lengths are in points, origin top left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from document_parser.models import RulingLine

MAX_PADDING_POINTS = 6.5
"""Width of a box that colours the white beside a cell's text, at most: 5.4 in Word, which colours that and the text apart."""
MAX_SEAM_POINTS = 0.3
"""Points between two boxes that colour one area, at most."""


def join_paddings(fills: Sequence[RulingLine]) -> list[RulingLine]:
    """Return filled boxes, each joined with the narrow ones right beside it, of which a cell has one on each side at most."""
    if not any(fill.right - fill.left <= MAX_PADDING_POINTS for fill in fills):
        return list(fills)
    rows: dict[tuple[int, int], list[RulingLine]] = {}
    for fill in fills:
        rows.setdefault((round(fill.top), round(fill.bottom)), []).append(fill)
    return [joined for row in rows.values() for joined in _join_row(sorted(row))]


def _join_row(row: Iterable[RulingLine]) -> Iterator[RulingLine]:
    """Yield the boxes of one height from left to right, with the narrow ones joined to those beside them."""
    cell: list[RulingLine] = []
    for fill in row:
        if cell and not _goes_on(cell, fill):
            yield _around(cell)
            cell = []
        cell.append(fill)
    if cell:
        yield _around(cell)


def _goes_on(cell: Sequence[RulingLine], fill: RulingLine) -> bool:
    """Return whether a box goes on the colour of a cell: that of the text behind the left padding, or the right padding."""
    if abs(fill.left - cell[-1].right) > MAX_SEAM_POINTS or abs(fill.top - cell[-1].top) > MAX_SEAM_POINTS:
        return False
    return _is_padding(cell[-1]) is not _is_padding(fill) and (_is_padding(fill) or len(cell) == 1)


def _is_padding(fill: RulingLine) -> bool:
    return fill.right - fill.left <= MAX_PADDING_POINTS


def _around(cell: Sequence[RulingLine]) -> RulingLine:
    """Return the box around the boxes of a cell."""
    return cell[0]._replace(right=cell[-1].right)
