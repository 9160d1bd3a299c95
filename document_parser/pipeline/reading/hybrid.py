"""A page whose text layer cannot stand for it alone, read line by line by whoever knows better: the text layer or the CPU.

Slides over a photograph, scans with a stamp of real text, fonts of which some characters have no meaning: in all of these the
layer's sound words say exactly what stands there, in scripts too that the CPU engine does not know; the rest is for the CPU.
An earlier OCR hidden under the picture is no such layer, and is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from document_parser.models import PageFacts, Reading, Word
from document_parser.models.reading import MOST_INVISIBLE
from document_parser.text.normalize import is_meaningless, overlap, tokens

COVERED = 0.6
"""A line that the CPU found is the layer's too where the layer's words fill this share of its width."""
ALIKE = 0.6
SURE = 0.9
"""A line that reads otherwise than the layer is the CPU's where the CPU is as sure of it as this."""


def can_help(facts: PageFacts) -> bool:
    """Whether the text layer has words that people see."""
    return facts.characters > 0 and facts.invisible_share <= MOST_INVISIBLE


def patched(reading: Reading, layer: Iterable[Word]) -> tuple[Reading, int]:
    """The reading with the layer's words in the lines where they are the better ones, and how many lines these are.

    ``reading`` has words or lines with boxes, ``layer`` words in fractions of the page as a viewer shows it.
    """
    lines = [*reading.words, *(line for line in reading.uncertain_lines if line not in reading.words)]
    places = _Lines(lines)
    beside: dict[int, list[Word]] = defaultdict(list)
    for as_shown in layer:
        word = as_shown.straightened(reading.skew)
        place = places.under(word)
        if place is not None:
            beside[place].append(word)
    better = {lines[place]: words for place, words in beside.items() if _is_better(words, lines[place])}
    return reading.with_better(better), len(better)


def _is_better(words: Sequence[Word], line: Word) -> bool:
    if any(is_meaningless(char) for word in words for char in word.text):
        return False
    if sum(word.right - word.left for word in words) < COVERED * (line.right - line.left):
        return False
    text = " ".join(word.text for word in sorted(words, key=lambda word: word.left))
    return (line.confidence or 0.0) < SURE or overlap(tokens(text), tokens(line.text)) >= ALIKE


class _Lines:
    """Boxes by the height they are at, to find the one that a word stands in."""

    STEPS = 200

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._at: dict[int, list[int]] = defaultdict(list)
        for place, word in enumerate(words):
            for step in range(self._step(word.top), self._step(word.bottom) + 1):
                self._at[step].append(place)

    def _step(self, height: float) -> int:
        return int(min(1.0, max(0.0, height)) * self.STEPS)

    def under(self, word: Word) -> int | None:
        """The box that holds the middle of a word."""
        across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        for place in self._at[self._step(down)]:
            box = self._words[place]
            if box.left <= across <= box.right and box.top <= down <= box.bottom:
                return place
        return None
