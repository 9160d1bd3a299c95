"""Put spaces where they are on the page in scripts whose words Tesseract separates wrongly.

It often makes a word of each Korean syllable and of each Thai letter, and sometimes one word of two Korean ones. Here the empty
columns between the letters decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from document_parser.engines.tesseract.recogniser import FoundWord

HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
"""A Korean letter."""
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""A letter of Thai, Lao, Burmese or Khmer, which are written without spaces between words."""
LEFTWARDS = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
"""A letter of a script that is written from right to left."""
MIN_GAP_RATIO = 0.08
"""Width of a gap between letters, over their height, below which it is one within a letter."""
MIN_GAPS = 6
"""Gaps from which they are divided into narrow and wide ones."""
FRAKTUR_LIGATURE = re.compile(r"(?<=[^\W\d])c?<h?|<h?(?=[^\W\d])|(?<=[^\W\d])c?>k?")
"""Signs beside a letter. Letters of the ligature may stand beside its sign: *dur<h*, *durc<h*."""
FRAKTUR_FINAL_S = re.compile(r"(?<=[^\W\d_][a-zäöüſß])[83](?!\w)")
"""A figure of the shape of the round s at the end of a word, where that letter stands.

Behind a single letter it is a figure: the sheets of old books are marked *A3* and *B8*."""
GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
"""A Greek letter."""
BREATHINGS = {
    "\u1fbd": "\u0313", "\u1fbf": "\u0313", "\u1fcd": "\u0313\u0300", "\u1fce": "\u0313\u0301", "\u1fcf": "\u0313\u0342",
    "\u1ffe": "\u0314", "\u1fdd": "\u0314\u0300", "\u1fde": "\u0314\u0301", "\u1fdf": "\u0314\u0342",
}  # fmt: skip
"""Breathings of Greek with their accents, by themselves and as marks on a letter."""
BREATHED_CAPITAL = re.compile(f"([{''.join(BREATHINGS)}])([\u0391\u0395\u0397\u0399\u039f\u03a1\u03a5\u03a9])")
"""A breathing before a capital that can have one."""
APOSTROPHES = str.maketrans("\u1fbd\u1fbf", "\u2019\u2019")
"""Greek marks of the shape of the apostrophe."""
MIN_SPACE_RATIO, MAX_SPACE_RATIO = 0.2, 0.4
"""Bounds of the width from which a gap in Korean is a space, over the height of the letters. Between them the gaps decide."""
MIN_UNSPACED_RATIO = 0.4
"""The width in scripts without spaces between words."""
MAX_GREY = 150
"""Brightness (0 to 255) up to which a pixel is ink."""
REACH_RATIO = 0.5
"""How far into two words the space between them is looked for, over the height of the letters: their boxes are not exact."""


def respace_lines(lines: Sequence[Sequence[FoundWord]], pieces: Sequence[Image.Image]) -> list[list[FoundWord]]:
    """Return the words of lines joined and split as the empty columns of their pictures say, where the script needs it.

    The gaps of all lines together decide how wide a space is: a single line has too few of them.
    """
    columns = {place: _columns_of(pieces[place]) for place, words in enumerate(lines) if _is_wrongly_spaced(words)}
    space_ratio = _divide(np.concatenate([_gap_ratios_of(*line) for line in columns.values()])) if columns else 0.0
    return [
        _respace(words, _Line(*columns[place], space_ratio)) if place in columns else list(words)
        for place, words in enumerate(lines)
    ]


def _is_wrongly_spaced(words: Sequence[FoundWord]) -> bool:
    """Return whether a line has letters of a script whose words Tesseract separates wrongly."""
    return any(HANGUL.search(word.text) or UNSPACED.search(word.text) for word in words)


def _respace(words: Sequence[FoundWord], line: _Line) -> list[FoundWord]:
    joined: list[FoundWord] = []
    for word in words:
        if joined and _belong_together(joined[-1], word, line):
            joined[-1] = _join(joined[-1], word)
        else:
            joined.append(word)
    return [part for word in joined for part in _split(word, line)]


class _Line:
    """The inked columns of a line, the height of its letters in pixels, and the width of a space over that height."""

    def __init__(self, ink: NDArray[np.bool_], height: int, space_ratio: float) -> None:
        self.ink = ink
        self.height = height
        self.space_pixels = height * min(max(space_ratio, MIN_SPACE_RATIO), MAX_SPACE_RATIO)
        """Width of a gap from which it is a space in Korean."""

    def space_beside(self, sides: str) -> float:
        """Return the width in pixels from which a gap between these two letters is a space."""
        return MIN_UNSPACED_RATIO * self.height if UNSPACED.search(sides) else self.space_pixels


def _columns_of(piece: Image.Image) -> tuple[NDArray[np.bool_], int]:
    """Return which columns of a line have ink, and the height of its letters in pixels."""
    dark = np.asarray(piece.convert("L")) <= MAX_GREY
    rows = np.flatnonzero(dark.any(axis=1))
    return np.asarray(dark.any(axis=0)), int(rows[-1] - rows[0] + 1) if len(rows) else 1


def _gap_ratios_of(ink: NDArray[np.bool_], height: int) -> NDArray[np.float64]:
    """Return the widths of the gaps between letters over the height of the letters."""
    gaps = (np.diff(np.flatnonzero(ink)) - 1) / height
    return gaps[gaps >= MIN_GAP_RATIO]


def _divide(widths: NDArray[np.float64]) -> float:
    """Return the width that best divides widths into narrow and wide ones; 0 if they are too few.

    Source: Otsu, "A threshold selection method from gray-level histograms" (1979).
    """
    if len(widths) < MIN_GAPS:
        return 0.0
    ordered = np.sort(widths)
    sums, narrow = np.cumsum(ordered)[:-1], np.arange(1, len(ordered))
    wide = len(ordered) - narrow
    spread = narrow * wide * ((ordered.sum() - sums) / wide - sums / narrow) ** 2
    first_wide = int(np.argmax(spread)) + 1
    return float(ordered[first_wide - 1] + ordered[first_wide]) / 2


def respace_page(words: Sequence[FoundWord], picture: Image.Image) -> list[FoundWord]:
    """Return the words of a page joined and split line by line."""
    lines: list[list[FoundWord]] = []
    for word in words:
        last = lines[-1][-1] if lines else None
        if last and last.left < word.left and word.top < last.top + last.height and last.top < word.top + word.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [word for line in respace_lines(lines, [_crop_line(line, picture) for line in lines]) for word in line]


def _crop_line(words: Sequence[FoundWord], picture: Image.Image) -> Image.Image:
    """Return the rows of the page's picture that a line takes."""
    top, bottom = min(word.top for word in words), max(word.top + word.height for word in words)
    return picture.crop((0, top, picture.width, bottom))


def separate_boxes(words: Sequence[FoundWord]) -> list[FoundWord]:
    """Return the words of a line, in the same order, with boxes that do not reach into each other.

    Tesseract's boxes do, by far at times; where they begin at the left is right.
    """
    apart = _order_leftwards(words)
    order = sorted(range(len(words)), key=lambda place: apart[place].left)
    for place, following in pairwise(order):
        word, left = apart[place], apart[following].left
        apart[place] = word._replace(width=max(1, min(word.width, left - word.left)))
    return apart


def _order_leftwards(words: Sequence[FoundWord]) -> list[FoundWord]:
    """Return the words with the boxes of neighbouring Arabic or Hebrew ones exchanged that are not in the order of reading."""
    ordered = list(words)
    for _ in words:
        for place in range(len(ordered) - 1):
            word, following = ordered[place], ordered[place + 1]
            if LEFTWARDS.match(word.text) and LEFTWARDS.match(following.text) and word.left < following.left:
                box, other = word[1:5], following[1:5]
                ordered[place], ordered[place + 1] = _with_box(word, other), _with_box(following, box)
    return ordered


def _with_box(word: FoundWord, box: tuple[int, int, int, int]) -> FoundWord:
    return FoundWord(word.text, *box, word.confidence)


def normalize_letters(text: str) -> str:
    """Return the text with letters that Tesseract writes as others of the same shape as they are written in the language.

    The Thai and Lao vowel am as one character; in Greek words mu instead of the micro sign, a breathing before a capital on the
    capital, and any other that stands by itself as the apostrophe of a word whose end is left out.
    """
    if GREEK.search(text):
        text = BREATHED_CAPITAL.sub(lambda found: normalize("NFC", found[2] + BREATHINGS[found[1]]), text)
        text = text.replace("\u00b5", "\u03bc").translate(APOSTROPHES)
    return text.replace("\u0e4d\u0e32", "\u0e33").replace("\u0ecd\u0eb2", "\u0eb3")


def spell_ligatures(text: str) -> str:
    """Return a word of a pack for Fraktur with its ch, ck and final s as letters.

    The pack writes <, > and figures for them: *no<h*, *I<*, *Val>enaer*, *al8*, *Ton3*.
    """
    spelt = FRAKTUR_LIGATURE.sub(lambda sign: "ck" if ">" in sign[0] else "ch", text)
    return FRAKTUR_FINAL_S.sub("s", spelt)


def _belong_together(word: FoundWord, following: FoundWord, line: _Line) -> bool:
    """Return whether the gap between two words is too narrow for a space, where one of them is of such a script."""
    sides = word.text[-1] + following.text[0]
    if not (HANGUL.search(sides) or UNSPACED.search(sides)):
        return False
    reach = round(REACH_RATIO * line.height)
    begin = max(word.left + word.width // 2, word.left + word.width - reach)
    end = min(following.left + (following.width + 1) // 2, following.left + reach)
    return _longest_gap(line.ink[begin : max(begin, end)]) < line.space_beside(sides)


def _longest_gap(ink: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of empty columns."""
    edges = np.flatnonzero(np.concatenate(([True], ink, [True])))
    return int(np.diff(edges).max() - 1) if len(edges) > 1 else 0


def _join(word: FoundWord, more: FoundWord) -> FoundWord:
    """Return both words as one. Its confidence is the mean of theirs by their number of letters."""
    letters, added = len(word.text), len(more.text)
    sure = (word.confidence * letters + more.confidence * added) / (letters + added)
    right, top = max(word.left + word.width, more.left + more.width), min(word.top, more.top)
    bottom = max(word.top + word.height, more.top + more.height)
    return FoundWord(word.text + more.text, word.left, top, right - word.left, bottom - top, sure)


def _split(word: FoundWord, line: _Line) -> Iterator[FoundWord]:
    """Yield the parts of a Korean word between empty columns wide enough for a space. Syllables are equally wide."""
    if sum(bool(HANGUL.match(letter)) for letter in word.text) < len(word.text) or len(word.text) < 2:
        yield word
        return
    columns = line.ink[word.left : word.left + word.width]
    edges = np.flatnonzero(np.concatenate(([True], columns, [True])))
    gaps = [(int(one), int(other)) for one, other in pairwise(edges) if other - one - 1 >= line.space_pixels]
    inner = [(one + other) / 2 for one, other in gaps if one > 0 and other < len(columns)]
    cuts = sorted({round(len(word.text) * middle / max(1, word.width)) for middle in inner} - {0, len(word.text)})
    for begin, end in zip([0, *cuts], [*cuts, len(word.text)], strict=True):
        left = word.left + round(word.width * begin / len(word.text))
        right = word.left + round(word.width * end / len(word.text))
        yield word._replace(text=word.text[begin:end], left=left, width=right - left)
