"""Find the words of a line that form a formula within its text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from document_parser.layout.formulas.latex import FUNCTIONS, Latex
from document_parser.models import Word

MAX_EXPRESSION_GAP_EM = 0.3
"""Font sizes between two words of one expression: words closer than this belong together."""

_NEUTRAL = re.compile(r"[\d.,:;()\[\]{}|/+\-−=<>*!'%…·×±≤≥≈→′]+")
_STOPS = re.compile(r"[.,:;…]+")
_OPERATOR = re.compile(r"[=<>+\-−*/·×±≤≥≈→∈⊂∼,(\[{|]$")
_OPERATOR_FIRST = re.compile(r"[=<>+\-−*/·×±≤≥≈→∈⊂∼)\]}|]")
_ALONE = re.compile(r"\$(?P<body>[^$]{3,})\$\s?(?P<stop>[.,;])?(?:\s+\((?P<number>[A-Z]?\d{1,3}(?:\.\d{1,3}){0,2}[a-z]?)\))?")
_OPENING = {")": "(", "]": "[", "}": "{"}
_CLOSING = {opening: closing for closing, opening in _OPENING.items()}


class FormulaRun(list[Word]):
    """Neighbouring words that form one formula."""


def split_into_runs(words: Sequence[Word]) -> list[list[Word]]:
    """Split the words of a line into runs of text and runs of formula, the latter as :class:`FormulaRun`.

    ``words`` are in points and in reading order. Every word is in exactly one run.
    """
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
    """Append words to the last run if that is text, else as a new run."""
    if not words:
        return
    if runs and not isinstance(runs[-1], FormulaRun):
        runs[-1].extend(words)
    else:
        runs.append(list(words))


def _may_belong(word: Word) -> bool:
    """Return whether a word can be part of a formula: in a formula font, a function, signs, or one or two italic letters."""
    if word.math or word.text in FUNCTIONS or _NEUTRAL.fullmatch(word.text):
        return True
    return word.italic and len(word.text) <= 2 and word.text.isalpha()


def _is_core(word: Word) -> bool:
    """Return whether a word makes a formula of its run: a letter in a formula font, or LaTeX that was put together."""
    return isinstance(word, Latex) or (word.math and any(character.isalpha() for character in word.text))


def _trim_run(words: Sequence[Word], start: int, end: int) -> tuple[int, int] | None:
    """Return the range of a run without stops, numbers and brackets of the sentence around it. None if no formula is left."""
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
    """Return whether two neighbouring words belong to one expression: they are close, or an operator joins them."""
    return _is_close(before, word) or _OPERATOR.search(before.text) is not None or _OPERATOR_FIRST.match(word.text) is not None


def _is_continuation(before: Word, word: Word) -> bool:
    """Return whether a word continues the expression before it; a function name always does."""
    return _is_connected(before, word) or word.text in FUNCTIONS


def _is_close(before: Word, word: Word) -> bool:
    """Return whether the gap between two words is less than :data:`MAX_EXPRESSION_GAP_EM`."""
    return word.left - before.right < MAX_EXPRESSION_GAP_EM * max(word.size_points, before.size_points)


def _drop_unbalanced_brackets(words: Sequence[Word], first: int, last: int, cores: Sequence[int]) -> tuple[int, int]:
    """Return the range without brackets at its ends that have no partner inside: they belong to the sentence."""
    text = "".join(word.text for word in words[first:last])
    if (
        first < cores[0]
        and words[first].text in _CLOSING
        and text.count(words[first].text) > text.count(_CLOSING[words[first].text])
    ):
        first += 1
    closing = words[last - 1].text[:1]
    if last - 1 > cores[-1] and closing in _OPENING and text.count(closing) > text.count(_OPENING[closing]):
        last -= 1
    return first, last


def is_formula(text: str) -> bool:
    """Return whether a line is only a formula between dollar signs, apart from its number and a stop."""
    return _ALONE.fullmatch(text) is not None


def formula_of(text: str) -> str:
    """Return the LaTeX of lines that are formulas, without dollar signs, numbers as tags. Other lines are left out."""
    matches = (_ALONE.fullmatch(line) for line in text.split("\n"))
    return " ".join(_display_latex(match) for match in matches if match)


def _display_latex(match: re.Match[str]) -> str:
    """Return the LaTeX of one matched line, with its stop and its number as a tag."""
    number = match["number"]
    return match["body"] + (match["stop"] or "") + (f"\\tag{{{number}}}" if number else "")
