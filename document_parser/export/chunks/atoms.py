"""Turn segments of the Markdown into atoms: what a chunk has whole if it can, and how one that is too large is parted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise
from typing import Literal, NamedTuple

from document_parser.export.base import clean_runs
from document_parser.export.grid import count_header_rows
from document_parser.export.markdown import Segment, Source
from document_parser.models import BlockKind, Chunking, ChunkKind, Page, Table
from document_parser.models.packed_cells import PackedCells
from document_parser.text.breaks import GRAINS, find_breaks
from document_parser.text.spans import text_of
from document_parser.text.tokens import count_tokens

Fault = Literal["context_shortened", "table_row_parted", "character_parted"]
"""What was done to a chunk as a last resort."""
CHARACTERS_PER_TOKEN = 8
"""Characters a token that are looked at first when a text is parted; more if they are not enough."""
LOOK_AHEAD_CHARACTERS = 64
"""Characters before the end of what is looked at in which no place to part is taken: it may depend on what follows."""
_KINDS: dict[BlockKind, ChunkKind] = {
    "title": "heading",
    "heading": "heading",
    "list_item": "list",
    "checkbox": "list",
    "table": "table",
    "figure": "figure",
    "code": "code",
    "formula": "formula",
}
"""The kind of a chunk of such blocks; of all others it is text."""


class Heading(NamedTuple):
    """A heading: its level, 1 to 6, and its text without marks."""

    level: int
    text: str


class TableFacts:
    """What the rows of a table share: where it begins, the number of its header rows, and their Markdown."""

    def __init__(self, segment: Segment) -> None:
        """Keep what is known at the first line."""
        block, place = segment.piece.block, segment.piece.places[0]
        assert block is not None
        assert block.table is not None
        self.page = place.page.number
        self.index = place.block_index
        self.header_rows = _count_header_rows(block.table)
        self.header = ""


class Rows(NamedTuple):
    """A range of rows of a table, from 0; the one at ``end`` is not included."""

    table: TableFacts
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of the Markdown that is not parted if it fits into a chunk.

    ``kind`` is None for captions and for what stands between blocks. ``path`` has the headings above, ``heading`` is the atom's
    own. ``leads`` says that it should not end a chunk. ``begins`` is False for what continues a block. ``rows`` are those of a
    table, ``children`` an atom for each of them; ``is_alone`` says that their chunks have nothing else.
    """

    text: str
    tokens: int
    kind: ChunkKind | None
    page: Page
    sources: tuple[Source, ...]
    path: tuple[Heading, ...]
    heading: Heading | None = None
    leads: bool = False
    begins: bool = True
    rows: Rows | None = None
    children: tuple[Atom, ...] = ()
    is_alone: bool = False
    faults: frozenset[Fault] = frozenset()

    def piece(self, start: int, end: int) -> Atom:
        """Return the atom of some of the characters."""
        text = self.text[start:end]
        sources = tuple(
            Source(
                max(0, source.start - start),
                min(end, source.end) - start,
                source.place,
                is_part=source.is_part or source.start < start or source.end > end,
            )
            for source in self.sources
            if source.start < end and source.end > start
        )
        page = sources[0].place.page if sources else self.page
        begins = self.begins and start == 0
        return replace(self, text=text, tokens=count_tokens(text), sources=sources, page=page, begins=begins, children=())


def atoms_of(segments: Iterable[Segment], chunking: Chunking) -> Iterator[Atom]:
    """Yield the atoms of a document, in order."""
    path: tuple[Heading, ...] = ()
    for table, group in groupby(segments, key=lambda segment: segment.piece if segment.rows is not None else None):
        if table is not None:
            yield from _table_atoms(group, path, chunking)
            continue
        for segment in group:
            atom = _atom_of(segment, path, chunking)
            path = (*atom.path, atom.heading) if atom.heading else path
            yield from _by_page(atom) if chunking.strategy == "page" else [atom]


def _atom_of(segment: Segment, path: tuple[Heading, ...], chunking: Chunking) -> Atom:
    """Return the atom of a segment that is no table."""
    heading, block = None, segment.piece.block
    if segment.level and block is not None:
        heading = Heading(segment.level, " ".join(text_of(clean_runs(block.text, block.spans)).split()))
        path = tuple(above for above in path if above.level < segment.level)
    leads = segment.is_opening or (chunking.strategy != "block" and (heading is not None or _is_caption_above(segment)))
    is_counted = segment.kind not in (None, "caption") or segment.piece.page.status == "failed"
    return Atom(
        segment.text,
        count_tokens(segment.text),
        _KINDS.get(segment.kind, "text") if segment.kind and is_counted else "text" if is_counted else None,
        segment.piece.page,
        tuple(segment.sources),
        path,
        heading,
        leads,
        begins=not segment.is_opening,
    )


def _is_caption_above(segment: Segment) -> bool:
    """Return whether a segment is the caption of what follows it."""
    block = segment.piece.block
    if segment.kind != "caption" or block is None or block.caption_of is None:
        return False
    return block.caption_of > segment.piece.places[0].block_index


def _by_page(atom: Atom) -> Iterator[Atom]:
    """Yield an atom of a block that goes on over the end of a page as one atom for each page."""
    joints = [0, *(source.start for source in atom.sources[1:]), len(atom.text)]
    for start, end in pairwise(joints) if len(joints) > 2 else ():
        if start < end:
            yield atom.piece(start, end)
    if len(joints) == 2:
        yield atom


def _table_atoms(lines: Iterator[Segment], path: tuple[Heading, ...], chunking: Chunking) -> Iterator[Atom]:
    """Yield a table as one atom if a chunk can have it whole, else row by row. Pages are kept apart if chunks are."""
    rows = _row_atoms(lines, path)
    by_page = chunking.strategy == "page"
    for _, group in groupby(rows, key=lambda row: row.page.number if by_page else 0):
        held: list[Atom] = []
        for row in group:
            held.append(row)
            if sum(one.tokens for one in held) > chunking.max_tokens:
                yield from (replace(one, is_alone=True) for one in held)
                yield from (replace(one, is_alone=True) for one in group)
                held = []
        if held:
            yield _whole(held)


def _whole(rows: list[Atom]) -> Atom:
    """Return rows as one atom."""
    if len(rows) == 1:
        return rows[0]
    sources: list[Source] = []
    at = 0
    for row in rows:
        sources += (Source(at + source.start, at + source.end, source.place) for source in row.sources)
        at += len(row.text)
    first, last = rows[0].rows, rows[-1].rows
    assert first is not None
    assert last is not None
    text = "".join(row.text for row in rows)
    return replace(
        rows[0],
        text=text,
        tokens=sum(row.tokens for row in rows),
        sources=tuple(sources),
        leads=False,
        rows=Rows(first.table, first.start, last.end),
        children=tuple(rows),
    )


def _row_atoms(lines: Iterator[Segment], path: tuple[Heading, ...]) -> Iterator[Atom]:
    """Yield an atom for each row of a table; the lines around rows belong to the row before or after them."""
    first = next(lines)
    table = TableFacts(first)
    for number, (text, source) in enumerate(_row_lines(first.sources[0], chain([first], lines))):
        is_header = number < table.header_rows
        if is_header:
            table.header += text
        yield Atom(
            text,
            count_tokens(text),
            "table",
            source.place.page,
            (Source(0, len(text.rstrip("\n")), source.place, is_part=True),),
            path,
            leads=is_header,
            begins=number == 0,
            rows=Rows(table, number, number + 1),
        )


def _row_lines(source: Source, segments: Iterator[Segment]) -> Iterator[tuple[str, Source]]:
    """Yield the Markdown of each row with the lines that belong to it, and where it comes from."""
    opening, row = "", ""
    for segment in segments:
        if segment.is_opening:
            opening += segment.text
        elif not segment.rows:
            row, opening = row + opening + segment.text, ""
        for line in _lines(segment.text) if segment.rows else ():
            if row:
                yield row, source
            row, opening, source = opening + line, "", segment.sources[0]
    yield row + opening, source


def _lines(text: str) -> Iterator[str]:
    """Yield lines with their ends; empty lines belong to the one before."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        while text.startswith("\n", end):
            end += 1
        yield text[start:end]
        start = end


def _count_header_rows(table: Table) -> int:
    """Return the number of header rows of a table."""
    return table.cells.packed.header_rows if isinstance(table.cells, PackedCells) else count_header_rows(table)


def split_to_fit(atom: Atom, room: int) -> tuple[Atom, Atom] | None:
    """Return the atom in two, the first of at most ``room`` tokens; None if nothing of it fits.

    The best place is the last one after a line, sentence or word, whichever is first to fill half of the room. A row of a table
    and what a reader sees as one character are parted only if there is no other way, and say so in ``faults``.
    """
    if room < 1:
        return None
    window = atom.text[: room * CHARACTERS_PER_TOKEN]
    while len(window) < len(atom.text) and count_tokens(window) <= room:
        window = atom.text[: len(window) * 2]
    best = 0
    for grain in GRAINS:
        if grain == "character" and best:
            break
        last = len(window) - (LOOK_AHEAD_CHARACTERS if len(window) < len(atom.text) else 0)
        places = [place for place in find_breaks(window, grain) if place <= last]
        count = bisect_right(places, room, key=lambda place: count_tokens(atom.text[:place]))
        best = max(best, places[count - 1] if count else 0)
        if best and (grain == "character" or count_tokens(atom.text[:best]) * 2 >= room):
            break
    if not best:
        return None
    faults: set[Fault] = set(atom.faults)
    if atom.rows is not None:
        faults.add("table_row_parted")
    if grain == "character":
        faults.add("character_parted")
    atom = replace(atom, faults=frozenset(faults))
    return atom.piece(0, best), atom.piece(best, len(atom.text))


def tail_of(atom: Atom, room: int) -> Atom | None:
    """Return the end of a text, of at most ``room`` tokens, from the beginning of a sentence or word; None if there is none."""
    if atom.rows is not None or atom.heading is not None:
        return None
    for grain in GRAINS[1:4]:
        places = find_breaks(atom.text, grain)
        count = bisect_right(places[::-1], room, key=lambda place: count_tokens(atom.text[place:]))
        if count:
            return atom.piece(places[-count], len(atom.text))
    return None
