"""The asynchronous client, the events of jobs and batches, and what both clients have for admins, against a real service."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from document_parser import AsyncClient, Client, errors
from document_parser.models import JobState
from tests.support.drawn_invoices import draw_invoice
from tests.support.peer import Answer, peer, problem
from tests.support.service import ROOT, Service

PAPER = ROOT / "samples" / "paper.pdf"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), NUM_WORKERS=1, WEB_WORKERS=1) as service:
        yield service


@pytest.fixture
def address(service):
    return f"127.0.0.1:{service.port}"


def test_documents_are_read_at_once(service, address, tmp_path):
    async def work():
        async with AsyncClient(address, service.operator_token) as client:
            found = await asyncio.gather(
                client.parse(PAPER, page_range="1"),
                client.extract_file(draw_invoice(tmp_path / "invoice.pdf"), schema="invoice"),
                client.submit(PAPER, page_range="2"),
            )
            with pytest.raises(errors.JobNotFound):
                await client.status("11111111-1111-1111-1111-111111111111")
            status = await client.wait(found[2])
            await client.source(found[2], tmp_path / "source.pdf")
            return found, status, await client.children(found[2]), await client.page_image(found[2], 2)

    (document, values, _), status, children, image = asyncio.run(work())
    assert [page.number for page in document.pages] == [1]
    assert values.data["invoice_number"] == "QS-2026-0471"
    assert status.status is JobState.COMPLETED
    assert (tmp_path / "source.pdf").read_bytes() == PAPER.read_bytes()
    assert (children, image[:2]) == ([], b"\xff\xd8")


def test_events_come_in_order_until_a_job_or_batch_has_ended(service, address):
    async def follow(job_id, batch_id):
        async with AsyncClient(address, service.operator_token) as client:
            async for event in client.events(job_id):
                if event.kind == "page.completed":
                    break
            return [event.kind async for event in client.batch_events(batch_id)]

    with Client(address, service.operator_token) as client:
        job_id = client.submit(PAPER, page_range="1", cache="false")
        events = list(client.events(job_id))
        batch_id = client.submit_batch([PAPER], page_range="1").batch_id
        assert asyncio.run(follow(job_id, batch_id))[-1] == "batch.ended"
    kinds = [event.kind for event in events if event.kind != "status"]
    assert (kinds[0], kinds[-1]) == ("job.queued", "job.completed")
    assert next(event.data["page"] for event in events if event.kind == "page.completed") == 1
    assert [event.data["status"] for event in events if event.kind == "status"][-1] == "completed"
    assert all(bool(event.id) is (event.kind != "status") for event in events)


def test_events_go_on_where_a_connection_was_lost():
    def stream(text, cut=0):
        return Answer(200, text.encode(), {"Content-Type": "text/event-stream"}, cut)

    status = {"job_id": "1", "status": "completed", "filename": "a.pdf", "created_at": "2026-01-01T00:00:00Z", "complete": True}
    begun = 'retry: 700\n\nid: 1-0\nevent: job.queued\ndata: {"job_id": "1"}\n\n'
    ended = f'event: status\ndata: {json.dumps(status)}\n\nid: 2-0\nevent: job.completed\ndata: {{"job_id": "1"}}\n\n'
    answers, pauses = [stream(begun, cut=9), problem(503, "SERVER_BUSY", "3"), stream(ended)], []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        assert [event.kind for event in client.events("1")] == ["job.queued", "status", "job.completed"]
    assert pauses == [0.7, 3.0]
    assert [asked.headers.get("Last-Event-ID") for asked in server.asked] == [None, "1-0", "1-0"]


def test_what_is_no_stream_of_events_is_not_asked_for_again():
    page = Answer(200, b"<html>", {"Content-Type": "text/html"})
    with peer(lambda asked: page) as server, Client(server.url) as client, pytest.raises(errors.UnexpectedAnswer):
        list(client.events("1"))
    assert len(server.asked) == 1


def test_keys_are_made_replaced_and_ended(service, address):
    with Client(address, service.operator_token) as client:
        made = client.create_key("till", "accounting", scopes=["read"], expires_at=datetime.now(UTC) + timedelta(days=1))
        assert (made.owner, made.scopes, made.state) == ("accounting", ["read"], "active")
        new = client.rotate_key(made.id)
        assert new.key != made.key
        assert client.revoke_key(new.id).state == "revoked"
        assert [key.id for key in client.keys("accounting")] == [new.id, made.id]
        with pytest.raises(errors.KeyNotFound):
            client.revoke_key("11111111-1111-1111-1111-111111111111")


def test_the_operator_sees_usage_history_and_the_state_of_the_service(service, address):
    with Client(address, service.operator_token) as client:
        job_id = client.submit(PAPER, page_range="1")
        client.wait(job_id)
        assert client.health().status == "ok"
        assert client.system().accepting
        assert client.me().actor in ("operator", "anyone")
        assert client.usage(["day", "engine"], since=date(2020, 1, 1)).by == ["day", "engine"]
        assert isinstance(client.history("paper").jobs, list)
        assert client.failures() == []
        assert isinstance(client.audit(limit=1).entries, list)
        assert isinstance(client.breakers(), list)


def test_an_upload_is_asked_for_and_deleted(service, address):
    with Client(address, service.operator_token) as client:
        upload = client.upload(PAPER)
        assert client.upload_offset(upload) == PAPER.stat().st_size
        client.delete_upload(upload)
        with pytest.raises((errors.UploadNotFound, errors.UploadGone)):
            client.upload_offset(upload)
