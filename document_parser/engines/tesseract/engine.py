"""Read pages and lines with Tesseract, in every script that it has language packs for."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ClassVar, TypeVar

import numpy as np
from PIL import Image

from document_parser.engines.base import UNKNOWN_TURN, Engine, LineReadings, Turn, Watch
from document_parser.engines.tesseract.choice import (
    MIN_CONFIDENCE,
    LineChoice,
    choose_for_page,
    read_in_best_languages,
    read_unsure_again,
    with_english_words,
)
from document_parser.engines.tesseract.languages import AUTO, SCRIPTS, scripts_of
from document_parser.engines.tesseract.packs import Packs, find_packs
from document_parser.engines.tesseract.pieces import FURTHER_CUTS, MARGIN_PIXELS, Cut, crop_sample, cut_lines
from document_parser.engines.tesseract.recogniser import FoundWord, Orientation, Recogniser
from document_parser.engines.tesseract.spacing import (
    normalize_letters,
    respace_lines,
    respace_page,
    separate_boxes,
    spell_ligatures,
)
from document_parser.errors import EngineUnavailable
from document_parser.imaging.convert import decode_page_image, to_bgr
from document_parser.models import CpuEngine, EngineName, PageImage, PageImageSpec, Reading, Word
from document_parser.models.skew import Skew
from document_parser.settings import Settings

DPI_RATIO = 2
"""Tesseract's picture has this many times the resolution of the other CPU engine's: it wants letters about twice as high."""
MAX_LONG_SIDE_PIXELS = 4000
"""The longer side of the picture that this engine asks for."""
MIN_TURN_CONFIDENCE = 5.0
"""Tesseract's confidence in the orientation of a page below which it is not used.

Hindi and Latin print give 7 and more, handwriting less than 4 and often a wrong orientation.
"""
MIN_SCRIPT_CONFIDENCE = 5.0
"""Tesseract's confidence in the script of a page below which it is not used.

A Hindi page gives 32, print of two scripts 3, handwriting less than 1.
"""
FRAKTUR_PACKS = frozenset(SCRIPTS["Fraktur"])
"""Packs that write signs for the ligatures of Fraktur."""
ORIENTATION_PACK = "osd"
"""The pack that detects orientation and script."""
DEFAULT_PROGRAM = "tesseract"
"""Name of the program that stands for whatever Tesseract is there; another name asks for that program."""
_T = TypeVar("_T")


class TesseractEngine(Engine):
    """Finds words with their places, in the languages of the settings or those that fit the page."""

    name: ClassVar[EngineName] = "tesseract"

    def __init__(self, settings: Settings) -> None:
        dpi = DPI_RATIO * settings.engines.cpu_picture_dpi
        self.image_spec = PageImageSpec(dpi=dpi, max_long_side=MAX_LONG_SIDE_PIXELS, encoding="rgb", straighten=True)
        self._settings = settings
        self._languages = settings.engines.tesseract_languages
        self._recogniser = make_recogniser(settings)
        self._pool = ThreadPoolExecutor(settings.cpu_window, thread_name_prefix="tesseract")

    async def is_available(self) -> bool:
        """Return whether the library or the program is there."""
        return self._recogniser is not None

    def describe_machine(self) -> str:
        """Return Tesseract's version and its language packs. Empty if it is not there. Raises EngineError."""
        if self._recogniser is None:
            return ""
        return f"{self._recogniser.describe()} {'+'.join(sorted(find_packs(self._settings).languages))}"

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read a page in a thread of the engine's pool. Raises EngineError, EngineTimeout, EngineUnavailable."""
        started = time.monotonic()
        reading = await self._run_in_thread(partial(self._read_page, page))
        reading.milliseconds = round((time.monotonic() - started) * 1000)
        return reading

    async def read_lines(
        self, page: PageImage, lines: Sequence[Word], skew: Skew, script: str = "", languages: str = ""
    ) -> LineReadings:
        """Read lines that another engine found and could not read, on the picture straightened by ``skew``.

        With ``script`` they are read in that script; none has words if no pack for it is installed. With ``languages`` they are
        read with these packs, joined by ``+``. Raises EngineError, EngineTimeout, EngineUnavailable.
        """
        return await self._run_in_thread(partial(self._read_lines, page, lines, skew, script, languages))

    async def detect_turn(self, page: PageImage) -> Turn:
        """Return the clockwise turn in degrees that makes the picture upright, or UNKNOWN_TURN.

        Raises EngineError, EngineTimeout, EngineUnavailable.
        """
        return await self._run_in_thread(partial(self._detect_turn, page))

    async def aclose(self) -> None:
        """Shut the pool down without waiting for pages that are being read."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run_in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work)

    def _read_page(self, page: PageImage) -> Reading:
        """Find and read the words of a page, and separate them from ruling lines and figures."""
        from document_parser.imaging.figures import find_figures
        from document_parser.imaging.rulings import find_rulings, rulings_around

        picture = decode_page_image(page)
        script = self._detect_script(picture) if self._languages == AUTO and len(self._packs().languages) > 1 else ""
        languages = self._choose_languages(picture, script)
        words = self._read_words(picture, languages)
        unknown = is_unknown(script, find_packs(self._settings).languages, words)
        pixels = to_bgr(picture)
        rules = rulings_around(words, find_rulings(pixels)) if words else []
        figures = find_figures(pixels, np.array([word[1:5] for word in words]), rules)
        how = f"as {languages}"
        return Reading(self.name, words=words, rules=rules, figures=figures, unknown_share=float(unknown), how=how)

    def _read_lines(self, page: PageImage, lines: Sequence[Word], skew: Skew, script: str, languages: str) -> LineReadings:
        """Cut the lines out, read each in the languages that fit it, and place the words on the page."""
        packs = languages or next((name for name in SCRIPTS.get(script, ()) if name in self._packs().languages), "")
        if script and not packs:
            return LineReadings([[] for _ in lines], [""] * len(lines), "")
        picture = decode_page_image(page)
        pieces = cut_lines(picture, lines, skew)
        if packs:
            found = [LineChoice(words, packs) for words in self._read_pieces(pieces, packs)]
        elif self._languages == AUTO:
            found = read_in_best_languages(pieces, self._packs(), self._read_pieces)
        else:
            found = [LineChoice(words, self._languages) for words in self._read_pieces(pieces, self._languages)]
        found = read_unsure_again(found, FURTHER_CUTS, partial(_cut_again, picture, lines, skew), self._read_pieces)
        if self._languages == AUTO:
            found = with_english_words(found, pieces, self._packs(), self._read_pieces)
        return LineReadings(
            [[_place_on_page(word, line) for word in one.words] for one, line in zip(found, lines, strict=True)],
            [one.languages for one in found],
            "" if packs or all(one.words for one in found) else self._detect_script(picture),
        )

    def _read_pieces(self, pieces: Sequence[Image.Image], languages: str) -> list[list[Word]]:
        """Return the words of single lines. Boxes are in fractions of each piece without its margin."""
        found = self._ready().read_lines(
            pieces, languages, find_packs(self._settings).folder_of(languages), self.image_spec.dpi
        )
        found = respace_lines(found, pieces)
        if not FRAKTUR_PACKS.isdisjoint(languages.split("+")):
            found = [[word._replace(text=spell_ligatures(word.text)) for word in line] for line in found]
        return [list(_words_of_piece(words, piece)) for words, piece in zip(found, pieces, strict=True)]

    def _choose_languages(self, picture: Image.Image, script: str) -> str:
        """Return the language packs to read a page with: those of the settings, or those that fit it best.

        ``script`` is the detected script of the page; empty if it is not known. Raises EngineUnavailable.
        """
        if self._languages != AUTO:
            return self._languages
        packs = self._packs()
        sample = crop_sample(picture)
        return choose_for_page(
            packs,
            script,
            lambda languages: Reading(self.name, words=self._read_words(sample, languages)).confident_letters,
        )

    def _packs(self) -> Packs:
        """Return the language packs. Raises EngineUnavailable if there is none."""
        packs = find_packs(self._settings)
        if not packs.languages:
            raise EngineUnavailable("Tesseract has no language pack: docparse languages add default")
        return packs

    def _read_words(self, picture: Image.Image, languages: str) -> list[Word]:
        folder = find_packs(self._settings).folder_of(languages)
        found = self._ready().read_page(picture, languages, folder, self.image_spec.dpi)
        return list(_words_of(respace_page(found, picture), *picture.size))

    def _detect_script(self, picture: Image.Image) -> str:
        """Return the script of the page. Empty if there is too little text to decide, or the detection is not sure."""
        seen = self._detect_orientation(picture)
        return seen.script if seen and seen.script_confidence >= MIN_SCRIPT_CONFIDENCE else ""

    def _detect_turn(self, page: PageImage) -> Turn:
        seen = self._detect_orientation(decode_page_image(page))
        return Turn(seen.turn, sure=True) if seen and seen.turn_confidence >= MIN_TURN_CONFIDENCE else UNKNOWN_TURN

    def _detect_orientation(self, picture: Image.Image) -> Orientation | None:
        """Return the result of Tesseract's detection; None if there is too little text or its pack is not there."""
        folder = find_packs(self._settings).folders.get(ORIENTATION_PACK)
        return self._ready().detect_orientation(picture, folder) if folder else None

    def _ready(self) -> Recogniser:
        """Return the recogniser. Raises EngineUnavailable if there is none."""
        if self._recogniser is None:
            raise EngineUnavailable(f"Tesseract cannot read: {_describe_missing(self._settings)}.")
        return self._recogniser


def make_recogniser(settings: Settings) -> Recogniser | None:
    """Return Tesseract's library, or else the program of the settings; None if neither is there.

    A program with another name than DEFAULT_PROGRAM comes before the library.
    """
    program, deadline = settings.engines.tesseract_program, settings.workers.page_timeout_seconds
    if program == DEFAULT_PROGRAM and is_library_there():
        from document_parser.engines.tesseract.library import LibraryRecogniser

        return LibraryRecogniser(deadline)
    if program and shutil.which(program):
        from document_parser.engines.tesseract.program import ProgramRecogniser

        return ProgramRecogniser(program, deadline)
    return None


def is_library_there() -> bool:
    """Return whether Tesseract's library is installed for this Python."""
    return importlib.util.find_spec("tesserocr") is not None


def is_there(settings: Settings) -> bool:
    """Return whether the library or the program of the settings can be called."""
    program = settings.engines.tesseract_program
    return bool(program) and ((program == DEFAULT_PROGRAM and is_library_there()) or shutil.which(program) is not None)


def program_state(settings: Settings) -> CpuEngine:
    """Return whether Tesseract can be called on this machine, whatever its languages."""
    if is_there(settings):
        languages = find_packs(settings).languages
        return CpuEngine(name="tesseract", scripts=tuple(scripts_of(languages)), languages=tuple(sorted(languages)))
    other = ", or CPU_ENGINE=rapidocr" if settings.engines.cpu_engine == "tesseract" else ""
    return CpuEngine(name="tesseract", trouble=_describe_missing(settings), advice=f"apt-get install tesseract-ocr{other}")


def engine_state(settings: Settings) -> CpuEngine:
    """Return whether Tesseract can read on this machine in the languages of the settings."""
    found = program_state(settings)
    if found.trouble:
        return found
    chosen = settings.engines.tesseract_languages
    if chosen == AUTO and found.languages:
        return found
    wanted = {"eng"} if chosen == AUTO else set(chosen.split("+"))
    lacking = sorted(wanted - set(found.languages))
    if not lacking:
        return found
    advice = f"docparse languages add {' '.join(lacking)}"
    return found.model_copy(update={"trouble": f"lacks the languages {', '.join(lacking)}", "advice": advice})


def is_unknown(script: str, packs: Collection[str], words: Sequence[Word]) -> bool:
    """Return whether a page is in a script without a pack: one was detected, and what was read is not sure."""
    letters = sum(len(word.text) for word in words)
    sure = sum(len(word.text) * (word.confidence or 0) for word in words)
    return bool(script) and script not in scripts_of(packs) and sure < MIN_CONFIDENCE * max(1, letters)


def _describe_missing(settings: Settings) -> str:
    """Return why neither the library nor the program of the settings can be called."""
    program = settings.engines.tesseract_program
    if not program:
        return "TESSERACT_PROGRAM is empty, so it is not used"
    return f"its program {program} is not installed"


def _cut_again(picture: Image.Image, lines: Sequence[Word], skew: Skew, places: Sequence[int], cut: Cut) -> list[Image.Image]:
    """Return the lines at these places cut out in this way."""
    return cut_lines(picture, [lines[place] for place in places], skew, cut)


def _words_of_piece(found: Sequence[FoundWord], piece: Image.Image) -> Iterator[Word]:
    """Yield the words of a piece, in fractions of the line that was cut out, without its margin."""
    inside = piece.width - 2 * MARGIN_PIXELS
    for word in _words_of(separate_boxes(found), *piece.size):
        left, right = ((edge * piece.width - MARGIN_PIXELS) / inside for edge in (word.left, word.right))
        yield word._replace(left=min(1.0, max(0.0, left)), right=min(1.0, max(0.0, right)))


def _place_on_page(word: Word, line: Word) -> Word:
    """Return a word of a cut line with its place on the page.

    It is as high as the line, like the words of the engine that found the line.
    """
    across = line.right - line.left
    left, right = (line.left + edge * across for edge in (word.left, word.right))
    return word._replace(left=left, right=right, top=line.top, bottom=line.bottom)


def _words_of(found: Sequence[FoundWord], across: int, down: int) -> Iterator[Word]:
    """Yield words in fractions of a picture of this size in pixels."""
    for text, left, top, width, height, sure in found:
        box = (left / across, top / down, (left + width) / across, (top + height) / down)
        yield Word(normalize_letters(text), *box, confidence=round(sure / 100, 4))
