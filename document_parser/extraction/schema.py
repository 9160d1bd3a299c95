"""Compile a JSON Schema into the fields to be found, and name what of it is not supported.

The subset is what a value can be checked against when it is found: objects, lists, texts, numbers, dates, truth values and
enumerations. Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

MAX_PROPERTIES = 1000
"""Properties of a schema, in all its objects together, at most."""
MAX_DEPTH = 7
"""Levels of objects and lists inside each other, at most."""
MAX_NESTING = 100
"""Levels of JSON of a schema inside each other, at most. Seven levels that may each be null have less than half of them."""
MAX_REFERENCES = 20
"""References that lead to each other, at most."""
MAX_SCHEMA_BYTES = 1 << 20
"""Size of a schema as JSON in UTF-8, at most."""
MAX_LABELS = 40
"""Labels that a property may name for itself, at most."""
MAX_PATTERN_CHARACTERS = 200
"""Length of a pattern: it is matched against every candidate of a field."""

LeafKind = Literal["string", "number", "integer", "boolean", "date", "enum"]
"""What a single value is."""

LABELS_KEYWORD = "x-labels"
"""Our keyword: labels that stand beside the value on a page."""
ROLE_KEYWORD = "x-role"
"""Our keyword: what the value is, for those that are found by their look as well, such as an address."""

_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples"}
    | {"deprecated", "readOnly", "writeOnly", LABELS_KEYWORD, ROLE_KEYWORD}
)
_OF_TYPE: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"format", "pattern", "minLength", "maxLength"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "boolean": frozenset(),
}
_ANY_TYPE = frozenset({"type", "enum", "const", "anyOf", "$ref"})
_LIMITS = ("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength")
_FORMATS = frozenset({"date", "email", "uri"})
_WORDS_OF_KEY = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word begins within a key such as ``invoiceNumber`` or ``VATRate``."""


class Problem(NamedTuple):
    """A part of a schema that is not supported: where, as a JSON pointer, and why."""

    pointer: str
    message: str


class SchemaProblems(Exception):
    """A schema that cannot be compiled, with everything in it that is not supported."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems."""
        super().__init__(f"{len(problems)} problems")
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value. ``labels`` are its own names, as they may stand on a page; the first is made of its key.

    ``pattern``, ``choices``, ``least``, ``most`` and ``limits``, the other keywords with numbers, limit what is accepted.
    ``role`` says what the value is beside its kind, such as ``amount`` or ``address``; empty if the schema does not say it.
    """

    key: str
    kind: LeafKind
    labels: tuple[str, ...] = ()
    role: str = ""
    format: str = ""
    pattern: str = ""
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    limits: tuple[tuple[str, float], ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """An object: its fields by key."""

    key: str
    fields: Mapping[str, Field]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values or of objects."""

    key: str
    item: Field
    labels: tuple[str, ...] = ()


Field = Leaf | Group | ListOf


def schema_of_names(names: Sequence[str]) -> dict[str, Any]:
    """Return the schema that a bare list of field names stands for: an object of texts."""
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def compile_schema(schema: Mapping[str, Any], *, of_row: bool = False) -> Group:
    """Return the fields of a schema, whose root must be an object. Raises SchemaProblems with all that is not supported.

    ``of_row``: it describes a row of a table, which has no list.
    """
    if problem := _problem_of_json(schema):
        raise SchemaProblems([problem])
    compiler = _Compiler(schema)
    root = compiler.compile(schema, "", "", 1)
    if not compiler.problems and not isinstance(root, Group):
        compiler.problems.append(Problem("", "The root must be an object with properties."))
    if of_row and isinstance(root, Group):
        compiler.problems += [
            Problem("", f"With scope=row the schema is one row, and {key} is a list.") for key in lists_of(root)
        ]
    if compiler.problems or not isinstance(root, Group):
        raise SchemaProblems(compiler.problems)
    return root


def _problem_of_json(schema: Mapping[str, Any]) -> Problem | None:
    """Return why a schema cannot be stored whatever it says: too deep, too large, or with what is no text; None if it can."""
    level: list[Any] = [schema]
    for _ in range(MAX_NESTING):
        lists = [list(one.values()) if isinstance(one, Mapping) else one for one in level if isinstance(one, Mapping | list)]
        level = [inner for one in lists for inner in one]
    if level:
        return Problem("", f"A schema may have {MAX_NESTING} levels of JSON inside each other.")
    try:
        size = len(json.dumps(schema, ensure_ascii=False, default=str).encode())
    except UnicodeEncodeError:
        return Problem("", "A key or text of the schema has half of a surrogate pair, which is no character.")
    return Problem("", f"A schema may have {MAX_SCHEMA_BYTES >> 20} MiB.") if size > MAX_SCHEMA_BYTES else None


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> TypeAdapter[str]:
    """Return what matches a pattern: the engine of Rust, which takes time in proportion to the text whatever the pattern is."""
    return TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])


def matches(pattern: str, text: str) -> bool:
    """Return whether a part of a text matches a pattern of a schema. Raises SchemaError of pydantic if it is no pattern."""
    try:
        _matcher(pattern).validate_python(text)
    except ValidationError:
        return False
    return True


def words_of_key(key: str) -> str:
    """Return a property's key as words: ``invoiceNumber`` and ``invoice_number`` both as "invoice number"."""
    return " ".join(word.lower() for word in _WORDS_OF_KEY.findall(_CAMEL.sub(" ", key)))


@dataclass
class _Compiler:
    """A schema under compilation: the problems found, and how many properties it has so far."""

    root: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)
    properties: int = 0
    _open_refs: list[str] = field(default_factory=list)

    def compile(self, schema: Any, pointer: str, key: str, depth: int) -> Field:
        """Return the field of a part of the schema; problems are collected."""
        nothing = Leaf(key, "string")
        if not isinstance(schema, Mapping):
            return self._refuse(pointer, "A schema must be an object.", nothing)
        if "$ref" in schema:
            return self._follow(schema, pointer, key, depth)
        if "anyOf" in schema:
            return self._choose(schema, pointer, key, depth)
        kind = self._type_of(schema, pointer)
        for keyword in schema.keys() - _ANY_TYPE - _ANNOTATIONS - _OF_TYPE.get(kind, frozenset()):
            self._refuse(step_to(pointer, keyword), f"The keyword {keyword} is not supported here.", nothing)
        if kind in ("object", "array") and depth > MAX_DEPTH:
            return self._refuse(pointer, f"Objects and lists may be {MAX_DEPTH} levels deep.", nothing)
        labels = self._labels_of(schema, pointer, key)
        if kind == "object":
            return self._group(schema, pointer, key, labels, depth)
        if kind == "array":
            if "items" not in schema:
                return self._refuse(pointer, "A list needs items: the schema of its values.", nothing)
            item = self.compile(schema["items"], f"{pointer}/items", key, depth + 1)
            if lists_of(item):
                return self._refuse(f"{pointer}/items", "A list within the rows of a list is not supported.", nothing)
            return ListOf(key, item, labels)
        return self._leaf(schema, pointer, key, kind, labels)

    def _refuse(self, pointer: str, message: str, instead: Field) -> Field:
        """Note a problem, and return a field to go on with."""
        self.problems.append(Problem(pointer, message))
        return instead

    def _follow(self, schema: Mapping[str, Any], pointer: str, key: str, depth: int) -> Field:
        """Return the field that a reference within the schema leads to."""
        reference, target = str(schema["$ref"]), self.root
        nothing = Leaf(key, "string")
        if reference in self._open_refs:
            return self._refuse(f"{pointer}/$ref", "A schema that contains itself is not supported.", nothing)
        if len(self._open_refs) == MAX_REFERENCES:
            return self._refuse(f"{pointer}/$ref", f"At most {MAX_REFERENCES} references may lead to each other.", nothing)
        if not reference.startswith("#/"):
            return self._refuse(f"{pointer}/$ref", "Only references within the schema are followed.", nothing)
        for step in reference[2:].split("/"):
            inner = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
            if inner is None:
                return self._refuse(f"{pointer}/$ref", f"{reference} does not exist in the schema.", nothing)
            target = inner
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        self._open_refs.append(reference)
        found = self.compile({**target, **beside} if isinstance(target, Mapping) else target, pointer, key, depth)
        self._open_refs.pop()
        return found

    def _choose(self, schema: Mapping[str, Any], pointer: str, key: str, depth: int) -> Field:
        """Return the field of ``anyOf`` with null and one other schema, which is how optional values are written."""
        options = schema["anyOf"] if isinstance(schema["anyOf"], list) else []
        places = [place for place, one in enumerate(options) if not (isinstance(one, Mapping) and one.get("type") == "null")]
        if len(places) != 1 or not isinstance(options[places[0]], Mapping):
            message = "anyOf is supported for one schema and null. Give each field one type."
            return self._refuse(f"{pointer}/anyOf", message, Leaf(key, "string"))
        beside = {name: value for name, value in schema.items() if name != "anyOf"}
        return self.compile({**options[places[0]], **beside}, f"{pointer}/anyOf/{places[0]}", key, depth)

    def _type_of(self, schema: Mapping[str, Any], pointer: str) -> str:
        """Return the type of a schema, without null; of an enumeration without one, that of its values."""
        named = schema.get("type")
        names = [one for one in (named if isinstance(named, list) else [named]) if one != "null"]
        names = [one if one is None or isinstance(one, str) else "" for one in names]
        if names == [None]:
            if "properties" in schema:
                return "object"
            if "enum" in schema or "const" in schema:
                return "string"
            names = []
        if len(names) != 1 or names[0] not in _OF_TYPE:
            known = ", ".join(sorted(_OF_TYPE))
            self.problems.append(Problem(f"{pointer}/type", f"A field needs one type of {known}, which may be nullable."))
            return "string"
        return str(names[0])

    def _group(self, schema: Mapping[str, Any], pointer: str, key: str, labels: tuple[str, ...], depth: int) -> Field:
        """Return the field of an object."""
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            return self._refuse(pointer, "An object needs properties, so that there is something to find.", Leaf(key, "string"))
        if isinstance(schema.get("additionalProperties"), Mapping):
            self.problems.append(Problem(f"{pointer}/additionalProperties", "Name the properties: others are not looked for."))
        self.properties += len(properties)
        if self.properties > MAX_PROPERTIES:
            return self._refuse(pointer, f"A schema may have {MAX_PROPERTIES} properties in all.", Leaf(key, "string"))
        inner = {
            name: self.compile(one, step_to(f"{pointer}/properties", name), str(name), depth + 1)
            for name, one in properties.items()
        }
        return Group(key, inner, labels)

    def _leaf(self, schema: Mapping[str, Any], pointer: str, key: str, kind: str, labels: tuple[str, ...]) -> Leaf:
        """Return the field of a single value."""
        listed = schema.get("enum", [schema["const"]] if "const" in schema else [])
        if not isinstance(listed, list) or any(isinstance(one, dict | list) for one in listed):
            self.problems.append(Problem(f"{pointer}/enum", "An enumeration is a list of single values."))
            listed = []
        choices = tuple(one for one in listed if one is not None)
        form = str(schema.get("format", ""))
        if form and form not in _FORMATS:
            self.problems.append(Problem(f"{pointer}/format", f"Formats are {', '.join(sorted(_FORMATS))}."))
        leaf_kind: LeafKind = "enum" if choices else "date" if form == "date" else kind  # type: ignore[assignment]
        return Leaf(
            key,
            leaf_kind,
            labels,
            role=str(schema.get(ROLE_KEYWORD, "")),
            format=form,
            pattern=self._pattern_of(schema, pointer),
            choices=choices,
            least=_number(schema.get("minimum")),
            most=_number(schema.get("maximum")),
            limits=tuple((word, limit) for word in _LIMITS if (limit := _number(schema.get(word))) is not None),
            description=str(schema.get("description", ""))[:MAX_DESCRIPTION_CHARACTERS],
        )

    def _pattern_of(self, schema: Mapping[str, Any], pointer: str) -> str:
        """Return the pattern of a text; empty if it has none."""
        pattern = schema.get("pattern", "")
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_CHARACTERS:
            self.problems.append(Problem(f"{pointer}/pattern", f"A pattern is a text of {MAX_PATTERN_CHARACTERS} characters."))
            return ""
        try:
            matches(pattern, "")
        except SchemaError:
            message = "The pattern is no regular expression, or uses what takes time without end: lookaround, back-references."
            self.problems.append(Problem(f"{pointer}/pattern", message))
            return ""
        return pattern

    def _labels_of(self, schema: Mapping[str, Any], pointer: str, key: str) -> tuple[str, ...]:
        """Return how a property may be called on a page: by its key, its title, and the labels that it names."""
        own = schema.get(LABELS_KEYWORD, [])
        if not isinstance(own, list) or len(own) > MAX_LABELS or not all(isinstance(label, str) for label in own):
            self.problems.append(Problem(f"{pointer}/{LABELS_KEYWORD}", f"Labels are a list of at most {MAX_LABELS} texts."))
            own = []
        title, description = str(schema.get("title", "")), str(schema.get("description", ""))
        short = [description] if 0 < len(description.split()) <= MAX_DESCRIPTION_WORDS else []
        return tuple(dict.fromkeys(label for label in (words_of_key(key), title, *own, *short) if label))


MAX_DESCRIPTION_WORDS = 5
"""A longer description explains a field; a shorter one may be its label."""
MAX_DESCRIPTION_CHARACTERS = 500
"""More of a description is told to no model."""


def leaves_of(root: Field) -> dict[str, Leaf]:
    """Return the single values outside lists by their JSON pointers into the data."""
    return {pointer: field_ for pointer, field_ in _walk(root, "") if isinstance(field_, Leaf)}


def lists_of(root: Field) -> dict[str, ListOf]:
    """Return the lists by their JSON pointers into the data."""
    return {pointer: field_ for pointer, field_ in _walk(root, "") if isinstance(field_, ListOf)}


def _walk(field_: Field, pointer: str) -> Iterator[tuple[str, Leaf | ListOf]]:
    """Yield the single values and the lists with their pointers; what is in a list belongs to its rows."""
    if isinstance(field_, Group):
        for key, inner in field_.fields.items():
            yield from _walk(inner, step_to(pointer, key))
    else:
        yield pointer, field_


def step_to(pointer: str, key: object) -> str:
    """Return the JSON pointer of a key below another (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _number(value: object) -> float | None:
    """Return a limit; None if there is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
