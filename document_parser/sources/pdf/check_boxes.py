"""Find check boxes that a PDF page draws as shapes, and what is in them. Runs in the opener child.

A printed or flattened form has no fields: a box is a small empty square beside a word, a rectangle or four lines. Its mark may
be lines, a filled shape, a letter or a glyph. However it is drawn, the rendered page shows whether the box is empty. Circles of
one size before words are options, of which one is filled. Browsers fill a box that is ticked and draw the tick in white; others
fill what lies between two squares.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from document_parser.models import BoundingBox, RulingLine, Word
from document_parser.sources.pdf.objects import Box, PageObject, map_inside
from document_parser.sources.pdf.rendering import MIN_CHANGE_LEVELS, Region
from document_parser.sources.pdf.rulings import outlines_of

SIDE_POINTS = 4.5, 20.0
"""Side of a check box in points; a smaller square is a bullet, a larger one a place for a picture or a stamp."""
MAX_SIDES_RATIO = 1.3
"""Longer over shorter side."""
MAX_WIDTH_RATIO = 1.7
"""Width over height of a frame that is wider than high."""
MAX_BOXES = 300
"""More squares are a pattern, or the signs of a diagram."""
MAX_LABEL_GAP_EM = 1.6
"""Distance of a box from its word, in font sizes."""
MIN_LEVEL_SHARE = 0.5
"""Share of a word's height that is level with its box."""
SIDE_TO_SIZE_RATIO = 0.45, 1.8
"""Side of a box over the font size of its word."""
RENDER_SIDE_PIXELS = 24
"""Side of the smallest box in the rendering."""
MAX_RENDER_DPI = 300.0

_SLACK_POINTS = 0.6
"""By how much edges may miss each other."""
_MAX_SEGMENTS = 400
"""Segments of one path that are looked at; a square has 4, one with round corners 8."""
_MIN_CIRCLE_POINTS = 8
"""Points of a circle, those that bend its curves too; a diamond has 4."""
_PAPER_LEVEL = 225
"""A fill whose channels all have this level or more, of 255, is the paper of a box."""
_INNER_SHARE = 0.2
"""Share of a box's side, at each edge, that belongs to its frame."""
_CIRCLE_INNER_SHARE = 0.3
"""The same of a circle, whose line comes nearer to the middle in the corners of its box."""
_INK_LEVELS = 60
"""Levels, of 255, by which a mark is darker than the paper of its box."""
_MIN_MARKED_SHARE = 0.06
"""Share of the inside that is inked in a marked box. A hair line across has 0.08."""
_MIN_OUTLINE_SHARE = 0.75
"""Side of an outline over that of its path, at least, if it is the frame of a box; the thickness of its line is the rest."""
_MIN_HOLE_SHARE = 0.5
"""Side of the hole of a frame that is filled over that of the frame, at least: less is a letter, or a thick ring."""
_MAX_LIGHT_SEGMENTS = 60
"""Segments of a white mark in a filled box, at most: a tick has 3, a square with round corners 53; pictures have more."""
_MIN_CORNER_SHARE = 0.08
"""Share of a corner, a third of the inside wide and high, that a cross inks."""
EMPTY, CHECKED, CROSSED = "☐", "☑", "☒"
_MARKS = {**dict.fromkeys("✓✔√vV", CHECKED), **dict.fromkeys("xX×✕✖✗✘•●■", CROSSED)}
"""Letters and glyphs that mark a box, and what it becomes."""


MIN_CIRCLES = 2
"""Circles of one size before words, at least, that are options; a single one is a sign."""
MIN_CIRCLE_TO_SIZE_RATIO = 0.7
"""Diameter of an option, its line included, over the font size of its word, at least; a smaller circle is a bullet."""


class CheckBox(NamedTuple):
    """A check box as a word, and its place in fractions of the upright page. The word is as high as its label."""

    word: Word
    box: Box


def find_check_boxes(
    page: Any, objects: Iterable[PageObject], words: Sequence[Word], width: float, height: float
) -> list[CheckBox]:
    """Return the check boxes among a page's paths that have a word beside them. ``width`` and ``height`` are in points."""
    outlines = _find_outlines(objects, width, height)
    squares = list(_drop_joined(outlines.squares, width, height))
    circles = set(_drop_joined(outlines.circles, width, height))
    if not (squares or circles) or len(squares) + len(circles) > MAX_BOXES or not words:
        return []
    places = np.array([word[1:5] for word in words]) * (width, height, width, height)
    boxes = [*squares, *circles]
    labelled = [(box, label) for box in boxes if (label := _label_of(box, words, places, (width, height)))]
    options = _options_among([(box, label) for box, label in labelled if box in circles], width)
    labelled = [(box, label) for box, label in labelled if box not in circles or box in options]
    if not labelled:
        return []
    marks = _Marks(page, [square for square, _ in labelled], width, height)
    found = []
    for square, label in labelled:
        if not marks.shows(square):
            continue
        written = next((_MARKS[word.text] for word in words if _is_mark(word, square)), None)
        sign = written or marks.sign_in(square, _CIRCLE_INNER_SHARE if square in options else _INNER_SHARE)
        sign = CHECKED if square in options and sign != EMPTY else sign
        found.append(CheckBox(_word_of(sign, square, label), square))
    return found


def _options_among(circles: Sequence[tuple[Box, Word]], width: float) -> set[Box]:
    """Return the circles before words that are options: at least two of one size, as large as small letters or larger."""
    before = [
        box
        for box, label in circles
        if (box[0] + box[2]) / 2 < label.left and (box[2] - box[0]) * width >= MIN_CIRCLE_TO_SIZE_RATIO * label.size_points
    ]
    wide = [(box[2] - box[0]) * width for box in before]
    return {
        box
        for box, own in zip(before, wide, strict=True)
        if sum(abs(other - own) < _SLACK_POINTS for other in wide) >= MIN_CIRCLES
    }


def without_marks(words: Sequence[Word], boxes: Sequence[CheckBox]) -> list[Word]:
    """Return the words without those that mark a box, followed by the boxes."""
    if not boxes:
        return list(words)
    kept = [word for word in words if not any(_is_mark(word, found.box) for found in boxes)]
    return [*kept, *(found.word for found in boxes)]


def without_box_lines(rulings: Iterable[RulingLine], boxes: Sequence[CheckBox]) -> list[RulingLine]:
    """Return the ruling lines without the sides of boxes and the lines in them."""
    slack = 0.002
    return [
        ruling
        for ruling in rulings
        if not any(
            found.box[0] - slack <= ruling.left
            and ruling.right <= found.box[2] + slack
            and found.box[1] - slack <= ruling.top
            and ruling.bottom <= found.box[3] + slack
            for found in boxes
        )
    ]


def _is_mark(word: Word, box: Box) -> bool:
    """Return whether a word lies in a box and is a mark."""
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return word.text in _MARKS and box[0] < across < box[2] and box[1] < down < box[3]


class _Outlines(NamedTuple):
    """The small empty frames of a page: squares, also of four lines, and circles."""

    squares: list[Box]
    circles: list[Box]


def _find_outlines(objects: Iterable[PageObject], width: float, height: float) -> _Outlines:
    """Return the boxes of paths that are drawn as empty squares or circles, and of squares made of four lines."""
    found = _Outlines([], [])
    levels: list[Box] = []
    uprights: list[Box] = []
    solid: list[Box] = []
    for one in objects:
        box = one.box
        if one.kind != pdfium.FPDF_PAGEOBJ_PATH or box is None:
            continue
        across, down = (box[2] - box[0]) * width, (box[3] - box[1]) * height
        if max(across, down) > 2 * SIDE_POINTS[1] or max(across, down) < SIDE_POINTS[0] - _SLACK_POINTS:
            continue
        if held := next((under for under in solid if _is_light_mark(one, under)), None):
            solid.remove(held)
            found.squares.append(held)
        elif _is_square(across, down):
            _add_outline(one, box, found, solid)
        elif _is_wide(across, down):
            if any(_runs_along(points, box) for points in _empty_outlines(one)):
                found.squares.append(box)
        elif min(across, down) < 2 and len(levels) + len(uprights) < 4 * MAX_BOXES:
            (levels if across > down else uprights).append(box)
    found.squares.extend(_squares_of_lines(levels, uprights, width, height))
    return found


def _add_outline(one: PageObject, box: Box, found: _Outlines, solid: list[Box]) -> None:
    """Add the box of a path as large as a check box to those drawn as it is: square, circle, or filled square."""
    outlines = list(_empty_outlines(one)) or _filled_frame(one)
    if any(_runs_along(points, box) for points in outlines):
        found.squares.append(box)
    elif any(map(_runs_round, outlines)):
        found.circles.append(box)
    elif not outlines and len(solid) < MAX_BOXES and any(_runs_along(points, box) for points in _filled_outlines(one)):
        solid.append(box)


def _is_square(across: float, down: float) -> bool:
    """Return whether two sides in points are those of a check box."""
    short, long = sorted((across, down))
    return SIDE_POINTS[0] <= short and long <= SIDE_POINTS[1] and long <= MAX_SIDES_RATIO * short


def _is_wide(across: float, down: float) -> bool:
    """Return whether two sides in points are those of a check box that is wider than high."""
    return SIDE_POINTS[0] <= down < across <= min(SIDE_POINTS[1], MAX_WIDTH_RATIO * down)


def _empty_outlines(one: PageObject) -> Iterator[Sequence[tuple[float, float]]]:
    """Yield the outlines of a path that is stroked, and filled with nothing or with paper."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(one.found, fill, stroke) or not stroke.value:
        return
    if fill.value != pdfium.FPDF_FILLMODE_NONE and not _is_paper(one.found):
        return
    if 4 <= pdfium.FPDFPath_CountSegments(one.found) <= _MAX_SEGMENTS:
        for points, _ in outlines_of(one.found, map_inside(one.found, one.place)):
            yield points


def _filled_outlines(one: PageObject) -> list[Sequence[tuple[float, float]]]:
    """Return the outlines of a path that is filled with a colour, and not stroked."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDFPath_GetDrawMode(one.found, fill, stroke) or stroke.value or fill.value == pdfium.FPDF_FILLMODE_NONE:
        return []
    if _is_paper(one.found) or not 4 <= pdfium.FPDFPath_CountSegments(one.found) <= _MAX_SEGMENTS:
        return []
    return [points for points, _ in outlines_of(one.found, map_inside(one.found, one.place))]


def _filled_frame(one: PageObject) -> list[Sequence[tuple[float, float]]]:
    """Return the outer outline of a path that fills what lies between two squares or circles; empty if it is another path."""
    outlines = _filled_outlines(one)
    if len(outlines) != 2:
        return []
    inner, outer = sorted(outlines, key=_sides_of)
    wide, high = (own / whole if whole else 0.0 for own, whole in zip(_sides_of(inner), _sides_of(outer), strict=True))
    return [outer] if _MIN_HOLE_SHARE <= wide < 1 and _MIN_HOLE_SHARE <= high < 1 else []


def _sides_of(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the width and the height of an outline."""
    across, down = ([point[axis] for point in points] for axis in (0, 1))
    return max(across) - min(across), max(down) - min(down)


def _is_light_mark(one: PageObject, under: Box) -> bool:
    """Return whether a path draws a simple mark in the colour of paper on a filled box: a tick, or the inside of a frame."""
    box, fill, stroke = one.box, ctypes.c_int(), ctypes.c_int()
    if box is None or not all(
        abs(box[side] + box[side + 2] - under[side] - under[side + 2]) < 0.3 * (under[side + 2] - under[side])
        and box[side + 2] - box[side] < 1.2 * (under[side + 2] - under[side])
        for side in (0, 1)
    ):
        return False
    if not pdfium.FPDFPath_GetDrawMode(one.found, fill, stroke):
        return False
    colour_of = pdfium.FPDFPageObj_GetStrokeColor if stroke.value else pdfium.FPDFPageObj_GetFillColor
    return _is_paper(one.found, colour_of) and pdfium.FPDFPath_CountSegments(one.found) <= _MAX_LIGHT_SEGMENTS


def _is_paper(path: Any, colour_of: Any = pdfium.FPDFPageObj_GetFillColor) -> bool:
    """Return whether the colour that ``colour_of`` reads from a path is that of paper, or a light tint."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not colour_of(path, red, green, blue, alpha):
        return False
    return alpha.value < 32 or min(red.value, green.value, blue.value) >= _PAPER_LEVEL


def _runs_along(points: Sequence[tuple[float, float]], box: Box) -> bool:
    """Return whether an outline is a square about as large as the box of its path, whose corners may be round."""
    wide, high = _sides_of(points)
    if len(points) < 4 or wide < _MIN_OUTLINE_SHARE * (box[2] - box[0]) or high < _MIN_OUTLINE_SHARE * (box[3] - box[1]):
        return False
    left, top = min(x for x, _ in points), min(y for _, y in points)
    places = [((x - left) / wide, (y - top) / high) for x, y in points]
    near = 0.12
    on_edge = sum(min(u, 1 - u) < near or min(v, 1 - v) < near for u, v in places)
    corners = {(u > 0.5, v > 0.5) for u, v in places if min(u, 1 - u) < 0.35 and min(v, 1 - v) < 0.35}
    # A circle has points on its edges too, but between its corners: at the middles of the sides.
    middles = sum(abs(u - 0.5) < 0.1 or abs(v - 0.5) < 0.1 for u, v in places)
    return on_edge == len(places) and len(corners) == 4 and middles == 0


def _runs_round(points: Sequence[tuple[float, float]]) -> bool:
    """Return whether an outline is a circle or nearly: all its points, those of its curves too, are as far from the middle."""
    wide, high = _sides_of(points)
    if len(points) < _MIN_CIRCLE_POINTS or not wide or not high:
        return False
    middle = min(x for x, _ in points) + wide / 2, min(y for _, y in points) + high / 2
    return all(0.45 < math.hypot((x - middle[0]) / wide, (y - middle[1]) / high) < 0.6 for x, y in points)


def _squares_of_lines(levels: Sequence[Box], uprights: Sequence[Box], width: float, height: float) -> Iterator[Box]:
    """Yield the squares whose four sides are single lines."""
    across, down = _SLACK_POINTS / width, _SLACK_POINTS / height
    for top in levels:
        for bottom in levels:
            box = (top[0], top[1], top[2], bottom[3])
            same = abs(top[0] - bottom[0]) < across and abs(top[2] - bottom[2]) < across
            if not same or not _is_square((box[2] - box[0]) * width, (box[3] - box[1]) * height):
                continue
            sides = [line for line in uprights if abs(line[1] - box[1]) < 2 * down and abs(line[3] - box[3]) < 2 * down]
            if all(any(abs((line[0] + line[2]) / 2 - edge) < 2 * across for line in sides) for edge in (box[0], box[2])):
                yield box


def _drop_joined(squares: Iterable[Box], width: float, height: float) -> Iterator[Box]:
    """Yield the squares that touch no other one: those that do are places for letters, or cells. Of equal ones, the first."""
    kept: list[Box] = []
    for box in squares:
        if not any(all(abs(one - other) < 0.002 for one, other in zip(box, known, strict=True)) for known in kept):
            kept.append(box)
        if len(kept) > MAX_BOXES:
            return
    across, down = 1.2 / width, 1.2 / height
    for box in kept:
        if not any(
            other is not box
            and box[0] - across < other[2]
            and other[0] < box[2] + across
            and box[1] - down < other[3]
            and other[1] < box[3] + down
            for other in kept
        ):
            yield box


def _label_of(square: Box, words: Sequence[Word], places: NDArray[np.float64], size: tuple[float, float]) -> Word | None:
    """Return the word beside a box, first the one behind it; None if there is none, or if the box holds other text."""
    left, top, right, bottom = square[0] * size[0], square[1] * size[1], square[2] * size[0], square[3] * size[1]
    middle = (places[:, 1] + places[:, 3]) / 2
    centre = (places[:, 0] + places[:, 2]) / 2
    inside = (centre > left) & (centre < right) & (middle > top) & (middle < bottom)
    if any(words[place].text not in _MARKS for place in np.flatnonzero(inside).tolist()):
        return None
    shared = np.minimum(places[:, 3], bottom) - np.maximum(places[:, 1], top)
    level = (shared > MIN_LEVEL_SHARE * (places[:, 3] - places[:, 1])) & ~inside
    for gap in (places[:, 0] - right, left - places[:, 2]):
        beside = np.flatnonzero(level & (gap > -1.5))
        if not beside.size:
            continue
        nearest = int(beside[np.argmin(gap[beside])])
        em = words[nearest].size_points or float(places[nearest, 3] - places[nearest, 1])
        ratio = (bottom - top) / max(em, 1e-6)
        if gap[nearest] <= MAX_LABEL_GAP_EM * em and SIDE_TO_SIZE_RATIO[0] <= ratio <= SIDE_TO_SIZE_RATIO[1]:
            return words[nearest]
    return None


def _word_of(sign: str, square: Box, label: Word) -> Word:
    """Return a check box as a word on the line of its label."""
    plain = label._replace(bold=False, italic=False, math=False, struck=False, link="", confidence=None)
    return plain._replace(text=sign, left=max(0.0, round(square[0], 5)), right=min(1.0, round(square[2], 5)))


class _Marks:
    """The part of a page with boxes, rendered once."""

    def __init__(self, page: Any, squares: Sequence[Box], width: float, height: float) -> None:
        whole = [min(max(0.0, edge(box[side] for box in squares)), 1.0) for side, edge in enumerate((min, min, max, max))]
        smallest = min(min((box[2] - box[0]) * width, (box[3] - box[1]) * height) for box in squares)
        dpi = min(MAX_RENDER_DPI, 72 * RENDER_SIDE_PIXELS / smallest)
        self._region = Region.around(page, BoundingBox.of(*whole), dpi)
        self._grey = self._region.render(page).min(axis=2)

    def shows(self, square: Box) -> bool:
        """Return whether anything is seen of a square: its frame may be white, clipped away, covered or beside the page."""
        pixels = self._grey[self._region.slices_of(square)]
        return bool(pixels.size) and not (pixels.min() >= _PAPER_LEVEL and np.ptp(pixels) <= MIN_CHANGE_LEVELS)

    def sign_in(self, square: Box, frame: float) -> str:
        """Return the check box that a square shows: empty, crossed or filled, or ticked. ``frame`` is the share of its side."""
        pixels = self._grey[self._region.slices_of(square)]
        across, down = (max(1, round(side * frame)) for side in (pixels.shape[1], pixels.shape[0]))
        inside = pixels[down:-down, across:-across]
        if not inside.size:
            return EMPTY
        if np.median(inside) < 128:  # filled all over, perhaps with a white mark
            if (inside >= _PAPER_LEVEL).mean() < _MIN_MARKED_SHARE:
                return CROSSED
            inside = 255 - inside
        ink = inside < max(0, int(np.percentile(inside, 90)) - _INK_LEVELS)
        if ink.mean() < _MIN_MARKED_SHARE:
            return EMPTY
        high, wide = max(1, ink.shape[0] // 3), max(1, ink.shape[1] // 3)
        corners = (ink[:high, :wide], ink[:high, -wide:], ink[-high:, :wide], ink[-high:, -wide:])
        inked = [corner.mean() >= _MIN_CORNER_SHARE for corner in corners]
        # A tick has nothing at its upper left; a cross reaches into all corners, a dot or a filled square into none or all.
        ticked = inked[1] and not inked[0]
        return CHECKED if ticked else CROSSED
