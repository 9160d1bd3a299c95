"""Find check boxes in a page image, and what is in them: an OCR reads them as brackets, as other letters, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from document_parser.models import RulingLine, Word

SIDE_PIXELS = 9, 70
"""Side of a box; in a smaller one nothing can be told."""
MAX_SIDES_RATIO = 1.2
"""Longer over shorter side of a box that may be a letter as well."""
MAX_WIDTH_RATIO = 1.7
"""Width over height of a box whose frame can be seen: no letter is a frame wider than high."""
SIDE_TO_LINE_RATIO = 0.4, 1.5
"""Side of a box over the height of the line beside it."""
MIN_EDGE_SHARE = 0.9
"""Share of each side of a box that is inked. Letters with round corners have less on one of them."""
EDGE_BAND_SHARE = 0.14
"""Thickness of a side over the side, at most."""
MIN_BAND_PIXELS = 2
"""The same in pixels, at least: a blur thins one row."""
CORNER_SHARE = 0.06
"""Share of a side, at each end, that may be missing."""
MIN_OUTER_SHARE = 0.7
"""Share of the outermost pixels of each side that are inked, in a box so small that two pixels are more than a side's share.

There the second row hides the round corners of an O or a D, of which the outermost row has 0.6 at most.
"""
MAX_RING_SHARE = 0.6
"""Share of the inside that is inked, at most, in a box whose frame can be seen."""
MAX_MARK_RATIO = 1.8
"""Width of a box with a mark that goes beyond it over that of the box, at most; the same of their heights."""
MAX_OUTSIDE_SHARE = 0.5
"""Share of the pixels right outside a side of a frame that such a mark inks, at most. The strokes of a bold letter ink all."""
MAX_FRAME_SIZES = 3
"""Sizes of frames in line with a shape that are looked for in it, those of the nearest first."""
MAX_SIZE_DIFFERENCE = 0.15
"""Share by which the sides of two boxes of one form may differ."""
INNER_SHARE = 0.22
"""Share of a side, at each end, that belongs to the frame."""
MIN_FULL_SHARE = 0.8
"""Share of a row of pixels that is inked if it belongs to the frame, however thick that is."""
MIN_MARKED_SHARE = 0.08
"""Share of the inside that is inked in a marked box."""
MIN_CORNER_SHARE = 0.1
"""Share of a corner, a third of the mark wide and high, that a cross inks."""
MAX_LABEL_GAP_RATIO = 1.4
"""Distance of a box from its line, over the height of the line."""
MAX_BOXES = 200
"""More squares are a pattern."""
EMPTY, CHECKED, CROSSED = "☐", "☑", "☒"
_READ_BOX = "□"
"""What an OCR reads an empty box as that it knows as one."""
READ_BOX_RATIOS = 0.7, 0.95
"""Where such a box ends, and where its label begins, over the height of its line."""
_MISREAD = "□口囗[]|☐☑☒区図凶×XxvV√✓■回日目"
"""What an OCR reads a box as, at the beginning of a line."""
_MISREAD_WORD = re.compile(r"[\[\](){}|OoQDCUJ0c2Lxv✓√×□口囗回日目☐☑☒]{1,2}[)\]]?\s+(?=\S)")
"""The same as a word of its own: a letter or two with the roundness or the corners of a box."""
_INK_LEVELS, _NEIGHBOURHOOD_PIXELS = 20, 41

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels, blue, green, red."""


class FoundBox(NamedTuple):
    """A check box in fractions of the image, and what it shows."""

    left: float
    top: float
    right: float
    bottom: float
    sign: str


def with_check_boxes(words: Sequence[Word], rules: Sequence[RulingLine], pixels: Pixels) -> tuple[list[Word], list[RulingLine]]:
    """Return the lines with the check boxes beside them as words, and the ruling lines without those of boxes.

    The lines keep their order; the boxes follow them. A line that begins with a box loses what it was read as. Raises cv2.error
    for an image without pixels.
    """
    boxes = list(_find_boxes(pixels)) if words else []
    if len(boxes) > MAX_BOXES:
        return list(words), list(rules)
    found, used, lines = [], [], list(words)
    shape = pixels.shape[1] / pixels.shape[0]
    for box in boxes:
        place = _line_beside(box, lines, shape)
        if place is None:
            continue
        line = lines[place]
        if line.left < box.right < line.right:
            rest = _without_box(line.text)
            if not rest:
                continue
            lines[place] = line._replace(text=rest, left=min(box.right + 0.1 * (box.right - box.left), line.right))
        found.append(Word(box.sign, box.left, line.top, box.right, line.bottom, confidence=line.confidence))
        used.append(box)
    for place, line in enumerate(lines):
        if parted := _with_sign_as_box(line, shape):
            box_word, lines[place] = parted
            found.append(box_word)
    return [*lines, *found], [rule for rule in rules if not any(_is_of_box(rule, box) for box in used)]


def _with_sign_as_box(line: Word, shape: float) -> tuple[Word, Word] | None:
    """Return the box that a line was read to begin with, and its label; None if it begins otherwise.

    The frame of a faint or touched box is not found in the picture, but the engine may see what it is. ``shape`` is the width
    of the image over its height.
    """
    label = line.text[1:].lstrip()
    if line.text[:1] != _READ_BOX or not label[:1].isalpha() or _has_square_letters(line.text):
        return None
    box_edge, label_edge = (line.left + ratio * (line.bottom - line.top) / shape for ratio in READ_BOX_RATIOS)
    if label_edge >= line.right:
        return None
    return line._replace(text=EMPTY, right=box_edge), line._replace(text=label, left=label_edge)


def _without_box(text: str) -> str:
    """Return the text of a line that begins with a box, without what the box was read as."""
    misread = _MISREAD_WORD.match(text)
    if misread:
        return text[misread.end() :]
    if text[0].isascii() and text[0].isalpha() and text[1:2].islower():
        return text  # the word begins with this letter, and the box was not read
    return text[1:].lstrip() if text[0] in _MISREAD else text


def _is_of_box(rule: RulingLine, box: FoundBox) -> bool:
    """Return whether a ruling line lies within a box."""
    slack = 0.004
    across = box.left - slack <= rule.left and rule.right <= box.right + slack
    return across and box.top - slack <= rule.top and rule.bottom <= box.bottom + slack


def _line_beside(box: FoundBox, lines: Sequence[Word], shape: float) -> int | None:
    """Return the number of the line that a box belongs to: it begins with the box, or right behind it."""
    middle, side = (box.top + box.bottom) / 2, box.bottom - box.top
    wide = max(side, (box.right - box.left) * shape)  # in heights of the image, as all lengths here
    best, nearest = None, MAX_LABEL_GAP_RATIO
    for place, line in enumerate(lines):
        high = line.bottom - line.top
        if not line.top < middle < line.bottom or not SIDE_TO_LINE_RATIO[0] * high <= side <= SIDE_TO_LINE_RATIO[1] * high:
            continue
        gap = (line.left - box.right) * shape / max(high, 1e-6)  # in heights of the line
        inside = line.left - box.left < 0 and (box.right - line.left) * shape > 1.6 * wide
        if not inside and -1.6 < gap < nearest and not _has_square_letters(line.text):
            best, nearest = place, gap
    return best


def _has_square_letters(text: str) -> bool:
    """Return whether a text has Chinese, Japanese or Korean letters, among which squares are letters too."""
    return any(0x2E80 <= ord(char) <= 0x9FFF or 0xAC00 <= ord(char) <= 0xD7A3 for char in text.lstrip(_MISREAD))


def _find_boxes(pixels: Pixels) -> Iterator[FoundBox]:
    """Yield the square frames of an image."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    method, dark = cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV
    ink = cv2.adaptiveThreshold(grey, 1, method, dark, _NEIGHBOURHOOD_PIXELS, _INK_LEVELS)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    height, width = ink.shape
    across, down = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    short, long = np.minimum(across, down), np.maximum(across, down)
    is_square, is_wide = long <= MAX_SIDES_RATIO * short, (across > down) & (across <= MAX_WIDTH_RATIO * down)
    in_size = (short >= SIDE_PIXELS[0]) & (long <= SIDE_PIXELS[1]) & (is_square | is_wide)
    known: set[int] = set()
    open_frames: list[list[int]] = []
    full_frames: list[list[int]] = []
    for label in np.flatnonzero(in_size).tolist():
        left, top, wide, high, _ = place = stats[label].tolist()
        own = labels[top : top + high, left : left + wide] == label
        if not _has_straight_sides(own):
            continue
        known.add(label)
        if _is_open(own):
            open_frames.append(place)
        elif is_square[label]:
            full_frames.append(place)
    marked = [full for full in full_frames if _stands_with(full, open_frames)]
    marked += _marked_frames(labels, stats, open_frames, known)
    for left, top, wide, high in [frame[:4] for frame in (*open_frames, *marked)]:
        sign = _sign_in(ink[top : top + high, left : left + wide].astype(bool))
        yield FoundBox(left / width, top / height, (left + wide) / width, (top + high) / height, sign)


def _marked_frames(
    labels: NDArray[np.number], stats: NDArray[np.number], frames: Sequence[Sequence[int]], known: set[int]
) -> list[list[int]]:
    """Return the places of boxes whose mark goes beyond the frame: each as large as one that can be seen, and in line with it.

    ``labels`` and ``stats`` are the shapes of the image, ``frames`` the places of the boxes that can be seen, ``known`` the
    labels of shapes that are a box themselves.
    """
    if not frames or len(frames) > MAX_BOXES:
        return []
    widths, heights = ([frame[axis] for frame in frames] for axis in (2, 3))
    across, down = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    in_width = (across >= min(widths)) & (across <= MAX_MARK_RATIO * max(widths))
    in_height = (down >= min(heights)) & (down <= MAX_MARK_RATIO * max(heights))
    found = []
    for label in sorted(set(np.flatnonzero(in_width & in_height).tolist()) - known):
        left, top, wide, high, _ = shape = stats[label].tolist()
        own = labels[top : top + high, left : left + wide] == label
        for size in _sizes_in_line(shape, frames):
            place = _frame_within(own, *size)
            if place and _stands_with([left + place[0], top + place[1], *size], frames):
                found.append([left + place[0], top + place[1], *size])
                break
    return found


def _sizes_in_line(shape: Sequence[int], frames: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the widths and heights of the frames in line with a shape that it may hold, those of the nearest first."""
    left, top, wide, high = shape[:4]
    near = [
        (abs(frame[0] - left) + abs(frame[1] - top), frame[2], frame[3])
        for frame in frames
        if frame[2] <= wide <= MAX_MARK_RATIO * frame[2] and frame[3] <= high <= MAX_MARK_RATIO * frame[3]
        if abs(frame[0] - left) <= wide or abs(frame[1] - top) <= high
    ]
    return list(dict.fromkeys((across, down) for _, across, down in sorted(near)))[:MAX_FRAME_SIZES]


def _frame_within(own: NDArray[np.bool_], wide: int, high: int) -> tuple[int, int] | None:
    """Return the left and top edges of a frame of this width and height in a shape.

    Its sides are inked, and what is right outside of them is mostly white.
    """
    padded = np.pad(own, 1)
    level = sliding_window_view(padded, wide, axis=1).mean(axis=-1)[:, 1:-1]
    upright = sliding_window_view(padded, high, axis=0).mean(axis=-1)[1:-1]
    down, across = len(upright), level.shape[1]
    sides = [level[1 : down + 1], level[high : high + down], upright[:, 1 : across + 1], upright[:, wide : wide + across]]
    outside = [level[:down], level[high + 1 :], upright[:, :across], upright[:, wide + 1 :]]
    fits = (np.minimum.reduce(sides) >= MIN_OUTER_SHARE) & (np.maximum.reduce(outside) <= MAX_OUTSIDE_SHARE)
    places = ((x, y) for y, x in np.argwhere(fits).tolist())
    return next(((x, y) for x, y in places if _has_straight_sides(own[y : y + high, x : x + wide])), None)


def _stands_with(full: Sequence[int], frames: Sequence[Sequence[int]]) -> bool:
    """Return whether an inked square is a marked box: one as large, below, above or beside it, is a frame that can be seen.

    Places are left, top, width and height in pixels. In a blurred picture the mark of a small box runs into its frame.
    """
    left, top, wide, high = full[:4]
    return any(
        abs(frame[2] - wide) <= MAX_SIZE_DIFFERENCE * wide
        and abs(frame[3] - high) <= MAX_SIZE_DIFFERENCE * high
        and (abs(frame[0] - left) <= wide or abs(frame[1] - top) <= high / 2)
        for frame in frames
    )


def _has_straight_sides(own: NDArray[np.bool_]) -> bool:
    """Return whether a shape has straight sides along all four edges of its box, but for its corners, which a blur takes."""
    high, wide = own.shape
    across, down = _frame_width_of(own)
    ends_across, ends_down = max(1, round(wide * CORNER_SHARE)), max(1, round(high * CORNER_SHARE))
    level = own[:, ends_across:-ends_across]
    upright = own[ends_down:-ends_down]
    sides = (
        level[:down].any(axis=0),
        level[-down:].any(axis=0),
        upright[:, :across].any(axis=1),
        upright[:, -across:].any(axis=1),
    )
    if min(side.mean() for side in sides) < MIN_EDGE_SHARE:
        return False
    small = min(wide, high) * EDGE_BAND_SHARE < MIN_BAND_PIXELS
    return not small or bool(min(edge.mean() for edge in (own[0], own[-1], own[:, 0], own[:, -1])) >= MIN_OUTER_SHARE)


def _is_open(own: NDArray[np.bool_]) -> bool:
    """Return whether the ring inside the frame is mostly white, as it is unless the box is filled."""
    across, down = _frame_width_of(own)
    ring = own[down : own.shape[0] - down, across : own.shape[1] - across]
    return bool(ring.size) and bool(ring.mean() < MAX_RING_SHARE)


def _frame_width_of(own: NDArray[np.bool_]) -> tuple[int, int]:
    """Return how wide the upright and the level sides of a frame may be, in pixels."""
    high, wide = (max(MIN_BAND_PIXELS, round(side * EDGE_BAND_SHARE)) for side in own.shape)
    return wide, high


def _sign_in(ink: NDArray[np.bool_]) -> str:
    """Return what a box shows by its ink."""
    inside = _inside_of(ink)
    if inside.mean() < MIN_MARKED_SHARE:
        return EMPTY
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    mark = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    high, wide = max(1, mark.shape[0] // 3), max(1, mark.shape[1] // 3)
    corners = (mark[:high, :wide], mark[:high, -wide:])
    upper_left, upper_right = (corner.mean() >= MIN_CORNER_SHARE for corner in corners)
    return CHECKED if upper_right and not upper_left else CROSSED


def _inside_of(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is within the frame of a box, without the pixels that a blur adds to it; the whole box if it is all frame."""
    for blur in (1, 0):
        (above, below), (before, behind) = _margins_of(ink, blur), _margins_of(ink.T, blur)
        inside = ink[above : len(ink) - below, before : ink.shape[1] - behind]
        if inside.size:
            return inside
    return ink


def _margins_of(ink: NDArray[np.bool_], blur: int) -> tuple[int, int]:
    """Return how many rows belong to the frame above and below what is in a box, each with those that a blur adds."""
    full = (ink.mean(axis=1) >= MIN_FULL_SHARE).tolist()
    least = max(2, round(len(ink) * INNER_SHARE))
    return max(least, _frame_rows_of(full) + blur), max(least, _frame_rows_of(full[::-1]) + blur)


def _frame_rows_of(full: list[bool]) -> int:
    """Return the number of rows up to the last full one of those that begin a box; the very first may be ragged."""
    rows = 0 if full[0] else 1
    while rows < len(full) and full[rows]:
        rows += 1
    return rows
