"""Checks of a Reading that can reject it. Pure, cheap, and rather silent than wrong.

The first checks need only the answer: was it finished, does it repeat itself, is its markup whole, is there anything in it. The
others ask a witness: the words known to stand on the page, or else how many letters its ink can hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.models import BoundingBox, GuardName, PageImage, Reading, WarningCode
from document_parser.pipeline.comparable import Vocabulary, texts_of, texts_read, tokens
from document_parser.pipeline.loops import loop_reason
from document_parser.pipeline.witness import Witness, uncovered_ink

INKED = 0.00002
"""A page with less than this share of dark pixels is empty."""

WITNESS_WORDS = 20
LEAST_COVERAGE = 0.4
LEAST_WITNESSED = 0.5
"""An OCR that found fewer words than this part of what was read is the worse reader of the two: very small print."""
SHORT = 3
"""Words below this length are found on any page and prove nothing; letters of scripts without spaces are long enough."""

WINDOW = 12
"""Words in a row among which an invention is looked for: about a sentence."""
KNOWN_BY_CHANCE = 4
"""Of so many words in a row, as many as may be known although the sentence is invented: any page has "the" and "and"."""
LONG_WORD = 2

WRITTEN_BY_ALL = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"})
"""Scripts that every CPU engine writes, by the first words of their letters' names in Unicode."""

INK_LETTERS = 400
LEAST_OF_INK = 0.25
LEAST_OF_HANDWRITING = 0.12
"""A hand takes more room for a letter: wills of 1914 have a quarter of the letters that their ink would hold in print."""
MOST_OF_INK = 3.0
BEYOND_INK = 300
"""Letters beyond what the ink can hold; fewer may be a description of a picture, or very small print."""
LEAST_INK_COVERED = 0.5

TABLE_EDGE = re.compile(r"<(/?)table\b", re.IGNORECASE)
TABLE_INSIDE = re.compile(r"<t[rdh]\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a reading is not accepted; ``warning`` is what the page says if it is kept all the same.

    ``empty`` says that the reading has nothing at all in it, which on a page with hardly any ink may be right. ``doubtful``
    says that only an estimate speaks against the reading: it is kept, with its warning, where no engine gives a better one.
    """

    guard: GuardName
    reason: str
    warning: WarningCode | None = None
    empty: bool = False
    doubtful: bool = False


def judge(reading: Reading, image: PageImage | None, witness: Witness) -> Rejection | None:
    """Why this reading of the picture is not to be believed; None where nothing speaks against it."""
    return (
        _unfinished(reading)
        or _broken_tags(reading.text)
        or empty(reading, image)
        or uncovered(reading, witness)
        or invented(reading, witness)
        or (_beyond_ink(reading, image) if witness.source != "text_layer" else None)
        or (_short_of_ink(reading, image) if not witness.words else None)
    )


def _unfinished(reading: Reading) -> Rejection | None:
    match reading.finish_reason:
        case "length":
            return Rejection("length", "the answer was cut at its greatest length", "truncated")
        case "aborted":
            return Rejection("aborted", "the model server broke the answer off", "truncated")
        case "loop":
            return Rejection("loop", loop_reason(reading.text) or "the answer repeats itself", "loop_cut")
    loop = loop_reason(reading.text)
    return Rejection("loop", loop, "loop_cut") if loop else None


def _broken_tags(text: str) -> Rejection | None:
    """Markup still open at the end: the answer is not whole, whatever its finish reason says."""
    open_tables: list[int] = []
    for edge in TABLE_EDGE.finditer(text):
        if not edge[1]:
            open_tables.append(edge.end())
        elif open_tables:
            open_tables.pop()
    if open_tables and TABLE_INSIDE.search(text, open_tables[-1]):
        return Rejection("broken_tags", "a table of the answer has no end")
    if any(text.rfind(f"<|{name}|>") > text.rfind(f"<|/{name}|>") for name in ("ref", "det")):
        return Rejection("broken_tags", "the answer ends within a tag")
    return None


def empty(reading: Reading, image: PageImage | None) -> Rejection | None:
    if image is None or image.ink < INKED or any(block.kind == "figure" for block in reading.blocks):
        return None
    if reading.figures and _pictures_explain(reading, image):
        return None
    seen = any(character.isalnum() for text in _all_texts(reading) for character in text)
    return None if seen else Rejection("empty", "nothing was read on a page that is not empty", "low_coverage", empty=True)


def _all_texts(reading: Reading) -> list[str]:
    return [*texts_of(reading.blocks), *(word.text for word in reading.words)]


def uncovered(reading: Reading, witness: Witness) -> Rejection | None:
    """Too few of the words that the witness knows were read."""
    known = [word for word in witness.tokens if _tells(word)]
    if len(set(known)) < WITNESS_WORDS:
        return None
    found = Vocabulary(tokens(" ".join(_all_texts(reading)))).knows(known)
    covered = sum(found) / len(found)
    if covered >= LEAST_COVERAGE:
        return None
    return Rejection("coverage", f"only {covered:.0%} of the words known to be on the page were read", "low_coverage")


def _tells(word: str) -> bool:
    return len(word) >= SHORT or not word.isascii()


def invented(reading: Reading, witness: Witness) -> Rejection | None:
    """A sentence of which the witness knows nothing, though it knows the page."""
    words, share = tokens(" ".join(texts_read(reading))), 0.0
    if witness.source != "text_layer":
        words, share = _in_scripts_it_writes(witness, words), LEAST_WITNESSED
    if len(witness.tokens) < max(WITNESS_WORDS, share * len(words)):
        return None
    unknown = _invented_words(words, witness.vocabulary)
    if not unknown:
        return None
    return Rejection("fabrication", f"{unknown} words in a row that the witness knows nothing of", "suspect_fabrication")


def _in_scripts_it_writes(witness: Witness, words: Sequence[str]) -> list[str]:
    """The words in scripts that an OCR is known to write; what it makes of others proves nothing."""
    scripts = WRITTEN_BY_ALL | set(map(_script, witness.tokens))
    return [word for word in words if _script(word) in scripts]


def _script(word: str) -> str:
    return unicodedata.name(word[0], "").partition(" ")[0]


def _invented_words(all_words: Sequence[str], vocabulary: Vocabulary) -> int:
    """How many of the words stand in sentences that the witness knows nothing of. Numbers are for another check."""
    words = [word for word in all_words if (len(word) >= LONG_WORD or not word.isascii()) and not word.isdecimal()]
    if len(words) < WINDOW:
        return 0
    known = vocabulary.knows(words)
    lost = [False] * len(words)
    seen = sum(known[:WINDOW])
    for start in range(len(words) - WINDOW + 1):
        if start:
            seen += known[start + WINDOW - 1] - known[start - 1]
        if seen <= KNOWN_BY_CHANCE:
            lost[start : start + WINDOW] = [True] * WINDOW
    return sum(gone and not there for gone, there in zip(lost, known, strict=True))


def _beyond_ink(reading: Reading, image: PageImage | None) -> Rejection | None:
    """Far more letters than the ink of the page can hold."""
    if image is None or not image.marks.cells:
        return None
    letters, room = letters_of(reading), image.marks.letters
    if letters <= MOST_OF_INK * room + BEYOND_INK:
        return None
    reason = f"{letters} letters were read where the ink has room for about {room}"
    return Rejection("fabrication", reason, "suspect_fabrication", doubtful=True)


def _short_of_ink(reading: Reading, image: PageImage | None) -> Rejection | None:
    """Far fewer letters than the ink of the page can hold; only where there is no better witness."""
    if image is None or not image.marks.cells:
        return None
    letters, room = letters_of(reading), image.marks.letters
    least = LEAST_OF_HANDWRITING if image.marks.uneven else LEAST_OF_INK
    if room < INK_LETTERS or letters >= least * room or _pictures_explain(reading, image):
        return None
    reason = f"only {letters} letters were read where the ink has room for about {room}"
    return Rejection("coverage", reason, "low_coverage", doubtful=True)


def letters_of(reading: Reading) -> int:
    return sum(not character.isspace() for text in texts_read(reading) for character in text)


def _pictures_explain(reading: Reading, image: PageImage) -> bool:
    """Whether the ink lies under figures that were seen: a figure without a place may be anywhere."""
    figures = [block for block in reading.blocks if block.kind == "figure"]
    if any(block.box is None for block in figures):
        return True
    boxes = [block.box for block in reading.blocks if block.box is not None]
    boxes += [*reading.figures, *(BoundingBox.of(*word[1:5]) for word in reading.words)]
    return bool(figures or reading.figures) and uncovered_ink(image.marks, boxes, 1.0) < 1 - LEAST_INK_COVERED
