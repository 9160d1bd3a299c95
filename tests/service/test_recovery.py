"""Kills in the middle of a job: the result equals the undisturbed run's, and no stored page is asked of a model again."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from document_parser.models import Document
from tests.support import documents
from tests.support.processes import at_work, kill, pool_pids
from tests.support.service import SOON, UNCHECKED, Service, asking, redis_url_of, start_reading, wait_until
from tests.support.vllm_batching import UNHURRIED, Speed
from tests.support.vllm_server import ModelServer, served_from_thread

STAMPS = range(100, 120)
PROMISED_SECONDS = 2
"""So long after a cancel no request of the job runs."""


@pytest.fixture(scope="module")
def models():
    """A model server at which pages take long enough for something to happen meanwhile."""
    with served_from_thread(ModelServer(speed=UNHURRIED, tokens=60)) as server:
        yield server


@pytest.fixture(scope="module")
def hardened(tmp_path_factory, models):
    """The service that lives through all that is done to it here."""
    folder = tmp_path_factory.mktemp("hardened")
    with Service(folder, PAGE_CONCURRENCY=4, DRAIN_SECONDS=30, **asking(models.url, "auto"), **UNCHECKED, **SOON) as service:
        yield service


@pytest.fixture
def server(models):
    """The model server, which has been asked nothing yet."""
    assert not [entry for entry in models.log if entry.state == "running"]
    models.log.clear()
    return models


@pytest.fixture
def service(hardened):
    """The service, whatever was done to it before."""
    hardened.ready()
    wait_until(lambda: hardened.client.get("/v1/health").json().get("workers") == 2, 60, "both workers")
    return hardened


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, scan):
    """The document as it is read when nothing happens, and the number of requests that took."""
    models = served_from_thread(ModelServer(speed=Speed(), tokens=60))
    with models as server, Service(tmp_path_factory.mktemp("calm"), **asking(server.url, "auto"), **UNCHECKED) as service:
        job_id = service.submit(scan, output_format="json")
        assert service.ended(job_id)["status"] == "completed"
        assert sorted(entry.stamp for entry in server.log) == list(STAMPS)
        return contents(service, job_id)


def contents(service, job_id):
    """What was read, without the times it took."""
    body = service.result(job_id, format="json")
    document = Document.model_validate(body["document"])
    assert (body["complete"], body["failed_pages"]) == (True, [])
    return [(page.number, page.engine, page.status, [block.model_dump() for block in page.blocks]) for page in document.pages]


def stored(service, job_id) -> set[int]:
    """Numbers of the pages in storage."""
    return {int(path.stem) for path in (service.data_dir / "jobs" / job_id / "pages").glob("*.json")}


def check(service, server, job_id, kept, asked_before, undisturbed):
    assert service.ended(job_id)["status"] == "completed"
    assert contents(service, job_id) == undisturbed
    asked_again = {entry.stamp - STAMPS[0] + 1 for entry in server.log[asked_before:]}
    assert not asked_again & kept
    assert asked_again


def test_each_page_is_asked_of_the_model_once_and_stands_in_its_place(undisturbed):
    assert [number for number, *_ in undisturbed] == list(range(1, len(STAMPS) + 1))
    for (number, engine, _, blocks), stamp in zip(undisturbed, STAMPS, strict=True):
        assert engine == "deepseek", number
        assert f"stamp-{stamp} " in " ".join(block["text"] for block in blocks) + " "


def test_progress_moves_while_pages_are_read(service, tmp_path):
    pages = 2 * len(STAMPS)
    with redis.Redis.from_url(redis_url_of(service)) as store:
        job_id = service.submit(documents.stamped_pdf(tmp_path / "long.pdf", range(300, 300 + pages)))
        seen, shown = [], []
        while (status := service.status(job_id))["status"] not in ("completed", "failed"):
            seen.append(status["progress"])
            shown.append(json.loads(store.get(f"job:{job_id}:status"))["progress"]["percent"])
            time.sleep(0.1)
        wait_until(lambda: json.loads(store.get(f"job:{job_id}:status"))["status"] == "completed", 10, "the record says it too")
        assert 0 < store.ttl(f"rq:job:{job_id}") <= 300, "bells that were answered are soon forgotten"
    percents = [progress["percent"] for progress in seen]
    assert percents == sorted(percents)
    assert len(set(percents)) >= 5
    assert len(set(shown)) >= 4
    under_way = [progress for progress in seen if 0 < progress["percent"] < 100]
    assert {progress["total_pages"] for progress in under_way} == {pages}
    assert all(progress["eta_seconds"] is not None for progress in under_way)
    assert max(progress["deepseek_pages"] for progress in seen) >= 5


@pytest.mark.parametrize("victim", ["work horse", "worker", "pool", "everything"])
def test_after_a_kill_the_result_is_the_undisturbed_one(service, server, scan, undisturbed, victim):
    job_id = start_reading(service, scan)
    reading = at_work(service)
    targets = {"work horse": {*reading}, "worker": {*reading.values()}, "pool": {*pool_pids(service)}, "everything": set()}
    kept, asked_before = stored(service, job_id), len(server.log)
    kill(targets[victim])
    if victim == "everything":
        service.kill_everything()
        service.start().ready()
    check(service, server, job_id, kept, asked_before, undisturbed)


def test_a_restart_of_the_api_loses_nothing_and_lets_running_pages_finish(service, server, tmp_path):
    stamps = range(500, 580)
    scan = documents.stamped_pdf(tmp_path / "long.pdf", stamps)
    job_id = start_reading(service, scan)
    service.stop()
    kept, asked_before = stored(service, job_id), len(server.log)
    assert {entry.state for entry in server.log} == {"finished"}
    assert len(kept) == asked_before < len(stamps)
    service.start().ready()
    assert service.ended(job_id)["status"] == "completed"
    assert [number for number, *_ in contents(service, job_id)] == list(range(1, len(stamps) + 1))
    assert sorted(entry.stamp for entry in server.log) == list(stamps)


def test_hup_in_the_middle_of_a_job_disturbs_nothing(service, server, scan, undisturbed):
    job_id = start_reading(service, scan)
    os.kill(service.pid, signal.SIGHUP)
    assert service.ended(job_id)["status"] == "completed"
    assert contents(service, job_id) == undisturbed
    assert len(server.log) == len(STAMPS)


def test_a_killed_valkey_comes_back_with_the_queue(service, server, scan, undisturbed):
    job_id = start_reading(service, scan)
    kept, asked_before = stored(service, job_id), len(server.log)
    (valkey,) = service.pids("valkey-server")
    os.kill(valkey, signal.SIGKILL)
    wait_until(lambda: service.pids("valkey-server") not in ([], [valkey]), 20, "a new Valkey")
    service.ready()
    check(service, server, job_id, kept, asked_before, undisturbed)


def test_a_cancelled_job_ends_its_requests_and_keeps_its_pages(service, server, scan, paper):
    job_id = start_reading(service, scan)
    assert service.client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
    time.sleep(PROMISED_SECONDS)
    assert not [entry for entry in server.log if entry.state == "running"]
    asked = len(server.log)
    assert service.ended(service.submit(paper))["complete"] is True, "whoever read it has let go of it"
    body = service.result(job_id, format="json")
    assert not body["complete"]
    pages = body["document"]["pages"]
    assert [page["number"] for page in pages] == list(range(1, len(STAMPS) + 1))
    kept = [page for page in pages if page["status"] == "done"]
    assert 5 <= len(kept) < len(STAMPS)
    assert body["missing_pages"] == [page["number"] for page in pages if page not in kept]
    assert len(server.log) == asked


def test_a_deleted_job_leaves_nothing_though_it_was_being_read(service, server, scan):
    job_id = start_reading(service, scan)
    assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
    wait_until(lambda: not [entry for entry in server.log if entry.state == "running"], 2, "the requests end")
    wait_until(lambda: not (service.data_dir / "jobs" / job_id).exists(), 30, "no late page file stays")
    assert service.client.get(f"/v1/jobs/{job_id}/status").status_code == 404


def test_a_page_that_hangs_the_parser_fails_alone(tmp_path):
    path = Path(documents.endless_page_pdf(tmp_path / "endless.pdf"))
    with Service(tmp_path / "service", OPENER_TIMEOUT_SECONDS=2, NUM_WORKERS=1) as service:
        status = service.ended(service.submit(path))
        assert (status["status"], status["complete"]) == ("completed", False)
        assert status["progress"]["failed_pages"] >= 1
        document = service.result(str(status["job_id"]), format="json")["document"]
        codes = {page["error"]["code"] for page in document["pages"] if page["status"] == "failed"}
        assert codes == {"PAGE_TOO_SLOW"}
