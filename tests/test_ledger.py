"""The ledger on a real Valkey: claims, blame, and the invariant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from document_parser.errors import JobExpired, JobNotFound
from document_parser.jobs import record
from document_parser.jobs.ledger import Claim, Ledger
from document_parser.jobs.record import JobCard
from document_parser.jobs.sweep import Sweep
from document_parser.models import JobState, Options, Page
from document_parser.storage import LocalStorage

JOB = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


def card(job_id=JOB):
    return JobCard(
        job_id=job_id,
        filename="scan.pdf",
        media_type="application/pdf",
        kind="pdf",
        sha256="00",
        size=1,
        options=Options(),
        created_at=datetime.now(UTC),
    )


@pytest.fixture
def ledger(valkey, redis):
    return Ledger(redis, valkey)


@pytest.fixture
def sweep(valkey, redis, tmp_path):
    return Sweep(valkey, redis, LocalStorage(tmp_path), "test")


def planned(ledger, redis, pages, job_id=JOB):
    """A job whose pages are all ready."""
    ledger.heartbeat("planner", [])
    record.create(redis, card(job_id), None)
    claim = ledger.claim_stage(job_id, "plan", "planner", alone=True)
    ledger.lay(job_id, pages, range(1, pages + 1))
    ledger.make_ready(job_id, range(1, pages + 1))
    ledger.planned(claim)
    return job_id


def dead(redis, actor):
    """An actor that stops beating: what a kill -9 leaves behind."""
    redis.zadd("actors", {actor: 1})


def test_a_page_is_claimed_once_and_counted_once(ledger, redis):
    planned(ledger, redis, 1)
    ledger.heartbeat("a", [])
    claim = ledger.claim("a", empty_handed=True)
    assert claim.page == 1
    assert ledger.claim("a", empty_handed=False) is None
    assert ledger.finish(claim, Page(number=1, engine="rapidocr")) == "closed"
    assert ledger.finish(claim, Page(number=1, engine="rapidocr")) == "not_yours"
    assert record.load(redis, JOB).counts["finished"] == 1


def test_only_the_claims_token_finishes_a_page(ledger, redis):
    planned(ledger, redis, 1)
    claim = ledger.claim("a", empty_handed=True)
    assert ledger.finish(Claim(JOB, "1", "another"), Page(number=1)) == "not_yours"
    assert ledger.finish(claim, Page(number=1)) == "closed"


def test_documents_take_turns_page_by_page(ledger, redis):
    planned(ledger, redis, 3)
    planned(ledger, redis, 2, OTHER)
    ledger.heartbeat("a", [])
    order = [ledger.claim("a", empty_handed=False).job_id for _ in range(5)]
    assert order == [JOB, OTHER, JOB, OTHER, JOB]


def test_pages_of_a_dead_reader_are_read_again_alone_and_not_charged(ledger, redis, sweep):
    planned(ledger, redis, 2)
    ledger.heartbeat("a", [])
    first, second = ledger.claim("a", empty_handed=True), ledger.claim("a", empty_handed=False)
    dead(redis, "a")
    sweep.release_the_dead()
    assert ledger.finish(first, Page(number=1)) == "not_yours"
    ledger.heartbeat("b", [])
    assert ledger.claim("b", empty_handed=False) == "drain"
    again = ledger.claim("b", empty_handed=True)
    assert again.alone
    assert again.page in (first.page, second.page)
    assert "crashes" not in ledger.entries(JOB)[again.page] or ledger.entries(JOB)[again.page]["crashes"] == 0


def test_a_page_that_kills_its_reader_alone_twice_is_failed_and_the_rest_completes(ledger, redis, sweep):
    planned(ledger, redis, 2)
    for reader in ("a", "b", "c"):
        ledger.heartbeat(reader, [])
        claim = ledger.claim(reader, empty_handed=True)
        if claim.alone:
            assert claim.page == 1
        dead(redis, reader)
        sweep.release_the_dead()
    assert ledger.entries(JOB)[1]["error"] == "WORKER_CRASHED"
    ledger.heartbeat("d", [])
    last = ledger.claim("d", empty_handed=True)
    assert (last.page, last.alone) == (2, False)
    assert ledger.finish(last, Page(number=2)) == "closed"
    assert ledger.end(JOB, JobState.COMPLETED) == "ok"
    job = record.load(redis, JOB)
    assert (job.complete, job.counts["failed"]) == (False, 1)


def test_one_reader_at_a_time_reads_suspects_while_the_others_read_on(ledger, redis, sweep):
    planned(ledger, redis, 4)
    ledger.heartbeat("a", [])
    ledger.claim("a", empty_handed=True)
    dead(redis, "a")
    sweep.release_the_dead()
    for reader in ("b", "c"):
        ledger.heartbeat(reader, [])
    assert ledger.claim("b", empty_handed=True).alone
    dead_suspects = redis.llen("suspects")
    assert dead_suspects == 0
    assert not ledger.claim("c", empty_handed=True).alone


def test_a_page_handed_back_is_next_and_nobody_is_blamed(ledger, redis):
    planned(ledger, redis, 3)
    ledger.heartbeat("a", [])
    claim = ledger.claim("a", empty_handed=True)
    assert ledger.release(claim, crashed=False).outcome == "ready"
    again = ledger.claim("a", empty_handed=True)
    assert (again.page, again.alone) == (1, False)


def test_a_job_with_a_missing_page_is_never_completed(ledger, redis):
    planned(ledger, redis, 2)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    assert ledger.end(JOB, JobState.COMPLETED) == "open"
    assert record.load(redis, JOB).state is JobState.PROCESSING


def test_planning_again_changes_nothing(ledger, redis):
    ledger.heartbeat("p", [])
    record.create(redis, card(), None)
    ledger.claim_stage(JOB, "plan", "p", alone=True)
    ledger.lay(JOB, 2, [1, 2])
    page = ledger.claim_planned_page(JOB, 1, "p")
    ledger.finish(page, Page(number=1, engine="text_layer"))
    ledger.lay(JOB, 2, [1, 2])
    assert ledger.entries(JOB)[1]["state"] == "done"
    assert ledger.claim_planned_page(JOB, 1, "p") is None
    assert ledger.make_ready(JOB, [1, 2]) == 1


def test_a_stage_is_worked_by_one_living_actor(ledger, redis, sweep):
    record.create(redis, card(), None)
    ledger.heartbeat("a", [])
    ledger.heartbeat("b", [])
    assert ledger.claim_stage(JOB, "plan", "a", alone=True) is not None
    assert ledger.claim_stage(JOB, "plan", "b", alone=True) is None
    dead(redis, "a")
    sweep.release_the_dead()
    assert ledger.claim_stage(JOB, "plan", "b", alone=True) is not None


def test_a_document_that_kills_its_planner_twice_fails(ledger, redis, sweep):
    record.create(redis, card(), None)
    for planner in ("a", "b"):
        ledger.heartbeat(planner, [])
        assert ledger.claim_stage(JOB, "plan", planner, alone=True) is not None
        dead(redis, planner)
        sweep.release_the_dead()
    job = record.load(redis, JOB)
    assert (job.state, job.error.code, job.error.status) == (JobState.FAILED, "WORKER_CRASHED", 422)


def test_a_document_planned_beside_others_is_not_charged_when_its_planner_dies(ledger, redis, sweep):
    record.create(redis, card(), None)
    for planner in ("a", "b", "c"):
        ledger.heartbeat(planner, [])
        assert ledger.claim_stage(JOB, "plan", planner, alone=False) is not None
        dead(redis, planner)
        sweep.release_the_dead()
    assert record.load(redis, JOB).state is JobState.PROCESSING


def test_a_job_only_moves_forward(ledger, redis):
    planned(ledger, redis, 1)
    assert ledger.end(JOB, JobState.CANCELLED) == "ok"
    assert ledger.end(JOB, JobState.COMPLETED) == "cancelled"
    assert ledger.claim_stage(JOB, "plan", "a", alone=True) is None
    assert ledger.claim("a", empty_handed=True) is None


def test_a_reader_learns_which_claims_a_cancel_took_away(ledger, redis):
    planned(ledger, redis, 1)
    planned(ledger, redis, 1, OTHER)
    ledger.heartbeat("a", [])
    claims = [ledger.claim("a", empty_handed=False) for _ in range(2)]
    assert ledger.heartbeat("a", claims) == []
    ledger.end(JOB, JobState.CANCELLED)
    assert [claim.job_id for claim in ledger.heartbeat("a", claims)] == [JOB]
    assert ledger.finish(claims[0], Page(number=1)) == "not_yours"


def test_no_key_of_a_job_expires_before_its_end_and_all_do_after(ledger, redis):
    planned(ledger, redis, 1)
    redis.set(f"job:{JOB}:password", b"sealed")
    keys = [key for key in redis.keys(f"job:{JOB}*") if not key.endswith((b":shown", b":rung"))]
    assert {redis.ttl(key) for key in keys} == {-1}
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    ledger.end(JOB, JobState.COMPLETED)
    left = redis.keys(f"job:{JOB}*")
    assert all(redis.ttl(key) > 0 for key in left), {key: redis.ttl(key) for key in left}
    assert not redis.exists(f"job:{JOB}:password")


def test_an_expired_job_leaves_a_tombstone_and_no_files(ledger, redis, sweep):
    planned(ledger, redis, 1)
    sweep.storage.put(f"jobs/{JOB}/source", b"x")
    ledger.end(JOB, JobState.CANCELLED)
    redis.delete(f"job:{JOB}")  # what Redis does when the time has come
    redis.zadd("jobs:expiring", {JOB: 1})
    sweep.expire()
    assert list(sweep.storage.keys("jobs/")) == []
    assert redis.zrange("jobs:public", 0, -1) == []
    with pytest.raises(JobExpired):
        record.load(redis, JOB)
    with pytest.raises(JobNotFound):
        record.load(redis, OTHER)


def test_a_reader_goes_on_when_pages_became_ready_at_its_last_look(ledger, redis):
    ledger.heartbeat("a", [])
    assert ledger.enter(1, "a")
    planned(ledger, redis, 1)
    assert not ledger.retire(1, "a", leave_work=False)
    ledger.claim("a", empty_handed=True)
    assert ledger.retire(1, "a", leave_work=False)


def test_readers_are_rung_only_where_pages_are_ready_and_a_slot_is_free(ledger, redis, sweep):
    assert ledger.ring(["read-1", "read-2"]) == []
    planned(ledger, redis, 1)
    assert ledger.ring(["read-1", "read-2"]) == [1, 2]
    assert ledger.ring(["read-3", "read-4"]) == []
    ledger.heartbeat("a", [])
    ledger.enter(1, "a")
    dead(redis, "a")
    sweep.release_the_dead()
    sweep.free_slots()
    assert ledger.ring(["read-5", "read-6"]) == [1]


def test_records_that_redis_lost_come_back_from_storage(ledger, redis, sweep):
    record.store_card(sweep.storage, card())
    planned(ledger, redis, 1, OTHER)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    ledger.end(OTHER, JobState.COMPLETED)
    record.store_card(sweep.storage, card(OTHER), ended=record.load(redis, OTHER))
    redis.flushall()
    sweep.rebuild()
    assert record.load(redis, JOB).state is JobState.QUEUED
    lost = record.load(redis, OTHER)
    assert (lost.state, lost.complete, lost.counts["done"]) == (JobState.COMPLETED, True, 1)
    assert redis.ttl(f"job:{OTHER}") > 0
