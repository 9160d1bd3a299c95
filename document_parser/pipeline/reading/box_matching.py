"""Places for what a model wrote without any: where words with boxes, of the text layer or of an OCR, say the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from document_parser.models import Block, BoundingBox, Word
from document_parser.text.normalize import texts_of, tokens

RARE = 4
"""A word that stands on the page more often than this does not tell where a block is."""
LEAST_MATCHED = 0.6
LOOSE = 1.25
"""A block may be spread over this many times as many words of the page as it has itself."""
SLACK = 5


class _Placed(NamedTuple):
    """A word in comparable form, and where it stands."""

    text: str
    word: Word


def place_blocks(blocks: Sequence[Block], words: Sequence[Word]) -> None:
    """Give every block without a box the one around the words that say what it says, where most of them are found together."""
    placed = list(_placed(words))
    places: dict[str, list[int]] = defaultdict(list)
    for number, (text, _) in enumerate(placed):
        places[text].append(number)
    for block in blocks:
        if block.box is None:
            block.box = _box_of(tokens(" ".join(texts_of([block]))), placed, places)


def _placed(words: Sequence[Word]) -> Iterator[_Placed]:
    """Every word by itself; of a run or a line each word gets its share of the breadth."""
    for run in words:
        width = (run.right - run.left) / max(1, len(run.text))
        start = 0
        for piece in run.text.split():
            start = run.text.index(piece, start)
            left = run.left + start * width
            start += len(piece)
            own = run._replace(text=piece, left=left, right=run.left + start * width)
            yield from (_Placed(token, own) for token in tokens(piece))


def _box_of(wanted: list[str], placed: Sequence[_Placed], places: dict[str, list[int]]) -> BoundingBox | None:
    if not wanted:
        return None
    window = _window(wanted, places)
    if window is None:
        return None
    asked = set(wanted)
    found = [place for place in placed[window[0] : window[1]] if place.text in asked]
    if len(found) < LEAST_MATCHED * len(wanted):
        return None
    return BoundingBox.around(place.word for place in found)


def _window(wanted: list[str], places: dict[str, list[int]]) -> tuple[int, int] | None:
    """The part of the page's words, as (first, end), in which most of the rarer words wanted lie close together."""
    telling = sorted({place for word in set(wanted) if len(found := places.get(word, [])) <= RARE for place in found})
    if not telling:
        telling = sorted({place for word in set(wanted) for place in places.get(word, [])})
    if not telling:
        return None
    reach = int(LOOSE * len(wanted)) + 2
    best, first = (0, 0), 0
    for last, place in enumerate(telling):
        while place - telling[first] > reach:
            first += 1
        best = max(best, (last - first + 1, -first))
    start = telling[-best[1]]
    end = telling[-best[1] + best[0] - 1]
    slack = min(SLACK, max(0, len(wanted) - (end - start)))
    return max(0, start - slack), end + 1 + slack
