"""Readings of lines as tables in arrays: of all that share their column sets, each number is found in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import Line
from document_parser.layout.page_index import Flags, Floats, Integers
from document_parser.layout.tables.candidates import TableCandidate
from document_parser.layout.tables.groups import Groups, ranges, share_of, starts_of

Measures = dict[str, Callable[[], Floats | Integers | Flags]]
"""How each number is found, by its name: a forest asks for some of them only."""


class Batch:
    """Candidates of the same column sets, with their cells, rows, columns and lines in arrays: one candidate after the other.

    Measures of the candidates (``start``, ``end``, ``columns``, ``rows``) have the shape (candidates,); those of the cells
    (``of``, the candidate of each, to ``tail``) have the shape (cells,). ``row``, ``column`` and ``place`` number the rows, the
    columns and the places (row, column) of all candidates; ``row_starts``, ``column_starts`` and ``place_starts`` are the first
    ones of each candidate.
    """

    def __init__(self, candidates: Sequence[TableCandidate]) -> None:
        self.candidates = candidates
        self.sets = sets = candidates[0].sets
        self.region = region = sets.region
        self.size = region.size
        self.start = np.array([candidate.start for candidate in candidates])
        self.end = np.array([candidate.end for candidate in candidates])
        self.columns = np.array([candidate.columns for candidate in candidates])
        self.rows = np.array([candidate.rows[-1] + 1 for candidate in candidates])
        self.lines = self.end - self.start
        self.row_starts, self.column_starts = starts_of(self.rows), starts_of(self.columns)
        self.place_starts, self.line_starts = starts_of(self.rows * self.columns), starts_of(self.lines)
        row_of_line = np.fromiter(chain.from_iterable(candidate.rows for candidate in candidates), dtype=np.intp)
        self.row_of_line = row_of_line + self.row_starts.repeat(self.lines)
        slices = [candidate.cells for candidate in candidates]
        self.cell_starts = np.array([held.start for held in slices])
        self.cell_ends = np.array([held.stop for held in slices])
        self.held, self.of = ranges(self.cell_starts, self.cell_ends)
        self.line = sets.line[self.held] - self.start[self.of] + self.line_starts[self.of]
        self.first, self.last = sets.first[self.held], sets.last[self.held]
        self.left, self.right = sets.left[self.held], sets.right[self.held]
        self.characters, self.numeric = sets.characters[self.held], sets.numeric[self.held]
        self.words, self.bold = sets.word_counts[self.held], sets.bold[self.held]
        self.head = sets.words[sets.at[self.held]]
        self.tail = sets.words[sets.at[self.held] + self.words - 1]
        self.single: Flags = self.first == self.last
        self.row = self.row_of_line[self.line]
        self.column = self.column_starts[self.of] + self.first
        self.place = self.place_starts[self.of] + (self.row - self.row_starts[self.of]) * self.columns[self.of] + self.first

    @property
    def count(self) -> int:
        """Return the number of candidates."""
        return len(self.candidates)

    @cached_property
    def row_of_place(self) -> Integers:
        """Return the row of each place."""
        return np.arange(int(self.rows.sum())).repeat(np.repeat(self.columns, self.rows))

    @cached_property
    def column_of_place(self) -> Integers:
        """Return the column of each place."""
        found, row = ranges(np.zeros(int(self.rows.sum()), dtype=np.intp), self.columns.repeat(self.rows))
        return found + self.column_starts.repeat(self.rows)[row]

    @cached_property
    def filled(self) -> Flags:
        """Return which places a cell covers."""
        found = np.zeros(int((self.rows * self.columns).sum()), dtype=np.bool_)
        spans = self.last - self.first
        for span in range(int(spans.max(initial=0)) + 1):
            found[self.place[spans >= span] + span] = True
        return found

    @cached_property
    def filled_per_row(self) -> Integers:
        """Return the filled places of each row."""
        return np.bincount(self.row_of_place[self.filled], minlength=int(self.rows.sum()))

    @cached_property
    def own(self) -> Integers:
        """Return the cells that cover one column."""
        return np.flatnonzero(self.single)

    @cached_property
    def by_column(self) -> Groups:
        """Return the cells that cover one column, by column."""
        return Groups(self.column[self.own], int(self.columns.sum()))

    @cached_property
    def tops(self) -> Floats:
        """Return the top of the first line of each candidate."""
        found: Floats = self.region.tops[self.start]
        return found

    @cached_property
    def bottoms(self) -> Floats:
        """Return the bottom of the last line of each candidate."""
        found: Floats = self.region.bottoms[self.end - 1]
        return found

    @cached_property
    def lines_per_row(self) -> Integers:
        """Return the lines of each row."""
        return np.bincount(self.row_of_line, minlength=int(self.rows.sum()))

    @cached_property
    def usual_characters(self) -> Floats:
        """Return the characters of the middle cell of each column, of those that cover it alone; NaN without any."""
        return self.by_column.medians(self.characters[self.own].astype(np.float64))

    @cached_property
    def own_cell_starts(self) -> Integers:
        """Return the place of the first cell of each candidate."""
        return starts_of(self.cell_ends - self.cell_starts)

    @cached_property
    def x0(self) -> Floats:
        """Return the left edge of each candidate, of the shape (candidates, 1)."""
        found: Floats = np.minimum.reduceat(self.left, self.own_cell_starts)[:, None]
        return found

    @cached_property
    def x1(self) -> Floats:
        """Return the right edge of each candidate, of the shape (candidates, 1)."""
        found: Floats = np.maximum.reduceat(self.right, self.own_cell_starts)[:, None]
        return found

    @cached_property
    def width(self) -> Floats:
        """Return the width of each candidate, at least a point."""
        found: Floats = np.maximum(self.x1 - self.x0, 1.0)[:, 0]
        return found

    @cached_property
    def across(self) -> Flags:
        """Return which level lines run along more than half of each candidate's width, of the shape (candidates, lines)."""
        _, start, end = self.region.index.rules.level.T
        return np.asarray((np.minimum(end, self.x1) - np.maximum(start, self.x0)) > 0.5 * self.width[:, None])

    @cached_property
    def rules_within(self) -> Flags:
        """Return which of these lines lie within each candidate, not at its edges."""
        at = self.region.index.rules.level[:, 0]
        return np.asarray(self.across & (at > self.tops[:, None] + 1) & (at < self.bottoms[:, None] - 1))

    def lines_at(self, numbers: Integers) -> list[Line]:
        """Return lines of the region by their numbers; for a number outside of it the nearest line."""
        return [self.region.lines[number] for number in numbers.clip(0, len(self.region.lines) - 1).tolist()]

    def per_row(self, flags: Flags) -> Integers:
        """Return of how many rows of each candidate something is true."""
        return np.add.reduceat(flags, self.row_starts, dtype=np.intp)

    def per_column(self, flags: Flags) -> Integers:
        """Return of how many columns of each candidate something is true."""
        return np.add.reduceat(flags, self.column_starts, dtype=np.intp)

    def share(self, flags: Flags, among: Flags | None = None) -> Floats:
        """Return of which share of each candidate's cells something is true, or of some of them; NaN if there are none."""
        if among is not None:
            flags = flags & among
        everything = self.cell_ends - self.cell_starts if among is None else np.bincount(self.of[among], minlength=self.count)
        return share_of(np.bincount(self.of[flags], minlength=self.count), everything)
