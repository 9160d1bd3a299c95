"""Judge the lines that RapidOCR read: which count as writing, as unread, as uncertain."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from document_parser.engines.rapidocr.lines import MIN_LONG_LINE_RATIO, Line, are_tall, boxes_of, extents_of

MIN_WRITING_CONFIDENCE = 0.5
"""A line read with less confidence is taken for something else: a drawing, a stain, letters the models do not know."""
MIN_LINE_CONFIDENCE = 0.7
"""A line read with less confidence, or with hardly a letter in its length, counts as unread: handwriting or another script."""
MIN_SURE_LINE_CONFIDENCE = 0.9
"""If a page has unread lines, its lines read with less confidence than this count as uncertain as well."""
MIN_LETTERS_PER_HEIGHT = 0.2
"""Letters in a length equal to the height of the line; a long line with fewer counts as unread.

Chinese has 1, Latin 2 to 3; misread Tamil and Cyrillic have 0.15.
"""
MIN_LOST_LINE_RATIO = 4.0
"""Length of a lost line over the usual height of the page's lines from which it is taken for writing: about eight letters.

Shorter ones are specks, edges of stamps and strokes of a pen.
"""
MIN_LOST_LETTERS = 2.0
"""Letters left out of a line from which its confidence is lowered. One may be a mark beside the text."""
MIN_LOST_SHARE = 0.03
"""Share of the letters left out of a line, or of all such lines, from which its confidence is lowered.

Print in letters that the models know stays below .015, Vietnamese has .07 to .1, Greek .5, Cyrillic .9.
"""
MIN_MIXED_LETTERS = 3
"""Letters of a word in letters of two scripts from which it counts as misread: one or two are a symbol such as *\u0394x*."""
MIXING_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
"""Beginnings of the Unicode names of letters that no word mixes, and that the models take for each other."""
MAX_FOREIGN_SHARE = 0.7
"""Share of the letters of a page in lines that are not English above which all its lines count as such."""
VIETNAMESE_LETTERS = frozenset("\u01a1\u01b0\u01a0\u01af")
"""Letters of no other language that the models know; they lack many others of Vietnamese. O and u with a horn."""
BARRED_D, SOUTH_SLAVIC_LETTERS = frozenset("\u0111\u0110"), frozenset("\u010d\u0107\u0161\u017e\u010c\u0106\u0160\u017d")
"""A letter that Vietnamese has often, and those of the languages that have it too. Small print loses its horns."""
MIN_VIETNAMESE_LETTERS, MIN_VIETNAMESE_SHARE = 3, 0.008
"""Number of these letters, and their share of all letters, from which a page is Vietnamese. As they are read, they are .02."""
VIETNAMESE_LOST_SHARE = 0.1
"""Share of the letters of Vietnamese that counts as left out: .07 to .1 are, and others lose their marks."""
LOST_WEIGHT = 3.0
"""How much more a letter left out counts against a line than its share: many of those that were written are wrong as well."""


def is_read(line: Line) -> bool:
    """Return whether a line has text of enough confidence to count as writing, whatever was left out of it."""
    return bool(line.text) and line.confidence >= MIN_WRITING_CONFIDENCE


def lower_confidence(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with less confidence in those that letters were left out of.

    If many Latin letters of the page were left out, its other lines in Latin letters that are not English count as if they had
    lost as many: what is not left out is often read without its marks. So do all lines if hardly any is English. A Vietnamese
    page always has lost some, though gaps may not show them. Words that mix the letters of two scripts are misread.
    """
    latin = [line for line in lines if _is_latin(line.text)]
    letters = max(1, sum(len(line.text) for line in latin))
    lost = sum(line.lost_letters for line in latin if line.lost_letters >= MIN_LOST_LETTERS)
    foreign = sum(len(line.text) for line in latin if not line.text.isascii() or line.lost_letters >= MIN_LOST_LETTERS)
    share = max(lost / (lost + letters), VIETNAMESE_LOST_SHARE if _are_vietnamese(latin) else 0.0)
    if share < MIN_LOST_SHARE:
        return [_lower_confidence_of(line, 0.0) for line in lines]
    all_lines = foreign > MAX_FOREIGN_SHARE * letters
    alike = {id(line) for line in latin if all_lines or not line.text.isascii()}
    return [_lower_confidence_of(line, share if id(line) in alike else 0.0) for line in lines]


def _is_latin(text: str) -> bool:
    """Return whether most letters of a text are Latin."""
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return bool(letters) and latin > len(letters) / 2


def _are_vietnamese(lines: Sequence[Line]) -> bool:
    """Return whether lines in Latin letters are Vietnamese, told by the letters that only it has."""
    letters = [letter for line in lines for letter in line.text if letter.isalpha()]
    signs = VIETNAMESE_LETTERS if SOUTH_SLAVIC_LETTERS.intersection(letters) else VIETNAMESE_LETTERS | BARRED_D
    own = sum(letter in signs for letter in letters)
    return own >= max(MIN_VIETNAMESE_LETTERS, MIN_VIETNAMESE_SHARE * len(letters))


def _lower_confidence_of(line: Line, least_share: float) -> Line:
    """Return the line with less confidence if more than a few of its letters, or this share of them, were left out."""
    letters = sum(not sign.isspace() for sign in line.text)
    own = line.lost_letters / (line.lost_letters + letters) if line.lost_letters >= MIN_LOST_LETTERS else 0.0
    share, mixed = max(own, least_share), _mixed_share_of(line.text)
    if max(share, mixed) < MIN_LOST_SHARE:
        return line
    lowered = line.confidence * max(0.0, 1 - LOST_WEIGHT * share - mixed)
    # What was taken for writing still is writing, whatever was left out of it.
    return line._replace(confidence=max(lowered, min(line.confidence, MIN_WRITING_CONFIDENCE)))


def _mixed_share_of(text: str) -> float:
    """Return the share of the letters of a line in words that mix letters of two scripts, as polytonic Greek is misread."""
    words = ["".join(filter(str.isalpha, word)) for word in text.split()]
    mixed = sum(len(word) for word in words if len(word) >= MIN_MIXED_LETTERS and _is_mixed(word))
    return mixed / max(1, sum(map(len, words)))


def _is_mixed(word: str) -> bool:
    """Return whether the letters of a word are of two scripts that no word mixes."""
    if word.isascii():
        return False
    return len({unicodedata.name(letter, "").partition(" ")[0] for letter in word}.intersection(MIXING_SCRIPTS)) > 1


def is_kept(line: Line) -> bool:
    """Return whether what was read of a line is a part of the page."""
    return is_read(line) and not is_mostly_lost(line)


def unread_share_of(lines: Sequence[Line]) -> float:
    """Return the share of the length of the lines found that could not be read, 0 to 1."""
    if not lines:
        return 0.0
    _, lengths = extents_of(lines)
    return round(float(lengths[_are_unread(lines)].sum() / lengths.sum()), 4)


def is_mostly_lost(line: Line) -> bool:
    """Return whether more letters of a line were left out than read, so that what is left says nothing."""
    return line.lost_letters >= max(MIN_LOST_LETTERS, sum(not sign.isspace() for sign in line.text))


def lost_lines_of(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of which nothing is kept and that are long enough to be writing."""
    if not lines:
        return []
    heights, lengths = extents_of(lines)
    long = lengths >= MIN_LOST_LINE_RATIO * np.median(heights)
    return [line for line, is_long in zip(lines, long, strict=True) if is_long and not is_kept(line)]


def unknown_share_of(lines: Sequence[Line]) -> float:
    """Return the share of the length of the lines found that is in letters which the models do not know, 0 to 1."""
    if not lines:
        return 0.0
    _, lengths = extents_of(lines)
    unknown = [
        not line.text or (line.confidence < MIN_LINE_CONFIDENCE and line.lost_letters >= MIN_LOST_LETTERS) for line in lines
    ]
    return round(float(lengths[np.array(unknown)].sum() / lengths.sum()), 4)


def _are_unread(lines: Sequence[Line]) -> NDArray[np.bool_]:
    """Return for each line whether it counts as unread."""
    heights, lengths = extents_of(lines)
    letters = np.array([sum(not letter.isspace() for letter in line.text) for line in lines])
    sparse = (lengths >= MIN_LONG_LINE_RATIO * heights) & (letters < MIN_LETTERS_PER_HEIGHT * lengths / heights)
    lost: NDArray[np.bool_] = (letters == 0) | (_confidences_of(lines) < MIN_LINE_CONFIDENCE) | sparse
    return lost


def uncertain_lines_of(lines: Sequence[Line]) -> list[Line]:
    """Return the unread lines and the lines that were read with little confidence, without lines that run downwards.

    Empty if no line is unread.
    """
    if not lines or not (lost := _are_unread(lines)).any():
        return []
    doubtful = lost | (_confidences_of(lines) < MIN_SURE_LINE_CONFIDENCE)
    return [line for line, found, tall in zip(lines, doubtful, are_tall(boxes_of(lines)), strict=True) if found and not tall]


def _confidences_of(lines: Sequence[Line]) -> NDArray[np.float64]:
    return np.array([line.confidence for line in lines])
