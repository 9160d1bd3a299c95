"""Check a model's reading against the ink of its page without reading the page: by its words' widths and its digits' shapes.

The check only says whether the reading fits, and where it does not. What does not fit is no proof against the reading: the CPU
reads the segments in question, or the whole page, and the guards decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from document_parser.imaging.digit_shapes import INK_SHARES, TallLetters, read_digits
from document_parser.imaging.ink_words import InkWords
from document_parser.models import BoundingBox, Reading, Word
from document_parser.pipeline.checks.guards import WINDOW_WORDS
from document_parser.pipeline.checks.word_alignment import Alignment, Claims, align, align_again
from document_parser.text.normalize import Vocabulary, comparable_texts_of, tokenize
from document_parser.text.numbers import MIN_DIGITS

MIN_FITTING_WORDS = 8
"""Of WINDOW_WORDS words in a row, at least as many must fit the ink. A sentence that is not on the page fits with 0 to 7,
because some of its words are as wide as those that stand there; a sentence that is, with 9 to 12."""
MAX_UNCLAIMED_SHARE = 0.35
"""Share of the words in the ink, of a page or of a segment, up to which the reading may lack words. More are figures, or a
part that was left out: dust and specks count as words as well."""
MIN_OWN_SHARE = 0.6
"""Share of the inked words of a page or of a segment, by length, that must be places of claimed words.

Every claimed word can claim all words of the ink that are as wide, so a fifth of a page may claim 0.7 of it, but has a place
for 0.2 of it. Of 60 true texts of scans, those that fit have places for 0.62 to 0.95.
"""

MIN_DIGIT_SCORE, MIN_SMALL_DIGIT_SCORE = -1.2, -0.3
"""How much less likely, in logarithms, a digit may be than the class that its shape is most like; and one in small print."""
SMALL_PRINT_PIXELS = 12
"""Print of which the letters are lower than this is small."""
MAX_SEGMENTS = 40
"""So many segments nearest to those words are searched for it."""
NEAR_WORDS = 3
"""A number is first looked for where so many words before and after it stand."""
SIDE_MARGIN_RATIO, END_MARGIN_RATIO = 0.3, 0.2
"""Margins left and right, and above and below, of a segment that is read, over the height of its letters."""
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
    """What the check of a reading found. Boxes are fractions of the picture.

    ``suspicion`` says what does not fit, empty if all does. ``words`` are the claimed words that fit, with their places, beside
    ``doubted``: the boxes of the segments that must be read before anything can be said, in order. ``lines`` is how many
    segments there are; ``numbers`` how many numbers were compared, and ``unlike`` those that were not found.
    """

    suspicion: str = ""
    words: Sequence[Word] = ()
    doubted: Sequence[BoundingBox] = ()
    lines: int = 0
    numbers: int = 0
    unlike: Sequence[str] = ()
    length: float = 0.0
    """The lengths of all segments in all."""

    @property
    def doubted_share(self) -> float:
        """Return the share of the segments that must be read, by their length; 1 if nothing can be said of the page."""
        if not self.lines:
            return 1.0
        return sum(box.right - box.left for box in self.doubted) / self.length


def check_by_ink(reading: Reading, ink: InkWords) -> SpotCheck:
    """Return whether the words and numbers of a reading fit the ink of its page. Blocks as for comparison: without formulas."""
    claims = _claims_of(reading)
    found = align(ink, claims)
    if found is None:
        return SpotCheck("the widths of the words on the page could not be measured")
    if _misfit_of(ink, claims, found):
        found = align_again(ink, claims, found)
    suspicion, segments = _misfit_of(ink, claims, found), _Segments(ink, found.places)
    numbers = _numbers_in(claims.words)
    if suspicion:
        segments.doubt_unclaimed(found.claimed)
        segments.doubt_misplaced()
        segments.doubt_around(_words_in_unfitting_rows(claims.words, found.places >= 0))
    unlike = _Numbers(ink, segments).find_unlike(claims.words, numbers)
    if unlike:
        suspicion = suspicion or "numbers of the answer do not look like those on the page"
        segments.doubt_around(unlike)
    found_words = segments.result_of(suspicion, claims.words)
    return replace(found_words, numbers=len(numbers), unlike=[claims.words[place] for place in unlike])


def _misfit_of(ink: InkWords, claims: Claims, found: Alignment) -> str:
    """Return which words do not fit; empty if enough of them do."""
    if found.claimed.mean() < 1 - MAX_UNCLAIMED_SHARE or _own_share(ink, found) < MIN_OWN_SHARE:
        return "words on the page are not in the answer"
    if _words_in_unfitting_rows(claims.words, found.places >= 0):
        return "words of the answer do not fit the words on the page"
    return ""


def _own_share(ink: InkWords, found: Alignment) -> float:
    """Return the share of the inked words, by length, that are the place of a claimed word."""
    lengths = _lengths_of(ink)
    places = np.unique(found.places[found.places >= 0])
    return float(lengths[places].sum() / lengths.sum())


def _lengths_of(ink: InkWords) -> NDArray[np.float64]:
    """Return the length of each inked word in pixels."""
    return (ink.boxes[:, 2] - ink.boxes[:, 0]).astype(np.float64)


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


def are_read(numbers: Sequence[str], read: Sequence[Word]) -> bool:
    """Return whether the digits of each of these numbers are among what was read."""
    digits = "".join(filter(str.isdecimal, " ".join(word.text for word in read)))
    return all("".join(filter(str.isdecimal, number)) in digits for number in numbers)


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


def _words_in_unfitting_rows(words: Sequence[str], fits: NDArray[np.bool_]) -> list[int]:
    """Return the places of the words in rows of which too few fit. Numbers do not count: their digits are compared."""
    counted = np.array([place for place, word in enumerate(words) if _LETTERS.search(word) or _UNSPACED.match(word)], np.int64)
    row = fits[counted].astype(np.int64)
    if len(row) < WINDOW_WORDS:
        return counted.tolist() if row.sum() < len(row) * MIN_FITTING_WORDS / WINDOW_WORDS else []
    unfitting = np.convolve(row, np.ones(WINDOW_WORDS, np.int64), "valid") < MIN_FITTING_WORDS
    within = np.convolve(unfitting, np.ones(WINDOW_WORDS, np.int64)) > 0
    found: list[int] = counted[within].tolist()
    return found


def _numbers_in(words: Sequence[str]) -> list[int]:
    """Return the places of the words that are compared digit by digit."""
    return [place for place, word in enumerate(words) if sum(map(str.isdecimal, word)) >= MIN_DIGITS]


class _Segments:
    """The segments of a page's ink, which claimed words stand in each, and which of them must be read."""

    def __init__(self, ink: InkWords, places: NDArray[np.int64]) -> None:
        firsts = np.flatnonzero(np.concatenate(([True], ink.segments[1:] != ink.segments[:-1])))
        lows, highs = np.minimum.reduceat(ink.boxes, firsts), np.maximum.reduceat(ink.boxes, firsts)
        numbers = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(ink.segments))))
        self._ink, self._places, self._numbers = ink, places, numbers
        self.boxes = np.concatenate((lows[:, :2], highs[:, 2:]), axis=1)
        self.sizes = ink.sizes[firsts]
        self.of_claims = np.where(places >= 0, numbers[places], -1)
        self._doubted = np.zeros(len(firsts), np.bool_)

    def doubt_unclaimed(self, claimed: NDArray[np.bool_]) -> None:
        """Have the segments read of which nobody claims more than MAX_UNCLAIMED_SHARE of the words."""
        unclaimed = np.bincount(self._numbers[~claimed], minlength=len(self._doubted))
        words = np.bincount(self._numbers, minlength=len(self._doubted))
        self._doubted |= unclaimed > MAX_UNCLAIMED_SHARE * words

    def doubt_misplaced(self) -> None:
        """Have the segments read of which less than MIN_OWN_SHARE, by length, is the place of a claimed word."""
        lengths = _lengths_of(self._ink)
        own = np.zeros(len(lengths), np.bool_)
        own[self._places[self._places >= 0]] = True
        placed = np.bincount(self._numbers, lengths * own, len(self._doubted))
        self._doubted |= placed < MIN_OWN_SHARE * np.bincount(self._numbers, lengths, len(self._doubted))

    def doubt_around(self, words: Sequence[int]) -> None:
        """Have the segments read in which these claimed words stand, or their neighbours."""
        for word in words:
            self._doubted[self.near(word)] = True

    def near(self, word: int) -> NDArray[np.int64]:
        """Return the segments in which a claimed word and its neighbours stand."""
        around = self.of_claims[max(0, word - NEAR_WORDS) : word + NEAR_WORDS + 1]
        return np.unique(around[around >= 0])

    def part_of(self, word: int) -> tuple[int, int, int] | None:
        """Return the segment of a claimed word, and the edges of the word with a margin; None if the word has no place."""
        segment = int(self.of_claims[word])
        if segment < 0:
            return None
        left, _, right, _ = self._ink.boxes[self._places[word]].tolist()
        margin = int(self.sizes[segment])
        return segment, max(left - margin, int(self.boxes[segment, 0])), min(right + margin, int(self.boxes[segment, 2]))

    def result_of(self, suspicion: str, words: Sequence[str]) -> SpotCheck:
        """Return the result of the check, with the claimed words that fit and need not be read."""
        high, wide = self._ink.grey.shape
        size = np.array((wide, high, wide, high))
        boxes, places = (self._ink.boxes / size).tolist(), self._places.tolist()
        kept = [one for one, place in enumerate(places) if place >= 0 and not self._doubted[self.of_claims[one]]]
        margins = np.outer(self.sizes, (SIDE_MARGIN_RATIO, END_MARGIN_RATIO) * 2) * (-1, -1, 1, 1)
        around = ((self.boxes + margins) / size)[self._doubted].tolist()
        return SpotCheck(
            suspicion,
            words=[Word(words[one], *boxes[places[one]]) for one in kept],
            doubted=[BoundingBox.of(*box) for box in around],
            lines=len(self.boxes),
            length=float((self.boxes[:, 2] - self.boxes[:, 0]).sum() / wide),
        )


class _Numbers:
    """Looks for numbers among the tall letters of the segments, wherever their words end. Letters are read when needed."""

    def __init__(self, ink: InkWords, segments: _Segments) -> None:
        self._ink = ink
        self._least = np.where(segments.sizes < SMALL_PRINT_PIXELS, MIN_SMALL_DIGIT_SCORE, MIN_DIGIT_SCORE)
        self._segments = segments
        self._read: dict[tuple[int, int, int, float], TallLetters] = {}
        self._taken: dict[int, list[tuple[int, int]]] = {}

    def find_unlike(self, words: Sequence[str], numbers: Sequence[int]) -> list[int]:
        """Return the numbers, as places of words, that do not stand in the ink, each at another place."""
        return [place for place in numbers if not self._find(words[place], self._order(place))]

    def _order(self, word: int) -> Iterator[tuple[int, int, int]]:
        """Yield where to look, as a segment and its part from left to right in pixels: the nearest to the number's words first.

        Its own word is enough for most, and the letters of a segment are many.
        """
        own = self._segments.part_of(word)
        if own is not None:
            yield own
        boxes, near = self._segments.boxes, self._segments.near(word)
        if len(near):
            middles = boxes[:, 1] + boxes[:, 3]
            away = np.abs(middles[:, None] - middles[near][None, :]).min(axis=1)
            away[near] = -1
            order = np.argsort(away, kind="stable")[: max(MAX_SEGMENTS, len(near))].tolist()
        else:
            order = range(len(boxes))
        yield from ((segment, int(boxes[segment, 0]), int(boxes[segment, 2])) for segment in order)

    def _find(self, number: str, parts: Iterable[tuple[int, int, int]]) -> bool:
        """Return whether some letters of these parts of segments look like the number, and take the first that do."""
        tall = [letter for letter in number if letter not in _LOW]
        digits = [(place, int(letter)) for place, letter in enumerate(tall) if letter.isdecimal()]
        at, classes = np.array([place for place, _ in digits]), np.array([digit for _, digit in digits])
        for segment, left, right in parts:
            for share in INK_SHARES:
                read = self._letters(segment, left, right, share)
                starts = np.arange(len(read.scores) - len(tall) + 1)
                if not len(starts):
                    continue
                found = read.scores[starts[:, None] + at[None, :]]
                scores = found[:, np.arange(len(at)), classes].min(axis=1)
                for start in np.flatnonzero(scores > self._least[segment]).tolist():
                    if self._take(segment, int(read.edges[start + at[0], 0]), int(read.edges[start + at[-1], 1])):
                        return True
        return False

    def _take(self, segment: int, left: int, right: int) -> bool:
        """Take the ink from left to right for a number; False if another number has some of it already."""
        taken = self._taken.setdefault(segment, [])
        if any(left < end and begin < right for begin, end in taken):
            return False
        taken.append((left, right))
        return True

    def _letters(self, segment: int, left: int, right: int, share: float) -> TallLetters:
        """Return how much less likely each class is than the likeliest, for each tall letter of a part of a segment."""
        key = segment, left, right, share
        if key not in self._read:
            _, top, _, bottom = self._segments.boxes[segment].tolist()
            scores, edges = read_digits(self._ink.grey[top:bottom, left:right], self._ink.paper, share)
            below = scores - scores.max(axis=1, keepdims=True) if len(scores) else scores
            self._read[key] = TallLetters(below, edges + left)
        return self._read[key]
