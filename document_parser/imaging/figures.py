"""Photographs, drawings and charts in the picture of a page: what neither its writing nor its rules explain.

Looked for on a small picture, about ten milliseconds a page. A false figure is noise on its page, so each kind has to show
itself: a photograph by an area of many tones, a chart by axes with something drawn between them, a drawing by strokes that hang
together over much of a page whose writing was read. What touches the rim of the picture is the edge of a scan or the table that
a sheet was photographed on; one tone is shading, a bar or a blackened line; small strokes may be handwriting, a signature, or
letters that nobody could read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import BoundingBox, RulingLine

LONG_SIDE = 640

CELL = 16
"""Pixels; in every cell as wide and high, most of what is bright is paper."""
BRIGHT = 0.8
NEAR_MODE, NEAR_FIT = 25, 16
"""Grey levels around the commonest one, or around the surface, that are paper."""
ROUNDS = 4
LEAST_PAPER = 0.25
"""Of the picture. Where less is paper, the picture itself is a photograph or a poster, and no page."""
INK = 32

GAP, THICK, APART = 3, 13, 11
"""Pixels: holes that are closed, the thinnest area of tones, and how far parts of one area may lie apart."""
LEAST_AREA, LEAST_SIDE = 0.015, 0.04
"""Of the picture, and of its long side: about half an inch of A4."""
LEAST_FILLED = 0.4
MOST_OF_ONE_TONE = 0.6
TONE = 21
"""Grey levels that count as one tone."""
LEAST_RANGE = 60
"""Grey levels between the twentieth part that is darkest and that which is lightest; a stain has fewer."""

MOST_WRITTEN = 0.2
"""Of a figure, under lines of writing; a table has more, in all the colours of its cells."""

THIN = 0.008
"""Of the page's sides; a thicker rule is a bar."""
LEAST_AXIS = 0.07
CORNER = 0.02
"""Of the page's sides: how near to each other two axes end."""
EDGE = 0.01
"""Of the long side: lines so near to the rim are the edges of the sheet."""
LEAST_FRAME, MOST_FRAME = 0.03, 0.6
WIDE, HIGH = 0.4, 0.2
"""Of a frame's sides: what is drawn as one line."""
AREA, SOLID = 9, 5
"""Pixels; what is thicker is no line, though it may have marks on it, and a bar is no thinner."""
CUT, LEAST_BEND = 3, 3
"""Pixels: how far on either side a curve is cut by a grid, and the least extent of a piece of one."""
FOOT = 0.04
"""Of a frame's height: how near to its lower edge bars end."""
SEVERAL, SEVERAL_WIDE = 3, 0.5
"""Bars, and how much of the width they take together."""
WIDEST_BAR, UNLIKE = 0.3, 0.1
"""Of the frame's width, and how much of its height bars differ by; the shaded columns of a form are of one height."""

LEAST_PIXELS = 1000
"""Of the long side. In smaller pictures a letter is as large as a drawing."""
MOST_UNREAD = 0.1
DRAWN_SIDE, DRAWN_AREA = 0.1, 0.04
"""Of the long side, and of the picture: a signature is smaller."""
DRAWN_LENGTH = 4
"""Ink over the sum of its breadth and height: a line struck through something, and a scribble, has less."""
STRAIGHT, LEAST_BENT = 15, 0.3
"""Pixels of a level or upright line, and the share of ink in none: what is left of a table has less."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""(n, 4): left, top, right, bottom."""
Piece = tuple[int, int, int, int]


def figures_in(pixels: Pixels, read: Boxes, rules: Sequence[RulingLine], unread: Boxes | None = None) -> list[BoundingBox]:
    """The places of figures, as fractions of the picture, whose rows are of blue, green, red.

    ``read`` are the boxes of what was read, ``unread`` those of what looked like lines of writing and could not be read: it may
    be writing, which is no drawing, or a part of a photograph. ``rules`` are the lines drawn. All are fractions too. Raises
    cv2.error for a picture without pixels.
    """
    small = _shrunk(pixels)
    darkest: Pixels = cv2.min(cv2.min(small[:, :, 0], small[:, :, 1]), small[:, :, 2]).astype(np.uint8, copy=False)
    paper = _paper(darkest)
    if paper is None:
        return []
    ink: Mask = (np.abs(paper - darkest) > INK).astype(np.uint8)
    lines = _in_pixels(read, ink)
    _erase(ink, lines)
    grey: Pixels = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    found = list(_photographs(ink, (grey, darkest), lines))
    lost = _in_pixels(np.zeros(0) if unread is None else unread, ink)
    _erase(ink, lost)
    drawn, lines = _without_rules(ink, [rule for rule in rules if _is_thin(rule)]), np.concatenate((lines, lost))
    found += _charts(drawn, lines, rules)
    if unread is not None and max(pixels.shape) >= LEAST_PIXELS and _is_read(read, unread):
        found += _drawings(drawn, lines)
    height, width = ink.shape
    return [BoundingBox.of(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in found]


def _shrunk(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = min(1.0, LONG_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _in_pixels(boxes: Boxes, ink: Mask) -> NDArray[np.int64]:
    height, width = ink.shape
    scaled = boxes.reshape(-1, 4) * (width, height, width, height)
    return np.concatenate((np.floor(scaled[:, :2]), np.ceil(scaled[:, 2:])), axis=1).astype(np.int64)


def _erase(ink: Mask, boxes: NDArray[np.int64]) -> None:
    for left, top, right, bottom in boxes.tolist():
        ink[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = 0


def _paper(darkest: Pixels) -> NDArray[np.float32] | None:
    """The level of the paper at every pixel: a curved surface, for light falls unevenly. None where there is hardly any."""
    height, width = darkest.shape
    rows, columns = height // CELL, width // CELL
    if min(rows, columns) < 3:
        return None
    cells = darkest[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3)
    place = int(BRIGHT * CELL * CELL)
    bright = np.partition(cells.reshape(rows * columns, CELL * CELL), place, axis=1)[:, place].astype(np.float64)
    down, across = ((np.arange(count) + 0.5) / count - 0.5 for count in (rows, columns))
    terms = _terms(across, down).reshape(-1, 6)
    level = int(np.convolve(np.bincount(bright.astype(np.int64), minlength=256), np.ones(9), "same").argmax())
    kept = np.abs(bright - level) < NEAR_MODE
    surface: NDArray[np.float64] = np.array([level, 0, 0, 0, 0, 0], dtype=np.float64)
    for _ in range(ROUNDS):
        if kept.mean() < LEAST_PAPER:
            return None
        surface = np.asarray(np.linalg.lstsq(terms[kept], bright[kept])[0], dtype=np.float64)
        kept = np.abs(bright - terms @ surface) < NEAR_FIT
    everywhere = _terms(np.arange(width) / width - 0.5, np.arange(height) / height - 0.5) @ surface
    return everywhere.clip(0, 255).astype(np.float32)


def _terms(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = np.meshgrid(across, down)
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)


def _square(side: int) -> Mask:
    return cv2.getStructuringElement(cv2.MORPH_RECT, (side, side)).astype(np.uint8, copy=False)


def _photographs(ink: Mask, levels: Sequence[Pixels], writing: NDArray[np.int64]) -> Iterator[Piece]:
    """Areas of many tones with little writing on them. ``levels`` are two ways to see the picture as grey."""
    solid = cv2.morphologyEx(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, _square(GAP)), cv2.MORPH_OPEN, _square(THICK))
    joined = cv2.dilate(solid, _square(APART))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    for number, (left, top, width, height, _) in enumerate(stats[1:].tolist(), 1):
        box = left + APART // 2, top + APART // 2, left + width - APART // 2, top + height - APART // 2
        if not _is_large_enough(box, ink) or _at_rim(box, ink) or _written(box, writing) > MOST_WRITTEN:
            continue
        part = slice(box[1], box[3]), slice(box[0], box[2])
        covered = (labels[part] == number) & (solid[part] > 0)
        if covered.mean() >= LEAST_FILLED and any(_has_tones(each[part][covered]) for each in levels):
            yield box


def _is_large_enough(box: Piece, ink: Mask) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    return width * height >= LEAST_AREA * ink.size and min(width, height) >= LEAST_SIDE * max(ink.shape)


def _at_rim(box: Piece, ink: Mask, rim: float = 1) -> bool:
    height, width = ink.shape
    return bool(min(box[0], box[1], width - box[2], height - box[3]) <= rim)


def _has_tones(levels: Pixels) -> bool:
    counts = np.bincount(levels, minlength=256)
    low, high = np.searchsorted(np.cumsum(counts), (0.05 * levels.size, 0.95 * levels.size))
    one_tone = np.convolve(counts, np.ones(TONE), "same").max()
    return bool(high - low >= LEAST_RANGE and one_tone <= MOST_OF_ONE_TONE * levels.size)


def _charts(drawn: Mask, writing: NDArray[np.int64], rules: Sequence[RulingLine]) -> Iterator[Piece]:
    """Frames, or two axes, with something drawn in them. ``drawn`` is the ink without writing and rules."""
    for frame in _frames(rules, drawn):
        if _written(frame, writing) <= MOST_WRITTEN and _is_drawn_in(frame, drawn, writing):
            yield frame


def _without_rules(ink: Mask, rules: Sequence[RulingLine]) -> Mask:
    drawn = ink.copy()
    _erase(drawn, _in_pixels(np.array(rules), ink))
    return cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, _square(GAP)).astype(np.uint8, copy=False)


def _is_thin(rule: RulingLine) -> bool:
    return min(rule.right - rule.left, rule.bottom - rule.top) < THIN


def _frames(rules: Sequence[RulingLine], ink: Mask) -> list[Piece]:
    """The boxes between a level and an upright line that end at one corner, the smallest first."""
    thin = [rule for rule in rules if _is_thin(rule)]
    levels = [rule for rule in thin if rule.right - rule.left >= LEAST_AXIS]
    uprights = [rule for rule in thin if rule.bottom - rule.top >= LEAST_AXIS]
    boxes = [
        (level.left, upright.top, level.right, upright.bottom)
        for level, upright in product(levels[:100], uprights[:100])
        if min(abs(upright.left - level.left), abs(upright.left - level.right)) <= CORNER
        and min(abs(level.top - upright.top), abs(level.top - upright.bottom)) <= CORNER
    ]
    framed = {tuple(box) for box in _in_pixels(np.array(boxes), ink).tolist()} if boxes else set()
    inside = (box for box in framed if not _at_rim(box, ink, EDGE * max(ink.shape)))
    kept = [box for box in inside if LEAST_FRAME <= _area(box) / ink.size <= MOST_FRAME]
    return sorted(kept, key=lambda box: (_area(box), box))


def _area(box: Piece) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _written(frame: Piece, writing: NDArray[np.int64]) -> float:
    """The share of a frame under lines of writing."""
    across = np.minimum(writing[:, 2], frame[2]) - np.maximum(writing[:, 0], frame[0])
    down = np.minimum(writing[:, 3], frame[3]) - np.maximum(writing[:, 1], frame[1])
    return float((across.clip(0) * down.clip(0)).sum()) / max(1, _area(frame))


def _is_drawn_in(frame: Piece, drawn: Mask, writing: NDArray[np.int64]) -> bool:
    """Whether a line runs through a frame, or several bars stand in it."""
    left, top, right, bottom = frame
    inside = np.ascontiguousarray(drawn[top:bottom, left:right])
    areas = cv2.morphologyEx(inside, cv2.MORPH_OPEN, _square(AREA))
    strokes = np.where(cv2.dilate(areas, _square(GAP)) > 0, 0, inside).astype(np.uint8)
    width, height = right - left, bottom - top
    if any(w >= WIDE * width and h >= HIGH * height for _, _, w, h in _joined(_pieces(strokes))):
        return True
    solid = cv2.morphologyEx(inside, cv2.MORPH_OPEN, _square(SOLID)).astype(np.uint8, copy=False)
    bars = [(x + left, y + top, x + w + left, y + h + top) for x, y, w, h in _pieces(solid) if w <= WIDEST_BAR * width]
    return _are_bars([box for box in bars if _written(box, writing) <= MOST_WRITTEN], frame)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """(left, top, width, height) of curves whose pieces are put together: where they crossed a grid they were cut.

    What is left beside a level line, and the outline of a bar, is no piece of a curve.
    """
    curved = [(x, y, x + w, y + h) for x, y, w, h in pieces if min(w, h) >= LEAST_BEND and w >= h / 2]
    return [(box[0], box[1], box[2] - box[0], box[3] - box[1]) for box in _grown_together(curved)]


def _grown_together(boxes: Sequence[Piece]) -> list[Piece]:
    """Boxes as wide as those that lie no farther than CUT from each other."""
    if not boxes:
        return []
    canvas = np.zeros((max(box[3] for box in boxes) + CUT, max(box[2] for box in boxes) + CUT), dtype=np.uint8)
    for left, top, right, bottom in boxes:
        canvas[max(0, top - CUT) : bottom + CUT, max(0, left - CUT) : right + CUT] = 1
    return [(x, y, x + w, y + h) for x, y, w, h in _pieces(canvas)]


def _pieces(mask: Mask) -> list[Piece]:
    """(left, top, width, height) of what hangs together."""
    stats = cv2.connectedComponentsWithStats(mask)[2]
    return [(left, top, width, height) for left, top, width, height, _ in stats[1:].tolist()]


def _is_read(read: Boxes, unread: Boxes) -> bool:
    """Whether the writing that was found was read: where it was not, strokes may be more of it."""
    lengths = [float((boxes[:, 2] - boxes[:, 0]).sum()) for boxes in (read, unread)]
    return lengths[1] <= MOST_UNREAD * sum(lengths)


def _drawings(drawn: Mask, writing: NDArray[np.int64]) -> Iterator[Piece]:
    """Strokes that run far over the page and bend, and what lies around them."""
    pieces = list(_bent_pieces(drawn))
    if not pieces:
        return
    _, near, whole, _ = cv2.connectedComponentsWithStats(cv2.dilate(drawn, _square(APART)))
    for row, column in pieces:
        x, y, w, h, _ = whole[near[row, column]].tolist()
        box = x + APART // 2, y + APART // 2, x + w - APART // 2, y + h - APART // 2
        if not _at_rim(box, drawn, EDGE * max(drawn.shape)) and _written(box, writing) <= MOST_WRITTEN:
            yield box


def _bent_pieces(drawn: Mask) -> Iterator[tuple[int, int]]:
    """A place, row and column, on each of the large pieces of strokes that bend."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(drawn)
    for number, (left, top, width, height, ink) in enumerate(stats[1:].tolist(), 1):
        large = min(width, height) >= DRAWN_SIDE * max(drawn.shape) and width * height >= DRAWN_AREA * drawn.size
        if large and ink >= DRAWN_LENGTH * (width + height):
            piece = (labels[top : top + height, left : left + width] == number).astype(np.uint8)
            row, column = np.argwhere(piece)[0].tolist()
            if _bent_share(piece) >= LEAST_BENT:
                yield top + row, left + column


def _bent_share(piece: Mask) -> float:
    """The part of some strokes that is neither level nor upright."""
    straight = [
        cv2.dilate(cv2.morphologyEx(piece, cv2.MORPH_OPEN, np.ones(run, np.uint8)), np.ones(around, np.uint8))
        for run, around in (((1, STRAIGHT), (GAP, 1)), ((STRAIGHT, 1), (1, GAP)))
    ]
    return float(piece[(straight[0] == 0) & (straight[1] == 0)].sum() / max(1, piece.sum()))


def _are_bars(boxes: Sequence[Piece], frame: Piece) -> bool:
    """Several, of unlike heights, one beside the other on the foot of the frame and across much of it."""
    height = frame[3] - frame[1]
    standing = [box for box in boxes if box[3] >= frame[3] - max(GAP, FOOT * height)]
    if len(standing) < SEVERAL:
        return False
    heights = [box[3] - box[1] for box in standing]
    together = max(box[2] for box in standing) - min(box[0] for box in standing)
    return together >= SEVERAL_WIDE * (frame[2] - frame[0]) and max(heights) - min(heights) >= UNLIKE * height
