"""Build the words of lines whose letters are written from right to left, joined or stacked, from the places of their glyphs.

PDFium guesses from the objects of a page whether they hold writing from right to left as it is read or as it is seen, and
turns it around by that guess: some words come out backwards, the letters of a ligature too ("لا", no, as "ال", the), a bracket
may be either way around, and marks that are placed by themselves become words of their own. Where a file says what a group of
glyphs stands for (/ActualText), PDFium gives the text the place of the first one, takes the others for a space, and repeats
the text if the group is drawn in two parts. What is seen does not depend on that. So these lines are put in order by the
places of their glyphs. Pure functions; the opener child calls them.

Source: the Unicode Bidirectional Algorithm (UAX #9), read backwards from what it shows: from right to left, but numbers and
letters of other scripts from left to right. Lengths are in points of the page's own space: origin bottom left, y grows upwards.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from document_parser.sources.pdf.coordinates import Rect
from document_parser.text.direction import has_right_to_left

MAX_LETTER_GAP_EM = 0.18
"""Font sizes from where a glyph ends to the origin of the next one of its word, at most; narrow spaces have 0.22.

Parts of a group end where their ink does, up to 0.16 before the next origin.
"""
MIN_SPACE_EM = 0.1
"""Font sizes of the width of a space, at least: kerning leaves some without any."""
SAME_LINE_EM = 0.35
"""Font sizes between the baselines of two glyphs of one line, at most: raised letters lie as far apart, lines 1.0."""
MAX_MARK_HEIGHT_EM = 1.2
"""Font sizes between the baselines of a letter and of a mark on it, at most: fonts lift marks by less than their own size."""
MAX_MARK_DISTANCE_EM = 1.0
"""Font sizes between a letter's side and the middle of a mark on it, at most: fonts with sloping lines place marks aside."""
MAX_MARKED_SHIFT_EM = 0.95
"""Font sizes between a line and a letter that stands, with its mark, where the mark does, at most: lines are 1.0 apart."""
LETTER_HEIGHT_EM = 0.45
"""Font sizes from the baseline to the top of low letters."""
MIN_SHARED_WIDTH = 0.5
"""Share of the narrower of two glyphs that lies over the other, at least, where both stand for the same letters."""

_BY_GLYPHS = np.zeros(1 << 16, dtype=np.bool_)
"""For each UTF-16 unit whether it is of a script that is written from right to left, or whose letters join or stack."""
for _first, _end in ((0x0590, 0x10A0), (0x1780, 0x1800), (0xFB1D, 0xFE00), (0xFE70, 0xFEFF)):
    _BY_GLYPHS[_first:_end] = True
_PAIRS = ("()", "[]", "{}", "«»", "‹›")
_OPENING = {bracket: pair[0] for pair in _PAIRS for bracket in pair}
_CLOSING = {bracket: pair[1] for pair in _PAIRS for bracket in pair}
_STOPS = frozenset(".,:;!?…،؛؟")
_LAM, _ALEFS = "\u0644", frozenset("\u0622\u0623\u0625\u0627\u0671")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph and the characters that it stands for.

    ``text`` is blank for a space, and empty if the glyph before it stands for what is seen here as well. ``index`` is PDFium's
    index of its first character. ``box`` is what it covers, ``left`` and ``right`` are its sides with the white that belongs to
    it, and ``origin`` (x, y) is where it begins on its baseline.
    """

    text: str
    index: int
    box: Rect
    left: float
    right: float
    origin: tuple[float, float]
    size: float

    @property
    def middle(self) -> float:
        """Return the middle of what it covers."""
        return (self.box.left + self.box.right) / 2

    @property
    def baseline(self) -> float:
        """Return the height of its baseline."""
        return self.origin[1]


def needs_glyphs(codes: NDArray[np.uint16]) -> bool:
    """Return whether UTF-16 units contain any of a script whose words must be built from the places of their glyphs."""
    return bool(_BY_GLYPHS[codes].any())


def is_of_right_to_left(mark: str) -> bool:
    """Return whether a mark stands on letters that are written from right to left."""
    return "\u0590" <= mark[0] < "\u0900" or mark[0] >= "\ufb1d"


def join_ligature(characters: Sequence[tuple[str, float]], were_turned: bool) -> str:
    """Return the text of one glyph from its characters and their middles, in the order that PDFium gives them.

    If PDFium gives each a place of its own, the letters stand from right to left. Else their order is what the file says, and
    turned around if ``were_turned``. Lam stands before alef in any case: only in this order do they join.
    """
    texts = [text for text, _ in characters]
    if len(texts) < 2 or not has_right_to_left("".join(texts)):
        return "".join(texts)
    if len({middle for _, middle in characters}) > 1:
        texts = [text for text, _ in sorted(characters, key=lambda character: -character[1])]
        if sum(map(is_mark, texts)) == len(texts) - 1:
            texts.sort(key=is_mark)
    elif were_turned:
        texts.reverse()
    if len(texts) == 2 and texts[1] == _LAM and texts[0] in _ALEFS:
        texts.reverse()
    return unicodedata.normalize("NFC", "".join(texts))


def are_ligatures_turned(ligatures: Iterable[Sequence[str]]) -> bool:
    """Return whether PDFium turned the characters of glyphs around; True if nothing shows it. Lam with alef can show it."""
    votes = [1 if pair[1] == _LAM else -1 for pair in ligatures if len(pair) == 2 and _LAM in pair and _ALEFS & {*pair}]
    return sum(votes) >= 0


def build_lines(glyphs: Iterable[Glyph]) -> list[list[list[Glyph]]]:
    """Return the lines of glyphs, from top to bottom, each as its words in reading order, each as its glyphs in reading order.

    From right to left, the texts of marks are appended to the letters that they stand on, and brackets open and close as for
    the reader. No text is lost but that of spaces, and of glyphs that stand for the same letters at the same place.
    """
    marks: list[Glyph] = []
    letters: list[Glyph] = []
    for glyph in glyphs:
        (marks if is_mark(glyph.text) and is_of_right_to_left(glyph.text) else letters).append(glyph)
    lines = _place_marks([*map(_drop_doubled, _split_lines(letters))], marks)
    page_backwards = _is_backwards(letters)
    return [_order_line(line, page_backwards) for line in lines]


def _split_lines(glyphs: Iterable[Glyph]) -> list[list[Glyph]]:
    """Return glyphs by lines, from top to bottom.

    A letter with its marks may have the height of a mark, so it joins the nearest line of letters without any.
    """
    lines: list[list[Glyph]] = []
    for glyph in sorted(glyphs, key=lambda glyph: (_is_marked(glyph), -glyph.baseline)):
        reach = (MAX_MARKED_SHIFT_EM if _is_marked(glyph) else SAME_LINE_EM) * glyph.size
        nearest = min(lines, key=lambda line: abs(line[0].baseline - glyph.baseline), default=None)
        if nearest is not None and abs(nearest[0].baseline - glyph.baseline) <= reach:
            nearest.append(glyph)
        else:
            lines.append([glyph])
    return sorted(lines, key=lambda line: -line[0].baseline)


def _is_marked(glyph: Glyph) -> bool:
    """Return whether a glyph stands for a letter with its marks."""
    return len(glyph.text) > 1 and any(
        unicodedata.category(letter)[0] == "M" for letter in unicodedata.normalize("NFD", glyph.text)
    )


def is_mark(text: str) -> bool:
    """Return whether text consists of marks that stand on letters."""
    return bool(text) and all(unicodedata.category(character) == "Mn" for character in text)


def _drop_doubled(line: list[Glyph]) -> list[Glyph]:
    """Remove glyphs that stand for a letter with its marks where the letter does so: writers say it of each part."""
    kept: list[Glyph] = []
    for glyph in sorted(line, key=_height_of_letter, reverse=True):
        if not (_is_marked(glyph) and any(other.text == glyph.text and _lie_over(other.box, glyph.box) for other in kept)):
            kept.append(glyph)
    return kept


def _height_of_letter(glyph: Glyph) -> float:
    """Return how much of a glyph stands where letters do; marks are above or below."""
    return min(glyph.box.top, glyph.baseline + LETTER_HEIGHT_EM * glyph.size) - max(glyph.box.bottom, glyph.baseline)


def _lie_over(wide: Rect, narrow: Rect) -> bool:
    shared = min(wide.right, narrow.right) - max(wide.left, narrow.left)
    return shared >= MIN_SHARED_WIDTH * (narrow.right - narrow.left)


def _place_marks(lines: list[list[Glyph]], marks: Iterable[Glyph]) -> list[list[Glyph]]:
    """Return lines with each mark on the nearest letter of the nearest line; a mark without one is a line of its own."""
    lines = [list(line) for line in lines]
    alone: list[list[Glyph]] = []
    for mark in marks:
        line = min(lines, key=lambda line: abs(line[0].baseline - mark.baseline), default=[])
        best = min(range(len(line)), key=lambda number: _distance(mark, line[number]), default=None)
        if best is None or _distance(mark, line[best])[0] > 1:
            alone.append([mark])
        else:
            line[best] = replace(line[best], text=unicodedata.normalize("NFC", line[best].text + mark.text))
    return [*lines, *alone]


def _distance(mark: Glyph, letter: Glyph) -> tuple[float, float]:
    """Return how far a mark is from a letter: in shares of the most, above 1 for no letter; and of the letter's middle."""
    height = abs(letter.baseline - mark.baseline) / (MAX_MARK_HEIGHT_EM * letter.size)
    if height > 1 or not has_right_to_left(letter.text):
        return math.inf, 0.0
    beside = max(0.0, letter.box.left - mark.middle, mark.middle - letter.box.right)
    return beside / (MAX_MARK_DISTANCE_EM * mark.size), abs(letter.middle - mark.middle)


def _is_backwards(glyphs: Iterable[Glyph]) -> bool:
    """Return whether at least half of the letters are written from right to left."""
    letters = [has_right_to_left(glyph.text) for glyph in glyphs if glyph.text[:1].isalpha()]
    return 0 < len(letters) <= sum(letters) * 2


def _order_line(line: Sequence[Glyph], page_backwards: bool) -> list[list[Glyph]]:
    """Return a line's words in reading order: that of most of its letters, or that of the page if it holds both."""
    backwards = _is_backwards(line) or (page_backwards and any(has_right_to_left(glyph.text) for glyph in line))
    arabic = any(unicodedata.bidirectional(character) == "AL" for glyph in line for character in glyph.text)
    words = [_order_word(word, backwards, arabic) for word in _split_words(line)]
    if not any(has_right_to_left(glyph.text) for glyph in line):
        return words
    return list(_turn_brackets(words[::-1] if backwards else words))


def _split_words(line: Iterable[Glyph]) -> list[list[Glyph]]:
    """Return the words of a line, from left to right, each as its glyphs from left to right."""
    words: list[list[Glyph]] = [[]]
    reach = math.inf
    for glyph in sorted(line, key=lambda glyph: (glyph.origin[0], glyph.index)):
        if glyph.text.isspace():
            if glyph.right - glyph.left >= MIN_SPACE_EM * glyph.size:
                words.append([])
            continue
        if glyph.origin[0] - reach > MAX_LETTER_GAP_EM * glyph.size:
            words.append([])
        reach = glyph.right if reach == math.inf else max(reach, glyph.right)
        if glyph.text:
            words[-1].append(glyph)
    return [word for word in words if word]


@cache
def _kind_of(character: str) -> str:
    """Return R or L for letters, N for digits, S or E for what joins two numbers, T for a unit, O for the others."""
    kinds = {"R": "R", "AL": "R", "L": "L", "EN": "N", "AN": "N", "CS": "S", "ES": "E", "ET": "T"}
    return kinds.get(unicodedata.bidirectional(character), "O")


def _order_word(glyphs: list[Glyph], backwards: bool, arabic: bool) -> list[Glyph]:
    """Return the glyphs of a word, given from left to right, in reading order.

    Letters of scripts from left to right are in the order in which they are drawn: a mark may be drawn left of its letter.
    """
    kinds = "".join(_kind_of(glyph.text[0]) for glyph in glyphs)
    if "R" not in kinds and ("L" in kinds or not backwards):
        return sorted(glyphs, key=lambda glyph: glyph.index) if needs_glyphs(_codes_of(glyphs)) else glyphs
    ordered: list[Glyph] = []
    for forwards, run in groupby(zip(_runs_of(kinds, arabic), glyphs, strict=True), key=lambda pair: pair[0]):
        part = [glyph for _, glyph in run]
        ordered = (part if forwards else part[::-1]) + ordered
    return ordered


def _codes_of(glyphs: Sequence[Glyph]) -> NDArray[np.uint16]:
    return np.array([min(ord(character), 0xFFFF) for glyph in glyphs for character in glyph.text], dtype=np.uint16)


def _runs_of(kinds: str, arabic: bool) -> list[int]:
    """Return for each glyph, from left to right, the number of its run from left to right, counted from 1; 0 if in none.

    After Arabic letters, signs and units do not belong to a number.
    """
    runs = [0] * len(kinds)
    joining = "S" if arabic else "SE"
    count = 0
    for place, kind in enumerate(kinds):
        if kind not in "LN":
            continue
        if place and runs[place - 1]:
            runs[place] = runs[place - 1]
        elif place > 1 and runs[place - 2] and _joins(kinds[place - 2 : place + 1], joining):
            runs[place - 1] = runs[place] = runs[place - 2]
        else:
            count += 1
            runs[place] = count
    return runs if arabic else _with_units(runs, kinds)


def _joins(kinds: str, joining: str) -> bool:
    """Return whether the middle one of three kinds joins the others: within a number, or within a word of other letters."""
    return kinds[1] in joining if kinds[0] == kinds[2] == "N" else kinds[1] != "R" and "L" in (kinds[0], kinds[2])


def _with_units(runs: list[int], kinds: str) -> list[int]:
    """Return runs with the units and signs that touch a number."""
    for step in (1, -1):
        places = range(len(kinds)) if step > 0 else range(len(kinds) - 1, -1, -1)
        for place in places:
            before = place - step
            if kinds[place] == "T" and not runs[place] and 0 <= before < len(kinds) and runs[before]:
                runs[place] = runs[before]
    return runs


def _turn_brackets(words: Iterable[list[Glyph]]) -> Iterator[list[Glyph]]:
    """Yield words with brackets that open where a word begins and close where it ends.

    A bracket by itself, or inside a word, closes what is open and opens else.
    """
    depth = dict.fromkeys(_PAIRS, 0)
    for word in words:
        first, end = _inner_part(word)
        turned = []
        for place, glyph in enumerate(word):
            if glyph.text in _OPENING:
                pair = _OPENING[glyph.text] + _CLOSING[glyph.text]
                opens = depth[pair] == 0 if first <= place < end or first >= end else place < first
                depth[pair] = max(0, depth[pair] + (1 if opens else -1))
                glyph = replace(glyph, text=pair[0] if opens else pair[1])
            turned.append(glyph)
        yield turned


def _inner_part(word: Sequence[Glyph]) -> tuple[int, int]:
    """Return (first, end) of the part of a word between the brackets that it begins with and those that it ends with."""
    first, end = 0, len(word)
    while first < end and word[first].text in _OPENING:
        first += 1
    while end > first and (word[end - 1].text in _OPENING or word[end - 1].text in _STOPS):
        end -= 1
    return first, end
