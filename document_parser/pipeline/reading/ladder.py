"""Try the engines of a page's route in order: each attempt is checked, and the first accepted reading becomes the page.

An answer that goes wrong at its end is not lost: its sound part is kept, and the rest is read from a crop (continuation.py). A
reading that only an estimate speaks against is kept; it becomes the page, with its warning, if no engine reads better.
"""

from __future__ import annotations

import time
from dataclasses import replace
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
from document_parser.models import VLM_ENGINES, EngineName, Page, PageImage, PageImageSpec, PageWarning, Reading
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.loops import loop_reason
from document_parser.pipeline.reading import hybrid, routing
from document_parser.pipeline.reading.box_matching import place_blocks
from document_parser.pipeline.reading.candidate import Candidate, confidence_of, is_unsure
from document_parser.pipeline.reading.closer_look import look_closer
from document_parser.pipeline.reading.continuation import read_rest
from document_parser.pipeline.reading.evidence_sources import EvidenceSources
from document_parser.pipeline.reading.line_retry import Retry, describe_unknown_script, retry_lines
from document_parser.pipeline.reading.lost_lines import describe_lost, describe_unread, read_lost_lines
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.pipeline.reading.page_result import describe_hidden, fail_page, load_text_layer
from document_parser.pipeline.reading.second_reader import SecondReader
from document_parser.pipeline.reading.textless import has_no_text, make_textless_candidate
from document_parser.text.normalize import comparable_texts_of, overlap_of, tokenize

MIN_READABLE_INK_SHARE = 0.0005
"""Share of dark pixels below which a page is blank too if an engine finds nothing on it: dust, or the edge of a scan."""
MIN_CONFIRMING_SHARE = 0.8
"""Share of common words from which the agreement of two engines outweighs a guard's estimate."""

MIN_UNREAD_WARNING_SHARE = 0.15
"""Share of the writing that was found and not read above which the page says so. Print of scripts that RapidOCR knows stays
below .06, handwriting goes up to .35."""
MAX_UNREAD_SHARE = 0.5
"""The same share above which another engine is asked too, unless Tesseract has tried the lines. Handwriting, which Tesseract
reads worse, goes up to .35."""

FULLER_LETTERS_RATIO = 1.1
"""If the data of a page is damaged, a later engine's reading is taken if it has this many times the letters."""

Outcome = Literal["accepted", "blank", "same engine", "next engine"]
"""How an attempt ended, and which engine is asked next."""


class Ladder:
    """Read one page with the engines of its route. Make one for each page and use it once."""

    def __init__(self, context: PageContext) -> None:
        """Remember the page; nothing is read yet."""
        self._context = context
        self._page = context.page
        self._evidence = EvidenceSources(context)
        self._second_reader = SecondReader(context, self._evidence)
        self._kept: list[Candidate] = []
        self._lines_tried = False
        self._unknown_script = ""
        self._textless: tuple[Reading, PageImage] | None = None

    async def run(self) -> Page:
        """Try each engine in order and return the page, which may be blank or failed.

        Raises NoEngine if no engine was there to try, PageUnreadable if the page cannot be rendered or its words cannot be
        read, and StorageUnavailable and RedisError of the reading cache in workers.
        """
        try:
            return await self._try_engines()
        finally:
            await self._evidence.aclose()

    async def _try_engines(self) -> Page:
        """Try each engine in order until a reading is good enough, then choose among the readings kept."""
        for name in self._context.route.engines:
            if name == "text_layer" and self._kept and routing.text_layer_problem(self._context.facts):
                break  # a reading in doubt is worth more than a text layer that is not sound
            if name == "tesseract" and self._lines_tried:
                continue  # it has read the lines that it can read
            outcome = await self._try_engine(name)
            if outcome == "blank":
                return self._as_blank()
            if outcome == "accepted" and self._is_good_enough(self._kept[-1]):
                return self._context.to_page(self._kept[-1])
        if self._kept:
            return self._context.to_page(self._choose_best())
        if not self._page.attempts:
            raise NoEngine()
        if self._context.damaged:
            return fail_page(self._page, PageDamaged())
        if self._textless:
            return self._context.to_page(make_textless_candidate(self._context, *self._textless))
        return self._as_unreadable()

    def _as_unreadable(self) -> Page:
        """Return the page as failed: in a script that is not known here, or for the reasons that its attempts give."""
        if self._unknown_script:
            self._page.warnings.append(PageWarning(code="script_unreadable", message=self._unknown_script))
            return fail_page(self._page, PageUnreadable(self._unknown_script))
        return fail_page(self._page, PageUnreadable("No engine gave an answer that passed the checks; see the attempts."))

    def _as_blank(self) -> Page:
        """Return the page as blank; as failed if its data is damaged, since nothing shows then that it is blank."""
        if self._context.damaged:
            return fail_page(self._page, PageDamaged())
        self._page.status = "blank"
        return self._page

    def _is_good_enough(self, candidate: Candidate) -> bool:
        """Return whether no other engine needs to be asked."""
        if self._is_much_unread() or self._context.damaged:
            return False
        return not candidate.doubts or self._context.options.on_low_quality != "fallback"

    def _is_much_unread(self) -> bool:
        """Return whether one of the readings kept misses much of what is written."""
        return any(one.reading.unread_share > MAX_UNREAD_SHARE for one in self._kept)

    def _choose_best(self) -> Candidate:
        """Return the least doubtful reading kept; if one misses much, the reading with most letters read confidently."""
        if self._is_much_unread() and not any(one.name in VLM_ENGINES for one in self._kept):
            return max(self._kept, key=lambda one: one.reading.confident_letters)
        best = min(self._kept, key=lambda one: len(one.doubts))
        if not self._context.damaged:
            return best
        rivals = [one for one in self._kept if len(one.doubts) == len(best.doubts)]
        fullest = max(rivals, key=lambda one: guards.count_letters(one.reading))
        return (
            fullest
            if guards.count_letters(fullest.reading) > FULLER_LETTERS_RATIO * guards.count_letters(best.reading)
            else best
        )

    async def _try_engine(self, name: EngineName) -> Outcome:
        """Make all attempts of one engine. An accepted reading is the last of those kept."""
        outcome: Outcome = "next engine"
        temperatures = self._context.retry_temperatures if name in VLM_ENGINES else ()
        for temperature in (None, *temperatures):
            outcome = await self._try_once(name, temperature)
            if outcome != "same engine":
                break
        return outcome

    async def _try_once(self, name: EngineName, temperature: float | None) -> Outcome:
        """Have one engine read the page once, check the answer and record the attempt."""
        started = time.monotonic()
        try:
            reading, image = await self._read(name, temperature)
        except EngineError as error:
            self._context.record_attempt(name, "error", error.message, started, temperature, code=error.code)
            return self._outcome_after(error)
        if reading is None:
            return "blank"
        reading, merged_lines = await self._merge_text_layer(reading)
        reading = await read_lost_lines(self._context, reading, image)
        retry = await retry_lines(self._context, reading, image)
        if not retry.note:
            retry = replace(retry, reading=await look_closer(self._context, retry.reading, image))
        reading, self._lines_tried = retry.reading, self._lines_tried or retry.tried
        rejection = await self._evidence.find_rejection(reading, image)
        if rejection is None and not (reading.words or reading.blocks or reading.figures):
            self._context.record_attempt(name, "accepted", "nothing found and no ink", started, temperature)
            self._warn_of_undrawn_text()
            return "blank"
        if rejection is None:
            self._record_accepted(name, retry, merged_lines, started, temperature)
            await self._accept(self._context.make_candidate(reading.engine, reading), retry, image)
            return "accepted"
        if name != "text_layer" and self._is_blank(image, rejection):
            self._context.record_attempt(name, "accepted", "nothing found and hardly any ink", started, temperature)
            message = "The page counts as blank, but has a little ink on it that no engine could read."
            self._page.warnings.append(PageWarning(code="low_coverage", message=message))
            return "blank"
        self._context.record_attempt(name, "rejected", rejection.reason, started, temperature, rejection.guard)
        self._unknown_script = self._unknown_script or describe_unknown_script(reading, retry, image)
        if self._textless is None and rejection.empty and image is not None and has_no_text(reading, self._context.facts):
            self._textless = reading, image
        if name == "text_layer":
            return "next engine"  # it says the same whichever way the page is turned
        if rejection.doubtful:
            return self._keep_in_doubt(reading, rejection)
        return await self._repair_or_turn(name, temperature, reading, image, rejection)

    def _warn_of_undrawn_text(self) -> None:
        """Warn that a page counts as blank although its file has text for it: a font that cannot be drawn, for example."""
        facts = self._context.facts
        if facts.characters and not facts.hidden:
            message = f"Nothing can be seen on the page, though its text layer has {facts.characters} characters."
            self._page.warnings.append(PageWarning(code="low_coverage", message=message))

    async def _repair_or_turn(
        self,
        name: EngineName,
        temperature: float | None,
        reading: Reading,
        image: PageImage | None,
        rejection: guards.Rejection,
    ) -> Outcome:
        """Repair a rejected reading from a crop, or have the page read again: turned, if it does not stand upright."""
        repaired = await read_rest(self._context, self._evidence, reading, image, rejection)
        if repaired is not None:
            await self._accept(repaired, Retry(reading), image)
            return "accepted"
        if await self._context.images.correct_turn(image):
            return await self._try_once(name, temperature)
        return "same engine"

    def _record_accepted(
        self, name: EngineName, retry: Retry, merged_lines: str, started: float, temperature: float | None
    ) -> None:
        """Record an accepted attempt, and Tesseract's if most of the page is its reading."""
        if retry.reading.engine == name:
            told = self._describe_accepted(name, _describe_reading(retry.reading, merged_lines, retry.note))
            self._context.record_attempt(name, "accepted", told, started, temperature)
            return
        self._context.record_attempt(name, "accepted", retry.before, started, temperature)
        self._context.record_attempt("tesseract", "accepted", retry.note, started)

    def _describe_accepted(self, name: EngineName, merged_lines: str) -> str:
        """Describe an accepted reading for the attempts of the page."""
        if name == "text_layer":
            return "; ".join(filter(None, (merged_lines, describe_hidden(self._context.facts))))
        return "; ".join(filter(None, (merged_lines, self._evidence.check if name in VLM_ENGINES else "")))

    def _outcome_after(self, error: EngineError) -> Outcome:
        """Return whether the same engine may be asked once more: never the same question after a refusal."""
        if isinstance(error, ContextExceeded):
            self._context.images.shrink()
            return "same engine"
        # A broken stream may succeed next time; a server that is away, refuses or sleeps will not.
        return "next engine" if isinstance(error, (EngineRefused, EngineUnavailable, EngineTimeout)) else "same engine"

    async def _read(self, name: EngineName, temperature: float | None) -> tuple[Reading | None, PageImage | None]:
        """Return the reading and the image it was read from; no reading if the image is blank."""
        if name == "text_layer":
            return await self._read_text_layer()
        image = await self._context.image_for(name)
        if image.ink < guards.MIN_INK_SHARE and not self._context.facts.characters:
            return None, image
        if known := await self._evidence.reading_of(name):
            return known, image
        if name in VLM_ENGINES:
            self._evidence.prefetch(image)
        reading = await self._context.read(name, image, temperature, loop_reason)
        before = self._context.images.turn
        # Before packs of other letters are tried: some read letters that stand on their heads as their own, and are sure.
        seems_turned = is_unsure(reading) or reading.unread_share > MAX_UNREAD_SHARE
        if seems_turned and await self._context.images.correct_turn(image):
            turned_image = await self._context.image_for(name)
            turned = await self._context.read(name, turned_image, temperature, loop_reason)
            if _reads_better(turned, reading):
                return turned, turned_image
            self._context.images.turn = before
        return reading, image

    async def _read_text_layer(self) -> tuple[Reading | None, PageImage | None]:
        """Return the text layer as a reading; if it has no words, with an image that shows whether the page is blank."""
        reading = await load_text_layer(self._context.source, self._page.number)
        if reading.words:
            return reading, None
        image = await self._context.source.render(self._page.number, PageImageSpec())
        return (None if image.ink < guards.MIN_INK_SHARE else reading), image

    async def _merge_text_layer(self, reading: Reading) -> tuple[Reading, str]:
        """Merge a text layer that is not sound enough alone into the reading; return it and what to say of that."""
        facts, upright = self._context.facts, not self._context.images.turn
        if not (reading.words and reading.engine != "text_layer" and upright and hybrid.has_visible_words(facts)):
            return reading, ""
        patched, lines = hybrid.merge_text_layer(reading, await self._context.source.words(facts.number))
        found = len({*reading.words, *reading.uncertain_lines})
        return patched, f"{lines} of {found} lines as the text layer has them" if lines else ""

    async def _accept(self, candidate: Candidate, retry: Retry, image: PageImage | None) -> None:
        """Have the candidate checked by a second reader and keep it."""
        lost = candidate.reading.unread_share
        if unknown := describe_unknown_script(candidate.reading, retry, image):
            candidate.doubt("script_unreadable", unknown)
        elif lost > MIN_UNREAD_WARNING_SHARE:
            candidate.doubt("low_confidence", describe_unread(candidate.reading, image))
        elif is_unsure(candidate.reading):
            sure = confidence_of(candidate.reading)
            candidate.doubt("low_confidence", f"The engine is only {sure:.0%} sure.")
        if lost_lines := len(candidate.reading.lost_lines):
            candidate.note("low_coverage", describe_lost(lost_lines))
        checked = await self._second_reader.check(candidate)
        if checked.name in VLM_ENGINES:
            checked.known_words = (await self._evidence.gather()).words or self._evidence.places
            place_blocks(checked.reading.blocks, checked.known_words)
        self._kept.append(checked)

    def _keep_in_doubt(self, reading: Reading, rejection: guards.Rejection) -> Outcome:
        """Keep a reading in doubt, or accept it if another engine reads the same: that outweighs the estimate."""
        candidate = self._context.make_candidate(reading.engine, reading)
        words = tokenize(" ".join(comparable_texts_of(reading)))
        for other in self._kept:
            if (
                other.name != reading.engine
                and overlap_of(words, tokenize(" ".join(comparable_texts_of(other.reading)))) >= MIN_CONFIRMING_SHARE
            ):
                other.doubts.clear()
                self._kept.append(other)
                return "accepted"
        candidate.doubt(rejection.warning or "low_coverage", f"The reading is in doubt: {rejection.reason}.")
        self._kept.append(candidate)
        return "next engine"

    def _is_blank(self, image: PageImage | None, rejection: guards.Rejection) -> bool:
        """Return whether a page on which nothing was read has hardly any ink and no text layer."""
        return (
            rejection.empty and image is not None and image.ink < MIN_READABLE_INK_SHARE and not self._context.facts.characters
        )


def _reads_better(turned: Reading, reading: Reading) -> bool:
    """Return whether a page reads better after its turn was corrected.

    If most of it is unread either way, its letters are not known, and the detection of its direction is right.
    """
    if min(turned.unread_share, reading.unread_share) > MAX_UNREAD_SHARE:
        return turned.confident_letters >= reading.confident_letters
    return (confidence_of(turned) or 0) > (confidence_of(reading) or 0)


def _describe_reading(reading: Reading, *changed: str) -> str:
    """Describe how an accepted reading was made, for the attempts of the page."""
    lost = (
        f"{reading.unread_share:.0%} of the text that was found was not read"
        if reading.unread_share > MIN_UNREAD_WARNING_SHARE
        else ""
    )
    askew = abs(reading.skew.degrees)
    straightened = f"straightened by {askew:.1f} degrees" if askew else ""
    decided = f"a dictionary decided letters and spaces in doubt: {reading.mended}" if reading.mended else ""
    return "; ".join(filter(None, (reading.how, straightened, *changed, decided, lost)))
