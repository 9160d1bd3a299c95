"""What the ink of a picture shows is the same as by counting every pixel, however it is counted."""

from itertools import pairwise

import numpy as np
import pytest

from document_parser.models import INK_COLUMNS, INK_ROWS
from document_parser.pipeline.ink import SOLID, THIN, TOUCHED, _bands, _cells, _straight


def rows_with_gaps(seed: int) -> np.ndarray:
    """Rows of dashes of many lengths, some whole, some with a few gaps."""
    random = np.random.default_rng(seed)
    ink = np.zeros((300, 500), dtype=bool)
    for y, x, length in random.integers((0, 0, 20), (300, 480, 300), (60, 3)).tolist():
        ink[y, x : x + length] = True
        ink[y, random.integers(0, 500, random.integers(0, 9))] = False
    return ink


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length", [1, 7, 33, 34, 40, 85, 200])
def test_drawn_lines_are_counted_as_by_summing_up_every_row(seed, length):
    ink = rows_with_gaps(seed)
    windows = np.lib.stride_tricks.sliding_window_view(ink, length, axis=1).sum(axis=2).max(axis=1) >= SOLID * length
    assert _straight(ink, length) == sum(end - start <= THIN for start, end in _bands(windows))


@pytest.mark.parametrize("seed", range(3))
def test_cells_are_inked_as_by_counting_their_pixels(seed):
    ink = np.random.default_rng(seed).random((311, 203)) < 0.02
    rows, columns = (
        np.linspace(0, side, parts + 1).astype(int) for side, parts in zip(ink.shape, (INK_ROWS, INK_COLUMNS), strict=True)
    )
    counted = [
        ink[top:bottom, left:right].mean() > TOUCHED for top, bottom in pairwise(rows) for left, right in pairwise(columns)
    ]
    assert _cells(ink.astype(np.float32)) == np.packbits(counted).tobytes().hex()
