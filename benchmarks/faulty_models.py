"""What becomes of pages when the model servers go wrong on one page in five: loops, lies, cut-off answers, rubbish, silence.

    python -m benchmarks.faulty_models [--corpus FOLDER] [--drawn 16] [--from-corpus 32] [--seed 0]

Both simulated servers know the true text of every page and say it in their model's own grammar, so that what is lost, invented
or wrongly suspected can be counted exactly. Another seed takes other pages, other lies and another draw of the faults. Real
tables are besides shown to the guard against loops as they would stream in.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

import pypdfium2  # noqa: E402
from PIL import Image  # noqa: E402

from benchmarks.report import progress  # noqa: E402
from benchmarks.true_pages import FAULTS, KnowingServer, TruePage, as_nanonets, page_text, plant, signature_of  # noqa: E402
from document_parser.engines.vlm.response import WATCH_CHARACTERS  # noqa: E402
from document_parser.layout.page import blocks_of  # noqa: E402
from document_parser.models import AccuracyMode, Options, Page, Word  # noqa: E402
from document_parser.pipeline.checks.loops import loop_reason  # noqa: E402
from document_parser.pipeline.local.reader import DocumentParser  # noqa: E402
from document_parser.settings import CheckedPages, DeepSeekSettings, EngineSettings, NanonetsSettings, Settings  # noqa: E402
from document_parser.sources.pdf.file import PdfFile  # noqa: E402
from document_parser.text.normalize import Vocabulary, tokenize  # noqa: E402
from tests.support import documents  # noqa: E402
from tests.support.vllm_answers import MODELS, WORDS  # noqa: E402
from tests.support.vllm_batching import Speed  # noqa: E402
from tests.support.vllm_server import serving  # noqa: E402

CORPUS = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus"
FAST = Speed(tokens_per_second=200_000, per_sequence=20_000, first_token=0.0)
SHARE = 0.2
SILENCE_SECONDS = 3.0
LEAST_CONTRAST = 16
SCAN_SCALE = 150 / 72
HALF = 0.5
SENTENCES = 20
UNTRUE = frozenset({"argentina_diputados_voting_record"})
"""Documents whose text layer says what does not stand on the page: this one maps the letters of its heading wrongly."""
ACCUSING = {
    "suspect_fabrication",
    "number_mismatch",
    "low_agreement",
    "low_coverage",
    "low_confidence",
    "loop_cut",
    "truncated",
}
"""Warnings that tell a reader to look at the page."""


@dataclass
class Outcome:
    """What became of the pages of one run; each list names pages."""

    pages: int = 0
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)
    engines: Counter[str] = field(default_factory=Counter)
    guards: Counter[str] = field(default_factory=Counter)
    faults: int = 0

    def take(self, truth: TruePage, page: Page | None) -> None:
        self.pages += 1
        self.faults += bool(truth.fault)
        if page is None or page.status == "failed":
            self.lost.append(truth.name)
            return
        text = page_text(page.blocks)
        flagged = any(warning.code in ACCUSING for warning in page.warnings)
        self.engines[page.engine or page.status] += 1
        self.guards.update(attempt.guard for attempt in page.attempts if attempt.guard)
        if any(planted in " ".join(text.split()) for planted in truth.planted) and not flagged:
            self.invented.append(truth.name)
        if not flagged and _recall(truth, text) < HALF:
            self.gaps.append(truth.name)
        if flagged or any(attempt.outcome != "accepted" for attempt in page.attempts):
            codes = ",".join(sorted({warning.code for warning in page.warnings} | {a.guard for a in page.attempts if a.guard}))
            self.accused.append(f"{truth.name} ({codes})")


def _recall(truth: TruePage, text: str) -> float:
    wanted = tokenize(page_text(truth.blocks))
    found = Vocabulary(tokenize(text)).knows(wanted)
    return sum(found) / len(found) if found else 1.0


def build(
    folder: Path, corpus: Path, drawn: int, from_corpus: int, seed: int = 0, sentences: int = SENTENCES
) -> dict[Path, list[TruePage]]:
    """Two documents, one with text layers and one of scans of the same pages, and what is true of each page.

    Drawn pages of prose have at least so many sentences.
    """
    sources = [*_drawn(folder, drawn, seed, sentences), *_corpus_pages(corpus, from_corpus, seed)]
    digital, scans = pypdfium2.PdfDocument.new(), pypdfium2.PdfDocument.new()
    names: list[str] = []
    for path, number in sources:
        with contextlib.closing(pypdfium2.PdfDocument(path)) as document:
            digital.import_pages(document, [number])
        names.append(f"{path.stem} {number + 1}")
    digital.save(folder / "digital.pdf")
    truths = _truths(folder / "digital.pdf", names)
    pictures = []
    for page in digital:
        pictures.append(page.render(scale=SCAN_SCALE).to_pil().convert("RGB"))
    pictures[0].save(folder / "scans.pdf", save_all=True, append_images=pictures[1:], resolution=150.0, quality=80)
    scans.close()
    digital.close()
    copies = [TruePage(f"{one.name} scanned", one.blocks, one.signature) for one in truths]
    return {folder / "digital.pdf": truths, folder / "scans.pdf": copies}


def _drawn(folder: Path, count: int, seed: int, sentences: int) -> list[tuple[Path, int]]:
    """Pages of prose with numbers, in one column and two, and pages with a ruled table, no two of them alike."""
    made = []
    for number in range(seed * count, (seed + 1) * count):
        path = folder / f"drawn-{number}.pdf"
        start = f"File {number * 7919:07d}. On {number % 28 + 1}.3.2026 the sum of {number * 131 + 1000}.50 was due. "
        if number % 4 == 3:
            rows = [
                ["Item", "Amount", "Number"],
                *([f"Part {n}", f"{n * number + 10}.20", f"{n * 7877 + number:06d}"] for n in range(14 + number % 7)),
            ]
            documents.table_pdf(path, rows, start + documents.PARAGRAPH)
        else:
            documents.pdf_of_text(path, [start + _prose(number, sentences)], two_columns=number % 4 == 1)
        made.append((path, 0))
    return made


def _prose(number: int, sentences: int) -> str:
    """Sentences of ordinary words, none of them twice."""
    chance = random.Random(number)
    return " ".join(" ".join(chance.choices(WORDS, k=12)).capitalize() + "." for _ in range(sentences * (2 + number % 5) // 2))


def _corpus_pages(corpus: Path, count: int, seed: int) -> list[tuple[Path, int]]:
    """The first pages of so many of the corpus's digital documents, spread over its kinds, that have a text layer."""
    found: list[tuple[Path, int]] = []
    for kind in ("digital", "tables", "receipts"):
        for path in sorted(set((corpus / kind).glob("*.pdf")) - {corpus / kind / f"{name}.pdf" for name in UNTRUE}):
            with contextlib.suppress(pypdfium2.PdfiumError), contextlib.closing(pypdfium2.PdfDocument(path)) as document:
                if _has_text(document):
                    found.append((path, 0))
    step = max(1, len(found) // count) if count else 0
    return found[seed % step :: step][:count] if count else []


def _has_text(document: pypdfium2.PdfDocument) -> bool:
    page = document[0]
    shape = page.get_width() / page.get_height()
    return 0.5 < shape < 2 and page.get_rotation() == 0 and page.get_textpage().count_chars() > 200


def _truths(path: Path, names: Sequence[str]) -> list[TruePage]:
    file = PdfFile(path)
    found = []
    with contextlib.closing(pypdfium2.PdfDocument(path)) as document:
        for number, name in enumerate(names, start=1):
            facts = file.facts(number)
            picture = document[number - 1].render(scale=1).to_pil()
            words = _visible(file.words(number), picture.convert("L"))
            blocks = blocks_of(words, facts.width_points, facts.height_points, file.rulings(number))
            found.append(TruePage(name, blocks, signature_of(picture)))
    return found


def _visible(words: Sequence[Word], picture: Image.Image) -> list[Word]:
    """The words that a model can see: printers leave notes in white on white."""
    width, height = picture.size

    def contrast(word: Word) -> int:
        left, right = math.floor(word.left * width), math.ceil(word.right * width)
        top, bottom = math.floor(word.top * height), math.ceil(word.bottom * height)
        darkest, lightest = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1))).getextrema()
        return int(lightest) - int(darkest)

    return [word for word in words if contrast(word) >= LEAST_CONTRAST]


@dataclass(frozen=True)
class Way:
    """A way to read: the mode asked for, and which scans the CPU checks."""

    mode: AccuracyMode
    checked: CheckedPages = EngineSettings().check_image_pages

    def __str__(self) -> str:
        return self.mode if self == Way(self.mode) else f"{self.mode}, CHECK_IMAGE_PAGES={self.checked}"


WAYS = (Way("maximum"), Way("balanced"), Way("balanced", "all"), Way("balanced", "suspicious"))
"""The default is a spot check. All pages of a document are read at once here, so hardly a core is idle meanwhile."""


async def run(way: Way, documents_: dict[Path, list[TruePage]]) -> dict[str, Outcome]:
    """Read everything in this way; outcomes by document."""
    outcomes = {}
    servers = [KnowingServer(model, grammar, FAST) for grammar, model in MODELS.items()]  # type: ignore[arg-type]
    async with contextlib.AsyncExitStack() as stack:
        urls = {}
        for server in servers:
            await stack.enter_async_context(serving(server))
            urls[server.grammar] = server.url
        settings = Settings(
            engines=EngineSettings(vllm_read_seconds=SILENCE_SECONDS, check_image_pages=way.checked),
            deepseek=DeepSeekSettings(url=urls["deepseek"]),
            nanonets=NanonetsSettings(url=urls["nanonets"]),
        )
        reader = await stack.enter_async_context(DocumentParser(settings))
        for path, truths in documents_.items():
            for server in servers:
                server.pages = truths
            outcomes[path.stem] = await _read(reader, path, truths, way.mode)
            progress(f"{way} {path.stem}: {outcomes[path.stem]}")
    return outcomes


async def _read(reader: DocumentParser, path: Path, truths: list[TruePage], mode: AccuracyMode) -> Outcome:
    outcome = Outcome()
    with await reader.read(path, Options(accuracy_mode=mode)) as document:
        pages = {page.number: page for page in document.pages()}
    for number, truth in enumerate(truths, start=1):
        outcome.take(truth, pages.get(number))
    return outcome


def tables_cut(tables: Iterable[str]) -> tuple[int, int]:
    """(how many of the tables, as they stream in, the guard against loops would cut, how many there are)."""
    cut = count = 0
    for table in tables:
        count += 1
        cut += any(loop_reason(table[:end]) for end in range(WATCH_CHARACTERS, len(table) + WATCH_CHARACTERS, WATCH_CHARACTERS))
    return cut, count


def real_tables(corpus: Path, truths: Iterable[TruePage]) -> list[str]:
    """The tables of the pages read, and those that the corpus has as HTML."""
    own = [as_nanonets([block]) for page in truths for block in page.blocks if block.table is not None]
    return own + [path.read_text() for path in sorted(corpus.rglob("*.gt.html"))]


def short_run(folder: Path) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """Outcomes of a few drawn pages in maximum mode, sound and then with a fault on most of them."""
    found = build(folder, folder, drawn=len(FAULTS) // 2, from_corpus=0, sentences=SENTENCES // 4)
    clean = asyncio.run(run(WAYS[0], found))
    plant([page for pages in found.values() for page in pages], 1.0, ["deepseek"])
    return clean, asyncio.run(run(WAYS[0], found))


def lines(corpus: Path = CORPUS, drawn: int = 16, from_corpus: int = 32, seed: int = 0) -> list[str]:
    """The figures, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        found = build(Path(name), corpus, drawn, from_corpus, seed)
        truths = [page for pages in found.values() for page in pages]
        clean = {way: asyncio.run(run(way, found)) for way in WAYS}
        plant(truths, SHARE, list(MODELS), seed)
        faulty = {way: asyncio.run(run(way, found)) for way in WAYS}
        cut, tables = tables_cut(real_tables(corpus, truths))
    return _told(clean, faulty, cut, tables)


def _told(clean: dict[Way, dict[str, Outcome]], faulty: dict[Way, dict[str, Outcome]], cut: int, tables: int) -> list[str]:
    rows = ["| what | to reach | " + " | ".join(f"{way}: {kind}" for way in WAYS for kind in clean[way]) + " |"]
    rows.append("|---" * rows[0].count("|", 1) + "|")

    def row(what: str, aim: str, runs: dict[Way, dict[str, Outcome]], cell: Callable[[Outcome], str]) -> None:
        rows.append(f"| {what} | {aim} | " + " | ".join(cell(one) for way in WAYS for one in runs[way].values()) + " |")

    row("pages, of them with a fault planted", "", faulty, lambda one: f"{one.pages}, {one.faults}")
    row("pages lost", "0", faulty, lambda one: str(len(one.lost)))
    row("pages with invented text and no warning", "0", faulty, lambda one: str(len(one.invented)))
    row("pages without half of their words and no warning", "0", faulty, lambda one: str(len(one.gaps)))
    row(
        "clean run: sound pages flagged or rejected",
        "≤ 2 %",
        clean,
        lambda one: f"{len(one.accused)} ({len(one.accused) / one.pages:.1%})",
    )
    rows += ["", f"Real tables cut as loops while they stream in: {cut} of {tables} (to reach: 0)."]
    rows += ["", *_named("Not flagged", faulty, lambda one: [*one.lost, *one.invented, *one.gaps])]
    rows += _named("Wrongly suspected", clean, lambda one: one.accused)
    return rows


def _named(title: str, runs: dict[Way, dict[str, Outcome]], names: Callable[[Outcome], list[str]]) -> list[str]:
    found = [f"{way}, {kind}: {name}" for way in WAYS for kind, one in runs[way].items() for name in names(one)]
    return [f"{title}: " + ("; ".join(found) or "none") + "."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--drawn", type=int, default=16)
    parser.add_argument("--from-corpus", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # clients that go in mid-answer are what is measured
    print("\n".join(lines(given.corpus, given.drawn, given.from_corpus, given.seed)))


if __name__ == "__main__":
    main()
