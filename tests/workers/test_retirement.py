"""Processes that have served long make room for fresh ones, and nothing is lost by it."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from document_parser.host.processes import resident_bytes
from document_parser.settings import Settings, WorkerSettings
from document_parser.workers.recycling import jobs_until_retirement, over_memory_limit
from tests.support.documents import stamped_pdf
from tests.support.processes import pids_named, pool_pids
from tests.support.service import Service, asking, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

PAGES = 12


def limits(**values: int) -> Settings:
    return Settings(workers=WorkerSettings(**values))


def test_a_process_is_overgrown_above_the_limit_and_never_without_one():
    held = resident_bytes() >> 20
    assert held > 10
    assert over_memory_limit(limits(worker_max_rss_mb=held // 2))
    assert not over_memory_limit(limits(worker_max_rss_mb=held * 2))
    assert not over_memory_limit(limits(worker_max_rss_mb=0))


def test_workers_do_not_all_retire_at_the_same_task():
    found = {jobs_until_retirement(limits(worker_max_jobs=1000)) for _ in range(200)}
    assert len(found) > 10
    assert 1000 <= min(found) <= max(found) <= 1100
    assert jobs_until_retirement(limits(worker_max_jobs=0)) is None


@pytest.fixture(scope="module")
def server():
    with served_from_thread(ModelServer(speed=Speed(), tokens=60)) as running:
        yield running


def told(service: Service, event: str) -> list[dict]:
    lines = (json.loads(line) for line in service.log.splitlines() if line.startswith("{"))
    return [line for line in lines if line.get("event") == event]


def read_all(service: Service, server: ModelServer, folder) -> None:
    """Scans and papers; every page must be read once, whoever retires meanwhile."""
    server.reset()
    scans = [stamped_pdf(folder / f"{first}.pdf", range(first, first + PAGES)) for first in (1, 101, 201)]
    jobs = [service.submit(scan) for scan in scans]
    for job_id in jobs:
        status = service.ended(job_id)
        assert (status["status"], status["complete"], status["progress"]["deepseek_pages"]) == ("completed", True, PAGES)
    assert set(Counter(entry.stamp for entry in server.log).values()) == {1}
    assert len(server.log) == 3 * PAGES


def test_workers_retire_after_their_tasks_and_every_page_is_read_once(tmp_path, server, paper):
    with Service(tmp_path, WORKER_MAX_JOBS=2, READ_SLICE_SECONDS=0.1, **asking(server.url)) as service:
        pool = pool_pids(service)
        read_all(service, server, tmp_path)
        jobs = [service.submit(paper) for _ in range(6)]
        assert {service.ended(job_id)["status"] for job_id in jobs} == {"completed"}
        retired = told(service, "worker_retires")
        assert len(retired) >= 3
        assert {(line["reason"], line["tasks"]) for line in retired} == {("tasks", 2)}
        wait_until(lambda: service.client.get("/v1/health").json()["workers"] == 2, 30, "both workers are there")
        assert pool_pids(service) == pool
        assert not told(service, "claim_of_the_dead")


def test_whatever_grows_too_large_makes_room_and_every_page_is_read_once(tmp_path, server):
    """A limit that everything is above: each process does one piece of work and ends."""
    with Service(tmp_path, WORKER_MAX_RSS_MB=1, PAGE_CONCURRENCY=4, **asking(server.url)) as service:
        read_all(service, server, tmp_path)
        assert len(told(service, "worker_retires")) >= 2
        assert {line["reason"] for line in told(service, "worker_retires")} == {"memory"}
        job_id = service.client.get("/v1/jobs").json()["jobs"][0]["job_id"]
        for number in (1, 2):
            wait_until(
                lambda number=number: service.client.get(f"/v1/jobs/{job_id}/pages/{number}/image").status_code == 200,
                30,
                "a drawer draws",
            )
        assert told(service, "drawer_retires")
        assert told(service, "sweeper_retires")
        wait_until(lambda: len(pids_named(service, "docparse-drawer")) == 1, 10, "there is a drawer again")
        assert not told(service, "claim_of_the_dead")
