"""Find the two packs for lines in two scripts, as in a commentary that quotes Greek words in German.

No pack of one script reads such a line: it takes the other letters for its own. Each reads some words surely, though, and with
both packs Tesseract takes each word as the surer one reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from statistics import fmean

from document_parser.engines.tesseract.packs import Packs
from document_parser.engines.tesseract.script_letters import LATIN_SCRIPTS, MIN_CONFIDENCE_OF, confidence_in, is_letter_of
from document_parser.models import Word

SURE_WORD_CONFIDENCE, MIN_WORD_LETTERS = 0.8, 3
"""Confidence and letters of a word from which it shows that its script is in a line.

Packs read short words of another script with confidence: *die* is \u03b1\u0399\u0395 for one of them.
"""
MIN_PAIR_SHARE = 0.08
"""Share of the length of the lines in sure words of a script from which that script is tried beside another."""
MIN_PAIR_CONFIDENCE = 0.75
"""Confidence in the lines from which two packs are taken for the right ones."""
MIN_PAIR_GAIN = 0.08
"""Confidence that the second pack must add."""
MAX_LATIN_PACKS = 2
"""Latin scripts that are tried beside the other one: antiqua and Fraktur are read as each other at times."""

ReadSample = Callable[[str], list[list[Word]]]
"""Return the words of a few lines, read with these packs. Boxes are fractions of the line."""


def find_pair(scripts: Mapping[str, Sequence[str]], packs: Packs, read_sample: ReadSample, read_kin: ReadSample) -> str:
    """Return the packs for lines in Latin letters and in another script, joined by ``+``; empty if no two packs read them.

    ``read_kin`` reads more lines, on which the packs of a script are compared: Modern Greek reads a line of Ancient Greek with
    more confidence than Ancient Greek does at times.
    """
    shares = {script: _sure_share(read_sample(names[0]), script) for script, names in scripts.items()}
    shown = sorted((script for script in scripts if shares[script] >= MIN_PAIR_SHARE), key=lambda script: -shares[script])
    latin = [script for script in shown if script in LATIN_SCRIPTS][:MAX_LATIN_PACKS]
    other = next((script for script in shown if script not in LATIN_SCRIPTS), "")
    if not latin or not other:
        return ""

    @cache
    def confidence(languages: str) -> float:
        return fmean(map(confidence_in, read_sample(languages)))

    @cache
    def fitness(languages: str) -> float:
        return fmean(map(confidence_in, read_kin(languages)))

    pairs = [f"{scripts[script][0]}+{name}" for script, name in product(latin, scripts[other])]
    best = max(filter(packs.are_together, pairs), key=fitness, default="")
    if not best or confidence(best) < MIN_PAIR_CONFIDENCE:
        return ""
    alone = max(confidence(name) for name in best.split("+"))
    return best if confidence(best) >= alone + MIN_PAIR_GAIN else ""


def _sure_share(lines: Sequence[Sequence[Word]], script: str) -> float:
    """Return the share of the length of the lines that is in sure words all of whose letters are of a script, 0 to 1."""
    least = max(SURE_WORD_CONFIDENCE, MIN_CONFIDENCE_OF.get(script, 0.0))
    sure = (word for line in lines for word in line if (word.confidence or 0) >= least)
    return sum(word.right - word.left for word in sure if _is_word_of(word.text, script)) / max(1, len(lines))


def _is_word_of(text: str, script: str) -> bool:
    letters = [letter for letter in text if letter.isalnum()]
    return len(letters) >= MIN_WORD_LETTERS and all(is_letter_of(letter, script) for letter in letters)
