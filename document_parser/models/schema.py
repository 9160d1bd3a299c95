"""JSON Schemas of what the service writes: the published schema of a document, and those of the API's responses."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import DataclassField, ModelField, TypedDictField


class WrittenSchema(GenerateJsonSchema):
    """Generates schemas in which every field is required, except those that are left out when empty."""

    def field_is_required(self, field: ModelField | DataclassField | TypedDictField, total: bool) -> bool:
        """Return whether the field is always written."""
        del total
        return field.get("serialization_exclude_if") is None
