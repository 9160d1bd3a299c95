"""Write tables as CSV: an archive with a file for each table, or a JSON list of all tables.

Cells that a spreadsheet would run as a formula get an apostrophe in front unless the option ``csv_safe`` is off; numbers with a
sign stay as they are. The JSON, HTML and Markdown of a document have every cell unchanged.

Source: RFC 4180; OWASP, CSV Injection.
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
from document_parser.export.grid import count_header_rows, rows_of
from document_parser.models import Document, Options, Page, Table
from document_parser.text.table_archive import CsvTable, write_archive

_SKIPPED = r"[\s\ufeff\u200b\"]*"
"""What spreadsheets skip in front of a formula: white space (tab, line ends and no-break space are part of it), a byte order
mark, and quotation marks."""
_FORMULA = re.compile(rf"{_SKIPPED}[=@＝＠]")
"""How a cell begins that is a formula whatever follows. Some spreadsheets take full-width signs for ASCII ones."""
_SIGNED = re.compile(rf"{_SKIPPED}[+\-−＋－]\s*(?P<rest>.*)", re.DOTALL)
"""A cell that begins with a sign, which is a formula if an expression follows."""
_NUMBER = re.compile(r"(?:[^\W\d_]{1,3}\s)?[€$£¥]?\s?\d[\d.,'’\s]*(?:[eE][+-]?\d+)?\s*(?:[%‰°€$£¥]|[^\W\d_]{1,4})?\"?")
"""What follows the sign of a number: digits with their separators, a currency, a percent sign or a short unit."""
_EXPRESSION = re.compile(r"[(|!（｜！]|[\w)\"%]\s*[+\-*/^&=<>:;]\s*[\w(\"+\-]|^\S*\w\S*$", re.DOTALL)
"""In what follows a sign: a call, a reference to other programs or sheets, an operator between two things, or one word, which
may be a cell or a name."""


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
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerow([_escape_formula(cell) for cell in row] if safe else row)
        yield text.getvalue()


def _escape_formula(cell: str) -> str:
    """Return the text of a cell with an apostrophe in front if a spreadsheet would run it as a formula."""
    return f"'{cell}" if _runs_as_formula(cell) else cell


def _runs_as_formula(cell: str) -> bool:
    """Return whether a spreadsheet runs a cell as a formula."""
    if _FORMULA.match(cell):
        return True
    signed = _SIGNED.match(cell)
    if signed is None or _NUMBER.fullmatch(signed["rest"].strip()):
        return False
    return _EXPRESSION.search(signed["rest"].strip()) is not None
