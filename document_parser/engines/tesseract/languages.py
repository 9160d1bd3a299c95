"""Which of Tesseract's installed language packs fits a page: the packs by script, and the trials that tell them apart.

The names are those of Tesseract's own packs (tessdata, "Languages supported in different versions of Tesseract"). A pack of a
whole script, where it is installed, knows all its languages and Latin letters beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

AUTO = "auto"
NOT_LANGUAGES = frozenset({"osd", "equ"})
"""Packs that detect scripts and formulas."""
MAX_LANGUAGES_PER_SCRIPT = 3
"""Of one script, so many languages are tried: those most written."""

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
"""By the names that Tesseract's detection of scripts gives them."""


def fitting(installed: Collection[str], script: str, letters: Callable[[str], float]) -> str:
    """The packs to read with, joined by ``+``; empty where none is installed.

    ``script`` is what the page was seen to be written in, or empty: then the first pack of every script is tried. The languages
    of the script are tried next, alone and with English beside them. ``letters`` says how many letters a trial read surely.
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
