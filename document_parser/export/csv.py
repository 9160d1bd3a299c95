"""Tables as CSV (RFC 4180): one text per table, and a JSON list of them all.

Cells that a spreadsheet would run as a formula (``=…``, ``@…``, or a signed text with a call in it) get an apostrophe in
front; numbers with a sign stay as they are. The JSON, HTML and Markdown of a document have every cell unchanged.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from document_parser.export.base import captioned
from document_parser.export.grid import rows_of
from document_parser.models import Document, Options, Page, Table

_RUNS_AS_FORMULA = re.compile(r"[=@]|[+-].*[(|!]")


class PageTable(NamedTuple):
    """One table of a document; ``page`` is the page's number."""

    page: int
    caption: str
    csv: str


def write_csv(document: Document, pages: Iterable[Page], options: Options, out: IO[bytes]) -> None:
    """Write a JSON list of ``{page, caption, csv}``, one entry per table."""
    del document, options
    out.write(b"[")
    for count, table in enumerate(tables_of(pages)):
        entry = json.dumps(table._asdict(), ensure_ascii=False)
        out.write(((",\n" if count else "\n") + entry).encode(errors="replace"))
    out.write(b"\n]\n")


def tables_of(pages: Iterable[Page]) -> Iterator[PageTable]:
    """All tables in reading order."""
    for page in pages:
        for block, caption in captioned(page.blocks):
            if block.table and block.table.cells:
                yield PageTable(page.number, caption, csv_text(block.table))


def csv_text(table: Table) -> str:
    """One table as CSV. A cell with spans stands in its first place, the places it covers are empty."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_guarded(cell) for cell in row] for row in rows_of(table))
    return text.getvalue()


def _guarded(cell: str) -> str:
    return f"'{cell}" if _RUNS_AS_FORMULA.match(cell) else cell
