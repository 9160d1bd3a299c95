"""Write the fields of a schema in the plain subset that every server's structured output takes, or as NuExtract's template.

The subset has objects whose keys are all required, lists, and single values that may be null. Patterns, formats and limits are
left out, because servers refuse or ignore them: values are checked against the whole schema when they are there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from document_parser.extraction.schema import Field, Group, Leaf, ListOf, step_to

_TYPES: Mapping[str, str] = {"number": "number", "integer": "integer", "boolean": "boolean"}
_TEMPLATE_TYPES: Mapping[str, str] = {"number": "number", "integer": "integer", "boolean": "boolean", "date": "date-time"}


def plain_schema(field: Field) -> dict[str, Any]:
    """Return a field as a plain JSON Schema."""
    if isinstance(field, Group):
        properties = {key: plain_schema(inner) for key, inner in field.fields.items()}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    if isinstance(field, ListOf):
        return {"type": "array", "items": plain_schema(field.item)}
    return _described(field, {"anyOf": [_plain_leaf(field), {"type": "null"}]})


def _plain_leaf(leaf: Leaf) -> dict[str, Any]:
    if leaf.kind == "enum":
        return {"enum": list(leaf.choices)}
    return {"type": _TYPES.get(leaf.kind, "string")}


def _described(leaf: Leaf, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with what the field is called and what it is."""
    names = " / ".join(dict.fromkeys(label for label in leaf.labels[1:4] if label != leaf.description))
    said = ". ".join(filter(None, [leaf.description, names and f"Called: {names}"]))
    said += " (YYYY-MM-DD)" if leaf.kind == "date" else ""
    return {**schema, "description": said.strip()} if said else schema


def template_of(field: Field) -> Any:
    """Return a field as NuExtract's template: names of types in the place of values."""
    if isinstance(field, Group):
        return {key: template_of(inner) for key, inner in field.fields.items()}
    if isinstance(field, ListOf):
        return [template_of(field.item)]
    if field.kind == "enum":
        return [str(choice) for choice in field.choices]
    return _TEMPLATE_TYPES.get(field.kind, "verbatim-string")


def select(group: Group, pointers: Collection[str], pointer: str = "") -> Group:
    """Return a group with only the single values and lists of these pointers."""
    kept: dict[str, Field] = {}
    for key, inner in group.fields.items():
        at = step_to(pointer, key)
        if isinstance(inner, Group):
            part = select(inner, pointers, at)
            if part.fields:
                kept[key] = part
        elif at in pointers:
            kept[key] = inner
    return replace(group, fields=kept)
