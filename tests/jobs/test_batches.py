"""The record of a batch: it ends once, after its last job, whatever happens at the same moment."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime

import pytest

from document_parser.errors import BatchExpired, BatchNotFound
from document_parser.jobs import ending, queue
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.batches import BatchCard, BatchEntry
from document_parser.jobs.records.ledger import Ledger
from document_parser.models import JobError, JobState, Options, Webhook
from document_parser.storage import make_storage
from document_parser.workers.sweep import Sweep
from tests.support.ledger_jobs import make_card, read_blank


def make_batch(redis, settings, count: int, **more) -> tuple[str, list]:
    """A batch and the cards of its jobs, of which none has been created."""
    batch_id = str(uuid.uuid4())
    card = BatchCard(batch_id=batch_id, created_at=datetime.now(UTC), options=Options(), webhook_url="http://hooks.test/")
    cards = [
        make_card(str(uuid.uuid4())).model_copy(update={"batch": batch_id, "place": batches.place_of(index)})
        for index in range(count)
    ]
    entries = [batches.entry_of(one) for one in cards]
    assert batches.create(redis, settings, card, entries, webhook=Webhook(), **more).outcome == "created"
    return batch_id, cards


def kinds_of(redis, batch_id: str) -> list[str]:
    return [fields[b"kind"].decode() for _, fields in redis.xrange(batches.events_key(batch_id))]


def test_jobs_that_end_at_the_same_moment_end_their_batch_once(redis, valkey):
    for _ in range(20):
        batch_id, cards = make_batch(redis, valkey, 4)
        for card in cards:
            record.create(redis, card, None)
        start = threading.Barrier(4)

        def end(job_id, start=start):
            start.wait()
            Ledger(redis, valkey).end(job_id, JobState.CANCELLED)

        threads = [threading.Thread(target=end, args=(card.job_id,)) for card in cards]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert kinds_of(redis, batch_id).count("batch.ended") == 1
        assert batches.load(redis, batch_id).state == "failed"
    assert redis.zcard("webhooks:due") == 20


def test_a_batch_does_not_end_before_jobs_that_are_still_to_be_created(redis, valkey):
    batch_id, (first, second) = make_batch(redis, valkey, 2)
    record.create(redis, first, None)
    Ledger(redis, valkey).end(first.job_id, JobState.CANCELLED)
    assert batches.load(redis, batch_id).counts == {"cancelled": 1, "queued": 1}
    record.create(redis, second, None)
    assert record.create(redis, second, None).outcome == "exists"
    record.delete(redis, record.load(redis, second.job_id))
    found = batches.load(redis, batch_id)
    assert (found.state, found.counts) == ("failed", {"cancelled": 1, "deleted": 1})
    assert record.create(redis, second, None).outcome == "gone"


def test_a_document_inside_another_joins_before_that_one_ends(redis, valkey):
    batch_id, (outer,) = make_batch(redis, valkey, 1)
    record.create(redis, outer, None)
    place = batches.place_of(3, outer.place)
    inner = make_card(str(uuid.uuid4())).model_copy(
        update={"batch": batch_id, "place": place, "parent": outer.job_id, "path": "a/b.txt"}
    )
    record.create(redis, inner, None)
    refused = BatchEntry(place=batches.place_of(1, outer.place), name="odd.bin", parent=outer.job_id)
    assert batches.refuse(redis, batch_id, refused)
    assert not batches.refuse(redis, batch_id, refused), "a planner that was killed tells of it again"
    Ledger(redis, valkey).end(outer.job_id, JobState.CANCELLED)
    assert not batches.load(redis, batch_id).has_ended
    Ledger(redis, valkey).end(inner.job_id, JobState.CANCELLED)
    assert batches.load(redis, batch_id).counts == {"cancelled": 2, "refused": 1}
    assert [entry.name for entry in batches.entries(redis, batch_id)] == [outer.filename, "odd.bin", "a/b.txt"]


def unscanned_archive_in(redis, valkey, batch_id: str, outer):
    """A document inside ``outer`` that failed since the virus scanner was away, after which the batch has ended."""
    facts = {"batch": batch_id, "place": batches.place_of(0, outer.place), "parent": outer.job_id, "unscanned": True}
    inner = make_card(str(uuid.uuid4())).model_copy(update=facts)
    for card in (outer, inner):
        record.create(redis, card, None)
    Ledger(redis, valkey).end(outer.job_id, JobState.CANCELLED)
    away = JobError(code="VIRUS_SCAN_UNAVAILABLE", message="", status=503)
    Ledger(redis, valkey).end(inner.job_id, JobState.FAILED, away)
    assert batches.load(redis, batch_id).has_ended
    return inner


def test_a_batch_waits_for_a_document_that_is_scanned_again_and_for_those_inside_it(redis, valkey):
    batch_id, (outer,) = make_batch(redis, valkey, 1)
    archive = unscanned_archive_in(redis, valkey, batch_id, outer)
    assert queue.scan_again(redis, valkey, archive) == "ok"
    found = batches.load(redis, batch_id)
    assert (found.state, found.counts, found.expires_at) == ("processing", {"cancelled": 1, "queued": 1}, None)
    assert redis.ttl(f"batch:{batch_id}") == redis.ttl(f"batch:{batch_id}:entries") == -1, "it no longer expires"
    member = make_card(str(uuid.uuid4())).model_copy(
        update={"batch": batch_id, "place": batches.place_of(0, archive.place), "parent": archive.job_id}
    )
    assert record.create(redis, member, None).outcome == "created"
    redis.hdel(f"job:{archive.job_id}", "fetching")  # the scanner is back, and has found nothing
    for card in (archive, member):
        read_blank(Ledger(redis, valkey), card.job_id, 2)
        Ledger(redis, valkey).end(card.job_id, JobState.COMPLETED)
    found = batches.load(redis, batch_id)
    assert (found.state, found.counts, found.pages.finished) == ("partial", {"cancelled": 1, "completed": 2}, 4)
    assert kinds_of(redis, batch_id).count("batch.ended") == 2
    assert redis.ttl(f"batch:{batch_id}") > 0


def test_a_document_that_is_scanned_again_after_its_batch_is_gone_is_read_without_one(redis, valkey):
    batch_id, (outer,) = make_batch(redis, valkey, 1)
    archive = unscanned_archive_in(redis, valkey, batch_id, outer)
    batches.delete(redis, batches.load(redis, batch_id).card)
    assert queue.scan_again(redis, valkey, archive) == "ok"
    assert record.load(redis, archive.job_id).card.batch == "", "what is inside it would be refused by the batch"


def test_files_whose_request_was_cut_off_are_refused_after_a_while(redis, valkey, tmp_path):
    batch_id, (first, second) = make_batch(redis, valkey, 2)
    record.create(redis, first, None)
    assert batches.withdraw_lost(redis) == 0
    redis.hincrby(batches.record_key(batch_id), "joined_at", -int(batches.LOST_SECONDS * 1000) - 1)
    assert batches.withdraw_lost(redis) == 1
    assert batches.entry(redis, batch_id, second.place).error.code == "NOT_RECEIVED"
    Ledger(redis, valkey).end(first.job_id, JobState.CANCELLED)
    assert batches.load(redis, batch_id).counts == {"cancelled": 1, "refused": 1}


def test_a_batch_expires_with_a_tombstone_and_a_deleted_one_leaves_none(redis, valkey, tmp_path):
    settings = valkey.model_copy(update={"store": valkey.store.model_copy(update={"data_dir": tmp_path})})
    storage = make_storage(settings)
    batch_id, (card,) = make_batch(redis, settings, 1)
    record.create(redis, card, None)
    Ledger(redis, settings).end(card.job_id, JobState.CANCELLED)
    parts = (":places", ":entries", ":outcomes", ":events", "", ":gone")
    assert all(redis.pttl(batches.record_key(batch_id) + part) > 0 for part in parts)
    redis.delete(*(batches.record_key(batch_id) + part for part in parts[:-1]))
    batches.expire(redis, storage, float("inf"))
    with pytest.raises(BatchExpired):
        batches.load(redis, batch_id)
    assert not redis.zcard(batches.EXPIRING)
    batch_id, (card,) = make_batch(redis, settings, 1)
    record.create(redis, card, None)
    ending.delete_batch(redis, Ledger(redis, settings), storage, batches.load(redis, batch_id).card)
    with pytest.raises(BatchNotFound):
        batches.load(redis, batch_id)
    assert not list(redis.scan_iter(f"*{batch_id}*"))
    assert redis.zscore("webhooks:due", batch_id + "|batch") is None


def test_a_batch_that_redis_has_lost_is_rebuilt_from_storage(redis, valkey, tmp_path):
    settings = valkey.model_copy(update={"store": valkey.store.model_copy(update={"data_dir": tmp_path})})
    storage, ledger = make_storage(settings), Ledger(redis, settings)
    batch_id, (ended, running) = make_batch(redis, settings, 2)
    batches.store(storage, batches.load(redis, batch_id), [])
    for card in (ended, running):
        record.create(redis, card, None)
        record.store_card(storage, card)
    ending.end_job(redis, ledger, storage, ended.job_id, JobState.CANCELLED)
    redis.flushdb()
    assert Sweep(settings, redis, storage, "sweeper").rebuild() == 2
    found = batches.load(redis, batch_id)
    assert (found.state, found.counts) == ("processing", {"cancelled": 1, "queued": 1})
    ending.end_job(redis, ledger, storage, running.job_id, JobState.CANCELLED)
    assert batches.load(redis, batch_id).counts == {"cancelled": 2}
    assert redis.zscore("webhooks:due", batch_id + "|batch") is not None
