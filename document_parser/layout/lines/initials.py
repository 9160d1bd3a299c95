"""Join drop caps to the word that they begin. Lengths are in points."""

from __future__ import annotations

from collections.abc import Sequence

from document_parser.layout.lines.units import size_of
from document_parser.models import Word

MIN_INITIAL_RATIO = 1.7
"""Font size of a drop cap divided by that of the text beside it, at least."""
MAX_INITIAL_GAP_EM = 1.4
"""Font sizes of the text between a drop cap and the first line beside it, at most: some stand in a coloured box."""
MIN_LETTER_WIDTH_RATIO = 0.4
"""Width over height of the box of a letter that OCR read, at least."""
MAX_OVERLAP_EM = 0.2
"""Font sizes of the text by which a word may reach into a drop cap, or begin beside the edge where it does."""


def join_initials(words: Sequence[Word]) -> list[Word]:
    """Return the words with each drop cap joined to the first word of the highest line beside it.

    A drop cap is one large letter whose foot is below that line. The joined word has the line's height. If the word beside it
    occurs by itself elsewhere on the page, as after "A" or "I", or begins a word, the letter stays a word of its own, with the
    line's height.
    """
    found = list(words)
    initials = [word for word in words if len(word.text) == 1 and word.text.isupper() and _may_be_letter(word)]
    if not initials:
        return found
    sizes = list(map(size_of, words))
    smallest = MIN_INITIAL_RATIO * min(sizes)
    by_size: dict[float, list[Word]] = {}
    for initial in initials:
        most = size_of(initial)
        if most < smallest:  # the cheap sign that it is no drop cap: no word is smaller
            continue
        if most not in by_size:
            by_size[most] = [word for word, size in zip(words, sizes, strict=True) if most >= MIN_INITIAL_RATIO * size]
        small = by_size[most]
        follower = _follower_of(initial, small) if len(small) > 1 else None
        if follower is None:
            continue
        place, at = _place_of(initial, found), _place_of(follower, found)
        rest = follower.text.split()[0]
        alone = follower.text[:1].islower() and _is_word(rest, initial.text + rest, words)
        if alone or _begins_word(follower.text):
            found[place] = _seat(initial, follower)
        else:
            found[at] = follower._replace(text=initial.text + follower.text, left=initial.left)
            del found[place]
    return found


def _may_be_letter(word: Word) -> bool:
    """Return whether a letter is one as far as its box says: OCR reads the ruling between two columns as "I" at times."""
    return word.size_points > 0 or word.right - word.left >= MIN_LETTER_WIDTH_RATIO * (word.bottom - word.top)


def _follower_of(initial: Word, words: Sequence[Word]) -> Word | None:
    """Return the first word of the highest line beside a drop cap; None if the letter is no drop cap.

    ``words`` are those that are smaller than a drop cap of its size makes them.
    """
    level = [
        word
        for word in words
        if word.bottom > initial.top
        and word.top < initial.bottom
        and word.left - initial.right < MAX_INITIAL_GAP_EM * size_of(word)
    ]
    beside = [word for word in level if word.left - initial.right >= -MAX_OVERLAP_EM * size_of(word)]
    under = [word for word in level if _is_under(word, initial)]
    if under and beside:  # a typesetter that makes no room for the letter in the first line
        beside = [under[0], *(word for word in beside if word.top > under[0].bottom)]
    if len(beside) < 2:
        return None
    first, second = sorted(beside, key=lambda word: word.top)[:2]
    return first if second.top > first.top + 0.5 * size_of(first) and first.bottom < initial.bottom - 1 else None


def _is_under(word: Word, initial: Word) -> bool:
    """Return whether a word is printed over the upper half of a drop cap, and begins where it does."""
    middle = (word.top + word.bottom) / 2
    starts = abs(word.left - initial.left) < MAX_OVERLAP_EM * size_of(word)
    return starts and initial.top < middle < (initial.top + initial.bottom) / 2


def _begins_word(text: str) -> bool:
    """Return whether a text goes on no word: it begins with a digit, or with one capital before small letters."""
    return text[:1].isdigit() or (text[:1].isupper() and text[1:2].islower())


def _place_of(word: Word, words: Sequence[Word]) -> int:
    """Return the place of this very word."""
    return next(number for number, other in enumerate(words) if other is word)


def _is_word(text: str, joined: str, words: Sequence[Word]) -> bool:
    """Return whether a text occurs as a word elsewhere on the page, and joined to the letter does not."""
    texts = [text.strip(".,;:!?").casefold() for word in words for text in word.text.split()]
    return texts.count(text.casefold()) > 1 and joined.casefold() not in texts


def _seat(initial: Word, follower: Word) -> Word:
    """Return a drop cap with the height and the size of the line that it begins."""
    return initial._replace(
        top=follower.top, bottom=follower.bottom, size_points=follower.size_points, baseline=follower.baseline
    )
