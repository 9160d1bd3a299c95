"""Find printed sheets whose columns touch: numbers at the right edge of their cells beside texts at the left edge of theirs.

Between the two is no more white than between words, so that no gap shows the border. The seam itself does: many lines have a
number that ends there and a text that begins there, and the numbers begin, and the texts end, wherever their length has it.
Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from document_parser.layout.lines.lines import Line
from document_parser.layout.tables.aligned import cells_of, find_column_borders, plain_space, text_spans
from document_parser.layout.tables.grid import Grid, GridCell, is_number
from document_parser.models import Word

MIN_SEAM_LINES = 4
"""Lines with a number and a text at a seam, at least: below that, spaces between words come to lie below each other."""
MAX_SEAM_WHITE_EM = 0.55
"""Font sizes between a number and the text beside it, at most; wider white shows a border by itself."""
MAX_SCANNED_SEAM_WHITE_EM = 0.66
"""The same on scans, whose sizes are estimated on the small side and whose boxes are those of the ink."""
MAX_FLUSH_EM = 0.3
"""Font sizes by which the edges at a seam may differ: the ink of letters of one edge begins that far apart."""
MIN_RAGGED_EM = 0.3
"""Font sizes by which the other edges differ, at least: those of numbers with a sign or a digit more."""
MAX_STRAY_SHARE = 0.1
"""Share of the lines, at most, whose edges alone do not make a seam ragged: those of an address above dates."""
MIN_LONG_NUMBER = 6
"""Characters of dates and amounts, at least, that are columns though all of them are as wide: no parts of one number."""
MAX_ROW_PITCH_RATIO = 1.2
"""Distance to a further line divided by that between the rows, at most, if the line is one too."""
SEAM_WHITE_EM = 1.0
"""Font sizes of the white that lines are read with at a seam."""


class _Meeting(NamedTuple):
    """A number and the word right beside it, with the number of their line."""

    line: int
    number: Word
    text: Word
    leading: bool
    """Whether the number begins its line."""


def find_tight_table(lines: Sequence[Line], size: float) -> Grid | None:
    """Return the table of the lines at the seam that most of them have; None without one.

    ``lines`` are those of a region from the top down, ``size`` is the usual font size.
    """
    scanned = any(word.estimated_points > 0 for line in lines for word in line.words)
    white = (MAX_SCANNED_SEAM_WHITE_EM if scanned else MAX_SEAM_WHITE_EM) * size
    meetings = [
        _Meeting(number, before, word, before is line.words[0])
        for number, line in enumerate(lines)
        for before, word in pairwise(line.words)
        if 0 < word.left - before.right < white and is_number(before.text)
    ]
    seams = _find_seams(meetings, size) if len(meetings) >= MIN_SEAM_LINES else []
    if not seams:
        return None
    longest = max(seams, key=len)
    start, end = _extend(lines, longest[0].line, longest[-1].line + 1, _place_of(longest))
    seams = [seam for seam in seams if start <= seam[0].line and seam[-1].line < end]
    return _build_grid(lines[start:end], seams, {meeting.line - start for meeting in longest}, size)


def joins_columns(grid: Grid, tight: Grid) -> bool:
    """Return whether another reading of the lines of a tight table has fewer columns beside it: it sees no border at a seam."""
    cells = [cell for row in grid.rows for cell in row if cell.words]
    beside = {cell.first for cell in cells if tight.top < (cell.top + cell.bottom) / 2 < tight.bottom}
    return 0 < len(beside) < tight.columns


def _find_seams(meetings: Sequence[_Meeting], size: float) -> list[list[_Meeting]]:
    """Return the groups of meetings, line by line, whose numbers end below each other and whose texts begin so."""
    groups: list[list[_Meeting]] = []
    for meeting in sorted(meetings, key=lambda meeting: meeting.text.left):
        if groups and meeting.text.left - groups[-1][0].text.left <= MAX_FLUSH_EM * size:
            groups[-1].append(meeting)
        else:
            groups.append([meeting])
    return [sorted(group, key=lambda meeting: meeting.line) for group in groups if _is_seam(group, size)]


def _is_seam(group: list[_Meeting], size: float) -> bool:
    """Return whether meetings at one place are the border of two columns rather than the space behind the numbers of a list."""
    numbers, texts = [meeting.number for meeting in group], [meeting.text for meeting in group]
    if len(group) < MIN_SEAM_LINES or _spread([word.right for word in numbers]) > MAX_FLUSH_EM * size:
        return False
    if all(meeting.leading for meeting in group) and _counts_up(sorted(group, key=lambda meeting: meeting.line)):
        return False
    if all(is_number(word.text) and len(word.text) >= MIN_LONG_NUMBER for word in (*numbers, *texts)):
        return True
    least = MIN_RAGGED_EM * size
    return _is_ragged([word.left for word in numbers], least) and _is_ragged([word.right for word in texts], least)


def _is_ragged(edges: Sequence[float], least: float) -> bool:
    """Return whether edges are further apart than ``least``, not only those of a few lines that are no rows of the sheet."""
    ordered = sorted(edges)
    kept = len(ordered) - int(MAX_STRAY_SHARE * len(ordered))
    return min(last - first for first, last in zip(ordered, ordered[kept - 1 :], strict=False)) > least


def _counts_up(group: Sequence[_Meeting]) -> bool:
    """Return whether most numbers are the next after the one above: those of items, lines or clauses."""
    values = [int("".join(filter(str.isdecimal, meeting.number.text)) or 0) for meeting in group]
    return sum(after - before == 1 for before, after in pairwise(values)) * 2 >= len(group) - 1


def _spread(places: Sequence[float]) -> float:
    """Return how far places are apart."""
    return max(places) - min(places)


def _place_of(seam: Sequence[_Meeting]) -> float:
    """Return the x position of a seam."""
    return (max(meeting.number.right for meeting in seam) + min(meeting.text.left for meeting in seam)) / 2


def _extend(lines: Sequence[Line], start: int, end: int, place: float) -> tuple[int, int]:
    """Return the first line and the one after the last of a table: lines as close as its rows with no word across the seam."""
    pitch = max(lower.middle - upper.middle for upper, lower in pairwise(lines[start:end])) * MAX_ROW_PITCH_RATIO

    def is_row(line: Line, neighbour: Line) -> bool:
        across = any(word.left < place < word.right for word in line.words)
        return not across and abs(line.middle - neighbour.middle) < pitch

    while start > 0 and is_row(lines[start - 1], lines[start]):
        start -= 1
    while end < len(lines) and is_row(lines[end], lines[end - 1]):
        end += 1
    return start, end


def _build_grid(lines: Sequence[Line], seams: Sequence[Sequence[_Meeting]], core: set[int], size: float) -> Grid | None:
    """Return the table of lines read with wide white at the seams; the columns are those that the ``core`` lines show."""
    places = sorted(map(_place_of, seams))
    original: dict[int, Word] = {}
    apart: list[list[Word]] = []
    for line in lines:
        apart.append([])
        for word in line.words:
            right_of = sum((word.left + word.right) / 2 > place for place in places) * SEAM_WHITE_EM * size
            moved = word._replace(left=word.left + right_of, right=word.right + right_of)
            original[id(moved)] = word
            apart[-1].append(moved)
    wide = [Line(tuple(words)) for words in apart]
    regular = [line for number, line in enumerate(wide) if number in core]
    borders = find_column_borders(regular, size)
    texts = text_spans(regular, borders)
    space = plain_space(word for words in apart for word in words)
    rows = [
        tuple(
            GridCell(cell.first, cell.last, tuple(original[id(word)] for word in cell.words))
            for cell in cells_of(words, borders, size, texts, space)
        )
        for words in apart
    ]
    return Grid(tuple(rows), len(borders) + 1) if borders else None
