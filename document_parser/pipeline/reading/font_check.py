"""Detect fonts whose letters are others than those they show, and read their lines from the page image.

A font without a sound map says "xjmm" where the page shows "will", and nothing else on the page shows that. The CPU engine
reads a few lines of each font whose letters no language would use like that. Only if it is sure of quite other words, which a
language would use, are the lines of this font taken from the image; all other lines, and the layout, stay as the text layer has
them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate
from typing import NamedTuple
from weakref import WeakKeyDictionary

from document_parser.engines.registry import Engines
from document_parser.errors import EngineError, PageUnreadable
from document_parser.models import (
    Attempt,
    BoundingBox,
    Damage,
    EngineName,
    FoundTable,
    PageFacts,
    PageImage,
    PageImageSpec,
    Part,
    RulingLine,
    SuspectFont,
    Word,
)
from document_parser.pipeline.reading.routing import text_layer_problem
from document_parser.sources.base import PageSource
from document_parser.text.language import is_doubtful, plain_letters
from document_parser.text.normalize import is_meaningless
from document_parser.text.rare import is_rare

FONT_CHECK_ENGINE: EngineName = "rapidocr"
"""The engine that reads the lines of suspect fonts from the page image."""
MAX_SAMPLED_LINES = 2
"""Lines of a font that are read to decide about it."""
MIN_SAME_LETTERS_SHARE = 0.5
"""Share of the letters that must be the same, in order; with fewer the image shows another text."""
LOOK_LETTERS = 32
"""Letters of a font's longest lines that are read for a first look."""
MIN_CLEARLY_SAME_SHARE = 0.8
"""Share of the same letters from which the first look at an image shows what the font says. Sound lines have .9 and more, and
those of a misencoded font stay below MIN_SAME_LETTERS_SHARE."""
MIN_SAMPLE_CONFIDENCE = 0.75
"""Confidence (0 to 1) that the least confident word of the sampled lines must have."""
MIN_READ_LETTERS = 8
"""Letters that must be read from the image to decide about a font."""
MAX_LENGTH_RATIO = 2.0
"""A reading of more or less than this many times the letters is of something else too."""
MAX_MISENCODED_SHARE = 0.4
"""Share of the page's characters in misencoded fonts above which the page is read as a whole."""
MAX_MISENCODED_LINES = 40
"""Lines of misencoded fonts above which the page is read as a whole."""
MAX_SHORT_LINE_CHARACTERS = 16
"""Characters up to which a line is read as one piece: a search for lines in the image of an amount finds parts of it twice."""
MIN_LINE_PIXELS = 64
"""Height in pixels that the image of a line has at least."""

_WHOLE_IMAGE = BoundingBox(left=0, top=0, right=1, bottom=1)

_SOUND_LINES: WeakKeyDictionary[PageSource, set[str]] = WeakKeyDictionary()
"""Lines that were checked and found sound, by their document: a running head is checked once."""


class ReadLine(NamedTuple):
    """The words that the image shows in the place of a line, and the confidence (0 to 1) of the least confident one."""

    words: list[Word]
    confidence: float


class RepairedSource:
    """An open document in which one page has other words than its text layer. It is a PageSource."""

    def __init__(self, source: PageSource, facts: PageFacts, words: Sequence[Word]) -> None:
        """Wrap ``source``; ``facts`` and ``words`` replace those of the page that ``facts`` names."""
        self._source = source
        self._facts = facts
        self._words = list(words)

    async def facts(self, number: int) -> PageFacts:
        """Return the facts of a page. Raises PageUnreadable."""
        return self._facts if number == self._facts.number else await self._source.facts(number)

    async def words(self, number: int) -> list[Word]:
        """Return the words of a page with boxes in fractions of the page. Raises PageUnreadable."""
        return list(self._words) if number == self._facts.number else await self._source.words(number)

    async def tables(self, number: int, regions: Sequence[BoundingBox]) -> list[FoundTable]:
        """Return pdfplumber's tables of a page. Raises PageUnreadable."""
        return await self._source.tables(number, regions)

    async def pdfplumber_words(self, number: int) -> list[Word]:
        """Return pdfplumber's words of a page. Raises PageUnreadable."""
        return await self._source.pdfplumber_words(number)

    async def part(self, number: int) -> Part:
        """Return a part of a flowing document. Raises PageUnreadable."""
        return await self._source.part(number)

    async def picture(self, number: int, index: int, spec: PageImageSpec) -> PageImage:
        """Return an embedded image of a part. Raises PageUnreadable."""
        return await self._source.picture(number, index, spec)

    async def rulings(self, number: int) -> list[RulingLine]:
        """Return the drawn lines of a page in fractions of the page. Raises PageUnreadable."""
        return await self._source.rulings(number)

    async def damage(self, number: int) -> list[Damage]:
        """Return the damaged parts of a page's data. Raises PageUnreadable."""
        return await self._source.damage(number)

    async def render(self, number: int, spec: PageImageSpec, turn: int = 0) -> PageImage:
        """Return a page as an image, turned clockwise by ``turn`` degrees. Raises PageUnreadable."""
        return await self._source.render(number, spec, turn)


@dataclass
class FontCheck:
    """A page whose suspect fonts have been checked.

    ``attempts`` report the check. ``repaired`` says what was changed; empty if nothing was.
    """

    source: PageSource
    facts: PageFacts
    attempts: list[Attempt] = field(default_factory=list)
    repaired: str = ""


async def check_fonts(source: PageSource, facts: PageFacts, engines: Engines) -> FontCheck:
    """Return the page with the lines of misencoded fonts read from its image.

    The page stays as it is if no font is suspect, if its text layer is not sound anyway, if RapidOCR is not available, or if
    the lines cannot be rendered. Raises StorageUnavailable and RedisError of the reading cache in workers.
    """
    if not facts.suspect_fonts or text_layer_problem(facts) or FONT_CHECK_ENGINE not in await engines.find_available():
        return FontCheck(source, facts)
    reader = _LineReader(source, facts.number, engines)
    started = time.monotonic()
    try:
        misencoded = [font for font in facts.suspect_fonts if await reader.is_misencoded(font)]
        check = await _replace_lines(misencoded, source, facts, reader)
    except (EngineError, PageUnreadable) as error:
        check = FontCheck(source, facts)
        reason, outcome = f"font check: {error.message}", "error"
    else:
        reason, outcome = _describe_check(len(facts.suspect_fonts), len(misencoded), check.repaired), "accepted"
    spent = round((time.monotonic() - started) * 1000)
    fields = {"engine": FONT_CHECK_ENGINE, "outcome": outcome, "reason": reason, "milliseconds": spent}
    check.attempts.append(Attempt.model_validate(fields))
    return check


def _describe_check(suspects: int, misencoded: int, repaired: str) -> str:
    """Describe the check for the attempts of the page, without anything of the page's contents."""
    if not misencoded:
        return (
            f"font check: {suspects} suspect fonts show the letters that they encode"
            if suspects > 1
            else "font check: the suspect font shows the letters that it encodes"
        )
    return repaired or "font check: the font shows other letters than it encodes"


async def _replace_lines(
    misencoded: Sequence[SuspectFont], source: PageSource, facts: PageFacts, reader: _LineReader
) -> FontCheck:
    """Return the page with the lines of misencoded fonts read from its image; without their words if there are too many."""
    if not misencoded:
        return FontCheck(source, facts)
    words = await source.words(facts.number)
    lines = [line for font in misencoded for line in group_lines(font.words)]
    letters = sum(len(word.text) for font in misencoded for word in font.words)
    if letters > MAX_MISENCODED_SHARE * facts.characters or len(lines) > MAX_MISENCODED_LINES:
        gone = {_key_of(word) for line in lines for word in line}
        facts = facts.model_copy(update={"false_share": min(1.0, letters / max(1, facts.characters)), "suspect_fonts": []})
        return FontCheck(RepairedSource(source, facts, [word for word in words if _key_of(word) not in gone]), facts)
    repaired = {_key_of(line[0]): (line, await reader.read_line(line)) for line in lines}
    unread = sum(not found.words for _, found in repaired.values())
    facts = facts.model_copy(update={"suspect_fonts": []})
    read = f"{FONT_CHECK_ENGINE} read {_count_lines(len(repaired) - unread)} from the page image"
    kept = f"; it could not read {_count_lines(unread)}, which the page has as in the file" if unread else ""
    reason = f"{read}, because the font shows other letters than it encodes{kept}"
    return FontCheck(RepairedSource(source, facts, _insert_lines(words, list(repaired.values()))), facts, repaired=reason)


def _count_lines(count: int) -> str:
    """Return "1 line" or "N lines"."""
    return "1 line" if count == 1 else f"{count} lines"


def _insert_lines(words: Iterable[Word], lines: Sequence[tuple[list[Word], ReadLine]]) -> list[Word]:
    """Return the words with these lines as they were read, each in the place of its first word."""
    first = {_key_of(line[0]): _join_words(found.words) for line, found in lines if found.words}
    gone = {_key_of(word) for line, found in lines if found.words for word in line}
    result: list[Word] = []
    for word in words:
        key = _key_of(word)
        result += first.get(key, []) if key in gone else [word]
    return result


def _join_words(words: Sequence[Word]) -> list[Word]:
    """Return a line as one word with spaces, since the boxes of the words that were read may overlap."""
    box = BoundingBox.around(words)
    text = " ".join(word.text for word in words)
    return [words[0]._replace(text=text, **box.model_dump())] if box is not None else []


def _key_of(word: Word) -> tuple[object, ...]:
    """Return the text and the box of a word, which identify it on its page."""
    return word[:5]


class _LineReader:
    """Read lines of one page from its image."""

    def __init__(self, source: PageSource, number: int, engines: Engines) -> None:
        """Remember the page; nothing is read yet."""
        self._source = source
        self._number = number
        self._engines = engines
        self._known: dict[tuple[object, ...], ReadLine] = {}
        self._engine = engines.get(FONT_CHECK_ENGINE)
        self._images: dict[BoundingBox, PageImage] = {}

    async def is_misencoded(self, font: SuspectFont) -> bool:
        """Return whether the image of a font's longest lines clearly shows other words than the font says."""
        lines = sorted(group_lines(font.words), key=_count_letters, reverse=True)[:MAX_SAMPLED_LINES]
        sound = _SOUND_LINES.setdefault(self._source, set())
        if not lines or _without_digits(lines[0]) in sound:
            return False
        if not await self._shows(lines):
            found = [await self.read_line(line) for line in lines]
            said = "".join(word.text for line in lines for word in line)
            seen = [word for shown in found for word in shown.words]
            if min(shown.confidence for shown in found) < MIN_SAMPLE_CONFIDENCE:
                return False  # undecided: the same line may be clear on another page
            if _is_other_text(said, seen):
                return True
        sound.add(_without_digits(lines[0]))
        return False

    async def _shows(self, lines: Sequence[Sequence[Word]]) -> bool:
        """Return whether the image of lines clearly shows what their first LOOK_LETTERS letters say.

        Each image is taken for one line: looking for lines in it would take twenty times as long as reading it. Lines with
        rare characters or without letters are not judged by their letters, so nothing is clear of them.
        """
        text = "".join(word.text for line in lines for word in line)
        if not plain_letters(text) or any(map(is_rare, text)):
            return False
        said: list[Word] = []
        seen: list[Word] = []
        for line in lines:
            if (left := LOOK_LETTERS - _count_letters(said)) > 0:
                part = _beginning_of(line, left)
                said += part
                image = await self._image_of(part)
                seen += await self._engines.read_segments(FONT_CHECK_ENGINE, image, [_WHOLE_IMAGE]) or []
        ours, theirs = ("".join(word.text for word in words) for words in (said, seen))
        if any(letter.isalpha() and not letter.isascii() and letter not in theirs for letter in ours):
            return False  # a few other letters are no smaller fault for the many that are the same
        matcher = SequenceMatcher(None, plain_letters(ours), plain_letters(theirs), autojunk=False)
        return matcher.ratio() >= MIN_CLEARLY_SAME_SHARE

    async def read_line(self, line: Sequence[Word]) -> ReadLine:
        """Return the words in the image of a line, with boxes on the page and the style of the line's first word."""
        key = tuple(map(_key_of, line))
        if key not in self._known:
            self._known[key] = await self._read_line(line)
        return self._known[key]

    async def _read_line(self, line: Sequence[Word]) -> ReadLine:
        """Read a line that was not read before."""
        box = _line_box(line)
        image = await self._image_of(line)
        found: list[Word] | None = None
        if sum(len(word.text) for word in line) <= MAX_SHORT_LINE_CHARACTERS:
            found = await self._engines.read_segments(FONT_CHECK_ENGINE, image, [_WHOLE_IMAGE])
        if found is None:
            found = (await self._engine.read(image)).words
        middle = (line[0].top + line[0].bottom) / 2
        page_words = (_to_page(word, box, line[0]) for word in found)
        words = sorted((word for word in page_words if word.top < middle < word.bottom), key=lambda word: word.left)
        return ReadLine(words, min((word.confidence or 0.0 for word in found), default=0.0))

    async def _image_of(self, line: Sequence[Word]) -> PageImage:
        """Return the image of a line with a margin, rendered once."""
        box = _line_box(line)
        if box not in self._images:
            wanted = {"region": box, "min_short_side": MIN_LINE_PIXELS, "straighten": False}
            spec = self._engine.image_spec.model_copy(update=wanted)
            self._images[box] = await self._source.render(self._number, spec)
        return self._images[box]


def _is_other_text(said: str, seen: Sequence[Word]) -> bool:
    """Return whether quite other letters were read than a font says, and ones that a language may use like that."""
    ours, theirs = plain_letters(said), plain_letters("".join(word.text for word in seen))
    if rare := [char for char in said if is_rare(char)]:
        return bool(theirs) and not any(char in word.text for char in rare for word in seen) and _is_as_long(theirs, said)
    if len(theirs) < MIN_READ_LETTERS or is_doubtful(text for word in seen for text in word.text.split()):
        return False
    if not ours:  # signs in the place of digits
        return _is_as_long(theirs, said)
    if sum(map(is_meaningless, said)) > len(said) / 2:
        return True
    alike = SequenceMatcher(None, ours, theirs, autojunk=False).ratio()
    return alike < MIN_SAME_LETTERS_SHARE and _is_as_long(theirs, ours)


def _is_as_long(one: str, other: str) -> bool:
    """Return whether two texts are of about the same length, so that they may be readings of the same line."""
    return len(one) <= MAX_LENGTH_RATIO * len(other) and len(other) <= MAX_LENGTH_RATIO * len(one)


def group_lines(words: Iterable[Word]) -> list[list[Word]]:
    """Return the lines of words that follow each other at the same height; words without an area are left out."""
    lines: list[list[Word]] = []
    for word in words:
        if word.right - word.left <= 0 or word.bottom - word.top <= 0:
            continue
        if lines and _is_same_line(lines[-1][-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _is_same_line(before: Word, word: Word) -> bool:
    """Return whether a word follows another one on the same line."""
    height = max(before.bottom - before.top, word.bottom - word.top)
    level = min(before.bottom, word.bottom) - max(before.top, word.top) > 0.3 * height
    return level and -height < word.left - before.right < 3 * height


def _beginning_of(line: Sequence[Word], letters: int) -> Sequence[Word]:
    """Return the first words of a line, as many as have this many letters."""
    return line[: 1 + sum(count < letters for count in accumulate(len(word.text) for word in line))]


def _without_digits(line: Sequence[Word]) -> str:
    """Return the text of a line without its digits."""
    return "".join(char for word in line for char in word.text if not char.isdigit())


def _count_letters(line: Sequence[Word]) -> int:
    """Return the number of characters of a line."""
    return sum(len(word.text) for word in line)


def _line_box(line: Sequence[Word]) -> BoundingBox:
    """Return the box of a line with a margin, since letters reach beyond the boxes of their font."""
    margin = 0.25 * max(word.bottom - word.top for word in line)
    return BoundingBox.of(
        min(word.left for word in line) - margin,
        min(word.top for word in line) - margin,
        max(word.right for word in line) + margin,
        max(word.bottom for word in line) + margin,
    )


def _to_page(word: Word, box: BoundingBox, like: Word) -> Word:
    """Return a word from the image of a line with its box on the page and the style of ``like``."""
    wide, high = box.right - box.left, box.bottom - box.top
    return like._replace(
        text=word.text,
        left=box.left + word.left * wide,
        right=box.left + word.right * wide,
        top=box.top + word.top * high,
        bottom=box.top + word.bottom * high,
        baseline=0.0,
    )
