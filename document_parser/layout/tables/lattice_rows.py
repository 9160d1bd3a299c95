"""Find the rows of a lattice: those that horizontal lines separate, and those that words between two lines form."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from document_parser.layout.tables.centred_rows import find_centred_rows
from document_parser.layout.tables.grid import GridCell, is_number
from document_parser.layout.tables.lattice import Lattice
from document_parser.layout.tables.row_starts import find_heading_spans, find_row_starts
from document_parser.layout.tables.spanning_cells import TallCell, find_tall_cells
from document_parser.models import Word

MIN_CLOSED_COLUMNS = 3
"""Columns with text in a row between drawn lines, at least, before a line with few of them is taken for a part of it."""
MIN_HEADING_INDENT_EM = 1.5
"""Font sizes from the left edge of the first column to a text centred on all columns, at least: a label begins at the edge."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the lattice with its band, its height in points and its cells."""

    band: int
    top: float
    bottom: float
    cells: list[GridCell]
    walled: frozenset[int] | None = None
    """The columns that end with this row; None if all do."""


def rows_of(lattice: Lattice) -> list[Row]:
    """Return all rows from the top down, without empty rows for which nothing is drawn."""
    rows = [row for band in range(len(lattice.bands)) for row in _rows_of_band(lattice, band)]
    rows = [row for row in rows if row.cells or (lattice.inner_verticals and _is_tall_enough(lattice, row))]
    counts = Counter(row.band for row in rows)
    lone = {row.band for row in rows if counts[row.band] == 1 and lattice.ruled}
    plain = [row.cells[0] for row in rows[1:] if len(row.cells) > 1]
    has_bold_header = all(cell.bold for cell in rows[0].cells) if rows else False
    bold_heads = has_bold_header and sum(not cell.bold for cell in plain) * 2 > len(plain)
    known = [row.band in lone or (bold_heads and _is_bold_label(row)) for row in rows[:-1]]
    known.append(False)  # what the last row heads is not in the frame
    heads = zip(rows[1:], known[1:], strict=True)
    return [*rows[:1], *(_place_part_heading(lattice, row, is_known=is_known) for row, is_known in heads)]


def _is_bold_label(row: Row) -> bool:
    """Return whether all that a row holds is bold, in its first column, and no number."""
    return len(row.cells) == 1 and row.cells[0].first == 0 and row.cells[0].bold and not is_number(row.cells[0].text)


def _rows_of_band(lattice: Lattice, band: int) -> list[Row]:
    """Return the rows between two horizontal lines."""
    top, bottom = lattice.bands[band]
    words = [word for word in lattice.words if top <= (word.top + word.bottom) / 2 < bottom]
    if lattice.is_header_band(band):
        return _header_rows(lattice, band, lattice.cells_of_lines(words))
    open_columns = lattice.open_columns(band)
    tall = _merge_lines(lattice.cells_of_lines([word for word in words if lattice.column_of(word) in open_columns]))
    words = [word for word in words if lattice.column_of(word) not in open_columns]
    if not words:
        return [Row(band, top, bottom, tall)]
    closed = frozenset(range(lattice.width)) - open_columns
    columns = lattice.words_by_column(words)
    centred = find_centred_rows(columns)
    if centred is not None:
        spanning = [TallCell(*label) for label in centred.tall]
        groups = _groups_from(centred.rows, _lines_beside(lattice, words, spanning))
    else:
        spanning = find_tall_cells(columns, lattice.size, len(lattice.bands) > 1)
        groups = _group_lines(lattice, words, spanning)
    rows = [Row(band, top, bottom, _merge_lines(group), closed) for group in groups]
    rows[0].cells.extend(tall)
    rows[-1] = replace(rows[-1], walled=None)
    for cell in spanning:
        _add_tall_cell(rows, cell)
    return rows


def _group_lines(lattice: Lattice, words: Sequence[Word], spanning: Sequence[TallCell]) -> list[list[list[GridCell]]]:
    """Return the lines of each row between two horizontal lines, without cells beside several rows."""
    lines = _lines_beside(lattice, words, spanning)
    starts = find_row_starts(lines, lattice.widths, lattice.size, lattice.ruled)
    if lattice.is_closed:
        starts = _without_broken_cells(lines, starts)
    return [lines[start:end] for start, end in pairwise([*starts, len(lines)])]


def _without_broken_cells(lines: Sequence[Sequence[GridCell]], starts: Sequence[int]) -> list[int]:
    """Return the lines that begin a row where lines are drawn around each cell of most rows.

    Lines that have text in few columns, without the first one, go on with cells too narrow for theirs; so does the last line
    of all with text in one column.
    """
    most = max(map(len, lines))
    kept = [0]
    for start, end in pairwise([*starts[1:], len(lines)]):
        fullest = max(map(len, lines[start:end]))
        is_first = any(cell.first == lines[0][0].first for line in lines[start:end] for cell in line)
        if most < MIN_CLOSED_COLUMNS or fullest * 2 > most or (is_first and (fullest > 1 or end < len(lines))):
            kept.append(start)
    return kept


def _lines_beside(lattice: Lattice, words: Sequence[Word], spanning: Sequence[TallCell]) -> list[list[GridCell]]:
    """Return the cells of each line without those beside several rows."""
    held = {id(word) for cell in spanning for word in cell.cell.words}
    return lattice.cells_of_lines([word for word in words if id(word) not in held])


def _groups_from(rows: Sequence[float], lines: Sequence[list[GridCell]]) -> list[list[list[GridCell]]]:
    """Return the lines of each row. ``rows`` are the middles of the first line of each."""
    groups: list[list[list[GridCell]]] = [[] for _ in rows]
    for line in lines:
        bottom = max(cell.bottom for cell in line)
        groups[max(0, bisect_right(rows, bottom) - 1)].append(line)
    return [group for group in groups if group]


def _header_rows(lattice: Lattice, band: int, lines: list[list[GridCell]]) -> list[Row]:
    """Return a header as one row, or as several if a heading spans those of several columns."""
    top, bottom = lattice.bands[band]
    if not lines:
        return [Row(band, top, bottom, [])]
    rows, group = [], []
    for number, line in enumerate(lines):
        group.append(line)
        walls = lattice.walls_at(min(cell.top for cell in line), max(cell.bottom for cell in line))
        spans = find_heading_spans(lines, lattice.reaches, number, lattice.size, walls)
        if spans:
            cells = [_widen_cell(cell, spans) for cell in _merge_lines(group)]
            rows.append(Row(band, top, bottom, cells, frozenset(c for first, last in spans for c in range(first, last + 1))))
            group = []
    return [*rows, Row(band, top, bottom, _merge_lines(group))] if group else rows


def _place_part_heading(lattice: Lattice, row: Row, *, is_known: bool) -> Row:
    """Return a row with one text placed over all columns if it is centred on them, else in the first column.

    Such a text is the heading of a section, also if it ``is_known`` to be one: it stands alone between two rules while several
    other rows share a band, or is bold as the header is and the labels of most rows are not. Other rows are returned unchanged.
    """
    closed = row.walled is None or len(row.walled) == lattice.width
    if lattice.inner_verticals or len(row.cells) != 1 or not closed:
        return row
    cell = row.cells[0]
    reaches = lattice.reaches
    middles = (lattice.frame.left + lattice.frame.right, reaches[0][0] + reaches[-1][1])
    centred = any(abs(cell.left + cell.right - middle) / 2 < 0.75 * lattice.size for middle in middles)
    indented = cell.left - reaches[0][0] > MIN_HEADING_INDENT_EM * lattice.size
    heads = is_known and lattice.is_in_body(row.band)
    if (centred and (indented or cell.first > 0)) or (heads and cell.first == 0):
        return replace(row, cells=[GridCell(0, lattice.width - 1, cell.words)])
    return replace(row, cells=[GridCell(0, 0, cell.words)]) if cell.first == 0 else row


def _is_tall_enough(lattice: Lattice, row: Row) -> bool:
    """Return whether a row is high enough for a line of text."""
    return row.bottom - row.top > 0.7 * lattice.size


def _widen_cell(cell: GridCell, spans: Sequence[tuple[int, int]]) -> GridCell:
    """Return a cell widened to the span that contains it."""
    for first, last in spans:
        if first <= cell.first and cell.last <= last:
            return GridCell(first, last, cell.words)
    return cell


def _add_tall_cell(rows: list[Row], tall: TallCell) -> None:
    """Add a cell over several rows to the rows of a band beside it."""
    over = [number for number, row in enumerate(rows) if _is_beside(row, tall)] or [0]
    rows[over[0]].cells.append(tall.cell)
    for number in over[:-1]:
        walled = rows[number].walled
        rows[number] = replace(rows[number], walled=(walled or frozenset()) - {tall.cell.first})


def _is_beside(row: Row, tall: TallCell) -> bool:
    """Return whether a word of a row lies between the top and bottom of a tall cell."""
    middles = [(word.top + word.bottom) / 2 for cell in row.cells for word in cell.words]
    return any(tall.top - 1 < middle < tall.bottom + 1 for middle in middles)


def _merge_lines(lines: Sequence[Sequence[GridCell]]) -> list[GridCell]:
    """Merge the cells of several lines into those of one row: overlapping cells become one."""
    merged: list[GridCell] = []
    for cell in sorted((cell for line in lines for cell in line), key=lambda cell: cell.first):
        if merged and cell.first <= merged[-1].last:
            last = merged[-1]
            merged[-1] = GridCell(last.first, max(last.last, cell.last), (*last.words, *cell.words))
        else:
            merged.append(cell)
    return merged
