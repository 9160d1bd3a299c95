"""A document that was read in this process. Its pages wait on disk, so that memory stays flat; the first are held too."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from document_parser.errors import FormatNeedsPages
from document_parser.export.figures import Figures
from document_parser.models import VLM_ENGINES, Document, Options, OutputFormat, Page, PageWarning, Progress, stored_json
from document_parser.models.packed_cells import PackedCells
from document_parser.pipeline.assembly.document import assemble_pages, with_stripped, write_document
from document_parser.pipeline.assembly.searchable_pdf import Original, write_searchable
from document_parser.pipeline.local.unpack import Unpacked, unpack
from document_parser.sources.source import Source

_COUNTED = {name: f"{name}_pages" for name in ("text_layer", *VLM_ENGINES)}
"""The field of Progress that counts the pages of each engine; the other engines count as ``cpu_pages``."""

MAX_HELD_BYTES = 1 << 24
"""Memory of the pages that are also held as objects: a small document is written without reading its pages back."""
_OBJECTS_OF_BYTES = 16
"""How many times the bytes that are stored a page takes as objects; one of packed cells takes about what is stored."""


class ParseResult:
    """A document that was read. Its pages are in an unnamed file; close it, or use it as a context manager.

    ``head`` is the document without its pages, ``failed_pages`` are the numbers of failed pages in ascending order.
    """

    def __init__(self, head: Document, options: Options, total_pages: int) -> None:
        """Open the file for the pages. ``total_pages`` is the number of pages asked for. Raises OSError."""
        self.head = head
        self.options = options
        self.progress = Progress(total_pages=total_pages)
        self.failed_pages: list[int] = []
        self._warnings: list[PageWarning] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._offsets: dict[int, int] = {}
        self._held: dict[int, Page] = {}
        self._held_bytes = 0
        self._figures: tempfile.TemporaryDirectory[str] | None = None
        self._named: list[str] = []
        self.original: Original | None = None
        """The document that was read, for a PDF of it; its file must be there until that is written."""
        self.inside: list[Unpacked] = []
        """The documents inside this one, if they were taken out of it. Their files go with it."""
        self._inside_folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def complete(self) -> bool:
        """Return whether every page asked for was read."""
        return not self.failed_pages

    @property
    def warnings(self) -> list[PageWarning]:
        """Return the warnings of all pages, each with its page number, in ascending order."""
        return sorted(self._warnings, key=lambda warning: warning.page or 0)

    def keep(self, page: Page) -> None:
        """Store a page and count it. Raises OSError if the disk is full."""
        self._offsets[page.number] = self._file.seek(0, 2)
        self._held.pop(page.number, None)
        stored = stored_json(page)
        self._file.write(stored + b"\n")
        memory = len(stored) * (1 if _is_packed(page) else _OBJECTS_OF_BYTES)
        if self._held_bytes + memory <= MAX_HELD_BYTES:
            self._held[page.number] = page
            self._held_bytes += memory
        self._warnings += [warning.model_copy(update={"page": page.number}) for warning in page.warnings]
        if page.status == "failed":
            self.failed_pages = sorted([*self.failed_pages, page.number])
        self.progress = _count_page(self.progress, page)

    async def keep_figure(self, name: str, data: bytes) -> None:
        """Store the JPEG of a figure. Raises OSError if the disk is full."""
        if self._figures is None:
            self._figures = tempfile.TemporaryDirectory(prefix="docparse-figures-")
        (Path(self._figures.name) / name).write_bytes(data)
        self._named.append(name)

    def figure(self, name: str) -> bytes | None:
        """Return the JPEG of a figure by the name in its block; None if there is none. Raises OSError."""
        if self._figures is None or name not in self._named:
            return None
        return (Path(self._figures.name) / name).read_bytes()

    def save_figures(self, folder: str | PathLike[str]) -> int:
        """Write the JPEGs of all figures into a folder, which is made if there are any. Return their number. Raises OSError."""
        for name in self._named:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(self.figure(name) or b"")
        return len(self._named)

    async def unpack(self, source: Source, max_unpacked_mb: int) -> None:
        """Take the documents inside the open document out of it. Raises OSError, and the errors of ``Source.members``."""
        self._inside_folder = tempfile.TemporaryDirectory(prefix="docparse-inside-")
        self.inside = await unpack(source, self.head.filename, Path(self._inside_folder.name), max_unpacked_mb)
        self.head = self.head.with_children([one.child for one in self.inside])

    def pages(self) -> Iterator[Page]:
        """Yield the pages in ascending order, one at a time in memory. Each is the caller's own."""
        return map(self._read_back, sorted(self._offsets))

    def _pages_to_write(self) -> Iterator[Page]:
        """Yield the pages as ``pages`` does, those in memory without reading them back: writers leave them as they are."""
        return (self._held.get(number) or self._read_back(number) for number in sorted(self._offsets))

    def _read_back(self, number: int) -> Page:
        """Return a page as it was stored."""
        self._file.seek(self._offsets[number])
        return Page.model_validate_json(self._file.readline())

    def document(self) -> Document:
        """Return the document with all its pages, assembled: see pipeline.assembly."""
        return self.head.model_copy(update={"pages": list(self.assembled())})

    def assembled(self) -> Iterator[Page]:
        """Yield the pages in ascending order as they are written, assembled: see pipeline.assembly."""
        return with_stripped(assemble_pages(self.pages), self.options)

    def write(self, name: OutputFormat, out: BinaryIO, figures_folder: str | None = None) -> int:
        """Write the document in one of the formats, page by page. Return how many lines of headers and footers it leaves out.

        ``figures_folder`` is where links to figures lead, relative to the written file; without it they lead to their page.
        A PDF takes the document itself. Raises OSError if the disk is full, and the errors of
        ``write_searchable``.
        """
        if name == "pdf":
            if self.original is None:
                raise FormatNeedsPages(format=name)
            return write_searchable(self.head, self._pages_to_write, self.options, self.original, out)
        return write_document(self.head, self._pages_to_write, self.options, name, out, Figures(self.figure, figures_folder))

    def close(self) -> None:
        """Delete the stored pages, figures and documents inside."""
        with contextlib.suppress(OSError):  # what could not be written any more is deleted here
            self._file.close()
        for folder in (self._figures, self._inside_folder):
            if folder is not None:
                folder.cleanup()

    def __enter__(self) -> Self:
        """Return this object."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Delete the stored pages and figures."""
        self.close()


def _is_packed(page: Page) -> bool:
    """Return whether all tables of a page, which has some, are packed: then there is hardly anything beside them."""
    tables = [block.table for block in page.blocks if block.table is not None]
    return bool(tables) and all(isinstance(table.cells, PackedCells) for table in tables)


def _count_page(progress: Progress, page: Page) -> Progress:
    """Return the progress with one more finished page."""
    field = f"{page.status}_pages" if page.status != "done" else _COUNTED.get(page.engine or "", "cpu_pages")
    finished = progress.current_page + 1
    counts = {"current_page": finished, field: getattr(progress, field) + 1}
    return progress.model_copy(update={**counts, "percent": round(100 * finished / (progress.total_pages or 1), 1)})
