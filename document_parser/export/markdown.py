"""GitHub flavoured Markdown. Tables are pipe tables where nothing is lost by it, else HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from document_parser.export import escape, inline
from document_parser.export.base import NOT_OPENED, Item, clean, clean_runs, failure, item_of, separating_line, separator
from document_parser.export.figures import NO_FIGURES, Figures, Shown
from document_parser.export.flow import Parts, flow
from document_parser.export.grid import header_rows, runs_by_row
from document_parser.export.html import table_lines
from document_parser.models import Block, Document, Options, Page, Table
from document_parser.spans import text_of

LIST_BREAK = "<!-- -->"
"""Ends a list, so that the next one keeps its own numbers."""


def write_markdown(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write Markdown page by page."""
    writer, shown = _Writer(out, separating_line(options)), Shown(options, figures)
    for count, piece in enumerate(flow(pages, options)):
        if piece.block is None:
            writer.put_separator(separator(options, piece.page) if count else "")
            writer.put(f"<!-- {failure(piece.page)} -->" if piece.page.status == "failed" else "")
        elif piece.parts is not None:
            writer.put_lines(_table(piece.parts))
        elif piece.block.kind == "list_item" and clean(piece.block.text):
            writer.put_item(item_of(piece.block), piece.block.level or 1)
        elif piece.block.kind == "figure" and shown.at_all:
            writer.put(_figure(piece.block, piece.page.number, shown))
        else:
            writer.put(_block(piece.block))
    if document.page_count == 0:
        writer.put(f"<!-- {NOT_OPENED} -->")
    writer.end()


@dataclass(slots=True)
class _Level:
    """One level of the list being written: how far its items' text is indented, and the last number."""

    indent: int
    number: int | None
    stop: str


@dataclass(slots=True)
class _Writer:
    """Puts chunks with the right white between them."""

    out: IO[bytes]
    separating: re.Pattern[str] | None
    begun: bool = False
    levels: list[_Level] = field(default_factory=list)

    def put_separator(self, line: str) -> None:
        """Write the line between pages, if there is one."""
        if line:
            self.levels = []
            self._write_through(line, "\n\n")

    def put(self, chunk: str) -> None:
        """Write a block of its own; nothing is written for an empty one."""
        if chunk:
            self.levels = []
            self._write(chunk, "\n\n")

    def put_lines(self, lines: Iterable[str]) -> None:
        """Write a block of its own, line by line."""
        self.levels = []
        for count, line in enumerate(lines):
            self._write(line, "\n" if count else "\n\n")

    def put_item(self, item: Item, depth: int) -> None:
        """Write a list item at a depth from 1; one level deeper than its parent at most."""
        depth = min(max(1, depth), len(self.levels) + 1)
        before = self.levels[depth - 1] if depth <= len(self.levels) else None
        if before and not _carries_on(before, item):
            self.put(LIST_BREAK)
            depth, before = 1, None
        indent = self.levels[depth - 2].indent if depth > 1 else 0
        mark = "- " if item.number is None else f"{item.number}{item.stop} "
        levels = [*self.levels[: depth - 1], _Level(indent + len(mark), item.number, item.stop)]
        tight = _interrupts(before, self.levels, item)
        text = inline.paragraph(item.runs).replace("\n", "\n" + " " * (indent + len(mark)))
        self._write(" " * indent + mark + text, "\n" if tight else "\n\n")
        self.levels = levels

    def _write(self, chunk: str, white: str) -> None:
        """No line of a document may look like the line between pages: programs split by it."""
        if self.separating is not None and self.separating.search(chunk):
            chunk = _other_lines(chunk, self.separating)
        self._write_through(chunk, white)

    def _write_through(self, chunk: str, white: str) -> None:
        self.out.write(((white if self.begun else "") + chunk).encode())
        self.begun = True

    def end(self) -> None:
        """Close the last line."""
        if self.begun:
            self.out.write(b"\n")


def _other_lines(chunk: str, separating: re.Pattern[str]) -> str:
    """The same Markdown without lines like these: their first character as an entity, in code within HTML, in formulas with an
    empty group behind them.
    """
    if chunk.startswith("$$\n"):
        return separating.sub(lambda match: f"{match[0]}{{}}", chunk)
    if chunk.startswith("```"):
        code = "\n".join(chunk.split("\n")[1:-1])
        return f"<pre><code>{separating.sub(_with_entity, html.escape(code))}</code></pre>"
    return separating.sub(_with_entity, chunk)


def _with_entity(match: re.Match[str]) -> str:
    line = match["line"]
    return f"{match['before']}&#{ord(line[0])};{line[1:]}"


def _carries_on(level: _Level, item: Item) -> bool:
    """Whether Markdown would number the item as the document does."""
    if level.number is None or item.number is None or level.stop != item.stop:
        return True  # another kind of list, and so a list of its own
    return item.number == level.number + 1


def _interrupts(level: _Level | None, levels: list[_Level], item: Item) -> bool:
    """Whether an item may follow the line above without a blank line: in its own list, or as a list that may begin there."""
    if level is not None:
        return (level.number is None) == (item.number is None) and level.stop == item.stop
    return bool(levels) and item.number in {None, 1}


def _figure(block: Block, number: int, shown: Shown) -> str:
    """An image that says what is known of it and no word more; without a picture, one that leads to the page."""
    return f"![{escape.label(clean(block.text))}]({shown.address(block) or f'#page-{number}'})"


def _block(block: Block) -> str:
    runs = clean_runs(block.text, block.spans)
    text = text_of(runs)
    match block.kind:
        case "title" | "heading":
            return f"{'#' * _level(block)} {inline.heading(runs)}" if text else ""
        case "code":
            return _fenced(block.text) if text else ""
        case "formula":
            return _formula(text)
        case "checkbox":
            return f"- {inline.paragraph(runs)}" if text else ""
    return inline.paragraph(runs)


def _level(block: Block) -> int:
    return min(6, max(1, block.level or (1 if block.kind == "title" else 2)))


def _fenced(text: str) -> str:
    """Code as it is, between fences longer than any inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.replace("\r\n", "\n").strip("\n")
    return f"{fence}\n{body}\n{fence}"


def _formula(text: str) -> str:
    body = escape.without_markup(re.sub(r"^(?:\$\$|\\\[)|(?:\$\$|\\\])$", "", text).strip())
    lines = ["$$"]
    for line in body.split("\n"):
        # A blank line would end the formula, and what looks like Markdown would be some; to LaTeX a line break is a space.
        if escape.means_something(line):
            lines[-1] += f" {line.strip()}"
        elif line.strip():
            lines.append(line)
    return "\n".join([*lines, "$$"]) if lines != ["$$"] else ""


def _table(parts: Parts) -> Iterator[str]:
    if not any(table.cells for table in parts):
        return iter(())
    return _pipes(parts) if all(map(_fits_pipes, parts)) else table_lines(parts)


def _fits_pipes(table: Table) -> bool:
    """Whether a pipe table shows it all: one header row at most, no spans, cells of one line, no | inside a formula."""
    if table.has_spans or header_rows(table) > 1 or any(cell.header for cell in table.cells if cell.row > 0):
        return False
    texts = [clean(cell.text) for cell in table.cells]
    if any("\n" in text or any("|" in formula for formula in escape.formulas(text)) for text in texts):
        return False
    return len({(cell.row, cell.column) for cell in table.cells}) == len(table.cells)


def _pipes(parts: Parts) -> Iterator[str]:
    for count, row in enumerate(runs_by_row(parts)):
        yield "| " + " | ".join(map(inline.cell, row)) + " |"
        if not count:
            yield "| " + " | ".join(["---"] * len(row)) + " |"
