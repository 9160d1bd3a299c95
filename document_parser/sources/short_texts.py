"""Which older encoding a short text is in: the one in which its words are words.

Statistics need more letters than a short mail or a small table has: they take five letters of German for Urdu or Chinese.
"""

from __future__ import annotations

import re
import unicodedata

MAX_LETTERS = 24
"""Letters beyond ASCII up to which a text is short."""
_WESTERN = frozenset("äöüßáàâãåæçéèêëíìîïñóòôõøœúùûÿ")
"""Letters of Western Europe. Without those that Windows-1252 has where other encodings have frequent letters: ð, þ, ý, š, ž."""
_SIGNS = frozenset("„“”‚‘’‹›«»–—…•·€£§°©®™¡¿ºª²³½¼¾№\u00a0")
_CANDIDATES = (("cp1252", ""), ("cp1251", "CYRILLIC"), ("koi8_r", "CYRILLIC"), ("cp1253", "GREEK"))
"""Encodings in the order in which they are tried, each with the script of its words; empty for Latin."""
_WORD = re.compile(r"[^\W\d_]+")


def encoding_of_short(data: bytes) -> str:
    """Return the encoding of a short text; empty if the text is long, or its words are words in none that is known."""
    if not 0 < sum(byte > 127 for byte in data) <= MAX_LETTERS:
        return ""
    return next((encoding for encoding, script in _CANDIDATES if _fits(data, encoding, script)), "")


def _fits(data: bytes, encoding: str, script: str) -> bool:
    """Return whether a text is made of words of a script in an encoding, and of the usual signs."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    if any(not sign.isascii() and not sign.isalpha() and sign not in _SIGNS for sign in text):
        return False
    if re.search(r"[^\W\d_][§°©®™„¡¿€£№ªº²³½¼¾…•](?=[^\W\d_])", text):
        return False
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return all(_is_word(word, script) for word in words)


def _is_word(word: str, script: str) -> bool:
    """Return whether letters are a word of a script: in small letters, in capitals, or with one capital in front."""
    if not (word.islower() or word.isupper() or word.istitle()):
        return False
    if script:
        return all(unicodedata.name(letter, "").startswith(script) for letter in word)
    beyond = [letter.lower() for letter in word if not letter.isascii()]
    return all(letter in _WESTERN for letter in beyond) and (len(beyond) < len(word) or len(word) == 1)
