"""Find the columns of a frame: at drawn lines, and between two of them where words are aligned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from document_parser.layout.lines.dot_leaders import LEADER
from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.tables.aligned import MIN_ROWS, find_column_borders
from document_parser.layout.tables.grid import is_number
from document_parser.layout.tables.rulings import TOUCH_POINTS, Frame, Ruling, covers, rulings_at
from document_parser.models import Word

MIN_ACROSS_SHARE = 0.9
"""Share of a table's width that a line across the whole table covers, at least."""
MAX_COLOURED_CELL_SHARE = 0.5
"""Share of a table's width that the colour of one cell covers, at most; a wider one is behind a part of the header."""
MIN_NUMBERED_SHARE = 0.3
"""Share of the lines beside a drawn line that have a number, at least, if nothing else stands in the numbers' columns."""
MIN_NUMBERS_BESIDE = 0.9
"""Share of the words beside the labels that are numbers or signs, at least."""
NUMBERS_SHARE = 0.25
"""Share of words that are numbers above which a table is one of numbers."""


def find_body_top(frame: Frame, down: Sequence[float]) -> float:
    """Return the y position of the first line across the whole table below its top, in points; the top if there is none."""
    return next(
        (edge for edge in down[1:-1] if covers(rulings_at(frame.horizontals, edge), frame.left, frame.right, MIN_ACROSS_SHARE)),
        frame.top,
    )


def widen_fills(frame: Frame, words: Sequence[Word]) -> Frame:
    """Extend the edges of coloured cells in some columns over the others, if those hold as many lines, and return the frame.

    Colours behind a few columns separate the rows of all columns: without this, the cells beside them would become one. The
    colour of one cell, as of the best of several results, separates nothing: its edges are left out.
    """
    partial = [line for line in frame.horizontals if line.edge and line.length < MIN_ACROSS_SHARE * (frame.right - frame.left)]
    if len(partial) < MIN_ROWS:
        short = MAX_COLOURED_CELL_SHARE * (frame.right - frame.left)
        kept = tuple(line for line in frame.horizontals if line not in partial or line.length > short)
        return Frame(kept, frame.verticals) if kept else frame
    top, bottom = min(line.at for line in partial), max(line.at for line in partial)
    left, right = min(line.start for line in partial), max(line.end for line in partial)
    beside = [
        word for word in words if top < (word.top + word.bottom) / 2 < bottom and (word.right < left or word.left > right)
    ]
    cutting = any(word.top + 1 < line.at < word.bottom - 1 for line in partial for word in beside)
    if cutting or len(lines_of(beside)) < len({round(line.at) for line in partial}) - 1:
        return frame
    wide = [line._replace(start=frame.left, end=frame.right) if line in partial else line for line in frame.horizontals]
    return Frame(tuple(wide), frame.verticals)


def split_words(words: Sequence[Word], verticals: Sequence[Ruling]) -> list[Word]:
    """Split words that were found as one across a vertical line, at the space next to it. Lengths are in points."""
    return [piece for word in words for piece in (_split_at_lines(word, verticals) if " " in word.text else [word])]


def _split_at_lines(word: Word, verticals: Sequence[Ruling]) -> list[Word]:
    """Split a word at each vertical line that crosses it."""
    middle = (word.top + word.bottom) / 2
    margin = 0.3 * (word.bottom - word.top)
    crossing = [
        line.at for line in verticals if word.left + margin < line.at < word.right - margin and line.start < middle < line.end
    ]
    if crossing and LEADER.fullmatch(word.text):
        return [word._replace(right=min(crossing))]  # the dots after a label lead up to the line
    pieces = [word]
    for place in sorted(crossing):
        pieces += _split_in_two(pieces.pop(), place)
    return pieces


def _split_in_two(word: Word, place: float) -> list[Word]:
    """Split a word at the space nearest to an x position; returns the word alone if it cannot be split."""
    spaces = [number for number, letter in enumerate(word.text) if letter == " "]
    if not spaces or word.right <= word.left:
        return [word]
    wanted = (place - word.left) / (word.right - word.left) * len(word.text)
    space = min(spaces, key=lambda number: abs(number + 0.5 - wanted))
    left, right = word.text[:space].strip(), word.text[space:].strip()
    if not left or not right:
        return [word]
    return [word._replace(text=left, right=place), word._replace(text=right, left=place)]


def prune_borders(borders: list[float], middles: Sequence[float], least: float) -> list[float]:
    """Remove borders of narrow and empty strips, which come from double lines and from fills set into their cells.

    ``borders`` and ``middles``, the middles of the words, are in points. A strip is narrow below 1.2 times ``least``.
    """
    kept = borders[:1]
    for border in borders[1:]:
        empty = not any(kept[-1] < middle < border for middle in middles)
        if empty and border - kept[-1] < 1.2 * least:
            if border == borders[-1] and len(kept) > 1:
                kept[-1] = border
            continue
        kept.append(border)
    return kept


def _aligned_borders(lines: Sequence[Line], body: float, size: float, agreed: float) -> list[float]:
    """Return the column borders that alignment shows, also below the header, where headings do not bridge the gaps.

    Two lines are enough if they hold numbers: the rules say that there may be a table.
    """
    words = [word for line in lines for word in line.words]
    numbers = sum(is_number(word.text) for word in words) > NUMBERS_SHARE * len(words)
    borders = find_column_borders(lines, size, agreed, 2 if numbers else MIN_ROWS)
    below = find_column_borders([line for line in lines if line.middle > body], size, agreed)
    return max(borders, below, key=len)


def _number_borders(lines: Sequence[Line], body: float, size: float) -> list[float]:
    """Return the column borders between labels and columns of numbers that no line goes over; many labels may have no number.

    Some statements colour one column of several: its edges are then the only lines between columns.
    """
    lines = [line for line in lines if line.middle > body]
    borders = find_column_borders(lines, size, MIN_NUMBERED_SHARE)
    if not borders or any(word.left < border < word.right for line in lines for word in line.words for border in borders):
        return []
    beside = [word.text for line in lines for word in line.words if word.left > borders[0]]
    numbers = sum(is_number(text) or not any(map(str.isalpha, text)) for text in beside)
    return borders if numbers >= MIN_NUMBERS_BESIDE * len(beside) else []


def columns_of(across: Sequence[float], words: Sequence[Word], size: float, body: float) -> tuple[list[float], list[bool]]:
    """Return (all column borders, whether each is drawn): between two lines, words may form columns of their own.

    ``across`` are the drawn borders and ``body`` is the y position below which the body begins, in points.
    """
    columns, drawn = [across[0]], [True]
    for left, right in pairwise(across):
        strip = [word for word in words if word.left > left - TOUCH_POINTS and word.right < right + TOUCH_POINTS]
        lines = lines_of(strip)
        soft = _aligned_borders(lines, body, size, 0.3 if len(across) == 2 else 0.6) or _number_borders(lines, body, size)
        columns += [*soft, right]
        drawn += [False] * len(soft) + [True]
    return columns, drawn
