"""What an upload of 2 GB takes of a web process's memory, and how fast it is, as a form and by tus."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.clients import NEVER_FULL
from benchmarks.report import Report, is_trial, progress
from tests.support.service import API, Service
from tests.support.upload_memory import WAYS, extra_bytes, sparse_pdf

SIZE, TRIAL_SIZE = 2_000_000_000, 200_000_000
MOST_BYTES = 50_000_000
"""What a web process may take above its idle."""


def main() -> None:
    trial = is_trial(__doc__)
    size = TRIAL_SIZE if trial else SIZE
    made = Report("uploads")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        small, large = sparse_pdf(folder / "small.pdf", 1000), sparse_pdf(folder / "large.pdf", size)
        for way, send in WAYS.items():
            progress(f"{size / 1e9:.1f} GB by {way}")
            # A service for each: what one way took of memory is not idle for the next.
            with Service(folder / way, API, NUM_WORKERS=0, WEB_WORKERS=1, MAX_UPLOAD_MB=4096, **NEVER_FULL) as service:
                started = time.perf_counter()
                extra = extra_bytes(service, send, large, small)
                seconds = time.perf_counter() - started
            made.below(
                f"{size / 1e9:.1f} GB by {way}, peak of a web process above idle", extra / 1e6, MOST_BYTES / 1e6, "{:.1f} MB"
            )
            made.tell("… from the first byte to the job", f"{seconds:.1f} s, {size / 1e6 / seconds:.0f} MB/s")
    made.notes.append(
        "By tus, storage syncs every 8 MiB, and the hash is computed when the job is made. The client shares the cores."
    )
    made.publish(trial=trial)


if __name__ == "__main__":
    main()
