"""Rebuild fractions, roots, limits, indices and powers of a text layer from the bars, sizes and baselines that show them.

Only pages with formula fonts are examined; raised and lowered numbers of plain text are handled separately. Each
two-dimensional part of a formula becomes one word on its line, written as LaTeX, so that lines, columns and reading order come
out as if it were flat. Lengths are in points.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

from document_parser.layout.formulas.latex import OPERATORS_WITH_LIMITS, Latex, add_accent, is_accent, join_latex, latex_of
from document_parser.layout.formulas.scripts import (
    MIN_RAISED_EM,
    ScriptedWord,
    merge_limits,
    merge_scripts,
)
from document_parser.models import RulingLine, Word

MAX_BAR_WIDTH_SHARE = 0.6
"""Share of the page's text width that a fraction's bar takes, at most. Bars below 60 points are accepted on any page."""
NUMERATOR_BASELINES_EM, DENOMINATOR_BASELINES_EM = (-0.1, 1.25), (0.3, 1.6)
"""Distances from a fraction's bar to the baselines of its parts, in font sizes: (least, most), away from the bar."""

MAX_FRACTION_GAP_EM = 1.0
"""Font sizes between two words of a fraction's part, at most: a rule under headings further apart belongs to a table."""

MAX_NOTE_MARK_GAP_EM = 0.7
"""Font sizes between the raised mark that a note begins with and the note's text, at most."""
MAX_NOTE_TAB_EM = 4.5
"""The same for a note whose text begins at a tab: half an inch at eight points."""

MIN_TEXT_WORD_LETTERS, MIN_TEXT_SHARE = 4, 0.5
"""Letters of a word of running text, at least, and the share of a page's letters in such words of formula fonts from which the
page's text is set in one."""
NEGATION_STROKE = "\u0338"
"""The combining stroke that TeX draws over a sign to negate it."""
_OVERLAID = re.compile(NEGATION_STROKE + r"(\S)|↦→")
_NOTE_MARK = re.compile(r"\d{1,2}|[a-z]|[*†‡§]{1,3}")

_FORMULA_LETTERS = re.compile("(?<![\U0001d400-\U0001d7ff])[\U0001d400-\U0001d7ff]{1,2}(?![\U0001d400-\U0001d7ff])")
"""One or two Mathematical Alphanumeric Symbols of Unicode; more in a row are a word that somebody decorated with them."""


def unmark_running_text(words: Sequence[Word]) -> list[Word]:
    """Return the words; on a page whose running text is set in a font for formulas, none of them counts as formula.

    Words of several letters make up most of what such fonts have there; in formulas, letters stand alone.
    """
    marked = [word for word in words if word.math]
    letters = sum(len(word.text) for word in words)
    long = sum(len(word.text) for word in marked if len(word.text) >= MIN_TEXT_WORD_LETTERS and word.text[:-1].isalpha())
    if not marked or long <= MIN_TEXT_SHARE * letters:
        return list(words)
    return [word._replace(math=False) for word in words]


def mark_formula_letters(words: Sequence[Word]) -> list[Word]:
    """Return the words, those with letters that only formulas have as parts of one: browsers set MathML in any font."""
    if _FORMULA_LETTERS.search("\n".join([word.text for word in words])) is None:
        return list(words)
    return [word._replace(math=True) if _FORMULA_LETTERS.search(word.text) else word for word in words]


def merge_raised_numbers(words: Sequence[Word]) -> list[Word]:
    """Return the words with small raised or lowered numbers of plain text merged into the word they touch.

    Numbers become Unicode superscripts and subscripts. Words in formula fonts stay as they are. Lengths are in points.
    """
    if len({word.size_points for word in words}) <= 1:
        return list(words)  # none is smaller than another one
    found: list[Word] = []
    scripted: ScriptedWord | None = None
    for word in _level_note_marks(words):
        if word.math:
            found += [scripted.merge()] if scripted else []
            found.append(word)
            scripted = None
        elif scripted is None or not scripted.add_script(word):
            found += [scripted.merge()] if scripted else []
            scripted = ScriptedWord(word)
    return [*found, scripted.merge()] if scripted else found


def _level_note_marks(words: Sequence[Word]) -> list[Word]:
    """Return the words, the raised mark that a note begins with at the height of the note's first word: else it is a line."""
    levelled = list(words)
    for place, (mark, word) in enumerate(pairwise(words)):
        if mark.size_points >= word.size_points:  # the cheap sign that it is not raised: most words are of one size
            continue
        if not (_NOTE_MARK.fullmatch(mark.text) and _is_raised_before(mark, word)):
            continue
        is_near = word.left - mark.right < MAX_NOTE_MARK_GAP_EM * word.size_points
        reach = MAX_NOTE_MARK_GAP_EM if is_near else math.inf  # behind a tab it is a mark if it begins the line
        if not any(_is_close_before(before, mark, word.size_points, reach) for before in words[max(0, place - 3) : place]):
            levelled[place] = mark._replace(top=word.top, bottom=word.bottom, baseline=word.baseline)
    return levelled


def _is_raised_before(mark: Word, word: Word) -> bool:
    """Return whether a small word stands before another one, with no more than a tab between them, and above its baseline."""
    size = word.size_points
    if not (mark.baseline and word.baseline and 0 < mark.size_points < size) or mark.math or word.math:
        return False
    is_raised = MIN_RAISED_EM < (word.baseline - mark.baseline) / size < 1.0
    return is_raised and -0.1 * size < word.left - mark.right < MAX_NOTE_TAB_EM * size


def _is_close_before(before: Word, mark: Word, size: float, reach: float) -> bool:
    """Return whether a mark is one of the word before it, or of a script of that word, ``reach`` font sizes away at most."""
    beside = before.top < mark.bottom + size / 2 and mark.top < before.bottom
    return beside and -size < mark.left - before.right <= reach * size


def merge_formulas(words: Sequence[Word], rules: Iterable[RulingLine]) -> list[Word]:
    """Return the words, in their order, with the parts of each formula merged into LaTeX words.

    ``rules`` are the drawn lines, among them the bars of fractions and roots. Lengths are in points. Pages without formula
    fonts are returned unchanged.
    """
    if not any(word.math for word in words):
        return list(words)
    found = _merge_accents(_merge_overlays(words))
    for bar in sorted(_bars_of(found, rules), key=lambda rule: rule.right - rule.left):
        found = _merge_root(found, bar) or _merge_fraction(found, bar) or found
    return [_set_line_height(word) for word in merge_scripts(merge_limits(_merge_small_roots(found)))]


def _set_line_height(word: Word) -> Word:
    """Return a formula's word with the height of a line: tight boxes of commas and dots would miss the letters beside them."""
    if not (word.math or not any(map(str.isalnum, word.text))) or not word.baseline or word.text in OPERATORS_WITH_LIMITS:
        return word
    top, bottom = word.baseline - 0.7 * word.size_points, word.baseline + 0.2 * word.size_points
    beside = word.top <= bottom and word.bottom >= top and word.bottom - word.top <= bottom - top
    return word._replace(top=top, bottom=bottom) if beside else word


def _bars_of(words: Sequence[Word], rules: Iterable[RulingLine]) -> list[RulingLine]:
    """Return the thin horizontal rules that may be bars of fractions or roots."""
    width = max(word.right for word in words) - min(word.left for word in words)
    return [
        rule
        for rule in rules
        if rule.bottom - rule.top < 2 and 2 < rule.right - rule.left < max(60, MAX_BAR_WIDTH_SHARE * width)
    ]


# --- overlays on signs, accents above letters ---


def _merge_overlays(words: Sequence[Word]) -> list[Word]:
    """Merge negating strokes, and the bar that makes "maps to" of an arrow, with the signs they are drawn on.

    TeX writes them just before the sign, without any width of their own.
    """
    placed: list[Word] = []
    for word in words:
        before = placed[-1] if placed else None
        if before is not None and before.math and before.text == NEGATION_STROKE and _is_upon(before, word):
            text = unicodedata.normalize("NFC", word.text[0] + NEGATION_STROKE + word.text[1:])
            placed[-1] = word._replace(text=text, math=True)
        elif before is not None and before.math and before.text == "↦" and word.text == "→":
            placed[-1] = word._replace(text="↦", left=min(before.left, word.left), math=True)
        else:
            placed.append(word._replace(text=_OVERLAID.sub(_compose_overlay, word.text)) if word.math else word)
    return placed


def _is_upon(mark: Word, sign: Word) -> bool:
    """Return whether a stroke is drawn over a sign."""
    middle = (mark.left + mark.right) / 2
    return sign.left < middle < sign.right and sign.top - mark.size_points < mark.bottom and mark.top < sign.bottom


def _compose_overlay(match: re.Match[str]) -> str:
    """Return the single character for a sign and its overlay within one word."""
    return "↦" if match[1] is None else unicodedata.normalize("NFC", match[1] + NEGATION_STROKE)


def _merge_accents(words: Sequence[Word]) -> list[Word]:
    """Merge accents with the letter below them; TeX writes them just before or just after it."""
    placed: list[Word] = []
    waiting: Word | None = None
    for word in words:
        if is_accent(word.text):
            if placed and _is_over(word, placed[-1]):
                placed[-1] = add_accent(word.text, placed[-1])
            else:
                placed += [waiting] if waiting else []
                waiting = word
            continue
        if waiting is not None and _is_over(waiting, word):
            word = add_accent(waiting.text, word)
        elif waiting is not None:
            placed.append(waiting)
        waiting = None
        placed.append(word)
    return [*placed, waiting] if waiting else placed


def _is_over(mark: Word, letter: Word) -> bool:
    """Return whether an accent is above a letter, or above the first letter of a word."""
    middle = (mark.left + mark.right) / 2
    first = letter.right if len(letter.text) == 1 else letter.left + 0.8 * letter.size_points
    return (
        letter.text[0].isalpha()
        and letter.left - 1 < middle < first + 1
        and letter.top - 0.6 * letter.size_points < mark.top < letter.bottom
    )


# --- fractions and roots ---


def _merge_fraction(words: list[Word], bar: RulingLine) -> list[Word] | None:
    """Return the words with the parts above and below a bar merged into a fraction. None if the bar belongs to no fraction."""
    above = _fraction_part(words, bar, -1)
    below = _fraction_part(words, bar, 1) if above else []
    if not below or not any(word.math for word in (*above, *below)):
        return None
    if max(_width_of(above), _width_of(below)) < 0.5 * (bar.right - bar.left):
        return None
    # The premises of an inference rule stand apart as well as headings of a table do, but most are in a font for formulas.
    if not _is_mostly_math((*above, *below)) and (_has_gap(above) or _has_gap(below)):
        return None
    text = f"\\frac{{{join_latex(merge_scripts(above))}}}{{{join_latex(merge_scripts(below))}}}"
    return _replace_words(words, [*above, *below], bar, text)


def _is_mostly_math(words: Sequence[Word]) -> bool:
    """Return whether at least half of the characters are in fonts for formulas."""
    return sum(len(word.text) for word in words if word.math) * 2 >= sum(len(word.text) for word in words)


def _has_gap(words: Sequence[Word]) -> bool:
    """Return whether two neighbours are further apart than in a formula."""
    ordered = sorted(words, key=lambda word: word.left)
    ends = accumulate((word.right for word in ordered), max)
    size = max(word.size_points for word in words)
    return any(word.left - end > MAX_FRACTION_GAP_EM * size for end, word in zip(ends, ordered[1:], strict=False))


def _fraction_part(words: Sequence[Word], bar: RulingLine, side: int) -> list[Word]:
    """Return the words above (-1) or below (1) a bar if they form one row within the bar's width; empty otherwise."""
    inside = [word for word in words if bar.left - 2 < word.left and word.right < bar.right + 2]
    near = [word for word in inside if 0 <= _distance_to_bar(word, bar, side) < 0.6 * word.size_points]
    if not near:
        return []
    size = max(word.size_points for word in near)
    part = [word for word in inside if _distance_to_bar(word, bar, side) >= 0 and _is_on_row(word, bar, side, size)]
    if not part:
        return []
    top, bottom = bar.top - 2 * size, bar.bottom + 2 * size
    left, right = (
        min(word.left for word in part) - size,
        max(word.right for word in part) + size,
    )  # what is farther off is apart
    around = [word for word in words if word.right > left and word.left < right and word.bottom > top and word.top < bottom]
    return [] if any(_continues_beyond_bar(word, part, size) for word in around) else part


def _distance_to_bar(word: Word, bar: RulingLine, side: int) -> float:
    """Return the gap between a word and the bar, 0 if their boxes touch, -1 if the word is on the other side."""
    gap = bar.top - word.bottom if side < 0 else word.top - bar.bottom
    return gap if gap > 0 else 0.0 if gap > -0.25 * word.size_points else -1.0


def _is_on_row(word: Word, bar: RulingLine, side: int, size: float) -> bool:
    """Return whether a baseline is where numerators (-1) or denominators (1), with their indices and powers, have theirs."""
    first, last = NUMERATOR_BASELINES_EM if side < 0 else DENOMINATOR_BASELINES_EM
    return first * size < side * (word.baseline - bar.top) < last * size


def _continues_beyond_bar(word: Word, part: Sequence[Word], size: float) -> bool:
    """Return whether a word continues the row of a part beyond the bar. The row is then text with an underlined part."""
    if any(word is own for own in part):
        return False
    return any(
        abs(word.baseline - own.baseline) < 0.1 * size and max(word.left - own.right, own.left - word.right) < 0.35 * size
        for own in part
    )


def _width_of(words: Sequence[Word]) -> float:
    """Return the width of the words' common box."""
    return max(word.right for word in words) - min(word.left for word in words)


def _merge_root(words: list[Word], bar: RulingLine) -> list[Word] | None:
    """Return the words with a root sign and the words below its bar merged. None if the bar belongs to no root."""
    root = next((word for word in words if word.text == "√" and _is_root_of(word, bar)), None)
    if root is None:
        return None
    held = [word for word in words if bar.left - 1 < word.left and word.right < bar.right + 2 and word is not root]
    held = [word for word in held if word.top - bar.bottom > -2 and word.bottom < root.bottom + 0.5 * root.size_points]
    if not held:
        return None
    return _replace_words(
        words, [root, *held], bar, f"\\sqrt{{{join_latex(merge_scripts(held))}}}", max(held, key=_font_size).baseline
    )


def _merge_small_roots(words: list[Word]) -> list[Word]:
    """Merge root signs with the one word after them, if their bar is too short to be found."""
    found: list[Word] = []
    for word in words:
        root = found[-1] if found else None
        if root is not None and root.text == "√" and word.math and -1 < word.left - root.right < 0.2 * word.size_points:
            found[-1] = Latex(*word._replace(text=f"\\sqrt{{{latex_of(word).strip()}}}", left=root.left))
        else:
            found.append(word)
    return found


def _is_root_of(root: Word, bar: RulingLine) -> bool:
    """Return whether a bar begins at the upper right corner of a root sign."""
    return abs(root.right - bar.left) < 0.3 * root.size_points and abs(root.top - bar.top) < 0.4 * root.size_points


def _font_size(word: Word) -> float:
    """Return the word's font size in points."""
    return word.size_points


def _replace_words(
    words: list[Word], taken: Sequence[Word], bar: RulingLine, text: str, baseline: float | None = None
) -> list[Word]:
    """Return the words with ``taken`` replaced by one LaTeX word of usual height, at the place of the first of them."""
    size = max(word.size_points for word in taken)
    base = bar.bottom + 0.25 * size if baseline is None else baseline
    left, right = min(bar.left, *(word.left for word in taken)), max(bar.right, *(word.right for word in taken))
    whole = Latex(text, left, base - 0.7 * size, right, base + 0.2 * size, size, math=True, baseline=base)
    gone = {id(word) for word in taken}
    kept: list[Word] = []
    for word in words:
        if id(word) not in gone:
            kept.append(word)
        elif word is taken[0]:
            kept.append(whole)
    return kept
