"""Build the OpenAPI document: what it says of the routes beside their models.

A route lists its responses and the errors it raises: ``responses=responses({200: Jobs}, JobNotFound)``. Statuses, codes,
sentences and headers of the errors come from their classes. This module adds what every route may answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask_openapi import OpenAPI
from flask_openapi.models import OPENAPI3_REF_PREFIX, OPENAPI3_REF_TEMPLATE, Reference, Response, Schema, SecurityScheme
from pydantic import BaseModel, PrivateAttr
from pydantic.json_schema import models_json_schema

from document_parser.api.answer_examples import add_answer_examples
from document_parser.api.late_rules import LateRule
from document_parser.api.middleware import tier_limits
from document_parser.api.middleware.errors import Problem, ProblemBody
from document_parser.api.schemas import JsonFile, Result
from document_parser.errors import (
    BatchDeletedAfterRead,
    BatchExpired,
    BatchNotFound,
    DatabaseNotUpgraded,
    DatabaseUnavailable,
    DocumentError,
    DocumentParserError,
    FetchError,
    Forbidden,
    FormatFailed,
    FormatNeedsPages,
    JobDeletedAfterRead,
    JobExpired,
    JobNotComplete,
    JobNotFound,
    KeyExpired,
    KeyInvalid,
    KeyRequired,
    KeyRevoked,
    LoginProviderUnavailable,
    LoginRequired,
    PagesLost,
    QueueUnavailable,
    QuotaExceeded,
    RateLimited,
    RateLimitExceeded,
    ScopeMissing,
    StorageUnavailable,
    TableNotFound,
    TierUnknown,
    TokenExpired,
    TokenInvalid,
    tree_of,
)
from document_parser.models import FORMAT_FILES
from document_parser.models.schema import WrittenSchema
from document_parser.settings.tiers import QUOTA_STATUSES

VERSION = "3.1.0"
"""OpenAPI version of the document.

flask-openapi writes 3.2.0, which generators of clients refuse. The document uses nothing newer than this version.
"""

_EXAMPLES = "#/components/examples"
"""Where examples stand."""
Errors = type[DocumentParserError]
"""A class of errors that a route raises."""
JSON = "application/json"
"""Media type of JSON bodies."""
FORM = "application/x-www-form-urlencoded"
"""Media type of URL-encoded forms."""
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
"""Schema of a file."""
TEXT: dict[str, Any] = {"type": "string"}
"""Schema of a text."""
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
"""Schema of a number of things, or of seconds since 1970."""
SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "admin_token": SecurityScheme(
        type="http",
        scheme="bearer",
        description="An API key, a token of the login provider, ADMIN_TOKEN, or the token that `docparse operator-token` "
        "prints on the machine.",
    ),
    # "in" is a word of Python, and no field can be written so.
    "api_key": SecurityScheme.model_validate(
        {
            "type": "apiKey",
            "name": "X-API-Key",
            "in": "header",
            "description": "The same, without the word Bearer.",
        }
    ),
}
"""Ways to say who one is."""
OPERATOR_SECURITY: list[dict[str, list[Any]]] = [{"admin_token": []}, {"api_key": []}]
"""Security of the operator's routes."""
CALLER_SECURITY: list[dict[str, list[Any]]] = [{}, *OPERATOR_SECURITY]
"""Security of the other routes: AUTH_MODE decides whether they need a key."""
CALLER: tuple[Errors, ...] = (
    KeyRequired,
    KeyInvalid,
    KeyExpired,
    KeyRevoked,
    TokenInvalid,
    TokenExpired,
    LoginRequired,
    ScopeMissing,
    LoginProviderUnavailable,
    TierUnknown,
    DatabaseUnavailable,
    DatabaseNotUpgraded,
)
"""Errors of a route that needs a key with AUTH_MODE=required."""
OPERATOR_ERRORS: tuple[Errors, ...] = (LoginRequired, Forbidden)
"""Errors of the operator's routes."""
JOB: tuple[Errors, ...] = (JobNotFound, JobExpired, JobDeletedAfterRead)
"""Errors of a route about a job: it does not exist, has expired, or was deleted when it had been read."""
BATCH: tuple[Errors, ...] = (BatchNotFound, BatchExpired, BatchDeletedAfterRead)
"""Errors of a route about a batch: it does not exist, has expired, or was deleted when it had been read."""
RESULT: tuple[Errors, ...] = (
    *JOB,
    TableNotFound,
    JobNotComplete,
    FormatFailed,
    FormatNeedsPages,
    StorageUnavailable,
    DocumentError,
    PagesLost,
    *DocumentError.__subclasses__(),
    *FetchError.__subclasses__(),
)
"""Errors of a route that returns a result: it is not ready, or the job failed with this error."""
COUNTING: tuple[Errors, ...] = (RateLimited, RateLimitExceeded, QueueUnavailable)
"""Errors of a route whose requests are counted in Redis."""

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The id that the request sent, or a new one. Every log line of the request has it.",
        "schema": TEXT,
    },
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 1}},
    "Location": {
        "description": "Address of the job's status, or of the upload.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Idempotency-Replayed": {
        "description": "Present if an earlier request with this Idempotency-Key created the job.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Tus-Resumable": {"description": "Version of the tus protocol.", "schema": TEXT},
    "Upload-Offset": {"description": "Bytes of the upload that are stored.", "schema": {"type": "integer", "minimum": 0}},
    "Upload-Length": {"description": "Bytes of the whole upload.", "schema": {"type": "integer", "minimum": 0}},
    "Upload-Expires": {"description": "When the upload is deleted if nothing more comes.", "schema": TEXT},
    "ETag": {"description": "Value for If-None-Match.", "schema": TEXT},
    "X-Tables": {
        "description": "With format=csv: number of tables in the document.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Stripped-Lines": {
        "description": "For a format as a file: number of lines of page headers and footers that it leaves out.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Content-Disposition": {"description": "Names the file.", "schema": TEXT},
    "Content-Location": {
        "description": "Where the same values are from now on, also as CSV.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "X-RateLimit-Limit": {"description": "Requests in a window.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the window ends, in seconds since 1970.", "schema": {"type": "integer"}},
    **{name: {"description": "Of a quota of the caller's tier.", "schema": COUNT} for name in tier_limits.ANSWER_HEADERS},
}
"""Descriptions of all response headers, by name."""
ALWAYS = ("X-Request-ID",)
"""Headers of every response."""
RESULT_HEADERS = ("X-Tables", "X-Stripped-Lines")
"""Headers of a result that is returned as a file."""
COUNTED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
"""Headers of the rate limit."""

Body = type[BaseModel] | Mapping[str, type[BaseModel] | dict[str, Any]] | None
"""A model, returned as JSON; media types, each with a model or a schema; or None for no body."""


EVENT_STREAM: dict[str, dict[str, Any]] = {
    "text/event-stream": {"description": "Server-Sent Events; the data of each is JSON."}
}
"""Content of a stream of events."""
JPEG = {"image/jpeg": BINARY}
"""Content of a response that is a JPEG image."""
PNG = {"image/png": BINARY}
"""Content of a response that is a PNG image."""
BINARY_CONTENT: Body = {"application/octet-stream": BINARY}
"""Content of a response that is a file of any kind."""
_FILES = {
    file.media_type.partition(";")[0]: TEXT if file.media_type.startswith("text/") else BINARY for file in FORMAT_FILES.values()
} | {"text/csv": TEXT}  # a single table: csv is stored as an archive of all
# Generated clients use the first entry: the body that was asked for, and the file as text.
RESULT_CONTENT: Body = {JSON: Result, **{kind: schema for kind, schema in _FILES.items() if kind != JSON}}
"""Content of a result: the JSON body, or a file in one of the formats."""
DOWNLOAD_CONTENT: Body = {**_FILES, JSON: JsonFile}
"""Content of a result as a file."""


class Answer(Response):
    """A response together with the models that its schemas refer to."""

    _models: tuple[type[BaseModel], ...] = PrivateAttr(default=())

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """Return the models that the schemas of the response refer to."""
        return self._models


class DescribedApp(OpenAPI):
    """Create an app whose document is OpenAPI 3.1. Routes that validate nothing declare no 422 response."""

    url_rule_class = LateRule
    describe_more: Callable[[OpenAPI, dict[str, Any]], None] | None = None
    """Adds to the paths of the document, once they are complete."""

    def __init__(self, import_name: str, **options: Any) -> None:
        super().__init__(import_name, security_schemes=SECURITY_SCHEMES, **options)
        self.openapi_version = VERSION

    def generate_spec_json(self) -> None:
        """Generate the document, and correct what flask-openapi writes differently."""
        self.components_schemas |= _schemas(self._models())
        self.components.headers = HEADERS  # type: ignore[assignment]  # written unchanged
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for path in self.spec_json["paths"].values():
            for operation in path.values():
                _drop_undeclared(operation["responses"], self.validation_error_status)
                if "401" in operation["responses"]:
                    operation.setdefault("security", CALLER_SECURITY)
                for asked in operation.get("parameters", ()):
                    if asked["in"] == "query":
                        # An empty parameter counts as left out.
                        asked["allowEmptyValue"] = True
        examples = self.spec_json["components"]["examples"] = _error_examples(self.spec_json["paths"])
        add_answer_examples(self.spec_json["paths"], examples)
        if self.describe_more is not None:
            self.describe_more(self, self.spec_json["paths"])

    def _models(self) -> Iterable[type[BaseModel]]:
        for path in self.paths.values():
            for operation in (path.get, path.post, path.patch, path.delete):
                for answer in (operation.responses or {}).values() if operation else ():
                    if isinstance(answer, Answer):
                        yield from answer.models


def responses(
    answers: Mapping[int, Body | Answer], *errors: Errors, counted: bool = True, is_open: bool = False
) -> dict[str | int, Any]:
    """Return all responses of a route: ``answers`` by status, and one for each status of ``errors``.

    ``counted`` says whether requests count against the rate limit, ``is_open`` whether the route never needs a key. If both
    name a status, ``answers`` wins.
    """
    always = (*(() if is_open else CALLER), *(COUNTING if counted else ()), DocumentParserError)
    raised: tuple[Errors, ...] = (*errors, *always)
    by_status: dict[int, list[Errors]] = {}
    for error in raised:
        # A tier says which status its quotas have.
        for status in QUOTA_STATUSES if error is QuotaExceeded else (error.status,):
            by_status.setdefault(status, []).append(error)
    found = {status: _problem(kinds) for status, kinds in by_status.items()}
    found |= {status: body if isinstance(body, Answer) else answer(body) for status, body in answers.items()}
    return dict(sorted(found.items()))


def answer(body: Body, description: str = "", *headers: str) -> Answer:
    """Return one response. ``headers`` names those of HEADERS that it may have, besides those of every response."""
    return _answer(body, description or "The requested content.", (*ALWAYS, *headers))


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


def uri_too_long() -> Answer:
    """Return the response of the web server itself, as HTML, if the address is too long."""
    return _answer({"text/html": TEXT}, "The address is longer than 4 KiB. Send the options in a form.", ())


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Return a JSON reference to the schema of a model."""
    return {"$ref": f"{OPENAPI3_REF_PREFIX}/{model.__name__}"}


def parameter(name: str, place: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    """Return an optional parameter. ``place`` is "query" or "header"."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {"name": name, "in": place, "required": False, "description": description, "schema": plain}


def _problem(kinds: list[Errors]) -> Answer:
    """Return the response of errors that share a status."""
    sentences = "\n".join(f"- `{kind.code}`: {kind.message}" for kind in dict.fromkeys(kinds))
    headers = (
        *(("Retry-After",) if any(kind.retryable for kind in kinds) else ()),
        *(COUNTED if RateLimited in kinds else ()),
        *(tier_limits.ANSWER_HEADERS if QuotaExceeded in kinds else ()),
    )
    found = answer(ProblemBody, sentences, *headers)
    for media in (found.content or {}).values():
        media.examples = {kind.code: Reference.model_validate({"$ref": f"{_EXAMPLES}/{kind.code}"}) for kind in kinds}
    return found


def _error_examples(paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return an example of the body of every error that a route names, by its code."""
    answers = (answer for path in paths.values() for operation in path.values() for answer in operation["responses"].values())
    named = {code for answer in answers for media in answer.get("content", {}).values() for code in media.get("examples", ())}
    kinds = {kind.code: kind for kind in tree_of(DocumentParserError)}
    return {code: {"value": _example_of(kinds[code])} for code in sorted(named)}


def _example_of(kind: Errors) -> dict[str, Any]:
    problem = Problem(code=kind.code, message=kind.message, retryable=kind.retryable)
    body = ProblemBody(error=problem, request_id="0123456789abcdef0123456789abcdef", timestamp="2026-01-01T00:00:00.000Z")
    return body.model_dump(mode="json")


def _schema(body: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    return reference(body) if isinstance(body, type) else body


def _schemas(models: Iterable[type[BaseModel]]) -> dict[str, Schema]:
    """Return the schemas of these models and of all models that they refer to, as they are written in responses."""
    wanted = [(model, "serialization") for model in dict.fromkeys(models)]
    _, found = models_json_schema(wanted, ref_template=OPENAPI3_REF_TEMPLATE, schema_generator=WrittenSchema)  # type: ignore[arg-type]
    return {name: Schema.model_validate(schema) for name, schema in found["$defs"].items()}


def _drop_undeclared(found: dict[str, Any], status: str) -> None:
    """Remove the 422 response that flask-openapi adds to a route without one: an array of error bodies."""
    schema = found[status]["content"][JSON]["schema"]
    if schema.get("type") == "array":
        del found[status]
