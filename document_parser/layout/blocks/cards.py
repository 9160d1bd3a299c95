"""Recognise cards side by side: texts under headings of their own, in rows of two or more, as staff or courses of a web page.

Cards look like a table whose rows are their lines. Each is read whole, row by row. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.layout.lines.lines import Line

MIN_HEADING_RATIO = 1.08
"""Font size of a card's heading divided by that of the text, at least, if it is not bold."""
MIN_FIGURE_RATIO = 1.5
"""Font size of a key figure divided by that of the words below it, at least."""
MIN_TEXT_CHARACTERS = 16
"""Characters of the middle line of the cards' text, at least."""
MAX_CARD_LINES = 7
"""Lines of a card, at most, but for two single ones that are a paragraph each: longer texts are stories, or rows."""
MAX_PITCH_RATIO = 1.3
"""Distance of two lines of a paragraph divided by the usual one, at most."""
MAX_LEVEL_OFFSET_EM = 0.3
"""Font sizes by which the headings of cards in a row may differ in height."""

Card = Sequence[Line]
"""The lines of a card, its heading first."""


def find_card_edges(left: Sequence[Line], right: Sequence[Line], size: float) -> list[float] | None:
    """Return the heights between rows of cards, and below a title above them, from top to bottom; empty for one row.

    None if the lines are no cards. ``left`` and ``right`` are the lines on both sides of a gutter; those of several cards may
    be one line. ``size`` is the body font size.
    """
    start = max(left[0].top, right[0].top) - size
    title = [line for line in (*left, *right) if line.bottom < start]
    if any(line.text[:1].islower() or has_sentence_end(line.text) for line in title):
        return None  # it ends a text above
    cards, others = (_split_cards([line for line in side if line.bottom >= start], size) for side in (left, right))
    if not cards or not others or len(others) > len(cards):
        return None
    heads = zip(cards, others, strict=False)
    level = all(abs(one[0].middle - other[0].middle) < MAX_LEVEL_OFFSET_EM * size for one, other in heads)
    if not level or not (_are_key_figures([*cards, *others]) or _are_texts(cards, others)):
        return None
    edges = [start] if title else []
    for above, below in pairwise(range(len(cards))):
        row = [*cards[above], *(others[above] if above < len(others) else ())]
        top = min(side[below][0].top for side in (cards, others) if below < len(side))
        end = max(line.bottom for line in row)
        if end > top:
            return None
        edges.append((end + top) / 2)
    return edges


def _split_cards(lines: Sequence[Line], size: float) -> list[list[Line]]:
    """Return the cards of one side of a gutter; empty if it does not begin with a heading, or a card has no text."""
    cards: list[list[Line]] = []
    for place, line in enumerate(lines):
        is_head = _is_heading(line, size)
        if is_head and (place == 0 or not _is_heading(lines[place - 1], size)):
            cards.append([])
        if not cards:
            return []
        cards[-1].append(line)
    short = all(len(card) <= MAX_CARD_LINES for card in cards) or (len(cards) == 1 and _is_paragraph(cards[0][1:]))
    return cards if short and all(not _is_heading(card[-1], size) for card in cards) else []


def _is_heading(line: Line, size: float) -> bool:
    """Return whether a line is bold or larger than the text."""
    return line.bold or line.size > MIN_HEADING_RATIO * size


def _are_key_figures(cards: Sequence[Card]) -> bool:
    """Return whether each card is a figure in large letters with a few words below it, as slides and reports have them."""
    return all(
        any(map(str.isdigit, card[0].text))
        and all(line.size * MIN_FIGURE_RATIO <= card[0].size and not any(map(str.isdigit, line.text)) for line in card[1:])
        for card in cards
    )


def _is_paragraph(lines: Sequence[Line]) -> bool:
    """Return whether lines follow each other without a gap, so that they are no rows of a table."""
    pitches = [below.middle - above.middle for above, below in pairwise(lines)]
    return bool(pitches) and max(pitches) <= MAX_PITCH_RATIO * median(pitches)


def _are_texts(*sides: Sequence[Card]) -> bool:
    """Return whether the cards of each side hold sentences: most end with one, and lines within go on."""
    within: list[str] = []
    for cards in sides:
        texts = [[line for line in card if line.size <= card[0].size and not line.bold] for card in cards]
        if not all(texts) or median(len(line.text) for text in texts for line in text) < MIN_TEXT_CHARACTERS:
            return False
        if 2 * sum(has_sentence_end(text[-1].text) for text in texts) <= len(texts):
            return False
        within += [line.text for text in texts for line in text[:-1]]
    return bool(within) and 2 * sum(map(has_sentence_end, within)) < len(within)
