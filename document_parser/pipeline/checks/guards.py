"""Check a Reading, and reject it if something speaks against it. Pure, cheap, and rather silent than wrong.

The first checks need only the answer: is it finished, does it repeat itself, is its markup whole, is there anything in it. The
others compare it with evidence: the words known to be on the page, or else how many letters its ink can hold.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.models import BoundingBox, GuardName, PageImage, Reading, WarningCode
from document_parser.pipeline.checks.evidence import Evidence, uncovered_ink
from document_parser.pipeline.checks.loops import loop_reason
from document_parser.text.normalize import Vocabulary, comparable_texts_of, texts_of, tokenize

MIN_INK_SHARE = 0.00002
"""Share of dark pixels below which a page is blank; a lone page number has more."""

MIN_EVIDENCE_WORDS = 20
"""Words that the evidence must have before a reading is compared with it; with fewer it proves nothing."""
MIN_COVERED_SHARE = 0.4
"""Share of the known words that a reading must have."""
MIN_EVIDENCE_RATIO = 0.5
"""An OCR that found fewer words than this part of what was read is the worse reader of the two: very small print."""
MIN_DISTINCTIVE_CHARACTERS = 3
"""Words below this length are found on any page and prove nothing; letters of scripts without spaces are long enough."""

WINDOW_WORDS = 12
"""Words in a row that are searched for an invention: about a sentence."""
MAX_WORDS_KNOWN_BY_CHANCE = 4
"""Of the words of such a row, as many as this may be known although the sentence is invented: any page has "the" and "and"."""
MIN_WORD_CHARACTERS = 2
"""Characters from which a word in ASCII counts in the search for inventions; a word of another script always counts."""

COMMON_SCRIPTS = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"})
"""Scripts that every CPU engine writes, by the first words of their letters' names in Unicode."""

MIN_INK_LETTERS = 400
"""Letters that the ink of a page must have room for before too few letters are a reason to reject a reading."""
MIN_LETTERS_RATIO = 0.25
"""Share of the letters that the ink has room for that a reading must have."""
MIN_HANDWRITING_LETTERS_RATIO = 0.12
"""The same for handwriting, which takes more room for a letter: wills of 1914 have a quarter of the letters that their ink
would hold in print."""
MAX_LETTERS_RATIO = 3.0
"""A reading may have this many times the letters that the ink has room for."""
MAX_EXCESS_LETTERS = 300
"""Letters that a reading may have on top of that; fewer may be a description of an image, or very small print."""
MIN_INK_COVERED_SHARE = 0.5
"""Share of the inked cells that figures and text must cover for the figures to explain why so few letters were read."""

TABLE_EDGE = re.compile(r"<(/?)table\b", re.IGNORECASE)
"""The start or end tag of a table in an answer."""
TABLE_INSIDE = re.compile(r"<t[rdh]\b", re.IGNORECASE)
"""The start of a row or a cell in an answer."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a reading is not accepted.

    ``warning`` is the page's warning if the reading is kept all the same. ``empty`` says that the reading has nothing at all in
    it, which may be right on a page with hardly any ink. ``doubtful`` says that only an estimate speaks against the reading: it
    is kept, with its warning, if no engine gives a better one.
    """

    guard: GuardName
    reason: str
    warning: WarningCode | None = None
    empty: bool = False
    doubtful: bool = False


def judge(reading: Reading, image: PageImage | None, evidence: Evidence) -> Rejection | None:
    """Return why a reading of the page image is rejected; None if nothing speaks against it.

    ``image`` is None for a reading that comes from no image. The first reason found is returned.
    """
    return (
        _check_finished(reading)
        or _check_tags(reading.text)
        or check_empty(reading, image)
        or check_coverage(reading, evidence)
        or check_invention(reading, evidence)
        or (_check_excess_letters(reading, image) if evidence.source != "text_layer" else None)
        or (_check_missing_letters(reading, image) if not evidence.words else None)
    )


def _check_finished(reading: Reading) -> Rejection | None:
    """Reject an answer that did not end by itself, or that repeats itself."""
    match reading.finish_reason:
        case "length":
            return Rejection("length", "the answer reached its maximum length", "truncated")
        case "aborted":
            return Rejection("aborted", "the model server ended the answer early", "truncated")
        case "loop":
            return Rejection("loop", loop_reason(reading.text) or "the answer repeats itself", "loop_cut")
    loop = loop_reason(reading.text)
    return Rejection("loop", loop, "loop_cut") if loop else None


def _check_tags(text: str) -> Rejection | None:
    """Reject markup that is still open at the end: the answer is not whole, whatever its finish reason says."""
    open_tables: list[int] = []
    for edge in TABLE_EDGE.finditer(text):
        if not edge[1]:
            open_tables.append(edge.end())
        elif open_tables:
            open_tables.pop()
    if open_tables and TABLE_INSIDE.search(text, open_tables[-1]):
        return Rejection("broken_tags", "a table in the answer is not closed")
    if any(text.rfind(f"<|{name}|>") > text.rfind(f"<|/{name}|>") for name in ("ref", "det")):
        return Rejection("broken_tags", "the answer ends inside a tag")
    return None


def check_empty(reading: Reading, image: PageImage | None) -> Rejection | None:
    """Reject a reading without a letter, digit or figure if the page image has ink."""
    if image is None or image.ink < MIN_INK_SHARE or any(block.kind == "figure" for block in reading.blocks):
        return None
    if reading.figures and _is_ink_in_figures(reading, image):
        return None
    seen = any(character.isalnum() for text in _all_texts(reading) for character in text)
    return None if seen else Rejection("empty", "nothing was read on a page that is not empty", "low_coverage", empty=True)


def _all_texts(reading: Reading) -> list[str]:
    """Return the texts of the reading's blocks and words."""
    return [*texts_of(reading.blocks), *(word.text for word in reading.words)]


def check_coverage(reading: Reading, evidence: Evidence) -> Rejection | None:
    """Reject a reading that has too few of the words that the evidence knows."""
    known = [word for word in evidence.tokens if _is_distinctive(word)]
    if len(set(known)) < MIN_EVIDENCE_WORDS:
        return None
    found = Vocabulary(tokenize(" ".join(_all_texts(reading)))).knows(known)
    covered = sum(found) / len(found)
    if covered >= MIN_COVERED_SHARE:
        return None
    return Rejection("coverage", f"only {covered:.0%} of the words known to be on the page were read", "low_coverage")


def _is_distinctive(word: str) -> bool:
    """Return whether a word is long enough to prove something."""
    return len(word) >= MIN_DISTINCTIVE_CHARACTERS or not word.isascii()


def check_invention(reading: Reading, evidence: Evidence) -> Rejection | None:
    """Reject a reading with a sentence that is unknown to the evidence, although the evidence knows the page."""
    words, share = tokenize(" ".join(comparable_texts_of(reading))), 0.0
    if evidence.source != "text_layer":
        words, share = _words_in_known_scripts(evidence, words), MIN_EVIDENCE_RATIO
    if len(evidence.tokens) < max(MIN_EVIDENCE_WORDS, share * len(words)):
        return None
    unknown = _count_invented_words(words, evidence.vocabulary)
    if not unknown:
        return None
    return Rejection(
        "fabrication", f"{unknown} words in a row are not among the known words of the page", "suspect_fabrication"
    )


def _words_in_known_scripts(evidence: Evidence, words: Sequence[str]) -> list[str]:
    """Return the words in scripts that the OCR behind the evidence writes; what it makes of other scripts proves nothing."""
    scripts = COMMON_SCRIPTS | set(map(_script_of, evidence.tokens))
    return [word for word in words if _script_of(word) in scripts]


def _script_of(word: str) -> str:
    """Return the first word of the Unicode name of a word's first letter, as its script."""
    return unicodedata.name(word[0], "").partition(" ")[0]


def _count_invented_words(all_words: Sequence[str], vocabulary: Vocabulary) -> int:
    """Return how many unknown words are in sentences that the evidence does not know. Numbers are for another check."""
    words = [word for word in all_words if (len(word) >= MIN_WORD_CHARACTERS or not word.isascii()) and not word.isdecimal()]
    if len(words) < WINDOW_WORDS:
        return 0
    known = vocabulary.knows(words)
    lost = [False] * len(words)
    seen = sum(known[:WINDOW_WORDS])
    for start in range(len(words) - WINDOW_WORDS + 1):
        if start:
            seen += known[start + WINDOW_WORDS - 1] - known[start - 1]
        if seen <= MAX_WORDS_KNOWN_BY_CHANCE:
            lost[start : start + WINDOW_WORDS] = [True] * WINDOW_WORDS
    return sum(gone and not there for gone, there in zip(lost, known, strict=True))


def _check_excess_letters(reading: Reading, image: PageImage | None) -> Rejection | None:
    """Reject a reading with far more letters than the ink of the page can hold."""
    if image is None or not image.ink_facts.cells:
        return None
    letters, room = count_letters(reading), image.ink_facts.letters
    if letters <= MAX_LETTERS_RATIO * room + MAX_EXCESS_LETTERS:
        return None
    reason = f"{letters} letters were read, but the ink has room for about {room}"
    return Rejection("fabrication", reason, "suspect_fabrication", doubtful=True)


def _check_missing_letters(reading: Reading, image: PageImage | None) -> Rejection | None:
    """Reject a reading with far fewer letters than the ink of the page can hold; only used if there is no better evidence."""
    if image is None or not image.ink_facts.cells:
        return None
    letters, room = count_letters(reading), image.ink_facts.letters
    least = MIN_HANDWRITING_LETTERS_RATIO if image.ink_facts.uneven else MIN_LETTERS_RATIO
    if room < MIN_INK_LETTERS or letters >= least * room or _is_ink_in_figures(reading, image):
        return None
    reason = f"only {letters} letters were read, but the ink has room for about {room}"
    return Rejection("coverage", reason, "low_coverage", doubtful=True)


def count_letters(reading: Reading) -> int:
    """Return how many characters a reading has, white space left out."""
    return sum(not character.isspace() for text in comparable_texts_of(reading) for character in text)


def _is_ink_in_figures(reading: Reading, image: PageImage) -> bool:
    """Return whether the ink lies under figures that the reading has; a figure without a box may be anywhere."""
    figures = [block for block in reading.blocks if block.kind == "figure"]
    if any(block.box is None for block in figures):
        return True
    boxes = [block.box for block in reading.blocks if block.box is not None]
    boxes += [*reading.figures, *(BoundingBox.of(*word[1:5]) for word in reading.words)]
    return bool(figures or reading.figures) and uncovered_ink(image.ink_facts, boxes, 1.0) < 1 - MIN_INK_COVERED_SHARE
