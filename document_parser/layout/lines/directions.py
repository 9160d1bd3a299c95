"""Text that does not run to the right: turned headings, stamps, and writing that runs down the page.

Lengths are in points, origin top left. Directions are those of ``Word.direction``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import median

from document_parser.layout.lines.joining import is_cjk
from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.lines.units import Scale, size_of
from document_parser.models import Block, Word

MAX_SLANTED_SHARE = 0.4
"""Share of a page's letters that are slanted, at most, if they are stamps or watermarks; else the page is slanted."""
MAX_TURNED_GAP_EM = 1.0
"""Font sizes between two words of one turned line, at most."""
MAX_STAMP_GAP_EM = 2.5
"""Font sizes between two words of one stamp, at most."""
CAPITALS_EM, LOW_LETTERS_EM = 0.72, 0.45
"""Heights of capitals and of low letters in font sizes, in most fonts."""
MIN_SOLVED_SLANT = 0.3
"""Cosine of twice a slant, at least, if the height of a word can be told from its box: near 45 degrees it cannot."""
MAX_SLANTED_LETTER_GAP_EM = 0.2
"""Font sizes of white between two letters of one slanted word, at most: a space has 0.3 with what is beside it."""
MIN_VERTICAL_LETTERS = 12
"""Words of one Chinese, Japanese or Korean letter on a page, at least, before it is tested for vertical writing."""
MAX_VERTICAL_GAP_RATIO = 0.7
"""White between letters below each other divided by that between letters side by side, at most, in vertical writing."""
MAX_VERTICAL_GAP_EM = 1.2
"""Font sizes between two letters of one column of vertical writing, at most: a full stop leaves most of its square empty."""


def split_slanted(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Return (words that run along or across the page, slanted words). None is slanted if much of the page is."""
    slanted = [word for word in words if word.direction % 90]
    if not slanted or _letters(slanted) > MAX_SLANTED_SHARE * _letters(words):
        return list(words), []
    return [word for word in words if not word.direction % 90], slanted


def _letters(words: Sequence[Word]) -> int:
    """Return the number of characters."""
    return sum(len(word.text) for word in words)


def build_slanted_blocks(words: Sequence[Word], scale: Scale) -> list[Block]:
    """Return a watermark block for each group of slanted words that stand close to each other."""
    groups: list[list[Word]] = []
    for word in words:
        near = [group for group in groups if any(_is_near(word, other) for other in group)]
        groups = [group for group in groups if not any(group is one for one in near)]
        groups.append([*(other for group in near for other in group), word])
    return [Block(kind="watermark", text=_text_of_slanted(group), box=scale.box_of(group)) for group in groups]


def _is_near(word: Word, other: Word) -> bool:
    """Return whether two slanted words belong to one stamp."""
    reach = MAX_STAMP_GAP_EM * max(size_of(word), size_of(other))
    apart = max(word.left - other.right, other.left - word.right, word.top - other.bottom, other.top - word.bottom)
    return apart < reach and abs((word.direction - other.direction + 180) % 360 - 180) < 10


def _text_of_slanted(words: Sequence[Word]) -> str:
    """Return the text of slanted words, as it reads when their lines are turned level."""
    angle = math.radians(median(word.direction for word in words))
    cosine, sine = math.cos(angle), math.sin(angle)
    level = []
    for word in words:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        along, down = x * cosine + y * sine, y * cosine - x * sine
        half, width = size_of(word) / 2, _length_of(word, abs(cosine), abs(sine)) / 2
        level.append(word._replace(left=along - width, right=along + width, top=down - half, bottom=down + half, direction=0))
    return " ".join(map(_join_letters, lines_of(level)))


def _length_of(word: Word, cosine: float, sine: float) -> float:
    """Return how long a slanted word is along its line, from the box around it, in points.

    The box is as wide as length · cosine + height · sine, and as high as length · sine + height · cosine.
    """
    wide, high, size = word.right - word.left, word.bottom - word.top, size_of(word)
    scale = cosine * cosine - sine * sine
    height = CAPITALS_EM * size
    if abs(scale) > MIN_SOLVED_SLANT:
        height = min(max(LOW_LETTERS_EM * size, (high * cosine - wide * sine) / scale), size)
    return max(0.2 * size, (wide - height * sine) * cosine + (high - height * cosine) * sine)


def _join_letters(line: Line) -> str:
    """Return the text of a line. Browsers place each letter of slanted text by itself; those that are close are one word."""
    text = line.words[0].text
    for before, word in pairwise(line.words):
        alone = min(len(before.text), len(word.text)) == 1
        close = word.left - before.right < MAX_SLANTED_LETTER_GAP_EM * size_of(word)
        text += word.text if alone and close else f" {word.text}"
    return text


def join_turned_lines(words: Sequence[Word]) -> list[Word]:
    """Return the words with those of each line that runs up or down joined to one, in the order in which they are read.

    Words that run to the right keep their place in the order; the joined ones follow them.
    """
    turned = [word for word in words if word.direction in (90, 270)]
    if not turned:
        return list(words)
    found = [word for word in words if word.direction not in (90, 270)]
    for direction in (90, 270):
        strips = _strips([word for word in turned if word.direction == direction], direction)
        found += [_join_strip(list(run)) for strip in strips for _, run in groupby(strip, key=lambda word: word.struck)]
    return found


def _strips(words: Sequence[Word], direction: int) -> list[list[Word]]:
    """Return the words of each turned line, in reading order: the lines of text that runs up follow each other to the right."""
    level = [_levelled(word, direction) for word in words]
    own = {id(turned): word for turned, word in zip(level, words, strict=True)}
    strips: list[list[Word]] = []
    for line in lines_of(level):
        strips.append([own[id(line.words[0])]])
        for before, word in pairwise(line.words):
            if word.left - before.right > MAX_TURNED_GAP_EM * size_of(word):
                strips.append([])
            strips[-1].append(own[id(word)])
    return strips


def _levelled(word: Word, direction: int) -> Word:
    """Return a word that runs down (90) or up (270) with its place on the page turned so that it runs to the right."""
    if direction == 90:
        return word._replace(left=word.top, right=word.bottom, top=-word.right, bottom=-word.left)
    return word._replace(left=-word.bottom, right=-word.top, top=word.left, bottom=word.right)


def _join_strip(strip: Sequence[Word]) -> Word:
    """Return one word for those of a turned line."""
    if len(strip) == 1:
        return strip[0]
    text = Line(tuple(_levelled(word, strip[0].direction) for word in strip)).text
    left, top = min(word.left for word in strip), min(word.top for word in strip)
    right, bottom = max(word.right for word in strip), max(word.bottom for word in strip)
    bold = all(word.bold for word in strip)
    return strip[0]._replace(text=text, left=left, top=top, right=right, bottom=bottom, bold=bold)


def join_vertical_writing(words: Sequence[Word]) -> list[Word]:
    """Return the words with single letters below each other joined to one word a column, if the page is written downwards."""
    letters = [word for word in words if len(word.text) == 1 and is_cjk(word.text)]
    if len(letters) < MIN_VERTICAL_LETTERS or len(letters) < 0.5 * len(words):
        return list(words)
    size = median(size_of(word) for word in letters)
    if not _runs_down(letters, size):
        return list(words)
    columns: list[list[Word]] = []
    for word in sorted((word for word in words if _letters([word]) <= 2), key=lambda word: (-word.right, word.top)):
        held = next((column for column in columns if abs(_right(column) - word.right) < 0.75 * size), None)
        if held is None:
            columns.append([word])
        else:
            held.append(word)
    rest = [word for word in words if _letters([word]) > 2]
    return [*(joined for column in columns for joined in _join_column(column, size)), *rest]


def _right(column: Sequence[Word]) -> float:
    """Return the right edge of a column of letters: that of most of them, since signs are set in the right upper corner."""
    return median(word.right for word in column)


def _runs_down(letters: Sequence[Word], size: float) -> bool:
    """Return whether most letters are closer to the next one below than to the next one beside."""
    below, beside = [], []
    for word in letters:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        under = [
            o.top - word.bottom for o in letters if o is not word and o.top > y and abs((o.left + o.right) / 2 - x) < size / 2
        ]
        right = [
            o.left - word.right for o in letters if o is not word and o.left > x and abs((o.top + o.bottom) / 2 - y) < size / 2
        ]
        below.append(min(under, default=10 * size))
        beside.append(min(right, default=10 * size))
    return median(below) < MAX_VERTICAL_GAP_RATIO * median(beside) and median(below) < MAX_VERTICAL_GAP_EM * size


def _join_column(column: Sequence[Word], size: float) -> list[Word]:
    """Return one word for each run of letters of a column without a wide gap."""
    runs: list[list[Word]] = []
    for word in sorted(column, key=lambda word: word.top):
        if not runs or word.top - runs[-1][-1].bottom > MAX_VERTICAL_GAP_EM * size:
            runs.append([])
        runs[-1].append(word)
    return [
        run[0]._replace(
            text="".join(word.text for word in run),
            left=min(word.left for word in run),
            right=max(word.right for word in run),
            bottom=max(word.bottom for word in run),
            direction=90,
        )
        for run in runs
    ]
