"""The rows of an Office Open XML worksheet, read forward once: where its parts begin, and the cells of each.

Rows are cut at their end tags. The cells of a row that is written as programs write it are matched by one regular expression,
twice as fast as any parser calls back, and rows that are written alike by one for the whole row; any other row is parsed by
itself. What stands around the rows is a small tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.sheets.references import MAX_COLUMNS, MAX_ROWS, Region, column_number
from document_parser.sources.sheets.rows import MAX_PART_CELLS
from document_parser.sources.sheets.xml_pieces import MAX_HEAD_BYTES, Names, find_names, pieces, wrap
from document_parser.sources.xml_trees import Element, child, parse_xml

_ROW_NUMBER = re.compile(rb"\sr\s*=\s*[\"'](\d{1,7})[\"']")
_ROW_HIDDEN = re.compile(rb"\shidden\s*=\s*[\"'](?:1|true|on)[\"']|\sht\s*=\s*[\"']0(?:\.0*)?[\"']")
_LETTERS = re.compile(rb"[A-Z]{1,3}")
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{1,3})\d{1,7}[\"']")


_REPEATED_ROWS = 100
"""Rows written alike, one after the other, from which an expression for such rows pays for itself."""
_MAX_ROW_PATTERNS, _MAX_PATTERN_CELLS = 16, 256
"""Such expressions of a worksheet at most, and the cells of each: making one takes as long as matching a thousand rows."""

MatchedCell = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]


class PlainCells(NamedTuple):
    """Cells that have a reference and a value, and at most a style and a type (s or n) besides, as the file writes them.

    For each cell: the letters of its column, its style, its type and its content. Rows that are written alike share the tuples
    of the first three.
    """

    letters: tuple[bytes, ...]
    styles: tuple[bytes, ...]
    kinds: tuple[bytes, ...]
    contents: tuple[bytes, ...]


class RawRow(NamedTuple):
    """A row with its cells: matched (``cells``), or as a tree if they are written in another way.

    If all cells of the row are plain, it has those (``plain``) and no others.

    Any other matched cell has the letters of its column (empty if it is the next one), its style, its type, the start of its
    formula's tag if it has one, the formula, the content, and the text of an inline string.
    """

    number: int
    hidden: bool
    cells: list[MatchedCell]
    tree: Element | None = None
    plain: PlainCells | None = None


@dataclass(slots=True)
class PartStart:
    """Where a part of a sheet begins: the piece of its first row, the number of the row before it, and its range of cells."""

    piece: int
    row_before: int
    range: Region


@dataclass(slots=True)
class Outline:
    """What one pass over a worksheet shows: its parts, the tree of what stands around the rows, and what was damaged."""

    names: Names
    parts: list[PartStart] = field(default_factory=list)
    frame: Element | None = None
    damage: str = ""

    @property
    def bounds(self) -> Region | None:
        """Return the region of all cells with content; None if there are none."""
        if not self.parts:
            return None
        ranges = [part.range for part in self.parts]
        return Region(ranges[0].top, min(one.left for one in ranges), ranges[-1].bottom, max(one.right for one in ranges))


def read_outline(members: ZipMembers, name: str) -> Outline:
    """Read a worksheet once and return its outline. Raises DamagedDocument if nothing of it can be read."""
    with members.open(name) as stream:
        chunks, names = find_names(stream, "worksheet")
        head, rows = _read_head(chunks, names)
        parts, tail, damage = _Parts(names), bytearray(), ""
        try:
            if rows is not None:
                found = _recording(rows, chunks, names, tail)
                for piece in pieces(found, names.fill(b"</{p}row>"), names.fill(b"</{p}sheetData>")):
                    parts.add(piece)
            for chunk in chunks:
                tail += chunk
                if len(tail) > MAX_HEAD_BYTES:
                    raise DamagedDocument("What follows the rows of the sheet is longer than any program writes.")
        except DamagedDocument as error:
            damage = error.message
    content = head[len(names.opening) :] + bytes(tail).partition(b"</%sworksheet>" % names.prefix)[0]
    return Outline(names, parts.found, parse_xml(wrap(names.opening, content), recover=True), damage)


def _read_head(chunks: Iterator[bytes], names: Names) -> tuple[bytes, bytes | None]:
    """Return what stands before the rows, and the first bytes of the rows; None if the sheet has no rows."""
    head = bytearray()
    start = re.compile(names.fill(rb"<{p}sheetData(?:\s[^>]*)?(/?)>"))
    for chunk in chunks:
        head += chunk
        if found := start.search(head):
            rest = bytes(head[found.end() :])
            return (bytes(head[: found.start()]), rest) if not found[1] else (bytes(head[: found.start()]) + rest, None)
        if len(head) > MAX_HEAD_BYTES:
            break
    return bytes(head).removesuffix(b"</%sworksheet>" % names.prefix), None


def _recording(first: bytes, chunks: Iterator[bytes], names: Names, tail: bytearray) -> Iterator[bytes]:
    """Yield the chunks of the rows; what follows them in the last one goes to ``tail``."""
    stop = names.fill(b"</{p}sheetData>")
    kept = b""
    chunk: bytes | None = first
    while chunk is not None:
        joined = kept + chunk
        if (at := joined.find(stop)) >= 0:
            tail += joined[at + len(stop) :]
            yield chunk
            return
        yield chunk
        kept = chunk[-len(stop) :]
        chunk = next(chunks, None)
    raise DamagedDocument("The rows of the sheet break off.")


class ColumnNumbers(dict[bytes, int]):
    """The numbers of columns by their letters as bytes."""

    def __missing__(self, letters: bytes) -> int:
        """Return the number of a column that was not asked for before."""
        number = self[letters] = min(column_number(letters.decode()), MAX_COLUMNS)
        return number


class _Parts:
    """Gather the parts of a sheet from the pieces of its rows."""

    def __init__(self, names: Names) -> None:
        self._row, self._cell = names.fill(b"<{p}row"), names.fill(b"<{p}c")
        self._marks = tuple(names.fill(mark) for mark in (b"<{p}v", b"<{p}is", b"<{p}f"))
        self.found: list[PartStart] = []
        self._piece = self._number = 0
        self._reference = names.fill(b'<{p}c r="')
        self._start = re.compile(
            names.fill(rb"\s*<{p}row r=\"(\d{1,7})\"[^>]*>\s*<{p}c r=\"([A-Z]{1,3})\d{1,7}\"[^/>]*><{p}[vi]")
        )
        self._columns = ColumnNumbers()
        self._cells = 0
        self._open: PartStart | None = None

    def add(self, piece: bytes) -> None:
        """Look at one piece: a row, and empty rows before it."""
        if not self._add_plain(piece):
            self._add_any(piece)
        self._piece += 1

    def _add_plain(self, piece: bytes) -> bool:
        """Look at a row as most programs write it: numbered, with content in its first and last cell. Return whether it is."""
        start, end = self._start.match(piece), piece.rfind(self._reference)
        if start is None or piece.find(self._marks[0], end) < 0:
            return False
        last = _LETTERS.match(piece, end + len(self._reference))
        if last is None:
            return False
        before, self._number = self._number, min(int(start[1]), MAX_ROWS)
        self._extend(before, self._columns[start[2]], self._columns[last[0]], piece.count(self._marks[0]))
        return True

    def _add_any(self, piece: bytes) -> None:
        """Look at a row as it may be written."""
        at = piece.rfind(self._row)
        before, self._number = self._number, _number_of(piece, at, self._row, self._number)
        places = [place for mark in self._marks if (place := piece.find(mark, max(at, 0))) >= 0]
        if places and at >= 0:
            cells = sum(piece.count(mark) for mark in self._marks[:2])
            first = self._column_at(piece, at, min(places))
            last = self._column_at(piece, at, max(piece.rfind(mark) for mark in self._marks))
            self._extend(before, first, last, max(1, cells))

    def _column_at(self, piece: bytes, at: int, place: int) -> int:
        """Return the column of the cell in which a place of a piece is."""
        cell = piece.rfind(self._cell, at, place)
        end = piece.find(b">", cell)
        found = _REFERENCE.search(piece, cell, end)
        column = column_number(found[1].decode()) if found else piece.count(self._cell, at, place)
        return min(max(1, column), MAX_COLUMNS)

    def _extend(self, before: int, first: int, last: int, cells: int) -> None:
        """Add a row with content to the part that is open, or to a new one."""
        if self._open is None or self._cells >= MAX_PART_CELLS:
            self._open = PartStart(self._piece, before, Region(self._number, first, self._number, last))
            self.found.append(self._open)
            self._cells = 0
        top, left, bottom, right = self._open.range
        self._open.range = Region(top, min(left, first), max(bottom, self._number), max(right, last))
        self._cells += cells


def _number_of(piece: bytes, at: int, row: bytes, before: int) -> int:
    """Return the number of the row that begins at a place of a piece; ``before`` is that of the row before the piece."""
    if at < 0:
        return before
    found = _ROW_NUMBER.search(piece, at, piece.find(b">", at) + 1)
    number = int(found[1]) if found else before + max(1, piece.count(row))
    return min(max(1, number), MAX_ROWS)


class WorksheetReader:
    """Reads the rows of a worksheet forward, from the start of any of its parts."""

    def __init__(self, members: ZipMembers, name: str, outline: Outline) -> None:
        """Keep where the rows are."""
        self._members, self._name, self._outline = members, name, outline
        names = outline.names
        self._row, self._cell_mark = names.fill(b"<{p}row"), names.fill(b"<{p}c")
        self._end = names.fill(b"</{p}row>")
        self._plain = re.compile(
            names.fill(rb"<{p}c r=\"([A-Z]{1,3})\d+\"(?: s=\"(\d+)\")?(?: t=\"([ns])\")?><{p}v>([^<]+)</{p}v></{p}c>")
        )
        self._repeated = _RepeatedRows(names)
        self._cell = re.compile(
            names.fill(
                rb"<{p}c(?: r=\"([A-Z]{1,3})\d{1,7}\")?(?: s=\"(\d{1,6})\")?(?: t=\"(\w{1,9})\")?(?: [cv]m=\"\d+\")*\s*(?:/>|>"
                rb"(?:(<{p}f(?: [^>]*?)?)(?:/>|>([^<]*)</{p}f>))?"
                rb"(?:<{p}v(?: xml:space=\"preserve\")?>([^<]*)</{p}v>|<{p}v/>)?"
                rb"(?:<{p}is><{p}t(?: xml:space=\"preserve\")?>([^<]*)</{p}t></{p}is>)?</{p}c>)"
            )
        )

    def rows(self, part: int) -> Iterator[RawRow]:
        """Yield the rows of the sheet from the start of a part (from 0) on. Raises DamagedDocument."""
        start = self._outline.parts[part]
        names, number = self._outline.names, start.row_before
        with self._members.open(self._name) as stream:
            chunks, _ = find_names(stream, "worksheet")
            _, first = _read_head(chunks, names)
            found = pieces(_recording(first or b"", chunks, names, bytearray()), self._end, names.fill(b"</{p}sheetData>"))
            for count, piece in enumerate(found):
                if count < start.piece:
                    continue
                at = piece.rfind(self._row)
                number = _number_of(piece, at, self._row, number)
                if at >= 0:
                    yield self._raw_row(piece, at, number)

    def _raw_row(self, piece: bytes, at: int, number: int) -> RawRow:
        """Return the row that begins at a place of a piece."""
        tag_end = piece.find(b">", at) + 1
        tag = piece[at:tag_end]
        hidden = (b"hidden" in tag or b"ht=" in tag) and _ROW_HIDDEN.search(tag) is not None
        has_comments = b"<!" in piece
        if not has_comments and (alike := self._repeated.match(piece, tag_end)) is not None:
            return RawRow(number, hidden, [], None, alike)
        count, plain = piece.count(self._cell_mark, tag_end), self._plain.findall(piece, tag_end)
        if count and len(plain) == count and not has_comments:
            return RawRow(number, hidden, [], None, self._repeated.note(PlainCells(*zip(*plain, strict=True))))
        cells = self._cell.findall(piece, tag_end)
        if len(cells) != count or has_comments:
            row = parse_xml(wrap(self._outline.names.opening, piece[at:] + self._end), recover=True)
            if len(row) != 1:
                raise PageUnreadable(f"Row {number} of the sheet is damaged.")
            return RawRow(number, hidden, [], row[0])
        return RawRow(number, hidden, cells, None)


class _RepeatedRows:
    """Matches rows that are written as many rows before them: by one expression for the whole row, three times as fast."""

    def __init__(self, names: Names) -> None:
        """Begin without an expression."""
        self._names = names
        self._last = PlainCells((), (), (), ())
        self._count = self._made = 0
        self._known: PlainCells | None = None
        self._row: re.Pattern[bytes] | None = None

    def match(self, piece: bytes, start: int) -> PlainCells | None:
        """Return the cells of a row from ``start`` on; None if it is not written as those before it."""
        if self._row is None or self._known is None:
            return None
        found = self._row.fullmatch(piece, start)
        return self._known._replace(contents=found.groups()) if found else None

    def note(self, row: PlainCells) -> PlainCells:
        """Count a row that was matched cell by cell, and return it."""
        if row[:3] != self._last[:3]:
            self._last, self._count = row, 0
            return row
        self._count += 1
        if self._count == _REPEATED_ROWS and self._made < _MAX_ROW_PATTERNS and len(row.letters) <= _MAX_PATTERN_CELLS:
            self._made += 1
            self._known, self._row = self._last, self._expression_for(row)
        return row

    def _expression_for(self, row: PlainCells) -> re.Pattern[bytes]:
        """Return an expression for rows with the columns, styles and types of this one; its groups are the contents."""
        cells = zip(*row[:3], strict=True)
        return re.compile(self._names.fill(b"".join(_cell_expression(*cell) for cell in cells)))


def _cell_expression(letters: bytes, style: bytes, kind: bytes) -> bytes:
    """Return the expression for a plain cell with this column, style and type."""
    more = (b' s="%s"' % style if style else b"") + (b' t="%s"' % kind if kind else b"")
    return rb"<{p}c r=\"%s\d+\"%s><{p}v>([^<]+)</{p}v></{p}c>" % (letters, more)


def frame_child(outline: Outline, name: str) -> Element | None:
    """Return an element that stands before or after the rows; None if there is none."""
    return child(outline.frame, name) if outline.frame is not None else None
