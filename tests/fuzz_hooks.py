"""What Schemathesis is told of the API that OpenAPI cannot say."""

from __future__ import annotations

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """The fields of a form stand in the form; those in the query belong to a document that is the body itself."""
    if case.media_type == "multipart/form-data" and case.meta is not None and case.meta.generation.mode.is_positive:
        case.query.clear()
