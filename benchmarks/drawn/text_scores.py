"""Word F1, order and TEDS of drawn documents by the corpus's scorer, which takes a folder in the corpus's form.

Leaders, the rows of dots between a text and its page number, are no text: they are left out of what was read.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.drawn.reading import DrawnReading
from benchmarks.drawn.truth import Kind, Truth, table_html
from benchmarks.quality.scores import score

LEADER = re.compile(r"(?:\\?[._·…]\s?){4,}")
COLUMNS = ("path", "licence", "kind", "pages", "has_gt", "gt_tier", "lang", "gt_files", "note")


class ScoredFolder:
    """Drawn documents, their truth and their readings as the scorer wants them. A context manager: it closes the manifest."""

    def __init__(self, folder: Path, scorer: Path) -> None:
        self._corpus, self._outputs, self._scorer = folder / "corpus", folder / "outputs", scorer
        for place in (self._corpus, self._outputs):
            for kind in ("digital", "tables"):
                (place / kind).mkdir(parents=True, exist_ok=True)
        self._file = (self._corpus / "MANIFEST.tsv").open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, delimiter="\t", quoting=csv.QUOTE_NONE, quotechar=None)
        self._rows.writerow(COLUMNS)

    def add(self, truth: Truth, reading: DrawnReading) -> None:
        """Write a document's truth, in each order that is right, and its reading."""
        for number, markdown in enumerate(truth.orders()):
            self._add(f"digital/{truth.seed}_{number}", "md", markdown, truth, reading)
        if tables := truth.of(Kind.TABLE):
            self._add(f"tables/{truth.seed}_0", "html", "\n\n".join(map(table_html, tables)), truth, reading)

    def _add(self, stem: str, suffix: str, text: str, truth: Truth, reading: DrawnReading) -> None:
        name = f"{stem}.gt.{suffix}"
        (self._corpus / name).write_text(text, encoding="utf-8")
        (self._outputs / f"{stem}.pdf.md").write_text(LEADER.sub(" ", reading.markdown), encoding="utf-8")
        gt = Path(name).name
        self._rows.writerow((f"{stem}.pdf", "own", truth.kind, truth.pages, "yes", "A", truth.language, gt, truth.typesetter))

    def scores(self) -> Mapping[int, dict[str, float]]:
        """Return word F1, order, TEDS and TEDS structure by seed: of the order that fits best."""
        self._file.flush()
        found: dict[int, dict[str, float]] = defaultdict(dict)
        for scored in score(self._scorer, self._corpus, self._outputs, ["digital", "tables"]).documents:
            metrics = found[int(Path(scored.path).stem.split("_")[0])]
            for name, value in scored.metrics.items():
                metrics[name] = max(value, metrics.get(name, 0.0))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
