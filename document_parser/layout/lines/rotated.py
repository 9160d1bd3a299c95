"""Find words that run up or down the page: margin notes, archive stamps, vertical writing."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

from document_parser.layout.lines.joining import is_cjk
from document_parser.layout.lines.lines import body_size
from document_parser.layout.lines.units import Scale, size_of
from document_parser.models import Block, RulingLine, Word
from document_parser.text.spans import Run, Style, spans_of, text_of, tidy_spans

StripBounds = tuple[float, float, float, float]
"""Left, right, top and bottom of a strip, in points."""

MIN_SIDEWAYS_WORDS = 12
"""Sideways words on a page, at least, before the whole page is tested for rotation."""
MIN_SIDEWAYS_SHARE = 0.7
"""Share of a page's characters that run sideways if the whole page does, at least."""
MIN_SHOWING_LETTERS = 3
"""Letters of a word, at least, whose shape shows how it runs."""
MIN_HEADING_RATIO, TITLE_RATIO = 1.12, 1.5
"""Font size of a heading and of a title in vertical writing, at least, divided by that of the text."""
MAX_MORE_GAP_EM = 0.3
"""By how many widths of a column the white between two paragraphs of vertical writing is larger than within one."""
MIN_TIER_GAP_EM = 0.8
"""Font sizes of white across all columns of vertical writing, at least, between two tiers of them."""
MAX_HEADING_CHARACTERS = 60
"""Characters of a heading in vertical writing, at most."""
NARROW_RATIO = 1.5
"""Height of a word divided by its width above which it is narrow."""
MIN_NARROW_RATIO = 1.49
"""The same for words that may be: heights and widths of fractions of the page differ by a rounding from those of points."""
_STOPS = "。、，．"
"""With these a sentence or a part of one ends, and no heading."""
SIDE_MARGIN_SHARE = 0.1
"""Share of the page width at each side in which a stamp may run up or down."""


_BOX_AND_DIRECTION: Callable[[Word], tuple[float, float, float, float, int]] = itemgetter(
    *map(Word._fields.index, ("left", "top", "right", "bottom", "direction"))
)
"""Left, top, right, bottom and direction of a word: many times as fast as five attributes."""
_TEXT_BOX_AND_DIRECTION: Callable[[Word], tuple[str, float, float, float, float, int]] = itemgetter(
    *map(Word._fields.index, ("text", "left", "top", "right", "bottom", "direction"))
)
"""The same with the text first."""


def split_sideways(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """Return (upright words, sideways words). A word is sideways if it is far higher than its letters would be wide.

    The shape of short words says nothing; they go with the sideways words they are in line with, and with upright words whose
    box begins and ends at the same height. Lengths are in points.
    """
    may_be = [
        word
        for word, (left, top, right, bottom, direction) in zip(words, map(_BOX_AND_DIRECTION, words), strict=True)
        if direction or bottom - top > NARROW_RATIO * (right - left)
    ]
    turned = [word for word in may_be if _is_sideways(word)]
    if not turned:
        return list(words), []
    level = {(word.top, word.bottom) for word in words if not _is_sideways(word)}
    turned = [word for word in turned if (word.top, word.bottom) not in level]
    if not turned:
        return list(words), []
    strips = sorted(_bounds_of(strip) for strip in _group_strips(turned, reverse=False))
    inside = {id(word) for word in turned}
    inside |= {id(word) for word in words if len(word.text) <= 3 and _is_within(strips, word)}
    return [word for word in words if id(word) not in inside], [word for word in words if id(word) in inside]


def _bounds_of(strip: Sequence[Word]) -> StripBounds:
    """Return where a short word of a strip may be: within its width, between its ends or just beyond them."""
    left, right = min(word.left for word in strip), max(word.right for word in strip)
    reach = 2.5 * (right - left)
    return left - 1, right + 1, min(word.top for word in strip) - reach, max(word.bottom for word in strip) + reach


def _is_within(strips: Sequence[StripBounds], word: Word) -> bool:
    """Return whether a word lies in one of the strips that begin just left of it; ``strips`` are sorted."""
    after = bisect_right(strips, word.left, key=lambda strip: strip[0])
    return any(
        word.right < right and top < word.top and word.bottom < bottom
        for _, right, top, bottom in strips[max(0, after - 3) : after]
    )


def _is_sideways(word: Word) -> bool:
    """Return whether a word runs up or down: by its direction, or by the shape of three letters or digits or more."""
    if word.direction in (90, 270):
        return True
    if not _is_narrow(word):
        return False
    return sum(unicodedata.category(letter)[0] not in "MP" for letter in word.text) >= MIN_SHOWING_LETTERS


def _is_narrow(word: Word) -> bool:
    """Return whether a word is far higher than wide."""
    return word.bottom - word.top > NARROW_RATIO * (word.right - word.left)


def may_be_turned(words: Sequence[Word], scale: Scale) -> bool:
    """Return whether enough words have the cheap sign of turned writing. Boxes are fractions of the page of this size."""
    high, wide = scale.height, MIN_NARROW_RATIO * scale.width
    may_be = [
        direction != 0 or (abs(bottom - top) * high > abs(right - left) * wide and len(text) >= MIN_SHOWING_LETTERS)
        for text, left, top, right, bottom, direction in map(_TEXT_BOX_AND_DIRECTION, words)
    ]
    return sum(may_be) >= MIN_SIDEWAYS_WORDS


def find_page_turn(words: Sequence[Word]) -> int:
    """Return the clockwise rotation in degrees that makes a turned page upright: 0, 90, 180 or 270.

    ``words`` are in the order in which they were found, which shows whether the lines run up or down.
    """
    may_be = [
        direction != 0 or (bottom - top > NARROW_RATIO * (right - left) and len(text) >= MIN_SHOWING_LETTERS)
        for text, left, top, right, bottom, direction in map(_TEXT_BOX_AND_DIRECTION, words)
    ]
    if sum(may_be) < MIN_SIDEWAYS_WORDS:
        return 0
    conclusive = [word for word in words if len(word.text) >= MIN_SHOWING_LETTERS and not is_cjk(word.text)]
    if told := _find_told_turn(words):
        return told
    turned = [word for word in conclusive if _is_sideways(word)]
    if len(turned) < MIN_SIDEWAYS_WORDS or sum(len(word.text) for word in turned) < MIN_SIDEWAYS_SHARE * sum(
        len(word.text) for word in conclusive
    ):
        return 0
    steps = [after.top - before.top for before, after in pairwise(turned) if _is_in_strip(before, after)]
    return 90 if sum(step < 0 for step in steps) * 2 > len(steps) else 270


def _find_told_turn(words: Sequence[Word]) -> int:
    """Return the turn that the directions of the words ask for; 0 if most run to the right or too few words say anything."""
    for turn in (90, 180, 270):
        turned = [word for word in words if word.direction == 360 - turn]
        if len(turned) >= MIN_SIDEWAYS_WORDS and sum(len(word.text) for word in turned) >= MIN_SIDEWAYS_SHARE * sum(
            len(word.text) for word in words
        ):
            return turn
    return 0


def turn_words(words: Iterable[Word], turn: int) -> list[Word]:
    """Return words as they lie on the page turned clockwise by 90, 180 or 270 degrees. Boxes are fractions of the page."""
    words = (word._replace(baseline=0.0, direction=(word.direction + turn) % 360 if word.direction else 0) for word in words)
    if turn == 180:
        return [
            word._replace(left=1 - word.right, top=1 - word.bottom, right=1 - word.left, bottom=1 - word.top) for word in words
        ]
    if turn == 90:
        return [word._replace(left=1 - word.bottom, top=word.left, right=1 - word.top, bottom=word.right) for word in words]
    return [word._replace(left=word.top, top=1 - word.right, right=word.bottom, bottom=1 - word.left) for word in words]


def turn_rulings(rules: Iterable[RulingLine], turn: int) -> list[RulingLine]:
    """Return drawn lines on the page turned clockwise by 90, 180 or 270 degrees. Boxes are fractions of the page."""
    if turn == 180:
        return [RulingLine(1 - rule.right, 1 - rule.bottom, 1 - rule.left, 1 - rule.top) for rule in rules]
    if turn == 90:
        return [RulingLine(1 - rule.bottom, rule.left, 1 - rule.top, rule.right) for rule in rules]
    return [RulingLine(rule.top, 1 - rule.right, rule.bottom, 1 - rule.left) for rule in rules]


def build_sideways_blocks(words: Sequence[Word], scale: Scale, upright: Sequence[Word] = ()) -> list[Block]:
    """Return one block per strip of sideways words, in reading order.

    A strip in the page's margin, outside all ``upright`` text, is a stamp (of an archive, of a journal's site) and becomes a
    page header. Words are in points.
    """
    if sum(is_cjk(word.text) for word in words) * 2 > len(words):
        return _build_vertical_blocks(words, scale)
    rank = {id(word): number for number, word in enumerate(words)}
    ordered = [sorted(strip, key=lambda word: rank[id(word)]) for strip in _group_strips(words, reverse=False)]
    return [_block_of_strip(strip, False, scale, _is_marginal(strip, scale, upright)) for strip in ordered]


def _build_vertical_blocks(words: Sequence[Word], scale: Scale) -> list[Block]:
    """Return the blocks of vertical writing: the columns of each tier from right to left, one tier below the other."""
    size = body_size(words)
    strips: list[list[Word]] = []
    for tier in _split_tiers(words, size):
        strips += _join_columns(_group_strips(tier, reverse=True))
    return [_with_heading(_block_of_strip(strip, True, scale, False), strip, size) for strip in strips]


def _split_tiers(words: Sequence[Word], size: float) -> list[list[Word]]:
    """Split vertical writing where white runs across all of its columns, as newspapers and dictionaries have it."""
    tiers: list[list[Word]] = []
    reach = 0.0
    for word in sorted(words, key=lambda word: word.top):
        if not tiers or word.top - reach > MIN_TIER_GAP_EM * size:
            tiers.append([])
        tiers[-1].append(word)
        reach = max(reach, word.bottom)
    return tiers


def _with_heading(block: Block, strip: Sequence[Word], body: float) -> Block:
    """Return the block of a column of vertical writing, as a heading if it is short and larger than the text.

    ``body`` is the usual font size of the columns in points.
    """
    ratio = body_size(strip) / body
    known = all(word.size_points > 0 for word in strip)
    is_heading = known and ratio >= MIN_HEADING_RATIO and len(block.text) <= MAX_HEADING_CHARACTERS
    if not is_heading or block.text[-1:] in _STOPS:
        return block
    level = 1 if ratio >= TITLE_RATIO else 2
    return block.model_copy(update={"kind": "heading", "level": level, "size_points": round(body_size(strip), 1)})


def _is_marginal(strip: Sequence[Word], scale: Scale, upright: Sequence[Word]) -> bool:
    """Return whether a strip lies in a side margin and beside all upright text."""
    left, right = min(word.left for word in strip), max(word.right for word in strip)
    if not upright or SIDE_MARGIN_SHARE * scale.width < (left + right) / 2 < (1 - SIDE_MARGIN_SHARE) * scale.width:
        return False
    return right < min(word.left for word in upright) or left > max(word.right for word in upright)


def _group_strips(words: Sequence[Word], reverse: bool) -> list[list[Word]]:
    """Group sideways words into strips, from left to right, or from right to left if ``reverse``."""
    strips: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.left + word.right, reverse=reverse):
        if strips and _is_in_strip(strips[-1][0], word):
            strips[-1].append(word)
        else:
            strips.append([word])
    return strips


def _join_columns(strips: Sequence[list[Word]]) -> list[list[Word]]:
    """Return the strips of vertical writing with those of one paragraph joined: close to each other and alike."""
    gaps = sorted(before[0].left - strip[0].right for before, strip in pairwise(strips))
    usual = gaps[len(gaps) // 3] if len(gaps) >= 3 else 0.75 * (strips[0][0].right - strips[0][0].left) if strips else 0.0
    joined: list[list[Word]] = []
    for strip in strips:
        before = joined[-1][-1] if joined else None
        if before is not None and _goes_on_in(before, strip[0], usual):
            joined[-1] += sorted(strip, key=lambda word: word.top)
        else:
            joined.append(sorted(strip, key=lambda word: word.top))
    return joined


def _goes_on_in(before: Word, word: Word, usual: float) -> bool:
    """Return whether a column of vertical writing goes on in the next one: as far away as usual, of its height and size.

    ``usual`` is the white between two columns of a paragraph, in points.
    """
    width = word.right - word.left
    alike = abs(size_of(before) - size_of(word)) < 0.04 * size_of(word)
    near = before.left - word.right < min(usual + MAX_MORE_GAP_EM * width, 1.5 * width)
    return alike and near and abs(before.top - word.top) < 1.2 * width


def _is_in_strip(first: Word, word: Word) -> bool:
    """Return whether the middle of a word lies within the width of a strip's first word."""
    return first.left < (word.left + word.right) / 2 < first.right


def _block_of_strip(strip: list[Word], vertical: bool, scale: Scale, marginal: bool) -> Block:
    """Return the block of a strip of words.

    Vertical writing runs down. For letters turned sideways, the order in which they were found shows whether they run up.
    """
    upwards = not vertical and strip[0].top >= strip[-1].top
    ordered = strip if vertical else sorted(strip, key=lambda word: word.top, reverse=upwards)
    between = Run("" if vertical else " ")
    runs = [run for word in ordered for run in (between, Run(word.text, Style(struck=word.struck)))][1:]
    text = text_of(runs)
    return Block(
        kind="page_header" if marginal else "paragraph",
        text=text,
        spans=tidy_spans(text, spans_of(runs)),
        box=scale.box_of(strip),
    )
