"""Compare two readings of a page, and correct or report the numbers in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.models import Block, Cell, Reading
from document_parser.text.normalize import comparable_texts_of, overlap_of, tokenize
from document_parser.text.numbers import Difference, find_differences
from document_parser.text.spans import replace_text

SETTLED_SHARE = 0.85
"""Share of common words below which another reader is asked, if there is one."""
MIN_AGREEMENT_SHARE = 0.7
"""Share of common words below which the page says ``low_agreement``, after all readers were asked."""
MIN_GAIN_SHARE = 0.02
"""How much higher the share must be before another model's reading replaces the first one."""


@dataclass(frozen=True)
class Comparison:
    """How a reading compares with another one: the share of common words (0 to 1), and the numbers that differ."""

    share: float
    numbers: tuple[Difference, ...] = ()

    @property
    def settles(self) -> bool:
        """Return whether no other reader needs to be asked."""
        return self.share >= SETTLED_SHARE and not self.numbers


def compare(reading: Reading, other: Reading, *, exact: bool) -> Comparison:
    """Compare two readings. ``exact`` says that the digits of ``other`` are reliable; without it numbers are not compared."""
    ours, theirs = comparable_texts_of(reading), comparable_texts_of(other)
    share = overlap_of(tokenize(" ".join(ours)), tokenize(" ".join(theirs)))
    return Comparison(round(share, 4), tuple(find_differences(ours, theirs)) if exact else ())


def drop_confirmed_numbers(third: Reading, found: Comparison) -> Comparison:
    """Return the same comparison without the numbers that a third reader reads as well."""
    return Comparison(found.share, unconfirmed_numbers(found.numbers, third))


def unconfirmed_numbers(numbers: Sequence[Difference], third: Reading) -> tuple[Difference, ...]:
    """Return the numbers that a third reader does not read as well."""
    texts = comparable_texts_of(third)
    return tuple(one for one in numbers if not _contains_number(texts, one.read))


def _contains_number(texts: Sequence[str], number: str) -> bool:
    """Return whether the digits of a number occur in one of the texts."""
    digits = "".join(filter(str.isdigit, number))
    return any(digits in "".join(filter(str.isdigit, text)) for text in texts)


def correct_numbers(blocks: Sequence[Block], found: Sequence[Difference]) -> bool:
    """Replace numbers in the blocks by those of the evidence. Return whether each of them occurred exactly once."""
    return sum(_correct_number(blocks, one) for one in found) == len(found)


def _correct_number(blocks: Sequence[Block], one: Difference) -> bool:
    """Replace one number if it occurs exactly once in the blocks and their table cells. Return whether it was replaced."""
    cells = [cell for block in blocks if block.table for cell in block.table.cells]
    holders: list[Block | Cell] = [*blocks, *cells]
    places = [part for part in holders if part.text.count(one.read) == 1]
    if len(places) != 1 or sum(part.text.count(one.read) for part in holders) != 1:
        return False
    places[0].text, places[0].spans = replace_text(places[0].text, places[0].spans, one.read, one.known)
    return True
