"""RapidOCR's models, PP-OCRv6 small, on the CPU, from the weights inside its wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.engines.base import Engine, Watch
from document_parser.engines.rapidocr import networks, openvino
from document_parser.errors import EngineError, EngineUnavailable
from document_parser.imaging.convert import blue_first, opened
from document_parser.models import BoundingBox, CpuEngine, EngineName, PageImage, PictureSpec, Reading, Word
from document_parser.models.skew import Skew
from document_parser.settings import Settings

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.ocr import PpOcr

LONG_SIDE = 2000

GLANCE_LONG_SIDE = 1200
SAMPLE_LINES = 6
SAMPLE_SHAPE = 14
"""Of a long line, a piece this many times as long as high tells its direction."""
ELONGATED = 1.5
READABLE = 0.6
WELL_READABLE = 0.85
"""Of letters that it does not know the recognition may be as sure the wrong way up; it is less sure than this of both."""
CLEARLY = 0.05
DOUBTFUL = 0.5
"""A line read with less confidence is taken for something else: a drawing, a stain, letters the models do not know."""

UNREAD = 0.7
"""A line read with less confidence, or with hardly a letter in its length, counts as lost: handwriting, or another script."""
HARDLY_SURE = 0.9
"""Beside lines that are lost, those read with less confidence than this may be no better."""
SPARSE = 0.2
"""Letters in a length as long as the line is high. Chinese has 1, Latin 2 to 3; Tamil and Cyrillic, misread, .15."""
LONG = 3.0

Pixels = NDArray[np.uint8]
Corners = NDArray[np.float32]
_T = TypeVar("_T")


class Line(NamedTuple):
    """What a line of writing says, and its corners in pixels, clockwise from the top left."""

    text: str
    corners: Corners
    confidence: float


class Turn(NamedTuple):
    """By how many degrees clockwise a page must be turned, and whether that is sure."""

    degrees: int
    sure: bool


UNTOLD = Turn(0, sure=False)


class RapidOcrEngine(Engine):
    """Finds lines of words with their places. Pages are read side by side, each on one core."""

    name: ClassVar[EngineName] = "rapidocr"

    def __init__(self, settings: Settings) -> None:
        dpi = settings.engines.cpu_picture_dpi
        self.picture = PictureSpec(dpi=dpi, max_long_side=LONG_SIDE, encoding="rgb", straighten=True)
        self._settings = settings
        self._runtime = settings.engines.cpu_ocr_runtime
        self._streams = settings.cpu_window
        self._pool = ThreadPoolExecutor(self._streams, thread_name_prefix="rapidocr")
        self._lock = Lock()
        self._models: PpOcr | None = None

    async def available(self) -> bool:
        return not state(self._settings).trouble

    def machine(self) -> str:
        return f"{metadata.version('rapidocr')} {networks.runtime_of(self._runtime)}"

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        started = time.monotonic()
        reading = await self._apart(self._found, page)
        reading.milliseconds = round((time.monotonic() - started) * 1000)
        return reading

    async def upright_turn(self, page: PageImage) -> Turn:
        """By how many degrees clockwise (0, 90, 180, 270) the picture must be turned for its lines to read from left to right.

        0, and not sure, where there is too little writing to tell, letters that the models do not know, or glyphs that stand
        upright in lines that run downwards. Raises EngineError.
        """
        return await self._apart(self._turn, page)

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _apart(self, work: Callable[[PageImage], _T], page: PageImage) -> _T:
        """Run in a thread. Cancelling leaves a thread that has begun to finish its page, and nobody waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, _with_our_errors, work, page)

    def _ocr(self) -> PpOcr:
        """The models, loaded by the first page: a runtime's threads do not survive a fork. Shared by all threads."""
        from document_parser.engines.rapidocr.ocr import PpOcr

        with self._lock:
            if self._models is None:
                if trouble := state(self._settings).trouble:
                    raise EngineUnavailable(f"RapidOCR cannot read: {trouble}.")
                self._models = PpOcr(self._runtime, self._streams)
        return self._models

    def _found(self, page: PageImage) -> Reading:
        from document_parser.imaging.figures import figures_in
        from document_parser.imaging.rulings import rules_around

        pixels = blue_first(opened(page))
        lines, skew = self.lines(pixels), Skew()
        if not page.skew.degrees:
            lines, pixels, skew = _levelled(lines, pixels)
        read = [line for line in lines if _is_read(line)]
        unread = [line for line in lines if not _is_read(line)]
        words = [_word(line, pixels) for line in read]
        rules = rules_around(words, pixels) if words else []
        figures = figures_in(pixels, _places(read, pixels), rules, _places(unread, pixels))
        # What looks like a line in a photograph and cannot be read is no writing; the figure shows it.
        writing = [line for line in lines if _is_read(line) or not _on_any(figures, line, pixels)]
        return Reading(
            self.name,
            words=words,
            rules=rules,
            figures=figures,
            skew=skew,
            unread_share=lost_share(writing),
            uncertain_lines=[_word(line, pixels) for line in _doubtful(writing)],
        )

    def lines(self, pixels: Pixels) -> list[Line]:
        """Every line of writing in the picture, from the top down."""
        from document_parser.engines.rapidocr.ocr import cut_out

        ocr = self._ocr()
        corners = ocr.lines(pixels)
        read = ocr.read(cut_out(pixels, corners))
        return [Line(text.strip(), box, sure) for (text, sure), box in zip(read, corners, strict=True)]

    def _turn(self, page: PageImage) -> Turn:
        from document_parser.engines.rapidocr.ocr import cut_out

        picture = opened(page)
        picture.thumbnail((GLANCE_LONG_SIDE, GLANCE_LONG_SIDE), Image.Resampling.BOX)
        pixels = blue_first(picture)
        boxes = self._ocr().lines(pixels)
        downwards = _run_downwards(boxes)
        lines = cut_out(pixels, boxes)
        sample = _longest([line for line, down in zip(lines, _are_tall(boxes), strict=True) if down == downwards])
        if not sample:
            return UNTOLD
        as_found, upside_down = self._confidence(sample), self._confidence([line[::-1, ::-1] for line in sample])
        if max(as_found, upside_down) < READABLE or abs(as_found - upside_down) < CLEARLY:
            return UNTOLD
        # A line that runs downwards was cut out turned by a quarter against the clock.
        degrees = (270 if downwards else 0) if as_found > upside_down else (90 if downwards else 180)
        return Turn(degrees, max(as_found, upside_down) >= WELL_READABLE)

    def _confidence(self, lines: Sequence[Pixels]) -> float:
        """How sure the recognition is of these lines, by their number of letters."""
        read = self._ocr().read([np.ascontiguousarray(line) for line in lines])
        return sum(len(text) * sure for text, sure in read) / max(1, sum(len(text) for text, _ in read))


def state(settings: Settings) -> CpuEngine:
    """Whether it reads in this process, and what computes its models."""
    if importlib.util.find_spec("rapidocr") is None:
        return CpuEngine(name="rapidocr", trouble="its package is not installed", advice="Reinstall document-parser")
    chosen, trouble = settings.engines.cpu_ocr_runtime, openvino.trouble()
    runtime = networks.runtime_of(chosen)
    if runtime == "openvino" and trouble:
        advice = "Set CPU_OCR_RUNTIME=auto: ONNX Runtime computes then"
        return CpuEngine(name="rapidocr", runtime=runtime, trouble=trouble, advice=advice)
    return CpuEngine(name="rapidocr", runtime=runtime, reason=trouble if chosen == "auto" else "")


def _levelled(lines: list[Line], pixels: Pixels) -> tuple[list[Line], Pixels, Skew]:
    """(lines, picture, how they were straightened), by the slope of the lines that were read."""
    from document_parser.imaging.line_skew import skew_of, straightened_boxes, straightened_picture

    skew = skew_of(_boxes([line for line in lines if _is_read(line)]), pixels)
    if not skew.degrees:
        return lines, pixels, skew
    boxes = straightened_boxes(_boxes(lines), skew, pixels)
    straight = [line._replace(corners=box) for line, box in zip(lines, boxes, strict=True)]
    return straight, straightened_picture(pixels, skew), skew


def _with_our_errors(work: Callable[[PageImage], _T], page: PageImage) -> _T:
    import cv2

    try:
        return work(page)
    except (cv2.error, OSError, RuntimeError, ValueError, MemoryError):
        raise EngineError("RapidOCR failed on the picture of the page.") from None


def _is_read(line: Line) -> bool:
    return bool(line.text) and line.confidence >= DOUBTFUL


def _word(line: Line, pixels: Pixels) -> Word:
    corners = line.corners / np.array(pixels.shape[1::-1])
    left, top = np.clip(corners.min(axis=0), 0, 1)
    right, bottom = np.clip(corners.max(axis=0), 0, 1)
    return Word(line.text, float(left), float(top), float(right), float(bottom), confidence=round(line.confidence, 4))


def lost_share(lines: Sequence[Line]) -> float:
    """The share of the length of writing that was found and not read."""
    if not lines:
        return 0.0
    _, lengths = _extents(lines)
    return round(float(lengths[_are_lost(lines)].sum() / lengths.sum()), 4)


def _are_lost(lines: Sequence[Line]) -> NDArray[np.bool_]:
    heights, lengths = _extents(lines)
    letters = np.array([sum(not letter.isspace() for letter in line.text) for line in lines])
    sparse = (lengths >= LONG * heights) & (letters < SPARSE * lengths / heights)
    lost: NDArray[np.bool_] = (letters == 0) | (_confidences(lines) < UNREAD) | sparse
    return lost


def _doubtful(lines: Sequence[Line]) -> list[Line]:
    """Where lines are lost: these, and those of which the recognition is hardly sure, unless they run downwards."""
    if not lines or not (lost := _are_lost(lines)).any():
        return []
    doubtful = lost | (_confidences(lines) < HARDLY_SURE)
    return [line for line, found, tall in zip(lines, doubtful, _are_tall(_boxes(lines)), strict=True) if found and not tall]


def _confidences(lines: Sequence[Line]) -> NDArray[np.float64]:
    return np.array([line.confidence for line in lines])


def _boxes(lines: Sequence[Line]) -> Corners:
    return np.array([line.corners for line in lines], dtype=np.float32).reshape(-1, 4, 2)


def _places(lines: Sequence[Line], pixels: Pixels) -> NDArray[np.float64]:
    """(n, 4): left, top, right and bottom of the lines, in fractions of the picture."""
    corners = _boxes(lines) / np.array(pixels.shape[1::-1])
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)


def _on_any(figures: Sequence[BoundingBox], line: Line, pixels: Pixels) -> bool:
    """Whether the middle of a line lies on a figure."""
    across, down = (line.corners.mean(axis=0) / pixels.shape[1::-1]).tolist()
    return any(box.left <= across <= box.right and box.top <= down <= box.bottom for box in figures)


def _extents(lines: Sequence[Line]) -> tuple[Corners, Corners]:
    """(heights, lengths) of lines, whichever way they run."""
    heights, lengths = np.maximum(np.sort(_sizes(_boxes(lines)), axis=0), 1)
    return heights, lengths


def _sizes(boxes: Corners) -> tuple[Corners, Corners]:
    """Widths and heights of boxes given by four corners, clockwise from the top left."""
    return np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)


def _are_tall(boxes: Corners) -> list[bool]:
    width, height = _sizes(boxes)
    return [bool(tall) for tall in height >= ELONGATED * width]


def _run_downwards(boxes: Corners) -> bool:
    """Whether more length of writing runs down the page than across it."""
    width, height = _sizes(boxes)
    down = float(height[height >= ELONGATED * width].sum())
    return down > float(width[width >= ELONGATED * height].sum())


def _longest(lines: list[Pixels]) -> list[Pixels]:
    chosen = sorted(lines, key=lambda line: line.shape[1] / line.shape[0], reverse=True)[:SAMPLE_LINES]
    return [line[:, : SAMPLE_SHAPE * line.shape[0]] for line in chosen]
