"""Compute what pages cost from the figures of docs/benchmarks.md and the prices of deploy/terraform/prices.toml.

``python -m benchmarks.cost`` writes docs/cost.md; with ``--trial`` it only prints. Nothing is measured here.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import DOCUMENT, is_trial, with_section

PRICES = DOCUMENT.parent.parent / "deploy" / "terraform" / "prices.toml"
PAGE = DOCUMENT.parent / "cost.md"
SECONDS_AN_HOUR = 3600
PAGES = 1000


def figure(document: str, row: str) -> float:
    """Return the first number of a row of docs/benchmarks.md. Raises ValueError if there is no such row."""
    found = re.search(rf"^\| {re.escape(row)} +\| ([\d.]+)", document, re.MULTILINE)
    if found is None:
        raise ValueError(f"docs/benchmarks.md has no row {row!r}")
    return float(found[1])


@dataclass(frozen=True)
class Paces:
    """What a page takes.

    Seconds of a core where models read it and where the CPU reads it, tokens of an answer, and the share of a model server's
    pace that the service reaches.
    """

    beside_model: float
    by_cpu: float
    tokens: float
    share: float

    @classmethod
    def of(cls, document: str) -> Paces:
        """Return the paces that docs/benchmarks.md shows. Raises ValueError if it lacks one."""
        return cls(
            beside_model=figure(document, "INFERENCE_MODE=vllm: CPU a page, one scanned PDF") / 1000,
            by_cpu=figure(document, "CHECK_IMAGE_PAGES=all: CPU a page, one scanned PDF") / 1000,
            tokens=figure(document, "tokens a page"),
            share=figure(document, "INFERENCE_MODE=vllm: … of the bare load generator"),
        )


def fixed_cost(prices: dict[str, Any]) -> dict[str, float]:
    """Return what a month costs before the first page, by part."""
    hour, count, hours = prices["hour"], prices["count"], prices["hours_a_month"]
    return {
        "cluster": hour["cluster"] * hours,
        "CPU nodes, the fewest": hour["cpu_node"] * count["cpu_nodes"] * hours,
        "Redis": hour["redis_node"] * count["redis_nodes"] * hours,
        "PostgreSQL": hour["database_node"] * count["database_nodes"] * hours,
        "load balancer and NAT gateway": (hour["balancer"] + hour["nat_gateway"]) * hours,
    }


def page_costs(prices: dict[str, Any], paces: Paces) -> list[tuple[str, float, float]]:
    """Return ways to read scans: name, pages a second of one node that is always busy, price of 1,000 pages."""
    cores, hour = prices["cpu_node"]["cores"], prices["hour"]
    by_cpu = cores / paces.by_cpu
    beside = cores / paces.beside_model
    by_gpu = prices["gpu_node"]["tokens_per_second"] / paces.tokens * paces.share
    second = hour["cpu_node"] / SECONDS_AN_HOUR
    gpu_second = hour["gpu_node"] / SECONDS_AN_HOUR
    return [
        ("read by the CPU", by_cpu, second / by_cpu * PAGES),
        ("read by a model: the GPU node", by_gpu, gpu_second / by_gpu * PAGES),
        ("read by a model: the workers beside it", beside, second / beside * PAGES),
    ]


def text(document: str, prices: dict[str, Any]) -> str:
    """Return the section of docs/cost.md."""
    paces, currency = Paces.of(document), prices["currency"]
    ways = page_costs(prices, paces)
    fixed = fixed_cost(prices)
    lines = [
        f"| scans, by one node that is always busy | pages/s | {currency} for 1,000 pages |",
        "|---|---|---|",
        *(f"| {name} | {pace:.1f} | {cost:.4f} |" for name, pace, cost in ways),
        f"| read by a model, together | | {ways[1][2] + ways[2][2]:.4f} |",
        "",
        f"| a month before the first page | {currency} |",
        "|---|---|",
        *(f"| {name} | {cost:.0f} |" for name, cost in fixed.items()),
        f"| together | {sum(fixed.values()):.0f} |",
        "",
        f"Figures of [benchmarks.md](benchmarks.md#throughput): {paces.by_cpu * 1000:.0f} ms of a core for a page that the CPU "
        f"reads as a whole, {paces.beside_model * 1000:.0f} ms beside a model, {paces.tokens:.0f} tokens a page, "
        f"{paces.share:.2f} of a model server's pace.",
        f"Prices: {prices['source']} ({prices['as_of']}). A GPU node's {prices['gpu_node']['tokens_per_second']} tokens a "
        f"second are an input too.",
    ]
    return "\n".join(lines)


def page() -> str:
    """Return docs/cost.md as it should be. Raises ValueError if docs/benchmarks.md lacks a figure."""
    prices = tomllib.loads(PRICES.read_text())
    return with_section(PAGE.read_text(), "cost", text(DOCUMENT.read_text(), prices))


def main() -> None:
    """Write docs/cost.md, or print what it would be."""
    found = page()
    if is_trial(__doc__):
        print(found)
    else:
        Path(PAGE).write_text(found)


if __name__ == "__main__":
    main()
