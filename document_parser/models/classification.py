"""A classification: what kinds of documents a file holds, and on which pages each is."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from document_parser.models.enums import PIPELINE_VERSION

CLASSIFICATION_VERSION = "2"
"""Raised whenever the same pages may be classified otherwise."""
ASKED: Final = "asked"
"""Stands for the id of the classification that was asked for with the document."""
LABEL_PATTERN = r"[a-z][a-z0-9_]{0,49}"
"""The name of a type of documents."""
MODEL_AWAY: Final = "model_unavailable"
"""The code of the warning that the model could not be asked."""
GENERIC: Final = "generic"
"""The type of ordinary running text."""
SHIPPED_TYPES: Final = (
    "invoice",
    "purchase_order",
    "receipt",
    "contract",
    "form",
    "medical_record",
    "legal_document",
    GENERIC,
)
"""The types that come with the product."""


class OwnLabel(BaseModel):
    """A type of the operator's own, as LABELS_FILE describes it. One with the name of a shipped type adds words to that."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{LABEL_PATTERN}$")
    description: str = Field(default="", max_length=500)
    words: tuple[str, ...] = Field(min_length=1, max_length=500)


class ClassificationOrder(BaseModel):
    """What is asked of a document: the types that it may be, and those of them that are the operator's own."""

    model_config = ConfigDict(frozen=True)

    labels: tuple[str, ...] = SHIPPED_TYPES
    own: tuple[OwnLabel, ...] = ()
    model: str = Field(default="", description="The name of the model that is asked where types are unsure; empty if none is.")

    @property
    def digest(self) -> str:
        """Return the id of the order: the same for the same types and model, as long as they give the same answer."""
        own = [one.model_dump(mode="json") for one in self.own]
        parts = [sorted(self.labels), own, CLASSIFICATION_VERSION, PIPELINE_VERSION]
        parts += [self.model] if self.model else []
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:32]


class DocumentSegment(BaseModel):
    """One of the documents that a file holds."""

    type: str | None = Field(description="The type; null if none of those that were asked for fits.")
    confidence: float = Field(ge=0, le=1, description="How sure the type is, from 0 to 1; of null, that no type fits.")
    reasons: list[str] = Field(default_factory=list, description="Why, in words: titles, labels, shape, and where it begins.")
    pages: list[int] = Field(description="Its pages or parts, in order. Each page of the file is in exactly one segment.")


class ClassificationWarning(BaseModel):
    """Something that a reader of the answer should know."""

    code: str
    message: str


class Classification(BaseModel):
    """The answer: the documents of a file in order."""

    segments: list[DocumentSegment]
    complete: bool = Field(default=True, description="False if a page could not be read, so that nothing is known of it.")
    warnings: list[ClassificationWarning] = Field(default_factory=list)

    @property
    def lacks_model(self) -> bool:
        """Return whether the model was away, so that it is worth asking again."""
        return any(one.code == MODEL_AWAY for one in self.warnings)
