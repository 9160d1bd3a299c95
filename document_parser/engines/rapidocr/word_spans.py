"""Find where the words of a line are: between the letters around a space, the ink has its widest gap there.

The steps of recognition say roughly where each character is; the columns of the line without ink say exactly where words end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from document_parser.engines.rapidocr.lost_letters import STEP_PIXELS, find_inked_columns

Span = tuple[float, float]
"""Where a word begins and ends, in shares of the length of its line."""


def find_word_spans(line: NDArray[np.float32], steps: NDArray[np.float64], text: Sequence[str]) -> tuple[Span, ...]:
    """Return the place of each word of a line, in the order of its text; the first begins and the last ends with the line.

    ``line`` is the picture given to recognition without its padding, brightness from -1 to 1. ``steps`` are the steps of the
    answer in whose middle the characters of ``text`` are. Empty if there are fewer than two words.
    """
    words = list(_words_of(text))
    if len(words) < 2:
        return ()
    width, ink = line.shape[1], find_inked_columns(line)
    middles = (steps + 0.5) * STEP_PIXELS
    starts, ends = [0.0], []
    for (_, last), (first, _) in pairwise(words):
        end, start = _widest_gap(ink, middles[last], middles[first])
        ends.append(end / width)
        starts.append(start / width)
    return tuple(zip(starts, [*ends, 1.0], strict=True))


def _words_of(text: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of the first and the last character of each word."""
    for is_space, group in groupby(range(len(text)), key=lambda place: text[place].isspace()):
        if not is_space:
            places = list(group)
            yield places[0], places[-1]


def _widest_gap(ink: NDArray[np.bool_], left: float, right: float) -> Span:
    """Return the edges of the widest gap without ink between two columns; their middle if there is none."""
    first, last = round(left), max(round(left) + 1, round(right))
    edges = np.flatnonzero(np.diff(np.concatenate(([True], ink[first:last], [True])).astype(np.int8)))
    if not len(edges):
        return (left + right) / 2, (left + right) / 2
    starts, ends = edges[::2], edges[1::2]
    widest = int((ends - starts).argmax())
    return float(first + starts[widest]), float(first + ends[widest])
