"""Build responses from models, so that the documentation of the API describes exactly what is sent."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, jsonify
from pydantic import BaseModel


def to_response(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response with this body."""
    response = jsonify(body.model_dump(mode="json"))
    response.status_code = status
    response.headers.update(headers or {})
    return response
