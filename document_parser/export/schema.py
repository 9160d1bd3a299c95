"""The published JSON Schema of a document: ``python -m document_parser.export.schema > docs/document.schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from document_parser.models import Document
from document_parser.models.schema import WrittenSchema

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"


def document_schema() -> dict[str, Any]:
    """The schema of what the ``json`` format writes."""
    schema = Document.model_json_schema(mode="serialization", schema_generator=WrittenSchema)
    return {"$schema": SCHEMA_URL, **schema}


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(document_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
