"""Find page numbers, running heads and stamps that one page alone makes obvious."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from document_parser.layout.blocks.block_kinds import has_sentence_end
from document_parser.layout.lines.lines import Line, body_size, lines_of, split_at_gaps
from document_parser.layout.lines.units import Scale
from document_parser.models import Block, RulingLine, Word
from document_parser.text.identifiers import find_identifiers
from document_parser.text.page_words import NAMED_PAGE_NUMBER, PLAIN_PAGE_NUMBER

NUMBER_MARGIN_SHARE = 0.08
"""Share of the page height at its top and bottom in which a page number may be."""
CENTRED_MARGIN_SHARE = 0.14
"""The same for a page number in the middle of the page width, and for a foot of several parts."""
HEAD_MARGIN_SHARE = 0.06
"""The same for page headers and footers."""
LONE_MARGIN_SHARE, MIN_LONE_DISTANCE_EM = 0.07, 2.0
"""The same for one line in the size of the text, and font sizes of white between it and the content, at least: text begins at
an inch, or after a line of the head's pitch."""
SMALL_MARGIN_SHARE, MIN_SMALL_DISTANCE_EM = 0.1, 1.5
"""The same for one line in smaller letters."""
MIN_CONTENT_CHARACTERS = 150
"""Characters of the content of a page, at least: two lines or three."""
MAX_LONE_SIZE_RATIO = 1.05
"""Font size of such a line divided by the body's, at most."""
MAX_LONE_CHARACTERS = 100
"""Characters of such a line, at most."""
MAX_HEAD_SIZE_RATIO = 0.92
"""Font size of a running head divided by the body's, at most."""
MAX_MARGIN_LINES = 3
"""Lines of a running head, at most; one page alone does not distinguish more lines from content."""
MAX_STAMP_CHARACTERS = 150
"""Characters of a stamp, at most."""
MIN_PART_GAP_EM = 2.0
"""Font sizes of the gap between the parts of a running head."""
MIN_HEAD_DISTANCE_EM = 1.5
"""Font sizes of white below a running head with a page number that is farther from the edge, at least."""
RULED_MARGIN_SHARE = 0.12
"""Share of the page height in which a running head with a ruling may be: on copies and photographs with the table around it."""
MAX_RULING_DISTANCE_EM, MIN_RULING_SHARE = 1.5, 0.9
"""Font sizes between such a head and its ruling, at most; length of the ruling divided by the content's width, at least."""

_SECTION = re.compile(r"(?:[^\W\d_]+\s?(?:\d{1,3}|[A-Z]|[IVXLC]+)[.:]|(?:\d{1,3}|[A-Z])(?:\.\d{1,3}){1,4}[.,、]?)\s?[^\W\d_].*")
"""A chapter or section with its number and title: *Chapter 3. Methods*, *2.4 Results*, *Appendix D. Tables*."""
_STAMP = re.compile(r"(?:downloaded|retrieved|printed) from\b|published (?:by|online)\b", re.IGNORECASE)
_EDITION = re.compile(
    r"(?:rev(?:ision|\.)?|version|edition)\W{0,3}[\dA-Z][\w.-]{0,9}|(?:©|copyright\b|confidential\b).{0,60}"
    r"|\d{1,2}\.?\s+[^\W\d_]{3,9}\.?,?\s+\d{4}|[^\W\d_]{3,9}\.?\s+\d{1,2},?\s+\d{4}|\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    re.IGNORECASE,
)

Edge = Literal["top", "bottom"]
"""The edge of the page that a margin is at."""


def split_furniture(
    words: list[Word], scale: Scale, rules: Sequence[RulingLine] = ()
) -> tuple[list[Block], list[Word], list[Block]]:
    """Return (blocks of the top margin, words of the content, blocks of the bottom margin). Boxes are in points."""
    body = body_size(words)
    top = _find_margin_lines(words, scale, body, "top") or _find_ruled_head(words, scale, body, rules)
    rest = _remove_lines(words, top)
    bottom = _find_margin_lines(rest, scale, body, "bottom")
    content = _remove_lines(rest, bottom)
    number = _find_lone_number(content, scale, body)
    feet = [block for line in [*number, *bottom] for block in _blocks_of_line(line, "bottom", scale, body)]
    return [block for line in top for block in _blocks_of_line(line, "top", scale, body)], _remove_lines(content, number), feet


def _remove_lines(words: list[Word], lines: Sequence[Line]) -> list[Word]:
    """Return the words without those of the lines."""
    taken = {id(word) for line in lines for word in line.words}
    return [word for word in words if id(word) not in taken] if taken else words


def _find_margin_lines(words: list[Word], scale: Scale, body: float, edge: Edge) -> list[Line]:
    """Return the outermost lines as far as they are furniture, from top to bottom."""
    height = scale.height
    if edge == "top":
        zone = [word for word in words if (word.top + word.bottom) / 2 / height < CENTRED_MARGIN_SHARE]
    else:
        zone = [word for word in words if 1 - (word.top + word.bottom) / 2 / height < CENTRED_MARGIN_SHARE]
    lines = lines_of(zone)
    outermost = (lines if edge == "top" else lines[::-1])[:MAX_MARGIN_LINES]
    found = _count_numbered_lines(outermost, scale, body) if edge == "bottom" else 0
    for count, line in enumerate(outermost, 1):
        rest = _remove_lines(words, outermost[:count])
        if count <= found:
            continue
        if _is_furniture(line, rest, scale, body, edge):
            found = count
        elif not _is_small_print(line, scale, body, edge):
            break
    return outermost[:found] if edge == "top" else outermost[:found][::-1]


def _count_numbered_lines(lowest: Sequence[Line], scale: Scale, body: float) -> int:
    """Return how many of the lowest lines end with one that names the page as such, *Page 2 of 4*; 0 if none does.

    The foot of a form is close to its boxes. At the top such a line may name a patient: it is furniture if others are alike.
    """
    count = 0
    for number, line in enumerate(lowest, 1):
        if identifiers_of_margin_line(line.text):
            return 0
        if max(_distance_from_edge(word, scale, "bottom") for word in line.words) >= NUMBER_MARGIN_SHARE:
            break
        if any(NAMED_PAGE_NUMBER.fullmatch(part.text) for part in split_at_gaps(line, MIN_PART_GAP_EM * body)):
            count = number
    return count


def _distance_from_edge(word: Word, scale: Scale, edge: Edge) -> float:
    """Return the distance of the middle of a word from an edge, as a share of the page height."""
    middle = (word.top + word.bottom) / 2 / scale.height
    return middle if edge == "top" else 1 - middle


def _is_furniture(line: Line, rest: Sequence[Word], scale: Scale, body: float, edge: Edge) -> bool:
    """Return whether a line is furniture, by its text, its size and the gap between it and ``rest``, the content.

    A line with an account, a tax number or a telephone number is not: one page alone does not show whether others have it too.
    """
    if identifiers_of_margin_line(line.text):
        return False
    distance = _distance_to(line, rest, edge)
    if distance < body:
        return False
    away = max(_distance_from_edge(word, scale, edge) for word in line.words)
    if PLAIN_PAGE_NUMBER.fullmatch(line.text):
        return away < NUMBER_MARGIN_SHARE or abs(line.left + line.right - scale.width) < 0.05 * scale.width
    return (
        _is_small_print(line, scale, body, edge)
        or (distance >= 1.2 * body and _is_split_furniture(line, rest, body, edge, away))
        or _is_lone_head(line, rest, body, distance, away)
    )


def _is_lone_head(line: Line, rest: Sequence[Word], body: float, distance: float, away: float) -> bool:
    """Return whether one line far from the content is no part of it: in small letters, or at the very edge.

    Not a date, which may be a letter's, nor the end of a sentence, nor code. Sizes estimated by an OCR are no evidence. On a
    page with next to no text nothing tells the head of the page from its only line.
    """
    text = line.text
    if not line.has_known_size or any(word.mono for word in line.words) or _EDITION.fullmatch(text):
        return False
    if len(text) > MAX_LONE_CHARACTERS or sum(len(word.text) for word in rest) < MIN_CONTENT_CHARACTERS:
        return False
    if has_sentence_end(text) or text[:1].islower() or not any(map(str.isalpha, text)):
        return False
    if line.size <= MAX_HEAD_SIZE_RATIO * body and away < SMALL_MARGIN_SHARE:
        return distance >= MIN_SMALL_DISTANCE_EM * body
    return line.size <= MAX_LONE_SIZE_RATIO * body and away < LONE_MARGIN_SHARE and distance >= MIN_LONE_DISTANCE_EM * body


def _is_small_print(line: Line, scale: Scale, body: float, edge: Edge) -> bool:
    """Return whether a line is short, at the very edge and in small letters, or the stamp of an archive."""
    if max(_distance_from_edge(word, scale, edge) for word in line.words) >= HEAD_MARGIN_SHARE or identifiers_of_margin_line(
        line.text
    ):
        return False
    return (
        len(line.text) <= MAX_STAMP_CHARACTERS
        if _STAMP.search(line.text)
        else line.size <= MAX_HEAD_SIZE_RATIO * body and len(line.text) <= 100
    )


def identifiers_of_margin_line(text: str) -> frozenset[str]:
    """Return the identifiers in a line of a margin. An archive's stamp has none: its addresses are those of readers."""
    return frozenset() if _STAMP.search(text) else find_identifiers(text)


def _is_split_furniture(line: Line, rest: Sequence[Word], body: float, edge: Edge, away: float) -> bool:
    """Return whether parts of a line are at the ends of the content's width, and one of them is a page number or an edition.

    A date alone does not count: it may be a letter's. Bank accounts and addresses in such a line are content.
    """
    parts = split_at_gaps(line, MIN_PART_GAP_EM * body)
    if len(parts) < 2 or not rest:
        return False
    width = max(word.right for word in rest) - min(word.left for word in rest)
    if line.width < 0.8 * width:
        return False
    numbered = any(PLAIN_PAGE_NUMBER.fullmatch(part.text) for part in (parts[0], parts[-1]))
    if numbered and (away < NUMBER_MARGIN_SHARE or _is_far_head(parts, rest, body, edge)):
        return True
    editions = sum(_EDITION.fullmatch(part.text) is not None for part in parts)
    return edge == "bottom" and editions >= 2


def _is_far_head(parts: Sequence[Line], rest: Sequence[Word], body: float, edge: Edge) -> bool:
    """Return whether a page number and a title, farther from the edge than most, have more white below them than lines have.

    A row of a table has the next row close below it.
    """
    if edge != "top" or not any(any(map(str.isalpha, part.text)) for part in parts):
        return False
    first = lines_of(rest)[:2]
    below = first[0].top - max(part.bottom for part in parts)
    return below >= MIN_HEAD_DISTANCE_EM * body and (len(first) < 2 or below > first[1].top - first[0].bottom + body / 2)


def _find_ruled_head(words: list[Word], scale: Scale, body: float, rules: Sequence[RulingLine]) -> list[Line]:
    """Return the first line if it names chapter and section at the two ends of a ruling as wide as the content; else nothing.

    A row of headings over a ruled table has no numbers of sections, the head of a letter or an invoice has identifiers.
    """
    lines = lines_of([word for word in words if _distance_from_edge(word, scale, "top") < RULED_MARGIN_SHARE])
    if not lines or identifiers_of_margin_line(lines[0].text):
        return []
    line, rest = lines[0], _remove_lines(words, lines[:1])
    parts = split_at_gaps(line, MIN_PART_GAP_EM * body)
    if len(parts) != 2 or not rest or not all(_SECTION.fullmatch(part.text) for part in parts):
        return []
    width = max(word.right for word in rest) - min(word.left for word in rest)
    start = min(word.top for word in rest)
    ruled = any(
        rule.right - rule.left >= MIN_RULING_SHARE * width
        and rule.bottom - rule.top < body / 2
        and line.middle < rule.top <= min(start, line.bottom + MAX_RULING_DISTANCE_EM * body)
        for rule in rules
    )
    return [line] if ruled and _is_wide(rest, scale) else []


def _find_lone_number(words: list[Word], scale: Scale, body: float) -> list[Line]:
    """Return a number alone in the middle of the page width below all text: a page cut short has its number there."""
    if not words:
        return []
    last = max(words, key=lambda word: word.bottom)
    rest = [word for word in words if word is not last]
    if not rest or not re.fullmatch(r"\d{1,4}", last.text) or abs(last.left + last.right - scale.width) > 0.02 * scale.width:
        return []
    line = Line((last,))
    return [line] if _distance_to(line, rest, "bottom") >= 1.5 * body and _is_wide(rest, scale) else []


def _is_wide(words: Sequence[Word], scale: Scale) -> bool:
    """Return whether words extend over more than 60 % of the page width."""
    return max(word.right for word in words) - min(word.left for word in words) > 0.6 * scale.width


def _distance_to(line: Line, others: Sequence[Word], edge: Edge) -> float:
    """Return the gap between a margin line and the other words in points; infinite if there are none."""
    if not others:
        return float("inf")
    if edge == "top":
        return min(word.top for word in others) - line.bottom
    return line.top - max(word.bottom for word in others)


def _blocks_of_line(line: Line, edge: Edge, scale: Scale, body: float) -> list[Block]:
    """Return the blocks of a line: its page number alone, the rest as one page header or footer."""
    parts = split_at_gaps(line, MIN_PART_GAP_EM * body)
    numbers = [part for part in parts if PLAIN_PAGE_NUMBER.fullmatch(part.text)]
    others = [word for part in parts if part not in numbers for word in part.words]
    blocks = [Block(kind="page_number", text=part.text, box=scale.box_of(part.words)) for part in numbers]
    if not others:
        return blocks
    kind: Literal["page_header", "page_footer"] = "page_header" if edge == "top" else "page_footer"
    return [Block(kind=kind, text=Line(tuple(others)).text, box=scale.box_of(others)), *blocks]
