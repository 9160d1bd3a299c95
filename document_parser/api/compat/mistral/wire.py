"""The facade of Mistral's OCR, and the shape of its errors."""

from __future__ import annotations

from typing import Any

from document_parser.api.compat.facade import Facade
from document_parser.api.middleware.errors import Problem
from document_parser.api.middleware.wires import Wire
from document_parser.errors import NoSuchPages

_TYPES = {
    401: "invalid_request_unauthorized",
    403: "invalid_request_forbidden",
    404: "invalid_request_file",
    429: "rate_limited",
}
"""The word for what went wrong by status; others are an invalid request, or from 500 on an error of the service."""


def _write_error(problem: Problem, status: int) -> tuple[Any, int]:
    """Return the body that clients show as it is. With 422 they read ``detail``, a list with a place for each entry.

    What is gone is for them as what never was.
    """
    status = 404 if status == 410 else status
    body: dict[str, Any] = {
        "object": "error",
        "message": problem.message,
        "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "service_unavailable"),
        "param": None,
        "code": problem.code,
    }
    if status == 422:
        place = "pages" if problem.code == NoSuchPages.code else "document"
        fields = problem.details.get("fields") or [{"field": place, "problem": problem.message}]
        body["detail"] = [
            {"loc": ["body", one["field"]], "msg": one["problem"], "type": problem.code.lower()} for one in fields
        ]
    return body, status


_FIELDS = {"page_range": "pages", "url": "document", "json_schema": "document_annotation_format"}
"""What clients call options of this service."""
facade = Facade(Wire("mistral", _write_error, field_names=_FIELDS, first_page=0), roots=("/v1/ocr", "/v1/files"))
"""The routes of Mistral's OCR and files."""
