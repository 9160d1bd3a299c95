"""Make Words of the pieces of a PDF page's text, by columns. Runs in the opener child."""

from __future__ import annotations

import re
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from document_parser.models import Word
from document_parser.sources.pdf.coordinates import Rect, UprightMap
from document_parser.sources.pdf.text_styles import TextStyle

DOUBLE_BYTES = 8
ROW_VALUES = 6
"""Values of a piece that PDFium writes: left, top, right and bottom of its rectangle, x and y of its origin."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SYMBOLS = {
    "\uf0b7": "•", "\uf0a7": "▪", "\uf0d8": "➢", "\uf0fc": "✓", "\uf0fb": "✗", "\uf0fe": "☑", "\uf0fd": "☒",
    "\uf0a8": "☐", "\uf06f": "☐", "\uf071": "☐", "\uf0e0": "→", "\uf076": "❖", "\uf06e": "■", "\uf06c": "●",
    "❏": "☐", "❐": "☐", "❑": "☐", "❒": "☐",
}  # fmt: skip
"""Bullets and boxes of Word from the fonts Symbol and Wingdings, whose glyphs have private codes."""
# PDFium marks a hyphen that ends a line as U+0002 or U+FFFE; a soft hyphen in the middle of a word is not shown.
_CLEAN = str.maketrans({"\x02": "-", "\ufffe": "-", "\u00ad": "", "\ufeff": "", "\u200b": "", **_SYMBOLS})

Piece = tuple[str, TextStyle, Rect, float]
"""Text, style, rectangle, and height of the baseline, in points of the page's own space."""


class Pieces:
    """Text of a page in pieces of one style on one line.

    ``values`` has a row of ROW_VALUES for each piece, in points of the page's own space; PDFium writes into it. ``runs`` has
    the first and last character of each piece by PDFium's index, None if it is not a whole run.
    """

    def __init__(self, expected: int) -> None:
        self.texts: list[str] = []
        self.styles: list[TextStyle] = []
        self.runs: list[tuple[int, int] | None] = []
        self.values = np.zeros((expected, ROW_VALUES))

    def add(self, text: str, style: TextStyle, rect: Rect, height: float) -> None:
        """Add a piece with its rectangle and the height of its baseline."""
        if len(self.texts) == len(self.values):
            self.values = np.concatenate((self.values, np.zeros_like(self.values)))
        self.values[len(self.texts)] = rect.left, rect.top, rect.right, rect.bottom, 0.0, height
        self.texts.append(text)
        self.styles.append(style)
        self.runs.append(None)

    def find_close(self, gap_em: float) -> list[int]:
        """Return the pieces that the next one follows on its baseline with less white than this many font sizes between."""
        values = self.values[: len(self.texts)]
        sizes = np.fromiter((style.size_points for style in self.styles[1:]), np.float64, max(0, len(self.styles) - 1))
        near = np.abs(values[1:, 0] - values[:-1, 2]) < gap_em * sizes
        return np.flatnonzero(near & (values[1:, 5] == values[:-1, 5])).tolist()

    def join(self, number: int) -> None:
        """Join a piece that is a whole run with the next one, which is a run too and keeps the style of the first."""
        first, last, (left, top, right, bottom, *_) = self.runs[number], self.runs[number + 1], self.values[number + 1].tolist()
        if first is None or last is None:
            raise ValueError(f"piece {number} or the next one is not a whole run")
        row = self.values[number]
        row[:4] = min(row[0], left), max(row[1], top), max(row[2], right), min(row[3], bottom)
        self.values = np.delete(self.values, number + 1, axis=0)
        self.texts[number : number + 2] = ["".join(self.texts[number : number + 2])]
        self.runs[number : number + 2] = [(first[0], last[1])]
        del self.styles[number + 1]

    def boxes(self, place: UprightMap) -> NDArray[np.float64]:
        """Return the boxes on the upright page: left, top, right, bottom in fractions, not limited to it, as (n, 4)."""
        left, top, right, bottom = self.values[: len(self.texts), :4].T
        left, right = np.minimum(left, right), np.maximum(left, right)
        bottom, top = np.minimum(bottom, top), np.maximum(bottom, top)
        return place.map_edges(np.stack((left, bottom, right, top), axis=1))

    def baselines(self, place: UprightMap) -> NDArray[np.float64]:
        """Return the heights of the baselines in fractions; 0 on a page that is written sideways, where they have none."""
        heights = self.values[: len(self.texts), 5]
        return np.round(place.e * heights + place.f, 5) if place.e else np.zeros_like(heights)


def build_words(pieces: Pieces, place: UprightMap) -> list[tuple[Word, TextStyle]]:
    """Return pieces as Words with their styles, without those that show nothing or lie outside the page."""
    if not pieces.texts:
        return []
    boxes = pieces.boxes(place)
    left, top, right, bottom = boxes.T
    inside = (left < 1) & (top < 1) & (right > 0) & (bottom > 0)
    # Comparing with 0 first makes a value that is no number 0.
    limited = np.where(boxes > 1, 1.0, np.where(boxes >= 0, np.round(boxes, 5), 0.0))
    texts, baselines = _texts_of(pieces), pieces.baselines(place).tolist()
    sizes, bold, italic, formula, mono, directions = zip(*map(_look_of, pieces.styles), strict=True)
    before = texts, *limited.T.tolist(), sizes, bold, italic, repeat(None), formula
    rows = zip(*before, baselines, mono, directions, *map(repeat, _UNSET), strict=False)
    words: list[Word] = list(map(_NEW, repeat(Word), rows))
    found = zip(words, pieces.styles, strict=True)
    if inside.all() and all(texts):
        return list(found)
    return [
        (word, style)
        for (word, style), kept in zip(found, inside.tolist(), strict=True)
        if word.text and (kept or style.marked)
    ]


_NEW = tuple.__new__
"""Makes a Word of its fields at half the cost."""
_UNSET = tuple(Word._field_defaults[name] for name in Word._fields[Word._fields.index("direction") + 1 :])
"""The fields of a Word after its direction, which others fill in."""


def _look_of(style: TextStyle) -> tuple[float, bool, bool, bool, bool, int]:
    """Return what a style says of its words: size, bold, italic, math, mono and direction, as the fields of Word."""
    font = style.font
    return style.size_points, font.bold, font.italic, font.math, font.mono, style.direction


def _texts_of(pieces: Pieces) -> list[str]:
    """Return the texts of pieces as they are shown: cleaned, and with what the glyphs of fonts for formulas stand for."""
    if any(style.font.glyphs for style in pieces.styles):
        return [
            _clean(text.translate(style.font.glyphs) if style.font.glyphs else text)
            for text, style in zip(pieces.texts, pieces.styles, strict=True)
        ]
    if _is_shown_as_it_is("".join(pieces.texts)):
        return pieces.texts
    return [text if text.isascii() and "\x02" not in text else _clean(text) for text in pieces.texts]


def _is_shown_as_it_is(text: str) -> bool:
    """Return whether nothing in a text needs to be cleaned."""
    return text.isascii() and "\x02" not in text


def _clean(text: str) -> str:
    """Return text as it is shown.

    Hyphens at line ends become plain hyphens, characters without a look are removed, surrogate pairs and doubled quotes become
    one character.
    """
    if _is_shown_as_it_is(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CLEAN).replace("‘‘", "“").replace("’’", "”")
