"""Draw documents, read them with the product and score them; writes docs/quality.md between the markers of its part.

    python -m benchmarks.drawn [--seeds 0-1999] [--scans] [--trial] [--only KIND,KIND] [--typesetters NAME,NAME] [--keep FOLDER]
    python -m benchmarks.drawn draw SEED --to FOLDER [--scan] [--fit]

The second form writes one document as a PDF (or as a scan), its truth as JSON and as Markdown. Seeds from 100,000 on are for
fitting (``--fit``): the benchmark refuses them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.drawn import fonts, page  # noqa: E402
from benchmarks.drawn.document import TYPESETTERS, CannotDraw, DrawnDocument, check_use, draw, plan  # noqa: E402
from benchmarks.drawn.kinds import EVERY_KIND, kind_of  # noqa: E402
from benchmarks.drawn.reading import DrawnReader  # noqa: E402
from benchmarks.drawn.scan import Scan, scan  # noqa: E402
from benchmarks.drawn.scores import Score, block_scores  # noqa: E402
from benchmarks.drawn.text_scores import ScoredFolder  # noqa: E402
from benchmarks.report import circumstances, packs_folder, progress, with_section  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SCORER = ROOT.parent / "shared" / "score" / "score.py"
SEEDS, SCAN_SEEDS = "0-1999", "0-199"
"""Scans are fewer: the CPU reads one in some seconds."""


def main() -> None:
    options = _options()
    if options.fonts:
        fonts.FOLDERS.insert(0, options.fonts)
    if options.command == "draw":
        write_one(options)
        return
    if not options.scorer.is_file():
        sys.exit("The scorer is not there: say where with --scorer.")
    with tempfile.TemporaryDirectory() as name:
        text = f"{asyncio.run(measure(options, options.keep or Path(name)))}\n\n{circumstances()}"
    print(text, flush=True)
    if not options.trial:
        DOCUMENT.write_text(with_section(DOCUMENT.read_text(), "drawn_scans" if options.scans else "drawn", text))


async def measure(options: argparse.Namespace, folder: Path) -> str:
    """Draw, read and score the documents of these seeds one by one, and return the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    left_out: Counter[str] = Counter()
    own: list[Score] = []
    pages, seconds = 0, 0.0
    with ScoredFolder(folder, options.scorer) as scored:
        async with DrawnReader(options.packs) as reader:
            for seed in chosen_seeds(options):
                try:
                    drawn = draw(seed)
                except CannotDraw as reason:
                    left_out[str(reason)] += 1
                    continue
                scanned = scan(drawn.pdf, seed) if options.scans else None
                path = write(drawn, folder, scanned)
                reading = await reader.read(path, words=drawn.truth.has_boxes and not options.scans)
                pages, seconds = pages + reading.pages, seconds + reading.seconds
                scored.add(drawn.truth, reading)
                truth = drawn.truth
                metrics = block_scores(truth, reading)
                damages = scanned.damages if scanned else ()
                own.append(Score(seed, truth.kind, truth.typesetter, truth.language, metrics, reading.error, damages))
                if options.keep:
                    path.with_suffix(".read.md").write_text(reading.markdown)
                else:
                    path.unlink()
                if len(own) % 50 == 0:
                    progress(f"{len(own)} documents, {pages} pages, {seconds:.0f} s of reading; seed {seed}")
        by_scorer = scored.scores()
    scores = [replace(s, metrics={**by_scorer.get(s.seed, {}), **s.metrics}) for s in own]
    if options.keep:
        (folder / "scores.json").write_text(json.dumps([vars(score) for score in scores], indent=1))
    aims = page.SCAN_AIMS if options.scans else page.AIMS
    amount = f"Seeds {seeds_of(options)}: {len(scores)} documents, {pages} pages, {seconds:.0f} s of reading."
    return page.drawn_text(scores, left_out, aims, amount)


def seeds_of(options: argparse.Namespace) -> str:
    """Return the first and the last seed, as in ``0-99``."""
    return options.seeds or (SCAN_SEEDS if options.scans else SEEDS)


def chosen_seeds(options: argparse.Namespace) -> list[int]:
    """Return the seeds to draw: of the kinds and typesetters asked for. Ends the program if one is kept for fitting."""
    first, _, last = seeds_of(options).partition("-")
    seeds = range(int(first), int(last or first) + 1)
    try:
        check_use(seeds[-1], "report")
    except ValueError as error:
        sys.exit(str(error))
    kinds = set(options.only.split(","))
    wanted = [seed for seed in seeds if kind_of(seed) in kinds]
    if options.typesetters == ",".join(TYPESETTERS):
        return wanted
    return [seed for seed in wanted if plan(seed)[1] in options.typesetters.split(",")]


def write_one(options: argparse.Namespace) -> None:
    """Write one document with its truth into a folder."""
    options.to.mkdir(parents=True, exist_ok=True)
    try:
        drawn = draw(options.seed, "fit" if options.fit else "report")
    except (CannotDraw, ValueError) as error:
        sys.exit(str(error))
    path = write(drawn, options.to, scan(drawn.pdf, options.seed) if options.scan else None)
    path.with_suffix(".truth.json").write_text(json_lines(drawn.truth.as_json()))
    path.with_suffix(".truth.md").write_text(drawn.truth.markdown())
    print(f"{path}: {drawn.truth.kind} by {drawn.truth.typesetter}, language {drawn.truth.language}, {drawn.truth.pages} pages")


def json_lines(truth: dict[str, Any]) -> str:
    """Return a truth as JSON with one block a line."""
    blocks = ",\n".join(json.dumps(block, ensure_ascii=False) for block in truth["blocks"])
    head = json.dumps({name: value for name, value in truth.items() if name != "blocks"}, ensure_ascii=False)
    return f'{head[:-1]}, "blocks": [\n{blocks}\n]}}\n'


def write(drawn: DrawnDocument, folder: Path, scanned: Scan | None = None) -> Path:
    """Write a document as a PDF or as a scan of it, and return its path."""
    suffix, data = (scanned.suffix, scanned.data) if scanned else ("pdf", drawn.pdf)
    path = folder / f"{drawn.truth.kind}-{drawn.truth.seed}.{suffix}"
    path.write_bytes(data)
    return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", help=f"first and last, as in 0-99; default {SEEDS}, of scans {SCAN_SEEDS}")
    parser.add_argument("--scans", action="store_true", help="read each document as a bad scan of itself")
    parser.add_argument("--trial", action="store_true", help="print, and write no document")
    parser.add_argument("--only", default=",".join(EVERY_KIND), help="kinds of documents, comma separated")
    parser.add_argument("--typesetters", default=",".join(TYPESETTERS), help="typesetters, comma separated")
    parser.add_argument("--keep", type=Path, help="keep documents, truths, readings and scores in this folder")
    parser.add_argument("--scorer", type=Path, default=SCORER)
    parser.add_argument(
        "--packs", type=packs_folder, default="", help="folder of language packs for scans; default: as the settings say"
    )
    parser.add_argument("--fonts", type=Path, help="folder with fonts of many scripts beside those installed")
    commands = parser.add_subparsers(dest="command")
    one = commands.add_parser("draw", help="write the document of one seed, with its truth")
    one.add_argument("seed", type=int)
    one.add_argument("--to", type=Path, required=True)
    one.add_argument("--scan", action="store_true", help="as a bad scan of itself")
    one.add_argument("--fit", action="store_true", help="the seed is one for fitting")
    one.add_argument("--fonts", type=Path, default=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
