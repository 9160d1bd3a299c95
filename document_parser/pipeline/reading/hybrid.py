"""Combine the text layer and an OCR reading line by line, for pages whose text layer is not sound enough alone.

Examples are slides over a photograph, scans with a stamp of real text, and fonts of which some characters have no meaning. The
sound words of the layer say exactly what is there, also in scripts that the CPU engine does not know; the CPU engine reads the
rest. An earlier OCR hidden under the image is no such layer and is not used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from document_parser.models import PageFacts, Reading, Word
from document_parser.models.reading import MAX_INVISIBLE_SHARE
from document_parser.text.normalize import is_meaningless, overlap_of, tokenize
from document_parser.text.rare import is_rare

MIN_COVERED_SHARE = 0.6
"""Share of a line's width that the layer's words must fill to replace the line that the CPU engine found."""
MIN_OVERLAP_SHARE = 0.6
"""Share of common words from which the layer and a line of the CPU engine say the same."""
MIN_LINE_CONFIDENCE = 0.9
"""Confidence (0 to 1) from which the CPU engine's line is kept although the layer says something else."""


def has_visible_words(facts: PageFacts) -> bool:
    """Return whether the text layer has words that people see."""
    return facts.characters > 0 and facts.invisible_share <= MAX_INVISIBLE_SHARE


def merge_text_layer(reading: Reading, layer: Iterable[Word]) -> tuple[Reading, int]:
    """Return the reading with the layer's words in the lines that the layer knows better, and the number of these lines.

    ``reading`` has words or lines with boxes; ``layer`` has words in fractions of the page as a viewer shows it.
    """
    lines = [*reading.words, *(line for line in reading.uncertain_lines if line not in reading.words)]
    places = _LineIndex(lines)
    beside: dict[int, list[Word]] = defaultdict(list)
    for as_shown in layer:
        word = as_shown.straighten(reading.skew)
        place = places.find(word)
        if place is not None:
            beside[place].append(word)
    better = {lines[place]: words for place, words in beside.items() if _is_better(words, lines[place])}
    return reading.replace_lines(better), len(better)


def _is_better(words: Sequence[Word], line: Word) -> bool:
    """Return whether the layer's words replace a line: they are meaningful, fill it, and agree with it or it is uncertain.

    Rare characters are those of a false font where the engine is sure of others.
    """
    if any(is_meaningless(char) for word in words for char in word.text):
        return False
    if (line.confidence or 0.0) >= MIN_LINE_CONFIDENCE and any(is_rare(char) for word in words for char in word.text):
        return False
    if sum(word.right - word.left for word in words) < MIN_COVERED_SHARE * (line.right - line.left):
        return False
    text = " ".join(word.text for word in sorted(words, key=lambda word: word.left))
    return (line.confidence or 0.0) < MIN_LINE_CONFIDENCE or overlap_of(
        tokenize(text), tokenize(line.text)
    ) >= MIN_OVERLAP_SHARE


class _LineIndex:
    """Find the box that a word lies in; boxes are indexed by their height on the page."""

    STEPS = 200
    """Horizontal strips of the page that boxes are indexed by."""

    def __init__(self, words: Sequence[Word]) -> None:
        """Index the boxes of these words or lines."""
        self._words = words
        self._at: dict[int, list[int]] = defaultdict(list)
        for place, word in enumerate(words):
            for step in range(self._step_of(word.top), self._step_of(word.bottom) + 1):
                self._at[step].append(place)

    def _step_of(self, height: float) -> int:
        """Return the strip that a height (0 to 1 from the top) lies in."""
        return int(min(1.0, max(0.0, height)) * self.STEPS)

    def find(self, word: Word) -> int | None:
        """Return the index of the box that holds the middle of a word; None if there is none."""
        across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        for place in self._at[self._step_of(down)]:
            box = self._words[place]
            if box.left <= across <= box.right and box.top <= down <= box.bottom:
                return place
        return None
