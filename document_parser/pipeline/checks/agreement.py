"""What two readers of a page have in common, and what is made of a difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from document_parser.models import Block, Reading
from document_parser.text.normalize import overlap, texts_read, tokens
from document_parser.text.numbers import Difference, differences
from document_parser.text.spans import replaced

ENOUGH = 0.85
"""Below this a further reader is asked, if there is one."""
LEAST = 0.7
"""Below this, with everybody asked, the page says ``low_agreement``."""
CLEARLY = 0.02


@dataclass(frozen=True)
class Comparison:
    """How a reading compares with another one: the share of words in common, and the numbers that differ."""

    share: float
    numbers: tuple[Difference, ...] = ()

    @property
    def settles(self) -> bool:
        """Whether no further reader needs to be asked."""
        return self.share >= ENOUGH and not self.numbers


def compared(reading: Reading, other: Reading, *, exact: bool) -> Comparison:
    """``exact`` says that the other one's digits can be relied on."""
    ours, theirs = texts_read(reading), texts_read(other)
    share = overlap(tokens(" ".join(ours)), tokens(" ".join(theirs)))
    return Comparison(round(share, 4), tuple(differences(ours, theirs)) if exact else ())


def confirmed_by(third: Reading, found: Comparison) -> Comparison:
    """The same comparison without the numbers that a third reader reads as well."""
    return Comparison(found.share, unconfirmed(found.numbers, third))


def unconfirmed(numbers: Sequence[Difference], third: Reading) -> tuple[Difference, ...]:
    """Those of the numbers that a third reader does not read as well."""
    texts = texts_read(third)
    return tuple(one for one in numbers if not _has(texts, one.read))


def _has(texts: Sequence[str], number: str) -> bool:
    digits = "".join(filter(str.isdigit, number))
    return any(digits in "".join(filter(str.isdigit, text)) for text in texts)


def corrected(blocks: Sequence[Block], found: Sequence[Difference]) -> bool:
    """Put the witness' numbers in their places in the blocks. Whether all of them had exactly one."""
    return sum(_put_right(blocks, one) for one in found) == len(found)


def _put_right(blocks: Sequence[Block], one: Difference) -> bool:
    holders = [part for block in blocks for part in (block, *(block.table.cells if block.table else ()))]
    places = [part for part in holders if part.text.count(one.read) == 1]
    if len(places) != 1 or sum(part.text.count(one.read) for part in holders) != 1:
        return False
    places[0].text, places[0].spans = replaced(places[0].text, places[0].spans, one.read, one.known)
    return True
