"""A document of 1,000 pages as an assistant reads it by MCP: how large its answers are, and how long they take.

    python -m benchmarks.assistants [--pages 1000] [--trial]

The document is drawn: chapters with headings, prose, and a table on every tenth page, one of them with very wide rows. A real
service reads it; the protocol's own client calls ``docparse mcp --server`` as a process, as an assistant's program does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from benchmarks.report import Report
from document_parser.mcp.fit import MAX_ANSWER_BYTES
from tests.support.assistant import Assistant, assistant, started
from tests.support.service import ROOT, Service

SENTENCE = "The committee met on the first Monday and approved proposal {page}.{line} with the words that it had."


def draw(path: Path, pages: int) -> Path:
    """Draw the document."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(60, 780, f"Session {page}")
        canvas.setFont("Helvetica", 9)
        for line in range(35):
            canvas.drawString(60, 755 - 12 * line, SENTENCE.format(page=page, line=line))
        if page % 10 == 0:
            draw_table(canvas, page)
        canvas.showPage()
    canvas.save()
    return path


def draw_table(canvas: Canvas, page: int) -> None:
    """Draw a ruled table below the prose."""
    for row in range(12):
        for column in range(4):
            canvas.rect(60 + 110 * column, 300 - 18 * row, 110, 18)
            canvas.drawString(64 + 110 * column, 306 - 18 * row, f"value {page}.{row}.{column}" if row else f"Column {column}")


@contextmanager
def connected(folder: Path) -> Iterator[Assistant]:
    """An assistant beside a service of its own."""
    with Service(folder / "service", NUM_WORKERS=2, preloaded=False) as service:
        parameters = started(
            "--server", f"http://127.0.0.1:{service.port}", "--folder", folder, PYTHONPATH=str(ROOT), PATH="/usr/bin:/bin"
        )
        with assistant(parameters) as program:
            yield program


def measure(report: Report, folder: Path, pages: int) -> None:
    """Read the document in all ways, and tell what it took."""
    path = draw(folder / "long.pdf", pages)
    with connected(folder) as program:
        begun = time.perf_counter()
        found = program.facts("parse", path=str(path), wait_seconds=0)
        while found["status"] != "completed":
            found = program.facts("status", document=found["document"], wait_seconds=45)
        report.tell(f"until {pages:,} pages are read, s", f"{time.perf_counter() - begun:.0f}")
        document = found["document"]
        whole = "".join(piece["text"] for part in program.follow("read", document=document) for piece in part["passages"])
        assert len(whole) == found["characters"]
        report.tell("answers to read it whole, characters", f"{len(program.seconds['read']):,}, {len(whole):,}")
        headings = [one for part in program.follow("status", document=document) for one in part["headings"]]
        assert len(headings) == found["headings_in_all"]
        for number in range(1, pages + 1, max(1, pages // 200)):
            program.facts("read", document=document, page=number)
            program.facts("read", document=document, heading=f"Session {number}")
        parts = list(islice(program.follow("search", document=document, query="committee"), 20))
        starts = [hit["start"] for part in parts for hit in part["hits"]]
        assert len(set(starts)) == len(starts)
        for word in ("the", "e", "proposal 7.3", "monday committee", "nothing of this", "value"):
            program.facts("search", document=document, query=word)
        for quote in ("The committee met", SENTENCE.format(page=pages // 2, line=20)):
            program.facts("cite", document=document, quote=quote)
        list(program.follow("extract", document=document, fields=["Column 1", "Session"]))
        report.tell("headings, hits of a frequent word", f"{len(headings):,}, {parts[0]['hits_in_all']:,}")
        report.below("largest answer of all tools, bytes", program.largest, MAX_ANSWER_BYTES + 1, "{:,.0f}")
        report.tell("answers in all", f"{sum(map(len, program.seconds.values())):,}")
        for name in ("read", "search", "cite"):
            times = sorted(program.seconds[name])
            report.tell(
                f"an answer of {name}, p50 and longest, ms", f"{times[len(times) // 2] * 1e3:.0f}, {times[-1] * 1e3:.0f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--trial", action="store_true", help="60 pages, and nothing is written")
    given = parser.parse_args()
    report = Report("assistants")
    with tempfile.TemporaryDirectory() as folder:
        measure(report, Path(folder), 60 if given.trial else given.pages)
    report.publish(trial=given.trial)


if __name__ == "__main__":
    main()
