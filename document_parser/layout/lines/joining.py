"""Join words and lines to running text: spaces, hyphens at line ends, writing from right to left."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby, pairwise

from document_parser.layout.formulas.inline import FormulaRun, split_into_runs
from document_parser.layout.formulas.latex import join_latex
from document_parser.models import Word
from document_parser.text.direction import has_right_to_left

MAX_WORD_GAP_EM = 0.08
"""Font sizes between two runs of one word that is set in two fonts; at a larger gap they are two words."""
MAX_RAISED_GAP_EM = 0.15
"""The same if one of the runs is smaller (a footnote's number, an index) or closes the text before it."""

MAX_GAP_BEFORE_STOP_EM = 0.2
"""The same between a raised or lowered number and a stop, both of which have white of their own."""
_SCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")
"""Raised and lowered numbers, which are merged with the word before them."""

CHECK_BOXES = frozenset("☐☑☒")
"""Characters of check boxes, empty and checked. A space always separates them from their label."""

# Excludes the hyphens of ranges and signs: a letter precedes, and a lower-case letter must follow.
_BROKEN = re.compile(r"(?:^|.*[\s(\[\"'“„])?(?P<head>\S*?[^\W\d_])[-\u00ad\u2010]$", re.DOTALL)
# Before a capital letter or a number, a hyphen at a line's end is the word's own.
_COMPOUND = re.compile(r"[^\W\d_]-$")
_HYPHENS = "-\u00ad\u2010"
_KEPT_PREFIXES = frozenset(["all", "cross", "ex", "half", "long", "low", "high", "non", "quasi", "self", "short", "well"])
_STOPS = re.compile(r"(?:[,;:!?]+|[.](?!\d))(?=.*\w)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BEFORE_CJK = "\u2e7f"
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


Part = tuple[str, Word | None]
"""A piece of a line's text, and the word it comes from; None for spaces and formulas."""


def join_words(words: Sequence[Word]) -> str:
    """Return the text of one line. ``words`` are ordered from left to right; formulas become LaTeX between dollar signs."""
    return "".join([text for text, _ in parts_of_line(words)])


def parts_of_line(words: Sequence[Word]) -> list[Part]:
    """Return the text of one line in pieces, in reading order. ``words`` are in points, ordered from left to right."""
    ordered = _order_as_read(words)
    if not ordered:
        return []
    parts: list[Part] = []
    before: Word | None = None
    for run in split_into_runs(ordered) if any(word.math for word in ordered) else [ordered]:
        if before is not None and _needs_space(before, run[0]):
            parts.append((" ", None))
        if isinstance(run, FormulaRun):
            parts.append((f"${join_latex(run)}$", None))
        else:
            _add_plain(parts, run)
        before = run[-1]
    return parts


def _add_plain(parts: list[Part], words: Sequence[Word]) -> None:
    """Append words and the spaces between them as parts."""
    parts.append((words[0].text, words[0]))
    for before, word in pairwise(words):
        if _is_far(before, word) or _needs_space(before, word):
            parts.append((" ", None))
        parts.append((word.text, word))


def _is_far(before: Word, word: Word) -> bool:
    """Return whether two words are as far apart as no parts of one word are: a cheap sign that a space separates them."""
    size, size_before = word.size_points, before.size_points
    larger = size if size > size_before else size_before
    return word.left - before.right >= MAX_GAP_BEFORE_STOP_EM * larger and word.text[0] <= _BEFORE_CJK


def _needs_space(before: Word, word: Word) -> bool:
    """Return whether a space separates two neighbouring words. Without known font sizes it always does, except between CJK."""
    gap = max(before.left, word.left) - min(before.right, word.right)
    size = word.size_points
    if word.text[0] > _BEFORE_CJK and is_cjk(before.text[-1]) and is_cjk(word.text):
        return gap > (size or word.bottom - word.top)
    if size <= 0 or before.size_points <= 0 or before.text in CHECK_BOXES or word.text in CHECK_BOXES:
        return True
    larger = max(size, before.size_points)
    return not -0.5 * larger < gap < _widest_gap(before, word) * larger


def _widest_gap(before: Word, word: Word) -> float:
    """Return the widest gap between two runs of one word, in font sizes."""
    raised = before.text[-1] in _SCRIPTS
    stop = word.text[0] in ",.;:!?)]"
    if raised and stop:
        return MAX_GAP_BEFORE_STOP_EM
    other_size = abs(word.size_points - before.size_points) > 0.15 * word.size_points
    return MAX_RAISED_GAP_EM if other_size or stop or raised else MAX_WORD_GAP_EM


_is_page_backwards: ContextVar[bool] = ContextVar("page_backwards", default=False)


@contextmanager
def read_as_page_of(words: Iterable[Word]) -> Iterator[None]:
    """Read lines that hold both directions in that of most of the page's ``words``, while one page is laid out."""
    token = _is_page_backwards.set(is_right_to_left(words))
    try:
        yield
    finally:
        _is_page_backwards.reset(token)


def is_right_to_left(words: Iterable[Word]) -> bool:
    """Return whether most letters belong to a script that is written from right to left."""
    texts = [word.text for word in words]
    if not has_right_to_left("".join(texts)):
        return False
    score = 0
    for text in texts:
        if not text.isascii():
            score += sum(_direction_of(character) for character in text)
        else:
            score -= sum(map(str.isalpha, text))  # digits stand in lines of both directions
    return score > 0


def _direction_of(character: str) -> int:
    """Return 1 for a character written from right to left, -1 for one from left to right, else 0."""
    kind = unicodedata.bidirectional(character)
    return 1 if kind in {"R", "AL"} else -1 if kind == "L" else 0


def _order_as_read(words: Sequence[Word]) -> list[Word]:
    """Return words in reading order: foreign runs inside a line keep their own direction."""
    if not has_right_to_left("".join([word.text for word in words])):
        return list(words)
    backwards = is_right_to_left(words) or (_is_page_backwards.get() and any(has_right_to_left(word.text) for word in words))
    ordered: list[Word] = []
    for foreign, group in groupby(reversed(words) if backwards else words, key=lambda word: _is_foreign(word, backwards)):
        run = list(group)
        ordered += run if not foreign else _move_stops(run[::-1]) if backwards else reversed(run)
    return ordered


def _move_stops(run: list[Word]) -> list[Word]:
    """Return a foreign run of a line from right to left with the punctuation at its left end behind it, where it is read.

    A bracket there closes one that the run leaves open: by the rules before Unicode 6.3, "ABC (def)" is shown as "(ABC (def".
    """
    first = run[0]
    stops = _STOPS.match(first.text)
    if stops is not None:
        run = [first._replace(text=first.text[stops.end() :]), *run[1:]]
        return [*run[:-1], run[-1]._replace(text=run[-1].text + stops[0])]
    text = "".join(word.text for word in run)
    closing = _CLOSING.get(text[0], "")
    if closing and len(first.text) > 1 and text.count(text[0]) == text.count(closing) + 2:
        run = [first._replace(text=first.text[1:]), *run[1:]]
        return [*run[:-1], run[-1]._replace(text=run[-1].text + closing)]
    return run


def _is_foreign(word: Word, backwards: bool) -> bool:
    """Return whether a word runs against the direction of its line. A unit by itself follows the line, not its number."""
    if backwards and all(unicodedata.category(character) == "Sc" or character in "%٪°" for character in word.text):
        return False
    letters = has_right_to_left(word.text)
    return letters != backwards


def vocabulary_of(words: Iterable[Word]) -> frozenset[str]:
    """Return the words of a page in lower case, as evidence for how a broken word is spelt."""
    return frozenset(token.strip(".,;:!?()[]\"'").lower() for word in words for token in word.text.split())


def join_lines(lines: Iterable[str], known: frozenset[str] = frozenset()) -> str:
    """Join the lines of one paragraph to one line of text, and repair words broken at line ends.

    ``known`` is the page's vocabulary (see :func:`vocabulary`).
    """
    return "".join([kept + between for kept, between in find_line_joins(lines, known)])


def find_line_joins(lines: Iterable[str], known: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Return for each line of a paragraph its remaining text and the text before the next line. Empty lines are left out."""
    joined: list[tuple[str, str]] = []
    for line in filter(None, lines):
        if joined:
            joined[-1] = find_line_join(joined[-1][0], line, known)
        joined.append((line, ""))
    return joined


def find_line_join(above: str, below: str, known: frozenset[str]) -> tuple[str, str]:
    """Return how two lines of a paragraph join: the upper line's remaining text and the text between both lines.

    Neither line may be empty. ``known`` is the page's vocabulary: it decides whether a hyphen at the line's end is the word's
    own.
    """
    if above[-1] in _HYPHENS:
        broken = _BROKEN.match(above[-80:])
        if broken and below[:1].islower():
            whole = above[-1] == "\u00ad" or _is_one_word(broken["head"], below, known)
            return above[:-1], "" if whole else "-"
        if _COMPOUND.search(above[-2:]) and below[:1].isalnum():
            return above, ""
    if is_cjk(above[-1]) and is_cjk(below):
        return above, ""
    return above, " "


def _is_one_word(head: str, line: str, known: frozenset[str]) -> bool:
    """Return whether the hyphen only marks the break. A hyphen is kept if the page, the word itself or its prefix says so."""
    rest = (re.match(r"[^\W\d_]+", line) or [""])[0]
    start, whole = head.lower(), f"{head}{rest}".lower()
    if whole in known:
        return True
    return not (f"{start}-{rest}" in known or "-" in start or start in _KEPT_PREFIXES)


def is_cjk(text: str) -> bool:
    """Return whether a text begins with a Chinese, Japanese or Korean character."""
    return _CJK.match(text) is not None
