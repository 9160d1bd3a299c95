"""Write GitHub flavoured Markdown. Tables are pipe tables if nothing is lost by it, else HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import IO, NamedTuple

from document_parser.export import escape, inline
from document_parser.export.base import (
    NOT_OPENED,
    Item,
    clean,
    clean_runs,
    describe_failure,
    item_of,
    separator_line,
    separator_pattern,
)
from document_parser.export.figures import NO_FIGURES, Figures, ShownFigures
from document_parser.export.flow import Parts, Piece, Place, flow
from document_parser.export.grid import count_header_rows, runs_by_row
from document_parser.export.html import table_lines
from document_parser.export.notes import Notes, with_own_mark
from document_parser.models import Block, BlockKind, Cell, Document, Options, Page, Table
from document_parser.models.packed_cells import PackedCells, unescape
from document_parser.text.breaks import word_end
from document_parser.text.spans import text_of

_THOUGHT = re.compile(
    r"[\\*_~`$|\[\]\x00-\x08\x0b-\x1f\x7f-\xa0\u2000-\u200b\u2028\u2029\u3000\ud800-\udfff\ufffe\uffff]"
    r"|[ \t] |^ | $| \t|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])"
)
"""What in a packed text, or beside it, may need to be escaped, removed or trimmed."""
_MARKS = re.compile(r"[\\*_~`$|\[\]<&\x00-\x08\x0b-\x1f\x7f-\xa0\u2000-\u200b\u2028\u2029\u3000\ud800-\udfff\ufffe\uffff]")
"""The characters of ``_THOUGHT`` except white space; a class alone is searched ten times as fast."""
_SPACES = ("  ", " \t", "\t ", " \n", "\n ")
"""White space of ``_THOUGHT`` between and beside the texts of packed rows."""
LIST_BREAK = "<!-- -->"
"""Ends a list, so that the next one keeps its own numbers."""
_NOTE_INDENT = "    "
"""Before the lines of a note after its first one."""


class Source(NamedTuple):
    """A range of a segment's text, and where it comes from. ``is_part`` says that it is not all of what the block has there."""

    start: int
    end: int
    place: Place
    is_part: bool = False


@dataclass(slots=True)
class Segment:
    """A piece of the Markdown: a block, a line or several of a table, or what stands between blocks. All together are the file.

    ``text`` includes the white space before the next segment. ``kind`` is None for what is no block. ``piece`` is what it was
    written from. ``rows`` counts the rows of a table in it, each a line; None for all else. ``is_opening`` says that it belongs
    to what follows, like the line before a page.
    """

    text: str
    piece: Piece
    kind: BlockKind | None = None
    sources: list[Source] = field(default_factory=list)
    rows: int | None = None
    is_opening: bool = False

    @property
    def level(self) -> int:
        """Return the level of a heading, 1 to 6; 0 for all else."""
        block = self.piece.block
        return _level_of(block) if block is not None and self.kind in ("title", "heading") else 0


def write_markdown(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write Markdown page by page."""
    for segment in markdown_segments(document, pages, options, figures):
        out.write(segment.text.encode())


def markdown_segments(
    document: Document, pages: Iterable[Page], options: Options, figures: Figures = NO_FIGURES
) -> Iterator[Segment]:
    """Yield the Markdown piece by piece, with where it comes from. The errors of ``pages`` and ``figures`` pass through."""
    writer, shown, notes = _Writer(separator_pattern(options)), ShownFigures(options, figures), Notes(options)
    for count, piece in enumerate(flow(pages, options)):
        if piece.block is None:
            writer.end_note()
            notes.begin_page()
            writer.piece = piece
            writer.put_separator(separator_line(options, piece.page) if count else "")
            writer.put(f"<!-- {describe_failure(piece.page)} -->" if piece.page.status == "failed" else "")
            yield from writer.take()
            continue
        block = writer.begin_note(piece.block, notes)
        writer.piece = piece
        if piece.parts is not None:
            for _ in writer.put_table(piece.parts, notes):
                yield from writer.take()
        elif block.kind == "list_item" and clean(block.text):
            writer.put_item(item_of(block), block.level or 1, notes)
        elif block.kind == "figure" and shown.are_shown:
            writer.put(_format_figure(block, piece.page.number, shown))
        else:
            writer.put(_format_block(block, notes))
        yield from writer.take()
    if document.page_count == 0:
        writer.put(f"<!-- {NOT_OPENED} -->")
    yield from writer.end()


@dataclass(slots=True)
class _Level:
    """One level of the list being written.

    ``indent`` is the indentation of its items' text in characters, ``number`` the last number, None for bullets.
    """

    indent: int
    number: int | None
    stop: str


@dataclass(slots=True)
class _Writer:
    """Put segments one behind another, with the right white space between them. ``piece`` is what is being written."""

    separating: re.Pattern[str] | None
    piece: Piece = field(default_factory=lambda: Piece(Page(number=1)))
    ready: list[Segment] = field(default_factory=list)
    levels: list[_Level] = field(default_factory=list)
    note: str | None = None
    """The name of the note that is being written."""
    label: str = ""
    """What the next chunk begins with, if it is the first one of a note with references."""
    indent: str = ""
    """What is before each further line of a note with references."""

    def begin_note(self, block: Block, notes: Notes) -> Block:
        """Begin the note of a block, if it has one, and return the block as it is written there."""
        if block.note == self.note:
            return block
        self.end_note()
        self.note = block.note
        label = notes.define(block.note) if block.note is not None else None
        if label is not None:
            self.label, self.indent = f"[^{label}]:", _NOTE_INDENT
        return with_own_mark(block, shown=label is None)

    def end_note(self) -> None:
        """End the note that is being written; one without content is its label alone."""
        if self.label:
            self._write("", "\n\n")
        if self.note is not None:
            self.levels = []
        self.note, self.indent = None, ""

    def take(self) -> Iterator[Segment]:
        """Yield the segments that are complete: all but the last, which may get white space behind it."""
        complete, self.ready = self.ready[:-1], self.ready[-1:]
        yield from complete

    def end(self) -> Iterator[Segment]:
        """Yield the segments that are left, with the end of the last note and of the last line."""
        self.end_note()
        if self.ready:
            self.ready[-1].text += "\n"
        yield from self.ready

    def put_separator(self, line: str) -> None:
        """Write the line between pages, if there is one."""
        if line:
            self.levels = []
            self._append(Segment(line, self.piece, is_opening=True), "\n\n")

    def put(self, chunk: str) -> None:
        """Write a block of its own; nothing is written for an empty one."""
        if chunk:
            self.levels = []
            self._write(chunk, "\n\n")

    def put_table(self, parts: Parts, notes: Notes) -> Iterator[None]:
        """Write a table line by line; yield after each."""
        self.levels = []
        read = _CountedParts(parts)
        for count, line in enumerate(_table_lines(parts, read, notes)):
            is_row = line.startswith("<tr>") if line.startswith("<") else count != 1  # the line below the first row is none
            rows = line.count("\n") + 1 if is_row else 0
            opens = not is_row and line.startswith("<") and not line.startswith("</")
            segment = Segment(self._as_written(line), self.piece, "table", rows=rows, is_opening=opens)
            segment.sources = [Source(0, len(segment.text), self.piece.places[read.number], is_part=True)]
            self._append(segment, "\n" if count else "\n\n")
            yield

    def put_item(self, item: Item, depth: int, notes: Notes) -> None:
        """Write a list item at a depth from 1, but at most one level deeper than its parent."""
        depth = min(max(1, depth), len(self.levels) + 1)
        before = self.levels[depth - 1] if depth <= len(self.levels) else None
        if before and not _continues_list(before, item):
            self.put(LIST_BREAK)
            depth, before = 1, None
        indent = self.levels[depth - 2].indent if depth > 1 else 0
        mark = "- " if item.number is None else f"{item.number}{item.stop} "
        levels = [*self.levels[: depth - 1], _Level(indent + len(mark), item.number, item.stop)]
        tight = _is_tight(before, self.levels, item)
        text = inline.format_paragraph(notes.refer(item.runs)).replace("\n", "\n" + " " * (indent + len(mark)))
        self._write(" " * indent + mark + text, "\n" if tight else "\n\n")
        self.levels = levels

    def _write(self, chunk: str, white: str) -> None:
        """Write the block of the piece, or what stands in its place."""
        segment = Segment(self._as_written(chunk), self.piece)
        if chunk == LIST_BREAK:
            segment.is_opening = True
        elif self.piece.block is not None:
            segment.kind = self.piece.block.kind
            segment.sources = _sources_of(segment.text, self.piece.block.text, self.piece.places)
        self._append(segment, white)

    def _as_written(self, chunk: str) -> str:
        """Return a chunk within its note, and without lines that look like the line between pages: programs split by it."""
        if self.separating is not None and self.separating.search(chunk):
            chunk = _hide_separators(chunk, self.separating)
        if self.indent:
            start, self.label = f"{self.label} " if self.label and chunk else self.label or self.indent, ""
            chunk = start + chunk.replace("\n", f"\n{self.indent}")
        return chunk

    def _append(self, segment: Segment, white: str) -> None:
        """Add a segment, with white space before it unless it is the first."""
        if self.ready:
            self.ready[-1].text += white
        self.ready.append(segment)


class _CountedParts:
    """The parts of a table, read once; ``number`` is that of the part being read, from 0."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.number = 0

    def __iter__(self) -> Iterator[Table]:
        """Yield the parts in order."""
        for number, table in enumerate(self._parts):
            self.number = number
            yield table


def _sources_of(written: str, text: str, places: Sequence[Place]) -> list[Source]:
    """Return the ranges of a block's Markdown that come from its own page and from each that continues it."""
    joints = [0, *(_joint_in(written, text, place.start) for place in places[1:]), len(written)]
    ordered = list(accumulate(joints, max))
    return [Source(start, end, place) for place, (start, end) in zip(places, pairwise(ordered), strict=True)]


def _joint_in(written: str, text: str, start: int) -> int:
    """Return the place in a block's Markdown of a character of its text; the end of the word that it is within.

    Markdown keeps letters and digits in their order and adds some, as in addresses. So those after the place are looked for
    from the end. If they are not all there, the place is about in the same proportion.
    """
    at = len(written)
    for character in reversed(text[start:]):
        if character.isalnum():
            at = written.rfind(character, 0, at)
            if at < 0:
                return word_end(written, len(written) * start // max(1, len(text)))
    return word_end(written, at)


def _hide_separators(chunk: str, separating: re.Pattern[str]) -> str:
    """Return the same Markdown without lines that match ``separating``.

    Their first character becomes an entity, in code within HTML too; lines in formulas get an empty group behind them.
    """
    if chunk.startswith("$$\n"):
        return separating.sub(lambda match: f"{match[0]}{{}}", chunk)
    if chunk.startswith("```"):
        code = "\n".join(chunk.split("\n")[1:-1])
        return f"<pre><code>{separating.sub(_with_entity, html.escape(code))}</code></pre>"
    return separating.sub(_with_entity, chunk)


def _with_entity(match: re.Match[str]) -> str:
    """Return a line with its first character as an entity."""
    line = match["line"]
    return f"{match['before']}&#{ord(line[0])};{line[1:]}"


def _continues_list(level: _Level, item: Item) -> bool:
    """Return whether Markdown would number the item as the document does."""
    if level.number is None or item.number is None or level.stop != item.stop:
        return True  # another kind of list, and so a list of its own
    return item.number == level.number + 1


def _is_tight(level: _Level | None, levels: list[_Level], item: Item) -> bool:
    """Return whether an item may follow the line above without a blank line: in its list, or as a list that may begin there."""
    if level is not None:
        return (level.number is None) == (item.number is None) and level.stop == item.stop
    return bool(levels) and item.number in {None, 1}


def _format_figure(block: Block, number: int, shown: ShownFigures) -> str:
    """Return a figure as a Markdown image with its own text only; a figure without an image file links to its page."""
    return f"![{escape.escape_label(clean(block.text))}]({shown.address_of(block) or f'#page-{number}'})"


def _format_block(block: Block, notes: Notes) -> str:
    """Return a block as Markdown; empty if it has no text."""
    runs = notes.refer(clean_runs(block.text, block.spans))
    text = text_of(runs)
    match block.kind:
        case "title" | "heading":
            return f"{'#' * _level_of(block)} {inline.format_heading(runs)}" if text else ""
        case "code":
            return _format_code(block.text, block.language or "") if text else ""
        case "formula":
            return _format_formula(text)
        case "checkbox":
            return f"- {inline.format_paragraph(runs)}" if text else ""
    return inline.format_paragraph(runs)


def _level_of(block: Block) -> int:
    """Return the level of a heading, 1 to 6."""
    return min(6, max(1, block.level or (1 if block.kind == "title" else 2)))


def _format_code(text: str, language: str) -> str:
    """Return code as it is, between fences longer than any inside; its language, if known, stands behind the first."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.replace("\r\n", "\n").strip("\n")
    return f"{fence}{language}\n{body}\n{fence}"


def _format_formula(text: str) -> str:
    """Return a formula between lines of $$; empty if it has no text."""
    body = escape.formula_body(text)
    lines = ["$$"]
    for line in body.split("\n"):
        # A blank line would end the formula, and what looks like Markdown would be some; to LaTeX a line break is a space.
        if escape.is_block_start(line):
            lines[-1] += f" {line.strip()}"
        elif line.strip():
            lines.append(line)
    return "\n".join([*lines, "$$"]) if lines != ["$$"] else ""


def _table_lines(parts: Parts, read: Iterable[Table], notes: Notes) -> Iterator[str]:
    """Return the lines of a table: a pipe table if it shows everything, else HTML. ``read`` are the parts to write."""
    if not any(table.cells for table in parts):
        return iter(())
    return _pipe_lines(read, notes) if all(map(_fits_pipes, parts)) else table_lines(read)


def _packed_lines(cells: PackedCells[Cell], columns: int) -> Iterator[str]:
    """Yield the lines of a pipe table of packed cells: their lines have tabs between texts, most of which need no escape.

    Where none of them does, all lines after the first are yielded as one text.
    """
    missing = " |  " * (columns - cells.packed.columns)
    if _needs_no_thought(cells.packed.texts):
        first, *rest = cells.packed.texts.replace("\t", " | ").split("\n", 1)
        yield f"| {first}{missing} |"
        for lines in rest:
            yield f"| {lines.replace(chr(10), f'{missing} |{chr(10)}| ')}{missing} |"
        return
    for line in cells.text_lines():
        if _THOUGHT.search(line):
            line = "\t".join(map(_format_packed, line.split("\t")))
        yield f"| {line.replace(chr(9), ' | ')}{missing} |"


def _needs_no_thought(texts: str) -> bool:
    """Return whether packed texts are Markdown as they are."""
    if _MARKS.search(texts) or texts.startswith(" ") or texts.endswith(" "):
        return False
    return not any(space in texts for space in _SPACES)


def _format_packed(text: str) -> str:
    """Return a packed text as a cell of a pipe table."""
    return inline.format_cell(clean_runs(unescape(text), [])) if _THOUGHT.search(text) else text


def _fits_pipes(table: Table) -> bool:
    """Return whether a pipe table shows the whole table.

    It has one header row at most, no spans, cells of one line, and no | inside a formula.
    """
    if isinstance(table.cells, PackedCells):
        packed = table.cells.packed
        has_formula = "|" in packed.texts and "$" in packed.texts
        return packed.header_rows <= 1 and not ("\\n" in packed.texts or "\\r" in packed.texts or has_formula)
    if table.has_spans or count_header_rows(table) > 1 or any(cell.header for cell in table.cells if cell.row > 0):
        return False
    texts = [clean(cell.text) for cell in table.cells]
    if any("\n" in text or any("|" in formula for formula in escape.find_formulas(text)) for text in texts):
        return False
    return len({(cell.row, cell.column) for cell in table.cells}) == len(table.cells)


def _pipe_lines(parts: Iterable[Table], notes: Notes) -> Iterator[str]:
    """Yield the lines of a pipe table."""
    is_begun = False
    for table in parts:
        for line in _pipe_rows(table, notes):
            yield line
            if not is_begun:
                yield "| " + " | ".join(["---"] * _width_of(table)) + " |"
            is_begun = True


def _pipe_rows(table: Table, notes: Notes) -> Iterator[str]:
    """Yield the rows of a part of a pipe table."""
    if isinstance(table.cells, PackedCells):
        return _packed_lines(table.cells, table.columns)
    return ("| " + " | ".join(inline.format_cell(notes.refer(runs)) for runs in row) + " |" for row in runs_by_row([table]))


def _width_of(table: Table) -> int:
    """Return the number of columns of a table, all of its cells counted."""
    if isinstance(table.cells, PackedCells):
        return max(table.columns, table.cells.packed.columns)
    return max([table.columns, *(cell.column + 1 for cell in table.cells)])
