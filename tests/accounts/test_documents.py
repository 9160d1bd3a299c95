"""Documents are found by what was extracted from them, by their owner, until they expire or their job is deleted."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from document_parser.accounts.documents import Documents, compared_number
from document_parser.accounts.erasure import Erasure
from document_parser.accounts.history import History
from document_parser.accounts.models import DocumentRow, JobRow
from document_parser.accounts.records import DocumentFilter, DocumentPlace

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def row(minutes=0, owner="acme", source_id="0" * 32, part=0, job_id=None, **facts):
    known = {
        "sha256": "a" * 64,
        "filename": "paper.pdf",
        "media_type": "application/pdf",
        "type": "invoice",
        "status": "complete",
    }
    moment = NOON + timedelta(minutes=minutes)
    known |= {"fields": {"total": 1.5}, "ungrounded": [], "invoice_number": "", "order_number": "", "created_at": moment}
    return DocumentRow(job_id=job_id or str(uuid.uuid4()), source_id=source_id, part=part, owner=owner, **known | facts)


@pytest.fixture
def known(database):
    found = Documents(database)
    for one in (
        row(0, invoice_number=compared_number("qs-2026 0471"), dated=date(2027, 2, 1), filename="first.pdf"),
        row(1, order_number="PO-77", dated=date(2027, 2, 2), filename="second.pdf", sha256="b" * 64),
        row(2, type="contract", filename="third 100%.pdf"),
        row(3, owner="globex", invoice_number="QS-20260471", filename="theirs.pdf"),
    ):
        assert found.replace(one.job_id, one.source_id, [one])
    return found


def names(known, after=None, limit=50, **wanted):
    return [one.filename for one in known.search(DocumentFilter(**wanted), after=after, limit=limit).documents]


WANTED = [
    ({}, ["theirs.pdf", "third 100%.pdf", "second.pdf", "first.pdf"]),
    ({"owner": "acme", "type": "invoice"}, ["second.pdf", "first.pdf"]),
    ({"owner": "acme", "invoice_number": "QS-2026\t0471 "}, ["first.pdf"]),
    ({"owner": "acme", "order_number": "po-77"}, ["second.pdf"]),
    ({"sha256": "B" * 64}, ["second.pdf"]),
    ({"filename": "100%"}, ["third 100%.pdf"]),
    ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, ["third 100%.pdf", "second.pdf"]),
    ({"dated_from": date(2027, 2, 2)}, ["second.pdf"]),
    ({"dated_to": date(2027, 2, 1)}, ["first.pdf"]),
    ({"owner": "initech"}, []),
]


def test_what_is_asked_for_is_found_and_nothing_else(known):
    for wanted, expected in WANTED:
        assert names(known, **wanted) == expected, wanted
    (first,) = known.search(DocumentFilter(filename="first"), after=None, limit=9).documents
    assert names(known, job_id=first.job_id) == ["first.pdf"]
    assert (first.fields, first.created_at, first.dated) == ({"total": 1.5}, NOON, date(2027, 2, 1))


def test_pages_of_the_list_follow_each_other_though_documents_came_in_the_same_moment(known):
    job_id = str(uuid.uuid4())
    known.replace(job_id, "1" * 32, [row(1, part=part, job_id=job_id, source_id="1" * 32) for part in range(5)])
    seen, after = [], None
    while True:
        found = known.search(DocumentFilter(), after=after, limit=2)
        seen += [(one.job_id, one.source_id, one.part) for one in found.documents]
        if found.next_place is None:
            break
        after = DocumentPlace.parse(str(found.next_place))
    assert (len(seen), len(set(seen))) == (9, 9)


def test_an_answer_replaces_what_the_same_extraction_had_found_and_nothing_else(known):
    job_id = str(uuid.uuid4())
    known.replace(job_id, "1" * 32, [row(job_id=job_id, source_id="1" * 32, part=part) for part in (1, 2)])
    known.replace(job_id, "2" * 32, [row(job_id=job_id, source_id="2" * 32)])
    known.replace(job_id, "1" * 32, [row(job_id=job_id, source_id="1" * 32, part=2, filename="new.pdf")])
    found = known.search(DocumentFilter(job_id=job_id), after=None, limit=9).documents
    assert [(one.source_id[0], one.part, one.filename) for one in found] == [("2", 0, "paper.pdf"), ("1", 2, "new.pdf")]


def test_documents_expire_by_when_they_were_sent_a_batch_at_a_time(known):
    late = NOON + timedelta(minutes=3)
    assert [known.expire(late, 2), known.expire(late, 2), known.expire(late, 2)] == [2, 1, 0]
    assert names(known) == ["theirs.pdf"]


def test_values_are_deleted_by_job_and_only_by_their_owner(known):
    (theirs,) = known.search(DocumentFilter(owner="globex"), after=None, limit=9).documents
    assert known.delete(theirs.job_id, "acme") == 0
    assert known.delete(theirs.job_id, "globex") == 1
    assert names(known, owner="globex") == []


def test_a_deleted_job_leaves_no_values_and_gets_no_new_ones(known, database):
    (first,) = known.search(DocumentFilter(filename="first"), after=None, limit=9).documents
    History(database).write([JobRow(job_id=first.job_id, owner="acme", state="completed", created_at=NOON)])
    History(database).mark_deleted(first.job_id, "acme", created_at=NOON, deleted_at=NOON)
    assert names(known, job_id=first.job_id) == []
    assert not known.replace(first.job_id, "0" * 32, [row(job_id=first.job_id)])
    assert names(known, job_id=first.job_id) == []


def test_an_owner_who_is_erased_leaves_no_values(known, database):
    erasure, later = Erasure(database), NOON + timedelta(hours=1)
    assert erasure.count("acme", later) == 3
    erasure.erase("acme", later)
    assert erasure.count("acme", later) == 0
    assert names(known) == ["theirs.pdf"]


def test_values_with_characters_that_databases_refuse_are_kept(known):
    odd = row(owner="odd", fields={"name": "a\0b \ud800 ß"}, filename="x\0y", invoice_number="1\0", ungrounded=["/name"])
    assert known.replace(odd.job_id, odd.source_id, [odd])
    (found,) = known.search(DocumentFilter(owner="odd"), after=None, limit=9).documents
    assert found.fields["name"].endswith(" ß")
    assert names(known, invoice_number="1\0") == ["x\ufffdy"]
