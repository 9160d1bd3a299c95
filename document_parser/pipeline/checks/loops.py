"""Answers that say the same over and over. Pure, cheap, and rather silent than wrong.

Repetition is only believed when it is exact and long: real pages hold rows of zeros, empty forms, dotted leaders and refrains.
A loop that counts ("1. the same 2. the same") repeats exactly once its numbers are left out; that is believed only where the
rest is words, not a table's cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TAIL = 6000
PROBE = 16
MOST_CANDIDATES = 64

MARKUP = re.compile(r"<[^<>]{0,200}>|&[a-z]{1,10};")
FILLER = frozenset(" \t\n.-_–—·…0xX|:=*$€£%+,()/")
"""What real pages repeat at length: leaders, rules, blanks, zeros, crossed-out fields."""
ROW_ENDS = ("\n", "</tr>")
LONG_UNIT = 300
"""Whole paragraphs are repeated by forms and by blind text too; seen five times on a page that was sound."""

NUMBER = re.compile(r"\d+")
COUNTED_LETTERS = 12
COUNTED_SHARE = 0.4
"""Words are mostly letters; a line of a table of contents is not."""
COUNTED_LENGTH = 500
"""Without its numbers, which are a quarter of a counting loop's length at most."""
COUNTED_REPEATS = 8
COUNTED_BOXES = 25
"""The same words in boxes that move on: a column of a form may have a dozen."""
COUNTED_ROWS = 60


@dataclass(frozen=True, slots=True)
class _Loop:
    """The end of a text that repeats with this period; both in characters."""

    period: int
    length: int


def loop_reason(text: str) -> str | None:
    """Why a growing answer should be stopped: its end says the same over and over. None where it does not.

    Looks at the last few thousand characters only, so that it can be asked often.
    """
    loop = _loop_at_end(text[-TAIL:]) or _counting_loop(text[-TAIL:])
    if loop is None:
        return None
    return f"the answer repeats itself: the same {loop.period} characters {loop.length // loop.period} times"


def keep_good_prefix(text: str) -> str:
    """The text before its loop, with what is repeated kept once; the whole text where there is no loop."""
    loop = _loop_at_end(text[-TAIL:])
    if loop is None:
        counting = _counting_loop(text[-TAIL:])
        return text if counting is None else _until_it_counts(text, counting)
    return text[: len(text) - _repeated_length(text, loop.period) + loop.period].rstrip()


def _loop_at_end(tail: str) -> _Loop | None:
    """The shortest period with which this text ends for longer than a real page would."""
    for period in _candidate_periods(tail):
        length = _repeated_length(tail, period)
        if length >= 2 * period and _is_too_much(tail[-period:], length):
            return _Loop(period, length)
    return None


def _candidate_periods(tail: str) -> Iterator[int]:
    """Distances from the last characters back to where they stood before, nearest first."""
    probe = tail[-PROBE:]
    place = len(tail) - PROBE
    for _ in range(MOST_CANDIDATES):
        found = tail.rfind(probe, 0, place + PROBE - 1) if place > 0 else -1
        if found < 0:
            return
        yield len(tail) - PROBE - found
        place = found


def _repeated_length(text: str, period: int) -> int:
    """How many characters at the end of the text repeat with this period, found by halving."""
    least, most = 0, len(text) - period
    while least < most:
        middle = (least + most + 1) // 2
        if text[-middle:] == text[-middle - period : -period]:
            least = middle
        else:
            most = middle - 1
    return least + period


def _is_too_much(unit: str, length: int) -> bool:
    """Whether this unit over so many characters is more than real pages hold."""
    repeats = length / len(unit)
    ends_rows = any(end in unit for end in ROW_ENDS)
    if FILLER.issuperset(MARKUP.sub("", _turned(unit))):
        return length >= 1500 and (repeats >= 60 or length >= 5000) if ends_rows else length >= 1000 and repeats >= 80
    if "<td" in unit or "<th" in unit:
        return length >= 1600 and repeats >= 12
    # Less than two hundred tokens: four letters each, or one character each in writing without an alphabet.
    most = 8 if len(unit) <= 100 or len(unit) > LONG_UNIT else 5
    return length >= (600 if unit.isascii() else 300) and repeats >= most


def _turned(unit: str) -> str:
    """The unit begun at its first tag, so that no tag is cut in two."""
    start = max(unit.find("<"), 0)
    return unit[start:] + unit[:start]


def _counting_loop(tail: str) -> _Loop | None:
    """A loop in which nothing changes but numbers. Lengths are those of the text without them."""
    if not NUMBER.search(tail[-TAIL // 10 :]):
        return None
    bare = NUMBER.sub("", tail)
    for period in _candidate_periods(bare):
        length = _repeated_length(bare, period)
        if length >= 2 * period and _is_counting(bare[-period:], length):
            return _Loop(period, length)
    return None


def _is_counting(unit: str, length: int) -> bool:
    bare = MARKUP.sub("", _turned(unit))
    letters = sum(map(str.isalpha, bare))
    if letters < max(COUNTED_LETTERS, COUNTED_SHARE * len(bare)) or length < COUNTED_LENGTH:
        return False
    boxed = "<|" in unit
    in_table = "<t" in unit or ("|" in unit and not boxed)
    return length / len(unit) >= (COUNTED_ROWS if in_table else COUNTED_BOXES if boxed else COUNTED_REPEATS)


def _until_it_counts(text: str, loop: _Loop) -> str:
    """The text up to where a counting loop begins to repeat, its first round kept."""
    looping = loop.length - loop.period
    place = len(text)
    while place and looping:
        place -= 1
        looping -= not text[place].isdigit()
    return text[:place].rstrip("0123456789").rstrip()
