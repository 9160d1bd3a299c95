"""One page on its way down the ladder of engines: each attempt is judged, and the first reading that stands is the page's.

An answer that goes wrong at its end is not lost: what was read soundly is kept, and the rest is read from a crop (rest.py). A
reading against which only an estimate speaks is kept in mind; it becomes the page, with its warning, if nobody reads better.
"""

from __future__ import annotations

import time
from typing import Literal

from document_parser.errors import (
    ContextExceeded,
    EngineError,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    NoEngine,
    PageDamaged,
    PageUnreadable,
)
from document_parser.models import EngineName, Page, PageImage, PageWarning, PictureSpec, Reading
from document_parser.pipeline import guards, patchwork, route
from document_parser.pipeline.boxes import place_blocks
from document_parser.pipeline.comparable import overlap, texts_read, tokens
from document_parser.pipeline.hidden import left_out
from document_parser.pipeline.loops import loop_reason
from document_parser.pipeline.one_page import Candidate, OnePage, confidence_of, failed, is_unsure, text_layer_reading
from document_parser.pipeline.rest import with_the_rest
from document_parser.pipeline.second import SecondReader
from document_parser.pipeline.second_try import with_second_try
from document_parser.pipeline.textless import has_no_text, only_shown
from document_parser.pipeline.witnesses import Witnesses

NO_INK = 0.00002
"""Below this share of dark pixels a page is blank; a lone page number has more."""
LITTLE_INK = 0.0005
"""Below this share a page on which an engine finds nothing is blank too: dust, or the edge of a scan."""
ALIKE = 0.8
"""Two engines whose readings are as alike as this outvote an estimate."""

MUCH_LOST = 0.15
"""Where more of the writing than this was found and not read, the page says so. Print of scripts that RapidOCR knows stays
below .06, handwriting comes to .28."""
MOST_LOST = 0.3
"""Beyond this another engine is asked too: the script is another one. Handwriting is not better read by Tesseract."""

FULLER = 1.1
"""Of a page whose data is damaged a later engine's reading is taken if it has this many times the letters."""

CameOfIt = Literal["accepted", "blank", "same engine", "next engine"]


class Ladder:
    """Reads one page. Made for it, used once."""

    def __init__(self, one: OnePage) -> None:
        self._one = one
        self._page = one.page
        self._witnesses = Witnesses(one)
        self._second = SecondReader(one, self._witnesses)
        self._kept: list[Candidate] = []
        self._textless: tuple[Reading, PageImage] | None = None

    async def down(self) -> Page:
        """Try each engine in turn. Raises NoEngine where none is there to try."""
        try:
            return await self._down()
        finally:
            await self._witnesses.aclose()

    async def _down(self) -> Page:
        for name in self._one.route.engines:
            if name == "text_layer" and self._kept and route.distrust(self._one.facts):
                break  # a reading in doubt is worth more
            came_of_it = await self._engine(name)
            if came_of_it == "blank":
                return self._blank()
            if came_of_it == "accepted" and self._is_good_enough(self._kept[-1]):
                return self._one.closed(self._kept[-1])
        if self._kept:
            return self._one.closed(self._best())
        if not self._page.attempts:
            raise NoEngine()
        if self._one.damaged:
            return failed(self._page, PageDamaged())
        if self._textless:
            return self._one.closed(only_shown(self._one, *self._textless))
        return failed(self._page, PageUnreadable("No engine gave an answer that passed the checks; see the attempts."))

    def _blank(self) -> Page:
        """The page as a blank one; failed if its data is damaged, for then nothing shows that it is blank."""
        if self._one.damaged:
            return failed(self._page, PageDamaged())
        self._page.status = "blank"
        return self._page

    def _is_good_enough(self, candidate: Candidate) -> bool:
        if self._is_lost() or self._one.damaged:
            return False
        return not candidate.doubts or self._one.options.on_low_quality != "fallback"

    def _is_lost(self) -> bool:
        """Whether a reading is kept that misses much of what is written."""
        return any(one.reading.lost > MOST_LOST for one in self._kept)

    def _best(self) -> Candidate:
        """Of several readings the least doubtful; where one misses much, that with most letters read surely."""
        if self._is_lost() and not any(one.name in route.MODELS for one in self._kept):
            return max(self._kept, key=lambda one: one.reading.letters_read)
        best = min(self._kept, key=lambda one: len(one.doubts))
        if not self._one.damaged:
            return best
        rivals = [one for one in self._kept if len(one.doubts) == len(best.doubts)]
        fullest = max(rivals, key=lambda one: guards.letters_of(one.reading))
        return fullest if guards.letters_of(fullest.reading) > FULLER * guards.letters_of(best.reading) else best

    async def _engine(self, name: EngineName) -> CameOfIt:
        """All attempts of one engine. What it accepts stands last among those kept."""
        came_of_it: CameOfIt = "next engine"
        heats = self._one.retry_temperatures if name in route.MODELS else ()
        for temperature in (None, *heats):
            came_of_it = await self._attempt(name, temperature)
            if came_of_it != "same engine":
                break
        return came_of_it

    async def _attempt(self, name: EngineName, temperature: float | None) -> CameOfIt:
        started = time.monotonic()
        try:
            reading, image = await self._reading(name, temperature)
        except EngineError as error:
            self._one.tell(name, "error", error.message, started, temperature)
            return self._after(error)
        if reading is None:
            return "blank"
        reading, patches = await self._patched(reading)
        reading, again = await with_second_try(self._one, reading, image)
        rejection = await self._witnesses.verdict(reading, image)
        if rejection is None and not (reading.words or reading.blocks or reading.figures):
            self._one.tell(name, "accepted", "nothing found and no ink", started, temperature)
            self._nothing_seen()
            return "blank"
        if rejection is None:
            self._one.tell(name, "accepted", self._said_of(name, _why(reading, patches, again)), started, temperature)
            await self._accept(self._one.candidate(name, reading))
            return "accepted"
        if name != "text_layer" and self._is_blank(image, rejection):
            self._one.tell(name, "accepted", "nothing found and hardly any ink", started, temperature)
            message = "The page counts as blank, but has a little ink on it that no engine could read."
            self._page.warnings.append(PageWarning(code="low_coverage", message=message))
            return "blank"
        self._one.tell(name, "rejected", rejection.reason, started, temperature, rejection.guard)
        if self._textless is None and rejection.empty and image is not None and has_no_text(reading, self._one.facts):
            self._textless = reading, image
        if name == "text_layer":
            return "next engine"  # it says the same whichever way the page is turned
        return await self._rejected(reading, image, rejection)

    def _nothing_seen(self) -> None:
        """Say that a page counts as blank although its file has text for it: a font that cannot be drawn, for example."""
        facts = self._one.facts
        if facts.characters and not facts.hidden:
            message = f"Nothing can be seen on the page, though its text layer has {facts.characters} characters."
            self._page.warnings.append(PageWarning(code="low_coverage", message=message))

    async def _rejected(self, reading: Reading, image: PageImage | None, rejection: guards.Rejection) -> CameOfIt:
        """What becomes of a rejected reading: kept in doubt, mended from a crop, or tried again."""
        if rejection.doubtful:
            return self._in_doubt(reading, rejection)
        mended = await with_the_rest(self._one, self._witnesses, reading, image, rejection)
        if mended is not None:
            await self._accept(mended)
            return "accepted"
        await self._one.pictures.turn_over(image)
        return "same engine"

    def _said_of(self, name: EngineName, patches: str) -> str:
        """What the why-trail says of an accepted reading."""
        if name == "text_layer":
            return "; ".join(filter(None, (patches, left_out(self._one.facts))))
        return "not checked by the CPU, all cores were taken" if name in route.MODELS and self._witnesses.unchecked else patches

    def _after(self, error: EngineError) -> CameOfIt:
        """Whether the same engine may be asked once more: never the same question after a refusal."""
        if isinstance(error, ContextExceeded):
            self._one.pictures.shrink()
            return "same engine"
        # A broken stream may go better next time; a server that is away, refuses or sleeps will not.
        return "next engine" if isinstance(error, (EngineRefused, EngineUnavailable, EngineTimeout)) else "same engine"

    async def _reading(self, name: EngineName, temperature: float | None) -> tuple[Reading | None, PageImage | None]:
        """The reading and the picture it was read from; no reading where the picture is blank."""
        if name == "text_layer":
            return await self._of_text_layer()
        image = await self._one.picture_for(name)
        if image.ink < NO_INK and not self._one.facts.characters:
            return None, image
        if known := await self._witnesses.has_read(name):
            return known, image
        if name in route.MODELS:
            self._witnesses.look_meanwhile()
        reading = await self._one.read(name, image, temperature, loop_reason)
        before = self._one.pictures.turn
        if is_unsure(reading) and await self._one.pictures.turn_over(image):
            picture = await self._one.picture_for(name)
            turned = await self._one.read(name, picture, temperature, loop_reason)
            if (confidence_of(turned) or 0) > (confidence_of(reading) or 0):
                return turned, picture
            self._one.pictures.turn = before
        return reading, image

    async def _of_text_layer(self) -> tuple[Reading | None, PageImage | None]:
        """What the text layer says; where that is nothing, with a picture that shows whether the page is blank."""
        reading = await text_layer_reading(self._one.source, self._page.number)
        if reading.words:
            return reading, None
        image = await self._one.source.render(self._page.number, PictureSpec())
        return (None if image.ink < NO_INK else reading), image

    async def _patched(self, reading: Reading) -> tuple[Reading, str]:
        """The reading with the sound words of a text layer that cannot stand for the page alone; and what to say of that."""
        facts, upright = self._one.facts, not self._one.pictures.turn
        if not (reading.words and reading.engine != "text_layer" and upright and patchwork.can_help(facts)):
            return reading, ""
        patched, lines = patchwork.patched(reading, await self._one.source.words(facts.number))
        found = len({*reading.words, *reading.doubtful})
        return patched, f"{lines} of {found} lines as the text layer has them" if lines else ""

    async def _accept(self, candidate: Candidate) -> None:
        """Have the candidate checked and keep it."""
        lost = candidate.reading.lost
        if lost > MUCH_LOST:
            candidate.doubt("low_confidence", f"{lost:.0%} of the writing that was found could not be read.")
        elif is_unsure(candidate.reading):
            sure = confidence_of(candidate.reading)
            candidate.doubt("low_confidence", f"The engine is only {sure:.0%} sure.")
        checked = await self._second.checked(candidate)
        if checked.name in route.MODELS:
            place_blocks(checked.reading.blocks, (await self._witnesses.known()).words)
        self._kept.append(checked)

    def _in_doubt(self, reading: Reading, rejection: guards.Rejection) -> CameOfIt:
        """Keep the reading for want of a better one; another engine that reads the same outvotes the estimate."""
        candidate = self._one.candidate(reading.engine, reading)
        words = tokens(" ".join(texts_read(reading)))
        for other in self._kept:
            if other.name != reading.engine and overlap(words, tokens(" ".join(texts_read(other.reading)))) >= ALIKE:
                other.doubts.clear()
                self._kept.append(other)
                return "accepted"
        candidate.doubt(rejection.warning or "low_coverage", f"The reading is in doubt: {rejection.reason}.")
        self._kept.append(candidate)
        return "next engine"

    def _is_blank(self, image: PageImage | None, rejection: guards.Rejection) -> bool:
        return rejection.empty and image is not None and image.ink < LITTLE_INK and not self._one.facts.characters


def _why(reading: Reading, *changed: str) -> str:
    """What an attempt tells of a reading that stands."""
    lost = f"{reading.lost:.0%} of the writing found was not read" if reading.lost > MUCH_LOST else ""
    askew = abs(reading.skew.degrees)
    straightened = f"straightened by {askew:.1f} degrees" if askew else ""
    return "; ".join(filter(None, (reading.how, straightened, *changed, lost)))
