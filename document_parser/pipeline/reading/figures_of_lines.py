"""Put the figures that RapidOCR read into a line that Tesseract read, where both are European ones, as in Greek print.

Packs for old print and for two scripts take figures for others, *851* for *351*, and section signs for figures. Figures of
another script, as Arabic and Hindi have, RapidOCR does not know: they stay as Tesseract read them.
"""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.engines.tesseract.word_places import are_in_one_place
from document_parser.models import Word

SECTION_SIGN = "\u00a7"


def with_own_figures(words: Sequence[Word], own: Sequence[Word]) -> list[Word]:
    """Return the words of a line with those without letters as the words of ``own`` in their places have them."""
    return [_as_in(own, word) if _is_figures(word.text) else word for word in words]


def _as_in(own: Sequence[Word], word: Word) -> Word:
    """Return the word with the text of the figures in its place; the word itself if there are none."""
    count = _count_figures(word.text)
    same = (other.text for other in own if _is_figures(other.text) and are_in_one_place(word, other))
    return word._replace(text=next((text for text in same if _count_figures(text) == count), word.text))


def _is_figures(text: str) -> bool:
    """Return whether a word has European figures or a section sign, and no others and no letters."""
    foreign = any(sign.isdecimal() and not sign.isascii() for sign in text)
    return not foreign and not any(map(str.isalpha, text)) and _count_figures(text) > 0


def _count_figures(text: str) -> int:
    return sum(sign.isdecimal() or sign == SECTION_SIGN for sign in text)
