"""Usage, audit and history of a real service: exact though its processes and its database are killed."""

from __future__ import annotations

from collections import Counter

import pytest

from document_parser.accounts import schema
from document_parser.accounts.database import Database
from document_parser.settings import AccountSettings, Settings, StoreSettings
from tests.support.owners import client_of, make_key
from tests.support.processes import kill, kill_horses, pids_named
from tests.support.service import SOON, UNCHECKED, Service, asking, wait_until

STAMPS = range(600, 630)
OWNERS = ("acme", "globex")


def submit(client, path):
    with path.open("rb") as stream:
        answer = client.post("/v1/process/async", files={"file": (path.name, stream)}, data={"output_format": "json"})
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


def ended(client, job_id):
    def has_ended():
        return client.get(f"/v1/jobs/{job_id}/status", params={"wait": 5}).json()["status"] in ("completed", "failed")

    wait_until(has_ended, 120, "the job ends")
    return client.get(f"/v1/jobs/{job_id}/status").json()


def pages_of(client, jobs):
    """Pages that were read, by engine, as the ledgers have them."""
    entries = [entry for job_id in jobs for entry in client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]]
    return Counter(entry["engine"] or "none" for entry in entries if entry["state"] in ("done", "blank"))


def usage(client, **query):
    answer = client.get("/v1/usage", params={"by": "engine", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages_used(client):
    return Counter({line["engine"]: line["pages"] for line in usage(client)["usage"] if line["pages"]})


def actions(boss, **query):
    return [(entry["action"], entry["owner"]) for entry in boss.get("/v1/audit", params=query).json()["entries"]]


def test_the_usage_of_each_owner_is_that_of_the_ledgers_though_readers_and_sweepers_are_killed(tmp_path, server, scan):
    settings = {"AUTH_MODE": "required", "PAGE_CONCURRENCY": 4, **asking(server.url, "auto"), **UNCHECKED, **SOON}
    with Service(tmp_path, **settings) as service:
        keys = {owner: make_key(service.data_dir, owner) for owner in OWNERS}
        clients = {owner: client_of(service.port, key.secret) for owner, key in keys.items()}
        jobs = {owner: [submit(client, scan) for _ in range(2)] for owner, client in clients.items()}

        def is_read(share):
            read = sum(pages_of(clients[owner], jobs[owner]).total() for owner in OWNERS)
            return read > share * len(STAMPS) * len(OWNERS) * 2

        for share in (0.2, 0.5):
            # Between two kills pages are read: a document during whose plan its worker dies twice is given up.
            wait_until(lambda share=share: is_read(share), 60, "pages are read")
            kill_horses(service)
            kill(pids_named(service, "docparse-sweep"))
        for owner, client in clients.items():
            assert [ended(client, job_id)["status"] for job_id in jobs[owner]] == ["completed"] * 2
        for owner, client in clients.items():
            expected = pages_of(client, jobs[owner])
            assert expected.total() == 2 * len(STAMPS)
            wait_until(lambda client=client: usage(client)["total"]["documents"] == 2, 30, "the usage is written")
            assert pages_used(client) == expected
            total = usage(client, owner=owner)["total"]
            assert total["bytes"] == 2 * scan.stat().st_size
            assert total["tokens"] > 0
            assert total["seconds"] > 0
            (line,) = usage(client, by="key")["usage"]
            assert line["key_id"] == keys[owner].key.id
            client.close()
        everything = usage(service.client, by="owner", owner="*")["usage"]
        assert {line["owner"]: line["documents"] for line in everything} == dict.fromkeys(OWNERS, 2)


def test_a_stream_of_events_ends_with_the_key_that_opened_it(tmp_path, server, scan):
    settings = {"AUTH_MODE": "required", "NUM_WORKERS": 0, "EVENTS_STREAM_SECONDS": 120, **SOON}
    with Service(tmp_path, **settings) as service:
        key = make_key(service.data_dir, "acme")
        with client_of(service.port, key.secret) as client:
            job_id = submit(client, scan)
            with client.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
                pieces = stream.iter_text()
                assert "retry:" in next(pieces)
                assert service.client.post(f"/v1/keys/{key.key.id}/revoke").status_code == 200
                for _ in pieces:
                    pass
            assert client.get(f"/v1/jobs/{job_id}/status").json()["error"]["code"] == "KEY_REVOKED"


def test_while_postgresql_is_down_documents_are_read_and_nothing_is_lost(tmp_path, postgresql, rich):
    url = postgresql.create_database("service")
    database = Database(Settings(store=StoreSettings(data_dir=tmp_path), accounts=AccountSettings(database_url=url)))
    with database.connection() as connection:
        schema.upgrade(connection)
    database.close()
    settings = {"AUTH_MODE": "required", "DATABASE_URL": url, "WEB_WORKERS": 1, **SOON}
    with Service(tmp_path, **settings) as service:
        data = service.data_dir
        alice = client_of(service.port, make_key(data, "alice", database_url=url).secret)
        boss = client_of(service.port, make_key(data, "boss", ("admin",), url).secret)
        assert boss.get("/v1/jobs").json()["jobs"] == []
        before = submit(alice, rich)
        assert ended(alice, before)["status"] == "completed"
        postgresql.kill()
        try:
            meanwhile = submit(alice, rich)
            assert ended(alice, meanwhile)["status"] == "completed"
            assert alice.get(f"/v1/jobs/{meanwhile}/result").status_code == 200
            refused = boss.get("/v1/audit")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "DATABASE_UNAVAILABLE")
            wait_until(lambda: '"accounts_wait"' in service.log, 30, "the flush has tried in vain")
        finally:
            postgresql.start()
        wait_until(lambda: ("result.read", "alice") in actions(boss), 30, "the audit is written")
        assert actions(boss, job_id=meanwhile) == [("result.read", "alice"), ("job.submit", "alice")]
        assert actions(boss, action="job.submit", owner="alice") == [("job.submit", "alice")] * 2
        wait_until(lambda: usage(alice)["total"]["documents"] == 2, 30, "the usage is written")
        assert pages_used(alice) == pages_of(alice, [before, meanwhile])
        assert '"audit_entry_lost"' not in service.log
        alice.close()
        boss.close()


@pytest.mark.parametrize("path", ["result", "download", "source", "pages/1", "pages/1/image", "result?format=json"])
def test_every_read_of_a_result_is_an_entry_with_who_when_and_from_where(service, job, path):
    answer = service.client.get(f"/v1/jobs/{job}/{path}")
    assert answer.status_code == 200
    query = {"job_id": job, "action": "result.read"}
    number = answer.headers["X-Request-ID"]

    def entries():
        return service.client.get("/v1/audit", params=query).json()["entries"]

    wait_until(lambda: any(entry["request_id"] == number for entry in entries()), 30, "the entry is written")
    (entry,) = [entry for entry in entries() if entry["request_id"] == number]
    assert (entry["owner"], entry["actor"], entry["address"], entry["status"]) == ("public", "anyone", "127.0.0.1", 200)


def test_a_batch_is_an_entry_by_its_id_and_so_is_the_fetching_of_its_results(service, rich):
    with rich.open("rb") as stream:
        batch = service.client.post("/v1/process/batch", files={"files": (rich.name, stream)}).json()["batch_id"]
    wait_until(lambda: service.client.get(f"/v1/batches/{batch}").json()["status"] == "completed", 60, "it is read")
    assert service.client.get(f"/v1/batches/{batch}/download").status_code == 200

    def found():
        listed = service.client.get("/v1/audit").json()["entries"]
        return [entry["action"] for entry in listed if entry["subject"] == batch]

    wait_until(lambda: len(found()) == 2, 30, "the entries are written")
    assert found() == ["result.read", "batch.submit"]


def test_a_forged_address_is_not_believed(service, job):
    answer = service.client.get(f"/v1/jobs/{job}/result", headers={"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "forged"})
    assert answer.status_code == 200

    def found():
        listed = service.client.get("/v1/audit", params={"job_id": job}).json()["entries"]
        return [entry["address"] for entry in listed if entry["request_id"] == "forged"]

    wait_until(found, 30, "the entry is written")
    assert found() == ["127.0.0.1"]


def test_what_shows_no_content_is_no_entry_and_the_pages_of_the_audit_follow_each_other(service, job):
    for path in ("status", "pages", "children", "events"):
        assert service.client.get(f"/v1/jobs/{job}/{path}", headers={"X-Request-ID": "looked"}).status_code == 200
    for _ in range(3):
        service.client.get(f"/v1/jobs/{job}/result", headers={"X-Request-ID": "last"})
    listed = lambda **query: service.client.get("/v1/audit", params={"job_id": job, **query}).json()  # noqa: E731
    wait_until(lambda: sum(one["request_id"] == "last" for one in listed()["entries"]) == 3, 30, "they are written")
    everything = [entry["id"] for entry in listed()["entries"]]
    assert not [entry for entry in listed()["entries"] if entry["request_id"] == "looked"]
    paged, cursor = [], None
    while True:
        page = listed(limit=2, **({"cursor": cursor} if cursor else {}))
        paged += [entry["id"] for entry in page["entries"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert paged == everything == sorted(everything, reverse=True)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("audited"), **SOON) as service:
        yield service


@pytest.fixture(scope="module")
def job(service, rich):
    job_id = service.submit(rich)
    assert service.ended(job_id)["status"] == "completed"
    return job_id
