"""Names of members: which encoding they are in, and equal ones told apart."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

_EAST_ASIAN = (
    ("cp932", re.compile(r"[\u3041-\u30ff]"), r"\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f"),
    ("euc_kr", re.compile(r"[\uac00-\ud7a3]"), r"\uac00-\ud7a3\u3000-\u303f"),
    ("gb18030", re.compile(r"[\u4e00-\u9fff]"), r"\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e\u201c\u201d\u2018\u2019"),
)
"""Encodings of names by programs in East Asia, a letter that proves one, and the letters that its names are made of."""


def decode_names(names: Sequence[bytes], otherwise: str) -> list[str]:
    """Return the names of one archive: in UTF-8 where they fit it, the others all in one older encoding.

    That is one of East Asia if all of them fit it and have no single letter of it within Latin ones, as names in a Western
    encoding would have; else ``otherwise``.
    """
    old = [name for name in names if not _is_utf8(name)]
    encoding = next((one[0] for one in _EAST_ASIAN if _fits(old, *one)), otherwise) if old else "utf-8"
    return [name.decode("utf-8" if _is_utf8(name) else encoding, "replace") for name in names]


def numbered(names: Iterable[str]) -> list[str]:
    """Return the names, later equal ones with a number before their extension: ``name (2).txt``."""
    taken: dict[str, None] = {}
    for name in names:
        taken[unused_name(name, taken)] = None
    return list(taken)


def unused_name(name: str, taken: Container[str]) -> str:
    """Return the name, with a number before its extension if it is taken."""
    if name not in taken:
        return name
    folder, slash, last = name.rpartition("/")
    stem, dot, extension = last.rpartition(".")
    if not stem:
        stem, dot, extension = last, "", ""
    number = 2
    while (found := f"{folder}{slash}{stem} ({number}){dot}{extension}") in taken:
        number += 1
    return found


def _is_utf8(name: bytes) -> bool:
    """Return whether a name is UTF-8; ASCII is."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _fits(names: Sequence[bytes], encoding: str, proof: re.Pattern[str], letters: str) -> bool:
    """Return whether names can all be in an encoding of East Asia, and one has a letter that proves it."""
    try:
        text = "\n".join(name.decode(encoding) for name in names)
    except UnicodeDecodeError:
        return False
    if not proof.search(text) or re.search(rf"[^\x00-\x7f{letters}]", text):
        return False
    return not re.search(rf"(?<![{letters}])[{letters}](?=[A-Za-z])|(?<=[A-Za-z])[{letters}](?![{letters}])", text)
