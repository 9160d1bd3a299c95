"""The OpenAPI document: what it says of the routes beside their models.

A route lists its answers and the errors it raises, ``responses=responses({200: Jobs}, JobNotFound)``. Statuses, codes,
sentences and headers of the errors come from their classes; what every route may answer is added here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_openapi import OpenAPI
from flask_openapi.models import OPENAPI3_REF_PREFIX, OPENAPI3_REF_TEMPLATE, Response, Schema, SecurityScheme
from pydantic import BaseModel, PrivateAttr
from pydantic.json_schema import models_json_schema

from document_parser.api.problems import ProblemBody
from document_parser.api.schemas import JsonFile, Result
from document_parser.errors import (
    DocumentError,
    DocumentParserError,
    Forbidden,
    FormatFailed,
    JobExpired,
    JobNotComplete,
    JobNotFound,
    LoginRequired,
    PagesLost,
    QueueUnavailable,
    RateLimited,
    StorageUnavailable,
    TableNotFound,
)
from document_parser.models import FORMAT_FILES
from document_parser.models.schema import WrittenSchema

VERSION = "3.1.0"
"""flask-openapi writes 3.2.0, which the generators of clients refuse. Nothing in the document is newer than this."""

Errors = type[DocumentParserError]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
TEXT: dict[str, Any] = {"type": "string"}
SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "admin_token": SecurityScheme(
        type="http",
        scheme="bearer",
        description="ADMIN_TOKEN, or the token that `docparse operator-token` prints on the machine.",
    )
}
OPERATOR_SECURITY: list[dict[str, list[Any]]] = [{"admin_token": []}]
"""For the operator's routes."""
OPERATOR: tuple[Errors, ...] = (LoginRequired, Forbidden)
JOB: tuple[Errors, ...] = (JobNotFound, JobExpired)
"""Of a route about a job: there is none, or it has expired."""
RESULT: tuple[Errors, ...] = (
    *JOB,
    TableNotFound,
    JobNotComplete,
    FormatFailed,
    StorageUnavailable,
    DocumentError,
    PagesLost,
    *DocumentError.__subclasses__(),
)
"""Of a route that gives a result: it is not there yet, or the job's error is the answer."""
COUNTING: tuple[Errors, ...] = (RateLimited, QueueUnavailable)
"""Of a route whose callers are counted, which asks Redis."""

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {"description": "The request's own, or a new one: it finds the request in the log.", "schema": TEXT},
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 1}},
    "Location": {"description": "Where the job's status stands.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotency-Replayed": {
        "description": "Present where the Idempotency-Key has brought the job before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "ETag": {"description": "To ask by with If-None-Match.", "schema": TEXT},
    "X-Tables": {
        "description": "With format=csv: how many tables the document has.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Stripped-Lines": {
        "description": "Of a format as a file: lines of running heads and feet that it leaves out.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Content-Disposition": {"description": "Names the file.", "schema": TEXT},
    "X-RateLimit-Limit": {"description": "Requests in a window.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the window ends, in seconds since 1970.", "schema": {"type": "number"}},
}
ALWAYS = ("X-Request-ID",)
RESULT_HEADERS = ("X-Tables", "X-Stripped-Lines")
"""Of a result that comes as a file."""
COUNTED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

Body = type[BaseModel] | Mapping[str, type[BaseModel] | dict[str, Any]] | None
"""A model as JSON; media types, each with a model or a schema; or nothing."""


JPEG = {"image/jpeg": BINARY}
_FILES = {
    file.media_type.partition(";")[0]: TEXT if file.media_type.startswith("text/") else BINARY for file in FORMAT_FILES.values()
} | {"text/csv": TEXT}  # a single table: csv is stored as an archive of all
# Generated clients take the first: the body that was asked for, and the file as text.
RESULT_CONTENT: Body = {JSON: Result, **{kind: schema for kind, schema in _FILES.items() if kind != JSON}}
DOWNLOAD_CONTENT: Body = {**_FILES, JSON: JsonFile}


class Answer(Response):
    """A response, and the models that its schemas refer to."""

    _models: tuple[type[BaseModel], ...] = PrivateAttr(default=())

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return self._models


class DescribedApp(OpenAPI):
    """An app whose document is OpenAPI 3.1, and in which routes that check nothing answer no 422."""

    def __init__(self, import_name: str, **options: Any) -> None:
        super().__init__(import_name, security_schemes=SECURITY_SCHEMES, **options)
        self.openapi_version = VERSION

    def generate_spec_json(self) -> None:
        self.components_schemas |= _schemas(self._models())
        self.components.headers = HEADERS  # type: ignore[assignment]  # written as it stands
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for path in self.spec_json["paths"].values():
            for operation in path.values():
                _drop_undeclared(operation["responses"], self.validation_error_status)
                for asked in operation.get("parameters", ()):
                    if asked["in"] == "query":
                        # What is empty counts as left out.
                        asked["allowEmptyValue"] = True

    def _models(self) -> Iterable[type[BaseModel]]:
        for path in self.paths.values():
            for operation in (path.get, path.post, path.delete):
                for answer in (operation.responses or {}).values() if operation else ():
                    if isinstance(answer, Answer):
                        yield from answer.models


def responses(answers: Mapping[int, Body | Answer], *errors: Errors, counted: bool = True) -> dict[str | int, Any]:
    """All that a route answers: ``answers`` by status, and the statuses of the errors that it raises.

    ``counted``: whether its callers are. Where both name a status the answer goes first.
    """
    raised: tuple[Errors, ...] = (*errors, *(COUNTING if counted else ()), DocumentParserError)
    by_status: dict[int, list[Errors]] = {}
    for error in raised:
        by_status.setdefault(error.status, []).append(error)
    found = {status: _problem(kinds) for status, kinds in by_status.items()}
    found |= {status: body if isinstance(body, Answer) else answer(body) for status, body in answers.items()}
    return dict(sorted(found.items()))


def answer(body: Body, description: str = "", *headers: str) -> Answer:
    """One response. ``headers`` names those of HEADERS that it may have, beside those of every answer."""
    return _answer(body, description or "What was asked for.", (*ALWAYS, *headers))


def _answer(body: Body, description: str, headers: Iterable[str]) -> Answer:
    content = {JSON: body} if isinstance(body, type) else dict(body or {})
    found = Answer.model_validate(
        {
            "description": description,
            "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers} or None,
            "content": {kind: {"schema": _schema(schema)} for kind, schema in content.items()} or None,
        }
    )
    found._models = tuple(schema for schema in content.values() if isinstance(schema, type))
    return found


def too_long() -> Answer:
    """What the web server itself answers where the address is too long, as HTML."""
    return _answer({"text/html": TEXT}, "The address is longer than 4 KiB: send the options in a form.", ())


def reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"{OPENAPI3_REF_PREFIX}/{model.__name__}"}


def parameter(name: str, place: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    """One that may be left out."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {"name": name, "in": place, "required": False, "description": description, "schema": plain}


def _problem(kinds: list[Errors]) -> Answer:
    told = "\n".join(f"- `{kind.code}`: {kind.message}" for kind in dict.fromkeys(kinds))
    headers = (
        *(("Retry-After",) if any(kind.retryable for kind in kinds) else ()),
        *(COUNTED if RateLimited in kinds else ()),
    )
    return answer(ProblemBody, told, *headers)


def _schema(body: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    return reference(body) if isinstance(body, type) else body


def _schemas(models: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """The schemas of these models and of all that they refer to, as they are written."""
    wanted = [(model, "serialization") for model in dict.fromkeys(models)]
    _, found = models_json_schema(wanted, ref_template=OPENAPI3_REF_TEMPLATE, schema_generator=WrittenSchema)  # type: ignore[arg-type]
    return {name: Schema.model_validate(schema) for name, schema in found["$defs"].items()}


def _drop_undeclared(found: dict[str, Any], status: str) -> None:
    """flask-openapi gives every route without this status one of its own, an array of error bodies."""
    schema = found[status]["content"][JSON]["schema"]
    if schema.get("type") == "array":
        del found[status]
