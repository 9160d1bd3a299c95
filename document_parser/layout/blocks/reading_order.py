"""Split a page into text columns and tables in reading order.

The split is recursive: the tallest gutter of a region is found first, the band beside it becomes columns or a table, and the
parts above and below it are split in turn. A full-width title over two columns needs no rule of its own.

Source: recursive cuts along white space as in XY-cut (Nagy & Seth, 1984). Unlike it, the tallest gutter is cut first, and it is
refused if both sides look like rows of one table. Lengths are in points, origin top left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from document_parser.layout.blocks.gutters import MIN_GUTTER_HEIGHT_EM, Gutter, InkMap
from document_parser.layout.blocks.stories import MIN_HEADLINE_RATIO, find_aside, find_heads_below, find_story_edge, is_divided
from document_parser.layout.lines.joining import is_right_to_left
from document_parser.layout.lines.lines import Line, body_size, lines_of, split_at_gaps
from document_parser.layout.lines.units import size_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import add_spanning_header, extend_band, find_grid, segments_of
from document_parser.layout.tables.grid import Grid, is_number
from document_parser.layout.tables.headed import find_headed_table
from document_parser.layout.tables.header_above import add_header_above
from document_parser.layout.tables.score import find_best_table
from document_parser.layout.tables.side_by_side import blocks_of_grid
from document_parser.models import RulingLine, Word

MAX_REFUSALS = 8
"""Gutters of one region that are examined and refused, at most, before the region is taken as one column."""
MAX_DEPTH = 40
"""Nested splits, at most; real pages need fewer than ten."""
PROSE_LINE_CHARACTERS = 18
"""Characters of the middle line of running text, at least."""
MIN_SURE_LINES = 8
"""Lines over which spaces between words do not align by chance, at least."""
MAX_STAGGERED_GROUPS = 4
"""Groups of lines, by turns on the left and on the right and none beside another, that are one text, at most."""
SURE_PROSE_CHARACTERS = 22
"""The same where other columns follow behind those beside a gutter: so long are the cells of few tables."""
NEXT_GUTTER_RATIO = 0.5
"""Width of the next gutter behind a column divided by that of the gutter beside it, at least."""
MAX_HEADLINE_SPACE_EM = 0.55
"""Font sizes of the space between two words of a headline, at most: twice that of most fonts, a quarter of the size."""
PROSE_LINE_FILL_SHARE = 0.7
"""Share of its column's width that the middle line of running text fills, at least."""
MAX_PROSE_NUMBERS_SHARE = 0.35
"""Share of the stretches between gaps that are numbers, at most, in running text.

A third of them at most are numbers in lists of references, two thirds in the rows of a statement.
"""
MIN_FLOW_SCORE = 0.5
"""Score of a table, at least, among lines that no gutter parts."""
MIN_COLUMNS_SCORE = 0.6
"""Score of a table, at least, whose columns could be columns of text as well."""

# The bullet or number of an item: the gap between both is no gutter.
_LIST_MARKER = re.compile(
    r"[•◦▪‣·∙●○■□–—*☐☑☒-]|[\[(]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[\])]|(?:\d{1,3}|[a-z]|[ivx]{1,5})\.|\d{1,3}(?:\.\d{1,3}){1,4}\.?|§\s?\d{1,4}\.?"
)


@dataclass(frozen=True, slots=True)
class Flow:
    """Words of one column, read line by line."""

    words: list[Word]


Part = Flow | Grid
"""A column of text or a table."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What is the same for all regions of a page.

    ``backwards`` reads columns from right to left. ``on_region`` is called with the words of each region, tables aside.
    """

    index: PageIndex
    backwards: bool
    on_region: Callable[[list[Word]], None] | None = None


def parts_of(
    words: list[Word],
    grids: Sequence[Grid] = (),
    rules: Sequence[RulingLine] = (),
    on_region: Callable[[list[Word]], None] | None = None,
) -> list[Part]:
    """Return the page's content in reading order. ``grids`` are tables found before, whose words are not among ``words``.

    ``rules`` are the lines and filled boxes drawn around the words. ``on_region`` is called with the words of each region,
    for those who fit the scores of tables.
    """
    placed = [GridWord.from_grid(grid) for grid in grids]
    page = _Page(PageIndex(words, rules), is_right_to_left(words), on_region)
    return list(_split_region([*words, *placed], page, MAX_DEPTH))


class GridWord(Word):
    """A table found before, as one large word among the words around it."""

    grid: Grid

    @classmethod
    def from_grid(cls, grid: Grid) -> GridWord:
        """Return the word for a table, with the box of the table in points."""
        word = cls("\ufffc", grid.left, grid.top, grid.right, grid.bottom, body_size(grid.words))
        word.grid = grid
        return word


def _text_of(words: Iterable[Word]) -> list[Word]:
    """Return the words without tables."""
    return [word for word in words if not isinstance(word, GridWord)]


def _split_region(words: list[Word], page: _Page, depth: int) -> Iterator[Part]:
    """Yield the parts of a region in reading order."""
    text = _text_of(words)
    if page.on_region is not None:
        page.on_region(text)
    if len(text) < 4 or depth == 0:
        yield from _split_flows(words)
        return
    size = body_size(text)
    ink = InkMap(words, size)
    _cover_marker_gaps(ink, text, size)
    _cover_headline_gaps(ink, text, size)
    for _ in range(MAX_REFUSALS):
        gutter = ink.find_tallest_gutter()
        if gutter is None or gutter.height < MIN_GUTTER_HEIGHT_EM * size:
            break
        parts = _split_at_gutter(words, gutter, size, page, depth)
        if parts is not None:
            yield from parts
            return
        ink.cover(gutter.left, gutter.top, gutter.right - ink.cell_width, gutter.bottom - ink.cell_height)
    parts = _split_at_scored_table(words, page, size, depth, MIN_FLOW_SCORE)
    yield from _split_flows(words) if parts is None else parts


def _split_flows(words: Iterable[Word]) -> Iterator[Part]:
    """Yield the parts of one column: its text, separated by the tables in it."""
    text = _text_of(words)
    placed = [word for word in words if isinstance(word, GridWord)]
    for table in sorted(placed, key=lambda table: table.top):
        above = [word for word in text if word.top + word.bottom < table.top + table.bottom]
        if above:
            yield Flow(above)
        yield table.grid
        text = [word for word in text if word.top + word.bottom >= table.top + table.bottom]
    if text:
        yield Flow(text)


def _is_list_marker(text: str) -> bool:
    """Return whether a text is the bullet or number of an item. None ends with a letter, as most words do."""
    return not text[-1].isalpha() and _LIST_MARKER.fullmatch(text) is not None


def _cover_marker_gaps(ink: InkMap, words: Sequence[Word], size: float) -> None:
    """Mark the gaps between list markers and their items as covered: they are no gutters."""
    if not any(_is_list_marker(word.text) for word in words):
        return
    for line in lines_of(words):
        for marker, word in zip(line.words, line.words[1:], strict=False):
            if _is_list_marker(marker.text) and 0 < word.left - marker.right < 4 * size:
                ink.cover(marker.right, marker.top, word.left, marker.bottom)


def _cover_headline_gaps(ink: InkMap, words: Sequence[Word], size: float) -> None:
    """Mark the spaces between words of large letters as covered: they may be as wide as a gutter between columns of text."""
    large = [word for word in words if size_of(word) >= MIN_HEADLINE_RATIO * size]
    for line in lines_of(large):
        for before, word in pairwise(line.words):
            if 0 < word.left - before.right < MAX_HEADLINE_SPACE_EM * min(size_of(before), size_of(word)):
                ink.cover(before.right, max(before.top, word.top), word.left, min(before.bottom, word.bottom))


def _split_at_gutter(words: list[Word], gutter: Gutter, size: float, page: _Page, depth: int) -> list[Part] | None:
    """Return the parts of a region along a gutter, or None if the gutter is only chance."""
    above, band, below = _split_by_height(words, gutter.top, gutter.bottom)
    if below and (heads := find_heads_below(band, gutter, size)):
        band, below = [word for word in band if id(word) not in heads], [word for word in band if id(word) in heads] + below
    left = [word for word in band if word.left + word.right < gutter.left + gutter.right]
    right = [word for word in band if word.left + word.right >= gutter.left + gutter.right]
    if not left or not right:
        return None
    sides = [lines_of(_text_of(left)), lines_of(_text_of(right))]
    has_tables = any(isinstance(word, GridWord) for word in band)
    if all(sides) and not has_tables and _are_staggered(*sides):
        return None
    if all(sides) and not (_are_columns(sides, gutter, size) or _are_divided_texts(sides, gutter, page)):
        return _split_at_table(words, band, page, depth)
    if all(sides) and (parts := _split_at_scored_table(words, page, size, depth, MIN_COLUMNS_SCORE, gutter)) is not None:
        return parts
    pieces = [above, *([right, left] if page.backwards else [left, right]), below]
    if not has_tables:
        if (edge := find_story_edge(band, gutter, page.index.rules, size)) is not None:
            pieces = _split_at_height(words, edge)
        elif aside := find_aside(left, right, _text_of(below), page.index.rules):
            pieces = _around_aside(words, *aside)
    return [part for piece in pieces for part in _split_region(piece, page, depth - 1)]


def _split_at_height(words: Iterable[Word], height: float) -> list[list[Word]]:
    """Return the words whose middle is above a height, and those below it."""
    above, _, below = _split_by_height(words, height, height)
    return [above, below]


def _around_aside(words: Iterable[Word], aside: Sequence[Word], top: float) -> list[list[Word]]:
    """Return the words above a box that the text runs around, those in it, and those beside and below it: one text."""
    held = set(map(id, aside))
    above, rest = _split_at_height((word for word in words if id(word) not in held), top)
    return [above, list(aside), rest]


def _split_by_height(words: Iterable[Word], top: float, bottom: float) -> tuple[list[Word], list[Word], list[Word]]:
    """Return the words whose middle is above, between and below two heights."""
    above: list[Word] = []
    band: list[Word] = []
    below: list[Word] = []
    for word in words:
        middle = (word.top + word.bottom) / 2
        (above if middle < top else below if middle > bottom else band).append(word)
    return above, band, below


def _are_columns(sides: Sequence[Sequence[Line]], gutter: Gutter, size: float) -> bool:
    """Return whether both sides are separate text rather than cells of common rows."""
    fewest, most = sorted(len(lines) for lines in sides)
    if fewest < 3 and (most < 6 or gutter.width < size):
        return False
    if fewest < MIN_SURE_LINES and gutter.width < 1.6 * _usual_space(sides):
        return False
    prose = [_is_prose(lines) for lines in sides]
    if all(prose) or _are_prose_beside(sides, gutter):
        return True
    if fewest < 3 or gutter.width < 1.2 * size:
        return any(prose) and not _are_aligned(*sides)
    return not _are_aligned(*sides)


def _are_staggered(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether no line of one side stands beside one of the other, as the addresses and the date of a letter.

    Columns with pictures between their lines change sides more often.
    """
    if any(one.top < other.bottom and other.top < one.bottom for one in left for other in right):
        return False
    order = sorted([*((line.top, False) for line in left), *((line.top, True) for line in right)])
    return sum(before[1] is not after[1] for before, after in pairwise(order)) < MAX_STAGGERED_GROUPS


def _are_prose_beside(sides: Sequence[Sequence[Line]], gutter: Gutter) -> bool:
    """Return whether the columns right beside a gutter are running text, whatever columns follow behind them."""
    clear = NEXT_GUTTER_RATIO * gutter.width
    near = [[split_at_gaps(line, clear)[place] for line in lines] for lines, place in zip(sides, (-1, 0), strict=True)]
    return all(map(_is_sure_prose, near))


def _is_sure_prose(lines: Sequence[Line]) -> bool:
    """Return whether lines are long enough to be running text, and most as wide as nine of ten; headlines may be wider."""
    if len(lines) < MIN_SURE_LINES or median(len(line.text) for line in lines) < SURE_PROSE_CHARACTERS:
        return False
    widths = sorted(line.width for line in lines)
    return widths[len(widths) // 2] >= PROSE_LINE_FILL_SHARE * widths[len(widths) * 9 // 10] and not _holds_numbers(lines)


def _are_divided_texts(sides: Sequence[Sequence[Line]], gutter: Gutter, page: _Page) -> bool:
    """Return whether a line is drawn between two sides whose lines are those of texts: stories of a newspaper side by side."""
    if not is_divided(gutter, page.index.rules):
        return False
    texts = all(median(len(line.text) for line in lines) >= PROSE_LINE_CHARACTERS for lines in sides)
    return texts and not any(map(_holds_numbers, sides))


def _usual_space(sides: Sequence[Sequence[Line]]) -> float:
    """Return the width of the wider spaces between words in points; 0 if each line is one run.

    Spaces of justified lines can align by chance.
    """
    spaces = sorted(after.left - before.right for lines in sides for line in lines for before, after in pairwise(line.words))
    return spaces[len(spaces) * 3 // 4] if spaces else 0.0


def _is_prose(lines: Sequence[Line]) -> bool:
    """Return whether lines are running text: longer than single words, and most of them as wide as the column."""
    if len(lines) < 2 or _holds_numbers(lines):
        return False
    width = max(line.right for line in lines) - min(line.left for line in lines)
    characters = median(len(line.text) for line in lines)
    return characters >= PROSE_LINE_CHARACTERS and median(line.width for line in lines) >= PROSE_LINE_FILL_SHARE * width


def _holds_numbers(lines: Sequence[Line]) -> bool:
    """Return whether many of the stretches between gaps are numbers: cells of a table are, running text is not."""
    size = body_size(word for line in lines for word in line.words)
    texts = [
        " ".join(word.text for word in line.words if left <= word.left < right)
        for line in lines
        for left, right in segments_of(line, size)
    ]
    return sum(map(is_number, texts)) > MAX_PROSE_NUMBERS_SHARE * len(texts)


def _are_aligned(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether most lines of the shorter side have a line of the other beside them, like cells of one row."""
    fewer, more = sorted((left, right), key=len)
    middles = [line.middle for line in more]
    beside = sum(any(line.top < middle < line.bottom for middle in middles) for line in fewer)
    return beside >= 0.7 * len(fewer)


def _split_at_table(words: list[Word], band: list[Word], page: _Page, depth: int) -> list[Part] | None:
    """Return the parts of a region around the table, or the blocks side by side, in a band. None if there is no table."""
    text, text_band = _text_of(words), _text_of(band)
    grid = find_grid(extend_band(text, text_band)) or find_grid(text_band)
    if grid is None or any(
        grid.top < (word.top + word.bottom) / 2 < grid.bottom for word in words if isinstance(word, GridWord)
    ):
        return None
    blocks = blocks_of_grid(grid, text)
    if blocks is None:
        return _insert_parts(words, [add_spanning_header(add_header_above(grid, text), text)], page, depth)
    return _insert_parts(words, [Flow(block) for block in (reversed(blocks) if page.backwards else blocks)], page, depth)


def _split_at_scored_table(
    words: list[Word], page: _Page, size: float, depth: int, least: float, gutter: Gutter | None = None
) -> list[Part] | None:
    """Return the parts of a region around its best table of aligned words. None if no table has this score at least.

    With a gutter, the table must have cells on both sides of it.
    """
    text = _text_of(words)
    lines = lines_of(text)
    found = find_best_table(page.index, lines, size)
    grid = found[0] if found is not None and found[1] >= least else find_headed_table(lines, size, 2 if gutter is None else 3)
    if grid is None:
        return None
    if any(grid.top < word.bottom and word.top < grid.bottom for word in words if isinstance(word, GridWord)):
        return None
    if gutter is not None and not (grid.left < gutter.left and gutter.right < grid.right and _overlaps(grid, gutter)):
        return None
    blocks = blocks_of_grid(grid, text)
    if blocks is None:
        return _insert_parts(words, [add_header_above(grid, text)], page, depth)
    return _insert_parts(words, [Flow(block) for block in (reversed(blocks) if page.backwards else blocks)], page, depth)


def _overlaps(grid: Grid, gutter: Gutter) -> bool:
    """Return whether a table stands beside a gutter."""
    return grid.top < gutter.bottom and gutter.top < grid.bottom


def _insert_parts(words: Sequence[Word], found: Sequence[Part], page: _Page, depth: int) -> list[Part]:
    """Return the parts found in a region between those above and below them."""
    taken = [word for part in found for word in part.words]
    held = {id(word) for word in taken}
    middle = min(word.top for word in taken) + max(word.bottom for word in taken)
    rest = [word for word in words if id(word) not in held]
    above = [word for word in rest if word.top + word.bottom < middle]
    below = [word for word in rest if word.top + word.bottom >= middle]
    return [*_split_region(above, page, depth - 1), *found, *_split_region(below, page, depth - 1)]
