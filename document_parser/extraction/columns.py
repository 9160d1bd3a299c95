"""Find the lines of a list by its column heads alone, without any table that the layout has made of them.

The heads are labels side by side; what stands below a head belongs to its column.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from document_parser.extraction.candidates import Candidate, Pages, Place
from document_parser.extraction.cells import (
    Fields,
    Line,
    is_text,
    is_typed,
    is_whole_value,
    strong_keys,
    sum_of,
    value_in_cell,
)
from document_parser.extraction.labels import LabelIndex, labels_for, load_concepts
from document_parser.extraction.view import Letters, PageView, Segment

MAX_BAND_HEIGHTS = 4.0
"""Heights of a line over which the heads of a table may be spread."""
MAX_GAP_HEIGHTS = 7.0
"""White below a row, in heights of a line, after which a table has ended."""
MAX_HEAD_WORDS = 4
"""Words of a piece of a head, at most."""
HEAD_SCORE = 0.85
"""How sure a value below the head of its field is."""
SAME_LINE = 0.45
"""How far apart the middles of two words of a line are, in heights, at most."""
WORD_GAP = 1.2
"""White between two words of one text, in widths of its letters, at most."""


@dataclass(frozen=True)
class Column:
    """A column: its field's key, empty for a head that is no field; its edges are in points."""

    key: str
    left: float
    right: float
    is_known: bool = True
    """Whether its head is a label of something."""


@dataclass(frozen=True)
class Band:
    """The heads of a table: its columns from left to right, where it begins and ends, in points, and how well they fit."""

    columns: tuple[Column, ...]
    top: float
    bottom: float
    score: float

    @property
    def keys(self) -> list[str]:
        """Return the keys of the fields that have a column, from left to right."""
        return [column.key for column in self.columns if column.key]

    @property
    def worth(self) -> tuple[int, float, float]:
        """Return what decides between bands: their fields, how well they fit, and that they are not high."""
        return len(self.keys), round(self.score, 1), self.top - self.bottom


class _Head(NamedTuple):
    """A head: its field's key, how well the label fits, its piece, and its left and right edge in points."""

    key: str
    score: float
    segment: Segment
    left: float
    right: float


def index_of(fields: Fields) -> LabelIndex:
    """Return the labels of a list's columns, also those that no field asks for."""
    index = LabelIndex()
    for key, (leaf, concept) in fields.items():
        index.add(key, labels_for(leaf, concept))
    asked = {concept.name for _, concept in fields.values() if concept is not None}
    for concept in load_concepts().values():
        if concept.is_column and concept.name not in asked:
            index.add(f"known {concept.name}", concept.labels)
    return index


def find_band(view: PageView, index: LabelIndex, fields: Fields, amount: str) -> Band | None:
    """Return the heads on a page that name the most fields; None if no lines name two. ``amount`` is the key of the amount."""
    heads = list(_heads(view, index))
    best: Band | None = None
    for top in dict.fromkeys(head.segment.top for head in heads if head.key in fields):
        first = next(head.segment for head in heads if head.segment.top == top)
        height = min(first.height, view.line_height)
        near = [head for head in heads if 0 <= head.segment.top - top <= MAX_BAND_HEIGHTS * height]
        if len({head.key for head in near if head.key in fields}) < 2:
            continue
        band = _band_of(near, top, view, fields, amount)
        if len(band.keys) > 1 and (best is None or band.worth > best.worth):
            best = band
    return best


def _band_of(heads: Sequence[_Head], top: float, view: PageView, fields: Fields, amount: str) -> Band:
    """Return the columns of heads: the best labels first, each field once, and no two in the same place."""
    chosen: list[_Head] = []
    for head in sorted(heads, key=lambda head: (-head.score, head.key not in fields, head.left)):
        taken = any(min(head.right, one.right) > max(head.left, one.left) for one in chosen)
        if not taken and all(head.key != one.key for one in chosen):
            chosen.append(head)
    columns = [Column(one.key if one.key in fields else "", one.left, one.right) for one in chosen]
    bottom = max(head.segment.bottom for head in chosen)
    for other in view.between(top - view.line_height, bottom + view.line_height):
        beside = top - 2 * other.height <= other.top < bottom and other.bottom <= bottom + other.height
        if beside and not any(min(other.right, one.right) > max(other.left, one.left) for one in columns):
            columns.append(Column("", other.left, other.right, is_known=False))
    columns = [_widened(one, columns, heads) for one in sorted(columns, key=lambda one: one.left)]
    named = sum(bool(one.key) for one in columns)
    if amount and named > 1 and all(one.key != amount for one in columns) and not (columns[-1].key or columns[-1].is_known):
        columns[-1] = replace(columns[-1], key=amount)
    return Band(tuple(columns), top, bottom, sum(head.score for head in chosen if head.key in fields))


def _widened(column: Column, columns: Sequence[Column], heads: Sequence[_Head]) -> Column:
    """Return a column as wide as all lines of its head: those that stand in no other column too."""
    left, right = column.left, column.right
    for head in heads:
        over = [one for one in columns if min(head.right, one.right) > max(head.left, one.left)]
        if over == [column]:
            left, right = min(left, head.left), max(right, head.right)
    return replace(column, left=left, right=right)


def _heads(view: PageView, index: LabelIndex) -> Iterator[_Head]:
    """Yield the labels of columns on a page: alone in a piece or nearly so, or in pieces below each other."""
    fuzzy = view.origin == "ocr"
    for segment in view.segments:
        hits = index.find(segment, fuzzy=fuzzy)
        for hit in hits:
            share = (hit.end - hit.start) / max(1, len(segment.text))
            if any(map(str.isdigit, segment.text[: hit.start] + segment.text[hit.end :])):
                continue  # a value with its unit
            if share >= 0.5 or len(segment.text.split()) <= MAX_HEAD_WORDS:
                left, right = _edges(segment, hit.start, hit.end)
                if len(hits) == 1:  # the whole piece is the head
                    left, right = segment.left, segment.right
                yield _Head(hit.key, share - 0.02 * hit.rank / 10, segment, left, right)
        stack = _stack(segment, view)
        if stack is not None:
            for hit in index.find(stack, fuzzy=fuzzy):
                if hit.end > len(segment.text):
                    share = (hit.end - hit.start) / max(1, len(stack.text))
                    yield _Head(hit.key, share + 0.2 - 0.02 * hit.rank / 10, stack, stack.left, stack.right)


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


def _edges(segment: Segment, start: int, end: int) -> tuple[float, float]:
    """Return the left and right edge of a range of a segment, in points."""
    inside = [one for one in segment.letters if one.start < end and one.end > start]
    if not inside or len(segment.packed) == 0:
        return segment.left, segment.right
    return min(one.left for one in inside), max(one.right for one in inside)


class _Word(NamedTuple):
    """A word with its piece of a line."""

    segment: Segment
    letters: Letters


def lines_below(
    view: PageView, below: float, columns: Sequence[Column], fields: Fields, pages: Pages, index: LabelIndex
) -> tuple[list[Line], bool]:
    """Return the lines below a height, and whether the list ends on the page: at the sum of all, or at other heads.

    Below a wide gap only whole rows are of the list.
    """
    borders = [(one.right + other.left) / 2 for one, other in pairwise(columns)]
    strong = set(strong_keys(fields, [column.key for column in columns]))
    lines: list[Line] = []
    reach, told = below, 0
    for words in _lines_of_words(view, below):
        top, bottom = min(one.letters.top for one in words), max(one.letters.bottom for one in words)
        apart = bool(told) and top - reach > MAX_GAP_HEIGHTS * view.line_height
        if apart and top > view.height * FOOT:
            return lines, False
        if (told or not below) and (other := _other_heads(words, columns, borders, fields, index)) is not None:
            if other:
                return lines, True
            continue
        line = _line_of(words, columns, borders, fields, pages, is_ocr=view.origin == "ocr")
        if line.sum_of == "all" and told:
            return lines, True
        if apart and len(strong & line.values.keys()) < min(2, len(strong)):
            continue
        if line.values or line.sum_of:
            lines.append(line)
        told += bool(strong & line.values.keys())
        reach = max(reach, bottom) if line.values else reach
    return lines, False


FOOT = 0.88
"""Share of a page's height below which its foot begins."""


def _lines_of_words(view: PageView, below: float) -> Iterator[list[_Word]]:
    """Yield the words below a height line by line, from left to right."""
    words = [
        _Word(segment, letters)
        for segment in view.segments
        if segment.bottom > below
        for letters in segment.letters
        if letters.top >= below - 0.3 * (letters.bottom - letters.top)
    ]
    words.sort(key=lambda one: one.letters.top + one.letters.bottom)
    line: list[_Word] = []
    middle = 0.0
    for word in words:
        here = (word.letters.top + word.letters.bottom) / 2
        height = min(word.letters.bottom - word.letters.top, view.line_height)
        if line and here - middle > SAME_LINE * height:
            yield sorted(line, key=lambda one: one.letters.left)
            line = []
        line.append(word)
        middle = here if len(line) == 1 else middle + (here - middle) / len(line)
    if line:
        yield sorted(line, key=lambda one: one.letters.left)


def _other_heads(
    words: Sequence[_Word], columns: Sequence[Column], borders: Sequence[float], fields: Fields, index: LabelIndex
) -> bool | None:
    """Return whether a line has the heads of another table; False if it has those of this one again, None if it has none.

    Heads are texts without digits in columns of numbers.
    """
    if any(char.isdigit() for one in words for char in one.segment.text[one.letters.start : one.letters.end]):
        return None
    segments = {one.segment.number: one.segment for one in words}.values()
    over = {_column_of(one.left, one.right, columns, borders) for one in segments if len(one.text.split()) <= MAX_HEAD_WORDS}
    typed = [place for place in over if columns[place].key and is_typed(fields[columns[place].key])]
    if len(typed) < min(2, len(columns) - 1):
        return None
    keys = {hit.key for segment in segments for hit in index.find(segment)}
    return len(keys & {column.key for column in columns}) < 2


def _line_of(
    words: Sequence[_Word],
    columns: Sequence[Column],
    borders: Sequence[float],
    fields: Fields,
    pages: Pages,
    *,
    is_ocr: bool,
) -> Line:
    """Return the values of a line's words by the columns that they stand in."""
    top, bottom = min(one.letters.top for one in words), max(one.letters.bottom for one in words)
    line = Line(words[0].segment.page, top, bottom)
    cells: dict[str, list[Place]] = {}
    named: list[Sequence[_Word]] = []
    for run in _runs(words):
        key = columns[_column_of(run[0].letters.left, run[0].letters.right, columns, borders)].key
        if not named or not key or not is_text(fields[key]):
            named.append(run)
        for column, place in _cells_of(run, columns, borders, fields, pages, is_ocr=is_ocr):
            if columns[column].key:
                cells.setdefault(columns[column].key, []).append(place)
    line.values = dict(_values(cells, fields, pages))
    line.sum_of = sum_of(line.values, [_place_of(one).text for one in named], fields)
    return line


def _place_of(words: Sequence[_Word]) -> Place:
    return Place(words[0].segment, words[0].letters.start, words[-1].letters.end)


def _runs(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """Yield words that follow each other without a wide gap, as the words of one text do."""
    run: list[_Word] = []
    for word in words:
        if run:
            last = run[-1]
            letters = sum(one.letters.end - one.letters.start for one in (last, word))
            width = (last.letters.right - last.letters.left + word.letters.right - word.letters.left) / max(1, letters)
            # Two words of narrow letters are no measure of the white between them.
            width = max(width, (word.segment.right - word.segment.left) / max(1, len(word.segment.text)))
            labelled = _place_of([last]).text.endswith(":") or _place_of([word]).text.startswith(":")
            apart = word.letters.left - last.letters.right > WORD_GAP * width and not labelled
            if apart or word.segment is not last.segment or word.letters.start < last.letters.end:
                yield run
                run = []
        run.append(word)
    if run:
        yield run


def _cells_of(
    run: Sequence[_Word],
    columns: Sequence[Column],
    borders: Sequence[float],
    fields: Fields,
    pages: Pages,
    *,
    is_ocr: bool,
) -> list[tuple[int, Place]]:
    """Return a text as cells: it is one cell, unless what stands in another column is a value of that column.

    A text that begins with words is one cell, unless OCR read it: that sees no gaps between columns.
    """

    def is_value(column: int, words: Sequence[_Word]) -> bool:
        key = columns[column].key
        return bool(key) and is_whole_value(fields[key], _place_of(words).text, pages)

    parts: list[tuple[int, list[_Word]]] = []
    for word in run:
        column = _column_of(word.letters.left, word.letters.right, columns, borders)
        if parts and parts[-1][0] == column:
            parts[-1][1].append(word)
        else:
            parts.append((column, [word]))
    if len(parts) == 1:
        return [(parts[0][0], _place_of(run))]
    whole = next((column for column, _ in reversed(parts) if is_value(column, run)), None)
    if whole is not None:
        return [(whole, _place_of(run))]
    if not is_ocr and not is_value(*parts[0]):
        return [(parts[0][0], _place_of(run))]
    kept: list[tuple[int, list[_Word]]] = [parts[0]]
    for column, words in parts[1:]:
        if is_value(column, words) or is_value(*kept[-1]):
            kept.append((column, words))
        else:
            kept[-1][1].extend(words)
    return [(column, _place_of(words)) for column, words in kept]


def _column_of(left: float, right: float, columns: Sequence[Column], borders: Sequence[float]) -> int:
    """Return the column of a word: the one whose head it stands under, else the one between whose borders its middle is."""
    shared = [min(right, one.right) - max(left, one.left) for one in columns]
    best = max(range(len(columns)), key=lambda place: shared[place])
    if shared[best] > 0:
        return best
    middle = (left + right) / 2
    return sum(border < middle for border in borders)


def _values(cells: Mapping[str, Sequence[Place]], fields: Fields, pages: Pages) -> Iterator[tuple[str, Candidate]]:
    """Yield the values of a line's cells by key."""
    for key, places in cells.items():
        if is_text(fields[key]):
            text = " ".join(place.text.strip() for place in places)
            if any(map(str.isalnum, text)):
                yield key, Candidate(text, tuple(places), HEAD_SCORE)
            continue
        for place in places:
            found = value_in_cell(fields[key], place.text, pages)
            if found is not None:
                at = Place(place.segment, place.start + found.start, place.start + found.end)
                yield key, Candidate(found.value, (at,), HEAD_SCORE, note=found.ambiguous)
                break
