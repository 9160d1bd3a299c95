"""Whole documents read in process, as their Markdown, HTML and pages."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Self

from document_parser.models import Block, Options, Page, Table
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings

FILES = Path(__file__).parent.parent / "cases" / "files"


@dataclass(frozen=True)
class ReadCase:
    """A document as it was read."""

    pages: list[Page]
    markdown: str
    html: str
    text: str

    @property
    def page(self) -> Page:
        """The first page."""
        return self.pages[0]

    @property
    def blocks(self) -> list[Block]:
        """The blocks of all pages."""
        return [block for page in self.pages for block in page.blocks]

    @property
    def texts(self) -> list[str]:
        """The texts of all blocks that have one."""
        return [block.text for block in self.blocks if block.text]

    @property
    def tables(self) -> list[list[list[str]]]:
        """The tables as rows of texts; a cell's text stands in the first of its places."""
        return [rows_of(block.table) for block in self.blocks if block.table]

    @property
    def flat(self) -> str:
        """The Markdown on one line."""
        return " ".join(self.markdown.split())

    @property
    def warnings(self) -> list[str]:
        """The codes of all warnings."""
        return [warning.code for page in self.pages for warning in page.warnings]


class CaseReader:
    """Reads documents one after the other with the same engines."""

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._runner.__enter__()
        self._parser = self._runner.run(self._start())
        self._read: dict[tuple[Path, str], ReadCase] = {}
        return self

    async def _start(self) -> DocumentParser:
        return await DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))).__aenter__()

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._parser.aclose())
        self._runner.__exit__(None, None, None)

    def __call__(self, path: str | Path, **options: str) -> ReadCase:
        """Read a case by its name, or a document at a path; the same one is read once."""
        path = FILES / path
        key = path, repr(sorted(options.items()))
        if key not in self._read:
            self._read[key] = self._runner.run(self._read_document(path, Options.model_validate(options)))
        return self._read[key]

    async def _read_document(self, path: Path, options: Options) -> ReadCase:
        with await self._parser.read(path, options) as found:
            formats = {}
            for name in ("markdown", "html", "text"):
                out = io.BytesIO()
                found.write(name, out)
                formats[name] = out.getvalue().decode()
            return ReadCase(found.document().pages, **formats)


def rows_of(table: Table) -> list[list[str]]:
    """The rows of a table, a cell's text in the first of its places."""
    rows = [[""] * table.columns for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.column] = cell.text
    return rows


class _Cells(HTMLParser):
    """The rows of the tables in HTML, each cell with its spans."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[tuple[int, int, str]]]] = []
        self._text: list[str] | None = None
        self._spans = 1, 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            known = dict(attrs)
            self._spans = int(known.get("rowspan") or 1), int(known.get("colspan") or 1)
            self._text = []

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._text is not None:
            self.tables[-1][-1].append((*self._spans, "".join(self._text)))
            self._text = None


def grids_of_html(html: str) -> list[list[list[str]]]:
    """The tables of HTML (also in Markdown) as a browser lays them out; every place must be covered exactly once."""
    parser = _Cells()
    parser.feed(html)
    return [_lay_out(rows) for rows in parser.tables]


def _lay_out(rows: list[list[tuple[int, int, str]]]) -> list[list[str]]:
    places: dict[tuple[int, int], str] = {}
    for number, cells in enumerate(rows):
        column = 0
        for down, across, text in cells:
            while (number, column) in places:
                column += 1
            for row in range(number, number + down):
                for place in range(column, column + across):
                    assert (row, place) not in places, f"two cells at row {row}, column {place}"
                    places[row, place] = text if (row, place) == (number, column) else ""
    width = max(column for _, column in places) + 1
    assert set(places) == {(row, column) for row in range(len(rows)) for column in range(width)}, "a row is too short or long"
    return [[places[row, column] for column in range(width)] for row in range(len(rows))]
