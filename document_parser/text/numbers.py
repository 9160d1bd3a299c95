"""Compare amounts, dates and identifiers, which must not differ by a digit between a reading and other evidence of the page."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

MIN_DIGITS = 3
"""Shorter numbers are not compared: they are counts, marks and list numbers, which readers set differently."""
MAX_SHOWN_DIFFERENCES = 5
"""How many differences a warning names."""
MAX_CHANGED_DIGITS = 2
"""Maximum digits by which a number differs from the one it was misread from."""

_NUMBER_OR_WORD = re.compile(r"(\d(?:[\d.,:/'’·-]{0,40}\d)?)|[^\W\d_]{2,}")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that was read where the evidence has another one."""

    read: str
    known: str

    def __str__(self) -> str:
        return f"{self.read} (other reading: {self.known})"


def find_differences(read: Sequence[str], known: Sequence[str]) -> list[Difference]:
    """Return the numbers read that are in none of the known texts, each with the number it was likely misread from.

    That is a number which the reading lacks and which differs by a digit or two or follows the same word. A number written with
    other separators, or split or joined at a space, is no difference. A number without such a counterpart is none either: it
    may be in an image that the evidence does not cover. A number that was read more often than it is known counts as unknown,
    and one that is known more often than it was read as lacking, if it differs by a digit or two.
    """
    ours, theirs = _find_numbers(read), _find_numbers(known)
    known_digits = _add_joined([number.digits for number in theirs])
    read_digits = _add_joined([number.digits for number in ours])
    missing = [number for number in theirs if len(number.digits) >= MIN_DIGITS and number.digits not in read_digits]
    budget = Counter(number.digits for number in theirs)
    fewer = budget - Counter(number.digits for number in ours)
    repeated = [number for number in theirs if number.digits in fewer and number not in missing]
    result = []
    for number in ours:
        once_too_often = number.digits in budget and budget[number.digits] == 0
        budget[number.digits] -= number.digits in budget and not once_too_often
        if len(number.digits) < MIN_DIGITS or (_is_known(number.digits, known_digits) and not once_too_often):
            continue
        counterpart = _find_counterpart(number, missing)
        if counterpart is not None:
            missing.remove(counterpart)
        else:
            counterpart = _find_nearest(number, [one for one in repeated if fewer[one.digits]])
            fewer.subtract([counterpart.digits] if counterpart is not None else [])
        if counterpart is not None:
            result.append(Difference(number.shown, counterpart.shown))
    return result


def describe_differences(found: Sequence[Difference]) -> str:
    """Return the differences as a sentence for the page's warning."""
    shown = ", ".join(map(str, found[:MAX_SHOWN_DIFFERENCES]))
    more = f" and {len(found) - MAX_SHOWN_DIFFERENCES} more" if len(found) > MAX_SHOWN_DIFFERENCES else ""
    return f"Numbers differ between two readings of the page: {shown}{more}."


class _Number(NamedTuple):
    """A number as it is written, its digits, and the word before it."""

    shown: str
    digits: str
    before: str


def _find_numbers(texts: Iterable[str]) -> list[_Number]:
    """Return all numbers of the texts in order."""
    found = []
    before = ""
    for match in _NUMBER_OR_WORD.finditer(unicodedata.normalize("NFKC", " ".join(texts))):
        if match[1] is None:
            before = match[0].casefold()
        else:
            found.append(_Number(match[0], _digits_of(match[0]), before))
    return found


def _digits_of(text: str) -> str:
    """Return the digits of a text, in any script, as ASCII."""
    return "".join(str(int(digit)) for run in _DIGITS.findall(text) for digit in run)


def _add_joined(digits: Sequence[str]) -> set[str]:
    """Return the numbers and those that two or three of them in a row make: thousands may be separated by spaces."""
    known = set(digits)
    known.update(first + second for first, second in pairwise(digits))
    known.update(a + b + c for a, b, c in zip(digits, digits[1:], digits[2:], strict=False))
    return known


def _is_known(digits: str, known: set[str]) -> bool:
    """Return whether the number is known, or consists of two known numbers written without a space."""
    if digits in known:
        return True
    cuts = range(MIN_DIGITS, len(digits) - MIN_DIGITS + 1)
    return any(digits[:cut] in known and digits[cut:] in known for cut in cuts)


def _find_counterpart(number: _Number, missing: Sequence[_Number]) -> _Number | None:
    """Return the missing number that this one was most likely misread from. None if there is none."""
    alike = (other for other in missing if number.before and other.before == number.before)
    return _find_nearest(number, missing) or next(alike, None)


def _find_nearest(number: _Number, others: Sequence[_Number]) -> _Number | None:
    """Return the number that differs from this one by the fewest digits. None if all differ by too many."""
    near = [(distance, other) for other in others if (distance := _distance_between(number.digits, other.digits))]
    return min(near)[1] if near else None


def _distance_between(first: str, second: str) -> int:
    """Return the Levenshtein distance of two numbers' digits.

    0 if they are equal or too different to be readings of one number.
    """
    if abs(len(first) - len(second)) > MAX_CHANGED_DIGITS or len(second) < MIN_DIGITS:
        return 0
    row = list(range(len(second) + 1))
    for place, digit in enumerate(first, start=1):
        above, row[0] = row[0], place
        for column, other in enumerate(second, start=1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (digit != other))
    most = MAX_CHANGED_DIGITS if len(second) > 4 else 1
    return row[-1] if row[-1] <= most else 0
