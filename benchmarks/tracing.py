"""What traces cost: pages a second through the model path with OpenTelemetry on and off, in turns."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Report, is_trial, progress
from benchmarks.servers import ModelServers, stamps
from benchmarks.throughput import Run, one_document, one_page_scans, warm_up
from tests.support import collector
from tests.support.collector import collecting
from tests.support.service import API, Service

PAGES, TRIAL_PAGES = 160, 40
ROUNDS, TRIAL_ROUNDS = 6, 2
LEAST_SHARE = 0.99


@dataclass
class Side:
    """What the service did with traces on, or off: a document and scans of one page, once a round."""

    documents: list[Run] = field(default_factory=list)
    scans: list[Run] = field(default_factory=list)


def main() -> None:
    trial = is_trial(__doc__)
    pages, rounds = (TRIAL_PAGES, TRIAL_ROUNDS) if trial else (PAGES, ROUNDS)
    sides = {"off": Side(), "on": Side()}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, collecting() as spans:
        folder = Path(name)
        with (
            ModelServers(folder / "servers") as servers,
            Service(folder / "off", API, **servers.settings()) as off,
            Service(folder / "on", API, **servers.settings(), **collector.settings(spans.url)) as on,
        ):
            services = {"off": off, "on": on}
            for place, service in enumerate(services.values()):
                warm_up(service, folder, 8_000_000 + 100_000 * place)
            for number in range(rounds):
                # Whatever else goes on meets both alike: the one that was second is first in the next round.
                for which in ("off", "on") if number % 2 == 0 else ("on", "off"):
                    progress(f"round {number + 1} of {rounds}, traces {which}")
                    first = 1_000_000 * (number + 1) + (500_000 if which == "on" else 0)
                    side, service = sides[which], services[which]
                    side.documents.append(one_document(service, servers, folder, stamps(first, pages)))
                    side.scans.append(one_page_scans(service, servers, stamps(first + 250_000, pages)))
        read = [span for span in spans.spans if span.name == "read page"]
    least = rounds * 2 * pages
    assert len(read) >= least, f"{len(read)} spans of pages instead of {least}"
    report(sides, len(spans.spans) / len(read)).publish(trial=trial)


def report(sides: dict[str, Side], spans_a_page: float) -> Report:
    made = Report("tracing")
    for what, of in (("one scanned PDF", lambda side: side.documents), ("scans of one page", lambda side: side.scans)):
        off, on = of(sides["off"]), of(sides["on"])
        for which, runs in (("off", off), ("on", on)):
            made.tell(f"{what}, traces {which}, pages/s", f"{statistics.median(run.pages_per_second for run in runs):.2f}")
            spent = statistics.median(run.service_milliseconds for run in runs)
            made.tell(f"… CPU a page, with traces {which}", f"{spent:.1f} ms")
        shares = [one.pages_per_second / other.pages_per_second for one, other in zip(on, off, strict=True)]
        made.at_least(f"{what}: on against off, median of {len(shares)} rounds", statistics.median(shares), LEAST_SHARE)
        made.tell("… lowest and highest of a round", f"{min(shares):.3f}, {max(shares):.3f}")
    made.tell("spans a page", f"{spans_a_page:.1f}")
    made.notes.append(
        f"Two services on the same simulated model servers, in turns, {PAGES} pages at a time, INFERENCE_MODE=vllm. "
        "The collector, which decodes and keeps each span, shares the cores, and so does the client."
    )
    return made


if __name__ == "__main__":
    main()
