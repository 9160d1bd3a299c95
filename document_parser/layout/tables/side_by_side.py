"""Recognise blocks of lines side by side that are each read from the top down: two addresses, two signatures.

Their lines are in a row like the cells of a table but do not relate to each other. In a table the cells of at least one column
are of one kind: labels, names, sums. A block has no extra gaps between its lines, and holds a name, a street and a town one
below the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.tables.grid import Grid, is_number
from document_parser.models import Word

MIN_BLOCK_LINES, MAX_BLOCK_LINES = 3, 12
"""Lines of a block, at least and at most. A longer one is a list, and its rows may well be those of a table."""
MAX_BLOCK_PITCH_EM = 1.5
"""Font sizes from one line of a block to the next, at most."""
MAX_PITCH_RATIO = 1.4
"""Distance of two lines divided by the usual one, at most. A larger one separates rows, or groups of them.

The first line does not count: it may be a heading.
"""
MIN_MIXED_SHARE = 0.2
"""Share of the lines with digits, and of those without, at least."""
MIN_SHARED_LABELS = 2
"""Rows with the same label in each column, at least."""
MAX_ROW_OFFSET_EM = 0.25
"""Font sizes by which the middles of two cells of a row may differ."""
MIN_ADDRESS_COLUMNS = 4
"""Columns of two addresses, labels and values, at least: one block beside pairs may be the names of a table's rows."""
MIN_VALUES_SHARE = 0.75
"""Share of the values beside addresses that have digits, at least: numbers, dates, sums."""
MIN_LEVEL_LINES_SHARE = 0.6
"""Share of the shorter column's lines that have a neighbour on the same row, at least."""

_AMOUNT = re.compile(r"\d[.,]\d\d(?!\d)")
_LABEL = re.compile(r"\w[\w .-]{0,30}:")

Blocks = list[list[Word]]
"""The words of each block, from left to right."""


def blocks_of_grid(grid: Grid, around: Sequence[Word]) -> Blocks | None:
    """Return the columns of a grid as blocks if they are read one after the other. None if the grid is a table.

    Each block is extended by the lines of ``around`` that continue it.
    """
    if any(cell.first < cell.last for row in grid.rows for cell in row):
        return None
    blocks = [
        [word for row in grid.rows for cell in row if cell.first == at for word in cell.words] for at in range(grid.columns)
    ]
    size = body_size(grid.words)
    lines = [lines_of(block) for block in blocks]
    return _extend_blocks(lines, around, size) if are_blocks(lines, size) else None


def split_addresses(grid: Grid) -> tuple[Blocks, Grid] | None:
    """Return the addresses on the left of an invoice's number and dates, as blocks, and these as a table of two columns.

    An address is a block of lines; beside it stand labels without digits and values with them, from the first row on: the
    columns of a table have a header, or labels that come again. None if the grid is something else.
    """
    if grid.columns < MIN_ADDRESS_COLUMNS or any(cell.first < cell.last or cell.down > 1 for row in grid.rows for cell in row):
        return None
    columns = [[cell for row in grid.rows for cell in row if cell.first == at and cell.words] for at in range(grid.columns)]
    *addresses, labels, values = columns
    if not _are_pairs([cell.text for cell in labels], [cell.text for cell in values], len(grid.rows)):
        return None
    blocks = [[word for cell in cells for word in cell.words] for cells in addresses]
    if not are_blocks([lines_of(block) for block in blocks], body_size(grid.words)):
        return None
    shift = len(addresses)
    rows = (
        tuple(replace(cell, first=cell.first - shift, last=cell.last - shift) for cell in row if cell.first >= shift)
        for row in grid.rows
    )
    return blocks, Grid(tuple(row for row in rows if row), 2, header_rows=0)


def _are_pairs(labels: Sequence[str], values: Sequence[str], rows: int) -> bool:
    """Return whether texts are labels and their values: each label once and without digits, most values with some."""
    if len(labels) < MIN_BLOCK_LINES or len(values) != len(labels) or len(labels) < rows - 1:
        return False
    if len(set(labels)) < len(labels) or any(map(_has_digit, labels)) or not _has_digit(values[0]):
        return False
    return sum(map(_has_digit, values)) >= MIN_VALUES_SHARE * len(values)


def _has_digit(text: str) -> bool:
    """Return whether a text has a digit."""
    return any(map(str.isdigit, text))


def are_blocks(columns: Sequence[Sequence[Line]], size: float) -> bool:
    """Return whether columns of lines are separate blocks rather than columns of a table.

    ``size`` is the font size in points.
    """
    if not all(MIN_BLOCK_LINES <= len(lines) <= MAX_BLOCK_LINES and _is_solid(lines, size) for lines in columns):
        return False
    if all(map(_is_mixed, columns)) or _are_labelled_alike(columns):
        return True
    *addresses, last = columns
    return bool(addresses) and all(map(_is_mixed, addresses)) and _are_entries(last)


def are_rows_shared(columns: Sequence[Sequence[Line]], size: float) -> bool:
    """Return whether the lines of neighbouring columns lie on common rows, without drawn lines between the rows."""
    return all(_are_level(left, right, size) for left, right in pairwise(columns) if left and right)


def _are_level(left: Sequence[Line], right: Sequence[Line], size: float) -> bool:
    """Return whether most lines of the shorter column have a line of the other at the same height."""
    fewer, more = sorted((left, right), key=len)
    level = sum(any(abs(line.middle - other.middle) < MAX_ROW_OFFSET_EM * size for other in more) for line in fewer)
    return level >= MIN_LEVEL_LINES_SHARE * len(fewer)


def _is_solid(lines: Sequence[Line], size: float) -> bool:
    """Return whether lines follow one another evenly and without extra gaps."""
    usual = median(_pitches_of(lines))
    return usual <= MAX_BLOCK_PITCH_EM * size and max(_pitches_of(lines[1:])) <= MAX_PITCH_RATIO * usual


def _pitches_of(lines: Sequence[Line]) -> list[float]:
    """Return the distances from each line to the next, in points."""
    return [lower.middle - upper.middle for upper, lower in pairwise(lines)]


def _is_mixed(lines: Sequence[Line]) -> bool:
    """Return whether some lines hold digits and others none, and neither numbers and sums nor labels prevail."""
    texts = [line.text for line in lines]
    if sum(is_number(text) or _AMOUNT.search(text) is not None for text in texts) * 2 >= len(texts):
        return False
    if sum(_LABEL.match(text) is not None for text in texts) * 2 > len(texts):
        return False
    with_digits = sum(map(_has_digits, lines))
    return min(with_digits, len(lines) - with_digits) >= max(1.0, MIN_MIXED_SHARE * len(lines))


def _are_entries(lines: Sequence[Line]) -> bool:
    """Return whether each line is a label of its own with a value that has digits, as "Invoice 4711" and "Due: 17 May"."""
    labels = [line.words[0].text.rstrip(":") for line in lines]
    labelled = len(set(labels)) == len(labels) and all(label[:1].isalpha() and not _has_digit(label) for label in labels)
    return labelled and sum(map(_has_digits, lines)) >= MIN_VALUES_SHARE * len(lines)


def _has_digits(line: Line) -> bool:
    """Return whether a line has digits outside formulas."""
    return any(letter.isdigit() for word in line.words if not word.math for letter in word.text)


def _are_labelled_alike(columns: Sequence[Sequence[Line]]) -> bool:
    """Return whether several rows have the same label in each column, as the lines of signatures do."""
    labels = [[found[0] if (found := _LABEL.match(line.text)) else "" for line in lines] for lines in columns]
    return sum(bool(row[0]) and len(set(row)) == 1 for row in zip(*labels, strict=False)) >= MIN_SHARED_LABELS


def _extend_blocks(columns: Sequence[Sequence[Line]], around: Sequence[Word], size: float) -> Blocks:
    """Return the words of the columns with the lines right above and below that lie within one column alone."""
    own = {id(word) for column in columns for line in column for word in line.words}
    lines = lines_of([word for word in around if id(word) not in own])
    edges = [float("-inf"), *(min(line.left for line in column) - size for column in columns[1:]), float("inf")]
    blocks: Blocks = []
    for column, (left, right) in zip(columns, pairwise(edges), strict=True):
        inside = [line for line in lines if left < line.left and line.right < right]
        below = [line for line in inside if line.middle > column[-1].middle]
        above = [line for line in reversed(inside) if line.middle < column[0].middle]
        found = [*column, *_take_adjoining(column[-1], below, size), *_take_adjoining(column[0], above, size)]
        blocks.append([word for line in found for word in line.words])
    return blocks


def _take_adjoining(last: Line, lines: Sequence[Line], size: float) -> Iterator[Line]:
    """Yield lines, the nearest first, until a gap is larger than in a block."""
    for line in lines:
        if abs(line.middle - last.middle) > MAX_BLOCK_PITCH_EM * size:
            return
        yield line
        last = line
