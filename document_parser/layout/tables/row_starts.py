"""Lines between two rules: cells of several lines, or several rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.tables.aligned import Interval
from document_parser.layout.tables.grid import GridCell, is_number

MIN_WIDE_COLUMN_EM = 6
"""Font sizes; in narrower columns a full line says little."""
MAX_CENTRE_OFFSET_SHARE = 0.15
"""Share of its width by which the middle of a heading may be off the middle of the columns it stands over."""
MAX_EXACT_OFFSET_SHARE = 0.05
"""The same share for a heading over several columns, where none is looked for that stands better at its middle."""

CellLine = Sequence[GridCell]
"""The cells of one line of text, from left to right."""


def find_row_starts(lines: Sequence[CellLine], widths: Sequence[float], size: float, ruled: bool) -> list[int]:
    """The numbers of the lines that begin a row; the first always does.

    ``widths`` is how wide the widest line of each column is, in points. ``ruled`` says that rules part the rows of this table,
    so that two rows between two rules need good evidence.
    """
    votes = [_score_break(upper, lower, widths, size) for upper, lower in pairwise(lines)]
    gaps_between = [_gap_between(upper, lower) for upper, lower in pairwise(lines)]
    if votes and lines[0][0].first > 0 == lines[1][0].first and gaps_between[0] < 0.5 * size:
        votes[0] = 0  # the first line of a long cell, above the middle of its row
    if (
        gaps_between
        and not ruled
        and min(gaps_between) < 0.4 * size
        and max(gaps_between) > 0.8 * size
        and sum(vote > 0 for vote in votes) * 2 < len(votes)
    ):
        return [0] + [number for number, white in enumerate(gaps_between, start=1) if white > 0.8 * size]
    least = 1
    if sum(vote > 0 for vote in votes) * 2 < len(votes):
        if ruled:
            return [0]
        least = 2  # most lines carry on cells: those that begin a row show it well
    if ruled and not any(vote >= 3 for vote in votes):
        return [0]
    return [0] + [number for number, vote in enumerate(votes, start=1) if vote >= least]


def heading_spans(lines: Sequence[CellLine], texts: Sequence[Interval], number: int, size: float) -> list[tuple[int, int]]:
    """The columns that headings on one of the lines of a header stand over: each with headings of its own further down.

    ``texts`` is from where to where the texts of each column reach, in points.
    """
    under = {column for line in lines[number + 1 :] for cell in line for column in range(cell.first, cell.last + 1)}
    spans = []
    for place, cell in enumerate(lines[number]):
        least = lines[number][place - 1].last + 1 if place else 0
        most = lines[number][place + 1].first - 1 if place + 1 < len(lines[number]) else len(texts) - 1
        span = _centred_span(cell, texts, [column for column in range(least, most + 1) if column in under], size)
        below = {
            other.first for line in lines[number + 1 :] for other in line if span[0] <= other.first and other.last <= span[1]
        }
        if span[0] < span[1] and len(below) > 1:
            spans.append(span)
    return spans


def _centred_span(cell: GridCell, texts: Sequence[Interval], free: Sequence[int], size: float) -> tuple[int, int]:
    """The columns in whose middle a heading stands: those it touches, and as many more as centre it clearly better."""
    middle = (cell.left + cell.right) / 2

    def off(span: tuple[int, int]) -> float:
        left, right = texts[span[0]][0], texts[span[1]][1]
        return abs((left + right) / 2 - middle) / max(right - left, cell.width)

    best = (cell.first, cell.last)
    enough = MAX_EXACT_OFFSET_SHARE if cell.first < cell.last else MAX_CENTRE_OFFSET_SHARE
    if off(best) < enough or _is_set_at_edge(cell, texts, size):
        return best
    for span in [(first, last) for first in range(cell.first, -1, -1) for last in range(cell.last, len(texts))]:
        added = [column for column in range(span[0], span[1] + 1) if not cell.first <= column <= cell.last]
        if all(column in free for column in added) and off(span) < min(MAX_CENTRE_OFFSET_SHARE, off(best)):
            best = span
    return best


def _is_set_at_edge(cell: GridCell, texts: Sequence[Interval], size: float) -> bool:
    """Whether a heading begins or ends where the texts of its column do."""
    left, right = texts[cell.first]
    return cell.first == cell.last and min(abs(cell.left - left), abs(cell.right - right)) < 0.3 * size


def _score_break(upper: CellLine, lower: CellLine, widths: Sequence[float], size: float) -> int:
    """Above 0 where two lines are of two rows: numbers under numbers, lines that end before they are full, and white say so."""
    above = {cell.first: cell for cell in upper}
    pairs = [(above[cell.first], cell) for cell in lower if cell.first in above]
    white = _gap_between(upper, lower)
    votes = 3 if white > 0.8 * size else int(white > 0.5 * size)
    if not pairs:
        return votes
    alike = len(pairs) == len(upper) == len(lower) and all(before.last == after.last for before, after in pairs)
    votes += min(2, len(pairs) - 1) if alike else int(len(lower) > len(upper))
    votes += min(3, 2 * sum(cell.first not in above and is_number(cell.text) for cell in lower))
    return votes + sum(_score_pair(before, after, widths[after.last], size) for before, after in pairs)


def _gap_between(upper: CellLine, lower: CellLine) -> float:
    return min(cell.top for cell in lower) - max(cell.bottom for cell in upper)


def _score_pair(before: GridCell, after: GridCell, width: float, size: float) -> int:
    if is_number(before.text) and is_number(after.text):
        return 2
    if before.last != after.last:
        return 1
    if not _is_full(before, after, width):
        return 1
    if after.first == 0 and before.bold != after.bold:  # the heading of a part, and its first row
        return 2
    return -2 if width > MIN_WIDE_COLUMN_EM * size else 0


def _is_full(before: GridCell, after: GridCell, width: float) -> bool:
    """Whether the first word of a line would have had no room at the end of the line before."""
    first = after.text.split(maxsplit=1)[0]
    return before.width + after.width * (len(first) + 1) / max(1, len(after.text)) > width
