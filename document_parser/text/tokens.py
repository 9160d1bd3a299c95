"""Count tokens without a network, exactly as the encoding cl100k_base of OpenAI's embedding models does.

The vocabulary is a file of the program: ``cl100k_base.xz`` has the length of each token as one byte, then the tokens, in the
order of their ranks. Source: https://github.com/openai/tiktoken (MIT, Copyright (c) 2022 OpenAI, Shantanu Jain), whose merging
of byte pairs and whose pattern are followed here.
"""

from __future__ import annotations

import functools
import heapq
import lzma
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

ENCODING = "cl100k_base"
"""The name of the encoding."""
TOKENS = 100_256
"""The number of tokens of the vocabulary, without special ones."""
VOCABULARY = Path(__file__).with_name(f"{ENCODING}.xz")
"""The file with the vocabulary."""
MAX_PIECES_KEPT = 1 << 14
"""Pieces of text whose numbers of tokens are kept: words come again and again."""
MAX_PIECE_CHARACTERS_KEPT = 64
"""Characters of a piece whose number of tokens is kept; longer ones hardly come again."""

_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
"""How a text is split into pieces before byte pairs are merged."""


def count_tokens(text: str) -> int:
    """Return the number of tokens of a text. Lone surrogates count as question marks."""
    pieces = _pieces().findall(text)
    if max(map(len, pieces), default=0) <= MAX_PIECE_CHARACTERS_KEPT:
        return sum(map(_count_known, pieces))
    return sum(_count_known(piece) if len(piece) <= MAX_PIECE_CHARACTERS_KEPT else _count_piece(piece) for piece in pieces)


@functools.cache
def _pieces() -> Any:
    """Return the compiled pattern of pieces."""
    import regex  # loaded when tokens are first counted; most processes never do

    return regex.compile(_PATTERN, regex.V1)


@functools.cache
def ranks() -> dict[bytes, int]:
    """Return the rank of each token of the vocabulary by its bytes. Takes about 15 MB."""
    raw = lzma.decompress(VOCABULARY.read_bytes())
    places = accumulate(raw[:TOKENS], initial=TOKENS)
    return {raw[start:end]: rank for rank, (start, end) in enumerate(pairwise(places))}


@functools.lru_cache(MAX_PIECES_KEPT)
def _count_known(piece: str) -> int:
    """Return the number of tokens of a short piece."""
    return _count_piece(piece)


def _count_piece(piece: str) -> int:
    """Return the number of tokens of a piece: neighbours are merged, those of the lowest rank first, until none are a token.

    A heap holds the pairs that may be merged, so that a piece of n bytes takes n log n steps.
    """
    known, data = ranks(), piece.encode("utf-8", "replace")
    if data in known:
        return 1
    ends = list(range(1, len(data) + 1))  # by the start of each part: where it ends, 0 once it is part of the one before
    starts = list(range(-1, len(data) - 1))  # by the start of each part: where the one before begins
    pairs = [(rank, at, at + 2) for at in range(len(data) - 1) if (rank := known.get(data[at : at + 2])) is not None]
    heapq.heapify(pairs)
    left = len(data)
    while pairs:
        _, at, end = heapq.heappop(pairs)
        middle = ends[at]
        if not middle or middle >= len(data) or ends[middle] != end:
            continue  # one of the two was merged with another meanwhile
        ends[at], ends[middle] = end, 0
        left -= 1
        if end < len(data):
            starts[end] = at
            _offer(data, at, ends[end], pairs)
        if starts[at] >= 0:
            _offer(data, starts[at], end, pairs)
    return left


def _offer(data: bytes, start: int, end: int, pairs: list[tuple[int, int, int]]) -> None:
    """Add the pair between two places to those that may be merged, if it is a token."""
    rank = ranks().get(data[start:end])
    if rank is not None:
        heapq.heappush(pairs, (rank, start, end))
