"""An element, as unstructured-api has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class TableRows(NamedTuple):
    """Rows of a table that cells hold together: their text, and their HTML. A table may be parted between them."""

    text: str
    html: str
    header: bool = False


@dataclass(slots=True)
class Element:
    """One thing of a document. ``rows`` are those of a table, for those who part it."""

    type: str
    text: str
    metadata: dict[str, Any]
    element_id: str = ""
    rows: list[TableRows] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the element as its JSON object."""
        return {"type": self.type, "element_id": self.element_id, "text": self.text, "metadata": self.metadata}


def table_html(rows: list[TableRows]) -> str:
    """Return rows as an HTML table."""
    return f"<table>{''.join(row.html for row in rows)}</table>"
