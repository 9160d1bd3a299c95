"""The prebuilt schemas, one file each, and those of the operator's own folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from document_parser.extraction.schema import SchemaProblems, compile_schema

SHIPPED = Path(__file__).with_name("schemas")
"""The folder of the schemas that come with the product."""
NAME_PATTERN = r"[a-z][a-z0-9_]{0,49}"
"""The name of a schema, which is that of its file."""


class NamedSchema(BaseModel):
    """A schema that is asked for by its name. A change of its fields raises ``version``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{NAME_PATTERN}$")
    version: int = Field(ge=1)
    title: str
    json_schema: dict[str, Any]


def load_schemas(folder: str = "") -> dict[str, NamedSchema]:
    """Return all schemas by name; one in ``folder`` replaces the shipped one of its name.

    Raises ValueError with the file and the reason if there is no such folder, or a file of it is no schema that is supported.
    """
    if folder and not Path(folder).is_dir():
        raise ValueError(f"{folder}: is no folder.")
    own = dict(_read_folder(Path(folder))) if folder else {}
    return {**_shipped(), **own}


@cache
def _shipped() -> dict[str, NamedSchema]:
    return dict(_read_folder(SHIPPED))


def _read_folder(folder: Path) -> Iterator[tuple[str, NamedSchema]]:
    """Yield the schemas of a folder by name."""
    for path in sorted(folder.glob("*.json")):
        try:
            found = NamedSchema.model_validate_json(path.read_bytes())
            compile_schema(found.json_schema)
        except (OSError, ValidationError, json.JSONDecodeError) as error:
            raise ValueError(f"{path}: {error}") from None
        except SchemaProblems as error:
            problems = "; ".join(f"{one.pointer or '/'}: {one.message}" for one in error.problems)
            raise ValueError(f"{path}: {problems}") from None
        if found.name != path.stem or not re.fullmatch(NAME_PATTERN, path.stem):
            raise ValueError(f"{path}: the schema in it must be named {path.stem}.")
        yield found.name, found
