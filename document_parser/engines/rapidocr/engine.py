"""Read pages on the CPU with the PP-OCRv6 small models, whose weights are in RapidOCR's wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np

from document_parser.engines.base import Engine, Turn, Watch
from document_parser.engines.rapidocr import networks, openvino
from document_parser.engines.rapidocr.confidence import (
    is_kept,
    is_read,
    lost_lines_of,
    lower_confidence,
    uncertain_lines_of,
    unknown_share_of,
    unread_share_of,
)
from document_parser.engines.rapidocr.lines import (
    CORNER_EDGES,
    Corners,
    Line,
    Pixels,
    boxes_of,
    is_on_figure,
    page_boxes_of,
    parts_of_lines,
    word_of,
)
from document_parser.engines.rapidocr.turns import find_turn
from document_parser.errors import EngineError, EngineUnavailable
from document_parser.imaging.convert import decode_page_image, to_bgr
from document_parser.models import BoundingBox, CpuEngine, EngineName, PageImage, PageImageSpec, Reading, Word
from document_parser.models.skew import LEVEL, Skew
from document_parser.settings import Settings

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.ocr import PpOcr

SCRIPTS = ("Latin", "Han", "Japanese")
"""Scripts of which the recognition knows the letters; of Vietnamese, which is Latin, it does not know all."""
MAX_LONG_SIDE_PIXELS = 2000
"""The longer side of the image that this engine asks for."""
REGION_MARGIN = 0.5
"""White taken along around a region that is read alone, over its height."""
_T = TypeVar("_T")


class RapidOcrEngine(Engine):
    """Finds lines of words with their places. Reads several pages at once, each on one core."""

    name: ClassVar[EngineName] = "rapidocr"

    def __init__(self, settings: Settings) -> None:
        dpi = settings.engines.cpu_picture_dpi
        self.image_spec = PageImageSpec(dpi=dpi, max_long_side=MAX_LONG_SIDE_PIXELS, encoding="rgb", straighten=True)
        self._settings = settings
        self._runtime = settings.engines.cpu_ocr_runtime
        self._streams = settings.cpu_window
        self._pool = ThreadPoolExecutor(self._streams, thread_name_prefix="rapidocr")
        self._lock = Lock()
        self._models: PpOcr | None = None

    async def is_available(self) -> bool:
        """Return whether RapidOCR can read in this process."""
        return not engine_state(self._settings).trouble

    def describe_machine(self) -> str:
        """Return RapidOCR's version and the runtime that computes its models."""
        return f"{metadata.version('rapidocr')} {networks.runtime_of(self._runtime)}"

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read a page in a thread of the engine's pool.

        ``watch`` is called before each batch of lines. If it asks to stop, the reading has only the lines read so far, is
        ``aborted``, and says in ``how`` how many these are. Raises EngineError, EngineUnavailable.
        """
        started = time.monotonic()
        reading = await self._run_in_thread(partial(self._read_page, watch=watch), page)
        reading.milliseconds = round((time.monotonic() - started) * 1000)
        return reading

    async def detect_turn(self, page: PageImage) -> Turn:
        """Return the clockwise turn in degrees (0, 90, 180, 270) after which the lines read from left to right.

        0 and not sure if there is too little writing, if the models do not know the letters, or if the lines run downwards with
        upright glyphs. Raises EngineError, EngineUnavailable.
        """
        return await self._run_in_thread(self._detect_turn, page)

    async def read_segments(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[Word]:
        """Return what stands in each of these boxes of an image, in order, without those that cannot be read.

        The boxes are those of the image straightened by ``skew``. Raises EngineError, EngineUnavailable.
        """
        return await self._run_in_thread(partial(self._read_segments, boxes=boxes, skew=skew), page)

    async def read_regions(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[list[Word]]:
        """Return the lines found in each of these boxes of an image and around it, also those of little confidence.

        The boxes are those of the image straightened by ``skew``. Raises EngineError, EngineUnavailable.
        """
        return await self._run_in_thread(partial(self._read_regions, boxes=boxes, skew=skew), page)

    async def aclose(self) -> None:
        """Shut the pool down without waiting for pages that are being read."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run_in_thread(self, work: Callable[[PageImage], _T], page: PageImage) -> _T:
        """Run the work in a thread.

        If the call is cancelled, a thread that has begun finishes its page and the result is dropped.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, copy_context().run, _call_with_engine_errors, work, page
        )

    def _load_models(self) -> PpOcr:
        """Return the models, which all threads share. The first page loads them: a runtime's threads do not survive a fork.

        Raises EngineUnavailable.
        """
        from document_parser.engines.rapidocr.ocr import PpOcr

        with self._lock:
            if self._models is None:
                if trouble := engine_state(self._settings).trouble:
                    raise EngineUnavailable(f"RapidOCR cannot read: {trouble}.")
                self._models = PpOcr(self._runtime, self._streams)
        return self._models

    def _read_page(self, page: PageImage, watch: Watch | None = None) -> Reading:
        """Find and read the lines of a page, and separate them from ruling lines and figures."""
        from document_parser.imaging.check_boxes import with_check_boxes
        from document_parser.imaging.dotted import find_dotted_lines
        from document_parser.imaging.figures import find_figures
        from document_parser.imaging.rulings import find_rulings, rulings_around

        pixels = to_bgr(decode_page_image(page))
        lines, found = self._find_lines_until(pixels, lambda: watch is not None and watch("") is not None)
        skew = Skew()
        if len(lines) < found:
            words = [word_of(line, pixels) for line in lines if is_kept(line)]
            return Reading(self.name, words=words, finish_reason="aborted", how=f"{len(lines)} of {found}")
        if not page.skew.degrees:
            lines, pixels, skew = straighten_lines(lines, pixels)
        read = [line for line in lines if is_read(line)]
        unread = [line for line in lines if not is_read(line)]
        kept = [line for line in read if is_kept(line)]
        words = [word_of(line, pixels) for line in kept]
        drawn = find_rulings(pixels) if lines else []
        dotted = find_dotted_lines(pixels, [word_of(line, pixels) for line in lines], drawn)
        rules = rulings_around([word_of(line, pixels) for line in read or lines], [*drawn, *dotted])
        figures = find_figures(pixels, page_boxes_of(read, pixels), rules, page_boxes_of(unread, pixels))
        boxed, rules = with_check_boxes(words, rules, pixels)
        without_boxes = dict(zip(words, boxed, strict=False))  # boxes are last
        # If something in a photograph looks like a line and cannot be read, it is no writing; the figure shows it.
        writing = [line for line in lines if is_read(line) or not is_on_figure(figures, line, pixels)]
        return Reading(
            self.name,
            words=boxed,
            parts_of_lines=parts_of_lines(kept, boxed, drawn, pixels),
            rules=rules,
            figures=figures,
            skew=skew,
            mended=sum(line.mended for line in kept),
            unread_share=unread_share_of(writing),
            unknown_share=unknown_share_of(writing),
            lost_lines=[word_of(line, pixels) for line in lost_lines_of(writing)],
            uncertain_lines=[
                without_boxes.get(word, word) for word in (word_of(line, pixels) for line in uncertain_lines_of(writing))
            ],
        )

    def _read_segments(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[Word]:
        """Read the parts of an image in these boxes as one line each."""
        from document_parser.engines.rapidocr.ocr import cut_out_lines

        pixels = _straight_pixels_of(page, skew)
        edges = np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float32).reshape(-1, 4)
        corners = (edges[:, CORNER_EDGES] * np.array(pixels.shape[1::-1])).astype(np.float32)
        read = self._load_models().read(cut_out_lines(pixels, corners))
        found = [
            Line(_with_raised_marks(one.text.strip(), pixels, box), box, one.confidence, one.lost_letters)
            for one, box in zip(read, corners, strict=True)
        ]
        return [word_of(line, pixels) for line in lower_confidence(found) if is_kept(line)]

    def _read_regions(self, page: PageImage, boxes: Sequence[BoundingBox], skew: Skew = LEVEL) -> list[list[Word]]:
        """Find and read the lines in each of these boxes of an image, with a margin."""
        pixels = _straight_pixels_of(page, skew)
        high, wide = pixels.shape[:2]
        found = []
        for box in boxes:
            margin = REGION_MARGIN * (box.bottom - box.top) * high
            left, top = max(0, math.floor(box.left * wide - margin)), max(0, math.floor(box.top * high - margin))
            region = pixels[top : math.ceil(box.bottom * high + margin), left : math.ceil(box.right * wide + margin)]
            lines = self.find_lines(np.ascontiguousarray(region)) if region.size else []
            offset = np.array((left, top), np.float32)
            found.append([word_of(line._replace(corners=line.corners + offset), pixels) for line in lines])
        return found

    def find_lines(self, pixels: Pixels) -> list[Line]:
        """Return every line of writing in an image, from the top down. Raises EngineUnavailable, RuntimeError."""
        return self._find_lines_until(pixels, lambda: False)[0]

    def _find_lines_until(self, pixels: Pixels, should_stop: Callable[[], bool]) -> tuple[list[Line], int]:
        """Return the lines that were read before ``should_stop``, from the top down, and how many there are.

        Raises EngineUnavailable, RuntimeError.
        """
        from document_parser.engines.rapidocr.ocr import cut_out_lines
        from document_parser.engines.rapidocr.spelling import spell_by_dictionary
        from document_parser.engines.rapidocr.turned_lines import read_turned

        ocr = self._load_models()
        if should_stop():
            return [], 1
        boxes = ocr.find_lines(pixels)
        as_found = ocr.read_until(cut_out_lines(pixels, boxes), should_stop)
        read, corners = read_turned(ocr, pixels, boxes, as_found)
        read = spell_by_dictionary(read)
        found = [
            Line(
                _with_raised_marks(one.text.strip(), pixels, box), box, one.confidence, one.lost_letters, one.spans, one.mended
            )
            for one, box in zip(read, corners, strict=True)
            if one is not None
        ]
        return lower_confidence(found), len(corners)

    def _detect_turn(self, page: PageImage) -> Turn:
        return find_turn(self._load_models(), decode_page_image(page))


def engine_state(settings: Settings) -> CpuEngine:
    """Return whether RapidOCR can read in this process, and which runtime computes its models."""
    if importlib.util.find_spec("rapidocr") is None:
        return CpuEngine(name="rapidocr", trouble="its package is not installed", advice="Reinstall document-parser")
    chosen, trouble = settings.engines.cpu_ocr_runtime, openvino.find_trouble()
    runtime = networks.runtime_of(chosen)
    if runtime == "openvino" and trouble:
        advice = "Set CPU_OCR_RUNTIME=auto to use ONNX Runtime"
        return CpuEngine(name="rapidocr", runtime=runtime, trouble=trouble, advice=advice)
    return CpuEngine(name="rapidocr", runtime=runtime, reason=trouble if chosen == "auto" else "", scripts=SCRIPTS)


def _with_raised_marks(text: str, pixels: Pixels, box: Corners) -> str:
    """Return the text of a line with the raised characters at the ends of its words as such."""
    from document_parser.engines.rapidocr.ocr import cut_out_lines
    from document_parser.engines.rapidocr.raised_marks import mark_raised, may_have_marks

    return mark_raised(text, cut_out_lines(pixels, box[None])[0]) if may_have_marks(text) else text


def straighten_lines(lines: list[Line], pixels: Pixels) -> tuple[list[Line], Pixels, Skew]:
    """Return the lines, the image and its skew after straightening by the slope of the lines that were read."""
    from document_parser.imaging.line_skew import find_line_skew, straighten_boxes, straighten_pixels

    skew = find_line_skew(boxes_of([line for line in lines if is_read(line)]), pixels)
    if not skew.degrees:
        return lines, pixels, skew
    boxes = straighten_boxes(boxes_of(lines), skew, pixels)
    straight = [line._replace(corners=box) for line, box in zip(lines, boxes, strict=True)]
    return straight, straighten_pixels(pixels, skew), skew


def _straight_pixels_of(page: PageImage, skew: Skew) -> Pixels:
    """Return the pixels of an image, straightened by ``skew``."""
    from document_parser.imaging.line_skew import straighten_pixels

    pixels = to_bgr(decode_page_image(page))
    return straighten_pixels(pixels, skew) if skew.degrees else pixels


def _call_with_engine_errors(work: Callable[[PageImage], _T], page: PageImage) -> _T:
    """Run the work and turn the libraries' errors into EngineError."""
    import cv2

    try:
        return work(page)
    except (cv2.error, OSError, RuntimeError, ValueError, MemoryError):
        raise EngineError("RapidOCR failed on the image of the page.") from None
