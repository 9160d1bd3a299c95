"""Lay the values of a schema out as a table: a line for each row of a list, with the single values on each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from document_parser.extraction.schema import Group, Leaf, ListOf, compile_schema
from document_parser.models.extraction import Scope


class Column(NamedTuple):
    """A column: the list whose rows fill it, empty for a single value, and where the value is in the data or in the row."""

    list_path: tuple[str, ...]
    path: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the keys down to the value with dots between them, as ``seller.name`` or ``lines.amount``."""
        return ".".join((*self.list_path, *self.path))


PLACE_COLUMNS = ("item", "list", "row")
"""The columns in front of the values: which item of ``data`` (of a scope page or row), which list, and which row of it."""


def columns_of(schema: Mapping[str, Any]) -> list[Column]:
    """Return the columns of a schema: its single values in its order, then those of its lists in their order.

    Raises SchemaProblems.
    """
    found = [*_columns(compile_schema(schema), ())]
    return [one for one in found if not one.list_path] + [one for one in found if one.list_path]


def rows_of(data: Any, columns: list[Column], scope: Scope) -> Iterator[list[str]]:
    """Yield the lines of an answer's data, each with PLACE_COLUMNS in front of the values. Absent values are empty.

    A document without rows in any list is one line.
    """
    items = data if scope != "document" and isinstance(data, list) else [data]
    lists = list(dict.fromkeys(one.list_path for one in columns if one.list_path))
    for number, item in enumerate(items, 1):
        shown = str(number) if scope != "document" else ""
        found = [(path, row, values) for path in lists for row, values in enumerate(_at(item, path) or [], 1)]
        for path, row, values in found or [((), 0, None)]:
            place = [shown, ".".join(path), str(row) if row else ""]
            yield place + [
                _cell(_at(values, one.path) if one.list_path == path and path else _single(item, one)) for one in columns
            ]


def _single(item: Any, column: Column) -> Any:
    """Return a single value of the document; None for the columns of lists."""
    return None if column.list_path else _at(item, column.path)


def _columns(group: Group, above: tuple[str, ...], list_path: tuple[str, ...] = ()) -> Iterator[Column]:
    for key, field in group.fields.items():
        if isinstance(field, Leaf):
            yield Column(list_path, (*above, key))
        elif isinstance(field, Group):
            yield from _columns(field, (*above, key), list_path)
        elif isinstance(field, ListOf):
            own = (*above, key)
            yield from _columns(field.item, (), own) if isinstance(field.item, Group) else [Column(own, ())]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str:
    """Return a value as text: texts as they are, numbers and truth values as in JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
