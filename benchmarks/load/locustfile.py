"""What Locust runs: users that send one upload a second each, and what they were answered, as a file of JSON.

The variables LOAD_PATH, LOAD_KEY, LOAD_PROFILE (rate, seconds of rise, seconds of hold), LOAD_DOCUMENT (a name in DOCUMENTS)
and LOAD_OUT say what is done.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from locust import FastHttpUser, LoadTestShape, events, task

from benchmarks.clients import MULTIPART, multipart
from benchmarks.load.profiles import Profile

PROFILE = Profile(*(json.loads(os.environ["LOAD_PROFILE"])))
DOCUMENTS = {
    "letter": ("letter.txt", b"%d %d\n", b"A sentence of a letter that somebody sends.\n" * 250),
    "scan": ("scan.pdf", b"%%PDF-1.7\n%% %d %d\n", os.urandom(2_000_000)),
}
"""The name of each document's file, how it begins, and the rest, which is the same in all."""
NAME, HEAD, REST = DOCUMENTS[os.environ["LOAD_DOCUMENT"]]
GOLDEN_RATIO = 0.618034
ACCEPTED = 202
REFUSED = (429, 503)
STEPS_A_SECOND = 2

serials, users = itertools.count(), itertools.count()
answers: Counter[str] = Counter()
seconds: list[float] = []
jobs: list[str] = []


class Uploader(FastHttpUser):
    """Sends one upload a second, whatever the answers, unless they take longer than a second."""

    def on_start(self) -> None:
        """Begin at another moment of the second than the users that were started with this one."""
        offset = next(users) * GOLDEN_RATIO % 1
        self.due = time.monotonic() + offset
        time.sleep(offset)

    def wait_time(self) -> float:
        """Return the seconds until the next upload is due. Locust's own pace counts the offset as work, and makes it up."""
        now = time.monotonic()
        self.due = max(self.due + 1, now)
        return self.due - now

    @task
    def upload(self) -> None:
        body = multipart(NAME, HEAD % (next(serials), time.time_ns()) + REST)
        headers = {"Content-Type": MULTIPART, "X-API-Key": os.environ["LOAD_KEY"]}
        began = time.perf_counter()
        with self.client.post(os.environ["LOAD_PATH"], data=body, headers=headers, catch_response=True) as answer:
            took = time.perf_counter() - began
            if answer.status_code == ACCEPTED:
                seconds.append(took)
                jobs.append(answer.json()["job_id"])
                answers["accepted"] += 1
            elif answer.status_code in REFUSED and answer.headers.get("Retry-After"):
                answers[f"refused {answer.status_code}"] += 1
            else:
                answers[f"failed {answer.status_code}"] += 1
            answer.success()


class Shape(LoadTestShape):
    """The profile: as many users as uploads a second."""

    def tick(self) -> tuple[int, float] | None:
        passed = self.get_run_time()
        if passed > PROFILE.rise + PROFILE.hold:
            return None
        share = min(1.0, (passed + 1 / STEPS_A_SECOND) / PROFILE.rise)
        return max(1, round(PROFILE.rate * share)), PROFILE.rate


@events.quitting.add_listener
def write(**_: Any) -> None:
    Path(os.environ["LOAD_OUT"]).write_text(json.dumps({"answers": answers, "seconds": seconds, "jobs": jobs}))
