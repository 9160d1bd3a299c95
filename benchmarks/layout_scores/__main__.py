"""Fit the scores of ``layout.tables.score``, and write them and how they were made into the package.

    python -m benchmarks.layout_scores [--drawn 100000-100450] [--corpora FOLDER,FOLDER] [--trial]

Drawn documents are those whose seeds are kept for fitting. Of the corpora, documents with true tables count, and digital ones
whose truth is known. For each source it prints how scores fitted without it rank its samples (0.5 is chance), and keeps
that beside the weights: no document scores itself.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from document_parser.settings import cap_threads

cap_threads()  # before any numeric library is imported

from benchmarks.drawn.document import CannotDraw, draw  # noqa: E402
from benchmarks.layout_scores.samples import (  # noqa: E402
    Collected,
    Comparer,
    Orders,
    Page,
    as_arrays,
    collect,
    load_metrics,
    true_tables,
)
from benchmarks.layout_scores.trees import Trees, fit  # noqa: E402
from benchmarks.report import progress  # noqa: E402
from document_parser.errors import DocumentParserError  # noqa: E402
from document_parser.layout.blocks.column_evidence import COLUMN_FEATURES  # noqa: E402
from document_parser.layout.tables.features import FEATURES  # noqa: E402
from document_parser.layout.tables.forest import WEIGHTS  # noqa: E402
from document_parser.layout.tables.grid_features import GRID_FEATURES  # noqa: E402
from document_parser.sources.base import OpenerLimits  # noqa: E402
from document_parser.sources.source import Openers  # noqa: E402

SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared"
SEED = 0
MAX_COUNTED_LINES = 20
"""Lines beside a gutter up to which more of them count for more."""
MIN_GOOD, MIN_BEST = 0.6, 0.45
"""Agreement of a run that is a table, and of one whose readings the second forest learns from, at least."""


def main() -> None:
    options = _options()
    collected = asyncio.run(_collect(options))
    fits = _fits(collected)
    figures = {name: _by_source(fit) for name, fit in fits.items() if name != "readings"}
    for name, rows in figures.items():
        print(f"\n{name}\n\n" + "\n".join(_table_of(rows)))
    if options.trial:
        return
    stored: dict[str, Any] = {}
    for name, wanted in fits.items():
        trees = wanted.fit()
        stored |= {
            f"{name}_base": np.float32(trees.base),
            f"{name}_features": trees.features.astype(np.uint8),
            f"{name}_thresholds": trees.thresholds.astype(np.float32),
            f"{name}_leaves": trees.leaves.astype(np.float32),
        }
    np.savez_compressed(WEIGHTS, **stored)
    made: dict[str, Any] = {"drawn": options.drawn, "corpora": [path.name for path in options.corpora], "seed": SEED}
    made |= {
        "forests": {name: {"trees": fit.trees, "depth": fit.depth, "samples": len(fit.wanted)} for name, fit in fits.items()}
    }
    made["features"] = {"runs": FEATURES, "readings": FEATURES, "grids": GRID_FEATURES, "columns": COLUMN_FEATURES}
    made["left_out"] = figures
    WEIGHTS.with_suffix(".json").write_text(json.dumps(made, indent=1) + "\n")


@dataclass(frozen=True)
class Fit:
    """What one forest learns: samples (rows, features), what they should give, the weight and document of each."""

    samples: Any
    wanted: Any
    weights: Any
    document: Any
    trees: int = 150
    depth: int = 5

    def fit(self, chosen: Any = None) -> Trees:
        """Return trees for the chosen samples, or for all."""
        rows = np.ones(len(self.wanted), dtype=np.bool_) if chosen is None else chosen
        return fit(self.samples[rows], self.wanted[rows], self.weights[rows], trees=self.trees, depth=self.depth, seed=SEED)


def _fits(collected: Collected) -> dict[str, Fit]:
    """Return what each forest learns.

    ``runs``: the best agreement of a run's readings. ``readings``: by how much a reading is better than the mean of its run.
    ``grids``: the agreement of a table, whatever it is from. ``columns``: the share of text that goes on down the columns.
    """
    runs, grids, columns = as_arrays(collected.samples), collected.grids, collected.columns
    plain, good = runs["plain"], runs["best"] > MIN_BEST
    tall = np.array(columns.features)[:, COLUMN_FEATURES.index("lines_fewer")]
    return {
        "runs": Fit(
            runs["features"][plain], runs["best"][plain], _weights(runs["document"][plain]), runs["document"][plain], 80, 4
        ),
        "readings": Fit(
            runs["features"][good], runs["above_mean"][good], np.ones(int(good.sum())), runs["document"][good], 80, 4
        ),
        "grids": Fit(
            np.array(grids.features), np.array(grids.agreement), _weights(np.array(grids.document)), np.array(grids.document)
        ),
        "columns": Fit(
            np.array(columns.features),
            np.array(columns.agreement),
            _weights(np.array(columns.document)) * np.sqrt(np.minimum(tall + 1, MAX_COUNTED_LINES)),
            np.array(columns.document),
        ),
    }


def _weights(document: Any) -> Any:
    """Return the weight of each sample: those of documents with many count less."""
    _, number, counts = np.unique(document, return_inverse=True, return_counts=True)
    return 10 / np.sqrt(counts[number] + 3)


def source_of(document: str) -> str:
    """Return where a document is from: its kind if it was drawn, else the series of its file's name, whatever its style."""
    corpus, _, name = document.partition(":")
    series = re.match(r"(?:style\d_)?([a-zA-Z]*)", name)
    return f"{'drawn' if corpus == 'drawn' else 'corpus'}:{series[1] if series else ''}"


def _by_source(wanted: Fit) -> list[dict[str, Any]]:
    """Return, for each source, how well trees that were fitted on the other sources rank its good samples before the others."""
    sources = np.array([source_of(name) for name in wanted.document])
    found = []
    for source in np.unique(sources):
        rows = sources == source
        good = wanted.wanted[rows] > MIN_GOOD
        given = wanted.fit(~rows).predict(wanted.samples[rows])
        ranked = (given[good][:, None] > given[~good][None, :]).mean() if 0 < good.sum() < len(good) else None
        error = float(np.abs(given - wanted.wanted[rows]).mean())
        found.append(
            {
                "source": str(source),
                "samples": int(rows.sum()),
                "good": int(good.sum()),
                "mean_error": round(error, 3),
                "ranked_first": None if ranked is None else round(float(ranked), 3),
            }
        )
    return found


def _table_of(rows: list[dict[str, Any]]) -> list[str]:
    """Return the figures of all sources as a table in Markdown."""
    lines = ["| source | samples | good ones | mean error | good ones ranked before others |", "|---|---|---|---|---|"]
    return [*lines, *(f"| {' | '.join('-' if value is None else str(value) for value in row.values())} |" for row in rows)]


async def _collect(options: argparse.Namespace) -> Collected:
    """Return the readings of all documents."""
    found, chance, metrics = Collected(), random.Random(SEED), load_metrics(options.scorer)
    with Openers.start(OpenerLimits()) as openers:
        async for name, path, truth, orders in _documents(options):
            pages = await _pages(openers, path)
            collect(found, name, pages, Comparer(metrics, truth), Orders(orders), chance)
            progress(f"{name}: {len(pages)} pages, {len(found.grids.agreement)} tables, {len(found.columns.agreement)} gutters")
    return found


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


async def _documents(options: argparse.Namespace) -> AsyncIterator[tuple[str, Path, str, list[str]]]:
    """Yield (source and name, file, true tables, true texts) of every document."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(*map(int, options.drawn.split("-"))):
            try:
                drawn = draw(seed, "fit")
            except CannotDraw:
                continue
            path = Path(folder) / "drawn.pdf"
            path.write_bytes(drawn.pdf)
            yield f"drawn:{drawn.truth.kind}_{seed}", path, true_tables(drawn.truth), drawn.truth.orders()
    for corpus in options.corpora:
        with (corpus / "MANIFEST.tsv").open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
        for row in rows:
            kind, _, name = row["path"].partition("/")
            truths = [corpus / kind / file for file in row["gt_files"].split(";")]
            tables = [file.read_text() for file in truths if file.name.endswith(".gt.html")]
            plain = [file.read_text(errors="replace") for file in truths if file.suffix in {".md", ".txt"}]
            if row["path"].endswith(".pdf") and ((kind == "tables" and tables) or (kind == "digital" and plain)):
                yield f"{corpus.name}:{name}", corpus / row["path"], "".join(tables[:1] or plain[:1]), [*tables, *plain]


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
