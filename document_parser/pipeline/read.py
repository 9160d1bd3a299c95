"""Reading one page: picture, route, engines down the ladder, guards, blocks. A function, without a queue."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

from document_parser.engines import Engines
from document_parser.errors import (
    ContextExceeded,
    DocumentParserError,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    NoEngine,
    PageUnreadable,
)
from document_parser.models import (
    Attempt,
    EngineName,
    GuardName,
    Options,
    Page,
    PageError,
    PageFacts,
    PageImage,
    PageWarning,
    PictureSpec,
    Reading,
    Route,
    Rule,
    Word,
)
from document_parser.pipeline import guards, route
from document_parser.pipeline.layout import blocks_of

NO_INK = 0.00002
"""Below this share of dark pixels a page is blank; a lone page number has more."""

LITTLE_INK = 0.0005
"""Below this share a page on which an engine finds nothing is blank too: dust, or the edge of a scan."""

SIDEWAYS = 1.0

UNSURE = 0.85
"""Below this mean confidence a page is flagged, and looked at once more: it may stand on its head."""

SMALLER = 0.7
"""A picture that did not fit into the model's context is sent again at this part of its size."""

CameOfIt = Literal["accepted", "blank", "same engine", "next engine"]


class PageSource(Protocol):
    """What reading needs of an open document."""

    async def facts(self, number: int) -> PageFacts: ...

    async def words(self, number: int) -> list[Word]: ...

    async def rules(self, number: int) -> list[Rule]: ...

    async def render(self, number: int, spec: PictureSpec, turn: int = 0) -> PageImage: ...


@dataclass
class _Reader:
    """One page on its way down the ladder."""

    source: PageSource
    facts: PageFacts
    page: Page
    engines: Engines
    retry_temperatures: tuple[float, ...]
    words: list[Word] = field(default_factory=list)
    turn: int | None = None
    looked: bool = False
    scale: float = 1.0

    async def down(self, ladder: Route) -> Page:
        """Try each engine in turn. Raises NoEngine where none is there to try."""
        for name in ladder.engines:
            for temperature in self._temperatures(name):
                came_of_it = await self._attempt(name, temperature)
                if came_of_it == "blank":
                    self.page.status = "blank"
                    return self.page
                if came_of_it == "accepted":
                    return self._closed(ladder, name)
                if came_of_it == "next engine":
                    break
        if not self.page.attempts:
            raise NoEngine()
        return failed(self.page, PageUnreadable("No engine gave an answer that passed the checks; see the attempts."))

    def _temperatures(self, name: EngineName) -> tuple[float | None, ...]:
        return (None, *self.retry_temperatures) if name in route.MODELS else (None,)

    async def _attempt(self, name: EngineName, temperature: float | None) -> CameOfIt:
        started = time.monotonic()
        try:
            reading, image = await self._reading(name, temperature)
        except EngineError as error:
            self._note(name, "error", error.message, temperature, started)
            return self._after(error)
        if reading is None:
            return "blank"
        rejection = guards.judge(reading, image, self._witness(name))
        if rejection is None:
            self._note(name, "accepted", "", temperature, started)
            self._take(name, reading)
            return "accepted"
        if self._blank(image, rejection):
            self._note(name, "accepted", "nothing found and hardly any ink", temperature, started)
            message = "The page counts as blank, but has a little ink on it that no engine could read."
            self.page.warnings.append(PageWarning(code="low_coverage", message=message))
            return "blank"
        self._note(name, "rejected", rejection.reason, temperature, started, rejection.guard)
        await self._turn_over(image)
        return "same engine"

    def _after(self, error: EngineError) -> CameOfIt:
        """Whether the same engine may be asked once more: never the same question after a refusal."""
        if isinstance(error, ContextExceeded):
            self.scale *= SMALLER
            return "same engine"
        # A broken stream may go better next time; a server that is away, refuses or sleeps will not.
        return "next engine" if isinstance(error, (EngineRefused, EngineUnavailable, EngineTimeout)) else "same engine"

    async def _reading(self, name: EngineName, temperature: float | None) -> tuple[Reading | None, PageImage | None]:
        if name == "text_layer":
            words = await self._text_words()
            return Reading("text_layer", words=words, rules=await _rules_around(words, self.source, self.page.number)), None
        engine = self.engines.get(name)
        image = await self._picture(engine.picture)
        if image.ink < NO_INK and not self.facts.characters:
            return None, image
        if self.facts.characters and not route.distrust(self.facts):
            await self._text_words()
        reading = await engine.read(image, temperature=temperature, watch=guards.loop_reason)
        before = self.turn
        if _unsure(reading) and await self._turn_over(image):
            picture = await self._picture(engine.picture)
            turned = await engine.read(picture, temperature=temperature, watch=guards.loop_reason)
            if (_confidence(turned) or 0) > (_confidence(reading) or 0):
                return turned, picture
            self.turn = before
        return reading, image

    async def _turn_over(self, image: PageImage | None) -> bool:
        """Whether the page turns out to stand otherwise than it was read; looked at once a page, where reading went badly."""
        if self.looked or image is None:
            return False
        self.looked = True
        more = await self.engines.upright_turn(image)
        self.turn = ((self.turn or 0) + more) % 360
        return more != 0

    async def _text_words(self) -> list[Word]:
        if not self.words:
            self.words = await self.source.words(self.page.number)
        return self.words

    async def _picture(self, spec: PictureSpec) -> PageImage:
        """The page as it is to be read: turned upright where it lies on its side."""
        if self.scale < 1:
            spec = spec.model_copy(update={"max_long_side": round(spec.max_long_side * self.scale), "min_short_side": 0})
        if self.turn is None:
            image = await self.source.render(self.page.number, spec)
            self.turn = await self.engines.upright_turn(image) if image.sideways > SIDEWAYS else 0
            if not self.turn:
                return image
        return await self.source.render(self.page.number, spec, self.turn)

    def _witness(self, name: EngineName) -> str:
        return "" if name == "text_layer" else " ".join(word.text for word in self.words)

    def _blank(self, image: PageImage | None, rejection: guards.Rejection) -> bool:
        return rejection.empty and image is not None and image.ink < LITTLE_INK and not self.facts.characters

    def _note(
        self,
        name: EngineName,
        outcome: str,
        reason: str,
        temperature: float | None,
        started: float,
        guard: GuardName | None = None,
    ) -> None:
        self.page.attempts.append(
            Attempt.model_validate(
                {
                    "engine": name,
                    "outcome": outcome,
                    "reason": reason,
                    "guard": guard,
                    "temperature": temperature,
                    "milliseconds": round((time.monotonic() - started) * 1000),
                }
            )
        )

    def _take(self, name: EngineName, reading: Reading) -> None:
        page = self.page
        page.engine = name
        if self.turn and name != "text_layer":
            page.rotation = self.turn
            if self.turn in (90, 270):
                page.width, page.height = page.height, page.width
            page.warnings.append(PageWarning(code="rotated", message=f"The page was turned by {self.turn} degrees clockwise."))
        page.blocks = reading.blocks or blocks_of(reading.words, page.width, page.height, reading.rules)
        page.confidence = _confidence(reading)
        if _unsure(reading):
            page.warnings.append(PageWarning(code="low_confidence", message=f"The engine is only {page.confidence:.0%} sure."))

    def _closed(self, ladder: Route, name: EngineName) -> Page:
        if name != ladder.engines[0]:
            message = f"{ladder.engines[0]} gave no usable reading; {name} read the page."
            self.page.warnings.append(PageWarning(code="engine_fallback", message=message))
        return self.page


def _confidence(reading: Reading) -> float | None:
    """The mean confidence of the words, where the engine tells it."""
    sure = [word.confidence for word in reading.words if word.confidence is not None]
    return round(sum(sure) / len(sure), 4) if sure else None


def _unsure(reading: Reading) -> bool:
    confidence = _confidence(reading)
    return confidence is not None and confidence < UNSURE


async def read_page(
    source: PageSource,
    number: int,
    options: Options,
    engines: Engines,
    retry_temperatures: tuple[float, ...] = (),
) -> Page:
    """Read one page of an open document.

    Raises PageUnreadable where the page cannot be opened or drawn, and NoEngine where nothing can read it; a page that every
    engine failed at comes back with ``status`` failed and all attempts.
    """
    facts = await source.facts(number)
    ladder = route.choose(facts, options.accuracy_mode, await engines.available())
    page = Page(number=number, width=facts.width_points, height=facts.height_points, route=ladder.reason)
    if facts.characters and facts.unmapped_share > route.MOST_UNMAPPED:
        page.warnings.append(PageWarning(code="bad_text_layer", message=ladder.reason))
    return await _Reader(source, facts, page, engines, retry_temperatures).down(ladder)


async def read_text_layer(source: PageSource, facts: PageFacts) -> Page:
    """Read a page whose text layer is known to be sound; no engine is asked."""
    started = time.monotonic()
    page = Page(number=facts.number, width=facts.width_points, height=facts.height_points, route="sound text layer")
    page.engine = "text_layer"
    words = await source.words(facts.number)
    rules = await _rules_around(words, source, facts.number)
    page.blocks = blocks_of(words, page.width, page.height, rules)
    spent = round((time.monotonic() - started) * 1000)
    page.attempts.append(Attempt(engine="text_layer", outcome="accepted", milliseconds=spent))
    return page


async def _rules_around(words: list[Word], source: PageSource, number: int) -> list[Rule]:
    """The rules of a page; not asked for where there are no words for them to part."""
    return await source.rules(number) if words else []


def failed(page: Page, error: DocumentParserError) -> Page:
    """The page as one that could not be read, its attempts kept."""
    page.status = "failed"
    page.engine = None
    page.blocks = []
    page.error = PageError(code=error.code, message=error.message)
    page.warnings.append(PageWarning(code="page_failed", message=error.message))
    return page
