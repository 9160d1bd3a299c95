"""Write tables as CSV: an archive with a file for each table, or a JSON list of all tables.

Cells that a spreadsheet would run as a formula get an apostrophe in front unless the option ``csv_safe`` is off. The JSON, HTML
and Markdown of a document have every cell unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.flow import flow
from document_parser.export.grid import count_header_rows, rows_of
from document_parser.models import Document, Options, Page, Table
from document_parser.text.csv_cells import csv_line
from document_parser.text.table_archive import CsvTable, write_archive


def write_csv(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write the ZIP archive that ``text.table_archive`` reads, with a CSV file for each table."""
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
    """Yield all tables in reading order. The lines of a table must be read before the next table is taken."""
    for piece in flow(pages, options):
        if piece.parts is not None and any(table.cells for table in piece.parts):
            header = any(count_header_rows(table) for table in islice(piece.parts, 1))
            yield CsvTable(piece.page.number, piece.caption, header, csv_lines(piece.parts, safe=options.csv_safe))


def csv_lines(parts: Iterable[Table], *, safe: bool = True) -> Iterator[str]:
    """Yield one table as CSV, row by row. A cell with spans fills its first place; the other places it covers are empty.

    ``safe`` puts an apostrophe in front of formulas.
    """
    for row in rows_of(parts):
        yield csv_line(row, safe=safe)
