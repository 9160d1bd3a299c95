"""Group the lines of one column into paragraphs, headings, list items, captions and footnotes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from document_parser.layout.blocks.block_kinds import (
    MAX_FOOTNOTE_RATIO,
    MAX_HEADING_WORDS,
    MIN_HEADING_RATIO,
    MIN_STANDING_OUT_RATIO,
    Place,
    draw_brackets,
    ends_contents_entry,
    has_sentence_end,
    is_caption,
    is_checkbox,
    is_note,
    kind_of,
)
from document_parser.layout.blocks.code import code_of, is_code, is_code_continued
from document_parser.layout.blocks.list_markers import (
    SPEAKING_BULLETS,
    ListMarker,
    capital_of,
    is_marker,
    is_next_capital,
    is_successor,
    list_marker_of,
    section_number_of,
)
from document_parser.layout.blocks.lists import SAME_INDENT_POINTS, MarkedBlock, set_depths, with_capitals, with_subentries
from document_parser.layout.blocks.own_lines import are_own_lines
from document_parser.layout.formulas.inline import formula_of, is_formula
from document_parser.layout.lines.emphasis import spans_of_lines
from document_parser.layout.lines.joining import is_right_to_left, join_lines
from document_parser.layout.lines.lines import Line, lines_of
from document_parser.layout.lines.units import Scale
from document_parser.models import Block, Word

USUAL_PITCH_EM = 1.25
"""Distance of two lines in font sizes, if a column is too short to measure it."""
MAX_LOOSE_PITCH_EM = 1.9
"""Distance of two lines in font sizes, at most, if no line goes on with a small letter: those of a form are further apart."""
MAX_SHORT_LINES, MIN_GOING_ON_CHARACTERS = 3, 30
"""Lines of a column that is too short to measure it, at most; characters of a line in it, at least, with which one that goes on
with a small letter is one text up to that distance.
"""
MAX_FREE_NUMBER = 99
"""Number of an item, at most, that need not follow the number before it: larger ones end sentences at a line's beginning."""
MIN_HANG_EM = 0.6
"""Font sizes between the beginning of a marker and that of its text, at least, if the lines below may hang under the text."""
HANG_TOLERANCE_EM = 0.5
"""Font sizes by which a line that hangs under the text of its item may miss its beginning."""
MIN_GAP_ABOVE_EM = 0.25
"""Font sizes by which a heading hardly larger than the text is farther from the line above it than lines usually are."""
MIN_CENTRED_INDENT_EM = 3.0
"""Font sizes of white on both sides of a centred line, at least."""
ARROW = "→"
"""A bullet, or a step of a path through menus, which may begin a line of running text."""
MAX_TERM_SHARE = 0.5
"""Share of a column's width that a term of a glossary takes, at most, below a definition of one line."""
MIN_NARROWED_CHARACTERS = 40
"""Characters of a line within a sentence, at least, that something beside it ends early: so long are the lines of no list."""
MIN_TERMS = 2
"""Bold terms at the edge of a column from which it is a glossary, at least."""
MAX_TERM_HANG_EM = 4.0
"""Font sizes by which the lines of an explanation begin further in than its term, at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """The common measures of a column's lines, in points. Indents and slack follow the direction of reading.

    ``pitch`` is the usual distance of two lines in font sizes, ``body`` the page's usual font size. ``is_short``: too few lines
    to measure the pitch. ``hangs``: the lines of an item begin below its text, not below its marker. ``has_terms``: each of its
    terms begins a line.
    """

    left: float
    right: float
    pitch: float
    body: float
    backwards: bool
    is_short: bool
    hangs: bool = False
    has_terms: bool = False

    @classmethod
    def measure(cls, lines: Sequence[Line], body: float) -> Column:
        """Return the measures of a column; ``body`` is the page's usual font size in points."""
        column = cls(
            left=min(line.left for line in lines),
            right=max(line.right for line in lines),
            pitch=_pitch(lines),
            body=body,
            backwards=is_right_to_left(word for line in lines for word in line.words),
            is_short=len(lines) <= MAX_SHORT_LINES,
        )
        return replace(column, hangs=_has_hanging_items(lines, column), has_terms=_has_terms(lines, column))

    def indent(self, line: Line) -> float:
        """Return the gap before the start of a line in points."""
        return self.right - line.right if self.backwards else line.left - self.left

    def slack(self, line: Line) -> float:
        """Return the gap after the end of a line in points."""
        return line.left - self.left if self.backwards else self.right - line.right

    def text_indent(self, line: Line) -> float | None:
        """Return the gap before the text behind the marker of an item or clause, in points; None for a line without one."""
        words = line.words[::-1] if self.backwards else line.words
        if len(words) < 2 or not is_marker(words[0].text):
            return None
        indent = self.right - words[1].right if self.backwards else words[1].left - self.left
        return indent if indent - self.indent(line) > MIN_HANG_EM * line.size else None


def _has_hanging_items(lines: Sequence[Line], column: Column) -> bool:
    """Return whether the lines after full lines with a marker begin below the text rather than below the marker."""
    hanging = flush = 0
    for upper, lower in pairwise(lines):
        start = column.text_indent(upper)
        if start is None or column.text_indent(lower) is not None or column.slack(upper) > 0.3 * (column.right - column.left):
            continue
        hanging += abs(column.indent(lower) - start) < HANG_TOLERANCE_EM * lower.size
        flush += abs(column.indent(lower) - column.indent(upper)) < HANG_TOLERANCE_EM * lower.size
    return 0 < hanging >= flush


def _has_terms(lines: Sequence[Line], column: Column) -> bool:
    """Return whether lines begin with bold terms of a glossary: what follows one is further in, or the next term."""
    terms = [line for line in lines if line.opens_with_term and column.indent(line) < SAME_INDENT_POINTS]
    if len(terms) < MIN_TERMS:
        return False
    below = [lower for upper, lower in pairwise(lines) if upper in terms and not _is_apart(upper, lower, column)]
    hanging = sum(MIN_HANG_EM * line.size < column.indent(line) < MAX_TERM_HANG_EM * line.size for line in below)
    others = sum(line not in terms for line in below) - hanging
    return not others and (hanging > 0 or len(below) == len(terms) - 1)


def _pitch(lines: Sequence[Line]) -> float:
    """Return the usual distance of two lines of similar size, in font sizes.

    Lines that go on with a small letter show it. Where letters have cases and none goes on so, lines far apart are no text.
    """
    pairs = [(upper, lower) for upper, lower in pairwise(lines) if abs(upper.size - lower.size) < 0.15 * upper.size]
    pitches = [((lower.middle - upper.middle) / upper.size, _goes_on(upper, lower)) for upper, lower in pairs]
    near = sorted((pitch, goes_on) for pitch, goes_on in pitches if 0.7 < pitch < 3.2)
    # The lower third: the distance between paragraphs is larger, never smaller.
    usual = near[len(near) // 3][0] if len(near) >= 3 else USUAL_PITCH_EM
    within = [pitch for pitch, goes_on in near if goes_on]
    if within:
        return min(usual, within[len(within) // 2]) if len(near) >= 3 else usual
    is_cased = any(line.text[:1].isupper() for line in lines)
    return USUAL_PITCH_EM if usual > MAX_LOOSE_PITCH_EM and is_cased else usual


def _goes_on(upper: Line, lower: Line) -> bool:
    """Return whether a line goes on with a small letter within a sentence."""
    return lower.text[:1].islower() and not has_sentence_end(upper.text)


def blocks_of_flow(words: list[Word], body: float, known: frozenset[str], scale: Scale) -> list[Block]:
    """Return the blocks of one column from top to bottom. ``body`` is the page's usual font size in points.

    ``words`` are in points, ``known`` is the page's vocabulary for words broken at line ends.
    """
    lines = lines_of(words)
    if not lines:
        return []
    column = Column.measure(lines, body)
    groups = [part for group in _group_lines(lines, column) for part in _split_own_lines(group, column)]
    blocks = [
        _build_block(group, column, known, scale, Place(_stands_out(groups, number, column), _are_centred(group, column)))
        for number, group in enumerate(groups)
    ]
    return set_depths(list(with_subentries(with_capitals(blocks))), scale, backwards=column.backwards)


def _stands_out(groups: Sequence[Sequence[Line]], place: int, column: Column) -> bool:
    """Return whether lines are a heading by their place though they are hardly larger than the text below them.

    They are few words without the end of a sentence, farther from what is above than lines of a text are, and no running text
    of the column has their size.
    """
    lines = groups[place]
    size = max(line.size for line in lines)
    if place + 1 == len(groups) or len(lines) > 2 or size < MIN_STANDING_OUT_RATIO * column.body:
        return False
    below, text = groups[place + 1], lines[-1].text
    if below[0].bold or max(line.size for line in below) > size / MIN_STANDING_OUT_RATIO:
        return False
    if text[-1:] in ",;-" or has_sentence_end(text) or any(word.math for line in lines for word in line.words):
        return False
    if lines[0].text[:1].islower() or sum(len(line.text.split()) for line in lines) > MAX_HEADING_WORDS:
        return False
    if place and _pitch_of(groups[place - 1][-1], lines[0]) < column.pitch + MIN_GAP_ABOVE_EM:
        return False
    alike = (group for group in groups if group is not lines and abs(group[0].size - size) < 0.01 * size)
    return not any(len(group) > 2 or has_sentence_end(group[-1].text) for group in alike)


def _group_lines(lines: Sequence[Line], column: Column) -> Iterator[list[Line]]:
    """Yield the lines of each block."""
    group = [lines[0]]
    for line in lines[1:]:
        if _starts_block(group, line, column):
            yield group
            group = []
        group.append(line)
    yield group


def _split_own_lines(group: list[Line], column: Column) -> list[list[Line]]:
    """Return the lines of an address or of fields one by one; what is set apart or centred, or an item, is one."""
    first = group[0]
    one = column.backwards or _is_set_apart(first, column) or list_marker_of(first.text) is not None or is_code(first)
    if one or _are_centred(group, column) or is_caption(first.text) or is_note(first.text):
        return [group]
    return [[line] for line in group] if are_own_lines(group, column.right) else [group]


def _starts_block(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a new block begins with this line."""
    last = group[-1]
    if is_code(last) or is_code(line):
        return not (is_code(last) and is_code(line) and is_code_continued(last, line))
    return (
        _is_apart(last, line, column)
        or _has_other_face(last, line)
        or _opens_item(group, line, column)
        or _opens_note(group, line, column)
        or _opens_entry(group, line)
        or _opens_term(group, line, column)
        or _leaves_hang(group, line, column)
        or _leaves_indent(group, line, column)
        or is_caption(line.text)
        or is_checkbox(line.text)
        or _formula_begins_or_ends(last, line, column)
        or ends_contents_entry(last.text)
        or _is_indented(group, line, column)
        or _ends_early(last, line, column)
    )


def _is_apart(last: Line, line: Line, column: Column) -> bool:
    """Return whether the distance of two lines is larger than within a paragraph."""
    # Fractions push the lines of a paragraph apart.
    room = 1.5 if last.has_fraction or line.has_fraction else 1.0
    usual = room * max(1.3 * column.pitch, column.pitch + 0.3)
    if column.is_short and len(last.text) >= MIN_GOING_ON_CHARACTERS and _goes_on(last, line):
        usual = max(usual, MAX_LOOSE_PITCH_EM)
    return _pitch_of(last, line) > usual


def _pitch_of(upper: Line, lower: Line) -> float:
    """Return the distance of two lines in font sizes of the larger one."""
    return (lower.middle - upper.middle) / max(upper.size, lower.size)


def _formula_begins_or_ends(last: Line, line: Line, column: Column) -> bool:
    """Return whether a displayed formula begins or ends here. It is indented; a paragraph may end with a formula."""
    for one, other in ((last, line), (line, last)):
        if is_formula(one.text) and not is_formula(other.text):
            return column.indent(one) > 1.5 * one.size
    return False


def _has_other_face(last: Line, line: Line) -> bool:
    """Return whether a line has another size than the last one, or is bold beside plain. Estimated sizes must differ more."""
    tolerance = 0.12 if last.has_known_size and line.has_known_size else 0.3
    return abs(last.size - line.size) > tolerance * min(last.size, line.size) or abs(last.bold_share - line.bold_share) > 0.6


def _opens_item(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins with a bullet or number that does not merely begin a line of running text."""
    marker, last = list_marker_of(line.text), group[-1]
    if marker is None:
        capital, last_capital = capital_of(line.text), capital_of(group[0].text)
        if capital and last_capital and is_next_capital(capital, last_capital):
            return True
        return column.text_indent(line) is not None and _opens_clause(group, line, column)
    before = list_marker_of(group[0].text)
    if marker.text == ARROW and not (has_sentence_end(last.text) or (before and before.text == ARROW)):
        return False
    if marker.bullet:
        return f" {marker.text} " not in last.text
    if marker.number is not None and marker.number > MAX_FREE_NUMBER:
        return before is not None and before.number == marker.number - 1
    listed = before is not None or is_checkbox(group[0].text)
    return (
        listed
        or has_sentence_end(last.text)
        or _ends_early(last, line, column)
        or column.indent(line) > 0.8 * line.size
        or _is_outdented(group, line, column)
    )


def _opens_clause(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a number such as 4.2, with white behind it, begins a clause: where one began before, or further out."""
    same = column.text_indent(group[0]) is not None and abs(column.indent(group[0]) - column.indent(line)) < line.size
    return same or _is_outdented(group, line, column)


def _is_outdented(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins clearly further out than the item or lines before it; a first line's indent says nothing."""
    if len(group) == 1 and list_marker_of(group[0].text) is None and column.text_indent(group[0]) is None:
        return False
    return column.indent(line) < min(column.indent(group[0]), column.indent(group[-1])) - 0.8 * line.size


def _leaves_hang(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins further out than the text of the item before it, whose lines hang below its text."""
    start = column.text_indent(group[0])
    if _is_set_apart(group[0], column) and not _has_other_face(group[-1], line):
        return False  # the lines of a heading begin below its number
    if start is None or column.indent(line) > start - MIN_HANG_EM * line.size:
        return False
    if len(group) == 1:
        return column.hangs
    return abs(column.indent(group[-1]) - start) < HANG_TOLERANCE_EM * line.size


def _leaves_indent(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins further out than all lines before it, which end a sentence: the next term of a glossary.

    The indent of one line may be that of a first line: then the line below is a term if it is short and ends no sentence.
    Text beside a picture goes on within a sentence.
    """
    starts = [column.indent(item) for item in group]
    if column.indent(line) >= min(starts) - 0.8 * line.size or not has_sentence_end(group[-1].text):
        return False
    if len(group) == 1:
        short = line.width < MAX_TERM_SHARE * (column.right - column.left)
        return short and line.text[:1].isalpha() and not has_sentence_end(line.text)
    return max(starts) - min(starts) < SAME_INDENT_POINTS


def _is_set_apart(line: Line, column: Column) -> bool:
    """Return whether a line is bold or clearly larger than the text, as headings are."""
    return line.bold or line.size > MIN_HEADING_RATIO * column.body


def _opens_term(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins with the next term of a glossary."""
    terms = (group[0], line)
    return column.has_terms and all(one.opens_with_term and column.indent(one) < SAME_INDENT_POINTS for one in terms)


def _opens_entry(group: Sequence[Line], line: Line) -> bool:
    """Return whether two lines begin with section numbers that follow each other, as in a list of contents."""
    below = section_number_of(line.text)
    before = [section_number_of(_remove_bullet(above.text)) for above in (group[-1], group[0])] if below else []
    return below is not None and any(above and is_successor(below, above) for above in before)


def _remove_bullet(text: str) -> str:
    """Return a text without the bullet that it begins with."""
    marker = list_marker_of(text)
    return _remove_marker(text, marker) if marker and marker.bullet else text


def _opens_note(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line begins a note, as the group does: small, with a mark, after the end of a sentence."""
    notes = is_note(group[0].text) and is_note(line.text) and has_sentence_end(group[-1].text)
    return notes and line.size <= MAX_FOOTNOTE_RATIO * column.body


def _is_indented(group: Sequence[Line], line: Line, column: Column) -> bool:
    """Return whether a line has a first-line indent. List items, whose lines hang, and centred lines have none."""
    marked = list_marker_of(group[0].text) is not None or column.text_indent(group[0]) is not None
    if marked or _is_centred(group[-1], line, column):
        return False
    step = column.indent(line) - min(column.indent(item) for item in group[-4:])
    hanging = len(group) == 1 and not has_sentence_end(group[0].text)
    beside = column.indent(line) - column.indent(group[-1]) < SAME_INDENT_POINTS  # lines beside a drop cap
    return not (hanging or beside) and 0.8 * line.size < step and column.slack(group[-1]) < 0.4 * (column.right - column.left)


def _is_centred(last: Line, line: Line, column: Column) -> bool:
    """Return whether two lines have the same middle and are both indented."""
    same = abs(last.left + last.right - line.left - line.right) < line.size
    return same and min(column.indent(last), column.indent(line)) > line.size


def _are_centred(lines: Sequence[Line], column: Column) -> bool:
    """Return whether lines have much white on both sides, as much on one as on the other, and are no links of a menu."""
    return not any(word.link for line in lines for word in line.words) and all(
        abs(column.indent(line) - column.slack(line)) < line.size and column.indent(line) > MIN_CENTRED_INDENT_EM * line.size
        for line in lines
    )


def _ends_early(last: Line, line: Line, column: Column) -> bool:
    """Return whether the first word of the next line would have fit behind the last line."""
    first = line.text.split(maxsplit=1)[0]
    within_sentence = len(last.text) >= MIN_NARROWED_CHARACTERS and first.rstrip(",;.").isalpha() and _goes_on(last, line)
    if within_sentence or _is_centred(last, line, column):
        return False
    room = column.slack(last) - line.width * (len(first) + 1) / len(line.text)
    if room < 2.5 * line.size:
        return False
    return has_sentence_end(last.text) or last.width < 0.6 * (column.right - column.left)


def _build_block(lines: Sequence[Line], column: Column, known: frozenset[str], scale: Scale, place: Place) -> MarkedBlock:
    """Return the block of a group of lines, with the marker that its text began with."""
    text = join_lines((line.text for line in lines), known)
    words = [word for line in lines for word in line.words]
    marker = list_marker_of(text)
    kind, level = kind_of(lines, text, column.body, scale, place)
    if kind == "code":
        text = code_of(lines)
    elif kind == "formula":
        text = formula_of("\n".join(line.text for line in lines))
    whole = text
    if kind == "list_item" and marker:
        text = _remove_marker(text, marker)
    if kind == "checkbox":
        text = draw_brackets(text)  # as many characters fewer as are dropped from the runs below
    block = Block(
        kind=kind,
        text=text,
        spans=[] if kind in ("code", "formula") else spans_of_lines(lines, known, dropped=len(whole) - len(text)),
        box=scale.box_of(words),
        confidence=confidence_of(words),
        level=level,
        size_points=_heading_size(lines) if kind == "heading" else None,
    )
    return MarkedBlock(block, marker)


def _heading_size(lines: Sequence[Line]) -> float | None:
    """Return the largest font size in points; None if it is only estimated."""
    return round(max(line.size for line in lines), 1) if all(line.has_known_size for line in lines) else None


def _remove_marker(text: str, marker: ListMarker) -> str:
    """Remove a bullet that says nothing; keep a number or letter, which is part of the text, and a tick or a cross."""
    return text[len(marker.text) :].lstrip() if marker.bullet and marker.text not in SPEAKING_BULLETS else text


def confidence_of(words: Iterable[Word]) -> float | None:
    """Return the mean confidence over the characters, from 0 to 1; None if the reader gave none."""
    known = [(word.confidence, len(word.text)) for word in words if word.confidence is not None]
    if not known:
        return None
    return round(sum(value * weight for value, weight in known) / sum(weight for _, weight in known), 4)


def promote_title(blocks: list[Block]) -> list[Block]:
    """Return the blocks with the first heading made the title if it is of level 1 and the first of several blocks.

    It must also begin in the top 40 % of the page.
    """
    headings = [block for block in blocks if block.kind == "heading"]
    if not headings or headings[0].level != 1 or headings[0].box is None:
        return blocks
    first = headings[0]
    if first is not blocks[0] or first.box is None or first.box.top > 0.4 or len(blocks) == 1:
        return blocks
    return [block.model_copy(update={"kind": "title"}) if block is first else block for block in blocks]
