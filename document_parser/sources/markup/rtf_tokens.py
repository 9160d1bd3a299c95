"""The words, groups and bytes that a file of rich text consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})?[ ]?|((?:\\'[0-9a-fA-F]{2})+)|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n\x00]+)"
    rb"|[\r\n\x00]+|\\'?",
    re.S,
)


def tokens(data: bytes, start: int) -> Iterator[tuple[str, int | None, bytes]]:
    """Yield the words, groups and bytes of a file; binary data is one token of the length that the file says."""
    at = start
    while (match := _TOKEN.match(data, at)) is not None and match.end() > at:
        at = match.end()
        word, number, digits, sign, group, text = match.groups()
        if word is not None:
            name, value = word.decode("ascii"), int(number) if number else None
            if name == "bin":
                end = min(len(data), at + max(0, value or 0))
                yield "bin", None, data[at:end]
                at = end
            else:
                yield name, value, b""
        elif digits is not None:
            yield "hex", None, bytes.fromhex(digits.replace(b"\\'", b"").decode("ascii"))
        elif sign is not None:
            yield from _sign(sign)
        elif group is not None:
            yield group.decode("ascii"), None, b""
        elif text is not None:
            yield "bytes", None, text


def _sign(sign: bytes) -> Iterator[tuple[str, int | None, bytes]]:
    """Yield what a backslash with a sign stands for."""
    if sign in {b"\\", b"{", b"}"}:
        yield "bytes", None, sign
    elif sign == b"~":
        yield "bytes", None, b" "
    elif sign == b"_":
        yield "bytes", None, b"-"
    elif sign in {b"\r", b"\n"}:
        yield "par", None, b""
    elif sign == b"*":
        yield "*", None, b""
