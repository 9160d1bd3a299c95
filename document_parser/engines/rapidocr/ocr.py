"""Find and read lines of writing with the PP-OCR networks, as PaddleOCR and RapidOCR do.

Detection makes a map of writing and puts boxes around its spots. Its constants are those of RapidOCR's configuration.
Recognition takes each line cut out and straightened. Source: Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization" (2020).
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.engines.rapidocr.confusables import find_replacements
from document_parser.engines.rapidocr.head import MIN_OTHER, Steps, letters_of
from document_parser.engines.rapidocr.lost_letters import count_lost_letters
from document_parser.engines.rapidocr.networks import Batch, Network, load_detection, load_recognition
from document_parser.engines.rapidocr.text_boxes import boxes_of
from document_parser.engines.rapidocr.text_map import split_lines
from document_parser.engines.rapidocr.word_spans import Span, find_word_spans
from document_parser.settings import OcrRuntime

MIN_SHORT_SIDE_PIXELS = 736
"""Smaller images are enlarged to this shorter side before detection, which knows no smaller letters."""
MAX_ENLARGED_SIDE_PIXELS = 2400
"""Maximum longer side of the image given to detection, whatever its shape. Larger images are reduced to it."""
MAX_PAGE_RATIO = 8
"""An image wider than this many times its height is one line; detection needs empty space above and below it."""
STRIDE_PIXELS = 32
"""The sides of an image given to detection, and the widths of lines given to recognition, are multiples of this."""
LINE_HEIGHT_PIXELS = 48
"""Height of the lines that recognition reads."""
MIN_WIDTH_PIXELS = 320
"""Minimum width of a line given to recognition, which was trained on images at least this wide."""
FAINT_CONTRAST_GREY_LEVELS = 40, 110
"""Grey levels from the ink to the paper of a line whose contrast is raised. With fewer there may be no writing, with more
nothing is gained. Six typescripts on grey paper, with 75 to 90: .889 to .909 in word F1.
"""
RAISED_INK, RAISED_PAPER = 25, 235
"""Brightness that the ink and the paper of such a line get. From black to white the same pages have .903."""
INK_PERCENTILE = 1
"""Percentile of the brightness of a line that counts as its ink."""
MAX_BATCH_WIDTH_PIXELS = 1600
"""Maximum number of lines in a batch times the width of the widest. A wider line is a batch of its own."""
MIN_BATCH_WIDTH_RATIO = 0.9
"""Minimum ratio between the narrowest and the widest line of a batch, so that little time is spent on padding."""
SEED_LINES = 8
"""The first lines of a page, whose pixels decide in which order its lines are read."""
MIN_VERTICAL_RATIO = 1.5
"""A box at least this many times as high as wide holds a line that runs downwards."""
MIN_ROW_DISTANCE_PIXELS = 10
"""Boxes whose tops are closer than this, taken from the top down, are in one row."""

Pixels = NDArray[np.uint8]
"""Rows of pixels in the order blue, green, red."""
Corners = NDArray[np.float32]
"""Corners of boxes, (n, 4, 2), in pixels, clockwise from the top left."""


class Doubt(NamedTuple):
    """A letter of a line that may be another: its place in the text, and the others with their probabilities."""

    place: int
    others: tuple[tuple[str, float], ...]


class Gap(NamedTuple):
    """A place in the text of a line before which a space may be, or of a space that may be none.

    ``probability`` is that of the space, ``across`` where it is, in shares of the length of the line.
    """

    place: int
    probability: float
    across: float


class Read(NamedTuple):
    """The text of a line, the mean confidence of its characters, and about how many letters were left out of it.

    ``spans`` are the places of its words; empty if there are fewer than two. ``doubts`` are its letters that may be others,
    ``gaps`` its doubtful spaces.
    """

    text: str
    confidence: float
    lost_letters: float = 0.0
    spans: tuple[Span, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    gaps: tuple[Gap, ...] = ()


class PpOcr:
    """The loaded detection and recognition networks. Several threads may use them."""

    def __init__(self, runtime: OcrRuntime, streams: int) -> None:
        """Load the recognition; the detection is loaded when it is first used. Raises RuntimeError, FileNotFoundError."""
        self._load_detection = partial(load_detection, runtime, streams)
        self._detection: Network[Batch] | None = None
        self._lock = Lock()
        self._recognise = load_recognition(runtime, streams)
        self._letters = letters_of(self._recognise.characters)
        self._classes = {sign: number for number, sign in enumerate(self._letters)}

    def find_lines(self, pixels: Pixels) -> Corners:
        """Return the corners of the lines of writing in an image, from the top down. Raises RuntimeError."""
        picture, margin = _add_margin(pixels)
        writing = split_lines(self._detect()(_detection_batch_of(picture))[0, 0])
        corners = boxes_of(writing, picture.shape[1], picture.shape[0]) - np.array((0, margin), dtype=np.float32)
        return corners[_reading_order_of(corners)]

    def _detect(self) -> Network[Batch]:
        """Return the detection network, loaded once. Raises RuntimeError, FileNotFoundError."""
        with self._lock:
            if self._detection is None:
                self._detection = self._load_detection()
        return self._detection

    def read(self, lines: Sequence[Pixels]) -> list[Read]:
        """Return the text and confidence of each line, given as straightened images. Raises RuntimeError."""
        return [one for one in self.read_until(lines, lambda: False) if one is not None]

    def read_until(self, lines: Sequence[Pixels], should_stop: Callable[[], bool]) -> list[Read | None]:
        """Read lines as ``read`` does, batch by batch in an order drawn from the lines themselves, until ``should_stop``.

        None for a line that was not read. The same lines come in the same order. Raises RuntimeError.
        """
        found: list[Read | None] = [None] * len(lines)
        batches = list(split_batches([_padded_width_of(line) for line in lines]))
        random.Random(zlib.crc32(b"".join(line.tobytes() for line in lines[:SEED_LINES]))).shuffle(batches)
        for batch in batches:
            if should_stop():
                break
            pictures = batch_of([lines[i] for i in batch])
            for i, picture, steps in zip(batch, pictures, self._recognise(pictures), strict=True):
                found[i] = self._decode(steps, picture[1, :, : _scaled_width_of(lines[i])])
        return found

    def _decode(self, steps: Steps, picture: NDArray[np.float32]) -> Read:
        """Return the text of the steps of a line, whose picture is given without its padding.

        Source: connectionist temporal classification with best-path decoding (Graves et al., 2006): repeated characters count
        once, the first class is none. We also replace characters by others of the same shape if the word asks for them, each
        with its own probability.
        """
        best = steps.best
        kept = np.flatnonzero((best != 0) & np.append(True, best[1:] != best[:-1]))
        if not len(kept):
            return Read("", 0.0)
        signs, confidences = best[kept], steps.confidences[kept]
        middles, letters = _middles_of(best, kept), [self._letters[i] for i in signs]
        lost = count_lost_letters(picture, middles, letters)
        text = "".join(self._letters[i] for i in signs)
        for place, meant in find_replacements(text, lambda place, sign: steps.probability(kept[place], self._classes[sign])):
            signs[place] = self._classes[meant]
            confidences[place] = steps.probability(kept[place], signs[place])
        spans = find_word_spans(picture, middles, letters)
        doubts = tuple(self._doubts_of(steps, kept, signs))
        gaps = tuple(self._gaps_of(steps, kept, signs))
        return Read("".join(self._letters[i] for i in signs), float(confidences.mean()), lost, spans, doubts, gaps)

    def _doubts_of(self, steps: Steps, kept: NDArray[np.int64], signs: NDArray[np.int64]) -> Iterator[Doubt]:
        """Yield the letters of a line whose steps may have meant other letters."""
        for place in np.flatnonzero(steps.confidences[kept] <= 1 - MIN_OTHER):
            if self._letters[signs[place]].isalpha():
                others = ((self._letters[number], likely) for number, likely in steps.others(int(kept[place])))
                letters = tuple((letter, likely) for letter, likely in others if letter.isalpha())
                if letters:
                    yield Doubt(int(place), letters)

    def _gaps_of(self, steps: Steps, kept: NDArray[np.int64], signs: NDArray[np.int64]) -> Iterator[Gap]:
        """Yield the spaces of a line that may be none, and the places between letters where a space may be."""
        space, count = self._classes[" "], len(steps.best)
        unsure = steps.confidences <= 1 - MIN_OTHER
        places = {int(step): place for place, step in enumerate(kept)}
        for step in np.flatnonzero(unsure):
            place = places.get(int(step), int(np.searchsorted(kept, step)))
            is_space = step in places and signs[place] == space
            is_between = steps.best[step] == 0 and 0 < place < len(kept) and space not in signs[place - 1 : place + 1]
            if is_space or is_between:
                likely = float(steps.confidences[step]) if is_space else steps.probability(int(step), space)
                if likely >= MIN_OTHER:
                    yield Gap(place, likely, (int(step) + 0.5) / count)


def _middles_of(best: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the middle of the steps that each kept character goes on for."""
    ends = np.flatnonzero(np.append(best[1:] != best[:-1], True))
    return (kept + ends[np.searchsorted(ends, kept)]) / 2


def batch_of(lines: Sequence[Pixels]) -> Batch:
    """Return lines as a batch for recognition, scaled to one height and padded to the widest."""
    batch = np.zeros((len(lines), 3, LINE_HEIGHT_PIXELS, max(map(_padded_width_of, lines))), dtype=np.float32)
    for place, line in zip(batch, lines, strict=True):
        across = _scaled_width_of(line)
        flat = cv2.resize(raise_contrast(line), (across, LINE_HEIGHT_PIXELS))
        place[:, :, :across] = flat.transpose(2, 0, 1) * np.float32(1 / 127.5) - 1
    return batch


def raise_contrast(line: Pixels) -> Pixels:
    """Return a line of faint writing, dark on lighter paper, with the contrast of usual print; any other line as it is."""
    ink, paper = float(np.percentile(line, INK_PERCENTILE)), float(np.median(line))
    least, most = FAINT_CONTRAST_GREY_LEVELS
    if not least <= paper - ink < most:
        return line
    levels = RAISED_INK + (np.arange(256) - ink) * ((RAISED_PAPER - RAISED_INK) / (paper - ink))
    return cv2.LUT(line, np.clip(levels, 0, 255).astype(np.uint8)).astype(np.uint8, copy=False)


def cut_out_lines(pixels: Pixels, corners: Corners) -> list[Pixels]:
    """Cut out the lines within the given corners and straighten each.

    A line that runs downwards is turned by a quarter anticlockwise.
    """
    return [_flatten(pixels, box) for box in corners]


def _flatten(pixels: Pixels, box: Corners) -> Pixels:
    """Return the part of the image within four corners as an upright rectangle."""
    width = int(max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3])))
    height = int(max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(box, target)
    flags, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    line: Pixels = cv2.warpPerspective(pixels, matrix, (max(1, width), max(1, height)), flags=flags, borderMode=border).astype(
        np.uint8, copy=False
    )
    return np.rot90(line) if height >= MIN_VERTICAL_RATIO * width else line


def _add_margin(pixels: Pixels) -> tuple[Pixels, int]:
    """Return the image with a margin above and below if it is a single line, and the height of the margin in pixels."""
    height, width = pixels.shape[:2]
    if height > 30 and width <= MAX_PAGE_RATIO * height:
        return pixels, 0
    margin = abs(2 * max(width // MAX_PAGE_RATIO, 30) - height) // 2
    padded = cv2.copyMakeBorder(pixels, margin, margin, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return padded.astype(np.uint8, copy=False), margin


def _detection_batch_of(pixels: Pixels) -> Batch:
    """Return an image as detection takes it, scaled within the limits."""
    height, width = pixels.shape[:2]
    scale = max(1.0, MIN_SHORT_SIDE_PIXELS / min(height, width))
    scale = min(scale, MAX_ENLARGED_SIDE_PIXELS / max(height, width))
    size = [max(STRIDE_PIXELS, round(side * scale / STRIDE_PIXELS) * STRIDE_PIXELS) for side in (width, height)]
    return cv2.dnn.blobFromImage(pixels, 1 / 127.5, size, (127.5, 127.5, 127.5)).astype(np.float32, copy=False)


def _reading_order_of(corners: Corners) -> NDArray[np.int64]:
    """Return the order of boxes: rows from the top down, each from left to right."""
    order = np.argsort(corners[:, 0, 1], kind="stable")
    rows = np.cumsum(np.diff(corners[order, 0, 1], prepend=-np.inf) >= MIN_ROW_DISTANCE_PIXELS)
    return order[np.lexsort((corners[order, 0, 0], rows))]


def _scaled_width_of(line: Pixels) -> int:
    """Return the width in pixels of a line scaled to LINE_HEIGHT_PIXELS."""
    width: float = LINE_HEIGHT_PIXELS * line.shape[1] / line.shape[0]
    return max(1, math.ceil(width))


def _padded_width_of(line: Pixels) -> int:
    """Return the width in pixels of a line scaled to LINE_HEIGHT_PIXELS, rounded up so that few different shapes occur."""
    width: float = LINE_HEIGHT_PIXELS * line.shape[1] / line.shape[0]
    return max(MIN_WIDTH_PIXELS, math.ceil(width / STRIDE_PIXELS) * STRIDE_PIXELS)


def split_batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices of lines that are recognised together."""
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: widths[i]):
        if batch and (
            (len(batch) + 1) * widths[i] > MAX_BATCH_WIDTH_PIXELS or widths[batch[0]] < MIN_BATCH_WIDTH_RATIO * widths[i]
        ):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
