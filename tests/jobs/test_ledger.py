"""The ledger on a real Valkey: claims, blame, and the invariant."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from rq.serializers import JSONSerializer

from document_parser.errors import IdempotencyKeyReused, JobExpired, JobNotFound, QueueFull
from document_parser.jobs import queue
from document_parser.jobs.ending import delete_job, end_job
from document_parser.jobs.reader_slots import ReaderSlots
from document_parser.jobs.records import history, record, storage_keys
from document_parser.jobs.records.job import PUBLIC
from document_parser.jobs.records.ledger import Claim, Ledger
from document_parser.jobs.scheduling import admission, forecast, lanes
from document_parser.jobs.scheduling.lanes import LANES
from document_parser.models import JobExtraction, JobState, Options, Page, PageWarning
from document_parser.settings import QueueSettings
from document_parser.storage import LocalStorage
from document_parser.workers.heartbeat import Heartbeat
from document_parser.workers.pool import PageWorker
from tests.support.ledger_jobs import JOB, OTHER, add_ready_job, make_card, mark_dead
from tests.support.service import wait_until


def test_a_task_learns_at_once_that_its_job_was_cancelled_or_deleted(valkey, redis):
    workers = valkey.workers.model_copy(update={"heartbeat_seconds": 600.0})
    ledger = Ledger(redis, valkey.model_copy(update={"workers": workers}))
    lost: list[str] = []
    with Heartbeat(ledger, lambda claim: lost.append(claim.job_id)) as actor:
        add_ready_job(ledger, redis, 1, JOB)
        add_ready_job(ledger, redis, 1, OTHER)
        for _ in range(2):
            actor.hold(ledger.claim(actor.name, empty_handed=True))
        ledger.end(JOB, JobState.CANCELLED)
        wait_until(lambda: JOB in lost, 2, "the cancelled job's claim is known to be lost")
        assert OTHER not in lost
        record.delete(redis, record.load(redis, OTHER))
        wait_until(lambda: OTHER in lost, 2, "the deleted job's claim is known to be lost")


def test_nothing_in_redis_names_a_deleted_job(redis, valkey, ledger, tmp_path):
    redis.config_set("rdbcompression", "no")
    storage = LocalStorage(tmp_path)
    queue.submit(redis, valkey, make_card(idempotency_key="k"), b"sealed")
    add_ready_job(ledger, redis, 3, OTHER)
    ledger.heartbeat("reader", [])
    ledger.release(ledger.claim("reader", empty_handed=True), crashed=True)
    ledger.claim("another", empty_handed=False)
    ledger.end(OTHER, JobState.FAILED)
    queue.enqueue_stage(redis, OTHER, "assemble")
    redis.set(f"pictures:{OTHER}|2|0", "drawn")
    redis.rpush("pictures", f"{OTHER}|2|0")
    forecast.publish_forecast(redis)
    for job_id in (JOB, OTHER):
        gone = delete_job(redis, ledger, storage, record.load(redis, job_id))
        assert gone.keys >= 6
        # Only the history is still told of it, by its id.
        left = [key for key in redis.scan_iter() if job_id.encode() in key + everything_under(redis, key)]
        assert left == [history.DUE.encode()]


class DeletedMeanwhile(LocalStorage):
    """Storage to which a file is written after its job was deleted."""

    def __init__(self, root, delete) -> None:
        super().__init__(root)
        self.delete_job = delete

    def put(self, key, data, *, durable=True):
        self.delete_job()
        super().put(key, data, durable=durable)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_is_deleted_while_its_end_is_written_leaves_no_file(ledger, redis, tmp_path, state):
    add_ready_job(ledger, redis, 1)
    LocalStorage(tmp_path).put(storage_keys.source(JOB), b"private")
    storage = DeletedMeanwhile(tmp_path, lambda: delete_job(redis, ledger, LocalStorage(tmp_path), record.load(redis, JOB)))
    end_job(redis, ledger, storage, JOB, state)
    assert not (tmp_path / storage_keys.folder(JOB)).exists()
    assert not redis.exists(f"job:{JOB}")


def everything_under(redis, key: bytes) -> bytes:
    return redis.dump(key) or b""


def test_a_page_is_claimed_once_and_counted_once(ledger, redis):
    add_ready_job(ledger, redis, 1)
    ledger.heartbeat("a", [])
    claim = ledger.claim("a", empty_handed=True)
    assert claim.page == 1
    assert ledger.claim("a", empty_handed=False) is None
    assert ledger.finish(claim, Page(number=1, engine="rapidocr")) == "closed"
    assert ledger.finish(claim, Page(number=1, engine="rapidocr")) == "not_yours"
    assert record.load(redis, JOB).counts["finished"] == 1


def test_pages_to_look_at_are_counted_and_harmless_warnings_are_not(ledger, redis):
    add_ready_job(ledger, redis, 3)
    ledger.heartbeat("a", [])
    pages = [Page(number=1), Page(number=2), Page(number=3, status="failed")]
    pages[0].warnings = [PageWarning(code="rotated")]
    pages[1].warnings = [PageWarning(code="rotated"), PageWarning(code="low_coverage")]
    pages[2].warnings = [PageWarning(code="page_failed")]
    for page in pages:
        ledger.finish(ledger.claim("a", empty_handed=False), page)
    progress = record.load(redis, JOB).to_status().progress
    assert (progress.flagged_pages, progress.failed_pages) == (1, 1)


def test_only_the_claims_token_finishes_a_page(ledger, redis):
    add_ready_job(ledger, redis, 1)
    claim = ledger.claim("a", empty_handed=True)
    assert ledger.finish(Claim(JOB, "1", "another"), Page(number=1)) == "not_yours"
    assert ledger.finish(claim, Page(number=1)) == "closed"


def test_documents_take_turns_page_by_page(ledger, redis):
    add_ready_job(ledger, redis, 3)
    add_ready_job(ledger, redis, 2, OTHER)
    ledger.heartbeat("a", [])
    order = [ledger.claim("a", empty_handed=False).job_id for _ in range(5)]
    assert order == [JOB, OTHER, JOB, OTHER, JOB]


def claimed(ledger, pages, turns=None):
    """The jobs whose pages are claimed one after the other, by the digit their ids are made of."""
    turns = turns or itertools.repeat(LANES)
    return [ledger.claim("a", empty_handed=False, lanes=lanes).job_id[0] for lanes in itertools.islice(turns, pages)]


def test_owners_take_turns_whatever_number_of_documents_each_has(ledger, redis):
    add_ready_job(ledger, redis, 3, "1" * 36, owner="ann")
    add_ready_job(ledger, redis, 3, "2" * 36, owner="ann")
    add_ready_job(ledger, redis, 3, "3" * 36, owner="bob")
    assert claimed(ledger, 9) == ["1", "3", "2", "3", "1", "3", "2", "1", "2"]


class Planners:
    """Takes bells as a worker does; what it would plan is told instead."""

    def __init__(self, redis, settings):
        queues = [queue.queue(redis, name) for name in queue.QUEUES]
        self.worker = PageWorker(queues, connection=redis, serializer=JSONSerializer, settings=settings, prefers_pages=False)

    def take(self):
        bell, _ = self.worker.dequeue_job_and_maintain_ttl(None)
        return bell.id


def test_of_pools_with_one_worker_each_one_prefers_pages_and_a_worker_without_others_plans_first(redis, valkey):
    queues = [queue.queue(redis, name) for name in queue.QUEUES]

    def lone(name):
        facts = {
            "connection": redis,
            "serializer": JSONSerializer,
            "settings": valkey,
            "prefers_pages": False,
            "is_alone": True,
        }
        worker = PageWorker(queues, name=name, **facts)
        worker.register_birth()
        worker.heartbeat()
        return worker

    def first_queues(workers):
        for worker in workers:
            worker.reorder_queues(queues[0])
        return [worker._ordered_queues[0].name for worker in workers]

    alone = [lone("b")]
    assert first_queues(alone) == [queue.FINISH]
    three = [*alone, lone("a"), lone("c")]
    assert first_queues(three) == [queue.FINISH, queue.PAGES, queue.FINISH]
    three[1].register_death()
    assert first_queues([three[0], three[2]]) == [queue.PAGES, queue.FINISH], "another takes its place"


def test_an_owner_with_many_documents_to_plan_does_not_hold_up_the_others(redis, valkey):
    owned = {owner: [str(uuid.uuid4()) for _ in range(count)] for owner, count in (("ann", 30), ("bob", 2), ("cid", 1))}
    for owner, job_ids in owned.items():
        for job_id in job_ids:
            queue.submit(redis, valkey, make_card(job_id, sha256=job_id, owner=owner, lane="normal"), None)
    owner_of = {job_id: owner for owner, job_ids in owned.items() for job_id in job_ids}
    planners = Planners(redis, valkey)
    taken = [planners.take() for _ in owner_of]
    assert [owner_of[job_id] for job_id in taken[:6]] == ["ann", "bob", "cid", "ann", "bob", "ann"]
    assert sorted(taken) == sorted(owner_of), "each once"
    for owner, job_ids in owned.items():
        assert [job_id for job_id in taken if owner_of[job_id] == owner] == job_ids, "in the order in which they came"
    assert redis.llen(queue.queue(redis, "normal").key) == 0
    assert list(redis.scan_iter("plans:*")) == []


def test_readers_that_plan_beside_their_reading_let_owners_take_turns_too(redis, valkey):
    owned = {owner: [str(uuid.uuid4()) for _ in range(5)] for owner in ("ann", "bob")}
    for owner, job_ids in owned.items():
        for job_id in job_ids:
            queue.submit(redis, valkey, make_card(job_id, sha256=job_id, owner=owner, lane="express"), None)
    taken = []
    while heads := queue.next_plan_by_lane(redis, LANES):
        assert queue.next_plan_by_lane(redis, LANES) == heads, "a look takes nothing"
        assert queue.take_plan(redis, heads[0])
        assert not queue.take_plan(redis, heads[0])
        taken += heads
    assert taken == [job_id for pair in zip(owned["ann"], owned["bob"], strict=True) for job_id in pair]


def test_a_document_whose_bell_was_answered_or_that_nobody_knows_stands_in_no_ones_way(redis, valkey):
    known, answered = make_card(JOB, owner="ann", lane="normal"), make_card(OTHER, owner="bob", lane="normal")
    for one in (answered, known):
        queue.submit(redis, valkey, one, None)
    redis.lrem(queue.queue(redis, "normal").key, 0, OTHER)
    assert Planners(redis, valkey).take() == JOB
    queue.submit(redis, valkey, make_card(str(uuid.uuid4()), sha256="01", lane="normal"), None)
    redis.delete(*redis.scan_iter("plans:*"))
    assert Planners(redis, valkey).take() not in (JOB, OTHER)


def test_express_goes_before_normal_before_batch(ledger, redis):
    add_ready_job(ledger, redis, 2, "1" * 36, lane="batch")
    add_ready_job(ledger, redis, 2, "2" * 36, lane="normal")
    add_ready_job(ledger, redis, 2, "3" * 36, lane="express")
    assert claimed(ledger, 6) == ["3", "3", "2", "2", "1", "1"]
    assert ledger.claim("a", empty_handed=True) is None


def test_no_lane_starves_while_express_never_ends(ledger, redis):
    add_ready_job(ledger, redis, 40, "1" * 36, lane="batch")
    add_ready_job(ledger, redis, 40, "2" * 36, lane="normal")
    add_ready_job(ledger, redis, 40, "3" * 36, lane="express")
    assert Counter(claimed(ledger, 32, lanes.turns())) == {"3": 24, "2": 6, "1": 2}


def test_a_turn_whose_lane_is_empty_goes_to_the_next(ledger, redis):
    add_ready_job(ledger, redis, 16, "1" * 36, lane="batch")
    assert claimed(ledger, 16, lanes.turns()) == ["1"] * 16


def test_a_job_that_ended_or_was_deleted_is_in_nobodys_way(ledger, redis, tmp_path):
    add_ready_job(ledger, redis, 2, "1" * 36)
    add_ready_job(ledger, redis, 2, "2" * 36)
    add_ready_job(ledger, redis, 1, "3" * 36)
    ledger.end("1" * 36, JobState.CANCELLED)
    record.delete(redis, record.load(redis, "2" * 36))
    assert claimed(ledger, 1) == ["3"]
    assert ledger.claim("a", empty_handed=True) is None
    assert list(redis.scan_iter("ready*")) == []


@pytest.mark.parametrize(
    ("priority", "size", "pages", "at_upload", "once_opened"),
    [
        ("auto", 1000, 8, "express", "express"),
        ("auto", 1000, 9, "express", "normal"),
        ("auto", 5 << 20, 2, "normal", "express"),
        ("normal", 1000, 1, "normal", "normal"),
        ("batch", 1000, 1, "batch", "batch"),
        ("express", 5 << 20, 500, "express", "express"),
    ],
)
def test_small_documents_go_express_unless_told_otherwise(priority, size, pages, at_upload, once_opened):
    options, settings = Options(priority=priority), QueueSettings()
    assert lanes.lane_at_upload(options, size, settings) == at_upload
    assert lanes.lane_once_opened(options, pages, settings) == once_opened


def dies(ledger, redis, sweep, reader):
    """A reader that dies of the page it claims."""
    ledger.heartbeat(reader, [])
    claim = ledger.claim(reader, empty_handed=True)
    mark_dead(redis, reader)
    sweep.release_dead_claims()
    return claim


def test_pages_of_a_dead_reader_are_read_again_at_once_and_not_charged(ledger, redis, sweep):
    add_ready_job(ledger, redis, 2)
    ledger.heartbeat("a", [])
    first, second = ledger.claim("a", empty_handed=True), ledger.claim("a", empty_handed=False)
    mark_dead(redis, "a")
    sweep.release_dead_claims()
    assert ledger.finish(first, Page(number=1)) == "not_yours"
    ledger.heartbeat("b", [])
    again = [ledger.claim("b", empty_handed=True), ledger.claim("b", empty_handed=False)]
    assert {claim.page for claim in again} == {first.page, second.page}
    assert not any(claim.alone for claim in again)
    assert [entry.get("crashes", 0) for entry in ledger.entries(JOB).values()] == [0, 0]


def test_pages_that_saw_two_readers_die_are_read_alone_and_still_not_charged(ledger, redis, sweep):
    add_ready_job(ledger, redis, 2)
    for reader in ("a", "b"):
        ledger.heartbeat(reader, [])
        ledger.claim(reader, empty_handed=True), ledger.claim(reader, empty_handed=False)
        mark_dead(redis, reader)
        sweep.release_dead_claims()
    ledger.heartbeat("c", [])
    assert ledger.claim("c", empty_handed=False) == "drain"
    again = ledger.claim("c", empty_handed=True)
    assert again.alone
    assert ledger.entries(JOB)[again.page].get("crashes", 0) == 0


def test_a_page_that_kills_its_reader_alone_twice_is_failed_and_the_rest_completes(ledger, redis, sweep):
    add_ready_job(ledger, redis, 2)
    claims = [dies(ledger, redis, sweep, reader) for reader in ("a", "b", "c", "d")]
    assert [(claim.page, claim.alone) for claim in claims] == [(1, False), (1, False), (1, True), (1, True)]
    assert ledger.entries(JOB)[1]["error"] == "WORKER_CRASHED"
    ledger.heartbeat("e", [])
    last = ledger.claim("e", empty_handed=True)
    assert (last.page, last.alone) == (2, False)
    assert ledger.finish(last, Page(number=2)) == "closed"
    assert ledger.end(JOB, JobState.COMPLETED) == "ok"
    job = record.load(redis, JOB)
    assert (job.complete, job.counts["failed"]) == (False, 1)


def test_one_reader_at_a_time_reads_suspects_while_the_others_read_on(ledger, redis, sweep):
    add_ready_job(ledger, redis, 4)
    for reader in ("a", "b"):
        dies(ledger, redis, sweep, reader)
    for reader in ("c", "d"):
        ledger.heartbeat(reader, [])
    assert ledger.claim("c", empty_handed=True).alone
    assert redis.llen("suspects") == 0
    assert not ledger.claim("d", empty_handed=True).alone


def test_a_page_handed_back_is_next_and_nobody_is_blamed(ledger, redis):
    add_ready_job(ledger, redis, 3)
    ledger.heartbeat("a", [])
    claim = ledger.claim("a", empty_handed=True)
    assert ledger.release(claim, crashed=False).outcome == "ready"
    again = ledger.claim("a", empty_handed=True)
    assert (again.page, again.alone) == (1, False)


def test_a_job_with_a_missing_page_is_never_completed(ledger, redis):
    add_ready_job(ledger, redis, 2)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    assert ledger.end(JOB, JobState.COMPLETED) == "open"
    assert record.load(redis, JOB).state is JobState.PROCESSING


def test_planning_again_changes_nothing(ledger, redis):
    ledger.heartbeat("p", [])
    record.create(redis, make_card(), None)
    ledger.claim_stage(JOB, "plan", "p", alone=True)
    ledger.create_entries(JOB, 2, [1, 2])
    page = ledger.claim_planned_page(JOB, 1, "p")
    ledger.finish(page, Page(number=1, engine="text_layer"))
    ledger.create_entries(JOB, 2, [1, 2])
    assert ledger.entries(JOB)[1]["state"] == "done"
    assert ledger.claim_planned_page(JOB, 1, "p") is None
    assert ledger.make_ready(JOB, [1, 2]) == 1


def test_a_stage_is_worked_by_one_living_actor(ledger, redis, sweep):
    record.create(redis, make_card(), None)
    ledger.heartbeat("a", [])
    ledger.heartbeat("b", [])
    assert ledger.claim_stage(JOB, "plan", "a", alone=True) is not None
    assert ledger.claim_stage(JOB, "plan", "b", alone=True) is None
    mark_dead(redis, "a")
    sweep.release_dead_claims()
    assert ledger.claim_stage(JOB, "plan", "b", alone=True) is not None


def test_a_document_that_kills_its_planner_twice_fails(ledger, redis, sweep):
    record.create(redis, make_card(), None)
    for planner in ("a", "b"):
        ledger.heartbeat(planner, [])
        assert ledger.claim_stage(JOB, "plan", planner, alone=True) is not None
        mark_dead(redis, planner)
        sweep.release_dead_claims()
    job = record.load(redis, JOB)
    assert (job.state, job.error.code, job.error.status) == (JobState.FAILED, "WORKER_CRASHED", 422)


def test_a_document_planned_beside_others_is_not_charged_when_its_planner_dies(ledger, redis, sweep):
    record.create(redis, make_card(), None)
    for planner in ("a", "b", "c"):
        ledger.heartbeat(planner, [])
        assert ledger.claim_stage(JOB, "plan", planner, alone=False) is not None
        mark_dead(redis, planner)
        sweep.release_dead_claims()
    assert record.load(redis, JOB).state is JobState.PROCESSING


def test_a_document_that_somebody_died_of_is_planned_beside_nothing_else_from_then_on(ledger, redis, sweep):
    record.create(redis, make_card(), None)
    assert ledger.suspects("plan", [JOB, OTHER]) == set()
    ledger.heartbeat("a", [])
    claim = ledger.claim_stage(JOB, "plan", "a", alone=False)
    ledger.release(claim, crashed=False)
    assert ledger.suspects("plan", [JOB]) == set(), "it was only handed back"
    assert ledger.claim_stage(JOB, "plan", "a", alone=False) is not None
    mark_dead(redis, "a")
    sweep.release_dead_claims()
    assert ledger.suspects("plan", [OTHER, JOB]) == {JOB}


def test_a_document_that_kills_whoever_assembles_it_twice_fails(ledger, redis, sweep):
    add_ready_job(ledger, redis, 1)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    for actor in ("b", "c"):
        assert record.load(redis, JOB).state is JobState.PROCESSING
        ledger.heartbeat(actor, [])
        assert ledger.claim_stage(JOB, "assemble", actor, alone=True) is not None
        mark_dead(redis, actor)
        sweep.release_dead_claims()
    job = record.load(redis, JOB)
    assert (job.state, job.error.code) == (JobState.FAILED, "WORKER_CRASHED")


@pytest.mark.parametrize(
    ("stage", "field", "failed", "code"),
    [
        ("export-html", b"format", b"format.failed", b"FORMAT_FAILED"),
        ("classify-0123abcd", b"classification", b"classification.failed", b"CLASSIFICATION_FAILED"),
        ("extract-0123abcd", b"extraction", b"extraction.failed", b"EXTRACTION_FAILED"),
    ],
)
def test_what_kills_its_worker_twice_is_not_rung_for_again_and_those_who_wait_are_told(
    ledger, redis, sweep, stage, field, failed, code
):
    add_ready_job(ledger, redis, 1)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    ledger.end(JOB, JobState.COMPLETED)
    record.order_extraction(redis, JOB, JobExtraction(id="0123abcd"))
    bells = queue.queue(redis, queue.FINISH)
    for actor, rings in (("b", 1), ("c", 0)):
        bells.empty()
        ledger.heartbeat(actor, [])
        assert ledger.claim_stage(JOB, stage, actor, alone=True) is not None
        assert ledger.claim_stage(JOB, stage, "another", alone=True) is None
        mark_dead(redis, actor)
        sweep.release_dead_claims()
        assert len(bells) == rings
    assert record.load(redis, JOB).state is JobState.COMPLETED
    told = {fields[b"kind"]: fields for _, fields in redis.xrange(f"job:{JOB}:events")}[failed]
    assert (told[field], told[b"error"]) == (stage.partition("-")[2].encode(), code)


def test_a_job_only_moves_forward(ledger, redis):
    add_ready_job(ledger, redis, 1)
    assert ledger.end(JOB, JobState.CANCELLED) == "ok"
    assert ledger.end(JOB, JobState.COMPLETED) == "cancelled"
    assert ledger.claim_stage(JOB, "plan", "a", alone=True) is None
    assert ledger.claim("a", empty_handed=True) is None


def test_a_reader_learns_which_claims_a_cancel_took_away(ledger, redis):
    add_ready_job(ledger, redis, 1)
    add_ready_job(ledger, redis, 1, OTHER)
    ledger.heartbeat("a", [])
    claims = [ledger.claim("a", empty_handed=False) for _ in range(2)]
    assert ledger.heartbeat("a", claims) == []
    ledger.end(JOB, JobState.CANCELLED)
    assert [claim.job_id for claim in ledger.heartbeat("a", claims)] == [JOB]
    assert ledger.finish(claims[0], Page(number=1)) == "not_yours"


def test_no_key_of_a_job_expires_before_its_end_and_all_do_after(ledger, redis):
    add_ready_job(ledger, redis, 1)
    redis.set(f"job:{JOB}:password", b"sealed")
    keys = [key for key in redis.keys(f"job:{JOB}*") if not key.endswith((b":shown", b":rung"))]
    assert {redis.ttl(key) for key in keys} == {-1}
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    ledger.end(JOB, JobState.COMPLETED)
    left = redis.keys(f"job:{JOB}*")
    assert all(redis.ttl(key) > 0 for key in left), {key: redis.ttl(key) for key in left}
    assert not redis.exists(f"job:{JOB}:password")


def test_an_expired_job_leaves_a_tombstone_and_no_files(ledger, redis, sweep):
    add_ready_job(ledger, redis, 1)
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
    assert ReaderSlots(redis).enter(1, "a")
    add_ready_job(ledger, redis, 1)
    assert not ReaderSlots(redis).retire(1, "a", leave_work=False)
    ledger.claim("a", empty_handed=True)
    assert ReaderSlots(redis).retire(1, "a", leave_work=False)


def test_readers_are_rung_only_where_pages_are_ready_and_a_slot_is_free(ledger, redis, sweep):
    assert ReaderSlots(redis).reserve(["read-1", "read-2"]) == []
    add_ready_job(ledger, redis, 1)
    assert ReaderSlots(redis).reserve(["read-1", "read-2"]) == [1, 2]
    assert ReaderSlots(redis).reserve(["read-3", "read-4"]) == []
    ledger.heartbeat("a", [])
    ReaderSlots(redis).enter(1, "a")
    mark_dead(redis, "a")
    sweep.release_dead_claims()
    sweep.free_slots()
    assert ReaderSlots(redis).reserve(["read-5", "read-6"]) == [1]


def test_records_that_redis_lost_come_back_from_storage(ledger, redis, sweep):
    record.store_card(sweep.storage, make_card())
    add_ready_job(ledger, redis, 1, OTHER)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1))
    ledger.end(OTHER, JobState.COMPLETED)
    record.store_card(sweep.storage, make_card(OTHER), ended=record.load(redis, OTHER))
    redis.flushall()
    sweep.rebuild()
    assert record.load(redis, JOB).state is JobState.QUEUED
    lost = record.load(redis, OTHER)
    assert (lost.state, lost.complete, lost.counts["done"]) == (JobState.COMPLETED, True, 1)
    assert redis.ttl(f"job:{OTHER}") > 0


def test_of_many_requests_with_one_key_at_the_same_moment_one_makes_the_job(redis, valkey):
    cards = [make_card(str(uuid.uuid4()), idempotency_key="k", fingerprint="same") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda one: queue.submit(redis, valkey, one, None).job_id, cards))
    assert len(set(found)) == 1
    assert redis.zcard("jobs:active") == 1
    assert redis.llen(queue.queue(redis, "normal").key) == 1


def test_a_key_that_came_with_something_else_is_refused_and_owners_do_not_share_keys(redis, valkey):
    queue.submit(redis, valkey, make_card(idempotency_key="k", fingerprint="one"), None)
    with pytest.raises(IdempotencyKeyReused):
        queue.submit(redis, valkey, make_card(OTHER, idempotency_key="k", fingerprint="two"), None)
    another = make_card(OTHER, idempotency_key="k", fingerprint="two", owner="bob")
    assert queue.submit(redis, valkey, another, None).job_id == OTHER


def test_a_key_stands_for_its_job_until_its_time_is_over_or_the_job_was_deleted(redis, valkey, tmp_path):
    queue.submit(redis, valkey, make_card(idempotency_key="k", fingerprint="one"), None)
    assert 23 * 3600 < redis.ttl("idempotency:public:k") <= 24 * 3600
    record.delete(redis, record.load(redis, JOB))
    assert record.holder_of_key(redis, PUBLIC, "k") is None
    assert queue.submit(redis, valkey, make_card(OTHER, idempotency_key="k", fingerprint="two"), None).job_id == OTHER


@pytest.mark.parametrize(("bound", "limits"), [("jobs", (2, 0, 0)), ("pages", (0, 6, 0)), ("bytes", (0, 0, 2))])
def test_the_queue_is_bounded_and_takes_more_in_once_something_has_ended(ledger, redis, bound, limits):
    add_ready_job(ledger, redis, 3, "1" * 36)
    add_ready_job(ledger, redis, 3, "2" * 36)
    assert record.create(redis, make_card(OTHER), None, limits) == record.Created("full", bound)
    assert not redis.exists(f"job:{OTHER}")
    ledger.end("1" * 36, JobState.CANCELLED)
    forecast.publish_forecast(redis)
    assert record.create(redis, make_card(OTHER), None, limits).outcome == "created"


def test_a_refusal_tells_the_capacity_and_when_a_job_is_likely_to_end(ledger, redis):
    add_ready_job(ledger, redis, 30)
    redis.hset(forecast.FORECAST_KEY, "#pace", 0.5)
    with pytest.raises(QueueFull) as refused:
        admission.check(redis, QueueSettings(queue_max_jobs=1))
    told = refused.value.details
    assert (told["bound"], told["retry_after_seconds"]) == ("jobs", 60)
    assert told["capacity"]["unfinished"] == {"jobs": 1, "pages": 30, "bytes": 1}
    assert told["capacity"]["most"]["jobs"] == 1


def test_what_is_weighed_is_what_has_not_ended(ledger, redis):
    add_ready_job(ledger, redis, 3)
    record.create(redis, make_card(OTHER, lane="batch"), None)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1, engine="deepseek"))
    weighed = forecast.measure_load(redis)
    assert weighed.jobs == [
        forecast.Unfinished(JOB, "normal", PUBLIC, 2),
        forecast.Unfinished(OTHER, "batch", PUBLIC, None, queued=True),
    ]
    assert sum(weighed.pace.values()) == 1
    assert weighed.busy_since
    for _ in range(2):
        ledger.claim("a", empty_handed=True)
    assert forecast.measure_load(redis).busy_since == 0, "no page waits any more"


def test_pages_that_were_never_read_from_pictures_do_not_tell_the_pace(ledger, redis):
    add_ready_job(ledger, redis, 1)
    ledger.finish(ledger.claim("a", empty_handed=True), Page(number=1, engine="text_layer"))
    assert forecast.measure_load(redis).pace == {}
    assert forecast.measure_load(redis).busy_since == 0


def test_a_job_shows_what_is_foretold_of_it(ledger, redis):
    add_ready_job(ledger, redis, 10)
    record.create(redis, make_card(OTHER), None)
    second, _ = redis.time()
    redis.hset("pace", mapping={second // 5 - back: 5 for back in range(1, 9)})
    redis.hset("load", "busy_since", (second - 40) * 1000)
    forecast.publish_forecast(redis)
    assert record.load(redis, JOB).to_status().progress.eta_seconds == 20
    shown = record.load(redis, OTHER).to_status()
    assert (shown.queue_position, shown.progress.eta_seconds) == (1, None)
    redis.delete("pace", "load")
    forecast.publish_forecast(redis)
    assert record.load(redis, JOB).to_status().progress.eta_seconds == 20, "the pace that was measured last counts for a while"
