"""What becomes of a bad model's answers: inventions that it plants, and rows that it stops before.

    python -m benchmarks.extraction.models [--trial]

The model is simulated (tests/support/vllm_extract.py), and so are its faults: how well a real one reads is not measured here.
Both documents are drawn here: twenty letters, and a table of 300 rows over 12 pages.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from benchmarks.report import Report, is_trial, progress
from document_parser import parse
from document_parser.extraction.model.adviser import ModelAdviser
from document_parser.extraction.scopes import extract_pages
from document_parser.models import Document
from document_parser.models.extraction import Extraction, ExtractionOrder, OnUngrounded
from document_parser.settings import ExtractModelSettings, Settings, cap_threads
from tests.support.vllm_extract import MODEL, Asking, ExtractServer
from tests.support.vllm_server import served_from_thread

LETTERS = 20
"""Letters into whose values inventions are planted."""
ROWS, PAGES = 300, 12
"""The table: its rows, and the pages that it goes over."""
LAST_PAGE = 3
"""The page in whose middle the model stops."""
HEADS = ("Article", "Quantity", "Amount")
FOREIGN_HEADS = ("Nimike", "Lkm", "Summa yht.")
"""Heads of which the CPU engine knows nothing."""
COLUMNS = (60, 300, 420)
TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WORDS = (
    "harbour",
    "copper",
    "winter",
    "ledger",
    "anchor",
    "signal",
    "meadow",
    "lantern",
    "granite",
    "ferry",
    "orchard",
    "quay",
)


def main() -> None:
    """Measure, and publish the table."""
    trial = is_trial(__doc__)
    cap_threads()
    report = Report("extraction_models")
    with tempfile.TemporaryDirectory() as folder:
        _measure_inventions(report, Path(folder))
        _measure_rows(report, Path(folder))
    report.notes.append(
        "The model is simulated, and has the fault that is named. An invention is a text, number or date that is on no page of "
        "the letter; about half of what the model says is invented. It is flagged if a warning names its JSON pointer."
    )
    report.publish(trial=trial)


def _measure_inventions(report: Report, folder: Path) -> None:
    """Plant inventions among the true values of letters, and count those that come back without a warning."""
    chance, planted, unflagged, kept, true, asked = random.Random(17), 0, 0, 0, 0, 0
    server = ExtractServer()
    with served_from_thread(server):
        for number in range(LETTERS):
            truth, path = _draw_letter(folder / f"letter-{number}.pdf", chance)
            progress(path.name)
            invented = _invent(chance, [name for name in truth if chance.random() < 0.5])
            server.fill = _says({**truth, **invented, "people": [*_people(truth), {"name": "Ivo Phantomas", "age": 913}]})
            for rule in ("flag", "null"):
                answer = _ask(parse(path), server, _letter_schema(truth), rule)  # type: ignore[arg-type]
                wrong = [name for name, value in invented.items() if answer.data[name] == value]
                flagged = {one.field for one in answer.warnings if one.code == "ungrounded"}
                rows = [f"/people/{at}/{key}" for at, row in enumerate(answer.data["people"]) for key in row]
                ghosts = [at for at in rows if at.startswith(f"/people/{len(answer.data['people']) - 1}/")]
                ghosts = ghosts if answer.data["people"][-1:] == [{"name": "Ivo Phantomas", "age": 913}] else []
                planted += len(invented) + 2
                unflagged += sum(f"/{name}" not in flagged for name in wrong) + sum(at not in flagged for at in ghosts)
                if rule == "null":
                    kept += len(wrong) + len(ghosts)
                asked += len(truth) - len(invented)
                true += sum(answer.data[name] == value for name, value in truth.items() if name not in invented)
    report.below(f"a model that invents: inventions without a warning ({planted} planted)", unflagged, 1, "{:.0f}")
    report.below("the same with on_ungrounded=null: inventions in the data", kept, 1, "{:.0f}")
    report.at_least("the same: true values beside them that are returned", true / asked, 1.0)


def _people(truth: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": truth["signer"], "age": truth["age"]}]


def _draw_letter(path: Path, chance: random.Random) -> tuple[dict[str, Any], Path]:
    """Draw a letter whose values stand in sentences, where the CPU engine finds no label. Return its values and the file."""
    truth = {
        "signer": f"{chance.choice(WORDS).title()} {chance.choice(WORDS).title()}son",
        "file": f"{chance.choice('KLMN')}{chance.randrange(10**5, 10**6)}",
        "sum": round(chance.uniform(1000, 90000), 2),
        "day": f"2026-{chance.randrange(1, 13):02}-{chance.randrange(13, 29):02}",
        "age": chance.randrange(120, 900),
    }
    canvas = Canvas(str(path), pagesize=A4)
    lines = (
        f"We, {truth['signer']} and others, write to you about what was said.",
        f"It went into our books as {truth['file']} when you called,",
        f"and came to {truth['sum']:,.2f} in the end, as you know.",
        f"That was on {truth['day'][8:]}.{truth['day'][5:7]}.2026, with {truth['age']} boxes in the yard.",
    )
    for number, line in enumerate(lines):
        canvas.drawString(60, 760 - 22 * number, line)
    canvas.save()
    return truth, path


def _invent(chance: random.Random, names: list[str]) -> dict[str, Any]:
    """Return values that no letter has. They look like the true ones."""
    made: dict[str, Any] = {
        "signer": f"Phantom {chance.choice(('Nemo', 'Nobody', 'Ghostly'))}",
        "file": f"Z{chance.randrange(10**5, 10**6)}",
        "sum": round(chance.uniform(100000, 900000), 2),
        "day": f"2031-{chance.randrange(1, 13):02}-{chance.randrange(1, 13):02}",
        "age": chance.randrange(1000, 9000),
    }
    return {name: made[name] for name in names}


def _letter_schema(truth: dict[str, Any]) -> dict[str, Any]:
    people = {"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "age": NUMBER}}}
    kinds = {name: NUMBER if isinstance(value, int | float) else TEXT for name, value in truth.items()}
    return {**kinds, "day": {"type": "string", "format": "date"}, "people": people}


def _says(values: dict[str, Any]) -> Callable[[Asking], Any]:
    return lambda asking: {name: values.get(name) for name in asking.names}


def _measure_rows(report: Report, folder: Path) -> None:
    """A model that stops in the middle of page 3: every row is returned, or the missing ones are named."""
    for heads, what in ((HEADS, "known"), (FOREIGN_HEADS, "unknown")):
        progress(f"table with {what} heads")
        document = parse(_draw_table(folder / f"{what}.pdf", heads))
        server = ExtractServer(fill=_stops)
        item = {"type": "object", "properties": {"article": TEXT, "quantity": NUMBER, "amount": NUMBER}}
        with served_from_thread(server):
            started = time.process_time()
            answer = _ask(document, server, {"rows": {"type": "array", "items": item}}, "flag")
            seconds = time.process_time() - started
        right = sum(row == _row(number) for number, row in zip(_numbers(answer), answer.data["rows"], strict=True))
        named = sum(_named(answer))
        title = f"{ROWS} rows, {PAGES} pages, a model that stops on page {LAST_PAGE}, heads {what} without it"
        report.at_least(f"{title}: rows right or named", right + named, ROWS, "{:.0f}")
        report.tell("of these named; processor time of the extraction, s", f"{named}; {seconds:.1f}")


def _draw_table(path: Path, heads: tuple[str, ...]) -> Path:
    canvas = Canvas(str(path), pagesize=A4)
    each = ROWS // PAGES
    for page in range(PAGES):
        rows = [tuple(map(str, _row(page * each + at).values())) for at in range(each)]
        for down, row in enumerate([heads, *rows]):
            for x, text in zip(COLUMNS, row, strict=True):
                canvas.drawString(x + 4, 780 - 24 * down, text)
        bottom = 780 - 24 * each - 8
        canvas.grid([56, 296, 416, 540], [bottom + 24 * line for line in range(each + 2)])
        canvas.showPage()
    canvas.save()
    return path


def _row(number: int) -> dict[str, Any]:
    return {
        "article": f"{WORDS[number % len(WORDS)]} no {1000 + number}",
        "quantity": number % 37 + 1,
        "amount": 10.25 + number,
    }


def _numbers(answer: Extraction) -> Iterator[int]:
    """Yield the number of each row that was returned, -1 if it is none of the table."""
    for row in answer.data["rows"]:
        last = str(row["article"]).rpartition(" ")[2]
        yield int(last) - 1000 if last.isdigit() else -1


def _stops(asking: Asking) -> dict[str, Any]:
    """Return the rows of a part as an honest model does, up to the middle of page 3."""
    last = ROWS // PAGES * LAST_PAGE - ROWS // PAGES // 2
    shown = (_row(number) for number in range(last))
    return {"rows": [row for row in shown if row["article"] in asking.text]}


def _named(answer: Extraction) -> Iterator[int]:
    """Yield how many rows each warning names."""
    for one in answer.warnings:
        if one.code == "rows_missing":
            for part in one.message.removeprefix("Rows ").partition(" of ")[0].split(", "):
                first, _, last = part.partition("-")
                yield int(last or first) - int(first) + 1


def _ask(document: Document, server: ExtractServer, properties: dict[str, Any], rule: OnUngrounded) -> Extraction:
    settings = Settings(extract=ExtractModelSettings(url=server.url, model=MODEL))
    order = ExtractionOrder(json_schema={"type": "object", "properties": properties}, on_ungrounded=rule, model=MODEL)
    with ModelAdviser(settings) as adviser:
        return extract_pages(document.pages, order, adviser=adviser)


if __name__ == "__main__":
    main()
