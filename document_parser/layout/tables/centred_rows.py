"""Find the rows of cells that are centred beside each other: a label beside its rows, or one beside the lines of its row.

Text at the top of its cell shows its row by the line that it is on. Centred text is on no line of its own: it shows its row by
what lies as far above its middle as below. A column of labels shows rows if they share out all lines of another column so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.tables.grid import GridCell, is_number
from document_parser.models import Word

CENTRE_TOLERANCE_SHARE = 0.25
"""Share of the distance between two lines by which text may be off the middle of its lines: one line more or less moves that
by half of the distance."""
MIN_SHARED_LINES, MIN_LABELS = 3, 2
"""Lines that labels share, and labels, at least: one label may be centred beside two lines by chance."""

MAX_PITCH_RATIO = 1.2
"""Distance of two lines of one cell divided by that of the closest two lines, at most."""
MAX_PITCH_EM = 1.7
"""Font sizes from line to line in a cell, at most."""
MIN_CENTRED_ROWS = 2
"""Rows, at least, whose cells have different numbers of lines and the same middle: one line may be level with the second of
three by chance. One row is enough if a line is between two others."""

Share = tuple[int, int]
"""First and last line of a column beside one label."""


class CentredRows(NamedTuple):
    """Lines shared by the labels of another column. Heights are the middles of lines, in points."""

    rows: list[float]
    """The middle of the first line of each row. Cells between two of them are in the row of the upper one."""
    tall: list[tuple[GridCell, float, float]]
    """The labels beside several rows, each with the middles of its first and last one. None if a label's lines are its row."""


def find_centred_rows(columns: Sequence[Sequence[Word]]) -> CentredRows | None:
    """Return the rows that labels show which are centred beside them; None if nothing shows that labels are centred.

    ``columns`` are the words of each column between two drawn lines. Lines that labels share are rows of their own if they are
    as far apart as those of two labels, and another column has rows there too or they end before they are full; else they are
    the lines of one cell.
    """
    lines = [lines_of(words) for words in columns]
    base = max(lines, key=len, default=[])
    if len(base) < MIN_SHARED_LINES:
        return None
    middles = [line.middle for line in base]
    pitch = min(lower - upper for upper, lower in pairwise(middles))
    if pitch <= 0:
        return None
    shared = {
        number: shares
        for number, own in enumerate(lines)
        if own and not _are_on_lines(own, middles, pitch) and (shares := _share_out(own, middles, pitch))
    }
    if not shared or any(
        own and number not in shared and not _are_on_lines(own, middles, pitch) for number, own in enumerate(lines)
    ):
        return None
    finest = max(shared.values(), key=len)
    lone = not any(len(own) > len(finest) and own is not base for own in lines)
    if _are_closer(base, finest, pitch) or (lone and _are_full(base, finest)):
        # Rows are those of the label column that has most; one cell over several of these stays unknown.
        aligned = all(shares == finest for shares in shared.values())
        tops = [middles[first] for first, _ in finest]
        return CentredRows(tops, []) if aligned else None
    tall = [
        (GridCell(number, number, label.words), middles[first], middles[last])
        for number, shares in shared.items()
        for label, (first, last) in zip(lines[number], shares, strict=True)
        if first < last
    ]
    return CentredRows(middles, tall)


def _are_on_lines(own: Sequence[Line], middles: Sequence[float], pitch: float) -> bool:
    """Return whether all lines of a column are on lines of another one, given by their middles."""
    return all(min(abs(line.middle - middle) for middle in middles) < CENTRE_TOLERANCE_SHARE * pitch for line in own)


def _share_out(labels: Sequence[Line], middles: Sequence[float], pitch: float) -> list[Share] | None:
    """Return the lines beside each label, if every line is beside one: the label is in the middle of them. Else None."""
    if len(labels) < MIN_LABELS:
        return None
    shares: list[Share] = []
    first = 0
    for label in labels:
        if first == len(middles):
            return None
        off = [abs(middles[first] + middles[last] - 2 * label.middle) / 2 for last in range(first, len(middles))]
        last = first + min(range(len(off)), key=off.__getitem__)
        if off[last - first] > CENTRE_TOLERANCE_SHARE * pitch:
            return None
        shares.append((first, last))
        first = last + 1
    return shares if first == len(middles) else None


def _are_closer(base: Sequence[Line], shares: Sequence[Share], pitch: float) -> bool:
    """Return whether lines that share a label are closer than those of two labels: then they are one cell."""
    starts = {first for first, _ in shares}
    steps = [lower.middle - upper.middle for upper, lower in pairwise(base)]
    within = [step for number, step in enumerate(steps, 1) if number not in starts]
    between = [step for number, step in enumerate(steps, 1) if number in starts]
    return min(between) > max(within) + CENTRE_TOLERANCE_SHARE * pitch


def _are_full(base: Sequence[Line], shares: Sequence[Share]) -> bool:
    """Return whether most lines that share a label with the next one had no room for its first word: they are one cell."""
    starts = {first for first, _ in shares}
    right = max(line.right for line in base)
    pairs = [(upper, lower) for number, (upper, lower) in enumerate(pairwise(base), 1) if number not in starts]
    numbers = any(is_number(lower.text) for _, lower in pairs)
    full = sum(upper.right + lower.words[0].right - lower.words[0].left > right for upper, lower in pairs)
    return not numbers and full * 2 > len(pairs)


def join_centred_rows(lines: Sequence[Sequence[GridCell]], size: float) -> list[list[GridCell]] | None:
    """Return the rows of a table without drawn lines whose cells are centred beside each other; None if they are not.

    ``lines`` are the cells of each line from the top down. Lines of a column that are as close as lines of a cell are one cell,
    and cells that stand beside each other are a row.
    """
    cells = _stack_cells(lines, size)
    rows: list[list[GridCell]] = []
    reach = float("-inf")
    for cell in sorted(cells, key=lambda cell: cell.top):
        if not rows or cell.top > reach:
            rows.append([])
        rows[-1].append(cell)
        reach = max(reach, cell.bottom)
    for row in rows:
        row.sort(key=lambda cell: cell.first)
        if any(after.first <= before.last for before, after in pairwise(row)):
            return None
    return rows if are_centred(rows) else None


def are_centred(rows: Sequence[Sequence[GridCell]]) -> bool:
    """Return whether the cells of all rows share their middle, and those of some differ in their number of lines."""
    uneven = 0
    for row in rows:
        lines = [lines_of(cell.words) for cell in row if cell.words]
        counts = [len(own) for own in lines]
        if not counts or min(counts) == max(counts):
            continue
        tallest = lines[counts.index(max(counts))]
        pitch = (tallest[-1].middle - tallest[0].middle) / (len(tallest) - 1)
        middles = [(own[0].middle + own[-1].middle) / 2 for own in lines]
        if max(middles) - min(middles) > CENTRE_TOLERANCE_SHARE * pitch:
            return False
        off_lines = any((len(own) - len(tallest)) % 2 for own in lines)  # between two lines of the tallest cell
        uneven += MIN_CENTRED_ROWS if off_lines else 1
    return uneven >= MIN_CENTRED_ROWS


def _stack_cells(lines: Sequence[Sequence[GridCell]], size: float) -> list[GridCell]:
    """Return the cells with those of several lines joined: lines in the same columns, as close as the closest of the table."""
    columns: dict[tuple[int, int], list[GridCell]] = {}
    for line in lines:
        for cell in line:
            columns.setdefault((cell.first, cell.last), []).append(cell)
    steps = [_middle(lower) - _middle(upper) for cells in columns.values() for upper, lower in pairwise(cells)]
    limit = min(MAX_PITCH_EM * size, MAX_PITCH_RATIO * min(steps, default=0.0))
    found: list[GridCell] = []
    for (first, last), cells in columns.items():
        stack = [cells[0]]
        for upper, lower in pairwise(cells):
            if _middle(lower) - _middle(upper) > limit:
                found.append(GridCell(first, last, tuple(word for cell in stack for word in cell.words)))
                stack = []
            stack.append(lower)
        found.append(GridCell(first, last, tuple(word for cell in stack for word in cell.words)))
    return found


def _middle(cell: GridCell) -> float:
    """Return the y position of the middle of a cell in points."""
    return (cell.top + cell.bottom) / 2
