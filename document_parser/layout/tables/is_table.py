"""Decide whether the cells between drawn lines are a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from document_parser.layout.lines.lines import lines_of
from document_parser.layout.tables.grid import Grid, GridCell, is_mostly_numbers

MIN_FILLED_SHARE = 0.25
"""Share of a table's cells that hold text, at least; between the lines of a chart there is less."""
MAX_SPARSE_SHARE = 0.75
"""Share of cells with text below which a table must have :data:`MIN_SPARSE_LETTERS` letters in the mean text."""
MIN_SPARSE_LETTERS = 4
"""Letters in the mean text of a sparse table, at least."""
MIN_PAGE_COLUMN_LINES = 8
"""Lines of a column, at least, before it can be a column of running text."""
PAGE_COLUMN_CHARACTERS = 25
"""Characters of the middle line above which a column can be running text."""
MIN_PAGE_COLUMN_FILL_SHARE = 0.8
"""Share of the column's width above which its middle line fills it like running text."""
MIN_GOING_ON_SHARE = 0.5
"""Share of the cells that begin with a small letter, at least, if they are lines of sentences; most cells begin anew."""
STORY_LINE_CHARACTERS = 14
"""Characters of the middle line of a newspaper's column, at least."""
MIN_STORY_GOING_ON_SHARE, MIN_FULL_LINES_SHARE = 0.4, 0.7
"""Share of the lines of a story that begin with a small letter, and of those that are about as long as usual, at least."""
MIN_STORY_LETTERS_SHARE = 0.6
"""Share of the letters of a grid that are in stories, at least, if it is a newspaper's."""
MAX_SHORT_TEXT_LETTERS = 90
"""Letters of a cell above which its text is long."""


def is_table(grid: Grid, walled: bool) -> bool:
    """Return whether a grid reads as a table.

    ``walled`` says that lines are drawn between its columns; running text has none.
    """
    cells = [cell for row in grid.rows for cell in row]
    filled = [cell for cell in cells if cell.words]
    letters = [sum(len(word.text) for word in cell.words) for cell in filled]
    if len(filled) < max(4, MIN_FILLED_SHARE * len(cells)) or not _is_filled_evenly(grid):
        return False
    if len(filled) < MAX_SPARSE_SHARE * len(cells) and sum(letters) < MIN_SPARSE_LETTERS * len(filled):
        return False
    if max(letters) > 400 and max(letters) > 0.6 * sum(letters):
        return False
    return walled or not (_is_set_in_columns(grid) or _has_long_texts(grid) or _has_long_first_column(grid))


def _is_filled_evenly(grid: Grid) -> bool:
    """Return whether most rows and columns hold several texts, or a full row heads them.

    Labels beside the lines of a chart do not.
    """
    rows = [sum(bool(cell.words) for cell in row) for row in grid.rows]
    columns = [
        sum(bool(cell.words) for row in grid.rows for cell in row if cell.first <= column <= cell.last)
        for column in range(grid.columns)
    ]
    if sum(number > 1 for number in columns) < 0.5 * len(columns) or sum(number > 1 for number in rows) < 2:
        return False
    return sum(number > 1 for number in rows) >= 0.4 * len(rows) or (len(grid.rows[0]) > 2 and rows[0] == len(grid.rows[0]))


def is_running_text(grid: Grid) -> bool:
    """Return whether the rows of a grid are only the lines of running text in columns, which stand side by side by chance."""
    texts = [cell.text for row in grid.rows for cell in row if cell.words]
    going_on = sum(text[0].islower() for text in texts)
    return going_on >= MIN_GOING_ON_SHARE * len(texts) and _is_set_in_columns(grid)


def _is_set_in_columns(grid: Grid) -> bool:
    """Return whether most columns are running text: the columns of a page between two rules."""
    prose = 0
    for column in range(grid.columns):
        lines = lines_of([word for cell in _cells_of_column(grid, column) for word in cell.words])
        if len(lines) < MIN_PAGE_COLUMN_LINES:
            continue
        width = max(line.right for line in lines) - min(line.left for line in lines)
        letters = median(len(line.text) for line in lines)
        prose += letters > PAGE_COLUMN_CHARACTERS and median(line.width for line in lines) > MIN_PAGE_COLUMN_FILL_SHARE * width
    return prose * 2 >= grid.columns


def holds_stories(grid: Grid) -> bool:
    """Return whether most columns, or most letters, are in long cells of running text in short lines: a newspaper's stories."""
    cells = [cell for row in grid.rows for cell in row if cell.words]
    stories = [cell for cell in cells if _is_story([line.text for line in lines_of(cell.words)])]
    if len(stories) < 2:
        return False
    columns = {cell.first for cell in stories if cell.first == cell.last}
    share = sum(len(cell.text) for cell in stories) / sum(len(cell.text) for cell in cells)
    return len(columns) * 2 > grid.columns or share > MIN_STORY_LETTERS_SHARE


def _is_story(lines: Sequence[str]) -> bool:
    """Return whether lines are those of sentences: many, none much shorter than usual but the last ones of paragraphs."""
    if len(lines) < MIN_PAGE_COLUMN_LINES or median(map(len, lines)) < STORY_LINE_CHARACTERS:
        return False
    going_on = sum(line[0].islower() for line in lines)
    full = sum(len(line) > MIN_PAGE_COLUMN_FILL_SHARE * median(map(len, lines)) for line in lines)
    return going_on >= MIN_STORY_GOING_ON_SHARE * len(lines) and full >= MIN_FULL_LINES_SHARE * len(lines)


def _cells_of_column(grid: Grid, column: int) -> list[GridCell]:
    """Return the cells that cover this column alone."""
    return [cell for row in grid.rows for cell in row if cell.first == cell.last == column]


def _has_long_first_column(grid: Grid) -> bool:
    """Return whether the first column holds mostly long texts and no other column numbers: sentences with a wide space."""
    if any(
        is_mostly_numbers([cell.text for cell in _cells_of_column(grid, column) if cell.words])
        for column in range(1, grid.columns)
    ):
        return False
    return _is_mostly_long(_cells_of_column(grid, 0))


def _is_mostly_long(cells: list[GridCell]) -> bool:
    """Return whether at least 60 % of the letters are in cells with long texts."""
    letters = [sum(len(word.text) for word in cell.words) for cell in cells]
    return sum(number for number in letters if number > MAX_SHORT_TEXT_LETTERS) >= 0.6 * max(1, sum(letters))


def _has_long_texts(grid: Grid) -> bool:
    """Return whether every column holds mostly long texts: cards side by side."""
    return all(_is_mostly_long(_cells_of_column(grid, column)) for column in range(grid.columns))
