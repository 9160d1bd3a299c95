"""One table a benchmark: printed, and written between its own markers in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEADINGS = ("what", "measured", "target", "met")


@dataclass(frozen=True)
class Row:
    """A figure, and what it should be where that is known."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        return self.what, self.measured, self.target, {True: "yes", False: "NO", None: ""}[self.met]


@dataclass
class Report:
    """The table of one benchmark. ``name`` is that of its module and of its markers."""

    name: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tell(self, what: str, measured: str) -> None:
        """Add a figure without a target."""
        self.rows.append(Row(what, measured))

    def at_least(self, what: str, value: float, least: float, form: str = "{:.2f}") -> None:
        self.rows.append(Row(what, form.format(value), "≥ " + form.format(least), value >= least))

    def below(self, what: str, value: float, most: float, form: str) -> None:
        self.rows.append(Row(what, form.format(value), "< " + form.format(most), value < most))

    def table(self) -> str:
        """The rows as a Markdown table that is also good to read as it stands."""
        lines = [HEADINGS, *(row.cells for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
        texts = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
        ]
        texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(texts)

    def text(self) -> str:
        return "\n\n".join([self.table(), *self.notes, circumstances()])

    def publish(self, *, trial: bool) -> None:
        """Print the table; unless this was only a trial, write it into the document too."""
        print(f"\n{self.name}\n\n{self.text()}\n", flush=True)
        if not trial:
            DOCUMENT.write_text(with_section(DOCUMENT.read_text(), self.name, self.text()))


def with_section(document: str, name: str, text: str) -> str:
    """A document with what stands between the markers of this name replaced. Raises ValueError where it has none."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    found, count = re.subn(
        f"{re.escape(begin)}.*{re.escape(end)}", lambda _: f"{begin}\n{text}\n{end}", document, count=1, flags=re.DOTALL
    )
    if not count:
        raise ValueError(f"the document has no markers {begin} and {end}")
    return found


def circumstances() -> str:
    """When and on what the figures were taken."""
    cores = len(os.sched_getaffinity(0))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"Measured {made}: {cores} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}."


def is_trial(description: str | None) -> bool:
    """Whether the command line asks for a short run that leaves the document alone."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--trial", action="store_true", help="a short run that prints its table and writes nothing")
    return bool(parser.parse_args().trial)


def progress(text: str) -> None:
    """A line on the way, for whoever waits."""
    print(f"  {text}", flush=True)


def packs_folder(text: str) -> str:
    """Return the folder of Tesseract's packs that an option names: it, or its folder ``tessdata``, as in DATA_DIR.

    Raises ArgumentTypeError if neither has any: what is measured without packs would pass for what is measured with them.
    """
    if not text:
        return text
    for folder in (Path(text), Path(text) / "tessdata"):
        if any(folder.glob("*.traineddata")):
            return str(folder)
    raise argparse.ArgumentTypeError(f"no language packs (*.traineddata) in {text}")
