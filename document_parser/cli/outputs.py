"""Where results go: files, or standard output."""

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
from document_parser.models import FORMAT_FILES, OutputFormat

STDOUT = "-"
TEXTS = ("markdown", "text")
LINKING = ("markdown", "html", "json")
"""Formats that name the files of figures."""

_BY_SUFFIX: dict[str, OutputFormat] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".txt": "text",
    ".zip": "zip",
}


def links_figures(fields: Mapping[str, Any]) -> bool:
    """Whether results of these options name files of figures."""
    return fields.get("figures", "placeholder") == "placeholder" and fields["output_format"] in LINKING


def figures_folder(target: Path) -> Path:
    """Where the figures of a result lie: beside it."""
    return target.with_name(f"{target.stem}.figures")


def is_folder(output: str, *, several: bool) -> bool:
    """Whether results go into a folder: always where there may be several."""
    return several or output.endswith("/") or Path(output).is_dir()


def format_of(output: str) -> OutputFormat:
    """The format that an output file's name asks for, Markdown where it does not tell. Raises UsageError."""
    suffix = Path(output).suffix.lower()
    if suffix == ".csv":
        raise UsageError("--format csv gives a JSON list of all tables; --format zip holds a .csv of each. Name one of them.")
    return _BY_SUFFIX.get(suffix, "markdown")


def plan(inputs: list[Input], output: str, output_format: OutputFormat, *, several: bool) -> list[Work]:
    """Which result goes where. Raises UsageError where one would take the place of a document that is read."""
    if output in ("", STDOUT):
        return [Work(one, None) for one in inputs]
    if not is_folder(output, several=several):
        targets = [Path(output)]
    else:
        if Path(output).exists() and not Path(output).is_dir():
            raise UsageError(f"{output!r} is a file, and several results need a folder.")
        targets = [Path(output) / place for place in places(inputs, FORMAT_FILES[output_format].extension)]
    read = {Path(one.name).resolve() for one in inputs}
    for target in targets:
        if target.resolve() in read:
            raise UsageError(f"{str(target)!r} is a document to read; its result would take its place.")
    return [Work(one, target) for one, target in zip(inputs, targets, strict=True)]


def places(inputs: list[Input], extension: str) -> list[Path]:
    """Where each result lies in an output folder: no two in one place.

    ``report.pdf`` becomes ``report.md``; beside a ``report.png`` both keep their names, ``report.pdf.md``; what is still
    the same gets a number.
    """
    short = [one.place.with_name(f"{one.place.stem}.{extension}") for one in inputs]
    often = Counter(short)
    taken: set[Path] = set()
    found = []
    for one, place in zip(inputs, short, strict=True):
        wanted = place if often[place] == 1 else one.place.with_name(f"{one.place.name}.{extension}")
        found.append(_free(wanted, extension, taken))
        taken.add(found[-1])
    return found


def _free(wanted: Path, extension: str, taken: set[Path]) -> Path:
    stem, place, number = wanted.name.removesuffix(f".{extension}"), wanted, 2
    while place in taken:
        place = wanted.with_name(f"{stem}-{number}.{extension}")
        number += 1
    return place


class StandardOutput:
    """Results one after another, with a blank line between texts."""

    def __init__(self, output_format: OutputFormat, display: Display) -> None:
        self._between = b"\n" if output_format in TEXTS else b""
        self._display = display
        self._begun = False

    @contextmanager
    def next(self) -> Iterator[BinaryIO]:
        """The stream to write one result to. Raises OSError."""
        with self._display.paused():
            if self._begun:
                sys.stdout.buffer.write(self._between)
            self._begun = True
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
