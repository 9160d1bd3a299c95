"""When a job will have been read: what is foretold holds when pages are read in turn, one by one."""

from __future__ import annotations

import itertools

import pytest

from document_parser.jobs import forecast
from document_parser.jobs.forecast import Unfinished, Weighed, pages_per_second
from document_parser.jobs.lanes import order


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
    found = pages_per_second(Weighed([], pace, busy_since, now=1000.0))
    assert found == (None if told is None else pytest.approx(told))


def test_what_is_written_is_what_is_read():
    one = forecast.Forecast(12.5, 3)
    assert forecast.parse(forecast._text(one).encode()) == one
    assert forecast.parse(None) == forecast.Forecast()
