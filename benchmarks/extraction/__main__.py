"""Values extracted from invoices, receipts and forms with known values, without a model.

    python -m benchmarks.extraction [--trial] [--shared FOLDER] [--readings FOLDER]

Electronic invoices are asked twice: with their data, and with it taken away. ``--readings`` keeps what was read, so that a
second run needs no OCR; it is only for the same program.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf

from benchmarks.extraction.comparing import Cells, Tally, is_amount, is_day, is_equal, is_hashed, is_like
from benchmarks.extraction.drawn.measuring import NOTE, measure_bundle, measure_drawn, measure_long_table
from benchmarks.report import Report, progress
from document_parser import parse
from document_parser.extraction.einvoice import InvoiceData
from document_parser.extraction.registry import load_schemas
from document_parser.extraction.scopes import extract_pages
from document_parser.extraction.view import view_page
from document_parser.models import Document, Page, stored_json
from document_parser.models.extraction import Extraction, ExtractionOrder
from document_parser.settings import cap_threads

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CORPORA = ("corpus", "corpus2")
SUFFIXES = (".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff")
INVOICE_FIELDS = ("invoice_number", "issue_date", "currency", "seller_name", "buyer_name", "seller_vat_id")
INVOICE_FIELDS += ("line_total", "tax_basis_total", "tax_total", "grand_total", "due_payable")
LINE_FIELDS = ("name", "quantity", "line_total")
LEAST_SCORES = {"total": 0.95, "date": 0.97, "company": 0.85, "address": 0.75}
FORMS = Path(__file__).with_name("forms.json")
"""What the registration forms of the second corpus say, by file: read by eye, as the corpus has only a part of it.

Null is a field that is blank or has only a signature; a field that is missing could not be told. ``by_hand`` names the fields
that are written by hand. Of persons who signed only the hash of their name is kept,
so that one letter may differ.
"""
FORM_FIELDS = {"registration_number": 0.9, "registrant": 0.8, "signer": 0.7, "date": 0.9}
FORM_CHECKS = {"registrant": is_like, "signer": is_hashed}
RECEIPT_CHECKS = {"total": is_amount, "date": is_day, "company": is_like, "address": is_like}


class Readings:
    """Documents as they were read, kept in a folder if there is one."""

    def __init__(self, folder: Path | None, parse: Callable[[Path], Document] = parse) -> None:
        self._folder, self._parse = folder, parse
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def _kept(self, path: Path) -> Path | None:
        return self._folder / f"{path.parent.parent.name}__{path.name}.json" if self._folder is not None else None

    def has(self, path: Path) -> bool:
        kept = self._kept(path)
        return kept is not None and kept.is_file()

    def read(self, path: Path) -> Document:
        kept = self._kept(path)
        if kept is not None and kept.is_file():
            head, *pages = kept.read_bytes().splitlines()
            return Document.model_validate_json(head).model_copy(update={"pages": [*map(Page.model_validate_json, pages)]})
        document = self._parse(path)
        if kept is not None:
            head = document.model_copy(update={"pages": []}).model_dump_json().encode()
            kept.write_bytes(b"\n".join([head, *map(stored_json, document.pages)]))
        return document


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trial", action="store_true", help="print the table and write nothing")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder of the corpora")
    parser.add_argument("--readings", type=Path, help="a folder that keeps what was read")
    parser.add_argument("--worst", action="store_true", help="print each value that is not the expected one")
    given = parser.parse_args()
    cap_threads()
    report, readings = Report("extraction"), Readings(given.readings)
    measure_invoices(report, given.shared, readings, worst=given.worst)
    measure_receipts(report, given.shared, readings, worst=given.worst)
    measure_forms(report, given.shared, readings, worst=given.worst)
    measure_drawn(report, readings.read, worst=given.worst)
    measure_long_table(report, readings.read)
    measure_bundle(report, [path for path, _ in documents(given.shared, "zugferd")])
    report.notes.append(
        "Amounts to the cent, other values letter by letter but for case and white space; names and addresses read by OCR "
        "count if nine of ten letters agree. A cell of a line counts if it is the same value in the same column."
    )
    report.notes.append(NOTE)
    report.publish(trial=given.trial)


def documents(shared: Path, prefix: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Documents whose names begin so, with what is expected of them."""
    for corpus in CORPORA:
        for expected in sorted((shared / corpus / "receipts").glob(f"{prefix}*.expected.json")):
            stem = expected.name.removesuffix(".expected.json")
            paths = [expected.with_name(stem + suffix) for suffix in SUFFIXES]
            found = next((path for path in paths if path.is_file()), None)
            truth = json.loads(expected.read_bytes())
            if found is not None and isinstance(truth, dict):
                yield found, truth


def answer(name: str, document: Document, data: InvoiceData | None = None) -> tuple[Extraction, float]:
    """The values of a prebuilt schema, and the seconds that they took."""
    started = time.process_time()
    found = extract_pages(document.pages, ExtractionOrder(json_schema=load_schemas()[name].json_schema), data)
    return found, time.process_time() - started


def invoice_data(path: Path) -> InvoiceData | None:
    """The electronic invoice inside a PDF, read as a document of its own."""
    with pikepdf.open(path) as pdf, tempfile.TemporaryDirectory() as folder:
        for name, attachment in pdf.attachments.items():
            if name.lower().endswith(".xml"):
                file = Path(folder) / "invoice.xml"
                file.write_bytes(attachment.get_file().read_bytes())
                return InvoiceData([view_page(page, origin="xml") for page in parse(file).pages], name)
    return None


def measure_invoices(report: Report, shared: Path, readings: Readings, *, worst: bool) -> None:
    """Electronic invoices with and without their data, and scans of them."""
    with_data, without, lines_with, lines_without = Tally(), Tally(), Cells(), Cells()
    pages = seconds = 0.0
    for path, truth in [*documents(shared, "zugferd"), *documents(shared, "scan_EN")]:
        progress(path.name)
        document, data = readings.read(path), invoice_data(path) if path.suffix == ".pdf" else None
        found, spent = answer("invoice", document)
        pages, seconds = pages + len(document.pages), seconds + spent
        _count(without, truth, found, path, worst=worst)
        if truth.get("lines"):
            lines_without.add(truth["lines"], found.data["lines"], LINE_FIELDS)
        if data is not None:
            found, _ = answer("invoice", document, data)
            _count(with_data, truth, found, path, worst=worst)
            if truth.get("lines"):
                lines_with.add(truth["lines"], found.data["lines"], LINE_FIELDS)
    report.at_least(f"e-invoices: header, parties, tax, totals ({sum(with_data.asked.values())})", with_data.share(), 1.0)
    report.at_least("e-invoices: cells of lines, F1", lines_with.f1, 1.0)
    report.at_least(f"the same without their data ({sum(without.asked.values())})", without.share(), 0.9, "{:.3f}")
    report.at_least("the same without their data: cells of lines, F1", lines_without.f1, 0.85, "{:.3f}")
    report.tell("extraction of a page, ms", f"{1000 * seconds / max(1, pages):.0f}")


def _count(tally: Tally, truth: dict[str, Any], found: Extraction, path: Path, *, worst: bool) -> None:
    hidden = set(truth.get("_not_visible_on_page", ()))
    for name in INVOICE_FIELDS:
        expected = truth.get(name)
        if expected in (None, "") or name in hidden:
            continue
        right = is_equal(found.data[name], expected)
        tally.add(name, right=right)
        if worst and not right:
            progress(f"{path.name} {name}: {expected!r} expected, {found.data[name]!r} found")


def measure_receipts(report: Report, shared: Path, readings: Readings, *, worst: bool) -> None:
    """Receipts of shops (SROIE), read by OCR."""
    tally = Tally()
    for path, truth in documents(shared, "sroie"):
        progress(path.name)
        found, _ = answer("receipt", readings.read(path))
        for name, is_right in RECEIPT_CHECKS.items():
            if truth.get(name):
                right = is_right(found.data[name], truth[name])
                tally.add(name, right=right)
                if worst and not right:
                    progress(f"{path.name} {name}: {truth[name]!r} expected, {found.data[name]!r} found")
    for name, least in LEAST_SCORES.items():
        report.at_least(f"receipts: {name} ({tally.asked[name]})", tally.share([name]), least, "{:.3f}")


def measure_forms(report: Report, shared: Path, readings: Readings, *, worst: bool) -> None:
    """Forms of registration, typed or written by hand on printed pages and scanned. What they say was read by eye."""
    tally = Tally()
    for name, truth in json.loads(FORMS.read_text("utf-8")).items():
        path = shared / "corpus2" / "receipts" / name
        if not path.is_file():
            continue
        progress(path.name)
        found, _ = answer("form", readings.read(path))
        for field in FORM_FIELDS:
            if field in truth:
                _count_field(tally, field, truth, found, path, worst=worst)
    for field, least in FORM_FIELDS.items():
        kinds = [field, f"{field} by hand"]
        title = f"forms: {field.replace('_', ' ')}"
        report.at_least(f"{title} ({sum(tally.asked[kind] for kind in kinds)})", tally.share(kinds), least, "{:.3f}")
        if tally.asked[f"{field} by hand"]:
            report.tell(f"{title}, typed ({tally.asked[field]})", f"{tally.share([field]):.3f}")
    asked = tally.asked["left blank"]
    report.at_least(f"forms: fields without a value that can be read ({asked})", tally.share(["left blank"]), 1.0, "{:.3f}")


def _count_field(tally: Tally, field: str, truth: dict[str, Any], found: Extraction, path: Path, *, worst: bool) -> None:
    """Count a field of a form; one that is null in the truth must have no value."""
    value, expected = found.data[field], truth[field]
    if expected is None:
        name, right = "left blank", value is None
    else:
        name = f"{field} by hand" if field in truth.get("by_hand", ()) else field
        right = FORM_CHECKS.get(field, is_equal)(value, expected)
    tally.add(name, right=right)
    if worst and not right:
        progress(f"{path.name} {name}: {expected!r} expected, {value!r} found")


if __name__ == "__main__":
    main()
