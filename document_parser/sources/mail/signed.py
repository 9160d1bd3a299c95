"""The text inside opaque S/MIME signatures: it is not encrypted, only wrapped in the signature's own format.

Source: RFC 8551 (S/MIME 4.0), RFC 5652 (SignedData), and the basic encoding rules of X.690. Signatures are not verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SIGNED_TYPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
"""Media types of parts that are encrypted, or signed with their text inside."""
MAX_DEPTH = 20
"""Depth of elements within elements."""
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""The object identifier of SignedData, as it is encoded."""
_SEQUENCE, _OCTETS, _OCTETS_IN_PIECES, _EXPLICIT = 0x30, 0x04, 0x24, 0xA0
_MANY_BYTES = 0x80
"""In a length: the bytes that it has; with none the element lasts until two zero bytes."""


class _Element(NamedTuple):
    """An element: its tag, and where its content begins and ends."""

    tag: int
    start: int
    end: int


def signed_content(data: bytes) -> bytes | None:
    """Return the message that an opaque signature holds; None for what is encrypted, is something else, or is damaged."""
    try:
        outer = next(_children(data, 0, len(data)))
        if data[outer.start : outer.start + len(_SIGNED_DATA)] != _SIGNED_DATA:
            return None
        _, wrapped = _children(data, outer.start, outer.end)
        signed = next(_children(data, wrapped.start, wrapped.end))
        inner = next(child for child in _children(data, signed.start, signed.end) if child.tag == _SEQUENCE)
        _, content = _children(data, inner.start, inner.end)
        return b"".join(_octets(data, content.start, content.end, 0)) if content.tag == _EXPLICIT else None
    except (IndexError, ValueError, StopIteration):
        return None


def _octets(data: bytes, start: int, end: int, depth: int) -> Iterator[bytes]:
    """Yield the bytes of strings, which may be written in pieces."""
    for child in _children(data, start, end):
        if child.tag == _OCTETS:
            yield data[child.start : child.end]
        elif child.tag == _OCTETS_IN_PIECES and depth < MAX_DEPTH:
            yield from _octets(data, child.start, child.end, depth + 1)


def _children(data: bytes, start: int, end: int) -> Iterator[_Element]:
    """Yield the elements between two places. Raises IndexError and ValueError for what is none."""
    while start < end and data[start : start + 2] != b"\0\0":
        element, start = _element(data, start, end, 0)
        yield element


def _element(data: bytes, at: int, end: int, depth: int) -> tuple[_Element, int]:
    """Return the element at a place, and where the next one begins."""
    if depth > MAX_DEPTH:
        raise ValueError("elements nest too deeply")
    tag, length, start = data[at], data[at + 1], at + 2
    if length == _MANY_BYTES:
        inner = start
        while data[inner : inner + 2] != b"\0\0":
            _, inner = _element(data, inner, end, depth + 1)
        return _Element(tag, start, inner), inner + 2
    if length > _MANY_BYTES:
        count = length - _MANY_BYTES
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + length > end:
        raise ValueError("an element reaches beyond what holds it")
    return _Element(tag, start, start + length), start + length
