"""Amounts, dates and identifiers: what must not differ by a digit between a reading and its witness."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

LEAST_DIGITS = 3
"""Shorter numbers are counts, marks and list numbers; readers set them differently."""
MOST_SHOWN = 5
NEAR = 2
"""Digits by which a number may differ from the one it was misread from."""

_NUMBER_OR_WORD = re.compile(r"(\d(?:[\d.,:/'’·-]{0,40}\d)?)|[^\W\d_]{2,}")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that was read where the witness has another one."""

    read: str
    known: str

    def __str__(self) -> str:
        return f"{self.read} (witness: {self.known})"


def differences(read: Sequence[str], known: Sequence[str]) -> list[Difference]:
    """The numbers of the texts read that stand in none of the known ones, each with the number it was likely misread from.

    That is a number which the reading lacks, and which differs by a digit or two or follows the same word. One written with
    other separators, or broken or joined at a space, is no difference; nor is one without such a counterpart, for it may stand
    in a picture that the witness does not read. A number that was read more often than it stands there counts as unknown.
    """
    ours, theirs = _found(read), _found(known)
    known_digits = _with_joins([number.digits for number in theirs])
    read_digits = _with_joins([number.digits for number in ours])
    missing = [number for number in theirs if len(number.digits) >= LEAST_DIGITS and number.digits not in read_digits]
    budget = Counter(number.digits for number in theirs)
    result = []
    for number in ours:
        once_too_often = number.digits in budget and budget[number.digits] == 0
        budget[number.digits] -= number.digits in budget and not once_too_often
        if len(number.digits) < LEAST_DIGITS or (_is_known(number.digits, known_digits) and not once_too_often):
            continue
        counterpart = _counterpart(number, missing)
        if counterpart is not None:
            missing.remove(counterpart)
            result.append(Difference(number.shown, counterpart.shown))
    return result


def describe_differences(found: Sequence[Difference]) -> str:
    """The differences in a sentence for the page's warning."""
    shown = ", ".join(map(str, found[:MOST_SHOWN]))
    more = f" and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return f"Numbers differ between the readers of the page: {shown}{more}."


class _Number(NamedTuple):
    """A number as it is written, its digits, and the word before it."""

    shown: str
    digits: str
    before: str


def _found(texts: Iterable[str]) -> list[_Number]:
    """All numbers, in order."""
    found = []
    before = ""
    for match in _NUMBER_OR_WORD.finditer(unicodedata.normalize("NFKC", " ".join(texts))):
        if match[1] is None:
            before = match[0].casefold()
        else:
            found.append(_Number(match[0], _digits(match[0]), before))
    return found


def _digits(text: str) -> str:
    return "".join(str(int(digit)) for run in _DIGITS.findall(text) for digit in run)


def _with_joins(digits: Sequence[str]) -> set[str]:
    """The numbers themselves and what two or three of them make in a row: thousands may stand apart."""
    known = set(digits)
    known.update(first + second for first, second in pairwise(digits))
    known.update(a + b + c for a, b, c in zip(digits, digits[1:], digits[2:], strict=False))
    return known


def _is_known(digits: str, known: set[str]) -> bool:
    """Whether the number stands there, or is two known ones written without a space between."""
    if digits in known:
        return True
    cuts = range(LEAST_DIGITS, len(digits) - LEAST_DIGITS + 1)
    return any(digits[:cut] in known and digits[cut:] in known for cut in cuts)


def _counterpart(number: _Number, missing: Sequence[_Number]) -> _Number | None:
    """Of the numbers that the reading lacks, the one it was most likely misread from."""
    near = [(distance, other) for other in missing if (distance := _distance(number.digits, other.digits))]
    if near:
        return min(near)[1]
    alike = (other for other in missing if number.before and other.before == number.before)
    return next(alike, None)


def _distance(first: str, second: str) -> int:
    """Digits changed, dropped or doubled; 0 where the numbers are too far apart to be readings of one."""
    if abs(len(first) - len(second)) > NEAR or len(second) < LEAST_DIGITS:
        return 0
    row = list(range(len(second) + 1))
    for place, digit in enumerate(first, start=1):
        above, row[0] = row[0], place
        for column, other in enumerate(second, start=1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (digit != other))
    most = NEAR if len(second) > 4 else 1
    return row[-1] if row[-1] <= most else 0
