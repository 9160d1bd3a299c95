"""Workbooks of Office Open XML, as Excel writes them (.xlsx, .xlsm, also Strict). Runs in the opener child.

A sheet is a part; one with many cells is several parts, which are read forward. The stored size of a sheet is not believed:
what has content counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, DocumentError, EncryptedDocument, PageUnreadable
from document_parser.models import Block, Location, Member, PageWarning, Part, Span
from document_parser.sources.base import OpenerLimits
from document_parser.sources.containers.embedded import EMBEDDING_RELATIONSHIPS, EmbeddedFiles
from document_parser.sources.containers.zip_members import ZipMembers
from document_parser.sources.flowing import FlowingDocument
from document_parser.sources.office.package import Relationship
from document_parser.sources.sheets.comments import Comment, read_comments, read_persons
from document_parser.sources.sheets.drawings import Drawing, read_drawing
from document_parser.sources.sheets.package import find_member, relation_id, relationships_of, try_part
from document_parser.sources.sheets.page_margins import margin_blocks
from document_parser.sources.sheets.references import MAX_COLUMNS, Region, parse_region
from document_parser.sources.sheets.rows import FormulaCount, SheetRow
from document_parser.sources.sheets.shared_strings import SharedStrings
from document_parser.sources.sheets.styles import formats_of
from document_parser.sources.sheets.tables import NamedTable, PlacedBlock, SheetFrame, make_blocks
from document_parser.sources.sheets.warnings import formula_warnings, hidden_warnings
from document_parser.sources.sheets.worksheet_rows import Outline, WorksheetReader, frame_child, read_outline
from document_parser.sources.sheets.xlsx_cells import CellReader
from document_parser.sources.xml_trees import Element, child, children, is_true
from document_parser.text.spans import runs_of, safe_link_of, spans_of

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
"""The name of the stream of an OLE file that holds an encrypted workbook (MS-OFFCRYPTO 2.3)."""
_HYPERLINKS = 100_000
"""Links of a sheet that are kept."""


@dataclass(slots=True)
class _Sheet:
    """A sheet of the workbook and what is known of it."""

    name: str
    member: str
    hidden: bool
    is_chart: bool = False
    outline: Outline | None = None
    fault: str = ""
    frame: SheetFrame = field(default_factory=SheetFrame)
    relations: dict[str, Relationship] = field(default_factory=dict)
    title_rows: tuple[int, int] | None = None
    links: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def part_count(self) -> int:
        """Return the number of its parts, at least one."""
        return max(1, len(self.outline.parts)) if self.outline else 1


class ExcelWorkbook(FlowingDocument):
    """An opened workbook; its parts are its sheets, in the order of their tabs."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Open the file, and look once at every sheet."""
        del password
        super().__init__(limits)
        _refuse_wrapped(path)
        self._members = ZipMembers(path, limits)
        self._workbook = self._find_workbook()
        root = try_part(self._members, self._workbook)
        if root is None:
            raise DamagedDocument("The workbook is damaged: its list of sheets cannot be read.")
        self._relations = relationships_of(self._members, self._workbook)
        properties, calculation = child(root, "workbookPr"), child(root, "calcPr")
        self._since_1904 = properties is not None and is_true(properties.get("date1904"))
        self._recalculates = calculation is not None and is_true(calculation.get("fullCalcOnLoad"))
        self._formats = formats_of(self._related("styles"))
        self._strings: SharedStrings | None = None
        self._sheets = list(self._list_sheets(root))
        if not self._sheets:
            raise DamagedDocument("The workbook has no sheets.")
        self._places = [(sheet, part) for sheet in self._sheets for part in range(sheet.part_count)]
        self.page_count = len(self._places)
        self._persons: dict[str, str] | None = None
        self._reading: tuple[_Sheet, int, Iterator[SheetRow], CellReader] | None = None
        self._drawings: dict[int, Drawing] = {}
        self._embedded = EmbeddedFiles(self._members.read, dict(self._objects()))

    # --- opening ---

    def _find_workbook(self) -> str:
        """Return the member of the workbook: by the relationships of the package, or by its usual name."""
        for relation in relationships_of(self._members, "").values():
            if relation.kind == "officeDocument" and (found := find_member(self._members, relation.target)):
                return found
        found = find_member(self._members, "xl/workbook.xml")
        if found is None:
            raise DocumentError("The file is an archive without a workbook in it.")
        return found

    def _related(self, kind: str) -> Element | None:
        """Return the tree of the part of the workbook of this kind; None if there is none."""
        target = self._target_of(kind)
        return try_part(self._members, target) if target else None

    def _target_of(self, kind: str) -> str:
        """Return the member of the part of the workbook of this kind; empty if there is none."""
        found = next((one.target for one in self._relations.values() if one.kind == kind), "")
        return find_member(self._members, found) or "" if found else ""

    def _list_sheets(self, root: Element) -> Iterator[_Sheet]:
        """Yield the sheets with their outlines."""
        titles = _title_rows(root)
        listed = child(root, "sheets")
        for place, element in enumerate(children(listed, "sheet") if listed is not None else []):
            relation = self._relations.get(relation_id(element))
            member = find_member(self._members, relation.target) if relation else None
            hidden = element.get("state", "visible").lower() != "visible"
            sheet = _Sheet(element.get("name", ""), member or "", hidden, title_rows=titles.get(place))
            if relation is None or member is None:
                sheet.fault = f"The sheet {sheet.name!r} is missing from the file."
            elif relation.kind == "worksheet":
                self._outline(sheet)
            elif relation.kind == "chartsheet":
                sheet.is_chart = True
                sheet.relations = relationships_of(self._members, member)
            else:
                sheet.fault = f"The sheet {sheet.name!r} holds a macro or a dialog of an old version, which is not read."
            yield sheet

    def _outline(self, sheet: _Sheet) -> None:
        """Look once at a worksheet."""
        try:
            sheet.outline = read_outline(self._members, sheet.member)
        except DamagedDocument as error:
            sheet.fault = error.message
            return
        sheet.relations = relationships_of(self._members, sheet.member)
        sheet.frame = self._frame_of(sheet, sheet.outline)
        sheet.links = _links_of(sheet.outline, sheet.relations)

    def _frame_of(self, sheet: _Sheet, outline: Outline) -> SheetFrame:
        """Return what a worksheet says of its cells beside their rows."""
        bounds = outline.bounds
        merged = frame_child(outline, "mergeCells")
        merges = [region for one in merged if (region := parse_region(one.get("ref", "")))] if merged is not None else []
        filtered = [frame_child(outline, "autoFilter")]
        return SheetFrame(
            merges=[merge.clip(bounds) for merge in merges] if bounds else [],
            hidden_columns=_hidden_columns(frame_child(outline, "cols"), bounds),
            tables=list(self._named_tables(sheet, outline)),
            filtered=[region for one in filtered if one is not None and (region := parse_region(one.get("ref", "")))],
            frozen_rows=_frozen_rows(frame_child(outline, "sheetViews")),
            title_rows=sheet.title_rows,
        )

    def _named_tables(self, sheet: _Sheet, outline: Outline) -> Iterator[NamedTable]:
        """Yield the tables that a worksheet declares."""
        listed = frame_child(outline, "tableParts")
        for one in listed if listed is not None else ():
            relation = sheet.relations.get(relation_id(one))
            root = try_part(self._members, relation.target) if relation else None
            region = parse_region(root.get("ref", "")) if root is not None else None
            if root is not None and region is not None:
                yield NamedTable(
                    region, int(root.get("headerRowCount", "1") or "1") if root.get("headerRowCount", "1").isdecimal() else 1
                )

    # --- parts ---

    def location(self, number: int) -> Location:
        """Return the sheet of a part and the range of its cells."""
        sheet, part = self._place(number)
        cells = str(sheet.outline.parts[part].range) if sheet.outline and sheet.outline.parts else ""
        return Location(kind="sheet", name=sheet.name, range=cells)

    def _place(self, number: int) -> tuple[_Sheet, int]:
        """Return the sheet of a part, and which part of the sheet it is, from 0."""
        if not 1 <= number <= self.page_count:
            raise PageUnreadable(f"The workbook has {self.page_count} parts.", page=number)
        return self._places[number - 1]

    def part(self, number: int) -> Part:
        """Return a sheet, or a part of it."""
        location = self.location(number)
        sheet, part = self._place(number)
        if sheet.fault:
            raise PageUnreadable(sheet.fault, page=number)
        warnings: list[PageWarning] = []
        placed: list[PlacedBlock] = []
        if sheet.outline is not None and sheet.outline.parts:
            rows, count = self._rows(sheet, part, number)
            placed = make_blocks(rows, sheet.frame, sheet.outline.bounds if sheet.part_count > 1 else None)
            warnings += formula_warnings(count, recalculates=self._recalculates)
            warnings += hidden_warnings(rows, sheet.frame.hidden_columns)
        blocks = self._assemble(sheet, part, number, placed, warnings)
        if sheet.hidden:
            blocks = [block.model_copy(update={"layer": "hidden"}) for block in blocks]
            warnings.append(PageWarning(code="hidden_content", message="The sheet is hidden."))
        return Part(location=location, blocks=blocks, warnings=warnings)

    def _rows(self, sheet: _Sheet, part: int, number: int) -> tuple[list[SheetRow], FormulaCount]:
        """Return the rows of a part of a worksheet with their links, and the count of their formulas."""
        assert sheet.outline is not None
        if self._reading is None or self._reading[0] is not sheet or self._reading[1] != part:
            self._reading = (sheet, part, *self._start(sheet, part))
        stream, reader = self._reading[2:]
        reader.count = FormulaCount()
        last = sheet.outline.parts[part].range.bottom
        is_last = part + 1 == sheet.part_count
        rows: list[SheetRow] = []
        self._reading = None
        try:
            for row in stream:
                if row.columns:
                    rows.append(row)
                if row.number >= last and not is_last:
                    break
        except DamagedDocument as error:
            if not rows:
                raise PageUnreadable(error.message, page=number) from error
        self._reading = None if is_last else (sheet, part + 1, stream, reader)
        _add_links(rows, sheet.links)
        return rows, reader.count

    def _start(self, sheet: _Sheet, part: int) -> tuple[Iterator[SheetRow], CellReader]:
        """Return the rows of a worksheet from the start of a part on, and what reads their cells."""
        assert sheet.outline is not None
        if self._strings is None:
            name = self._target_of("sharedStrings")
            self._strings = SharedStrings(self._members, name) if name else SharedStrings()
        reader = CellReader(self._strings, self._formats, since_1904=self._since_1904)
        raw = WorksheetReader(self._members, sheet.member, sheet.outline).rows(part)
        return map(reader.row, raw), reader

    def _assemble(
        self, sheet: _Sheet, part: int, number: int, placed: list[PlacedBlock], warnings: list[PageWarning]
    ) -> list[Block]:
        """Return the blocks of a part in order: name and header first, drawings where they are, comments and footer last."""
        is_first, is_last = part == 0, part + 1 == sheet.part_count
        margins = margin_blocks(frame_child(sheet.outline, "headerFooter"), sheet.name) if sheet.outline else []
        blocks: list[Block] = []
        if is_first:
            blocks += [block for block in margins if block.kind == "page_header"]
            if len(self._sheets) > 1:
                blocks.append(Block(kind="heading", level=2, text=sheet.name))
        if is_last:
            drawing = self._drawing(sheet, number)
            warnings += [PageWarning(code="not_read", message=f"Not read: {what}.") for what in drawing.unread]
            placed = _merge(placed, drawing.blocks)
        blocks += [one.block for one in placed]
        if is_last:
            blocks += [comment.to_block() for comment in self._comments(sheet)]
            blocks += [block for block in margins if block.kind == "page_footer"]
            if sheet.outline is not None and sheet.outline.damage:
                warnings.append(PageWarning(code="damaged_data", message=f"The sheet breaks off. {sheet.outline.damage}"))
            if self._strings is not None and self._strings.is_damaged:
                warnings.append(PageWarning(code="damaged_data", message="The table of texts breaks off: texts are missing."))
        return blocks

    def _comments(self, sheet: _Sheet) -> list[Comment]:
        """Return the comments of a sheet."""
        if self._persons is None:
            self._persons = read_persons(self._members, self._relations)
        return read_comments(self._members, sheet.relations, self._persons)

    def _drawing(self, sheet: _Sheet, number: int) -> Drawing:
        """Return what floats above the cells of a sheet."""
        if number not in self._drawings:
            names = [one.target for one in sheet.relations.values() if one.kind == "drawing"]
            self._drawings[number] = read_drawing(self._members, names[0]) if names else Drawing([], [], [])
        return self._drawings[number]

    def _objects(self) -> Iterator[tuple[str, int]]:
        """Yield the members that are embedded in a sheet, each with the first part of the sheet."""
        firsts: dict[str, int] = {}
        for number, (sheet, _) in enumerate(self._places, 1):
            firsts.setdefault(sheet.member, number)
        for sheet in self._sheets:
            for one in sheet.relations.values():
                member = find_member(self._members, one.target) if not one.external else None
                if one.kind in EMBEDDING_RELATIONSHIPS and member is not None:
                    yield member, firsts[sheet.member]

    def members(self) -> list[Member]:
        """Return the files embedded in the sheets."""
        return self._embedded.members()

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of an embedded file. Raises PageUnreadable."""
        return self._embedded.open_member(index)

    def picture_data(self, number: int, index: int) -> bytes:
        """Return the file of an image of a sheet."""
        sheet, part = self._place(number)
        images = self._drawing(sheet, number).images if part + 1 == sheet.part_count else []
        if not 0 <= index < len(images):
            raise PageUnreadable("The sheet has no such image.", page=number)
        try:
            return self._members.read(images[index])
        except (KeyError, DamagedDocument) as error:
            raise PageUnreadable("The image is damaged.", page=number) from error


def _refuse_wrapped(path: Path) -> None:
    """Raise EncryptedDocument for an encrypted workbook, which is wrapped like an old file; DocumentError for an old one."""
    with path.open("rb") as file:
        if file.read(len(_OLE)) != _OLE:
            return
        content = file.read()
    if _ENCRYPTED_STREAM in content:
        raise EncryptedDocument("The workbook is encrypted. Save it without a password and send it again.")
    raise DocumentError("The file is an old workbook. Rename it to .xls and send it again.")


def _title_rows(root: Element) -> dict[int, tuple[int, int]]:
    """Return the rows that are repeated on printed pages, by the place of their sheet."""
    found: dict[int, tuple[int, int]] = {}
    names = child(root, "definedNames")
    for name in children(names, "definedName") if names is not None else []:
        place = name.get("localSheetId", "")
        if name.get("name") == "_xlnm.Print_Titles" and place.isdecimal():
            for reference in (name.text or "").split(","):
                region = parse_region(reference)
                if region is not None and region.right == MAX_COLUMNS:
                    found[int(place)] = (region.top, region.bottom)
    return found


def _hidden_columns(columns: Element | None, bounds: Region | None) -> frozenset[int]:
    """Return the hidden columns among those with content."""
    found: set[int] = set()
    for column in columns if columns is not None and bounds is not None else ():
        first, last = column.get("min", ""), column.get("max", "")
        narrow = column.get("width", "1").strip("0.") == "" and is_true(column.get("customWidth"))
        if (is_true(column.get("hidden")) or narrow) and first.isdecimal() and last.isdecimal() and bounds is not None:
            found |= set(range(max(int(first), bounds.left), min(int(last), bounds.right) + 1))
    return frozenset(found)


def _frozen_rows(views: Element | None) -> int:
    """Return the last of the rows that stay at the top; 0 if there are none."""
    for view in views if views is not None else ():
        pane = child(view, "pane")
        if pane is not None and pane.get("state") in {"frozen", "frozenSplit"}:
            rows = pane.get("ySplit", "0").partition(".")[0]
            top = parse_region(view.get("topLeftCell", "")) if view.get("topLeftCell") else None
            return (int(rows) + (top.top - 1 if top else 0)) if rows.isdecimal() and int(rows) else 0
    return 0


def _links_of(outline: Outline, relations: dict[str, Relationship]) -> dict[tuple[int, int], str]:
    """Return the addresses to which cells lead."""
    links: dict[tuple[int, int], str] = {}
    listed = frame_child(outline, "hyperlinks")
    for one in listed if listed is not None else ():
        relation, region = relations.get(relation_id(one)), parse_region(one.get("ref", ""))
        address = safe_link_of(relation.target) if relation is not None and relation.external else None
        if address is not None and region is not None and len(links) < _HYPERLINKS:
            for row in range(region.top, min(region.bottom, region.top + 1000) + 1):
                for column in range(region.left, min(region.right, region.left + 100) + 1):
                    links[row, column] = address
    return links


def _add_links(rows: list[SheetRow], links: dict[tuple[int, int], str]) -> None:
    """Add links to the cells that have them."""
    if not links:
        return
    for row in rows:
        for column, text in zip(row.columns, row.texts, strict=True):
            address = links.get((row.number, column))
            if address and text:
                row.spans[column] = _linked(text, row.spans.get(column, []), address)


def _linked(text: str, spans: list[Span], address: str) -> list[Span]:
    """Return the spans of a text that leads to an address as a whole."""
    if not spans:
        return [Span(start=0, end=len(text), link=address)]
    runs = [run._replace(style=run.style._replace(link=address)) for run in runs_of(text, spans)]
    return spans_of(runs)


def _merge(tables: list[PlacedBlock], drawings: list[PlacedBlock]) -> list[PlacedBlock]:
    """Return the blocks of cells with drawings put before the first block that begins below them."""
    merged: list[PlacedBlock] = []
    waiting = list(drawings)
    for block in tables:
        while waiting and waiting[0].row < block.row:
            merged.append(waiting.pop(0))
        merged.append(block)
    return [*merged, *waiting]
