"""Find the words that a drawn line strikes out. Lengths are in points of the upright page, origin top left."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from document_parser.layout.lines.units import size_of
from document_parser.models import RulingLine, Word

MAX_THICKNESS_EM = 0.2
"""Height of a strike in font sizes. A highlight or a bar is higher."""
STRIKE_EM = 0.12, 0.48
"""How far above the baseline a strike lies, in font sizes: programs draw it at 0.22 (small letters) to 0.4 (capitals).

Underlines lie below the baseline, lines over a text above 0.7.
"""
STRIKE_SHARE = 0.3, 0.72
"""The same as shares of the height of a word whose baseline is not known, from its top."""
MAX_OVERHANG_EM = 0.7
"""How far a strike may reach over the words that it strikes out, in font sizes. A line of a table reaches further."""
MIN_COVERED_SHARE = 0.6
"""Share of a word's width that a strike covers. Of a longer word a part may be struck out."""
MIN_PART_SHARE = 0.15
"""Share of a word's width from which a part of it may be struck out."""
_LONG_STROKE = "\u0336"
"""The combining character that strikes out the letter before it."""


def mark_struck(words: list[Word], rules: Sequence[RulingLine]) -> tuple[list[Word], list[RulingLine]]:
    """Return the words, those struck out marked so, and the lines that strike out none.

    A line strikes out words if it runs through them and ends with them.
    """
    words = [word if word.text.isascii() else _without_strokes(word) for word in words]
    thin = [rule for rule in rules if rule.right - rule.left > 2 * (rule.bottom - rule.top)]
    if not thin:
        return words, list(rules)
    order = sorted(range(len(words)), key=lambda place: words[place].top)
    tops = [words[place].top for place in order]
    tallest = max((word.bottom - word.top for word in words), default=0.0)
    struck: dict[int, list[RulingLine]] = {}
    used: set[int] = set()
    for rule in thin:
        middle = (rule.top + rule.bottom) / 2
        near = order[bisect_left(tops, middle - tallest) : bisect_right(tops, middle)]
        under = [place for place in near if _runs_through(rule, words[place])]
        if under and _ends_with(rule, [words[place] for place in under]):
            used.add(id(rule))
            for place in under:
                struck.setdefault(place, []).append(rule)
    if not struck:
        return words, list(rules)
    marked = [part for place, word in enumerate(words) for part in _strike(word, struck.get(place, ()))]
    return marked, [rule for rule in rules if id(rule) not in used]


def _without_strokes(word: Word) -> Word:
    """Return a word whose letters are struck out by combining characters as a struck-out word without these."""
    if _LONG_STROKE not in word.text:
        return word
    return word._replace(text=word.text.replace(_LONG_STROKE, "") or word.text, struck=True)


def _runs_through(rule: RulingLine, word: Word) -> bool:
    """Return whether a line runs through a word at the height of a strike, over a part of it at least.

    Boxes of OCR are no measure of that: lines of a table touch them.
    """
    if word.size_points <= 0:
        return False
    across = min(rule.right, word.right) - max(rule.left, word.left)
    if across < MIN_PART_SHARE * (word.right - word.left) or across <= 0:
        return False
    size, middle = size_of(word), (rule.top + rule.bottom) / 2
    if rule.bottom - rule.top > MAX_THICKNESS_EM * size:
        return False
    if word.baseline:
        return STRIKE_EM[0] * size <= word.baseline - middle <= STRIKE_EM[1] * size
    height = word.bottom - word.top
    return STRIKE_SHARE[0] * height <= middle - word.top <= STRIKE_SHARE[1] * height


def _ends_with(rule: RulingLine, words: Sequence[Word]) -> bool:
    """Return whether a line reaches hardly over the words that it runs through."""
    reach = MAX_OVERHANG_EM * max(map(size_of, words))
    return min(word.left for word in words) - reach <= rule.left and rule.right <= max(word.right for word in words) + reach


def _strike(word: Word, rules: Sequence[RulingLine]) -> Iterator[Word]:
    """Yield a word with its struck-out part marked: all of it, or letters estimated by their share of its width."""
    if not rules:
        yield word
        return
    width = max(word.right - word.left, 1e-6)
    start = max(0.0, (min(rule.left for rule in rules) - word.left) / width)
    end = min(1.0, (max(rule.right for rule in rules) - word.left) / width)
    first, last = _nearest_edge(word.text, start), _nearest_edge(word.text, end)
    if (first, last) == (0, len(word.text)) or first >= last:
        yield word._replace(struck=True) if end - start >= MIN_COVERED_SHARE else word
        return
    letter = width / len(word.text)
    for begin, stop, is_struck in ((0, first, False), (first, last, True), (last, len(word.text), False)):
        if begin < stop:
            left, right = word.left + begin * letter, word.left + stop * letter
            yield word._replace(text=word.text[begin:stop], left=left, right=right, struck=is_struck)


def _nearest_edge(text: str, share: float) -> int:
    """Return the place in a word, between letters and other characters or at its ends, that is next to a share of its width.

    Letters are of different widths, so that no place between two letters can be told from a share.
    """
    edges = [0, *(place for place in range(1, len(text)) if text[place - 1].isalnum() != text[place].isalnum()), len(text)]
    return min(edges, key=lambda place: abs(place - share * len(text)))
