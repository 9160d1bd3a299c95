"""Find the rows of a list by its column heads alone, if the layout has made no table of them.

The heads are labels side by side; what stands below a head belongs to its column, and a line with values in two columns
is a row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from document_parser.extraction.labels import Concept, LabelIndex, labels_for, load_concepts, role_of
from document_parser.extraction.schema import Leaf
from document_parser.extraction.search import Candidate, Pages, Place, find_values
from document_parser.extraction.view import PageView, Segment

Fields = Mapping[str, tuple[Leaf, Concept | None]]
"""The single values of a list's rows by their pointers into a row, with what they stand for."""
MAX_BAND_HEIGHTS = 4.0
"""Heights of a line over which the heads of a table may be spread."""
MAX_GAP_HEIGHTS = 7.0
"""White below a row, in heights of a line, after which a table has ended."""
NAME_GAP_HEIGHTS = 0.9
"""White between the lines of one text of a row, in usual heights of a line of the page, at most."""
MAX_HEAD_WORDS = 4
"""Words of a piece of a head, at most."""
HEAD_SCORE = 0.85
"""How sure a value below the head of its field is."""

_TOTALS = ("grand_total", "tax_basis_total", "tax_total", "due_payable", "line_total")


@dataclass
class _Column:
    """A column: its field's key, empty for a head that is no field; its edges are in points."""

    key: str
    left: float
    right: float


@dataclass
class _Row:
    """A row: its line, and the pieces of each column by key."""

    top: float
    cells: dict[str, list[Place]] = field(default_factory=dict)


def rows_by_columns(fields: Fields, views: Sequence[PageView], pages: Pages) -> list[dict[str, Candidate]]:
    """Return the rows below heads that name at least two fields, on all pages."""
    index = LabelIndex()
    for key, (leaf, concept) in fields.items():
        index.add(key, labels_for(leaf, concept))
    for concept in load_concepts().values():
        if concept.is_column:
            index.add(f"known {concept.name}", concept.labels)
    found: list[dict[str, Candidate]] = []
    columns: list[_Column] = []
    for view in views:
        band = _find_band(view, index, fields)
        if band is not None:
            columns = band.columns
        below = band.bottom if band is not None else 0.0
        if columns:
            rows, ended = _rows_below(view, below, columns, fields, pages)
            found += [values for row in rows if (values := _values(row, fields, pages))]
            columns = [] if ended else columns
    return found


@dataclass(frozen=True)
class _Band:
    """The heads of a table: its columns from left to right, and where it ends, in points."""

    columns: list[_Column]
    bottom: float


def _find_band(view: PageView, index: LabelIndex, fields: Fields) -> _Band | None:
    """Return the heads on a page that name the most fields; None if no lines name two."""
    heads = list(_heads(view, index))
    best: tuple[int, float] | None = None
    for _, _, first, _, _ in heads:
        near = _near(heads, first)
        count = len({key for key, *_ in near if key in fields})
        if count >= min(2, len(fields)) and count > 1 and (best is None or count > best[0]):
            best = (count, first.top)
    if best is None:
        return None
    top = best[1]
    chosen = [head for head in heads if 0 <= head[2].top - top <= MAX_BAND_HEIGHTS * head[2].height]
    columns: dict[str, _Column] = {}
    for key, _, _, left, right in sorted(chosen, key=lambda head: (head[0].startswith("known"), head[1])):
        taken = any(min(right, one.right) > max(left, one.left) for one in columns.values())
        if key not in columns and not taken:
            columns[key] = _Column(key if key in fields else "", left, right)
    bottom = max(head[2].bottom for head in chosen)
    others = [one for one in view.segments if top - 2 * one.height <= one.top < bottom and one.bottom <= bottom + one.height]
    for other in others:
        if not any(min(other.right, one.right) > max(other.left, one.left) for one in columns.values()):
            columns[f"other {other.number}"] = _Column("", other.left, other.right)
    return _Band(sorted(columns.values(), key=lambda one: one.left), bottom)


_Head = tuple[str, int, Segment, float, float]
"""A head: its field's key, the rank of its label, its piece, and its left and right edge in points."""


def _heads(view: PageView, index: LabelIndex) -> Iterator[_Head]:
    """Yield the labels of columns on a page: alone in a piece or nearly so, or in pieces below each other."""
    fuzzy = view.origin == "ocr"
    for segment in view.segments:
        for hit in index.find(segment, fuzzy=fuzzy):
            if hit.end - hit.start >= 0.5 * len(segment.text) or len(segment.text.split()) <= MAX_HEAD_WORDS:
                yield (hit.key, hit.rank, segment, *_edges(segment, hit.start, hit.end))
        stack = _stack(segment, view)
        if stack is not None:
            for hit in index.find(stack, fuzzy=fuzzy):
                if hit.end > len(segment.text):
                    yield (hit.key, hit.rank, stack, stack.left, stack.right)


def _stack(segment: Segment, view: PageView) -> Segment | None:
    """Return a short piece with the pieces right below it as one: a head in several lines. None if nothing is below it."""
    if len(segment.text.split()) > MAX_HEAD_WORDS:
        return None
    parts = [segment]
    for other in view.below(segment, 2.5 * segment.height):
        short = len(other.text.split()) <= MAX_HEAD_WORDS and not any(map(str.isdigit, other.text))
        if short and other.top - parts[-1].bottom < 0.6 * segment.height:
            parts.append(other)
    if len(parts) == 1:
        return None
    text = ""
    for part in parts:
        text = text[:-1] + part.text if text.endswith("-") else f"{text} {part.text}".strip()
    left, right = min(one.left for one in parts), max(one.right for one in parts)
    return Segment(segment.page, segment.number, text, left, segment.top, right, parts[-1].bottom, array("d"), segment.sheet)


def _near(heads: Sequence[_Head], first: Segment) -> list[_Head]:
    """Return the heads that begin at or a few lines below a piece."""
    return [head for head in heads if 0 <= head[2].top - first.top <= MAX_BAND_HEIGHTS * first.height]


def _edges(segment: Segment, start: int, end: int) -> tuple[float, float]:
    """Return the left and right edge of a range of a segment, in points."""
    inside = [one for one in segment.letters if one.start < end and one.end > start]
    if not inside or len(segment.packed) == 0:
        return segment.left, segment.right
    return min(one.left for one in inside), max(one.right for one in inside)


def _rows_below(
    view: PageView, below: float, columns: Sequence[_Column], fields: Fields, pages: Pages
) -> tuple[list[_Row], bool]:
    """Return the rows below a height, and whether the table ends on the page: at a total, or at a wide gap."""
    borders = [(one.right + other.left) / 2 for one, other in pairwise(columns)]
    rows: list[_Row] = []
    reach = below
    for segment in view.segments:
        if segment.top < below - 0.3 * segment.height:
            continue
        if rows and segment.top - reach > MAX_GAP_HEIGHTS * segment.height:
            return rows, True
        if rows and _is_total(segment, pages):
            return rows, True
        cells = _cells_of(segment, columns, borders)
        if _begins_row(view, segment, columns, borders, fields, pages, rows):
            rows.append(_Row(segment.top))
            reach = max(reach, segment.bottom)
        if rows:
            for key, place in cells:
                _add(rows[-1], key, place, fields, view.line_height)
            reach = max(reach, segment.bottom) if any(key for key, _ in cells) else reach
    return rows, False


def _is_total(segment: Segment, pages: Pages) -> bool:
    """Return whether a piece is the label of one of the document's totals."""
    return any(
        hit.start == 0 and hit.quality >= 0.9 and hit.key.removeprefix("known ") in _TOTALS and len(segment.text) < 60
        for hit in pages.hits_in(segment)
    )


def _begins_row(
    view: PageView,
    segment: Segment,
    columns: Sequence[_Column],
    borders: Sequence[float],
    fields: Fields,
    pages: Pages,
    rows: Sequence[_Row],
) -> bool:
    """Return whether a row begins in the line of a piece: two of its columns have values, and no row has begun there."""
    if rows and segment.top - rows[-1].top < 0.9 * segment.height:
        return False
    near = view.between(segment.top - view.line_height, segment.top + 2 * view.line_height)
    line = [one for one in near if -0.6 * view.line_height < one.top - segment.top < 1.5 * view.line_height]
    typed = set()
    for one in line:
        for key, place in _cells_of(one, columns, borders):
            if key and is_typed(fields[key]) and _find(fields[key], place.text, pages):
                typed.add(key)
    wanted = sum(is_typed(fields[one.key]) for one in columns if one.key)
    return len(typed) >= min(2, wanted) and bool(typed)


def _cells_of(segment: Segment, columns: Sequence[_Column], borders: Sequence[float]) -> list[tuple[str, Place]]:
    """Return the words of a piece by the columns that they stand in; those that follow each other in one are one place."""
    found: list[tuple[int, Place]] = []
    for letters in segment.letters:
        column = _column_of(letters.left, letters.right, columns, borders)
        if found and found[-1][0] == column:
            found[-1] = (column, Place(segment, found[-1][1].start, letters.end))
        else:
            found.append((column, Place(segment, letters.start, letters.end)))
    return [(columns[column].key, place) for column, place in found]


def _column_of(left: float, right: float, columns: Sequence[_Column], borders: Sequence[float]) -> int:
    """Return the column of a word: the one whose head it stands under, else the one between whose borders its middle is."""
    shared = [min(right, one.right) - max(left, one.left) for one in columns]
    best = max(range(len(columns)), key=lambda place: shared[place])
    if shared[best] > 0:
        return best
    middle = (left + right) / 2
    return sum(border < middle for border in borders)


def _add(row: _Row, key: str, place: Place, fields: Fields, height: float) -> None:
    """Add a piece to its column of a row; a text goes on in the next line only."""
    if not key:
        return
    so_far = row.cells.setdefault(key, [])
    if so_far and not is_typed(fields[key]) and place.segment.top - so_far[-1].segment.bottom > NAME_GAP_HEIGHTS * height:
        return
    so_far.append(place)


def is_typed(entry: tuple[Leaf, Concept | None]) -> bool:
    """Return whether a field holds a number or a date, by which rows are told."""
    leaf, concept = entry
    return leaf.kind in ("number", "integer", "date") or (concept is not None and concept.role in ("amount", "number"))


def _find(entry: tuple[Leaf, Concept | None], text: str, pages: Pages) -> bool:
    """Return whether a text has a value of a field."""
    leaf, concept = entry
    return bool(find_values(leaf, role_of(leaf, concept), text, pages.conventions))


def _values(row: _Row, fields: Fields, pages: Pages) -> dict[str, Candidate]:
    """Return the values of a row."""
    return dict(_iter_values(row, fields, pages))


def _iter_values(row: _Row, fields: Fields, pages: Pages) -> Iterator[tuple[str, Candidate]]:
    """Yield the values of a row by key."""
    for key, places in row.cells.items():
        leaf, concept = fields[key]
        role = role_of(leaf, concept)
        if leaf.kind == "string" and role in ("", "text"):
            text = " ".join(place.text.strip() for place in places)
            if any(map(str.isalnum, text)):
                yield key, Candidate(text, tuple(places), HEAD_SCORE)
            continue
        for place in places:
            if values := find_values(leaf, role, place.text, pages.conventions):
                at = Place(place.segment, place.start + values[0].start, place.start + values[0].end)
                yield key, Candidate(values[0].value, (at,), HEAD_SCORE)
                break
