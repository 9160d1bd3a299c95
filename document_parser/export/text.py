"""Write plain text: blocks with a blank line between, list items on lines of their own, tables separated by tabs.

A line of the document that looks like the line between pages gets a backslash in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from document_parser.export.base import (
    NOT_OPENED,
    clean,
    clean_with_strikes,
    describe_failure,
    item_of,
    separator_line,
    separator_pattern,
)
from document_parser.export.figures import NO_FIGURES, Figures, ShownFigures
from document_parser.export.flow import Piece, flow
from document_parser.export.grid import rows_of
from document_parser.models import Block, Document, Options, Page
from document_parser.text.spans import spans_of


def write_text(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write plain text page by page."""
    shown, separating = ShownFigures(options, figures), separator_pattern(options)
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


def _chunks(pages: Iterable[Page], options: Options, shown: ShownFigures) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield (kind of block, its text line by line), without empty blocks."""
    for count, piece in enumerate(flow(pages, options)):
        if piece.block is None:
            line = separator_line(options, piece.page)
            if count and line:
                yield "separator", [line]
            if piece.page.status == "failed":
                yield "failure", [f"[{describe_failure(piece.page)}]"]
        elif lines := _lines_of(piece, piece.block, shown):
            yield piece.block.kind, lines


def _lines_of(piece: Piece, block: Block, shown: ShownFigures) -> Iterable[str]:
    """Return the lines of a piece; none if it has no text."""
    if piece.parts is not None:
        # Empty cells are part of a table, a table without cells is nothing.
        return ("\t".join(" ".join(cell.split()) for cell in row) for row in rows_of(piece.parts)) if _has_cells(piece) else ()
    text = _text_of(block)
    if block.kind == "figure" and shown.are_shown:
        text = f"[figure: {text}]" if text else "[figure]"
    return [text] if text else ()


def _has_cells(piece: Piece) -> bool:
    """Return whether a table has cells."""
    return piece.parts is not None and any(table.cells for table in piece.parts)


def _text_of(block: Block) -> str:
    """Return the text of a block; of a list item, with its marker."""
    if block.kind == "list_item" and clean(block.text):
        item = item_of(block)
        mark = "-" if item.number is None else f"{item.number}{item.stop}"
        rest = clean_with_strikes(item.text, spans_of(item.runs))
        return f"{'  ' * ((block.level or 1) - 1)}{mark} {rest}"
    return block.text.strip("\n") if block.kind == "code" else clean_with_strikes(block.text, block.spans)
