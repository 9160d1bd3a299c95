"""Turn the pages of a document into one flow of pieces, with what goes on over the end of a page joined where it begins.

All that is between the parts of a block, a running head or a footnote, comes after it. A table may go on for hundreds of pages:
its parts wait on disk, so that memory stays flat.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from document_parser.export.base import shown_blocks, with_caption_texts
from document_parser.models import Block, BoundingBox, Options, Page, Table, stored_json
from document_parser.models.packed_cells import PackedCells
from document_parser.text.spans import Run, runs_of, slice_runs, spans_of, text_of, tidy_spans

MAX_BYTES_IN_MEMORY = 1 << 16
"""Bytes of a table's parts that are kept in memory before they go to disk."""
MAX_HELD_CHARACTERS = 1 << 24
"""Characters of a table's packed parts that are kept as they are; those after them go to disk."""


class Parts:
    """The parts of one table, which can be read several times. Parts after the first come without their repeated header."""

    def __init__(self, first: Table) -> None:
        """Start with the first part."""
        self._held = [first]
        self._held_characters = 0
        self._rest: IO[bytes] | None = None

    def add(self, table: Table) -> None:
        """Add a part. Raises OSError if the disk is full."""
        if self._rest is None and isinstance(table.cells, PackedCells):
            self._held_characters += sum(map(len, table.cells.packed[2:6]))
            if self._held_characters <= MAX_HELD_CHARACTERS:
                self._held.append(table)
                return
        if self._rest is None:
            self._rest = tempfile.SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._rest.write(stored_json(table) + b"\n")

    def __iter__(self) -> Iterator[Table]:
        """Yield the parts in order."""
        yield from self._held
        if self._rest is not None:
            self._rest.seek(0)
            yield from map(Table.model_validate_json, self._rest)

    def close(self) -> None:
        """Delete the parts."""
        if self._rest is not None:
            self._rest.close()


class Place(NamedTuple):
    """Where a part of a piece comes from.

    ``page`` has no blocks. ``block_index`` is that of the block on the page, ``start`` the
    first character of the part in the text of the piece; 0 for tables, whose places are those of their parts.
    """

    page: Page
    block_index: int
    box: BoundingBox | None
    start: int = 0


@dataclass(slots=True, eq=False)
class Piece:
    """One thing to write; ``block`` is None at the beginning of a page.

    ``page`` has no blocks. ``caption`` is the text of the caption of a table or figure,
    ``owned`` is True for a caption whose table or figure shows its text. ``parts`` are those of a table. ``places`` are where
    the block, and what continues it on later pages, come from.
    """

    page: Page
    block: Block | None = None
    caption: str = ""
    owned: bool = False
    parts: Parts | None = None
    places: list[Place] = field(default_factory=list)


def flow(pages: Iterable[Page], options: Options) -> Iterator[Piece]:
    """Yield all that is written, in order. The parts of a table must be read before the next piece is taken."""
    joiner = _Joiner()
    for page in pages:
        for piece in _pieces(page, options):
            yield from joiner.take(piece)
    yield from joiner.end()


def _pieces(page: Page, options: Options) -> Iterator[Piece]:
    """Yield the pieces of one page."""
    head = page.model_copy(update={"blocks": [], "attempts": [], "hidden": []})
    yield Piece(head)
    if page.status == "failed":
        return
    indices = {id(block): index for index, block in enumerate(page.blocks)}
    for block, caption, owned in with_caption_texts(shown_blocks(page, options), with_figures=options.figures != "none"):
        parts = Parts(block.table) if block.kind == "table" and block.table else None
        yield Piece(head, block, caption, owned, parts, [Place(head, indices[id(block)], block.box)])


class _Joiner:
    """Join blocks that go on over the end of a page; all pieces before their end are held back."""

    def __init__(self) -> None:
        """Start without pieces."""
        self._open: Piece | None = None
        self._held: list[Piece] = []

    def take(self, piece: Piece) -> Iterator[Piece]:
        """Take a piece, and yield the pieces that are ready."""
        block = piece.block
        if self._open is not None and block is not None and block.continues is not None:
            self._open = _append(self._open, block, piece.places)
            if block.continued_on is None:
                yield from self.end()
        elif self._open is not None:
            self._held.append(piece)
        elif block is not None and block.continued_on is not None:
            self._open = piece
        else:
            yield piece

    def end(self) -> Iterator[Piece]:
        """Yield the pieces held back, in order."""
        pieces = [self._open, *self._held] if self._open else self._held
        self._open, self._held = None, []
        for piece in pieces:
            if piece.parts is None:
                yield piece
            else:
                with closing(piece.parts):
                    yield piece


def _append(piece: Piece, block: Block, places: list[Place]) -> Piece:
    """Return the piece, extended by the block that continues it and its places."""
    mark = block.continues
    assert piece.block is not None
    assert mark is not None
    if piece.parts is not None and block.table is not None:
        piece.parts.add(without_header(block.table, mark.repeated_rows))
        piece.places += places
        return piece
    begun, rest = runs_of(piece.block.text, piece.block.spans), runs_of(block.text, block.spans)
    kept = slice_runs(begun, 0, len(piece.block.text) - mark.cut)
    start = len(text_of(kept)) + len(mark.between)
    piece.places += [place._replace(start=start) for place in places]
    runs = [*kept, Run(mark.between), *slice_runs(rest, len(block.text) - len(block.text.lstrip()))]
    text = text_of(runs)
    piece.block = piece.block.model_copy(update={"text": text, "spans": tidy_spans(text, spans_of(runs))})
    return piece


def without_header(table: Table, repeated: int) -> Table:
    """Return the rows of a table below the repeated header; none of them is a header."""
    if isinstance(table.cells, PackedCells) and not repeated and not table.cells.packed.header_rows:
        return table
    cells = [
        cell.model_copy(update={"row": cell.row - repeated, "header": False}) for cell in table.cells if cell.row >= repeated
    ]
    return Table(rows=max(0, table.rows - repeated), columns=table.columns, cells=cells)
