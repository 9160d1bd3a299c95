"""What speaks for and against a table, however it was found, as numbers: one scale for ruled grids and for aligned words.

Lengths are in font sizes unless their names say points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import body_size
from document_parser.layout.page_index import Flags, Floats, Integers, PageIndex
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.groups import Groups, fraction, median, starts_of

GRID_FEATURES = (
    "origin", "rows", "columns", "words", "filled", "rows_several", "rows_full", "rows_lone", "spanning", "tall",
    "characters", "longest_cell", "longest_column", "words_per_cell", "long_cells", "numeric", "numeric_columns",
    "lower_starts", "open_ends", "sentence_ends", "full_lines", "largest_share",
    "lines_per_cell", "most_lines", "cells_of_lines", "numbers_joined", "shared_lines", "lone_lines",
    "row_gap", "row_gap_spread", "widest_row_gap", "line_gap", "gap_margin", "pitch",
    "lefts_aligned", "rights_aligned", "edge_spread", "worst_spread", "narrowest_white", "mean_white", "white_to_space",
    "columns_several", "columns_lone", "first_column_filled", "first_column_long", "markers", "leaders",
    "first_filled", "first_bold", "first_numeric", "body_bold", "second_numeric", "last_filled", "blank_rows",
    "columns_drawn", "rows_drawn", "rules_crossed", "boxed", "fills", "rules_within", "uprights_within",
    "intruders", "beside", "above_gap", "above_split", "above_crossing", "below_gap", "below_split", "below_crossing",
    "width", "height", "page_share",
)  # fmt: skip
"""The names of the numbers, in their order."""
MIN_SAME_LINE_SHARE = 0.5
"""Font sizes between the middles of two words above which they lie on two lines."""


def grid_features(grid: Grid, page: PageIndex, origin: int) -> Floats:
    """Return the numbers of a grid on its page, one for each of :data:`GRID_FEATURES`. ``origin`` says where it is from."""
    cells = _Cells(grid, page)
    found = {"origin": float(origin)} | _shape(cells) | _texts(cells) | _lines(cells) | _edges(cells) | _head(cells)
    found |= _rules(cells, page) | _surroundings(cells, page)
    return np.array([found[name] for name in GRID_FEATURES], dtype=np.float64)


class _Cells:
    """The cells of a grid that hold words, in arrays: one place a cell, in the order of rows and columns.

    ``index`` is what is known of the words, ``words`` their places in it, cell by cell.
    """

    def __init__(self, grid: Grid, page: PageIndex) -> None:
        self.grid = grid
        held = [
            (number, cell) for number, row in enumerate(grid.rows) for cell in sorted(row, key=lambda c: c.first) if cell.words
        ]
        words = [word for _, cell in held for word in cell.words]
        self.index = page.index_of(words)
        self.words = self.index.places_of(words)
        self.size = body_size(words)
        shapes = [(number, cell.first, cell.last, cell.down, len(cell.words)) for number, cell in held]
        self.row, self.first, self.last, self.down, self.counts = np.array(shapes, dtype=np.intp).T
        self.at: Integers = starts_of(self.counts)
        self.word_left, self.word_right = self.index.left[self.words], self.index.right[self.words]
        self.word_top, self.word_bottom = self.index.top[self.words], self.index.bottom[self.words]
        self.left: Floats = np.minimum.reduceat(self.word_left, self.at)
        self.right: Floats = np.maximum.reduceat(self.word_right, self.at)
        self.top: Floats = np.minimum.reduceat(self.word_top, self.at)
        self.bottom: Floats = np.maximum.reduceat(self.word_bottom, self.at)
        self.single = self.first == self.last
        self.rows, self.columns = len(grid.rows), grid.columns

    def sums(self, values: NDArray[np.generic]) -> Integers:
        """Return the sum of a measure of the words of each cell."""
        found: Integers = np.add.reduceat(values[self.words], self.at, dtype=np.intp)
        return found

    @cached_property
    def heads(self) -> Integers:
        """Return the place of the first word of each cell."""
        return self.words[self.at]

    @cached_property
    def tails(self) -> Integers:
        """Return the place of the last word of each cell."""
        found: Integers = self.words[self.at + self.counts - 1]
        return found

    @cached_property
    def own(self) -> Integers:
        """Return the cells that cover one column."""
        return np.flatnonzero(self.single)

    @cached_property
    def column_ends(self) -> tuple[Floats, Floats]:
        """Return (leftmost, rightmost) edge of the cells of each column that cover it alone; infinite without any."""
        starts, ends = np.full(self.columns, np.inf), np.full(self.columns, -np.inf)
        np.minimum.at(starts, self.first[self.own], self.left[self.own])
        np.maximum.at(ends, self.first[self.own], self.right[self.own])
        return starts, ends

    @cached_property
    def by_column(self) -> Groups:
        """Return the cells that cover one column, by column."""
        return Groups(self.first[self.own], self.columns)

    @cached_property
    def cell_of_word(self) -> Integers:
        """Return the cell of each word."""
        return np.arange(len(self.at)).repeat(self.counts)

    @cached_property
    def characters(self) -> Integers:
        """Return the characters of each cell, spaces between its words included."""
        found: Integers = self.sums(self.index.characters) + self.counts - 1
        return found

    @cached_property
    def numeric(self) -> Flags:
        """Return which cells are numbers, amounts or dates in digits."""
        letters, digits = self.sums(self.index.letters), self.sums(self.index.digits)
        return (digits > 0) & (letters <= 3) & (letters <= digits) & (self.characters <= 40)

    @cached_property
    def bold(self) -> Flags:
        """Return which cells are bold throughout."""
        return np.asarray(self.sums(self.index.bold) == self.counts)

    @cached_property
    def filled(self) -> Flags:
        """Return which places (row, column) a cell with words covers."""
        found = np.zeros((self.rows, self.columns), dtype=np.bool_)
        places = (self.row.tolist(), self.first.tolist(), self.last.tolist(), self.down.tolist())
        for row, first, last, down in zip(*places, strict=True):
            found[row : row + down, first : last + 1] = True
        return found

    @cached_property
    def line_of_word(self) -> Integers:
        """Return the line of each word: words of a row whose middles are close to each other are on one line."""
        row = self.row.repeat(self.counts)
        middle = (self.word_top + self.word_bottom) / 2
        order = np.lexsort((middle, row))
        new = (np.diff(row[order], prepend=-1) != 0) | (np.diff(middle[order], prepend=0.0) > MIN_SAME_LINE_SHARE * self.size)
        found = np.empty(len(middle), dtype=np.intp)
        found[order] = new.cumsum() - 1
        return found

    @cached_property
    def row_of_line(self) -> Integers:
        """Return the row of each line."""
        found = np.zeros(int(self.line_of_word.max()) + 1, dtype=np.intp)
        found[self.line_of_word] = self.row.repeat(self.counts)
        return found


def _shape(cells: _Cells) -> dict[str, float]:
    """Return how large a grid is and how well it is filled."""
    per_row = cells.filled.sum(axis=1)
    per_column = cells.by_column.counts
    return {
        "rows": min(60, cells.rows),
        "columns": cells.columns,
        "words": min(2000, len(cells.words)),
        "filled": fraction(cells.filled),
        "rows_several": fraction(per_row > 1),
        "rows_full": fraction(per_row == cells.columns),
        "rows_lone": fraction(np.bincount(cells.row, minlength=cells.rows) <= 1),
        "spanning": fraction(~cells.single),
        "tall": fraction(cells.down > 1),
        "blank_rows": float((per_row == 0).sum()),
        "columns_several": fraction(per_column > 1),
        "columns_lone": float((per_column <= 1).sum()),
        "first_column_filled": fraction(cells.filled[:, 0]),
        "last_filled": fraction(cells.filled[-1]),
    }


def _texts(cells: _Cells) -> dict[str, float]:
    """Return what the texts of the cells say: cells are short or numbers, running text goes on from line to line."""
    index, heads, tails = cells.index, cells.heads, cells.tails
    long = cells.characters > 12
    held = np.maximum(1, cells.by_column.counts)
    numbers = cells.by_column.sums(cells.numeric[cells.own])
    mean_characters = np.bincount(cells.first[cells.own], cells.characters[cells.own], cells.columns) / held
    lone, leading = cells.counts == 1, cells.first == 0
    marks = index.is_marker[heads] & lone & (index.letters[heads] + index.digits[heads] < 6)
    return {
        "characters": median(cells.characters),
        "longest_cell": float(min(1000, cells.characters.max())),
        "longest_column": float(mean_characters.max()),
        "first_column_long": float(mean_characters[0]),
        "words_per_cell": float(cells.counts.mean()),
        "long_cells": fraction(cells.characters > 25),
        "numeric": fraction(cells.numeric),
        "numeric_columns": float((numbers / held > 0.6).sum()),
        "lower_starts": fraction(index.starts_lower[heads][long]) if long.any() else 0.0,
        "open_ends": fraction(index.ends_open[tails][long]) if long.any() else 0.0,
        "sentence_ends": fraction(index.ends_sentence[tails]),
        "largest_share": float(cells.characters.max() / cells.characters.sum()),
        "markers": fraction(marks[leading]) if leading.any() else 0.0,
        "leaders": fraction(index.is_leader[tails]),
    }


def _lines(cells: _Cells) -> dict[str, float]:
    """Return how the lines of text lie in the rows: rows that were melted into one have lines across several cells."""
    index, size, row_of_line = cells.index, cells.size, cells.row_of_line
    count = len(row_of_line)
    cell, line = _pieces(cells.cell_of_word, cells.line_of_word, count)
    per_cell, per_line = np.bincount(cell, minlength=len(cells.at)), np.bincount(line)
    tops, bottoms = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(tops, cells.line_of_word, cells.word_top)
    np.maximum.at(bottoms, cells.line_of_word, cells.word_bottom)
    order = tops.argsort(kind="stable")
    gaps = (tops[order][1:] - bottoms[order][:-1]) / size
    breaks = row_of_line[order][1:] != row_of_line[order][:-1]
    between, within = gaps[breaks], gaps[~breaks]
    numeric = (index.digits > index.letters)[cells.words]
    digits, _ = _pieces(cells.cell_of_word[numeric], cells.line_of_word[numeric], count)
    later = np.ones(count, dtype=np.bool_)
    later[np.unique(row_of_line, return_index=True)[1]] = False
    return {
        "lines_per_cell": float(per_cell.mean()),
        "most_lines": float(min(60, per_cell.max())),
        "cells_of_lines": fraction(per_cell > 1),
        "numbers_joined": fraction(np.bincount(digits, minlength=len(cells.at)) > 1),
        "shared_lines": fraction(per_line[later] > 1) if later.any() else 0.0,
        "lone_lines": fraction(per_line <= 1),
        "row_gap": median(between) if len(between) else 0.0,
        "row_gap_spread": float(min(10.0, between.std())) if len(between) else 0.0,
        "widest_row_gap": float(min(20.0, between.max())) if len(between) else 0.0,
        "line_gap": median(within) if len(within) else -1.0,
        "gap_margin": float(between.min() - within.max()) if len(between) and len(within) else 0.0,
        "pitch": median(np.diff(tops[order])) / size if count > 1 else 0.0,
        "full_lines": _full_lines(cells),
    }


def _pieces(cell: Integers, line: Integers, lines: int) -> tuple[Integers, Integers]:
    """Return (cell, line) of each piece of a cell's text: what of it lies on one of ``lines`` lines."""
    found_cell, found_line = np.divmod(np.unique(cell * lines + line), lines)
    return found_cell, found_line


def _full_lines(cells: _Cells) -> float:
    """Return the largest share of a column's cells with lines that are as wide as the column: running text."""
    own = np.flatnonzero(cells.single & (cells.characters > 12))
    if len(own) < 3:
        return 0.0
    column, widths = cells.first[own], (cells.right - cells.left)[own]
    widest = np.zeros(cells.columns)
    np.maximum.at(widest, column, widths)
    counts = np.bincount(column, minlength=cells.columns)
    full = np.bincount(column, widths > 0.85 * widest[column], cells.columns) / np.maximum(1, counts)
    return float(full[counts > 2].max(initial=0.0))


def _edges(cells: _Cells) -> dict[str, float]:
    """Return how well the edges of the columns are aligned, and how wide the white between them is."""
    column, left, right = cells.first[cells.own], cells.left[cells.own], cells.right[cells.own]
    size, by_column = cells.size, cells.by_column
    starts, ends = cells.column_ends
    several = by_column.counts > 1
    off = [
        by_column.medians(np.abs(place - by_column.medians(place)[column]))[several] / size
        for place in (left, right, (left + right) / 2)
    ]
    spreads = np.minimum(np.minimum(off[0], off[1]), off[2]).tolist()
    white = (starts[1:] - ends[:-1]) / size
    white = white[np.isfinite(white)]
    narrowest = float(white.min()) if len(white) else 0.0
    spaces = _spaces(cells)
    usual = max(0.2, float(np.quantile(spaces, 0.8))) if len(spaces) else 0.25
    return {
        "lefts_aligned": int(np.count_nonzero(off[0] < 0.15)) / cells.columns,
        "rights_aligned": int(np.count_nonzero(off[1] < 0.15)) / cells.columns,
        "edge_spread": float(np.mean(spreads)) if spreads else 1.0,
        "worst_spread": max(spreads, default=1.0),
        "narrowest_white": max(-5.0, narrowest),
        "mean_white": float(white.mean()) if len(white) else 0.0,
        "white_to_space": max(-5.0, narrowest) / usual,
    }


def _spaces(cells: _Cells) -> Floats:
    """Return the white between neighbouring words of one cell and line, in font sizes."""
    order = np.lexsort((cells.word_left, cells.line_of_word, cells.cell_of_word))
    same = (np.diff(cells.cell_of_word[order]) == 0) & (np.diff(cells.line_of_word[order]) == 0)
    found: Floats = ((cells.word_left[order][1:] - cells.word_right[order][:-1]) / cells.size)[same]
    return found


def _head(cells: _Cells) -> dict[str, float]:
    """Return what the first two rows look like."""
    first, second = cells.row == 0, cells.row == 1
    return {
        "first_filled": fraction(cells.filled[0]),
        "first_bold": fraction(cells.bold[first]) if first.any() else 0.0,
        "first_numeric": fraction(cells.numeric[first]) if first.any() else 0.0,
        "second_numeric": fraction(cells.numeric[second]) if second.any() else 0.0,
        "body_bold": fraction(cells.bold[~first]) if (~first).any() else 0.0,
    }


@dataclass(frozen=True, slots=True)
class _Box:
    """The box around a grid's words, in points."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, cells: _Cells) -> _Box:
        """Return the box around all cells."""
        return cls(float(cells.left.min()), float(cells.top.min()), float(cells.right.max()), float(cells.bottom.max()))


def _rules(cells: _Cells, page: PageIndex) -> dict[str, float]:
    """Return which borders of rows and columns are drawn, and how many drawn lines run through cells."""
    box, size, rules = _Box.around(cells), cells.size, page.rules
    width, height = max(1.0, box.right - box.left), max(1.0, box.bottom - box.top)
    level = rules.level[(np.minimum(rules.level[:, 2], box.right) - np.maximum(rules.level[:, 1], box.left)) > 0.3 * width]
    upright = rules.upright[
        (np.minimum(rules.upright[:, 2], box.bottom) - np.maximum(rules.upright[:, 1], box.top)) > 0.3 * height
    ]
    row_tops, row_bottoms = np.full(cells.rows, np.inf), np.full(cells.rows, -np.inf)
    short = cells.down == 1
    np.minimum.at(row_tops, cells.row[short], cells.top[short])
    np.maximum.at(row_bottoms, cells.row[short], cells.bottom[short])
    at = level[:, 0]
    drawn = _drawn(row_bottoms[:-1], row_tops[1:], at)
    starts, ends = cells.column_ends
    apart = _drawn(ends[:-1], starts[1:], upright[:, 0])
    inside = at[(at > box.top + 1) & (at < box.bottom - 1)][:60]
    tops, bottoms = cells.word_top[:, None] + 1.5, cells.word_bottom[:, None] - 1.5
    crossed = np.count_nonzero(((tops < inside) & (bottoms > inside)).any(axis=0))
    edges = [
        bool(((at > box.top - 1.5 * size) & (at <= box.top + 1)).any()),
        bool(((at < box.bottom + 1.5 * size) & (at >= box.bottom - 1)).any()),
        bool(((upright[:, 0] < box.left + 1) & (upright[:, 0] > box.left - 2 * size)).any()),
        bool(((upright[:, 0] > box.right - 1) & (upright[:, 0] < box.right + 8 * size)).any()),
    ]
    fills = rules.fills
    behind = (fills[:, 1] < box.bottom) & (fills[:, 3] > box.top) & (fills[:, 0] < box.right) & (fills[:, 2] > box.left)
    within = (upright[:, 0] > box.left) & (upright[:, 0] < box.right)
    return {
        "columns_drawn": apart,
        "rows_drawn": drawn,
        "rules_crossed": float(crossed),
        "boxed": float(sum(edges)),
        "fills": min(60.0, float(behind.sum())) / cells.rows,
        "rules_within": min(60.0, float(len(inside))) / cells.rows,
        "uprights_within": min(60.0, float(within.sum())) / cells.columns,
    }


def _drawn(ends: Floats, starts: Floats, at: Floats) -> float:
    """Return the share of the borders, each between an end and a start, at which a line is drawn."""
    if not len(ends):
        return 0.0
    low, high = np.minimum(ends, starts) - 1.5, np.maximum(ends, starts) + 1.5
    known = np.isfinite(low) & np.isfinite(high)
    return float(((at[None, :] > low[known, None]) & (at[None, :] < high[known, None])).any(axis=1).sum() / len(ends))


def _surroundings(cells: _Cells, page: PageIndex) -> dict[str, float]:
    """Return what stands around a grid: words among its cells, text beside its rows, the lines right above and below."""
    box, size = _Box.around(cells), cells.size
    middle, level = page.middle_x, page.middle_y
    inside = (middle > box.left) & (middle < box.right) & (level > box.top) & (level < box.bottom)
    beside = (level > box.top) & (level < box.bottom) & ~inside
    near = beside & (np.maximum(page.left - box.right, box.left - page.right) < 1.5 * size)
    row_middles = np.unique(np.round((cells.top + cells.bottom)[cells.down == 1] / 2))[:80]
    going_on = np.count_nonzero((np.abs(level[near] - row_middles[:, None]) < 0.5 * size).any(axis=1))
    found = {
        "intruders": float(max(0, inside.sum() - len(cells.words))),
        "beside": int(going_on) / max(1, len(row_middles)),
        "width": (box.right - box.left) / size,
        "height": (box.bottom - box.top) / size,
        "page_share": (box.right - box.left) / max(1.0, float(page.right.max() - page.left.min())),
    }
    across = (page.left < box.right) & (page.right > box.left) & ~inside
    for name, off in (("above", box.top - page.bottom), ("below", page.top - box.bottom)):
        candidates = across & (off > -0.5 * size) & (off < 6 * size)
        if not candidates.any():
            found |= {f"{name}_gap": 10.0, f"{name}_split": 0.0, f"{name}_crossing": 0.0}
            continue
        nearest = float(off[candidates].min())
        line = np.flatnonzero(candidates & (off < nearest + 0.6 * size))
        order = line[np.argsort(page.left[line])]
        gaps = page.left[order][1:] - np.maximum.accumulate(page.right[order])[:-1]
        covered = (page.left[order].clip(box.left) < page.right[order].clip(max=box.right)).sum()
        found |= {
            f"{name}_gap": nearest / size,
            f"{name}_split": float((gaps > 0.6 * size).sum() + 1),
            f"{name}_crossing": float(
                covered and (page.right[order].max() - page.left[order].min()) / max(1.0, box.right - box.left)
            ),
        }
    return found
