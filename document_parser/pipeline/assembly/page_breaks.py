"""Mark what goes on over the end of a page: paragraphs broken in mid sentence, tables broken between two rows.

Each page keeps its own part; the later part says which part it continues, and how the two are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.layout.lines.joining import find_line_join, is_cjk, vocabulary_of
from document_parser.models import Block, BlockKind, Continuation, Location, Page, Table, Word

MIN_RUNNING_TEXT_CHARACTERS = 80
"""Characters from which a paragraph is running text; two of them are joined if nothing but a capital letter speaks against
it."""
MIN_PARAGRAPH_CHARACTERS = 25
"""A text with fewer characters is a label, a number or part of a formula."""
MIN_END_SHARE, MAX_START_SHARE = 0.6, 0.4
"""What goes on ends below, and its continuation begins above, these shares of the page height."""
SAME_EDGE_SHARE = 0.04
"""Left and right ends of the parts of one table differ by at most this share of the page width."""
MIN_HANG_SHARE, MAX_HANG_SHARE = 0.012, 0.08
"""Shares of the page width by which the second line of a list item begins farther in than its marker."""
MAX_HEADER_ROWS = 5
"""Rows at the top of a table that are compared to find a repeated header."""

_BETWEEN: frozenset[BlockKind] = frozenset(["page_header", "page_footer", "page_number", "footnote", "watermark"])
"""Kinds of blocks that may be between the parts."""
_FLOATS: frozenset[BlockKind] = frozenset(["figure", "caption"])
"""Kinds of blocks that may be between the parts of a paragraph too."""
_CONTINUED = re.compile(r"\(?\s*(?:cont(?:inued|inuation|d|['’]d)?\b|fortsetzung|forts\.|suite\b|continua)", re.IGNORECASE)
"""What a line above a table says if the table is continued from an earlier page."""
_CONTINUES = re.compile(r"see (?:foot)?notes? at (?:the )?end|\bcontinue[ds]\b|\bfortsetzung\b|\bà suivre\b", re.IGNORECASE)
"""What a line below a table says if more of the table follows."""
_ROWS = re.compile(r"[A-Z]*(\d+)(?::[A-Z]*(\d+))?")
"""The first and last row of a range of cells."""
_HYPHENS = "-\u2010"
"""What a line may end in that the vocabulary of its page decides about."""
_OPENING = re.compile(r"[\s\"'“„«(\[]*")
"""White space and opening marks before the first letter of a text."""


@dataclass(slots=True)
class _WaitingPage:
    """A page that waits for the next one, with the blank pages after it, and the table that its last table began as."""

    page: Page
    blanks: list[Page]
    table: Table | None = None


def join_pages(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield the pages, in ascending order, with marks at the blocks that go on over the end of a page.

    One page and the blank pages after it are held in memory.
    """
    waiting: _WaitingPage | None = None
    for page in pages:
        if waiting is None:
            waiting = _WaitingPage(page, [])
        elif page.status == "blank" and page.number == _next_number(waiting):
            waiting.blanks.append(page)
        else:
            before = waiting
            waiting = _join(before, page) if page.number == _next_number(before) else _WaitingPage(page, [])
            yield before.page
            yield from before.blanks
    if waiting is not None:
        yield waiting.page
        yield from waiting.blanks


def _next_number(waiting: _WaitingPage) -> int:
    """Return the number of the page that continues the waiting one."""
    return waiting.page.number + len(waiting.blanks) + 1


def _join(waiting: _WaitingPage, page: Page) -> _WaitingPage:
    """Return the page as the one that waits now; both pages are marked if they are joined."""
    if page.location is not None:
        return _join_ranges(waiting, page)
    table = _find_table_break(waiting, page)
    if table is not None:
        upper, lower, mark = table
        begun = waiting.table if waiting.page.blocks[upper].continues else waiting.page.blocks[upper].table
        last = _find_last_table(page.blocks) == lower
        return _WaitingPage(_mark(waiting, page, upper, lower, mark), [], begun if last else None)
    text = _find_paragraph_break(waiting.page, page)
    return _WaitingPage(_mark(waiting, page, *text) if text else page, [])


def _join_ranges(waiting: _WaitingPage, page: Page) -> _WaitingPage:
    """Return the part as the one that waits now; the table that a range of cells cuts in two is marked."""
    upper, lower = waiting.page, page
    if not _follow_one_another(upper.location, lower.location) or not lower.blocks:
        return _WaitingPage(page, [])
    first = lower.blocks[0]
    last = next((at for at in reversed(range(len(upper.blocks))) if upper.blocks[at].layer == first.layer), None)
    begun = upper.blocks[last].table if last is not None else None
    if last is None or begun is None or first.table is None or begun.columns != first.table.columns:
        return _WaitingPage(page, [])
    return _WaitingPage(_mark(waiting, page, last, 0, Continuation(page=upper.number, block=last)), [])


def _follow_one_another(upper: Location | None, lower: Location | None) -> bool:
    """Return whether two ranges are of one sheet and no empty row is between them."""
    if upper is None or lower is None or upper.kind != lower.kind or upper.name != lower.name:
        return False
    end, start = _ROWS.fullmatch(upper.range), _ROWS.fullmatch(lower.range)
    return end is not None and start is not None and int(end[2]) + 1 == int(start[1])


def _mark(waiting: _WaitingPage, page: Page, upper: int, lower: int, mark: Continuation) -> Page:
    """Mark both blocks and return the lower page. ``upper`` and ``lower`` are indexes of blocks."""
    waiting.page = _with_block(waiting.page, upper, continued_on=page.number)
    return _with_block(page, lower, continues=mark)


def _with_block(page: Page, place: int, **changes: object) -> Page:
    """Return the page with one block changed."""
    blocks = list(page.blocks)
    blocks[place] = blocks[place].model_copy(update=changes)
    return page.model_copy(update={"blocks": blocks})


def _find_last(blocks: Sequence[Block], beside: frozenset[BlockKind]) -> int | None:
    """Return the index of the last block that is not of these kinds; None if there is none."""
    return next((place for place in reversed(range(len(blocks))) if blocks[place].kind not in beside), None)


def _find_first(blocks: Sequence[Block], beside: frozenset[BlockKind]) -> int | None:
    """Return the index of the first block that is not of these kinds; None if there is none."""
    return next((place for place in range(len(blocks)) if blocks[place].kind not in beside), None)


# --- paragraphs -------------------------------------------------------------------------------------------------------


def _find_paragraph_break(upper: Page, lower: Page) -> tuple[int, int, Continuation] | None:
    """Return (index of the upper block, index of the lower block, mark) of a paragraph that goes on, or None."""
    last, first = _find_last(upper.blocks, _BETWEEN | _FLOATS), _find_first(lower.blocks, _BETWEEN | _FLOATS)
    if last is None or first is None:
        return None
    above, below = upper.blocks[last], lower.blocks[first]
    if above.kind not in ("paragraph", "list_item") or below.kind != "paragraph" or not _is_continued(above, below):
        return None
    start, end = above.text.rstrip(), below.text.lstrip()
    known = vocabulary_of([*_words_of(upper), *_words_of(lower)]) if start[-1] in _HYPHENS else frozenset()
    kept, between = find_line_join(start, end, known)
    cut = len(above.text) - len(kept)
    return last, first, Continuation(page=upper.number, block=last, cut=cut, between=between)


def _is_continued(above: Block, below: Block) -> bool:
    """Return whether the text of one block goes on in another one."""
    start, end = above.text.strip(), _OPENING.sub("", below.text, count=1)
    if len(start) < MIN_PARAGRAPH_CHARACTERS or not end or has_sentence_end(start) or not _is_at_page_break(above, below):
        return False
    if not (start[-1].isalnum() or start[-1] in ",-\u00ad\u2010–—&/)"):
        return False
    if end[0].islower() or _hangs(above, below):
        return True
    running = (
        above.kind == "paragraph"
        and len(start) >= MIN_RUNNING_TEXT_CHARACTERS
        and len(end) >= MIN_RUNNING_TEXT_CHARACTERS
        and _has_same_width(above, below)
    )
    return running and (is_cjk(start[-1]) if is_cjk(end) else start[-1].isalpha() or start[-1] == ",")


def _hangs(above: Block, below: Block) -> bool:
    """Return whether a text begins below the text of a list item, farther in than the item: its lines hang."""
    if above.kind != "list_item" or above.box is None or below.box is None or below.level is not None:
        return False
    return MIN_HANG_SHARE < below.box.left - above.box.left < MAX_HANG_SHARE


def _is_at_page_break(above: Block, below: Block) -> bool:
    """Return whether one block ends low on its page and the other begins high, as far as their boxes are known."""
    low = above.box is None or above.box.bottom >= MIN_END_SHARE
    return low and (below.box is None or below.box.top <= MAX_START_SHARE)


def _has_same_width(above: Block, below: Block) -> bool:
    """Return whether two blocks have the same width; true if one has no box."""
    if above.box is None or below.box is None:
        return True
    widths = above.box.right - above.box.left, below.box.right - below.box.left
    return abs(widths[0] - widths[1]) <= SAME_EDGE_SHARE


def _words_of(page: Page) -> Iterator[Word]:
    """Yield the texts of a page as words, for the vocabulary that decides about hyphens."""
    for block in page.blocks:
        if block.text:
            yield Word(block.text, 0, 0, 0, 0)


# --- tables -----------------------------------------------------------------------------------------------------------


def _find_table_break(waiting: _WaitingPage, lower: Page) -> tuple[int, int, Continuation] | None:
    """Return (index of the upper block, index of the lower block, mark) of a table that goes on, or None."""
    last, first = _find_last_table(waiting.page.blocks), _find_first_table(lower.blocks)
    if last is None or first is None:
        return None
    above, below = waiting.page.blocks[last], lower.blocks[first]
    if not above.table or not below.table or above.table.columns != below.table.columns or not _is_at_page_break(above, below):
        return None
    begun = (waiting.table if above.continues else None) or above.table
    repeated = _count_repeated_rows(begun, below.table)
    if not repeated and not (_is_headless(below.table, begun) and _has_same_edges(above, below)):
        return None
    return last, first, Continuation(page=waiting.page.number, block=last, repeated_rows=repeated)


def _find_last_table(blocks: Sequence[Block]) -> int | None:
    """Return the index of the table that ends the content of a page; a line that says there is more of it may follow."""
    last = _find_last(blocks, _BETWEEN)
    if (
        last
        and not blocks[last].table
        and len(blocks[last].text) < MIN_RUNNING_TEXT_CHARACTERS
        and _CONTINUES.search(blocks[last].text)
    ):
        last -= 1
    return last if last is not None and blocks[last].table else None


def _find_first_table(blocks: Sequence[Block]) -> int | None:
    """Return the index of the table that begins the content of a page; a line that says it is continued may come before it."""
    first = _find_first(blocks, _BETWEEN)
    if first is not None and not blocks[first].table and len(blocks[first].text) < MIN_RUNNING_TEXT_CHARACTERS:
        says_so = _CONTINUED.search(blocks[first].text) is not None
        first = first + 1 if says_so and first + 1 < len(blocks) else None
    return first if first is not None and blocks[first].table else None


def _count_repeated_rows(begun: Table, below: Table) -> int:
    """Return how many rows at the top of ``below`` repeat the first rows of ``begun``."""
    above, again = _top_rows(begun), _top_rows(below)
    heads = 0
    for one, other in zip(above, again, strict=True):
        if one != other or not any(one):
            break
        heads += 1
    return heads if heads < below.rows and heads < begun.rows else 0


def _top_rows(table: Table) -> list[list[str]]:
    """Return the cell texts of the first rows, without white space and in small letters."""
    rows: list[list[str]] = [[] for _ in range(MAX_HEADER_ROWS)]
    for cell in sorted(table.cells, key=lambda cell: (cell.row, cell.column)):
        if cell.row < MAX_HEADER_ROWS:
            rows[cell.row].append("".join(cell.text.split()).casefold())
    return rows


def _is_headless(below: Table, begun: Table) -> bool:
    """Return whether a table has no header of its own: a first row with numbers, in columns of numbers, is none."""
    heads = [cell for cell in below.cells if cell.row == 0 and cell.header]
    if not heads:
        return True
    numbers = {cell.column for cell in begun.cells if not cell.header and _has_number(cell.text)}
    return any(_has_number(cell.text) and cell.column in numbers for cell in heads)


def _has_number(text: str) -> bool:
    """Return whether at least half of a text is digits."""
    return sum(character.isdigit() for character in text) * 2 >= len(text) > 0


def _has_same_edges(above: Block, below: Block) -> bool:
    """Return whether two tables have the same left and right ends; two without boxes have."""
    if above.box is None or below.box is None:
        return above.box is below.box
    return abs(above.box.left - below.box.left) <= SAME_EDGE_SHARE and abs(above.box.right - below.box.right) <= SAME_EDGE_SHARE
