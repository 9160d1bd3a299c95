"""An answer's body is a model: what it looks like is said once, where the API's documentation has it from."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, jsonify
from pydantic import BaseModel


def of(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The response that says this."""
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = status
    response.headers.update(headers or {})
    return response
