"""The text layer's path on one core: pages a second to structured Markdown, beside PDFium's bare text of the same pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2

from benchmarks.quality.corpus import Reading, by_text_layer, on_one_core, read_all

LEAST = 25.0


def text_layer_lines(corpus: Path, readings: Sequence[Reading]) -> list[str]:
    """A table of one line: the digital documents that the text layer sufficed for, read once more on one core."""
    paths = [r.path for r in by_text_layer(readings) if r.path.startswith("digital/")]
    if not paths:
        return ["Not measured: no digital document was read."]
    with on_one_core(), TemporaryDirectory() as folder:
        again = asyncio.run(read_all(corpus, paths, Path(folder)))
        bare = sum(_bare_seconds(corpus / path) for path in paths)
    pages, seconds = sum(r.pages for r in again), sum(r.seconds for r in again)
    speed = pages / seconds
    return [
        "| documents | pages | pages/s to Markdown | to reach | met | PDFium's bare text, pages/s |",
        "|---|---|---|---|---|---|",
        f"| {len(paths)} | {pages} | {speed:.1f} | ≥ {LEAST:.0f} | {'yes' if speed >= LEAST else 'NO'} | {pages / bare:.0f} |",
        "",
        "One core for everything: opening (a process a document), text, rules, layout, assembly and the written Markdown.",
    ]


def _bare_seconds(path: Path) -> float:
    started = time.monotonic()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_bounded()
    return time.monotonic() - started
