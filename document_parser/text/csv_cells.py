"""Write lines of CSV whose cells no spreadsheet runs as formulas. Numbers with a sign stay as they are.

Source: RFC 4180; OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

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


def csv_line(cells: Iterable[str], *, safe: bool = True) -> str:
    """Return cells as one line of CSV with its line end. ``safe`` puts an apostrophe in front of formulas."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow([_escape_formula(cell) if safe else cell for cell in cells])
    return text.getvalue()


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
