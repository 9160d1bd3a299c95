"""Clocks that differ by hours and jump: nobody counts as dead or as alive for that, nothing expires, nothing is read twice.

Real processes run under a clock that the test sets. The service's one clock is the store's; hosts' own are only shown.
"""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timedelta

import pytest

from document_parser.jobs import queue
from document_parser.jobs.redis import clock
from document_parser.jobs.scheduling import forecast
from document_parser.workers.sweep import LEASE_MILLISECONDS
from tests.support import clocks
from tests.support.ledger_jobs import JOB, add_ready_job
from tests.support.processes import kill_horses
from tests.support.service import API, SOON, WORKER, Service, asking, start_reading, wait_until
from tests.support.valkey import valkey_server

STAMPS = range(300, 320)
HOUR_MILLISECONDS = 3_600_000


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return clocks.library(tmp_path_factory.mktemp("clock"))


def settings(server):
    return {
        **asking(server.url),
        **SOON,
        "PAGE_CONCURRENCY": 3,
        "WEB_WORKERS": 1,
    }


@contextlib.contextmanager
def among_others(host):
    """One of several hosts that share a folder: the first to end kills them all."""
    host.start()
    try:
        yield
    finally:
        host.kill_everything()
        host.process.wait(10)
        host.client.close()


def moments(status):
    return [datetime.fromisoformat(status[name]) for name in ("created_at", "started_at", "completed_at", "expires_at")]


def test_hosts_whose_clocks_differ_by_hours_and_jump_work_together_and_read_each_page_once(tmp_path, library, server, scan):
    ahead, behind = (clocks.SetClock(library, tmp_path / name) for name in ("ahead", "behind"))
    ahead.set(hours=3)
    behind.set(hours=-3)
    with contextlib.ExitStack() as stack:
        port, _ = stack.enter_context(valkey_server(tmp_path / "valkey", config="appendonly yes\n"))
        shared = settings(server) | {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "DATA_DIR": tmp_path / "data"}
        own = {
            "one": {"NUM_WORKERS": 1} | ahead.environment,
            "two": {"NUM_WORKERS": 1} | behind.environment,
            "api": {"NUM_WORKERS": 0},
        }
        hosts = {name: Service(tmp_path / name, API if name == "api" else WORKER, **shared | own[name]) for name in own}
        for host in hosts.values():
            host.data_dir = tmp_path / "data"  # a folder that they share
            stack.enter_context(among_others(host))
        api = hosts["api"].ready()
        wait_until(lambda: api.client.get("/v1/health").json()["workers"] == 2, 60, "both hosts' workers count as alive")
        job_id = start_reading(api, scan, pages=3)
        ahead.set(hours=-5)
        behind.set(hours=7)
        seen = [api.status(job_id)["progress"]["eta_seconds"] for _ in range(3)]
        status = api.ended(job_id)
        assert (status["status"], status["complete"]) == ("completed", True)
        assert sorted(entry.stamp for entry in server.log) == list(STAMPS)
        assert all(eta is None or 0 <= eta < 600 for eta in seen), seen
        created, started, completed, expires = moments(status)
        assert created <= started <= completed < created + timedelta(minutes=5)
        assert expires - completed == timedelta(hours=24)
        time.sleep(6)  # RQ's workers give a sign of life every five seconds: these come after the jump
        assert api.client.get("/v1/health").json()["workers"] == 2
        assert api.client.get("/v1/system").json()["workers"]["alive"] == 2


def test_a_machine_whose_clock_jumps_with_its_redis_goes_on_and_finds_its_dead(tmp_path, library, server, scan):
    machine = clocks.SetClock(library, tmp_path / "machine")
    with Service(tmp_path / "service", **settings(server) | machine.environment) as service:
        job_id = start_reading(service, scan, pages=3)
        machine.set(hours=3)
        wait_until(lambda: "store_clock_jumped" in service.log, 20, "the jump is seen")
        assert service.ended(job_id)["complete"] is True
        assert sorted(entry.stamp for entry in server.log) == list(STAMPS), "nobody counted as dead for the jump"
        job_id = start_reading(service, scan, pages=3)
        asked = len(server.log)
        machine.set(hours=-3)
        kill_horses(service)
        status = service.ended(job_id, seconds=45)
        assert (status["status"], status["complete"]) == ("completed", True)
        assert len(server.log) - asked < len(STAMPS)


# --- Redis' own clock, set by the moments that stand in it


def test_an_actor_that_beat_before_the_clock_was_set_back_is_dead_once_it_is_silent(ledger, redis, sweep):
    add_ready_job(ledger, redis, 1)
    ledger.heartbeat("reader", [])
    ledger.claim("reader", empty_handed=True)
    redis.zadd("actors", {"reader": sweep.now() + 3 * HOUR_MILLISECONDS})
    sweep.release_dead_claims()
    assert ledger.entries(JOB)[1]["state"] == "claimed", "it may be alive"
    assert redis.zscore("actors", "reader") <= sweep.now()


def test_a_jump_of_the_clock_is_followed_once_by_all_that_is_due(ledger, redis):
    add_ready_job(ledger, redis, 1)
    ledger.heartbeat("reader", [])
    ledger.claim("reader", empty_handed=True)
    redis.zadd("webhooks:due", {JOB: 5000})
    before = [redis.zrange(key, 0, -1, withscores=True) for key in ("actors", "claims", "webhooks:due")]
    clock.shift_times(redis, 7200.0)
    clock.shift_times(redis, 7200.0)  # another sweeper has seen it too
    after = [redis.zrange(key, 0, -1, withscores=True) for key in ("actors", "claims", "webhooks:due")]
    assert after == [[(name, score + 7_200_000) for name, score in key] for key in before]
    redis.pexpire("sweep:jumped", 3 * HOUR_MILLISECONDS)  # noted before the clock was set back
    clock.shift_times(redis, -7200.0)
    assert [redis.zrange(key, 0, -1, withscores=True) for key in ("actors", "claims", "webhooks:due")] == before


def test_the_lease_of_a_sweeper_that_died_before_the_clock_was_set_back_is_cut_short(redis, sweep):
    redis.set("sweep:lease", "another", px=3 * HOUR_MILLISECONDS)
    assert not sweep.run_once()
    assert redis.pttl("sweep:lease") <= LEASE_MILLISECONDS


def test_a_bell_that_rang_before_the_clock_was_set_back_is_rung_again(ledger, redis, sweep):
    add_ready_job(ledger, redis, 1)
    redis.hset("readers", 1, f"rung|{sweep.now() + 3 * HOUR_MILLISECONDS}|read-1-gone")
    sweep.free_slots()
    assert redis.hget("readers", "1") is None


def test_a_forecast_forgets_what_was_counted_before_the_clock_was_set_back(ledger, redis, sweep):
    add_ready_job(ledger, redis, 1)
    later = sweep.now() + 3 * HOUR_MILLISECONDS
    redis.hset("load", "busy_since", later)
    redis.hset("pace", str(later // 5000), 1000)
    weighed = forecast.measure_load(redis)
    assert weighed.busy_since <= weighed.now
    assert weighed.pace == {}


@pytest.mark.parametrize(("left", "lives"), [(80_000, True), (70_000, True), (50_000, False), (9_000_000, False), (-2, False)])
def test_a_worker_lives_by_what_is_left_of_its_key(left, lives):
    assert queue.is_alive(left, "") is lives
    assert not queue.is_alive(left, "2026-01-01T00:00:00Z")
