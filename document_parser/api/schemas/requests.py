"""Find the model of a request by its name."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from document_parser.api.schemas.base import JobPath, Strict
from document_parser.api.schemas.batches import BatchPath
from document_parser.api.schemas.keys import KeyPath


def request_model(name: str) -> type[BaseModel] | None:
    """Return the model of a path, query or body by its name; None if there is none.

    A validation error of flask-openapi has no more than that name.
    """
    return next(
        (model for root in (JobPath, BatchPath, KeyPath, Strict) for model in _models(root) if model.__name__ == name),
        None,
    )


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the model and all models that derive from it."""
    yield model
    for derived in model.__subclasses__():
        yield from _models(derived)
