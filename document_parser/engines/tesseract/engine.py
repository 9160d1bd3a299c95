"""Read pages with the Tesseract program, if it is installed, in every script that it has language packs for."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
import pytesseract
from PIL import Image, ImageOps

from document_parser.engines.base import UNKNOWN_TURN, Engine, LineReadings, Turn, Watch
from document_parser.engines.tesseract.languages import AUTO, NOT_LANGUAGES, choose_languages
from document_parser.errors import EngineError, EngineTimeout, EngineUnavailable
from document_parser.imaging.convert import decode_page_image, to_bgr
from document_parser.imaging.line_skew import straighten_pixels
from document_parser.models import CpuEngine, EngineName, PageImage, PageImageSpec, Reading, Word
from document_parser.models.skew import Skew
from document_parser.settings import Settings

DPI_RATIO = 2
"""Tesseract's image has this many times the resolution of the other CPU engine's: it wants letters about twice as high."""
MAX_LONG_SIDE_PIXELS = 4000
"""The longer side of the image that this engine asks for."""
WORD_LEVEL = 5
"""The ``level`` of a word in Tesseract's table."""
MIN_TURN_CONFIDENCE = 5.0
"""Tesseract's confidence in the orientation of a page below which it is not used.

Hindi and Latin print give 7 and more, handwriting less than 4 and often a wrong orientation.
"""
SINGLE_LINE_MODE = 7
"""Tesseract's page segmentation mode for an image of a single line."""
LINE_HEIGHT_PIXELS = 40
"""Height of a cut line that Tesseract reads, without its margin."""
MARGIN_PIXELS = 12
"""White margin around a cut line."""
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
"""A Korean letter."""
MAX_SYLLABLE_GAP_RATIO = 0.4
"""Gap between two syllables of a Korean word over the height of the letters. A gap between words is larger."""
RESAMPLING = Image.Resampling.LANCZOS
"""How a cut line is scaled to its height."""
SAMPLE_HEIGHT_PIXELS = 500
"""Height of the part of a page on which language packs are tried: a few lines."""
MIN_SCRIPT_CONFIDENCE = 5.0
"""Tesseract's confidence in the script of a page below which it is not used.

A Hindi page gives 32, print of two scripts 3, handwriting less than 1.
"""


Table = dict[str, list[Any]]
"""Tesseract's output as columns: ``level``, ``page_num``, ``text``, ``conf`` and the place in pixels."""


class TesseractEngine(Engine):
    """Finds words with their places, in the languages of the settings or those that fit the page."""

    name: ClassVar[EngineName] = "tesseract"

    def __init__(self, settings: Settings) -> None:
        dpi = DPI_RATIO * settings.engines.cpu_picture_dpi
        self.image_spec = PageImageSpec(dpi=dpi, max_long_side=MAX_LONG_SIDE_PIXELS, encoding="rgb", straighten=True)
        self._languages = settings.engines.tesseract_languages
        self._is_installed = configure_program(settings)
        self._deadline = settings.workers.page_timeout_seconds
        self._pool = ThreadPoolExecutor(settings.cpu_window, thread_name_prefix="tesseract")

    async def is_available(self) -> bool:
        """Return whether the program is installed."""
        return self._is_installed

    def describe_machine(self) -> str:
        """Return the program's version and its language packs. Empty if it is not installed. Raises EngineError."""
        if not self._is_installed:
            return ""
        with _engine_errors():
            return f"{pytesseract.get_tesseract_version()} {'+'.join(sorted(installed_languages()))}"

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        """Read a page in a thread of the engine's pool. Raises EngineError, EngineTimeout, EngineUnavailable."""
        started = time.monotonic()
        reading = await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, self._read_page, page)
        reading.milliseconds = round((time.monotonic() - started) * 1000)
        return reading

    async def read_lines(self, page: PageImage, lines: Sequence[Word], skew: Skew) -> LineReadings:
        """Read lines that another engine found and could not read, on the image straightened by ``skew``.

        Raises EngineError, EngineTimeout, EngineUnavailable.
        """
        work = partial(copy_context().run, self._read_lines, page, lines, skew)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def detect_turn(self, page: PageImage) -> Turn:
        """Return the clockwise turn in degrees that makes the image upright, or UNKNOWN_TURN.

        Raises EngineError, EngineTimeout, EngineUnavailable.
        """
        work = partial(copy_context().run, _detect_turn, page, self._deadline)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def aclose(self) -> None:
        """Shut the pool down without waiting for pages that are being read."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read_page(self, page: PageImage) -> Reading:
        """Find and read the words of a page, and separate them from ruling lines and figures."""
        from document_parser.imaging.figures import find_figures
        from document_parser.imaging.rulings import find_rulings_around

        picture = decode_page_image(page)
        with _engine_errors():
            languages = self._choose_languages(picture)
            words = self._read_words(picture, languages)
        pixels = to_bgr(picture)
        rules = find_rulings_around(words, pixels) if words else []
        figures = find_figures(pixels, np.array([word[1:5] for word in words]), rules)
        return Reading(self.name, words=words, rules=rules, figures=figures, how=f"as {languages}")

    def _read_lines(self, page: PageImage, lines: Sequence[Word], skew: Skew) -> LineReadings:
        """Cut the lines out, read them, and place the words on the page."""
        pieces = cut_lines(decode_page_image(page), lines, skew)
        with _engine_errors():
            languages = self._choose_languages(stack_pieces(pieces))
            found = self._read_pieces(pieces, languages)
        return LineReadings(
            [[_place_on_page(word, line) for word in words] for words, line in zip(found, lines, strict=True)], languages
        )

    def _read_pieces(self, pieces: Sequence[Image.Image], languages: str) -> list[list[Word]]:
        """Return the words of single lines, read in one call because the program loads its models once per call.

        Boxes are in fractions of each piece.
        """
        with TemporaryDirectory(prefix="lines-") as folder:
            paths = [Path(folder, f"{number}.png") for number in range(len(pieces))]
            for path, piece in zip(paths, pieces, strict=True):
                piece.save(path, compress_level=1)
            listed = Path(folder, "lines.txt")
            listed.write_text("\n".join(map(str, paths)))
            table = self._run_tesseract(str(listed), languages, f"--psm {SINGLE_LINE_MODE}")
        return [list(_words_of_piece(table, number, piece)) for number, piece in enumerate(pieces, 1)]

    def _choose_languages(self, picture: Image.Image) -> str:
        """Return the language packs to read with: those of the settings, or those that fit the page best.

        Raises EngineUnavailable.
        """
        if self._languages != AUTO:
            return self._languages
        packs = installed_languages()
        if not packs:
            raise EngineUnavailable("Tesseract has no language pack.")
        sample = _crop_sample(picture)
        trials = cache(lambda languages: Reading(self.name, words=self._read_words(sample, languages)).confident_letters)
        return choose_languages(packs, _detect_script(picture, self._deadline) if len(packs) > 1 else "", trials)

    def _read_words(self, picture: Image.Image, languages: str) -> list[Word]:
        return join_syllables(_words_of(self._run_tesseract(picture, languages), *picture.size), picture.width / picture.height)

    def _run_tesseract(self, picture: Image.Image | str, languages: str, how: str = "") -> Table:
        """Run Tesseract on an image, or on the images listed in a text file, and return its table.

        ``how`` are further arguments of the program.
        """
        found: Table = pytesseract.image_to_data(
            picture,
            lang=languages,
            config=f"--dpi {self.image_spec.dpi:.0f} {how}",
            timeout=self._deadline,
            output_type=pytesseract.Output.DICT,
        )
        return found


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn pytesseract's errors into engine errors."""
    try:
        yield
    except pytesseract.TesseractNotFoundError:
        raise EngineUnavailable("Tesseract is not installed.") from None
    except pytesseract.TesseractError as error:
        raise EngineError(f"Tesseract ended with status {error.status}. Check that its languages are installed.") from None
    except RuntimeError:  # what pytesseract raises for its timeout
        raise EngineTimeout("Tesseract did not finish the page within its deadline.") from None


def configure_program(settings: Settings) -> bool:
    """Make pytesseract call the program of the settings, and return whether it is installed."""
    program = settings.engines.tesseract_program
    pytesseract.pytesseract.tesseract_cmd = program
    return bool(program) and shutil.which(program) is not None


def program_state(settings: Settings) -> CpuEngine:
    """Return whether the program is installed on this machine, whatever its languages."""
    if configure_program(settings):
        return CpuEngine(name="tesseract")
    other = ", or CPU_ENGINE=rapidocr" if settings.engines.cpu_engine == "tesseract" else ""
    return CpuEngine(
        name="tesseract", trouble=_describe_missing_program(settings), advice=f"apt-get install tesseract-ocr{other}"
    )


def engine_state(settings: Settings) -> CpuEngine:
    """Return whether Tesseract can read on this machine in the languages of the settings."""
    found = program_state(settings)
    if found.trouble:
        return found
    chosen = settings.engines.tesseract_languages
    wanted = {"eng"} if chosen == AUTO else set(chosen.split("+"))
    lacking = sorted(wanted - installed_languages())
    if not lacking:
        return found
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in lacking)
    return CpuEngine(
        name="tesseract", trouble=f"lacks the languages {', '.join(lacking)}", advice=f"apt-get install {packages}"
    )


def _describe_missing_program(settings: Settings) -> str:
    """Return why the program of the settings cannot be called."""
    program = settings.engines.tesseract_program
    return f"its program {program} is not installed" if program else "TESSERACT_PROGRAM is empty, so it is not used"


def installed_languages() -> frozenset[str]:
    """Return the installed language packs, without those that are no languages. Raises TesseractNotFoundError."""
    return frozenset(pytesseract.get_languages()) - NOT_LANGUAGES


def _detect_script(picture: Image.Image, deadline: float) -> str:
    """Return the script of the page. Empty if there is too little text to decide, or the detection is not sure."""
    seen = _detect_orientation_and_script(picture, deadline)
    return str(seen["script"]) if seen and float(seen["script_conf"]) >= MIN_SCRIPT_CONFIDENCE else ""


def _detect_turn(page: PageImage, deadline: float) -> Turn:
    """Return the clockwise turn in degrees that makes the image upright, or UNKNOWN_TURN."""
    picture = decode_page_image(page)
    with _engine_errors():
        seen = _detect_orientation_and_script(picture, deadline)
    if not seen or float(seen["orientation_conf"]) < MIN_TURN_CONFIDENCE:
        return UNKNOWN_TURN
    return Turn(int(seen["rotate"]) % 360, sure=True)


def _detect_orientation_and_script(picture: Image.Image, deadline: float) -> dict[str, Any]:
    """Return the result of Tesseract's detection of orientation and script.

    Empty if there is too little text or the pack for the detection is not installed.
    """
    try:
        seen: dict[str, Any] = pytesseract.image_to_osd(picture, timeout=deadline, output_type=pytesseract.Output.DICT)
    except pytesseract.TesseractError:
        return {}
    return seen


def _crop_sample(picture: Image.Image) -> Image.Image:
    """Return the part of the page with the most writing."""
    if picture.height <= SAMPLE_HEIGHT_PIXELS:
        return picture
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    written = np.concatenate(([0], np.cumsum(np.abs(np.diff(grey, axis=1)).mean(axis=1))))
    top = int((written[SAMPLE_HEIGHT_PIXELS:] - written[:-SAMPLE_HEIGHT_PIXELS]).argmax())
    return picture.crop((0, top, picture.width, top + SAMPLE_HEIGHT_PIXELS))


def cut_lines(picture: Image.Image, lines: Sequence[Word], skew: Skew) -> list[Image.Image]:
    """Cut the lines out of an image as Tesseract reads them best, after straightening it by ``skew``.

    They are black on white, of one height, with a white margin, and as wide as their boxes.
    """
    if skew.degrees:
        picture = Image.fromarray(straighten_pixels(to_bgr(picture), skew)[:, :, ::-1])
    grey = picture.convert("L")
    return [_cut_line(grey, line) for line in lines]


def _cut_line(picture: Image.Image, line: Word) -> Image.Image:
    """Return one line as Tesseract reads it best."""
    left, right = (round(edge * picture.width) for edge in (line.left, line.right))
    top, bottom = (round(edge * picture.height) for edge in (line.top, line.bottom))
    height = max(1, bottom - top)
    piece = picture.crop((left, top, max(left + 1, right), top + height))
    piece = ImageOps.autocontrast(
        piece.resize((max(1, round(piece.width * LINE_HEIGHT_PIXELS / height)), LINE_HEIGHT_PIXELS), RESAMPLING)
    )
    return ImageOps.expand(piece, MARGIN_PIXELS, fill=255)


def stack_pieces(pieces: Sequence[Image.Image]) -> Image.Image:
    """Return the pieces one below the other as one image."""
    page = Image.new("L", (max(piece.width for piece in pieces), sum(piece.height for piece in pieces)), 255)
    top = 0
    for piece in pieces:
        page.paste(piece, (0, top))
        top += piece.height
    return page


def _words_of_piece(table: Table, number: int, piece: Image.Image) -> Iterator[Word]:
    """Yield the words of one of several pieces, in fractions of the line that was cut out, without its margin."""
    inside = piece.width - 2 * MARGIN_PIXELS
    for word in join_syllables(_words_of(table, *piece.size, picture=number), piece.width / piece.height):
        left, right = ((edge * piece.width - MARGIN_PIXELS) / inside for edge in (word.left, word.right))
        yield word._replace(left=min(1.0, max(0.0, left)), right=min(1.0, max(0.0, right)))


def join_syllables(words: Iterable[Word], shape: float) -> list[Word]:
    """Join the syllables of Korean words, of which Tesseract often makes separate words.

    ``shape`` is the image's width over its height.
    """
    whole: list[Word] = []
    for word in words:
        if whole and _is_one_word(whole[-1], word, shape):
            whole[-1] = _append_syllable(whole[-1], word)
        else:
            whole.append(word)
    return whole


def _is_one_word(word: Word, following: Word, shape: float) -> bool:
    """Return whether two words are syllables of one Korean word, or such a word and a punctuation mark."""
    gap = (following.left - word.right) * shape
    on_a_line = word.top < following.bottom and following.top < word.bottom and following.right > word.right
    korean = HANGUL.match(word.text[-1]) and (HANGUL.match(following.text) or following.text in ",.")
    return (
        bool(korean)
        and on_a_line
        and gap < MAX_SYLLABLE_GAP_RATIO * min(word.bottom - word.top, following.bottom - following.top)
    )


def _append_syllable(word: Word, more: Word) -> Word:
    """Return both words as one. Its confidence is the mean of theirs by their number of letters."""
    letters, added = len(word.text), len(more.text)
    sure = ((word.confidence or 0) * letters + (more.confidence or 0) * added) / (letters + added)
    top, bottom = min(word.top, more.top), max(word.bottom, more.bottom)
    return Word(word.text + more.text, word.left, top, more.right, bottom, confidence=round(sure, 4))


def _place_on_page(word: Word, line: Word) -> Word:
    """Return a word of a cut line with its place on the page.

    It is as high as the line, like the words of the engine that found the line.
    """
    across = line.right - line.left
    left, right = (line.left + edge * across for edge in (word.left, word.right))
    return word._replace(left=left, right=right, top=line.top, bottom=line.bottom)


def _words_of(table: Table, across: int, down: int, picture: int = 1) -> Iterator[Word]:
    """Yield the words of one image of Tesseract's table, in fractions of an image of this size in pixels."""
    columns = (table[name] for name in ("level", "page_num", "text", "left", "top", "width", "height", "conf"))
    for level, number, text, left, top, width, height, sure in zip(*columns, strict=True):
        if level == WORD_LEVEL and number == picture and (word := str(text).strip()):
            box = (left / across, top / down, (left + width) / across, (top + height) / down)
            yield Word(word, *box, confidence=round(max(0.0, float(sure)) / 100, 4))
