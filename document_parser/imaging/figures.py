"""Find photographs, drawings and charts in a page image: what neither its text nor its ruling lines explain.

Works on a reduced image, about ten milliseconds a page. A false figure is noise on its page, so each kind needs evidence: a
photograph an area of many tones, a chart axes with something drawn between them, a drawing strokes that are connected over much
of a page whose text was read. What touches the rim of the image is the edge of a scan, or the table that a sheet was
photographed on. A single tone is shading, a bar or a blackened line. Small strokes may be handwriting, a signature, or letters
that no engine could read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from document_parser.models import BoundingBox, RulingLine

FIGURES_LONG_SIDE_PIXELS = 640
"""Pixels of the long side of the reduced image."""

CELL_PIXELS = 16
"""Side of a cell in pixels; in every cell most of what is bright is paper."""
BRIGHT_SHARE = 0.8
"""Share of a cell's pixels that are darker than its paper."""
MODE_TOLERANCE_LEVELS, FIT_TOLERANCE_LEVELS = 25, 16
"""Grey levels around the most common one, or around the fitted surface, that count as paper."""
FIT_ROUNDS = 4
"""How often the surface of the paper is fitted, each time to the cells near the last one."""
MIN_PAPER_SHARE = 0.25
"""Share of the image. If less is paper, the image itself is a photograph or a poster, and no page."""
FIGURE_INK_GREY_LEVELS = 32
"""Grey levels, of 256, by which a pixel differs from the paper to count as ink."""

CLOSED_GAP_PIXELS, MIN_THICKNESS_PIXELS, JOIN_PIXELS = 3, 13, 11
"""Pixels: holes that are closed, the thinnest area of tones, and the largest distance between parts of one area."""
MIN_AREA_SHARE, MIN_SIDE_SHARE = 0.015, 0.04
"""Share of the image, and of its long side: about half an inch of A4."""
MIN_FILLED_SHARE = 0.4
"""Share of a photograph's box that must be inked."""
MAX_ONE_TONE_SHARE = 0.6
"""Share of a photograph's pixels that may be of one tone."""
TONE_GREY_LEVELS = 21
"""Grey levels that count as one tone."""
MIN_RANGE_GREY_LEVELS = 60
"""Grey levels between the 5th and the 95th percentile of a photograph; a stain has fewer."""

MAX_TEXT_SHARE = 0.2
"""Share of a figure under text lines; a table has more, in cells of any colour."""

MAX_RULING_SHARE = 0.008
"""Share of the page's sides; a thicker ruling line is a bar."""
MIN_AXIS_SHARE = 0.07
"""Share of the page's side that an axis must extend over."""
MAX_CORNER_GAP_SHARE = 0.02
"""Share of the page's sides: the largest distance between the ends of two axes."""
SHEET_EDGE_SHARE = 0.01
"""Share of the long side: lines closer to the rim are the edges of the sheet."""
MIN_FRAME_SHARE, MAX_FRAME_SHARE = 0.03, 0.6
"""Share of the image that the frame of a chart covers."""
MIN_CURVE_WIDTH_SHARE, MIN_CURVE_HEIGHT_SHARE = 0.4, 0.2
"""Share of a frame's width and height over which one line must be drawn."""
AREA_PIXELS, MIN_BAR_PIXELS = 9, 5
"""Pixels: a thicker area is no line, though a line may have marks on it; a bar is no thinner than MIN_BAR_PIXELS."""
GRID_CUT_PIXELS, MIN_BEND_PIXELS = 3, 3
"""Pixels: how far on either side a grid cuts a curve, and the least extent of a piece of a curve."""
FOOT_SHARE = 0.04
"""Share of a frame's height: how near to its lower edge bars end."""
MIN_BARS, MIN_BARS_WIDTH_SHARE = 3, 0.5
"""Bars, and the share of the frame's width that they cover together."""
MAX_BAR_WIDTH_SHARE, MIN_HEIGHT_DIFFERENCE_SHARE = 0.3, 0.1
"""Share of the frame's width, and the share of its height by which bars must differ; the shaded columns of a form are of one
height."""

MIN_LONG_SIDE_PIXELS = 1000
"""Pixels of the long side. In smaller images a letter is as large as a drawing."""
MAX_UNREAD_SHARE = 0.1
"""Share of the length of text lines that may be unread on a page with drawings."""
MIN_DRAWING_SIDE_SHARE, MIN_DRAWING_AREA_SHARE = 0.1, 0.04
"""Share of the long side, and of the image: a signature is smaller."""
MIN_STROKE_RATIO = 4
"""Ink over the sum of width and height: a line that strikes something through, or a scribble, has less."""
STRAIGHT_PIXELS, MIN_BENT_SHARE = 15, 0.3
"""Pixels of a level or upright line, and the share of ink in no such line: the remains of a table have less."""

Pixels = NDArray[np.uint8]
"""Rows of 8-bit pixels."""
Mask = NDArray[np.uint8]
"""1 for each pixel that is ink, else 0."""
Boxes = NDArray[np.float64]
"""(n, 4): left, top, right, bottom."""
Piece = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the reduced image, unless a function says otherwise."""


def find_figures(pixels: Pixels, read: Boxes, rules: Sequence[RulingLine], unread: Boxes | None = None) -> list[BoundingBox]:
    """Return the boxes of figures in a page image, in fractions of its sides. Its pixels are blue, green, red.

    ``read`` are the boxes of what was read. ``unread`` are those of what looked like text lines and could not be read: it may
    be text, which is no drawing, or a part of a photograph. If it is None, no drawings are looked for. ``rules`` are the ruling
    lines. All are fractions too. Raises cv2.error for an image without pixels.
    """
    small = _reduce(pixels)
    darkest: Pixels = cv2.min(cv2.min(small[:, :, 0], small[:, :, 1]), small[:, :, 2]).astype(np.uint8, copy=False)
    paper = _fit_paper(darkest)
    if paper is None:
        return []
    ink: Mask = (np.abs(paper - darkest) > FIGURE_INK_GREY_LEVELS).astype(np.uint8)
    lines = _scale_to_pixels(read, ink)
    _erase(ink, lines)
    grey: Pixels = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    found = list(_find_photographs(ink, (grey, darkest), lines))
    lost = _scale_to_pixels(np.zeros(0) if unread is None else unread, ink)
    _erase(ink, lost)
    drawn, lines = _remove_rulings(ink, [rule for rule in rules if _is_thin(rule)]), np.concatenate((lines, lost))
    found += _find_charts(drawn, lines, rules)
    if unread is not None and max(pixels.shape) >= MIN_LONG_SIDE_PIXELS and _is_text_read(read, unread):
        found += _find_drawings(drawn, lines)
    height, width = ink.shape
    return [BoundingBox.of(left / width, top / height, right / width, bottom / height) for left, top, right, bottom in found]


def _reduce(pixels: Pixels) -> Pixels:
    """Return the image with a long side of FIGURES_LONG_SIDE_PIXELS at most."""
    height, width = pixels.shape[:2]
    scale = min(1.0, FIGURES_LONG_SIDE_PIXELS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _scale_to_pixels(boxes: Boxes, ink: Mask) -> NDArray[np.int64]:
    """Return boxes given in fractions as whole pixels of the ink, rounded outwards."""
    height, width = ink.shape
    scaled = boxes.reshape(-1, 4) * (width, height, width, height)
    return np.concatenate((np.floor(scaled[:, :2]), np.ceil(scaled[:, 2:])), axis=1).astype(np.int64)


def _erase(ink: Mask, boxes: NDArray[np.int64]) -> None:
    """Set the ink in these boxes, and one pixel around them, to 0."""
    for left, top, right, bottom in boxes.tolist():
        ink[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = 0


def _fit_paper(darkest: Pixels) -> NDArray[np.float32] | None:
    """Return the level of the paper at every pixel: a curved surface, as light falls unevenly. None if there is hardly any."""
    height, width = darkest.shape
    rows, columns = height // CELL_PIXELS, width // CELL_PIXELS
    if min(rows, columns) < 3:
        return None
    cells = (
        darkest[: rows * CELL_PIXELS, : columns * CELL_PIXELS]
        .reshape(rows, CELL_PIXELS, columns, CELL_PIXELS)
        .transpose(0, 2, 1, 3)
    )
    place = int(BRIGHT_SHARE * CELL_PIXELS * CELL_PIXELS)
    bright = np.partition(cells.reshape(rows * columns, CELL_PIXELS * CELL_PIXELS), place, axis=1)[:, place].astype(np.float64)
    down, across = ((np.arange(count) + 0.5) / count - 0.5 for count in (rows, columns))
    terms = _surface_terms(across, down).reshape(-1, 6)
    level = int(np.convolve(np.bincount(bright.astype(np.int64), minlength=256), np.ones(9), "same").argmax())
    kept = np.abs(bright - level) < MODE_TOLERANCE_LEVELS
    surface: NDArray[np.float64] = np.array([level, 0, 0, 0, 0, 0], dtype=np.float64)
    for _ in range(FIT_ROUNDS):
        if kept.mean() < MIN_PAPER_SHARE:
            return None
        surface = np.asarray(np.linalg.lstsq(terms[kept], bright[kept])[0], dtype=np.float64)
        kept = np.abs(bright - terms @ surface) < FIT_TOLERANCE_LEVELS
    everywhere = _surface_terms(np.arange(width) / width - 0.5, np.arange(height) / height - 0.5) @ surface
    return everywhere.clip(0, 255).astype(np.float32)


def _surface_terms(across: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the terms of a quadratic surface, (rows, columns, 6), at these coordinates."""
    x, y = np.meshgrid(across, down)
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=-1)


def _square(side: int) -> Mask:
    """Return a square structuring element."""
    return cv2.getStructuringElement(cv2.MORPH_RECT, (side, side)).astype(np.uint8, copy=False)


def _find_photographs(ink: Mask, levels: Sequence[Pixels], writing: NDArray[np.int64]) -> Iterator[Piece]:
    """Yield areas of many tones with little text on them. ``levels`` are two greyscale versions of the image."""
    solid = cv2.morphologyEx(
        cv2.morphologyEx(ink, cv2.MORPH_CLOSE, _square(CLOSED_GAP_PIXELS)), cv2.MORPH_OPEN, _square(MIN_THICKNESS_PIXELS)
    )
    joined = cv2.dilate(solid, _square(JOIN_PIXELS))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    for number, (left, top, width, height, _) in enumerate(stats[1:].tolist(), 1):
        box = left + JOIN_PIXELS // 2, top + JOIN_PIXELS // 2, left + width - JOIN_PIXELS // 2, top + height - JOIN_PIXELS // 2
        if not _is_large_enough(box, ink) or _is_at_rim(box, ink) or _text_share(box, writing) > MAX_TEXT_SHARE:
            continue
        part = slice(box[1], box[3]), slice(box[0], box[2])
        covered = (labels[part] == number) & (solid[part] > 0)
        if covered.mean() >= MIN_FILLED_SHARE and any(_has_tones(each[part][covered]) for each in levels):
            yield box


def _is_large_enough(box: Piece, ink: Mask) -> bool:
    """Return whether a box is large enough for a photograph."""
    width, height = box[2] - box[0], box[3] - box[1]
    return width * height >= MIN_AREA_SHARE * ink.size and min(width, height) >= MIN_SIDE_SHARE * max(ink.shape)


def _is_at_rim(box: Piece, ink: Mask, rim: float = 1) -> bool:
    """Return whether a box comes within ``rim`` pixels of the image's edge."""
    height, width = ink.shape
    return bool(min(box[0], box[1], width - box[2], height - box[3]) <= rim)


def _has_tones(levels: Pixels) -> bool:
    """Return whether levels spread widely and no single tone dominates."""
    counts = np.bincount(levels, minlength=256)
    low, high = np.searchsorted(np.cumsum(counts), (0.05 * levels.size, 0.95 * levels.size))
    one_tone = np.convolve(counts, np.ones(TONE_GREY_LEVELS), "same").max()
    return bool(high - low >= MIN_RANGE_GREY_LEVELS and one_tone <= MAX_ONE_TONE_SHARE * levels.size)


def _find_charts(drawn: Mask, writing: NDArray[np.int64], rules: Sequence[RulingLine]) -> Iterator[Piece]:
    """Yield frames, or two axes, with something drawn in them. ``drawn`` is the ink without text and ruling lines."""
    for frame in _find_frames(rules, drawn):
        if _text_share(frame, writing) <= MAX_TEXT_SHARE and _is_drawn_in(frame, drawn, writing):
            yield frame


def _remove_rulings(ink: Mask, rules: Sequence[RulingLine]) -> Mask:
    """Return the ink without these ruling lines, with small gaps closed."""
    drawn = ink.copy()
    _erase(drawn, _scale_to_pixels(np.array(rules), ink))
    return cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, _square(CLOSED_GAP_PIXELS)).astype(np.uint8, copy=False)


def _is_thin(rule: RulingLine) -> bool:
    """Return whether a ruling line is a line and no bar."""
    return min(rule.right - rule.left, rule.bottom - rule.top) < MAX_RULING_SHARE


def _find_frames(rules: Sequence[RulingLine], ink: Mask) -> list[Piece]:
    """Return the boxes between a level and an upright line that end at one corner, the smallest first."""
    thin = [rule for rule in rules if _is_thin(rule)]
    levels = [rule for rule in thin if rule.right - rule.left >= MIN_AXIS_SHARE]
    uprights = [rule for rule in thin if rule.bottom - rule.top >= MIN_AXIS_SHARE]
    boxes = [
        (level.left, upright.top, level.right, upright.bottom)
        for level, upright in product(levels[:100], uprights[:100])
        if min(abs(upright.left - level.left), abs(upright.left - level.right)) <= MAX_CORNER_GAP_SHARE
        and min(abs(level.top - upright.top), abs(level.top - upright.bottom)) <= MAX_CORNER_GAP_SHARE
    ]
    framed = {tuple(box) for box in _scale_to_pixels(np.array(boxes), ink).tolist()} if boxes else set()
    inside = (box for box in framed if not _is_at_rim(box, ink, SHEET_EDGE_SHARE * max(ink.shape)))
    kept = [box for box in inside if MIN_FRAME_SHARE <= _area(box) / ink.size <= MAX_FRAME_SHARE]
    return sorted(kept, key=lambda box: (_area(box), box))


def _area(box: Piece) -> int:
    """Return the area of a box in pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _text_share(frame: Piece, writing: NDArray[np.int64]) -> float:
    """Return the share of a frame under text lines."""
    across = np.minimum(writing[:, 2], frame[2]) - np.maximum(writing[:, 0], frame[0])
    down = np.minimum(writing[:, 3], frame[3]) - np.maximum(writing[:, 1], frame[1])
    return float((across.clip(0) * down.clip(0)).sum()) / max(1, _area(frame))


def _is_drawn_in(frame: Piece, drawn: Mask, writing: NDArray[np.int64]) -> bool:
    """Return whether a line runs through a frame, or several bars rise in it."""
    left, top, right, bottom = frame
    inside = np.ascontiguousarray(drawn[top:bottom, left:right])
    areas = cv2.morphologyEx(inside, cv2.MORPH_OPEN, _square(AREA_PIXELS))
    strokes = np.where(cv2.dilate(areas, _square(CLOSED_GAP_PIXELS)) > 0, 0, inside).astype(np.uint8)
    width, height = right - left, bottom - top
    if any(
        w >= MIN_CURVE_WIDTH_SHARE * width and h >= MIN_CURVE_HEIGHT_SHARE * height
        for _, _, w, h in _join_curves(_find_pieces(strokes))
    ):
        return True
    solid = cv2.morphologyEx(inside, cv2.MORPH_OPEN, _square(MIN_BAR_PIXELS)).astype(np.uint8, copy=False)
    bars = [
        (x + left, y + top, x + w + left, y + h + top) for x, y, w, h in _find_pieces(solid) if w <= MAX_BAR_WIDTH_SHARE * width
    ]
    return _are_bars([box for box in bars if _text_share(box, writing) <= MAX_TEXT_SHARE], frame)


def _join_curves(pieces: Sequence[Piece]) -> list[Piece]:
    """Return (left, top, width, height) of curves whose pieces are joined: a grid that crosses them cuts them.

    What remains beside a level line, and the outline of a bar, is no piece of a curve.
    """
    curved = [(x, y, x + w, y + h) for x, y, w, h in pieces if min(w, h) >= MIN_BEND_PIXELS and w >= h / 2]
    return [(box[0], box[1], box[2] - box[0], box[3] - box[1]) for box in _merge_near(curved)]


def _merge_near(boxes: Sequence[Piece]) -> list[Piece]:
    """Return (left, top, right, bottom) of boxes, merged if they are no farther than GRID_CUT_PIXELS apart."""
    if not boxes:
        return []
    canvas = np.zeros(
        (max(box[3] for box in boxes) + GRID_CUT_PIXELS, max(box[2] for box in boxes) + GRID_CUT_PIXELS), dtype=np.uint8
    )
    for left, top, right, bottom in boxes:
        canvas[
            max(0, top - GRID_CUT_PIXELS) : bottom + GRID_CUT_PIXELS, max(0, left - GRID_CUT_PIXELS) : right + GRID_CUT_PIXELS
        ] = 1
    return [(x, y, x + w, y + h) for x, y, w, h in _find_pieces(canvas)]


def _find_pieces(mask: Mask) -> list[Piece]:
    """Return (left, top, width, height) of the connected components."""
    stats = cv2.connectedComponentsWithStats(mask)[2]
    return [(left, top, width, height) for left, top, width, height, _ in stats[1:].tolist()]


def _is_text_read(read: Boxes, unread: Boxes) -> bool:
    """Return whether the text that was found was read: if not, strokes may be more of it."""
    lengths = [float((boxes[:, 2] - boxes[:, 0]).sum()) for boxes in (read, unread)]
    return lengths[1] <= MAX_UNREAD_SHARE * sum(lengths)


def _find_drawings(drawn: Mask, writing: NDArray[np.int64]) -> Iterator[Piece]:
    """Yield strokes that extend far over the page and bend, with what lies around them."""
    pieces = list(_find_bent_pieces(drawn))
    if not pieces:
        return
    _, near, whole, _ = cv2.connectedComponentsWithStats(cv2.dilate(drawn, _square(JOIN_PIXELS)))
    for row, column in pieces:
        x, y, w, h, _ = whole[near[row, column]].tolist()
        box = x + JOIN_PIXELS // 2, y + JOIN_PIXELS // 2, x + w - JOIN_PIXELS // 2, y + h - JOIN_PIXELS // 2
        if not _is_at_rim(box, drawn, SHEET_EDGE_SHARE * max(drawn.shape)) and _text_share(box, writing) <= MAX_TEXT_SHARE:
            yield box


def _find_bent_pieces(drawn: Mask) -> Iterator[tuple[int, int]]:
    """Yield one place, as row and column, on each of the large connected strokes that bend."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(drawn)
    for number, (left, top, width, height, ink) in enumerate(stats[1:].tolist(), 1):
        large = (
            min(width, height) >= MIN_DRAWING_SIDE_SHARE * max(drawn.shape)
            and width * height >= MIN_DRAWING_AREA_SHARE * drawn.size
        )
        if large and ink >= MIN_STROKE_RATIO * (width + height):
            piece = (labels[top : top + height, left : left + width] == number).astype(np.uint8)
            row, column = np.argwhere(piece)[0].tolist()
            if _bent_share(piece) >= MIN_BENT_SHARE:
                yield top + row, left + column


def _bent_share(piece: Mask) -> float:
    """Return the share of some strokes that is neither level nor upright."""
    straight = [
        cv2.dilate(cv2.morphologyEx(piece, cv2.MORPH_OPEN, np.ones(run, np.uint8)), np.ones(around, np.uint8))
        for run, around in (((1, STRAIGHT_PIXELS), (CLOSED_GAP_PIXELS, 1)), ((STRAIGHT_PIXELS, 1), (1, CLOSED_GAP_PIXELS)))
    ]
    return float(piece[(straight[0] == 0) & (straight[1] == 0)].sum() / max(1, piece.sum()))


def _are_bars(boxes: Sequence[Piece], frame: Piece) -> bool:
    """Return whether several boxes of unequal heights lie side by side on the frame's foot and across much of it."""
    height = frame[3] - frame[1]
    standing = [box for box in boxes if box[3] >= frame[3] - max(CLOSED_GAP_PIXELS, FOOT_SHARE * height)]
    if len(standing) < MIN_BARS:
        return False
    heights = [box[3] - box[1] for box in standing]
    together = max(box[2] for box in standing) - min(box[0] for box in standing)
    return (
        together >= MIN_BARS_WIDTH_SHARE * (frame[2] - frame[0])
        and max(heights) - min(heights) >= MIN_HEIGHT_DIFFERENCE_SHARE * height
    )
