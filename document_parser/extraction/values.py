"""Find values of a kind in a text: numbers, dates, identifiers, addresses of the net. Each keeps its place in the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.labels import fold

MONTHS = Path(__file__).with_name("months.json")
"""File with the names of the months by language, also as they are shortened."""
FIRST_YEAR, LAST_YEAR = 1900, 2099
"""Years that dates are in. Two digits are years of this century up to ``LAST_SHORT_YEAR``, else of the last."""
LAST_SHORT_YEAR = 69

MAX_DIGITS, MAX_DIGITS_OF_FRACTION = 18, 15
"""Digits of a number, at most, and of one with decimals: more are none, or a float would not have all of them."""

_NUMBER = re.compile(
    r"(?:(?<![\w.,])|(?<=RM)|(?<=EUR)|(?<=USD)|(?<=GBP)|(?<=Rs)|(?<=SGD))(?P<sign>[-−+(]?)\s?"
    r"(?P<digits>\d{1,3}(?:(?P<group>[.,'’\u00a0\u202f ])\d{3})(?:(?P=group)\d{3})*(?:[.,]\d{1,4})?"
    r"|\d+(?:[.,]\d{1,6})?|[.,]\d{2})"
    r"(?P<after>\)|-(?!\w))?(?![\w]*\d)(?!\.\d)"
)
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?!\d)")
_NUMERIC = re.compile(
    r"(?<![\d.])(\d{1,2})\s?([-/.])\s?(\d{1,2})\s?\2\s?(?:(\d{4}|\d{2})(?!\d|[-/.]\d)|(\d{4})(?=\d{1,2}:\d\d))"
)
_CJK = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|º|°)?[\s.,/-]{0,3}(?:of |de |d')?\s?([^\W\d_]{3,12})"
    r"[\s.,/'’-]{0,3}(?:de |del )?(\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(r"(?<!\w)([^\W\d_]{3,12})[\s./-]{1,3}(\d{1,2})(?:st|nd|rd|th)?[\s.,/'’-]{1,3}(\d{4})(?!\d)", re.I)
_DAY_OF = re.compile(
    r"(?<!\d)(\d{1,2}) ?(?:st|nd|rd|th|h)?\s*\bd?[aeo]y\s*o[frt]\s*([^\W\d_]{3,12})[\s.,_–-]{0,8}((?:19|20) ?\d\d)(?!\d)", re.I
)
"""A date as oaths and deeds have it, "this 16th day of June, 1995", also as OCR reads it."""
_IDENTIFIER = re.compile(r"(?=[\w/.\-]*\d)[\w][\w/.\-]*[\w]|\d")
_PREFIX = re.compile(r"\b[A-Z]{1,5}[ -]?$")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)[\w./?=&%#+~-]+", re.I)
_PHONE = re.compile(r"(?<!\w)\(?\+?\d[\d\s()./-]{5,20}\d")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{2,4}){3,8}\b")
_BIC = re.compile(r"\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b")
_VAT_ID = re.compile(r"\b(?:[A-Z]{2}[ -]?)?(?:[A-Z]?\d[\d .-]{6,14}\d(?:[A-Z]\d{2})?|U\d{8}|[A-Z]\d{7,8}[A-Z]?)\b")
_LUHN = re.compile(r"(?<![\w*])\d(?:[ -]?\d){7,18}(?![\w*])")
_CURRENCY = re.compile(
    r"(?<![A-Za-z])(EUR|USD|GBP|CHF|PLN|CZK|SEK|DKK|NOK|HUF|RON|MYR|SGD|JPY|CNY|INR|AUD|CAD|NZD|HKD|THB|IDR|BRL|MXN|ZAR|TRY)(?![A-Za-z])"
)
_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "￥": "CNY",
    "₹": "INR",
    "RM": "MYR",
    "zł": "PLN",
    "Kč": "CZK",
    "₺": "TRY",
    "฿": "THB",
}
_SIGN = re.compile("|".join(re.escape(sign) if not sign.isalpha() else rf"\b{sign}(?=[\s\d.:)]|$)" for sign in _SIGNS))
BOXES = "☒☑☐□✓✔"
"""Signs of check boxes. The box of a statement stands before it."""
_MARK_BEFORE = re.compile(rf"([{BOXES}]|[\[(][ xX]?[\])])\s*$")
_YES = frozenset({"yes", "true", "ja", "oui", "si", "sim", "tak", "ano", "x", "☒", "☑", "✓", "✔", "[x]"})
_NO = frozenset({"no", "false", "nein", "non", "nao", "nee", "nie", "ne", "☐", "□", "[]", "[ ]"})


class Value(NamedTuple):
    """A value in a text: what it is, where, and whether it could be another one as well, with the reason."""

    value: Any
    start: int
    end: int
    ambiguous: str = ""


def find_numbers(text: str, conventions: Conventions) -> list[Value]:
    """Return the numbers of a text, in the document's notation; ambiguous if neither the number nor the document shows it."""
    return [value for match in _NUMBER.finditer(text) if (value := _number_of(match, conventions)) is not None]


def _number_of(match: re.Match[str], conventions: Conventions) -> Value | None:
    """Return a number as a value."""
    digits, doubt = match["digits"].replace("’", "'"), ""
    marks = [char for char in digits if not char.isdigit()]
    decimal = ""
    if marks and marks[-1] in ".,":
        after = len(digits) - 1 - digits.rindex(marks[-1])
        if len(set(marks)) > 1 or after != 3:
            decimal = marks[-1] if marks.count(marks[-1]) == 1 else ""
        elif len(marks) == 1:  # 1.234: a thousand or a fraction
            decimal = marks[-1] if conventions.decimal == marks[-1] else ""
            doubt = "" if conventions.decimal else "The document does not show whether the mark divides thousands or decimals."
    whole, _, fraction = digits.rpartition(decimal) if decimal else (digits, "", "")
    plain = "".join(filter(str.isdigit, whole)) + (f".{fraction}" if fraction else "")
    if len(plain.lstrip("0.")) > (MAX_DIGITS_OF_FRACTION + 1 if "." in plain else MAX_DIGITS):
        return None
    number: float | int = float(f"0{plain}") if "." in plain else int(plain)
    negative = match["sign"] in ("-", "−") or match["after"] == "-" or (match["sign"] == "(" and match["after"] == ")")
    start = match.start("sign") if match["sign"] and (negative or match["sign"] == "+") else match.start("digits")
    end = match.end() if negative and match["after"] else match.end("digits")
    return Value(-number if negative else number, start, end, doubt)


def find_dates(text: str, conventions: Conventions) -> list[Value]:
    """Return the dates of a text as ISO 8601, in order; ambiguous if day and month could be exchanged."""
    found: list[Value] = []
    taken = bytearray(len(text))
    for value in _all_dates(text, conventions):
        if not any(taken[value.start : value.end]):
            taken[value.start : value.end] = b"\x01" * (value.end - value.start)
            found.append(value)
    return sorted(found, key=lambda value: value.start)


def _all_dates(text: str, conventions: Conventions) -> Iterator[Value]:
    """Yield the dates of a text in every notation, the surest notations first."""
    for match in _CJK.finditer(text):
        yield from _date(match, match[1], match[2], match[3])
    for match in _ISO.finditer(text):
        yield from _date(match, match[1], match[3], match[4])
    for match in _DAY_FIRST.finditer(text):
        if month := _months().get(fold(match[2])):
            yield from _date(match, match[3], month, match[1])
    for match in _DAY_OF.finditer(text):
        if month := _months().get(fold(match[2])):
            yield from _date(match, match[3].replace(" ", ""), month, match[1])
    for match in _MONTH_FIRST.finditer(text):
        if month := _months().get(fold(match[1])):
            yield from _date(match, match[3], month, match[2])
    for match in _NUMERIC.finditer(text):
        yield from _numeric_date(match, conventions)
    for match in _COMPACT.finditer(text):
        yield from _date(match, match[1], match[2], match[3])


def _numeric_date(match: re.Match[str], conventions: Conventions) -> Iterator[Value]:
    """Yield a date of three numbers: by the mark between them, by what is possible, and by the document's other dates."""
    first, second, doubt = int(match[1]), int(match[3]), ""
    if len(match[4] or match[5]) == 2 and match[2] == "-" and " " in match[0]:
        return  # a range or a subtraction
    day_first = True
    if second > 12 >= first:
        day_first = False
    elif first <= 12 and second <= 12 and first != second and match[2] != ".":
        day_first = conventions.day_first is not False
        if conventions.day_first is None:
            doubt = "Day and month could be exchanged, and no other date of the document shows their order."
    day, month = (first, second) if day_first else (second, first)
    yield from _date(match, match[4] or match[5], month, day, doubt)


def _date(match: re.Match[str], year: str, month: int | str, day: int | str, doubt: str = "") -> Iterator[Value]:
    """Yield the date of a match; nothing if there is no such day."""
    number = int(year)
    if len(year) == 2:
        number += 2000 if number <= LAST_SHORT_YEAR else 1900
    try:
        found = date(number, int(month), int(day))
    except ValueError:
        return
    if FIRST_YEAR <= found.year <= LAST_YEAR:
        yield Value(found.isoformat(), match.start(), match.end(), doubt)


@cache
def _months() -> dict[str, int]:
    """Return the number of each month by its folded names and short forms."""
    names = json.loads(MONTHS.read_text("utf-8")).values()
    return {fold(word): place for months in names for place, line in enumerate(months, 1) for word in line.split()}


def find_identifiers(text: str) -> list[Value]:
    """Return the words with a digit in them, such as numbers of invoices; a short prefix of capitals belongs to them."""
    found = []
    for match in _IDENTIFIER.finditer(text):
        before = _PREFIX.search(text[: match.start()])
        start = before.start() if before else match.start()
        found.append(Value(text[start : match.end()], start, match.end()))
    return found


def find_currencies(text: str) -> list[Value]:
    """Return the currencies of a text as ISO 4217 codes; a sign that several share stands for the most common one."""
    codes = [Value(match[1], match.start(), match.end()) for match in _CURRENCY.finditer(text)]
    signs = [
        Value(
            _SIGNS[match[0]], match.start(), match.end(), "The sign stands for several currencies." if match[0] in "$¥" else ""
        )
        for match in _SIGN.finditer(text)
    ]
    return sorted([*codes, *signs], key=lambda value: value.start)


_BY_PATTERN = {"email": _EMAIL, "url": _URL, "phone": _PHONE, "iban": _IBAN, "bic": _BIC, "vat_id": _VAT_ID, "luhn": _LUHN}


def find_by_pattern(role: str, text: str) -> list[Value]:
    """Return the values of a role that its letters show: e-mail, address of a site, phone, IBAN, BIC, VAT id, card."""
    return [
        Value(match[0].strip(), match.start(), match.start() + len(match[0].rstrip()))
        for match in _BY_PATTERN[role].finditer(text)
    ]


def has_pattern(role: str) -> bool:
    """Return whether values of the role are found by their letters."""
    return role in _BY_PATTERN


def find_truth(text: str) -> list[Value]:
    """Return the truth value that a mark or a word for yes or no says; nothing if the text is another one."""
    plain = fold(text).strip(" .:;")
    if plain in _YES or plain in _NO:
        return [Value(plain in _YES, 0, len(text))]
    mark = text.strip()[:1]
    return [Value(mark in _YES, text.index(mark), text.index(mark) + 1)] if mark and mark in BOXES else []


def find_box_before(text: str) -> list[Value]:
    """Return what the check box at the end of a text says: it belongs to what follows. Nothing if there is none."""
    match = _MARK_BEFORE.search(text)
    if match is None:
        return []
    sign = match[1].casefold()
    return [Value(sign in _YES or "x" in sign, match.start(1), match.end(1))]
