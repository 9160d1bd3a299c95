"""Read pages on the CPU with the PP-OCRv6 small models, whose weights are in RapidOCR's wheel."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import time
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.engines.base import UNKNOWN_TURN, Engine, Turn, Watch
from document_parser.engines.rapidocr import networks, openvino
from document_parser.errors import EngineError, EngineUnavailable
from document_parser.imaging.convert import decode_page_image, to_bgr
from document_parser.models import BoundingBox, CpuEngine, EngineName, PageImage, PageImageSpec, Reading, RulingLine, Word
from document_parser.models.skew import Skew, direction_of
from document_parser.settings import Settings

if TYPE_CHECKING:
    from document_parser.engines.rapidocr.ocr import PpOcr
    from document_parser.engines.rapidocr.word_spans import Span

SCRIPTS = ("Latin", "Han", "Japanese")
"""Scripts of which the recognition knows the letters; of Vietnamese, which is Latin, it does not know all."""
MAX_LONG_SIDE_PIXELS = 2000
"""The longer side of the image that this engine asks for."""

TURN_LONG_SIDE_PIXELS = 1200
"""The longer side of the reduced image on which the page's orientation is detected."""
MAX_SAMPLE_LINES = 6
"""How many lines, the longest, are read to detect the page's orientation."""
MAX_SAMPLE_RATIO = 14
"""Width over height of the piece of a long line that is read to detect its direction."""
MIN_TALL_RATIO = 1.5
"""A box counts as tall if its height is this many times its width, and as wide the other way round."""
MIN_TURN_CONFIDENCE = 0.6
"""Mean confidence per letter below which the orientation stays unknown."""
MIN_SURE_TURN_CONFIDENCE = 0.85
"""Mean confidence per letter from which a detected orientation is sure.

The recognition may be equally confident of letters that it does not know when they are upside down, but it is less confident
than this of both.
"""
MIN_CONFIDENCE_DIFFERENCE = 0.05
"""Difference between the mean confidences upright and upside down below which the orientation stays unknown."""
MIN_WRITING_CONFIDENCE = 0.5
"""A line read with less confidence is taken for something else: a drawing, a stain, letters the models do not know."""

MIN_LINE_CONFIDENCE = 0.7
"""A line read with less confidence, or with hardly a letter in its length, counts as unread: handwriting or another script."""
MIN_SURE_LINE_CONFIDENCE = 0.9
"""If a page has unread lines, its lines read with less confidence than this count as uncertain as well."""
MIN_LETTERS_PER_HEIGHT = 0.2
"""Letters in a length equal to the height of the line; a long line with fewer counts as unread.

Chinese has 1, Latin 2 to 3; misread Tamil and Cyrillic have 0.15.
"""
MIN_LONG_LINE_RATIO = 3.0
"""Length over height from which a line is long enough to count its letters, and from which its box shows where it runs to."""
MIN_LOST_LETTERS = 2.0
"""Letters left out of a line from which its confidence is lowered. One may be a mark beside the text."""
MIN_LOST_SHARE = 0.03
"""Share of the letters left out of a line, or of all such lines, from which its confidence is lowered.

Print in letters that the models know stays below .015, Vietnamese has .07 to .1, Greek .5, Cyrillic .9.
"""
MIN_MIXED_LETTERS = 3
"""Letters of a word in letters of two scripts from which it counts as misread: one or two are a symbol such as *\u0394x*."""
MIXING_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
"""Beginnings of the Unicode names of letters that no word mixes, and that the models take for each other."""
MAX_LEVEL_DEGREES = 3
"""Slope of a line, at most, whose words are told apart: the layout reads steeper lines as wholes."""
MAX_FOREIGN_SHARE = 0.7
"""Share of the letters of a page in lines that are not English above which all its lines count as such."""
LOST_WEIGHT = 3.0
"""How much more a letter left out counts against a line than its share: many of those that were written are wrong as well."""

Pixels = NDArray[np.uint8]
"""Rows of pixels in the order blue, green, red."""
Corners = NDArray[np.float32]
"""Corners of boxes in pixels, clockwise from the top left."""
CORNER_EDGES = np.array(((0, 1), (2, 1), (2, 3), (0, 3)))
"""Which edges of a box (left, top, right, bottom) meet in its corners, clockwise from the top left."""
_T = TypeVar("_T")


class Line(NamedTuple):
    """A line of writing: its text, and its corners in pixels, clockwise from the top left."""

    text: str
    corners: Corners
    confidence: float
    lost_letters: float = 0.0
    """About how many letters were left out of the text."""
    spans: tuple[Span, ...] = ()
    """Places of its words, in shares of its length; empty if there are fewer than two."""


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

    async def read_segments(self, page: PageImage, boxes: Sequence[BoundingBox]) -> list[Word]:
        """Return what stands in each of these boxes of an image, in order, without those that cannot be read.

        Raises EngineError, EngineUnavailable.
        """
        return await self._run_in_thread(partial(self._read_segments, boxes=boxes), page)

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
        from document_parser.imaging.figures import find_figures
        from document_parser.imaging.rulings import find_rulings, rulings_around

        pixels = to_bgr(decode_page_image(page))
        lines, found = self._find_lines_until(pixels, lambda: watch is not None and watch("") is not None)
        skew = Skew()
        if len(lines) < found:
            words = [_word_of(line, pixels) for line in lines if _is_read(line) and not _is_mostly_lost(line)]
            return Reading(self.name, words=words, finish_reason="aborted", how=f"{len(lines)} of {found}")
        if not page.skew.degrees:
            lines, pixels, skew = _straighten_lines(lines, pixels)
        read = [line for line in lines if _is_read(line)]
        unread = [line for line in lines if not _is_read(line)]
        kept = [line for line in read if not _is_mostly_lost(line)]
        words = [_word_of(line, pixels) for line in kept]
        drawn = find_rulings(pixels) if lines else []
        rules = rulings_around([_word_of(line, pixels) for line in read or lines], drawn)
        figures = find_figures(pixels, _page_boxes_of(read, pixels), rules, _page_boxes_of(unread, pixels))
        boxed, rules = with_check_boxes(words, rules, pixels)
        without_boxes = dict(zip(words, boxed, strict=False))  # boxes are last
        # If something in a photograph looks like a line and cannot be read, it is no writing; the figure shows it.
        writing = [line for line in lines if _is_read(line) or not _is_on_figure(figures, line, pixels)]
        return Reading(
            self.name,
            words=boxed,
            parts_of_lines=_parts_of_lines(kept, boxed, drawn, pixels),
            rules=rules,
            figures=figures,
            skew=skew,
            unread_share=unread_share_of(writing),
            unknown_share=unknown_share_of(writing),
            uncertain_lines=[
                without_boxes.get(word, word) for word in (_word_of(line, pixels) for line in _uncertain_lines_of(writing))
            ],
        )

    def _read_segments(self, page: PageImage, boxes: Sequence[BoundingBox]) -> list[Word]:
        """Read the parts of an image in these boxes as one line each."""
        from document_parser.engines.rapidocr.ocr import cut_out_lines

        pixels = to_bgr(decode_page_image(page))
        edges = np.array([(box.left, box.top, box.right, box.bottom) for box in boxes], np.float32).reshape(-1, 4)
        corners = (edges[:, CORNER_EDGES] * np.array(pixels.shape[1::-1])).astype(np.float32)
        read = self._load_models().read(cut_out_lines(pixels, corners))
        found = [
            Line(_with_raised_marks(text.strip(), pixels, box), box, sure, lost)
            for (text, sure, lost, _), box in zip(read, corners, strict=True)
        ]
        return [_word_of(line, pixels) for line in lower_confidence(found) if _is_read(line) and not _is_mostly_lost(line)]

    def find_lines(self, pixels: Pixels) -> list[Line]:
        """Return every line of writing in an image, from the top down. Raises EngineUnavailable, RuntimeError."""
        return self._find_lines_until(pixels, lambda: False)[0]

    def _find_lines_until(self, pixels: Pixels, should_stop: Callable[[], bool]) -> tuple[list[Line], int]:
        """Return the lines that were read before ``should_stop``, from the top down, and how many there are.

        Raises EngineUnavailable, RuntimeError.
        """
        from document_parser.engines.rapidocr.ocr import cut_out_lines

        ocr = self._load_models()
        if should_stop():
            return [], 1
        corners = ocr.find_lines(pixels)
        read = ocr.read_until(cut_out_lines(pixels, corners), should_stop)
        found = [
            Line(_with_raised_marks(one.text.strip(), pixels, box), box, one.confidence, one.lost_letters, one.spans)
            for one, box in zip(read, corners, strict=True)
            if one is not None
        ]
        return lower_confidence(found), len(corners)

    def _detect_turn(self, page: PageImage) -> Turn:
        """Compare how well the longest lines read upright and upside down."""
        from document_parser.engines.rapidocr.ocr import cut_out_lines

        picture = decode_page_image(page)
        picture.thumbnail((TURN_LONG_SIDE_PIXELS, TURN_LONG_SIDE_PIXELS), Image.Resampling.BOX)
        pixels = to_bgr(picture)
        boxes = self._load_models().find_lines(pixels)
        downwards = _run_mostly_downwards(boxes)
        lines = cut_out_lines(pixels, boxes)
        sample = _sample_longest([line for line, down in zip(lines, _are_tall(boxes), strict=True) if down == downwards])
        if not sample:
            return UNKNOWN_TURN
        as_found, upside_down = (
            self._measure_confidence(sample),
            self._measure_confidence([line[::-1, ::-1] for line in sample]),
        )
        if max(as_found, upside_down) < MIN_TURN_CONFIDENCE or abs(as_found - upside_down) < MIN_CONFIDENCE_DIFFERENCE:
            return UNKNOWN_TURN
        # A line that runs downwards was turned by a quarter anticlockwise when it was cut out.
        degrees = (270 if downwards else 0) if as_found > upside_down else (90 if downwards else 180)
        return Turn(degrees, max(as_found, upside_down) >= MIN_SURE_TURN_CONFIDENCE)

    def _measure_confidence(self, lines: Sequence[Pixels]) -> float:
        """Return the mean confidence of the recognition for these lines, weighted by their number of letters."""
        read = self._load_models().read([np.ascontiguousarray(line) for line in lines])
        return sum(len(one.text) * one.confidence for one in read) / max(1, sum(len(one.text) for one in read))


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


def _straighten_lines(lines: list[Line], pixels: Pixels) -> tuple[list[Line], Pixels, Skew]:
    """Return the lines, the image and its skew after straightening by the slope of the lines that were read."""
    from document_parser.imaging.line_skew import find_line_skew, straighten_boxes, straighten_pixels

    skew = find_line_skew(_boxes_of([line for line in lines if _is_read(line)]), pixels)
    if not skew.degrees:
        return lines, pixels, skew
    boxes = straighten_boxes(_boxes_of(lines), skew, pixels)
    straight = [line._replace(corners=box) for line, box in zip(lines, boxes, strict=True)]
    return straight, straighten_pixels(pixels, skew), skew


def _call_with_engine_errors(work: Callable[[PageImage], _T], page: PageImage) -> _T:
    """Run the work and turn the libraries' errors into EngineError."""
    import cv2

    try:
        return work(page)
    except (cv2.error, OSError, RuntimeError, ValueError, MemoryError):
        raise EngineError("RapidOCR failed on the image of the page.") from None


def _is_read(line: Line) -> bool:
    """Return whether a line has text of enough confidence to count as writing, whatever was left out of it."""
    return bool(line.text) and line.confidence >= MIN_WRITING_CONFIDENCE


def _word_of(line: Line, pixels: Pixels) -> Word:
    """Return a line as a word, its box in fractions of the image."""
    corners = line.corners / np.array(pixels.shape[1::-1])
    left, top = np.clip(corners.min(axis=0), 0, 1)
    right, bottom = np.clip(corners.max(axis=0), 0, 1)
    box = (float(left), float(top), float(right), float(bottom))
    return Word(line.text, *box, confidence=round(line.confidence, 4), direction=_direction_of(line))


def _parts_of_lines(
    lines: Sequence[Line], wholes: Sequence[Word], drawn: Sequence[RulingLine], pixels: Pixels
) -> dict[Word, list[Word]]:
    """Return the parts of those lines in which words are struck out: these, and what is between them.

    ``wholes`` are the lines, ``drawn`` the ruling lines of the image.
    """
    from document_parser.imaging.strikes import find_struck, split_at_strikes

    found = {whole: _words_of_line(line, whole, pixels) for line, whole in zip(lines, wholes, strict=False)}
    struck = find_struck([word for words in found.values() for word in words], drawn, pixels)
    return {whole: split_at_strikes(words, struck) for whole, words in found.items() if not struck.isdisjoint(words)}


def _words_of_line(line: Line, whole: Word, pixels: Pixels) -> list[Word]:
    """Return the words of a line; the line itself if it is steep. ``whole`` is the line without a check box before it."""
    texts = whole.text.split()
    steep = min(whole.direction, 360 - whole.direction) > MAX_LEVEL_DEGREES
    fits = len(texts) == len(line.spans) or (whole.text != line.text and len(texts) < len(line.spans))
    if len(texts) < 2 or steep or not fits:
        return [whole]
    upper_left, upper_right, lower_right, lower_left = line.corners / np.array(pixels.shape[1::-1])
    words: list[Word] = []
    for text, (start, end) in zip(texts, line.spans[-len(texts) :], strict=True):
        edges = ((upper_left, upper_right), (lower_left, lower_right))
        corners = np.clip([one + share * (other - one) for one, other in edges for share in (start, end)], 0, 1)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        # A check box before the line is none of its words: its place may be in the span of the first.
        left = left if words or right <= whole.left else max(left, whole.left)
        words.append(whole._replace(text=text, left=left, top=top, right=right, bottom=bottom))
    return words


def _direction_of(line: Line) -> int:
    """Return where a line runs to, in degrees as ``direction_of`` counts them. A tall box was read from the top down.

    The box of a few letters is about as high as wide and says nothing: such a line counts as running to the right.
    """
    ahead, down = line.corners[1] - line.corners[0], line.corners[3] - line.corners[0]
    across, along = math.hypot(*ahead), math.hypot(*down)
    if max(across, along) < MIN_LONG_LINE_RATIO * min(across, along):
        return 0
    return direction_of(*map(float, ahead if across > along else down))


def lower_confidence(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with less confidence in those that letters were left out of.

    If many Latin letters of the page were left out, its other lines in Latin letters that are not English count as if they had
    lost as many: what is not left out is often read without its marks. So do all lines if hardly any is English. Words that mix
    the letters of two scripts are misread.
    """
    latin = [line for line in lines if _is_latin(line.text)]
    letters = max(1, sum(len(line.text) for line in latin))
    lost = sum(line.lost_letters for line in latin if line.lost_letters >= MIN_LOST_LETTERS)
    foreign = sum(len(line.text) for line in latin if not line.text.isascii() or line.lost_letters >= MIN_LOST_LETTERS)
    share = lost / (lost + letters)
    if share < MIN_LOST_SHARE:
        return [_lower_confidence_of(line, 0.0) for line in lines]
    all_lines = foreign > MAX_FOREIGN_SHARE * letters
    alike = {id(line) for line in latin if all_lines or not line.text.isascii()}
    return [_lower_confidence_of(line, share if id(line) in alike else 0.0) for line in lines]


def _is_latin(text: str) -> bool:
    """Return whether most letters of a text are Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return bool(letters) and latin > len(letters) / 2


def _lower_confidence_of(line: Line, least_share: float) -> Line:
    """Return the line with less confidence if more than a few of its letters, or this share of them, were left out."""
    letters = sum(not sign.isspace() for sign in line.text)
    own = line.lost_letters / (line.lost_letters + letters) if line.lost_letters >= MIN_LOST_LETTERS else 0.0
    share, mixed = max(own, least_share), _mixed_share_of(line.text)
    if max(share, mixed) < MIN_LOST_SHARE:
        return line
    lowered = line.confidence * max(0.0, 1 - LOST_WEIGHT * share - mixed)
    # What was taken for writing still is writing, whatever was left out of it.
    return line._replace(confidence=max(lowered, min(line.confidence, MIN_WRITING_CONFIDENCE)))


def _mixed_share_of(text: str) -> float:
    """Return the share of the letters of a line in words that mix letters of two scripts, as polytonic Greek is misread."""
    words = ["".join(filter(str.isalpha, word)) for word in text.split()]
    mixed = sum(len(word) for word in words if len(word) >= MIN_MIXED_LETTERS and _is_mixed(word))
    return mixed / max(1, sum(map(len, words)))


def _is_mixed(word: str) -> bool:
    """Return whether the letters of a word are of two scripts that no word mixes."""
    if word.isascii():
        return False
    return len({unicodedata.name(letter, "").partition(" ")[0] for letter in word}.intersection(MIXING_SCRIPTS)) > 1


def unread_share_of(lines: Sequence[Line]) -> float:
    """Return the share of the length of the lines found that could not be read, 0 to 1."""
    if not lines:
        return 0.0
    _, lengths = _extents_of(lines)
    return round(float(lengths[_are_unread(lines)].sum() / lengths.sum()), 4)


def _is_mostly_lost(line: Line) -> bool:
    """Return whether more letters of a line were left out than read, so that what is left says nothing."""
    return line.lost_letters >= max(MIN_LOST_LETTERS, sum(not sign.isspace() for sign in line.text))


def unknown_share_of(lines: Sequence[Line]) -> float:
    """Return the share of the length of the lines found that is in letters which the models do not know, 0 to 1."""
    if not lines:
        return 0.0
    _, lengths = _extents_of(lines)
    unknown = [
        not line.text or (line.confidence < MIN_LINE_CONFIDENCE and line.lost_letters >= MIN_LOST_LETTERS) for line in lines
    ]
    return round(float(lengths[np.array(unknown)].sum() / lengths.sum()), 4)


def _are_unread(lines: Sequence[Line]) -> NDArray[np.bool_]:
    """Return for each line whether it counts as unread."""
    heights, lengths = _extents_of(lines)
    letters = np.array([sum(not letter.isspace() for letter in line.text) for line in lines])
    sparse = (lengths >= MIN_LONG_LINE_RATIO * heights) & (letters < MIN_LETTERS_PER_HEIGHT * lengths / heights)
    lost: NDArray[np.bool_] = (letters == 0) | (_confidences_of(lines) < MIN_LINE_CONFIDENCE) | sparse
    return lost


def _uncertain_lines_of(lines: Sequence[Line]) -> list[Line]:
    """Return the unread lines and the lines that were read with little confidence, without lines that run downwards.

    Empty if no line is unread.
    """
    if not lines or not (lost := _are_unread(lines)).any():
        return []
    doubtful = lost | (_confidences_of(lines) < MIN_SURE_LINE_CONFIDENCE)
    return [line for line, found, tall in zip(lines, doubtful, _are_tall(_boxes_of(lines)), strict=True) if found and not tall]


def _confidences_of(lines: Sequence[Line]) -> NDArray[np.float64]:
    return np.array([line.confidence for line in lines])


def _boxes_of(lines: Sequence[Line]) -> Corners:
    return np.array([line.corners for line in lines], dtype=np.float32).reshape(-1, 4, 2)


def _page_boxes_of(lines: Sequence[Line], pixels: Pixels) -> NDArray[np.float64]:
    """Return left, top, right and bottom of each line in fractions of the image, as an array (n, 4)."""
    corners = _boxes_of(lines) / np.array(pixels.shape[1::-1])
    return np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)


def _is_on_figure(figures: Sequence[BoundingBox], line: Line, pixels: Pixels) -> bool:
    """Return whether the centre of a line lies on a figure."""
    across, down = (line.corners.mean(axis=0) / pixels.shape[1::-1]).tolist()
    return any(box.left <= across <= box.right and box.top <= down <= box.bottom for box in figures)


def _extents_of(lines: Sequence[Line]) -> tuple[Corners, Corners]:
    """Return the heights and the lengths of lines in pixels, whichever way they run."""
    heights, lengths = np.maximum(np.sort(_sizes_of(_boxes_of(lines)), axis=0), 1)
    return heights, lengths


def _sizes_of(boxes: Corners) -> tuple[Corners, Corners]:
    """Return the widths and the heights of boxes given by four corners, clockwise from the top left."""
    return np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)


def _are_tall(boxes: Corners) -> list[bool]:
    """Return for each box whether it is clearly higher than wide."""
    width, height = _sizes_of(boxes)
    return [bool(tall) for tall in height >= MIN_TALL_RATIO * width]


def _run_mostly_downwards(boxes: Corners) -> bool:
    """Return whether the boxes that run down the page have a greater total length than those that run across it."""
    width, height = _sizes_of(boxes)
    down = float(height[height >= MIN_TALL_RATIO * width].sum())
    return down > float(width[width >= MIN_TALL_RATIO * height].sum())


def _sample_longest(lines: list[Pixels]) -> list[Pixels]:
    """Return the pieces of the longest lines that are read to detect the orientation."""
    chosen = sorted(lines, key=lambda line: line.shape[1] / line.shape[0], reverse=True)[:MAX_SAMPLE_LINES]
    return [line[:, : MAX_SAMPLE_RATIO * line.shape[0]] for line in chosen]
