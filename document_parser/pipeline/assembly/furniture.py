"""Running heads, feet and page numbers: what stands in the same place of many pages and says the same, or counts them.

A number that follows the page's is part of the furniture; any other must be the same on the pages it is repeated on, so that
the forms of a batch keep what tells them apart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from document_parser.models import Block, BlockKind, Page
from document_parser.pipeline.assembly.margin_lines import Edge, MarginLine, is_page_number, margin_lines, margin_text
from document_parser.text.spans import cut, runs_of, spans_of

SAME_PLACE = 0.02
"""Tops of a running head on two pages differ by at most this share of the page height."""
SAME_BAND = 0.006
"""The same for another text in the place of a running head."""
LEAST_PAGES = 3
SHORT_DOCUMENT = 3
"""A document of at most so many pages repeats a line by having it twice."""
LONGER_DOCUMENT = 8
"""So does one of at most so many, where the line is one of some length, the outermost, in exactly the same place."""
TELLING = 12
DENSE = 0.3
"""Of the pages from its first to its last a running head stands on at least this share."""
USUAL = 0.4
"""A place is one for running heads where this share of all pages has one there."""
FOLLOWS = 0.6
"""A number counts the pages where it keeps its distance to the page's on this share of them."""
MOSTLY_ALONE = 0.5
"""What stands alone on more than this share of its pages is their content."""
LETTERHEAD_LINES = 2
SAME_FOOT = 0.008
"""Lines of one foot have less white between them, as a share of the page height: about half a line of small print."""
LINE_HEIGHT = 0.03
"""A block that is higher, as a share of the page, has more than one line."""

FURNITURE: frozenset[BlockKind] = frozenset(["page_header", "page_footer", "page_number"])

_NAMES: dict[Edge, BlockKind] = {"top": "page_header", "bottom": "page_footer", "side": "page_footer"}


@dataclass(frozen=True)
class Furniture:
    """What is furniture, page by page."""

    lines: dict[int, list[tuple[MarginLine, BlockKind]]]
    said_first: frozenset[tuple[int, int]] = frozenset()
    """(page, place of the block) of what is the first to say an account or the like: text, whoever took it for a foot."""
    nothing_else: bool = False
    """Whether no page has anything but what was taken for furniture by itself: then that is what the document says."""

    def places(self) -> Iterator[tuple[int, int]]:
        """(page, place of the block) of all that is furniture."""
        for found in self.lines.values():
            yield from ((line.page, line.block) for line, _ in found)

    def applied(self, page: Page) -> Page:
        """The page with its furniture labelled. No text is lost."""
        if self.nothing_else:
            return page.model_copy(update={"blocks": [block.model_copy(update={"kind": "paragraph"}) for block in page.blocks]})
        page = self._with_first_said(page)
        found = self.lines.get(page.number)
        if not found:
            return page
        labelled: dict[int, list[tuple[MarginLine, BlockKind]]] = defaultdict(list)
        for line, kind in found:
            labelled[line.block].append((line, kind))
        blocks: list[Block] = []
        for place, block in enumerate(page.blocks):
            blocks += _relabelled(block, labelled[place]) if place in labelled else [block]
        return page.model_copy(update={"blocks": blocks})

    def _with_first_said(self, page: Page) -> Page:
        if not any(number == page.number for number, _ in self.said_first):
            return page
        blocks = [
            block.model_copy(update={"kind": "paragraph"})
            if block.kind in FURNITURE and (page.number, place) in self.said_first
            else block
            for place, block in enumerate(page.blocks)
        ]
        return page.model_copy(update={"blocks": blocks})


def count_stripped_lines(page: Page) -> int:
    """Return how many lines of the page are furniture that says more than a page number."""
    texts = [margin_text(block) for block in page.blocks if block.kind in ("page_header", "page_footer")]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    return sum(not is_page_number(line) for line in lines)


def _relabelled(block: Block, found: Sequence[tuple[MarginLine, BlockKind]]) -> list[Block]:
    """The block with its new kind; or parted into furniture and the rest."""
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
    rest = [_cut_to(block, text.strip())] if text.strip() else []
    return [*before, *rest, *after]


def _cut_to(block: Block, text: str) -> Block:
    """The block with this part of its text only."""
    start = block.text.find(text)
    runs = cut(runs_of(block.text, block.spans), start, start + len(text))
    return block.model_copy(update={"text": text, "spans": spans_of(runs)})


class Margins:
    """The first walk: a few short lines of each page."""

    def __init__(self) -> None:
        self._lines: list[MarginLine] = []
        self._pages: list[int] = []
        self._sparse: dict[int, list[MarginLine]] = {}
        self._says_more = False

    def gather(self, page: Page) -> None:
        if page.status != "done" or not page.blocks:
            return
        lines = list(margin_lines(page))
        self._pages.append(page.number)
        self._lines += lines
        self._says_more |= any(block.kind not in FURNITURE for block in page.blocks)
        if {line.line for line in lines} == {"whole"} and len(lines) == len(page.blocks):
            self._sparse[page.number] = lines

    def decide(self) -> Furniture:
        """What of all that is furniture."""
        order = {page: count for count, page in enumerate(self._pages)}
        groups = self._beside_content([group for group in _groups(self._lines) if _repeats(group, order)])
        named = [(line, _kind(line)) for group in groups for line in group]
        bands = _bands(groups, len(self._pages))
        taken = _places(line for line, _ in named)
        found = [
            line
            for line in self._lines
            if (line.page, line.block) not in taken and line.outermost and any(band.holds(line) for band in bands)
        ]
        taken |= _places(found)
        named += [(line, _kind(line)) for line in found if not self._alone(line, taken)]
        lines: dict[int, list[tuple[MarginLine, BlockKind]]] = defaultdict(list)
        for line, kind in _apart_from_content(named):
            lines[line.page].append((line, kind))
        if 1 in lines:
            lines[1] = _without_letterhead(lines[1])
        first = _said_first([line for line in self._lines if line.line == "whole"])
        kept = {page: [(line, kind) for line, kind in found if _place(line) not in first] for page, found in lines.items()}
        return Furniture(kept, frozenset(first), nothing_else=not self._says_more)

    def _beside_content(self, groups: list[list[MarginLine]]) -> list[list[MarginLine]]:
        """Without those that stand alone on most of their pages: they are what these pages say.

        Heads and feet count first: a number beside one that stays is a page number still.
        """
        for numbers_stay in (True, False):
            taken = _places(line for group in groups for line in group)
            groups = [
                group
                for group in groups
                if (numbers_stay and group[0].is_number)
                or sum(self._alone(line, taken) for line in group) <= MOSTLY_ALONE * len(group)
            ]
        return groups

    def _alone(self, line: MarginLine, taken: set[tuple[int, int]]) -> bool:
        """Whether the page has nothing further in that is not ``taken`` for furniture as well: a head runs above something."""
        others = self._sparse.get(line.page)
        return others is not None and not any(
            (other.page, other.block) not in taken and _further_in(other, line) for other in others
        )


def _places(lines: Iterable[MarginLine]) -> set[tuple[int, int]]:
    return {_place(line) for line in lines}


def _place(line: MarginLine) -> tuple[int, int]:
    return line.page, line.block


def _said_first(lines: Sequence[MarginLine]) -> set[tuple[int, int]]:
    """The places of lines with an identifier that no line of an earlier page has, and of the lines right beside them."""
    seen: set[str] = set()
    said: set[tuple[str, tuple[int, ...]]] = set()
    first: set[tuple[int, int]] = set()
    for _, of_page in groupby(lines, key=lambda line: line.page):
        there = [line for line in of_page if (line.key, line.numbers) not in said]
        new = [line for line in there if line.identifiers - seen]
        first |= _places(_with_neighbours(new, there))
        seen.update(*(line.identifiers for line in there))
        said.update((line.key, line.numbers) for line in there)
    return first


def _with_neighbours(found: list[MarginLine], lines: list[MarginLine]) -> list[MarginLine]:
    """The lines, and what makes one foot or head with them: no white between, or beside them in another column."""
    reached = list(found)
    for line in reached:
        reached += [other for other in lines if other not in reached and not other.is_number and _touches(line, other)]
    return reached


def _touches(one: MarginLine, other: MarginLine) -> bool:
    if one.box is None or other.box is None or one.edge != other.edge or one.edge == "side":
        return False
    white = max(one.box.top, other.box.top) - min(one.box.bottom, other.box.bottom)
    return white < SAME_FOOT


def _further_in(one: MarginLine, other: MarginLine) -> bool:
    """Whether one line is nearer to the middle of the page than another, or nobody knows."""
    if one.box is None or other.box is None or one.edge != other.edge or one.edge == "side":
        return True
    return one.box.top > other.box.top if one.edge == "top" else one.box.bottom < other.box.bottom


def _apart_from_content(named: list[tuple[MarginLine, BlockKind]]) -> list[tuple[MarginLine, BlockKind]]:
    """Without what leans on the content, unless it is the outermost: pages that are alike to their last line are no heads."""
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


def _kind(line: MarginLine) -> BlockKind:
    if line.is_number:
        return "page_number"
    return line.kind if line.kind in ("page_header", "page_footer") else _NAMES[line.edge]


def _groups(lines: Iterable[MarginLine]) -> list[list[MarginLine]]:
    """Lines of the same edge, text and place; numbers that do not count the pages are part of the text."""
    same_words: dict[tuple[Edge, str, int], list[MarginLine]] = defaultdict(list)
    for line in lines:
        same_words[line.edge, line.key, len(line.numbers)].append(line)
    return [group for alike in same_words.values() for same in _by_numbers(alike) for group in _by_place(same)]


def _by_numbers(lines: list[MarginLine]) -> list[list[MarginLine]]:
    """Parted by the numbers in them, those that follow the page's left out of account."""
    counting = [_follows([(line.page, line.numbers[place]) for line in lines]) for place in range(len(lines[0].numbers))]
    parted: dict[tuple[int, ...], list[MarginLine]] = defaultdict(list)
    for line in lines:
        if not line.is_number:
            others = [number for number, offset in zip(line.numbers, counting, strict=True) if offset is None]
            parted[tuple(others)].append(line)
        elif counting[0] is not None and line.numbers[0] - line.page == counting[0]:
            parted[()].append(line)
    return list(parted.values())


def _follows(numbers: list[tuple[int, int]]) -> int | None:
    """The distance of a number to the page's, where it is the same on most of them; None where it is not."""
    offsets = Counter(number - page for page, number in numbers)
    offset, count = offsets.most_common(1)[0]
    return offset if count >= 2 and count >= FOLLOWS * len({page for page, _ in numbers}) else None


def _by_place(lines: list[MarginLine]) -> list[list[MarginLine]]:
    """Parted by how far from the edge they stand; those whose place is not known are of one mind with each other."""
    groups: list[list[MarginLine]] = []
    for line in sorted(lines, key=lambda line: (line.box is None, line.box.top if line.box else 0.0)):
        if groups and _near(groups[-1][-1], line):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _near(one: MarginLine, other: MarginLine) -> bool:
    if one.box is None or other.box is None:
        return one.box is other.box
    return abs(one.box.top - other.box.top) <= SAME_PLACE


def _repeats(group: list[MarginLine], order: dict[int, int]) -> bool:
    """Whether a line is on enough pages, and these near enough to each other."""
    places = sorted({order[line.page] for line in group})
    if not group[0].key.strip("# ") or len(places) < 2:
        return False
    if len(places) < LEAST_PAGES and not group[0].is_number:
        return len(order) <= SHORT_DOCUMENT or (len(order) <= LONGER_DOCUMENT and _exact(group))
    return len(places) >= DENSE * (places[-1] - places[0] + 1)


def _exact(group: list[MarginLine]) -> bool:
    tops = [line.box.top for line in group if line.box is not None and line.outermost]
    return len(group[0].key) >= TELLING and len(tops) == len(group) and max(tops) - min(tops) <= SAME_BAND


@dataclass(frozen=True)
class _Band:
    """A place for running heads, as shares of the page height."""

    edge: Edge
    top: float
    bottom: float

    def holds(self, line: MarginLine) -> bool:
        if line.box is None or line.edge != self.edge or line.line != "whole":
            return False
        return abs(line.box.top - self.top) <= SAME_BAND and abs(line.box.bottom - self.bottom) <= SAME_BAND


def _bands(groups: list[list[MarginLine]], pages: int) -> list[_Band]:
    """Places where most pages have a running head, whatever it says."""
    found: list[tuple[_Band, set[int]]] = []
    for group in groups:
        boxes = [line.box for line in group if line.box is not None]
        if group[0].is_number or not boxes:
            continue
        band = _Band(group[0].edge, median(box.top for box in boxes), median(box.bottom for box in boxes))
        numbers = {line.page for line in group}
        for other, there in found:
            if other.edge == band.edge and abs(other.top - band.top) <= SAME_BAND:
                there |= numbers
                break
        else:
            found.append((band, numbers))
    return [band for band, numbers in found if len(numbers) > LEAST_PAGES and len(numbers) >= USUAL * pages]


def _without_letterhead(found: list[tuple[MarginLine, BlockKind]]) -> list[tuple[MarginLine, BlockKind]]:
    """What is repeated from the first page is said once: its title and its letterhead stay part of the text."""
    lines = Counter(line.edge for line, _ in found if not line.is_number)
    return [(line, kind) for line, kind in found if not _of_letterhead(line, lines[line.edge])]


def _of_letterhead(line: MarginLine, beside: int) -> bool:
    if line.is_number or line.kind in ("page_header", "page_footer"):
        return False
    high = line.box is not None and line.box.bottom - line.box.top > LINE_HEIGHT
    return line.kind in ("title", "heading", "table") or high or beside >= LETTERHEAD_LINES
