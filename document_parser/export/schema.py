"""Write the published JSON Schema of a document: ``python -m document_parser.export.schema > docs/document.schema.json``."""

from __future__ import annotations

import json
import sys
from typing import Any

from document_parser.models import Document
from document_parser.models.schema import WrittenSchema

SCHEMA_URL = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of JSON Schema that the schema declares."""


def document_schema() -> dict[str, Any]:
    """Return the schema of the output of the ``json`` format."""
    schema = Document.model_json_schema(mode="serialization", schema_generator=WrittenSchema)
    return {"$schema": SCHEMA_URL, **schema}


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(document_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
