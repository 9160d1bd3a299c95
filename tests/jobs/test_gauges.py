"""What a scrape of Redis shows: what waits in each lane, what was counted with a job, and what processes have reported."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from document_parser.errors import QuotaExceeded
from document_parser.ingest.sniff import SUPPORTED, type_of
from document_parser.jobs import gauges, queue
from document_parser.jobs.records import record
from document_parser.jobs.records.transfers import Transfers
from document_parser.jobs.redis import counters
from document_parser.jobs.scheduling import forecast
from document_parser.models import Options
from document_parser.settings import AccountSettings
from tests.support.ledger_jobs import JOB, OTHER, add_ready_job, make_card, mark_dead


def new_card(**facts):
    return make_card(str(uuid.uuid4()), **facts)


def test_pages_and_documents_that_wait_are_told_by_lane_with_the_age_of_the_oldest(valkey, redis, ledger):
    add_ready_job(ledger, redis, 3, JOB, "normal")
    redis.zadd("jobs:active", {JOB: time.time() - 500})
    add_ready_job(ledger, redis, 2, OTHER, "batch", "acme")
    old = datetime.now(UTC) - timedelta(hours=1)
    queue.submit(redis, valkey, new_card(lane="express", created_at=old), None)
    queue.submit(redis, valkey, new_card(lane="express", sha256="01"), None)
    queue.submit(redis, valkey, new_card(lane="normal", origin="https://papers.test/a", media_type="", sha256="", size=0), None)
    queue.enqueue_stage(redis, OTHER, "assemble")
    found = gauges.samples(redis)
    assert {lane: found[f"pages_ready|{lane}"] for lane in ("express", "normal", "batch")} == {
        "express": 0,
        "normal": 3,
        "batch": 2,
    }
    assert {lane: found[f"documents_waiting|{lane}"] for lane in ("finish", "express", "normal", "batch")} == {
        "finish": 1,
        "express": 2,
        "normal": 1,
        "batch": 0,
    }
    assert found["queue_age_seconds|express"] == pytest.approx(3600, abs=60)
    assert found["queue_age_seconds|normal"] == pytest.approx(500, abs=60)
    assert found["queue_age_seconds|batch"] < 60


def test_work_is_told_in_seconds_at_the_pace_that_was_measured_last(redis, ledger, valkey):
    add_ready_job(ledger, redis, 6)
    queue.submit(redis, valkey, new_card(lane="normal"), None)
    assert gauges.samples(redis)["work_seconds|normal"] == 7 / forecast.ASSUMED_PACE
    redis.set(forecast.LAST_PACE, "2.0")
    found = gauges.samples(redis)
    assert (found["work_seconds|normal"], found["work_seconds|express"], found["pages_per_second"]) == (3.5, 0, 2)
    redis.hset(forecast.FORECAST_KEY, "#pace", "3.5")
    assert gauges.samples(redis)["work_seconds|normal"] == 2


def test_a_page_that_waits_to_be_read_alone_is_work_too(redis, ledger, sweep):
    add_ready_job(ledger, redis, 1)
    for trial in range(2):
        ledger.heartbeat(f"a{trial}", [])
        assert ledger.claim(f"a{trial}", empty_handed=True)
        mark_dead(redis, f"a{trial}")
        sweep.release_dead_claims()
    found = gauges.samples(redis)
    assert (found["pages_suspect"], found["pages_ready|normal"], found["work_seconds|normal"]) == (1, 0, 1)


def test_a_job_counts_once_by_mode_format_type_and_size_however_often_it_is_sent(redis, valkey):
    card = new_card(idempotency_key="k", size=2000, options=Options(accuracy_mode="fast", output_format="html"))
    queue.submit(redis, valkey, card, None)
    assert queue.submit(redis, valkey, card.model_copy(update={"job_id": OTHER}), None).replayed
    found = gauges.samples(redis)
    assert {
        name: value for name, value in found.items() if name.startswith(("jobs_created", "file_size", "cache_lookups"))
    } == {
        "jobs_created|fast|html": 1,
        "file_size_bytes|pdf|10240": 1,
        "file_size_bytes|pdf|sum": 2000,
        "cache_lookups|miss": 1,
    }


def test_a_document_that_has_to_be_fetched_counts_with_its_size_once_it_is_here(redis, valkey, ledger):
    card = new_card(origin="https://papers.test/a", media_type="", sha256="", size=0)
    queue.submit(redis, valkey, card, None)
    found = gauges.samples(redis)
    assert found["jobs_created|balanced|markdown"] == 1
    assert not [name for name in found if name.startswith(("file_size", "cache_lookups"))]
    claim = ledger.claim_stage(card.job_id, "fetch", "transfers", alone=True)
    fetched = card.model_copy(update={"media_type": "image/png", "sha256": "00", "size": 50})
    assert Transfers(redis).complete_fetch(claim, fetched, "cache/a") == "miss"
    assert Transfers(redis).complete_fetch(claim, fetched, "cache/a") == "not_yours"
    found = gauges.samples(redis)
    assert (found["file_size_bytes|png|1024"], found["cache_lookups|miss"]) == (1, 1)


def test_every_media_type_has_a_type_and_whatever_else_comes_is_other():
    assert {type_of(found.media_type) for found in SUPPORTED.values()} <= set(SUPPORTED)
    assert type_of("application/x-okapi; name=quagga") == "other"


def test_the_wait_of_a_job_is_counted_once(redis, ledger):
    record.create(redis, make_card(created_at=datetime.now(UTC) - timedelta(seconds=20)), None)
    assert ledger.claim_stage(JOB, "plan", "a", alone=True)
    mark_dead(redis, "a")
    redis.zrem("actors", "a")
    assert ledger.claim_stage(JOB, "plan", "b", alone=True)
    found = gauges.samples(redis)
    assert (found["job_wait_seconds|30"], found["job_wait_seconds|sum"]) == (1, pytest.approx(20, abs=5))


def test_tokens_of_an_extraction_count_with_its_stage(redis, ledger):
    add_ready_job(ledger, redis, 1)
    claim = ledger.claim_stage(JOB, "plan", "planner", alone=True) or None
    assert claim is None, "it is planned already"
    redis.hset(f"job:{JOB}", "state", "completed")
    claim = ledger.claim_stage(JOB, "export-html", "worker", alone=True)
    used = {"extract": {"tokens": 900, "milliseconds": 1500}}
    ledger.finish_stage(claim, used=used)
    ledger.finish_stage(claim, used=used)
    found = gauges.samples(redis)
    assert (found["tokens|extract"], found["engine_seconds|extract"]) == (900, 1.5)


def test_a_document_with_more_pages_than_are_left_counts_as_refused(redis, valkey, ledger, tmp_path):
    tiers = tmp_path / "tiers.toml"
    tiers.write_text("[key]\npages_per_month = 5")
    settings = valkey.model_copy(update={"accounts": AccountSettings(auth_mode="required", tiers_file=str(tiers))})
    card = make_card(owner="acme", tier="key")
    queue.submit(redis, settings, card, None)
    assert ledger.claim_stage(JOB, "plan", "planner", alone=True)
    with pytest.raises(QuotaExceeded):
        ledger.create_entries(JOB, 9, range(1, 10))
    assert gauges.samples(redis)["quota_refusals|pages_per_month"] == 1


def test_what_processes_report_is_added_up_and_expires_with_them(redis):
    counters.report(redis, "requests a", {"http_requests_in_progress": 2}, 30)
    counters.report(redis, "requests b", {"http_requests_in_progress": 3}, 30)
    counters.report(redis, "requests b", {"http_requests_in_progress": 1}, 30)
    counters.report(redis, "gpus of a host", {"gpu_utilization_ratio|host|0": 0.5}, 30)
    found = gauges.samples(redis)
    assert (found["http_requests_in_progress"], found["gpu_utilization_ratio|host|0"]) == (3, 0.5)
    counters.report(redis, "requests a", {"http_requests_in_progress": 2}, -1)
    assert gauges.samples(redis)["http_requests_in_progress"] == 1
    counters.report(redis, "requests b", {}, 30)
    assert redis.hlen(counters.REPORTS_KEY) == 2, "what has expired is forgotten"


def test_redis_tells_its_clients_and_its_memory(redis):
    found = gauges.samples(redis)
    assert 1 <= found["redis_clients"] < found["redis_max_clients"]
    assert found["redis_memory_bytes"] > 0
    assert found["redis_max_memory_bytes"] == 0


def test_while_thousands_of_jobs_wait_they_are_looked_at_every_few_seconds_only(redis):
    for number in range(1200):
        job_id = str(uuid.UUID(int=number))
        redis.rpush(f"job:{job_id}:ready", 1)
        redis.rpush("ready:normal:acme", job_id)
    redis.rpush("ready:normal", "acme")
    assert gauges.samples(redis)["pages_ready|normal"] == 1200
    redis.rpush(f"job:{job_id}:ready", 2)
    assert gauges.samples(redis)["pages_ready|normal"] == 1200
    assert 0 < redis.pttl("metrics:lanes") <= 5000
    redis.delete("metrics:lanes")
    assert gauges.samples(redis)["pages_ready|normal"] == 1201
