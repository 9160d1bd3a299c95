"""Make the texts of different readers comparable: the same words in spite of letter forms, line ends and markup.

Two readers of a page differ in ligatures, case, width, hyphens at line ends, the order of columns and the notation of formulas.
None of that is a difference in content.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from document_parser.models import Block, Reading

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts written without spaces, or whose spaces readers set as they like. They are compared letter by letter."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’][^\W\d_]{{1,2}}(?!\w))?")
_FORMULA = re.compile(r"\$\$[^$]{1,2000}\$\$|\$[^$\n]{1,400}\$")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TAG = re.compile(r"<[^<>]{1,200}>")

INCOMPARABLE_KINDS = frozenset({"figure", "formula", "watermark", "signature"})
"""Kinds of blocks whose text is a model's description or is written in another way than on the page."""


def tokenize(text: str) -> list[str]:
    """Return the words of a text in order, in one form. Scripts without spaces give single letters."""
    plain = unicodedata.normalize("NFKC", text).replace("\u00ad", "").casefold()
    return _TOKEN.findall(plain.replace("’", "'"))


def is_meaningless(char: str) -> bool:
    """Return whether a character has no meaning: a replacement character, private use, a control code.

    PDFium's marks for a hyphen at the end of a line do not count.
    """
    code = ord(char)
    return code == 0xFFFD or 0xE000 <= code <= 0xF8FF or (code < 0x20 and code != 2) or 0x7F <= code < 0xA0


def strip_formulas(text: str) -> str:
    """Return running text without LaTeX and tags."""
    if "$" in text:
        text = _FORMULA.sub(" ", text)
    if "\\" in text:
        text = _COMMAND.sub(" ", text)
    return _TAG.sub(" ", text) if "<" in text else text


def texts_of(blocks: Iterable[Block], *, comparable_only: bool = False) -> Iterator[str]:
    """Yield the texts of blocks and of their tables' cells in order.

    ``comparable_only`` leaves out formulas, tags and the kinds of blocks that cannot be compared.
    """
    for block in blocks:
        if comparable_only and block.kind in INCOMPARABLE_KINDS:
            continue
        if block.text:
            yield strip_formulas(block.text) if comparable_only else block.text
        if block.table is not None:
            yield from (strip_formulas(cell.text) if comparable_only else cell.text for cell in block.table.cells)


def comparable_texts_of(reading: Reading) -> list[str]:
    """Return all texts that a reading has found on the page."""
    return [*texts_of(reading.blocks, comparable_only=True), *(word.text for word in reading.words)]


class Vocabulary:
    """The words known to be on a page. Words that are split or joined at a line end, a cell or a hyphen are known as well."""

    def __init__(self, words: Sequence[str]) -> None:
        """Keep the words in their order on the page."""
        self.words = list(words)
        self._known = set(self.words)
        self._known.update(first + second for first, second in pairwise(self.words))

    def __len__(self) -> int:
        return len(self.words)

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return for each word, in order, whether it is known."""
        found = [word in self._known for word in words]
        for place, (first, second) in enumerate(pairwise(words)):
            if not (found[place] and found[place + 1]) and first + second in self._known:
                found[place] = found[place + 1] = True
        return found


def overlap_of(first: Sequence[str], second: Sequence[str]) -> float:
    """Return the share of words that two readings of a page have in common, 0 to 1. Two empty readings give 1.

    Source: twice the common words over all words of both, the Sørensen-Dice coefficient. We also count a word of one reading
    that is split in two in the other.
    """
    if not first or not second:
        return float(not first and not second)
    ours, theirs = Counter(first), Counter(second)
    both = (ours & theirs).total()
    # A word that is whole in only one of them may be in two pieces in the other.
    left, right = _surplus_words(first, ours - theirs), _surplus_words(second, theirs - ours)
    joined = _count_joined_words(left, right) + _count_joined_words(right, left)
    return min(1.0, (2 * both + joined) / (len(first) + len(second)))


def _surplus_words(words: Sequence[str], more: Counter[str]) -> list[str]:
    """Return the words, in order, of which this text has more than the other."""
    budget = more.copy()
    kept = []
    for word in words:
        if budget[word] > 0:
            budget[word] -= 1
            kept.append(word)
    return kept


def _count_joined_words(broken: list[str], whole: list[str]) -> int:
    """Return how many words of both lists are explained by pairs of the first that make one of the second."""
    budget = Counter(whole)
    count = place = 0
    while place + 1 < len(broken):
        joined = broken[place] + broken[place + 1]
        if budget[joined] > 0:
            budget[joined] -= 1
            count += 3
            place += 1
        place += 1
    return count
