"""Count the characters of a text as other programs do: by code points, by UTF-16 code units, or by graphemes.

Source: the Azure SDK's StringIndexType. Its text elements are the extended grapheme clusters of Unicode 8.0.0 (Unicode Standard
Annex 29, revision 27): a modifier of skin colour and what follows a zero-width joiner are clusters of their own, and any number
of regional indicators is one. The classes of characters are those of the installed Unicode version.
"""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Literal, get_args

StringIndexType = Literal["textElements", "unicodeCodePoint", "utf16CodeUnit"]
"""What an offset counts."""
STRING_INDEX_TYPES: tuple[StringIndexType, ...] = get_args(StringIndexType)
"""All of them, the default of Azure first."""

_EXTEND = r"[[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]--[\U0001F3FB-\U0001F3FF\U000E0020-\U000E007F]]"
_CLUSTER = rf"""
    \r\n
    | [\p{{GCB=Control}}\r\n]
    | (?: \p{{GCB=L}}*+ (?: \p{{GCB=V}}++ | \p{{GCB=LV}}\p{{GCB=V}}*+ | \p{{GCB=LVT}} ) \p{{GCB=T}}*+
        | \p{{GCB=L}}++ | \p{{GCB=T}}++ | \p{{GCB=Regional_Indicator}}++ | (?s:.) ) {_EXTEND}*+
"""


@functools.cache
def _clusters() -> Any:
    """Return the compiled pattern of a grapheme cluster."""
    import regex  # loaded when a text is first counted; most processes never do

    return regex.compile(_CLUSTER, regex.V1 | regex.VERBOSE)


class StringIndex:
    """The places of one text, as code points from 0, in one of the ways of counting.

    ``whole`` moves a range to the ends of the graphemes that it touches, whichever way is counted: so a range is the same text
    in all of them.
    """

    def __init__(self, text: str, kind: StringIndexType) -> None:
        """Look through the text once."""
        self._text = text
        self._is_plain = text.isascii() and "\r" not in text
        self._starts = [] if self._is_plain else [*_cluster_starts(text), len(text)]
        self._kind = kind
        self._units = self._count_units() if kind == "utf16CodeUnit" and not self._is_plain else []

    def _count_units(self) -> list[int]:
        """Return the UTF-16 code units before each place."""
        return list(accumulate((1 + (character > "\uffff") for character in self._text), initial=0))

    @property
    def length(self) -> int:
        """Return the length of the text."""
        return self.offset(len(self._text))

    def offset(self, place: int) -> int:
        """Return what is counted before a place; a place within a grapheme counts as its end."""
        if self._is_plain or self._kind == "unicodeCodePoint":
            return place
        return self._units[place] if self._units else bisect_left(self._starts, place)

    def place(self, offset: int) -> int:
        """Return the place before which so much is counted; the end of the text if there is not so much."""
        if self._is_plain or self._kind == "unicodeCodePoint":
            return min(offset, len(self._text))
        places = self._units or self._starts
        if not self._units:
            return places[min(offset, len(places) - 1)]
        return min(bisect_left(places, offset), len(self._text))

    def whole(self, start: int, end: int) -> tuple[int, int]:
        """Return the range extended to whole graphemes."""
        if self._is_plain or start >= end:
            return start, end
        return self._starts[bisect_right(self._starts, start) - 1], self._starts[bisect_left(self._starts, end)]


def _cluster_starts(text: str) -> Iterator[int]:
    """Yield the place where each grapheme begins."""
    return (match.start() for match in _clusters().finditer(text))
