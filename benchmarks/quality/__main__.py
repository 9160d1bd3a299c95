"""How well pages are read, part by part; writes docs/quality.md between the markers of each part.

    python -m benchmarks.quality [--parts corpus,office,text_layer,ocr,faults,scripts] [--only KINDS] [--peers NAMES] [--trial]

Corpora and their scorer are data of their own and not part of the project: ``--corpus`` and ``--scorer`` say where they lie.
``--corpus`` may be given several times: each has a section of its own, named as its folder. The other parts use the first.
``--packs`` says where language packs for scans are. The part ``scripts`` needs neither corpora nor a scorer, but packs and
``--fonts``. The part ``text_layer`` reads with xberg too: ``--xberg`` names the Python of an environment that has it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks import faulty_models, ocr_speed  # noqa: E402
from benchmarks.peer_environment import install_peers  # noqa: E402
from benchmarks.quality import alone, scripts  # noqa: E402
from benchmarks.quality.aims import AIMS, AIMS_OF, OFFICE_AIMS, Aim  # noqa: E402
from benchmarks.quality.corpus import KINDS, OFFICE, documents, read_all, sources, tested_documents, truths  # noqa: E402
from benchmarks.quality.page import corpus_text  # noqa: E402
from benchmarks.quality.scores import PEERS, peers, score  # noqa: E402
from benchmarks.quality.speed import text_layer_lines  # noqa: E402
from benchmarks.report import circumstances, packs_folder, with_section  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "quality.md"
SHARED = ROOT.parent / "shared"
CORPORA = (SHARED / "corpus", SHARED / "corpus2")


def main() -> None:
    options = _options()
    parts = options.parts.split(",")
    if parts != ["scripts"] and not (all(map(Path.is_dir, options.corpus)) and options.scorer.is_file()):
        sys.exit("A corpus or its scorer is not there: say where with --corpus and --scorer.")
    for name in parts:
        for section, measure in _sections(name, options):
            text = f"{measure()}\n\n{circumstances()}"
            print(f"\n{section}\n\n{text}\n", flush=True)
            if not options.trial:
                DOCUMENT.write_text(with_section(DOCUMENT.read_text(), section, text))


def _sections(part: str, options: argparse.Namespace) -> list[tuple[str, Callable[[], str]]]:
    """Return the sections of a part with what measures each: one a corpus for the part ``corpus``, else one."""
    if part == "corpus":
        kinds = options.only.split(",")
        return [
            (corpus.name, partial(_corpus, options, corpus, kinds, AIMS_OF.get(corpus.name, AIMS))) for corpus in options.corpus
        ]
    if part == "office":
        return [(f"{corpus.name}_office", partial(_office, options, corpus)) for corpus in options.corpus]
    return [(part, partial(PARTS[part], options, options.corpus[0]))]


def _office(options: argparse.Namespace, corpus: Path) -> str:
    return _corpus(options, corpus, [OFFICE], OFFICE_AIMS)


def _corpus(options: argparse.Namespace, corpus: Path, kinds: list[str], aims: Sequence[Aim]) -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outputs = options.outputs / corpus.name if options.outputs else folder / "ours"
        readings = asyncio.run(read_all(corpus, documents(corpus, kinds), outputs, options.packs))
        ours = score(options.scorer, corpus, outputs, kinds)
        names = filter(None, options.peers.split(",")) if kinds != [OFFICE] else ()  # the peers of PDFs read no office files
        theirs = peers(names, options.scorer, corpus, folder, kinds)
        if options.peers and alone.KIND in kinds:
            theirs[alone.NAME] = alone.told_the_language(options.scorer, corpus, folder / "alone")
    return corpus_text(readings, ours, theirs, aims, sources(corpus), tested_documents(corpus), truths(corpus))


def _scripts(options: argparse.Namespace, _: Path) -> str:
    scripts.look_for_fonts_in(options.fonts)
    return scripts.report(scripts.ALL, scripts.PAGES, options.packs)


def _text_layer(options: argparse.Namespace, corpus: Path) -> str:
    with tempfile.TemporaryDirectory() as name:
        peer = options.xberg
        if peer is None and not options.trial:
            peer = install_peers(Path(name) / "xberg", Path(__file__).with_name("requirements.txt"))
        return "\n".join(text_layer_lines(corpus, peer))


PARTS: dict[str, Callable[[argparse.Namespace, Path], str]] = {
    "text_layer": _text_layer,
    "ocr": lambda _, corpus: "\n".join(ocr_speed.lines(corpus)),
    "faults": lambda _, corpus: "\n".join(faulty_models.lines(corpus)),
    "scripts": _scripts,
}


ALL_PARTS = ("corpus", "office", *PARTS)
"""All parts: the first two have a section for each corpus."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", help="a folder; may be given several times")
    parser.add_argument("--scorer", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--parts", help="measure only these, comma separated; a trial is of the corpus alone")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of documents of the corpus, comma separated")
    parser.add_argument("--outputs", type=Path, help="keep what was read here, a folder a corpus; default: a temporary folder")
    parser.add_argument("--peers", help="read the corpus with these too, comma separated; none in a trial")
    parser.add_argument(
        "--xberg", type=Path, help="the Python of an environment with xberg; default: one is made, and none in a trial"
    )
    parser.add_argument("--packs", type=packs_folder, default="", help="folder of language packs; default: as the settings say")
    parser.add_argument("--fonts", type=Path, help="folder with fonts of many scripts beside those installed")
    parser.add_argument("--trial", action="store_true", help="print, and write no document")
    options = parser.parse_args()
    options.corpus = options.corpus or [folder for folder in CORPORA if folder.is_dir()] or [CORPORA[0]]
    if options.parts is None:
        options.parts = "corpus" if options.trial else ",".join(ALL_PARTS)
    if options.peers is None:
        options.peers = "" if options.trial else ",".join(PEERS)
    if unknown := set(options.parts.split(",")) - set(ALL_PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(ALL_PARTS)}")
    if options.peers and "corpus" in options.parts.split(",") and not alone.is_installed():
        parser.error("the peers of scans include the program tesseract: install tesseract-ocr, or give --peers ''")
    return options


if __name__ == "__main__":
    main()
