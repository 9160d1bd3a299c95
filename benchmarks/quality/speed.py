"""The text layer's path on one core: pages a second to structured Markdown, beside PDFium's bare text of the same pages."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2

from benchmarks.quality.corpus import by_text_layer, documents, on_one_core, read_all

LEAST = 25.0


def text_layer_lines(corpus: Path) -> list[str]:
    """A table of one line: the digital documents that the text layer suffices for, read on one core."""
    with TemporaryDirectory() as folder:
        paths = [r.path for r in by_text_layer(asyncio.run(read_all(corpus, documents(corpus, ["digital"]), Path(folder))))]
        with on_one_core():
            readings = asyncio.run(read_all(corpus, paths, Path(folder)))
            bare = sum(_bare_seconds(corpus / path) for path in paths)
    pages, seconds = sum(r.pages for r in readings), sum(r.seconds for r in readings)
    speed, met = pages / seconds, "yes" if pages / seconds >= LEAST else "NO"
    return [
        "| documents | pages | pages/s to Markdown | to reach | met | PDFium's bare text, pages/s |",
        "|---|---|---|---|---|---|",
        f"| {len(readings)} | {pages} | {speed:.1f} | ≥ {LEAST:.0f} | {met} | {pages / bare:.0f} |",
        "",
        "One core for everything: opening (a process a document), text, rules, layout, assembly and the written Markdown.",
    ]


def _bare_seconds(path: Path) -> float:
    started = time.monotonic()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_bounded()
    return time.monotonic() - started
