"""A list of three hundred rows over twelve pages: with its heads on each page, on the first only, or with sums carried over."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.drawn.document import load
from benchmarks.drawn.draft import Draft, Gap, Node, style_from
from benchmarks.drawn.kinds.prose import heading
from benchmarks.drawn.kinds.records import grid
from benchmarks.drawn.truth import TableLook
from benchmarks.drawn.words import GOODS
from benchmarks.extraction.drawn.notation import amount

ROWS, PAGES = 300, 12
VARIANTS = ("heads on each page", "heads once", "carried sums")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "position": {"type": "integer"},
                    "name": {"type": "string"},
                    "quantity": {"type": "number"},
                    "unit_price": {"type": "number"},
                    "line_total": {"type": "number"},
                },
            },
        }
    },
}


@dataclass(frozen=True)
class LongTable:
    """The document and its rows."""

    pdf: bytes
    pages: int
    rows: list[dict[str, Any]]


def long_table(variant: str = VARIANTS[0], *, rows: int = ROWS, pages: int = PAGES, seed: int = 0) -> LongTable:
    """Draw the document: as many rows on each page, each row with a number of its own, and a foot with the page's number."""
    random = Random(f"long table {seed}")
    made: list[dict[str, Any]] = []
    for number in range(1, rows + 1):
        quantity, price = random.randint(1, 40), round(random.uniform(0.5, 90), 2)
        row = {"position": number, "name": random.choice(GOODS), "quantity": quantity, "unit_price": price}
        made.append({**row, "line_total": round(quantity * price, 2)})
    nodes: list[Node] = [heading("Parts list", 1)]
    each, total = -(-rows // pages), 0.0
    look = TableLook(rules="none" if variant == "heads once" else "rows", padding=2.0, widths=(8, 44, 12, 16, 18))
    for first in range(0, rows, each):
        texts = [["Pos.", "Description", "Qty", "Unit price", "Amount"]] if not first or variant != "heads once" else []
        heads = len(texts)
        if first and variant == "carried sums":
            texts.append(["", "Brought forward", "", "", amount(total, "en")])
        for row in made[first : first + each]:
            total += row["line_total"]
            prices = (amount(row["unit_price"], "en"), amount(row["line_total"], "en"))
            texts.append([str(row["position"]), row["name"], str(row["quantity"]), *prices])
        if first + each >= rows:
            texts.append(["", "Total", "", "", amount(total, "en")])
        elif variant == "carried sums":
            texts.append(["", "Carried forward", "", "", amount(total, "en")])
        nodes += [*([Gap(page=True)] if first else []), grid(texts, "rlrrr", heads=heads, look=look)]
    style = style_from(random, size=(9.0, 9.0))
    style.paper, style.margins, style.family = (595.28, 841.89), (60.0, 50.0, 70.0, 50.0), "helvetica"
    pdf, count = load("reportlab").set_draft(Draft("en", style, nodes, foot=f"Parts list\tPage {{page}} of {pages}"))
    return LongTable(pdf, count, made)
