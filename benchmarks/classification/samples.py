"""Documents of known types: drawn records, drawn documents of ``benchmarks.drawn``, and real ones of the corpora.

What was read is kept in a folder if one is given, so that a second run reads nothing; it is only for the same program.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from benchmarks.classification.records import LANGUAGES, LAYOUTS, OUTSIDE, SHORT, Record
from benchmarks.drawn import fonts
from benchmarks.drawn.document import Use, draw, load, plan
from benchmarks.drawn.draft import Draft
from benchmarks.drawn.kinds import kind_of
from benchmarks.extraction.__main__ import Readings
from benchmarks.report import progress
from document_parser.errors import DocumentParserError
from document_parser.models import Document, Options, Page
from document_parser.models.classification import GENERIC, SHIPPED_TYPES
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings

TYPESETTERS = ("reportlab", "weasyprint", "typst", "reportlab", "chromium")
SHORT_TYPESETTERS = ("reportlab", "weasyprint", "typst")
NONE = "none"
FIRST_FIT_RECORD = 100_000
"""Records from this number on are for fitting, those below for reporting."""
DRAWN_TYPES = {
    "invoice": "invoice",
    "contract": "contract",
    "form": "form",
    "questionnaire": "form",
    "options": "form",
    "fillable": "form",
    "lab": "medical_record",
    "receipt": "receipt",
    "article": "generic",
    "report": "generic",
    "letter": "generic",
    "slides": "generic",
    "newspaper": "generic",
    "lists": "generic",
    "sidebar": "generic",
    "contents": "generic",
    "ledger": NONE,
    "statement": NONE,
    "prices": NONE,
    "blank": NONE,
}
"""The types of the kinds of ``benchmarks.drawn`` whose type is beyond doubt. Pleadings there are words at random on numbered
lines, and say nothing of law."""
REAL = {
    "receipt": ("receipts/sroie_*", "receipts/RECEIPT*", "receipts/i2d_oyo*"),
    "invoice": ("receipts/zugferd_*", "receipts/i2d_[!o]*", "receipts/scan_EN*"),
    "form": ("receipts/fara_19*", "digital/pdflatex-forms*"),
    "contract": ("digital/sample_contract*",),
    "legal_document": ("digital/scotus*",),
    "generic": (
        "digital/2305*",
        "digital/multi*",
        "digital/layout-parser*",
        "digital/fake-memo*",
        "digital/the_hideous*",
        "digital/pdflatex-4*",
        "digital/cs101*",
        "digital/redp*",
        "digital/GeoTopo*",
        "digital/federal*",
        "digital/edgar.pdf",
        "digital/guide_*",
        "digital/set_*",
        "digital/eisvogel_[bht]*",
        "digital/tex_bg*",
        "office/mail_raw_email[0-9].eml",
        "office/*lorem*.docx",
        "office/*handbook*.docx",
        "office/fake-email.eml",
        "office/word_sample.docx",
        "office/*winter-sports.epub",
        "office/powerpoint_sample.pptx",
        "office/poi_SampleShow.pptx",
    ),
    NONE: (
        "tables/ppb_tables_*",
        "tables/*nics*",
        "tables/background*",
        "tables/schools*",
        "tables/argentina*",
        "tables/camelot_m*",
        "tables/camelot_h*",
        "tables/lo_[15R]*",
        "office/xlsx_0*",
        "office/poi_[4-6]*.xlsx",
        "office/csv-*.csv",
        "olmocr_unit/blank*",
        "digital/ppb_formulas_00[024]*",
    ),
}
"""Real documents whose type is beyond doubt, by patterns below a corpus."""
TRUTH_SUFFIXES = (".gt.txt", ".gt.md", ".gt.json", ".gt.html", ".gt.csv", ".expected.json", ".expect.json", ".jsonl")
MAX_PAGES = 4
"""Pages of a document that are read: a manual says what it is at its beginning."""
FAMILIES = 9
"""Letters of a file's name that say which source it is from."""


@dataclass
class Sample:
    """A document of a known type. ``source`` is what it shares its look with: a layout, a kind or a folder of the corpora."""

    name: str
    type: str
    source: str
    language: str = ""
    typesetter: str = ""
    pages: list[Page] = field(default_factory=list)


class Reader:
    """Draws and reads documents, or takes what was read before. A context manager."""

    def __init__(self, folder: Path | None) -> None:
        self._readings = Readings(folder, self._parse)
        self._parser = DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu")))
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._runner.run(self._parser.aclose())
        self._runner.close()

    def _parse(self, path: Path) -> Document:
        """Read a file with engines that are kept from one to the next."""

        async def read() -> Document:
            with await self._parser.read(path, Options(page_range=f"1-{MAX_PAGES}")) as result:
                return result.document()

        return self._runner.run(read())

    def real(self, shared: Path) -> Iterator[Sample]:
        """Real documents."""
        for corpus in ("corpus", "corpus2"):
            for kind, patterns in REAL.items():
                for pattern in patterns:
                    for path in sorted((shared / corpus).glob(pattern)):
                        if path.name.endswith(TRUTH_SUFFIXES):
                            continue
                        try:
                            pages = self._readings.read(path).pages
                        except DocumentParserError as error:
                            progress(f"{path.name}: {error.code}")
                            continue
                        family = path.name.removeprefix("scan_")[:FAMILIES]
                        yield Sample(
                            f"{corpus}/{path.parent.name}/{path.name}", kind, f"{path.parent.name} {family}", pages=pages
                        )

    def drawn(self, seeds: range, use: Use) -> Iterator[Sample]:
        """Documents of ``benchmarks.drawn`` whose types are known."""
        for seed in seeds:
            kind = DRAWN_TYPES.get(kind_of(seed))
            if kind is None:
                continue
            draft, typesetter = plan(seed)
            if fonts.missing_for(draft.language) or load(typesetter).missing():
                continue
            pages = self._read(partial(_drawn_pdf, seed, use), f"drawn-{seed}")
            yield Sample(f"drawn {seed}", kind, f"drawn {draft.kind}", draft.language, typesetter, pages)

    def records(self, first: int, count: int) -> Iterator[Sample]:
        """Drawn records of each type, one after the other through types, layouts and languages."""
        yield from self._records(first, count, (*SHIPPED_TYPES, *OUTSIDE), TYPESETTERS)

    def shorts(self, first: int, count: int) -> Iterator[Sample]:
        """Drawn short texts: mails, notes, memos and title pages."""
        yield from self._records(first, count, (SHORT,), SHORT_TYPESETTERS)

    def _records(self, first: int, count: int, kinds: Sequence[str], typesetters: Sequence[str]) -> Iterator[Sample]:
        """Yield drawn records of these kinds, one after the other."""
        for number in range(first, first + count):
            random = Random(f"record {number}")
            kind, language = kinds[number % len(kinds)], random.choice(LANGUAGES)
            layout, typesetter = random.choice(LAYOUTS), random.choice(typesetters)
            if fonts.missing_for(language) or load(typesetter).missing():
                continue
            draft = Record(kind, layout, language, random).draft()
            digest = hashlib.sha256(repr(draft).encode()).hexdigest()[:16]
            pages = self._read(partial(_set_pdf, draft, typesetter), f"record-{number}-{typesetter}-{digest}")
            known = GENERIC if kind == SHORT else kind if kind in SHIPPED_TYPES else NONE
            source = f"{SHORT} {layout}" if kind == SHORT else layout
            yield Sample(f"{SHORT if kind == SHORT else 'record'} {number}", known, source, language, typesetter, pages)

    def _read(self, make: Callable[[], bytes], name: str) -> list[Page]:
        """Read a drawn PDF, which is made only if it was not read before. ``name`` says all that it is made of."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drawn" / "pdf" / f"{name}.pdf"
            path.parent.mkdir(parents=True)
            if not self._readings.has(path):
                path.write_bytes(make())
            return self._readings.read(path).pages


def _drawn_pdf(seed: int, use: Use) -> bytes:
    return draw(seed, use).pdf


def _set_pdf(draft: Draft, typesetter: str) -> bytes:
    pdf: bytes = load(typesetter).set_draft(draft)[0]
    return pdf
