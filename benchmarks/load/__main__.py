"""Uploads at given rates, with keys, quotas, audit and metrics on: what is answered, how soon, and whether a job is lost."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.accounts import ALL_LIMITS, tiers_of
from benchmarks.load.profiles import PROFILES, Profile
from benchmarks.report import Report, is_trial, progress
from benchmarks.submit import clear, floor, in_memory
from benchmarks.usage import Memory
from tests.support.owners import make_key
from tests.support.service import API, ROOT, Service, wait_until

SCALE = min(1.0, len(os.sched_getaffinity(0)) / 8)
"""The rates are those of eight cores."""
TRIAL_SHORTER = 6
MOST_P95_SECONDS = 0.2
RECOVERY_SECONDS = 5.0
RATES = tuple(round(20 * 1.2**step) for step in range(16))
"""The rates that are tried one after the other, in uploads a second, until one is not held."""
HOLD_SECONDS = 10.0
LEAST_SENT = 0.95
"""Share of the uploads of a rate that Locust must have sent: one that waits for answers sends fewer."""
HELD: dict[str, float | None] = {"scan": 0.80, "letter": None}
"""The documents whose highest rates are looked for, and the share of the bare route's that is to be reached."""
SCRAPE_SECONDS = 1.0
READ_SECONDS = 900
UPLOAD = "/v1/process/async"


@dataclass(frozen=True)
class Answered:
    """What a profile was answered. ``seconds`` are of the accepted uploads."""

    answers: dict[str, int]
    seconds: list[float]
    jobs: list[str]

    @property
    def failed(self) -> int:
        return sum(number for answer, number in self.answers.items() if answer.startswith("failed"))

    def percentile(self, percent: int) -> float:
        if len(self.seconds) < 2:
            return float("inf")
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1]

    def is_held(self, rate: int, hold: float) -> bool:
        """Whether uploads were accepted at this rate, all of them and soon."""
        all_accepted = set(self.answers) == {"accepted"} and len(self.seconds) >= LEAST_SENT * rate * hold
        return all_accepted and self.percentile(95) < MOST_P95_SECONDS

    def describe(self) -> str:
        told = ", ".join(f"{number} {answer}" for answer, number in sorted(self.answers.items()))
        p50, p95, p99 = (1000 * self.percentile(percent) for percent in (50, 95, 99))
        return f"{told}; p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f} ms"


def main() -> None:
    trial = is_trial(__doc__)
    if importlib.util.find_spec("locust") is None:
        sys.exit("Locust is not installed: pip install -c constraints.txt -e '.[load]'.")
    made = Report("load")
    shorter = TRIAL_SHORTER if trial else 1
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=in_memory()) as name:
        folder = Path(name)
        for which, profile in PROFILES.items():
            measure(made, folder / which, which, profile.scaled(SCALE, shorter))
        peak = PROFILES["peak"].scaled(SCALE, shorter)
        with floor(folder / "floor") as (url, _):
            progress("peak, the bare route")
            base, _, path = url.rpartition("/")
            found = send(folder / "floor.json", Target(base, f"/{path}"), peak)
        made.tell(f"the bare route at the peak's {peak.rate}/s", found.describe())
        for document, aim in HELD.items():
            measure_held(made, folder / f"held-{document}", document, HOLD_SECONDS / shorter, aim)
    made.notes.append(
        "Letters of 11 kB, and scans of 2 MB as in Submit, each another one. The rates of the profiles are those of 8 cores "
        f"times {SCALE:g}. Keys are required, all quotas, audit and rate limits are counted, /v1/metrics is read every second, "
        "and the workers read meanwhile. The highest rates are those of the web server alone (NUM_WORKERS=0): each is tried "
        "at the service, then at the bare route, and is held if all uploads are accepted with a p95 below 200 ms. Locust "
        "shares the cores."
    )
    made.publish(trial=trial)


def measure(made: Report, folder: Path, which: str, profile: Profile) -> None:
    """One profile, with a service of its own."""
    progress(f"{which}: {profile.rate} uploads/s")
    settings = {**tiers_of(folder, ALL_LIMITS), "NUM_WORKERS": 2}
    with Service(folder, API, **settings) as service:
        key = make_key(service.data_dir, "acme").secret
        with Memory(service, SCRAPE_SECONDS) as memory, scraping(service):
            found = send(folder / "found.json", Target(f"http://127.0.0.1:{service.port}", UPLOAD, key), profile)
            recovered = seconds_until_accepted(service, key)
            done = all_read(service, found.jobs)
        peak = max(memory.peaks().values()) / 2**20
    made.tell(f"{which}, {profile.rate}/s", found.describe())
    made.below("… answers that are neither 202 nor 429 or 503 with Retry-After", found.failed, 1, "{:.0f}")
    made.below("… accepted documents that were not read", len(found.jobs) - done, 1, "{:.0f}")
    if which == "spike":
        made.below("… until the next upload is accepted", recovered, RECOVERY_SECONDS, "{:.1f} s")
    if which == "peak":
        made.below("… p95", found.percentile(95), MOST_P95_SECONDS, "{:.3f} s")
    made.tell("… most memory of a process", f"{peak:.0f} MiB")


def measure_held(made: Report, folder: Path, document: str, hold: float, aim: float | None) -> None:
    """The highest rates that the service and the bare route hold, each rate at both, one after the other."""
    settings, bare = tiers_of(folder / "service", ALL_LIMITS), folder / "bare"
    highest = {"the service": 0, "the bare route": 0}
    with Service(folder / "service", API, **settings) as service, floor(bare) as (url, _), scraping(service):
        key = make_key(service.data_dir, "acme").secret
        base, _, path = url.rpartition("/")
        asked = {
            "the service": Target(f"http://127.0.0.1:{service.port}", UPLOAD, key),
            "the bare route": Target(base, f"/{path}"),
        }
        for rate in RATES:
            progress(f"{document}: {rate} uploads/s")
            for side in [side for side in asked if highest[side] == previous_rate(rate)]:
                found = send(folder / "held.json", asked[side], Profile(rate, 1, hold), document)
                clear(bare, service.data_dir / "jobs")
                if found.is_held(rate, hold):
                    highest[side] = rate
    for side, rate in highest.items():
        made.tell(f"a {document} each, {side}: highest rate with p95 < 200 ms", f"{rate}/s")
    share = highest["the service"] / max(1, highest["the bare route"])
    if aim is None:
        made.tell("… of the bare route's", f"{share:.2f}")
    else:
        made.at_least("… of the bare route's", share, aim)


def previous_rate(rate: int) -> int:
    """The rate that is tried before this one; 0 before the first."""
    return max((lower for lower in RATES if lower < rate), default=0)


@dataclass(frozen=True)
class Target:
    """Where uploads go, and with which key."""

    host: str
    path: str
    key: str = ""


def send(out: Path, target: Target, profile: Profile, document: str = "letter") -> Answered:
    """Have Locust send a profile's uploads."""
    shape = json.dumps([profile.rate, profile.rise, profile.hold])
    variables = {"LOAD_PATH": target.path, "LOAD_KEY": target.key, "LOAD_PROFILE": shape, "LOAD_DOCUMENT": document}
    command = [sys.executable, "-m", "locust", "--headless", "--host", target.host, "--only-summary", "--skip-log-setup"]
    command += ["--locustfile", str(ROOT / "benchmarks" / "load" / "locustfile.py")]
    environment = os.environ | variables | {"LOAD_OUT": str(out), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=out.parent, env=environment, capture_output=True, text=True)
    assert out.exists(), ran.stdout[-2000:] + ran.stderr[-2000:]
    return Answered(**json.loads(out.read_text()))


@contextmanager
def scraping(service: Service) -> Iterator[None]:
    """Read the metrics once a second, as Prometheus would."""
    ended, headers = threading.Event(), {"Authorization": f"Bearer {service.operator_token}"}

    def scrape() -> None:
        while not ended.wait(SCRAPE_SECONDS):
            httpx2.get(f"http://127.0.0.1:{service.port}/v1/metrics", headers=headers, timeout=30).raise_for_status()

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def seconds_until_accepted(service: Service, key: str) -> float:
    """How long after the load an upload is accepted at the first try or a later one."""
    began = time.monotonic()

    def accepted() -> bool:
        files = {"file": ("last.txt", b"A last letter.\n")}
        answer = httpx2.post(f"http://127.0.0.1:{service.port}{UPLOAD}", files=files, headers={"X-API-Key": key}, timeout=30)
        return answer.status_code == 202

    wait_until(accepted, 60, "an upload is accepted")
    return time.monotonic() - began


def all_read(service: Service, jobs: list[str]) -> int:
    """How many of these jobs end as completed."""
    return sum(service.ended(job_id, READ_SECONDS)["status"] == "completed" for job_id in jobs)


if __name__ == "__main__":
    main()
