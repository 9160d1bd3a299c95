"""Detect answers that say the same over and over. Pure, cheap, and rather silent than wrong.

Repetition is only believed if it is exact and long: real pages hold rows of zeros, empty forms, dotted leaders and refrains. A
loop that counts ("1. the same 2. the same") repeats exactly once its numbers are left out; that is believed only if the rest is
words, not a table's cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TAIL_CHARACTERS = 6000
"""Characters at the end of an answer that are searched for a loop."""
PROBE_CHARACTERS = 16
"""Characters at the end of an answer whose earlier occurrences give the candidates for the period."""
MAX_CANDIDATES = 64
"""Candidate periods that are tried at most."""

MARKUP = re.compile(r"<[^<>]{0,200}>|&[a-z]{1,10};")
"""Tags and entities, which are left out before a unit is judged."""
FILLER = frozenset(" \t\n.-_–—·…0xX|:=*$€£%+,()/")
"""What real pages repeat at length: leaders, rules, blanks, zeros, crossed-out fields."""
ROW_ENDS = ("\n", "</tr>")
"""What a unit contains that ends a row of text or of a table."""
LONG_UNIT_CHARACTERS = 300
"""Characters above which a unit is a whole paragraph. Forms and blind text repeat these too; seen five times on a page that was
sound."""

NUMBER = re.compile(r"\d+")
"""What is left out of a text to find a loop that counts."""
BOX = re.compile(r"""<\||\bdata-bbox=|"bbox"|\]\(,""")
"""What the unit of a counting loop has, without its numbers, if each repeat has a box: that of any model's answers."""
MIN_COUNTED_LETTERS = 12
"""Letters that the repeated unit of a counting loop must have."""
MIN_COUNTED_LETTER_SHARE = 0.4
"""Share of letters that the unit must have. Words are mostly letters; a line of a table of contents is not."""
MIN_COUNTED_CHARACTERS = 500
"""Characters that a counting loop must have without its numbers, which are a quarter of its length at most."""
MIN_COUNTED_REPEATS = 8
"""Repeats from which running text that counts is a loop."""
MIN_COUNTED_BOX_REPEATS = 25
"""The same words in boxes that move on: a column of a form may have a dozen."""
MIN_COUNTED_ROW_REPEATS = 60
"""Repeats from which rows of a table that count are a loop."""


@dataclass(frozen=True, slots=True)
class _Loop:
    """The end of a text that repeats with this period; both in characters."""

    period: int
    length: int


def loop_reason(text: str) -> str | None:
    """Return why a growing answer should be stopped: its end says the same over and over. None if it does not.

    Only the last few thousand characters are searched, so that the check can be made often.
    """
    loop = _find_loop(text[-TAIL_CHARACTERS:]) or _find_counting_loop(text[-TAIL_CHARACTERS:])
    if loop is None:
        return None
    return f"the answer repeats itself: the same {loop.period} characters {loop.length // loop.period} times"


def keep_good_prefix(text: str) -> str:
    """Return the text before its loop, with one copy of what is repeated; the whole text if there is no loop."""
    loop = _find_loop(text[-TAIL_CHARACTERS:])
    if loop is None:
        counting = _find_counting_loop(text[-TAIL_CHARACTERS:])
        return text if counting is None else _strip_counting_loop(text, counting)
    return text[: len(text) - _repeated_length(text, loop.period) + loop.period].rstrip()


def _find_loop(tail: str) -> _Loop | None:
    """Return the loop of the shortest period that ends this text and is longer than on real pages; None if there is none."""
    for period in _candidate_periods(tail):
        length = _repeated_length(tail, period)
        if length >= 2 * period and _is_too_much(tail[-period:], length):
            return _Loop(period, length)
    return None


def _candidate_periods(tail: str) -> Iterator[int]:
    """Yield the distances from the last characters back to their earlier occurrences, nearest first."""
    probe = tail[-PROBE_CHARACTERS:]
    place = len(tail) - PROBE_CHARACTERS
    for _ in range(MAX_CANDIDATES):
        found = tail.rfind(probe, 0, place + PROBE_CHARACTERS - 1) if place > 0 else -1
        if found < 0:
            return
        yield len(tail) - PROBE_CHARACTERS - found
        place = found


def _repeated_length(text: str, period: int) -> int:
    """Return how many characters at the end of the text repeat with this period, found by bisection."""
    least, most = 0, len(text) - period
    while least < most:
        middle = (least + most + 1) // 2
        if text[-middle:] == text[-middle - period : -period]:
            least = middle
        else:
            most = middle - 1
    return least + period


def _is_too_much(unit: str, length: int) -> bool:
    """Return whether this unit, repeated over ``length`` characters, is more than real pages hold."""
    repeats = length / len(unit)
    ends_rows = any(end in unit for end in ROW_ENDS)
    if FILLER.issuperset(MARKUP.sub("", _rotate_to_tag(unit))):
        return length >= 1500 and (repeats >= 60 or length >= 5000) if ends_rows else length >= 1000 and repeats >= 80
    if "<td" in unit or "<th" in unit:
        return length >= 1600 and repeats >= 12
    # Less than two hundred tokens: four letters each, or one character each in writing without an alphabet.
    most = 8 if len(unit) <= 100 or len(unit) > LONG_UNIT_CHARACTERS else 5
    return length >= (600 if unit.isascii() else 300) and repeats >= most


def _rotate_to_tag(unit: str) -> str:
    """Return the unit rotated to begin at its first tag, so that no tag is cut in two."""
    start = max(unit.find("<"), 0)
    return unit[start:] + unit[:start]


def _find_counting_loop(tail: str) -> _Loop | None:
    """Return a loop in which nothing changes but numbers, or None. Its lengths are those of the text without them."""
    if not NUMBER.search(tail[-TAIL_CHARACTERS // 10 :]):
        return None
    bare = NUMBER.sub("", tail)
    for period in _candidate_periods(bare):
        length = _repeated_length(bare, period)
        if length >= 2 * period and _is_counting(bare[-period:], length):
            return _Loop(period, length)
    return None


def _is_counting(unit: str, length: int) -> bool:
    """Return whether this unit, repeated over ``length`` characters without numbers, is words that count and no real list."""
    bare = MARKUP.sub("", _rotate_to_tag(unit))
    letters = sum(map(str.isalpha, bare))
    if letters < max(MIN_COUNTED_LETTERS, MIN_COUNTED_LETTER_SHARE * len(bare)) or length < MIN_COUNTED_CHARACTERS:
        return False
    boxed = BOX.search(unit + unit) is not None
    in_table = "<t" in unit or ("|" in unit and not boxed)
    return length / len(unit) >= (
        MIN_COUNTED_ROW_REPEATS if in_table else MIN_COUNTED_BOX_REPEATS if boxed else MIN_COUNTED_REPEATS
    )


def _strip_counting_loop(text: str, loop: _Loop) -> str:
    """Return the text up to where a counting loop begins to repeat; its first round is kept."""
    looping = loop.length - loop.period
    place = len(text)
    while place and looping:
        place -= 1
        looping -= not text[place].isdigit()
    return text[:place].rstrip("0123456789").rstrip()
