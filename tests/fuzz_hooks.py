"""What Schemathesis is told of the API that OpenAPI cannot say."""

from __future__ import annotations

from urllib.parse import urlencode

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.core.failures import AcceptedNegativeData

FORM = "multipart/form-data"

MAX_QUERY_CHARACTERS = 3500
"""A request line above 4094 bytes is answered by gunicorn itself, as docs/api.md says."""


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
    """Schemathesis takes a form for a wrong one whose file it has left out and put back: one that fits its schema is none."""
    return not (isinstance(failure, AcceptedNegativeData) and case.media_type == FORM and fits(case) and not case.query)


def fits(case):
    """Whether the form that was sent is what its schema asks for."""
    if not isinstance(case.body, dict):
        return False
    schema = case.operation.get_body_for_media_type(FORM).resolved_schema
    fields = {name: "" if name == "file" else value for name, value in case.body.items()}
    return Draft202012Validator(schema).is_valid(fields)
