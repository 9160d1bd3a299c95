"""The text layer's path on one core: pages a second to structured Markdown, beside PDFium's bare text of the same pages."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2

from benchmarks.quality.corpus import by_text_layer, documents, read_all

LEAST = 25.0


def text_layer_lines(corpus: Path) -> list[str]:
    """A table of one line: the digital documents that the text layer suffices for, read on one core."""
    with TemporaryDirectory() as folder:
        paths = [r.path for r in by_text_layer(asyncio.run(read_all(corpus, documents(corpus, ["digital"]), Path(folder))))]
        started = _processor_seconds()
        readings = asyncio.run(read_all(corpus, paths, Path(folder)))
        seconds = _processor_seconds() - started
        bare = sum(_bare_seconds(corpus / path) for path in paths)
    pages = sum(reading.pages for reading in readings)
    speed, met = pages / seconds, "yes" if pages / seconds >= LEAST else "NO"
    return [
        "| documents | pages | pages/s to Markdown | to reach | met | PDFium's bare text, pages/s |",
        "|---|---|---|---|---|---|",
        f"| {len(readings)} | {pages} | {speed:.1f} | ≥ {LEAST:.0f} | {met} | {pages / bare:.0f} |",
        "",
        "Processor seconds of all processes: opening (one a document), text, rules, layout, assembly and the written Markdown.",
    ]


def _bare_seconds(path: Path) -> float:
    started = _processor_seconds()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_bounded()
    return _processor_seconds() - started


def _processor_seconds() -> float:
    """Of this process and of those that it has started and seen end."""
    return sum(os.times()[:4])
