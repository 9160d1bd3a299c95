"""Write elements as CSV: a row for each, a column for each field of its metadata."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any


def write_csv(streams: Iterable[IO[bytes]]) -> Iterator[bytes]:
    """Yield a table of the elements in these streams of JSON lines. Its first column is the number of the row, from 0."""
    rows: list[dict[str, Any]] = []
    for stream in streams:
        with stream:
            rows += (_flat(json.loads(line)) for line in stream)
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["", *names])
    for number, row in enumerate(rows):
        writer.writerow([number, *(row.get(name) for name in names)])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Return the fields of an object, and those of objects in it with the name of these in front, but for metadata."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= _flat(value, "" if name == "metadata" else f"{before}{name}_")
        else:
            found[f"{before}{name}"] = value
    return found
