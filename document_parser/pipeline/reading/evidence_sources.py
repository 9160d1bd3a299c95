"""Collect evidence about a page beside the engine that reads it: its text layer and what the CPU engine reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from document_parser.errors import EngineError, EngineRefused
from document_parser.imaging.convert import decode_grey
from document_parser.imaging.ink_words import InkWords, find_ink_words
from document_parser.models import VLM_ENGINES, EngineName, PageImage, Reading, Word
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.checks.spot_check import SpotCheck, are_read, check_by_ink, check_lines
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.candidate import is_unsure
from document_parser.pipeline.reading.cpu_reading import BackgroundOcr
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import words_as_shown
from document_parser.text.normalize import comparable_texts_of, tokenize
from document_parser.text.numbers import find_differences

STOP_SECONDS = 0.3
"""How long an answer waits for a reading on an idle core to stop. A batch of lines takes less; finding the lines may take more,
and nothing has been read then."""
MAX_DOUBTED_SHARE = 0.85
"""Share of the lines of a page, by length, up to which those that do not fit are read by themselves. With more, the page is."""
MIN_KNOWN_RATIO = 0.7
"""With fewer words that fit or were read, over those of the answer, the answer is not judged by them."""


class EvidenceSources:
    """The evidence about one page; each source is asked at most once, when it is first needed."""

    def __init__(self, context: PageContext) -> None:
        """Remember the page; nothing is read yet."""
        self._context = context
        self._known: Evidence | None = None
        self._cpu = BackgroundOcr(context)
        self._ink: tuple[PageImage, asyncio.Task[InkWords | None]] | None = None
        self.check = ""
        """How the last reading was checked on the CPU, in words; empty if it was not, or if the whole page was read."""
        self.places: list[Word] = []
        """Words of the last reading, with the places where the check found them."""

    def prefetch(self, image: PageImage) -> None:
        """Prepare the check of what a model reads in this image, while it reads, if no text layer has words for the page."""
        if self._known is not None or self._has_text_layer() or self._context.engines.check_image_pages == "suspicious":
            return
        self._cpu.start_if_idle()
        if self._is_spot_checked():
            self._find_ink(image)

    async def aclose(self) -> None:
        """Cancel what is still being read."""
        await self._cpu.aclose()
        if self._ink is not None:
            self._ink[1].cancel()
            await asyncio.wait([self._ink[1]])

    async def gather(self) -> Evidence:
        """Return the words of a sound text layer; else, if the page must be checked, those that the CPU engine reads.

        The evidence is empty if neither has words. Raises PageUnreadable, and StorageUnavailable and RedisError of the reading
        cache in workers.
        """
        if self._known is None:
            self._known = await self._collect()
        return self._known

    async def _collect(self) -> Evidence:
        """Collect the evidence as CHECK_IMAGE_PAGES and the route ask for it; none if a spot check is enough."""
        facts, second, checked = self._context.facts, self._context.route.second, self._context.engines.check_image_pages
        if self._has_text_layer():
            words = await self._context.source.words(facts.number)
            return Evidence(words, "text_layer", includes_drawn_words=facts.image_share == 0)
        if checked == "all" or (second is not None and second == self._cpu.engine):
            return _evidence_from(await self._cpu.reading())
        return Evidence()

    async def read_on_cpu(self) -> Reading | None:
        """Return what the CPU engine of this page's route reads; None if there is none or if it fails.

        The ladder may use the same reading as an attempt of that engine. Raises StorageUnavailable and RedisError of the
        reading cache in workers.
        """
        return await self._cpu.reading()

    async def reading_of(self, name: EngineName) -> Reading | None:
        """Return what this engine has read of the page as evidence already; None if it has not started."""
        return await self._cpu.reading_if_started() if name == self._cpu.engine else None

    async def find_rejection(self, reading: Reading, image: PageImage | None) -> guards.Rejection | None:
        """Return why the guards reject a reading, or None if they accept it.

        A rejection that the CPU engine's words can settle is checked against them first. Raises PageUnreadable, and
        StorageUnavailable and RedisError of the reading cache in workers.
        """
        if reading.engine == "text_layer":
            return guards.check_empty(reading, image)
        by_model = reading.engine in VLM_ENGINES
        if by_model and image is not None and self._known is None and self._is_spot_checked():
            await self._check_spots(reading, image)
        evidence = await self.gather() if by_model or self._has_text_layer() else Evidence()
        rejection = guards.judge(reading, image, evidence)
        if rejection is None or not by_model or not _can_be_settled(rejection, evidence):
            return rejection
        cpu_evidence = _evidence_from(await self._cpu.reading())
        if not cpu_evidence.words:
            return rejection
        if not evidence.words:
            self._known, self.check = cpu_evidence, ""  # further readings are checked against the same words
        return guards.judge(reading, image, evidence.merge(cpu_evidence))

    def _is_spot_checked(self) -> bool:
        """Return whether a spot check decides if the CPU engine reads the whole page."""
        by_all = self._context.engines.check_image_pages != "auto" or self._context.route.second == self._cpu.engine
        return not by_all and self._cpu.engine is not None and not self._has_text_layer()

    def _find_ink(self, image: PageImage) -> asyncio.Task[InkWords | None]:
        """Find the words of the ink of an image, once for each image."""
        if self._ink is None or self._ink[0].data is not image.data:
            if self._ink is not None:
                self._ink[1].cancel()
            self._ink = image, asyncio.create_task(asyncio.to_thread(_ink_words_of, image))
        return self._ink[1]

    async def _check_spots(self, reading: Reading, image: PageImage) -> None:
        """Check a reading against the ink, the lines read so far, and the segments that do not fit.

        If that does not show that it is sound, the whole page is the evidence.
        """
        so_far = await self._cpu.stop(STOP_SECONDS)
        if so_far is not None and so_far.finish_reason != "aborted":
            self._known, self.check = _evidence_from(so_far), ""
            return
        ink = await self._find_ink(image)
        found = SpotCheck("the image cannot be decoded") if ink is None else await asyncio.to_thread(check_by_ink, reading, ink)
        suspicion = found.suspicion
        if suspicion and found.doubted_share <= MAX_DOUBTED_SHARE:
            found, suspicion = await self._read_doubted(reading, image, found)
        suspicion = suspicion or (check_lines(reading, so_far.words) if so_far is not None else "")
        if suspicion:
            self._known, self.check, self.places = _evidence_from(await self._cpu.reading()), "", []
            return
        told = [f"the CPU compared the shapes of the words in {found.lines} lines"]
        told += [f"of {found.numbers} numbers the digits"] if found.numbers else []
        read = so_far.how if so_far is not None and so_far.words else f"{len(found.doubted)} of {found.lines}"
        self.check = " and ".join(told) + ("" if read.startswith("0 ") else f", and read {read} lines")
        self.places = words_as_shown(Reading(reading.engine, words=list(found.words), skew=image.skew))

    async def _read_doubted(self, reading: Reading, image: PageImage, found: SpotCheck) -> tuple[SpotCheck, str]:
        """Read the segments that do not fit, and have the guards judge by their words and the words that fit elsewhere.

        Returns the check with the words read, and why the reading is still suspicious; empty if it is not.
        """
        name = self._cpu.engine
        try:
            read = None if name is None else await self._context.engines.read_segments(name, image, found.doubted)
        except EngineError:
            read = None
        if read is None:
            return found, found.suspicion
        found = replace(found, words=[*found.words, *read])
        evidence = Evidence(found.words, name, includes_drawn_words=True)
        texts = comparable_texts_of(reading)
        if len(evidence.tokens) < MIN_KNOWN_RATIO * len(tokenize(" ".join(texts))):
            return found, "too few words were read on the page"
        rejection = guards.judge(reading, image, evidence)
        if rejection is not None:
            return found, rejection.reason
        sound = are_read(found.unlike, read) and not find_differences(texts, evidence.texts)
        return found, "" if sound else "numbers on the page differ"

    def _has_text_layer(self) -> bool:
        """Return whether the page has a text layer that is sound."""
        return bool(self._context.facts.characters) and not routing.text_layer_problem(self._context.facts)


def _ink_words_of(image: PageImage) -> InkWords | None:
    """Return the words of the ink of a page image; None if it cannot be decoded."""
    try:
        return find_ink_words(decode_grey(image))
    except EngineRefused:
        return None


def _evidence_from(reading: Reading | None) -> Evidence:
    """Return the words of the CPU engine's reading as evidence; empty if there is no reading or the engine is unsure of it."""
    if reading is None or is_unsure(reading):
        return Evidence()
    return Evidence(words_as_shown(reading), reading.engine, includes_drawn_words=True)


def _can_be_settled(rejection: guards.Rejection, evidence: Evidence) -> bool:
    """Return whether more words from the page image can show that a rejection is wrong."""
    return rejection.doubtful or (rejection.guard == "fabrication" and not evidence.includes_drawn_words)
