"""Find tables without drawn lines: words aligned below each other in three or more rows. Lengths are in points."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.tables.centred_rows import are_centred, join_centred_rows
from document_parser.layout.tables.grid import Grid, GridCell, is_mostly_numbers, is_number
from document_parser.layout.tables.text_lines import is_text_line
from document_parser.models import Word

MIN_ROWS = 3
"""Rows of a table, at least."""
MAX_GROUPS = 3
"""Groups of lines of a region that are read as tables, at most."""
MAX_SINGLE_TEXT_COLUMNS = 1
"""Columns of one text, at most, in a table of :data:`MIN_ROWS_WITH_SINGLE_TEXT` rows or more.

More such columns are parts of a formula, or of a drawing.
"""
MIN_ROWS_WITH_SINGLE_TEXT = 5
"""Rows of a table, at least, that has a column of one text, such as a unit beside one of many sums."""
PROSE_CELL_CHARACTERS = 40
"""Characters of a column's middle cell above which the column can be prose; see :data:`PROSE_CELL_FILL_SHARE`."""
PROSE_CELL_FILL_SHARE = 0.85
"""Width of a column's middle cell as a share of its widest, at least, if the column is prose."""
NARROW_PROSE_CHARACTERS = 18
"""The same for a column whose lines go on from one to the next: newspapers have 25 to 38 characters a line."""
MIN_GOING_ON_SHARE = 0.4
"""Share of a column's lines that begin with a small letter, at least, if they are running text. Half of German prose does."""
MAX_CELL_CHARACTERS = 60
"""Characters of a column's middle cell, at most, however ragged the column is."""
MIN_COLUMN_GAP_EM = 0.6
"""Font sizes of the narrowest gap between two columns."""
MAX_HEADING_GAP_EM = 0.9
"""Font sizes between a heading and the row below it, at most."""
MAX_HEADING_OFFSET_SHARE = 0.1
"""Share of the width below a heading by which its middle may be off."""
MAX_WORD_SPACE_EM = 0.4
"""Font sizes between two words of one cell, at most, if a column border runs between them."""
MAX_RUN_SPACE_EM = 0.15
"""The same between two runs of words: an engine that finds runs splits them at anything wider than a plain space."""
MIN_EVEN_WORDS = 4
"""Words of a line, at least, whose spaces show that it is one text."""
MAX_EVEN_SPACE_EM, MAX_EVEN_SPACE_RATIO = 0.85, 1.5
"""The widest space of such a line in font sizes, and divided by its usual one, at most."""
MAX_EVEN_STEP_EM = 0.1
"""Font sizes by which the widest space of such a line may be wider than the next: one alone may part two cells."""
MIN_LOOSE_GAP_EM = 0.55
"""Font sizes of white that no lines of one cell have between them if that is also the usual white between rows."""
MAX_REMARK_GAP_EM = 0.7
"""Font sizes between a row and a remark that belongs to one of its cells, at most."""
MAX_REMARK_GAP_RATIO = 0.75
"""White above a remark divided by the white below it, at most."""
MIN_ANSWERS, MIN_ANSWER_SHARE = 3, 0.6
"""Answers that follow one another, and the share of cells that are answers or questions, of a questionnaire."""

Interval = tuple[float, float]
"""Left and right end in points."""
_ANSWER = re.compile(r"[(\[]?([A-Ga-g])[)\].]")
_QUESTION = re.compile(r"[(\[]?[0-9]{1,3}[)\].]")


def propose_grids(words: Sequence[Word]) -> list[Grid]:
    """Return what each group of lines makes as rows of the columns that they agree on, without lines of one column at its ends.

    What is no table among it, the score tells.
    """
    size = body_size(words)
    groups = (_without_text(lines) for lines in _split_groups(lines_of(words), size)[:MAX_GROUPS])
    grids = (_build_grid(lines, size) for lines in groups if lines)
    return [grid for grid in grids if grid is not None]


def extend_band(words: Sequence[Word], band: Sequence[Word]) -> list[Word]:
    """Return a band with the adjacent lines that are also split like cells: one long cell narrows a gutter for its row only.

    ``band`` are words of ``words`` between two heights.
    """
    size = body_size(band)
    lines = lines_of(words)
    held = {id(word) for word in band}
    inside = [index for index, line in enumerate(lines) if not held.isdisjoint(map(id, line.words))]
    first, last = inside[0], inside[-1]
    while first > 0 and _is_row_like(lines[first - 1], lines[first], size):
        first -= 1
    while last + 1 < len(lines) and _is_row_like(lines[last + 1], lines[last], size):
        last += 1
    return [word for line in lines[first : last + 1] for word in line.words]


def add_spanning_header(grid: Grid, words: Sequence[Word]) -> Grid:
    """Return a grid with the heading right above that spans all columns but the first, if its first row leaves that one open.

    Returns the grid itself if there is no such heading among ``words``.
    """
    row = grid.rows[0]
    if len(row) < 2 or row[0].first == 0:
        return grid
    above = lines_of([word for word in words if word.top + word.bottom < 2 * grid.top])
    size = body_size(grid.words)
    if not above or grid.top - above[-1].bottom > MAX_HEADING_GAP_EM * size or len(segments_of(above[-1], size)) > 1:
        return grid
    line, left, right = above[-1], row[0].left, row[-1].right
    off = abs(line.left + line.right - left - right) / 2
    if off > MAX_HEADING_OFFSET_SHARE * (right - left) or line.left < left - size or line.right > right + size:
        return grid
    return Grid(((GridCell(row[0].first, row[-1].last, line.words),), *grid.rows), grid.columns, grid.header_rows)


def _is_row_like(line: Line, neighbour: Line, size: float) -> bool:
    """Return whether a line is close to its neighbour and split like cells."""
    near = abs(line.middle - neighbour.middle) < 2.5 * size
    return near and len(segments_of(line, size)) > 1 and not is_text_line(line.words, neighbour.width)


def _without_text(lines: Sequence[Line]) -> Sequence[Line]:
    """Return lines without those of running text at both ends."""
    width = max(line.right for line in lines) - min(line.left for line in lines)
    rows = [number for number, line in enumerate(lines) if not is_text_line(line.words, width)]
    return lines[rows[0] : rows[-1] + 1] if rows else ()


def _split_groups(lines: Sequence[Line], size: float) -> list[list[Line]]:
    """Split lines where the distance between two of them is much larger than usual."""
    if len(lines) < MIN_ROWS:
        return []
    usual = median(lower.middle - upper.middle for upper, lower in pairwise(lines))
    groups = [[lines[0]]]
    for upper, lower in pairwise(lines):
        if lower.middle - upper.middle > max(2.2 * usual, 2.5 * size):
            groups.append([])
        groups[-1].append(lower)
    return groups


def _build_grid(lines: Sequence[Line], size: float) -> Grid | None:
    """Return the grid of lines, or None if they have one column or one row."""
    borders = find_column_borders(lines, size)
    if not borders:
        return None
    space = plain_space(word for line in lines for word in line.words)
    cells = _cells_of_lines(lines, borders, size, space)
    centred = join_centred_rows(cells, size) or _join_between_whites(lines, len(borders), size, space)
    merged = _merge_continued_rows(_trim_rows(cells, size), size) if centred is None else _trim_rows(centred, size)
    return Grid(tuple(map(tuple, merged)), len(borders) + 1) if len(merged) > 1 else None


def _cells_of_lines(lines: Sequence[Line], borders: Sequence[float], size: float, space: float) -> list[list[GridCell]]:
    """Return the cells of each line between column borders."""
    texts = text_spans(lines, borders)
    return [cells_of(line.words, borders, size, texts, space) for line in lines]


def _join_between_whites(lines: Sequence[Line], count: int, size: float, space: float) -> list[list[GridCell]] | None:
    """Return the rows of centred cells between the whites that all lines leave, if there are ``count`` of them; else None.

    Lines of a long cell stand alone between those of other cells: lines with a text in each column do not show its width.
    """
    numbers = [number for number, line in enumerate(lines) if len(segments_of(line, size)) > 1]
    inner = lines[numbers[0] : numbers[-1] + 1] if numbers else []
    columns = _merge_intervals([(word.left, word.right) for line in inner for word in line.words], size)
    if len(columns) != count + 1:
        return None
    borders = [(left[1] + right[0]) / 2 for left, right in pairwise(columns)]
    return join_centred_rows(_cells_of_lines(lines, borders, size, space), size)


def segments_of(line: Line, size: float, clear: float = MIN_COLUMN_GAP_EM) -> list[Interval]:
    """Return the (left, right) stretches of a line that no gap of ``clear`` font sizes or more interrupts, in points."""
    spans: list[Interval] = []
    start, reach, least = line.words[0].left, line.words[0].right, clear * size
    for word in line.words[1:]:
        left, right = word.left, word.right
        if left - reach >= least:
            spans.append((start, reach))
            start, reach = left, right
        elif right > reach:
            reach = right
    spans.append((start, reach))
    return spans


def find_column_borders(lines: Sequence[Line], size: float, agreed: float = 0.3, least: int = MIN_ROWS) -> list[float]:
    """Return the x positions of column borders in points: the middle of each gap that enough lines share. Empty for one column.

    ``size`` is the body font size in points, ``agreed`` the share and ``least`` the number of lines that must be split like
    columns.
    """
    columns = _column_spans(lines, size, agreed, least)
    return [(left[1] + right[0]) / 2 for left, right in pairwise(columns)]


def _column_spans(lines: Sequence[Line], size: float, agreed: float, least: int) -> list[Interval]:
    """Return the columns that the regular lines agree on: headings over several columns and long cells have no vote."""
    segments_by_line = [segments_of(line, size) for line in lines]
    counts = [len(spans) for spans in segments_by_line if len(spans) > 1]
    if len(counts) < least:
        return []
    usual = median(counts)
    regular = [spans for spans in segments_by_line if len(spans) >= usual]
    if len(regular) < least:
        return []
    columns = _merge_intervals([span for spans in regular for span in spans], size)
    fitting = sum(1 < len(spans) < usual and _fit_columns(spans, columns) for spans in segments_by_line)
    return columns if len(regular) + fitting >= agreed * len(lines) else []


def _fit_columns(spans: Sequence[Interval], columns: Sequence[Interval]) -> bool:
    """Return whether each stretch lies in a column of its own: a row with empty cells agrees to columns, but shows not all."""
    over = [[number for number, (left, right) in enumerate(columns) if start < right and left < end] for start, end in spans]
    return all(len(numbers) == 1 for numbers in over) and len({numbers[0] for numbers in over}) == len(spans)


def _merge_intervals(spans: list[Interval], size: float) -> list[Interval]:
    """Merge intervals whose gap is narrower than one between columns."""
    merged: list[Interval] = []
    for left, right in sorted(spans):
        if merged and left - merged[-1][1] < MIN_COLUMN_GAP_EM * size:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def text_spans(lines: Sequence[Line], borders: Sequence[float]) -> list[Interval | None]:
    """Return the left and right end of each column's texts in points, from lines that fill at least half of the columns.

    None for a column without such texts.
    """
    spans: list[Interval | None] = [None] * (len(borders) + 1)
    for line in lines:
        covered = [_columns_of(word, borders, ()) for word in line.words]
        single = [(first, word) for word, (first, last) in zip(line.words, covered, strict=True) if first == last]
        if len({column for column, _ in single}) * 2 < len(spans):
            continue
        for column, word in single:
            span = spans[column]
            spans[column] = (min(word.left, span[0]), max(word.right, span[1])) if span else (word.left, word.right)
    return spans


def plain_space(words: Iterable[Word]) -> float:
    """Return the widest gap, in font sizes, that does not separate two cells."""
    return MAX_RUN_SPACE_EM if any(" " in word.text and word.size_points == 0 for word in words) else MAX_WORD_SPACE_EM


def cells_of(
    words: Sequence[Word], borders: Sequence[float], size: float, texts: Sequence[Interval | None], space: float
) -> list[GridCell]:
    """Return the cells of one line of words.

    A word joins the cell before it across a border only if the gap is less than ``space`` font sizes. ``borders`` are the inner
    column borders in points. ``texts`` is the result of ``text_spans``: a word that extends over a border only into empty space
    does not cross it.
    """
    cells: list[GridCell] = []
    even = _even_space(words, size)
    for word in words:
        first, last = _columns_of(word, borders, texts)
        before = cells[-1] if cells else None
        near = max(even, space * max(size, word.size_points))
        if before and (first <= before.last or word.left - before.words[-1].right < near):
            cells[-1] = GridCell(before.first, max(before.last, last), (*before.words, word))
        else:
            cells.append(GridCell(first, last, (word,)))
    return cells


def _even_space(words: Sequence[Word], size: float) -> float:
    """Return the space in points up to which the words of a line are one text: wide spaces that are all alike; else 0.

    The spaces of a typewriter are as wide as its letters, those of justified lines as wide as they must be.
    """
    if len(words) < MIN_EVEN_WORDS or 2 * sum(word.text.isalpha() and len(word.text) > 1 for word in words) <= len(words):
        return 0.0
    *others, second, widest = sorted(after.left - before.right for before, after in pairwise(words))
    even = widest < MAX_EVEN_SPACE_EM * size and widest < MAX_EVEN_SPACE_RATIO * median([*others, second, widest])
    return widest + size / 100 if even and widest - second < MAX_EVEN_STEP_EM * size else 0.0


def _columns_of(word: Word, borders: Sequence[float], texts: Sequence[Interval | None]) -> tuple[int, int]:
    """Return (first column, last column) that a word covers."""
    last = bisect_left(borders, word.right)
    first = min(last, bisect_right(borders, word.left))
    while first < last and texts and (span := texts[first]) and word.left >= span[1]:
        first += 1
    while first < last and texts and (span := texts[last]) and word.right <= span[0]:
        last -= 1
    return first, last


def _trim_rows(rows: list[list[GridCell]], size: float) -> list[list[GridCell]]:
    """Remove the lines of one cell at both ends: a heading above, a note below."""
    start, end = 0, len(rows)
    while start < end and len(rows[start]) < 2:
        start += 1
    while end > start and len(rows[end - 1]) < 2 and not _is_hanging(rows[end - 2], rows[end - 1], size):
        end -= 1
    return rows[start:end]


def _is_hanging(above: list[GridCell], row: list[GridCell], size: float) -> bool:
    """Return whether a lone cell continues the last cell of a row: below it and close."""
    under = len(above) > 1 and row[0].first == above[-1].first > 0
    return under and _top_of(row) - _bottom_of(above) < 0.9 * size


def _merge_continued_rows(rows: list[list[GridCell]], size: float) -> list[list[GridCell]]:
    """Merge lines that only continue cells of the row above: no first cell, no number, closer than rows are."""
    if len(rows) < MIN_ROWS:
        return rows
    gaps = [_white_between(upper, lower) for upper, lower in pairwise(rows)]
    close = max(min(gaps) + 0.15 * size, 0.5 * max(gaps))
    loose = max(MIN_LOOSE_GAP_EM * size, 0.9 * median(gaps))
    merged = [rows[0]]
    for gap, row in zip(gaps, rows[1:], strict=True):
        if gap < min(close, loose) and close < max(gaps) and _is_continuation(row, merged[-1]):
            merged[-1] = _join_rows(merged[-1], row)
        else:
            merged.append(row)
    return _merge_remarks(merged, size)


def _merge_remarks(rows: list[list[GridCell]], size: float) -> list[list[GridCell]]:
    """Merge remarks into the row above: lone cells, not in the first column, closer to it than rows are."""
    merged = rows[:1]
    for number, row in enumerate(rows[1:], 1):
        above = merged[-1]
        apart = _top_of(row) - _bottom_of(rows[number - 1])
        after = _top_of(rows[number + 1]) - _bottom_of(row) if number + 1 < len(rows) else apart
        is_lone = len(row) == 1 and row[0].first == row[0].last > 0 and len(above) > 2 and above[0].first == 0
        near = apart < MAX_REMARK_GAP_EM * size and apart < MAX_REMARK_GAP_RATIO * after
        if is_lone and near and _is_continuation(row, above):
            merged[-1] = _join_rows(above, row)
        else:
            merged.append(row)
    return merged


def _top_of(row: list[GridCell]) -> float:
    """Return the y position of the row's top in points."""
    return min(word.top for cell in row for word in cell.words)


def _bottom_of(row: list[GridCell]) -> float:
    """Return the y position of the row's bottom in points."""
    return max(word.bottom for cell in row for word in cell.words)


def _white_between(upper: list[GridCell], lower: list[GridCell]) -> float:
    """Return the white between two rows in points: by their baselines if they are known, as letters differ in height."""
    above, below = _baselines_of(upper), _baselines_of(lower)
    if not above or not below:
        return _top_of(lower) - _bottom_of(upper)
    return min(below) - max(above) - max(word.size_points for cell in lower for word in cell.words)


def _baselines_of(row: list[GridCell]) -> list[float]:
    """Return the y positions of the baselines of a row's words; empty if one is not known."""
    baselines = [word.baseline for cell in row for word in cell.words]
    return baselines if all(baselines) else []


def _is_continuation(row: list[GridCell], above: list[GridCell]) -> bool:
    """Return whether a line only continues some cells of the row above."""
    covered = {(cell.first, cell.last) for cell in above}
    is_covered = all((cell.first, cell.last) in covered for cell in row)
    numbers = any(is_number(cell.text) for cell in row)
    return is_covered and not numbers and len(row) < len(above) and not _begins_bold(row, above)


def _begins_bold(row: list[GridCell], above: list[GridCell]) -> bool:
    """Return whether all of a line is bold and nothing above it is: a heading between rows."""
    return all(word.bold for cell in row for word in cell.words) and not any(word.bold for cell in above for word in cell.words)


def _join_rows(above: list[GridCell], row: list[GridCell]) -> list[GridCell]:
    """Return the cells of a row with those of the line below added."""
    more = {cell.first: cell.words for cell in row}
    return [GridCell(cell.first, cell.last, (*cell.words, *more.get(cell.first, ()))) for cell in above]


def is_aligned_table(grid: Grid) -> bool:
    """Return whether a grid reads as a table: the evidence of rules that were made by hand."""
    full = [row for row in grid.rows if len(row) >= 2]
    if len(full) < MIN_ROWS or len(full) < 0.6 * len(grid.rows) or has_lone_columns(grid):
        return False
    columns = [_texts_of_column(grid, column) for column in range(grid.columns)]
    if any(len(texts) == 0 for texts in columns):
        return False
    if are_centred(grid.rows):
        return True
    if any(_is_prose(grid, column) for column in range(grid.columns)) or not _are_cells_apart(grid):
        return False
    return _is_lined_up(grid) or any(is_mostly_numbers(texts) for texts in columns)


def has_lone_columns(grid: Grid) -> bool:
    """Return whether columns of one text show that a grid is a formula or a drawing: several, or one beside few rows."""
    lone = sum(len(list(filter(None, _texts_of_column(grid, column)))) == 1 for column in range(grid.columns))
    return lone > MAX_SINGLE_TEXT_COLUMNS or (lone > 0 and len(grid.rows) < MIN_ROWS_WITH_SINGLE_TEXT)


def has_answers(grid: Grid) -> bool:
    """Return whether cells are the answers to choose from below questions: A), B), C), in rows or in columns."""
    cells = [cell.words[0].text for row in grid.rows for cell in row if cell.words]
    labels = [match[1].upper() for text in cells if (match := _ANSWER.match(text))]
    steps = sum(ord(after) == ord(before) + 1 for before, after in pairwise(labels))
    questions = sum(bool(_QUESTION.match(text)) for text in cells)
    return steps >= MIN_ANSWERS - 1 and len(labels) + questions > MIN_ANSWER_SHARE * len(cells)


def _are_cells_apart(grid: Grid) -> bool:
    """Return whether gaps between cells are clearly wider than those between words.

    The spaces of justified lines, which can align by chance, are not.
    """
    verdicts = [_is_row_apart(row) for row in grid.rows if len(row) > 1 and any(len(cell.words) > 1 for cell in row)]
    return sum(verdicts) >= 0.6 * len(verdicts)


def _is_row_apart(row: Sequence[GridCell]) -> bool:
    """Return whether the narrowest gap between a row's cells is much wider than the widest between words of a cell."""
    lines = [line.words for cell in row for line in lines_of(cell.words)]
    spaces = [after.left - before.right for words in lines for before, after in pairwise(words)]
    borders = [
        min(word.left for word in after.words) - max(word.right for word in before.words) for before, after in pairwise(row)
    ]
    return min(borders) >= 1.6 * max(spaces, default=0.0)


def _is_prose(grid: Grid, column: int) -> bool:
    """Return whether a column is running text rather than cells."""
    cells = [cell for row in grid.rows for cell in row if cell.first == cell.last == column]
    widths = [max(word.right for word in cell.words) - min(word.left for word in cell.words) for cell in cells]
    characters = median(len(cell.text) for cell in cells)
    fills = median(widths) >= PROSE_CELL_FILL_SHARE * max(widths)
    if characters > MAX_CELL_CHARACTERS or (fills and characters > PROSE_CELL_CHARACTERS and len(cells) > 2):
        return True
    return fills and characters > NARROW_PROSE_CHARACTERS and len(cells) > 2 and _goes_on(cells)


def _goes_on(cells: Sequence[GridCell]) -> bool:
    """Return whether texts go on from line to line: many begin with a small letter and have several words."""
    small = sum(cell.words[0].text[:1].islower() for cell in cells)
    words = median(sum(word.text.count(" ") + 1 for word in cell.words) for cell in cells)
    return small >= MIN_GOING_ON_SHARE * len(cells) and words >= 3


def _texts_of_column(grid: Grid, column: int) -> list[str]:
    """Return the texts of the cells that cover this column alone."""
    return [cell.text for row in grid.rows for cell in row if cell.first == cell.last == column]


def _is_lined_up(grid: Grid) -> bool:
    """Return whether every column has a common left or right edge; names and addresses centred side by side have none."""
    size = body_size(grid.words)
    for column in range(grid.columns):
        cells = [cell for row in grid.rows for cell in row if cell.first == cell.last == column]
        lefts = [min(word.left for word in cell.words) for cell in cells]
        rights = [max(word.right for word in cell.words) for cell in cells]
        if not (_is_common_edge(lefts, size) or _is_common_edge(rights, size)):
            return False
    return True


def _is_common_edge(edges: Sequence[float], size: float) -> bool:
    """Return whether most edges agree with their median within half a font size."""
    usual = median(edges)
    return sum(abs(edge - usual) < 0.5 * size for edge in edges) >= 0.7 * len(edges)
