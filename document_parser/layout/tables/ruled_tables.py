"""Find tables inside drawn lines: lines form frames, frames of equal width form stacks, and stacks are read as lattices.

Frames around text, the lines of forms and charts, and rules above and below running text are no tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from document_parser.layout.lines.lines import body_size, lines_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.dividers import divide
from document_parser.layout.tables.frame_groups import group_frames, is_single_line
from document_parser.layout.tables.frame_splits import (
    MIN_FORM_LABELS,
    count_labels,
    inner_walls,
    parts_of_frame,
    split_off_form,
    words_inside,
)
from document_parser.layout.tables.grid import Grid, is_number, words_outside
from document_parser.layout.tables.header_above import add_header_above, add_rows_around, is_striped
from document_parser.layout.tables.is_table import holds_stories, is_running_text, is_table
from document_parser.layout.tables.listings import without_code_colours
from document_parser.layout.tables.nested import frames_in_cells, grid_with_tables
from document_parser.layout.tables.ruled_table import grid_of_frame, is_row_of_boxes
from document_parser.layout.tables.rulings import (
    MAX_THICKNESS_POINTS,
    TOUCH_POINTS,
    Frame,
    Ruling,
    covers,
    frames_of,
    rulings_at,
    rulings_of,
)
from document_parser.layout.tables.score import propose_aligned_tables
from document_parser.layout.tables.selection import OTHER_PRIOR, TABLE_PRIOR, Origin, Proposal, choose_tables
from document_parser.models import RulingLine, Word

MAX_FRAMES = 100
"""Frames of a page that are examined, at most; the largest ones."""
MAX_COMPARISONS = 5_000_000
"""Filled boxes times words, at most. A page with more is a drawing, and its boxes are not compared with words."""
MIN_FRAME_WIDTH_EM = 6
"""Font sizes of a frame's width, at least; a narrower frame is a button, a tick box or a mark in the text."""
MIN_WORDS = 4
"""Words of a table, at least."""
MAX_READINGS = 2
"""Runs of a frame's lines that are read as aligned columns, at most."""
MIN_ROW_LINES = 4
"""Horizontal lines of a frame, at least, of which two part its rows: three may be those of a table with a header alone."""
MIN_HEADED_COLUMNS = 3
"""Columns of an empty table, at least: two with words at the top may be a form's."""
MIN_WALL_SHARE = 0.3
"""Share of a table's height that a line between its columns takes, at least; some part the header or the body alone."""
MIN_SHORT_LINE_EM = 1.5
"""Font sizes of a line's length, at least; a shorter line is under no heading."""


def find_ruled_grids(words: Sequence[Word], rules: Sequence[RulingLine]) -> list[Grid]:
    """Return the tables that drawn lines frame; ``words`` and ``rules`` are in points. No word is in two tables."""
    if len(rules) < 2 or not words:
        return []
    page = PageIndex(words, rules)
    proposed = propose_ruled_tables(page, words, rules)
    grids = _add_headers(choose_tables(proposed, page), page) if proposed else []
    return [piece for grid in grids for piece in divide(grid, page.rules.upright) if isinstance(piece, Grid)]


def propose_ruled_tables(page: PageIndex, words: Sequence[Word], rules: Sequence[RulingLine]) -> list[Proposal]:
    """Return the words of each frame read as a lattice of its lines, and as aligned words. Many overlap or are no tables."""
    size = body_size(words)
    found: dict[tuple[int, ...], list[Proposal]] = {}
    read: set[tuple[int, ...]] = set()
    frames, short_lines = _find_frames(_drop_highlights(without_code_colours(rules, words, size), page, size), size)
    joined = group_frames(frames, short_lines, page, size)
    groups = [piece for group in joined for piece in split_off_form(group, page)]
    parts = [part for group in groups for part in parts_of_frame(group, page, size)]
    for number, frame in enumerate([*groups, *parts][:MAX_FRAMES]):
        part = number >= len(groups)
        inside = words_inside(frame, page)
        key = (len(frame.horizontals), len(frame.verticals), *map(id, inside))
        if key in read or len(inside) < MIN_WORDS:
            continue
        read.add(key)
        inner = frames_in_cells(frame, frames)
        grid = (grid_with_tables(frame, inside, inner) if inner else None) or grid_of_frame(frame, inside)
        if grid is not None and len(inner_walls(frame)) < grid.columns - 1 and holds_stories(grid):
            grid = None  # lines between some of its columns part the stories of a newspaper
        proposals = [] if grid is None else [Proposal(grid, Origin.RULED, _prior_of(grid, frame), part)]
        if key[2:] not in found and not _is_fully_ruled(frame):
            aligned = propose_aligned_tables(page, lines_of(inside), size, MAX_READINGS)
            proposals += [
                Proposal(other, Origin.WITHIN, prior, part)
                for other, prior in aligned
                if not _crosses_lines(other, frame) and not is_running_text(other)
            ]
        whole = [proposal for proposal in proposals if not _is_cut_off(proposal.grid, frame, page, size)]
        found.setdefault(key[2:], []).extend(whole)
    return [proposal for proposals in found.values() for proposal in proposals]


def _is_fully_ruled(frame: Frame) -> bool:
    """Return whether lines part both the columns and the rows of a frame: its cells are those that are drawn."""
    return len(inner_walls(frame)) > 0 and len(frame.horizontals) >= MIN_ROW_LINES


def _crosses_lines(grid: Grid, frame: Frame) -> bool:
    """Return whether a cell goes over a line that is drawn through it: no reading of aligned words joins such rows."""
    cells = [cell for row in grid.rows for cell in row if cell.words]
    return any(
        line.start < cell.right and cell.left < line.end and cell.top + 1 < line.at < cell.bottom - 1
        for line in frame.horizontals
        for cell in cells
    )


def _prior_of(grid: Grid, frame: Frame) -> float:
    """Return the agreement to expect of the cells of a frame by the rules for tables."""
    walled = _is_walled(grid, frame) and not all(line.edge for line in frame.verticals)
    if not inner_walls(frame) and _is_headed_by_form(grid):
        return OTHER_PRIOR
    is_known = is_table(grid, walled) or _is_sheet_to_fill(grid, frame) or is_row_of_boxes(grid)
    return TABLE_PRIOR if is_known else OTHER_PRIOR


def _is_sheet_to_fill(grid: Grid, frame: Frame) -> bool:
    """Return whether lines draw every cell and words head all columns: a table however many of its cells are empty.

    The lines of a chart have no full row of words above them.
    """
    if not _is_fully_ruled(frame) or len(inner_walls(frame)) < grid.columns - 1 or grid.columns < MIN_HEADED_COLUMNS:
        return False
    head = [cell for cell in grid.rows[0] if cell.words]
    headings = sum(cell.first == cell.last and not is_number(cell.text) for cell in head)
    return headings >= grid.columns - 1 and headings == len(head)


def _is_walled(grid: Grid, frame: Frame) -> bool:
    """Return whether a line is drawn between columns of a frame: with words on both sides, and along enough of its height.

    The shapes of a photograph and the dark rim of a scan leave lines that touch a frame and part nothing.
    """
    for wall in inner_walls(frame):
        lines = rulings_at(frame.verticals, wall)
        if not covers(lines, grid.top, grid.bottom, MIN_WALL_SHARE):
            continue
        beside = [word.left + word.right < 2 * wall for word in grid.words if _is_along(word, lines)]
        if any(beside) and not all(beside):
            return True
    return False


def _is_along(word: Word, lines: Sequence[Ruling]) -> bool:
    """Return whether a vertical line runs at the height of a word's middle."""
    return any(line.start < (word.top + word.bottom) / 2 < line.end for line in lines)


def _is_headed_by_form(grid: Grid) -> bool:
    """Return whether the first row is a form above a table, labels with colons and their values: it heads no column."""
    labels = [[count_labels(cell.words) for cell in row if cell.words] for row in grid.rows]
    first, *rest = labels
    is_form = len(first) > 2 and sum(first) >= MIN_FORM_LABELS and sum(map(bool, first)) * 2 >= len(first)
    return is_form and sum(map(sum, rest)) * 4 < sum(map(len, rest))


def _add_headers(grids: Sequence[Grid], page: PageIndex) -> list[Grid]:
    """Return the tables with headers that stand above their frames."""
    found: list[Grid] = []
    for number, grid in enumerate(grids):
        others = words_outside([*grids[:number], *grids[number + 1 :], *found], page.words)
        striped = is_striped(grid, page.rules.fills)
        found.append(add_header_above(add_rows_around(grid, others, striped=striped), others))
    return found


def _drop_highlights(rules: Sequence[RulingLine], page: PageIndex, size: float) -> list[RulingLine]:
    """Remove filled boxes that closely fit a run of words: they colour the text, not a cell."""
    if len(rules) * len(page.words) > MAX_COMPARISONS:
        return list(rules)
    return [rule for rule in rules if not _is_highlight(rule, page, size)]


def _is_highlight(rule: RulingLine, page: PageIndex, size: float) -> bool:
    """Return whether a filled box closely fits the words in it."""
    if not MAX_THICKNESS_POINTS < rule.bottom - rule.top < 1.8 * size or rule.right - rule.left < MAX_THICKNESS_POINTS:
        return False
    level = abs(page.top + page.bottom - rule.top - rule.bottom) < 0.8 * size
    held = (page.left > rule.left - 1) & (page.right < rule.right + 1) & level
    if not held.any():
        return False
    return bool(max(page.left[held].min() - rule.left, rule.right - page.right[held].max()) < 0.45 * size)


def _is_cut_off(grid: Grid, frame: Frame, page: PageIndex, size: float) -> bool:
    """Return whether the rows continue outside the frame: fills behind some of the columns are no frame of a table.

    Only the frame knows where it ends; the score sees how far the words of a grid reach.
    """
    off = np.maximum(page.left - frame.right, frame.left - page.right) + TOUCH_POINTS
    beside = page.middle_y[(off > 0) & (off < 1.5 * size + TOUCH_POINTS)].tolist()
    rows = [cells for row in grid.rows if (cells := [cell for cell in row if cell.words])]
    going_on = sum(any(cell.top < middle < cell.bottom for cell in cells for middle in beside) for cells in rows)
    return going_on * 2 >= len(rows)


def _find_frames(rules: Sequence[RulingLine], size: float) -> tuple[list[Frame], list[Frame]]:
    """Return (frames, horizontal lines shorter than a frame can be), each with the largest first."""
    found = [frame for frame in frames_of(*rulings_of(rules, size)) if frame.horizontals]
    found.sort(key=lambda frame: frame.area + (frame.right - frame.left), reverse=True)
    frames = [frame for frame in found if frame.right - frame.left > MIN_FRAME_WIDTH_EM * size]
    short_lines = [
        frame
        for frame in found
        if is_single_line(frame) and MIN_SHORT_LINE_EM * size < frame.right - frame.left <= MIN_FRAME_WIDTH_EM * size
    ]
    return frames[:MAX_FRAMES], short_lines[:MAX_FRAMES]
