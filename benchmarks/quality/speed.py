"""The text layer's path on one core: pages a second to structured Markdown, beside xberg's and PDFium's bare text.

And where the time goes: processor milliseconds a page by part. The processes around a document, and waiting, are the difference
to the time on the clock; on a machine with other work, that is mostly the other work.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2

from benchmarks.quality.corpus import by_text_layer, documents, on_one_core, read_all
from benchmarks.quality.parts import milliseconds_by_part
from benchmarks.report import progress

LEAST_OF_XBERG = 1.0
"""How many times as fast as xberg ours has to be, on the same documents, in the same run, on the same core."""
PEER = Path(__file__).with_name("xberg_peer.py")


def text_layer_lines(corpus: Path, xberg: Path | None = None) -> list[str]:
    """Tables of the digital documents that the text layer suffices for, read on one core.

    ``xberg`` is the Python of an environment that has xberg; without it only ours is measured. Raises CalledProcessError.
    """
    with TemporaryDirectory() as folder:
        paths = [r.path for r in by_text_layer(asyncio.run(read_all(corpus, documents(corpus, ["digital"]), Path(folder))))]
        with on_one_core():
            first, *readings = asyncio.run(read_all(corpus, [paths[0], *paths], Path(folder)))
            theirs = _seconds_of_xberg(xberg, [corpus / path for path in paths]) if xberg else None
            bare = sum(_bare_seconds(corpus / path) for path in paths)
            parts = milliseconds_by_part([corpus / path for path in paths])
    pages, seconds = sum(r.pages for r in readings), sum(r.seconds for r in readings)
    speed = f"{pages / theirs:.1f} | {theirs / seconds:.2f}" if theirs else "- | -"
    met = "-" if not theirs else "yes" if theirs / seconds >= LEAST_OF_XBERG else "NO"
    return [
        "| documents | pages | pages/s to Markdown | xberg's | times xberg's | to reach | met | PDFium's bare text, pages/s |",
        "|---|---|---|---|---|---|---|---|",
        f"| {len(readings)} | {pages} | {pages / seconds:.1f} | {speed} | ≥ {LEAST_OF_XBERG} | {met} | {pages / bare:.0f} |",
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


def _seconds_of_xberg(python: Path, paths: list[Path]) -> float:
    """Return the seconds that xberg takes for the documents, on the core of this process. Raises CalledProcessError."""
    command = [str(python), str(PEER)]
    ran = subprocess.run(command, input="\n".join(map(str, paths)), stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(ran.stdout)
    progress(f"xberg: {told['seconds']:.1f} s, {told['failed']} not read")
    return float(told["seconds"])


def _bare_seconds(path: Path) -> float:
    started = time.monotonic()
    with pypdfium2.PdfDocument(path) as document:
        for page in document:
            page.get_textpage().get_text_bounded()
    return time.monotonic() - started
