"""What the models of several trades share: paths of jobs, queries, moments, and cursors."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from document_parser.jobs.records.job import ID_PATTERN

EXAMPLE_JOB_ID = "5f0c2a4e-8f43-4c1b-9d0e-6a1c3b7e2f10"
"""Job id in the examples of the documentation."""


def _require_iso(value: object) -> object:
    """Refuse what is no text of ISO 8601: a number would count as seconds since 1970. Raises ValueError."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("is not written like 2027-01-31 or 2027-01-31T12:00:00Z")
    if isinstance(value, int | float):
        raise ValueError("is not text")
    return value


Day = Annotated[date, BeforeValidator(_require_iso)]
"""A day, as ISO 8601 writes it."""


def _to_utc(moment: datetime) -> datetime:
    """Return the moment in UTC. Raises ValueError if it is before the year 1 or after the year 9999 there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no moment of the years 1 to 9999 in UTC") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_require_iso), AfterValidator(_to_utc)]
"""A moment, in UTC; as ISO 8601 writes it, with a time zone."""


def _replace_nul(value: str) -> str:
    return value.replace("\0", "\ufffd")


Searched = Annotated[str, AfterValidator(_replace_nul)]
"""A text to search for. PostgreSQL takes no NUL; in names of documents it is kept as this character."""


class Strict(BaseModel):
    """A request that has no other fields than these."""

    model_config = ConfigDict(extra="forbid")


class Query(Strict):
    """Read a query in which an empty parameter counts as left out, because documentation pages send all their fields."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {name: value for name, value in given.items() if value != "" or name not in known}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Remove the default of optional choices: the empty text is none of their values."""
        found = handler(schema)
        for field in found.get("properties", {}).values():
            if "enum" in field and field.get("default") == "":
                del field["default"]
        return found


class JobPath(BaseModel):
    """The path of a job."""

    job_id: str = Field(
        description="The job_id from the response to the upload. On the page /docs the example stands for the last job sent.",
        json_schema_extra={"pattern": f"^{ID_PATTERN}$", "example": EXAMPLE_JOB_ID},
    )


CURSOR = r"([0-9]{1,16}(\.[0-9]{1,17})?)?"
"""Pattern of a cursor: a score of the list, as it was written for ``next_cursor``. Empty for the beginning."""


class ListQuery(Query):
    """The query of one page of a list."""

    limit: int = Field(default=50, ge=1, le=500, description="Maximum number of entries in the response.")
    cursor: str = Field(
        default="", description="next_cursor of the previous response.", json_schema_extra={"pattern": f"^{CURSOR}$"}
    )
