"""Everything in one ZIP archive, and the same bytes for the same pages."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from document_parser.export.base import Writer
from document_parser.export.csv import tables_of
from document_parser.export.figures import NO_FIGURES, Figures
from document_parser.export.html import write_html
from document_parser.export.json import write_json
from document_parser.export.markdown import write_markdown
from document_parser.export.text import write_text
from document_parser.models import Document, Options, Page

FOLDER = "figures"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the earliest a ZIP archive can say."""

_MEMBERS: dict[str, Writer] = {
    "document.md": write_markdown,
    "document.json": write_json,
    "document.html": write_html,
    "document.txt": write_text,
}


def write_bundle(
    document: Document, pages: Iterable[Page], options: Options, out: IO[bytes], figures: Figures = NO_FIGURES
) -> None:
    """Write the archive. Pages wait on disk, since every member reads them from the start."""
    linked = replace(figures, folder=FOLDER)
    with tempfile.TemporaryFile() as kept, ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for page in pages:
            kept.write(page.model_dump_json().encode() + b"\n")
        for name, write in _MEMBERS.items():
            with archive.open(_entry(name), "w") as member:
                write(document, _again(kept), options, member, linked)
        _add_tables(archive, _again(kept), options)
        _add_figures(archive, _again(kept), figures)


def _again(kept: IO[bytes]) -> Iterator[Page]:
    kept.seek(0)
    return map(Page.model_validate_json, kept)


def _add_tables(archive: ZipFile, pages: Iterable[Page], options: Options) -> None:
    seen: Counter[int] = Counter()
    for table in tables_of(pages, options):
        seen[table.page] += 1
        name = f"tables/page-{table.page:04d}-table-{seen[table.page]}.csv"
        with archive.open(_entry(name), "w") as member:
            for line in table.lines:
                member.write(line.encode(errors="replace"))


def _add_figures(archive: ZipFile, pages: Iterable[Page], figures: Figures) -> None:
    for page in pages:
        for name in [block.picture for block in page.blocks if block.picture]:
            data = figures.load(name)
            if data is not None:
                archive.writestr(_entry(f"{FOLDER}/{name}", ZIP_STORED), data)


def _entry(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    entry = ZipInfo(name, LONG_AGO)
    entry.compress_type = compression
    entry.create_system = 3  # Unix wherever it runs, or the bytes would differ
    entry.external_attr = 0o644 << 16
    return entry
