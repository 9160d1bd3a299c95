"""Find sections side by side: headings with a line of their own each, over tables or text as wide as that line.

Factsheets set tables next to each other. Their rows are level and the white between them is no wider than between
columns, so that nothing but the headings and their lines tells two tables from one. Lengths are in points, origin top left.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from document_parser.layout.lines.lines import body_size, lines_of
from document_parser.layout.page_index import Floats
from document_parser.layout.tables.aligned import segments_of
from document_parser.layout.tables.grid_word import GridWord
from document_parser.models import Word

MIN_LINE_EM = 8.0
"""Font sizes of the length of a heading's line, at least: lines under the heads of columns are shorter."""
MAX_LEVEL_POINTS = 1.0
"""Points by which the lines of headings side by side differ in height, at most."""
MAX_GAP_EM = 4.0
"""Font sizes between two such lines, at most."""
MAX_LIFT_EM = 2.0
"""Font sizes from a line up to the foot of its heading, at most."""
MAX_INDENT_EM = 0.7
"""Font sizes from the beginning of a line to that of its heading, at most: the heads of columns are centred or set right."""
MIN_HEADING_RATIO = 1.1
"""Size of a heading over that of the words below it, at least, if these are as bold."""
MIN_TABLES = 2
"""Sections that hold tables, at least: what is below the heads of a table's columns is one column each."""
MIN_SECTION_LINES = 2
"""Lines of a section that holds a table, at least."""


class Sections(NamedTuple):
    """Heights between which sections stand side by side, and the x positions that part them."""

    top: float
    bottom: float
    cuts: tuple[float, ...]


def find_sections(words: Sequence[Word], level: Floats, size: float) -> Sections | None:
    """Return the uppermost sections side by side among words of a region, or None.

    ``level`` are the horizontal lines of the page as (y, start, end), ``size`` is the usual font size.
    """
    if len(level) < 2:
        return None
    for lines in _lines_side_by_side(level[level[:, 2] - level[:, 1] >= MIN_LINE_EM * size], size):
        found = _sections_below(lines, words, level, size)
        if found is not None:
            return found
    return None


def _lines_side_by_side(level: Floats, size: float) -> list[list[tuple[float, float, float]]]:
    """Return the lines of one height with white between them, two or more each, from left to right, the uppermost first."""
    levels: list[list[tuple[float, float, float]]] = []
    for y, start, end in sorted(level.tolist()):
        if levels and y - levels[-1][0][0] <= MAX_LEVEL_POINTS:
            levels[-1].append((y, start, end))
        else:
            levels.append([(y, start, end)])
    rows: list[list[tuple[float, float, float]]] = []
    for lines in levels:
        rows.append([])
        for line in sorted(lines, key=lambda line: line[1]):
            if rows[-1] and not MAX_LEVEL_POINTS < line[1] - rows[-1][-1][2] <= MAX_GAP_EM * size:
                rows.append([])
            rows[-1].append(line)
    return [row for row in rows if len(row) > 1]


def _sections_below(
    lines: Sequence[tuple[float, float, float]], words: Sequence[Word], level: Floats, size: float
) -> Sections | None:
    """Return the sections whose headings stand on lines side by side; None if these are lines of something else."""
    y = lines[0][0]
    headings = [_heading_on(line, words, size) for line in lines]
    if not all(headings):
        return None
    cuts = tuple((left[2] + right[1]) / 2 for left, right in pairwise(lines))
    top, bottom = min(word.top for heading in headings for word in heading), _end_of(cuts, y, words, level, size)
    beside = [word for word in words if top < (word.top + word.bottom) / 2 < y]
    if len(beside) != sum(map(len, headings)):
        return None  # a label in the row of the headings: the head of a table
    below = [word for word in words if y < (word.top + word.bottom) / 2 < bottom]
    held = [[word for word in below if start - size < word.left and word.right < end + size] for _, start, end in lines]
    if sum(map(len, held)) != len(below) or not all(map(_is_heading, headings, held)):
        return None
    return Sections(top, bottom, cuts) if sum(_is_table(section, size) for section in held) >= MIN_TABLES else None


def _heading_on(line: tuple[float, float, float], words: Sequence[Word], size: float) -> list[Word]:
    """Return the words of the one line of text that stands on a drawn line and begins with it; empty if there is none."""
    y, start, end = line
    above = [word for word in words if word.left < end and start < word.right and y - MAX_LIFT_EM * size < word.bottom <= y + 1]
    texts = lines_of(above)
    if not texts or abs(texts[-1].left - start) > MAX_INDENT_EM * size or texts[-1].right > end + size:
        return []
    return list(texts[-1].words)


def _end_of(cuts: Sequence[float], top: float, words: Sequence[Word], level: Floats, size: float) -> float:
    """Return the height below ``top`` at which a word or a line first crosses a cut; that below all words if none does.

    What stands on such a line, and on those beside it, is below as well: the next headings.
    """
    crossing = [word.top for word in words if word.top > top and any(word.left < cut < word.right for cut in cuts)]
    lines = [line for line in level.tolist() if line[0] > top + MAX_LEVEL_POINTS]
    first = min((y for y, start, end in lines if any(start < cut < end for cut in cuts)), default=None)
    if first is not None:
        beside = [line for line in lines if abs(line[0] - first) <= MAX_LEVEL_POINTS]
        crossing += [first, *(word.top for line in beside for word in _heading_on(line, words, size))]
    return min(crossing, default=max(word.bottom for word in words) + 1)


def _is_heading(heading: Sequence[Word], below: Sequence[Word]) -> bool:
    """Return whether words are larger than those below them, or bold where these are not."""
    if not below:
        return False
    bolder = all(word.bold for word in heading) and sum(word.bold for word in below) * 2 < len(below)
    return bolder or body_size(list(heading)) >= MIN_HEADING_RATIO * body_size(list(below))


def _is_table(section: Sequence[Word], size: float) -> bool:
    """Return whether a section holds a table found before, or most of its lines are parted as the rows of a table are."""
    if any(isinstance(word, GridWord) for word in section):
        return True
    parts = [len(segments_of(line, size)) for line in lines_of(section)]
    return len(parts) >= MIN_SECTION_LINES and median(parts) > 1
