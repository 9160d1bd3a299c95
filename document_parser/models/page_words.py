"""The words of a page with their places, kept beside its blocks so that any text of the page can be pointed at."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

UNITS = 65535
"""Steps between the left and the right edge of a page, and between its top and bottom."""
UNKNOWN_CONFIDENCE = 255
"""Stands for a word whose reader gives no confidence; others are percent."""


class PlacedWord(NamedTuple):
    """A word, run or line as its reader found it. The box is in fractions of the page as shown, the confidence from 0 to 1."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None = None


class PageWords(BaseModel):
    """Packed words: ``texts`` has a line each, ``places`` four 16-bit numbers each and ``sureness`` a byte each, in base64.

    A page has hundreds of words, and they are needed only if somebody asks where a text is. So they are no objects until then.
    """

    model_config = ConfigDict(frozen=True)

    texts: str
    places: str
    sureness: str = ""

    @classmethod
    def pack(cls, words: Iterable[tuple[str, float, float, float, float, float | None]]) -> Self:
        """Return words packed: text, left, top, right, bottom as fractions of the page as shown, confidence or None."""
        texts: list[str] = []
        edges: list[float] = []
        sureness = bytearray()
        for text, left, top, right, bottom, confidence in words:
            parts = text.split()
            if not parts:
                continue
            texts.append(parts[0] if len(parts) == 1 else " ".join(parts))
            edges += (left, top, right, bottom)
            sureness.append(UNKNOWN_CONFIDENCE if confidence is None else min(100, max(0, round(confidence * 100))))
        steps = [round(edge * UNITS) for edge in edges]
        if steps and not (min(steps) >= 0 and max(steps) <= UNITS):
            steps = [min(UNITS, max(0, step)) for step in steps]
        places = array("H", steps)
        known = any(one != UNKNOWN_CONFIDENCE for one in sureness)
        return cls(
            texts="\n".join(texts),
            places=b64encode(_little_endian(places).tobytes()).decode(),
            sureness=b64encode(sureness).decode() if known else "",
        )

    def unpack(self) -> list[PlacedWord]:
        """Return the words. An empty list if the packed form is damaged: a text is never pointed at in a wrong place."""
        texts = self.texts.split("\n") if self.texts else []
        places = array("H")
        try:
            places.frombytes(b64decode(self.places, validate=True))
            sureness = b64decode(self.sureness, validate=True) or bytes([UNKNOWN_CONFIDENCE]) * len(texts)
        except ValueError:
            return []
        if len(places) != 4 * len(texts) or len(sureness) != len(texts):
            return []
        edges = iter([place / UNITS for place in _little_endian(places)])
        boxes = zip(edges, edges, edges, edges, strict=True)
        sure = (None if one == UNKNOWN_CONFIDENCE else one / 100 for one in sureness)
        return [PlacedWord(text, *box, confidence) for text, box, confidence in zip(texts, boxes, sure, strict=True)]


def _little_endian(numbers: array[int]) -> array[int]:
    """Return 16-bit numbers in little-endian order, in which they are packed on every machine."""
    if sys.byteorder == "little":
        return numbers
    swapped = array("H", numbers)
    swapped.byteswap()
    return swapped
