"""Workbooks of OpenDocument (.ods). Runs in the opener child.

Cells hold the text that the program showed. What is repeated to the edge of the sheet without content is never expanded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, EncryptedDocument, PageUnreadable
from document_parser.models import Block, Location, Member, PageWarning, Part
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.markup.mathml import latex_of_xml
from document_parser.sources.number_formats.general import format_general
from document_parser.sources.opendocument.charts import chart_blocks
from document_parser.sources.opendocument.embedded import embedded_files, object_addresses
from document_parser.sources.sheets.references import MAX_COLUMNS, MAX_ROWS, Region, column_name
from document_parser.sources.sheets.rows import MAX_PART_CELLS, FormulaCount, SheetRow
from document_parser.sources.sheets.tables import SheetFrame, make_blocks
from document_parser.sources.sheets.warnings import formula_warnings, hidden_warnings
from document_parser.sources.xml_trees import Element, integer_of, iterate_xml, local_name, parse_xml
from document_parser.text.spans import Run, Style, safe_link_of, spans_of, strip_runs, text_of

MAX_REPEATED = 10_000
"""Times that a row or cell with content is repeated at most."""
_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_OFFICE, _TABLE, _TEXT = (f"{{{_ODF}{name}:1.0}}" for name in ("office", "table", "text"))
_STYLE, _FO, _XLINK = f"{{{_ODF}style:1.0}}", f"{{{_ODF}xsl-fo-compatible:1.0}}", "{http://www.w3.org/1999/xlink}"
_DRAW, _SVG = f"{{{_ODF}drawing:1.0}}", f"{{{_ODF}svg-compatible:1.0}}"
_ROW, _CHANGES = f"{_TABLE}table-row", f"{_TABLE}tracked-changes"
_REFERENCE = re.compile(r"\[([^\]]*)\]")


@dataclass(slots=True)
class _Comment:
    """A comment at a cell."""

    reference: str
    author: str
    text: str


@dataclass(slots=True)
class _Sheet:
    """A sheet: its frame, and the ranges of its parts."""

    name: str
    hidden: bool = False
    frame: SheetFrame = field(default_factory=SheetFrame)
    ranges: list[Region] = field(default_factory=list)
    comments: list[_Comment] = field(default_factory=list)
    floating: list[Block] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    """Where the objects of the sheet lie in the package."""
    count: FormulaCount = field(default_factory=FormulaCount)
    is_cut: bool = False
    """Whether a row with content was repeated more often than is shown."""

    @property
    def bounds(self) -> Region:
        """Return the region of all cells with content."""
        left, right = min(one.left for one in self.ranges), max(one.right for one in self.ranges)
        return Region(self.ranges[0].top, left, self.ranges[-1].bottom, right)


class OpenDocumentWorkbook(FlowingDocument):
    """An opened workbook; its parts are its sheets, in their order."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Open the file and look once at all sheets."""
        del password
        super().__init__(limits)
        self._members = ZipMembers(path, limits)
        if "content.xml" not in self._members:
            raise DamagedDocument("The workbook has no content.")
        if "META-INF/manifest.xml" in self._members and b"encryption-data" in self._members.read("META-INF/manifest.xml"):
            raise EncryptedDocument("The workbook is encrypted. Save it without a password and send it again.")
        self._sheets: list[_Sheet] = []
        self._drawings: dict[str, list[Block]] = {}
        self._revisions: list[Block] = []
        self._damage = ""
        try:
            self._look()
        except DamagedDocument as error:
            if not self._sheets:
                raise
            self._damage = error.message
        if not self._sheets:
            self._sheets = [_Sheet("")]
        self._places = [(sheet, part) for sheet in self._sheets for part in range(max(1, len(sheet.ranges)))]
        self.page_count = len(self._places)
        self._embedded = embedded_files(self._members, self._objects(), shows_tables=False)
        self._stream: Iterator[tuple[_Sheet, SheetRow]] | None = None
        self._next: tuple[_Sheet, SheetRow] | None = None
        self._next_part = 1

    def _look(self) -> None:
        """Find the sheets and their parts."""
        cells = 0
        for sheet, row in self._read(self._sheets):
            if not sheet.ranges or cells >= MAX_PART_CELLS:
                sheet.ranges.append(Region(row.number, row.columns[0], row.number, row.columns[-1]))
                cells = 0
            top, left, _, right = sheet.ranges[-1]
            sheet.ranges[-1] = Region(top, min(left, row.columns[0]), row.number, max(right, row.columns[-1]))
            cells += len(row.columns)
        for sheet in self._sheets:
            if sheet.ranges:
                sheet.frame.merges = [merge.clip(sheet.bounds) for merge in sheet.frame.merges]

    def _read(self, known: list[_Sheet]) -> Iterator[tuple[_Sheet, SheetRow]]:
        """Yield the rows with content of all sheets.

        What is found beside them goes to the sheets, which are added to ``known``.
        """
        with self._members.open("content.xml") as stream:
            reader: _SheetReader | None = None
            for element in iterate_xml(stream, [_ROW, _CHANGES]):
                if element.tag == _CHANGES:
                    self._revisions = [*_revisions_of(element)]
                    continue
                table = next((one for one in element.iterancestors(f"{_TABLE}table")), None)
                if table is None:
                    continue
                if reader is None or reader.table is not table:
                    reader = _SheetReader(table, self._drawn)
                    known.append(reader.sheet)
                for row in reader.rows(element):
                    yield reader.sheet, row

    def _drawn(self, address: str) -> list[Block]:
        """Return the blocks of the chart or formula behind an address; none if there is another object, or a damaged one."""
        if address not in self._drawings:
            name = f"{address.removeprefix('./').rstrip('/')}/content.xml"
            try:
                self._drawings[address] = _drawn_blocks(parse_xml(self._members.read(name))) if name in self._members else []
            except DamagedDocument:
                self._drawings[address] = []
        return self._drawings[address]

    def location(self, number: int) -> Location:
        """Return the sheet of a part and the range of its cells."""
        sheet, part = self._place(number)
        return Location(kind="sheet", name=sheet.name, range=str(sheet.ranges[part]) if sheet.ranges else "")

    def _place(self, number: int) -> tuple[_Sheet, int]:
        """Return the sheet of a part, and which part of the sheet it is, from 0."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"The workbook has {self.page_count} parts.", page=number)
        return self._places[number - 1]

    def part(self, number: int) -> Part:
        """Return a sheet, or a part of it."""
        location = self.location(number)
        sheet, part = self._place(number)
        rows = self._rows(number, sheet, part)
        is_last = part + 1 >= len(sheet.ranges)
        blocks: list[Block] = []
        if not part and len(self._sheets) > 1:
            blocks.append(Block(kind="heading", level=2, text=sheet.name))
        blocks += [one.block for one in make_blocks(rows, sheet.frame, sheet.bounds if len(sheet.ranges) > 1 else None)]
        warnings = hidden_warnings(rows, sheet.frame.hidden_columns)
        if is_last:
            blocks += [*sheet.floating, *map(_comment_block, sheet.comments)]
            warnings += [*formula_warnings(sheet.count, recalculates=False), *self._cut_warnings(sheet)]
        if number == self.page_count:
            blocks += self._revisions
        if sheet.hidden:
            blocks = [block.model_copy(update={"layer": "hidden"}) for block in blocks]
            warnings.append(PageWarning(code="hidden_content", message="The sheet is hidden."))
        return Part(location=location, blocks=blocks, warnings=warnings)

    def _cut_warnings(self, sheet: _Sheet) -> list[PageWarning]:
        """Return the warnings for what is not shown of a sheet."""
        found = []
        if sheet.is_cut:
            message = f"Rows or cells repeated more than {MAX_REPEATED} times are shown that often only."
            found.append(PageWarning(code="not_read", message=message))
        if self._damage and sheet is self._sheets[-1]:
            found.append(PageWarning(code="damaged_data", message=f"The sheet breaks off. {self._damage}"))
        return found

    def _rows(self, number: int, sheet: _Sheet, part: int) -> list[SheetRow]:
        """Return the rows of a part; the file is read on from the part before, or from its start."""
        if not sheet.ranges:
            return []
        if self._stream is None or number < self._next_part:
            self._stream, self._next = self._read([]), None
        region, rows = sheet.ranges[part], []
        place = self._sheets.index(sheet)
        self._next_part = number + 1
        try:
            for found, row in self._from_stream():
                index = self._index_of(found)
                if index > place or (index == place and row.number > region.bottom):
                    self._next = (found, row)
                    break
                if index == place and row.number >= region.top:
                    rows.append(row)
        except DamagedDocument:
            self._stream = None
        return rows

    def _from_stream(self) -> Iterator[tuple[_Sheet, SheetRow]]:
        """Yield the rows that follow."""
        assert self._stream is not None
        if self._next is not None:
            following, self._next = self._next, None
            yield following
        yield from self._stream

    def _index_of(self, found: _Sheet) -> int:
        """Return which of the sheets one is that was read again; names of sheets are unique."""
        return next((place for place, sheet in enumerate(self._sheets) if sheet.name == found.name), 0)

    def _objects(self) -> Iterator[tuple[str, int]]:
        """Yield where objects lie in the package, each with the first part of its sheet."""
        for number, (sheet, part) in enumerate(self._places, 1):
            if not part:
                yield from ((address, number) for address in sheet.objects)

    def members(self) -> list[Member]:
        """Return the files embedded in the document."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an image of a sheet."""
        sheet, part = self._place(number)
        images = sheet.images if part + 1 >= len(sheet.ranges) else []
        if not 0 <= index < len(images) or images[index] not in self._members:
            raise PageUnreadable("The sheet has no such image.", page=number)
        try:
            return self._members.read(images[index])
        except DamagedDocument as error:
            raise PageUnreadable("The image is damaged.", page=number) from error


def _drawn_blocks(root: Element) -> list[Block]:
    """Return a chart or a formula as blocks, from the content of an object; none for any other."""
    if local_name(root) != "math":
        return chart_blocks(root)
    latex = latex_of_xml(root)
    return [Block(kind="formula", text=f"$${latex}$$")] if latex else []


def _revisions_of(changes: Element) -> Iterator[Block]:
    """Yield what cells held before tracked changes of the workbook, each behind its sheet, counted from 1, and its cell."""
    for old in changes.iter(f"{_TABLE}change-track-table-cell"):
        text = "\n".join("".join(line.itertext()) for line in old.iter(f"{_TEXT}p")) or old.get(f"{_OFFICE}value", "")
        place = next((one for parent in old.iterancestors() for one in parent.iterchildren(f"{_TABLE}cell-address")), None)
        if text.strip():
            yield Block(kind="paragraph", layer="revisions", text=f"{_address_of(place)}{text.strip()}")


def _address_of(place: Element | None) -> str:
    """Return the sheet and cell of an address that counts from 0, and a colon; empty if there is none."""
    if place is None:
        return ""
    sheet, row, column = (integer_of(place.get(f"{_TABLE}{name}"), 0) + 1 for name in ("table", "row", "column"))
    in_bounds = 0 < column <= MAX_COLUMNS and 0 < row <= MAX_ROWS
    return f"{sheet}.{column_name(column)}{row}: " if in_bounds else ""


def _comment_block(comment: _Comment) -> Block:
    """Return a comment as a paragraph that names its cell and author."""
    head = f"{comment.reference} ({comment.author}): " if comment.author else f"{comment.reference}: "
    return Block(kind="paragraph", layer="comments", text=head + comment.text)


class _SheetReader:
    """Turns the row elements of one sheet into rows."""

    def __init__(self, table: Element, drawn_at: Callable[[str], list[Block]]) -> None:
        """Read what stands before the rows. ``drawn_at`` returns the blocks of the chart at an address of the package."""
        self.table = table
        self._drawn_at = drawn_at
        self.sheet = _Sheet(table.get(f"{_TABLE}name", ""))
        root = table.getroottree().getroot()
        self._styles = _Styles(root.find(f"{_OFFICE}automatic-styles"))
        self.sheet.hidden = self._styles.hides(table.get(f"{_TABLE}style-name", ""))
        self.sheet.frame.hidden_columns = frozenset(_hidden_columns(table))
        for shapes in table.iterfind(f"{_TABLE}shapes"):
            self._add_shapes(shapes)
        self._number = 1

    def rows(self, element: Element) -> Iterator[SheetRow]:
        """Yield the row of an element as often as it is repeated, if it has content."""
        times = _count(element, "number-rows-repeated")
        row = self._row(element)
        if row.columns:
            shown = min(times, MAX_REPEATED)
            self.sheet.is_cut |= times > shown
            if local_name(element.getparent()) == "table-header-rows":
                first = self.sheet.frame.title_rows[0] if self.sheet.frame.title_rows else self._number
                self.sheet.frame.title_rows = (first, self._number)
            yield row
            for number in range(self._number + 1, min(self._number + shown, MAX_ROWS + 1)):
                yield SheetRow(number, row.columns, row.texts, row.values, row.formats, row.hidden, row.formulas, row.spans)
        self._number += times

    def _row(self, element: Element) -> SheetRow:
        """Return the row of an element."""
        texts: list[str] = []
        values: list[str | None] = []
        hidden = element.get(f"{_TABLE}visibility", "visible") != "visible" or any(
            local_name(one) == "table-row-group" and one.get(f"{_TABLE}display") == "false" for one in element.iterancestors()
        )
        row = SheetRow(self._number, [], texts, values, [], hidden)
        column = 1
        for cell in element:
            if local_name(cell) not in {"table-cell", "covered-table-cell"}:
                continue
            times = _count(cell, "number-columns-repeated")
            if local_name(cell) == "table-cell" and column <= MAX_COLUMNS:
                self._add(row, texts, values, column, min(times, MAX_COLUMNS + 1 - column), cell)
            column += times
        return row

    def _add(self, row: SheetRow, texts: list[str], values: list[str | None], column: int, times: int, cell: Element) -> None:
        """Add a cell as often as it is repeated, if it has content; its comment and shapes go to the sheet."""
        if not len(cell) and cell.get(f"{_OFFICE}value-type") is None and cell.get(f"{_TABLE}formula") is None:
            return
        reference = f"{column_name(column)}{row.number}"
        self._add_shapes(cell)
        for note in cell.iterfind(f"{_OFFICE}annotation"):
            author = note.findtext("{http://purl.org/dc/elements/1.1/}creator") or ""
            self.sheet.comments.append(_Comment(reference, author.strip(), text_of(self._runs(note)).strip()))
        runs = self._runs(cell)
        text, value = text_of(runs), _value_of(cell)
        formula = cell.get(f"{_TABLE}formula")
        if not text and value is not None:
            text = _shown(cell)
        if not text.strip() and value is None and formula is None:
            return
        down, across = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
        if down > 1 or across > 1:
            self.sheet.frame.merges.append(Region(row.number, column, row.number + down - 1, column + across - 1))
        spans = spans_of(runs)
        for place in range(column, column + min(times, MAX_REPEATED)):
            row.columns.append(place)
            texts.append(text)
            values.append(value)
            row.formats.append(None)
            if spans:
                row.spans[place] = spans
            if formula is not None:
                row.formulas[place] = _plain_formula(formula)
                self.sheet.count.formulas += 1
        if formula is not None and not text and value is None and cell.get(f"{_OFFICE}value-type") is None:
            self.sheet.count.uncached.append(reference)

    def _runs(self, element: Element) -> list[Run]:
        """Return the text of the paragraphs of an element, a line each."""
        runs: list[Run] = []
        for paragraph in element:
            if local_name(paragraph) in {"p", "h"}:
                runs += [Run("\n")] if runs else []
                runs += self._inline(paragraph, Style())
        return strip_runs(runs)

    def _inline(self, element: Element, style: Style) -> Iterator[Run]:
        """Yield the runs within an element; notes and drawings stand elsewhere."""
        yield Run(element.text or "", style)
        for part in element:
            match local_name(part):
                case "s":
                    yield Run(" " * min(int(part.get(f"{_TEXT}c", "1") or 1), 1000), style)
                case "tab":
                    yield Run("\t", style)
                case "line-break":
                    yield Run("\n", style)
                case "a":
                    yield from self._inline(part, style._replace(link=safe_link_of(part.get(f"{_XLINK}href", ""))))
                case "span":
                    yield from self._inline(part, self._styles.apply(part.get(f"{_TEXT}style-name", ""), style))
                case "annotation" | "frame" | "note" | "ruby-text":
                    pass
                case _:
                    yield from self._inline(part, style)
            yield Run(part.tail or "", style)

    def _add_shapes(self, element: Element) -> None:
        """Add the text boxes, pictures and shapes within an element to what floats above the cells, and its objects."""
        for frame in element.iter(f"{_DRAW}frame", f"{_DRAW}custom-shape", f"{_DRAW}rect", f"{_DRAW}ellipse"):
            addresses = object_addresses(frame)
            self.sheet.objects += addresses
            drawn = [block for address in addresses for block in self._drawn_at(address)]
            if drawn:
                self.sheet.floating += drawn
                continue
            words = " ".join(filter(None, (frame.findtext(f"{_SVG}title"), frame.findtext(f"{_SVG}desc")))).strip()
            image = frame.find(f"{_DRAW}image")
            if image is not None:
                target = image.get(f"{_XLINK}href", "").removeprefix("./")
                self.sheet.floating.append(Block(kind="figure", text=words, picture=target.rpartition("/")[2] or None))
                if target:
                    self.sheet.images.append(target)
            for box in (frame.find(f"{_DRAW}text-box"), frame if local_name(frame) != "frame" else None):
                for paragraph in box if box is not None else ():
                    runs = strip_runs(list(self._inline(paragraph, Style()))) if local_name(paragraph) in {"p", "h"} else []
                    if runs:
                        self.sheet.floating.append(Block(kind="paragraph", text=text_of(runs), spans=spans_of(runs)))


class _Styles:
    """The automatic styles of a workbook, as far as they hide sheets and emphasise text."""

    def __init__(self, element: Element | None) -> None:
        self._looks: dict[str, Style] = {}
        self._hiding: set[str] = set()
        for style in element.iterfind(f"{_STYLE}style") if element is not None else ():
            name = style.get(f"{_STYLE}name", "")
            properties = style.find(f"{_STYLE}table-properties")
            if properties is not None and properties.get(f"{_TABLE}display") == "false":
                self._hiding.add(name)
            looks = style.find(f"{_STYLE}text-properties")
            if looks is not None and style.get(f"{_STYLE}family") == "text":
                bold = looks.get(f"{_FO}font-weight", "") in {"bold", "600", "700", "800", "900"}
                struck = looks.get(f"{_STYLE}text-line-through-style", "none") != "none"
                self._looks[name] = Style(bold=bold, italic=looks.get(f"{_FO}font-style") == "italic", struck=struck)

    def hides(self, name: str) -> bool:
        """Return whether a sheet of this style is hidden."""
        return name in self._hiding

    def apply(self, name: str, style: Style) -> Style:
        """Return a style with what a named style adds to it."""
        looks = self._looks.get(name)
        if looks is None:
            return style
        bold, italic, struck = style.bold or looks.bold, style.italic or looks.italic, style.struck or looks.struck
        return style._replace(bold=bold, italic=italic, struck=struck)


def _hidden_columns(table: Element) -> Iterator[int]:
    """Yield the hidden columns of a sheet."""
    column = 1
    for one in table.iter(f"{_TABLE}table-column"):
        times = _count(one, "number-columns-repeated")
        if one.get(f"{_TABLE}visibility", "visible") != "visible":
            yield from range(column, min(column + times, MAX_COLUMNS + 1))
        column += times


def _count(element: Element, name: str) -> int:
    """Return how often something is repeated, or how much it spans; 1 if the file does not say it."""
    text = element.get(f"{_TABLE}{name}", "1")
    return min(max(1, int(text)), MAX_ROWS) if text.isdecimal() else 1


def _value_of(cell: Element) -> str | None:
    """Return the value of a cell as JSON; None if its text is the value."""
    match cell.get(f"{_OFFICE}value-type"):
        case "float" | "percentage" | "currency":
            return cell.get(f"{_OFFICE}value") or None
        case "date":
            return json.dumps(cell.get(f"{_OFFICE}date-value", ""))
        case "time":
            return json.dumps(cell.get(f"{_OFFICE}time-value", ""))
        case "boolean":
            return "true" if cell.get(f"{_OFFICE}boolean-value") == "true" else "false"
    return None


def _shown(cell: Element) -> str:
    """Return the text of a cell that has a value and no text."""
    stored = json.loads(_value_of(cell) or "null")
    if isinstance(stored, bool):
        return str(stored).upper()
    return format_general(float(stored)) if isinstance(stored, int | float) else str(stored)


def _plain_formula(formula: str) -> str:
    """Return a formula without the prefix and the brackets of OpenDocument: ``SUM(A1:A3)`` for ``of:=SUM([.A1:.A3])``."""
    bare = formula.partition("=")[2] or formula
    return _REFERENCE.sub(lambda match: ":".join(part.removeprefix(".") for part in match[1].split(":")), bare)
