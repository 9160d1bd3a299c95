"""Decide whether the lines of text between two rules are one row with cells of several lines, or several rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from document_parser.layout.lines.lines import body_size
from document_parser.layout.tables.aligned import Interval
from document_parser.layout.tables.grid import GridCell, is_number

MIN_WIDE_COLUMN_EM = 6
"""Font sizes of a column's width; in narrower columns a full line says little."""
MAX_CENTRE_OFFSET_SHARE = 0.15
"""Share of its width by which a heading's middle may be off the middle of the columns below it."""
MAX_EXACT_OFFSET_SHARE = 0.05
"""The same share for a heading that covers several columns already: below it, no better position is searched."""
MAX_BOX_LINES = 5
"""Lines of the boxes of a form, at most: a label and an address of four lines. More are the rows of a table."""

MIN_REMARKED_CELLS = 3
"""Cells of a row that has a remark below one of them, at least: beside two columns, such a line may be a label of its own."""
MAX_REMARK_GAP_EM = 0.8
"""Font sizes of white between a row and a remark, at most: wider white parts rows."""
MIN_HEADED_CELLS = 3
"""Cells of the rows above and below the heading of a section, at least."""
MAX_LABEL_OFFSET_EM, MIN_ROW_INDENT_EM = 0.2, 0.5
"""Font sizes by which the heading of a section may begin right of the label above it, and by which its rows are indented."""
REMARK_GAP_TOLERANCE_EM = 0.15
"""Font sizes by which the white on both sides of a line must differ to tell which row it belongs to."""
MAX_REMARK_RATIO = 0.93
"""Font size of a remark divided by that of its cell, at most, if it is smaller."""

_NUMBERED_LABEL = re.compile(r"(\d{1,3})[.)]\s?[^\W\d_].*")

_IN_BRACKETS = re.compile(r"[(\[][^()\[\]]+[)\]]\s?[*†‡]?")
_REMARK = re.compile(r"(?<=\d)\s*[(\[][^()\[\]]{1,15}[)\]]$")

CellLine = Sequence[GridCell]
"""The cells of one line of text, from left to right."""


def find_row_starts(lines: Sequence[CellLine], widths: Sequence[float], size: float, ruled: bool) -> list[int]:
    """Return the numbers of the lines that begin a row; the first line always does.

    ``widths`` is the width of the widest line of each column, in points. ``ruled`` says that rules separate the rows of this
    table; two rows between two rules then need strong evidence.
    """
    if _are_numbered_boxes(lines):
        return [0, 1]
    remarks = _find_remarks(lines, size)
    if remarks:
        kept = [number for number in range(len(lines)) if number not in remarks]
        joined = [_join(lines[first:end]) for first, end in pairwise([*kept, len(lines)])]
        return [kept[start] for start in find_row_starts(joined, widths, size, ruled)]
    votes = [_score_break(upper, lower, widths, size) for upper, lower in pairwise(lines)]
    for number, (upper, heading, row) in enumerate(zip(lines, lines[1:], lines[2:], strict=False)):
        if _heads_section(upper, heading, row, size):
            votes[number] = max(votes[number], 2)
    votes = [0 if _is_conversion(upper, lower) else vote for vote, (upper, lower) in zip(votes, pairwise(lines), strict=True)]
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
        return [0] + [number for number, gap in enumerate(gaps_between, start=1) if gap > 0.8 * size]
    least = 1
    if sum(vote > 0 for vote in votes) * 2 < len(votes):
        if ruled:
            return [0]
        least = 2  # most lines continue cells: a line that begins a row shows it clearly
    if ruled and not any(vote >= 3 for vote in votes):
        return [0]
    return [0] + [number for number, vote in enumerate(votes, start=1) if vote >= least]


def _heads_section(upper: CellLine, heading: CellLine, row: CellLine, size: float) -> bool:
    """Return whether a line with one text is the heading of the rows below it, which are indented or less bold than it is.

    The row above has numbers in its other columns, and a label that is at an end.
    """
    if len(heading) != 1 or len(upper) < MIN_HEADED_CELLS or len(row) < MIN_HEADED_CELLS:
        return False
    label, title, first = upper[0], heading[0], row[0]
    if {label.first, title.first, first.first} != {0} or not all(
        is_number(cell.text) or len(cell.text) == 1 for cell in upper[1:]
    ):
        return False  # a currency's sign may be a cell
    heads = first.left - title.left > MIN_ROW_INDENT_EM * size or (title.bold and not first.bold)
    level = title.left - label.left < MAX_LABEL_OFFSET_EM * size
    return heads and level and title.text[:1].isupper() and label.text[-1:].isalnum()


def _is_conversion(upper: CellLine, lower: CellLine) -> bool:
    """Return whether a line has the cells of the one above it once more, in brackets: the same in other units."""
    return (
        len(lower) > 1
        and [cell.first for cell in lower] == [cell.first for cell in upper]
        and all(_IN_BRACKETS.fullmatch(cell.text) is not None for cell in lower)
        and not any(_IN_BRACKETS.fullmatch(cell.text) is not None for cell in upper)
    )


def _find_remarks(lines: Sequence[CellLine], size: float) -> set[int]:
    """Return the numbers of the lines that only go on below one cell of a row: the second line of an item or a payment.

    A remark is no further from the row above than from the next one. Below the first column, where the heading of a section
    stands too, it is in smaller letters, or begins with a small one and is nearer to the row above.
    """
    gaps = [_gap_between(upper, lower) for upper, lower in pairwise(lines)]
    found: set[int] = set()
    row: CellLine = lines[0]
    if row[0].first > 0:
        return found  # rows may be centred beside their cells
    for number, line in enumerate(lines[1:], 1):
        before = gaps[number - 1]
        after = gaps[number] if number < len(gaps) else max(gaps)
        if number < len(gaps) and len(lines[number + 1]) == 1:
            after = max(after, before)  # another line of the same remark
        is_note = number == len(gaps) and line[0].first == 0 and not found  # a source below the table
        if not is_note and _is_remark(line, row, before, after, size):
            found.add(number)
        else:
            row = line
    return found


def _is_remark(line: CellLine, row: CellLine, before: float, after: float, size: float) -> bool:
    """Return whether a line goes on below one cell of a row with numbers. ``before`` and ``after`` are the white around it."""
    if len(line) != 1 or len(row) < MIN_REMARKED_CELLS or row[0].first > 0 or not any(is_number(cell.text) for cell in row[1:]):
        return False
    cell = line[0]
    above = next((other for other in row if (other.first, other.last) == (cell.first, cell.last)), None)
    if above is None or is_number(cell.text) or is_number(above.text) or (cell.bold and not above.bold):
        return False
    if before > min(MAX_REMARK_GAP_EM * size, after + REMARK_GAP_TOLERANCE_EM * size):
        return False
    smaller = body_size(cell.words) < MAX_REMARK_RATIO * body_size(above.words)
    goes_on = cell.text[:1].islower() and before + REMARK_GAP_TOLERANCE_EM * size < after
    return cell.first > 0 or smaller or goes_on


def _join(lines: Sequence[CellLine]) -> CellLine:
    """Return a line with the remarks below it in its cells."""
    row, *below = lines
    more = [remark for line in below for remark in line]
    return [
        replace(cell, words=(*cell.words, *(word for remark in more if remark.first == cell.first for word in remark.words)))
        for cell in row
    ]


def _are_numbered_boxes(lines: Sequence[CellLine]) -> bool:
    """Return whether the lines are boxes of a form side by side: their first line labels each with the next number.

    What is below is one row, however high the lines of one box are beside those of the other.
    """
    if not 2 <= len(lines) <= MAX_BOX_LINES or len(lines[0]) < 2:
        return False
    labels = [_NUMBERED_LABEL.fullmatch(cell.text) for cell in lines[0]]
    numbers = [int(label[1]) for label in labels if label]
    return len(numbers) == len(labels) and all(after == before + 1 for before, after in pairwise(numbers))


def find_heading_spans(
    lines: Sequence[CellLine], texts: Sequence[Interval], number: int, size: float, walls: Sequence[int] = ()
) -> list[tuple[int, int]]:
    """Return (first, last) column of each heading of a header line that spans several columns with headings of their own.

    ``number`` is the line's index, ``texts`` the left and right end of each column's texts in points, ``size`` the usual font
    size. ``walls`` are the column borders that are drawn beside the line, in ascending order: a heading that is alone and
    centred between two of them spans all columns there, however many of them it touches.
    """
    under = {column for line in lines[number + 1 :] for cell in line for column in range(cell.first, cell.last + 1)}
    spans = []
    for place, cell in enumerate(lines[number]):
        least = lines[number][place - 1].last + 1 if place else 0
        most = lines[number][place + 1].first - 1 if place + 1 < len(lines[number]) else len(texts) - 1
        free = [column for column in range(least, most + 1) if column in under]
        span = _span_between_walls(cell, texts, free, walls) or _centred_span(cell, texts, free, size)
        below = {
            other.first for line in lines[number + 1 :] for other in line if span[0] <= other.first and other.last <= span[1]
        }
        if span[0] < span[1] and len(below) > 1:
            spans.append(span)
    return spans


def _span_between_walls(
    cell: GridCell, texts: Sequence[Interval], free: Sequence[int], walls: Sequence[int]
) -> tuple[int, int] | None:
    """Return all columns between the walls beside a heading, if it is centred on them and they are free; else None."""
    for left, right in pairwise(walls):
        if not left <= cell.first <= cell.last < right or right - left == len(texts):
            continue
        start, end = texts[left][0], texts[right - 1][1]
        off = abs(start + end - cell.left - cell.right) / 2
        if all(column in free for column in range(left, right)) and off < MAX_EXACT_OFFSET_SHARE * (end - start):
            return left, right - 1
    return None


def _centred_span(cell: GridCell, texts: Sequence[Interval], free: Sequence[int], size: float) -> tuple[int, int]:
    """Return the columns a heading is centred above: those it touches, and as many more as clearly centre it better."""
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
    """Return whether a heading begins or ends where the texts of its column do."""
    left, right = texts[cell.first]
    return cell.first == cell.last and min(abs(cell.left - left), abs(cell.right - right)) < 0.3 * size


def _score_break(upper: CellLine, lower: CellLine, widths: Sequence[float], size: float) -> int:
    """Return a score for a row break between two lines, above 0 if they belong to two rows.

    Numbers below numbers, lines that end before they are full, and a wide gap raise it.
    """
    above = {cell.first: cell for cell in upper}
    pairs = [(above[cell.first], cell) for cell in lower if cell.first in above]
    gap = _gap_between(upper, lower)
    votes = 3 if gap > 0.8 * size else int(gap > 0.5 * size)
    if gap > 0.5 * size and lower[0].first == 0 < upper[0].first:
        votes += 1  # a label begins, no closer than rows are
    if not pairs:
        return votes
    alike = len(pairs) == len(upper) == len(lower) and all(before.last == after.last for before, after in pairs)
    votes += min(2, len(pairs) - 1) if alike else int(len(lower) > len(upper))
    votes += min(3, 2 * sum(cell.first not in above and is_number(cell.text) for cell in lower))
    return votes + sum(_score_pair(before, after, widths[after.last], size) for before, after in pairs)


def _gap_between(upper: CellLine, lower: CellLine) -> float:
    """Return the vertical gap between two lines in points, negative if they overlap."""
    return min(cell.top for cell in lower) - max(cell.bottom for cell in upper)


def _score_pair(before: GridCell, after: GridCell, width: float, size: float) -> int:
    """Return the vote of two cells in the same column for a row break between them."""
    if _is_figure(before.text) and _is_figure(after.text):
        return 2
    if before.last != after.last:
        return 1
    if not _is_full(before, after, width):
        return 1
    if after.first == 0 and before.bold != after.bold:  # the heading of a section, and its first row
        return 2
    return -2 if width > MIN_WIDE_COLUMN_EM * size else 0


def _is_figure(text: str) -> bool:
    """Return whether a text is a number, maybe with a remark in brackets: the size of a sample, an error, a share."""
    return is_number(_REMARK.sub("", text))


def _is_full(before: GridCell, after: GridCell, width: float) -> bool:
    """Return whether the first word of the lower line would have had no room at the end of the upper one."""
    first = after.text.split(maxsplit=1)[0]
    return before.width + after.width * (len(first) + 1) / max(1, len(after.text)) > width
