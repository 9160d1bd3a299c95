"""Find out how a document writes numbers and dates: a number that could be two is read as the others are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SURE_DECIMAL = re.compile(r"(?<![\d.,])\d{1,3}(?:([.,'’ ])\d{3})*([.,])\d{2}(?![\d.,]*\d)")
_NUMERIC_DATE = re.compile(r"(?<!\d)(\d{1,2})([-/])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|PR|RI|SC"
    "|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_AMERICAN = re.compile(
    rf"\b(?:USD|U\.S\.A?\.|USA|United States|ZIP)\b|[A-Za-z]{{3}}[.,]? (?:{_STATES})\.? \d{{5}}(?:-\d{{4}})?(?!\w)"
)
"""What is written in the United States: their money, their name, or a town with the sign of a state and a postal code."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a document writes: its decimal mark, empty if it shows none, and whether the day comes first; None if unknown."""

    decimal: str = ""
    day_first: bool | None = None


def conventions_of(texts: Iterable[str]) -> Conventions:
    """Return the conventions that the unambiguous numbers and dates of the texts show."""
    marks = {".": 0, ",": 0}
    orders = {True: 0, False: 0}
    american = False
    for text in texts:
        for match in _SURE_DECIMAL.finditer(text):
            if match[1] != match[2]:
                marks[match[2]] += 1
        for match in _NUMERIC_DATE.finditer(text):
            first, second = int(match[1]), int(match[3])
            if (first > 12) != (second > 12) and first and second:
                orders[first > 12] += 1
        american = american or bool(_AMERICAN.search(text))
    decimal = max(marks, key=lambda mark: marks[mark]) if marks["."] != marks[","] else ""
    if orders[True] != orders[False]:
        return Conventions(decimal, orders[True] > orders[False])
    return Conventions(decimal, False if american else None)
