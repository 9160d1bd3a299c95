"""Deletion of an owner: nothing of him is left in files, in Redis and in the database, and nothing of another is touched."""

from __future__ import annotations

import base64
import os
import socket
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.accounts.models import AuditRow, Base, JobRow
from document_parser.jobs.redis.connection import connect
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.documents import pdf_of_text
from tests.support.owners import client_of, make_key
from tests.support.service import SOON, Service, wait_until

TUS = {"Tus-Resumable": "1.0.0"}
OWNERS = ("alice-and-sons", "bobs-bakery")


def words_of(owner):
    """What is written in this owner's documents, and names them."""
    return f"Confidential words of {owner}.", f"{owner}-paper.pdf"


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("documents"), {}
    for owner in OWNERS:
        words, name = words_of(owner)
        found[owner] = folder / name
        pdf_of_text(found[owner], [words] * 3)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request, tmp_path):
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgresql").create_database("erasure")
    if url:
        database = Database(Settings(store=StoreSettings(data_dir=tmp_path), accounts=AccountSettings(database_url=url)))
        with database.connection() as connection:
            schema.upgrade(connection)
        database.close()
    settings = {"AUTH_MODE": "required", "CACHE_HOURS": 24, "RATE_LIMIT_READS": "none", "DATABASE_URL": url, **SOON}
    settings |= {"NUM_WORKERS": 1, "WEB_WORKERS": 1}
    with Service(tmp_path, **settings) as service:
        service.database_url = url
        yield service


def send(client, document, path="/v1/process/async", field="file", **headers):
    with document.open("rb") as stream:
        answer = client.post(path, files={field: (document.name, stream)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def upload(client, document, size=None):
    """An upload, whole or the first bytes of one."""
    name = base64.b64encode(document.name.encode()).decode()
    length = str(document.stat().st_size)
    created = client.post("/v1/uploads", headers={**TUS, "Upload-Length": length, "Upload-Metadata": f"filename {name}"})
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    location = created.headers["Location"]
    assert client.patch(location, headers=piece, content=document.read_bytes()[:size]).status_code == 204
    return location.rpartition("/")[2]


def every_kind_of_thing(client, document):
    """What an owner can have: a job that was read, a batch, uploads, an expired job, images, and a job at work."""
    job_id = send(client, document, **{"Idempotency-Key": "once"})["job_id"]
    status = client.get(f"/v1/jobs/{job_id}/status", params={"wait": 30}).json()
    assert status["status"] == "completed"
    for path in ("result", "source", "pages/1/image", "result?format=html"):
        assert client.get(f"/v1/jobs/{job_id}/{path}").status_code == 200
    batch_id = send(client, document, "/v1/process/batch", "files")["batch_id"]
    assert client.get(f"/v1/batches/{batch_id}", params={"wait": 30}).json()["status"] == "completed"
    whole, part = upload(client, document), upload(client, document, 100)
    sent = {"upload_id": whole, "filename": document.name, "retention_hours": 0.0005}
    expired = client.post("/v1/process/async", json=sent).json()["job_id"]
    wait_until(lambda: client.get(f"/v1/jobs/{expired}/status").status_code == 410, 30, "the job expires")
    away = client.post("/v1/process/url", json={"url": "http://192.0.2.1/never.pdf"})
    ids = [job_id, batch_id, whole, part, expired]
    if away.status_code == 202:
        ids.append(away.json()["job_id"])
    return ids


def _files_below(folder: Path):
    """All paths below a folder from which things are being deleted: ``rglob`` raises if a folder goes meanwhile."""
    for top, _, names in os.walk(folder):
        yield from (Path(top, name) for name in names)


def in_files(folder: Path, words):
    """Files whose path or content has one of these words. Valkey's own files are its memory, which is looked at by itself."""
    found = []
    for path in _files_below(folder):
        if not path.is_file() or "valkey" in str(path.relative_to(folder)) or path.suffix in (".aof", ".rdb", ".manifest"):
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # deleted at this moment
            continue
        found += [(str(path), word) for word in words if word in str(path) or word.encode() in content]
    return found


def files_of(service, ids):
    """The files of an owner that stay, with their contents."""
    folders = (f"jobs/{ids[0]}", f"batches/{ids[1]}", f"uploads/{ids[3]}")
    paths = [path for folder in folders for path in (service.data_dir / folder).rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in paths}


def in_redis(redis, words):
    """Keys whose name or value has one of these words."""
    found = []
    for key in redis.scan_iter(count=1000):
        text = repr((key, value_of(redis, key)))
        found += [(key, word) for word in words if word in text]
    return found


def value_of(redis, key):
    match redis.type(key):
        case b"string":
            return redis.get(key)
        case b"hash":
            return redis.hgetall(key)
        case b"list":
            return redis.lrange(key, 0, -1)
        case b"set":
            return redis.smembers(key)
        case b"zset":
            return redis.zrange(key, 0, -1)
        case b"stream":
            return redis.xrange(key)
    return None


def in_database(service, words):
    """Rows, without those of the audit, that have one of these words."""
    accounts = AccountSettings(database_url=service.database_url)
    database, found = Database(Settings(store=StoreSettings(data_dir=service.data_dir), accounts=accounts)), []
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            if table is not AuditRow.__table__:
                rows = [repr(tuple(row)) for row in session.execute(table.select())]
                found += [(table.name, word, row) for row in rows for word in words if word in row]
    database.close()
    return found


def in_history(service, owner):
    """The jobs of an owner in the database."""
    return [row for table, _, row in in_database(service, [owner]) if table == JobRow.__tablename__]


def test_nothing_is_left_of_an_owner_and_another_keeps_everything(service, documents):
    redis = connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url="")))
    with ExitStack() as undo:
        keys = {
            owner: [make_key(service.data_dir, owner, database_url=service.database_url) for _ in range(2)] for owner in OWNERS
        }
        clients = {owner: undo.enter_context(client_of(service.port, keys[owner][0].secret)) for owner in OWNERS}
        ids = {owner: every_kind_of_thing(clients[owner], documents[owner]) for owner in OWNERS}
        alice, bob = OWNERS
        words = {owner: [owner, *words_of(owner), *ids[owner]] for owner in OWNERS}
        wait_until(lambda: len(in_history(service, alice)) >= 3, 30, "the history of three jobs is written")
        kept = files_of(service, ids[bob])
        wait_until(lambda: clients[alice].get("/v1/usage").json()["total"]["documents"] == 3, 30, "the usage is written")
        wait_until(lambda: clients[bob].get("/v1/usage").json()["total"]["documents"] == 3, 30, "the usage is written")
        before = service.client.get("/v1/usage?owner=*").json()["total"]
        bobs_usage = clients[bob].get("/v1/usage").json()
        assert in_files(service.data_dir, words[alice])

        answer = clients[alice].delete("/v1/owners/me")
        assert answer.status_code == 200, answer.text
        gone = answer.json()
        assert (gone["jobs"] >= 2, gone["batches"], gone["uploads"], gone["api_keys"]) == (True, 1, 1, 2), gone
        assert gone["files"] > 8
        assert gone["redis_keys"] > 8
        assert gone["history"] >= 3
        for key in keys[alice]:
            with client_of(service.port, key.secret) as late:
                wait_until(lambda late=late: late.get("/v1/jobs").status_code == 401, 10, "the key has ended")
        # The audit is kept; until its entries are in the database, they wait in Redis.
        wait_until(lambda: redis.xlen("audit:pending") == 0, 30, "the audit is written")
        wait_until(lambda: in_redis(redis, words[alice]) == [], 30, f"nothing is left: {in_redis(redis, words[alice])}")
        assert in_database(service, words[alice]) == []
        left = [(path, word) for path, word in in_files(service.data_dir, words[alice]) if "accounts.db" not in path]
        assert left == []
        assert in_files(service.data_dir, words_of(alice)) == [], "SQLite has overwritten it"

        assert service.client.get("/v1/usage?owner=*").json()["total"] == before, "sums stay"
        assert clients[bob].get("/v1/usage").json() == bobs_usage
        assert files_of(service, ids[bob]) == kept
        assert clients[bob].get(f"/v1/jobs/{ids[bob][0]}/result").status_code == 200
        assert clients[bob].get(f"/v1/batches/{ids[bob][1]}/download").status_code == 200
        assert clients[bob].get(f"/v1/uploads/{ids[bob][3]}", headers=TUS).status_code == 200
        entries = service.client.get("/v1/audit", params={"owner": alice, "action": "owner.delete"}).json()["entries"]
        assert [entry["status"] for entry in entries] == [200]


def test_running_jobs_are_cancelled_first(tmp_path, documents):
    settings = {"AUTH_MODE": "required", "NUM_WORKERS": 0, **SOON}
    owner = OWNERS[0]
    with Service(tmp_path, **settings) as service:
        key = make_key(service.data_dir, owner)
        with client_of(service.port, key.secret) as client:
            job_id = send(client, documents[owner])["job_id"]
            gone = client.delete("/v1/owners/me").json()
            assert (gone["jobs"], gone["cancelled_jobs"]) == (1, 1)
        assert not (service.data_dir / "jobs" / job_id).exists()


def test_a_document_that_comes_while_its_key_is_revoked_is_refused(tmp_path, documents):
    owner = OWNERS[0]
    with Service(tmp_path, AUTH_MODE="required", NUM_WORKERS=0, **SOON) as service:
        secret, body = make_key(service.data_dir, owner).secret, documents[owner].read_bytes()
        head = "POST /v1/process/async?filename=a.pdf HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += f"X-API-Key: {secret}\r\nContent-Length: {len(body)}"
        with (
            socket.create_connection(("127.0.0.1", service.port), timeout=30) as line,
            client_of(service.port, secret) as client,
        ):
            line.sendall(f"{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode() + body[:100])
            assert client.delete("/v1/owners/me").status_code == 200
            # More than one process may answer: each has heard of it when the key ends everywhere.
            wait_until(lambda: [client.get("/v1/jobs").status_code for _ in range(20)] == [401] * 20, 30, "the key has ended")
            line.sendall(body[100:])
            answer = b"".join(iter(partial(line.recv, 65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 401")
        assert "KEY_REVOKED" in answer
        assert [path for path in (service.data_dir / "jobs").rglob("*") if path.is_file()] == []


def test_without_keys_only_the_operator_may_delete_everything(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0, **SOON) as service:
        answer = service.client.delete("/v1/owners/me", headers={"Authorization": ""})
        assert answer.status_code in (401, 403)
        assert service.client.delete("/v1/owners/me").json()["jobs"] == 0


def test_no_owner_has_a_name_that_redis_needs(tmp_path):
    from document_parser.errors import InvalidOption

    for name in ("active", "expiring", "read"):
        with pytest.raises(InvalidOption):
            make_key(tmp_path, name)
