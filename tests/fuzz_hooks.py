"""What Schemathesis is told of the API that OpenAPI cannot say."""

from __future__ import annotations

from urllib.parse import urlencode

import schemathesis

MAX_QUERY_CHARACTERS = 3500
"""A request line above 4094 bytes is answered by gunicorn itself, as docs/api.md says."""


@schemathesis.hook
def before_call(context, case, kwargs):
    """The fields of a form stand in the form; those in the query belong to a document that is the body itself."""
    if case.media_type == "multipart/form-data" and case.meta is not None and case.meta.generation.mode.is_positive:
        case.query.clear()


@schemathesis.hook
def filter_query(context, query):
    """Leave out what never reaches the service."""
    return len(urlencode(query or {}, doseq=True)) <= MAX_QUERY_CHARACTERS
