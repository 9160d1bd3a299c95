"""Fonts whose letters are others than those they show: found out by a look at a line or two, and read from the picture.

A font without a sound map says "xjmm" where the page shows "will", and nothing else of the page tells. A font whose letters no
language would use like that is put to the CPU engine. Only where that is sure of quite other words, which a language would use,
the lines of this font are taken from the picture; all others, and the layout, stay as the text layer has them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple
from weakref import WeakKeyDictionary

from document_parser.engines import Engines
from document_parser.errors import EngineError
from document_parser.models import (
    Attempt,
    BoundingBox,
    Damage,
    EngineName,
    FontInDoubt,
    PageFacts,
    PageImage,
    PictureSpec,
    Rule,
    Word,
)
from document_parser.pipeline.comparable import is_meaningless
from document_parser.pipeline.letters import is_doubtful, plain_letters
from document_parser.pipeline.route import distrust
from document_parser.pipeline.upright import PageSource

WITNESS: EngineName = "rapidocr"
SAMPLES = 2
"""Lines of a font that are looked at."""
OTHER = 0.5
"""What a witness reads is another text where less than this share of the letters is the same, in order."""
SURE = 0.75
LEAST_LETTERS = 8
LONGER = 2.0
"""A reading of more or less than this many times the letters is of something else too."""
MOST_FALSE = 0.4
"""Where fonts with more of the page's characters are false, the page is read as a whole."""
MOST_LINES = 40
LEAST_SIDE = 64
"""Pixels of a line's picture, from top to bottom."""


_SOUND: WeakKeyDictionary[PageSource, set[str]] = WeakKeyDictionary()
"""Lines that were looked at and not found false, by their document: a running head is looked at once."""


class Seen(NamedTuple):
    """What a picture shows in the place of a line, and how sure its reader is of the least sure word."""

    words: list[Word]
    confidence: float


class MendedSource:
    """An open document one of whose pages has other words than its text layer. It is a PageSource."""

    def __init__(self, source: PageSource, facts: PageFacts, words: Sequence[Word]) -> None:
        self._source = source
        self._facts = facts
        self._words = list(words)

    async def facts(self, number: int) -> PageFacts:
        return self._facts if number == self._facts.number else await self._source.facts(number)

    async def words(self, number: int) -> list[Word]:
        return list(self._words) if number == self._facts.number else await self._source.words(number)

    async def rules(self, number: int) -> list[Rule]:
        return await self._source.rules(number)

    async def damage(self, number: int) -> list[Damage]:
        return await self._source.damage(number)

    async def render(self, number: int, spec: PictureSpec, turn: int = 0) -> PageImage:
        return await self._source.render(number, spec, turn)


@dataclass
class Checked:
    """A page whose doubtful fonts have been looked at. ``attempts`` tell what of; ``mended`` says what was changed."""

    source: PageSource
    facts: PageFacts
    attempts: list[Attempt] = field(default_factory=list)
    mended: str = ""


async def with_fonts_checked(source: PageSource, facts: PageFacts, engines: Engines) -> Checked:
    """The page with the words of false fonts read from its picture; as it is where none is in doubt, or nobody can look.

    Raises PageUnreadable.
    """
    if not facts.doubted or distrust(facts) or WITNESS not in await engines.available():
        return Checked(source, facts)
    look = _Look(source, facts.number, engines)
    started = time.monotonic()
    try:
        false = [font for font in facts.doubted if await look.finds_false(font)]
        checked = await _without(false, source, facts, look)
    except EngineError as error:
        checked = Checked(source, facts)
        told, outcome = f"a look at a font in doubt: {error.message}", "error"
    else:
        told, outcome = _said(len(facts.doubted), len(false), checked.mended), "accepted"
    spent = round((time.monotonic() - started) * 1000)
    fields = {"engine": WITNESS, "outcome": outcome, "reason": told, "milliseconds": spent}
    checked.attempts.append(Attempt.model_validate(fields))
    return checked


def _said(doubted: int, false: int, mended: str) -> str:
    """What the why-trail says; nothing of the page's contents."""
    if not false:
        return (
            f"looked at {doubted} fonts in doubt: they show what they say"
            if doubted > 1
            else "looked at a font in doubt: it shows what it says"
        )
    return mended or "looked at a font in doubt: it shows other letters than it says"


async def _without(false: Sequence[FontInDoubt], source: PageSource, facts: PageFacts, look: _Look) -> Checked:
    if not false:
        return Checked(source, facts)
    words = await source.words(facts.number)
    lines = [line for font in false for line in runs_of(font.words)]
    letters = sum(len(word.text) for font in false for word in font.words)
    if letters > MOST_FALSE * facts.characters or len(lines) > MOST_LINES:
        gone = {_key(word) for line in lines for word in line}
        facts = facts.model_copy(update={"false_share": min(1.0, letters / max(1, facts.characters)), "doubted": []})
        return Checked(MendedSource(source, facts, [word for word in words if _key(word) not in gone]), facts)
    mended = {_key(line[0]): (line, await look.at(line)) for line in lines}
    unread = sum(not found.words for _, found in mended.values())
    facts = facts.model_copy(update={"doubted": []})
    told = f"{_lines(len(mended) - unread)} of a font that shows other letters than it says read from the picture"
    told += f"; {_lines(unread)} could not be read and {'stands' if unread == 1 else 'stand'} as in the file" if unread else ""
    return Checked(MendedSource(source, facts, _mended(words, list(mended.values()))), facts, mended=told)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _mended(words: Iterable[Word], lines: Sequence[tuple[list[Word], Seen]]) -> list[Word]:
    """The words with these lines as they were read, each in the place of its first word."""
    first = {_key(line[0]): _as_one(found.words) for line, found in lines if found.words}
    gone = {_key(word) for line, found in lines if found.words for word in line}
    result: list[Word] = []
    for word in words:
        key = _key(word)
        result += first.get(key, []) if key in gone else [word]
    return result


def _as_one(words: Sequence[Word]) -> list[Word]:
    """A line as one word with spaces: the letters of its reader's words may overlap."""
    box = BoundingBox.around(words)
    text = " ".join(word.text for word in words)
    return [words[0]._replace(text=text, **box.model_dump())] if box is not None else []


def _key(word: Word) -> tuple[object, ...]:
    return word[:5]


class _Look:
    """Looks at lines of a page."""

    def __init__(self, source: PageSource, number: int, engines: Engines) -> None:
        self._source = source
        self._number = number
        self._engine = engines.get(WITNESS)

    async def finds_false(self, font: FontInDoubt) -> bool:
        """Whether the picture of the longest lines of a font surely has other words than they say."""
        lines = sorted(runs_of(font.words), key=_letters, reverse=True)[:SAMPLES]
        sound = _SOUND.setdefault(self._source, set())
        if not lines or _without_digits(lines[0]) in sound:
            return False
        found = [await self.at(line) for line in lines]
        said = "".join(word.text for line in lines for word in line)
        seen = [word for shown in found for word in shown.words]
        if min(shown.confidence for shown in found) >= SURE and _is_other(said, seen):
            return True
        sound.add(_without_digits(lines[0]))
        return False

    async def at(self, line: Sequence[Word]) -> Seen:
        """What the picture of a line says: words where they stand on the page, looking like the first one of the line."""
        box = _around(line)
        spec = self._engine.picture.model_copy(update={"region": box, "min_short_side": LEAST_SIDE, "straighten": False})
        image = await self._source.render(self._number, spec)
        reading = await self._engine.read(image)
        middle = (line[0].top + line[0].bottom) / 2
        placed = (_placed(word, box, line[0]) for word in reading.words)
        words = sorted((word for word in placed if word.top < middle < word.bottom), key=lambda word: word.left)
        return Seen(words, min((word.confidence or 0.0 for word in reading.words), default=0.0))


def _is_other(said: str, seen: Sequence[Word]) -> bool:
    """Whether a witness reads quite other letters than a font says, and ones that a language may use like that."""
    ours, theirs = plain_letters(said), plain_letters("".join(word.text for word in seen))
    if len(theirs) < LEAST_LETTERS or is_doubtful(text for word in seen for text in word.text.split()):
        return False
    if sum(map(is_meaningless, said)) > len(said) / 2:
        return True
    alike = SequenceMatcher(None, ours, theirs, autojunk=False).ratio()
    return alike < OTHER and len(theirs) <= LONGER * len(ours) and len(ours) <= LONGER * len(theirs)


def runs_of(words: Iterable[Word]) -> list[list[Word]]:
    """Words that follow each other on a level line together."""
    lines: list[list[Word]] = []
    for word in words:
        if word.right - word.left <= 0 or word.bottom - word.top <= 0:
            continue
        if lines and _goes_on(lines[-1][-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _goes_on(before: Word, word: Word) -> bool:
    height = max(before.bottom - before.top, word.bottom - word.top)
    level = min(before.bottom, word.bottom) - max(before.top, word.top) > 0.3 * height
    return level and -height < word.left - before.right < 3 * height


def _without_digits(line: Sequence[Word]) -> str:
    return "".join(char for word in line for char in word.text if not char.isdigit())


def _letters(line: Sequence[Word]) -> int:
    return sum(len(word.text) for word in line)


def _around(line: Sequence[Word]) -> BoundingBox:
    """The line with a margin, since letters reach over what their font says."""
    margin = 0.25 * max(word.bottom - word.top for word in line)
    return BoundingBox.of(
        min(word.left for word in line) - margin,
        min(word.top for word in line) - margin,
        max(word.right for word in line) + margin,
        max(word.bottom for word in line) + margin,
    )


def _placed(word: Word, box: BoundingBox, like: Word) -> Word:
    """A word of a line's picture where it stands on the page, looking like another."""
    wide, high = box.right - box.left, box.bottom - box.top
    return like._replace(
        text=word.text,
        left=box.left + word.left * wide,
        right=box.left + word.right * wide,
        top=box.top + word.top * high,
        bottom=box.top + word.bottom * high,
        baseline=0.0,
    )
