"""Estimate the font sizes of the lines of a scan from the width of their words and the height of their ink.

How wide a word is for its letters says its size best: with an average face the error is 3 % for a line and 7 % for a word.
Heights tell less, since few pixels are between the heights of two sizes, but do not depend on the face. Sizes are in points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from document_parser.layout.lines.units import MIN_SIZE_POINTS, Scale
from document_parser.models import Word

CAPITAL_HEIGHT_EM, SMALL_HEIGHT_EM, DEPTH_EM = 0.71, 0.5, 0.21
"""Heights above the line of capitals, figures and letters with an ascender, and of others, and the depth of those below it."""
FULL_HEIGHT_EM = 0.9
"""Height of a line in letters other than Latin, Greek and Cyrillic ones."""
NARROW_EM, SLIM_EM, USUAL_EM, CAPITAL_EM, WIDE_EM = 0.27, 0.36, 0.52, 0.68, 0.83
"""Widths of letters with the space around them, in the mean of the usual serif and sans-serif faces."""
BEARING_EM = 0.06
"""Space at the ends of a word that is no ink, together."""
WIDTH_WEIGHT = 2 / 3
"""Weight of the width; that of the height is the rest. With .5 to .8 the errors are alike."""
HEIGHT_TO_WIDTH_RATIO = 0.8, 1.25
"""The size by the height over that by the width counts within these: ink of the lines above and below may reach in."""
SCAN_SIZE_SHARE = 0.92
"""Part of the estimated size that counts on scans: the gaps that part columns and cells are measured in sizes, and blur and the
edges of a network's boxes narrow them.
"""
ESTIMATE_SHARE = 0.08
"""By this share of a size estimates of it differ, at most."""
_SMALL = frozenset("acegmnopqrsuvwxyzαγεηικμνοπρςστυχωагежзиклмнопрстхцчшщъыьэюяçęąşų.,:;…·-–—_~+=<>«»")
"""Signs that do not reach the height of capitals."""
_DEEP = frozenset("gjpqyçęąşųßQβγζημξρφχψруфцщд,;()[]{}|/@$§")
"""Signs that reach below the line."""
_NARROW, _SLIM, _WIDE = frozenset("ijlI'.,:;|!·’‘ı"), frozenset('ftr()[]{}/\\-"“”1'), frozenset("mwMW@%—ЖжШшЩщЮюФфМмЫы")
_UPRIGHT_LETTERS_END, _ACCENTED_LETTERS = "ӿ", ("Ḁ", "ῼ")
"""The last letter of the Latin, Greek and Cyrillic blocks; the first and the last one of further ones with accents."""


def estimate_sizes(parts_of_lines: Mapping[Word, Sequence[Word]], scale: Scale) -> dict[Word, float]:
    """Return the font sizes of the lines of a scan, in points.

    ``parts_of_lines`` are the words of each line, whose boxes are those of their ink. Both measures of a line tell which lines
    are of one size; how large it is tells the height of the usual line.
    """
    texts = {line: " ".join(part.text for part in parts) for line, parts in parts_of_lines.items() if parts}
    heights = {line: _size_by_height(text, parts_of_lines[line], scale) for line, text in texts.items()}
    lines = {line: _size_of_line(heights[line], text, parts_of_lines[line], scale) for line, text in texts.items()}
    ratios = sorted(heights[line] / size for line, size in lines.items())
    usual = ratios[len(ratios) // 2] if ratios else 1.0
    return {line: SCAN_SIZE_SHARE * usual * size for line, size in _level(lines).items()}


def _size_of_line(by_height: float, text: str, parts: Sequence[Word], scale: Scale) -> float:
    """Return the font size of a line by the height of its ink and the width of its words."""
    if not _is_upright(text):
        return by_height
    by_width = max(MIN_SIZE_POINTS, scale.width * sum(part.right - part.left for part in parts) / sum(map(_width_of, parts)))
    low, high = HEIGHT_TO_WIDTH_RATIO
    within = min(max(by_height, low * by_width), high * by_width)
    return float(by_width**WIDTH_WEIGHT * within ** (1 - WIDTH_WEIGHT))


def _size_by_height(text: str, parts: Sequence[Word], scale: Scale) -> float:
    """Return the font size of a line of this text by the height of its ink.

    Capitals are about .71 of the size high, small letters .5, and descenders .21 deep, as in most text faces: which of them the
    text has says what the height stands for.
    """
    height = max(MIN_SIZE_POINTS, scale.height * max(part.bottom - part.top for part in parts))
    if not _is_upright(text):
        return height / FULL_HEIGHT_EM
    above = SMALL_HEIGHT_EM if _SMALL.issuperset(text.replace(" ", "")) else CAPITAL_HEIGHT_EM
    return height / (above + (0.0 if _DEEP.isdisjoint(text) else DEPTH_EM))


def _is_upright(text: str) -> bool:
    """Return whether all letters are Latin, Greek or Cyrillic ones, whose widths and heights are known."""
    first, last = _ACCENTED_LETTERS
    return not any(sign > _UPRIGHT_LETTERS_END and sign.isalpha() and not first <= sign <= last for sign in text)


def _width_of(word: Word) -> float:
    """Return the width of the ink of a word in font sizes."""
    return max(NARROW_EM - BEARING_EM, sum(map(_width_of_sign, word.text)) - BEARING_EM)


def _width_of_sign(sign: str) -> float:
    """Return the width of a letter or sign with the space around it, in font sizes."""
    if sign in _NARROW:
        return NARROW_EM
    if sign in _SLIM:
        return SLIM_EM
    if sign in _WIDE:
        return WIDE_EM
    return CAPITAL_EM if sign.isupper() else USUAL_EM


def _level(sizes: Mapping[Word, float]) -> dict[Word, float]:
    """Return the estimated sizes of lines with one size for those that differ by no more than estimates of one size do.

    The size of the middle letter comes first: the lines near it have it. Then that of the others, and so on.
    """
    left = dict(sorted(sizes.items(), key=lambda item: item[1]))
    found: dict[Word, float] = {}
    while left:
        usual = _middle_size(left)
        near = [line for line, size in left.items() if abs(size - usual) <= ESTIMATE_SHARE * usual]
        found |= dict.fromkeys(near, usual)
        for line in near:
            del left[line]
    return found


def _middle_size(sizes: Mapping[Word, float]) -> float:
    """Return the size of the middle letter of lines in the order of their sizes."""
    rest = sum(len(line.text) for line in sizes) / 2
    for line, size in sizes.items():
        rest -= len(line.text)
        if rest <= 0:
            return size
    raise ValueError("There are no lines.")
