"""Compare texts as people do: without Markdown's marks, case, kinds of quotes and dashes, and lengths of white space."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import NamedTuple

_MARKUP = re.compile(
    r"!?\[(?!\^)|\]\([^()\s]*\)|\](?!\()|</?[A-Za-z][^<>]*>|<!--|-->|&(?:[A-Za-z]+|#\d+|#x[0-9A-Fa-f]+);|\\(?=[!-/:-@\[-`{-~])|[*_`~#|]+"
)
"""What Markdown adds to the words: links, tags, entities, escapes, emphasis, heads of headings, bars of tables."""
_SPACING = re.compile(r"</?(?:td|th|tr|br|p|li|table|thead|tbody)\b", re.IGNORECASE)
_SAME = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
}


class _Letters(dict[int, str]):
    """Characters as they are compared, each worked out once."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        same = _SAME.get(character)
        if same is None:
            folded = unicodedata.normalize("NFKC", character).casefold()
            same = "".join(_SAME.get(one, one) for one in folded)
        self[code] = "".join(" " if one.isspace() else one for one in same)
        return self[code]


_LETTERS = _Letters()


class Folded(NamedTuple):
    """A folded text, and for each of its characters the index of the one of the original that it comes from."""

    text: str
    origins: list[int]


def fold(text: str) -> str:
    """Return a text as it is compared: words with one space between them, without any at its ends."""
    return " ".join(_MARKUP.sub(_instead, text).translate(_LETTERS).split())


def fold_with_origins(text: str) -> Folded:
    """Return what ``fold`` returns, with the origin of each character."""
    found: list[tuple[str, int]] = []
    at = 0
    for match in _MARKUP.finditer(text):
        found += _letters(text[at : match.start()], at)
        found += [(letter, match.start()) for one in _instead(match) for letter in _LETTERS[ord(one)]]
        at = match.end()
    found += _letters(text[at:], at)
    kept: list[tuple[str, int]] = []
    for letter, origin in found:
        is_space = letter == " "
        if not is_space or (kept and kept[-1][0] != " "):
            kept.append((letter, origin))
    if kept and kept[-1][0] == " ":
        kept.pop()
    return Folded("".join(letter for letter, _ in kept), [origin for _, origin in kept])


def _letters(text: str, at: int) -> list[tuple[str, int]]:
    return [(letter, index) for index, one in enumerate(text, at) for letter in _LETTERS[ord(one)]]


def _instead(match: re.Match[str]) -> str:
    """Return what is compared in place of Markdown's marks."""
    mark = match[0]
    if mark.startswith("&"):
        return html.unescape(mark)
    if "|" in mark or _SPACING.match(mark):
        return " "
    return ""
