"""The document as one flow of pieces: what goes on over the end of a page is put together, at the place where it begins.

Everything that stands between its parts, a running head or a footnote, comes after it. A table may go on for hundreds of
pages: its parts wait on disk, so that memory stays flat.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO

from document_parser.export.base import captioned, shown
from document_parser.models import Block, Options, Page, Table
from document_parser.text.spans import Run, cut, runs_of, spans_of, text_of, tidied

_IN_MEMORY = 1 << 16


class Parts:
    """The parts of one table, as often as they are asked for. Parts after the first come without their repeated header."""

    def __init__(self, first: Table) -> None:
        self._first = first
        self._rest: IO[bytes] | None = None

    def add(self, table: Table) -> None:
        if self._rest is None:
            self._rest = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._rest.write(table.model_dump_json().encode() + b"\n")

    def __iter__(self) -> Iterator[Table]:
        yield self._first
        if self._rest is not None:
            self._rest.seek(0)
            yield from map(Table.model_validate_json, self._rest)

    def close(self) -> None:
        if self._rest is not None:
            self._rest.close()


@dataclass(slots=True)
class Piece:
    """One thing to write; ``block`` is None where a page begins. ``page`` has its number, status and error.

    ``caption`` is that of a table or figure, ``owned`` says of a caption that such a block has it. ``parts`` are a table's.
    """

    page: Page
    block: Block | None = None
    caption: str = ""
    owned: bool = False
    parts: Parts | None = None


def flow(pages: Iterable[Page], options: Options) -> Iterator[Piece]:
    """All there is to write, in order. The parts of a table may be read until the next piece is asked for."""
    joiner = _Joiner()
    for page in pages:
        for piece in _pieces(page, options):
            yield from joiner.take(piece)
    yield from joiner.end()


def _pieces(page: Page, options: Options) -> Iterator[Piece]:
    head = Page(number=page.number, status=page.status, error=page.error)
    yield Piece(head)
    if page.status == "failed":
        return
    for block, caption, owned in captioned(shown(page, options), with_figures=options.figures != "none"):
        parts = Parts(block.table) if block.kind == "table" and block.table else None
        yield Piece(head, block, caption, owned, parts)


class _Joiner:
    """Holds back what goes on, and all that comes before its end."""

    def __init__(self) -> None:
        self._open: Piece | None = None
        self._held: list[Piece] = []

    def take(self, piece: Piece) -> Iterator[Piece]:
        block = piece.block
        if self._open is not None and block is not None and block.continues is not None:
            self._open = _with(self._open, block)
            if block.continued_on is None:
                yield from self.end()
        elif self._open is not None:
            self._held.append(piece)
        elif block is not None and block.continued_on is not None:
            self._open = piece
        else:
            yield piece

    def end(self) -> Iterator[Piece]:
        """What is held, in order."""
        pieces = [self._open, *self._held] if self._open else self._held
        self._open, self._held = None, []
        for piece in pieces:
            if piece.parts is None:
                yield piece
            else:
                with closing(piece.parts):
                    yield piece


def _with(piece: Piece, block: Block) -> Piece:
    """The piece, longer by the block that carries it on."""
    mark = block.continues
    assert piece.block is not None
    assert mark is not None
    if piece.parts is not None and block.table is not None:
        piece.parts.add(_rest(block.table, mark.repeated_rows))
        return piece
    begun, rest = runs_of(piece.block.text, piece.block.spans), runs_of(block.text, block.spans)
    kept = cut(begun, 0, len(piece.block.text) - mark.cut)
    runs = [*kept, Run(mark.between), *cut(rest, len(block.text) - len(block.text.lstrip()))]
    text = text_of(runs)
    piece.block = piece.block.model_copy(update={"text": text, "spans": tidied(text, spans_of(runs))})
    return piece


def _rest(table: Table, repeated: int) -> Table:
    """The rows below the repeated header; none of them is a header."""
    cells = [
        cell.model_copy(update={"row": cell.row - repeated, "header": False}) for cell in table.cells if cell.row >= repeated
    ]
    return Table(rows=max(0, table.rows - repeated), columns=table.columns, cells=cells)
