"""Lines of writing found and read by the PP-OCR networks, as PaddleOCR and RapidOCR do it.

Detection is a map of writing whose spots are boxed (Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", 2020); its measures are those of RapidOCR's configuration. Recognition takes each line cut out and laid flat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.engines.look_alikes import exchanges
from document_parser.engines.networks import DETECTION, RECOGNITION, Batch, Network, load
from document_parser.engines.text_boxes import boxes_of
from document_parser.engines.uneven import parted
from document_parser.settings import OcrRuntime

LONG_SIDE = 2000
SHORT_SIDE = 736
"""Smaller pictures are enlarged for the detection, which knows no smaller letters."""
LONGEST = 2400
"""... but not beyond this, whatever their shape."""
FLAT = 8
"""A picture this many times as wide as high is one line; the detection wants paper above and below."""
STRIDE = 32
LINE_HEIGHT = 48
LEAST_WIDTH = 320
"""The recognition was taught on pictures at least this wide."""
BATCH_WIDTH = 1600
LIKE = 0.9
"""Lines of one batch are as long as this part of the longest, so that little is spent on padding."""
ON_END = 1.5
"""A box this many times as high as wide holds a line that runs downwards."""
SAME_ROW = 10

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
"""Corners of boxes, (n, 4, 2), in pixels, clockwise from the top left."""


class Read(NamedTuple):
    """The text of a line, and how sure the recognition is of its letters on the mean."""

    text: str
    confidence: float


class PpOcr:
    """Both networks, loaded. Many threads may use it."""

    def __init__(self, runtime: OcrRuntime, streams: int) -> None:
        self._detect: Network = load(DETECTION, runtime, streams)
        self._recognise: Network = load(RECOGNITION, runtime, streams)
        self._letters = ["", *self._recognise.characters.splitlines(), " "]
        self._classes = {sign: number for number, sign in enumerate(self._letters)}

    def lines(self, pixels: Pixels) -> Corners:
        """The lines of writing in a picture (rows of blue, green, red), from the top down. Raises RuntimeError."""
        picture, margin = _with_paper(pixels)
        writing = parted(self._detect(_for_detection(picture))[0, 0])
        corners = boxes_of(writing, picture.shape[1], picture.shape[0]) - np.array((0, margin), dtype=np.float32)
        return corners[_from_the_top(corners)]

    def read(self, lines: Sequence[Pixels]) -> list[Read]:
        """What the lines say, each lying flat. Raises RuntimeError."""
        found = [Read("", 0.0)] * len(lines)
        widths = [_width(line) for line in lines]
        for batch in batches(widths):
            answers = self._recognise(batch_of([lines[i] for i in batch]))
            for i, answer in zip(batch, answers, strict=True):
                found[i] = self._letters_of(answer)
        return found

    def _letters_of(self, answer: Batch) -> Read:
        """Connectionist temporal classification, best path: repeated letters count once, the first class is none.

        Of look-alikes the one that the word asks for, with its own probability.
        """
        best = answer.argmax(axis=1)
        kept = np.flatnonzero((best != 0) & np.append(True, best[1:] != best[:-1]))
        if not len(kept):
            return Read("", 0.0)
        signs = best[kept]
        text = "".join(self._letters[i] for i in signs)
        for place, meant in exchanges(text, lambda place, sign: float(answer[kept[place], self._classes[sign]])):
            signs[place] = self._classes[meant]
        return Read("".join(self._letters[i] for i in signs), float(answer[kept, signs].mean()))


def batch_of(lines: Sequence[Pixels]) -> Batch:
    """Lines as the recognition takes them, padded to the longest."""
    batch = np.zeros((len(lines), 3, LINE_HEIGHT, max(map(_width, lines))), dtype=np.float32)
    for place, line in zip(batch, lines, strict=True):
        across = math.ceil(LINE_HEIGHT * line.shape[1] / line.shape[0])
        flat = cv2.resize(line, (max(1, across), LINE_HEIGHT))
        place[:, :, :across] = flat.transpose(2, 0, 1) * np.float32(1 / 127.5) - 1
    return batch


def cut_out(pixels: Pixels, corners: Corners) -> list[Pixels]:
    """The lines, each laid flat; one that runs downwards is turned by a quarter against the clock."""
    return [_flat(pixels, box) for box in corners]


def _flat(pixels: Pixels, box: Corners) -> Pixels:
    width = int(max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3])))
    height = int(max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2])))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(box, target)
    flags, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    line: Pixels = cv2.warpPerspective(pixels, matrix, (max(1, width), max(1, height)), flags=flags, borderMode=border).astype(
        np.uint8, copy=False
    )
    return np.rot90(line) if height >= ON_END * width else line


def _with_paper(pixels: Pixels) -> tuple[Pixels, int]:
    """The picture, with room above and below where it is a single line; and how much room."""
    height, width = pixels.shape[:2]
    if height > 30 and width <= FLAT * height:
        return pixels, 0
    margin = abs(2 * max(width // FLAT, 30) - height) // 2
    padded = cv2.copyMakeBorder(pixels, margin, margin, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return padded.astype(np.uint8, copy=False), margin


def _for_detection(pixels: Pixels) -> Batch:
    height, width = pixels.shape[:2]
    scale = max(1.0, SHORT_SIDE / min(height, width))
    scale = min(scale, LONGEST / max(height, width))
    size = [max(STRIDE, round(side * scale / STRIDE) * STRIDE) for side in (width, height)]
    return cv2.dnn.blobFromImage(pixels, 1 / 127.5, size, (127.5, 127.5, 127.5)).astype(np.float32, copy=False)


def _from_the_top(corners: Corners) -> NDArray[np.int64]:
    """The order of boxes: rows from the top, each from the left."""
    order = np.argsort(corners[:, 0, 1], kind="stable")
    rows = np.cumsum(np.diff(corners[order, 0, 1], prepend=-np.inf) >= SAME_ROW)
    return order[np.lexsort((corners[order, 0, 0], rows))]


def _width(line: Pixels) -> int:
    """Pixels of a line once it is LINE_HEIGHT high, rounded up so that few different shapes occur."""
    width: float = LINE_HEIGHT * line.shape[1] / line.shape[0]
    return max(LEAST_WIDTH, math.ceil(width / STRIDE) * STRIDE)


def batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of lines to be read together."""
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: widths[i]):
        if batch and ((len(batch) + 1) * widths[i] > BATCH_WIDTH or widths[batch[0]] < LIKE * widths[i]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
