"""Word F1, order and TEDS of drawn documents by the corpus's scorer, which takes a folder in the corpus's form.

Leaders, the rows of dots between a text and its page number, are no text: they are left out of what was read. So are
watermarks, which the product writes at the end of a page and the truth does not have. Check boxes are compared in one writing:
the truth says [x] where the product has the sign that is drawn.
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

CHECKED, UNCHECKED = re.compile("[☑☒✓✔✗✘⊠]"), re.compile("[☐□▢❏]")
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
        (self._outputs / f"{stem}.pdf.md").write_text(_comparable(reading), encoding="utf-8")
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


def _comparable(reading: DrawnReading) -> str:
    """Return what was read without leaders and watermarks, and with check boxes as the truth writes them."""
    marks = {block.text for block in reading.blocks if block.kind == "watermark"}
    lines = [line for line in reading.markdown.splitlines() if line.strip() not in marks]
    text = UNCHECKED.sub("[ ]", CHECKED.sub("[x]", "\n".join(lines)))
    return LEADER.sub(" ", text) + "\n"
