"""Values of documents, types of documents, and the schemas of values."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from document_parser.api.schemas.base import JobPath, Query
from document_parser.api.schemas.results import _is_none
from document_parser.models.extraction import ExtractionCheck, ExtractionWarning


class ExtractionPath(JobPath):
    """The path of an extraction."""

    extraction_id: str = Field(
        description="The extraction_id of the answer 202.",
        json_schema_extra={"pattern": "^[0-9a-f]{32}$", "example": "0" * 32},
    )


class ExtractionQuery(Query):
    """The query of an extraction."""

    format: Literal["json", "csv"] | SkipJsonSchema[Literal[""]] = Field(
        default="", description="json, or csv: a line for each row of its lists, with the single values on each."
    )


class BatchExtractionsQuery(ExtractionQuery):
    """The query of the values of a batch."""

    schema_name: str = Field(
        default="", alias="schema", serialization_alias="schema", description="The name of a prebuilt schema.", max_length=50
    )
    extract_fields: str = Field(default="", description="Names of fields, separated by commas.", max_length=4000)
    json_schema: str = Field(default="", description="A JSON Schema, as JSON text.", max_length=8000)
    extract_scope: Literal["document", "page", "row"] = Field(default="document", description="What the schema describes.")
    on_ungrounded: Literal["flag", "null"] = Field(default="flag", description="What becomes of values not on the page.")


class FileExtraction(BaseModel):
    """A file of a batch with its values, or with the reason why there are none."""

    file: str
    job_id: str | None
    status: Literal["completed", "pending", "failed", "cancelled", "refused", "deleted", "expired"]
    error: str | None = Field(description="The code of the error because of which there are no values.")
    data: Any = Field(default=None, exclude_if=_is_none, description="This and what follows is left out without values.")
    evidence: Any = Field(default=None, exclude_if=_is_none)
    checks: list[ExtractionCheck] | None = Field(default=None, exclude_if=_is_none)
    rows_seen: dict[str, int] | None = Field(default=None, exclude_if=_is_none)
    rows_returned: dict[str, int] | None = Field(default=None, exclude_if=_is_none)
    warnings: list[ExtractionWarning] | None = Field(default=None, exclude_if=_is_none)
    complete: bool | None = Field(default=None, exclude_if=_is_none)


class BatchExtractions(BaseModel):
    """The values of all files of a batch."""

    batch_id: str
    extractions: list[FileExtraction]


class ExtractionStarted(BaseModel):
    """The response to an extraction that takes longer."""

    job_id: str
    extraction_id: str
    message: str
    status_url: str


class ClassificationPath(JobPath):
    """The path of a classification."""

    classification_id: str = Field(
        description="The classification_id of the answer 202.",
        json_schema_extra={"pattern": "^[0-9a-f]{32}$", "example": "0" * 32},
    )


class ClassificationStarted(BaseModel):
    """The response to a classification that takes longer."""

    job_id: str
    classification_id: str
    message: str
    status_url: str


class SchemaProblem(BaseModel):
    """A part of a schema that is not supported."""

    pointer: str = Field(description="JSON pointer into the schema.")
    message: str


class SchemaValidity(BaseModel):
    """Whether a schema is supported."""

    valid: bool
    problems: list[SchemaProblem]


class SchemaSummary(BaseModel):
    """A prebuilt schema."""

    name: str
    version: int
    title: str
    json_schema: dict[str, Any]


class Schemas(BaseModel):
    """The prebuilt schemas."""

    schemas: list[SchemaSummary]
