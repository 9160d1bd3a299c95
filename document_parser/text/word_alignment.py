"""Find for each word of a text the word of the page that it was written from, so that every word has a place of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from document_parser.text.normalize import tokenize
from document_parser.text.word_places import PagePiece

MAX_ALIGNED_WORDS = 4000
"""Words of a text and of its place on the page, together, that are aligned in order; of more, equal words are taken in turn."""


def align_words(words: Sequence[str], pieces: Sequence[PagePiece]) -> list[PagePiece | None]:
    """Return the word of the page for each word of a text, in its order. None for a word that is not found there.

    ``pieces`` are those of the text's place, line by line. Each is used once. A word that is broken over two lines has the
    place of its beginning. Letters and digits are compared; words that differ in one place, between others that are equal,
    are taken for different readings of the same.
    """
    if not pieces:
        return [None] * len(words)
    wanted, known = [_key(word) for word in words], [_key(piece.text) for piece in pieces]
    found: list[PagePiece | None] = [None] * len(words)
    left = set(range(len(pieces)))
    if len(words) + len(pieces) <= MAX_ALIGNED_WORDS:
        for at, place in _in_order(wanted, known):
            if place in left:
                found[at] = pieces[place]
                left.discard(place)
    _take_equal(wanted, known, pieces, found, left)
    return found


def align_texts(texts: Sequence[str], pieces: Sequence[PagePiece]) -> Iterator[list[PagePiece]]:
    """Yield the words of the page that are the words of each text; the texts, such as cells of a table, share one place."""
    aligned = iter(align_words([word for text in texts for word in text.split()], pieces))
    for text in texts:
        yield [piece for _ in text.split() if (piece := next(aligned)) is not None]


def _key(word: str) -> str:
    """Return the letters and digits of a word in comparable form; the word itself if it has none."""
    return "".join(tokenize(word)) or word


def _in_order(wanted: Sequence[str], known: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the index of a word, and that of the page's word that stands in its place."""
    for tag, start, end, first, last in SequenceMatcher(None, wanted, known, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and end - start == last - first):
            yield from zip(range(start, end), range(first, last), strict=True)
        elif tag == "replace":
            yield from _joined(wanted, known, (start, end), (first, last))


def _joined(
    wanted: Sequence[str], known: Sequence[str], ours: tuple[int, int], theirs: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield as ``_in_order`` where several words of one side are one of the other: the first of them has its place."""
    at, place = ours[0], theirs[0]
    while at < ours[1] and place < theirs[1]:
        first, second, mine, other = at, place, wanted[at], known[place]
        while mine != other:
            if len(mine) < len(other) and other.startswith(mine) and at + 1 < ours[1]:
                at += 1
                mine += wanted[at]
            elif len(other) < len(mine) and mine.startswith(other) and place + 1 < theirs[1]:
                place += 1
                other += known[place]
            else:
                return
        yield first, second
        at, place = at + 1, place + 1


def _take_equal(
    wanted: Sequence[str], known: Sequence[str], pieces: Sequence[PagePiece], found: list[PagePiece | None], left: set[int]
) -> None:
    """Give words without a place an equal word of the page that is left: of several, the one nearest to the word before."""
    free: defaultdict[str, list[int]] = defaultdict(list)
    for place in sorted(left):
        free[known[place]].append(place)
    line = 0
    for at, piece in enumerate(found):
        if piece is None and (places := free.get(wanted[at])):
            nearest = min(places, key=lambda place: abs(pieces[place].line - line))
            places.remove(nearest)
            piece = found[at] = pieces[nearest]
        line = piece.line if piece is not None else line
