"""Read the values of one line of a list: of a table's row, or of what stands below column heads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from document_parser.extraction.candidates import Candidate, Pages
from document_parser.extraction.field_values import find_values
from document_parser.extraction.labels import MAX_LABEL_TOKENS, Concept, load_concepts, role_of, words_of
from document_parser.extraction.schema import Leaf
from document_parser.extraction.search import AMOUNT_WORDS
from document_parser.extraction.values import Value, find_currencies

Entry = tuple[Leaf, Concept | None]
"""A field of a list's rows with what it stands for as a column."""
Fields = Mapping[str, Entry]
"""The single values of a list's rows by their pointers into a row."""
MAX_UNIT_WORDS = 2
"""Words beside a number in a cell, at most: a unit or a currency. More are a text with a number in it."""
MAX_UNIT_LETTERS = 4
"""Letters of a word before a number, at most, that is a currency or the like, and not the name of what is counted."""
MIN_DIGITS = 4
"""Digits of an identifier, at least, that is told by its form alone."""
MAX_SUMS = 2
"""Numbers of a line of sums, at most: what was paid in and out."""

_POSITION = re.compile(r"\W*(\d{1,4})[.)]?\W*")
_LABELLED = re.compile(r"(?<!\d):|:(?!\d)")
"""A colon that is not within a time: what is beside it has a label of its own."""
_LETTERS = re.compile(r"[^\W\d_]+")
_SUMS = ("grand_total", "tax_total", "due_payable", "prepaid")
_PARTIAL_SUMS = ("tax_basis_total", "line_total", "carried_sum")


@dataclass
class Line:
    """A line of a list: its values by key, and where it is on its page, in points.

    ``is_exact``: it is a row of a file's table, and no line of it. ``sum_of`` is "all" for the sums below a list, "part" for
    those within it, and empty for any other line.
    """

    page: int
    top: float
    bottom: float
    values: dict[str, Candidate] = field(default_factory=dict)
    is_exact: bool = False
    sum_of: str = ""

    @property
    def middle(self) -> float:
        """Return the y position halfway between top and bottom."""
        return (self.top + self.bottom) / 2


def is_typed(entry: Entry) -> bool:
    """Return whether a field holds a number or a date, by which rows are told."""
    leaf, concept = entry
    return leaf.kind in ("number", "integer", "date") or (concept is not None and concept.role in ("amount", "number", "date"))


def is_text(entry: Entry) -> bool:
    """Return whether a field holds a text that may have several lines."""
    leaf, concept = entry
    return leaf.kind == "string" and role_of(leaf, concept) in ("", "text")


def is_position(entry: Entry) -> bool:
    """Return whether a field is the number of the row, which is no value by which a row is told."""
    return entry[1] is not None and entry[1].name == "position"


def strong_keys(fields: Fields, keys: Sequence[str]) -> list[str]:
    """Return the keys of numbers and dates, by which rows are told; the number of the row only if there is no other."""
    typed = [key for key in keys if key in fields and is_typed(fields[key])]
    return [key for key in typed if not is_position(fields[key])] or typed


def value_in_cell(entry: Entry, text: str, pages: Pages) -> Value | None:
    """Return the value of a typed field or identifier in the text of its cell; None for a text with a number in it."""
    if (is_position(entry) and not _POSITION.fullmatch(text)) or (is_typed(entry) and _LABELLED.search(text)):
        return None
    leaf, concept = entry
    values = find_values(leaf, role_of(leaf, concept), text, pages.conventions)
    if not values:
        return None
    found = values[0]
    before, after = _LETTERS.findall(text[: found.start]), _LETTERS.findall(text[found.end :])
    if not is_typed(entry) or leaf.kind == "date":
        return found
    has_name = any(len(word) > MAX_UNIT_LETTERS for word in before)
    return None if has_name or len(before) + len(after) > MAX_UNIT_WORDS else found


def is_whole_value(entry: Entry, text: str, pages: Pages) -> bool:
    """Return whether a text is nothing but a number or date with its unit, or nothing but an identifier."""
    if role_of(*entry) != "identifier" and not is_typed(entry):
        return False
    found = value_in_cell(entry, text, pages)
    if found is not None and not is_typed(entry):
        return found.start == 0 and found.end == len(text) and sum(map(str.isdigit, text)) >= MIN_DIGITS
    return found is not None and not any(map(str.isdigit, text[: found.start] + text[found.end :]))


def sum_of(values: Mapping[str, Candidate], texts: Sequence[str], fields: Fields) -> str:
    """Return what a line is the sum of, "all" or "part", if one of its texts is the label of a sum; nothing for any other line.

    A line with a number of its own, with a date, or with a count and a price is a row, however its text begins.
    """
    typed = [key for key in values if is_typed(fields[key])]
    if len(typed) > MAX_SUMS or any(is_position(fields[key]) or fields[key][0].kind == "date" for key in typed):
        return ""
    counted = any(not _is_amount(fields[key]) for key in typed)
    return next((kind for text in texts if (kind := _sum_named(text, alone=counted))), "")


def _is_amount(entry: Entry) -> bool:
    return role_of(*entry) == "amount"


def _sum_named(text: str, *, alone: bool) -> str:
    """Return what the label at the start of a text sums up. ``alone``: no word may go on after it."""
    words = words_of(re.split(r"[:\d]", text, maxsplit=1)[0])
    for length in range(min(len(words), MAX_LABEL_TOKENS), 0, -1):
        kind = _sum_labels().get(words[:length])
        if kind is not None:
            more = words[length:]
            fits = all(len(word) == 1 or word in AMOUNT_WORDS or find_currencies(word.upper()) for word in more)
            return kind if not more or (fits and not alone) else ""
    return ""


@cache
def _sum_labels() -> Mapping[tuple[str, ...], str]:
    """Return the labels of sums, as words, by what they sum up."""
    concepts = load_concepts()
    found = {words_of(label): "all" for name in _SUMS for label in concepts[name].labels}
    return found | {words_of(label): "part" for name in _PARTIAL_SUMS for label in concepts[name].labels}


def joined(one: Candidate, other: Candidate) -> Candidate:
    """Return a text of several lines as one."""
    return replace(one, value=f"{one.value} {other.value}", places=(*one.places, *other.places))
