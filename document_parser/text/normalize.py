"""Text of different readers made comparable: the same words, whatever the letter forms, line ends and markup.

Two readers of one page differ in ligatures, case, width, hyphens at line ends, the order of columns and the way formulas are
written. None of that may look like a difference of content.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from document_parser.models import Block, Reading

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts that write without spaces, or whose spaces readers set as they like: compared letter by letter."""
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’][^\W\d_]{{1,2}}(?!\w))?")
_FORMULA = re.compile(r"\$\$[^$]{1,2000}\$\$|\$[^$\n]{1,400}\$")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TAG = re.compile(r"<[^<>]{1,200}>")

NOT_ON_PAGE = frozenset({"figure", "formula", "watermark", "signature"})
"""What a model says of these is a description, or written in another way than it stands on the page."""


def tokens(text: str) -> list[str]:
    """The words of a text, or its letters in scripts without spaces, in order, in one form."""
    plain = unicodedata.normalize("NFKC", text).replace("\u00ad", "").casefold()
    return _TOKEN.findall(plain.replace("’", "'"))


def is_meaningless(char: str) -> bool:
    """Whether a character says nothing: replacement characters, private use, control codes.

    PDFium's marks for a hyphen at a line's end are none of them.
    """
    code = ord(char)
    return code == 0xFFFD or 0xE000 <= code <= 0xF8FF or (code < 0x20 and code != 2) or 0x7F <= code < 0xA0


def without_formulas(text: str) -> str:
    """Running text without LaTeX and tags."""
    if "$" in text:
        text = _FORMULA.sub(" ", text)
    if "\\" in text:
        text = _COMMAND.sub(" ", text)
    return _TAG.sub(" ", text) if "<" in text else text


def texts_of(blocks: Iterable[Block], *, comparable_only: bool = False) -> Iterator[str]:
    """The texts of blocks and of the cells of their tables, in order."""
    for block in blocks:
        if comparable_only and block.kind in NOT_ON_PAGE:
            continue
        if block.text:
            yield without_formulas(block.text) if comparable_only else block.text
        if block.table is not None:
            yield from (without_formulas(cell.text) if comparable_only else cell.text for cell in block.table.cells)


def texts_read(reading: Reading) -> list[str]:
    """Everything a reading says stands on the page."""
    return [*texts_of(reading.blocks, comparable_only=True), *(word.text for word in reading.words)]


class Vocabulary:
    """The words known to stand on a page. Words broken or joined at a line end, a cell or a hyphen are known as well."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self._known = set(self.words)
        self._known.update(first + second for first, second in pairwise(self.words))

    def __len__(self) -> int:
        return len(self.words)

    def knows(self, words: Sequence[str]) -> list[bool]:
        """For each of these words, in order, whether it is known."""
        found = [word in self._known for word in words]
        for place, (first, second) in enumerate(pairwise(words)):
            if not (found[place] and found[place + 1]) and first + second in self._known:
                found[place] = found[place + 1] = True
        return found


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """How far two readings of a page have the same words, 0 to 1: twice what both have over what either has."""
    if not first or not second:
        return float(not first and not second)
    ours, theirs = Counter(first), Counter(second)
    both = (ours & theirs).total()
    # What stands in only one of them as a whole may stand in the other in two pieces.
    left, right = _left_over(first, ours - theirs), _left_over(second, theirs - ours)
    joined = _pieces(left, right) + _pieces(right, left)
    return min(1.0, (2 * both + joined) / (len(first) + len(second)))


def _left_over(words: Sequence[str], more: Counter[str]) -> list[str]:
    """The words, in order, of which this text has more."""
    budget = more.copy()
    kept = []
    for word in words:
        if budget[word] > 0:
            budget[word] -= 1
            kept.append(word)
    return kept


def _pieces(broken: list[str], whole: list[str]) -> int:
    """How many words of both lists are accounted for by pairs of the first that make one of the second."""
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
