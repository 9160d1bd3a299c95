"""Turn the errors of pydantic into sentences for the person who sent the request, without type names or values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from document_parser.errors import InvalidOption

NO_OBJECT = "is not a JSON object"
"""Problem of a body that is no JSON object. Its ``field`` is empty."""

_MESSAGES = {
    "missing": "is missing",
    "string_type": "is not text",
    "string_unicode": "is not text",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "list_type": "is not a list",
    "tuple_type": "is not a list",
    "path_type": "is not a path",
    "json_invalid": "is not JSON",
}
_BOUNDS = {
    "greater_than": ("gt", "is not more than {}"),
    "greater_than_equal": ("ge", "is less than {}"),
    "less_than": ("lt", "is not less than {}"),
    "less_than_equal": ("le", "is more than {}"),
}


def invalid_option(error: ValidationError, model: type[BaseModel] | None = None, also: Iterable[str] = ()) -> InvalidOption:
    """Return the error that names each wrong field of ``model``.

    ``also`` lists names that are known besides its fields.
    """
    return InvalidOption.for_fields(*wrong_fields(error, model, also))


def wrong_fields(
    error: ValidationError, model: type[BaseModel] | None = None, also: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return ``field`` and ``problem`` of each wrong field, with facts for programs.

    The facts are ``allowed`` (values), ``known`` and ``did_you_mean`` (of an unknown name), ``max_characters`` and
    ``characters``, and ``limit``.
    """
    found: dict[str, list[Any]] = {}
    for item in error.errors(include_url=False):
        found.setdefault(str(item["loc"][0]) if item["loc"] else "", []).append(item)
    known = sorted({*(model.model_fields if model is not None else ()), *also})
    return [{"field": field, **_facts(field, items, model, known)} for field, items in found.items()]


def nearest_name(name: str, known: Sequence[str]) -> str:
    """Return the known name that was probably meant; empty if none is similar."""
    given = name.lower().replace("-", "_")
    if close := difflib.get_close_matches(given, known, n=1):
        return close[0]
    words = {word.rstrip("s") for word in given.split("_") if len(word) > 3}
    sharing = [one for one in known if words & {word.rstrip("s") for word in one.split("_")}]
    return next(iter(difflib.get_close_matches(given, sharing, n=1, cutoff=0)), "")


def unknown_name(name: str, known: Sequence[str]) -> dict[str, Any]:
    """Return the problem and facts of an unknown name."""
    meant = nearest_name(name, known)
    facts: dict[str, Any] = {"problem": f"unknown, did you mean {meant}?" if meant else "unknown", "known": list(known)}
    return facts | ({"did_you_mean": meant} if meant else {})


def too_many_characters(length: int, most: int) -> dict[str, Any]:
    """Return the problem and facts of a text with ``length`` characters where ``most`` are allowed."""
    return {
        "problem": f"has {length} characters, at most {most} are allowed",
        "max_characters": most,
        "characters": length,
    }


def _facts(field: str, items: list[Any], model: type[BaseModel] | None, known: Sequence[str]) -> dict[str, Any]:
    """Return problem and facts of one field.

    A field of several types (a word of a list, or empty) has one error for each type; their allowed words are joined.
    """
    if allowed := [word for item in items for word in re.findall(r"'([^']+)'", item.get("ctx", {}).get("expected", ""))]:
        return {"problem": f"not one of {', '.join(allowed)}", "allowed": allowed}
    item = items[0]
    kind, facts = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_name(field, known)
    if kind == "string_too_long":
        return too_many_characters(len(item["input"]), facts["max_length"])
    if kind == "string_too_short":
        return {"problem": "is empty"}
    if kind == "value_error":
        return {"problem": str(facts["error"]).removesuffix(".")}
    if kind in _BOUNDS:
        name, sentence = _BOUNDS[kind]
        return {"problem": sentence.format(f"{facts[name]:g}"), "limit": facts[name]}
    if not field:
        return {"problem": NO_OBJECT}
    if kind == "string_pattern_mismatch" and model is not None and (description := model.model_fields[field].description):
        return {"problem": f"has another form than expected: {description.removesuffix('.').replace('``', '')}"}
    return {"problem": _MESSAGES.get(kind, "has a value that is not allowed")}
