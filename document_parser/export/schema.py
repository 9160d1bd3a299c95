"""The published JSON Schema of a document: ``python -m document_parser.export.schema > docs/document.schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import DataclassField, ModelField, TypedDictField

from document_parser.models import Document

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"


class _AsWritten(GenerateJsonSchema):
    """What we write has every field, but for those that are left out where they say nothing."""

    def field_is_required(self, field: ModelField | DataclassField | TypedDictField, total: bool) -> bool:
        del total
        return field.get("serialization_exclude_if") is None


def document_schema() -> dict[str, Any]:
    """The schema of what the ``json`` format writes."""
    schema = Document.model_json_schema(mode="serialization", schema_generator=_AsWritten)
    return {"$schema": SCHEMA_URL, **schema}


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(document_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
