"""Group the lines of a list into its rows: a row may have several lines, and not every line belongs to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from document_parser.extraction.candidates import Candidate
from document_parser.extraction.cells import Fields, Line, is_position, is_text, joined, strong_keys

TOUCHING = 0.7
"""White between lines of one row, in heights of a line, at most."""
CLOSER = 0.75
"""White within a text of several lines, as a share of the white between rows, at most, where these are apart."""
FAR = 8.0
"""Heights of a line between the top of a row and its number, at most, if the number stands lower."""
MIN_PITCH = 3.0
"""Points between two lines, at least: nearer ones are one line whose words are not level."""
DENSE = 0.35
"""White between rows, in heights of a line, below which the lines of a text are as far apart as rows."""


@dataclass
class Grouped:
    """The rows of lines, and how many lines had values but too few to be a row."""

    rows: list[dict[str, Candidate]] = field(default_factory=list)
    left_out: int = 0


@dataclass
class _Row:
    """A row under way: its values, and the middle of its first and of its last line, in points."""

    page: int
    top: float
    bottom: float
    values: dict[str, Candidate]
    after_sum: bool = False
    is_exact: bool = False
    reach: dict[str, float] = field(default_factory=dict)
    """The middle of the last line of each value."""


def group_lines(lines: Sequence[Line], fields: Fields, keys: Sequence[str], amount: str, height: float) -> Grouped:
    """Return the rows that lines make. ``keys`` are the fields that have a column, ``amount`` is that of the line's amount.

    ``height`` is the usual height of a line in points.
    """
    strong = set(strong_keys(fields, keys))
    height = min([height, *_pitches(lines)[:1]])
    rows = _Grouper(fields, strong, height, _white_between(lines, strong, height), keys[0] if keys else "").rows_of(lines)
    least = min(2, len(strong))
    found = Grouped()
    for row in rows:
        count = len(strong & row.values.keys())
        named = any(key in row.values and is_text(fields[key]) for key in keys)
        whole = count >= least if strong else len(row.values) >= min(2, len(keys))
        if whole or (named and amount in row.values and not row.after_sum) or (row.is_exact and row.values and count):
            found.rows.append(row.values)
        elif count and not row.after_sum:
            found.left_out += 1
    return found


def _pitches(lines: Sequence[Line]) -> list[float]:
    """Return the lower quarter of the distances between lines, in points: boxes of OCR are higher than the letters in them."""
    steps = [below.middle - above.middle for above, below in pairwise(lines) if below.page == above.page]
    kept = sorted(step for step in steps if step > MIN_PITCH)
    return kept[len(kept) // 4 :]


def _white_between(lines: Sequence[Line], strong: set[str], height: float) -> float:
    """Return the usual white between lines that each have values of rows, in points."""
    told = [line for line in lines if len(strong & line.values.keys()) >= min(2, len(strong)) and not line.sum_of]
    gaps = sorted(below.middle - above.middle - height for above, below in pairwise(told) if below.page == above.page)
    return gaps[len(gaps) // 4] if gaps else 0.0


@dataclass
class _Grouper:
    """Puts lines together, one after the other."""

    fields: Fields
    strong: set[str]
    height: float
    white: float
    first_key: str
    """The field of the first column, by which rows are told if none holds a number."""
    _rows: list[_Row] = field(default_factory=list)
    _above: list[Line] = field(default_factory=list)
    """Lines of text below which no row has begun yet."""

    def rows_of(self, lines: Iterable[Line]) -> list[_Row]:
        """Return the rows of lines from top to bottom."""
        after_sum = False
        open_row: _Row | None = None
        for line in lines:
            if line.sum_of:
                open_row, after_sum, self._above = None, True, []
            elif line.is_exact:
                self._begin(line, after_sum=after_sum)
            elif not self.strong & line.values.keys() and self.strong:
                if open_row is None or not self._go_on(open_row, line):
                    self._above.append(line)
            elif open_row is not None and self._is_same_row(open_row, line):
                self._add(open_row, line)
            else:
                open_row = self._begin(line, after_sum=after_sum)
                after_sum = after_sum and len(self.strong & line.values.keys()) < min(2, len(self.strong))
        return self._rows

    def _begin(self, line: Line, *, after_sum: bool) -> _Row:
        """Begin a row, with the lines of text right above it if it has none of its own."""
        row = _Row(line.page, line.middle, line.middle, dict(line.values), after_sum, line.is_exact)
        text = {key for key in line.values if is_text(self.fields[key])}
        row.reach = dict.fromkeys(row.values, line.middle)
        reach = line.middle
        taken: list[Line] = []
        for above in reversed(self._above):
            if text or above.page != line.page or not self._touches(above.middle, reach):
                break
            taken.insert(0, above)
            reach = above.middle
        for above in reversed(taken):
            for key, value in above.values.items():
                row.values[key] = joined(value, row.values[key]) if key in row.values and key not in text else value
        self._above = []
        self._rows.append(row)
        return row

    def _touches(self, above: float, below: float) -> bool:
        """Return whether two lines follow each other as those of one text do, by their middles."""
        return below - above - self.height <= TOUCHING * self.height

    def _go_on(self, row: _Row, line: Line) -> bool:
        """Add a line without values of its own to a row: its text if it is right below, and its number. Return whether."""
        added = False
        if line.page != row.page:
            return False
        for key, value in line.values.items():
            lacks = key not in row.values
            if is_position(self.fields[key]):
                if lacks and line.middle - row.top <= FAR * self.height:
                    row.values[key], added = value, True
            elif self._is_next(row.reach.get(key, row.top), line):
                if is_text(self.fields[key]):
                    row.values[key] = value if lacks else joined(row.values[key], value)
                elif lacks:
                    row.values[key] = value
                row.reach[key], added = line.middle, True
        if added:
            row.bottom = max(row.bottom, line.middle)
        return added

    def _is_next(self, above: float, line: Line) -> bool:
        """Return whether a line follows another one closely enough to go on with its text."""
        white = line.middle - above - self.height
        apart = self.white > DENSE * self.height
        return white <= (min(TOUCHING * self.height, CLOSER * self.white) if apart else TOUCHING * self.height)

    def _is_same_row(self, row: _Row, line: Line) -> bool:
        """Return whether a line with values goes on with a row: it has none that the row has, and stands right below it."""
        if row.page != line.page or not self._touches(row.bottom, line.middle):
            return False
        if any(is_position(self.fields[key]) for key in row.values.keys() & line.values.keys()):
            return False
        if not self.strong:
            return self.first_key not in line.values
        return not self.strong & row.values.keys() & line.values.keys()

    def _add(self, row: _Row, line: Line) -> None:
        """Add a line with values to a row."""
        for key, value in line.values.items():
            if key in row.values and is_text(self.fields[key]):
                row.values[key] = joined(row.values[key], value)
            else:
                row.values.setdefault(key, value)
            row.reach[key] = line.middle
        row.bottom = max(row.bottom, line.middle)
