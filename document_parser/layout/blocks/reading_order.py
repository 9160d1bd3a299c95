"""Split a page into text columns and tables in reading order.

The split is recursive: the tallest gutter of a region is found first, the band beside it becomes columns or a table, and the
parts above and below it are split in turn. A full-width title over two columns needs no rule of its own.

Source: recursive cuts along white space as in XY-cut (Nagy & Seth, 1984). Unlike it, the tallest gutter is cut first, and it is
refused if both sides look like rows of one table. Lengths are in points, origin top left.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from document_parser.layout.blocks.addresses import are_signatures, find_fields_edge, is_blank
from document_parser.layout.blocks.cards import find_card_edges
from document_parser.layout.blocks.column_evidence import (
    Parted,
    are_divided_texts,
    are_entries,
    are_lists,
    are_long_texts,
    are_numbers_of_labels,
    are_staggered,
    are_walled,
    columns_agreement,
)
from document_parser.layout.blocks.gutters import MIN_GUTTER_HEIGHT_EM, MIN_GUTTER_WIDTH_EM, Gutter, InkMap, extend_between_runs
from document_parser.layout.blocks.list_markers import DRAWN_BULLETS
from document_parser.layout.blocks.proposals import PageProposals
from document_parser.layout.blocks.sections import Sections, find_sections
from document_parser.layout.blocks.stories import (
    MIN_HEADLINE_RATIO,
    find_aside,
    find_dateline_end,
    find_heading_edge,
    find_heads_below,
    find_story_edge,
)
from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.dot_leaders import LEADER
from document_parser.layout.lines.joining import is_right_to_left
from document_parser.layout.lines.lines import Line, body_size, lines_of
from document_parser.layout.lines.units import size_of
from document_parser.layout.lines.word_edges import height_of
from document_parser.layout.page_index import PageIndex
from document_parser.layout.tables.aligned import (
    add_spanning_header,
    extend_band,
)
from document_parser.layout.tables.dividers import below_fields, divide, halves_of
from document_parser.layout.tables.grid import Grid
from document_parser.layout.tables.grid_word import GridWord
from document_parser.layout.tables.headed import find_headed_table
from document_parser.layout.tables.header_above import add_header_above
from document_parser.layout.tables.options import without_options
from document_parser.layout.tables.score import propose_aligned_tables
from document_parser.layout.tables.selection import (
    MIN_TABLE_AGREEMENT,
    TABLE_PRIOR,
    ScoredTable,
)
from document_parser.layout.tables.side_by_side import are_blocks, blocks_of_grid, split_addresses
from document_parser.layout.tables.tight import find_tight_table, joins_columns
from document_parser.models import RulingLine, Word

MAX_REFUSALS = 8
"""Gutters of one region that are examined and refused, at most, before the region is taken as one column."""
MAX_DEPTH = 40
"""Nested splits, at most; real pages need fewer than ten."""
MAX_TABLES = 2
"""Readings of a region's words as a table that are compared, at most."""
MAX_HEADLINE_SPACE_EM = 0.55
"""Font sizes of the space between two words of a headline, at most: twice that of most fonts, a quarter of the size."""
MIN_ENTRIES = 3
"""Lines that end with dots and a page number, at least, in a table of contents."""
MAX_ENTRY_GAP_EM = 3.0
"""Font sizes between the number of a chapter and its title, at most."""
MAX_CODE_SPACE_EM = 0.9
"""The same in code: a space is as wide as a letter, and what is beside it may be narrow."""
MIN_CLOSE_WIDTH_EM, MIN_CLOSE_HEIGHT_EM = 0.4, 5.0
"""Width and height of a gutter, at least, where wider ones part nothing: columns may be set close, but are not short then."""
MIN_COLUMNS_AGREEMENT = 0.65
"""Expected share of pieces of text that follow each other down the columns, at least: else they follow across the gutter."""
SURE_COLUMNS_AGREEMENT = 0.92
"""The same above which no table is looked for: hardly one is expected to agree so well."""

_ENTRY_NUMBER = re.compile(r"(?:\d{1,3}|[A-Z]|[IVX]{1,5})(?:\.\d{1,3})*\.?")
# The bullet or number of an item: the gap between both is no gutter.
_LIST_MARKER = re.compile(
    rf"[{DRAWN_BULLETS}☐☑☒-]|[\[(]?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{1,5}})[\])]|(?:\d{{1,3}}|[a-z]|[ivx]{{1,5}})\.|\d{{1,3}}(?:\.\d{{1,3}}){{1,4}}\.?|§\s?\d{{1,4}}\.?"
)


@dataclass(frozen=True, slots=True)
class Flow:
    """Words of one column, read line by line."""

    words: list[Word]


Part = Flow | Grid
"""A column of text or a table."""


class Watcher(Protocol):
    """Who is told what is decided: those who fit the weights that decide."""

    def on_region(self, words: list[Word]) -> None:
        """Take the words of a region, tables aside."""

    def on_gutter(self, parted: Parted, page: PageIndex) -> None:
        """Take a gutter with text on both sides."""


@dataclass(frozen=True, slots=True)
class _Page:
    """What is the same for all regions of a page.

    ``tables`` are those found before, ``placed`` has them and the words. ``proposals`` are those of aligned words, ``markers``
    the ids of words that are the bullet or number of an item.
    ``backwards`` reads columns from right to left. ``watcher`` is told what is decided.
    """

    index: PageIndex
    tables: Sequence[GridWord]
    placed: PageIndex
    proposals: PageProposals
    markers: frozenset[int]
    backwards: bool
    watcher: Watcher | None = None


def parts_of(
    words: list[Word],
    grids: Sequence[Grid] = (),
    rules: Sequence[RulingLine] = (),
    watcher: Watcher | None = None,
) -> list[Part]:
    """Return the page's content in reading order. ``grids`` are tables found before, whose words are not among ``words``.

    ``rules`` are the lines and filled boxes drawn around the words.
    """
    index, tables = PageIndex(words, rules), [GridWord.from_grid(grid) for grid in grids]
    everything = [*words, *tables]
    placed = PageIndex(everything) if tables else index
    markers = frozenset(id(word) for word in words if _is_list_marker(word.text))
    page = _Page(index, tables, placed, PageProposals(index), markers, is_right_to_left(words), watcher)
    return list(_split_region(everything, page, MAX_DEPTH))


def _text_of(words: list[Word], page: _Page) -> list[Word]:
    """Return the words without tables."""
    return [word for word in words if not isinstance(word, GridWord)] if page.tables else words


def _tables_of(words: Iterable[Word], page: _Page) -> list[GridWord]:
    """Return the tables found before among the words."""
    return [word for word in words if isinstance(word, GridWord)] if page.tables else []


def _split_region(words: list[Word], page: _Page, depth: int) -> Iterator[Part]:
    """Yield the parts of a region in reading order."""
    text = _text_of(words, page)
    if page.watcher is not None:
        page.watcher.on_region(text)
    if len(text) < 4 or depth == 0:
        yield from _split_flows(words, page)
        return
    region = _Region(words, text, body_size(text), page)
    if sections := find_sections(words, page.index.rules.level, region.size):
        for piece in _pieces_of_sections(words, sections, backwards=page.backwards):
            yield from _split_region(piece, page, depth - 1)
        return
    for narrowest, shortest in ((MIN_GUTTER_WIDTH_EM, MIN_GUTTER_HEIGHT_EM), (MIN_CLOSE_WIDTH_EM, MIN_CLOSE_HEIGHT_EM)):
        for gutter in _gutters_of(region, narrowest, shortest):
            parts = _split_at_gutter(region, gutter, depth)
            if parts is not None:
                yield from parts
                return
    table = region.best_table()
    yield from _split_flows(words, page) if table is None else _insert_table(region, table.grid, depth)


def _pieces_of_sections(words: Sequence[Word], sections: Sections, *, backwards: bool) -> list[list[Word]]:
    """Return the words above sections side by side, those of each, as they are read one after the other, and those below."""
    above, beside, below = _split_by_height(words, sections.top, sections.bottom)
    columns: list[list[Word]] = [[] for _ in range(len(sections.cuts) + 1)]
    for word in beside:
        columns[bisect_right(sections.cuts, (word.left + word.right) / 2)].append(word)
    return [above, *(reversed(columns) if backwards else columns), below]


def _gutters_of(region: _Region, narrowest: float, shortest: float) -> Iterator[Gutter]:
    """Yield the gutters of a region, the tallest first. The least width and height are in font sizes."""
    ink = region.ink.copy()
    for _ in range(MAX_REFUSALS):
        gutter = ink.find_tallest_gutter(narrowest)
        if gutter is None or gutter.height < shortest * region.size:
            return
        yield gutter
        ink.cover(gutter.left, gutter.top, gutter.right - ink.cell_width, gutter.bottom - ink.cell_height)


def _split_flows(words: list[Word], page: _Page) -> Iterator[Part]:
    """Yield the parts of one column: its text, separated by the tables in it."""
    text = _text_of(words, page)
    for table in _sort_tables(_tables_of(words, page), backwards=page.backwards):
        above = [word for word in text if word.top + word.bottom < table.top + table.bottom]
        if above:
            yield Flow(above)
        yield table.grid
        text = [word for word in text if word.top + word.bottom >= table.top + table.bottom]
    if text:
        yield Flow(text)


def _sort_tables(tables: Iterable[GridWord], *, backwards: bool) -> list[GridWord]:
    """Return tables from the top down, and those side by side in the direction of the writing: on a scan none begins level."""
    rows: list[list[GridWord]] = []
    for table in sorted(tables, key=lambda table: table.top):
        row = rows[-1] if rows else []
        if row and all(_are_side_by_side(table, other) for other in row):
            row.append(table)
        else:
            rows.append([table])
    return [table for row in rows for table in sorted(row, key=lambda table: table.left, reverse=backwards)]


def _are_side_by_side(lower: GridWord, upper: GridWord) -> bool:
    """Return whether a table begins beside the upper half of another, which does not begin below it."""
    return 2 * lower.top < upper.top + upper.bottom and (lower.left >= upper.right or lower.right <= upper.left)


def _is_list_marker(text: str) -> bool:
    """Return whether a text is the bullet or number of an item. None ends with a letter, as most words do."""
    return not text[-1].isalpha() and _LIST_MARKER.fullmatch(text) is not None


def _cover_marker_gaps(ink: InkMap, words: Sequence[Word], size: float, markers: frozenset[int]) -> None:
    """Mark the gaps between list markers, whose ids are given, and their items as covered: they are no gutters.

    A number right behind a word ends a sentence, as 433., and what follows may be the next column.
    """
    if markers.isdisjoint(map(id, words)):
        return
    for line in lines_of(words):
        if markers.isdisjoint(map(id, line.words)):
            continue
        for before, marker, word in zip((None, *line.words), line.words, line.words[1:], strict=False):
            begins = before is None or marker.left - before.right > MIN_GUTTER_WIDTH_EM * size or marker.text in DRAWN_BULLETS
            if id(marker) in markers and begins and 0 < word.left - marker.right < 4 * size:
                ink.cover(marker.right, marker.top, word.left, marker.bottom)


def _cover_entry_gaps(ink: InkMap, words: Sequence[Word]) -> None:
    """Mark the gaps within entries of a table of contents as covered: the numbers of chapters are no column of their own.

    The sections of a chapter are indented by the width of its number, with nothing below that.
    """
    lines = lines_of(words)
    if sum(map(_is_entry, lines)) < MIN_ENTRIES:
        return
    for line in lines:
        if len(line.words) > 1 and _ENTRY_NUMBER.fullmatch(line.words[0].text):
            number, title = line.words[:2]
            if 0 < title.left - number.right < MAX_ENTRY_GAP_EM * size_of(number):
                ink.cover(number.right, number.top, title.left, number.bottom)


def _is_entry(line: Line) -> bool:
    """Return whether a line ends with dots and a page number. A form repeats the number of the line behind the dots."""
    return (
        len(line.words) > 2 and LEADER.fullmatch(line.words[-2].text) is not None and line.words[0].text != line.words[-1].text
    )


def _raise_blanks(ink: InkMap, words: Sequence[Word], size: float) -> None:
    """Mark the room above lines of underscores: what is to be written there is as high as other words."""
    for word in words:
        if is_blank(word):
            ink.cover(word.left, word.bottom - size, word.right, word.bottom)


def _cover_headline_gaps(ink: InkMap, words: Sequence[Word], size: float, page: PageIndex) -> None:
    """Mark the spaces between words of large letters as covered: they may be as wide as a gutter between columns of text."""
    large = [words[place] for place in np.flatnonzero(page.size[page.places_of(words)] >= MIN_HEADLINE_RATIO * size).tolist()]
    for line in lines_of(large):
        for before, word in pairwise(line.words):
            if 0 < word.left - before.right < MAX_HEADLINE_SPACE_EM * min(size_of(before), size_of(word)):
                ink.cover(before.right, max(before.top, word.top), word.left, min(before.bottom, word.bottom))


def _cover_code_gaps(ink: InkMap, words: Sequence[Word]) -> None:
    """Mark the single spaces of code as covered: in lines that are alike they lie one above the other, as a gutter does."""
    for line in lines_of([word for word in words if word.mono]):
        for before, word in pairwise(line.words):
            if 0 < word.left - before.right < MAX_CODE_SPACE_EM * min(size_of(before), size_of(word)):
                ink.cover(before.right, min(before.top, word.top), word.left, max(before.bottom, word.bottom))


@dataclass(frozen=True, slots=True)
class _Band:
    """The words beside a gutter and those above and below it. ``sides`` are the lines left and right, without tables."""

    gutter: Gutter
    above: list[Word]
    left: list[Word]
    right: list[Word]
    below: list[Word]
    sides: tuple[list[Line], list[Line]]
    has_tables: bool

    @property
    def words(self) -> list[Word]:
        """Return the words on both sides."""
        return [*self.left, *self.right]

    @property
    def has_text_alone(self) -> bool:
        """Return whether text is on both sides, and no table."""
        return all(self.sides) and not self.has_tables

    def pieces(self, *, backwards: bool) -> list[list[Word]]:
        """Return the words above, on the side that is read first, on the other one, and below."""
        return [self.above, *((self.right, self.left) if backwards else (self.left, self.right)), self.below]


def _band_of(region: _Region, gutter: Gutter) -> _Band:
    """Return the words of a region as they lie around a gutter."""
    gutter = extend_between_runs(gutter, region.words, region.size)
    above, band, below = _split_by_height(region.words, gutter.top, gutter.bottom)
    if below and (heads := find_heads_below(band, gutter, region.size)):
        band, below = [word for word in band if id(word) not in heads], [word for word in band if id(word) in heads] + below
    left = [word for word in band if word.left + word.right < gutter.left + gutter.right]
    right = [word for word in band if word.left + word.right >= gutter.left + gutter.right]
    sides = lines_of(_text_of(left, region.page)), lines_of(_text_of(right, region.page))
    return _Band(gutter, above, left, right, below, sides, bool(_tables_of(band, region.page)))


def _split_at_gutter(region: _Region, gutter: Gutter, depth: int) -> list[Part] | None:
    """Return the parts of a region along a gutter, or None if the gutter is only chance."""
    band = _band_of(region, gutter)
    if not band.left or not band.right or (band.has_text_alone and are_staggered(*band.sides)):
        return None
    walled = band.has_text_alone and are_walled(*band.sides, band.gutter, region.page.index.rules, region.size)
    if not walled:
        edges = _find_row_edges(band, region.size)
        if edges:
            rows = [band.above, *_split_at_heights(band.words, edges), band.below]
            return [part for row in rows for part in _split_region(row, region.page, depth - 1)]
        judged = _judge(band, region) if all(band.sides) and edges is None else True
        if isinstance(judged, ScoredTable):
            return _insert_table(region, judged.grid, depth)
        if not judged:
            return None
    pieces = band.pieces(backwards=region.page.backwards) if walled else _pieces_of(band, region)
    return [part for piece in pieces for part in _split_region(piece, region.page, depth - 1)]


def _find_row_edges(band: _Band, size: float) -> list[float] | None:
    """Return the heights between rows of cards, or below the fields of a form; empty for one row, None if there are none."""
    if not band.has_text_alone:
        return None
    edges = None if are_numbers_of_labels(*band.sides) else find_card_edges(*band.sides, size)
    if not edges and (edge := find_fields_edge(*band.sides, size)) is not None:
        return [edge]
    return edges


def _judge(band: _Band, region: _Region) -> ScoredTable | bool:
    """Return the table across a gutter, or else whether it parts columns of text.

    Both compete by the agreement that is expected of each.
    """
    page, sides = region.page, band.sides
    parted = Parted(band.gutter, *sides, len(band.above), len(band.below), region.size)
    if page.watcher is not None:
        page.watcher.on_gutter(parted, page.index)
    labelled = are_numbers_of_labels(*sides)
    sure = are_blocks(sides, region.size) or are_divided_texts(parted, page.index.rules)
    sure = sure or are_lists(*sides) or are_entries(*sides) or are_signatures(*sides)
    columns = 0.0 if labelled else 1.0 if sure else columns_agreement(parted, page.index)
    if columns < MIN_COLUMNS_AGREEMENT and are_long_texts(parted):
        columns = MIN_COLUMNS_AGREEMENT  # if it is no table
    table = region.best_table(band.gutter, _text_of(band.words, page)) if columns < SURE_COLUMNS_AGREEMENT else None
    return table if table is not None and table.agreement > columns else columns >= MIN_COLUMNS_AGREEMENT


def _pieces_of(band: _Band, region: _Region) -> list[list[Word]]:
    """Return the words around a gutter that parts columns, as they are read one after the other."""
    page, size = region.page, region.size
    pieces = band.pieces(backwards=page.backwards)
    if band.has_tables:
        return pieces
    dateline = find_dateline_end(band.words, band.gutter, size)
    heading = find_heading_edge(band.left, band.right, band.below, size)
    if (edge := dateline or heading or find_story_edge(band.words, band.gutter, page.index.rules, size)) is not None:
        return _split_at_height(region.words, edge)
    if aside := find_aside(band.left, band.right, _text_of(band.below, page), page.index.rules):
        return _around_aside(region.words, *aside)
    return pieces


def _split_at_height(words: Sequence[Word], height: float) -> list[list[Word]]:
    """Return the words whose middle is above a height, and those below it."""
    above, _, below = _split_by_height(words, height, height)
    return [above, below]


def _split_at_heights(words: list[Word], heights: Iterable[float]) -> list[list[Word]]:
    """Return the words between each two of some heights, from top to bottom."""
    pieces, rest = [], words
    for height in heights:
        above, rest = _split_at_height(rest, height)
        pieces.append(above)
    return [*pieces, rest]


def _around_aside(words: Iterable[Word], aside: Sequence[Word], top: float) -> list[list[Word]]:
    """Return the words above a box that the text runs around, those in it, and those beside and below it: one text."""
    held = set(map(id, aside))
    above, rest = _split_at_height([word for word in words if id(word) not in held], top)
    return [above, list(aside), rest]


def _split_by_height(words: Sequence[Word], top: float, bottom: float) -> tuple[list[Word], list[Word], list[Word]]:
    """Return the words whose middle is above, between and below two heights."""
    above: list[Word] = []
    band: list[Word] = []
    below: list[Word] = []
    for word, (upper, lower) in zip(words, map(height_of, words), strict=True):
        middle = (upper + lower) / 2
        (above if middle < top else below if middle > bottom else band).append(word)
    return above, band, below


class _Region:
    """A part of a page with the tables that its words may be. ``text`` are the words without tables found before."""

    def __init__(self, words: list[Word], text: list[Word], size: float, page: _Page) -> None:
        self.words, self.text, self.size, self.page = words, text, size, page

    @cached_property
    def ink(self) -> InkMap:
        """Return where words are; gaps that part no columns are covered."""
        index = self.page.placed
        found = InkMap(index.boxes[index.places_of(self.words)], self.size)
        _raise_blanks(found, self.text, self.size)
        _cover_marker_gaps(found, self.text, self.size, self.page.markers)
        _cover_entry_gaps(found, self.text)
        _cover_headline_gaps(found, self.text, self.size, self.page.index)
        _cover_code_gaps(found, self.text)
        return found

    @cached_property
    def tables(self) -> list[ScoredTable]:
        """Return the tables that all words together propose, with the agreement expected of each."""
        lines = lines_of(self.text)
        grids = propose_aligned_tables(self.page.index, lines, self.size, MAX_TABLES)
        known = (find_headed_table(lines, self.size), self.tight)
        return self._scored([*grids, *((grid, TABLE_PRIOR) for grid in known if grid)])

    @cached_property
    def tight(self) -> Grid | None:
        """Return the table of columns that touch, if the words have such columns."""
        return find_tight_table(lines_of(self.text), self.size)

    def best_table(self, gutter: Gutter | None = None, band: Sequence[Word] = ()) -> ScoredTable | None:
        """Return the table worth most that is better than lines of text; with a gutter, one that has cells on both sides."""
        tables = self.tables
        if gutter is not None:
            wider = extend_band(self.text, band)
            known = self.page.proposals
            found = [*known.grids_of(wider), *(known.grids_of(band) if len(wider) > len(band) else [])]
            tables = [table for table in tables if _is_across(table.grid, gutter)]
            tables += self._scored([(grid, known.prior_of(grid)) for grid in found if _is_across(grid, gutter)])
        return max((t for t in tables if t.agreement >= MIN_TABLE_AGREEMENT), key=lambda t: t.worth, default=None)

    def _scored(self, grids: Sequence[tuple[Grid, float]]) -> list[ScoredTable]:
        """Return the grids that lie in no table found before, with the agreement expected of each."""
        placed = _tables_of(self.words, self.page)
        free = [
            (grid, prior)
            for grid, prior in grids
            if self.page.proposals.is_sound(grid)
            and not any(grid.top < word.bottom and word.top < grid.bottom for word in placed)
            and not (self.tight and joins_columns(grid, self.tight))
        ]
        return self.page.proposals.score(free)


def _is_across(grid: Grid, gutter: Gutter) -> bool:
    """Return whether a table stands beside a gutter and has cells on both sides of it."""
    beside = grid.top < gutter.bottom and gutter.top < grid.bottom
    return beside and grid.left < gutter.left and gutter.right < grid.right


def _insert_table(region: _Region, grid: Grid, depth: int) -> list[Part]:
    """Return the parts of a region around a table, or around the blocks side by side that only look like one."""
    blocks = blocks_of_grid(grid, region.text)
    if blocks is None and (split := split_addresses(grid)):
        addresses, pairs = split
        return _insert_parts(region.words, [*map(Flow, addresses), pairs], region.page, depth)
    if blocks is None:
        whole = _with_headers(below_fields(without_options(grid)), region.text)
        pieces = divide(whole, region.page.index.rules.upright)
        parts = [part for piece in pieces for part in (halves_of(piece) if isinstance(piece, Grid) else [Flow(piece)])]
        return _insert_parts(region.words, parts, region.page, depth)
    found = [Flow(block) for block in (reversed(blocks) if region.page.backwards else blocks)]
    return _insert_parts(region.words, found, region.page, depth)


def _with_headers(grid: Grid, text: Sequence[Word]) -> Grid:
    """Return a table with the headers right above it; a first row of one heading over the columns spans them."""
    if len(grid.rows[0]) == 1 and len(grid.rows) > 2:
        below = replace(grid, rows=grid.rows[1:])
        spanned = add_spanning_header(below, text)
        if spanned is not below:
            return spanned
    return add_spanning_header(add_header_above(grid, text), text)


def _insert_parts(words: Sequence[Word], found: Sequence[Part], page: _Page, depth: int) -> list[Part]:
    """Return the parts found in a region between those above and below them."""
    taken = [word for part in found for word in part.words]
    held = {id(word) for word in taken}
    middle = min(word.top for word in taken) + max(word.bottom for word in taken)
    rest = [word for word in words if id(word) not in held]
    above = [word for word in rest if word.top + word.bottom < middle]
    below = [word for word in rest if word.top + word.bottom >= middle]
    return [*_split_region(above, page, depth - 1), *found, *_split_region(below, page, depth - 1)]
