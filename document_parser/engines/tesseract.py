"""Tesseract, where its program is installed."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ClassVar

import pytesseract

from document_parser.engines.base import Engine, Watch
from document_parser.engines.pictures import blue_first, opened
from document_parser.errors import EngineError, EngineTimeout, EngineUnavailable
from document_parser.models import EngineName, PageImage, PictureSpec, Reading, Rule, Word
from document_parser.settings import Settings

SHARPER = 2
"""Tesseract wants letters about twice as high in pixels as the other CPU engine."""
LONG_SIDE = 4000
WORD_LEVEL = 5


class TesseractEngine(Engine):
    """Finds words with their places."""

    name: ClassVar[EngineName] = "tesseract"

    def __init__(self, settings: Settings) -> None:
        self.picture = PictureSpec(dpi=SHARPER * settings.engines.cpu_picture_dpi, max_long_side=LONG_SIDE, encoding="rgb")
        self._languages = settings.engines.tesseract_languages
        self._deadline = settings.workers.page_timeout_seconds
        self._pool = ThreadPoolExecutor(settings.cpu_window, thread_name_prefix="tesseract")

    async def available(self) -> bool:
        return shutil.which(pytesseract.pytesseract.tesseract_cmd) is not None

    async def read(self, page: PageImage, *, temperature: float | None = None, watch: Watch | None = None) -> Reading:
        started = time.monotonic()
        found = asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, self._found, page)
        words, rules = await found
        return Reading(self.name, words=words, rules=rules, milliseconds=round((time.monotonic() - started) * 1000))

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _found(self, page: PageImage) -> tuple[list[Word], list[Rule]]:
        from document_parser.engines.drawn import rules_around

        words = self._words(page)
        return words, rules_around(words, blue_first(opened(page))) if words else []

    def _words(self, page: PageImage) -> list[Word]:
        try:
            table: dict[str, list[Any]] = pytesseract.image_to_data(
                opened(page),
                lang=self._languages,
                config=f"--dpi {self.picture.dpi:.0f}",
                timeout=self._deadline,
                output_type=pytesseract.Output.DICT,
            )
        except pytesseract.TesseractNotFoundError:
            raise EngineUnavailable("Tesseract is not installed.") from None
        except pytesseract.TesseractError as error:
            raise EngineError(f"Tesseract ended with status {error.status}; are its languages installed?") from None
        except RuntimeError:  # what pytesseract raises for its timeout
            raise EngineTimeout("Tesseract did not finish the page within its deadline.") from None
        return list(_words_of(table, page))


def _words_of(table: dict[str, list[Any]], page: PageImage) -> Iterator[Word]:
    across, down = page.width_pixels, page.height_pixels
    columns = (table[name] for name in ("level", "text", "left", "top", "width", "height", "conf"))
    for level, text, left, top, width, height, sure in zip(*columns, strict=True):
        if level == WORD_LEVEL and (word := str(text).strip()):
            box = (left / across, top / down, (left + width) / across, (top + height) / down)
            yield Word(word, *box, confidence=round(max(0.0, float(sure)) / 100, 4))
