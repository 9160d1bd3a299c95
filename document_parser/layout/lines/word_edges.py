"""Edges, text and size of a word as functions in C: what compares words by one of them takes half the time with these."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from document_parser.models import Word

text_of: Callable[[Word], str] = itemgetter(Word._fields.index("text"))
points_of: Callable[[Word], float] = itemgetter(Word._fields.index("size_points"))
"""The font size; 0 if it is unknown."""
left_of: Callable[[Word], float] = itemgetter(Word._fields.index("left"))
top_of: Callable[[Word], float] = itemgetter(Word._fields.index("top"))
right_of: Callable[[Word], float] = itemgetter(Word._fields.index("right"))
bottom_of: Callable[[Word], float] = itemgetter(Word._fields.index("bottom"))
height_of: Callable[[Word], tuple[float, float]] = itemgetter(*map(Word._fields.index, ("top", "bottom")))
"""Top and bottom."""
