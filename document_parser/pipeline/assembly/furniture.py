"""Find the furniture of pages: headers, footers and page numbers, which repeat or count up in the same place of many pages.

A number that follows the page number is part of the furniture. Any other number must be the same on the pages that repeat it,
so that the forms of a batch keep what distinguishes them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from document_parser.models import Block, BlockKind, Page
from document_parser.pipeline.assembly.margin_lines import Edge, MarginLine, find_margin_lines, is_page_number, margin_text
from document_parser.text.spans import runs_of, slice_runs, spans_of

SAME_PLACE_SHARE = 0.02
"""Tops of a running head on two pages differ by at most this share of the page height."""
SAME_BAND_SHARE = 0.006
"""The same for another text in the place of a running head."""
MIN_PAGES = 3
"""Pages that a line must be on in a longer document."""
SHORT_DOCUMENT_PAGES = 3
"""In a document of at most this many pages, a line on two of them is repeated."""
LONGER_DOCUMENT_PAGES = 8
"""In a document of at most this many pages, so is a line on two of them that has some length and is the outermost, in exactly
the same place."""
MIN_LINE_CHARACTERS = 12
"""Characters of a line of some length."""
MIN_DENSITY_SHARE = 0.3
"""A running head is on at least this share of the pages from its first to its last."""
MIN_BAND_SHARE = 0.4
"""A place is one for running heads if this share of all pages has one there."""
MIN_COUNTING_SHARE = 0.6
"""A number counts the pages if its distance to the page number is the same on this share of them."""
MAX_ALONE_SHARE = 0.5
"""What is alone on more than this share of its pages is their content."""
MIN_LETTERHEAD_LINES = 2
"""Lines at one edge of the first page from which they are a letterhead."""
MAX_FOOT_GAP_SHARE = 0.008
"""Lines of one foot have less white between them, as a share of the page height: about half a line of small print."""
MAX_LINE_HEIGHT_SHARE = 0.03
"""A block that is higher, as a share of the page height, has more than one line."""

FURNITURE: frozenset[BlockKind] = frozenset(["page_header", "page_footer", "page_number"])
"""The kinds of blocks that are furniture."""

_KIND_OF_EDGE: dict[Edge, BlockKind] = {"top": "page_header", "bottom": "page_footer", "side": "page_footer"}
"""The kind of a page header or footer at each edge."""


@dataclass(frozen=True)
class Furniture:
    """The furniture of a document, by page number."""

    lines: dict[int, list[tuple[MarginLine, BlockKind]]]
    first_mentions: frozenset[tuple[int, int]] = frozenset()
    """(page number, index of the block) of what is the first to say an account or the like: that is text, even if an engine
    called it a foot."""
    nothing_else: bool = False
    """Whether no page has anything but what was taken for furniture by itself: then that is what the document says."""

    def places(self) -> Iterator[tuple[int, int]]:
        """Yield (page number, index of the block) of all furniture."""
        for found in self.lines.values():
            yield from ((line.page, line.block) for line, _ in found)

    def apply(self, page: Page) -> Page:
        """Return the page with its furniture labelled. No text is lost."""
        if self.nothing_else:
            return page.model_copy(update={"blocks": [block.model_copy(update={"kind": "paragraph"}) for block in page.blocks]})
        page = self._restore_first_mentions(page)
        found = self.lines.get(page.number)
        if not found:
            return page
        labelled: dict[int, list[tuple[MarginLine, BlockKind]]] = defaultdict(list)
        for line, kind in found:
            labelled[line.block].append((line, kind))
        blocks: list[Block] = []
        for place, block in enumerate(page.blocks):
            blocks += _relabel(block, labelled[place]) if place in labelled else [block]
        return page.model_copy(update={"blocks": blocks})

    def _restore_first_mentions(self, page: Page) -> Page:
        """Return the page with those blocks as paragraphs that are the first to say an account or the like."""
        if not any(number == page.number for number, _ in self.first_mentions):
            return page
        blocks = [
            block.model_copy(update={"kind": "paragraph"})
            if block.kind in FURNITURE and (page.number, place) in self.first_mentions
            else block
            for place, block in enumerate(page.blocks)
        ]
        return page.model_copy(update={"blocks": blocks})


def count_stripped_lines(page: Page) -> int:
    """Return how many lines of the page are furniture that says more than a page number."""
    texts = [margin_text(block) for block in page.blocks if block.kind in ("page_header", "page_footer")]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    return sum(not is_page_number(line) for line in lines)


def _relabel(block: Block, found: Sequence[tuple[MarginLine, BlockKind]]) -> list[Block]:
    """Return the block with its new kind, or split into furniture and the rest."""
    for line, kind in found:
        if line.line == "whole":
            now = {"kind": kind, "level": None, "text": margin_text(block), "size_points": None}
            return [block.model_copy(update={**now, "spans": []})]
    before: list[Block] = []
    after: list[Block] = []
    text = block.text.strip()
    for line, kind in found:
        if line.line == "first":
            head, _, text = text.partition("\n")
            before.append(Block(kind=kind, text=head.strip()))
        else:
            text, _, foot = text.rpartition("\n")
            after.append(Block(kind=kind, text=foot.strip()))
    rest = [_keep_text(block, text.strip())] if text.strip() else []
    return [*before, *rest, *after]


def _keep_text(block: Block, text: str) -> Block:
    """Return the block with only this part of its text."""
    start = block.text.find(text)
    runs = slice_runs(runs_of(block.text, block.spans), start, start + len(text))
    return block.model_copy(update={"text": text, "spans": spans_of(runs)})


class Margins:
    """Gather a few short lines of each page in the first pass, then decide which of them are furniture."""

    def __init__(self) -> None:
        """Start without lines."""
        self._lines: list[MarginLine] = []
        self._pages: list[int] = []
        self._sparse: dict[int, list[MarginLine]] = {}
        self._says_more = False

    def gather(self, page: Page) -> None:
        """Add the lines in the margins of a page."""
        if page.status != "done" or not page.blocks:
            return
        lines = list(find_margin_lines(page))
        self._pages.append(page.number)
        self._lines += lines
        self._says_more |= any(block.kind not in FURNITURE for block in page.blocks)
        if {line.line for line in lines} == {"whole"} and len(lines) == len(page.blocks):
            self._sparse[page.number] = lines

    def decide(self) -> Furniture:
        """Return which of the gathered lines are furniture."""
        order = {page: count for count, page in enumerate(self._pages)}
        groups = self._remove_content([group for group in _group_lines(self._lines) if _is_repeated(group, order)])
        named = [(line, _kind_of(line)) for group in groups for line in group]
        bands = _find_bands(groups, len(self._pages))
        taken = _places_of(line for line, _ in named)
        found = [
            line
            for line in self._lines
            if (line.page, line.block) not in taken and line.outermost and any(band.contains(line) for band in bands)
        ]
        taken |= _places_of(found)
        named += [(line, _kind_of(line)) for line in found if not self._is_alone(line, taken)]
        lines: dict[int, list[tuple[MarginLine, BlockKind]]] = defaultdict(list)
        for line, kind in _remove_touching_content(named):
            lines[line.page].append((line, kind))
        if 1 in lines:
            lines[1] = _without_letterhead(lines[1])
        first = _find_first_mentions([line for line in self._lines if line.line == "whole"])
        kept = {page: [(line, kind) for line, kind in found if _place_of(line) not in first] for page, found in lines.items()}
        return Furniture(kept, frozenset(first), nothing_else=not self._says_more)

    def _remove_content(self, groups: list[list[MarginLine]]) -> list[list[MarginLine]]:
        """Return the groups without those that are alone on most of their pages: they are what these pages say.

        Heads and feet are decided first: a number beside one that stays is a page number still.
        """
        for numbers_stay in (True, False):
            taken = _places_of(line for group in groups for line in group)
            groups = [
                group
                for group in groups
                if (numbers_stay and group[0].is_number)
                or sum(self._is_alone(line, taken) for line in group) <= MAX_ALONE_SHARE * len(group)
            ]
        return groups

    def _is_alone(self, line: MarginLine, taken: set[tuple[int, int]]) -> bool:
        """Return whether nothing further in on the page is content, so that the line heads nothing.

        ``taken`` are (page number, index of the block) of what counts as furniture. A page with other blocks is never alone.
        """
        others = self._sparse.get(line.page)
        return others is not None and not any(
            (other.page, other.block) not in taken and _is_further_in(other, line) for other in others
        )


def _places_of(lines: Iterable[MarginLine]) -> set[tuple[int, int]]:
    """Return (page number, index of the block) of each line."""
    return {_place_of(line) for line in lines}


def _place_of(line: MarginLine) -> tuple[int, int]:
    """Return (page number, index of the block) of a line."""
    return line.page, line.block


def _find_first_mentions(lines: Sequence[MarginLine]) -> set[tuple[int, int]]:
    """Return the places of lines that are the first to say an identifier, and of the lines right beside them."""
    seen: set[str] = set()
    said: set[tuple[str, tuple[int, ...]]] = set()
    first: set[tuple[int, int]] = set()
    for _, of_page in groupby(lines, key=lambda line: line.page):
        there = [line for line in of_page if (line.key, line.numbers) not in said]
        new = [line for line in there if line.identifiers - seen]
        first |= _places_of(_with_neighbours(new, there))
        seen.update(*(line.identifiers for line in there))
        said.update((line.key, line.numbers) for line in there)
    return first


def _with_neighbours(found: list[MarginLine], lines: list[MarginLine]) -> list[MarginLine]:
    """Return the lines with what makes one foot or head with them: no white between, or beside them in another column."""
    reached = list(found)
    for line in reached:
        reached += [other for other in lines if other not in reached and not other.is_number and _is_touching(line, other)]
    return reached


def _is_touching(one: MarginLine, other: MarginLine) -> bool:
    """Return whether two lines at the same edge have hardly any white between them."""
    if one.box is None or other.box is None or one.edge != other.edge or one.edge == "side":
        return False
    white = max(one.box.top, other.box.top) - min(one.box.bottom, other.box.bottom)
    return white < MAX_FOOT_GAP_SHARE


def _is_further_in(one: MarginLine, other: MarginLine) -> bool:
    """Return whether one line is nearer to the middle of the page than another, or that is not known."""
    if one.box is None or other.box is None or one.edge != other.edge or one.edge == "side":
        return True
    return one.box.top > other.box.top if one.edge == "top" else one.box.bottom < other.box.bottom


def _remove_touching_content(named: list[tuple[MarginLine, BlockKind]]) -> list[tuple[MarginLine, BlockKind]]:
    """Return the lines without those that touch the content, unless they are the outermost ones or page numbers.

    Pages that are alike to their last line have no heads. Removing a line may show that the next one touches the content too.
    """
    while True:
        there = {(line.page, line.block) for line, _ in named}
        kept = [
            (line, kind)
            for line, kind in named
            if line.outermost or line.inner is None or (line.page, line.inner) in there or line.is_number
        ]
        if len(kept) == len(named):
            return kept
        named = kept


def _kind_of(line: MarginLine) -> BlockKind:
    """Return the kind of block that a line of furniture becomes."""
    if line.is_number:
        return "page_number"
    return line.kind if line.kind in ("page_header", "page_footer") else _KIND_OF_EDGE[line.edge]


def _group_lines(lines: Iterable[MarginLine]) -> list[list[MarginLine]]:
    """Return groups of lines of the same edge, text and place; numbers that do not count the pages are part of the text."""
    same_words: dict[tuple[Edge, str, int], list[MarginLine]] = defaultdict(list)
    for line in lines:
        same_words[line.edge, line.key, len(line.numbers)].append(line)
    return [group for alike in same_words.values() for same in _split_by_numbers(alike) for group in _split_by_place(same)]


def _split_by_numbers(lines: list[MarginLine]) -> list[list[MarginLine]]:
    """Split lines by the numbers in them; numbers that follow the page number do not count."""
    counting = [_page_offset([(line.page, line.numbers[place]) for line in lines]) for place in range(len(lines[0].numbers))]
    parted: dict[tuple[int, ...], list[MarginLine]] = defaultdict(list)
    for line in lines:
        if not line.is_number:
            others = [number for number, offset in zip(line.numbers, counting, strict=True) if offset is None]
            parted[tuple(others)].append(line)
        elif counting[0] is not None and line.numbers[0] - line.page == counting[0]:
            parted[()].append(line)
    return list(parted.values())


def _page_offset(numbers: list[tuple[int, int]]) -> int | None:
    """Return the distance of a number to the page number if it is the same on most pages, or None.

    ``numbers`` are (page number, the number on that page).
    """
    offsets = Counter(number - page for page, number in numbers)
    offset, count = offsets.most_common(1)[0]
    return offset if count >= 2 and count >= MIN_COUNTING_SHARE * len({page for page, _ in numbers}) else None


def _split_by_place(lines: list[MarginLine]) -> list[list[MarginLine]]:
    """Split lines by their distance from the edge; lines without a box form one group."""
    groups: list[list[MarginLine]] = []
    for line in sorted(lines, key=lambda line: (line.box is None, line.box.top if line.box else 0.0)):
        if groups and _is_same_place(groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _is_same_place(one: MarginLine, other: MarginLine) -> bool:
    """Return whether two lines are in the same place; two without a box are."""
    if one.box is None or other.box is None:
        return one.box is other.box
    return abs(one.box.top - other.box.top) <= SAME_PLACE_SHARE


def _is_repeated(group: list[MarginLine], order: dict[int, int]) -> bool:
    """Return whether a line is on enough pages, and these near enough to each other.

    ``order`` is the index of each page number among the pages that were read.
    """
    places = sorted({order[line.page] for line in group})
    if not group[0].key.strip("# ") or len(places) < 2:
        return False
    if len(places) < MIN_PAGES and not group[0].is_number:
        return len(order) <= SHORT_DOCUMENT_PAGES or (len(order) <= LONGER_DOCUMENT_PAGES and _is_exact(group))
    return len(places) >= MIN_DENSITY_SHARE * (places[-1] - places[0] + 1)


def _is_exact(group: list[MarginLine]) -> bool:
    """Return whether the lines have some length and are the outermost ones in exactly the same place."""
    tops = [line.box.top for line in group if line.box is not None and line.outermost]
    return len(group[0].key) >= MIN_LINE_CHARACTERS and len(tops) == len(group) and max(tops) - min(tops) <= SAME_BAND_SHARE


@dataclass(frozen=True)
class _Band:
    """A place for running heads, as shares of the page height."""

    edge: Edge
    top: float
    bottom: float

    def contains(self, line: MarginLine) -> bool:
        """Return whether a line that is a whole block is in this place."""
        if line.box is None or line.edge != self.edge or line.line != "whole":
            return False
        return abs(line.box.top - self.top) <= SAME_BAND_SHARE and abs(line.box.bottom - self.bottom) <= SAME_BAND_SHARE


def _find_bands(groups: list[list[MarginLine]], pages: int) -> list[_Band]:
    """Return the places where most pages have a running head, whatever it says. ``pages`` is the number of pages."""
    found: list[tuple[_Band, set[int]]] = []
    for group in groups:
        boxes = [line.box for line in group if line.box is not None]
        if group[0].is_number or not boxes:
            continue
        band = _Band(group[0].edge, median(box.top for box in boxes), median(box.bottom for box in boxes))
        numbers = {line.page for line in group}
        for other, there in found:
            if other.edge == band.edge and abs(other.top - band.top) <= SAME_BAND_SHARE:
                there |= numbers
                break
        else:
            found.append((band, numbers))
    return [band for band, numbers in found if len(numbers) > MIN_PAGES and len(numbers) >= MIN_BAND_SHARE * pages]


def _without_letterhead(found: list[tuple[MarginLine, BlockKind]]) -> list[tuple[MarginLine, BlockKind]]:
    """Return the furniture of the first page without its title and letterhead, which stay part of the text.

    What is repeated from the first page is said once.
    """
    lines = Counter(line.edge for line, _ in found if not line.is_number)
    return [(line, kind) for line, kind in found if not _is_letterhead(line, lines[line.edge])]


def _is_letterhead(line: MarginLine, beside: int) -> bool:
    """Return whether a line belongs to a letterhead. ``beside`` is the number of lines at the same edge."""
    if line.is_number or line.kind in ("page_header", "page_footer"):
        return False
    high = line.box is not None and line.box.bottom - line.box.top > MAX_LINE_HEIGHT_SHARE
    return line.kind in ("title", "heading", "table") or high or beside >= MIN_LETTERHEAD_LINES
