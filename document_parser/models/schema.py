"""JSON Schemas of what is written: the published one of a document, and those of the API's answers."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import DataclassField, ModelField, TypedDictField


class WrittenSchema(GenerateJsonSchema):
    """What we write has every field, but for those that are left out where they say nothing."""

    def field_is_required(self, field: ModelField | DataclassField | TypedDictField, total: bool) -> bool:
        del total
        return field.get("serialization_exclude_if") is None
