"""Join what a model says with what the CPU engine found: a value that is on the page is never replaced by one that is not.

The rule for one field, in this order: a value of the model that breaks the schema is none; if both say the same, it is the
CPU engine's, beside its label; if only one has a value, it is that one; a value of the CPU engine of which it is sure stays;
else the model's is taken if it is on the page, and the CPU engine's if it is not. Each difference is a failed check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from document_parser.extraction.candidates import Candidate, Pages
from document_parser.extraction.einvoice import is_same
from document_parser.extraction.grounding import ground_row
from document_parser.extraction.labels import words_of
from document_parser.extraction.model.asking import Asker, Said
from document_parser.extraction.model.placing import Spot, is_short, label_near, place_row
from document_parser.extraction.model.windows import Window
from document_parser.extraction.rows import Row, Rows
from document_parser.extraction.schema import Leaf, ListOf, leaves_of
from document_parser.extraction.validity import check_value
from document_parser.extraction.view import PageView
from document_parser.models import Table
from document_parser.models.extraction import ExtractionCheck, ExtractionWarning

SURE = 0.8
"""A value of the CPU engine of at least this score is kept although the model says otherwise."""
BY_LABEL, ON_PAGE, FUZZY, NOWHERE = 0.9, 0.75, 0.5, 0.1
"""How sure a value of the model is: beside the field's label, elsewhere on the page, but for a letter, not on the page."""
MAX_SHOWN = 80
"""Characters of a value that a message shows, at most."""


class Joined(NamedTuple):
    """The value of a field after both were heard, and the check that compares them, if both said something."""

    value: Candidate | None
    check: ExtractionCheck | None


def join(leaf: Leaf, found: Candidate | None, said: Candidate | None, pointer: str) -> Joined:
    """Return the value of a field, given the CPU engine's and the model's."""
    if found is None or said is None:
        return Joined(found or said, None)
    if _says_same(found, said):
        return Joined(found, ExtractionCheck(name="model_agrees", outcome="passed", fields=[pointer]))
    message = f"The page is read as {_shown(found.value)} without the model, and the model says {_shown(said.value)}."
    keeps = found.score >= SURE or said.match == "none" or (said.match == "fuzzy" and bool(found.label))
    message += " The first is returned." if keeps else " The second is returned."
    check = ExtractionCheck(name="model_agrees", outcome="failed", message=message, fields=[pointer])
    return Joined(found if keeps else said, check)


def _says_same(one: Candidate, other: Candidate) -> bool:
    """Return whether two values are the same, or the same words of the page."""
    if is_same(one.value, other.value) or (one.quote and is_same(one.quote, other.value)):
        return True
    if isinstance(one.value, str) and isinstance(other.value, str):
        words = words_of(one.value)
        return bool(words) and words == words_of(other.value)
    return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _candidate(value: Any, spot: Spot | None, score: float, label: str = "") -> Candidate:
    """Return a value of the model as a candidate; without a place it is on no page."""
    if spot is None:
        return Candidate(value, (), NOWHERE, origin="model", match="none")
    score = min(score, FUZZY) if spot.match == "fuzzy" else score
    return Candidate(value, spot.places, score, label, origin="model", match=spot.match)


@dataclass
class Values:
    """The model's value of each single field, the best of all pages, and what of its values breaks the schema."""

    chosen: dict[str, Candidate] = field(default_factory=dict)
    invalid: list[ExtractionWarning] = field(default_factory=list)

    def add(self, said: Said, leaves: Mapping[str, Leaf], pages: Pages, asker: Asker) -> None:
        """Add what was said of a window. The first of several values that are equally sure is kept."""
        view = said.window.view
        for pointer, given in said.values.items():
            if pointer not in leaves:
                continue
            leaf, checked = leaves[pointer], check_value(leaves[pointer], given, asker.conventions)
            if checked.problem:
                message = f"The model's value {_shown(given)} {checked.problem}, so that it is not returned."
                warning = ExtractionWarning(code="model_value_invalid", message=message, field=pointer, page=view.number)
                self.invalid.append(warning)
            elif checked.value is not None:
                one = _place_value(leaf, checked.value, pointer, said.window, pages, asker)
                if pointer not in self.chosen or one.score > self.chosen[pointer].score:
                    self.chosen[pointer] = one


def _place_value(leaf: Leaf, value: Any, pointer: str, window: Window, pages: Pages, asker: Asker) -> Candidate:
    """Return a value with its place on the page that was asked about: beside the field's label if it is there."""
    best: Candidate | None = None
    for spot in asker.values_of(window.view).spots(leaf, value):
        hit = label_near(spot, pointer, pages)
        if hit is not None:
            return _candidate(value, spot, BY_LABEL, hit.segment.text[hit.start : hit.end])
        if best is None and not is_short(spot):
            best = _candidate(value, spot, ON_PAGE)
    return best or _candidate(value, None, NOWHERE)


@dataclass
class _Told:
    """A row that the model says: its values, where it is on its page (infinitely low if nowhere), and what of it is invalid."""

    view: PageView
    cells: dict[str, Candidate]
    y: float
    problems: dict[str, str]

    @property
    def segments(self) -> set[tuple[int, int]]:
        """Return the pieces of lines that its values stand in."""
        return _segments_of(self.cells)


def _segments_of(row: Row) -> set[tuple[int, int]]:
    return {(place.segment.page, place.segment.number) for one in row.values() for place in one.places}


@dataclass
class ListJoin:
    """The rows of one list: those of the CPU engine, and those that the model says."""

    pointer: str
    wanted: ListOf
    found: Rows
    pages: Pages
    asker: Asker
    told: list[_Told] = field(default_factory=list)
    _used: set[tuple[int, int, int]] = field(default_factory=set)

    def add(self, said: Said) -> None:
        """Add the rows that were said of a window. A row that is there already is said once."""
        leaves, window = leaves_of(self.wanted.item), said.window
        for given in said.rows.get(self.pointer, ()):
            checked = {
                key: check_value(leaves[key], one, self.asker.conventions) for key, one in given.items() if key in leaves
            }
            values = {key: one.value for key, one in checked.items() if one.value is not None}
            problems = {key: f"{_shown(given[key])} {one.problem}" for key, one in checked.items() if one.problem}
            if not values and not problems:
                continue
            spots = {key: self.asker.values_of(window.view).spots(leaves[key], value) for key, value in values.items()}
            countable = sum(leaves[key].kind != "boolean" for key in values)
            places = place_row({key: one for key, one in spots.items() if one}, countable, _span(window), self._used)
            if places is None:
                continue
            self._used |= {spot.key for spot in places.values()}
            cells = {key: _candidate(value, places.get(key), BY_LABEL) for key, value in values.items()}
            y = min((spot.segment.middle for spot in places.values()), default=float("inf"))
            self.told.append(_Told(window.view, cells, y, problems))

    def left_out(self) -> dict[int, list[tuple[float, float]]]:
        """Return where the rows are that the model was asked about and did not return: heights in points, by page."""
        found: dict[int, list[tuple[float, float]]] = {}
        told = set().union(*(one.segments for one in self.told)) if self.told else set()
        for row in self.found.rows:
            segments = [place.segment for one in row.values() for place in one.places]
            if segments and segments[0].page in self.asker.answered and not _segments_of(row) & told:
                span = (min(one.top for one in segments), max(one.bottom for one in segments))
                found.setdefault(segments[0].page, []).append(span)
        for page, rows in self._of_tables().items():
            found.setdefault(page, []).extend((row.top, row.bottom) for row in rows if not row.told)
        return found

    def _of_tables(self) -> dict[int, list[_TableRow]]:
        """Return the rows of the tables that the list goes through, by page, where the CPU engine knows no row itself."""
        if self.found.rows or not self.told:
            return {}
        told = set().union(*(one.segments for one in self.told))
        pages: dict[int, list[_TableRow]] = {}
        width = 0
        for view in self.pages.views:
            for table in view.tables:
                rows = [*_table_rows(view, table, told)]
                first = next((at for at, row in enumerate(rows) if row.told), None)
                if first is None and (table.columns != width or not rows):
                    continue
                width = table.columns
                least = min((row.filled for row in rows if row.told), default=max(1, width - 1))
                pages.setdefault(view.number, []).extend(row for row in rows[first or 0 :] if row.told or row.filled >= least)
        return pages

    def join(self) -> tuple[Rows, list[ExtractionCheck], list[ExtractionWarning], bool]:
        """Return the rows of both in the order of the document, what does not agree, and whether no row is missing.

        A row of the CPU engine that the model left out is there all the same; rows of tables that neither has are named.
        """
        entries, checks = self._pair()
        order = {view.number: place for place, view in enumerate(self.pages.views)}
        entries.sort(key=lambda one: (order.get(one.page, len(order)), one.y))
        warnings = [*self._invalid(entries)]
        missing = {page: [at for at, row in enumerate(rows, 1) if not row.told] for page, rows in self._of_tables().items()}
        missing = {page: numbers for page, numbers in missing.items() if numbers}
        for page, numbers in missing.items():
            message = f"Rows {_ranges(numbers)} of the table on page {page} are missing in this list."
            warnings.append(ExtractionWarning(code="rows_missing", message=message, field=self.pointer, page=page))
        for at, entry in enumerate(entries):
            for key, check in entry.checks.items():
                checks.append(check.model_copy(update={"fields": [f"{self.pointer}/{at}{key}"]}))
        lost = sum(map(len, missing.values()))
        # A row that the model invents is in the answer, and not among those that the document has.
        seen = max(self.found.seen, sum(bool(_segments_of(one.row)) for one in entries)) + lost
        return Rows([one.row for one in entries], seen, self.found.amount), checks, warnings, not lost

    def _pair(self) -> tuple[list[_Entry], list[ExtractionCheck]]:
        """Return the rows of the CPU engine with what the model says of them, and the others of the model."""
        leaves, free = leaves_of(self.wanted.item), dict(enumerate(self.told))
        by_segment: dict[tuple[int, int], list[int]] = {}
        for place, one in free.items():
            for segment in one.segments:
                by_segment.setdefault(segment, []).append(place)
        entries: list[_Entry] = []
        agreed = False
        for row in self.found.rows:
            shares = Counter(place for at in _segments_of(row) for place in by_segment.get(at, ()) if place in free)
            told = free.pop(max(shares, key=lambda place: (shares[place], -place))) if shares else None
            cells, checks = dict(row), {}
            for key, said in (told.cells if told is not None else {}).items():
                value, check = join(leaves[key], row.get(key), said, key)
                if value is not None:
                    cells[key] = value
                if check is not None and check.outcome == "failed":
                    checks[key] = check
                agreed = agreed or (check is not None and check.outcome == "passed")
            pieces = [place.segment for one in row.values() for place in one.places]
            page = pieces[0].page if pieces else 0
            y = min((one.middle for one in pieces), default=float("inf"))
            entries.append(_Entry(page, y, cells, checks, told.problems if told is not None else {}))
        entries += [_Entry(one.view.number, one.y, one.cells, {}, one.problems) for one in free.values()]
        passed = ExtractionCheck(name="model_agrees", outcome="passed", fields=[self.pointer])
        whole = agreed and not any(one.checks for one in entries)
        return entries, [passed] if whole else []

    def _invalid(self, entries: Sequence[_Entry]) -> Iterator[ExtractionWarning]:
        for at, entry in enumerate(entries):
            for key, problem in entry.problems.items():
                yield ExtractionWarning(
                    code="model_value_invalid",
                    message=f"The model's value {problem}, so that it is not returned.",
                    field=f"{self.pointer}/{at}{key}",
                    page=entry.page,
                )


class _Entry(NamedTuple):
    """A row of the answer: its page and height there, its values, where both differ, and what of the model is invalid."""

    page: int
    y: float
    row: Row
    checks: dict[str, ExtractionCheck]
    problems: dict[str, str]


class _TableRow(NamedTuple):
    """A row of a table: its heights in points, how many cells have text, and whether the model returned it."""

    top: float
    bottom: float
    filled: int
    told: bool


def _table_rows(view: PageView, table: Table, told: Set[tuple[int, int]]) -> Iterator[_TableRow]:
    """Yield the rows of a table below its header, as far as they are found on the page."""
    by_row: dict[int, list[str]] = {}
    for cell in table.cells:
        if not cell.header and cell.text.strip():
            by_row.setdefault(cell.row, []).append(cell.text)
    below = 0.0
    for _, texts in sorted(by_row.items()):
        segments = [place.segment for places in ground_row(texts, view, below) for place in places]
        if segments:
            below = max(one.top for one in segments) + 1
            is_told = any((one.page, one.number) in told for one in segments)
            yield _TableRow(min(one.top for one in segments), max(one.bottom for one in segments), len(texts), is_told)


def _span(window: Window) -> tuple[float, float]:
    return window.top, window.bottom


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers as text, those that follow each other as a range."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
