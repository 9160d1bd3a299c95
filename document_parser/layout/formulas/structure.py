"""Fractions, roots, limits, indices and powers of a text layer, from the rules, sizes and baselines that show them.

Only pages with fonts for formulas are looked at; raised and lowered numbers of plain text are another matter. What a
two-dimensional part of a formula holds becomes one word on its line, written as LaTeX, so that lines, columns and reading order
come out as if it were flat.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from document_parser.layout.formulas.latex import OPERATORS_WITH_LIMITS, Latex, add_accent, is_accent, join_latex, latex_of
from document_parser.models import RulingLine, Word

MAX_SCRIPT_SIZE_RATIO = 0.9
"""An index is at most this large, against what it belongs to."""
MIN_RAISED_EM, MIN_LOWERED_EM = 0.2, 0.08
"""How far a power's baseline is above, an index's below, in font sizes of what it belongs to."""
MAX_BAR_WIDTH_SHARE = 0.6
"""Share of the page's text width that a fraction's bar may take."""
NUMERATOR_BASELINES_EM, DENOMINATOR_BASELINES_EM = (-0.1, 1.25), (0.3, 1.6)
"""How far from a fraction's bar the baselines of its parts are, in font sizes."""

MAX_SCRIPT_GAP_EM = 0.15
"""White between a word and its small neighbour, at most, in font sizes."""

NEGATION_STROKE = "\u0338"
_OVERLAID = re.compile(NEGATION_STROKE + r"(\S)|↦→")
_NO_HOST = frozenset("=<>≤≥+−-×·,;:([{→∈≈∼±/⇒⇔↔∪∩⊂⊆∧∨")
_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_INDICES = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_FUNCTIONS_WITH_LIMITS = frozenset(["lim", "max", "min", "sup", "inf"])


def merge_raised_numbers(words: Sequence[Word]) -> list[Word]:
    """The words, those of plain text with the small raised or lowered ones that touch them. Lengths are in points."""
    found: list[Word] = []
    atom: _ScriptedWord | None = None
    for word in words:
        if word.math:
            found += [atom.merge()] if atom else []
            found.append(word)
            atom = None
        elif atom is None or not atom.add_script(word):
            found += [atom.merge()] if atom else []
            atom = _ScriptedWord(word)
    return [*found, atom.merge()] if atom else found


def merge_formulas(words: Sequence[Word], rules: Iterable[RulingLine]) -> list[Word]:
    """The words, in their order, with the parts of formulas put together. Lengths are in points."""
    if not any(word.math for word in words):
        return list(words)
    found = _merge_accents(_merge_overlays(words))
    for bar in sorted(_bars_of(found, rules), key=lambda rule: rule.right - rule.left):
        found = _merge_root(found, bar) or _merge_fraction(found, bar) or found
    return [_set_line_height(word) for word in _merge_scripts(_merge_limits(_merge_small_roots(found)))]


def _set_line_height(word: Word) -> Word:
    """A formula's word as high as a line: tight boxes of commas and of dots would not stand beside the letters."""
    if not (word.math or not any(map(str.isalnum, word.text))) or not word.baseline or word.text in OPERATORS_WITH_LIMITS:
        return word
    top, bottom = word.baseline - 0.7 * word.size_points, word.baseline + 0.2 * word.size_points
    beside = word.top <= bottom and word.bottom >= top and word.bottom - word.top <= bottom - top
    return word._replace(top=top, bottom=bottom) if beside else word


def _bars_of(words: Sequence[Word], rules: Iterable[RulingLine]) -> list[RulingLine]:
    width = max(word.right for word in words) - min(word.left for word in words)
    return [
        rule
        for rule in rules
        if rule.bottom - rule.top < 2 and 2 < rule.right - rule.left < max(60, MAX_BAR_WIDTH_SHARE * width)
    ]


# --- marks upon signs and over letters ---


def _merge_overlays(words: Sequence[Word]) -> list[Word]:
    """The stroke that negates a sign, and the bar that makes "maps to" of an arrow, with what they are drawn upon: TeX writes
    them just before it, without any width of their own.
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
    middle = (mark.left + mark.right) / 2
    return sign.left < middle < sign.right and sign.top - mark.size_points < mark.bottom and mark.top < sign.bottom


def _compose_overlay(match: re.Match[str]) -> str:
    return "↦" if match[1] is None else unicodedata.normalize("NFC", match[1] + NEGATION_STROKE)


def _merge_accents(words: Sequence[Word]) -> list[Word]:
    """Marks put over the letter that they stand above; TeX writes them just before or just after it."""
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
    middle = (mark.left + mark.right) / 2
    first = letter.right if len(letter.text) == 1 else letter.left + 0.8 * letter.size_points
    return (
        letter.text[0].isalpha()
        and letter.left - 1 < middle < first + 1
        and letter.top - 0.6 * letter.size_points < mark.top < letter.bottom
    )


# --- fractions and roots ---


def _merge_fraction(words: list[Word], bar: RulingLine) -> list[Word] | None:
    """The words with what stands over and under a bar as one; None where the bar is none of a fraction."""
    above, below = _fraction_part(words, bar, -1), _fraction_part(words, bar, 1)
    if not above or not below or not any(word.math for word in (*above, *below)):
        return None
    if max(_width_of(above), _width_of(below)) < 0.5 * (bar.right - bar.left):
        return None
    text = f"\\frac{{{join_latex(_merge_scripts(above))}}}{{{join_latex(_merge_scripts(below))}}}"
    return _replace_words(words, [*above, *below], bar, text)


def _fraction_part(words: Sequence[Word], bar: RulingLine, side: int) -> list[Word]:
    """What stands above (-1) or below (1) a bar, if it is one row that the bar holds."""
    inside = [word for word in words if bar.left - 2 < word.left and word.right < bar.right + 2]
    near = [word for word in inside if 0 <= _distance_to_bar(word, bar, side) < 0.6 * word.size_points]
    if not near:
        return []
    size = max(word.size_points for word in near)
    part = [word for word in inside if _distance_to_bar(word, bar, side) >= 0 and _is_on_row(word, bar, side, size)]
    if any(
        _continues_beyond_bar(word, part, size)
        for word in words
        if word.bottom > bar.top - 2 * size and word.top < bar.bottom + 2 * size
    ):
        return []
    return part


def _distance_to_bar(word: Word, bar: RulingLine, side: int) -> float:
    """The white between a word and the bar; boxes may touch it."""
    white = bar.top - word.bottom if side < 0 else word.top - bar.bottom
    return white if white > 0 else 0.0 if white > -0.25 * word.size_points else -1.0


def _is_on_row(word: Word, bar: RulingLine, side: int, size: float) -> bool:
    """Whether a baseline is where those of a numerator (-1) or denominator (1) with its indices and powers are."""
    first, last = NUMERATOR_BASELINES_EM if side < 0 else DENOMINATOR_BASELINES_EM
    return first * size < side * (word.baseline - bar.top) < last * size


def _continues_beyond_bar(word: Word, part: Sequence[Word], size: float) -> bool:
    """Whether a word continues the row of a part beyond the bar: then it is a line of text with something underlined."""
    if any(word is own for own in part):
        return False
    return any(
        abs(word.baseline - own.baseline) < 0.1 * size and max(word.left - own.right, own.left - word.right) < 0.35 * size
        for own in part
    )


def _width_of(words: Sequence[Word]) -> float:
    return max(word.right for word in words) - min(word.left for word in words)


def _merge_root(words: list[Word], bar: RulingLine) -> list[Word] | None:
    """The words with what stands under the bar of a root as one."""
    root = next((word for word in words if word.text == "√" and _is_root_of(word, bar)), None)
    if root is None:
        return None
    held = [word for word in words if bar.left - 1 < word.left and word.right < bar.right + 2 and word is not root]
    held = [word for word in held if word.top - bar.bottom > -2 and word.bottom < root.bottom + 0.5 * root.size_points]
    if not held:
        return None
    return _replace_words(
        words, [root, *held], bar, f"\\sqrt{{{join_latex(_merge_scripts(held))}}}", max(held, key=_font_size).baseline
    )


def _merge_small_roots(words: list[Word]) -> list[Word]:
    """Roots whose bar is too short to be known, over one word."""
    found: list[Word] = []
    for word in words:
        root = found[-1] if found else None
        if root is not None and root.text == "√" and word.math and -1 < word.left - root.right < 0.2 * word.size_points:
            found[-1] = Latex(*word._replace(text=f"\\sqrt{{{latex_of(word).strip()}}}", left=root.left))
        else:
            found.append(word)
    return found


def _is_root_of(root: Word, bar: RulingLine) -> bool:
    return abs(root.right - bar.left) < 0.3 * root.size_points and abs(root.top - bar.top) < 0.4 * root.size_points


def _font_size(word: Word) -> float:
    return word.size_points


def _replace_words(
    words: list[Word], taken: Sequence[Word], bar: RulingLine, text: str, baseline: float | None = None
) -> list[Word]:
    """The words with those taken as one LaTeX word of a usual height, where the first of them stood."""
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


# --- limits, indices, powers ---


def _merge_limits(words: list[Word]) -> list[Word]:
    """Sums, products and limits with what stands above and below them."""
    for operator in [word for word in words if word.text in OPERATORS_WITH_LIMITS or word.text in _FUNCTIONS_WITH_LIMITS]:
        above = _limit_words(words, operator, -1) if operator.text in OPERATORS_WITH_LIMITS else []
        below = _limit_words(words, operator, 1)
        if above or below:
            gone = {id(word) for word in (*above, *below)}
            whole = _compose(operator, below, above)
            words = [whole if word is operator else word for word in words if id(word) not in gone]
    return words


def _limit_words(words: Sequence[Word], operator: Word, side: int) -> list[Word]:
    size = operator.size_points
    near = [
        word
        for word in words
        if word is not operator
        and word.size_points < MAX_SCRIPT_SIZE_RATIO * size
        and operator.left - 2 * size < word.left
        and word.right < operator.right + 2 * size
        and -0.15 * size < (operator.top - word.bottom if side < 0 else word.top - operator.bottom) < 0.6 * size
    ]
    if not near:
        return []
    off = (min(word.left for word in near) + max(word.right for word in near) - operator.left - operator.right) / 2
    return near if abs(off) < 0.5 * size else []


class _ScriptedWord:
    """A word and the indices and powers found for it so far."""

    def __init__(self, word: Word) -> None:
        self.word = word
        self.lower: list[Word] = []
        self.upper: list[Word] = []

    def add_script(self, word: Word) -> bool:
        """Whether a word is one of its scripts; if so it is kept."""
        host = self.word
        if not (0 < word.size_points <= MAX_SCRIPT_SIZE_RATIO * host.size_points and host.baseline and word.baseline):
            return False
        if host.text[-1] in _NO_HOST and not isinstance(host, Latex):
            return False
        scripts = self._scripts_at_height(word)
        if scripts is None or not self._is_adjoining(word, scripts) or not self._is_script_of_word(word):
            return False
        scripts.append(word)
        return True

    def _scripts_at_height(self, word: Word) -> list[Word] | None:
        host = self.word
        if host.text in OPERATORS_WITH_LIMITS:
            return self.upper if word.top + word.bottom < host.top + host.bottom else self.lower
        shift = (host.baseline - word.baseline) / host.size_points
        if not -0.9 < shift < 1.1:
            return None
        return self.upper if shift > MIN_RAISED_EM else self.lower if shift < -MIN_LOWERED_EM else None

    def _is_adjoining(self, word: Word, scripts: Sequence[Word]) -> bool:
        if not scripts:
            ends = [self.word.right, *(script.right for script in (*self.lower, *self.upper))]
            return any(-0.5 * self.word.size_points < word.left - end < 0.25 * self.word.size_points for end in ends)
        return -0.2 * word.size_points < word.left - max(script.right for script in scripts) < 0.6 * word.size_points

    def _is_script_of_word(self, word: Word) -> bool:
        """In a formula anything; beside plain words what touches them."""
        if self.word.math or word.math or any(script.math for script in (*self.lower, *self.upper)):
            return True
        ends = [self.word.right, *(script.right for script in (*self.lower, *self.upper))]
        return word.left - max(ends) < MAX_SCRIPT_GAP_EM * self.word.size_points

    def merge(self) -> Word:
        if not self.lower and not self.upper:
            return self.word
        if not any(word.math for word in (self.word, *self.lower, *self.upper)):
            return self._merge_plain()
        return _compose(self.word, self.lower, self.upper)

    def _merge_plain(self) -> Word:
        """Numbers as the small characters that Unicode has for them: a footnote's number is no part of an amount."""
        text = _small_characters(self.lower, _INDICES) + _small_characters(self.upper, _POWERS)
        right = max(word.right for word in (self.word, *self.lower, *self.upper))
        return self.word._replace(text=self.word.text + text, right=right)


def _small_characters(words: Sequence[Word], characters: dict[int, int]) -> str:
    text = "".join(word.text for word in words)
    return text if any(map(str.isalpha, text)) else text.translate(characters)


def _compose(base: Word, lower: Sequence[Word], upper: Sequence[Word]) -> Word:
    text = latex_of(base).strip()
    if lower:
        text += f"_{{{join_latex(_merge_scripts(lower))}}}"
    if upper:
        text += "'" * len(upper) if all(word.text == "′" for word in upper) else f"^{{{join_latex(_merge_scripts(upper))}}}"
    right = max(word.right for word in (base, *lower, *upper))
    return Latex(*base._replace(text=text, right=right, math=True))


def _merge_scripts(words: Sequence[Word]) -> list[Word]:
    """Words with their indices and powers."""
    atoms: list[_ScriptedWord] = []
    for word in words:
        if not (atoms and atoms[-1].add_script(word)):
            atoms.append(_ScriptedWord(word))
    return [atom.merge() for atom in atoms]
