"""What Schemathesis is told of the API that OpenAPI cannot say."""

from __future__ import annotations

from io import BytesIO
from urllib.parse import urlencode, urlsplit

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import IgnoredAuth
from werkzeug.formparser import FormDataParser

FORM = "multipart/form-data"
JSON = "application/json"
TAKING_DOCUMENTS = {"/v1/process/async", "/v1/process/sync", "/api/v1/documents", "/api/v1/documents/sync"}
TAKING_DOCUMENTS |= {"/v1/process/batch", "/api/v1/documents/batch", "/v1/extract"}
TRUTH = {"true": True, "false": False}

MAX_QUERY_CHARACTERS = 3500
"""A request line above 4094 bytes is answered by gunicorn itself, as docs/api.md says."""

URI_TOO_LONG = 414

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_call(context, case, kwargs):
    """The fields of a form stand in the form; those in the query belong to a document that is the body itself."""
    if case.media_type == FORM and case.meta is not None and case.meta.generation.mode.is_positive:
        case.query.clear()


@schemathesis.hook
def filter_query(context, query):
    """Leave out what never reaches the service."""
    return len(urlencode(query or {}, doseq=True)) <= MAX_QUERY_CHARACTERS


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Schemathesis calls a form wrong whose file it left out and put back: one that was sent as its schema asks is right.

    And a JSON body that does not name an upload is a document like any other. A request line that is too long is answered by
    gunicorn itself, whatever its method. Who has sent too many wrong tokens is told so, and not that this one is wrong too.
    """
    if isinstance(failure, IgnoredAuth) and "got `429 " in failure.message:
        return False
    if response.status_code == URI_TOO_LONG:
        return False
    if isinstance(failure, AcceptedNegativeData) and case.media_type == JSON and case.operation.path in TAKING_DOCUMENTS:
        return False
    return not (isinstance(failure, AcceptedNegativeData) and case.media_type == FORM and fits(case, response.request))


def fits(case, request):
    """Whether the form, as it was sent, is what its schema asks for, and no field stands in the query."""
    boundary = request.headers["Content-Type"].partition("boundary=")[2]
    parser = FormDataParser(silent=False)
    _, form, files = parser.parse(BytesIO(request.body), FORM, len(request.body), {"boundary": boundary})
    schema = case.operation.get_body_for_media_type(FORM).resolved_schema
    many = {name for name, kind in schema["properties"].items() if kind.get("type") == "array"} & set(files)
    sent = {name: [""] * len(files.getlist(name)) if name in many else "" for name in files}
    fields = {name: TRUTH.get(value, value) for name, value in form.items()} | sent
    single = [*form.listvalues(), *(found for name, found in files.lists() if name not in many)]
    once = len(fields) - len(many) == sum(map(len, single))
    return once and not urlsplit(request.url).query and Draft202012Validator(schema).is_valid(fields)
