"""Join limits, indices and powers to the words that have them. Lengths are in points."""

from __future__ import annotations

import re
from collections.abc import Sequence

from document_parser.layout.formulas.latex import OPERATORS_WITH_LIMITS, Latex, join_latex, latex_of
from document_parser.models import Word
from document_parser.models.raised import RAISED, RAISED_DIGITS

MAX_SCRIPT_SIZE_RATIO = 0.9
"""Font size of an index or power, at most, divided by that of the word it belongs to."""
MIN_RAISED_EM, MIN_LOWERED_EM = 0.2, 0.08
"""Font sizes of the base word by which the baseline of a power is above the base word's, and of an index below it, at least."""
MIN_SCRIPT_SIZE_RATIO = 0.4
"""Font size of an index or power, at least, divided by that of the word it belongs to. What is smaller beside a large letter is
the text that a drop cap begins."""
MAX_SCRIPT_GAP_EM = 0.15
"""Font sizes between a plain word and the small word beside it, at most."""
MAX_SCRIPT_OVERLAP_EM = 0.25
"""Font sizes by which a small word may reach into the plain word before it: what begins further left stands below it."""
SLIM_DIGIT_GAP_EM = 0.09
"""White beside the ink of a 1, which is as wide as the other digits, in font sizes."""
_WITHOUT_SCRIPTS = frozenset("=<>≤≥+−-×·,;:([{→∈≈∼±/⇒⇔↔∪∩⊂⊆∧∨")
"""Characters that carry no index or power."""
_INDICES = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NOTE_LETTERS = re.compile(r"[a-pr-z](?:, ?[a-pr-z0-9])*")
"""Letters of notes: one, or several with commas."""
_FUNCTIONS_WITH_LIMITS = frozenset(["lim", "max", "min", "sup", "inf"])
"""Functions that have a limit below them."""


def merge_limits(words: list[Word]) -> list[Word]:
    """Merge sums, products and functions such as ``lim`` with the words above and below them."""
    for operator in [word for word in words if word.text in OPERATORS_WITH_LIMITS or word.text in _FUNCTIONS_WITH_LIMITS]:
        above = _limit_words(words, operator, -1) if operator.text in OPERATORS_WITH_LIMITS else []
        below = _limit_words(words, operator, 1)
        if above or below:
            gone = {id(word) for word in (*above, *below)}
            whole = compose(operator, below, above)
            words = [whole if word is operator else word for word in words if id(word) not in gone]
    return words


def _limit_words(words: Sequence[Word], operator: Word, side: int) -> list[Word]:
    """Return the small words above (-1) or below (1) an operator if they are centred on it; empty otherwise."""
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


class ScriptedWord:
    """A word and the indices and powers found for it so far."""

    def __init__(self, word: Word) -> None:
        self.word = word
        self.lower: list[Word] = []
        self.upper: list[Word] = []

    def add_script(self, word: Word) -> bool:
        """Add a word as an index or power if it is one, and return whether it is."""
        base = self.word
        if not (MIN_SCRIPT_SIZE_RATIO * base.size_points < word.size_points <= MAX_SCRIPT_SIZE_RATIO * base.size_points):
            return False
        if not (base.baseline and word.baseline):
            return False
        if base.text[-1] in _WITHOUT_SCRIPTS and not isinstance(base, Latex):
            return False
        scripts = self._scripts_at_height(word)
        if scripts is None or not self._is_adjoining(word, scripts) or not self._is_script_of_word(word):
            return False
        scripts.append(word)
        return True

    def _scripts_at_height(self, word: Word) -> list[Word] | None:
        """Return the list that a word of this height belongs to, the upper or the lower one. None if it is on the baseline."""
        base = self.word
        if base.text in OPERATORS_WITH_LIMITS:
            return self.upper if word.top + word.bottom < base.top + base.bottom else self.lower
        shift = (base.baseline - word.baseline) / base.size_points
        if not -0.9 < shift < 1.1:
            return None
        return self.upper if shift > MIN_RAISED_EM else self.lower if shift < -MIN_LOWERED_EM else None

    def _is_adjoining(self, word: Word, scripts: Sequence[Word]) -> bool:
        """Return whether a word begins close to the end of the base word or of the scripts found so far."""
        if not scripts:
            ends = [self.word.right, *(script.right for script in (*self.lower, *self.upper))]
            most = (0.25 + self._slim_gap_before(word)) * self.word.size_points
            return any(-0.5 * self.word.size_points < word.left - end < most for end in ends)
        return -0.2 * word.size_points < word.left - max(script.right for script in scripts) < 0.6 * word.size_points

    def _is_script_of_word(self, word: Word) -> bool:
        """Return whether a word counts as a script: in a formula always, beside plain words only if it touches them."""
        if self.word.math or word.math or any(script.math for script in (*self.lower, *self.upper)):
            return True
        ends = [self.word.right, *(script.right for script in (*self.lower, *self.upper))]
        gap = (word.left - max(ends)) / self.word.size_points
        return -MAX_SCRIPT_OVERLAP_EM < gap < MAX_SCRIPT_GAP_EM + self._slim_gap_before(word)

    def _slim_gap_before(self, word: Word) -> float:
        """Return the white, in font sizes, that belongs to slim digits between the base word and a script."""
        return SLIM_DIGIT_GAP_EM * ((self.word.text[-1] == "1") + (word.text[0] == "1"))

    def merge(self) -> Word:
        """Return the word with its indices and powers, as LaTeX if one of them is in a formula font."""
        if not self.lower and not self.upper:
            return self.word
        if not any(word.math for word in (self.word, *self.lower, *self.upper)):
            return self._merge_plain()
        return compose(self.word, self.lower, self.upper)

    def _merge_plain(self) -> Word:
        """Return plain text with small Unicode characters for numbers, so that a footnote's number is no part of an amount."""
        text = _small_characters(self.lower, _INDICES) + _small_characters(self.upper, RAISED_DIGITS)
        right = max(word.right for word in (self.word, *self.lower, *self.upper))
        return self.word._replace(text=self.word.text + text, right=right)


def _small_characters(words: Sequence[Word], characters: dict[int, int]) -> str:
    """Return the text of words with small digits and, where they are the letters of notes, small letters.

    Letters in a row are the end of a number or a mark, as in 4th or TM, and stay unchanged. So do letters without a small form.
    """
    text = "".join(word.text for word in words)
    if any(map(str.isalpha, text)):
        return text.translate(RAISED) if characters is RAISED_DIGITS and _NOTE_LETTERS.fullmatch(text) else text
    return text.translate(characters)


def compose(base: Word, lower: Sequence[Word], upper: Sequence[Word]) -> Word:
    """Return a LaTeX word of a base with its lower and upper scripts. Primes become apostrophes."""
    text = latex_of(base).strip()
    if lower:
        text += f"_{{{join_latex(merge_scripts(lower))}}}"
    if upper:
        text += "'" * len(upper) if all(word.text == "′" for word in upper) else f"^{{{join_latex(merge_scripts(upper))}}}"
    right = max(word.right for word in (base, *lower, *upper))
    return Latex(*base._replace(text=text, right=right, math=True))


def merge_scripts(words: Sequence[Word]) -> list[Word]:
    """Return words with their indices and powers merged."""
    scripted_words: list[ScriptedWord] = []
    for word in words:
        if not (scripted_words and scripted_words[-1].add_script(word)):
            scripted_words.append(ScriptedWord(word))
    return [scripted.merge() for scripted in scripted_words]
