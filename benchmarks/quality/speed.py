"""The text layer's path on one core: pages a second to structured Markdown, beside PDFium's bare text of the same pages.

And where the time goes: processor milliseconds a page by part. The processes around a document, and waiting, are the difference
to the time on the clock; on a machine with other work, that is mostly the other work.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2

from benchmarks.quality.corpus import by_text_layer, documents, on_one_core, read_all
from benchmarks.quality.parts import milliseconds_by_part

LEAST = 56.0
"""Pages a second to reach: those of xberg 1.3.9 on documents that nobody tuned for, read on one quiet core."""


def text_layer_lines(corpus: Path) -> list[str]:
    """A table of one line: the digital documents that the text layer suffices for, read on one core."""
    with TemporaryDirectory() as folder:
        paths = [r.path for r in by_text_layer(asyncio.run(read_all(corpus, documents(corpus, ["digital"]), Path(folder))))]
        with on_one_core():
            first, *readings = asyncio.run(read_all(corpus, [paths[0], *paths], Path(folder)))
            bare = sum(_bare_seconds(corpus / path) for path in paths)
            parts = milliseconds_by_part([corpus / path for path in paths])
    pages, seconds = sum(r.pages for r in readings), sum(r.seconds for r in readings)
    speed, met = pages / seconds, "yes" if pages / seconds >= LEAST else "NO"
    return [
        "| documents | pages | pages/s to Markdown | to reach | met | PDFium's bare text, pages/s |",
        "|---|---|---|---|---|---|",
        f"| {len(readings)} | {pages} | {speed:.1f} | ≥ {LEAST:.0f} | {met} | {pages / bare:.0f} |",
        "",
        "One core for everything: opening (a process a document), text, rules, layout, assembly and the written Markdown. "
        "The first document is read once before, uncounted: the processes of a service are loaded before a document comes. "
        f"That took {first.seconds - readings[0].seconds:.1f} s more.",
        "",
        "| part | ms a page |",
        "|---|---|",
        *(f"| {name} | {spent:.2f} |" for name, spent in parts.items()),
        f"| processes, messages between them, waiting | {1000 * seconds / pages - sum(parts.values()):.2f} |",
        f"| **all** | **{1000 * seconds / pages:.2f}** |",
    ]


def _bare_seconds(path: Path) -> float:
    started = time.monotonic()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_bounded()
    return time.monotonic() - started
