"""What keys, tiers, quotas and audit cost an upload, and whether 200 clients can exceed a quota."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.clients import MULTIPART, NEVER_FULL, Outcome, multipart, send_all
from benchmarks.report import Report, is_trial, progress
from benchmarks.submit import Cell, Side, clear, document, in_memory
from tests.support.owners import make_key
from tests.support.quota_storm import Storm, storm
from tests.support.service import API, Service, free_port, gunicorn, listens, redis_url_of, wait_until

CLIENTS = 10
UPLOADS = 400
"""Uploads of each side in one round: enough seconds that what is written to the database every few seconds falls into the round
of the side that caused it."""
ROUNDS = 10
MILLION = 1_000_000
ALL_LIMITS = "\n".join(
    f"{quota} = {MILLION}"
    for quota in ("documents_per_day", "documents_per_month", "pages_per_month", "concurrent_jobs", "requests_per_minute")
)
"""A tier with all limits, which are counted and never reached."""
SMALL = b"A sentence.\n" * 1000
SIZES = ("2 MB", "12 kB")
PLACES, DOCUMENTS, STORM_CLIENTS = 10, 500, 200
STORM_SECONDS = 300.0
"""No storm of clients takes longer."""


def main() -> None:
    trial = is_trial(__doc__)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=in_memory()) as name:
        folder = Path(name)
        with services(folder) as (sides, stores):
            found = compare(sides, stores, 1 if trial else ROUNDS)
        seconds, outcome = run_storm(folder / "storm", 40 if trial else STORM_CLIENTS)
    report(found, seconds, outcome, 40 if trial else STORM_CLIENTS).publish(trial=trial)


def tiers_of(folder: Path, limits: str) -> dict[str, object]:
    """The settings of a service whose keys have these limits."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiers.toml").write_text(f"[key]\n{limits}\n")
    return {**NEVER_FULL, "NUM_WORKERS": 0, "AUTH_MODE": "required", "TIERS_FILE": folder / "tiers.toml"}


@contextmanager
def services(folder: Path) -> Iterator[tuple[dict[str, Side], list[Path]]]:
    """A service without keys and one with keys, tiers, quotas and audit, and the folders of their documents."""
    with ExitStack() as stack:
        without = stack.enter_context(Service(folder / "off", API, NUM_WORKERS=0, AUTH_MODE="off", **NEVER_FULL))
        settings = tiers_of(folder / "required", ALL_LIMITS)
        required = stack.enter_context(Service(folder / "required", API, **settings))
        key = {"X-API-Key": make_key(required.data_dir, "acme").secret}
        sides = {
            f"{mode} {size}": Side(partial(send, service, headers, size), service.pid)
            for mode, service, headers in (("off", without, {}), ("required", required, key))
            for size in SIZES
        }
        yield sides, [service.data_dir / "jobs" for service in (without, required)]


def send(service: Service, headers: dict[str, str], size: str, uploads: int, clients: int) -> Outcome:
    url = f"http://127.0.0.1:{service.port}/v1/process/async"
    if size == "2 MB":
        bodies = (multipart("document.pdf", document()) for _ in range(uploads))
    else:
        bodies = (multipart("document.txt", b"%d\n" % time.perf_counter_ns() + SMALL) for _ in range(uploads))
    return send_all(url, bodies, clients, MULTIPART, headers)


def compare(sides: dict[str, Side], stores: list[Path], rounds: int) -> dict[str, list[Cell]]:
    """Outcomes of each round by side. The two sides of a size take turns, in one order and then in the other.

    One size after the other: what large documents leave to be cleaned up would slow whichever small ones come next.
    """
    found: dict[str, list[Cell]] = {name: [] for name in sides}
    for size in SIZES:
        pair = [f"{mode} {size}" for mode in ("off", "required")]
        for name in pair:
            sides[name].send(40, CLIENTS)  # warm
        for turn in range(rounds):
            progress(f"uploads of {size}, round {turn + 1} of {rounds}")
            for name in pair if turn % 2 else reversed(pair):
                cell = Cell()
                cell.measure(sides[name], UPLOADS, CLIENTS)
                found[name].append(cell)
                clear(*stores)
    return found


def run_storm(folder: Path, clients: int) -> tuple[float, Storm]:
    """Two web hosts of three processes in all, over one Redis and one database, while the jobs are read."""
    progress(f"{clients} clients against {PLACES} places and {DOCUMENTS} documents")
    settings = tiers_of(folder, f"concurrent_jobs = {PLACES}\ndocuments_per_day = {DOCUMENTS}")
    with Service(folder, API, WEB_WORKERS=2, **settings) as service:
        other = free_port()
        service.also(gunicorn("--workers", "1", "--bind", f"127.0.0.1:{other}"))
        wait_until(lambda: listens(other), 30, "the second host listens")
        secret, started = make_key(service.data_dir, "acme").secret, time.perf_counter()
        ports = [service.port, service.port, other]
        outcome = storm(
            service.data_dir, redis_url_of(service), ports, secret, "acme", clients, lambda: None, seconds=STORM_SECONDS
        )
        return time.perf_counter() - started, outcome


def compare_rounds(made: Report, size: str, off: list[Cell], required: list[Cell]) -> None:
    """Compare the two sides within each round, so that what slows the machine for a while slows both."""
    for name, rounds in (("AUTH_MODE=off", off), ("keys, tiers, quotas, audit", required)):
        whole = Cell()
        for cell in rounds:
            whole.add(cell)
            whole.processor += cell.processor
        made.tell(
            f"{size}, {name}",
            f"{whole.per_second:.1f} uploads/s, p50 {whole.p50_milliseconds:.1f} ms, CPU {whole.processor_milliseconds:.1f} ms",
        )
    pairs = list(zip(off, required, strict=True))
    ratios = [keyed.per_second / free.per_second for free, keyed in pairs]
    more = [keyed.p50_milliseconds - free.p50_milliseconds for free, keyed in pairs]
    made.at_least("… uploads/s of those with AUTH_MODE=off, median of the rounds", statistics.median(ratios), 0.95)
    made.tell("… half of the rounds", between_quartiles(ratios, "{:.2f}"))
    made.below("… p50 above that with AUTH_MODE=off, median of the rounds", statistics.median(more), 1.5, "{:.2f} ms")
    made.tell("… half of the rounds", between_quartiles(more, "{:.2f} ms"))


def between_quartiles(values: list[float], form: str) -> str:
    if len(values) < 2:
        return ""
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return f"{form.format(lower)} to {form.format(upper)}"


def report(found: dict[str, list[Cell]], seconds: float, outcome: Storm, clients: int) -> Report:
    made = Report("accounts")
    for size in SIZES:
        compare_rounds(made, size, found[f"off {size}"], found[f"required {size}"])
    made.below("failed uploads", sum(cell.failures for rounds in found.values() for cell in rounds), 1, "{:d}")
    made.below(f"{clients} clients, {PLACES} places: most jobs at once", outcome.most, PLACES + 1, "{:d}")
    made.below(f"{clients} clients, {DOCUMENTS} documents a day: jobs created", outcome.created, DOCUMENTS + 1, "{:d}")
    answers = ", ".join(f"{code} {count}" for code, count in sorted(outcome.answers.items()))
    made.tell(f"{clients} clients, {seconds:.0f} s: answers", answers)
    made.notes.append(
        f"Uploads by {CLIENTS} clients that share the cores, with NUM_WORKERS=0, stored in memory where the machine has a "
        "folder for that. The clients of the quota send to two hosts, of two web processes and of one, until each is told "
        "QUOTA_EXCEEDED."
    )
    return made


if __name__ == "__main__":
    main()
