"""Words and ruling lines as arrays of bytes, between an opener child and the process that asks it.

A child may have been taken over by the file it reads, so what it sends is data to be checked: sizes, numbers, texts and links.
Columns follow from the fields of Word: a field whose default is a bool is a flag, an int a direction, and a float or None a
number.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from document_parser.models import RulingLine, Word
from document_parser.sources.base import MAX_RULINGS
from document_parser.text.spans import safe_link_of

MAX_RECEIVED_WORDS = 400_000
"""Words of a page that are accepted, twice as many as the text layer may have runs. Decoding so many takes two seconds."""
MAX_RECEIVED_BYTES = 1 << 26
"""Bytes of the words of a page that are accepted, their texts and links included."""
_SIZES = struct.Struct("<III")
"""The number of words, and the bytes of their texts and of their links."""
_SECTION = struct.Struct("<q")
"""The bytes of a section; -1 if there is none."""
_FULL_TURN_DEGREES = 360
_DEFAULTS = Word._field_defaults
_FLAGS = tuple(name for name in Word._fields if isinstance(_DEFAULTS.get(name), bool))
_DIRECTIONS = tuple(name for name in Word._fields if type(_DEFAULTS.get(name)) is int)
_NUMBERS = tuple(name for name in Word._fields if name not in ("text", "link", *_FLAGS, *_DIRECTIONS))
_OPTIONAL = tuple(name for name in _NUMBERS if _DEFAULTS.get(name, 0.0) is None)
"""Numbers that may be None, which is written as NaN."""
_LINKS = TypeAdapter(list[tuple[str, list[int]]])


class _Columns(NamedTuple):
    """The bytes of words before their texts and links, as arrays: numbers (f, n), flags and directions (n), lengths (n)."""

    numbers: NDArray[np.float64]
    flags: NDArray[np.uint32]
    directions: NDArray[np.uint16]
    lengths: NDArray[np.uint32]


def encode_words(words: Sequence[Word]) -> bytes:
    """Encode words: sizes, numbers, flags, directions, lengths of the texts, texts, links.

    A link is written once, with the numbers of its words, because many words share it. A surrogate becomes ``?``.
    """
    columns = dict(zip(Word._fields, zip(*words, strict=True), strict=True)) if words else dict.fromkeys(Word._fields, ())
    texts: Sequence[str] = columns["text"]
    links: dict[str, list[int]] = {}
    for number, link in enumerate(columns["link"]):
        if link:
            links.setdefault(link, []).append(number)
    text = "".join(texts).encode("utf-8", "replace")
    linked = json.dumps(list(links.items())).encode() if links else b""
    flags = np.zeros(len(words), dtype="<u4")
    for place, name in enumerate(_FLAGS):
        if any(columns[name]):
            flags |= np.array(columns[name], dtype="<u4") << place
    return b"".join(
        (
            _SIZES.pack(len(words), len(text), len(linked)),
            *(np.array(columns[name], dtype="<f8").tobytes() for name in _NUMBERS),
            flags.tobytes(),
            *(np.array(columns[name], dtype="<u2").tobytes() for name in _DIRECTIONS),
            np.fromiter(map(len, texts), dtype="<u4", count=len(texts)).tobytes(),
            text,
            linked,
        )
    )


def decode_words(payload: bytes) -> list[Word]:
    """Return the words that ``encode_words`` encoded. Raises ValueError for what it never writes."""
    count, text_size, links_size = _read_sizes(payload)
    columns, at = _read_columns(payload, count)
    if len(payload) != at + text_size + links_size:
        raise ValueError("words of another size than they have")
    texts = _split(payload[at : at + text_size].decode("utf-8"), columns.lengths)
    by_name: dict[str, Iterable[Any]] = {"text": texts, "link": [""] * count}
    by_name.update(zip(_NUMBERS, _check_numbers(columns.numbers), strict=True))
    used = int(np.bitwise_or.reduce(columns.flags, initial=0))
    for place, name in enumerate(_FLAGS):
        is_used = used >> place & 1
        by_name[name] = (columns.flags >> place & 1).astype(bool).tolist() if is_used else [False] * count
    by_name.update(dict.fromkeys(_DIRECTIONS, columns.directions.tolist()))
    words: list[Word] = list(map(_NEW, repeat(Word), zip(*(by_name[name] for name in Word._fields), strict=True)))
    return _attach_links(words, _LINKS.validate_json(payload[-links_size:])) if links_size else words


_NEW = tuple.__new__
"""Makes a Word of its fields at half the cost."""


def _read_sizes(payload: bytes) -> tuple[int, int, int]:
    """Return the number of words, and the bytes of their texts and links. Raises ValueError."""
    if not _SIZES.size <= len(payload) <= MAX_RECEIVED_BYTES:
        raise ValueError("no words, or more than a page has")
    count, text_size, links_size = _SIZES.unpack_from(payload)
    if count > MAX_RECEIVED_WORDS:
        raise ValueError("more words than a page has")
    return count, text_size, links_size


def _read_columns(payload: bytes, count: int) -> tuple[_Columns, int]:
    """Return the columns of words, and where they end. Raises ValueError."""
    at = _SIZES.size
    found: list[NDArray[Any]] = []
    for kind, rows in (("<f8", len(_NUMBERS)), ("<u4", 1), ("<u2", len(_DIRECTIONS)), ("<u4", 1)):
        array = np.frombuffer(payload, dtype=kind, count=rows * count, offset=at) if count else np.zeros(0, dtype=kind)
        at += array.nbytes
        found.append(array)
    numbers, flags, directions, lengths = found
    if (flags >> len(_FLAGS)).any() or (directions >= _FULL_TURN_DEGREES).any():
        raise ValueError("flags or directions that do not exist")
    return _Columns(numbers.reshape(len(_NUMBERS), count), flags, directions, lengths), at


def _check_numbers(numbers: NDArray[np.float64]) -> list[list[float | None]]:
    """Return the columns of numbers (f, n) as lists. Raises ValueError for one that is not finite, except NaN for None."""
    finite = np.isfinite(numbers)
    columns: list[list[float | None]] = numbers.tolist()
    for place in np.flatnonzero(~finite.all(axis=1)).tolist():
        if _NUMBERS[place] not in _OPTIONAL or np.isinf(numbers[place]).any():
            raise ValueError("a number that is not finite")
        known = finite[place].tolist()
        columns[place] = [value if is_known else None for value, is_known in zip(columns[place], known, strict=True)]
    return columns


def _split(text: str, lengths: NDArray[np.uint32]) -> list[str]:
    """Cut a text into pieces of these lengths. Raises ValueError if they are not as long as the text together."""
    ends = list(accumulate(lengths.tolist()))
    if (ends[-1] if ends else 0) != len(text):
        raise ValueError("texts of other lengths than they have")
    return [text[start:end] for start, end in zip(chain((0,), ends), ends, strict=False)]


def _attach_links(words: list[Word], links: Sequence[tuple[str, Sequence[int]]]) -> list[Word]:
    """Return the words with their links. Raises ValueError for links that ``encode_words`` never writes."""
    if sum(len(numbers) for _, numbers in links) > len(words):
        raise ValueError("more words with links than words")
    for address, numbers in links:
        if safe_link_of(address) != address or not all(0 <= number < len(words) for number in numbers):
            raise ValueError("a link that may not be one")
        for number in numbers:
            words[number] = words[number]._replace(link=address)
    return words


def encode_rulings(rules: Sequence[RulingLine]) -> bytes:
    """Encode ruling lines as four numbers each."""
    return np.array(rules, dtype="<f8").tobytes()


def decode_rulings(payload: bytes) -> list[RulingLine]:
    """Return the ruling lines that ``encode_rulings`` encoded. Raises ValueError for what it never writes."""
    numbers = np.frombuffer(payload, dtype="<f8").reshape(-1, len(RulingLine._fields))
    if len(numbers) > MAX_RULINGS:
        raise ValueError("more ruling lines than a page may have")
    if not np.isfinite(numbers).all():
        raise ValueError("a number that is not finite")
    return list(map(RulingLine._make, numbers.tolist()))


def join_sections(sections: Sequence[bytes | None]) -> bytes:
    """Join payloads, each behind its size; None is kept apart from an empty one."""
    return b"".join(_SECTION.pack(-1) if one is None else _SECTION.pack(len(one)) + one for one in sections)


def split_sections(payload: bytes, count: int) -> list[bytes | None]:
    """Return the payloads that ``join_sections`` joined. Raises ValueError for another number of them, or other sizes."""
    found: list[bytes | None] = []
    at = 0
    for _ in range(count):
        if at + _SECTION.size > len(payload):
            raise ValueError("fewer sections than there must be")
        (size,) = _SECTION.unpack_from(payload, at)
        at += _SECTION.size
        if size < -1 or at + size > len(payload):
            raise ValueError("a section of another size than it has")
        found.append(None if size < 0 else payload[at : at + size])
        at += max(0, size)
    if at != len(payload):
        raise ValueError("more than the sections")
    return found
