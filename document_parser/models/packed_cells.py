"""Cells of a large plain table as a few long strings: a million cells as objects would take seconds and gigabytes.

A table is plain if every cell is one row high and one column wide, headers fill its first rows, and no text has emphasis or
links.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar, overload

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, SerializationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

STORED: dict[str, bool] = {"stored": True}
"""The context of serialization in which packed cells stay packed: for what this program reads again itself."""
MAX_PACKED_CELLS = 1 << 22
"""Cells that a packed table claims at most; a table that claims more is no answer of this program."""

C = TypeVar("C")
"""The model of a cell."""
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_ESCAPE = str.maketrans(_ESCAPES)


class PackedTexts(NamedTuple):
    r"""The packed form. Each string has a line a row and fields between tabs, as many as ``columns``; empty if no cell has any.

    In ``texts`` the backslash, tab and line ends are written as ``\\``, ``\t``, ``\n`` and ``\r``. ``values`` are JSON.
    ``formats`` are places in ``codes``, plus one. The first ``header_rows`` rows are headers.
    """

    rows: int
    columns: int
    texts: str
    values: str
    formats: str
    formulas: str
    codes: list[str]
    header_rows: int = 0


class PackedCells(Sequence[C], Generic[C]):
    """The cells of a plain table from left to right and from top to bottom; those without any content are left out.

    Cells are made when they are asked for. ``make`` makes one from its fields.
    """

    __slots__ = ("_make", "packed")

    def __init__(self, packed: PackedTexts, make: Callable[..., C]) -> None:
        """Keep the packed form."""
        self.packed = packed
        self._make = make

    def __len__(self) -> int:
        """Return the number of cells with content."""
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        """Return whether there are rows; a plain table has no rows without cells."""
        return self.packed.rows > 0

    def __eq__(self, other: object) -> bool:
        """Return whether the cells are the same."""
        if isinstance(other, PackedCells):
            return self.packed == other.packed
        return isinstance(other, list) and list(self) == other

    def __hash__(self) -> int:
        """Return a number that equal cells share."""
        return hash(self.packed[:3])

    @overload
    def __getitem__(self, place: int) -> C: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[C]: ...
    def __getitem__(self, place: int | slice) -> C | Sequence[C]:
        """Return a cell, or a list of cells; all are made for it."""
        return list(self)[place]

    def __iter__(self) -> Iterator[C]:
        """Yield the cells."""
        packed = self.packed
        parts = (packed.values, packed.formats, packed.formulas)
        lines = zip(packed.texts.split("\n"), *(_lines(part) for part in parts), strict=False)
        for row, line in enumerate(lines):
            fields = zip(*(_fields(part, packed.columns) for part in line), strict=False)
            for column, (text, value, code, formula) in enumerate(fields):
                if text or value or formula:
                    yield self._make(
                        row=row,
                        column=column,
                        text=unescape(text) if "\\" in text else text,
                        header=row < packed.header_rows,
                        value=value_of(value) if value else None,
                        formula=unescape(formula) if formula else None,
                        format=_code_of(code, packed.codes),
                    )

    def text_lines(self) -> list[str]:
        """Return the rows of the table as they are packed: texts between tabs."""
        return self.packed.texts.split("\n")


def _lines(part: str) -> Iterator[str]:
    """Return the lines of a packed string; empty ones without end if no cell has any."""
    return iter(part.split("\n")) if part else repeat("")


def _fields(line: str, columns: int) -> Sequence[str]:
    """Return the fields of a line; empty ones if it has none."""
    return line.split("\t")[:columns] if line else [""] * columns


def _code_of(place: str, codes: Sequence[str]) -> str | None:
    """Return the code at a place from 1; None for no place."""
    return codes[int(place) - 1] if place.isdecimal() and 0 < int(place) <= len(codes) else None


def escape(text: str) -> str:
    """Return a text without tabs and line ends, as it is packed."""
    return text.translate(_ESCAPE)


def unescape(text: str) -> str:
    """Return a text as it was before ``escape``."""
    if "\\" not in text:
        return text
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r") for part in parts)


_PLAIN_DIGITS = 18
"""Digits of whole numbers that are read without the parser of JSON, which costs more than the number."""


def value_of(stored: str | None) -> bool | int | float | str | None:
    """Return a stored value, written as JSON; None for a number beyond what can be counted with."""
    if stored is None:
        return None
    if stored.isdecimal() and stored.isascii() and len(stored) <= _PLAIN_DIGITS and (stored[0] != "0" or stored == "0"):
        return int(stored)
    try:
        value: bool | int | float | str | None = json.loads(stored)
    except ValueError:
        try:
            value = float(stored)
        except ValueError:
            return stored
    return None if isinstance(value, float) and value - value != 0 else value


class CellsSchema:
    """Annotates a field that holds a list of cells or packed cells. Its published schema is that of the list."""

    def __init__(self, make: Callable[..., Any]) -> None:
        """Keep what makes a cell of its fields."""
        self._make = make

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema: a list, packed cells, or their packed form."""
        listed = core_schema.list_schema(handler(source)["items_schema"], strict=True)
        wire = core_schema.no_info_plain_validator_function(self._from_wire, serialization=_serialization(listed))
        return core_schema.union_schema([listed, wire], mode="left_to_right")

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of a list of cells."""
        return handler(schema["choices"][0])

    def _from_wire(self, given: object) -> PackedCells[Any]:
        """Return packed cells of their packed form. Raises ValueError for anything else."""
        if isinstance(given, PackedCells):
            return given
        if not isinstance(given, Mapping) or set(given) != set(PackedTexts._fields):
            raise ValueError("neither cells nor packed cells")
        return PackedCells(_checked(given), self._make)


def _checked(given: Mapping[str, Any]) -> PackedTexts:
    """Return a packed form whose types and sizes are right. Raises ValueError otherwise."""
    packed = PackedTexts(**given)
    texts = (packed.texts, packed.values, packed.formats, packed.formulas, *packed.codes)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(n, int) for n in (packed.rows, packed.columns, packed.header_rows)
    ):
        raise ValueError("packed cells of another type")
    if not (0 <= packed.header_rows <= packed.rows and packed.columns > 0 and packed.rows * packed.columns <= MAX_PACKED_CELLS):
        raise ValueError("packed cells of an impossible size")
    if packed.texts.count("\n") + 1 != packed.rows or packed.texts.count("\t") != packed.rows * (packed.columns - 1):
        raise ValueError("packed cells of another size than they say")
    return packed


def _serialization(listed: CoreSchema) -> core_schema.WrapSerializerFunctionSerSchema:
    """Return how packed cells are written: as they are for this program, as a list of cells for others."""

    def write(cells: Any, as_list: Callable[[Any], Any], info: SerializationInfo) -> Any:
        """Return what is written."""
        is_stored = isinstance(cells, PackedCells) and info.context is not None and info.context.get("stored")
        return cells.packed._asdict() if is_stored else as_list(list(cells))

    return core_schema.wrap_serializer_function_ser_schema(write, is_field_serializer=False, info_arg=True, schema=listed)
