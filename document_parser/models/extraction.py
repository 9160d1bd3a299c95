"""An extraction: what is asked of a document, and the answer with the place of each value in the document."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models.document import BoundingBox
from document_parser.models.enums import PIPELINE_VERSION
from document_parser.models.job import JobExtraction

EXTRACTION_VERSION = "2"
"""Raised whenever the same pages may give another answer to the same schema."""
Scope = Literal["document", "page", "row"]
"""What the schema describes: the whole document, each of its pages, or each row of its tables."""
OnUngrounded = Literal["flag", "null"]
"""What becomes of a value that is not on the page: it is kept and flagged, or it is null."""

Source = Literal["text_layer", "ocr", "model", "file", "xml"]
"""Where a value comes from: a text layer, a CPU engine, a model, the structure of a file, the data of an electronic invoice."""
Match = Literal["exact", "normalised", "fuzzy", "none"]
"""How a value agrees with the words of the page: by letter, in another notation, but for a few letters, or not at all."""
State = Literal["found", "absent", "blank", "unreadable"]
"""Whether a value is there.

``blank``: its label is on the page and nothing is filled in. ``unreadable``: something is there that is no value of the type.
"""
CheckOutcome = Literal["passed", "failed", "unsure"]
"""How a check ended."""


class ExtractionOrder(BaseModel):
    """What is asked of a document. The schema has been compiled, so that it is known to be supported."""

    model_config = ConfigDict(frozen=True)

    json_schema: dict[str, Any]
    name: str = Field(default="", description="The name of a prebuilt schema; empty for one that came with the request.")
    scope: Scope = "document"
    on_ungrounded: OnUngrounded = "flag"
    model: str = Field(default="", description="The name of the model that is heard too; empty if none is.")

    @property
    def digest(self) -> str:
        """Return the id of the order: the same for the same schema, options and model, as long as they give the same answer."""
        parts = [self.json_schema, self.scope, self.on_ungrounded, EXTRACTION_VERSION, PIPELINE_VERSION]
        parts += [self.model] if self.model else []
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:32]

    @property
    def as_asked(self) -> JobExtraction:
        """Return the extraction as a job lists it before it is made."""
        return JobExtraction(id=self.digest, schema_name=self.name or None, scope=self.scope)


class FieldEvidence(BaseModel):
    """Where a value stands in the document."""

    page: int | None = Field(default=None, description="The page or part, from 1; null if the value is absent.")
    boxes: list[BoundingBox] = Field(
        default_factory=list, description="The words of the value, in fractions of the upright page."
    )
    quote: str = Field(default="", description="The text of the document that the value was taken from.")
    source: Source | None = None
    match: Match = "none"
    confidence: float | None = Field(default=None, description="How sure the value is, from 0 to 1.")
    state: State = "absent"
    attachment: str = Field(
        default="",
        exclude_if=lambda name: not name,
        description="For a value of an electronic invoice: the name of the attachment that has it.",
    )
    label: str = Field(default="", exclude_if=lambda label: not label, description="The label beside which the value stands.")
    note: str = Field(default="", exclude_if=lambda note: not note, description="What a person should know about the value.")


class ExtractionCheck(BaseModel):
    """A check of values against each other or against a rule. Nothing is corrected by it."""

    name: str
    outcome: CheckOutcome
    message: str = ""
    fields: list[str] = Field(default_factory=list, description="JSON pointers of the values it is about.")


class ExtractionWarning(BaseModel):
    """Something that a reader of the answer should know."""

    code: str
    message: str
    field: str = Field(default="", exclude_if=lambda pointer: not pointer, description="JSON pointer of the value it is about.")
    page: int | None = Field(default=None, exclude_if=lambda page: page is None)


class Extraction(BaseModel):
    """The answer. ``data`` has exactly the schema's shape; ``evidence`` mirrors it leaf by leaf."""

    data: Any
    evidence: Any
    checks: list[ExtractionCheck] = Field(default_factory=list)
    rows_seen: dict[str, int] = Field(
        default_factory=dict, description="For each list, by JSON pointer: the rows that the document has for it."
    )
    rows_returned: dict[str, int] = Field(default_factory=dict, description="For each list: the rows of the answer.")
    warnings: list[ExtractionWarning] = Field(default_factory=list)
    complete: bool = True


class ResultExtraction(JobExtraction):
    """An extraction beside a result: its state, and the parts of its answer once that is there."""

    data: Any = None
    evidence: Any = None
    checks: list[ExtractionCheck] | None = None
    rows_seen: dict[str, int] | None = None
    rows_returned: dict[str, int] | None = None
    warnings: list[ExtractionWarning] | None = None
    complete: bool | None = None


def lacks_model(answer: bytes) -> bool:
    """Return whether a stored answer was written while the model was away, so that it is worth asking again."""
    return any(one.code == "model_unavailable" and one.page is None for one in Extraction.model_validate_json(answer).warnings)
