"""Plain text: blocks with a blank line between, list items on lines of their own, tables separated by tabs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from document_parser.export.base import clean, failure, item_of, separator, shown
from document_parser.export.grid import rows_of
from document_parser.models import Block, Document, Options, Page, Table


def write_text(document: Document, pages: Iterable[Page], options: Options, out: IO[bytes]) -> None:
    """Write plain text page by page."""
    del document
    before: str | None = None
    for kind, chunk in _chunks(pages, options):
        if before is not None:
            out.write(b"\n" if kind == before == "list_item" else b"\n\n")
        out.write(chunk.encode())
        before = kind
    if before is not None:
        out.write(b"\n")


def _chunks(pages: Iterable[Page], options: Options) -> Iterator[tuple[str, str]]:
    """(kind of block, its text), without empty ones."""
    for count, page in enumerate(pages):
        line = separator(options, page)
        if count and line:
            yield "separator", line
        if page.status == "failed":
            yield "failure", f"[{failure(page)}]"
            continue
        for block in shown(page, options):
            text = _plain(block)
            if text:
                yield block.kind, text


def _plain(block: Block) -> str:
    if block.kind == "table" and block.table:
        return _tabbed(block.table)
    if block.kind == "list_item" and clean(block.text):
        item = item_of(block)
        mark = "-" if item.number is None else f"{item.number}{item.stop}"
        return f"{'  ' * ((block.level or 1) - 1)}{mark} {item.text}"
    return block.text.strip("\n") if block.kind == "code" else clean(block.text)


def _tabbed(table: Table) -> str:
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row) for row in rows_of(table))
