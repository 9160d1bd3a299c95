"""Search the values of a field: beside its labels, below them, or behind them in the same line."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.labels import MIN_COLUMN_LETTERS, Concept, LabelHit, fold, names_several, role_of
from document_parser.extraction.names import find_name, goes_on
from document_parser.extraction.schema import Leaf, matches
from document_parser.extraction.values import (
    BOXES,
    Value,
    find_box_before,
    find_by_pattern,
    find_currencies,
    find_dates,
    find_identifiers,
    find_numbers,
    find_truth,
    has_pattern,
)
from document_parser.extraction.view import PageView, Segment
from document_parser.models.extraction import Match

MIN_STOP_QUALITY = 0.7
"""A label of at least this quality ends the value before it."""
SAME_LINE, RIGHT, BELOW, ABOVE, BESIDE = 1.0, 0.95, 0.8, 0.6, 0.5
"""How sure a value is by where it stands from its label. ``BESIDE`` is lower than the label and right of it."""
MAX_RIGHT_SEGMENTS = 6
"""Pieces of a line right of a label that are looked at."""
MAX_BELOW_HEIGHTS, MAX_TYPED_HEIGHTS, MAX_ABOVE_HEIGHTS = 2.6, 4.5, 1.5
"""A value stands at most this many heights of its label below it: any, and one that is known by its letters, such as a date.
The last is for values above a caption."""
RANK_LOSS = 0.35
"""How much less sure the last of a field's labels is than the first."""
MAX_PLACE_CHARACTERS = 500
"""Letters behind a label, or in a piece of a line, among which its value is looked for, at most."""
MAX_BOX_HEIGHTS = 3.0
"""White between a check box and its label, in heights of the label, at most."""
MAX_TEXT_WORDS = 14
"""A longer text beside a label is a sentence that begins with the label's words."""

IN_SENTENCE = 0.3
"""How much less sure a value is at a label that is a word of a sentence."""
IN_COLUMN = 0.5
"""How much less sure a date is that is the first one of a column."""
MAX_WORDS_WITHOUT_MARK = 6
"""Words behind a label in small letters, at most, if no colon stands between: more are a sentence."""
_APOSTROPHES = ("'", "’")
LOSS_A_WORD = 0.93
"""How much less sure a value is for each word between it and its label."""
OTHER_LABEL = 0.6
"""How much less sure an amount is for each of the first two words that follow its label."""
AMOUNT_WORDS = frozenset(
    {"amount", "due", "incl", "inclusive", "including", "of", "gst", "vat", "tax", "payable", "rm", "net", "sum"}
)
"""Words after a label that leave it the label of an amount."""
WHOLE_AMOUNT = 0.7
"""How much less sure an amount without decimals is: it may be a count."""
ADJACENT = 0.5
"""How sure a date, number or identifier is, at least, that follows its label at once."""
FILLERS = frozenset(
    {"nr", "no", "n", "num", "number", "nummer", "numero", "id", "#", "№", "is", "der", "the", "de", "vom", "from"}
)
"""Words that may stand between a label and its identifier."""

_LEADING = re.compile(r"^[\s:;#=№.)\]|–—-]+")
_WORD = re.compile(r"\w+")
_ADDITION = re.compile(r"\s*\([^()\d]{1,40}\)(?:\s*[.:])?")
"""Words in brackets that complete a label, as in "Name of registrant (or agent)"."""
_CAPTION = re.compile(r"\W*\(.*\)\W*")
"""A text wholly in brackets: what a form prints at a line to say what is to be written there."""
_NEXT_NUMBER = re.compile(r"\s*\(?(?:\d{1,2}[a-z]?|[a-z])[.)]\s*$", re.IGNORECASE)
"""The number of the next question at the end of a text."""
_NUMBERED = re.compile(r"\W*(?:\d{1,2}[a-z]?|[a-z])[.)]", re.IGNORECASE)
"""The number of a question at the start of a piece."""
_BRACKETS = re.compile(r"\(\w{1,4}\)")
_TRAILING = re.compile(r"[\s:;|]+$")


class Place(NamedTuple):
    """A range of a segment's text."""

    segment: Segment
    start: int
    end: int

    @property
    def text(self) -> str:
        """Return the text of the range."""
        return self.segment.text[self.start : self.end]


@dataclass(frozen=True)
class Candidate:
    """A value that a field may have: where it stands, how sure it is (0 to 1), and the label beside it.

    A value of an electronic invoice has its ``attachment``, and ``shown_quote`` as its text: it may have no place on a page.
    ``match`` is how it agrees with its quote; empty for one that was taken from it.
    """

    value: Any
    places: tuple[Place, ...]
    score: float
    label: str = ""
    note: str = ""
    origin: Literal["", "xml", "model"] = ""
    attachment: str = ""
    shown_quote: str = ""
    match: Match | Literal[""] = ""

    @property
    def quote(self) -> str:
        """Return the text that the value was taken from."""
        return self.shown_quote or "\n".join(place.text for place in self.places)


@dataclass(frozen=True)
class Blank:
    """A label with nothing filled in, or with something that is no value of the field."""

    hit: LabelHit
    unreadable: str = ""
    places: tuple[Place, ...] = ()


@dataclass
class Findings:
    """What was found for a field: candidates, the surest first, and the labels without a value."""

    candidates: list[Candidate] = field(default_factory=list)
    blanks: list[Blank] = field(default_factory=list)


@dataclass(frozen=True)
class Pages:
    """The pages that are searched, with the label hits of each segment, and how the document writes numbers and dates."""

    views: Sequence[PageView]
    hits: Mapping[tuple[int, int], Sequence[LabelHit]]
    conventions: Conventions

    def view(self, segment: Segment) -> PageView:
        """Return the page of a segment."""
        return self._by_number[segment.page]

    @cached_property
    def _by_number(self) -> dict[int, PageView]:
        return {view.number: view for view in self.views}

    def hits_in(self, segment: Segment) -> Sequence[LabelHit]:
        """Return the labels in a segment."""
        return self.hits.get((segment.page, segment.number), ())

    def begins_with_label(self, segment: Segment, key: str) -> bool:
        """Return whether a segment is another label, so that it is no value of this field."""
        return any(hit.begins_segment and _stops(hit) and hit.key != key for hit in self.hits_in(segment))


Finder = Callable[[str], list[Value]]
"""Finds the values of a field's type in a text."""


def find_values(leaf: Leaf, role: str, text: str, conventions: Conventions) -> list[Value]:
    """Return the values of a field's type in a text, the likeliest first. Places are those in the text.

    Of a text that is longer than what stands at a label only the beginning counts.
    """
    text = text[:MAX_PLACE_CHARACTERS]
    found = _typed_values(leaf, role, text, conventions)
    if leaf.pattern:
        found = [value for value in found if matches(leaf.pattern, str(value.value))]
    if leaf.least is not None or leaf.most is not None:
        found = [value for value in found if _within(leaf, value.value)]
    return found


def _typed_values(leaf: Leaf, role: str, text: str, conventions: Conventions) -> list[Value]:
    """Return the values of the leaf's kind and role in a text."""
    if leaf.kind == "enum":
        return _choices(leaf, text, conventions)
    if leaf.kind == "boolean":
        return find_truth(_LEADING.sub("", text)) and [Value(find_truth(_LEADING.sub("", text))[0].value, 0, len(text))]
    if leaf.kind == "date" or (leaf.kind == "string" and role == "date"):
        return find_dates(text, conventions)
    if leaf.kind in ("number", "integer") or role in ("amount", "number"):
        return _numbers(leaf, role, text, conventions)
    if role == "currency":
        return find_currencies(text)
    form = leaf.format if leaf.format == "email" else "url" if leaf.format == "uri" else role
    if has_pattern(form):
        return find_by_pattern(form, text)
    if role == "identifier":
        return find_identifiers(_BRACKETS.sub(lambda match: " " * len(match[0]), text))
    if role == "name":
        return [value for found in _free_text(text) for value in find_name(found)]
    return _free_text(text)


def _numbers(leaf: Leaf, role: str, text: str, conventions: Conventions) -> list[Value]:
    """Return numbers; of amounts those with decimals first, from the right: rates and counts stand before them."""
    numbers = find_numbers(_without_dates(text, conventions), conventions)
    if leaf.kind == "integer":
        return [value._replace(value=int(value.value)) for value in numbers if float(value.value).is_integer()]
    if role != "amount":
        return numbers
    money = [value for value in numbers if not text[value.end :].lstrip().startswith("%")]
    return sorted(money, key=lambda value: (not isinstance(value.value, float), -value.start))


def _without_dates(text: str, conventions: Conventions) -> str:
    """Return a text with its dates blanked out: their parts are no numbers."""
    for value in find_dates(text, conventions):
        text = text[: value.start] + "\x00" * (value.end - value.start) + text[value.end :]
    return text


def _choices(leaf: Leaf, text: str, conventions: Conventions) -> list[Value]:
    """Return the choices of an enumeration that a text names: numbers as whole numbers, other choices as words."""
    words = [one for one in leaf.choices if isinstance(one, str | bool)]
    numbers = {one: one for one in leaf.choices if not isinstance(one, str | bool)}
    shown = find_numbers(text, conventions) if numbers else []
    found = [value._replace(value=numbers[value.value]) for value in shown if value.value in numbers]
    folded = text.casefold()
    # Most choices are nowhere in the text: a pattern for each of thousands would take seconds.
    for choice in [one for one in words if str(one).casefold() in folded]:
        match = re.search(rf"(?<!\w){re.escape(str(choice))}(?!\w)", text, re.IGNORECASE)
        if match:
            found.append(Value(choice, match.start(), match.end()))
    return sorted(found, key=lambda value: (value.start, value.start - value.end))


def _free_text(text: str) -> list[Value]:
    """Return a text without the marks around it; nothing if no letter or digit is left, or if it is a sentence."""
    start = len(text) - len(_LEADING.sub("", text))
    body = _TRAILING.sub("", text[start:])
    words = len(body.split())
    if not any(map(str.isalnum, body)) or words > MAX_TEXT_WORDS or body[0] in BOXES or _NUMBERED.fullmatch(body):
        return []
    return [Value(body, start, start + len(body))]


def _within(leaf: Leaf, value: Any) -> bool:
    """Return whether a number is within the limits of its field."""
    if not isinstance(value, int | float):
        return True
    return (leaf.least is None or value >= leaf.least) and (leaf.most is None or value <= leaf.most)


def search_field(leaf: Leaf, concept: Concept | None, hits: Sequence[LabelHit], pages: Pages) -> Findings:
    """Return what stands at a field's labels."""
    role = role_of(leaf, concept)
    found = Findings()
    most = max((hit.rank for hit in hits), default=0) + 1
    for hit in hits:
        trust = hit.quality * (1 - RANK_LOSS * hit.rank / max(most, 8))
        if _is_in_sentence(hit):
            trust *= IN_SENTENCE
        if role == "amount":
            trust *= OTHER_LABEL ** min(2, _further_words(hit))
        candidates = list(_at_label(leaf, role, hit, trust, pages))
        found.candidates += candidates
        if not candidates and hit.quality >= MIN_STOP_QUALITY and not _is_in_sentence(hit) and _says_enough(hit, role):
            found.blanks.append(_blank_of(hit, pages))
    found.candidates.sort(key=lambda one: -one.score)
    return found


def _says_enough(hit: LabelHit, role: str) -> bool:
    """Return whether a label without a value shows that its field is there.

    "Nr." is a word, and "VAT 19 %" a tax, not the label of a number that is missing.
    """
    label = hit.segment.text[hit.start : hit.end]
    return not _is_short(hit, role) and not (has_pattern(role) and names_several(label))


def _is_short(hit: LabelHit, role: str) -> bool:
    """Return whether a label of a number is so short that it is a word of running text as well, as "Nr." is."""
    return role == "identifier" and hit.end - hit.start < MIN_COLUMN_LETTERS


def _further_words(hit: LabelHit) -> int:
    """Return how many words go on after a label and make it another one, as in "Total items" and "Total excluding tax"."""
    behind = hit.segment.text[hit.end : hit.end + MAX_PLACE_CHARACTERS]
    rest = _BRACKETS.sub(" ", re.split(r"[\d:=]", behind, maxsplit=1)[0])
    words = [fold(word) for word in _WORD.findall(rest)]
    return sum(len(word) > 1 and word not in AMOUNT_WORDS and not find_currencies(word.upper()) for word in words)


def _at_label(leaf: Leaf, role: str, hit: LabelHit, trust: float, pages: Pages) -> Iterator[Candidate]:
    """Yield the values at one label: behind it, right of it, or below it; only the nearest place that has any.

    A check box before the label says whether it is true.
    """
    if leaf.kind == "boolean" and (place := _box_before(hit, pages)) is not None:
        value = find_box_before(place.text)[0].value
        yield Candidate(value, (place,), trust, hit.segment.text[hit.start : hit.end])
        return
    is_typed = leaf.kind != "string" or role in ("date", "identifier")
    is_text = not is_typed and role in ("", "text", "name", "title")
    if is_text and _begins_sentence(hit, pages):
        return
    for place, weight in _places_of(hit, pages, is_typed=is_typed):
        if is_text and _is_caption(place, hit):
            continue
        values = find_values(leaf, role, place.text, pages.conventions)
        if role == "identifier":
            values = [value for value in values[:1] if _is_filler(place.text[: value.start])]
            if _is_short(hit, role):  # in "Nr. 14 UStG" more words follow
                values = [value for value in values if not any(map(str.isalnum, place.text[value.end :]))]
        for count, value in enumerate(values[:3]):
            at = Place(place.segment, place.start + value.start, place.start + value.end)
            label = hit.segment.text[hit.start : hit.end]
            between = len(_WORD.findall(place.text[: value.start]))
            score = trust * weight * 0.9**count * LOSS_A_WORD**between
            if role == "amount" and not isinstance(value.value, float):
                score *= WHOLE_AMOUNT
            if not between and weight == SAME_LINE and is_typed and not _is_in_sentence(hit):
                score = max(score, ADJACENT)
            if role == "date" and weight < RIGHT and _is_of_column(at, pages):
                score *= IN_COLUMN
            if role == "name":
                yield _name_at(at, hit, score, pages)
            else:
                yield Candidate(value.value, (at,), score, label, value.ambiguous)
        if values and role != "amount":
            return


def _box_before(hit: LabelHit, pages: Pages) -> Place | None:
    """Return the check box right before a label, in its piece of the line or in the one before; None if there is none."""
    segment = hit.segment
    if segment.text[: hit.start].strip():
        found = find_box_before(segment.text[: hit.start])
        return Place(segment, found[0].start, found[0].end) if found else None
    for other in pages.view(segment).between(segment.top, segment.bottom):
        near = 0 <= segment.left - other.right < MAX_BOX_HEIGHTS * segment.height
        if near and abs(other.middle - segment.middle) < 0.5 * segment.height and (found := find_box_before(other.text)):
            return Place(other, found[0].start, found[0].end)
    return None


def _is_caption(place: Place, hit: LabelHit) -> bool:
    """Return whether a text at a label is printed in brackets to say what is to be filled in."""
    return place.segment is not hit.segment and bool(_CAPTION.fullmatch(place.text))


def _begins_sentence(hit: LabelHit, pages: Pages) -> bool:
    """Return whether the words of a label go on as a sentence, without a colon, so that they name no field there."""
    behind = _behind(hit, pages).text
    words = behind.split(maxsplit=MAX_WORDS_WITHOUT_MARK + 1)
    if behind[:1] in _APOSTROPHES:
        return True
    if not words or not behind[:1].isspace() or not words[0][0].isalnum():
        return False
    label = hit.segment.text[hit.start]
    return words[0][0].islower() if label.isupper() else label.islower() and len(words) > MAX_WORDS_WITHOUT_MARK


def _is_of_column(at: Place, pages: Pages) -> bool:
    """Return whether another date stands below a date: its label is the head of a column."""
    segment = at.segment
    below = next(pages.view(segment).below(segment, MAX_BELOW_HEIGHTS * segment.height), None)
    return below is not None and bool(find_dates(below.text, pages.conventions))


def _is_in_sentence(hit: LabelHit) -> bool:
    """Return whether the word before a label shows that it is a word of a sentence, as in "the agreement dated"."""
    before = hit.segment.text[: hit.start].rsplit(maxsplit=1)
    if not before or not before[-1].rstrip(",").isalpha():
        return False
    is_clause = before[-1].endswith(",") and hit.segment.text[hit.start].islower()
    return is_clause or (before[-1].isalpha() and before[-1].islower())


def _name_at(at: Place, hit: LabelHit, score: float, pages: Pages) -> Candidate:
    """Return a name, with the next line if it goes on there."""
    places = [at]
    view = pages.view(at.segment)
    below = next(view.below(at.segment, 0.8 * at.segment.height), None)
    if below is not None and goes_on(below.text) and not _is_another_label(below, hit, pages):
        start, end = below.within(*_column_of(hit, view, pages))
        if start < end:
            places.append(Place(below, start, end))
    return Candidate(" ".join(one.text for one in places), tuple(places), score, hit.segment.text[hit.start : hit.end])


def _is_filler(text: str) -> bool:
    """Return whether nothing but a number in brackets and words such as "no." stands between a label and its identifier."""
    return all(fold(word) in FILLERS for word in _WORD.findall(_BRACKETS.sub(" ", text)))


def _places_of(hit: LabelHit, pages: Pages, *, is_typed: bool = False) -> Iterator[tuple[Place, float]]:
    """Yield the places where the value of a label may stand, with how sure each is.

    ``is_typed`` says that a value is known by its letters, as a date is: it may then stand farther from its label.
    """
    segment, view = hit.segment, pages.view(hit.segment)
    behind = _behind(hit, pages)
    yield behind, SAME_LINE
    if re.search(r"[:\d]", segment.text[behind.end :]) and not _NEXT_NUMBER.fullmatch(segment.text[behind.end :]):
        return  # another label with a value of its own
    for count, other in enumerate(view.right_of(segment)):
        if count == MAX_RIGHT_SEGMENTS or _is_another_label(other, hit, pages):
            break
        yield Place(other, 0, _end_before_label(other, 1, pages)), RIGHT * (1 - 0.03 * count)
    if segment.text[behind.start :].strip(" :.#)") and hit.quality < 1:
        return
    left, right = _column_of(hit, view, pages)
    for other, weight in _below(segment, min(right, view.width), view, is_typed=is_typed):
        if _is_another_label(other, hit, pages):
            break
        start, end = other.within(left, right)
        if start < end:
            yield Place(other, start, end), weight
    if _CAPTION.fullmatch(segment.text):
        above = next(view.above(segment, MAX_ABOVE_HEIGHTS * segment.height), None)
        if above is not None and not _is_another_label(above, hit, pages):
            yield Place(above, 0, len(above.text)), ABOVE


def _behind(hit: LabelHit, pages: Pages) -> Place:
    """Return what follows a label in its piece, without words in brackets that complete it, up to the next label."""
    text = hit.segment.text
    addition = _ADDITION.match(text, hit.end)
    start = addition.end() if addition else hit.end
    return Place(hit.segment, start, max(start, _end_before_label(hit.segment, start, pages, hit)))


def _end_before_label(segment: Segment, start: int, pages: Pages, behind: LabelHit | None = None) -> int:
    """Return where the next label after a place of a piece begins, with the number before it; the end if there is none.

    ``behind`` is the label before the place, if there is one: what is filled in there ends nothing.
    """
    hits = pages.hits_in(segment)  # from left to right
    near = slice(*(bisect_left(hits, at, key=lambda hit: hit.start) for at in (start, start + MAX_PLACE_CHARACTERS)))
    ends = (other.start for other in hits[near] if _stops(other) and not (behind is not None and _is_filled_in(other, behind)))
    end = next(ends, len(segment.text))
    number = _NEXT_NUMBER.search(segment.text, start, end) if end < len(segment.text) else None
    return number.start() if number else end


def _is_another_label(segment: Segment, hit: LabelHit, pages: Pages) -> bool:
    """Return whether a piece names something else, so that it is no value of the label.

    Such are known labels, questions, what ends with a colon, and the next number where the label has one.
    """
    if pages.begins_with_label(segment, hit.key) or segment.text.rstrip().endswith((":", "?")):
        return True
    return bool(_NUMBERED.match(hit.segment.text) and _NUMBERED.match(segment.text))


def _column_of(hit: LabelHit, view: PageView, pages: Pages) -> tuple[float, float]:
    """Return from where to where on the page the values below a label stand: between the labels beside it."""
    left, right = 0.0, float("inf")
    for other in view.right_of(hit.segment):
        if _is_another_label(other, hit, pages):
            right = min(right, other.left)
            break
    for other in view.left_of(hit.segment):
        if _is_another_label(other, hit, pages):
            left = hit.segment.left
            break
    return left, right


def _below(segment: Segment, right: float, view: PageView, *, is_typed: bool) -> Iterator[tuple[Segment, float]]:
    """Yield the pieces below a label, with how sure each is; those of a known type also farther below and beside it."""
    height = segment.height
    found: list[tuple[Segment, float]] = []
    for other in view.below(segment, (MAX_TYPED_HEIGHTS if is_typed else MAX_BELOW_HEIGHTS) * height):
        near = abs(other.left - segment.left) < 3 * height or abs(other.right - segment.right) < 3 * height
        far = max(0.0, (other.top - segment.bottom) / height - MAX_BELOW_HEIGHTS)
        found.append((other, (BELOW if near else BELOW * 0.8) * 0.9**far))
    if is_typed:
        for other in view.between(segment.middle, segment.bottom + 1.5 * height):
            if segment.right <= other.left < min(right, segment.right + 4 * height) and other.top > segment.middle - 1:
                found.append((other, BESIDE))
    yield from sorted(found, key=lambda one: one[0].top)


def _is_filled_in(other: LabelHit, hit: LabelHit) -> bool:
    """Return whether what is a label elsewhere is all that stands behind a label and its colon: then it is the value."""
    text = hit.segment.text
    return other.key.startswith("known ") and text[hit.end : other.start].strip() == ":" and not text[other.end :].strip(" .")


def _stops(hit: LabelHit) -> bool:
    """Return whether a label ends the value before it."""
    return hit.is_stop and hit.quality >= MIN_STOP_QUALITY


def _blank_of(hit: LabelHit, pages: Pages) -> Blank:
    """Return a label without a value; what stands there instead is unreadable as one."""
    for place, _ in _places_of(hit, pages):
        is_label = place.segment is hit.segment and _begins_sentence(hit, pages)
        if _free_text(place.text) and not is_label and not _is_caption(place, hit):
            return Blank(hit, place.text.strip(), (place,))
    return Blank(hit)
