"""XML as a document of one part: invoices with their lines, feeds as articles, records as tables, all else as an outline.

Runs in the opener child.
"""

from __future__ import annotations

import base64
import binascii
import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from document_parser.errors import DamagedDocument, PageUnreadable
from document_parser.models import Block, Cell, Location, Member, PageWarning, Part, Table
from document_parser.sources.base import OpenerLimits
from document_parser.sources.flowing import OneBody
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.feed import blocks_of_feed, is_feed
from document_parser.sources.markup.html import decode_html, embedded_image
from document_parser.sources.markup.invoices.reader import blocks_of_invoice, embedded_files_of, syntax_of
from document_parser.sources.markup.lists import BULLET
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.markup.xml_spreadsheet import blocks_of_spreadsheet, is_spreadsheet
from document_parser.sources.xml_trees import Element, local_name, parse_xml

_MIN_RECORDS = 2
_MAX_COLUMNS = 100
"""Names of values in records that are shown as a table."""


class XmlFile(OneBody):
    """A file of XML."""

    def __init__(self, path: Path, limits: OpenerLimits, password: str | None) -> None:
        """Parse the file. Raises DamagedDocument if nothing of it can be read, or if it declares entities."""
        del password
        super().__init__(limits)
        data = path.read_bytes()
        self._warnings: list[PageWarning] = []
        try:
            self._root = parse_xml(data)
        except DamagedDocument as error:
            self._root = parse_xml(data, recover=True)
            message = f"{error.message} What could be read is here; some of it may be missing."
            self._warnings.append(PageWarning(code="damaged_data", message=message))
        self._page = decode_html(data).text if local_name(self._root) == "html" else None
        self._images: list[str] | None = None
        self._syntax = syntax_of(self._root)
        self._files = embedded_files_of(self._root) if self._syntax else []

    def part(self, number: int) -> Part:
        """Return the blocks of the file."""
        self.location(number)
        found = self._blocks()
        self._images = found.images
        location = Location(kind="body", name=found.title)
        return Part(location=location, blocks=found.blocks, warnings=[*self._warnings, *found.warnings])

    def picture_data(self, number: int, index: int) -> bytes:
        """Return an image that an article of a feed holds in itself."""
        if self._images is None:
            self.part(number)
        return embedded_image(self._images or [], number, index)

    def members(self) -> list[Member]:
        """Return the files that an electronic invoice holds in itself."""
        return [Member(name=file.name) for file in self._files]

    def open_member(self, index: int) -> IO[bytes]:
        """Return the contents of such a file. Raises PageUnreadable."""
        try:
            return io.BytesIO(base64.b64decode(self._files[index].data))
        except (binascii.Error, ValueError, IndexError) as error:
            raise PageUnreadable("This file in the invoice is damaged.") from error

    def _blocks(self) -> HtmlBlocks:
        """Return the blocks by what the root is."""
        if self._syntax:
            # The reader takes values out of the tree; it must find them again when it is asked a second time.
            return HtmlBlocks(blocks_of_invoice(copy.deepcopy(self._root), self._syntax), [], [], "")
        if self._page is not None:
            return blocks_of_html(parse_html(self._page))
        if is_spreadsheet(self._root):
            return blocks_of_spreadsheet(self._root)
        if is_feed(self._root):
            return blocks_of_feed(self._root)
        blocks = [Block(kind="heading", level=1, text=local_name(self._root)), *_outline(self._root, 1, named=False)]
        return HtmlBlocks(blocks, [], [], "")


def _outline(element: Element, depth: int, *, named: bool = True) -> Iterator[Block]:
    """Yield an element: its name and value, then its attributes and elements one level deeper.

    An element with text between its elements is running text. The name of the root stands before, as a heading.
    """
    if named and _is_running(element):
        yield Block(kind="paragraph", text=" ".join("".join(element.itertext()).split()))
        return
    if named:
        value = _own_text(element)
        text = f"{local_name(element)}: {value}" if value else local_name(element)
        yield Block(kind="list_item", level=depth, text=BULLET + text)
    elif _own_text(element):
        yield Block(kind="paragraph", text=_own_text(element))
    below = depth + named
    for name, value in element.attrib.items():
        if not _is_technical(name):
            yield Block(kind="list_item", level=below, text=f"{BULLET}{_plain_name(name)}: {value}")
    records = _records_of(element)
    if records:
        yield Block(kind="table", table=_table_of(records))
        return
    for child in element:
        yield from _outline(child, below)


def _own_text(element: Element) -> str:
    """Return the text directly in an element, with the text behind its elements."""
    pieces = [element.text, *(child.tail for child in element)]
    return " ".join(" ".join(filter(None, pieces)).split())


def _is_running(element: Element) -> bool:
    """Return whether an element has elements between words, as paragraphs have emphasis."""
    return len(element) > 0 and bool(_own_text(element))


def _is_technical(name: str) -> bool:
    """Return whether an attribute only says where a schema is."""
    return name.startswith("{http://www.w3.org/2001/XMLSchema-instance}")


def _plain_name(name: str) -> str:
    """Return the name of an attribute without its namespace."""
    return name.rpartition("}")[2]


def _records_of(element: Element) -> list[dict[str, str]]:
    """Return the elements inside as records, if they are of one name and hold values of different names only."""
    children = list(element)
    if len(children) < _MIN_RECORDS or len({child.tag for child in children}) > 1:
        return []
    records = []
    for child in children:
        values = {_plain_name(name): value for name, value in child.attrib.items()}
        values |= {local_name(value): _own_text(value) for value in child}
        whole = len(values) == len(child.attrib) + len(child) and not any(len(value) or value.attrib for value in child)
        if not whole or _own_text(child):
            return []
        records.append(values)
    names = {name for record in records for name in record}
    return records if 1 < len(names) <= _MAX_COLUMNS else []


def _table_of(records: list[dict[str, str]]) -> Table:
    """Return records as a table whose first row has the names."""
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = [Cell(row=0, column=column, text=name, header=True) for column, name in enumerate(names)]
    cells += [
        Cell(row=row, column=column, text=record.get(name, ""))
        for row, record in enumerate(records, 1)
        for column, name in enumerate(names)
    ]
    return Table(rows=len(records) + 1, columns=len(names), cells=cells)
