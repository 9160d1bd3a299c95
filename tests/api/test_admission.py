"""Taking documents in: once for each Idempotency-Key, and no more than the queue holds."""

from __future__ import annotations

import socket
import threading
import uuid

import pytest

from document_parser.api.factory import create_app
from document_parser.errors import StorageFull
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.scheduling import disk_space
from document_parser.models import JobState
from document_parser.settings import QueueSettings, Settings, StoreSettings
from document_parser.storage import LocalStorage
from tests.support.service import Service, wait_until


@pytest.fixture
def client(valkey, redis, tmp_path):
    """Makes clients of apps over the one Valkey: documents are taken in, and nobody reads them."""

    def make(min_free_mb=0, **bounds):
        store = StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url, min_free_mb=min_free_mb)
        return create_app(Settings(queue=QueueSettings(**bounds), store=store)).test_client()

    return make


def send(client, paper, key="", **fields):
    headers = {"Idempotency-Key": key} if key else {}
    data = {"file": (paper.open("rb"), fields.pop("name", "paper.pdf")), **fields}
    return client.post("/v1/process/async", data=data, headers=headers)


def test_the_same_key_gives_the_same_job_and_says_so(client, redis, paper, tmp_path):
    api = client()
    first, again = send(api, paper, "k-1"), send(api, paper, "k-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json()["job_id"] == again.get_json()["job_id"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert redis.zcard("jobs:active") == 1
    assert len(list((tmp_path / "data" / "jobs").iterdir())) == 1
    assert send(api, paper, "k-2").get_json()["job_id"] != first.get_json()["job_id"]


def test_a_replay_tells_how_the_job_stands_now(client, redis, paper, valkey):
    api = client()
    job_id = send(api, paper, "k-1").get_json()["job_id"]
    Ledger(redis, valkey).end(job_id, JobState.CANCELLED)
    assert send(api, paper, "k-1").get_json()["status"] == "cancelled"


@pytest.mark.parametrize(
    "change", [{"accuracy_mode": "fast"}, {"name": "other.pdf"}, {"password": "secret"}, {"page_range": "1"}]
)
def test_the_same_key_with_another_request_is_a_conflict(client, redis, paper, change):
    api = client()
    send(api, paper, "k-1")
    answer = send(api, paper, "k-1", **change)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert redis.zcard("jobs:active") == 1


def test_the_same_key_with_another_document_is_a_conflict(client, paper, tmp_path):
    api = client()
    send(api, paper, "k-1")
    other = tmp_path / "paper.pdf"
    other.write_bytes(paper.read_bytes() + b"\n")
    assert send(api, other, "k-1").status_code == 409


@pytest.mark.parametrize("key", ["two words", "x" * 256, "schlüssel", ""])
def test_a_key_that_is_none_is_refused(client, paper, key):
    data = {"file": (paper.open("rb"), "paper.pdf")}
    answer = client().post("/v1/process/async", data=data, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "BAD_REQUEST")


def test_requests_with_one_key_at_the_same_moment_make_one_job(client, redis, paper, tmp_path):
    api, found, start = client(), [], threading.Barrier(8)

    def once():
        start.wait()
        found.append(send(api.application.test_client(), paper, "k-1"))

    threads = [threading.Thread(target=once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in found} == {202}
    assert len({answer.get_json()["job_id"] for answer in found}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in found) == 7
    assert redis.zcard("jobs:active") == 1
    wait_until(lambda: len(list((tmp_path / "data" / "jobs").iterdir())) == 1, 5, "nothing is left of the others")


def test_a_job_that_was_deleted_gives_its_key_back(client, redis, paper, tmp_path):
    api = client()
    job_id = send(api, paper, "k-1").get_json()["job_id"]
    record.delete(redis, record.load(redis, job_id))
    answer = send(api, paper, "k-1", page_range="2")
    assert answer.status_code == 202
    assert answer.get_json()["job_id"] != job_id


def test_a_full_queue_refuses_with_its_capacity_and_keeps_nothing(client, redis, paper, tmp_path):
    api = client(queue_max_jobs=1)
    assert send(api, paper).status_code == 202
    answer = send(api, paper)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (503, "QUEUE_FULL", True)
    assert answer.headers["Retry-After"] == str(error["details"]["retry_after_seconds"])
    assert error["message"].startswith("Jobs that have not ended: 1; this server accepts at most 1.")
    assert error["details"]["bound"] == "jobs"
    assert error["details"]["capacity"]["unfinished"]["jobs"] == 1
    assert error["details"]["capacity"]["most"]["jobs"] == 1
    assert len(list((tmp_path / "data" / "jobs").iterdir())) == 1
    assert list((tmp_path / "data" / "staging").iterdir()) == []


def test_a_disk_with_too_little_room_refuses_uploads_keeps_nothing_and_tells_the_rest(client, redis, paper, tmp_path):
    job_id = send(client(), paper).get_json()["job_id"]
    full = client(min_free_mb=1 << 30)
    for key in ("", "k-1"):
        answer = send(full, paper, key)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"], error["retryable"]) == (507, "STORAGE_FULL", True)
        assert answer.headers["Retry-After"] == str(error["details"]["retry_after_seconds"])
        assert 0 < error["details"]["free_bytes"] < error["details"]["least_free_bytes"] == 1 << 50
    assert [folder.name for folder in (tmp_path / "data" / "jobs").iterdir()] == [job_id]
    assert list((tmp_path / "data" / "staging").iterdir()) == []
    told = full.get("/v1/system").get_json()
    assert (told["accepting"], told["storage"]["least_free_bytes"]) == (False, 1 << 50)
    assert any("MIN_FREE_MB" in warning for warning in full.get("/v1/health").get_json()["warnings"])
    assert full.get(f"/v1/jobs/{job_id}/status").status_code == 200


def test_an_upload_is_refused_by_the_room_that_it_would_leave(tmp_path):
    free = disk_space.free_bytes(tmp_path / "not" / "yet" / "there") >> 20
    settings = StoreSettings(data_dir=tmp_path, min_free_mb=free // 2)
    disk_space.check(settings, size=0)
    with pytest.raises(StorageFull):
        disk_space.check(settings, size=(free * 2 // 3) << 20)


def test_what_was_taken_in_before_is_still_told_of_by_a_full_queue(client, paper):
    api = client(queue_max_jobs=1)
    job_id = send(api, paper, "k-1").get_json()["job_id"]
    assert send(api, paper, "k-1").get_json()["job_id"] == job_id
    assert send(api, paper, "k-2").status_code == 503


def test_bytes_are_bounded_before_an_upload_is_read(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1, QUEUE_MAX_MB=1) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
            size = 60 << 20
            head = f"POST /v1/process/async HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode())
            client.sendall(b"%PDF-1.7\n" + bytes(size - 9))
            answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 503")
        assert b'"bound":"bytes"' in answer
        assert service.client.get("/v1/system").json()["accepting"] is True
        assert not (service.data_dir / "staging").exists() or not list((service.data_dir / "staging").glob("upload-*"))


def test_the_system_tells_its_capacity(client, redis, paper):
    api = client(queue_max_jobs=2)
    send(api, paper)
    send(api, paper, priority="batch")
    told = api.get("/v1/system").get_json()
    assert told["accepting"] is False
    assert told["unfinished"] == {"jobs": 2, "pages": 0, "bytes": 2 * paper.stat().st_size}
    assert told["most"]["jobs"] == 2
    assert told["lanes"]["batch"] == {"jobs": 1, "queued": 1, "pages": 0}
    assert told["workers"] == {"alive": 0, "busy": 0, "readers": 0}
    assert told["engines"]["rapidocr"]["ok"] is False, "no worker runs that can use it"
    assert told["storage"]["free_bytes"] > 0


def test_a_lost_redis_keeps_keys_with_the_documents(client, redis, paper, valkey, tmp_path):
    from document_parser.workers.sweep import Sweep

    api, key = client(), str(uuid.uuid4())
    job_id = send(api, paper, key).get_json()["job_id"]
    redis.flushall()
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url))
    assert Sweep(settings, redis, LocalStorage(tmp_path / "data"), "test").rebuild() == 1
    assert send(api, paper, key).get_json()["job_id"] == job_id


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_sweep_that_starts_while_a_document_is_sent_takes_nothing_of_it(
    client, redis, paper, valkey, tmp_path, monkeypatch, password
):
    """Between the writing of ``job.json`` and that of the record, the job looks like one that Redis has lost."""
    from document_parser.workers.sweep import Sweep

    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url))
    storage, store_card = LocalStorage(tmp_path / "data"), record.store_card

    def store_and_sweep(*arguments):
        store_card(*arguments)
        assert Sweep(settings, redis, storage, "test").rebuild() == 1

    monkeypatch.setattr(record, "store_card", store_and_sweep)
    answer = send(client(), paper, **({"password": password} if password else {}))
    assert answer.status_code == 202
    job_id = answer.get_json()["job_id"]
    assert storage.exists(storage_keys.source(job_id))
    assert redis.exists(f"job:{job_id}", f"job:{job_id}:password") == 1 + bool(password)
