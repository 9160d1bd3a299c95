"""When a job will have been read: what is foretold holds when pages are read in turn, one by one."""

from __future__ import annotations

import itertools

import pytest

from document_parser.jobs.scheduling import forecast
from document_parser.jobs.scheduling.forecast import LoadSnapshot, Unfinished, pages_per_second
from document_parser.jobs.scheduling.lanes import order
from tests.support.documents import stamped_pdf
from tests.support.service import WORKER, Service, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread


def read_in_turn(jobs):
    """When each job ends, counted in pages, if pages are claimed as the ledger lets them be claimed."""
    ended = {}
    owners = {
        lane: list(dict.fromkeys(job.owner for job in jobs if job.lane == lane)) for lane in ("express", "normal", "batch")
    }
    line = {(job.lane, job.owner): [] for job in jobs}
    left = {job.job_id: job.left for job in jobs}
    for job in jobs:
        line[job.lane, job.owner].append(job.job_id)
    turns = itertools.count()
    for page in range(1, sum(left.values()) + 1):
        lane = next(lane for lane in order(next(turns)) if owners[lane])
        owner = owners[lane].pop(0)
        job_id = line[lane, owner].pop(0)
        left[job_id] -= 1
        if left[job_id]:
            line[lane, owner].append(job_id)
        else:
            ended[job_id] = page
        if line[lane, owner]:
            owners[lane].append(owner)
    return ended


MIXTURES = {
    "alone": [("a", "normal", "ann", 100)],
    "two of a kind": [("a", "normal", "ann", 400), ("b", "normal", "ann", 400)],
    "a short one beside a long one": [("a", "normal", "ann", 50), ("b", "normal", "ann", 1000)],
    "owners": [("a", "normal", "ann", 300), ("b", "normal", "ann", 300), ("c", "normal", "bob", 300)],
    "lanes": [("a", "express", "ann", 60), ("b", "normal", "ann", 200), ("c", "batch", "ann", 400)],
    "all of it": [
        ("a", "express", "ann", 90),
        ("b", "normal", "ann", 200),
        ("c", "normal", "bob", 500),
        ("d", "batch", "bob", 300),
        ("e", "batch", "cid", 40),
        ("f", "normal", "bob", 20),
    ],
}


@pytest.mark.parametrize("mixture", MIXTURES)
def test_what_is_foretold_is_what_happens(mixture):
    jobs = [Unfinished(job_id, lane, owner, left) for job_id, lane, owner, left in MIXTURES[mixture]]
    told = forecast.forecast(jobs, pace=2.0)
    for job_id, page in read_in_turn(jobs).items():
        assert told[job_id].seconds * 2.0 == pytest.approx(page, rel=0.05, abs=16)


def test_the_place_in_the_queue_is_by_lane_then_by_time():
    jobs = [
        Unfinished("a", "batch", "ann", None, queued=True),
        Unfinished("b", "normal", "ann", None, queued=True),
        Unfinished("c", "normal", "ann", 10),
        Unfinished("d", "express", "ann", None, queued=True),
        Unfinished("e", "normal", "ann", None, queued=True),
    ]
    told = forecast.forecast(jobs, pace=None)
    assert {job_id: one.position for job_id, one in told.items()} == {"a": 4, "b": 2, "c": None, "d": 1, "e": 3}
    assert {one.seconds for one in told.values()} == {None}


def test_a_document_that_nobody_has_opened_counts_as_much_as_the_others():
    known = Unfinished("a", "normal", "ann", 100)
    unopened = Unfinished("b", "normal", "ann", None, queued=True)
    assert forecast.forecast([known, unopened], pace=1.0)["a"].seconds == 200


@pytest.mark.parametrize(
    ("pace", "busy_since", "told"),
    [
        ({}, 0, None),
        ({199: 40}, 990, None),
        ({197: 10, 198: 10, 199: 10}, 980, 2.0),
        ({198: 5, 199: 5}, 900, 1.0),
        (dict.fromkeys(range(100, 200), 10), 100, 2.0),
        ({150: 500, **dict.fromkeys(range(190, 200), 10)}, 950, 2.0),
        ({180: 1, 185: 1, 190: 1, 195: 1}, 895, 3 / 95),
    ],
)
def test_the_pace_is_that_of_the_time_in_which_there_was_something_to_read(pace, busy_since, told):
    found = pages_per_second(LoadSnapshot([], pace, busy_since, now=1000.0))
    assert found == (None if told is None else pytest.approx(told))


def test_what_is_written_is_what_is_read():
    one = forecast.Forecast(12.5, 3)
    assert forecast.parse(forecast._format(one).encode()) == one
    assert forecast.parse(None) == forecast.Forecast()


# --- while workers come and go


def told_over(finished, waiting_from=1):
    """What is foretold of a job of 1000 pages after each bucket of time in which so many were finished."""
    told, left, pace = [], 1000, {}
    for bucket, pages in enumerate(finished, start=waiting_from):
        pace[bucket], left = pages, left - pages
        now = (bucket + 1) * forecast.BUCKET_SECONDS
        kept = {one: count for one, count in pace.items() if one > bucket - forecast.BUCKETS}
        weighed = LoadSnapshot([], kept, waiting_from * forecast.BUCKET_SECONDS, now)
        job = Unfinished("a", "normal", "ann", left)
        told.append(forecast.forecast([job], pages_per_second(weighed))["a"].seconds)
    return told


def test_a_second_worker_makes_it_sooner_and_one_that_leaves_makes_it_later():
    both = told_over([10] * 8 + [20] * 8)
    assert both[7] < both[2], "time passes"
    falls = [before - after for before, after in itertools.pairwise(both[8:])]
    assert min(falls) > forecast.BUCKET_SECONDS, "it falls faster than the clock runs"
    leaves = told_over([20] * 8 + [10] * 8)
    assert all(after - before > -forecast.BUCKET_SECONDS for before, after in itertools.pairwise(leaves[7:]))
    assert leaves[-1] > both[-1]


def test_while_nobody_works_it_rises_until_nothing_can_be_known():
    told = told_over([10] * 8 + [0] * 30)
    rising = [seconds for seconds in told[8:] if seconds is not None]
    assert rising == sorted(rising)
    assert told[-1] is None
    assert all(seconds >= 0 for seconds in told if seconds is not None)


@pytest.mark.parametrize(
    ("pace", "busy_since", "still"),
    [({}, 0, False), ({}, 990, False), ({}, 870, True), ({190: 1}, 870, False)],
)
def test_no_pace_holds_where_pages_wait_for_as_long_as_it_is_taken_from_and_none_is_finished(pace, busy_since, still):
    assert forecast.is_stalled(LoadSnapshot([], pace, busy_since, now=1000.0)) is still


@pytest.mark.parametrize("finished", [[1, 0, 0, 0], [0, 0, 0, 1], [1000], [500, 500], [0] * 30, [1] + [0] * 30 + [1]])
def test_it_is_never_negative_and_never_without_bounds(finished):
    assert all(seconds is None or 0 <= seconds < 1e6 for seconds in told_over(finished))


def test_when_the_only_worker_leaves_nothing_is_foretold_until_another_comes(tmp_path):
    server = ModelServer(speed=Speed(tokens_per_second=300, per_sequence=100, first_token=0.05), tokens=60)
    with served_from_thread(server):
        settings = {"INFERENCE_MODE": "vllm", "VLLM_DEEPSEEK_URL": server.url, "VLLM_NANONETS_URL": "http://127.0.0.1:9/v1"}
        settings |= {"NUM_WORKERS": 0, "PAGE_CONCURRENCY": 1, "SWEEP_SECONDS": 0.5, "DRAIN_SECONDS": 4}
        with Service(tmp_path, **settings) as service:
            job_id, seen = service.submit(stamped_pdf(tmp_path / "long.pdf", range(1, 200))), []

            def eta():
                seen.append(service.status(job_id)["progress"]["eta_seconds"])
                return seen[-1]

            assert eta() is None, "nobody works yet"
            worker = service.also([*WORKER, "--workers", "1"])
            wait_until(lambda: eta() is not None, 60, "it is foretold")
            worker.terminate()
            assert worker.wait(60) == 0
            wait_until(lambda: eta() is None, 60, "nobody foretells any more")
            assert service.status(job_id)["status"] == "processing"
            service.also([*WORKER, "--workers", "1"])
            wait_until(lambda: eta() is not None, 60, "it is foretold again")
            service.client.post(f"/v1/jobs/{job_id}/cancel")
    assert all(seconds is None or seconds >= 0 for seconds in seen)
