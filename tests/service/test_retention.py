"""How long a document is kept: as long as its sender asks, or until its result has been read once, whole."""

from __future__ import annotations

import io
import json
import socket
import struct
import zipfile

import pytest

from document_parser.jobs.records import storage_keys
from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, StoreSettings
from tests.support.service import SOON, Service, wait_until

GONE = "JOB_DELETED_AFTER_READ"
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"CACHE_HOURS": 24, "JOB_TTL_HOURS": 24, "MAX_RETENTION_HOURS": 48, "RATE_LIMIT_READS": "none", **SOON}
    with Service(tmp_path_factory.mktemp("retention"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def store(service):
    return connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url="")))


@pytest.fixture
def sent(service, paper):
    """Sends a document that is gone once it has been read."""

    def send(path="/v1/process/async", field="file", *, files=None, **options):
        files = files or [(field, (paper.name, paper.read_bytes()))]
        answer = service.client.post(path, files=files, data={"retention_hours": "0", **options})
        assert answer.status_code in (200, 202), answer.text
        return answer

    return send


def ended(service, job_id):
    status = service.client.get(f"/v1/jobs/{job_id}/status", params={"wait": 30}).json()
    assert status["status"] == "completed", status
    return status


def code_of(service, job_id, path="status"):
    answer = service.client.get(f"/v1/jobs/{job_id}/{path}")
    return answer.status_code, (answer.json().get("error") or {}).get("code")


def answered(service):
    """How many requests for results have ended."""
    return service.log.count('"route": "/v1/jobs/{job_id}/result"')


def traces(service, store, name):
    """Files and Redis keys that have this in their name, without the tombstone."""
    files = [str(path) for path in service.data_dir.rglob("*") if name in str(path) and path.is_file()]
    keys = [key.decode() for key in store.scan_iter(f"*{name}*", count=1000)]
    return files, [key for key in keys if not key.endswith(":gone")]


@pytest.mark.parametrize("path", ["result", "download", "result?format=json", "download?format=csv"])
def test_a_job_is_gone_with_all_it_left_after_the_first_complete_read(service, store, sent, path):
    job_id = sent().json()["job_id"]
    ended(service, job_id)
    assert service.client.get(f"/v1/jobs/{job_id}/pages/1/image").status_code == 200
    cached = store.smembers(f"job:{job_id}:cached")
    answer = service.client.get(f"/v1/jobs/{job_id}/{path}")
    assert answer.status_code == 200
    wait_until(lambda: code_of(service, job_id) == (410, GONE), 10, "the job is deleted")
    for other in ("result", "download", "source", "pages", "pages/1", "events"):
        assert code_of(service, job_id, other) == (410, GONE)
    assert traces(service, store, job_id) == ([], [])
    assert cached
    assert [key for key in cached if (service.data_dir / key.decode()).exists()] == []


def test_a_read_by_sync_and_by_the_aliases_counts(service, sent):
    read = sent("/v1/process/sync")
    assert "quick brown fox" in read.text
    wait_until(lambda: code_of(service, read.json()["job_id"]) == (410, GONE), 10, "the job is deleted")
    job_id = sent("/api/v1/documents").json()["job_id"]
    ended(service, job_id)
    assert service.client.get(f"/api/v1/jobs/{job_id}/result").status_code == 200
    wait_until(lambda: code_of(service, job_id) == (410, GONE), 10, "the job is deleted")


def test_ranges_parts_and_questions_about_the_result_leave_it_there(service, sent):
    job_id = sent().json()["job_id"]
    ended(service, job_id)
    client = service.client
    assert client.head(f"/v1/jobs/{job_id}/result").status_code == 200
    assert client.get(f"/v1/jobs/{job_id}/download", headers={"Range": "bytes=0-9"}).status_code in (200, 206)
    assert client.get(f"/v1/jobs/{job_id}/pages/1").status_code == 200
    assert client.get(f"/v1/jobs/{job_id}/source").status_code == 200
    assert client.get(f"/v1/jobs/{job_id}/result?format=csv&table=1").status_code == 404
    assert code_of(service, job_id) == (200, None)
    assert client.get(f"/v1/jobs/{job_id}/result").status_code == 200


def test_an_aborted_transfer_leaves_the_result_there(service, sent):
    """The result is larger than what the connection holds: the client reads a little of it and goes away."""
    job_id = sent().json()["job_id"]
    ended(service, job_id)
    (service.data_dir / storage_keys.result(job_id, "md")).write_text("A line of a long text.\n" * 1_000_000 + "The end.\n")
    before = answered(service)
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(f"GET /v1/jobs/{job_id}/result HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert b"200 OK" in line.recv(1000)
    wait_until(lambda: answered(service) > before, 30, "the request ends")
    assert code_of(service, job_id) == (200, None)
    read = service.client.get(f"/v1/jobs/{job_id}/result").json()["markdown"]
    assert read.endswith("The end.\n")
    wait_until(lambda: code_of(service, job_id) == (410, GONE), 10, "the job is deleted")


def test_a_client_that_is_gone_before_the_answer_leaves_the_result_there(service, sent):
    """The answer fits into the server's buffers: that it was written says nothing."""
    job_id = sent().json()["job_id"]
    ended(service, job_id)
    before = answered(service)
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets the connection
        line.sendall(f"GET /v1/jobs/{job_id}/result HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    wait_until(lambda: answered(service) > before, 30, "the request ends")
    assert code_of(service, job_id) == (200, None)
    assert service.client.get(f"/v1/jobs/{job_id}/result").status_code == 200
    wait_until(lambda: code_of(service, job_id) == (410, GONE), 10, "the job is deleted")


def test_an_archive_goes_when_all_documents_inside_have_been_read(service, store, sent, paper):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("one.pdf", "two.pdf"):
            archive.writestr(name, paper.read_bytes())
    job_id = sent(files=[("file", ("both.zip", packed.getvalue()))], output_format="json").json()["job_id"]
    ended(service, job_id)
    inside = service.client.get(f"/v1/jobs/{job_id}/result").json()["children"]
    first, second = (child["job_id"] for child in inside)
    for child in (first, second):
        ended(service, child)
    assert service.client.get(f"/v1/jobs/{first}/result").status_code == 200
    assert code_of(service, job_id) == code_of(service, first) == (200, None)
    assert service.client.get(f"/v1/jobs/{second}/result").status_code == 200
    for gone in (job_id, first, second):
        wait_until(lambda gone=gone: code_of(service, gone) == (410, GONE), 10, "the job is deleted")
        assert traces(service, store, gone) == ([], [])


def test_a_batch_goes_with_its_archive(service, store, sent, paper):
    files = [("files", (f"{number}.pdf", paper.read_bytes())) for number in range(2)]
    accepted = sent("/v1/process/batch", files=files).json()
    batch_id = accepted["batch_id"]
    assert service.client.get(f"/v1/batches/{batch_id}", params={"wait": 30}).json()["status"] == "completed"
    read = service.client.get(f"/v1/batches/{batch_id}/download")
    assert len(zipfile.ZipFile(io.BytesIO(read.content)).namelist()) == 5

    def gone():
        answer = service.client.get(f"/v1/batches/{batch_id}")
        return (answer.status_code, (answer.json().get("error") or {}).get("code")) == (410, "BATCH_DELETED_AFTER_READ")

    wait_until(gone, 10, "the batch is deleted")
    for job in accepted["jobs"]:
        assert code_of(service, job["job_id"]) == (410, GONE)
    assert traces(service, store, batch_id) == ([], [])


def test_a_resumable_upload_goes_with_its_job(service, store, paper):
    data = paper.read_bytes()
    created = service.client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    where = created.headers["Location"]
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert service.client.patch(where, headers=piece, content=data).status_code == 204
    upload_id = where.rpartition("/")[2]
    sent = {"upload_id": upload_id, "filename": "a.pdf", "retention_hours": 0}
    job_id = service.client.post("/v1/process/async", json=sent).json()["job_id"]
    ended(service, job_id)
    assert service.client.get(f"/v1/jobs/{job_id}/result").status_code == 200
    wait_until(lambda: code_of(service, job_id) == (410, GONE), 10, "the job is deleted")
    assert traces(service, store, upload_id) == ([], [])


def test_files_and_keys_end_at_the_hour_that_was_asked_for(service, store, sent):
    job_id = sent(retention_hours="0.001").json()["job_id"]  # 3.6 seconds
    ended(service, job_id)
    cached = store.smembers(f"job:{job_id}:cached")
    wait_until(lambda: code_of(service, job_id) == (410, "JOB_EXPIRED"), 30, "the job expires")
    wait_until(lambda: traces(service, store, job_id) == ([], []), 10, "its files and keys are gone")
    wait_until(lambda: not any((service.data_dir / key.decode()).exists() for key in cached), 10, "the cache forgets it")


def test_the_job_expires_as_late_as_was_asked_for_and_no_later_than_is_allowed(service, sent):
    job_id = sent(retention_hours="48").json()["job_id"]
    status = ended(service, job_id)
    assert status["expires_at"][:10] > status["completed_at"][:10]
    refused = service.client.post("/v1/process/async", files={"file": b"%PDF-"}, data={"retention_hours": "48.5"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "INVALID_OPTION")
    assert "MAX_RETENTION_HOURS" in json.dumps(refused.json())
    for wrong in ("-1", "nan", "inf", "long"):
        assert (
            service.client.post("/v1/process/async", files={"file": b"%PDF-"}, data={"retention_hours": wrong}).status_code
            == 422
        )
