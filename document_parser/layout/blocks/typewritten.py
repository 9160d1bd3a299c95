"""Tell listings on a scan by their letters of one width: an OCR names no fonts. Lengths are in points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import mean

from document_parser.layout.lines.lines import lines_of
from document_parser.layout.lines.units import size_of
from document_parser.models import Word

MIN_LINES = 4
"""Lines of a listing, at least."""
MAX_RESIDUAL_CHARACTERS = 0.5
"""Characters by which the width of a line may differ from its number of characters times their width, plus the box's margin.

Lines of proportional letters differ by one to three.
"""
MAX_OFF_GRID_CHARACTERS = 0.35
"""Characters by which an indent may be off a whole number of characters."""
CHARACTER_TO_SIZE_RATIO = 0.35, 0.95
"""Width of a character over the height of its line."""
MIN_SIGN_SHARE = 0.4
"""Share of the lines that have signs as programs have them."""
MAX_PITCH_EM = 3.2
"""Font sizes from one line to the next."""

_SIGNS = re.compile(r"[(){}\[\];=<>_#]|:$|^\W*(?:\"\"\"|//|/\*|\$ )")


def mark_listings(words: list[Word]) -> list[Word]:
    """Return the words of an OCR, those of listings as monospaced, with boxes as wide as their characters."""
    if any(word.size_points > 0 for word in words):
        return words
    rows = [line.words for line in lines_of(words)]
    marked: dict[int, Word] = {}
    start = done = 0
    while start + MIN_LINES <= len(rows):
        end = start
        while end < len(rows) and _goes_on(rows[start : end + 1]):
            end += 1
        run = [row[0] for row in rows[start:end]]
        if len(run) >= MIN_LINES and _is_listing(run):
            while start > done and _goes_on(rows[start - 1 : start + 1]) and _fits(rows[start - 1][0], run):
                start -= 1
                run.insert(0, rows[start][0])
            margin = _fit([len(word.text) for word in run], [word.right - word.left for word in run])[1]
            for word in run:
                half = margin / 2
                marked[id(word)] = word._replace(left=word.left + half, right=word.right - half, mono=True)
            start = done = end
        else:
            start += 1
    return [marked.get(id(word), word) for word in words]


def _goes_on(rows: Sequence[Sequence[Word]]) -> bool:
    """Return whether rows are lines of one run each, close to each other, in letters of one width as far as that shows."""
    if any(len(row) != 1 or not row[0].text.isascii() for row in rows[-2:]):
        return False
    run = [row[0] for row in rows]
    if len(run) > 1 and run[-1].top - run[-2].top > MAX_PITCH_EM * max(size_of(run[-1]), size_of(run[-2])):
        return False
    return len(run) < MIN_LINES or _is_even(run)


def _is_even(run: Sequence[Word]) -> bool:
    """Return whether the widths of lines follow from their numbers of characters."""
    counts, widths = [len(word.text) for word in run], [word.right - word.left for word in run]
    if max(counts) < 1.5 * min(counts):
        return False
    width, margin = _fit(counts, widths)
    low, high = CHARACTER_TO_SIZE_RATIO
    if not low <= width / mean(size_of(word) for word in run) <= high or not -width < margin < 2 * width:
        return False
    off = [abs(wide - count * width - margin) for count, wide in zip(counts, widths, strict=True)]
    return sorted(off)[int(0.8 * len(off))] <= MAX_RESIDUAL_CHARACTERS * width  # now and then the OCR leaves out a character


def _fits(word: Word, run: Sequence[Word]) -> bool:
    """Return whether a line before a listing is as wide as so many of its characters, and begins on their grid."""
    width, margin = _fit([len(other.text) for other in run], [other.right - other.left for other in run])
    indent = abs(word.left - min(other.left for other in run)) / width
    even = abs(word.right - word.left - len(word.text) * width - margin) <= MAX_RESIDUAL_CHARACTERS * width
    return even and abs(indent - round(indent)) <= MAX_OFF_GRID_CHARACTERS


def _is_listing(run: Sequence[Word]) -> bool:
    """Return whether lines have indents on the grid of their characters, more than one, and signs of a program."""
    width, _ = _fit([len(word.text) for word in run], [word.right - word.left for word in run])
    left = min(word.left for word in run)
    indents = [(word.left - left) / width for word in run]
    on_grid = sum(abs(indent - round(indent)) <= MAX_OFF_GRID_CHARACTERS for indent in indents)
    signs = sum(_SIGNS.search(word.text) is not None for word in run)
    several = len({round(indent) for indent in indents}) > 1
    return several and on_grid >= 0.8 * len(run) and signs >= MIN_SIGN_SHARE * len(run)


def _fit(counts: Sequence[int], widths: Sequence[float]) -> tuple[float, float]:
    """Return the width of a character and the margin of a box by least squares."""
    middle, usual = mean(counts), mean(widths)
    spread = sum((count - middle) ** 2 for count in counts)
    if not spread:
        return usual / max(middle, 1), 0.0
    slope = sum((count - middle) * (wide - usual) for count, wide in zip(counts, widths, strict=True)) / spread
    return max(slope, 1e-6), usual - slope * middle
