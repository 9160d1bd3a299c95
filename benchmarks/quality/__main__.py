"""How well pages are read: the development corpus, in process, on the CPU, scored beside it; writes docs/quality.md.

    python -m benchmarks.quality [--only digital,tables] [--outputs FOLDER] [--peers pdfium_text] [--trial]

The corpus and its scorer are data of their own and not part of the project: ``--corpus`` and ``--scorer`` say where they lie.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.quality.corpus import KINDS, documents, read_all  # noqa: E402
from benchmarks.quality.page import page  # noqa: E402
from benchmarks.quality.scores import PEERS, peers, score  # noqa: E402
from benchmarks.quality.speed import text_layer_lines  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SHARED = ROOT.parent / "shared"


def main() -> None:
    options = _options()
    if not options.corpus.is_dir() or not options.scorer.is_file():
        sys.exit("The corpus or its scorer is not there: say where with --corpus and --scorer.")
    with tempfile.TemporaryDirectory() as folder:
        found = _measured(options, Path(folder))
    print(found)
    if not options.trial:
        DOCUMENT.write_text(found)


def _measured(options: argparse.Namespace, folder: Path) -> str:
    kinds = options.only.split(",")
    outputs = options.outputs or folder / "ours"
    readings = asyncio.run(read_all(options.corpus, documents(options.corpus, kinds), outputs))
    ours = score(options.scorer, options.corpus, outputs, kinds)
    theirs = peers(filter(None, options.peers.split(",")), options.scorer, options.corpus, folder, kinds)
    sections = {} if options.trial else {"The text layer's path on one core": text_layer_lines(options.corpus, readings)}
    return page(readings, ours, theirs, sections)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=SHARED / "corpus")
    parser.add_argument("--scorer", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds, comma separated")
    parser.add_argument("--outputs", type=Path, help="keep what was read here; default: a temporary folder")
    parser.add_argument("--peers", help="read the same with these, comma separated; none in a trial")
    parser.add_argument("--trial", action="store_true", help="the corpus alone; print, and write no document")
    options = parser.parse_args()
    if options.peers is None:
        options.peers = "" if options.trial else ",".join(PEERS)
    return options


if __name__ == "__main__":
    main()
