"""Collect evidence about a page beside the engine that reads it: its text layer and what the CPU engine reads."""

from __future__ import annotations

from document_parser.models import VLM_ENGINES, EngineName, PageImage, Reading
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.candidate import is_unsure
from document_parser.pipeline.reading.cpu_reading import BackgroundOcr
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import words_as_shown


class EvidenceSources:
    """The evidence about one page; each source is asked at most once, when it is first needed."""

    def __init__(self, context: PageContext) -> None:
        """Remember the page; nothing is read yet."""
        self._context = context
        self._known: Evidence | None = None
        self._cpu = BackgroundOcr(context)
        self.unchecked = False
        """Whether the CPU engine had to check the page and had no core free for it."""

    def prefetch(self) -> None:
        """Let the CPU engine read the page on an idle core while a model answers, if no text layer has words for it."""
        if self._known is None and self._context.engines.check_image_pages != "suspicious" and not self._has_text_layer():
            self._cpu.start_if_idle()

    async def aclose(self) -> None:
        """Cancel what is still being read."""
        await self._cpu.aclose()

    async def gather(self) -> Evidence:
        """Return the words of a sound text layer; else, if the page must be checked, those that the CPU engine reads.

        The evidence is empty if neither has words. Raises PageUnreadable, and StorageUnavailable and RedisError of the reading
        cache in workers.
        """
        if self._known is None:
            self._known = await self._collect()
        return self._known

    async def _collect(self) -> Evidence:
        """Collect the evidence as CHECK_IMAGE_PAGES and the route ask for it."""
        facts, second, checked = self._context.facts, self._context.route.second, self._context.engines.check_image_pages
        if self._has_text_layer():
            words = await self._context.source.words(facts.number)
            return Evidence(words, "text_layer", includes_drawn_words=facts.image_share == 0)
        if checked == "all" or (second is not None and second == self._cpu.engine):
            return _evidence_from(await self._cpu.reading())
        if checked == "suspicious" or self._cpu.engine is None:
            return Evidence()
        reading = await self._cpu.reading_if_started()
        self.unchecked = reading is None
        return _evidence_from(reading)

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
        evidence = await self.gather() if by_model or self._has_text_layer() else Evidence()
        rejection = guards.judge(reading, image, evidence)
        if rejection is None or not by_model or not _can_be_settled(rejection, evidence):
            return rejection
        cpu_evidence = _evidence_from(await self._cpu.reading())
        if not cpu_evidence.words:
            return rejection
        if not evidence.words:
            self._known, self.unchecked = cpu_evidence, False  # further readings are checked against the same words
        return guards.judge(reading, image, evidence.merge(cpu_evidence))

    def _has_text_layer(self) -> bool:
        """Return whether the page has a text layer that is sound."""
        return bool(self._context.facts.characters) and not routing.text_layer_problem(self._context.facts)


def _evidence_from(reading: Reading | None) -> Evidence:
    """Return the words of the CPU engine's reading as evidence; empty if there is no reading or the engine is unsure of it."""
    if reading is None or is_unsure(reading):
        return Evidence()
    return Evidence(words_as_shown(reading), reading.engine, includes_drawn_words=True)


def _can_be_settled(rejection: guards.Rejection, evidence: Evidence) -> bool:
    """Return whether more words from the page image can show that a rejection is wrong."""
    return rejection.doubtful or (rejection.guard == "fabrication" and not evidence.includes_drawn_words)
