"""Find the values of a field's type in a text."""

from __future__ import annotations

import re
from typing import Any

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.names import find_name
from document_parser.extraction.schema import Leaf, matches
from document_parser.extraction.values import (
    BOXES,
    Value,
    find_by_pattern,
    find_currencies,
    find_dates,
    find_identifiers,
    find_numbers,
    find_truth,
    has_pattern,
)

MAX_PLACE_CHARACTERS = 500
"""Letters behind a label, or in a piece of a line, among which its value is looked for, at most."""
MAX_TEXT_WORDS = 14
"""A longer text beside a label is a sentence that begins with the label's words."""
NUMBERED = re.compile(r"\W*(?:\d{1,2}[a-z]?|[a-z])[.)]", re.IGNORECASE)
"""The number of a question at the start of a piece."""
BRACKETS = re.compile(r"\(\w{1,4}\)")
_LEADING = re.compile(r"^[\s:;#=№.)\]|–—-]+")
_TRAILING = re.compile(r"[\s:;|]+$")


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
        return find_identifiers(BRACKETS.sub(lambda match: " " * len(match[0]), text))
    if role == "name":
        return [value for found in free_text(text) for value in find_name(found)]
    return free_text(text)


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


def free_text(text: str) -> list[Value]:
    """Return a text without the marks around it; nothing if no letter or digit is left, or if it is a sentence."""
    start = len(text) - len(_LEADING.sub("", text))
    body = _TRAILING.sub("", text[start:])
    words = len(body.split())
    if not any(map(str.isalnum, body)) or words > MAX_TEXT_WORDS or body[0] in BOXES or NUMBERED.fullmatch(body):
        return []
    return [Value(body, start, start + len(body))]


def _within(leaf: Leaf, value: Any) -> bool:
    """Return whether a number is within the limits of its field."""
    if not isinstance(value, int | float):
        return True
    return (leaf.least is None or value >= leaf.least) and (leaf.most is None or value <= leaf.most)
