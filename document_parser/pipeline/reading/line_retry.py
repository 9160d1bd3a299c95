"""Read once more, by Tesseract, lines that RapidOCR found and could not read: those in letters that it does not know.

Only uncertain lines are tried, and only if some are lost. Tesseract reads each in the language whose pack knows its letters, if
one does. Its reading of a line is taken if it has clearly more confident letters.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from document_parser.engines.tesseract.languages import SCRIPTS, advise_packs
from document_parser.engines.tesseract.script_letters import confidence_in
from document_parser.errors import EngineError
from document_parser.models import InkFacts, PageImage, Reading, Word, confident_letters
from document_parser.models.skew import Skew
from document_parser.pipeline.reading.figures_of_lines import with_own_figures
from document_parser.pipeline.reading.page_context import PageContext
from document_parser.text.long_s import is_misread_fraktur, merge_fraktur

MIN_RETRY_UNREAD_SHARE = 0.03
"""Share of the writing that must be unread. Less is smudges, stamps and rulings taken for letters."""
MAX_UNEVEN_UNREAD_SHARE = 0.5
"""Share up to which a page that looks handwritten is left alone: Tesseract reads handwriting worse, and slowly."""
BETTER_LETTERS_RATIO = 1.1
"""Tesseract's line is taken if it has this many times the confident letters."""
FRAKTUR = "Fraktur"
"""The script whose packs read Fraktur."""
FRAKTUR_PACKS = frozenset(SCRIPTS[FRAKTUR])
"""Packs that read Fraktur."""
MIN_FRAKTUR_CONFIDENCE = 0.6
"""Confidence of packs for Fraktur in a line from which their reading of it is taken. RapidOCR's confidence says nothing there.

On pages of Fraktur with Greek, .55 to .7 differ by less than .01 in word F1.
"""
MAX_RETRIED_LINES = 200
"""Lines of one page that are read again at most."""
MAX_SKEW_DIFFERENCE_DEGREES = 0.1
"""Difference between the skews of two pictures of a page up to which boxes of one fit the other."""
MIN_OWN_SHARE = 0.5
"""Share of a page's lines from which the page counts as Tesseract's."""
MAX_UNKNOWN_SHARE, MAX_UNREAD_SHARE = 0.15, 0.5
"""Shares of the writing in unknown letters, and of the writing that could not be read, above which the page is taken to be in a
script that no engine here reads."""


@dataclass(frozen=True)
class Retry:
    """The reading with the lines that Tesseract reads better.

    ``tried`` is whether Tesseract was asked. ``before`` says how much was unread before, ``note`` which lines are Tesseract's;
    empty if none is. ``script`` is the script that it detects where no pack fits. ``fraktur`` has the
    packs that read most of the lines in Fraktur; empty if none was.
    """

    reading: Reading
    tried: bool = False
    before: str = ""
    note: str = ""
    script: str = ""
    fraktur: str = ""


async def retry_lines(context: PageContext, reading: Reading, image: PageImage | None) -> Retry:
    """Return the reading with the lines that Tesseract reads better, and with the words of Fraktur that it reads.

    If these lines are most of the page, the reading is Tesseract's. Raises PageUnreadable.
    """
    if image is None or "tesseract" not in context.route.engines:
        return Retry(reading)
    retry = Retry(reading)
    if is_worth_it(reading, image.ink_facts):
        retry = await _retry_uncertain_lines(context, reading, image)
    if reading.engine != "rapidocr" or not is_misread_fraktur(word.text for word in reading.words):
        return retry
    if not retry.note:
        return await _retry_fraktur(context, reading, image)
    return await _retry_beside_fraktur(context, reading, image, retry)


async def _retry_uncertain_lines(context: PageContext, reading: Reading, image: PageImage) -> Retry:
    """Return the reading with the uncertain lines that Tesseract reads better."""
    lines = reading.uncertain_lines[:MAX_RETRIED_LINES]
    started = time.monotonic()
    try:
        picture, skew = await _sharper_picture(context, reading, image)
        found = await context.engines.read_lines(picture, lines, skew)
    except EngineError as error:
        context.record_attempt("tesseract", "error", f"retry of uncertain lines: {error.message}", started)
        return Retry(reading)
    readings = zip(lines, found.lines, found.languages, strict=True)
    chosen = {line: (words, languages) for line, words, languages in readings if _is_better(words, line)}
    better = {line: _with_figures_of(reading, line, words) for line, (words, _) in chosen.items()}
    if not better:
        return Retry(reading, tried=True, script=found.script)
    kept = [word for word in reading.words if word not in better]
    merged = reading.replace_lines(better)
    if _length_of(better) >= MIN_OWN_SHARE * (_length_of(better) + _length_of(kept)):
        merged = replace(merged, engine="tesseract")
    counts = Counter(languages for _, languages in chosen.values())
    known = {name for group in found.languages for name in group.split("+")}
    script = "" if known & set(SCRIPTS.get(found.script, ())) else found.script
    note = f"tesseract read {len(better)} of {len(lines)} uncertain lines again as {_describe_packs(counts)}"
    before = f"{reading.unread_share:.0%} of the text that was found was not read"
    fraktur = (name for name, _ in counts.most_common() if not FRAKTUR_PACKS.isdisjoint(name.split("+")))
    return Retry(merged, tried=True, before=before, note=note, script=script, fraktur=next(fraktur, ""))


async def _retry_beside_fraktur(context: PageContext, reading: Reading, image: PageImage, retry: Retry) -> Retry:
    """Return the retry with the other lines of a page of Fraktur read with the packs that read its uncertain lines.

    RapidOCR is sure of these lines and wrong. If no uncertain line was in Fraktur, the retry is returned as it is.
    """
    replaced = set(reading.words) - set(retry.reading.words)
    lines = [word for word in reading.words if word not in replaced][:MAX_RETRIED_LINES]
    if not lines or not retry.fraktur:
        return retry
    started = time.monotonic()
    try:
        picture, skew = await _sharper_picture(context, reading, image)
        found = await context.engines.read_lines(picture, lines, skew, languages=retry.fraktur)
    except EngineError as error:
        context.record_attempt("tesseract", "error", f"reading of Fraktur: {error.message}", started)
        return retry
    readings = zip(lines, found.lines, strict=True)
    better = {line: _with_figures_of(reading, line, words) for line, words in readings if _is_of_fraktur(line, words)}
    if not better:
        return retry
    merged = replace(retry.reading.replace_lines(better), engine="tesseract")
    note = f"{retry.note}, and {len(better)} other lines: the page is Fraktur"
    return replace(retry, reading=merged, note=note)


async def _retry_fraktur(context: PageContext, reading: Reading, image: PageImage) -> Retry:
    """Return the reading with the words that a pack for Fraktur is sure of; as it is if there is none."""
    lines = reading.words[:MAX_RETRIED_LINES]
    started = time.monotonic()
    try:
        picture, skew = await _sharper_picture(context, reading, image)
        found = await context.engines.read_lines(picture, lines, skew, FRAKTUR)
    except EngineError as error:
        context.record_attempt("tesseract", "error", f"reading of Fraktur: {error.message}", started)
        return Retry(reading)
    merged = {line: merge_fraktur(line.text, words) for line, words in zip(lines, found.lines, strict=True)}
    changed = {line: text for line, text in merged.items() if text != line.text}
    if not changed:
        return Retry(reading)
    note = f"tesseract read words of {len(changed)} lines again as {found.languages[0]}: the page is Fraktur"
    return Retry(reading.spell_lines(changed), tried=True, before="long s was read as f", note=note)


def describe_unknown_script(reading: Reading, retry: Retry, image: PageImage | None) -> str:
    """Return what to say of a page of which much is in letters that no engine here knows; empty if that is not so.

    Lines that were not read beside others in the same script are poor print, and uneven ones handwriting.
    """
    handwritten = image is not None and image.ink_facts.uneven and reading.unread_share <= MAX_UNEVEN_UNREAD_SHARE
    if (retry.note and not retry.script) or handwritten:
        return ""
    if reading.unknown_share <= MAX_UNKNOWN_SHARE and reading.unread_share <= MAX_UNREAD_SHARE:
        return ""
    share = max(reading.unknown_share, reading.unread_share)
    letters = f"{retry.script} letters" if retry.script else "letters"
    return f"{share:.0%} of the writing is in {letters} that cannot be read here. {advise_packs(retry.script)}"


async def _sharper_picture(context: PageContext, reading: Reading, image: PageImage) -> tuple[PageImage, Skew]:
    """Return the picture that Tesseract reads best, and the skew by which it must still be straightened.

    It is the picture that was read if the other one was straightened otherwise.
    """
    sharper = await context.image_for("tesseract")
    if abs(sharper.skew.degrees - image.skew.degrees) > MAX_SKEW_DIFFERENCE_DEGREES:
        sharper = image
    return sharper, Skew() if sharper.skew.degrees else reading.skew


def _describe_packs(counts: Counter[str]) -> str:
    """Return the packs that lines were read with; with the number of lines, most first, if they are several."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({lines})" for name, lines in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _is_better(words: list[Word], line: Word) -> bool:
    return confident_letters(words) > BETTER_LETTERS_RATIO * confident_letters([line], at_least=0)


def _is_of_fraktur(line: Word, words: list[Word]) -> bool:
    """Return whether packs for Fraktur read a line of letters well enough to take their reading of it."""
    return any(map(str.isalpha, line.text)) and confidence_in(words) >= MIN_FRAKTUR_CONFIDENCE


def _with_figures_of(reading: Reading, line: Word, words: Sequence[Word]) -> list[Word]:
    """Return Tesseract's words of a line with the figures that the reading has in their places."""
    return with_own_figures(words, reading.parts_of_lines.get(line, [line]))


def _length_of(lines: Iterable[Word]) -> float:
    return sum(line.right - line.left for line in lines)


def is_worth_it(reading: Reading, marks: InkFacts) -> bool:
    """Return whether Tesseract may read the uncertain lines better; not handwriting, which it reads worse and slowly."""
    if not reading.uncertain_lines or reading.unread_share < MIN_RETRY_UNREAD_SHARE:
        return False
    return not marks.uneven or reading.unread_share > MAX_UNEVEN_UNREAD_SHARE
