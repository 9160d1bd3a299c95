"""What other systems' protocols cost beside our own, and whether docling-client gets whole documents, each part on its words.

    python -m benchmarks.facades [--documents 50] [--packs FOLDER] [--trial]

The second part needs docling-client, which ``make test-clients`` installs into .venv-clients, and the development corpus. Scans
in scripts that need a language pack are left out, by their names in the corpus, where that pack is not installed.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import httpx2
import pdfplumber

from benchmarks.report import Report, packs_folder, progress
from document_parser.engines.tesseract.packs import find_packs
from document_parser.settings import load_settings
from tests.support.client_packages import add_client_packages
from tests.support.documents import pdf_of_text
from tests.support.service import CORPUS, ROOT, Service

ROUNDS = 150
"""Requests of each protocol, one after another and by turns."""
MOST_MILLISECONDS = 10.0
MIN_OVERLAP = 0.5
"""Intersection over union from which a box lies on its words."""
MAX_BYTES = 3 << 20
"""Larger documents are left out: the readers are not what is measured."""
FOLDERS = ("digital", "tables", "office", "scanned")
PACKS = {"ar": "ara", "fa": "fas", "hi": "hin", "ko": "kor", "mr": "mar", "ru": "rus", "sr": "srp", "ta": "tam"}
"""The packs of the languages of the corpus's scans that are read with one, by the names that the corpus has."""
SENTENCES = "Quarterly figures are drawn up by the treasurer and approved by the board. "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--trial", action="store_true", help="few requests, and nothing is written")
    parser.add_argument("--packs", type=packs_folder, default="", help="folder of language packs; default: as the settings say")
    given = parser.parse_args()
    report = Report("facades")
    unlimited = {"RATE_LIMIT_UPLOADS": "none", "RATE_LIMIT_READS": "none"}
    settings = load_settings()
    if given.packs:
        settings = settings.model_copy(update={"engines": settings.engines.model_copy(update={"tessdata_dir": given.packs})})
    unreadable = scans_without_pack(given.corpus, find_packs(settings).languages)
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(
            Path(folder),
            NUM_WORKERS=1,
            WEB_WORKERS=1,
            FACADES="all",
            TESSDATA_DIR=settings.language_packs_dir,
            **unlimited,
        ) as service,
    ):
        overhead(report, service, Path(folder), 10 if given.trial else given.rounds)
        conversions(report, service, documents(given.corpus, given.documents, unreadable))
        if unreadable:
            report.notes.append(f"Left out, as their language packs are not installed: {', '.join(sorted(unreadable))}.")
    report.publish(trial=given.trial)


def overhead(report: Report, service: Service, folder: Path, rounds: int) -> None:
    """A one-page digital PDF by our own route and by each facade, by turns. Nothing comes from the cache."""
    data = (pdf_of_text(folder / "page.pdf", [SENTENCES * 12]) or folder / "page.pdf").read_bytes()
    base = f"http://127.0.0.1:{service.port}"
    with httpx2.Client(base_url=base, timeout=60, trust_env=False) as client:
        form = {"files": ("page.pdf", data, "application/pdf")}
        both = {"to_formats": ["md", "json"]}
        ways: dict[str, Callable[[], httpx2.Response]] = {
            "native": lambda: client.post("/v1/process/sync", files={"file": ("page.pdf", data, "application/pdf")}),
            "docling": lambda: client.post("/v1/convert/file", files=form),
            "docling, DoclingDocument": lambda: client.post("/v1/convert/file", files=form, data=both),
            "openwebui": lambda: client.put("/process", content=data, headers={"X-Filename": "page.pdf"}),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 3):
            for name, send in ways.items():
                begun = time.perf_counter()
                answer = send()
                seconds = time.perf_counter() - begun
                assert answer.status_code == 200, answer.text
                if number >= 3:  # the first ones load modules
                    taken[name].append(seconds * 1000)
    native = statistics.median(taken["native"])
    report.tell(f"one page by our own route, p50 of {rounds}, ms", f"{native:.1f}")
    for name in ways:
        if name != "native":
            more = statistics.median(taken[name]) - native
            report.below(f"{name}: more than that, p50, ms", more, MOST_MILLISECONDS, "{:.1f}")


def conversions(report: Report, service: Service, paths: list[Path]) -> None:
    """Documents of the corpus by docling-client: valid, with the text of our Markdown, and each box on its words."""
    add_client_packages(ROOT / ".venv-clients")
    try:
        from docling.service_client import DoclingServiceClient
        from docling.service_client.client import InBodyTarget
    except ImportError:
        report.notes.append("docling-client is not installed: `make test-clients` installs it.")
        return
    valid = same = asked = boxes = good = 0
    with DoclingServiceClient(url=f"http://127.0.0.1:{service.port}", job_timeout=600) as client:
        for path in paths:
            asked += 1
            try:
                job = client.submit(path, target=InBodyTarget())
                document = job.result(timeout=600).document
            except Exception as error:  # noqa: BLE001 - what makes a document a failure is what is measured
                progress(f"{path.name}: {type(error).__name__}: {error}")
                continue
            valid += 1
            ours = service.result(job.task_id)["markdown"]
            theirs, expected = letters(document_text(document)), letters(markdown_text(ours))
            same += theirs == expected
            overlaps = list(box_overlaps(path, document)) if path.suffix.lower() == ".pdf" else []
            boxes, good = boxes + len(overlaps), good + sum(one >= MIN_OVERLAP for one in overlaps)
            share = f"{sum(one >= MIN_OVERLAP for one in overlaps)}/{len(overlaps)}"
            progress(f"{path.name}: {'same text' if theirs == expected else difference(theirs, expected)}, boxes {share}")
    report.at_least(f"docling-client: valid documents of {asked}", valid, asked, "{:.0f}")
    report.at_least("with exactly the letters of our Markdown", same, asked, "{:.0f}")
    report.at_least(f"boxes on their words (IoU ≥ {MIN_OVERLAP}), of {boxes:,}", good / max(1, boxes), 0.98, "{:.3f}")


def scans_without_pack(corpus: Path, languages: frozenset[str]) -> set[str]:
    """Names of the scans whose script cannot be read with these language packs, by the language that the corpus names."""
    manifest = corpus / "MANIFEST.tsv"
    lines = manifest.read_text().splitlines() if manifest.is_file() else ["path\tlang"]
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {
        Path(row["path"]).name
        for row in rows
        if row["path"].startswith("scanned/")
        and any(PACKS[name] not in languages for name in row["lang"].split("/") if name in PACKS)
    }


def documents(corpus: Path, count: int, unreadable: set[str]) -> list[Path]:
    """Documents of the corpus, by turns from each folder, the smallest first: many kinds, and no hour of reading."""
    found = [
        sorted(
            (path for path in (corpus / folder).glob("*") if is_document(path) and path.name not in unreadable),
            key=lambda path: path.stat().st_size,
        )
        for folder in FOLDERS
    ]
    mixed = [
        path for group in zip_longest(*(paths[:: max(1, len(paths) // count)] for paths in found)) for path in group if path
    ]
    return mixed[:count]


def is_document(path: Path) -> bool:
    return path.suffix.lower() in (".pdf", ".docx", ".xlsx", ".pptx", ".png", ".jpg") and path.stat().st_size <= MAX_BYTES


def document_text(document: Any) -> str:
    """All texts of a DoclingDocument in its order, cells of tables row by row."""
    found = []
    for item, _ in document.iterate_items(traverse_pictures=True):
        if item.label == "table":
            cells = sorted(item.data.table_cells, key=lambda cell: (cell.start_row_offset_idx, cell.start_col_offset_idx))
            found += [cell.text for cell in cells]
        elif item.label == "list_item" and item.enumerated:
            found += [item.marker, item.text]
        elif hasattr(item, "text"):
            found.append(item.text)
    return " ".join(found)


def markdown_text(markdown: str) -> str:
    """Markdown without its marks, the addresses of links and images, and tags."""
    plain = re.sub(r"<!--.*?-->", "", markdown, flags=re.S)
    plain = re.sub(r"\]\((?:[^()\\]|\\.|\([^)]*\))*\)", "]", plain)
    return html.unescape(re.sub(r"</?[A-Za-z][^>]*>", "", plain))


def letters(text: str) -> str:
    """Letters and digits alone: marks and white space differ by what a format needs."""
    return re.sub(r"[\W_]+", "", re.sub(r"\\(?:lt|backslash)\b", "", text))


def difference(theirs: str, expected: str) -> str:
    at = next((n for n, (one, other) in enumerate(zip(theirs, expected, strict=False)) if one != other), 0)
    return f"differs at {at}: {json.dumps([theirs[at : at + 30], expected[at : at + 30]], ensure_ascii=False)}"


def box_overlaps(path: Path, document: Any) -> Iterator[float]:
    """How much each box of a text or cell overlaps with the words of the file in it; pages without words are left out."""
    words: dict[int, list[tuple[float, float, float, float]]] = {}
    with pdfplumber.open(path) as opened:
        for page in opened.pages:
            size = document.pages[page.page_number].size if page.page_number in document.pages else None
            if size and abs(size.width - page.width) < 1 and abs(size.height - page.height) < 1:
                words[page.page_number] = [(w["x0"], w["top"], w["x1"], w["bottom"]) for w in page.extract_words()]
    for number, box in text_boxes(document):
        if not words.get(number):
            continue
        placed = box.to_top_left_origin(document.pages[number].size.height)
        found = (placed.l, placed.t, placed.r, placed.b)
        yield overlap(found, around(word for word in words[number] if is_inside(word, found)))


def text_boxes(document: Any) -> Iterator[tuple[int, Any]]:
    """The page and the box of each text, and of each cell of a table that has one: those are on the table's first page."""
    for item, _ in document.iterate_items():
        if getattr(item, "text", ""):
            yield from ((place.page_no, place.bbox) for place in item.prov)
        elif item.label == "table" and item.prov:
            yield from ((item.prov[0].page_no, cell.bbox) for cell in item.data.table_cells if cell.bbox is not None)


def is_inside(word: tuple[float, float, float, float], box: tuple[float, float, float, float]) -> bool:
    """Whether the middle of a word lies in a box."""
    return box[0] <= (word[0] + word[2]) / 2 <= box[2] and box[1] <= (word[1] + word[3]) / 2 <= box[3]


def around(boxes: Iterator[tuple[float, float, float, float]]) -> tuple[float, float, float, float] | None:
    found = list(boxes)
    if not found:
        return None
    lefts, tops, rights, bottoms = zip(*found, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float] | None) -> float:
    """Intersection over union; 0 without another box."""
    if other is None:
        return 0.0
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared) if areas > shared else 1.0


if __name__ == "__main__":
    main()
