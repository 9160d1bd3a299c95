"""Quotas on a real Valkey: what is counted with a job, and given back with its end."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from document_parser.errors import QuotaExceeded, RateLimitExceeded
from document_parser.jobs import queue
from document_parser.jobs.ending import delete_job
from document_parser.jobs.records import batches, record
from document_parser.jobs.records.batches import BatchCard, BatchEntry
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.scheduling import quotas
from document_parser.jobs.scheduling.quotas import Periods
from document_parser.models import JobError, JobState, Options, Page
from document_parser.settings import AccountSettings, QueueSettings
from document_parser.storage import LocalStorage
from tests.support.ledger_jobs import make_card, read_blank

OWNER = "acme"
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def limited(valkey, tmp_path):
    """Settings with tiers as the text says."""

    def make(text):
        path = tmp_path / f"{uuid.uuid4()}.toml"
        path.write_text(text)
        return valkey.model_copy(update={"accounts": AccountSettings(auth_mode="required", tiers_file=str(path))})

    return make


def card(**facts):
    return make_card(**{"job_id": str(uuid.uuid4()), "owner": OWNER, "tier": "key", "created_at": NOW, **facts})


def used(redis, moment=NOW):
    return quotas.count_request(redis, QueueSettings(), OWNER, moment, 0).used


def test_no_race_exceeds_the_jobs_at_once_or_the_documents_of_a_day(redis, ledger, limited):
    settings = limited("[key]\nconcurrent_jobs = 3\ndocuments_per_day = 20")
    most, accepted = [], []

    def client(_):
        while True:
            one = card()
            try:
                queue.submit(redis, settings, one, None)
            except RateLimitExceeded:  # all places are taken
                continue
            except QuotaExceeded:
                return
            accepted.append(one.job_id)
            most.append(used(redis)["concurrent_jobs"])
            read_blank(ledger, one.job_id, 1)
            assert ledger.end(one.job_id, JobState.COMPLETED) == "ok"

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(client, range(12)))
    assert max(most) <= 3
    assert len(accepted) == 20 == used(redis)["documents_per_day"]


@pytest.mark.parametrize("how", ["cancelled", "failed", "deleted"])
def test_a_job_that_was_not_read_gives_back_its_place_its_document_and_its_pages(redis, ledger, limited, tmp_path, how):
    settings, one = limited("[key]\nconcurrent_jobs = 1\npages_per_month = 100"), card()
    queue.submit(redis, settings, one, None)
    assert list(used(redis).values()) == [1, 1, 1, 1]
    ledger.heartbeat("planner", [])
    ledger.claim_stage(one.job_id, "plan", "planner", alone=True)
    ledger.create_entries(one.job_id, 7, range(1, 8))
    assert used(redis)["pages_per_month"] == 7
    claim = ledger.claim_planned_page(one.job_id, 3, "planner")
    ledger.finish(claim, Page(number=3, status="blank"))
    if how == "deleted":
        delete_job(redis, ledger, LocalStorage(tmp_path), record.load(redis, one.job_id))
    else:
        ledger.end(one.job_id, JobState(how))
    # The page that was read stays counted, as it does in the usage.
    assert list(used(redis).values()) == [0, 0, 0, 1]


def test_a_job_that_is_scanned_again_counts_again_and_is_refused_without_a_place(redis, ledger, limited):
    settings, one, other = limited("[key]\nconcurrent_jobs = 1"), card(), card()
    queue.submit(redis, settings, one, None)
    ledger.end(one.job_id, JobState.FAILED, JobError(code="VIRUS_SCAN_UNAVAILABLE", message="", status=503))
    queue.submit(redis, settings, other, None)
    with pytest.raises(RateLimitExceeded):
        queue.scan_again(redis, settings, one)
    ledger.end(other.job_id, JobState.CANCELLED)
    assert list(used(redis).values()) == [0, 0, 0, 0]
    assert queue.scan_again(redis, settings, one) == "ok"
    assert list(used(redis, datetime.now(UTC)).values()) == [1, 1, 1, 1], "it counts on the day on which it is read"
    assert quotas.heal_places(redis) == 0
    assert queue.scan_again(redis, settings, one) == "queued"


def test_a_completed_job_keeps_its_document_and_the_pages_that_were_read(redis, ledger, limited, tmp_path):
    settings, one = limited("[key]\nconcurrent_jobs = 1"), card()
    queue.submit(redis, settings, one, None)
    read_blank(ledger, one.job_id, 4)
    ledger.end(one.job_id, JobState.COMPLETED)
    delete_job(redis, ledger, LocalStorage(tmp_path), record.load(redis, one.job_id))
    assert list(used(redis).values()) == [0, 1, 1, 4]


def test_a_document_with_more_pages_than_are_left_is_refused_before_the_first_is_read(redis, ledger, limited):
    settings = limited("[key]\npages_per_month = 5\nquota_status = 402")
    first, second = card(), card()
    queue.submit(redis, settings, first, None)
    read_blank(ledger, first.job_id, 3)
    queue.submit(redis, settings, second, None)
    ledger.claim_stage(second.job_id, "plan", "planner", alone=True)
    with pytest.raises(QuotaExceeded) as refused:
        ledger.create_entries(second.job_id, 3, range(1, 4))
    assert refused.value.details["left"] == 2
    assert refused.value.details["resets_at"].startswith("2027-02-01T00:00:00")
    assert refused.value.status == 402
    assert not ledger.entries(second.job_id)


def test_the_counts_of_a_day_and_of_a_month_begin_anew(redis, limited):
    settings = limited("[key]\ndocuments_per_day = 1\ndocuments_per_month = 2")
    days = [datetime(2027, 1, 30, tzinfo=UTC), NOW, datetime(2027, 2, 1, tzinfo=UTC)]
    queue.submit(redis, settings, card(created_at=days[0]), None)
    with pytest.raises(QuotaExceeded, match="Documents left this day: 0 of 1"):
        queue.submit(redis, settings, card(created_at=days[0]), None)
    queue.submit(redis, settings, card(created_at=days[1]), None)
    assert used(redis, days[1])["documents_per_month"] == 2
    queue.submit(redis, settings, card(created_at=days[2]), None)
    assert used(redis, days[2])["documents_per_month"] == 1
    assert Periods.of(NOW).end_of("documents_per_month") == days[2]


def test_documents_inside_an_upload_share_its_place_and_count_as_documents(redis, ledger, limited):
    settings, outer = limited("[key]\nconcurrent_jobs = 1\ndocuments_per_day = 2"), card()
    queue.submit(redis, settings, outer, None)
    inner = card(parent=outer.job_id, root=outer.job_id)
    queue.submit(redis, settings, inner, None, bounded=False)
    with pytest.raises(QuotaExceeded):
        queue.submit(redis, settings, card(parent=outer.job_id, root=outer.job_id), None, bounded=False)
    ledger.end(outer.job_id, JobState.CANCELLED)
    with pytest.raises(RateLimitExceeded, match="1 have not ended"):
        queue.submit(redis, settings, card(), None)
    ledger.end(inner.job_id, JobState.CANCELLED)
    queue.submit(redis, settings, card(), None)


def batch_of(redis, settings, files):
    batch_card = BatchCard(batch_id=str(uuid.uuid4()), owner=OWNER, created_at=NOW, options=Options())
    entries = [BatchEntry(place=batches.place_of(i), name="a.pdf", job_id=str(uuid.uuid4())) for i in range(files)]
    tier = settings.accounts.tier("key")
    return batch_card, entries, batches.create(redis, settings, batch_card, entries, quotas=quotas.to_argument(tier, NOW))


def test_a_batch_takes_what_its_files_need_at_once_or_nothing(redis, ledger, limited):
    settings = limited("[key]\nconcurrent_jobs = 3")
    assert batch_of(redis, settings, 4)[2].outcome == "quota"
    assert list(used(redis).values()) == [0, 0, 0, 0]
    batch_card, entries, created = batch_of(redis, settings, 3)
    assert created.outcome == "created"
    assert list(used(redis).values()) == [3, 3, 3, 3]
    first = card(job_id=entries[0].job_id, batch=batch_card.batch_id, place=entries[0].place)
    queue.submit(redis, settings, first, None, bounded=False)
    assert list(used(redis).values()) == [3, 3, 3, 3]
    ledger.end(first.job_id, JobState.CANCELLED)
    assert list(used(redis).values()) == [2, 2, 2, 2]
    batches.withdraw(redis, batch_card.batch_id, entries[1].job_id)
    assert list(used(redis).values()) == [1, 1, 1, 1]
    batches.close(redis, batch_card.batch_id, deleting=True)
    batches.delete(redis, batch_card)
    assert list(used(redis).values()) == [0, 0, 0, 0]


def test_places_that_no_job_holds_are_found_and_freed(redis, limited):
    settings, one = limited("[key]\nconcurrent_jobs = 3"), card()
    queue.submit(redis, settings, one, None)
    batch_of(redis, settings, 1)
    assert quotas.heal_places(redis) == 0
    redis.hset(f"places:{OWNER}", "nobody", 1)
    redis.hdel(f"places:{OWNER}", one.job_id)
    assert quotas.heal_places(redis) == 2
    assert used(redis)["concurrent_jobs"] == 2


def test_callers_without_a_tier_are_not_counted(redis, limited):
    queue.submit(redis, limited("[key]\nconcurrent_jobs = 1"), card(tier=""), None)
    assert list(used(redis).values()) == [0, 0, 0, 0]


def test_a_job_is_kept_no_longer_than_the_tier_says(redis, limited, valkey):
    settings, one = limited("[key]\nretention_hours = 0.5"), card()
    queue.submit(redis, settings, one, None)
    Ledger(redis, settings).end(one.job_id, JobState.CANCELLED)
    assert 0 < redis.pttl(f"job:{one.job_id}") <= 1_800_000
