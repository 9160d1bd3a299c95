"""Check a model's reading against the ink of its page without reading the page: by its words' widths and its digits' shapes.

The check only says whether the reading fits. What does not fit is no proof against the reading: the whole page is read then,
and the guards decide.
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
from document_parser.pipeline.checks.word_alignment import Alignment, Claims, align, align_again
from document_parser.text.normalize import Vocabulary, comparable_texts_of, tokenize
from document_parser.text.numbers import MIN_DIGITS

MIN_FITTING_WORDS = 8
"""Of WINDOW_WORDS words in a row, at least as many must fit the ink. A sentence that is not on the page fits with 0 to 7,
because some of its words are as wide as those that stand there; a sentence that is, with 9 to 12."""
MAX_UNCLAIMED_SHARE = 0.35
"""Share of the words in the ink up to which the reading may lack words. More are figures, or a part that was left out."""

MIN_DIGIT_SCORE, MIN_SMALL_DIGIT_SCORE = -1.2, -0.3
"""How much less likely, in logarithms, a digit may be than the class that its shape is most like; and one in small print."""
SMALL_PRINT_PIXELS = 12
"""Print of which the letters are lower than this is small."""
MAX_SEGMENTS = 40
"""So many segments nearest to those words are searched for it."""
NEAR_WORDS = 3
"""A number is first looked for where so many words before and after it stand."""
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
    if misfit := _misfit_of(claims, found):
        found = align_again(ink, claims, found)
        misfit = _misfit_of(claims, found)
    if misfit:
        return SpotCheck(misfit)
    numbers = _numbers_in(claims.words)
    if not _Numbers(ink, found.places).has(claims.words, numbers):
        return SpotCheck("numbers of the answer do not look like those on the page")
    return SpotCheck(words=_placed(ink, claims.words, found), lines=ink.lines, numbers=len(numbers))


def _misfit_of(claims: Claims, found: Alignment) -> str:
    """Return which words do not fit; empty if enough of them do."""
    if found.claimed.mean() < 1 - MAX_UNCLAIMED_SHARE:
        return "words on the page are not in the answer"
    if _has_unfitting_row(claims.words, found.places >= 0):
        return "words of the answer do not fit the words on the page"
    return ""


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
    boxes = (ink.boxes / np.array((wide, high, wide, high))).tolist()
    return [
        Word(words[claimed], left, top, right, bottom)
        for claimed, place in enumerate(found.places.tolist())
        if place >= 0
        for left, top, right, bottom in (boxes[place],)
    ]


class _Numbers:
    """Looks for numbers among the tall letters of the segments, wherever their words end. Segments are read when needed."""

    def __init__(self, ink: InkWords, places: NDArray[np.int64]) -> None:
        firsts = np.flatnonzero(np.concatenate(([True], ink.segments[1:] != ink.segments[:-1])))
        lows, highs = np.minimum.reduceat(ink.boxes, firsts), np.maximum.reduceat(ink.boxes, firsts)
        self._ink = ink
        self._least = np.where(ink.sizes[firsts] < SMALL_PRINT_PIXELS, MIN_SMALL_DIGIT_SCORE, MIN_DIGIT_SCORE)
        self._boxes = np.concatenate((lows[:, :2], highs[:, 2:]), axis=1)
        numbers = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(ink.segments))))
        self._segments = np.where(places >= 0, numbers[places], -1)
        self._read: dict[tuple[int, float], NDArray[np.float32]] = {}
        self._taken: set[tuple[int, float, int]] = set()

    def has(self, words: Sequence[str], numbers: Sequence[int]) -> bool:
        """Return whether each number stands in the ink, each at another place."""
        return all(self._find(words[place], self._order(place)) for place in numbers)

    def _order(self, word: int) -> list[int]:
        """Return the segments, those first where the words around the number stand."""
        around = self._segments[max(0, word - NEAR_WORDS) : word + NEAR_WORDS + 1]
        near = np.unique(around[around >= 0])
        if not len(near):
            return list(range(len(self._boxes)))
        middles = self._boxes[:, 1] + self._boxes[:, 3]
        away = np.abs(middles[:, None] - middles[near][None, :]).min(axis=1)
        away[near] = -1
        order: list[int] = np.argsort(away, kind="stable")[: max(MAX_SEGMENTS, len(near))].tolist()
        return order

    def _find(self, number: str, segments: Sequence[int]) -> bool:
        """Return whether some letters of these segments look like the number, and take the first that do."""
        tall = [letter for letter in number if letter not in _LOW]
        digits = [(place, int(letter)) for place, letter in enumerate(tall) if letter.isdecimal()]
        at, classes = np.array([place for place, _ in digits]), np.array([digit for _, digit in digits])
        for segment in segments:
            for share in INK_SHARES:
                read = self._letters(segment, share)
                starts = np.arange(len(read) - len(tall) + 1)
                if not len(starts):
                    continue
                found = read[starts[:, None] + at[None, :]]
                scores = found[:, np.arange(len(at)), classes].min(axis=1)
                for start in np.flatnonzero(scores > self._least[segment]).tolist():
                    places = {(segment, share, int(start) + place) for place in at.tolist()}
                    if self._taken.isdisjoint(places):
                        self._taken |= places
                        return True
        return False

    def _letters(self, segment: int, share: float) -> NDArray[np.float32]:
        """Return how much less likely each class is than the likeliest, for each tall letter of a segment."""
        key = segment, share
        if key not in self._read:
            left, top, right, bottom = self._boxes[segment].tolist()
            read = read_digits(self._ink.grey[top:bottom, left:right], self._ink.paper, share)
            self._read[key] = read - read.max(axis=1, keepdims=True) if len(read) else read
        return self._read[key]
