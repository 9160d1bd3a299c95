"""Which words of a line make a formula within its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from document_parser.layout.formulas.latex import FUNCTIONS, Latex
from document_parser.models import Word

MAX_EXPRESSION_GAP_EM = 0.3
"""Words closer than this share of the font size belong to one expression."""

_NEUTRAL = re.compile(r"[\d.,:;()\[\]{}|/+\-−=<>*!'%…·×±≤≥≈→′]+")
_STOPS = re.compile(r"[.,:;…]+")
_OPERATOR = re.compile(r"[=<>+\-−*/·×±≤≥≈→∈⊂∼,(\[{|]$")
_OPERATOR_FIRST = re.compile(r"[=<>+\-−*/·×±≤≥≈→∈⊂∼)\]}|]")
_ALONE = re.compile(r"\$(?P<body>[^$]{3,})\$\s?(?P<stop>[.,;])?(?:\s+\((?P<number>[A-Z]?\d{1,3}(?:\.\d{1,3}){0,2}[a-z]?)\))?")
_OPENING = {")": "(", "]": "[", "}": "{"}
_CLOSING = {opening: closing for closing, opening in _OPENING.items()}


class FormulaRun(list[Word]):
    """Neighbouring words that are one formula."""


def split_into_runs(words: Sequence[Word]) -> list[list[Word]]:
    """The words of a line, cut into runs of text and runs of formula."""
    runs: list[list[Word]] = []
    start = 0
    while start < len(words):
        end = start
        while end < len(words) and _may_belong(words[end]):
            end += 1
        found = _trim_run(words, start, end) if end > start else None
        if found is None:
            end = max(end, start + 1)
            _add_text(runs, words[start:end])
        else:
            first, last = found
            _add_text(runs, words[start:first])
            runs.append(FormulaRun(words[first:last]))
            _add_text(runs, words[last:end])
        start = end
    return runs


def _add_text(runs: list[list[Word]], words: Sequence[Word]) -> None:
    if not words:
        return
    if runs and not isinstance(runs[-1], FormulaRun):
        runs[-1].extend(words)
    else:
        runs.append(list(words))


def _may_belong(word: Word) -> bool:
    if word.math or word.text in FUNCTIONS or _NEUTRAL.fullmatch(word.text):
        return True
    return word.italic and len(word.text) <= 2 and word.text.isalpha()


def _is_core(word: Word) -> bool:
    """What makes a formula of a run: a letter in a font for formulas, or something that was put together."""
    return isinstance(word, Latex) or (word.math and any(character.isalpha() for character in word.text))


def _trim_run(words: Sequence[Word], start: int, end: int) -> tuple[int, int] | None:
    """The run without what only stands beside it: stops, numbers, brackets of the sentence. None where no formula is left."""
    cores = [index for index in range(start, end) if _is_core(words[index])]
    if not cores:
        return None
    first, last = cores[0], cores[-1] + 1
    while first > start and _is_connected(words[first - 1], words[first]):
        first -= 1
    while last < end and _is_continuation(words[last - 1], words[last]):
        last += 1
    while last - 1 > cores[-1] and (_STOPS.fullmatch(words[last - 1].text) or words[last - 1].text in "([{"):
        last -= 1
    while first < cores[0] and (_STOPS.fullmatch(words[first].text) or words[first].text in ")]}"):
        first += 1
    return _drop_unbalanced_brackets(words, first, last, cores)


def _is_connected(before: Word, word: Word) -> bool:
    return _is_close(before, word) or _OPERATOR.search(before.text) is not None or _OPERATOR_FIRST.match(word.text) is not None


def _is_continuation(before: Word, word: Word) -> bool:
    return _is_connected(before, word) or word.text in FUNCTIONS


def _is_close(before: Word, word: Word) -> bool:
    return word.left - before.right < MAX_EXPRESSION_GAP_EM * max(word.size_points, before.size_points)


def _drop_unbalanced_brackets(words: Sequence[Word], first: int, last: int, cores: Sequence[int]) -> tuple[int, int]:
    """Brackets at the ends that have no partner inside belong to the sentence."""
    text = "".join(word.text for word in words[first:last])
    if (
        first < cores[0]
        and words[first].text in "([{"
        and text.count(words[first].text) > text.count(_CLOSING[words[first].text])
    ):
        first += 1
    closing = words[last - 1].text[:1]
    if last - 1 > cores[-1] and closing in _OPENING and text.count(closing) > text.count(_OPENING[closing]):
        last -= 1
    return first, last


def is_formula(text: str) -> bool:
    """Whether a line is a formula and nothing else, but for its number and a stop."""
    return _ALONE.fullmatch(text) is not None


def formula_of(text: str) -> str:
    """The LaTeX of lines that are formulas, without dollar signs, their numbers as tags."""
    matches = (_ALONE.fullmatch(line) for line in text.split("\n"))
    return " ".join(_display_latex(match) for match in matches if match)


def _display_latex(match: re.Match[str]) -> str:
    number = match["number"]
    return match["body"] + (match["stop"] or "") + (f"\\tag{{{number}}}" if number else "")
