"""Fit the scores of ``layout.tables.score``, and write them and how they were made into the package.

    python -m benchmarks.layout_scores [--drawn 100000-100450] [--corpora FOLDER,FOLDER] [--trial]

Drawn documents are those whose seeds are kept for fitting. Of the corpora, documents with true tables count, and digital ones
whose truth has no table. For each source it prints how scores fitted without it rank its runs: 0.5 is chance.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.drawn.document import CannotDraw, draw  # noqa: E402
from benchmarks.drawn.truth import Kind  # noqa: E402
from benchmarks.layout_scores.samples import Comparer, Page, Samples, as_arrays, collect, load_metrics  # noqa: E402
from benchmarks.layout_scores.trees import Trees, fit  # noqa: E402
from benchmarks.report import progress  # noqa: E402
from document_parser.errors import DocumentParserError  # noqa: E402
from document_parser.layout.tables.features import FEATURES  # noqa: E402
from document_parser.layout.tables.score import WEIGHTS  # noqa: E402
from document_parser.sources.base import OpenerLimits  # noqa: E402
from document_parser.sources.source import Openers  # noqa: E402

SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared"
TREES, DEPTH, SEED = 80, 4, 0
MIN_GOOD, MIN_BEST = 0.6, 0.45
"""Agreement of a run that is a table, and of one whose readings the second forest learns from, at least."""


def main() -> None:
    options = _options()
    samples = asyncio.run(_collect(options))
    arrays = as_arrays(samples)
    print("\n".join(_by_source(arrays)))
    if options.trial:
        return
    stored: dict[str, Any] = {}
    for name, trees in (("runs", _fit_runs(arrays, np.ones(len(arrays["best"]), bool))), ("readings", _fit_readings(arrays))):
        stored |= {
            f"{name}_base": np.float32(trees.base),
            f"{name}_features": trees.features.astype(np.uint8),
            f"{name}_thresholds": trees.thresholds.astype(np.float32),
            f"{name}_leaves": trees.leaves.astype(np.float32),
        }
    np.savez_compressed(WEIGHTS, **stored)
    made = {"drawn": options.drawn, "corpora": [path.name for path in options.corpora], "seed": SEED, "features": FEATURES}
    made |= {"trees": TREES, "depth": DEPTH, "runs": int(arrays["plain"].sum()), "readings": len(arrays["plain"])}
    WEIGHTS.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n")


def _fit_runs(arrays: dict[str, Any], chosen: Any) -> Trees:
    """Return trees that tell the best agreement of a run's readings; large documents count less for each run."""
    rows = arrays["plain"] & chosen
    _, number, counts = np.unique(arrays["document"][rows], return_inverse=True, return_counts=True)
    weights = 10 / np.sqrt(counts[number] + 3)
    return fit(arrays["features"][rows], arrays["best"][rows], weights, trees=TREES, depth=DEPTH, seed=SEED)


def _fit_readings(arrays: dict[str, Any]) -> Trees:
    """Return trees that tell by how much a reading is better than the mean of its run."""
    rows = arrays["best"] > MIN_BEST
    wanted = arrays["above_mean"][rows]
    return fit(arrays["features"][rows], wanted, np.ones(len(wanted)), trees=TREES, depth=DEPTH, seed=SEED)


def _by_source(arrays: dict[str, Any]) -> list[str]:
    """Return, for each source, how well runs are ranked by trees fitted on the other sources."""
    sources = np.array([re.match(r"[^:]+:(?:style|[a-z]+)", name)[0] for name in arrays["document"]])  # type: ignore[index]
    lines = ["| source | runs | tables among them | ranked before others |", "|---|---|---|---|"]
    for source in np.unique(sources):
        rows = arrays["plain"] & (sources == source)
        good = arrays["best"][rows] > MIN_GOOD
        if good.all() or not good.any():
            continue
        found = _fit_runs(arrays, sources != source).predict(arrays["features"][rows])
        ranked = (found[good][:, None] > found[~good][None, :]).mean()
        lines.append(f"| {source} | {rows.sum()} | {good.sum()} | {ranked:.2f} |")
    return lines


async def _collect(options: argparse.Namespace) -> Samples:
    """Return the readings of all documents."""
    samples, chance, metrics = Samples(), random.Random(SEED), load_metrics(options.scorer)
    with Openers.start(OpenerLimits()) as openers:
        async for name, path, truth in _documents(options):
            pages = await _pages(openers, path)
            collect(samples, name, pages, Comparer(metrics, truth), chance)
            progress(f"{name}: {len(pages)} pages, {len(samples.run)} readings in all")
    return samples


async def _pages(openers: Openers, path: Path) -> list[Page]:
    """Return the words and drawn lines of the pages that have a text layer; none if the document cannot be opened."""
    found: list[Page] = []
    try:
        async with await openers.open(path, "pdf") as source:
            for number in range(1, source.page_count + 1):
                facts = await source.facts(number)
                words = await source.words(number)
                if words:
                    found.append((words, facts.width_points, facts.height_points, await source.rulings(number)))
    except DocumentParserError as error:
        progress(f"{path.name}: {error.code}")
    return found


async def _documents(options: argparse.Namespace) -> AsyncIterator[tuple[str, Path, str]]:
    """Yield (source and name, file, true tables) of every document."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(*map(int, options.drawn.split("-"))):
            try:
                drawn = draw(seed, "fit")
            except CannotDraw:
                continue
            path = Path(folder) / "drawn.pdf"
            path.write_bytes(drawn.pdf)
            tables = [block.markdown() for block in drawn.truth.body() if block.kind is Kind.TABLE]
            yield f"drawn:{drawn.truth.kind}_{seed}", path, "\n\n".join(tables)
    for corpus in options.corpora:
        with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
        for row in rows:
            kind, _, name = row["path"].partition("/")
            truths = [corpus / kind / file for file in row["gt_files"].split(";")]
            tables = [file.read_text() for file in truths if file.name.endswith(".gt.html")]
            plain = [file.read_text(errors="replace") for file in truths if file.suffix == ".md"]
            if row["path"].endswith(".pdf") and ((kind == "tables" and tables) or (kind == "digital" and plain)):
                yield f"{corpus.name}:{name}", corpus / row["path"], "".join(tables[:1] or plain)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", default="100000-100450", help="seeds of drawn documents, the last excluded")
    parser.add_argument("--corpora", default=f"{SHARED / 'corpus'},{SHARED / 'corpus2'}", help="folders, comma separated")
    parser.add_argument("--scorer", type=Path, default=SHARED / "score" / "score.py")
    parser.add_argument("--trial", action="store_true", help="print, and write nothing")
    options = parser.parse_args()
    options.corpora = [Path(name) for name in options.corpora.split(",") if name]
    return options


if __name__ == "__main__":
    main()
