"""Choose which of Tesseract's installed language packs fits a page, by its script and by trials.

The names are those of Tesseract's own packs (tessdata, "Languages supported in different versions of Tesseract"). The pack of a
whole script, if it is installed, knows all languages of the script and Latin letters as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

AUTO = "auto"
"""The setting that chooses the packs by the page."""
NOT_LANGUAGES = frozenset({"osd", "equ"})
"""Packs that detect scripts and formulas and read no language."""
MAX_LANGUAGES_PER_SCRIPT = 3
"""How many installed packs of a script are tried: the script's own and the languages most written."""

SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latin": ("Latin", "eng", "fra", "spa", "deu", "por", "ita", "nld", "pol", "tur", "vie", "ind"),
    "Cyrillic": ("Cyrillic", "rus", "ukr", "srp", "bul", "bel", "mkd", "kaz"),
    "Arabic": ("Arabic", "ara", "fas", "urd", "pus", "uig"),
    "Devanagari": ("Devanagari", "hin", "mar", "nep", "san"),
    "Bengali": ("Bengali", "ben", "asm"),
    "Tamil": ("Tamil", "tam"),
    "Telugu": ("Telugu", "tel"),
    "Kannada": ("Kannada", "kan"),
    "Malayalam": ("Malayalam", "mal"),
    "Gujarati": ("Gujarati", "guj"),
    "Gurmukhi": ("Gurmukhi", "pan"),
    "Oriya": ("Oriya", "ori"),
    "Sinhala": ("Sinhala", "sin"),
    "Thai": ("Thai", "tha"),
    "Lao": ("Lao", "lao"),
    "Khmer": ("Khmer", "khm"),
    "Myanmar": ("Myanmar", "mya"),
    "Tibetan": ("Tibetan", "bod", "dzo"),
    "Georgian": ("Georgian", "kat"),
    "Armenian": ("Armenian", "hye"),
    "Greek": ("Greek", "ell", "grc"),
    "Hebrew": ("Hebrew", "heb", "yid"),
    "Ethiopic": ("Ethiopic", "amh", "tir"),
    "Korean": ("Hangul", "kor"),
    "Japanese": ("Japanese", "jpn"),
    "Han": ("HanS", "HanT", "chi_sim", "chi_tra"),
    "Syriac": ("Syriac", "syr"),
    "Thaana": ("Thaana", "div"),
    "Cherokee": ("Cherokee", "chr"),
}
"""Packs by script, under the names of Tesseract's script detection, in the order in which they are tried."""


def choose_languages(installed: Collection[str], script: str, letters: Callable[[str], float]) -> str:
    """Return the language packs to read with, joined by ``+``. Empty if none is installed.

    ``script`` is the detected script of the page. If it is empty, the first pack of every script is tried. Then the packs of
    the script are tried, alone and together with English. ``letters`` returns how many letters a trial read with confidence.
    """
    packs = {name: found for name, known in SCRIPTS.items() if (found := _installed_of(known, installed))}
    if not packs:
        return "+".join(sorted(installed)[:MAX_LANGUAGES_PER_SCRIPT])
    if script not in packs:
        script = max(packs, key=lambda name: letters(packs[name][0])) if len(packs) > 1 else next(iter(packs))
    trials = list(_trials_of(packs[script], installed))
    return max(trials, key=letters) if len(trials) > 1 else trials[0]


def _installed_of(known: tuple[str, ...], installed: Collection[str]) -> list[str]:
    return [name for name in known if name in installed][:MAX_LANGUAGES_PER_SCRIPT]


def _trials_of(packs: list[str], installed: Collection[str]) -> Iterator[str]:
    yield from packs
    if "eng" in installed:
        yield from (f"{name}+eng" for name in packs if name != "eng")
