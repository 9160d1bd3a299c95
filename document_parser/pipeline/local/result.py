"""A document that has been read in this process: its pages wait on disk, so that memory stays flat."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from document_parser.export.figures import Figures
from document_parser.models import Document, Options, OutputFormat, Page, PageWarning, Progress
from document_parser.pipeline.assembly.document import assembled, with_stripped, write_document

_COUNTED = {"text_layer": "text_layer_pages", "deepseek": "deepseek_pages", "nanonets": "nanonets_pages"}


class ParseResult:
    """A document that has been read. Its pages lie in a file without a name; close it, or use it as a context manager."""

    def __init__(self, head: Document, options: Options, total_pages: int) -> None:
        self.head = head
        self.options = options
        self.progress = Progress(total_pages=total_pages)
        self.failed_pages: list[int] = []
        self._warnings: list[PageWarning] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._places: dict[int, int] = {}
        self._figures: tempfile.TemporaryDirectory[str] | None = None
        self._named: list[str] = []

    @property
    def complete(self) -> bool:
        """Whether every page asked for has been read."""
        return not self.failed_pages

    @property
    def warnings(self) -> list[PageWarning]:
        """The warnings of all pages, each with its page, ascending."""
        return sorted(self._warnings, key=lambda warning: warning.page or 0)

    def keep(self, page: Page) -> None:
        """Put a page away and count it. Raises OSError where the disk is full."""
        self._places[page.number] = self._file.seek(0, 2)
        self._file.write(page.model_dump_json().encode() + b"\n")
        self._warnings += [warning.model_copy(update={"page": page.number}) for warning in page.warnings]
        if page.status == "failed":
            self.failed_pages = sorted([*self.failed_pages, page.number])
        self.progress = _counted(self.progress, page)

    async def keep_figure(self, name: str, data: bytes) -> None:
        """Put the picture of a figure away. Raises OSError where the disk is full."""
        if self._figures is None:
            self._figures = tempfile.TemporaryDirectory(prefix="docparse-figures-")
        (Path(self._figures.name) / name).write_bytes(data)
        self._named.append(name)

    def figure(self, name: str) -> bytes | None:
        """The JPEG of a figure, by the name in its block; None where there is none."""
        if self._figures is None or name not in self._named:
            return None
        return (Path(self._figures.name) / name).read_bytes()

    def save_figures(self, folder: str | PathLike[str]) -> int:
        """Write the pictures of all figures into a folder, which is made where there are any. How many. Raises OSError."""
        for name in self._named:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(self.figure(name) or b"")
        return len(self._named)

    def pages(self) -> Iterator[Page]:
        """The pages, ascending, one at a time in memory."""
        for _, place in sorted(self._places.items()):
            self._file.seek(place)
            yield Page.model_validate_json(self._file.readline())

    def document(self) -> Document:
        """The document with all its pages, as parts of it: see pipeline.assemble."""
        return self.head.model_copy(update={"pages": list(with_stripped(assembled(self.pages), self.options))})

    def write(self, name: OutputFormat, out: BinaryIO, figures_folder: str | None = None) -> int:
        """Write the document in one of the formats, page by page. Return how many lines of heads and feet it leaves out.

        ``figures_folder`` is where links to figures lead, relative to what is written; without it they lead to their page.
        """
        return write_document(self.head, self.pages, self.options, name, out, Figures(self.figure, figures_folder))

    def close(self) -> None:
        self._file.close()
        if self._figures is not None:
            self._figures.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _counted(progress: Progress, page: Page) -> Progress:
    field = f"{page.status}_pages" if page.status != "done" else _COUNTED.get(page.engine or "", "cpu_pages")
    finished = progress.current_page + 1
    counts = {"current_page": finished, field: getattr(progress, field) + 1}
    return progress.model_copy(update={**counts, "percent": round(100 * finished / (progress.total_pages or 1), 1)})
