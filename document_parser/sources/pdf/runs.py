"""Join runs of characters that PDFium parts although the file does not: before ligatures, between spaced letters, in words.

Runs in the opener child.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from document_parser.sources.pdf import calls
from document_parser.sources.pdf.glyphs import Characters
from document_parser.sources.pdf.page_text import Run

MAX_BROKEN_GAP_EM = 0.03
"""Font sizes between the end of a character and the origin of the next one of its word, at most; kerning is less."""
MAX_KERNING_EM = 0.1
"""Font sizes from the end of a letter to the origin of the next one of its word, at most, in a font that says its widths."""
MIN_SPACED_LETTERS = 5
"""Letters in a row, at least, that spacing parts rather than a table or a formula."""
MAX_SPACING_DIFFERENCE_EM = 0.04
"""Font sizes by which the gaps between spaced letters differ, at most: kerning."""
MAX_EVEN_SPACING_EM = 0.3
"""Font sizes between letters, at most, if no gap is wider: single letters between plain spaces look like it."""
MAX_SPACING_EM = 1.0
"""Font sizes between letters, at most, if wider gaps part words: columns are further apart."""
MIN_WORD_GAP_EM = 0.15
"""Font sizes by which a gap between spaced words is wider than between their letters, at least."""
_LINE_END = "\r\n"


def join_runs(characters: Characters, runs: list[Run]) -> list[Run]:
    """Return runs with those joined that are one word on the page, in the same order."""
    joined = list(_join_broken(characters, runs))
    # Few pages have letters in a row: their lengths as bytes show it in one search.
    are_single = bytes(len(text) == 1 for text, _, _ in joined)
    return list(_join_spaced(characters, joined)) if b"\1" * MIN_SPACED_LETTERS in are_single else joined


def _join_broken(characters: Characters, runs: list[Run]) -> Iterator[Run]:
    """Yield runs, those joined between which PDFium ends a line although the next character follows at once."""
    last, end = ("", 0, 0), -1 - len(_LINE_END)
    for run in runs:
        text, first, count = run
        if first - end == len(_LINE_END) and _is_broken(characters, last, run):
            run = last[0] + text, last[1], first + count - last[1]
        elif end >= 0:
            yield last
        last, end = run, first + count
    if end >= 0:
        yield last


def _is_broken(characters: Characters, last: Run, run: Run) -> bool:
    """Return whether two runs are one word: the two characters between them are a line's end that the file does not have."""
    end = last[1] + last[2]
    if characters.page_text.character_at(end) != _LINE_END[0]:
        return False
    (_, level), (x, y) = characters.origin_of(end - 1), characters.origin_of(run[1])
    if y != level or not characters.are_alike(end - 1, run[1]) or not characters.is_upright(run[1]):
        return False
    return abs(x - characters.loose_rect_of(end - 1).right) <= MAX_BROKEN_GAP_EM * characters.size_of(run[1])


def is_space_added_inside(characters: Characters, run: tuple[int, int], after: tuple[int, int]) -> bool:
    """Return whether only a space that PDFium added parts two runs: the second begins where the first one ends.

    Runs are given as their first and last character. A font that does not say how wide its letters are shows nothing, nor do
    two single letters.
    """
    if after[0] - run[1] != 2 or not characters.is_upright(after[0]):
        return False
    if calls.is_generated(characters.page_text.address, run[1] + 1) != 1 or not characters.are_alike(run[1], after[0]):
        return False
    inside = [_gap_em(characters, first, first + 1) for first, last in (run, after) if last > first]
    known = len(inside) > 0 and all(abs(gap) <= MAX_KERNING_EM for gap in inside)
    return known and abs(_gap_em(characters, run[1], after[0])) <= MAX_BROKEN_GAP_EM


def _gap_em(characters: Characters, before: int, after: int) -> float:
    """Return the font sizes from the end of a character to the origin of another."""
    gap = characters.origin_of(after)[0] - characters.loose_rect_of(before).right
    return gap / (characters.size_of(after) or 1.0)


def _join_spaced(characters: Characters, runs: list[Run]) -> Iterator[Run]:
    """Yield runs, those of single letters joined whose spacing is the same."""
    start = 0
    while start < len(runs):
        end = start
        while end < len(runs) and _is_letter(runs[end]) and (end == start or _follows(characters, runs[end - 1], runs[end])):
            end += 1
        if end - start >= MIN_SPACED_LETTERS:
            yield from _join_letters(characters, runs[start:end])
        else:
            end = max(end, start + 1)
            yield from runs[start:end]
        start = end


def _is_letter(run: Run) -> bool:
    return len(run[0]) == 1 and run[0].isalpha()


def _follows(characters: Characters, letter: Run, after: Run) -> bool:
    """Return whether a letter stands to the right of another on its line, with no more than one character between them."""
    (x, y), (after_x, after_y) = characters.origin_of(letter[1]), characters.origin_of(after[1])
    return (
        after[1] - letter[1] <= 2
        and y == after_y
        and x < after_x
        and characters.size_of(letter[1]) == characters.size_of(after[1])
    )


def _join_letters(characters: Characters, letters: Sequence[Run]) -> Iterator[Run]:
    """Yield the words of spaced letters, or the letters themselves if their gaps are not those of spacing."""
    size = characters.size_of(letters[0][1])
    gaps = [
        characters.origin_of(after[1])[0] - characters.loose_rect_of(letter[1]).right for letter, after in pairwise(letters)
    ]
    is_space = [after[1] - letter[1] == 2 and _is_own(characters, letter[1] + 1) for letter, after in pairwise(letters)]
    usual = sorted(gaps)[len(gaps) // 3]
    parts = [space or gap > usual + MIN_WORD_GAP_EM * size for gap, space in zip(gaps, is_space, strict=True)]
    inside = [gap for gap, part in zip(gaps, parts, strict=True) if not part]
    limit = MAX_SPACING_EM if any(parts) else MAX_EVEN_SPACING_EM
    if len(inside) * 2 < len(gaps) or max(inside) - min(inside) > MAX_SPACING_DIFFERENCE_EM * size or usual > limit * size:
        yield from letters
        return
    word = [letters[0]]
    for part, letter in zip(parts, letters[1:], strict=True):
        if part:
            yield _joined(word)
            word = []
        word.append(letter)
    yield _joined(word)


def _is_own(characters: Characters, index: int) -> bool:
    """Return whether a space is the file's own, rather than one that PDFium added."""
    if calls.is_generated(characters.page_text.address, index) == 1:
        return False
    return calls.get_text_object(characters.page_text.address, index) is not None


def _joined(letters: Sequence[Run]) -> Run:
    """Return runs as one."""
    first, last = letters[0][1], letters[-1][1] + letters[-1][2]
    return "".join(text for text, _, _ in letters), first, last - first
