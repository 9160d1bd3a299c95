"""Check a model's reading against the ink of its page without reading the page: by the widths of its words and its digits' shapes.

The check only says whether the reading fits. What does not fit is no proof against the reading: the whole page is read then, and
the guards decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from document_parser.imaging.digit_shapes import INK_SHARES, read_digits
from document_parser.imaging.ink_words import InkWords
from document_parser.models import Reading, Word
from document_parser.pipeline.checks.guards import WINDOW_WORDS
from document_parser.pipeline.checks.word_alignment import Alignment, Claims, align
from document_parser.text.normalize import Vocabulary, comparable_texts_of, tokenize
from document_parser.text.numbers import MIN_DIGITS

MIN_FITTING_WORDS = 8
"""Of WINDOW_WORDS words in a row, at least as many must fit the ink. A sentence that is not on the page fits with 0 to 7, because
some of its words are as wide as those that stand there; a sentence that is, with 9 to 12."""
MAX_UNCLAIMED_SHARE = 0.35
"""Share of the words in the ink up to which the reading may lack words. More are figures, or a part that was left out."""

MIN_DIGIT_SCORE = -1.5
"""How much less likely, in logarithms, a digit may be than the class that its shape is most like."""
SURE_DIGIT_SCORE = -0.1
"""A number whose digits are all at least this likely is not compared with further words of the ink."""
MAX_WIDTH_ERROR = 0.22
"""How far, in logarithms, a word of the ink may be from the width of a number that it may be."""
MAX_PIECES_GAP_RATIO = 0.6
"""Words of the ink closer than this part of their height may be one number."""

MIN_LINE_CONFIDENCE, MIN_LINE_WORDS = 0.9, 3
"""A line of the page that was read with less confidence, or that has fewer words, is not compared."""
MIN_KNOWN_SHARE = 0.5
"""Share of the words of such a line that the reading must have."""

_LETTERS = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff])")
_LOW = frozenset(".,;:'’‘`\"“”-–—_·•°*^~")
"""Signs lower than digits, which are not among the tall letters of a word."""


@dataclass(frozen=True)
class SpotCheck:
    """What the check of a reading found.

    ``suspicion`` says what does not fit, empty if all does. ``words`` are the claimed words with the places where they fit, as
    fractions of the picture. ``lines`` and ``numbers`` are how many were compared.
    """

    suspicion: str = ""
    words: Sequence[Word] = ()
    lines: int = 0
    numbers: int = 0


def check_by_ink(reading: Reading, ink: InkWords) -> SpotCheck:
    """Return whether the words and numbers of a reading fit the ink of its page. Blocks as for comparison: without formulas."""
    claims = _claims_of(reading)
    found = align(ink, claims)
    if found is None:
        return SpotCheck("the widths of the words on the page could not be measured")
    if found.claimed.mean() < 1 - MAX_UNCLAIMED_SHARE:
        return SpotCheck("words on the page are not in the answer")
    if _has_unfitting_row(claims.words, found.places >= 0):
        return SpotCheck("words of the answer do not fit the words on the page")
    numbers = _numbers_in(claims.words)
    if not _Numbers(ink, found).has(claims.words, numbers):
        return SpotCheck("numbers of the answer do not look like those on the page")
    return SpotCheck(words=_placed(ink, claims.words, found), lines=ink.lines, numbers=len(numbers))


def check_lines(reading: Reading, lines: Sequence[Word]) -> str:
    """Return what in these lines, read from the page, the reading lacks; empty if it has them. Unsure lines prove nothing."""
    texts = comparable_texts_of(reading)
    vocabulary = Vocabulary(tokenize(" ".join(texts)))
    digits = "".join(filter(str.isdecimal, " ".join(texts)))
    for line in lines:
        words = tokenize(line.text)
        if (line.confidence or 0) < MIN_LINE_CONFIDENCE or len(words) < MIN_LINE_WORDS:
            continue
        known = vocabulary.knows(words)
        if sum(known) < MIN_KNOWN_SHARE * len(words):
            return "lines on the page are not in the answer"
        if any(
            not found and word.isdecimal() and len(word) >= MIN_DIGITS and word not in digits
            for word, found in zip(words, known, strict=True)
        ):
            return "numbers on the page are not in the answer"
    return ""


def _claims_of(reading: Reading) -> Claims:
    """Return the words of the reading in order. Scripts without spaces give single letters."""
    words: list[str] = []
    starts, ends = [], []
    for text in comparable_texts_of(reading):
        found = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFKC", text)).split()
        if found:
            starts.append(len(words))
            words += found
            ends.append(len(words) - 1)
    return Claims(words, starts, ends)


def _has_unfitting_row(words: Sequence[str], fits: NDArray[np.bool_]) -> bool:
    """Return whether too few of some words in a row fit. Numbers do not count: their digits are compared."""
    counted = [place for place, word in enumerate(words) if _LETTERS.search(word) or _UNSPACED.match(word)]
    row = fits[counted].astype(np.int64)
    if len(row) < WINDOW_WORDS:
        return bool(row.sum() < len(row) * MIN_FITTING_WORDS / WINDOW_WORDS)
    return bool(np.convolve(row, np.ones(WINDOW_WORDS, np.int64), "valid").min() < MIN_FITTING_WORDS)


def _numbers_in(words: Sequence[str]) -> list[int]:
    """Return the places of the words that are compared digit by digit."""
    return [place for place, word in enumerate(words) if sum(map(str.isdecimal, word)) >= MIN_DIGITS]


def _placed(ink: InkWords, words: Sequence[str], found: Alignment) -> list[Word]:
    """Return the claimed words that fit, with their boxes."""
    high, wide = ink.grey.shape
    boxes = ink.boxes / np.array((wide, high, wide, high))
    return [
        Word(words[claimed], *(float(edge) for edge in boxes[place]))
        for claimed, place in enumerate(found.places.tolist())
        if place >= 0
    ]


class _Numbers:
    """The words of the ink that may be numbers: single ones, and two or three close together. Digits are read when they are needed."""

    def __init__(self, ink: InkWords, found: Alignment) -> None:
        self._ink, self._found = ink, found
        boxes, segments = ink.boxes, ink.segments
        near = boxes[1:, 0] - boxes[:-1, 2] < MAX_PIECES_GAP_RATIO * (boxes[1:, 3] - boxes[:-1, 1])
        joined = (segments[1:] == segments[:-1]) & near
        pairs = np.flatnonzero(joined)
        triples = np.flatnonzero(joined[1:] & joined[:-1])
        self._pieces = [(place,) for place in range(len(boxes))]
        self._pieces += [(place, place + 1) for place in pairs.tolist()]
        self._pieces += [(place, place + 1, place + 2) for place in triples.tolist()]
        first, last = [pieces[0] for pieces in self._pieces], [pieces[-1] for pieces in self._pieces]
        tops = np.minimum.reduce([boxes[first, 1], boxes[last, 1]])
        bottoms = np.maximum.reduce([boxes[first, 3], boxes[last, 3]])
        self._boxes = np.stack((boxes[first, 0], tops, boxes[last, 2], bottoms), axis=1)
        self._lengths = np.log(np.maximum(self._boxes[:, 2] - self._boxes[:, 0], 1) / found.scales[first])
        self._read: dict[tuple[int, float], NDArray[np.float32]] = {}

    def has(self, words: Sequence[str], numbers: Sequence[int]) -> bool:
        """Return whether each number stands in the ink, each at another place."""
        taken: set[int] = set()
        for place in numbers:
            best = self._find(words[place], float(np.log(self._found.widths[place])), taken)
            if best is None:
                return False
            taken.update(self._pieces[best])
        return True

    def _find(self, number: str, length: float, taken: set[int]) -> int | None:
        """Return the word of the ink that looks most like the number; None if none does."""
        tall = [letter for letter in number if letter not in _LOW]
        errors = np.abs(self._lengths - length)
        best, least = None, MIN_DIGIT_SCORE
        for candidate in np.argsort(errors)[: int((errors < MAX_WIDTH_ERROR).sum())].tolist():
            if not taken.isdisjoint(self._pieces[candidate]):
                continue
            score = self._score(candidate, tall)
            if score > least:
                best, least = candidate, score
            if score > SURE_DIGIT_SCORE:
                break
        return best

    def _score(self, candidate: int, tall: Sequence[str]) -> float:
        """Return how well the least likely digit fits, 0 for certainly."""
        best = -np.inf
        for share in INK_SHARES:
            read = self._digits(candidate, share)
            if len(read) == len(tall):
                digits = [(place, int(letter)) for place, letter in enumerate(tall) if letter.isdecimal()]
                best = max(best, min(float(read[place, digit] - read[place].max()) for place, digit in digits))
        return float(best)

    def _digits(self, candidate: int, share: float) -> NDArray[np.float32]:
        """Read the digits of a word of the ink."""
        key = candidate, share
        if key not in self._read:
            left, top, right, bottom = self._boxes[candidate].tolist()
            self._read[key] = read_digits(self._ink.grey[top:bottom, left:right], self._ink.paper, share)
        return self._read[key]
