"""Store the options of a request such that the version before this one, and the one after it, can read them.

Both may run beside this one while one version takes the place of the other. ``Options`` refuses names that it does not know,
which is right for requests; in a record it would stop every process of the other version that looks at the job.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer, model_validator

from document_parser.models import Options

NEWER_OPTIONS = ("classify", "labels")
"""Options that the release before this one does not know and would refuse."""
NEWER_FIELD = "newer_options"
"""The field of a stored card that has them, if any differs from its default. Older versions do not look at it."""


class CardWithOptions(BaseModel):
    """A card with a field ``options``, stored beside what it describes."""

    @model_validator(mode="before")
    @classmethod
    def _join_options(cls, stored: Any) -> Any:
        """Leave out options that only a newer version knows."""
        options = stored.get("options") if isinstance(stored, dict) else None
        if not isinstance(options, dict):
            return stored
        given = options | stored.get(NEWER_FIELD, {})
        return stored | {"options": {name: value for name, value in given.items() if name in Options.model_fields}}

    @model_serializer(mode="wrap")
    def _set_newer_options_aside(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = serialize(self)
        options = stored.get("options", {})
        newer = {name: options.pop(name) for name in NEWER_OPTIONS if name in options}
        changed = {name: value for name, value in newer.items() if value != Options.model_fields[name].default}
        return stored | ({NEWER_FIELD: changed} if changed else {})
