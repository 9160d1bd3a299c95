"""Tables as CSV (RFC 4180): an archive with a file per table, or a JSON list of them all.

Cells that a spreadsheet would run as a formula (``=…``, ``@…``, or a signed text with a call in it) get an apostrophe in
front; numbers with a sign stay as they are. The JSON, HTML and Markdown of a document have every cell unchanged.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.flow import flow
from document_parser.export.grid import header_rows, rows_of
from document_parser.models import Document, Options, Page, Table
from document_parser.table_archive import CsvTable, write_archive

_RUNS_AS_FORMULA = re.compile(r"[\s\ufeff\u200b]*(?:[=@＝＠]|[+\-−＋－].*[(|!（｜！])", re.DOTALL)
"""What spreadsheets skip in front of a formula counts as nothing: white space (tab, line ends and no-break space among it) and
a byte order mark. Some of them take full-width signs for ASCII ones."""


def write_csv(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write the archive that ``table_archive`` reads."""
    del document, figures
    write_archive(tables_of(pages, options), out)


def write_tables(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write a JSON list of ``{page, caption, csv}``, one entry per table, row by row."""
    del document, figures
    out.write(b"[")
    for count, table in enumerate(tables_of(pages, options)):
        head = json.dumps({"page": table.page, "caption": table.caption}, ensure_ascii=False)
        out.write(((",\n" if count else "\n") + head[:-1] + ', "csv": "').encode(errors="replace"))
        for line in table.lines:
            out.write(json.dumps(line, ensure_ascii=False)[1:-1].encode(errors="replace"))
        out.write(b'"}')
    out.write(b"\n]\n")


def tables_of(pages: Iterable[Page], options: Options) -> Iterator[CsvTable]:
    """All tables in reading order. The lines of one are read before the next is asked for."""
    for piece in flow(pages, options):
        if piece.parts is not None and any(table.cells for table in piece.parts):
            header = any(header_rows(table) for table in islice(piece.parts, 1))
            yield CsvTable(piece.page.number, piece.caption, header, csv_lines(piece.parts))


def csv_lines(parts: Iterable[Table]) -> Iterator[str]:
    """One table as CSV, row by row. A cell with spans stands in its first place, the places it covers are empty."""
    for row in rows_of(parts):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerow([_guarded(cell) for cell in row])
        yield text.getvalue()


def _guarded(cell: str) -> str:
    return f"'{cell}" if _RUNS_AS_FORMULA.match(cell) else cell
