"""Recognise what a list item begins with: bullets, numbers and letters of many scripts, and the numbers of clauses."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIGNS = "•◦▪‣∙●○■□→➢➤➔►▸❖◆◇⁃◾◽❑✦✓✔✗✘·–—*\uf0b7\uf0a7\uf0d8\uf076\uf0fc-"
"""Signs that stand before an item, those of symbol fonts by their private codes too."""
SPEAKING_BULLETS = frozenset("✓✔✗✘")
"""Bullets that say something of their items: they stay in the text."""
DRAWN_BULLETS = "".join(sorted(frozenset(_SIGNS) - SPEAKING_BULLETS - {"-"}))
"""Bullets that say nothing: the white behind one parts it from its item, as that behind a number does. Without the hyphen."""
_BULLET = re.compile(rf"([{_SIGNS}])\s+(?=\S)")
_BULLET_ALONE = re.compile("([•◦▪‣●■►❖\uf0b7\uf0a7\uf0d8](?=[^\\W_])|。(?=\\s?[A-Za-z0-9]))")
"""Bullets without white behind them, and the Chinese full stop, as which OCR reads a small circle."""
_HEBREW, _ARABIC, _HANGUL = "א-ת", "أابجدهوزحطيكلمن", "가나다라마바사아자차카타파하"
_CYRILLIC, _GREEK = "абвгдежзиклмн", "α-κ"
_NUMBER = re.compile(
    r"(\(?\d{1,3}[.)]|\[\d{1,3}\]|\(?(?P<letter>[a-z])(?P=letter)?[)]|[a-z]\.|\(?[ivx]{1,5}[)]|[ivx]{2,5}\.|\(?[A-Z]\)|\(?[IVX]{2,5}[)]|[IVX]{2,5}\."
    rf"|\(?[{_CYRILLIC}{_GREEK}{_HEBREW}{_HANGUL}]\)|[{_GREEK}{_HEBREW}{_HANGUL}]\.|[{_ARABIC}][-.)]"
    r"|[①-⑳])\s+(?=\S)"
)
_IDEOGRAPHIC = re.compile(
    r"([一二三四五六七八九十]{1,3}[、．]|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,3}[、．]|[①-⑳])\s*(?=\S)"
)
"""Numbers of Chinese and Japanese items: no space follows them."""
_CAPITAL = re.compile(r"([A-Z]|[IVX]{1,5})\.\s+(?=\S)")
"""A capital or a Roman number before an item, or the initial of a name: others in their order decide."""
_CLAUSE = re.compile(r"(\d{1,2}(?:\.\d{1,3}){1,4})\.?")
_ENTRY = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,3})\.?\s+(?=[^\W\d_])")
_CORE = re.compile(r"\w+")
_WORD = re.compile(r"[A-Za-z]{6}|[A-Za-z]{1,5}[ ,]")
"""What no marker begins with, and most lines do: so many letters, or letters without a stop or bracket."""
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV")
_FIRST = frozenset("1aiAIаαאأ가一①१๑١")
"""Numbers and letters with which a list begins."""


@dataclass(frozen=True, slots=True)
class ListMarker:
    """The bullet or number that a list item begins with."""

    text: str
    bullet: bool

    @property
    def styles(self) -> frozenset[str]:
        """Return the styles of list that the marker may belong to, as "1.", "(a)" or "(i)": an i is a letter or a number."""
        if self.bullet:
            return SPEAKING_BULLETS if self.text in SPEAKING_BULLETS else frozenset({self.text})  # one list has both
        core = _CORE.search(self.text)
        if core is None:
            return frozenset({self.text})
        before, after, letters = self.text[: core.start()], self.text[core.end() :], core[0]
        found = set()
        if letters.isdecimal():
            found.add("1")
        elif re.fullmatch("[ivxIVX]+", letters):
            found.add("i" if letters.islower() else "I")
        if len(letters) == 1 and not letters.isdecimal():
            found.add("a" if letters.islower() else "A")
        elif len(letters) == 2 and letters[0] == letters[1] and not found:
            found.add("aa")
        return frozenset(f"{before}{style}{after}" for style in found or {"1"})

    @property
    def number(self) -> int | None:
        """Return the marker's number, None if it has none."""
        core = _CORE.search(self.text)
        return int(core[0]) if core and core[0].isdecimal() else None

    @property
    def is_first(self) -> bool:
        """Return whether a list may begin with the marker: a bullet, or the first number or letter."""
        core = _CORE.search(self.text)
        return self.bullet or core is None or core[0] in _FIRST or core[0] == "aa"


def list_marker_of(text: str) -> ListMarker | None:
    """Return the bullet or number that a line begins with, or None."""
    if _WORD.match(text):
        return None
    bullet = _BULLET.match(text) or _BULLET_ALONE.match(text)
    if bullet:
        return ListMarker(bullet[1], True)
    number = _NUMBER.match(text) or (None if text.isascii() else _IDEOGRAPHIC.match(text))
    return ListMarker(number[1], False) if number else None


def section_number_of(text: str) -> str | None:
    """Return the number of a section or entry that a text begins with, as "4" or "4.1"; None if it begins with none."""
    number = _ENTRY.match(text)
    return number[1] if number else None


def capital_of(text: str) -> str | None:
    """Return the capital or Roman number with a stop that a text begins with; None if it begins with none."""
    found = _CAPITAL.match(text)
    return found[1] if found else None


def is_next_capital(capital: str, before: str) -> bool:
    """Return whether a capital or Roman number follows another one in its order."""
    letters = len(capital) == len(before) == 1 and ord(capital) == ord(before) + 1
    return letters or (before in _ROMAN[:-1] and _ROMAN[_ROMAN.index(before) + 1] == capital)


def is_marker(word: str) -> bool:
    """Return whether a word is a bullet, the number of an item, or that of a clause, as 4.2, and nothing else."""
    if word.isalpha():
        return False  # as most words; a marker has a stop, a bracket, a sign or digits
    marker = list_marker_of(f"{word} x")
    return (marker is not None and marker.text == word) or _CLAUSE.fullmatch(word) is not None


def is_successor(number: str, before: str) -> bool:
    """Return whether a section number such as 4.2 follows another one: the next one beside it, or the first one below."""
    if "." not in number:
        return False
    above, now = ([int(part) for part in parts.split(".")] for parts in (before, number))
    if len(now) > len(above):
        return now == [*above, 1]
    return now == [*above[: len(now) - 1], above[len(now) - 1] + 1]
