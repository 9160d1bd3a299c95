"""Checks of a Reading that can reject it. Pure, cheap, and rather silent than wrong.

Repetition is only believed when it is exact and long: real pages hold rows of zeros, empty forms, dotted leaders and refrains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from document_parser.models import GuardName, PageImage, Reading, WarningCode

TAIL = 6000
PROBE = 16
MOST_CANDIDATES = 64

MARKUP = re.compile(r"<[^<>]{0,200}>|&[a-z]{1,10};")
FILLER = frozenset(" \t\n.-_–—·…0xX|:=*$€£%+,()/")
"""What real pages repeat at length: leaders, rules, blanks, zeros, crossed-out fields."""
ROW_ENDS = ("\n", "</tr>")

INKED = 0.00002
"""A page with less than this share of dark pixels is empty."""
WITNESS_CHARACTERS = 200
WITNESS_WORDS = 20
LEAST_COVERAGE = 0.4
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{3,}")
TABLE_EDGE = re.compile(r"<(/?)table\b", re.IGNORECASE)
TABLE_INSIDE = re.compile(r"<t[rdh]\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a reading is not accepted; ``warning`` is what the page says if it is kept all the same.

    ``empty`` says that the reading has nothing at all in it, which on a page with hardly any ink may be right.
    """

    guard: GuardName
    reason: str
    warning: WarningCode | None = None
    empty: bool = False


@dataclass(frozen=True, slots=True)
class _Loop:
    """The end of a text that repeats with this period; both in characters."""

    period: int
    length: int


def loop_reason(text: str) -> str | None:
    """Why a growing answer should be stopped: its end says the same over and over. None where it does not.

    Looks at the last few thousand characters only, so that it can be asked often.
    """
    loop = _loop_at_end(text[-TAIL:])
    if loop is None:
        return None
    return f"the answer repeats itself: the same {loop.period} characters {loop.length // loop.period} times"


def keep_good_prefix(text: str) -> str:
    """The text before its loop, with what is repeated kept once; the whole text where there is no loop."""
    loop = _loop_at_end(text[-TAIL:])
    if loop is None:
        return text
    return text[: len(text) - _repeated_length(text, loop.period) + loop.period].rstrip()


def judge(reading: Reading, image: PageImage | None, witness: str) -> Rejection | None:
    """Why this reading of the picture is not to be believed; None where nothing speaks against it.

    ``witness`` is text that is known to stand on the page, or "" where none is known.
    """
    return _unfinished(reading) or _broken_tags(reading.text) or _empty(reading, image) or _uncovered(reading, witness)


def _unfinished(reading: Reading) -> Rejection | None:
    match reading.finish_reason:
        case "length":
            return Rejection("length", "the answer was cut at its greatest length", "truncated")
        case "aborted":
            return Rejection("aborted", "the model server broke the answer off", "truncated")
        case "loop":
            return Rejection("loop", loop_reason(reading.text) or "the answer repeats itself", "loop_cut")
    loop = loop_reason(reading.text)
    return Rejection("loop", loop, "loop_cut") if loop else None


def _broken_tags(text: str) -> Rejection | None:
    """Markup still open at the end: the answer is not whole, whatever its finish reason says."""
    open_tables: list[int] = []
    for edge in TABLE_EDGE.finditer(text):
        if not edge[1]:
            open_tables.append(edge.end())
        elif open_tables:
            open_tables.pop()
    if open_tables and TABLE_INSIDE.search(text, open_tables[-1]):
        return Rejection("broken_tags", "a table of the answer has no end")
    if any(text.rfind(f"<|{name}|>") > text.rfind(f"<|/{name}|>") for name in ("ref", "det")):
        return Rejection("broken_tags", "the answer ends within a tag")
    return None


def _empty(reading: Reading, image: PageImage | None) -> Rejection | None:
    inked = image is not None and image.ink >= INKED
    if not inked or any(block.kind == "figure" for block in reading.blocks):
        return None
    seen = any(character.isalnum() for text in _texts(reading) for character in text)
    return None if seen else Rejection("empty", "nothing was read on a page that is not empty", "low_coverage", empty=True)


def _uncovered(reading: Reading, witness: str) -> Rejection | None:
    if len(witness) <= WITNESS_CHARACTERS:
        return None
    known = _words(witness)
    if len(known) < WITNESS_WORDS:
        return None
    covered = len(known & _words("\n".join(_texts(reading)))) / len(known)
    if covered >= LEAST_COVERAGE:
        return None
    return Rejection("coverage", f"only {covered:.0%} of the words known to be on the page were read", "low_coverage")


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.casefold()))


def _texts(reading: Reading) -> Iterator[str]:
    for block in reading.blocks:
        yield block.text
        if block.table is not None:
            yield from (cell.text for cell in block.table.cells)
    yield from (word.text for word in reading.words)


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
    # About two hundred tokens: four letters each, or one character each in writing without an alphabet.
    return length >= (800 if unit.isascii() else 300) and repeats >= (8 if len(unit) <= 100 else 5)


def _turned(unit: str) -> str:
    """The unit begun at its first tag, so that no tag is cut in two."""
    start = max(unit.find("<"), 0)
    return unit[start:] + unit[:start]
