"""The history of jobs is searched by parts of names, owner, state, error and time, page by page."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from document_parser.accounts import history
from document_parser.accounts.history import History
from document_parser.accounts.models import JobRow
from document_parser.accounts.records import JobFilter, Place

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def row(minutes=0, owner="acme", state="completed", **facts):
    return JobRow(job_id=str(uuid.uuid4()), owner=owner, state=state, created_at=NOON + timedelta(minutes=minutes), **facts)


@pytest.fixture
def known(database):
    found = History(database)
    found.write(
        [
            row(0, filename="Invoice 17.pdf", sha256="a" * 64),
            row(1, filename="invoice_18.pdf", owner="globex", sha256="b" * 64),
            row(2, filename="100% sure.pdf", state="failed", error_code="DAMAGED_DOCUMENT"),
            row(3, filename="letter.pdf", state="failed", error_code="ENCRYPTED_DOCUMENT", owner="globex"),
            row(4, filename="list.pdf", state="failed", error_code="DAMAGED_DOCUMENT", owner="globex"),
            row(5, state="deleted"),
        ]
    )
    return found


def names(found):
    return [job.filename for job in found.jobs]


def search(known, after=None, limit=50, **wanted):
    return known.search(JobFilter(**wanted), after=after, limit=limit)


def test_all_jobs_come_newest_first_when_nothing_is_asked_for(known):
    found = search(known)
    expected = ["", "list.pdf", "letter.pdf", "100% sure.pdf", "invoice_18.pdf", "Invoice 17.pdf"]
    assert (names(found), found.next_place) == (expected, None)


WANTED = [
    ({"text": "INVOICE"}, ["invoice_18.pdf", "Invoice 17.pdf"]),
    ({"text": "100%"}, ["100% sure.pdf"]),
    ({"text": "e_1"}, ["invoice_18.pdf"]),
    ({"text": " list "}, ["list.pdf"]),
    ({"text": "B" * 64}, ["invoice_18.pdf"]),
    ({"text": "c" * 64}, []),
    ({"owner": "globex"}, ["list.pdf", "letter.pdf", "invoice_18.pdf"]),
    ({"owner": "globex", "state": "failed"}, ["list.pdf", "letter.pdf"]),
    ({"state": "failed", "error_code": "DAMAGED_DOCUMENT"}, ["list.pdf", "100% sure.pdf"]),
    ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, ["100% sure.pdf", "invoice_18.pdf"]),
]


def test_what_is_asked_for_is_found_and_nothing_else(known):
    for wanted, expected in WANTED:
        assert names(search(known, **wanted)) == expected, wanted
    (newest, *_) = search(known).jobs
    assert [job.job_id for job in search(known, text=newest.job_id.upper()).jobs] == [newest.job_id]
    assert search(known, text=newest.job_id, owner="globex").jobs == []


def test_pages_of_the_list_follow_each_other_though_jobs_came_in_the_same_moment(known):
    known.write([row(1, filename=f"{number}.pdf") for number in range(5)])
    seen, after = [], None
    while True:
        found = search(known, after, limit=2)
        seen += [job.job_id for job in found.jobs]
        if found.next_place is None:
            break
        after = Place.parse(str(found.next_place))
    assert seen == [job.job_id for job in search(known).jobs]
    assert len(set(seen)) == 11


def test_one_search_looks_at_a_bounded_number_of_jobs_and_says_where_to_go_on(known, monkeypatch):
    monkeypatch.setattr(history, "MAX_SCANNED_JOBS", 4)
    found = search(known, text="17")
    assert found.jobs == []
    assert found.next_place is not None
    again = search(known, found.next_place, text="17")
    assert (names(again), again.next_place) == (["Invoice 17.pdf"], None)


def test_reasons_are_counted_with_their_owners_the_most_frequent_first(known):
    counted = known.failures(owner=None, since=None, until=None)
    told = [(one.error_code, one.jobs, one.owners, one.newest_at) for one in counted]
    assert told == [
        ("DAMAGED_DOCUMENT", 2, 2, NOON + timedelta(minutes=4)),
        ("ENCRYPTED_DOCUMENT", 1, 1, NOON + timedelta(minutes=3)),
    ]
    (one,) = known.failures(owner="acme", since=NOON, until=NOON + timedelta(minutes=4))
    assert (one.error_code, one.jobs) == ("DAMAGED_DOCUMENT", 1)
    assert known.failures(owner=None, since=NOON + timedelta(minutes=5), until=None) == []


def test_a_search_reads_jobs_through_an_index(known, database):
    with database.reading() as session:
        dialect = session.get_bind().dialect
        if dialect.name == "postgresql":
            # It rightly reads a small table as a whole.
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        for wanted in ({}, {"owner": "acme"}, {"state": "failed"}, {"owner": "acme", "state": "failed"}):
            statement = history._scan(JobFilter(**wanted), None, None)
            said = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
            plan = " ".join(str(line) for line in session.connection().exec_driver_sql(f"{explain} {said}").all())
            assert "_".join(["jobs", *list(wanted)[:1], "created_at"]) in plan


def test_a_job_whose_texts_no_database_takes_is_written_with_what_it_takes(database):
    known = History(database)
    odd = row(filename="long\0name" * 200, media_type="x" * 300, error_message="broken \ud800 at\0", origin="\0")
    known.write([odd, row(1, filename="next.pdf")])
    found = known.get(odd.job_id)
    assert found.filename == ("long\ufffdname" * 200)[:1024]
    assert (found.error_message, found.origin, len(found.media_type)) == ("broken ? at\ufffd", "\ufffd", 128)
