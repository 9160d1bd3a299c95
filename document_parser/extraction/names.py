"""Read names of persons and organisations as forms have them: with a title or an address behind them, or in two lines."""

from __future__ import annotations

import re

from document_parser.extraction.values import Value

MAX_PERSON_WORDS = 5
"""Words of a person's name, at most."""
MAX_CONTINUED_WORDS = 5
"""Words of the second line of a name, at most."""
MIN_NAME_LETTERS = 2
"""Letters of a name, at least: a single one is a mark."""

_CONNECTING = frozenset(
    ("of", "the", "and", "for", "de", "la", "du", "des", "der", "die", "und", "y", "e", "et", "&", "-", "von")
)
"""Words of names that have small letters."""
_ADDRESS = re.compile(r",?\s+(?:P\.? ?O\.? Box\b|\d{1,5}[A-Za-z]?,?\s+(?=[^\W\d_])).*$")
"""The address behind a name: it begins with the number of a house."""
_SUFFIX = re.compile(r"(?:jr|sr|esq|ii|iii|iv|ph\.? ?d|m\.? ?d|j\.? ?d|cpa)\b\.?", re.IGNORECASE)
"""What stands behind a comma and belongs to a person's name."""
_BEFORE_PERSON = re.compile(r"(?:.*\b(?:by|per|name)\s*:|\W*/s/)?[\W\d_]*", re.IGNORECASE)
_PERSON_WORD = re.compile(r"[^\W\d_][\w.'’/-]*")
_JOINED_NAMES = re.compile(r"[A-Z][a-z]{2,}(?:[A-Z][a-z]{2,})+")
_NOT_OF_PERSONS = re.compile(
    r"(?<![^\W_])(?:president|director|partner|manager|officer|chairman|secretary|treasurer|counsel|attorney|notary|public|state"
    r"|county|city|commission|department|office|board|government|consul|delegate|general|deputy|assistant|executive|chief|vice"
    r"|managing|agent|registrant|signature|signed|date|name|title|print|type|subscribed|sworn|undersigned|street|avenue"
    r"|new york|columbia|division|section|unit|united|states|form|page|inc|llc|llp|ltd|l\.l\.p|l\.p|corp|gmbh|company"
    r"|association|corporation|registration|statement|amendment|international|received|expires|geschäftsführer|vorstand|directeur|gérant)(?![^\W_])",
    re.IGNORECASE,
)


def find_name(value: Value) -> list[Value]:
    """Return the name at the start of a text, without the address behind it; nothing if there are no letters."""
    text = str(value.value)
    address = _ADDRESS.search(text)
    name = text[: address.start()] if address and address.start() > MIN_NAME_LETTERS else text
    if sum(map(str.isalpha, name)) < MIN_NAME_LETTERS:
        return []
    return [value._replace(value=name, end=value.start + len(name))]


def goes_on(line: str) -> bool:
    """Return whether a line below a name may be the rest of it: few words with capitals, and no digits."""
    words = line.split()
    if not words or len(words) > MAX_CONTINUED_WORDS or any(map(str.isdigit, line)) or not words[0][0].isalpha():
        return False
    return all(word.casefold().strip(".,()") in _CONNECTING or word.lstrip("(")[:1].isupper() for word in words)


def find_person(text: str) -> tuple[int, int] | None:
    """Return where the name of a person stands in a text, without a title behind it; None if the text is another one.

    A name has two words or more with capitals. Its letters may be misread: a digit is one at most in a word.
    """
    before = _BEFORE_PERSON.match(text)
    start = before.end() if before else 0
    end = _end_of_person(text, start)
    name = text[start:end]
    words = name.split()
    if _NOT_OF_PERSONS.search(name) or not (len(words) > 1 or _JOINED_NAMES.fullmatch(name)) or len(words) > MAX_PERSON_WORDS:
        return None
    is_name = all(
        _PERSON_WORD.fullmatch(word.rstrip(",")) and (word[0].isupper() or word in _CONNECTING) and _digits(word) < 2
        for word in words
    )
    return (start, end) if is_name and any(sum(map(str.isalpha, word)) > 2 for word in words) else None


def _end_of_person(text: str, start: int) -> int:
    """Return where a person's name ends: before a comma that no suffix such as "Jr." follows, or before a bracket."""
    for mark in re.finditer(r"\s*[,(;]\s*|\s+[-–—]\s+", text[start:]):
        suffix = _SUFFIX.match(text, start + mark.end())
        if "," not in mark[0] or not suffix:
            return start + mark.start()
        return suffix.end()
    return start + len(text[start:].rstrip(" /|:"))


def _digits(word: str) -> int:
    return sum(map(str.isdigit, word))
