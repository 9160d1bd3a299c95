"""Check that a value from outside is one of its field: of its type, and within all limits of the schema."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from document_parser.extraction.conventions import Conventions
from document_parser.extraction.schema import Leaf, matches
from document_parser.extraction.values import MAX_DIGITS, Value, find_by_pattern, find_dates, find_numbers, find_truth

MAX_TEXT_CHARACTERS = 4000
"""A longer text is no value."""
NOTHING = frozenset({"", "null", "none", "n/a", "-", "–", "unknown", "not found", "not specified"})
"""What models write for a value that is not there."""

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half of a surrogate pair: JSON may have it, and no text can be stored with it."""


class Checked(NamedTuple):
    """A value in the type of its field, None if there is none; and what is wrong with what was given, empty if nothing is."""

    value: Any
    problem: str = ""


def check_value(leaf: Leaf, given: Any, conventions: Conventions) -> Checked:
    """Return a value in the type of its field, or why it is none. Texts of numbers, dates and truth values are read."""
    if given is None or (isinstance(given, str) and given.strip().casefold() in NOTHING):
        return Checked(None)
    typed = _typed(leaf, given, conventions)
    if typed is None:
        return Checked(None, f"is no {'choice of the schema' if leaf.kind == 'enum' else leaf.kind}")
    problem = _problem_of(leaf, typed.value)
    return Checked(None, problem) if problem else Checked(typed.value)


def _typed(leaf: Leaf, given: Any, conventions: Conventions) -> Value | None:
    """Return what was given in the type of the leaf; None if it is not of it."""
    if isinstance(given, dict | list) or (isinstance(given, int | float) and not abs(given) < 10**MAX_DIGITS):
        return None
    if isinstance(given, str) and _LONE_SURROGATE.search(given):
        return None
    if leaf.kind == "enum":
        same = [one for one in leaf.choices if one == given or str(one).casefold() == str(given).strip().casefold()]
        return Value(same[0], 0, 0) if same else None
    if leaf.kind == "boolean":
        return Value(given, 0, 0) if isinstance(given, bool) else _only(find_truth(str(given)))
    if leaf.kind == "string":
        text = " ".join(str(given).split())
        return None if isinstance(given, bool) or len(text) > MAX_TEXT_CHARACTERS else Value(text, 0, len(text))
    if leaf.kind == "date":
        return _only(find_dates(str(given), conventions)) if isinstance(given, str) else None
    if isinstance(given, bool):
        return None
    number = Value(given, 0, 0) if isinstance(given, int | float) else _only(find_numbers(given, conventions))
    if number is None or leaf.kind == "number":
        return number
    return number._replace(value=int(number.value)) if float(number.value).is_integer() else None


def _only(values: list[Value]) -> Value | None:
    """Return the one value of a text; None if there is none or more than one."""
    return values[0] if len(values) == 1 else None


def _problem_of(leaf: Leaf, value: Any) -> str:
    """Return which limit of the schema a value breaks; empty if none."""
    if leaf.pattern and not matches(leaf.pattern, str(value)):
        return "does not match the pattern"
    if leaf.format in ("email", "uri") and not find_by_pattern("email" if leaf.format == "email" else "url", str(value)):
        return f"is no {leaf.format}"
    if isinstance(value, bool):
        return ""
    limits = dict(leaf.limits)
    if isinstance(value, str):
        long = not limits.get("minLength", 0) <= len(value) <= limits.get("maxLength", math.inf)
        return "is too short or too long" if long else ""
    if not isinstance(value, int | float):
        return ""
    least, most = leaf.least, leaf.most
    if (least is not None and value < least) or (most is not None and value > most):
        return "is out of range"
    if value <= limits.get("exclusiveMinimum", -math.inf) or value >= limits.get("exclusiveMaximum", math.inf):
        return "is out of range"
    step = limits.get("multipleOf", 0)
    return "is no multiple" if step and abs(value / step - round(value / step)) > 1e-9 else ""
