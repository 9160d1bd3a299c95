"""How well pages are read, part by part; writes docs/quality.md between the markers of each part.

    python -m benchmarks.quality [--parts corpus,text_layer,ocr,faults,scripts] [--only KINDS] [--peers NAMES] [--trial]

The corpus and its scorer are data of their own and not part of the project: ``--corpus`` and ``--scorer`` say where they lie.
The part ``scripts`` needs neither, but language packs and fonts: ``--packs`` and ``--fonts``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks import faulty_models, ocr_speed  # noqa: E402
from benchmarks.quality import alone, scripts  # noqa: E402
from benchmarks.quality.corpus import KINDS, documents, read_all  # noqa: E402
from benchmarks.quality.page import corpus_text  # noqa: E402
from benchmarks.quality.scores import PEERS, peers, score  # noqa: E402
from benchmarks.quality.speed import text_layer_lines  # noqa: E402
from benchmarks.report import circumstances, with_section  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SHARED = ROOT.parent / "shared"


def main() -> None:
    options = _options()
    parts = options.parts.split(",")
    if parts != ["scripts"] and not (options.corpus.is_dir() and options.scorer.is_file()):
        sys.exit("The corpus or its scorer is not there: say where with --corpus and --scorer.")
    for name in parts:
        text = f"{PARTS[name](options)}\n\n{circumstances()}"
        print(f"\n{name}\n\n{text}\n", flush=True)
        if not options.trial:
            DOCUMENT.write_text(with_section(DOCUMENT.read_text(), name, text))


def _corpus(options: argparse.Namespace) -> str:
    kinds = options.only.split(",")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outputs = options.outputs or folder / "ours"
        readings = asyncio.run(read_all(options.corpus, documents(options.corpus, kinds), outputs))
        ours = score(options.scorer, options.corpus, outputs, kinds)
        theirs = peers(filter(None, options.peers.split(",")), options.scorer, options.corpus, folder, kinds)
        if options.peers and alone.KIND in kinds:
            theirs[alone.NAME] = alone.told_the_language(options.scorer, options.corpus, folder / "alone")
    return corpus_text(readings, ours, theirs)


def _scripts(options: argparse.Namespace) -> str:
    scripts.look_for_fonts_in(options.fonts)
    return scripts.report(scripts.ALL, scripts.PAGES, options.packs)


PARTS: dict[str, Callable[[argparse.Namespace], str]] = {
    "corpus": _corpus,
    "text_layer": lambda options: "\n".join(text_layer_lines(options.corpus)),
    "ocr": lambda options: "\n".join(ocr_speed.lines(options.corpus)),
    "faults": lambda options: "\n".join(faulty_models.lines(options.corpus)),
    "scripts": _scripts,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus")
    parser.add_argument("--scorer", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--parts", help="measure only these, comma separated; a trial is of the corpus alone")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of documents of the corpus, comma separated")
    parser.add_argument("--outputs", type=Path, help="keep what was read here; default: a temporary folder")
    parser.add_argument("--peers", help="read the corpus with these too, comma separated; none in a trial")
    parser.add_argument("--packs", default="", help="folder of language packs; default: as the settings say")
    parser.add_argument("--fonts", type=Path, help="folder with fonts of many scripts beside those installed")
    parser.add_argument("--trial", action="store_true", help="print, and write no document")
    options = parser.parse_args()
    if options.parts is None:
        options.parts = "corpus" if options.trial else ",".join(PARTS)
    if options.peers is None:
        options.peers = "" if options.trial else ",".join(PEERS)
    if unknown := set(options.parts.split(",")) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    main()
