"""Read what a request asks to be extracted: a JSON Schema, the name of a prebuilt one, or names of fields."""

from __future__ import annotations

import json
from typing import Any

from document_parser.api.middleware.identity import identity
from document_parser.errors import BadRequest, InvalidOption, OwnFileBroken, SchemaNotFound, SchemaUnsupported, ScopeMissing
from document_parser.extraction.registry import NamedSchema, load_schemas
from document_parser.extraction.schema import SchemaProblems, compile_schema, schema_of_names
from document_parser.models.extraction import ExtractionOrder
from document_parser.settings import Settings
from document_parser.telemetry import logs

log = logs.get_logger(__name__)

MAX_NAMES = 1000
"""Names of fields in a request, at most."""
SOURCES = ("json_schema", "schema", "fields")
"""What an order is made of; it has one of them."""
FIELDS = (*SOURCES, "scope", "on_ungrounded")
"""What an order may have."""
FORM_FIELDS = {
    "json_schema": "json_schema",
    "schema": "schema",
    "extract_fields": "fields",
    "extract_scope": "scope",
    "scope": "scope",
    "on_ungrounded": "on_ungrounded",
}
"""The fields of an order beside a document, and what of the order they are."""
ORDER_ERRORS = (BadRequest, InvalidOption, SchemaUnsupported, SchemaNotFound, OwnFileBroken)
"""Errors of an order."""
ORDER_TEXT = (
    "Send json_schema (a JSON Schema), schema (the name of a prebuilt one) or fields (a list of names). Each value of the "
    "answer has its page, its boxes and its quote in evidence; a value that the document does not have is null."
)
"""Description of an order in the documentation."""

_ALLOWED = {"scope": ("document", "page", "row"), "on_ungrounded": ("flag", "null")}
"""The words that the options of an order may have, the default first."""
ORDER_PROPERTIES: dict[str, Any] = {
    "json_schema": {
        "type": "object",
        "description": "A JSON Schema whose root is an object with properties.",
        "examples": [{"type": "object", "properties": {"total": {"type": "number"}}}],
    },
    "schema": {
        "type": "string",
        "description": "The name of a prebuilt schema, as GET /v1/schemas lists them.",
        "examples": ["invoice"],
    },
    "fields": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": MAX_NAMES,
        "description": "Names of fields.",
        "examples": [["invoice number", "total"]],
    },
    "scope": {"enum": ["document", "page", "row"], "default": "document", "description": "What the schema describes."},
    "on_ungrounded": {"enum": ["flag", "null"], "default": "flag", "description": "What becomes of values not on the page."},
}
"""The schemas of the parts of an order in JSON."""
FORM_PROPERTIES: dict[str, dict[str, Any]] = {
    "json_schema": {
        "type": "string",
        "default": "",
        "description": "Extract the values of this JSON Schema, sent as JSON text.",
    },
    "schema": {
        "type": "string",
        "default": "",
        "description": "Extract the values of a prebuilt schema, as GET /v1/schemas lists them.",
    },
    "extract_fields": {
        "type": "string",
        "default": "",
        "description": "Extract the values of these fields: names separated by commas, or a JSON list of them.",
    },
    "extract_scope": ORDER_PROPERTIES["scope"] | {"description": "What the schema describes; scope is the same."},
    "on_ungrounded": ORDER_PROPERTIES["on_ungrounded"],
}
"""The schemas of the fields of an order beside a document."""


def take_order(settings: Settings, fields: dict[str, Any]) -> ExtractionOrder | None:
    """Take the order out of the fields beside a document; None if they ask for nothing.

    Texts of a form are understood. Raises InvalidOption, SchemaNotFound, SchemaUnsupported, and ScopeMissing if the caller may
    extract nothing.
    """
    given: dict[str, Any] = {}
    for name in FORM_FIELDS.keys() & fields.keys():
        value, part = fields.pop(name), FORM_FIELDS[name]
        if value in ("", None):
            continue
        if part in given:
            raise InvalidOption.for_fields({"field": name, "problem": "was sent twice, as extract_scope and as scope"})
        given[part] = value
    if _is_silent(given):
        return None
    if not identity().may("extract"):
        raise ScopeMissing.for_scope("extract", identity().scopes)
    if isinstance(names := given.get("fields"), str):
        given["fields"] = _parse_json("extract_fields", names) if names.lstrip().startswith("[") else _split(names)
    if isinstance(schema := given.get("json_schema"), str):
        given["json_schema"] = _parse_json("json_schema", schema)
    return with_model(settings, parse_order(settings, given), identity().tier)


def with_model(settings: Settings, order: ExtractionOrder, tier: str) -> ExtractionOrder:
    """Return an order with the model that is heard too for a job of this tier, if one is set and the tier allows it."""
    return order.model_copy(update={"model": settings.extract_model_of(tier)})


def _is_silent(given: dict[str, Any]) -> bool:
    """Return whether nothing is asked for: forms of the documentation send the defaults of all fields."""
    return all(part in _ALLOWED and value == _ALLOWED[part][0] for part, value in given.items())


def _split(names: str) -> list[str]:
    return [one.strip() for one in names.split(",") if one.strip()]


def _parse_json(field: str, text: str) -> Any:
    """Return the value of a field that has JSON. Raises InvalidOption."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidOption.for_fields({"field": field, "problem": "is no JSON"}) from None


def parse_order(settings: Settings, given: dict[str, Any]) -> ExtractionOrder:
    """Return the order that a request has sent. Raises InvalidOption, SchemaNotFound, SchemaUnsupported."""
    unknown = [name for name in given if name not in FIELDS]
    if unknown:
        raise InvalidOption.for_fields(*({"field": name, "problem": "is unknown"} for name in unknown))
    for key, allowed in _ALLOWED.items():
        if key in given and given[key] not in allowed:
            raise InvalidOption.for_fields({"field": key, "problem": f"is one of {', '.join(allowed)}"})
    name, schema = _schema_of(settings, given)
    try:
        compile_schema(schema, of_row=given.get("scope") == "row")
    except SchemaProblems as error:
        raise SchemaUnsupported.for_problems([one._asdict() for one in error.problems]) from None
    options = {key: given[key] for key in _ALLOWED if key in given}
    return ExtractionOrder(json_schema=schema, name=name, **options)


def _schema_of(settings: Settings, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the schema that is asked for, with its name if it is a prebuilt one. Raises InvalidOption, SchemaNotFound."""
    sources = [name for name in SOURCES if name in given]
    if len(sources) != 1:
        problem = "send one of json_schema, schema and fields (beside a document: extract_fields)"
        raise InvalidOption.for_fields({"field": "json_schema", "problem": problem})
    sent = given[sources[0]]
    if sources == ["fields"]:
        sound = isinstance(sent, list) and all(isinstance(one, str) and one for one in sent)
        if not sound or not 1 <= len(sent) <= MAX_NAMES:
            raise InvalidOption.for_fields({"field": "fields", "problem": f"is a list of at most {MAX_NAMES} names"})
        return "", schema_of_names(sent)
    if sources == ["schema"]:
        known = known_schemas(settings)
        if not isinstance(sent, str):
            raise InvalidOption.for_fields({"field": "schema", "problem": "is a name"})
        if sent not in known:
            raise SchemaNotFound(known=sorted(known))
        return sent, known[sent].json_schema
    if not isinstance(sent, dict):
        raise InvalidOption.for_fields({"field": "json_schema", "problem": "is a JSON object"})
    return "", sent


def known_schemas(settings: Settings) -> dict[str, NamedSchema]:
    """Return the prebuilt schemas and those of SCHEMAS_DIR, by name. Raises OwnFileBroken."""
    try:
        return load_schemas(settings.extraction.schemas_dir)
    except ValueError as error:
        log.warning("own_file_broken", setting="SCHEMAS_DIR", reason=str(error))
        raise OwnFileBroken(setting="SCHEMAS_DIR") from None
