"""Searchable PDFs: whether other programs find the words of our text in them, and how large they are beside the scan.

    python -m benchmarks.searchable [--corpus FOLDER] [--pages 1-2] [--minutes M] [--keep FOLDER] [--trial] [NAME …]

Every scan and photo of the corpus is read on the CPU and written as a PDF. Poppler's ``pdftotext`` and PDFium then say what
words are on its pages; these are compared with those of our plain text as multisets (F1 of all documents together).
Scripts without spaces are compared letter by letter. ``--keep`` leaves the PDFs in a folder, ``--pages`` limits the reading.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pypdfium2

from benchmarks.report import Report
from document_parser.errors import DocumentParserError
from document_parser.pipeline.local.reader import DocumentParser, make_options
from document_parser.settings import load_settings

SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".webp")
MAX_SIZE_RATIO = 1.15
Words = Counter[str]


class Made(NamedTuple):
    """What was found of one document, and the bytes of its PDF for each byte of it."""

    name: str
    ours: Words
    poppler: Words
    pdfium: Words
    size: int
    source: int

    @property
    def ratio(self) -> float:
        return self.size / self.source


def words_of(text: str) -> Words:
    """The words of a text; each letter of a script without spaces is one."""
    found: Words = Counter()
    for word in unicodedata.normalize("NFKC", text).casefold().split():
        letters = [letter for letter in word if letter.isalnum() or unicodedata.combining(letter)]
        if any("\u2e80" <= letter <= "\ud7ff" for letter in letters):
            found.update(letters)
        elif letters:
            found["".join(letters)] += 1
    return found


def f1(pairs: list[tuple[Words, Words]]) -> float:
    """How well the words of each pair agree, all pairs together."""
    common = sum((ours & theirs).total() for ours, theirs in pairs)
    return 2 * common / max(1, sum(ours.total() + theirs.total() for ours, theirs in pairs))


def by_poppler(pdf: Path, pages: list[int]) -> Words:
    found: Words = Counter()
    for page in pages:
        command = ["pdftotext", "-enc", "UTF-8", "-f", str(page), "-l", str(page), str(pdf), "-"]
        found += words_of(subprocess.run(command, capture_output=True, check=True).stdout.decode())
    return found


def by_pdfium(pdf: Path, pages: list[int]) -> Words:
    found: Words = Counter()
    with pypdfium2.PdfDocument(pdf) as document:
        for page in pages:
            found += words_of(document[page - 1].get_textpage().get_text_range())
    return found


async def make(reader: DocumentParser, path: Path, pages: str, pdf: Path) -> Made:
    """Read a document and write its PDF."""
    fields = {"page_range": pages, "headers_footers": "keep", "figures": "none"}
    with await reader.read(path, make_options(load_settings(), fields)) as result, pdf.open("wb") as out, io.BytesIO() as text:
        result.write("pdf", out)
        out.flush()
        result.write("text", text)
        read = [page.number for page in result.pages() if page.status == "done"]
        ours = words_of(text.getvalue().decode() if read else "")  # the text names pages that failed
    return Made(path.name, ours, by_poppler(pdf, read), by_pdfium(pdf, read), pdf.stat().st_size, path.stat().st_size)


async def make_all(paths: list[Path], pages: str, folder: Path, minutes: float) -> list[Made]:
    made, end = [], time.monotonic() + 60 * minutes
    async with DocumentParser() as reader:
        for path in paths:
            if time.monotonic() > end:
                break
            try:
                one = await make(reader, path, pages, folder / f"{path.name}.pdf")
            except DocumentParserError as error:
                print(f"{path.name}: {error}", file=sys.stderr)
                continue
            if not one.ours:
                print(f"{one.name}: nothing was read", file=sys.stderr)
                continue
            made.append(one)
            scores = f1([(one.ours, one.poppler)]), f1([(one.ours, one.pdfium)])
            print(f"{one.name:45} {one.ours.total():6} words  {scores[0]:.3f} {scores[1]:.3f}  {one.ratio:.3f}", flush=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these files of the corpus")
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus/scanned"))
    parser.add_argument("--pages", default="")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no document after that")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--trial", action="store_true")
    given = parser.parse_args()
    found = sorted(path for path in given.corpus.iterdir() if path.suffix in SUFFIXES)
    paths = [path for path in found if not given.names or path.name in given.names]
    if not paths:
        sys.exit(f"{given.corpus} has no such scans or photos. Name the folder that has them with --corpus.")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made = asyncio.run(make_all(paths, given.pages, folder, given.minutes))
    if not made:
        sys.exit("No document was read.")
    report = Report("searchable")
    report.tell(
        "scans and photos, of those of the corpus, words of our text",
        f"{len(made)} of {len(paths)}, {sum(one.ours.total() for one in made):,}",
    )
    report.at_least("our words found by pdftotext, F1", f1([(one.ours, one.poppler) for one in made]), 0.99, "{:.4f}")
    report.at_least("our words found by PDFium, F1", f1([(one.ours, one.pdfium) for one in made]), 0.99, "{:.4f}")
    worst = min(made, key=lambda one: f1([(one.ours, one.poppler)]))
    report.tell("the lowest F1 of a document by pdftotext", f"{f1([(worst.ours, worst.poppler)]):.3f}")
    ratio = sum(one.size for one in made) / sum(one.source for one in made)
    report.below("size of all PDFs beside all scans", ratio, MAX_SIZE_RATIO, "{:.3f}")
    small = [one.ratio for one in made if one.source >= 50_000]
    report.tell("the same, the greatest of a scan of 50 kB or more", f"{max(small):.3f}" if small else "")
    report.tell("files above that, with small ones", str(sum(one.ratio > MAX_SIZE_RATIO for one in made)))
    report.publish(trial=given.trial)


if __name__ == "__main__":
    main()
