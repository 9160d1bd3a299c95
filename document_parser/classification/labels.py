"""The types that a document may be: the shipped ones, and those of the operator's own file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from document_parser.models.classification import SHIPPED_TYPES, ClassificationOrder, OwnLabel

MAX_LABELS = 100
"""Types in a request, and in a file, at most."""
_LABELS = TypeAdapter(list[OwnLabel])


class UnknownLabels(ValueError):
    """Raised if types are asked for that nobody has described. ``names`` are those, ``known`` all that there are."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(f"unknown: {', '.join(names)}; known: {', '.join(known)}")
        self.names, self.known = tuple(names), tuple(known)


def load_labels(file: str = "") -> dict[str, OwnLabel]:
    """Return the types of a file by name; none without a file.

    Raises ValueError with the file and the reason if it is not a list of types.
    """
    if not file:
        return {}
    try:
        found = _LABELS.validate_json(Path(file).read_bytes())
    except (OSError, ValidationError, json.JSONDecodeError) as error:
        raise ValueError(f"{file}: {error}") from None
    names = [one.name for one in found]
    if len(set(names)) < len(names) or len(names) > MAX_LABELS:
        raise ValueError(f"{file}: each of at most {MAX_LABELS} types has a name of its own.")
    return {one.name: one for one in found}


def known_types(own: dict[str, OwnLabel]) -> tuple[str, ...]:
    """Return the names of all types: the shipped ones first."""
    return tuple(dict.fromkeys((*SHIPPED_TYPES, *own)))


def parse_names(text: str) -> tuple[str, ...]:
    """Return the names in ``"invoice,receipt"``, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def order_of(names: Sequence[str], own: dict[str, OwnLabel]) -> ClassificationOrder:
    """Return the order for some types, or for all if none is named. Raises UnknownLabels."""
    known = known_types(own)
    if unknown := [name for name in names if name not in known]:
        raise UnknownLabels(unknown, known)
    return ClassificationOrder(labels=tuple(names) or known, own=tuple(own.values()))
