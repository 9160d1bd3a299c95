"""Who can be asked about a page beside the engine that reads it: its text layer, and what the CPU finds in its picture."""

from __future__ import annotations

import time

from document_parser.errors import EngineError
from document_parser.models import EngineName, PageImage, Reading
from document_parser.pipeline import guards, route
from document_parser.pipeline.one_page import OnePage, is_unsure
from document_parser.pipeline.witness import Witness


class Witnesses:
    """The witnesses of one page, each asked once, when it is first needed."""

    def __init__(self, one: OnePage) -> None:
        self._one = one
        self._known: Witness | None = None
        self._on_cpu: Reading | None = None
        self._asked_cpu = False

    async def known(self) -> Witness:
        """The words of a sound text layer; else, where the page is to be checked, those that the CPU finds."""
        if self._known is None:
            self._known = await self._found()
        return self._known

    async def _found(self) -> Witness:
        facts, second = self._one.facts, self._one.route.second
        if facts.characters and not route.distrust(facts):
            words = await self._one.source.words(facts.number)
            return Witness(words, "text_layer", sees_pictures=facts.image_share == 0)
        wanted = second is not None and second == self._cpu_engine()
        return await self._seen() if wanted or self._one.engines.check_all_image_pages else Witness()

    async def on_cpu(self) -> Reading | None:
        """What the CPU engine of this page's ladder reads; None where there is none, or it fails. A rung may use it too."""
        name = self._cpu_engine()
        if name is not None and not self._asked_cpu:
            self._asked_cpu = True
            started = time.monotonic()
            try:
                self._on_cpu = await self._one.engines.get(name).read(await self._one.picture_for(name))
            except EngineError as error:
                self._one.tell(name, "error", f"as a witness: {error.message}", started)
        return self._on_cpu

    def has_read(self, name: EngineName) -> Reading | None:
        """What this engine has read as a witness already."""
        return self._on_cpu if self._on_cpu is not None and self._on_cpu.engine == name else None

    async def verdict(self, reading: Reading, image: PageImage | None) -> guards.Rejection | None:
        """The guards' word on a reading. A suspicion that the CPU's words can settle is put to them first."""
        if reading.engine == "text_layer":
            return None
        by_model = reading.engine in route.MODELS
        witness = await self.known() if by_model or self._has_text_layer() else Witness()
        rejection = guards.judge(reading, image, witness)
        if rejection is None or not by_model or not _can_be_settled(rejection, witness):
            return rejection
        seen = await self._seen()
        return guards.judge(reading, image, witness.and_also(seen)) if seen.words else rejection

    async def _seen(self) -> Witness:
        """The words that the CPU engine finds, where it is there and sure of them."""
        reading = await self.on_cpu()
        if reading is None or is_unsure(reading):
            return Witness()
        return Witness(reading.words, reading.engine, sees_pictures=True)

    def _has_text_layer(self) -> bool:
        return bool(self._one.facts.characters) and not route.distrust(self._one.facts)

    def _cpu_engine(self) -> EngineName | None:
        names = (name for name in self._one.route.engines if name not in (*route.MODELS, "text_layer"))
        return next(names, None)


def _can_be_settled(rejection: guards.Rejection, witness: Witness) -> bool:
    return rejection.doubtful or (rejection.guard == "fabrication" and not witness.sees_pictures)
