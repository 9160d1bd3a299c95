"""A document of 1,000 pages as an assistant reads it by MCP: how large its answers are, and how long they take.

    python -m benchmarks.assistants [--pages 1000] [--trial]

The document is drawn: prose with a heading on each page, and a table on every tenth. A real
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

TOPICS = (
    "harbours", "bridges", "schools", "forests", "markets", "archives", "hospitals", "canals", "theatres", "gardens",
    "railways", "libraries", "mills", "fountains", "quarries", "orchards", "museums", "barracks", "wells", "towers",
)  # fmt: skip
ACTS = (
    "building", "closing", "lighting", "letting", "mending", "naming", "opening", "painting", "planning", "pricing",
    "renting", "saving", "selling", "staffing", "taxing", "moving", "buying", "guarding", "heating", "dividing",
)  # fmt: skip
PLACES = ("the north", "the south", "the old town")
LINES = 35
"""Lines of prose on a page."""


def title(page: int) -> str:
    """The heading on a page. Up to 1,200 pages have different ones."""
    number = page * 7 % 1200
    return f"On {ACTS[number % 20]} {TOPICS[number // 20 % 20]} in {PLACES[number // 400]}"


def sentence(page: int, line: int) -> str:
    """A line of a page."""
    topic, act = TOPICS[(page + line) % 20], ACTS[(page * 3 + line * 7) % 20]
    return f"The committee met about {act} the {topic} of the town and approved proposal {page}.{line} as it was written."


def draw(path: Path, pages: int) -> Path:
    """Draw the document. Headings are within the prose, since the same place on each page is that of running titles."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in range(1, pages + 1):
        top = 790.0
        for line in range(LINES):
            if line == page % 9:
                canvas.setFont("Helvetica-Bold", 16)
                canvas.drawString(60, top - 20, title(page))
                top -= 45
            canvas.setFont("Helvetica", 9)
            canvas.drawString(60, top, sentence(page, line))
            top -= 12
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
        while "characters" not in found:
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
            program.facts("read", document=document, heading=title(number))
        parts = list(islice(program.follow("search", document=document, query="committee"), 20))
        starts = [hit["start"] for part in parts for hit in part["hits"]]
        assert len(set(starts)) == len(starts)
        for word in ("the", "e", "proposal 7.3", "monday committee", "nothing of this", "value"):
            program.facts("search", document=document, query=word)
        for quote in ("The committee met", sentence(pages // 2, 20)):
            program.facts("cite", document=document, quote=quote)
        # A call waits for values a while; the next one waits on.
        while (waits := program.ask("extract", document=document, fields=["Column 1", "proposal"])).is_error:
            assert waits.structured_content["error"]["code"] == "JOB_NOT_COMPLETE", waits.content
        list(program.follow("extract", document=document, fields=["Column 1", "proposal"]))
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
