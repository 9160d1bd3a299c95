"""Choose which language packs fit a page or a line, by trials.

A pack that knows the letters of a line reads it with a confidence that no other pack reaches: right packs have 82 to 97 of 100,
wrong ones at most 67 (benchmarks/quality/scripts.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from statistics import fmean
from typing import NamedTuple

from PIL import Image

from document_parser.engines.tesseract.languages import SCRIPTS
from document_parser.engines.tesseract.packs import Packs
from document_parser.engines.tesseract.pieces import Cut
from document_parser.engines.tesseract.script_letters import (
    LATIN_SCRIPTS,
    confidence_as,
    confidence_in,
    is_in_script,
    is_letter_of,
)
from document_parser.engines.tesseract.script_pairs import ReadSample, find_pair
from document_parser.engines.tesseract.word_places import are_in_one_place, with_surer_words
from document_parser.models import Word

MAX_LANGUAGES_PER_SCRIPT = 5
"""How many installed packs of a script are tried: the script's own and the languages most written."""
MIN_CONFIDENCE = 0.75
"""Confidence in a line from which a pack is taken for the right one."""
MIN_OTHER_CONFIDENCE = 0.82
"""The same for another script than that of most lines: short lines of poor print are easily taken for one."""
MIN_OTHER_WORDS, MIN_OTHER_LETTERS = 2, 20
"""Words or letters of a line in another script than that of most lines."""
MIN_POOR_CONFIDENCE = 0.55
"""Confidence from which a line counts as read by packs that are right for other lines of the page, if none reads it better."""
SURE_CONFIDENCE = 0.88
"""Confidence in a sample from which no other script is tried."""
MIN_KIN_CONFIDENCE = 0.5
"""Confidence of a script's first pack from which its others are tried: Russian reads Ukrainian sans serif with .62."""
ENGLISH_COST = 0.03
"""Confidence that English beside the language must add: it also reads letters of the language as English words."""
ENGLISH = "eng"
"""The pack for Latin letters in lines of other scripts."""
MIN_OWN_WORD_CONFIDENCE = 0.8
"""Confidence in a word below which it may be in Latin letters."""
MIN_ENGLISH_CONFIDENCE, MIN_ENGLISH_GAIN = 0.85, 0.1
"""Confidence of English from which such a word is taken from it, and the confidence that it must add.

It reads poor Russian print as Latin letters of the same shapes, *He* and *Kak* with .05 to .1 more, and Greek words of two or
three letters with up to .84.
"""
SECOND_LOOK_CONFIDENCE = 0.94
"""Confidence in a line below which it is read a second time, cut out another way."""
TWO_SCRIPTS = "two scripts"
"""Stands for the script of lines that need the packs of two."""
SAMPLE_LINES = 2
"""Lines on which packs are tried, the longest."""
KIN_LINES = 6
"""Lines on which the packs of a script are compared: poor Russian print passes for Ukrainian in one line of four."""
MAX_ROUNDS = 4
"""Scripts in which the lines of one page are read at most."""
MAX_FAILURES = 2
"""Samples that no pack fits after which no other lines are tried: handwriting, or a script without a pack."""

ReadPieces = Callable[[Sequence[Image.Image], str], list[list[Word]]]
"""Return the words of each piece, read with these packs. Boxes are fractions of the piece."""


class LineChoice(NamedTuple):
    """The words of a line and the packs that read them; no words if no pack fits."""

    words: list[Word]
    languages: str


def read_in_best_languages(pieces: Sequence[Image.Image], packs: Packs, read: ReadPieces) -> list[LineChoice]:
    """Return each line as the packs read it that know its letters best.

    The script of the longest lines is found first and all lines are read in it; those that it does not fit are looked at
    again, in other scripts, or in two at once. A line has no words if no packs fit.
    """
    found = [LineChoice([], "")] * len(pieces)
    scripts = _installed_scripts(packs)
    by_length = sorted(range(len(pieces)), key=lambda place: -pieces[place].width)
    open_lines = by_length
    failures = 0
    for _ in range(MAX_ROUNDS):
        is_first = not any(one.words for one in found)
        least = MIN_CONFIDENCE if is_first else MIN_OTHER_CONFIDENCE
        sample = [pieces[place] for place in open_lines[:KIN_LINES]]
        script, languages = _find_languages(sample, scripts, packs, read, least) if sample else ("", "")
        is_pair = script == TWO_SCRIPTS
        if not script:
            failures += 1
            if failures == MAX_FAILURES:
                break
            open_lines = open_lines[SAMPLE_LINES:]
            continue
        if is_pair:
            # A line that one pack reads well enough may still have a word in the other script.
            open_lines = [place for place in by_length if confidence_in(found[place].words) < SECOND_LOOK_CONFIDENCE]
        for place, words in zip(open_lines, read([pieces[place] for place in open_lines], languages), strict=True):
            better = confidence_in(words) > confidence_in(found[place].words)
            if better and (_fits_poorly(words) if is_first or is_pair else _fits_well(words, script)):
                found[place] = LineChoice(words, languages)
        if is_pair:
            break
        open_lines = [place for place in open_lines if confidence_in(found[place].words) < MIN_CONFIDENCE]
        del scripts[script]
    return found


def read_unsure_again(
    found: Sequence[LineChoice],
    cuts: Sequence[Cut],
    cut_again: Callable[[Sequence[int], Cut], Sequence[Image.Image]],
    read: ReadPieces,
) -> list[LineChoice]:
    """Return the lines, those of little confidence as they read better: as they are, or cut out another way.

    Of the line as it reads best, each word is the surest that a way gives. Lines that no packs fit are tried with those that
    read most lines. ``cut_again`` returns the lines at these places, cut out another way.
    """
    better = list(found)
    usual = Counter(one.languages for one in found if one.words).most_common(1)
    unsure: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if usual and confidence_in(one.words) < SECOND_LOOK_CONFIDENCE:
            unsure[one.languages or usual[0][0]].append(place)
    for languages, places in unsure.items():
        ways = [read(cut_again(places, cut), languages) for cut in cuts]
        for place, *again in zip(places, *ways, strict=True):
            readings = [words for words in again if confidence_in(words) > MIN_POOR_CONFIDENCE]
            if readings:
                readings.insert(0, found[place].words)
                better[place] = LineChoice(with_surer_words(max(readings, key=confidence_in), readings), languages)
    return better


def with_english_words(
    found: Sequence[LineChoice], pieces: Sequence[Image.Image], packs: Packs, read: ReadPieces
) -> list[LineChoice]:
    """Return the lines with the words that English reads better: names and terms among words in other letters.

    A pack that does not know Latin letters takes them for its own, as in *\u0440\u0430\u0433\u0442\u0430\u043f* for *partman*.
    """
    better = list(found)
    unsure: dict[str, list[int]] = defaultdict(list)
    for place, (words, languages) in enumerate(found):
        if any(map(_may_be_latin, words)) and not _knows_latin(languages) and packs.are_together(f"{languages}+{ENGLISH}"):
            unsure[f"{languages}+{ENGLISH}"].append(place)
    for languages, places in unsure.items():
        for place, other in zip(places, read([pieces[place] for place in places], languages), strict=True):
            merged = [_surer_in_english(word, other) for word in found[place].words]
            if merged != found[place].words:
                better[place] = LineChoice(merged, languages)
    return better


def _may_be_latin(word: Word) -> bool:
    return (word.confidence or 0) < MIN_OWN_WORD_CONFIDENCE and any(map(str.isalnum, word.text))


def _knows_latin(languages: str) -> bool:
    return any(name in SCRIPTS[script] for script in LATIN_SCRIPTS for name in languages.split("+"))


def _surer_in_english(word: Word, others: Sequence[Word]) -> Word:
    """Return the other word in the place of a word if it is surer and in Latin letters; the word itself if none is."""
    for other in others if _may_be_latin(word) else ():
        sure = (other.confidence or 0) >= max(MIN_ENGLISH_CONFIDENCE, (word.confidence or 0) + MIN_ENGLISH_GAIN)
        if sure and are_in_one_place(word, other) and any(is_letter_of(letter, "Latin") for letter in other.text):
            return other
    return word


def _fits_poorly(words: Sequence[Word]) -> bool:
    """Return whether a line in the script of most lines counts as read."""
    return confidence_in(words) > MIN_POOR_CONFIDENCE


def _fits_well(words: Sequence[Word], script: str) -> bool:
    """Return whether a line counts as read in another script than that of most lines.

    Packs of Latin letters read poor Greek or Cyrillic lines with a confidence of .55 to .75, and a single word with up to .9.
    """
    sure = confidence_as(script, words)
    text = " ".join(word.text for word in words)
    if len(text.split()) < MIN_OTHER_WORDS and sum(map(str.isalpha, text)) < MIN_OTHER_LETTERS:
        return False
    return sure >= MIN_OTHER_CONFIDENCE or (sure >= MIN_CONFIDENCE and is_in_script(words, script))


def _find_languages(
    sample: Sequence[Image.Image],
    scripts: Mapping[str, Sequence[str]],
    packs: Packs,
    read: ReadPieces,
    least: float,
) -> tuple[str, str]:
    """Return the script of the first SAMPLE_LINES lines and the packs that read them best; empty if no pack knows it.

    The other lines only help to tell the languages of the script apart. ``least`` is the confidence that is needed.
    """
    read_sample = cache(partial(read, sample[:SAMPLE_LINES]))
    script = _find_script(scripts, read_sample)
    names = scripts.get(script, ())
    surest = [max(_confidence_in_script(script, words) for words in read_sample(name)) for name in names]
    read_kin = cache(partial(read, sample))
    if not names or max(surest) < least:
        pair = find_pair(_installed_scripts(packs), packs, read_sample, read_kin)
        return (TWO_SCRIPTS, pair) if pair else ("", "")

    def fitness(languages: str) -> float:
        return fmean(_confidence_in_script(script, words) for words in read_kin(languages))

    best = max(names, key=fitness) if len(names) > 1 else names[0]
    with_english = f"{best}+{ENGLISH}"
    if best == ENGLISH or not packs.are_together(with_english):
        return script, best
    gain = fmean(map(confidence_in, read_kin(with_english))) - fmean(map(confidence_in, read_kin(best)))
    return script, with_english if gain > ENGLISH_COST else best


def _find_script(scripts: Mapping[str, Sequence[str]], read_sample: ReadSample) -> str:
    """Return the script whose first pack reads one of the lines surest; empty if none does."""

    def confidence(script: str) -> float:
        return max(_confidence_in_script(script, words) for words in read_sample(scripts[script][0]))

    best = ""
    for script in scripts:
        if not best or confidence(script) > confidence(best):
            best = script
        if script not in LATIN_SCRIPTS and confidence(best) >= SURE_CONFIDENCE:
            break
    return best if best and confidence(best) >= MIN_KIN_CONFIDENCE else ""


def _confidence_in_script(script: str, words: Sequence[Word]) -> float:
    """Return the confidence in a line of a script; 0 if its letters are not of the script."""
    return confidence_as(script, words) if is_in_script(words, script) else 0.0


def choose_for_page(packs: Packs, script: str, letters: Callable[[str], float]) -> str:
    """Return the packs to read a whole page with, joined by ``+``. Empty if none is installed.

    ``script`` is the detected script of the page. If it is empty, the first pack of every script is tried. Then the packs of
    the script are tried, alone and together with English. ``letters`` returns how many letters a trial read with confidence.
    """
    letters = cache(letters)
    scripts = _installed_scripts(packs)
    if not scripts:
        return "+".join(sorted(packs.languages)[:MAX_LANGUAGES_PER_SCRIPT])
    if script not in scripts:
        script = max(scripts, key=lambda name: letters(scripts[name][0])) if len(scripts) > 1 else next(iter(scripts))
    groups = list(_groups_of(scripts[script], packs))
    return max(groups, key=letters) if len(groups) > 1 else groups[0]


def _installed_scripts(packs: Packs) -> dict[str, list[str]]:
    """Return the installed packs of each script that has one, in the order in which they are tried."""
    installed = {script: [name for name in known if name in packs.languages] for script, known in SCRIPTS.items()}
    return {script: names[:MAX_LANGUAGES_PER_SCRIPT] for script, names in installed.items() if names}


def _groups_of(names: Sequence[str], packs: Packs) -> Iterator[str]:
    """Yield the packs of a script, and each together with English, for pages with Latin words."""
    yield from names
    with_english = (f"{name}+eng" for name in names if name != "eng")
    yield from (group for group in with_english if packs.are_together(group))
