"""Tesseract, where its program is installed: every script that it has language packs for."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytesseract
from PIL import Image

from document_parser.engines.base import Engine, Watch
from document_parser.engines.languages import AUTO, NOT_LANGUAGES, fitting
from document_parser.engines.pictures import blue_first, opened
from document_parser.errors import EngineError, EngineTimeout, EngineUnavailable
from document_parser.models import EngineName, PageImage, PictureSpec, Reading, Word
from document_parser.settings import Settings

SHARPER = 2
"""Tesseract wants letters about twice as high in pixels as the other CPU engine."""
LONG_SIDE = 4000
WORD_LEVEL = 5
SAMPLE_HEIGHT = 500
"""Pixels of the page on which language packs are tried: a few lines."""
SURE_OF_SCRIPT = 5.0
"""Tesseract's own measure; on a Hindi page it gives 32, on print of two scripts 3, on handwriting less than 1."""


class TesseractEngine(Engine):
    """Finds words with their places, in the languages that are set or that fit the page."""

    name: ClassVar[EngineName] = "tesseract"

    def __init__(self, settings: Settings) -> None:
        self.picture = PictureSpec(dpi=SHARPER * settings.engines.cpu_picture_dpi, max_long_side=LONG_SIDE, encoding="rgb")
        self._languages = settings.engines.tesseract_languages
        self._there = program_found(settings)
        self._deadline = settings.workers.page_timeout_seconds
        self._pool = ThreadPoolExecutor(settings.cpu_window, thread_name_prefix="tesseract")

    async def available(self) -> bool:
        return self._there

    def machine(self) -> str:
        if not self._there:
            return ""
        with _as_ours():
            return f"{pytesseract.get_tesseract_version()} {'+'.join(sorted(installed_languages()))}"

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        started = time.monotonic()
        reading = await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, self._found, page)
        reading.milliseconds = round((time.monotonic() - started) * 1000)
        return reading

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _found(self, page: PageImage) -> Reading:
        from document_parser.engines.drawn import rules_around

        picture = opened(page)
        with _as_ours():
            languages = self._languages_for(picture)
            words = self._words(picture, languages)
        rules = rules_around(words, blue_first(picture)) if words else []
        return Reading(self.name, words=words, rules=rules, how=f"as {languages}")

    def _languages_for(self, picture: Image.Image) -> str:
        """The packs to read with: those of the settings, or those that fit the page best."""
        if self._languages != AUTO:
            return self._languages
        packs = installed_languages()
        if not packs:
            raise EngineUnavailable("Tesseract has no language pack.")
        sample = _sample(picture)
        trials = cache(lambda languages: Reading(self.name, words=self._words(sample, languages)).letters_read)
        return fitting(packs, _script(picture, self._deadline) if len(packs) > 1 else "", trials)

    def _words(self, picture: Image.Image, languages: str) -> list[Word]:
        table: dict[str, list[Any]] = pytesseract.image_to_data(
            picture,
            lang=languages,
            config=f"--dpi {self.picture.dpi:.0f}",
            timeout=self._deadline,
            output_type=pytesseract.Output.DICT,
        )
        return list(_words_of(table, *picture.size))


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except pytesseract.TesseractNotFoundError:
        raise EngineUnavailable("Tesseract is not installed.") from None
    except pytesseract.TesseractError as error:
        raise EngineError(f"Tesseract ended with status {error.status}; are its languages installed?") from None
    except RuntimeError:  # what pytesseract raises for its timeout
        raise EngineTimeout("Tesseract did not finish the page within its deadline.") from None


def program_found(settings: Settings) -> bool:
    """Whether the program of the settings is there; it is the one that is called from then on."""
    program = settings.engines.tesseract_program
    pytesseract.pytesseract.tesseract_cmd = program
    return bool(program) and shutil.which(program) is not None


def installed_languages() -> frozenset[str]:
    """The packs that are installed, without those that are no languages. Raises TesseractNotFoundError."""
    return frozenset(pytesseract.get_languages()) - NOT_LANGUAGES


def _script(picture: Image.Image, deadline: float) -> str:
    """The script in which the page is written; empty where there is too little to tell, or nothing that tells."""
    try:
        seen = pytesseract.image_to_osd(picture, timeout=deadline, output_type=pytesseract.Output.DICT)
    except pytesseract.TesseractError:
        return ""
    return str(seen["script"]) if float(seen["script_conf"]) >= SURE_OF_SCRIPT else ""


def _sample(picture: Image.Image) -> Image.Image:
    """The band of the page in which most is written."""
    if picture.height <= SAMPLE_HEIGHT:
        return picture
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    written = np.concatenate(([0], np.cumsum(np.abs(np.diff(grey, axis=1)).mean(axis=1))))
    top = int((written[SAMPLE_HEIGHT:] - written[:-SAMPLE_HEIGHT]).argmax())
    return picture.crop((0, top, picture.width, top + SAMPLE_HEIGHT))


def _words_of(table: dict[str, list[Any]], across: int, down: int) -> Iterator[Word]:
    columns = (table[name] for name in ("level", "text", "left", "top", "width", "height", "conf"))
    for level, text, left, top, width, height, sure in zip(*columns, strict=True):
        if level == WORD_LEVEL and (word := str(text).strip()):
            box = (left / across, top / down, (left + width) / across, (top + height) / down)
            yield Word(word, *box, confidence=round(max(0.0, float(sure)) / 100, 4))
