"""Write runs of text as Markdown, with emphasis and links that every reader of CommonMark shows, and all else as plain text.

Emphasis that could not be seen is left out, for example if it ends inside a word or within a formula.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from document_parser.export import escape
from document_parser.models import Span
from document_parser.text.spans import (
    PAGE_LINK,
    Range,
    Run,
    Style,
    find_code,
    find_notes,
    find_ranges,
    is_inside_word,
    is_own_address,
    spans_of,
    text_of,
    trim_white,
)

_PLAIN = Style()
_LONG_FENCE = "``"
"""The mark around code that has a backtick. Code that has this itself is written as plain text."""


def format_paragraph(runs: Sequence[Run]) -> str:
    """Return a paragraph, a list item's text or a caption as Markdown, with hard line breaks."""
    return escape.escape_paragraph_markup(_format(runs))


def format_heading(runs: Sequence[Run]) -> str:
    """Return the text of a heading as Markdown, on one line."""
    return escape.escape_heading_markup(_format(_on_one_line(runs)))


def format_cell(runs: Sequence[Run]) -> str:
    """Return the text of a cell of a pipe table as Markdown."""
    return escape.escape_cell_markup(_format(_on_one_line(runs)))


def _on_one_line(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with spaces for line breaks."""
    return [run._replace(text=run.text.replace("\n", " ")) if "\n" in run.text else run for run in runs]


def _format(runs: Sequence[Run]) -> str:
    """Return runs as escaped Markdown with their marks."""
    if len(runs) == 1 and runs[0].style == _PLAIN:
        return escape.escape_inline(runs[0].text)
    text, spans = text_of(runs), spans_of(runs)
    marks = _Marks(text, spans) if spans else None
    return marks.format() if marks and marks.found else escape.escape_inline(text)


class _Marks:
    """The marks of a text: links, struck-out text within and around them, bold within and around those, then italic.

    Code is innermost, because marks within it have no meaning. The marks of notes are written as references to them.
    """

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        """Find the marks that can be shown."""
        self._text = text
        self._formulas = escape.find_formula_ranges(text)
        self.notes = find_notes(spans)
        self._note_ends = {place for one in self.notes for place in one[:2]}
        self.links = [link for link in _find_links(text, spans) if not self._cuts_formula(link)]
        self.code = list(self._find_code(find_code(spans)))
        self._code_starts = [one.start for one in self.code]
        self._within_code = {place for one in self.code for place in range(one.start, one.end)}
        self.struck = list(self._find_emphasis(find_ranges(text, spans, lambda span: span.struck), self.links))
        outer = [*self.links, *self.struck]
        self.bold = list(self._find_emphasis(find_ranges(text, spans, lambda span: span.bold), outer))
        italic = self._find_emphasis(find_ranges(text, spans, lambda span: span.italic), [*outer, *self.bold])
        starts, ends = {one.start for one in self.bold}, {one.end for one in self.bold}
        self.italic = [one for one in italic if one.start not in ends and one.end not in starts]
        self.found = bool(self.links or self.code or self.struck or self.bold or self.italic or self.notes)

    def _cuts_formula(self, one: Range) -> bool:
        """Return whether a range begins or ends within a formula."""
        for place in one[:2]:
            number = bisect_left(self._formulas, (place,)) - 1
            if number >= 0 and place < self._formulas[number][1]:
                return True
        return False

    def _find_code(self, found: Sequence[Range]) -> Iterator[Range]:
        """Yield the parts of ranges of code between the ends of links and of lines that backticks can hold."""
        places = {place for one in self.links for place in one[:2]}
        places.update(match.start() for match in re.finditer("\n", self._text))
        for one in found:
            within = sorted(place for place in places if one.start < place < one.end)
            for start, end in pairwise([one.start, *within, one.end]):
                part = trim_white(self._text, Range(start, end))
                if part and not self._cuts_formula(part) and _LONG_FENCE not in self._text[part.start : part.end]:
                    yield part

    def _find_emphasis(self, found: Sequence[Range], outer: Sequence[Range]) -> Iterator[Range]:
        """Yield the parts of ranges between the ends of those around them, if marks at their ends have a meaning."""
        places = sorted({place for one in outer for place in one[:2]})
        for one in found:
            within = places[bisect_right(places, one.start) : bisect_left(places, one.end)]
            for start, end in pairwise([one.start, *within, one.end]):
                part = self._shorten(*self._around_code(start, end))
                if part and not self._cuts_formula(part) and self._around_code(*part[:2]) == part[:2]:
                    yield part

    def _around_code(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of a range that neither begins nor ends within code, nor at code that is beside a letter.

        A mark between a letter and a backtick has no meaning.
        """
        code = self._code_before(start + 1)
        if code and (code.start < start < code.end or (code.start == start < end and not self._is_white(start - 1))):
            start = code.end
        code = self._code_before(end)
        if code and (end < code.end or (code.end == end > start and not self._is_white(end))):
            end = code.start
        return start, max(start, end)

    def _code_before(self, place: int) -> Range | None:
        """Return the last code that begins before a place; None if there is none."""
        number = bisect_left(self._code_starts, place) - 1
        return self.code[number] if number >= 0 else None

    def _shorten(self, start: int, end: int) -> Range | None:
        """Return the range shortened to a start and end at which marks have a meaning; None if there is none."""
        text = self._text
        while start < end and not text[start].isalnum() and not self._is_beside_white(start - 1, text[start]):
            start += 1
        while start < end and not text[end - 1].isalnum() and not self._is_beside_white(end, text[end - 1]):
            end -= 1
        if start == end or self._is_inside_word(start) or self._is_inside_word(end):
            return None
        return Range(start, end)

    def _is_inside_word(self, place: int) -> bool:
        """Return whether a place is inside a word; the reference to a note is none of its letters."""
        return place not in self._note_ends and is_inside_word(self._text, place)

    def _is_beside_white(self, beyond: int, inner: str) -> bool:
        """Return whether a mark beside punctuation has white on its other side, as it must."""
        return not inner.isspace() and self._is_white(beyond)

    def _is_white(self, place: int) -> bool:
        """Return whether the text has white space at a place, or ends there."""
        return not 0 <= place < len(self._text) or self._text[place].isspace()

    def format(self) -> str:
        """Return the text escaped, with its marks."""
        shown = escape.escape_characters(self._text)
        opening: defaultdict[int, str] = defaultdict(str)
        closing: defaultdict[int, str] = defaultdict(str)
        for place in self._within_code:
            shown[place] = self._text[place]
        for link in self.links:
            for place in range(link.start, link.end):
                if self._text[place] in "[]" and len(shown[place]) == 1 and place not in self._within_code:
                    shown[place] = f"\\{shown[place]}"
            if link.start and self._text[link.start - 1] == "!" and link.start - 1 not in self._within_code:
                shown[link.start - 1] = "\\!"
            opening[link.start] += "["
        for mark, found in (("~~", self.struck), ("**", self.bold), ("*", self.italic)):
            for one in found:
                opening[one.start] += mark
                closing[one.end] = mark + closing[one.end]
        for one in self.code:
            before, after = _fences(self._text[one.start : one.end])
            opening[one.start] += before
            closing[one.end] = after + closing[one.end]
        for link in self.links:
            closing[link.end] += f"]({_destination(str(link.value))})"
        self._write_notes(shown)
        for place in {*opening, *closing}:
            for beside in (place - 1, place):
                if self._text[max(0, beside) : beside + 1] == "_" and shown[beside] == "_" and beside not in self._within_code:
                    shown[beside] = "\\_"  # between a mark and a letter it is no longer inside a word
        pieces = (closing[place] + opening[place] + shown[place] for place in range(len(shown)))
        return "".join(pieces) + closing[len(shown)]

    def _write_notes(self, shown: list[str]) -> None:
        """Write references to notes in the place of their marks, so that what is beside them makes no link or image of them."""
        for start, end, label in self.notes:
            shown[start:end] = [f"[^{label}]", *[""] * (end - start - 1)]
            for place, signs in ((start - 1, "!"), (end, "(:")):
                if 0 <= place < len(shown) and shown[place] and shown[place] in signs and place not in self._within_code:
                    shown[place] = f"\\{shown[place]}"


def _fences(code: str) -> tuple[str, str]:
    """Return the marks before and after code (CommonMark 0.31, section 6.1)."""
    if "`" not in code:
        return "`", "`"
    return f"{_LONG_FENCE} ", f" {_LONG_FENCE}"


def _find_links(text: str, spans: Sequence[Span]) -> Iterator[Range]:
    """Yield the links that need a mark: not those that their text spells out, nor links to a page, which Markdown lacks."""
    for one in find_ranges(text, spans, lambda span: span.link or False):
        address = str(one.value)
        if not address.startswith(PAGE_LINK) and not is_own_address(text[one.start : one.end], address):
            yield one


def _destination(address: str) -> str:
    """Return an address (plain ASCII without white space) as the destination of a link."""
    address = re.sub(r"&(?=#?\w{1,31};)", "\\\\&", address)
    return address if _is_balanced(address) else re.sub(r"([()])", r"\\\1", address)


def _is_balanced(address: str) -> bool:
    """Return whether the parentheses of an address are balanced."""
    depth = 0
    for character in address:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
