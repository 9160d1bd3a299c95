"""Who can be asked about a page beside the engine that reads it: its text layer, and what the CPU finds in its picture."""

from __future__ import annotations

from document_parser.models import EngineName, PageImage, Reading
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.candidate import is_unsure
from document_parser.pipeline.reading.cpu_reading import BackgroundOcr
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import words_as_shown


class EvidenceSources:
    """The witnesses of one page, each asked once, when it is first needed."""

    def __init__(self, one: PageContext) -> None:
        self._one = one
        self._known: Evidence | None = None
        self._cpu = BackgroundOcr(one)
        self.unchecked = False
        """Whether the CPU was to look at the page and had no core free for it."""

    def prefetch(self) -> None:
        """A model is about to be asked: the CPU may read the page meanwhile, where nobody else has words for it."""
        if self._known is None and self._one.engines.check_image_pages != "suspicious" and not self._has_text_layer():
            self._cpu.start_if_idle()

    async def aclose(self) -> None:
        """End what is still being read."""
        await self._cpu.aclose()

    async def known(self) -> Evidence:
        """The words of a sound text layer; else, where the page is to be checked, those that the CPU finds."""
        if self._known is None:
            self._known = await self._found()
        return self._known

    async def _found(self) -> Evidence:
        facts, second, checked = self._one.facts, self._one.route.second, self._one.engines.check_image_pages
        if self._has_text_layer():
            words = await self._one.source.words(facts.number)
            return Evidence(words, "text_layer", sees_pictures=facts.image_share == 0)
        if checked == "all" or (second is not None and second == self._cpu.engine):
            return _seen(await self._cpu.reading())
        if checked == "suspicious" or self._cpu.engine is None:
            return Evidence()
        reading = await self._cpu.if_begun()
        self.unchecked = reading is None
        return _seen(reading)

    async def on_cpu(self) -> Reading | None:
        """What the CPU engine of this page's ladder reads; None where there is none, or it fails. A rung may use it too."""
        return await self._cpu.reading()

    async def has_read(self, name: EngineName) -> Reading | None:
        """What this engine has read as a witness already."""
        return await self._cpu.if_begun() if name == self._cpu.engine else None

    async def verdict(self, reading: Reading, image: PageImage | None) -> guards.Rejection | None:
        """The guards' word on a reading. A suspicion that the CPU's words can settle is put to them first."""
        if reading.engine == "text_layer":
            return guards.empty(reading, image)
        by_model = reading.engine in routing.MODELS
        witness = await self.known() if by_model or self._has_text_layer() else Evidence()
        rejection = guards.judge(reading, image, witness)
        if rejection is None or not by_model or not _can_be_settled(rejection, witness):
            return rejection
        seen = _seen(await self._cpu.reading())
        if not seen.words:
            return rejection
        if not witness.words:
            self._known, self.unchecked = seen, False  # further readings are held against the same words
        return guards.judge(reading, image, witness.and_also(seen))

    def _has_text_layer(self) -> bool:
        return bool(self._one.facts.characters) and not routing.text_layer_problem(self._one.facts)


def _seen(reading: Reading | None) -> Evidence:
    """The words that the CPU engine finds, where it is there and sure of them."""
    if reading is None or is_unsure(reading):
        return Evidence()
    return Evidence(words_as_shown(reading), reading.engine, sees_pictures=True)


def _can_be_settled(rejection: guards.Rejection, witness: Evidence) -> bool:
    return rejection.doubtful or (rejection.guard == "fabrication" and not witness.sees_pictures)
