"""What is counted and noted in Redis gets to the database once, whenever the database comes and whatever is broken off."""

from __future__ import annotations

import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from document_parser.accounts import schema
from document_parser.accounts.audit import Audit
from document_parser.accounts.documents import Documents
from document_parser.accounts.history import History
from document_parser.accounts.keys import Keys
from document_parser.accounts.records import AuditFilter, Counted, DocumentFilter, NewEntry
from document_parser.accounts.usage import Usage
from document_parser.errors import DatabaseUnavailable
from document_parser.jobs.ending import delete_job, end_job
from document_parser.jobs.records import audit_trail, documents_due, history, key_changes, record, storage_keys, usage
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.records.usage import usage_of_page
from document_parser.jobs.redis import clock
from document_parser.jobs.redis.connection import connect
from document_parser.jobs.scheduling import quotas
from document_parser.models import Attempt, Classification, DocumentSegment, JobState, Options, Page
from document_parser.models.classification import ASKED
from document_parser.models.extraction import Extraction, ExtractionOrder, FieldEvidence
from document_parser.settings import AccountSettings, QueueSettings, Settings, StoreSettings
from document_parser.settings.tiers import Tier
from document_parser.storage import LocalStorage
from document_parser.workers.flush_accounts import AccountsFlush, counted
from tests.support.ledger_jobs import make_card


@pytest.fixture
def flush(account_settings, database, redis):
    found = AccountsFlush(account_settings, redis)
    found.restore_quotas()
    yield found
    found.database.close()


def entry(**facts):
    known = {"entry": str(uuid.uuid4()), "owner": "acme", "actor": "key", "action": "result.read", "status": 200}
    return audit_trail.Entry(**known | facts)


def make_job(redis, ledger, pages, **facts):
    """A job whose pages are claimed by nobody yet. One of a tier counts against quotas that end nowhere."""
    card = make_card(str(uuid.uuid4()), size=1000, **facts)
    record.create(redis, card, None, quotas=quotas.to_argument(Tier(), card.created_at) if card.tier else "")
    plan = ledger.claim_stage(card.job_id, "plan", "planner", alone=True)
    ledger.create_entries(card.job_id, pages, range(1, pages + 1))
    ledger.close_plan(plan)
    return card.job_id


def read_page(ledger, job_id, number, **facts):
    claim = ledger.claim_planned_page(job_id, number, "reader")
    page = Page(number=number, status="done", engine="rapidocr").model_copy(update=facts)
    return ledger.finish(claim, page)


def sums(database, *by):
    fields = ["key_id" if name == "key" else name for name in by]
    return {tuple(getattr(one, field) for field in fields): one for one in Usage(database).sums(by=by)}


def test_a_page_counts_for_its_owner_key_and_engine_and_its_attempts_for_theirs(flush, database, redis, ledger):
    job_id = make_job(redis, ledger, 3, owner="acme", key_id="k")
    attempts = [
        Attempt(engine="deepseek", outcome="rejected", milliseconds=500, tokens=70),
        Attempt(engine="rapidocr", outcome="accepted", milliseconds=250),
    ]
    read_page(ledger, job_id, 1, attempts=attempts)
    read_page(ledger, job_id, 2, status="blank", engine=None)
    read_page(ledger, job_id, 3, status="failed", engine=None)
    end_job(redis, ledger, flush_storage(flush), job_id, JobState.COMPLETED)
    flush.run_once()
    found = sums(database, "owner", "key", "engine")
    assert set(found) == {("acme", "k", name) for name in ("deepseek", "rapidocr", "none")}
    assert (found["acme", "k", "deepseek"].tokens, found["acme", "k", "deepseek"].seconds) == (70, 0.5)
    assert (found["acme", "k", "rapidocr"].pages, found["acme", "k", "rapidocr"].seconds) == (1, 0.25)
    rest = found["acme", "k", "none"]
    assert (rest.documents, rest.bytes, rest.pages) == (1, 1000, 1), "the blank page counts, the failed one does not"


def flush_storage(flush):
    return LocalStorage(flush.settings.data_dir)


def test_what_came_from_the_cache_costs_no_time_and_no_tokens():
    attempts = [Attempt(engine="deepseek", outcome="accepted", milliseconds=500, tokens=70, cached=True)]
    page = Page(number=1, status="done", engine="deepseek", attempts=attempts)
    assert usage_of_page(page) == {"deepseek": {"pages": 1}}


def test_a_page_whose_file_was_lost_counts_once_in_the_end(flush, database, redis, ledger):
    job_id = make_job(redis, ledger, 1, owner="acme")
    read_page(ledger, job_id, 1)
    flush.run_once()
    stage = ledger.claim_stage(job_id, "assemble", "assembler", alone=True)
    assert ledger.reopen(stage, [1]) == "ready"
    claim = ledger.claim("reader", empty_handed=True)
    ledger.finish(claim, Page(number=1, status="done", engine="rapidocr"))
    flush.run_once()
    assert sums(database, "engine")[("rapidocr",)].pages == 1


@pytest.mark.parametrize("broken_off", ["before the database was written", "before that was confirmed"])
def test_counts_that_are_written_again_count_once(flush, database, redis, ledger, broken_off):
    job_id = make_job(redis, ledger, 2, owner="acme")
    read_page(ledger, job_id, 1)
    batch = usage.take(redis)
    if broken_off == "before that was confirmed":
        Usage(database).add(batch.name, [])
        # The same batch as it was written: what it holds is in the database already.
    read_page(ledger, job_id, 2)
    flush.run_once()
    flush.run_once()
    expected = 2 if broken_off == "before the database was written" else 1
    assert sums(database, "engine")[("rapidocr",)].pages == expected
    assert not redis.exists("usage:pending", "usage:taken", "usage:batch")


def test_an_old_confirmation_does_not_drop_newer_counts(redis, ledger):
    quotas.restore(redis, datetime.now(UTC), [])
    job_id = make_job(redis, ledger, 2)
    read_page(ledger, job_id, 1)
    old = usage.take(redis)
    usage.confirm(redis, old)
    read_page(ledger, job_id, 2)
    new = usage.take(redis)
    usage.confirm(redis, old)
    assert usage.take(redis) == new


ORDER = ExtractionOrder(
    json_schema={
        "type": "object",
        "properties": {
            "rechnungsnummer": {"type": "string"},
            "date": {"type": "string", "format": "date"},
            "paid": {"type": "number"},
        },
    },
    name="rechnung",
)


def extracted(flush, redis, ledger, order=ORDER, day="2027-02-01", **facts):
    """A completed job with an answer to an order, as a worker leaves it."""
    job_id = make_job(redis, ledger, 1, owner="acme", **facts)
    read_page(ledger, job_id, 1)
    end_job(redis, ledger, flush.storage, job_id, JobState.COMPLETED)
    found, invented = FieldEvidence(page=1, state="found", match="exact"), FieldEvidence(state="found", match="none")
    data = {"rechnungsnummer": "qs 17", "date": day, "paid": 3}
    evidence = {"rechnungsnummer": found, "date": found, "paid": invented}
    answer = Extraction(data=data, evidence=evidence)
    if order.scope == "page":
        nothing = dict.fromkeys(data)
        answer = Extraction(data=[nothing, data], evidence=[dict.fromkeys(data, FieldEvidence()), evidence])
    flush.storage.put(storage_keys.extraction_order(job_id, order.digest), order.model_dump_json().encode())
    flush.storage.put(storage_keys.extraction(job_id, order.digest, 1), answer.model_dump_json().encode())
    documents_due.note(redis, documents_due.WrittenAnswer(job_id, order.digest, 1))
    return job_id


def test_the_types_of_a_file_are_kept_and_say_what_its_values_are_of(flush, database, redis, ledger):
    job_id = extracted(flush, redis, ledger)
    segments = [DocumentSegment(type="contract", confidence=0.9, pages=[1])]
    flush.storage.put(
        storage_keys.classification(job_id, ASKED, 1), Classification(segments=segments).model_dump_json().encode()
    )
    documents_due.note(redis, documents_due.WrittenAnswer(job_id, ASKED, 1))
    flush.run_once()
    found = {one.source_id: (one.part, one.type, one.fields is None) for one in documents_of(database, type="contract")}
    assert found == {ASKED: (1, "contract", True), ORDER.digest: (0, "contract", False)}


def documents_of(database, **wanted):
    return Documents(database).search(DocumentFilter(**wanted), after=None, limit=100).documents


def test_what_was_extracted_is_kept_under_what_its_fields_mean(flush, database, redis, ledger):
    job_id = extracted(flush, redis, ledger)
    flush.run_once()
    flush.run_once()
    (found,) = documents_of(database, owner="acme", invoice_number="QS17")
    assert (found.job_id, found.type, found.status, str(found.dated)) == (job_id, "rechnung", "complete", "2027-02-01")
    assert (found.fields["paid"], found.ungrounded) == (3, ["/paid"])
    assert not redis.exists(documents_due.DUE)


@pytest.mark.parametrize(("day", "kept"), [("1 February 2027", "2027-02-01"), ("1/2/2027", "None"), ("soon", "None")])
def test_a_date_as_the_document_writes_it_is_a_date_unless_it_could_be_two(flush, database, redis, ledger, day, kept):
    job_id = extracted(flush, redis, ledger, day=day)
    flush.run_once()
    (found,) = documents_of(database, job_id=job_id)
    assert (str(found.dated), found.fields["date"]) == (kept, day)


def test_an_answer_for_each_page_is_kept_page_by_page_without_those_that_have_nothing(flush, database, redis, ledger):
    job_id = extracted(flush, redis, ledger, ORDER.model_copy(update={"scope": "page"}))
    flush.run_once()
    (found,) = documents_of(database, job_id=job_id)
    assert (found.part, found.invoice_number) == (2, "QS17")


@pytest.mark.parametrize("reason", ["deleted", "its own time to be kept", "no days to keep values", "too old"])
def test_values_that_are_not_to_be_kept_are_not_written(flush, database, redis, ledger, reason):
    own_time = {"options": Options(retention_hours=1)} if reason == "its own time to be kept" else {}
    job_id = extracted(flush, redis, ledger, **own_time)
    if reason == "deleted":
        delete_job(redis, ledger, flush.storage, record.load(redis, job_id))
    days = {"no days to keep values": 0, "too old": 1}.get(reason)
    if days is not None:
        flush.settings = flush.settings.model_copy(
            update={"accounts": flush.settings.accounts.model_copy(update={"documents_days": days})}
        )
    flush.run_once()
    if reason == "too old":
        assert documents_of(database, job_id=job_id)
        flush.expire_documents(datetime.now(UTC) + timedelta(days=1, minutes=20))
    assert not documents_of(database)
    assert not redis.exists(documents_due.DUE)


def test_an_extraction_counts_once_however_often_its_worker_died(flush, database, redis, ledger):
    job_id = make_job(redis, ledger, 1, owner="acme")
    read_page(ledger, job_id, 1)
    end_job(redis, ledger, flush.storage, job_id, JobState.COMPLETED)
    claim = ledger.claim_stage(job_id, "classify-1", "first", alone=True)
    used = {"none": {"extractions": 1}}
    ledger.finish_stage(claim, None, used)
    ledger.finish_stage(claim, None, used)
    flush.run_once()
    assert sums(database, "owner")["acme",].extractions == 1


PAGES = 5
KINDS = ["page", "failed page", "lost claim", "complete", "cancel", "take", "flush", "written, not confirmed"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 2)), max_size=40)


@pytest.fixture(scope="module")
def days(valkey, tmp_path_factory):
    """A flush into one database for all days that are tried, and their numbers: each has owners of its own."""
    store = StoreSettings(data_dir=tmp_path_factory.mktemp("days"), redis_url=valkey.redis_url)
    found = AccountsFlush(Settings(store=store), connect(valkey))
    yield found, itertools.count()
    found.database.close()
    found.redis.close()


@settings(max_examples=30, deadline=None)
@given(steps=STEPS)
def test_whatever_is_broken_off_the_totals_are_those_of_the_ledgers(days, steps):
    """A day of random jobs of two owners, three at a time, with claims that are lost, jobs that are completed or cancelled, and
    flushes that die at either side of their commit: usage and quotas are what the ledgers say.
    """
    flush, numbers = days
    redis, number = flush.redis, next(numbers)
    redis.flushall()
    flush.restore_quotas()
    ledger = Ledger(redis, flush.settings)
    owners = (f"a-{number}", f"b-{number}", f"b-{number}")
    jobs = [make_job(redis, ledger, PAGES, owner=owner, tier="key") for owner in owners]
    finished, lost, completed = [0, 0, 0], [False] * 3, []
    all_jobs = list(zip(jobs, owners, strict=True))

    def read(which, status):
        finished[which] += 1
        assert read_page(ledger, jobs[which], finished[which], status=status) in ("counted", "closed")

    def end(which, state):
        assert ledger.end(jobs[which], state) == "ok"
        jobs[which] = make_job(redis, ledger, PAGES, owner=owners[which], tier="key")
        finished[which], lost[which] = 0, False
        all_jobs.append((jobs[which], owners[which]))

    for step, which in steps:
        if step in ("page", "failed page") and finished[which] < PAGES - 1:
            read(which, "done" if step == "page" else "failed")
        elif step == "complete" and not lost[which]:
            while finished[which] < PAGES:
                read(which, "done")
            end(which, JobState.COMPLETED)
            completed.append(owners[which])
        elif step == "cancel":
            end(which, JobState.CANCELLED)
        elif step == "lost claim":
            claim = ledger.claim_planned_page(jobs[which], PAGES, "doomed")
            if claim is not None:
                lost[which] = True
                ledger.release(claim, crashed=False)
                assert ledger.finish(claim, Page(number=PAGES, status="done", engine="rapidocr")) == "not_yours"
        elif step == "take":
            usage.take(redis)
        elif step == "flush":
            flush.write_usage()
        elif step == "written, not confirmed" and (batch := usage.take(redis)) is not None:
            Usage(flush.database).add(batch.name, [counted(one) for one in batch.counts])
    flush.write_usage()
    for job_id in jobs:
        ledger.end(job_id, JobState.CANCELLED)
    totals = sums(flush.database, "owner")
    for owner in set(owners):
        entries = [entry for job_id, whose in all_jobs if whose == owner for entry in ledger.entries(job_id).values()]
        pages, documents = sum(entry["state"] == "done" for entry in entries), completed.count(owner)
        found = totals.get((owner,))
        assert (found.pages, found.documents, found.bytes) if found else (pages, documents, 1000 * documents) == (0, 0, 0)
        standing = quotas.count_request(redis, QueueSettings(), owner, datetime.now(UTC), 0)
        assert list(standing.used.values()) == [0, documents, documents, pages]


def test_a_redis_that_has_lost_its_data_learns_the_quotas_of_the_month_again_and_once(flush, database, redis, ledger):
    today = datetime.fromtimestamp(clock.seconds(redis), UTC).date()

    def used(owner="acme"):
        return list(quotas.count_request(redis, QueueSettings(), owner, datetime.now(UTC), 0).used.values())

    for pages in (2, 3):
        job_id = make_job(redis, ledger, pages, owner="acme", tier="key")
        for number in range(1, pages + 1):
            read_page(ledger, job_id, number)
        assert ledger.end(job_id, JobState.COMPLETED) == "ok"
    flush.run_once()
    last_month = today.replace(day=1) - timedelta(days=1)
    other_days = [Counted("acme", "", last_month, "none", {"documents": 50, "pages": 50})]
    other_days += [Counted("acme", "", today.replace(day=1), "none", {"documents": 7})] if today.day > 1 else []
    other_days += [Counted("", "", today, "none", {"documents": 9})]
    Usage(database).add("earlier", other_days)
    month = 2 + (7 if today.day > 1 else 0)
    assert used() == [0, 2, 2, 5]
    redis.flushall()
    assert used() == [0, 0, 0, 0]
    since = make_job(redis, ledger, 1, owner="acme", tier="key")
    read_page(ledger, since, 1)
    assert ledger.end(since, JobState.COMPLETED) == "ok"
    assert usage.take(redis) is None, "what was read since is not written before the rest was restored, to count once"
    for _ in range(2):
        flush.run_once()
        assert used() == [0, 3, month + 1, 6]
    assert used("") == [0, 0, 0, 0]
    assert sums(database, "owner")[("acme",)].pages == 56


def test_the_audit_is_written_once_even_if_the_flush_dies_before_it_forgets(flush, database, redis):
    audit_trail.append(redis, [entry(job_id=str(number)) for number in range(7)])
    Audit(database).append([])
    flush.write_audit()
    audit_trail.append(redis, [entry(job_id="again")])
    waiting = audit_trail.pending(redis, 10)
    Audit(database).append([new_entry(*found) for found in waiting.values()])
    flush.write_audit()
    written = Audit(database).list(AuditFilter(), before=None, limit=100)
    assert [row.job_id for row in written] == ["again", *map(str, reversed(range(7)))]
    assert audit_trail.length(redis) == 0


def new_entry(found, at):
    return NewEntry(at=at, **found.model_dump())


def test_the_audit_is_filtered_and_paged(flush, database, redis):
    audit_trail.append(redis, [entry(owner=owner, key_id=owner, job_id=str(n)) for n in range(5) for owner in ("a", "b")])
    audit_trail.append(redis, [entry(owner="a", action="job.delete", job_id="4")])
    flush.write_audit()
    audit = Audit(database)
    first = audit.list(AuditFilter(owner="a"), before=None, limit=4)
    rest = audit.list(AuditFilter(owner="a"), before=first[-1].id, limit=4)
    assert [row.job_id for row in [*first, *rest]] == ["4", "4", "3", "2", "1", "0"]
    assert len(audit.list(AuditFilter(action="job.delete"), before=None, limit=9)) == 1
    assert len(audit.list(AuditFilter(job_id="4"), before=None, limit=9)) == 3
    assert len(audit.list(AuditFilter(key_id="b"), before=None, limit=9)) == 5
    at = first[0].at
    assert audit.list(AuditFilter(until=rest[-1].at), before=None, limit=9) == []
    assert audit.list(AuditFilter(since=at), before=None, limit=9)[0].id == first[0].id


def test_long_texts_are_cut_and_not_lost(flush, database, redis):
    audit_trail.append(redis, [entry(request_id="r" * 500)])
    flush.write_audit()
    (row,) = Audit(database).list(AuditFilter(), before=None, limit=9)
    assert row.request_id == "r" * 128


def test_the_history_keeps_a_job_and_forgets_what_it_was_about_when_it_is_deleted(flush, database, redis, ledger):
    storage = flush_storage(flush)
    job_id = make_job(redis, ledger, 1, owner="acme", key_id="k", webhook_url="http://erp.lan/hook?secret=1")
    flush.run_once()
    known = History(database)
    assert known.get(job_id).state == "processing"
    read_page(ledger, job_id, 1)
    end_job(redis, ledger, storage, job_id, JobState.COMPLETED)
    flush.run_once()
    row = known.get(job_id)
    assert (row.state, row.complete, row.owner, row.key_id, row.total_pages) == ("completed", True, "acme", "k", 1)
    assert (row.filename, row.size, row.webhook_host) == (make_card().filename, 1000, "erp.lan")
    assert row.page_counts == {"finished": 1, "done": 1, "cpu": 1}
    assert "secret" not in json.dumps({name: str(value) for name, value in vars(row).items()})
    delete_job(redis, ledger, storage, record.load(redis, job_id))
    flush.run_once()
    row = known.get(job_id)
    assert (row.state, row.filename, row.sha256, row.owner, row.total_pages) == ("deleted", "", "", "acme", 1)
    assert row.deleted_at is not None
    assert history.due(redis, 10) == {}


def test_a_job_that_is_deleted_before_it_was_written_is_known_as_deleted(flush, database, redis, ledger):
    job_id = make_job(redis, ledger, 1, owner="acme")
    delete_job(redis, ledger, flush_storage(flush), record.load(redis, job_id))
    flush.run_once()
    row = History(database).get(job_id)
    assert (row.state, row.owner, row.filename) == ("deleted", "acme", "")
    assert abs((row.created_at - make_card().created_at).total_seconds()) < 1


def test_a_change_during_the_flush_is_written_by_the_next(redis, ledger):
    job_id = make_job(redis, ledger, 1)
    seen = history.due(redis, 10)
    ledger.end(job_id, JobState.CANCELLED)
    history.settle(redis, seen)
    assert list(history.due(redis, 10)) == [job_id]


def test_the_last_use_of_keys_is_written(flush, database, redis):
    now = clock.now(redis)
    made = Keys(database).create(name="n", owner="acme", tier="key", scopes=["read"], now=now)
    key_changes.note_used(redis, made.key.id, now)
    flush.run_once()
    assert abs(Keys(database).get(made.key.id).last_used_at - now).total_seconds() < 0.01
    assert key_changes.used(redis) == {}


def test_while_postgresql_is_down_everything_waits_and_nothing_is_lost_or_counted_twice(postgresql, redis, ledger, tmp_path):
    url = postgresql.create_database("killed")
    account_settings = Settings(store=StoreSettings(data_dir=tmp_path), accounts=AccountSettings(database_url=url))
    flush = AccountsFlush(account_settings, redis)
    with flush.database.connection() as connection:
        schema.upgrade(connection)
    job_id = make_job(redis, ledger, 3, owner="acme")
    read_page(ledger, job_id, 1)
    audit_trail.append(redis, [entry(job_id="before")])
    flush.run_once()
    postgresql.kill()
    try:
        read_page(ledger, job_id, 2)
        audit_trail.append(redis, [entry(job_id="while it was away")])
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                flush.run_once()
        read_page(ledger, job_id, 3)
        assert end_job(redis, ledger, flush_storage(flush), job_id, JobState.COMPLETED) == "ok"
    finally:
        postgresql.start()
    flush.run_once()
    assert sums(flush.database, "engine")[("rapidocr",)].pages == 3
    assert sums(flush.database, "engine")[("none",)].documents == 1
    written = Audit(flush.database).list(AuditFilter(), before=None, limit=9)
    assert [row.job_id for row in written] == ["while it was away", "before"]
    assert History(flush.database).get(job_id).state == "completed"
    flush.database.close()
