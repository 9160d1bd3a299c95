"""Part a table at lines that do not belong to it: a heading of the page between fields, a paragraph between two tables.

Rows below each other that keep to the same columns look like one table whatever stands between them. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import body_size
from document_parser.layout.page_index import Floats
from document_parser.layout.tables.grid import Grid, GridCell, is_mostly_numbers, is_number
from document_parser.models import Word

MIN_HEADING_RATIO = 1.08
"""Font size of a heading of the page divided by that of the cells, at least; a section of a table is headed in their size."""
MAX_HEADING_LINES = 2
"""Lines of a heading, at most."""
MIN_GAP_ABOVE_EM = 0.5
"""Font sizes by which the white above a heading in the size of the cells exceeds that between rows, at least."""
MIN_PIECE_ROWS = 2
"""Rows of a piece that is a table of its own, at least."""
COLONS = (":", "\uff1a")
"""How labels of fields end, in Chinese and Japanese too."""
MAX_LABEL_WORDS = 4
"""Words of a label, at most."""
MAX_FIELD_COLUMNS = 6
"""Columns of fields below headings, at most: three labels with their values."""
MAX_FIELD_CELLS = 4
"""Cells of a row of fields, at most: two labels with their values."""
MIN_REPEATED_COLUMNS = 4
"""Columns of two tables side by side with the same header, at least."""
MIN_WHITE_BETWEEN_EM = 1.5
"""Font sizes of the white between two tables side by side, at least."""

Rows = Sequence[Sequence[GridCell]]
Piece = Grid | list[Word]
"""A table, or words that are none."""


def divide(grid: Grid, upright: Floats) -> list[Piece]:
    """Return the tables that lines between the rows part, with the words of these lines, from the top down.

    Without such a line it is the grid alone. ``upright`` are the vertical lines of the page (x, top, bottom): a line of text
    beside one is a cell.
    """
    written = [[cell for cell in row if cell.words] for row in grid.rows]
    numbers = [number for number, row in enumerate(written) if row]
    rows = [written[number] for number in numbers]  # empty rows of a ruled table are beside nothing
    if len(rows) <= MIN_PIECE_ROWS or any(cell.down > 1 for row in rows for cell in row):
        return [grid]
    stretches = [
        (numbers[stretch[0]], numbers[stretch[1]])
        for stretch in _lone_stretches(rows)
        if (_is_interlude(rows, stretch) or _is_page_heading(rows, stretch)) and not _is_walled(rows, stretch, grid, upright)
    ]
    if not stretches:
        return [grid]
    pieces: list[Piece] = []
    start = 0
    for first, last in [*stretches, (len(grid.rows), len(grid.rows))]:
        pieces += _pieces_of(grid, start, first)
        if first < last:
            pieces.append([word for row in written[first:last] for cell in row for word in cell.words])
        start = last
    return pieces


def halves_of(grid: Grid) -> list[Grid]:
    """Return the two tables side by side of which the second repeats the header of the first; else the grid alone.

    Wide white runs between them, and no cell stands over it.
    """
    half = grid.columns // 2
    header = {cell.first: cell for cell in grid.rows[0] if cell.first == cell.last}
    texts = [header[column].text if column in header else "" for column in range(grid.columns)]
    repeated = grid.columns == 2 * half >= MIN_REPEATED_COLUMNS and texts[:half] == texts[half:]
    if not repeated or len(set(texts)) < half or not all(texts) or any(is_number(text) for text in texts):
        return [grid]
    cells = [cell for row in grid.rows for cell in row if cell.words]
    left, right = [cell for cell in cells if cell.last < half], [cell for cell in cells if cell.first >= half]
    white = min(cell.left for cell in right) - max(cell.right for cell in left)
    if len(left) + len(right) < len(cells) or white < MIN_WHITE_BETWEEN_EM * body_size(grid.words):
        return [grid]
    return [_columns_from(grid, 0, half), _columns_from(grid, half, grid.columns)]


def _columns_from(grid: Grid, first: int, end: int) -> Grid:
    """Return the rows of some columns of a grid that have text there."""
    rows = [tuple(cell for cell in row if first <= cell.first < end) for row in grid.rows]
    moved = tuple(
        tuple(replace(cell, first=cell.first - first, last=cell.last - first) for cell in row)
        for row in rows
        if any(cell.words for cell in row)
    )
    return replace(grid, rows=moved, columns=end - first)


def below_fields(grid: Grid) -> Grid:
    """Return the table without rows of labels and values above its bold header: they keep to columns of their own.

    So a laboratory report has its results below the patient's data, and an invoice its items below the customer's.
    """
    if not any(word.bold for word in grid.words):
        return _below_plain_fields(grid)
    full = (number for number, row in enumerate(grid.rows) if len(row) > 1 and all(cell.words for cell in row))
    first = next((number for number in full if _are_bold(grid.rows[number])), 0)
    above, header = grid.rows[:first], grid.rows[first]
    body = [row for row in grid.rows[first + 1 :] if len(row) > 1]
    if not above or len(header) <= MIN_PIECE_ROWS or not body or any(map(_are_bold, body)):
        return grid
    is_header = not any(_has_label(cell) or is_number(cell.text) for cell in header)
    if not is_header or not (all(map(_is_field, above)) or _are_sparse(above, len(header))):
        return grid
    [table] = _pieces_of(grid, first, len(grid.rows))
    return table if isinstance(table, Grid) else grid


def _below_plain_fields(grid: Grid) -> Grid:
    """Return the same where no weight of letters is known, as on scans: below the first full row of words above figures.

    The rows above must be labels with their values. They begin in the first column, as the header does: a row over groups of
    columns stands above one that leaves the first column open. The heading of a section may stand below the header.
    """
    written = [[cell for cell in row if cell.words] for row in grid.rows]
    first = next((number for number, row in enumerate(written) if len(row) > MAX_FIELD_CELLS or _is_header(row)), 0)
    above, header, body = written[:first], written[first], written[first + 1 :]
    if not above or not body or not _is_header(header) or not any(is_number(cell.text) for row in body[:2] for cell in row):
        return grid
    values = [row for row in above if len(row) > 1 and (_has_label(row[0]) or any(is_number(cell.text) for cell in row))]
    is_form = all(map(_is_field, above)) or (len(header) >= MAX_FIELD_CELLS and all(map(_is_label_alone, above)))
    [table] = _pieces_of(grid, first, len(grid.rows)) if values and is_form else [grid]
    return table if isinstance(table, Grid) else grid


def _is_header(row: Sequence[GridCell]) -> bool:
    """Return whether a row may head columns: words in several cells, the first of them in the first column."""
    return len(row) > MIN_PIECE_ROWS and row[0].first == 0 and not any(_has_label(c) or is_number(c.text) for c in row)


def _is_field(row: Sequence[GridCell]) -> bool:
    """Return whether a row begins with a label before its value."""
    return len(row) > 1 and _has_label(row[0]) and not _are_bold(row)


def _are_sparse(rows: Rows, columns: int) -> bool:
    """Return whether rows have text in less than half of the columns, none of them bold: an address and an account's number."""
    held = [[cell for cell in row if cell.words] for row in rows]
    return all(len(cells) * 2 < columns and not _are_bold(cells) for cells in held)


def _is_label_alone(row: Sequence[GridCell]) -> bool:
    """Return whether a row is one label with its value, or a line of an address: fewer cells than a header has."""
    return len(row) <= 2 and all(cell.first == 0 for cell in row[:1])


def _has_label(cell: GridCell) -> bool:
    """Return whether a cell begins with a label that ends with a colon."""
    return any(word.text.endswith(COLONS) for word in cell.words[:MAX_LABEL_WORDS])


def _lone_stretches(rows: Rows) -> list[tuple[int, int]]:
    """Return (first, end) of the runs of rows of one cell, with rows of several cells above and below."""
    lone = [len(row) == 1 for row in rows]
    edges = [0, *(number for number in range(1, len(rows)) if lone[number] is not lone[number - 1]), len(rows)]
    return [(first, end) for first, end in pairwise(edges) if lone[first] and first > 0 and end < len(rows)]


def _is_interlude(rows: Rows, stretch: tuple[int, int]) -> bool:
    """Return whether a bold header of its own follows below plain rows: another table begins there."""
    first, end = stretch
    header, body = rows[end], rows[end + 1 :]
    if len(header) < 2 or not body or not _are_bold(header) or _are_bold(body[0]) or any(is_number(c.text) for c in header):
        return False
    above = [row for row in rows[:first] if len(row) > 1]
    return _are_bold(above[0]) and not _are_bold(above[-1]) if len(above) > 1 else False


def _is_page_heading(rows: Rows, stretch: tuple[int, int]) -> bool:
    """Return whether a heading of the page stands between fields: larger than the cells, or bold below much white.

    A table with a header goes on below the headings of its sections. So do rows of figures, if the letters are not larger.
    """
    first, end = stretch
    cells = [cell for row in rows for cell in row if len(row) > 1]
    head = [cell for row in rows[first:end] for cell in row]
    if end - first > MAX_HEADING_LINES or _has_bold_header(rows) or head[0].first > 0:
        return False
    size = body_size([word for cell in cells for word in cell.words])
    letters = body_size([word for cell in head for word in cell.words])
    if letters >= MIN_HEADING_RATIO * size:
        return True
    columns = {cell.first for cell in cells}
    numeric = any(is_mostly_numbers([cell.text for cell in cells if cell.first == column]) for column in columns)
    if not _are_bold(head) or _are_bold(rows[end]) or numeric or len(columns) > MAX_FIELD_COLUMNS:
        return False
    gaps = [_gap(upper, lower) for upper, lower in pairwise(rows) if len(upper) > 1 and len(lower) > 1]
    above, below = _gap(rows[first - 1], rows[first]), _gap(rows[end - 1], rows[end])
    return bool(gaps) and above > max(median(gaps) + MIN_GAP_ABOVE_EM * size, below + 0.5 * MIN_GAP_ABOVE_EM * size)


def _has_bold_header(rows: Rows) -> bool:
    """Return whether the first row heads the columns: all bold, above rows that are not."""
    others = [row for row in rows[1:] if len(row) > 1]
    return len(rows[0]) > 1 and _are_bold(rows[0]) and not all(map(_are_bold, others))


def _are_bold(cells: Sequence[GridCell]) -> bool:
    """Return whether all cells are bold."""
    return all(cell.bold for cell in cells)


def _gap(upper: Sequence[GridCell], lower: Sequence[GridCell]) -> float:
    """Return the white between two rows in points."""
    return min(cell.top for cell in lower) - max(cell.bottom for cell in upper)


def _is_walled(rows: Rows, stretch: tuple[int, int], grid: Grid, upright: Floats) -> bool:
    """Return whether a vertical line runs beside a stretch of rows: it is in the frame of the table."""
    first, end = stretch
    middle = (rows[first][0].top + rows[end - 1][0].bottom) / 2
    beside = (upright[:, 0] > grid.left - body_size(grid.words)) & (upright[:, 0] < grid.right + body_size(grid.words))
    return bool((beside & (upright[:, 1] < middle) & (upright[:, 2] > middle)).any())


def _pieces_of(grid: Grid, start: int, end: int) -> list[Piece]:
    """Return rows of a grid as a table with the columns that they have; the words alone if they are too few."""
    rows = grid.rows[start:end]
    if not rows:
        return []
    if len(rows) < MIN_PIECE_ROWS:
        return [[word for row in rows for cell in row for word in cell.words]]
    used = sorted({cell.first for row in rows for cell in row if cell.words})
    place = {column: number for number, column in enumerate(used)}
    kept = tuple(tuple(_move(cell, place) for cell in row if cell.words or cell.first in place) for row in rows if row)
    header_rows = grid.header_rows if start == 0 else None
    return [replace(grid, rows=kept, columns=len(used), header_rows=header_rows)]


def _move(cell: GridCell, place: dict[int, int]) -> GridCell:
    """Return a cell with the columns numbered anew; ``place`` has those that are used."""
    covered = [place[column] for column in range(cell.first, cell.last + 1) if column in place]
    first = covered[0] if covered else 0
    return replace(cell, first=first, last=covered[-1] if covered else first)
