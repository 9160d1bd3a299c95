"""Measure values and their places on drawn documents, rows of a long list, and the time that a bundle takes."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pikepdf

from benchmarks.extraction.drawn.documents import COUNT, draw_paper
from benchmarks.extraction.drawn.long_table import PAGES, ROWS, SCHEMA, VARIANTS, long_table
from benchmarks.extraction.drawn.notation import LANGUAGES
from benchmarks.extraction.drawn.papers import HELD_OUT_LANGUAGES, HELD_OUT_LAYOUTS
from benchmarks.extraction.drawn.scoring import Counts
from benchmarks.report import Report, progress
from document_parser import parse
from document_parser.extraction.registry import load_schemas
from document_parser.extraction.scopes import extract_pages
from document_parser.models import Document, Page
from document_parser.models.extraction import ExtractionOrder

NOTE = (
    f"Drawn documents are made from records (benchmarks/extraction/drawn): {COUNT} in {len(LANGUAGES)} languages. Held out are "
    f"those in the languages {', '.join(sorted(HELD_OUT_LANGUAGES))} and those with the layouts "
    f"{', '.join(sorted(HELD_OUT_LAYOUTS))}: nothing was fitted on them. Grounding is that of right values; a word is in its "
    "box if the two have half of their union in common. The bundle is made of the first invoices; its extraction is measured "
    "in processor time, its reading on the clock."
)
Read = Callable[[Path], Document]
"""Reads a document, or takes it as it was read before."""
RUNS = 5
"""Extractions of the bundle, of which the median counts."""


def measure_drawn(report: Report, read: Read, *, worst: bool) -> None:
    """Forms, invoices, orders, receipts and statements, apart by whether anything was fitted on their layout or language."""
    counts: dict[tuple[str, bool], Counts] = defaultdict(Counts)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(COUNT):
            paper = draw_paper(seed)
            path = _write(Path(folder), f"{seed}.pdf", paper.pdf)
            progress(f"drawn {seed}: {paper.kind} {paper.layout} {paper.language}")
            pages = read(path).pages
            found = extract_pages(pages, ExtractionOrder(json_schema=paper.schema))
            numbered = {page.number: page for page in pages}
            for name in (paper.kind, "all"):
                wrong = counts[name, paper.is_held_out].add(paper, found, numbered)
            if "lines" in paper.data:
                counts[f"{paper.kind} lines", paper.is_held_out].add(paper, found, numbered, "/lines")
            if worst and not paper.is_held_out:
                for line in wrong:
                    progress(f"drawn {seed} {line}")
    _report_drawn(report, counts)


def _report_drawn(report: Report, counts: dict[tuple[str, bool], Counts]) -> None:
    form, every = counts["form", True], counts["all", True]
    report.at_least(f"drawn forms, held out: key-value F1 ({form.expected})", form.f1, 0.9, "{:.3f}")
    report.tell(f"drawn forms, fitted on: key-value F1 ({counts['form', False].expected})", f"{counts['form', False].f1:.3f}")
    report.below(f"values on blank fields, held out, % ({form.blank})", 100 * form.filled / max(1, form.blank), 1.0, "{:.1f}")
    for name in ("invoice", "invoice lines", "order", "receipt", "statement"):
        held, fitted = counts[name, True], counts[name, False]
        report.tell(f"drawn {name}, held out: F1 ({held.expected}); fitted on", f"{held.f1:.3f}; {fitted.f1:.3f}")
    report.at_least(f"grounding, held out: page ({every.placed})", every.on_page / max(1, every.placed), 0.97, "{:.3f}")
    report.at_least(f"grounding, held out: word boxes ({every.words})", every.in_box / max(1, every.words), 0.75, "{:.3f}")


def measure_long_table(report: Report, read: Read) -> None:
    """A list over twelve pages: its rows that are all right."""
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            progress(f"long table: {variant}")
            table = long_table(variant)
            path = _write(Path(folder), f"{variant.replace(' ', '_')}.pdf", table.pdf)
            found = extract_pages(read(path).pages, ExtractionOrder(json_schema=SCHEMA)).data["lines"]
            right = sum(row == wanted for row, wanted in zip(found, table.rows, strict=False))
            what = f"rows of {ROWS} over {PAGES} pages, {variant} (returned {len(found)})"
            report.at_least(what, right, ROWS, "{:.0f}")


def measure_bundle(report: Report, invoices: Iterable[Path], pages: int = 10) -> None:
    """The time of extraction from a bundle of invoices, beside that of its reading in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        path = _bundle(Path(folder), invoices, pages)
        started = time.perf_counter()
        document = parse(path)
        reading = time.perf_counter() - started
    order = ExtractionOrder(json_schema=load_schemas()["invoice"].json_schema)
    spent = sorted(_seconds_of(document.pages, order) for _ in range(RUNS))[RUNS // 2]
    report.below(f"extraction of a bundle of {len(document.pages)} pages, s", spent, 0.3, "{:.2f}")
    report.below("the same, as a share of the time that reading took", spent / reading, 0.1, "{:.2f}")


def _seconds_of(pages: Sequence[Page], order: ExtractionOrder) -> float:
    started = time.process_time()
    extract_pages(pages, order)
    return time.process_time() - started


def _bundle(folder: Path, invoices: Iterable[Path], pages: int) -> Path:
    """Write the first pages of invoices, one after the other, as one PDF."""
    with ExitStack() as opened:  # a page is copied out of its file when the whole is saved
        whole = opened.enter_context(pikepdf.new())
        for path in invoices:
            pdf = opened.enter_context(pikepdf.open(path))
            whole.pages.extend(pdf.pages[: pages - len(whole.pages)])
            if len(whole.pages) == pages:
                break
        target = folder / "bundle.pdf"
        whole.save(target)
    return target


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Write a drawn document; its folders name its reading, if readings are kept."""
    path = folder / "drawn" / "papers" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
