"""Find how a page lies, by reading its longest lines upright and upside down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from document_parser.engines.base import UNKNOWN_TURN, Turn
from document_parser.engines.rapidocr.lines import Pixels, are_tall, run_mostly_downwards
from document_parser.imaging.convert import to_bgr

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.ocr import PpOcr

TURN_LONG_SIDE_PIXELS = 1200
"""The longer side of the reduced image on which the page's orientation is detected."""
MAX_SAMPLE_LINES = 6
"""How many lines, the longest, are read to detect the page's orientation."""
MAX_SAMPLE_RATIO = 14
"""Width over height of the piece of a long line that is read to detect its direction."""
MIN_TURN_CONFIDENCE = 0.6
"""Mean confidence per letter below which the orientation stays unknown."""
MIN_SURE_TURN_CONFIDENCE = 0.85
"""Mean confidence per letter from which a detected orientation is sure.

The recognition may be equally confident of letters that it does not know when they are upside down, but it is less confident
than this of both.
"""
MIN_CONFIDENCE_DIFFERENCE = 0.05
"""Difference between the mean confidences upright and upside down below which the orientation stays unknown."""


def find_turn(ocr: PpOcr, picture: Image.Image) -> Turn:
    """Return the clockwise turn of a page after which its longest lines read best. The picture is reduced in place.

    Raises RuntimeError of the runtime.
    """
    from document_parser.engines.rapidocr.ocr import cut_out_lines

    picture.thumbnail((TURN_LONG_SIDE_PIXELS, TURN_LONG_SIDE_PIXELS), Image.Resampling.BOX)
    pixels = to_bgr(picture)
    boxes = ocr.find_lines(pixels)
    downwards = run_mostly_downwards(boxes)
    lines = cut_out_lines(pixels, boxes)
    sample = _sample_longest([line for line, down in zip(lines, are_tall(boxes), strict=True) if down == downwards])
    if not sample:
        return UNKNOWN_TURN
    as_found, upside_down = (_measure_confidence(ocr, sample), _measure_confidence(ocr, [line[::-1, ::-1] for line in sample]))
    if max(as_found, upside_down) < MIN_TURN_CONFIDENCE or abs(as_found - upside_down) < MIN_CONFIDENCE_DIFFERENCE:
        return UNKNOWN_TURN
    # A line that runs downwards was turned by a quarter anticlockwise when it was cut out.
    degrees = (270 if downwards else 0) if as_found > upside_down else (90 if downwards else 180)
    return Turn(degrees, max(as_found, upside_down) >= MIN_SURE_TURN_CONFIDENCE)


def _measure_confidence(ocr: PpOcr, lines: Sequence[Pixels]) -> float:
    """Return the mean confidence of the recognition for these lines, weighted by their number of letters."""
    read = ocr.read([np.ascontiguousarray(line) for line in lines])
    return sum(len(one.text) * one.confidence for one in read) / max(1, sum(len(one.text) for one in read))


def _sample_longest(lines: list[Pixels]) -> list[Pixels]:
    """Return the pieces of the longest lines that are read to detect the orientation."""
    chosen = sorted(lines, key=lambda line: line.shape[1] / line.shape[0], reverse=True)[:MAX_SAMPLE_LINES]
    return [line[:, : MAX_SAMPLE_RATIO * line.shape[0]] for line in chosen]
