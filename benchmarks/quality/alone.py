"""Tesseract alone, told the language of each document: what scans have to be read better than, beside RapidOCR alone."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytesseract
from PIL import Image, ImageSequence

from benchmarks.quality.scores import Verdict, score
from benchmarks.report import progress

KIND = "scanned"
NAME = "tesseract, told the language"
SCALE = 2.0
"""Pictures of PDF pages are drawn at 144 dpi, as for Tesseract in the peers' runner."""
PACKS = {
    "ar": "ara", "de": "deu", "en": "eng", "fa": "fas", "fr": "fra", "hi": "hin", "ja": "jpn", "ko": "kor", "mr": "mar",
    "nl": "nld", "ru": "rus", "sr": "srp", "ta": "tam", "zh": "chi_sim",
}  # fmt: skip
"""The pack of each language of the corpus, in Tesseract's words."""


def is_installed() -> bool:
    """Return whether the program is on this machine: it is asked for after all documents have been read."""
    return shutil.which("tesseract") is not None


def told_the_language(scorer: Path, corpus: Path, outputs: Path) -> Verdict:
    """The scorer's verdict on scans read by Tesseract in their true language. Raises TesseractNotFoundError."""
    installed = set(pytesseract.get_languages())
    for path, language in _scans(corpus):
        target = outputs / f"{path}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n\n".join(_read(corpus / path, packs(language, installed))), encoding="utf-8")
        progress(f"{NAME}: {path}")
    verdict = score(scorer, corpus, outputs, [KIND])
    return Verdict([scored for scored in verdict.documents if scored.row == KIND])


def packs(language: str, installed: set[str]) -> str:
    """The packs for a language of the corpus (``en/ko`` are two), joined by ``+``; English where none is installed."""
    known = [PACKS[part] for part in language.split("/") if PACKS.get(part) in installed]
    return "+".join(known) or "eng"


def _scans(corpus: Path) -> Iterator[tuple[str, str]]:
    """(path, language) of every scan that has a truth."""
    with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["path"].startswith(f"{KIND}/") and row["has_gt"] == "yes":
                yield row["path"], row["lang"]


def _read(path: Path, languages: str) -> Iterator[str]:
    for picture in _pictures(path):
        yield pytesseract.image_to_string(picture, lang=languages)


def _pictures(path: Path) -> Iterator[Image.Image]:
    if path.suffix.lower() == ".pdf":
        with pypdfium2.PdfDocument(path) as document:
            yield from (page.render(scale=SCALE).to_pil() for page in document)
        return
    with Image.open(path) as image:
        yield from (frame.convert("RGB") for frame in ImageSequence.Iterator(image))
