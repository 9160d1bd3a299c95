"""Two readings of a page's tables compared by which words share a cell, row or column.

Two readers split the same table differently: a line of a cell as a row, two columns under one header, a span as one cell or as
several. None of that is a difference of content. So rows and columns of both are put into groups that correspond, each row or
column with the one of the other reading that has most of its words, and words are compared by group. Header cells are left
out: where a header ends, and over what it reaches, readers see differently.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from document_parser.models import FoundTable, Table
from document_parser.text.normalize import strip_formulas, tokenize

MIN_SHARED_SHARE = 0.5
"""Tables correspond if at least this share of the words of the smaller one is in both."""
_TIE = 1e-6
"""Weights that differ by a smaller share are equal but for rounding."""
MAX_OCCURRENCES = 100
"""A word that a table has more often is not followed: it says little about where it belongs, and pairs grow by the square."""
MAX_MOVED_SHARE = 0.2
"""If more of the words of an aligned table are elsewhere, its other reading found no columns that could be compared."""

MIN_MOVED_ALIGNED_WORDS = 3
"""Fewer words of an aligned table in other columns are the other reading's fault. Of 70 pages whose true
tables are known, 4 would be suspected with 2, and one is with 3."""


@dataclass(frozen=True)
class TableAgreement:
    """How two readings of a page's tables compare: how many were compared, and the cells with other words.

    ``moved`` counts cells of ours with words that the other reading has in another row or column, ``missing`` cells of the
    other reading in rows and columns that ours lacks.
    """

    compared: int = 0
    moved: int = 0
    missing: int = 0

    @property
    def differing(self) -> int:
        """Return the number of cells that differ."""
        return self.moved + self.missing


class _Placed(NamedTuple):
    """A word of a table with the rows and columns that its cell covers."""

    token: str
    rows: range
    columns: range
    header: bool = False


def compare_tables(ours: Sequence[Table], theirs: Sequence[FoundTable], page_words: Iterable[str]) -> TableAgreement:
    """Return how far another reader's tables agree with ours. ``page_words`` are the texts of all words of the page.

    Words that only the other reader sees, such as hidden text, count for nothing; a table of the other reader that none of
    ours corresponds to counts for nothing either: frames are no tables.
    """
    known = Counter(token for text in page_words for token in tokenize(text))
    read = [list(_words_of(table)) for table in ours]
    inside = Counter(word.token for table in read for word in table)
    total = TableAgreement()
    for found in theirs:
        other = [word for word in _found_words_of(found) if word.token in known]
        table = _find_counterpart(read, other)
        if table is not None:
            one = _compare(table, other, inside, known, found.strategy == "text")
            if one.moved > MAX_MOVED_SHARE * len({(word.rows.start, word.columns.start) for word in table}):
                turned = [word._replace(rows=word.columns, columns=word.rows) for word in other]
                one = min(one, _compare(table, turned, inside, known, found.strategy == "text"), key=lambda x: x.differing)
            total = _add(total, one)
    return total


def _add(total: TableAgreement, more: TableAgreement) -> TableAgreement:
    """Return the sums of two comparisons."""
    return TableAgreement(total.compared + more.compared, total.moved + more.moved, total.missing + more.missing)


def _words_of(table: Table) -> Iterator[_Placed]:
    """Give the words of a table of ours. If it has no header, the first row counts as one: not every model marks headers."""
    marked = any(cell.header for cell in table.cells)
    for cell in table.cells:
        rows = range(cell.row, cell.row + cell.row_span)
        columns = range(cell.column, cell.column + cell.column_span)
        for token in tokenize(strip_formulas(cell.text)):
            yield _Placed(token, rows, columns, cell.header if marked else cell.row == 0)


def _found_words_of(table: FoundTable) -> Iterator[_Placed]:
    """Give the words of the other reading's table; a cell spans the places after and below it that have no cell."""
    for number, row in enumerate(table.rows):
        for column, text in enumerate(row):
            if not text:
                continue
            right = column + 1
            while right < len(row) and row[right] is None:
                right += 1
            below = number + 1
            while below < len(table.rows) and column < len(table.rows[below]) and table.rows[below][column] is None:
                below += 1
            for token in tokenize(text):
                yield _Placed(token, range(number, below), range(column, right))


def _find_counterpart(ours: Sequence[list[_Placed]], other: Sequence[_Placed]) -> list[_Placed] | None:
    """Return the table of ours that has most of the words; None if none has enough."""
    theirs = Counter(word.token for word in other)
    best, most = None, 0.0
    for table in ours:
        mine = Counter(word.token for word in table)
        smaller = min(mine.total(), theirs.total())
        shared = (mine & theirs).total()
        if smaller and shared >= MIN_SHARED_SHARE * smaller and shared > most:
            best, most = table, shared
    return best


def _compare(
    ours: list[_Placed], other: list[_Placed], inside: Counter[str], known: Counter[str], aligned: bool
) -> TableAgreement:
    """Return how two readings of one table differ."""
    headers = {word.token for word in ours if word.header}
    body = _drop_frequent([word for word in ours if not word.header])
    rest = _drop_frequent([word for word in other if word.token not in headers])
    if aligned:
        once = _find_unique(body) & _find_unique(rest)
        body = [word for word in body if word.token in once]
        rest = [word for word in rest if word.token in once]
    rows, other_rows = _group_places([(w.token, w.rows.start) for w in body], [(w.token, w.rows.start) for w in rest])
    if aligned:  # where a row begins and ends is a guess: all rows are one group
        rows, other_rows = dict.fromkeys(rows, 0), dict.fromkeys(other_rows, 0)
    columns, other_columns = _group_places(
        [(w.token, w.columns.start) for w in body], [(w.token, w.columns.start) for w in rest]
    )
    moved_words = _find_moved(
        [(w, _cells_covered_by(w, rows, columns)) for w in body],
        [(w, _cells_covered_by(w, other_rows, other_columns)) for w in rest],
    )
    if aligned and len(moved_words) > MAX_MOVED_SHARE * len(body):
        return TableAgreement()
    if aligned and len(moved_words) < MIN_MOVED_ALIGNED_WORDS:
        return TableAgreement(compared=1)
    moved = len({(word.rows.start, word.columns.start) for word in moved_words})
    return TableAgreement(1, moved, 0 if aligned else _count_missing(rest, inside, known))


def _drop_frequent(words: list[_Placed]) -> list[_Placed]:
    """Return the words without those that occur more than MAX_OCCURRENCES times."""
    counts = Counter(word.token for word in words)
    return [word for word in words if counts[word.token] <= MAX_OCCURRENCES]


def _find_unique(words: Sequence[_Placed]) -> set[str]:
    """Return the words that occur once."""
    return {token for token, count in Counter(word.token for word in words).items() if count == 1}


def _group_places(ours: Sequence[tuple[str, int]], other: Sequence[tuple[str, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the group of each row (or column) of both readings: each is with the one that shares most of its words.

    A word weighs less the more often it occurs, because "0" says nothing about where it belongs.
    """
    mine, theirs = _count_by_token(ours), _count_by_token(other)
    weights: defaultdict[tuple[int, int], float] = defaultdict(float)
    for token in mine.keys() & theirs.keys():
        scale = 1 / (mine[token].total() * theirs[token].total())
        for row, count in mine[token].items():
            for other_row, other_count in theirs[token].items():
                weights[row, other_row] += min(count, other_count) * scale
    groups = _Groups()
    for side in (0, 1):
        best: defaultdict[int, float] = defaultdict(float)
        for pair, weight in weights.items():
            best[pair[side]] = max(best[pair[side]], weight)
        for pair, weight in weights.items():
            if weight >= (1 - _TIE) * best[pair[side]]:
                groups.join(pair)
    return groups.numbers("ours"), groups.numbers("other")


class _Groups:
    """Rows (or columns) of both readings in disjoint groups."""

    def __init__(self) -> None:
        self._parents: dict[tuple[str, int], tuple[str, int]] = {}
        self._numbers: dict[tuple[str, int], int] = {}

    def join(self, pair: tuple[int, int]) -> None:
        """Put a row of ours and one of the other reading, with all that are with either, into one group."""
        self._parents[self._root(("ours", pair[0]))] = self._root(("other", pair[1]))

    def _root(self, place: tuple[str, int]) -> tuple[str, int]:
        while self._parents.setdefault(place, place) != place:
            place = self._parents[place]
        return place

    def numbers(self, reading: str) -> dict[int, int]:
        """Return the number of the group of each row of a reading, once all are joined."""
        places = [place for place in self._parents if place[0] == reading]
        return {place[1]: self._numbers.setdefault(self._root(place), len(self._numbers)) for place in places}


def _count_by_token(words: Sequence[tuple[str, int]]) -> dict[str, Counter[int]]:
    found: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for token, place in words:
        found[token][place] += 1
    return found


def _cells_covered_by(word: _Placed, rows: dict[int, int], columns: dict[int, int]) -> frozenset[tuple[int, int]]:
    """Return the pairs of groups that a word's cell covers; empty if it corresponds to nothing."""
    return frozenset((rows[r], columns[c]) for r in word.rows if r in rows for c in word.columns if c in columns)


def _find_moved(
    ours: Sequence[tuple[_Placed, frozenset[tuple[int, int]]]], other: Sequence[tuple[_Placed, frozenset[tuple[int, int]]]]
) -> list[_Placed]:
    """Return the words of ours for which the other reading has the same word, but only in other places."""
    free: defaultdict[str, list[frozenset[tuple[int, int]]]] = defaultdict(list)
    for word, cells in other:
        free[word.token].append(cells)
    total = Counter(word.token for word, _ in ours)
    comparable = {token for token, places in free.items() if len(places) == total[token]}
    unmatched = []
    for word, cells in sorted(ours, key=lambda one: len(one[1])):
        if word.token not in comparable:
            continue
        places = free[word.token]
        match = next((place for place in places if place & cells), None)
        if match is not None:
            places.remove(match)
        else:
            unmatched.append(word)
    moved = []
    for word in unmatched:
        if free[word.token]:
            free[word.token].pop()
            moved.append(word)
    return moved


def _count_missing(other: Sequence[_Placed], inside: Counter[str], known: Counter[str]) -> int:
    """Return how many cells the other reading has in rows and columns that no table of ours has.

    Only those between rows and columns that ours has: a title above a table and a note below it are no rows.
    """
    surplus = (Counter(word.token for word in other) & known) - inside
    return len({cell for by_row in (True, False) for cell in _find_lost(other, surplus, by_row=by_row)})


def _count_cells(words: Iterable[_Placed]) -> int:
    """Return in how many cells words are."""
    return len({(word.rows.start, word.columns.start) for word in words})


def _find_lost(other: Sequence[_Placed], surplus: Counter[str], *, by_row: bool) -> Iterator[tuple[int, int]]:
    """Give the cells of the inner rows (or columns) of which every word is more often in the other reading than in ours."""
    lines: defaultdict[int, list[_Placed]] = defaultdict(list)
    for word in other:
        lines[(word.rows if by_row else word.columns).start].append(word)
    lost = {
        line for line, words in lines.items() if not Counter(word.token for word in words) - surplus and _count_cells(words) > 1
    }
    known = lines.keys() - lost
    for line in lost:
        if known and min(known) < line < max(known):
            yield from ((word.rows.start, word.columns.start) for word in lines[line])
