"""Decide where results go: to files, or to standard output."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from document_parser.cli.inputs import Input, UsageError
from document_parser.cli.outcome import Work
from document_parser.cli.progress import Display
from document_parser.cli.tables import ARCHIVE_SUFFIX, table_files
from document_parser.models import FORMAT_FILES, OutputFormat

STDOUT = "-"
"""Argument that means standard output."""
TEXT_FORMATS = ("markdown", "text")
"""Formats whose results are separated by a blank line on standard output."""
LINKING_FORMATS = ("markdown", "html", "json", "chunks")
"""Formats that name the files of figures."""

_BY_SUFFIX: dict[str, OutputFormat] = {
    ".tables.json": "tables",
    ".chunks.jsonl": "chunks",
    ".jsonl": "chunks",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".txt": "text",
    ".pdf": "pdf",
    ".zip": "zip",
}


def links_figures(fields: Mapping[str, Any]) -> bool:
    """Return whether results with these options name files of figures."""
    return fields.get("figures", "placeholder") == "placeholder" and fields["output_format"] in LINKING_FORMATS


def figures_folder(target: Path) -> Path:
    """Return the folder of a result's figures, beside the result."""
    return target.with_name(f"{target.stem}.figures")


def is_folder(output: str, *, several: bool) -> bool:
    """Return whether results go into a folder, which is always so if there may be several."""
    return several or output.endswith("/") or Path(output).is_dir()


def format_of(output: str, *, several: bool) -> OutputFormat:
    """Return the format that an output file's name asks for; Markdown if it has no extension. Raises UsageError."""
    name = Path(output).name.lower()
    found = next((wanted for suffix, wanted in _BY_SUFFIX.items() if name.endswith(suffix)), None)
    if found is None and Path(output).suffix and not is_folder(output, several=several):
        raise UsageError(
            f"No output format has the extension {Path(output).suffix!r}. Known extensions: {', '.join(_BY_SUFFIX)}. "
            "--format chooses a format for any name."
        )
    return found or "markdown"


def check_table(table: int | None, output: str, output_format: OutputFormat) -> None:
    """Refuse a single table where all tables are written. Raises UsageError."""
    if table is not None and output_format != "csv":
        raise UsageError(f"--table chooses a table for CSV, but the output is {output_format}: add --format csv.")
    if table is not None and Path(output).suffix.lower() == ARCHIVE_SUFFIX:
        raise UsageError("--table writes one table, but a ZIP file has all tables. Name a .csv file.")


def plan_work(
    inputs: list[Input], output: str, output_format: OutputFormat, *, several: bool, table: int | None = None
) -> list[Work]:
    """Return the work on each document: which result goes where.

    Raises UsageError if a result would overwrite a document that is read, or several results would go to one file.
    """
    if output in ("", STDOUT):
        return [Work(one, None, table=table) for one in inputs]
    in_folder = is_folder(output, several=several)
    if not in_folder:
        targets = [Path(output)]
    else:
        if Path(output).exists() and not Path(output).is_dir():
            raise UsageError(f"{output!r} is a file, but several results need a folder.")
        targets = [Path(output) / place for place in result_places(inputs, _extension(output_format))]
    read = {Path(one.name).resolve() for one in inputs}
    for target in targets:
        if target.resolve() in read:
            raise UsageError(f"{str(target)!r} is a document to read, and its result would overwrite it.")
    return [Work(one, target, in_folder, table) for one, target in zip(inputs, targets, strict=True)]


def _extension(output_format: OutputFormat) -> str:
    """Return the extension of a result's file. CSV is stored as an archive and written as single files."""
    return "csv" if output_format == "csv" else FORMAT_FILES[output_format].extension


def existing_result(work: Work) -> Path | None:
    """Return a result of this document that exists already; None if there is none."""
    if work.target is None or work.target.exists():
        return work.target
    others = table_files(work.target) if work.in_folder and work.target.suffix == ".csv" else []
    return others[0] if others else None


def result_places(inputs: list[Input], extension: str) -> list[Path]:
    """Return the place of each result in an output folder, no two the same.

    ``report.pdf`` becomes ``report.md``. Beside a ``report.png`` both keep their names: ``report.pdf.md``. Places that are
    still the same get a number.
    """
    short = [one.place.with_name(f"{one.place.stem}.{extension}") for one in inputs]
    often = Counter(short)
    taken: set[Path] = set()
    found = []
    for one, place in zip(inputs, short, strict=True):
        wanted = place if often[place] == 1 else one.place.with_name(f"{one.place.name}.{extension}")
        found.append(_free_place(wanted, extension, taken))
        taken.add(found[-1])
    return found


def _free_place(wanted: Path, extension: str, taken: set[Path]) -> Path:
    stem, place, number = wanted.name.removesuffix(f".{extension}"), wanted, 2
    while place in taken:
        place = wanted.with_name(f"{stem}-{number}.{extension}")
        number += 1
    return place


class StandardOutput:
    """Write results to standard output one after another, with a blank line between texts."""

    def __init__(self, output_format: OutputFormat, display: Display) -> None:
        self._between = b"\n" if output_format in TEXT_FORMATS else b""
        self._display = display
        self._begun = False

    @contextmanager
    def next(self) -> Iterator[BinaryIO]:
        """Yield the stream for one result. Raises OSError."""
        with self._display.pause():
            if self._begun:
                sys.stdout.buffer.write(self._between)
            self._begun = True
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
