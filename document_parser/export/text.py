"""Plain text: blocks with a blank line between, list items on lines of their own, tables separated by tabs.

A line of the document that looks like the line between pages gets a backslash in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from document_parser.export.base import NOT_OPENED, clean, failure, item_of, separating_line, separator
from document_parser.export.figures import NO_FIGURES, Figures, Shown
from document_parser.export.flow import Piece, flow
from document_parser.export.grid import rows_of
from document_parser.models import Block, Document, Options, Page


def write_text(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write plain text page by page."""
    shown, separating = Shown(options, figures), separating_line(options)
    before: str | None = None
    for kind, lines in _chunks(pages, options, shown):
        if before is not None:
            out.write(b"\n" if kind == before == "list_item" else b"\n\n")
        for count, line in enumerate(lines):
            if separating is not None and kind != "separator":
                line = separating.sub(r"\g<before>\\\g<line>", line)
            out.write((f"\n{line}" if count else line).encode())
        before = kind
    if document.page_count == 0:
        out.write(f"[{NOT_OPENED}]\n".encode())
    if before is not None:
        out.write(b"\n")


def _chunks(pages: Iterable[Page], options: Options, shown: Shown) -> Iterator[tuple[str, Iterable[str]]]:
    """(kind of block, its text line by line), without empty ones."""
    for count, piece in enumerate(flow(pages, options)):
        if piece.block is None:
            line = separator(options, piece.page)
            if count and line:
                yield "separator", [line]
            if piece.page.status == "failed":
                yield "failure", [f"[{failure(piece.page)}]"]
        elif lines := _lines(piece, piece.block, shown):
            yield piece.block.kind, lines


def _lines(piece: Piece, block: Block, shown: Shown) -> Iterable[str]:
    if piece.parts is not None:
        # Empty cells are part of a table, a table without cells is nothing.
        return ("\t".join(" ".join(cell.split()) for cell in row) for row in rows_of(piece.parts)) if _cells(piece) else ()
    text = _plain(block)
    if block.kind == "figure" and shown.at_all:
        text = f"[figure: {text}]" if text else "[figure]"
    return [text] if text else ()


def _cells(piece: Piece) -> bool:
    return piece.parts is not None and any(table.cells for table in piece.parts)


def _plain(block: Block) -> str:
    if block.kind == "list_item" and clean(block.text):
        item = item_of(block)
        mark = "-" if item.number is None else f"{item.number}{item.stop}"
        return f"{'  ' * ((block.level or 1) - 1)}{mark} {item.text}"
    return block.text.strip("\n") if block.kind == "code" else clean(block.text)
