"""What goes on over the end of a page: paragraphs broken in mid sentence, tables broken between two rows.

Each page keeps its own part; the later part says what it carries on, and how the two are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from document_parser.layout.blocks.block_kinds import ends_sentence
from document_parser.layout.lines.joining import is_cjk, seam, vocabulary
from document_parser.models import Block, BlockKind, Continuation, Page, Table, Word

LONG = 80
"""A paragraph of so many letters is running text; two of them are one where nothing says otherwise but a capital letter."""
SOME = 25
"""Of fewer letters are labels, numbers and parts of formulas."""
LOW, HIGH = 0.6, 0.4
"""What goes on ends below and goes on above these shares of the page height."""
SAME_EDGE = 0.04
"""Left and right ends of the parts of one table differ by at most this share of the page width."""
MOST_HEADER_ROWS = 5

_BESIDE: frozenset[BlockKind] = frozenset(["page_header", "page_footer", "page_number", "footnote", "watermark"])
"""What may stand between the parts."""
_FLOATS: frozenset[BlockKind] = frozenset(["figure", "caption"])
_CARRIED = re.compile(r"\(?\s*(?:cont(?:inued|inuation|d|['’]d)?\b|fortsetzung|forts\.|suite\b|continua)", re.IGNORECASE)
_MORE = re.compile(r"see (?:foot)?notes? at (?:the )?end|\bcontinue[ds]\b|\bfortsetzung\b|\bà suivre\b", re.IGNORECASE)
_OPENING = re.compile(r"[\s\"'“„«(\[]*")


@dataclass(slots=True)
class _Held:
    """A page that waits for the next one, the blank pages after it, and the table that its last one began as."""

    page: Page
    blanks: list[Page]
    table: Table | None = None


def joined(pages: Iterable[Page]) -> Iterator[Page]:
    """The pages, ascending, with marks where a block goes on. Holds one page back, and the blank ones after it."""
    held: _Held | None = None
    for page in pages:
        if held is None:
            held = _Held(page, [])
        elif page.status == "blank" and page.number == _next_number(held):
            held.blanks.append(page)
        else:
            before = held
            held = _joined_to(before, page) if page.number == _next_number(before) else _Held(page, [])
            yield before.page
            yield from before.blanks
    if held is not None:
        yield held.page
        yield from held.blanks


def _next_number(held: _Held) -> int:
    return held.page.number + len(held.blanks) + 1


def _joined_to(held: _Held, page: Page) -> _Held:
    """The page as the one that waits now; both are marked where they are joined."""
    table = _table_seam(held, page)
    if table is not None:
        upper, lower, mark = table
        begun = held.table if held.page.blocks[upper].continues else held.page.blocks[upper].table
        last = _last_table(page.blocks) == lower
        return _Held(_marked(held, page, upper, lower, mark), [], begun if last else None)
    text = _text_seam(held.page, page)
    return _Held(_marked(held, page, *text) if text else page, [])


def _marked(held: _Held, page: Page, upper: int, lower: int, mark: Continuation) -> Page:
    held.page = _with_block(held.page, upper, continued_on=page.number)
    return _with_block(page, lower, continues=mark)


def _with_block(page: Page, place: int, **changes: object) -> Page:
    blocks = list(page.blocks)
    blocks[place] = blocks[place].model_copy(update=changes)
    return page.model_copy(update={"blocks": blocks})


def _last(blocks: Sequence[Block], beside: frozenset[BlockKind]) -> int | None:
    return next((place for place in reversed(range(len(blocks))) if blocks[place].kind not in beside), None)


def _first(blocks: Sequence[Block], beside: frozenset[BlockKind]) -> int | None:
    return next((place for place in range(len(blocks)) if blocks[place].kind not in beside), None)


# --- paragraphs -------------------------------------------------------------------------------------------------------


def _text_seam(upper: Page, lower: Page) -> tuple[int, int, Continuation] | None:
    last, first = _last(upper.blocks, _BESIDE | _FLOATS), _first(lower.blocks, _BESIDE | _FLOATS)
    if last is None or first is None:
        return None
    above, below = upper.blocks[last], lower.blocks[first]
    if above.kind not in ("paragraph", "list_item") or below.kind != "paragraph" or not _goes_on(above, below):
        return None
    start, end = above.text.rstrip(), below.text.lstrip()
    kept, between = seam(start, end, vocabulary([*_words(upper), *_words(lower)]))
    cut = len(above.text) - len(kept)
    return last, first, Continuation(page=upper.number, block=last, cut=cut, between=between)


def _goes_on(above: Block, below: Block) -> bool:
    start, end = above.text.strip(), _OPENING.sub("", below.text, count=1)
    if len(start) < SOME or not end or ends_sentence(start) or not _placed(above, below):
        return False
    if not (start[-1].isalnum() or start[-1] in ",-\u00ad\u2010–—&/)"):
        return False
    if end[0].islower():
        return True
    running = above.kind == "paragraph" and len(start) >= LONG and len(end) >= LONG and _same_width(above, below)
    return running and (is_cjk(start[-1]) if is_cjk(end) else start[-1].isalpha() or start[-1] == ",")


def _placed(above: Block, below: Block) -> bool:
    """Whether one ends low and the other begins high, as far as their places are known."""
    low = above.box is None or above.box.bottom >= LOW
    return low and (below.box is None or below.box.top <= HIGH)


def _same_width(above: Block, below: Block) -> bool:
    if above.box is None or below.box is None:
        return True
    widths = above.box.right - above.box.left, below.box.right - below.box.left
    return abs(widths[0] - widths[1]) <= SAME_EDGE


def _words(page: Page) -> Iterator[Word]:
    for block in page.blocks:
        if block.text:
            yield Word(block.text, 0, 0, 0, 0)


# --- tables -----------------------------------------------------------------------------------------------------------


def _table_seam(held: _Held, lower: Page) -> tuple[int, int, Continuation] | None:
    last, first = _last_table(held.page.blocks), _first_table(lower.blocks)
    if last is None or first is None:
        return None
    above, below = held.page.blocks[last], lower.blocks[first]
    if not above.table or not below.table or above.table.columns != below.table.columns or not _placed(above, below):
        return None
    begun = (held.table if above.continues else None) or above.table
    repeated = _repeated_rows(begun, below.table)
    if not repeated and not (_headless(below.table, begun) and _same_edges(above, below)):
        return None
    return last, first, Continuation(page=held.page.number, block=last, repeated_rows=repeated)


def _last_table(blocks: Sequence[Block]) -> int | None:
    """The table that the content of a page ends with, but for a line that says there is more of it."""
    last = _last(blocks, _BESIDE)
    if last and not blocks[last].table and len(blocks[last].text) < LONG and _MORE.search(blocks[last].text):
        last -= 1
    return last if last is not None and blocks[last].table else None


def _first_table(blocks: Sequence[Block]) -> int | None:
    """The table that the content of a page begins with, but for a line that says it is continued."""
    first = _first(blocks, _BESIDE)
    if first is not None and not blocks[first].table and len(blocks[first].text) < LONG:
        says_so = _CARRIED.search(blocks[first].text) is not None
        first = first + 1 if says_so and first + 1 < len(blocks) else None
    return first if first is not None and blocks[first].table else None


def _repeated_rows(begun: Table, below: Table) -> int:
    """How many rows at the top of a table say again what the first ones of its beginning say."""
    above, again = _top_rows(begun), _top_rows(below)
    heads = 0
    for one, other in zip(above, again, strict=True):
        if one != other or not any(one):
            break
        heads += 1
    return heads if heads < below.rows and heads < begun.rows else 0


def _top_rows(table: Table) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(MOST_HEADER_ROWS)]
    for cell in sorted(table.cells, key=lambda cell: (cell.row, cell.column)):
        if cell.row < MOST_HEADER_ROWS:
            rows[cell.row].append("".join(cell.text.split()).casefold())
    return rows


def _headless(below: Table, begun: Table) -> bool:
    """Whether a table has no header of its own: a first row with numbers, where the columns have them, is none."""
    heads = [cell for cell in below.cells if cell.row == 0 and cell.header]
    if not heads:
        return True
    numbers = {cell.column for cell in begun.cells if not cell.header and _has_number(cell.text)}
    return any(_has_number(cell.text) and cell.column in numbers for cell in heads)


def _has_number(text: str) -> bool:
    return sum(character.isdigit() for character in text) * 2 >= len(text) > 0


def _same_edges(above: Block, below: Block) -> bool:
    if above.box is None or below.box is None:
        return above.box is below.box
    return abs(above.box.left - below.box.left) <= SAME_EDGE and abs(above.box.right - below.box.right) <= SAME_EDGE
