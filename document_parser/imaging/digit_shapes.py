"""Read digits by their shapes, to see whether a number stands where a model says that it does.

A network of one hidden layer knows the ten digits and "something else". It reads single letters, which are connected spots of
ink; letters that touch are cut evenly. It costs a few microseconds a letter where PP-OCR needs a millisecond. Its weights are
made by ``python -m benchmarks.digit_shapes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("digit_shapes.npz")
"""File with the weights of the network, in the order in which they are used."""
SHAPE_HEIGHT, SHAPE_WIDTH = 16, 14
"""Pixels of the picture of a letter that the network reads. The letter keeps its proportions."""
OTHER = 10
"""The class of what is no digit."""

INK_SHARES = (0.45, 0.62)
"""Parts of the way from the paper's level to the darkest ink from which a pixel belongs to a letter: letters that touch at the
first part the second one may separate."""
MIN_TALL_RATIO = 0.5
"""A spot lower than this part of the highest one is a point, a comma, a hyphen or an accent."""
MAX_DIGIT_RATIO, DIGIT_RATIO = 1.02, 0.64
"""A spot wider than the first times its height is letters that touch. A digit is about the second times as wide as high."""
MIN_CONTRAST = 30.0
"""Grey levels between paper and ink at least: with less, noise would be taken for strokes."""

Grey = NDArray[np.uint8]
Shapes = NDArray[np.float32]
"""Pictures of letters, (n, SHAPE_HEIGHT * SHAPE_WIDTH), ink 1 and paper 0."""


class TallLetters(NamedTuple):
    """The tall letters of a word: the logarithm of the probability of each class, (n, 11), and both edges in pixels, (n, 2)."""

    scores: NDArray[np.float32]
    edges: NDArray[np.int64]


def read_digits(word: Grey, paper: float, share: float) -> TallLetters:
    """Return what the tall letters of a word look like.

    ``word`` is its grey picture, dark on light, ``share`` one of INK_SHARES.
    """
    darkest = float(word.min())
    ink = (word < paper - share * (paper - darkest)).astype(np.uint8)
    spots = cv2.connectedComponentsWithStats(ink, connectivity=8)[2][1:]
    if not len(spots):
        return TallLetters(np.zeros((0, OTHER + 1), np.float32), np.zeros((0, 2), np.int64))
    spots = spots[spots[:, 3] >= MIN_TALL_RATIO * spots[:, 3].max()]
    pieces, edges = [], []
    for left, top, width, height, _ in spots[np.argsort(spots[:, 0])].tolist():
        count = max(1, round(width / (DIGIT_RATIO * height))) if width > MAX_DIGIT_RATIO * height else 1
        cuts = [left + width * piece // count for piece in range(count + 1)]
        edges += [(begin, max(end, begin + 1)) for begin, end in pairwise(cuts)]
        pieces += [word[top : top + height, begin:end] for begin, end in edges[-count:]]
    scores = log_probabilities(shapes_of(pieces, paper, darkest), *load_weights())
    return TallLetters(scores, np.array(edges, np.int64))


def shapes_of(letters: Sequence[Grey], paper: float, darkest: float) -> Shapes:
    """Return the pictures of letters as the network reads them: of one height, and in proportion."""
    shapes = np.full((len(letters), SHAPE_HEIGHT, SHAPE_WIDTH), round(paper), np.uint8)
    for shape, letter in zip(shapes, letters, strict=True):
        height, width = letter.shape
        across = max(1, min(SHAPE_WIDTH, round(width * SHAPE_HEIGHT / height)))
        how = cv2.INTER_AREA if height > SHAPE_HEIGHT else cv2.INTER_LINEAR
        begin = (SHAPE_WIDTH - across) // 2
        shape[:, begin : begin + across] = cv2.resize(letter, (across, SHAPE_HEIGHT), interpolation=how)
    strength = (round(paper) - shapes.astype(np.float32)) / np.float32(max(MIN_CONTRAST, paper - darkest))
    return strength.reshape(len(letters), -1)


def log_probabilities(shapes: Shapes, *weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of the probability of each class for each shape, (n, 11)."""
    inner, inner_bias, outer, outer_bias = weights
    scores = np.maximum(shapes @ inner + inner_bias, 0) @ outer + outer_bias
    scores -= scores.max(axis=1, keepdims=True)
    result: NDArray[np.float32] = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return result


@cache
def load_weights() -> tuple[NDArray[np.float32], ...]:
    """Return the weights of the network, read once in a process and those forked from it."""
    with np.load(WEIGHTS) as stored:
        return tuple(stored[name].astype(np.float32) for name in stored.files)
