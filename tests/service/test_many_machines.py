"""API and workers as hosts that share a Redis and a bucket and nothing else; hosts that go, and a bucket that is away."""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

import pytest

from tests.support import namespaces
from tests.support.bucket import Bucket
from tests.support.service import UNCHECKED, WORKER, Service, asking, processes_of, start_reading, wait_until
from tests.support.valkey import valkey_server

STAMPS = range(100, 130)


@pytest.fixture(scope="module")
def bucket():
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as bucket:
        yield bucket


@pytest.fixture
def network():
    if reason := namespaces.missing():
        pytest.skip(reason)
    with namespaces.Network() as made:
        yield made


@pytest.fixture(params=["side by side", "in networks of their own"])
def hosts(request, tmp_path, bucket, server):
    """The API's host and two hosts of workers."""
    with contextlib.ExitStack() as stack:
        port, _ = stack.enter_context(valkey_server(tmp_path / "valkey", config="appendonly yes\n"))
        settings = {
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            **bucket.settings,
            "SECRET_KEY": "shared by all hosts",
            **asking(server.url, "auto"),
            "PAGE_CONCURRENCY": "4",
            "SWEEP_SECONDS": "0.5",
            "WEB_WORKERS": "1",
            **UNCHECKED,
        }
        api = Service(tmp_path / "api", **settings | {"NUM_WORKERS": "0"})
        make = side_by_side
        if request.param != "side by side":
            make = apart(stack, request.getfixturevalue("network"), [port, bucket.port, port_of(server.url)])
        workers = [make(tmp_path, name, settings | {"NUM_WORKERS": "1"}) for name in ("one", "two")]
        for host in workers:
            stack.callback(host.kill_everything)
            host.start()
        stack.enter_context(api)
        wait_until(lambda: api.client.get("/v1/health").json()["workers"] == 2, 60, "both hosts' workers have come up")
        networks = [
            # What opens documents has no network anywhere.
            {namespaces.network_of(pid) for pid, line in processes_of(host.data_dir).items() if "opener" not in line}
            for host in (api, *workers)
        ]
        assert len(set.union(*networks)) == (1 if request.param == "side by side" else 3)
        yield api, workers


def side_by_side(folder, name, settings) -> Service:
    """A host of workers that has only its folders to itself."""
    return Service(folder / name, WORKER, **settings)


def apart(stack, network, ports):
    """Hosts that can reach these ports and nothing else, and see no file of another host."""
    for port in ports:
        stack.enter_context(namespaces.gate(network.address, port))

    def make(folder, name, settings):
        others = [folder / other for other in ("api", "valkey", "one", "two") if other != name]
        there = {key: value.replace("127.0.0.1", network.address) for key, value in settings.items()}
        return Service(folder / name, network.host(WORKER, others), **there)

    return make


def port_of(url) -> int:
    return urlsplit(url).port


def check_whole(api, job_id) -> None:
    status = api.ended(job_id)
    assert (status["status"], status["complete"]) == ("completed", True), status
    pages = api.result(job_id, format="json")["document"]["pages"]
    texts = [" ".join(block["text"] for block in page["blocks"]) + " " for page in pages]
    assert [f"stamp-{stamp} " in text for stamp, text in zip(STAMPS, texts, strict=True)] == [True] * len(STAMPS)


def test_a_host_of_workers_that_is_stopped_hands_its_pages_over_and_none_is_read_twice(hosts, server, scan):
    api, (one, two) = hosts
    job_id = start_reading(api, scan)
    one.stop()
    check_whole(api, job_id)
    assert sorted(entry.stamp for entry in server.log) == list(STAMPS)
    assert processes_of(two.data_dir)
    for host in (api, one, two):
        assert not (host.data_dir / "jobs").exists(), "documents are in the bucket only"


def test_a_bucket_that_is_away_for_a_while_fails_no_page_and_uploads_are_told_to_come_back(hosts, bucket, scan):
    api, workers = hosts
    job_id = start_reading(api, scan)
    bucket.stop()
    wait_until(lambda: any("given_back" in host.log for host in workers), 60, "a page cannot be stored")
    answer = api.client.post("/v1/process/async", files={"file": (scan.name, scan.read_bytes())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")
    assert answer.headers["Retry-After"]
    bucket.start()
    check_whole(api, job_id)
    entries = api.client.get(f"/v1/jobs/{job_id}/pages").json()["pages"]
    assert {entry["state"] for entry in entries} == {"done"}


@pytest.mark.parametrize("hosts", ["in networks of their own"], indirect=True)
def test_a_host_that_loses_its_network_loses_no_page_and_works_on_once_it_is_back(hosts, network, server, scan):
    api, (one, _) = hosts
    job_id = start_reading(api, scan)
    kept = {entry["number"] for entry in api.client.get(f"/v1/jobs/{job_id}/pages").json()["pages"] if entry["state"] == "done"}
    asked = len(server.log)
    network.plug(1, into_network=False)
    check_whole(api, job_id)
    again = {entry.stamp - STAMPS[0] + 1 for entry in server.log[asked:]}
    assert again, "it was being read"
    assert not again & kept
    assert processes_of(one.data_dir), "the host itself lives"
    network.plug(1, into_network=True)
    wait_until(lambda: api.client.get("/v1/health").json()["workers"] == 2, 60, "its worker is back")
    check_whole(api, api.submit(scan, output_format="json"))
    check_whole(api, job_id)
