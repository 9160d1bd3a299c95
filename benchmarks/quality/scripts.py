"""Drawn scans in many scripts, read by the product as it is on this machine.

    python -m benchmarks.quality.scripts [--pages 4] [--packs FOLDER] [--fonts FOLDER] [LANGUAGE ...]

A word counts where it stands in the text as often as on the page. Thai, which has no spaces, is compared by letters with their
marks. ``A+B`` is a page in two languages. A language whose font is missing is left out, and said so.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from document_parser.engines.tesseract.languages import SCRIPTS
from document_parser.models import Page
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.settings import EngineSettings, Settings
from tests.support import script_pages
from tests.support.script_pages import SAMPLES

LEAST_F1 = 0.93
"""Word F1 that each language of AIMED is to reach."""
AIMED = ("Russian", "Ukrainian", "Greek", "Korean", "Arabic", "Hebrew", "Hindi", "Thai", "Vietnamese")
MIXED = ("Russian+English", "Korean+English", "Greek+German")
MARKED_LETTER = re.compile(r"[^\W\d_][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]*|\d+")
_WORD = re.compile(r"[\w\u0300-\u036f\u0900-\u097f]+")


@dataclass(frozen=True)
class Result:
    """What became of one drawn page."""

    language: str
    f1: float
    wrong_script: bool
    seconds: float
    warnings: tuple[str, ...]
    read_as: str


def word_f1(found: str, truth: str, *, spaced: bool = True) -> float:
    """Return the F1 of the words of a text, each counted as often as it stands there."""
    pattern = _WORD if spaced else MARKED_LETTER
    one, other = (Counter(pattern.findall(unicodedata.normalize("NFC", text).lower())) for text in (found, truth))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


async def measure(languages: Sequence[str], pages: int, packs: str = "") -> list[Result]:
    """Return the results of this many pages of each language."""
    settings = Settings(engines=EngineSettings(inference_mode="cpu", tessdata_dir=packs))
    found = []
    with tempfile.TemporaryDirectory(prefix="scripts-") as folder:
        async with DocumentParser(settings) as reader:
            for language in languages:
                for seed in range(pages):
                    path = Path(folder) / f"{language}-{seed}.png"
                    picture, lines = script_pages.draw_page(*language.split("+"), seed=seed)
                    picture.save(path, dpi=(150, 150))
                    started = time.process_time()
                    with await reader.read(path) as document:
                        [page] = document.pages()
                    found.append(_result_of(language, page, lines, time.process_time() - started))
    return found


def _result_of(language: str, page: Page, lines: Sequence[str], seconds: float) -> Result:
    text = "\n".join(block.text for block in page.blocks)
    reasons = [attempt.reason for attempt in page.attempts if " again as " in attempt.reason]
    packs = set(re.split(r"[+, ]+", reasons[-1].rpartition(" again as ")[2].partition(";")[0])) - {"eng"} if reasons else set()
    right = {pack for name in language.split("+") for pack in SCRIPTS[SAMPLES[name].script]}
    f1 = word_f1(text, "\n".join(lines), spaced="Thai" not in language)
    return Result(language, f1, not packs <= right, seconds, tuple(w.code for w in page.warnings), ", ".join(sorted(packs)))


def table(results: Sequence[Result]) -> list[str]:
    """Return the results as a table of Markdown, one line a language."""
    lines = ["| language | pages | word F1 | least | wrong script | read as | CPU seconds a page |", "|---" * 7 + "|"]
    for language in dict.fromkeys(result.language for result in results):
        own = [result for result in results if result.language == language]
        f1 = [result.f1 for result in own]
        read_as = "; ".join(sorted({result.read_as or "rapidocr" for result in own}))
        wrong = sum(result.wrong_script for result in own)
        seconds = sum(result.seconds for result in own) / len(own)
        mean = sum(f1) / len(f1)
        lines.append(f"| {language} | {len(own)} | {mean:.3f} | {min(f1):.3f} | {wrong} | {read_as} | {seconds:.1f} |")
    return lines


def drawable(languages: Sequence[str]) -> list[str]:
    """Return the languages whose fonts are there, and print why the others are left out."""
    missing = {name: [script_pages.missing_for(one) for one in name.split("+")] for name in languages}
    for name, reasons in missing.items():
        if any(reasons):
            print(f"left out {name}: {'; '.join(filter(None, reasons))}", flush=True)
    return [name for name, reasons in missing.items() if not any(reasons)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Drawn scans in many scripts, read by the product.")
    parser.add_argument("--pages", type=int, default=4, help="pages of each language; default 4")
    parser.add_argument("--packs", default="", help="folder of language packs; default: as the settings say")
    parser.add_argument("--fonts", type=Path, help="folder with fonts beside those installed")
    parser.add_argument("languages", nargs="*", default=[*SAMPLES, *MIXED], metavar="LANGUAGE")
    options = parser.parse_args()
    if options.fonts:
        script_pages.FONT_FOLDERS = (options.fonts, *script_pages.FONT_FOLDERS)
    results = asyncio.run(measure(drawable(options.languages), options.pages, options.packs))
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
