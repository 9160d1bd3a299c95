"""What speaks for and against reading what a gutter parts one after the other, as numbers, and the agreement to expect of it.

A forest tells which share of the neighbouring pieces of text follow each other down the columns rather than across the gutter.
It is fitted by ``python -m benchmarks.layout_scores``. Lengths are in font sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from document_parser.layout.blocks.gutters import Gutter
from document_parser.layout.blocks.stories import is_divided
from document_parser.layout.lazy import cached_property
from document_parser.layout.lines.lines import Line, body_size, split_at_gaps
from document_parser.layout.page_index import Floats, PageIndex, Rules
from document_parser.layout.tables.aligned import segments_of
from document_parser.layout.tables.forest import forest
from document_parser.layout.tables.grid import is_number
from document_parser.layout.tables.groups import fraction
from document_parser.layout.tables.groups import median as array_median
from document_parser.layout.tables.side_by_side import are_rows_shared

COLUMN_FEATURES = (
    "height", "width", "width_to_space", "lines_fewer", "lines_more", "lines_ratio",
    "characters_least", "characters_most", "fill_least", "fill_most", "numbers_least", "numbers_most",
    "pieces_least", "pieces_most", "beside", "level", "offset", "pitch_ratio", "pitch_left", "pitch_right",
    "lefts_left", "lefts_right", "rights_left", "rights_right", "lower_left", "lower_right", "sentence_left", "sentence_right",
    "open_left", "open_right", "markers_left", "markers_right", "colons_left", "bold_left", "bold_right", "size_ratio",
    "width_left", "width_right", "width_ratio", "short_first_left", "short_first_right",
    "upright", "levels_across", "levels_beside", "fills", "words_above", "words_below",
)  # fmt: skip
"""The names of the numbers, in their order."""
RULE_SHARE = 0.3
"""Share of the verdict of the rules made by hand in the expected agreement.

The forest knows the gutters of drawn documents far better than those of a source it was not fitted on. The share was chosen by
hand, so that the rules decide where the forest is not sure.
"""
MIN_SPACE_RATIO = 1.0
"""Width of a gutter divided by that of the usual space between words, at least: lines that begin alike have spaces in line."""
MIN_JUDGED_LINES = 2
"""Lines on both sides, at least, for the forest: one line beside others tells little."""
COLUMNS_PRIOR, OTHER_PRIOR = 0.9, 0.1
"""Agreement to expect by those rules where they see columns, and where they do not."""
PROSE_LINE_CHARACTERS = 18
"""Characters of the middle line of running text, at least."""
MIN_SURE_LINES = 8
"""Lines over which spaces between words do not align by chance, at least."""
MIN_LONG_LINES = 12
"""Lines on both sides, at least, through which white runs by no chance, however wide the spaces of justified lines are: half as
many again as words align over."""
MIN_LONG_WIDTH_EM = 0.75
"""Font sizes of such a white, at least."""
MAX_STAGGERED_GROUPS = 4
"""Groups of lines, by turns on the left and on the right and none beside another, that are one text, at most."""
SURE_PROSE_CHARACTERS = 22
"""The same where other columns follow behind those beside a gutter: so long are the cells of few tables."""
NEXT_GUTTER_RATIO = 0.5
"""Width of the next gutter behind a column divided by that of the gutter beside it, at least."""
PROSE_LINE_FILL_SHARE = 0.7
"""Share of its column's width that the middle line of running text fills, at least."""
MAX_PROSE_NUMBERS_SHARE = 0.35
"""Share of the stretches between gaps that are numbers, at most, in running text.

A third of them at most are numbers in lists of references, two thirds in the rows of a statement.
"""

MIN_ITEMS_SHARE = 0.3
"""Share of the lines of a list that begin an item, at least; the others go on with one, or head the list."""
_BULLETS = frozenset("•◦▪‣●○■□➢➤►▸❖◆")
"""Bullets that mean nothing else: dashes and asterisks stand before numbers too."""
ROW_SHARE = 0.4
"""Share of the usual difference in height of texts in one row up to which those beside a drawn line are in one."""
MIN_LABELLED_NUMBERS = 2
"""Labels with a number beside them, at least, that are rows rather than two columns."""
MAX_LABEL_WORDS = 4
"""Words of such a label, at most."""


@dataclass(frozen=True)
class Parted:
    """The lines on both sides of a gutter, and the words of its region above and below it."""

    gutter: Gutter
    left: Sequence[Line]
    right: Sequence[Line]
    above: int
    below: int
    size: float

    @cached_property
    def usual_space(self) -> float:
        """Return the width of the wider spaces between words on both sides, in points."""
        return _usual_space((self.left, self.right))


def columns_agreement(parted: Parted, page: PageIndex) -> float:
    """Return the expected share, from 0 to about 1, of pieces of text that follow each other down the columns."""
    is_judged = min(len(parted.left), len(parted.right)) >= MIN_JUDGED_LINES
    if is_judged and parted.gutter.width < MIN_SPACE_RATIO * parted.usual_space:
        return OTHER_PRIOR
    prior = COLUMNS_PRIOR if _are_columns(parted) else OTHER_PRIOR
    if not is_judged:
        return prior
    expected = float(forest("columns").predict(column_features(parted, page)[None, :])[0])
    return (1 - RULE_SHARE) * expected + RULE_SHARE * prior


def are_staggered(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether no line of one side stands beside one of the other, as the addresses and the date of a letter.

    Columns with pictures between their lines change sides more often.
    """
    if any(one.top < other.bottom and other.top < one.bottom for one in left for other in right):
        return False
    order = sorted([*((line.top, False) for line in left), *((line.top, True) for line in right)])
    return sum(before[1] is not after[1] for before, after in pairwise(order)) < MAX_STAGGERED_GROUPS


def are_walled(left: Sequence[Line], right: Sequence[Line], gutter: Gutter, rules: Rules, size: float) -> bool:
    """Return whether a line as high as both sides is drawn between them, as between boxes of a form.

    The rows of a table, of which the lines of both sides are, may have such a line too, and so may the numbers of lines. What
    is filled in below the label of a box may be a number.
    """
    worded = all(
        any(map(str.isalpha, side[0].text)) and 2 * sum(any(map(str.isalpha, line.text)) for line in side) >= len(side)
        for side in (left, right)
    )
    if not worded or min(len(left), len(right)) < 2 or are_rows_shared((left, right), ROW_SHARE * size):
        return False
    x, top, bottom = rules.upright.T
    start, end = min(left[0].top, right[0].top), max(left[-1].bottom, right[-1].bottom)
    inside = (x > gutter.left) & (x < gutter.right)
    return bool((inside & (top < start + size / 2) & (bottom > end - size / 2)).any())


def are_divided_texts(parted: Parted, rules: Rules) -> bool:
    """Return whether a line is drawn between two sides whose lines are those of texts: stories of a newspaper side by side."""
    if not is_divided(parted.gutter, rules):
        return False
    sides = parted.left, parted.right
    texts = all(median(len(line.text) for line in lines) >= PROSE_LINE_CHARACTERS for lines in sides)
    return texts and not any(map(_holds_numbers, sides))


def are_long_texts(parted: Parted) -> bool:
    """Return whether running text stands on both sides of a white that so many lines leave free by no chance.

    The spaces of justified lines in narrow columns may well be wider than the gutter.
    """
    sides = parted.left, parted.right
    wide = parted.gutter.width >= MIN_LONG_WIDTH_EM * parted.size
    return wide and min(map(len, sides)) >= MIN_LONG_LINES and all(map(_is_prose, sides))


def are_lists(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether bullets before text begin lines on both sides: lists side by side, as on a slide, are no rows."""
    return all(
        sum(line.words[0].text in _BULLETS and len(line.words) > 1 for line in lines) >= max(2, MIN_ITEMS_SHARE * len(lines))
        for lines in (left, right)
    )


def are_entries(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether lines on both sides begin with terms of a glossary, which are no rows."""
    return all(
        sum(line.opens_with_term for line in lines) >= max(2, MIN_ITEMS_SHARE * len(lines))
        and median(len(line.text) for line in lines) >= PROSE_LINE_CHARACTERS
        for lines in (left, right)
    )


def are_numbers_of_labels(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether all text on the right, but for one line, is numbers, each beside a short label that has no digit.

    Labels and their values are read row by row, though each side has its edge.
    """
    if not any(is_number(line.text) for line in right):
        return False
    middles = [line.middle for line in left]
    rows = [
        (left[place].text, line.text)
        for line, middle, reach in [(line, line.middle, (line.bottom - line.top) / 3) for line in right]
        for place, beside in enumerate(middles)
        if abs(beside - middle) < reach
    ]
    if len(rows) < MIN_LABELLED_NUMBERS or len(right) > len(rows) + 1:
        return False
    return all(
        is_number(value) and not any(letter.isdigit() for letter in label) and len(label.split()) <= MAX_LABEL_WORDS
        for label, value in rows
    )


def column_features(parted: Parted, page: PageIndex) -> Floats:
    """Return the numbers of a gutter, one for each of :data:`COLUMN_FEATURES`."""
    gutter, size = parted.gutter, parted.size
    left, right = _Side(parted.left, size, page), _Side(parted.right, size, page)
    fewer, more = sorted((parted.left, parted.right), key=len)
    space = parted.usual_space / size
    middles = np.array([line.middle for line in more])
    tops, bottoms = (np.array([getattr(line, edge) for line in fewer]) for edge in ("top", "bottom"))
    apart = np.abs(np.array([line.middle for line in fewer])[:, None] - middles[None, :]).min(axis=1) / size
    beside = ((tops[:, None] < middles[None, :]) & (middles[None, :] < bottoms[:, None])).any(axis=1)
    level, upright = page.rules.level, page.rules.upright
    between = (level[:, 0] > gutter.top) & (level[:, 0] < gutter.bottom)
    across = between & (level[:, 1] < gutter.left) & (level[:, 2] > gutter.right)
    on_side = between & ~across & (level[:, 1] < right.right) & (level[:, 2] > left.left)
    inside = (upright[:, 0] > gutter.left - 1) & (upright[:, 0] < gutter.right + 1)
    along = np.minimum(upright[inside, 2], gutter.bottom) - np.maximum(upright[inside, 1], gutter.top)
    fills = page.rules.fills
    behind = (
        (fills[:, 1] < gutter.bottom) & (fills[:, 3] > gutter.top) & (fills[:, 0] < right.right) & (fills[:, 2] > left.left)
    )
    found = {
        "height": gutter.height / size,
        "width": gutter.width / size,
        "width_to_space": gutter.width / size / max(0.2, space),
        "lines_fewer": min(60, len(fewer)),
        "lines_more": min(90, len(more)),
        "lines_ratio": len(fewer) / len(more),
        "beside": fraction(np.asarray(beside)),
        "level": fraction(np.asarray(apart < 0.15)),
        "offset": min(5.0, array_median(apart)),
        "pitch_ratio": left.pitch / max(0.1, right.pitch),
        "size_ratio": left.letters_size / right.letters_size,
        "width_ratio": left.width / max(0.1, right.width),
        "upright": float(np.clip(along.max(initial=0.0), 0, None)) / max(1.0, gutter.bottom - gutter.top),
        "levels_across": min(40.0, float(across.sum())) / len(more),
        "levels_beside": min(40.0, float(on_side.sum())) / len(more),
        "fills": min(40.0, float(behind.sum())) / len(more),
        "words_above": float(min(50, parted.above)),
        "words_below": float(min(50, parted.below)),
    }
    for name in ("characters", "fill", "numbers", "pieces"):
        values = sorted((getattr(left, name), getattr(right, name)))
        found |= {f"{name}_least": values[0], f"{name}_most": values[1]}
    for name, side in (("left", left), ("right", right)):
        found |= {
            f"pitch_{name}": side.pitch,
            f"lefts_{name}": side.lefts,
            f"rights_{name}": side.rights,
            f"lower_{name}": side.lower,
            f"sentence_{name}": side.sentences,
            f"open_{name}": side.open,
            f"markers_{name}": side.markers,
            f"bold_{name}": side.bold,
            f"width_{name}": side.width,
            f"short_first_{name}": side.short_first,
        }
    found["colons_left"] = left.colons
    return np.array([found[name] for name in COLUMN_FEATURES], dtype=np.float64)


class _Side:
    """What the lines on one side of a gutter look like."""

    def __init__(self, lines: Sequence[Line], size: float, page: PageIndex) -> None:
        words = [word for line in lines for word in line.words]
        firsts, lasts = (page.places_of([line.words[place] for line in lines]) for place in (0, -1))
        lefts, rights = np.array([line.left for line in lines]), np.array([line.right for line in lines])
        widths = rights - lefts
        self.left, self.right = float(lefts.min()), float(rights.max())
        self.width = (self.right - self.left) / size
        self.characters = float(median(sum(len(word.text) + 1 for word in line.words) for line in lines))
        self.fill = array_median(widths) / max(1.0, self.right - self.left)
        self.short_first = float(widths[0]) / max(1.0, float(widths.max()))
        pieces = [segments_of(line, size) for line in lines]
        self.pieces = sum(len(spans) for spans in pieces) / len(pieces)
        texts = [text for line, spans in zip(lines, pieces, strict=True) for text in _texts_in(line, spans)]
        self.numbers = sum(map(is_number, texts)) / len(texts)
        tops = [line.middle for line in lines]
        self.pitch = float(median(below - above for above, below in pairwise(tops))) / size if len(tops) > 1 else 0.0
        self.lefts = fraction(np.abs(lefts - array_median(lefts)) < 0.15 * size)
        self.rights = fraction(np.abs(rights - array_median(rights)) < 0.15 * size)
        self.lower = fraction(page.starts_lower[firsts])
        self.sentences = fraction(page.ends_sentence[lasts])
        self.open = fraction(page.ends_open[lasts])
        self.markers = fraction(page.is_marker[firsts] & (page.letters[firsts] + page.digits[firsts] < 6))
        self.colons = sum(line.words[-1].text.endswith(":") for line in lines) / len(lines)
        self.bold = sum(word.bold for word in words) / len(words)
        self.letters_size = body_size(words)


def _are_columns(parted: Parted) -> bool:
    """Return whether both sides are separate text rather than cells of common rows."""
    sides, gutter, size = (parted.left, parted.right), parted.gutter, parted.size
    fewest, most = sorted(len(lines) for lines in sides)
    if fewest < 3 and (most < 6 or gutter.width < size):
        return False
    if fewest < MIN_SURE_LINES and gutter.width < 1.6 * parted.usual_space:
        return False
    prose = [_is_prose(lines) for lines in sides]
    if all(prose) or _are_prose_beside(sides, gutter):
        return True
    if fewest < 3 or gutter.width < 1.2 * size:
        return any(prose) and not _are_aligned(*sides)
    return not _are_aligned(*sides)


def _are_prose_beside(sides: Sequence[Sequence[Line]], gutter: Gutter) -> bool:
    """Return whether the columns right beside a gutter are running text, whatever columns follow behind them."""
    clear = NEXT_GUTTER_RATIO * gutter.width
    near = [[split_at_gaps(line, clear)[place] for line in lines] for lines, place in zip(sides, (-1, 0), strict=True)]
    return all(map(_is_sure_prose, near))


def _is_sure_prose(lines: Sequence[Line]) -> bool:
    """Return whether lines are long enough to be running text, and most as wide as nine of ten; headlines may be wider."""
    if len(lines) < MIN_SURE_LINES or median(len(line.text) for line in lines) < SURE_PROSE_CHARACTERS:
        return False
    widths = sorted(line.width for line in lines)
    return widths[len(widths) // 2] >= PROSE_LINE_FILL_SHARE * widths[len(widths) * 9 // 10] and not _holds_numbers(lines)


def _usual_space(sides: Sequence[Sequence[Line]]) -> float:
    """Return the width of the wider spaces between words in points; 0 if most lines are one run.

    Spaces of justified lines can align by chance. Those inside a run count as none: an OCR reads over spaces of the usual
    width, and only the gaps at formulas or marks part its runs.
    """
    held = [line.words for lines in sides for line in lines]
    spaces = sorted(
        [after.left - before.right for words in held for before, after in pairwise(words)]
        + [0.0 for words in held for word in words for _ in range(word.text.count(" "))]
    )
    return spaces[len(spaces) * 3 // 4] if spaces else 0.0


def _is_prose(lines: Sequence[Line]) -> bool:
    """Return whether lines are running text: longer than single words, and most of them as wide as the column."""
    if len(lines) < 2 or _holds_numbers(lines):
        return False
    width = max(line.right for line in lines) - min(line.left for line in lines)
    characters = median(len(line.text) for line in lines)
    return characters >= PROSE_LINE_CHARACTERS and median(line.width for line in lines) >= PROSE_LINE_FILL_SHARE * width


def _holds_numbers(lines: Sequence[Line]) -> bool:
    """Return whether many of the stretches between gaps are numbers: cells of a table are, running text is not."""
    size = body_size(word for line in lines for word in line.words)
    texts = [text for line in lines for text in _texts_in(line, segments_of(line, size))]
    return sum(map(is_number, texts)) > MAX_PROSE_NUMBERS_SHARE * len(texts)


def _texts_in(line: Line, spans: Sequence[tuple[float, float]]) -> list[str]:
    """Return the words of a line that begin in each of its stretches."""
    words = [(word.left, word.text) for word in line.words]
    return [" ".join([text for left, text in words if start <= left < end]) for start, end in spans]


def _are_aligned(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Return whether most lines of the shorter side have a line of the other beside them, like cells of one row."""
    fewer, more = sorted((left, right), key=len)
    middles = [line.middle for line in more]
    beside = sum(any(line.top < middle < line.bottom for middle in middles) for line in fewer)
    return beside >= 0.7 * len(fewer)
