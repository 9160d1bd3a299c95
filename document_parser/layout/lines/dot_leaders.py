"""Merge the dots between a title and its page number in tables of contents, so that they do not form columns of dots."""

from __future__ import annotations

import re
from collections.abc import Sequence

from document_parser.layout.lines.lines import lines_of
from document_parser.models import Word

MIN_DOTS = 5
"""Dots of a leader, at least."""
MAX_STEP_EM = 2.5
"""Font sizes from one dot to the next, at most."""
MAX_PAGE_NUMBER_CHARACTERS = 6
"""Characters of a page number, at most, roman ones included."""

LEADER = re.compile(r"[.·…]+(?: [.·…]+)*")
"""The text of a leader: its dots with spaces between them."""
_DOTS = re.compile(r"[.·…]+")


def merge_dot_leaders(words: Sequence[Word]) -> list[Word]:
    """Return the words with the dots of each leader merged into one word that spans the gap between title and page number.

    Lengths are in points.
    """
    dots = [word for word in words if _DOTS.fullmatch(word.text)]
    if len(dots) < MIN_DOTS:
        return list(words)
    rows = {id(dot): number for number, line in enumerate(lines_of(dots)) for dot in line.words}
    leaders: dict[int, Word] = {}
    gone: set[int] = set()
    for number in set(rows.values()):
        for run in _split_runs([dot for dot in dots if rows[id(dot)] == number]):
            leaders[id(run[0])] = _merge_leader(run, words)
            gone |= {id(dot) for dot in run[1:]}
    return [leaders.get(id(word), word) for word in words if id(word) not in gone]


def _split_runs(dots: Sequence[Word]) -> list[list[Word]]:
    """Split the dots of one row at wide gaps. Return only runs of at least :data:`MIN_DOTS` dots, each a word of its own."""
    runs: list[list[Word]] = []
    for dot in sorted(dots, key=lambda dot: dot.left):
        if runs and dot.left - runs[-1][-1].right < MAX_STEP_EM * max(dot.size_points, dot.bottom - dot.top):
            runs[-1].append(dot)
        else:
            runs.append([dot])
    return [run for run in runs if len(run) >= MIN_DOTS]


def _merge_leader(run: Sequence[Word], words: Sequence[Word]) -> Word:
    """Return one word for a run of dots, from the word before it to the page number after it."""
    first, last = run[0], run[-1]
    middle, size = (first.top + first.bottom) / 2, max(first.size_points, 4.0)
    row = [word for word in words if word.top - 0.5 * size < middle < word.bottom + 0.5 * size]
    beside = [word for word in row if not _DOTS.fullmatch(word.text)]
    left = max((word.right for word in beside if word.right <= first.left + 1), default=first.left)
    number = min((word for word in beside if word.left >= last.right - 1), key=lambda word: word.left, default=last)
    right = number.left if len(number.text) <= MAX_PAGE_NUMBER_CHARACTERS else last.right
    text = " ".join(dot.text for dot in run)
    return first._replace(text=text, left=min(first.left, left + 0.3 * size), right=max(last.right, right - 0.3 * size))
