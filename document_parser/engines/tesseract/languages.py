"""List Tesseract's language packs by script.

The names are those of Tesseract's own packs (tessdata, "Languages supported in different versions of Tesseract"). The pack of a
whole script, if it is installed, knows all languages of the script and Latin letters as well.
"""

from __future__ import annotations

from collections.abc import Collection

AUTO = "auto"
"""The setting that chooses the packs by the page."""
NOT_LANGUAGES = frozenset({"osd", "equ"})
"""Packs that detect scripts and formulas and read no language."""

DEFAULT_PACKS = (
    "eng", "osd", "rus", "ukr", "bul", "srp", "bel", "ell", "grc", "kor", "ara", "fas", "urd", "heb", "hin", "mar", "nep",
    "ben", "tam", "tel", "guj", "pan", "tha", "khm", "kat", "hye", "vie", "ces", "pol", "tur", "ron", "frk",
)  # fmt: skip
"""The packs that ``docparse languages add default`` brings: 34 MB to download."""

SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latin": ("Latin", "eng", "fra", "spa", "deu", "por", "ita", "nld", "pol", "tur", "ces", "ron", "hun", "slk", "hrv", "ind"),
    "Vietnamese": ("Vietnamese", "vie"),
    "Fraktur": ("frk", "Fraktur"),  # nine pages of German books of the 19th century: word F1 .912 with frk, .883 with Fraktur
    "Cyrillic": ("Cyrillic", "rus", "ukr", "srp", "bul", "bel", "mkd", "kaz"),
    "Arabic": ("Arabic", "ara", "fas", "urd", "pus", "uig"),
    "Korean": ("Hangul", "kor"),
    "Devanagari": ("Devanagari", "hin", "mar", "nep", "san"),
    "Greek": ("Greek", "ell", "grc"),
    "Hebrew": ("Hebrew", "heb", "yid"),
    "Thai": ("Thai", "tha"),
    "Bengali": ("Bengali", "ben", "asm"),
    "Tamil": ("Tamil", "tam"),
    "Telugu": ("Telugu", "tel"),
    "Kannada": ("Kannada", "kan"),
    "Malayalam": ("Malayalam", "mal"),
    "Gujarati": ("Gujarati", "guj"),
    "Gurmukhi": ("Gurmukhi", "pan"),
    "Oriya": ("Oriya", "ori"),
    "Sinhala": ("Sinhala", "sin"),
    "Lao": ("Lao", "lao"),
    "Khmer": ("Khmer", "khm"),
    "Myanmar": ("Myanmar", "mya"),
    "Tibetan": ("Tibetan", "bod", "dzo"),
    "Georgian": ("Georgian", "kat"),
    "Armenian": ("Armenian", "hye"),
    "Ethiopic": ("Ethiopic", "amh", "tir"),
    "Japanese": ("Japanese", "jpn"),
    "Han": ("HanS", "HanT", "chi_sim", "chi_tra"),
    "Syriac": ("Syriac", "syr"),
    "Thaana": ("Thaana", "div"),
    "Cherokee": ("Cherokee", "chr"),
}
"""Packs by script, under the names of Tesseract's script detection, in the order in which they are tried.

Vietnamese and Fraktur stand by themselves: packs of other Latin writing do not know their letters.
"""


def advise_packs(script: str = "") -> str:
    """Return the sentence that says how to bring the packs that read a script; of all usual ones if it is not known."""
    wanted = [name for name in SCRIPTS.get(script, ()) if name in DEFAULT_PACKS] or list(SCRIPTS.get(script, ()))[1:2]
    return f"Bring the language: docparse languages add {' '.join(wanted) or 'default'}"


def scripts_of(packs: Collection[str]) -> list[str]:
    """Return the scripts that these packs read, in the order of SCRIPTS."""
    return [script for script, known in SCRIPTS.items() if not set(known).isdisjoint(packs)]


def describe_scripts(packs: Collection[str]) -> str:
    """Return the scripts that RapidOCR and these packs read, joined by commas."""
    return ", ".join(dict.fromkeys(["Latin", "Han", "Japanese", *scripts_of(packs)]))
