"""Find cells over several rows that no line separates: text centred beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.tables.grid import GridCell
from document_parser.models import Word

MIN_ROW_OFFSET_SHARE = 0.3
"""Share of the distance between two rows by which text is off their lines to belong to neither, at least."""
MIN_BASE_LINES = 2
"""Lines of the column with the most lines, at least."""
MAX_ROW_PITCH_EM = 2.5
"""Font sizes from row to row, below which cells over several rows are searched.

At a larger distance, text off the lines is one of several lines in a tall row.
"""


class TallCell(NamedTuple):
    """A cell of one column over several rows, and the y positions of the middles of its first and last row, in points."""

    cell: GridCell
    top: float
    bottom: float


def find_tall_cells(columns: Sequence[Sequence[Word]], size: float, walled: bool) -> list[TallCell]:
    """Return the cells over several rows. ``columns`` are the words of each column between two rules.

    ``size`` is the usual font size in points. ``walled`` says that rules close the rows above and below. A lone label in the
    first column, at the middle of three or more rows, then belongs to all of them.
    """
    lines = [lines_of(words) for words in columns]
    base = max(lines, key=len, default=[])
    if len(base) < MIN_BASE_LINES:
        return []
    middles = [line.middle for line in base]
    pitch = min(lower - upper for upper, lower in pairwise(middles))
    if not 0 < pitch < MAX_ROW_PITCH_EM * size or not _are_rows(lines, middles, pitch):
        return []
    return [
        tall
        for number, own in enumerate(lines)
        if len(own) < len(base)
        for tall in _tall_cells_of_column(number, own, middles, pitch, walled and number == 0)
    ]


def _are_rows(columns: Sequence[Sequence[Line]], middles: Sequence[float], pitch: float) -> bool:
    """Return whether at least half of the columns, and two, have lines at these heights; otherwise one long cell has them."""
    alike = sum(
        len(lines) == len(middles)
        and all(abs(line.middle - middle) < 0.2 * pitch for line, middle in zip(lines, middles, strict=True))
        for lines in columns
    )
    return alike >= max(2, 0.5 * sum(bool(lines) for lines in columns))


def _tall_cells_of_column(
    number: int, own: Sequence[Line], middles: Sequence[float], pitch: float, lone: bool
) -> list[TallCell]:
    """Return the tall cells of one column. ``lone`` allows a lone label on a row's line."""
    found = []
    texts = _group_texts(own, pitch)
    for place, text in enumerate(texts):
        middle = (text[0].middle + text[-1].middle) / 2
        above = texts[place - 1][-1].middle if place else middles[0] - pitch
        below = texts[place + 1][0].middle if place + 1 < len(texts) else middles[-1] + pitch
        rows = _rows_around(middle, middles, pitch, above, below)
        if len(rows) <= len(text) or not (_is_off_rows(text, middles, pitch) or (lone and _is_lone(texts, rows, middles))):
            continue
        words = tuple(word for line in text for word in line.words)
        found.append(TallCell(GridCell(number, number, words), rows[0], rows[-1]))
    return found


def _group_texts(lines: Sequence[Line], pitch: float) -> list[list[Line]]:
    """Group lines into texts: lines closer than the rows belong together."""
    texts: list[list[Line]] = []
    for line in lines:
        if texts and line.middle - texts[-1][-1].middle < 1.25 * pitch:
            texts[-1].append(line)
        else:
            texts.append([line])
    return texts


def _is_off_rows(text: Sequence[Line], middles: Sequence[float], pitch: float) -> bool:
    """Return whether all lines of a text lie off the lines of the rows."""
    return all(min(abs(line.middle - middle) for middle in middles) > MIN_ROW_OFFSET_SHARE * pitch for line in text)


def _is_lone(texts: Sequence[Sequence[Line]], rows: Sequence[float], middles: Sequence[float]) -> bool:
    """Return whether a text is the only line of its column and is centred on all of three or more rows."""
    return len(texts) == 1 and len(texts[0]) == 1 and len(rows) == len(middles) > MIN_BASE_LINES


def _rows_around(middle: float, middles: Sequence[float], pitch: float, above: float, below: float) -> list[float]:
    """Return the middles of the most rows that a text is centred on, between the texts above and below it."""
    free = [place for place in middles if above + 0.5 * pitch < place < below - 0.5 * pitch]
    while free:
        off = (free[0] + free[-1]) / 2 - middle
        if abs(off) < 0.25 * pitch:
            return free
        free = free[1:] if off < 0 else free[:-1]
    return []
