"""Which Redis is worked with: one by its address, one that Sentinels name, and never a cluster."""

from __future__ import annotations

import contextlib
import subprocess
import time

import pytest

from document_parser.api.factory import create_app
from document_parser.jobs.redis.connection import SentinelAddress, connect
from document_parser.settings import Settings, StoreSettings
from tests.support.service import WORKER, Service, free_port, wait_until
from tests.support.valkey import valkey_server, watched_pair


def settings_for(url: str) -> Settings:
    return Settings(store=StoreSettings(redis_url=url))


def test_a_sentinel_address_names_sentinels_service_database_and_secrets():
    found = SentinelAddress.parse("redis+sentinel://me:p%40ss@one:26380,[::1],three/docs/2?sentinel_password=q")
    assert found.sentinels == (("one", 26380), ("::1", 26379), ("three", 26379))
    assert found.service == "docs"
    assert found.options == {"username": "me", "password": "p@ss", "db": 2}
    assert found.sentinel_options == {"password": "q"}
    assert SentinelAddress.parse("rediss+sentinel://one/docs").options == {"ssl": True}


@pytest.mark.parametrize("url", ["redis+sentinel://one:26379", "redis+sentinel:///docs", "redis+sentinel://one/docs/first"])
def test_an_incomplete_sentinel_address_is_refused_with_its_form(url):
    with pytest.raises(ValueError, match="redis\\+sentinel://host:port,host:port/service/database"):
        connect(settings_for(url))


def test_a_cluster_is_refused_in_words_by_workers_and_by_health(tmp_path):
    with valkey_server(tmp_path / "cluster", config=f"cluster-enabled yes\ncluster-port {free_port()}\n") as (port, _):
        url = f"redis://127.0.0.1:{port}/0"
        service = Service(tmp_path, REDIS_URL=url)
        told = subprocess.run(WORKER, env=service.environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert "This is a Redis Cluster" in told.stdout
        app = create_app(Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=url)))
        answer = app.test_client().get("/v1/health")
        assert answer.status_code == 503
        assert "redis+sentinel://" in answer.get_json()["checks"]["redis"]["detail"]


def test_a_service_works_through_sentinels_and_goes_on_at_the_replica_when_the_master_dies(tmp_path, paper):
    with (
        watched_pair(tmp_path / "servers", sentinels=1) as (url, processes),
        Service(tmp_path / "service", REDIS_URL=url) as service,
    ):
        before = service.submit(paper)
        assert service.ended(before)["status"] == "completed"
        with contextlib.closing(connect(settings_for(url))) as client:
            master = client.connection_pool.get_master_address()[1]
            # What the replica has not been sent is lost with its master: that is Redis' replication, not ours.
            client.wait(1, 5000)
        processes[master].kill()
        wait_until(lambda: service.answers("/v1/health/ready"), 60, "the service found the new master")
        assert service.status(before)["status"] == "completed"
        deadline = time.monotonic() + 60
        while (answer := upload(service, paper)).status_code == 503:
            assert answer.headers["Retry-After"]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert service.ended(answer.json()["job_id"])["status"] == "completed"


def upload(service, path):
    return service.client.post("/v1/process/async", files={"file": (path.name, path.read_bytes())})
