"""Write all text formats, the tables and the figures into one ZIP archive; the same pages give the same bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from document_parser.export.base import Writer
from document_parser.export.csv import tables_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.html import write_html
from document_parser.export.json import write_json
from document_parser.export.markdown import write_markdown
from document_parser.export.text import write_text
from document_parser.models import Document, Options, Page, stored_json
from document_parser.text.table_archive import add_tables, make_zip_entry

FIGURES_FOLDER = "figures"
"""The folder of the archive that holds the images of figures."""
_MEMBERS: dict[str, Writer] = {
    "document.md": write_markdown,
    "document.json": write_json,
    "document.html": write_html,
    "document.txt": write_text,
}
"""The text files of the archive and their writers."""


def write_bundle(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write the archive. Pages wait on disk, since every member reads them from the start.

    The errors of ``pages``, ``out`` and ``figures`` pass through; OSError if the disk is full.
    """
    linked = replace(figures, folder=FIGURES_FOLDER)
    with tempfile.TemporaryFile() as kept, ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for page in pages:
            kept.write(stored_json(page) + b"\n")
        for name, write in _MEMBERS.items():
            with archive.open(make_zip_entry(name), "w") as member:
                write(document, _read_pages(kept), options, member, linked)
        for _ in add_tables(archive, tables_of(_read_pages(kept), options), "tables/"):
            pass
        _add_figures(archive, _read_pages(kept), figures)


def _read_pages(kept: IO[bytes]) -> Iterator[Page]:
    """Return the pages from the first one."""
    kept.seek(0)
    return map(Page.model_validate_json, kept)


def _add_figures(archive: ZipFile, pages: Iterable[Page], figures: Figures) -> None:
    """Add the images of figures, uncompressed; one that is not there is left out."""
    for page in pages:
        for name in [block.picture for block in page.blocks if block.picture]:
            data = figures.load(name)
            if data is not None:
                archive.writestr(make_zip_entry(f"{FIGURES_FOLDER}/{name}", ZIP_STORED), data)
