"""Align the words that a model claims with the words of a page's ink, by their widths alone.

A sentence that stands on the page has its row of word widths there; one that does not has not. Both rows are aligned as in
Smith and Waterman, "Identification of common molecular subsequences" (1981), from both ends: the sum is the best alignment
through each pair. Every word of the ink belongs to the pair that aligns best, so a sentence that was added finds none left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from document_parser.imaging.ink_words import Boxes, InkWords
from document_parser.text.letter_widths import FACES, SPACE_WIDTH, Face, fit_word_widths, word_widths

MIN_FITTED_WORDS, MAX_FITTED_WORDS = 6, 8
"""A segment of fewer words does not show the size of its type; of a longer one, so many words at each end."""
MAX_FIT_ERROR, SURE_FIT_ERROR, OWN_FIT_ERROR = 0.12, 0.07, 0.045
"""Mean error of the logarithm of the widths up to which a segment shows the size of the type at all, to its neighbours, and
surely to itself."""
MAX_SIZE_ERROR, MAX_OWN_SIZE_ERROR, ALIKE_SIZE_ERROR = 0.2, 0.12, 0.15
"""How far, in logarithms, the size so found may be from the one that the height of the letters suggests, and the heights of two
segments that may be of one type."""
NEIGHBOURS = 5
"""How many segments nearby a short segment takes the size of its type from."""
ACROSS_WEIGHT = 0.2
"""A pixel across counts as this many pixels down when the nearest segments are chosen."""

MIN_MEASURED_WORDS = 20
"""So many words that fit show how wide the letters of the page's type are."""
MAX_MEASURED_ERROR = 0.25
"""A word whose width differs more from the estimate, in logarithms, is left out of that: it is a part of a word, or two."""

WIDTH_ERROR, EDGE_ERROR_PIXELS = 0.04, 1.3
"""Usual error of a width: a part of it, and pixels for where its ink begins and ends."""
MIN_PAIR_SCORE, MAX_PAIR_SCORE = -2.2, 2.5
"""Limits of the score of one pair, the logarithm of how much likelier it is than chance."""
JOINED_COST, SKIPPED_INK_COST, SKIPPED_WORD_COST = 1.0, 1.5, 2.5
"""Costs of a word that is two in the other row, of ink that is no word, and of a word that has no ink."""
JUMP_COST = 5.0
"""Cost of going on at a segment that does not follow."""
BLOCK_SCORE = 7.0
"""Score with which an alignment may begin at the first word of a block and end at the last one."""
MAX_SIDE_SCORE = 12.0
"""Maximum score of an alignment on one side of a pair: a long sentence that fits does not excuse the next one that does not."""
MIN_ALIGNMENT_SCORE = 5.0
"""Minimum score of the alignment through a pair that counts."""
MIN_OWN_SCORE = -0.5
"""Minimum score of such a pair itself."""
MAX_SCORE_DIFFERENCE = 1.0
"""A pair counts if the alignment through it is at most this much worse than the best one through the same word of the ink."""
LOG_WIDTHS = (4.0, 8.2)
"""Logarithms of the smallest and the largest width that are told apart in the statistics of widths."""
WIDTH_BINS = 24

Scores = NDArray[np.float32]


class Claims(NamedTuple):
    """The words that a model claims, in order, and where its blocks begin and end."""

    words: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]


class Alignment(NamedTuple):
    """Which claimed word fits which word of the ink.

    ``places`` has, for each claimed word, the number of its word in the ink, -1 for none; ``claimed`` whether each word of the
    ink has one. ``face`` is the kind of type that fits best, ``widths`` are the claimed words' widths in it, and ``scales`` the
    pixels of a unit of width at each word of the ink.
    """

    places: NDArray[np.int64]
    claimed: NDArray[np.bool_]
    face: Face
    widths: NDArray[np.float64]
    scales: NDArray[np.float64]


def align(ink: InkWords, claims: Claims) -> Alignment | None:
    """Return how the claimed words fit the ink; None if no segment shows the size of the type, so that nothing can be said."""
    if not len(ink.boxes) or not claims.words:
        return None
    fits = []
    for face in FACES:
        widths = word_widths(claims.words, face)
        found = _find_scales(ink, np.log(widths))
        if found is not None:
            fits.append((found[0], face, widths, found[1]))
    if not fits:
        return None
    _, face, widths, scales = min(fits, key=lambda fit: fit[0])
    return _match(ink, face, scales, widths, claims)


def align_again(ink: InkWords, claims: Claims, first: Alignment) -> Alignment:
    """Return how the claimed words fit if their letters are as wide as those that fitted; the first alignment if few did."""
    placed = np.flatnonzero(first.places >= 0)
    if len(placed) < MIN_MEASURED_WORDS:
        return first
    at = first.places[placed]
    measured = (ink.boxes[at, 2] - ink.boxes[at, 0]) / first.scales[at]
    alike = np.abs(np.log(measured / first.widths[placed])) < MAX_MEASURED_ERROR
    widths = fit_word_widths(claims.words, first.widths, placed[alike], measured[alike])
    found = _find_scales(ink, np.log(widths))
    again = _match(ink, first.face, np.log(first.scales) if found is None else found[1], widths, claims)
    return again if (again.places >= 0).sum() >= len(placed) else first


def _match(ink: InkWords, face: Face, scales: NDArray[np.float64], widths: NDArray[np.float64], claims: Claims) -> Alignment:
    """Return which words fit at these scales, if the claimed words are as wide as that."""
    through, own = _score_alignments(ink, scales, widths, claims)
    best = through.max(axis=1, keepdims=True)
    fitting = (through >= best - MAX_SCORE_DIFFERENCE) & (through >= MIN_ALIGNMENT_SCORE) & (own > MIN_OWN_SCORE)
    return Alignment(_assign(fitting, through + own), fitting.any(axis=1), face, widths, np.exp(scales))


def _assign(fitting: NDArray[np.bool_], scores: Scores) -> NDArray[np.int64]:
    """Give as many claimed words as possible a word of the ink of their own; two claimed words in a row may share one.

    Source: augmenting paths of bipartite matching (Kuhn, "The Hungarian method for the assignment problem", 1955), the best
    pairs first.
    """
    choices = [np.flatnonzero(column) for column in fitting.T]
    ranked = [some[np.argsort(-scores[some, word], kind="stable")].tolist() for word, some in enumerate(choices)]
    owners: dict[int, int] = {}
    best = np.where(fitting, scores, -np.inf).max(axis=0)
    for word in np.argsort(-best, kind="stable").tolist():
        _claim(word, ranked, owners)
    places = np.full(fitting.shape[1], -1)
    for place, word in owners.items():
        places[word] = place
    for word in np.flatnonzero(places < 0).tolist():
        shared = [place for place in ranked[word] if abs(owners[place] - word) == 1]
        places[word] = shared[0] if shared else -1
    return places


def _claim(word: int, ranked: Sequence[Sequence[int]], owners: dict[int, int]) -> None:
    """Give a word the first free place that a chain of words which move on can make free, if there is one."""
    came: dict[int, int] = {}
    waiting = deque([word])
    while waiting:
        mover = waiting.popleft()
        for place in ranked[mover]:
            if place in came:
                continue
            came[place] = mover
            if place in owners:
                waiting.append(owners[place])
                continue
            _move(place, word, came, owners)
            return


def _move(place: int, word: int, came: Mapping[int, int], owners: dict[int, int]) -> None:
    """Move each word of the chain that ends at a free place to the place that it came to, down to the word itself."""
    while True:
        mover = came[place]
        before = next((held for held, owner in owners.items() if owner == mover), None)
        owners[place] = mover
        if mover == word or before is None:
            return
        del owners[before]
        place = before


def _firsts_of(segments: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which words are the first of their segment."""
    return np.concatenate(([True], segments[1:] != segments[:-1]))


def _find_scales(ink: InkWords, lengths: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]] | None:
    """Return how badly the segments fit, and the logarithm of pixels over units for each word of the ink; None without fits.

    ``lengths`` are the logarithms of the claimed widths. A segment fits where its row of widths differs least from one of the
    claimed rows, up to one factor: its scale.
    """
    widths = np.log(np.maximum(ink.boxes[:, 2] - ink.boxes[:, 0], 1))
    firsts = np.flatnonzero(_firsts_of(ink.segments))
    ends = np.append(firsts[1:], len(ink.segments))
    fits = []
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        inner = widths[first + 1 : end - 1]  # words at both ends may be parts of words
        if end - first >= MIN_FITTED_WORDS and len(inner[:MAX_FITTED_WORDS]) <= len(lengths):
            fits.append((first, *min(_fit(row, lengths) for row in (inner[:MAX_FITTED_WORDS], inner[-MAX_FITTED_WORDS:]))))
    table = np.array(fits, np.float64).reshape(-1, 3)
    good = table[table[:, 1] < MAX_FIT_ERROR]
    if not len(good):
        return None
    heights = np.log(ink.sizes)
    usual = float(np.median(good[:, 2] - heights[good[:, 0].astype(int)]))
    return float(np.minimum(table[:, 1], SURE_FIT_ERROR).mean()), _spread_scales(ink, good, heights, usual, (firsts, ends))


def _fit(row: NDArray[np.float64], lengths: NDArray[np.float64]) -> tuple[float, float]:
    """Return the smallest error of a row of widths among all claimed rows of its length, and its scale there, in logarithms."""
    count = len(row)
    sums = np.concatenate(([0.0], np.cumsum(lengths)))
    squares = np.concatenate(([0.0], np.cumsum(lengths * lengths)))
    shifts = (row.sum() - (sums[count:] - sums[:-count])) / count
    products = np.correlate(lengths, row, "valid")
    errors = ((row * row).sum() + squares[count:] - squares[:-count] - 2 * products) / count - shifts**2
    best = int(errors.argmin())
    return float(max(errors[best], 0.0)) ** 0.5, float(shifts[best])


def _spread_scales(
    ink: InkWords,
    good: NDArray[np.float64],
    heights: NDArray[np.float64],
    usual: float,
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.float64]:
    """Return the scale of every word: that of its segment if it is sure, else of segments nearby with letters as high."""
    at = good[:, 0].astype(int)
    away = np.abs(good[:, 2] - heights[at] - usual)
    own = {int(one): float(scale) for one, error, scale in good[(away < MAX_OWN_SIZE_ERROR) & (good[:, 1] < OWN_FIT_ERROR)]}
    sure = (good[:, 1] < SURE_FIT_ERROR) & (away < MAX_SIZE_ERROR)
    at, shown = (at[sure], good[sure, 2]) if sure.any() else (at, good[:, 2])
    scales = np.empty(len(ink.segments))
    for first, end in zip(*(bound.tolist() for bound in bounds), strict=True):
        if first not in own:
            near = np.flatnonzero(np.abs(heights[at] - heights[first]) < ALIKE_SIZE_ERROR)
            gaps = np.abs(ink.boxes[at[near]] - ink.boxes[first])
            nearest = near[np.argsort(gaps[:, 1] + ACROSS_WEIGHT * gaps[:, 0], kind="stable")[:NEIGHBOURS]]
            own[first] = float(np.median(shown[nearest])) if len(near) else heights[first] + usual
        scales[first:end] = own[first]
    return scales


def _score_alignments(
    ink: InkWords, scales: NDArray[np.float64], widths: NDArray[np.float64], claims: Claims
) -> tuple[Scores, Scores]:
    """Return for each pair of a word of the ink and a claimed word the score of the best alignment through it, and its own."""
    firsts = _firsts_of(ink.segments)
    pairs, two_claimed, two_inked = _score_pairs(ink, scales, widths, firsts)
    before = _find_predecessors(ink.boxes, firsts)
    last = len(firsts) - 1
    after: dict[int, list[int]] = {}
    for word, others in before.items():
        for other in others:
            after.setdefault(last - other, []).append(last - word)
    count = len(widths)
    forward = _accumulate(pairs, two_claimed, two_inked, firsts, before, _block_scores(claims.starts, count))
    turned_claimed, turned_inked = np.full_like(pairs, MIN_PAIR_SCORE * 2), np.full_like(pairs, MIN_PAIR_SCORE * 2)
    turned_claimed[:, :-1], turned_inked[:-1] = two_claimed[:, 1:], two_inked[1:]
    ends = np.append(firsts[1:], True)
    back = np.s_[::-1, ::-1]
    backward = _accumulate(
        pairs[back],
        turned_claimed[back],
        turned_inked[back],
        ends[::-1],
        after,
        _block_scores([count - 1 - end for end in claims.ends], count),
    )[back]
    own = np.maximum(np.maximum(pairs, two_claimed), two_inked)
    through = np.where((forward > 0) & (backward > 0), forward + backward - own, 0)
    own[:, :-1] = np.maximum(own[:, :-1], two_claimed[:, 1:])
    own[:-1] = np.maximum(own[:-1], two_inked[1:])
    return through, own


def _block_scores(words: Sequence[int], count: int) -> Scores:
    """Return the score with which an alignment may begin before each claimed word, shifted as ``_accumulate`` needs it."""
    scores = np.zeros(count + 2, np.float32)
    scores[np.asarray(words, np.int64) + 1] = BLOCK_SCORE
    return scores


def _score_pairs(
    ink: InkWords, scales: NDArray[np.float64], widths: NDArray[np.float64], firsts: NDArray[np.bool_]
) -> tuple[Scores, Scores, Scores]:
    """Return the scores of pairs: one word and one, one inked word and two claimed ones, and two inked and one."""
    pixels = np.maximum(ink.boxes[:, 2] - ink.boxes[:, 0], 1).astype(np.float64)
    joined = np.ones(len(pixels))
    joined[1:] = np.where(firsts[1:], 1, np.maximum(ink.boxes[1:, 2] - ink.boxes[:-1, 0], 1))
    lengths = np.log(widths)
    counts = np.histogram(lengths, bins=WIDTH_BINS, range=LOG_WIDTHS)[0]
    step = (LOG_WIDTHS[1] - LOG_WIDTHS[0]) / WIDTH_BINS
    density = np.convolve(counts, (0.25, 0.5, 0.25), "same") / len(lengths) / step + 0.05
    rarity = -np.log(density[np.clip(((lengths - LOG_WIDTHS[0]) / step).astype(int), 0, WIDTH_BINS - 1)])
    variance = WIDTH_ERROR**2 + (EDGE_ERROR_PIXELS / pixels) ** 2
    base = (-0.5 * np.log(2 * np.pi * variance) - 0.1)[:, None].astype(np.float32)
    weight = (0.5 / variance)[:, None].astype(np.float32)

    def score(inked: NDArray[np.float64], claimed: NDArray[np.float64], rare: NDArray[np.float64]) -> Scores:
        errors = (inked[:, None] - claimed[None, :]).astype(np.float32)
        scores: Scores = np.clip(
            base + rare[None, :].astype(np.float32) - errors * errors * weight, MIN_PAIR_SCORE, MAX_PAIR_SCORE
        )
        return scores

    inked = np.log(pixels) - scales
    couples = np.append(20.0, np.log(widths[1:] + widths[:-1] + SPACE_WIDTH))
    rarer = np.append(0.0, np.maximum(rarity[1:], rarity[:-1]))
    return (
        score(inked, lengths, rarity),
        score(inked, couples, rarer) - JOINED_COST,
        score(np.log(joined) - scales, lengths, rarity) - JOINED_COST,
    )


def _find_predecessors(boxes: Boxes, firsts: NDArray[np.bool_]) -> dict[int, list[int]]:
    """Return for the first word of each segment the last words of the segments after which it may follow.

    These are the segment above it, the one to its left, and for one at the left the last one of the row above.
    """
    begin = np.flatnonzero(firsts)
    end = np.append(begin[1:] - 1, len(boxes) - 1)
    left, right = boxes[begin, 0], boxes[end, 2]
    top, bottom = np.minimum.reduceat(boxes[:, 1], begin), np.maximum.reduceat(boxes[:, 3], begin)
    middle = (top + bottom) / 2
    found: dict[int, list[int]] = {}
    for one in range(len(begin)):
        near: list[int] = []
        higher = middle < top[one]
        over = higher & (np.minimum(right, right[one]) > np.maximum(left, left[one]))
        if over.any():
            near.append(int(end[np.where(over, middle[one] - middle, np.inf).argmin()]))
        half = (bottom[one] - top[one]) / 2
        beside = (np.abs(middle - middle[one]) < half) & (right <= left[one] + 2)
        if beside.any():
            near.append(int(end[np.where(beside, right, -1).argmax()]))
        elif higher.any():
            row = higher & (middle > middle[higher].max() - half)
            near.append(int(end[np.where(row, right, -1).argmax()]))
        found[int(begin[one])] = [other for other in dict.fromkeys(near) if other < begin[one]]
    return found


def _accumulate(
    pairs: Scores,
    two_claimed: Scores,
    two_inked: Scores,
    firsts: NDArray[np.bool_],
    before: Mapping[int, Sequence[int]],
    block_scores: Scores,
) -> Scores:
    """Return the score of the best alignment that ends at each pair. Rows are the ink's words, two columns stand before all."""
    rows, columns = pairs.shape
    ended = np.zeros(columns + 2, np.float32)
    scores = np.zeros((rows + 2, columns + 2), np.float32)
    start = ended
    single = np.maximum(two_claimed, pairs - SKIPPED_WORD_COST)
    for row in range(rows):
        if firsts[row]:
            start = np.maximum(ended - JUMP_COST, block_scores)
            for other in before.get(row, ()):
                start = np.maximum(start, scores[other + 2])
            above = start
        else:
            above = scores[row + 1]
        best = np.maximum(above[1:-1] + pairs[row], above[:-2] + single[row])
        if not firsts[row]:
            second = start if firsts[row - 1] else scores[row]
            np.maximum(best, second[1:-1] + two_inked[row], out=best)
        np.maximum(best, above[2:] - SKIPPED_INK_COST, out=best)
        scores[row + 2, 2:] = np.clip(best, 0, MAX_SIDE_SCORE)
        if row + 1 == rows or firsts[row + 1]:
            ended = np.maximum(ended, scores[row + 2])
    return scores[2:, 2:]
