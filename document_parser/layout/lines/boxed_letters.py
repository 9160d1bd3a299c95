"""Join letters that stand in boxes of their own, one a box, to the value that they spell: the comb fields of paper forms.

Lengths are in points of the upright page, origin top left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.lines.lines import body_size
from document_parser.layout.lines.units import size_of
from document_parser.models import RulingLine, Word

MIN_LETTERS = 4
"""Letters of a value, at least. Three letters in a row are also those of a small table, as of votes for a, b and c."""
PITCH_EM = 0.9, 2.1
"""Distance of the middles of two boxes in font sizes. Letters that touch are a word already; wider boxes are cells."""
PITCH_SLACK_SHARE = 0.14
"""Share of the pitch by which the middle of a letter may be off."""
MAX_EMPTY_BOXES = 4
"""Empty boxes in a row within one value, which stand for a space."""
MAX_GROUP_GAP_RATIO = 2.3
"""Distance of two letters divided by the pitch, at most, where boxes are set in groups, as those of a date or an amount."""
SEPARATORS = frozenset(",.-–/:")
"""Signs that are printed between groups of boxes, or stand in boxes as letters do."""
BORDER_SLACK_SHARE = 0.3
"""Share of the pitch by which the border of two boxes may be off the middle between their letters."""
MIN_BORDERED_SHARE = 0.8
"""Share of the neighbours with a border between them. A gap in the border is the point of an amount."""
MAX_BOX_HEIGHT_EM = 3.0
"""Height of a box in font sizes; longer borders are those of a table's columns."""
MIN_ROW_DISTANCE_EM = 1.75
"""Distance, in font sizes, of another row of texts in the same columns; nearer ones are rows of a table."""
MIN_FILLED_ALIKE_SHARE = 0.8
"""Share of the boxes filled in both of two rows whose boxes touch, at least, if they are rows of a table.

Two values one below the other are seldom equally long.
"""
TOUCH_POINTS = 3.0
"""White between two rows of boxes that touch, or their overlap, at most: lines are found a little longer than drawn."""


def join_boxed_letters(words: list[Word], rules: Sequence[RulingLine]) -> tuple[list[Word], list[RulingLine]]:
    """Return the words with the letters in boxes joined, and the ruling lines without those of the boxes.

    A joined value is as large as the page's usual text: the size of letters in boxes is that of their boxes.
    """
    borders = [rule for rule in rules if rule.bottom - rule.top > 2]
    found = [row for row in _rows_of_letters(words) if _is_bordered(row, borders) and not _is_scale(row)]
    rows = [row for row in found if not _is_table_row(row, words) and not _is_row_of_boxes(row, words, borders)]
    if not rows:
        return words, list(rules)
    gone = {id(word) for row in rows for word in row}
    rest = [word for word in words if id(word) not in gone]
    size = body_size(rest) if rest else 0.0
    joined = [_join_row(row, size) for row in rows]
    return [*rest, *joined], [rule for rule in rules if not any(_is_box_line(rule, row) for row in rows)]


def _rows_of_letters(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield runs of single characters of one size on one baseline, at a distance of one pitch, or of a few."""
    levels: defaultdict[tuple[int, float], list[Word]] = defaultdict(list)
    for word in words:
        if len(word.text) == 1 and word.size_points > 0 and not word.math:
            levels[round(word.baseline or word.bottom), word.size_points].append(word)
    for level in levels.values():
        letters = sorted((word for word in level if word.text not in SEPARATORS), key=_middle_of)
        if len(letters) < MIN_LETTERS:
            continue
        signs = [word for word in level if word.text in SEPARATORS]
        yield from (_with_signs(run, signs) for run in _split_at_wide_gaps(letters) if len(run) >= MIN_LETTERS)


def _split_at_wide_gaps(letters: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the letters of a level that are one pitch, a few, or the gap between two groups of boxes from each other."""
    gaps = [_middle_of(after) - _middle_of(before) for before, after in pairwise(letters)]
    size = letters[0].size_points
    usual = [gap for gap in gaps if PITCH_EM[0] * size <= gap <= PITCH_EM[1] * size]
    if len(usual) < max(2, (MIN_LETTERS - 1) // 2):
        return
    pitch = median(usual)
    run = [letters[0]]
    for gap, word in zip(gaps, letters[1:], strict=True):
        steps = round(gap / pitch)
        is_even = abs(gap - steps * pitch) <= PITCH_SLACK_SHARE * pitch * 2
        if not 1 <= steps <= 1 + MAX_EMPTY_BOXES or not (is_even or pitch < gap <= MAX_GROUP_GAP_RATIO * pitch):
            yield run
            run = []
        run.append(word)
    yield run


def _with_signs(run: Sequence[Word], signs: Sequence[Word]) -> list[Word]:
    """Return a run of letters with the signs between them, from left to right."""
    inside = [sign for sign in signs if run[0].right < _middle_of(sign) < run[-1].left]
    return sorted([*run, *inside], key=_middle_of)


def _middle_of(word: Word) -> float:
    """Return the x position of the middle of a word."""
    return (word.left + word.right) / 2


def _pitch_of(row: Sequence[Word]) -> float:
    """Return the usual distance of two letters."""
    letters = _letters_of(row)
    size = letters[0].size_points
    gaps = [_middle_of(after) - _middle_of(before) for before, after in pairwise(letters)]
    return median([gap for gap in gaps if gap <= PITCH_EM[1] * size] or gaps)


def _letters_of(row: Sequence[Word]) -> list[Word]:
    """Return the words of a row without the signs between them."""
    return [word for word in row if word.text not in SEPARATORS]


def _is_bordered(row: Sequence[Word], borders: Sequence[RulingLine]) -> bool:
    """Return whether most neighbours have a border of a box between them."""
    pitch, size = _pitch_of(row), size_of(row[0])
    top, bottom = min(word.top for word in row), max(word.bottom for word in row)
    near = [rule for rule in borders if rule.top <= (top + bottom) / 2 + 0.4 * size and rule.bottom >= bottom - 0.4 * size]
    edges = [edge for rule in near if rule.bottom - rule.top <= MAX_BOX_HEIGHT_EM * size for edge in (rule.left, rule.right)]
    held = 0
    letters = _letters_of(row)
    for before, after in pairwise(letters):
        first, last = _middle_of(before) + pitch / 2, _middle_of(after) - pitch / 2
        slack = BORDER_SLACK_SHARE * pitch
        held += any(first - slack <= edge <= last + slack for edge in edges)
    return held >= MIN_BORDERED_SHARE * (len(letters) - 1)


def _is_scale(row: Sequence[Word]) -> bool:
    """Return whether letters are the options of a scale, as 1 2 3 4 5 or A B C D: from the first one on without a gap."""
    codes = [ord(word.text) for word in row]
    return row[0].text in "01aA" and all(after == before + 1 for before, after in pairwise(codes))


def _is_row_of_boxes(row: Sequence[Word], words: Sequence[Word], borders: Sequence[RulingLine]) -> bool:
    """Return whether boxes filled alike touch those of the row from above or below: a table of single letters."""
    pitch, size = _pitch_of(row), size_of(row[0])
    middle = (row[0].top + row[0].bottom) / 2
    own = [
        rule
        for rule in borders
        if rule.top <= middle <= rule.bottom <= rule.top + MAX_BOX_HEIGHT_EM * size
        and row[0].left - pitch < rule.left < row[-1].right + pitch
    ]
    if not own:
        return False
    top, bottom = median(rule.top for rule in own), median(rule.bottom for rule in own)
    places = _places_on(row, row)
    for first, last in ((top - (bottom - top), top), (bottom, bottom + (bottom - top))):
        if any(abs(rule.top - first) < TOUCH_POINTS and abs(rule.bottom - last) < TOUCH_POINTS for rule in borders):
            other = _places_on(row, [word for word in words if first < (word.top + word.bottom) / 2 < last])
            if len(other & places) >= MIN_FILLED_ALIKE_SHARE * len(other | places):
                return True
    return False


def _places_on(row: Sequence[Word], words: Sequence[Word]) -> set[int]:
    """Return the boxes, counted from that of the row's first letter, in whose middle words stand; from the one before it on."""
    pitch = _pitch_of(row)
    steps = [(_middle_of(word) - _middle_of(row[0])) / pitch for word in words]
    return {round(step) for step in steps if step > -1.5 and abs(step - round(step)) < 2 * PITCH_SLACK_SHARE}


def _is_table_row(row: Sequence[Word], words: Sequence[Word]) -> bool:
    """Return whether other texts stand right above or below most letters: a table of single letters."""
    size, pitch = size_of(row[0]), _pitch_of(row)
    middle = (row[0].top + row[0].bottom) / 2
    own = {id(word) for word in row}
    near = [
        word
        for word in words
        if id(word) not in own and 0.6 * size < abs((word.top + word.bottom) / 2 - middle) < MIN_ROW_DISTANCE_EM * size
    ]
    aligned = sum(any(abs(_middle_of(word) - _middle_of(other)) < 0.2 * pitch for other in near) for word in row)
    return aligned >= 0.6 * len(row)


def _join_row(row: Sequence[Word], size: float) -> Word:
    """Return a row of letters as one word; an empty box becomes a space, the white between groups of boxes does not."""
    pitch = _pitch_of(row)
    text = row[0].text
    for before, after in pairwise(row):
        is_sign = before.text in SEPARATORS or after.text in SEPARATORS
        steps = (_middle_of(after) - _middle_of(before)) / pitch
        is_empty_box = round(steps) > 1 and abs(steps - round(steps)) <= 2 * PITCH_SLACK_SHARE
        text += (" " if is_empty_box and not is_sign else "") + after.text
    top, bottom = min(word.top for word in row), max(word.bottom for word in row)
    usual = min(size, row[0].size_points) if size else row[0].size_points
    return row[0]._replace(text=text, top=top, right=row[-1].right, bottom=bottom, size_points=usual)


def _is_box_line(rule: RulingLine, row: Sequence[Word]) -> bool:
    """Return whether a line is part of the boxes of a row."""
    pitch, size = _pitch_of(row), size_of(row[0])
    high = MAX_BOX_HEIGHT_EM * size / 2
    middle = (row[0].top + row[0].bottom) / 2
    # The boxes of a field go on behind the end of its value.
    beyond = rule.left >= row[0].left - pitch and abs((rule.top + rule.bottom) / 2 - middle) <= high
    return beyond and rule.bottom - rule.top <= 2 * high and rule.right - rule.left <= 60 * pitch
