"""The client: typed answers of a real service, and what it does when a server is busy, away or another one."""

from __future__ import annotations

import io
import os
import socket
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from document_parser import Client, errors
from document_parser.models import Document, JobState
from tests.support import documents
from tests.support.error_kinds import error_kinds
from tests.support.peer import Answer, good, peer, problem
from tests.support.receiver import receiving
from tests.support.service import ROOT, Service, free_port, wait_until
from tests.support.tls import certificate

SCAN = ROOT / "samples" / "scan.pdf"
PAPER = ROOT / "samples" / "paper.pdf"
JOB = "11111111-1111-1111-1111-111111111111"
STATUS = {"job_id": JOB, "status": "completed", "filename": "a.pdf", "created_at": "2026-01-01T00:00:00.000Z", "complete": True}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service"), WEBHOOK_ALLOW_HOSTS='["127.0.0.1"]') as service:
        yield service


@pytest.fixture
def client(service):
    with Client(f"127.0.0.1:{service.port}", service.operator_token) as client:
        yield client


# --- a real service ---------------------------------------------------------------------------------------------------


def test_a_document_is_sent_followed_and_fetched(client):
    heard = []
    job_id = client.submit(SCAN, page_range="2", output_format="text")
    status = client.wait(job_id, heard.append)
    assert status.status is JobState.COMPLETED
    assert heard[-1] == status
    assert status.progress.cpu_pages == 1
    result = client.result(job_id)
    assert result.text.startswith("Maintenance Schedule")
    assert result.complete
    assert [(warning.page, warning.code) for warning in result.warnings] == [(2, "rotated")]


def test_several_documents_are_sent_as_one_batch_and_fetched_as_one_archive(client, tmp_path):
    (tmp_path / "odd.bin").write_bytes(b"\x00\x01" * 90)
    sent = client.submit_batch([PAPER, tmp_path / "odd.bin"], page_range="1")
    assert sent.jobs[1].error.code == "UNSUPPORTED_FORMAT"
    status = client.batch(sent.batch_id, wait=60)
    assert (status.status, status.jobs[0].job_id, status.jobs[0].total_pages) == ("partial", sent.jobs[0].job_id, 1)
    client.download_batch(sent.batch_id, tmp_path / "all.zip", "text")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert sorted(archive.namelist()) == ["manifest.json", "paper.pdf.txt"]
    client.delete_batch(sent.batch_id)
    with pytest.raises(errors.BatchNotFound):
        client.batch(sent.batch_id)


def test_every_format_of_a_result_is_typed(client):
    job_id = client.submit(PAPER)
    client.wait(job_id)
    assert client.result(job_id).markdown.startswith("# Counting Swifts")
    assert "<h1" in client.result(job_id, "html").html
    assert isinstance(client.result(job_id, "json").document, Document)
    assert isinstance(client.result(job_id, "csv").tables, list)
    with pytest.raises(ValueError, match="download"):
        client.result(job_id, "zip")


def test_a_result_is_downloaded_to_a_file_or_a_stream(client, tmp_path):
    job_id = client.submit(PAPER)
    client.wait(job_id)
    stream = io.BytesIO()
    client.download(job_id, tmp_path / "paper.zip", "zip")
    client.download(job_id, stream)
    assert (tmp_path / "paper.zip").read_bytes().startswith(b"PK")
    assert stream.getvalue().decode() == client.result(job_id).markdown
    assert [path.name for path in tmp_path.iterdir()] == ["paper.zip"]


def test_a_stream_that_cannot_be_wound_back_is_sent(client):
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb") as out:
        out.write(PAPER.read_bytes()[:4096])
        out.close()
        job_id = client.submit(stream, filename="piped.pdf")
    assert client.wait(job_id).filename == "piped.pdf"


def test_parse_gives_the_document(client):
    document = client.parse(PAPER, page_range="1")
    assert [page.number for page in document.pages] == [1]
    assert document.page_count == 2


def test_parse_raises_the_error_of_the_job(client, tmp_path):
    locked = documents.encrypted_pdf(tmp_path / "locked.pdf", "open sesame")
    with pytest.raises(errors.EncryptedDocument):
        client.parse(locked)
    with pytest.raises(errors.WrongPassword):
        client.parse(locked, password="wrong")
    assert "Secret" in client.parse(locked, password="open sesame").pages[0].blocks[0].text


def test_the_pages_of_a_job_are_told_one_by_one(client):
    job_id = client.submit(SCAN)
    client.wait(job_id)
    assert [(page.number, page.state, page.engine) for page in client.pages(job_id)] == [
        (1, "done", "rapidocr"),
        (2, "done", "rapidocr"),
    ]
    assert client.page(job_id, 2).page.rotation in (90, 270)
    with pytest.raises(errors.PageNotFound):
        client.page(job_id, 3)


def test_jobs_are_listed_cancelled_and_deleted(client, tmp_path):
    long = documents.scanned_pdf(tmp_path / "long.pdf", [documents.PARAGRAPH] * 30)
    job_id = client.submit(long)
    client.cancel(job_id)
    assert client.wait(job_id).status is JobState.CANCELLED
    assert job_id in [job.job_id for job in client.jobs(limit=5).jobs]
    done = client.submit(PAPER)
    client.wait(done)
    with pytest.raises(errors.JobEnded):
        client.cancel(done)
    client.delete(job_id)
    with pytest.raises(errors.JobNotFound):
        client.status(job_id)


def test_a_key_of_ones_own_gives_the_same_job(client):
    key = str(uuid.uuid4())
    assert client.submit(PAPER, idempotency_key=key) == client.submit(PAPER, idempotency_key=key)
    assert client.submit(PAPER) != client.submit(PAPER)


def test_a_page_is_read_again_and_waited_for(client):
    job_id = client.submit(PAPER)
    client.wait(job_id)
    ordered = client.retry_page(job_id, 2, engine="rapidocr")
    assert (ordered.number, ordered.revision) == (2, 1)
    assert client.wait(job_id).revision == 2
    assert client.page(job_id, 2).page.engine == "rapidocr"
    with pytest.raises(errors.PageNotFound):
        client.retry_page(job_id, 9)
    with pytest.raises(errors.EngineAbsent):
        client.retry_page(job_id, 1, engine="deepseek")


def test_deliveries_are_listed_replayed_and_tried(client):
    with receiving(410) as receiver:
        job_id = client.submit(PAPER, webhook_url=receiver.url)
        client.wait(job_id)
        wait_until(lambda: client.deliveries(state="failed").deliveries, 30, "it is given up")
        (failed,) = client.deliveries(limit=5, state="failed").deliveries
        assert (failed.job_id, failed.event, failed.last_status) == (job_id, "job.completed", 410)
        assert client.replay_webhook(job_id).replays == 1
        assert client.replay_failed_webhooks().left == 0
        assert client.ping_webhook(receiver.url).delivered
    with pytest.raises(errors.WebhookRefused):
        client.ping_webhook("ftp://example.org/")


def test_waiting_can_be_bounded_and_the_job_goes_on(client, tmp_path):
    job_id = client.submit(documents.scanned_pdf(tmp_path / "long.pdf", [documents.PARAGRAPH] * 30))
    with pytest.raises(TimeoutError):
        client.wait(job_id, timeout=0.2)
    assert not client.status(job_id).status.has_ended
    client.cancel(job_id)


def test_refusals_come_as_the_servers_own_errors(client, tmp_path):
    with pytest.raises(errors.UnsupportedFormat) as refused:
        client.submit(io.BytesIO(b"%!PS-Adobe-3.0"), filename="page")
    assert refused.value.details["looks_like"] == "postscript"
    assert refused.value.details["request_id"]
    with pytest.raises(errors.InvalidOption, match="accuracy_mode"):
        client.submit(PAPER, accuracy_mode="sloppy")
    with pytest.raises(errors.JobNotFound):
        client.result(JOB)


# --- a server in trouble ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", error_kinds(), ids=lambda kind: kind.code)
def test_each_code_comes_back_as_its_class(kind):
    with (
        peer(lambda asked: problem(400, kind.code, why="so")) as server,
        Client(server.url) as client,
        pytest.raises(kind) as raised,
    ):
        client.status(JOB)
    assert type(raised.value) is kind
    assert raised.value.message == f"It is {kind.code}."
    assert raised.value.details["why"] == "so"


@pytest.mark.parametrize(("status", "code"), [(429, "RATE_LIMITED"), (503, "QUEUE_UNAVAILABLE")])
def test_a_busy_server_is_asked_again_after_as_long_as_it_says(status, code):
    answers = [problem(status, code, "7"), problem(status, code), good({"job_id": JOB}, 202)]
    pauses = []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        assert client.submit(io.BytesIO(b"%PDF-1.7 body"), filename="a.pdf") == JOB
    assert pauses == [7.0, 1.0]
    assert len(server.asked) == 3
    assert all(b"%PDF-1.7 body" in one.body for one in server.asked)


def test_a_date_says_as_well_when_to_ask_again():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    answers = [problem(429, "RATE_LIMITED", later), good(STATUS)]
    pauses = []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        client.status(JOB)
    assert 20 < pauses[0] <= 30


def test_pauses_double_up_to_a_bound_and_end_with_the_servers_error_before_patience_does():
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            answers.append(problem(503, "QUEUE_UNAVAILABLE", "60"))

    answers = [problem(503, "QUEUE_UNAVAILABLE")] * 6
    with (
        peer(lambda asked: answers.pop(0)) as server,
        Client(server.url, patience=60, pause=pause) as client,
        pytest.raises(errors.QueueUnavailable),
    ):
        client.status(JOB)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_patience_ends_with_the_servers_error():
    pauses = []
    with (
        peer(lambda asked: problem(429, "RATE_LIMITED", "7")) as server,
        Client(server.url, patience=5, pause=pauses.append) as client,
        pytest.raises(errors.RateLimited),
    ):
        client.status(JOB)
    assert pauses == []
    assert len(server.asked) == 1


def test_a_server_that_never_answered_is_not_waited_for():
    pauses = []
    with (
        Client(f"http://127.0.0.1:{free_port()}", pause=pauses.append) as client,
        pytest.raises(errors.ServerUnreachable),
    ):
        client.status(JOB)
    assert pauses == []


def test_a_server_with_tls_is_trusted_where_the_system_or_its_settings_trust_it(tmp_path, monkeypatch):
    trusted = certificate(tmp_path, "localhost")
    with peer(lambda asked: good(STATUS), trusted) as server:
        with Client(server.url, patience=0) as client, pytest.raises(errors.ServerUnreachable):
            client.status(JOB)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with Client(server.url, patience=0) as client:
            assert client.status(JOB).job_id == JOB


def test_a_status_is_asked_again_where_the_connection_is_lost():
    answers = [good(STATUS), None, good(STATUS)]
    pauses = []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        client.status(JOB)
        assert client.status(JOB).job_id == JOB
    assert len(pauses) == 1


def test_a_document_whose_answer_is_lost_is_sent_again_under_its_key():
    answers = [None, Answer(502, b"bad gateway"), good({"job_id": JOB}, 202), good({"job_id": JOB}, 202)]
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=lambda seconds: None) as client:
        assert client.submit(io.BytesIO(b"%PDF-1.7"), filename="a.pdf") == JOB
        client.submit(io.BytesIO(b"%PDF-1.7"), filename="a.pdf")
    *again, other = [one.headers["Idempotency-Key"] for one in server.asked]
    assert len(again) == 3
    assert (len(set(again)), other in again) == (1, False)
    assert all(one.body.count(b"%PDF-1.7") == 1 for one in server.asked)


def test_what_is_known_by_no_key_is_not_asked_twice_where_the_answer_is_lost():
    answers = [good(STATUS), None]
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url) as client:
        client.status(JOB)
        with pytest.raises(errors.ServerUnreachable):
            client.cancel(JOB)
    assert len(server.asked) == 2


def test_a_download_that_breaks_off_is_fetched_whole(tmp_path):
    answers = [Answer(200, b"# Half" * 50_000, cut=100), Answer(200, b"# Whole\n")]
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=lambda seconds: None) as client:
        client.download(JOB, tmp_path / "a.md")
    assert (tmp_path / "a.md").read_text() == "# Whole\n"


def test_a_download_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "a.md").write_text("old")
    with (
        peer(lambda asked: Answer(200, b"# Half", cut=100)) as server,
        Client(server.url, patience=0) as client,
        pytest.raises(errors.ServerUnreachable),
    ):
        client.download(JOB, tmp_path / "a.md")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.md", "old")]


def test_a_format_that_is_still_being_written_is_waited_for():
    answers = [problem(409, "JOB_NOT_COMPLETE", "1", format="html"), Answer(200, b"<p>")]
    stream, pauses = io.BytesIO(), []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        client.download(JOB, stream, "html")
    assert stream.getvalue() == b"<p>"
    assert pauses == [1.0]


def test_a_job_that_is_being_read_is_an_error_for_a_download():
    with (
        peer(lambda asked: problem(409, "JOB_NOT_COMPLETE", "1", status="processing")) as server,
        Client(server.url) as client,
        pytest.raises(errors.JobNotComplete),
    ):
        client.download(JOB, io.BytesIO())


def test_waiting_does_not_hammer_a_server_that_answers_at_once():
    answers = [good({**STATUS, "status": "processing"})] * 3 + [good(STATUS)]
    pauses = []
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=pauses.append) as client:
        client.wait(JOB)
    assert pauses == [1.0] * 3


def test_waiting_ends_at_its_deadline_and_the_job_goes_on():
    heard = []
    with peer(lambda asked: good({**STATUS, "status": "processing"})) as server, Client(server.url) as client:
        with pytest.raises(TimeoutError, match=r"not ended after 0\.5 seconds"):
            client.wait(JOB, heard.append, timeout=0.5)
        with pytest.raises(KeyError):
            client.wait(JOB, lambda status: {}["interrupted"])
    assert 1 <= len(heard) <= 2
    assert {one.method for one in server.asked} == {"GET"}


@pytest.mark.parametrize("answer", [Answer(200, b"<html>hello"), Answer(502, b"bad gateway"), good([1]), good({"x": 1})])
def test_another_kind_of_server_is_recognised(answer):
    with peer(lambda asked: answer) as server, Client(server.url, patience=0) as client, pytest.raises(errors.UnexpectedAnswer):
        client.status(JOB)


def test_a_proxy_whose_service_starts_anew_is_asked_again():
    answers = [Answer(502, b"bad gateway"), Answer(504, b"<html>"), good(STATUS)]
    with peer(lambda asked: answers.pop(0)) as server, Client(server.url, pause=lambda seconds: None) as client:
        assert client.status(JOB).job_id == JOB


def test_the_token_is_sent_as_a_bearer():
    with peer(lambda asked: good({"jobs": []})) as server:
        with Client(server.url, "s3cret") as client:
            client.jobs()
        with Client(server.url) as client:
            client.jobs()
    assert [one.headers.get("Authorization") for one in server.asked] == ["Bearer s3cret", None]


def test_an_option_that_is_false_is_sent():
    with peer(lambda asked: good({"job_id": "j"}, 202)) as server, Client(server.url) as client:
        client.submit(PAPER, cache=False)
    assert b'name="cache"\r\n\r\nfalse\r\n' in server.asked[-1].body


def test_the_password_is_not_in_the_address():
    with peer(lambda asked: good({"job_id": JOB}, 202)) as server, Client(server.url) as client:
        client.submit(io.BytesIO(b"%PDF"), filename="a.pdf", password="sesame", page_range="1")
    assert "sesame" not in server.asked[0].path
    assert b"sesame" in server.asked[0].body


@pytest.mark.parametrize("address", ["ftp://example.org", "http://", "http://[::", "nothing://"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ValueError, match="http://host:port"):
        Client(address)


def test_a_silent_server_is_given_up_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Client(address, timeout=0.2) as client, pytest.raises(errors.ServerUnreachable):
            client.status(JOB)
