"""RapidOCR: PP-OCR models on ONNX Runtime, on the CPU, from the weights inside its wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.engines.base import Engine, Watch
from document_parser.engines.pictures import blue_first, opened
from document_parser.errors import EngineError
from document_parser.models import EngineName, PageImage, PictureSpec, Reading, Rule, Word
from document_parser.settings import Settings

LONG_SIDE = 2000
"""RapidOCR itself makes larger pictures smaller than this."""

GLANCE_LONG_SIDE = 1200
SAMPLE_LINES = 6
SAMPLE_SHAPE = 14
"""Of a long line, a piece this many times as long as high tells its direction."""
ELONGATED = 1.5
READABLE = 0.6
CLEARLY = 0.05

Pixels = NDArray[np.uint8]
_T = TypeVar("_T")


class RapidOcrEngine(Engine):
    """Finds lines of words with their places. ``threads`` is what one picture may use; pages are read side by side."""

    name: ClassVar[EngineName] = "rapidocr"

    def __init__(self, settings: Settings, threads: int = 1) -> None:
        self.picture = PictureSpec(dpi=settings.engines.cpu_picture_dpi, max_long_side=LONG_SIDE, encoding="rgb")
        self._threads = threads
        self._pool = ThreadPoolExecutor(settings.cpu_window, thread_name_prefix="rapidocr")
        self._lock = Lock()
        self._recogniser: Any = None

    async def available(self) -> bool:
        return importlib.util.find_spec("rapidocr") is not None

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        started = time.monotonic()
        words, rules = await self._apart(self._found, page)
        return Reading(self.name, words=words, rules=rules, milliseconds=round((time.monotonic() - started) * 1000))

    async def upright_turn(self, page: PageImage) -> int:
        """By how many degrees clockwise (0, 90, 180, 270) the picture must be turned for its lines to read from left to right.

        0 where there is too little writing to tell, and where glyphs stand upright in lines that run downwards.
        Raises EngineError.
        """
        return await self._apart(self._turn, page)

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _apart(self, work: Callable[[PageImage], _T], page: PageImage) -> _T:
        """Run in a thread. Cancelling leaves a thread that has begun to finish its page, and nobody waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, _with_our_errors, work, page)

    def _ocr(self) -> Any:
        """The models, loaded by the first page: sessions made before a fork are slow after it. Shared by all threads."""
        with self._lock:
            if self._recogniser is None:
                self._recogniser = _loaded(self._threads)
        return self._recogniser

    def _found(self, page: PageImage) -> tuple[list[Word], list[Rule]]:
        from document_parser.engines.drawn import rules_around

        pixels = blue_first(opened(page))
        words = self._words(pixels)
        return words, rules_around(words, pixels) if words else []

    def _words(self, pixels: Pixels) -> list[Word]:
        found = self._ocr()(pixels)
        if not found.txts:
            return []
        corners = found.boxes / np.array(pixels.shape[1::-1])
        return [_word(text, box, float(score)) for text, box, score in zip(found.txts, corners, found.scores, strict=True)]

    def _turn(self, page: PageImage) -> int:
        picture = opened(page)
        picture.thumbnail((GLANCE_LONG_SIDE, GLANCE_LONG_SIDE), Image.Resampling.BOX)
        boxes, lines = self._lines(blue_first(picture))
        downwards = _run_downwards(boxes)
        sample = _longest([line for line, down in zip(lines, _are_tall(boxes), strict=True) if down == downwards])
        if not sample:
            return 0
        as_found, upside_down = self._confidence(sample), self._confidence([line[::-1, ::-1] for line in sample])
        if max(as_found, upside_down) < READABLE or abs(as_found - upside_down) < CLEARLY:
            return 0
        # A line that runs downwards was cut out turned by a quarter against the clock.
        return (270 if downwards else 0) if as_found > upside_down else (90 if downwards else 180)

    def _lines(self, pixels: Pixels) -> tuple[NDArray[np.float32], list[Pixels]]:
        """The corners of the lines found, and the lines cut out, each lying flat."""
        from rapidocr.main import RapidOCRError

        try:
            lines, found = self._ocr().detect_and_crop(pixels, {})
        except RapidOCRError:  # nothing found
            return np.zeros((0, 4, 2), dtype=np.float32), []
        return found.boxes, lines

    def _confidence(self, lines: Sequence[Pixels]) -> float:
        """How sure the recognition is of these lines, by their number of letters."""
        read = self._ocr().recognize_txt([np.ascontiguousarray(line) for line in lines])
        letters = sum(map(len, read.txts))
        return float(sum(len(text) * score for text, score in zip(read.txts, read.scores, strict=True))) / max(1, letters)


def _loaded(threads: int) -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            # Pages are turned upright as a whole; the classifier of single lines costs time and errs.
            "Global.use_cls": False,
            # Lines one by one: 40 % faster on one thread than six padded to the longest.
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            # The arena keeps 220 MB that are needed only for a moment.
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
        }
    )


def _with_our_errors(work: Callable[[PageImage], _T], page: PageImage) -> _T:
    import cv2
    from rapidocr.inference_engine.onnxruntime import ONNXRuntimeError
    from rapidocr.utils.process_img import ResizeImgError

    try:
        return work(page)
    except (cv2.error, ONNXRuntimeError, ResizeImgError, ValueError, MemoryError):
        raise EngineError("RapidOCR failed on the picture of the page.") from None


def _word(text: str, corners: NDArray[np.float64], score: float) -> Word:
    left, top = np.clip(corners.min(axis=0), 0, 1)
    right, bottom = np.clip(corners.max(axis=0), 0, 1)
    return Word(text, float(left), float(top), float(right), float(bottom), confidence=round(score, 4))


def _sizes(boxes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Widths and heights of boxes given by four corners, clockwise from the top left."""
    return np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)


def _are_tall(boxes: NDArray[np.float32]) -> list[bool]:
    width, height = _sizes(boxes)
    return [bool(tall) for tall in height >= ELONGATED * width]


def _run_downwards(boxes: NDArray[np.float32]) -> bool:
    """Whether more length of writing runs down the page than across it."""
    width, height = _sizes(boxes)
    down = float(height[height >= ELONGATED * width].sum())
    return down > float(width[width >= ELONGATED * height].sum())


def _longest(lines: list[Pixels]) -> list[Pixels]:
    chosen = sorted(lines, key=lambda line: line.shape[1] / line.shape[0], reverse=True)[:SAMPLE_LINES]
    return [line[:, : SAMPLE_SHAPE * line.shape[0]] for line in chosen]
