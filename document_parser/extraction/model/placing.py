"""Find where a value that a model names stands on a page, in whatever notation the page has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from document_parser.extraction.candidates import Pages, Place
from document_parser.extraction.conventions import Conventions
from document_parser.extraction.grounding import ROW_HEIGHTS, occurrences
from document_parser.extraction.label_places import MAX_BELOW_HEIGHTS
from document_parser.extraction.labels import MIN_FUZZY_LETTERS, LabelHit, Token, differs_by_one, tokens_of
from document_parser.extraction.schema import Leaf
from document_parser.extraction.values import Value, find_currencies, find_dates, find_numbers
from document_parser.extraction.view import PageView, Segment
from document_parser.models.extraction import Match

MIN_SURE_CHARACTERS = 3
"""Letters and digits of a value, at least, that is found on a page without its label: shorter ones are on every page."""
SAME_ROW = 0.6
"""Heights of a line by which the values of a row may be above or below each other to be level."""
MIN_GLUED_CHARACTERS = 6
"""Letters and digits of a value, at least, that is found although its words are parted otherwise."""


class Spot(NamedTuple):
    """A place of a value, and how the value agrees with the words there."""

    places: tuple[Place, ...]
    match: Match

    @property
    def segment(self) -> Segment:
        """Return the piece of a line in which the value begins."""
        return self.places[0].segment

    @property
    def key(self) -> tuple[int, int, int]:
        """Return the page, the piece and the letter at which it begins."""
        return self.segment.page, self.segment.number, self.places[0].start


@dataclass(frozen=True)
class PageValues:
    """The numbers and dates of a page by value, and its words."""

    view: PageView
    conventions: Conventions
    _tokens: dict[int, list[Token]] = field(default_factory=dict)
    _numbers: dict[int, list[Value]] = field(default_factory=dict)
    """The tokens and the numbers of segments that were looked at, by the numbers of the segments."""

    @cached_property
    def numbers(self) -> Mapping[float, Sequence[Place]]:
        """Return the places of each number."""
        found: dict[float, list[Place]] = defaultdict(list)
        for segment in self.view.segments:
            for value in find_numbers(segment.text, self.conventions):
                found[round(float(value.value), 6)].append(Place(segment, value.start, value.end))
        return found

    @cached_property
    def dates(self) -> Mapping[str, Sequence[Place]]:
        """Return the places of each date by its ISO 8601 form."""
        found: dict[str, list[Place]] = defaultdict(list)
        for segment in self.view.segments:
            for value in find_dates(segment.text, self.conventions):
                found[value.value].append(Place(segment, value.start, value.end))
        return found

    def spots(self, leaf: Leaf, value: Any) -> list[Spot]:
        """Return where a value stands on the page, from top to bottom; an empty list if it does not."""
        if leaf.kind == "boolean":
            return []
        if isinstance(value, int | float):
            return _spots(self.numbers.get(round(float(value), 6), ()), str(value))
        if leaf.kind == "date":
            return _spots(self.dates.get(value, ()), value)
        return self._text_spots(str(value))

    def _text_spots(self, text: str) -> list[Spot]:
        """Return where a text stands: as it is, as a number or date in another notation, or but for a few letters."""
        plain = " ".join(text.split())
        found = [
            Spot(places, "exact" if " ".join(" ".join(one.text for one in places).split()) == plain else "normalised")
            for places in occurrences(text, self.view)
            if self._has_numbers_of(text, places)
        ]
        if found:
            return found
        day, number = _whole_value(find_dates(text, self.conventions), text), _whole_value(self._numbers_in(text), text)
        if day is not None:
            found = _spots(self.dates.get(day, ()), text)
        elif number is not None:
            found = _spots(self.numbers.get(round(float(number), 6), ()), text)
        if found:
            return found
        near = [*self._glued(text)] or [*self._fuzzy(text)]
        return [spot for spot in near if self._has_numbers_of(text, spot.places)]

    def _has_numbers_of(self, text: str, places: Sequence[Place]) -> bool:
        """Return whether words of the page have the numbers and the currency of a text that has the same letters and digits.

        "12.594,2", "-1.259,42" and "259,42" are other numbers than "1.259,42", and "$ 5" is not "5 EUR".
        """
        shown = [value for place in places for value in self._numbers_at(place)]
        said = [find_numbers(text, conventions) for conventions in (self.conventions, Conventions(decimal="."))]
        if any(_is_marked(value, place.segment.text) for place in places for value in self._numbers_at(place)) or any(
            _is_marked(value, text) for values in said for value in values
        ):
            numbers = sorted(float(value.value) for value in shown)
            if all(sorted(float(value.value) for value in values) != numbers for values in said):
                return False
        named = {value.value for value in find_currencies(text)}
        if not named:
            return True
        there = {value.value for place in places for value in find_currencies(place.segment.text)}
        return not there or bool(named & there)

    def _numbers_at(self, place: Place) -> list[Value]:
        """Return the numbers that a place has a part of."""
        number = place.segment.number
        if number not in self._numbers:
            self._numbers[number] = find_numbers(place.segment.text, self.conventions)
        return [value for value in self._numbers[number] if value.start < place.end and value.end > place.start]

    def _numbers_in(self, text: str) -> list[Value]:
        return find_numbers(text, self.conventions) or find_numbers(text, Conventions(decimal="."))

    def _tokens_of(self, segment: Segment) -> list[Token]:
        if segment.number not in self._tokens:
            self._tokens[segment.number] = tokens_of(segment.text)
        return self._tokens[segment.number]

    def _glued(self, text: str) -> Iterator[Spot]:
        """Yield where the letters and digits of a text stand, whatever is between its words."""
        wanted = "".join(token.text for token in tokens_of(text))
        if len(wanted) < MIN_GLUED_CHARACTERS:
            return
        for segment in self.view.segments:
            tokens = self._tokens_of(segment)
            starts, length = {}, 0
            for token in tokens:
                starts[length] = token.start
                length += len(token.text)
            ends = {at + len(token.text): token.end for at, token in zip(starts, tokens, strict=True)}
            at = "".join(token.text for token in tokens).find(wanted)
            if at in starts and at + len(wanted) in ends:
                yield Spot((Place(segment, starts[at], ends[at + len(wanted)]),), "normalised")

    def _fuzzy(self, text: str) -> Iterator[Spot]:
        """Yield where the words of a text stand in a line but for a letter in some of them."""
        wanted = tokens_of(text)
        if not any(len(token.text) >= MIN_FUZZY_LETTERS and not _has_digit(token.text) for token in wanted):
            return
        for segment in self.view.segments:
            tokens = self._tokens_of(segment)
            for at in range(len(tokens) - len(wanted) + 1):
                part = tokens[at : at + len(wanted)]
                alike = [_is_alike(one.text, other.text) for one, other in zip(wanted, part, strict=True)]
                if all(alike) and sum(one.text != other.text for one, other in zip(wanted, part, strict=True)) * 2 <= max(
                    2, len(wanted)
                ):
                    yield Spot((Place(segment, part[0].start, part[-1].end),), "fuzzy")


def _whole_value(values: Sequence[Value], text: str) -> Any:
    """Return the value that a text is, and nothing beside it; None if it is none."""
    return values[0].value if len(values) == 1 and values[0].end - values[0].start == len(text.strip()) else None


def _spots(places: Sequence[Place], written: str) -> list[Spot]:
    return [Spot((place,), "exact" if place.text == written else "normalised") for place in places]


def _is_marked(value: Value, text: str) -> bool:
    """Return whether a number has a sign, or a mark between its digits: then its digits alone are not the number."""
    return not text[value.start : value.end].isdigit()


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _is_alike(one: str, other: str) -> bool:
    """Return whether two words are the same but for one letter; short ones and those with digits must be the same."""
    if one == other:
        return True
    return not _has_digit(one + other) and len(one) >= MIN_FUZZY_LETTERS and differs_by_one(one, other)


def is_short(spot: Spot) -> bool:
    """Return whether a value is so short that it is on many pages by chance."""
    return sum(map(str.isalnum, "".join(place.text for place in spot.places))) < MIN_SURE_CHARACTERS


def label_near(spot: Spot, pointer: str, pages: Pages) -> LabelHit | None:
    """Return the label of a field beside or above a place; None if none is there."""
    segment = spot.segment
    for other in pages.view(segment).between(segment.top - MAX_BELOW_HEIGHTS * segment.height, segment.bottom):
        for hit in pages.hits_in(other):
            if hit.key == pointer and _belongs(spot, hit):
                return hit
    return None


def _belongs(spot: Spot, hit: LabelHit) -> bool:
    """Return whether a value stands behind, right of or below a label."""
    segment, label = spot.segment, hit.segment
    if segment is label:
        return spot.places[0].start >= hit.end
    beside = min(segment.bottom, label.bottom) - max(segment.top, label.top) >= 0.5 * min(segment.height, label.height)
    if beside:
        return segment.left >= label.right - 1
    return segment.top >= label.middle and min(segment.right, label.right) > max(segment.left, label.left)


def place_row(
    options: Mapping[str, Sequence[Spot]], cells: int, within: tuple[float, float], used: Set[tuple[int, int, int]]
) -> dict[str, Spot] | None:
    """Return the places of a row's values, all in one row of the page. Empty if it is in none; None if it is there already.

    ``options`` are the places of each value, ``cells`` how many values the row has, ``within`` the heights between which it
    is, in points, and ``used`` where the rows before it begin: of rows with the same texts the next one is meant.
    """
    spots = [spot for found in options.values() for spot in found]
    inside = [spot for spot in spots if within[0] - 1 <= spot.segment.middle <= within[1] + 1]
    best: dict[str, Spot] = {}
    best_score: tuple[int, int, bool, float] = (0, 0, False, 0.0)
    for top in sorted({spot.segment.top for spot in inside or spots}):
        chosen = {key: near for key, found in options.items() if (near := _nearest(found, top)) is not None}
        level = sum(abs(spot.segment.top - top) <= SAME_ROW * spot.segment.height for spot in chosen.values())
        score = (len(chosen), level, any(spot.key not in used for spot in chosen.values()), -top)
        if score > best_score or not best:
            best, best_score = chosen, score
    sure = any(not is_short(spot) for spot in best.values()) or len(best) == cells
    if not best or not sure or 2 * len(best) < cells:
        return {}
    return best if any(spot.key not in used for spot in best.values()) else None


def _nearest(spots: Sequence[Spot], top: float) -> Spot | None:
    """Return the place that is nearest to a height, if it may be in the row there."""
    near = [spot for spot in spots if abs(spot.segment.top - top) <= ROW_HEIGHTS * spot.segment.height]
    return min(near, key=lambda spot: abs(spot.segment.top - top), default=None)
