"""A page of a completed job is read again: under a new revision, and nothing is lost on the way."""

from __future__ import annotations

import os
import signal

import pytest

from document_parser.jobs import passwords, record
from document_parser.jobs.ledger import Ledger
from document_parser.jobs.retries import RetryOrder, RetryOutcome
from document_parser.jobs.sweep import Sweep
from document_parser.models import JobState, Page
from document_parser.storage import LocalStorage
from tests.chaos import horses
from tests.documents import encrypted_pdf, illustrated_pdf, stamped_pdf
from tests.service import Service, wait_until
from tests.test_ledger import JOB, dead, planned
from tests.test_pages import streamed, without_status
from tests.vllm_batching import Speed
from tests.vllm_server import ModelServer, served_from_thread

BAD = 2
"""The page, and the stamp on it, that the model servers are told to fail at."""
FORMATS = {"markdown": "markdown", "html": "html", "text": "text", "json": "document"}


@pytest.fixture(scope="module")
def servers():
    deepseek = ModelServer(speed=Speed(), tokens=60)
    nanonets = ModelServer("nanonets/Nanonets-OCR2-3B", "nanonets", Speed(), tokens=60)
    with served_from_thread(deepseek), served_from_thread(nanonets):
        yield {"deepseek": deepseek, "nanonets": nanonets}


@pytest.fixture(scope="module")
def service(tmp_path_factory, servers):
    settings = {
        "INFERENCE_MODE": "vllm",
        "VLLM_DEEPSEEK_URL": servers["deepseek"].url,
        "VLLM_NANONETS_URL": servers["nanonets"].url,
        "HEARTBEAT_SECONDS": 0.5,
        "HEARTBEAT_TIMEOUT_SECONDS": 3,
        "SWEEP_SECONDS": 0.5,
    }
    with Service(tmp_path_factory.mktemp("retry"), **settings) as running:
        yield running


@pytest.fixture
def with_a_failed_page(service, servers, tmp_path):
    """A completed job of three pages, the second of which nobody could read; from now on everybody can."""
    for server in servers.values():
        server.reset()
        server.script("refuse_400", stamp=BAD, sticky=True)
    job_id = service.submit(stamped_pdf(tmp_path / "register.pdf", [1, BAD, 3]))
    status = service.ended(job_id)
    assert (status["status"], status["complete"], status["revision"]) == ("completed", False, 1)
    assert status["progress"]["failed_pages"] == 1
    for server in servers.values():
        server.reset()
    return job_id


def retry(service, job_id, number=BAD, **body):
    return service.client.post(f"/v1/jobs/{job_id}/pages/{number}/retry", json=body)


def refusal(answer):
    return answer.status_code, answer.json()["error"]["code"]


def settled(service, job_id, seconds=60):
    """The status once nothing is read again any more."""
    wait_until(lambda: service.status(job_id)["stage"] == "completed", seconds, "the page has been read again")
    return service.status(job_id)


def view_of(service, job_id, number=BAD):
    return service.client.get(f"/v1/jobs/{job_id}/pages/{number}").json()


def shown(service, job_id, name):
    return str(service.result(job_id, format=name)[FORMATS[name]])


def test_a_failed_page_that_is_read_again_makes_the_job_complete(service, with_a_failed_page):
    job_id = with_a_failed_page
    before = {name: shown(service, job_id, name) for name in FORMATS}
    assert not any(f"stamp-{BAD} " in text for text in before.values())
    expires = service.status(job_id)["expires_at"]
    answer = retry(service, job_id)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status_url"] == answer.headers["Location"] == f"/v1/jobs/{job_id}/status"
    status = settled(service, job_id)
    assert (status["status"], status["complete"], status["revision"]) == ("completed", True, 2)
    assert status["expires_at"] == expires
    progress = status["progress"]
    assert (progress["failed_pages"], progress["deepseek_pages"], progress["total_pages"]) == (0, 3, 3)
    for name in FORMATS:
        assert f"stamp-{BAD}" in shown(service, job_id, name), name
    body = service.result(job_id, format="json")
    assert (body["revision"], body["document"]["revision"]) == (2, 2)
    assert (body["complete"], body["failed_pages"]) == (True, [])
    assert [page.get("revision", 1) for page in body["document"]["pages"]] == [1, 2, 1]


def test_the_why_trail_keeps_the_attempts_of_earlier_readings(service, with_a_failed_page):
    retry(service, with_a_failed_page)
    settled(service, with_a_failed_page)
    view = view_of(service, with_a_failed_page)
    trail = [(attempt.get("reading", 1), attempt["engine"], attempt["outcome"]) for attempt in view["attempts"]]
    assert trail[:2] == [(1, "deepseek", "error"), (1, "nanonets", "error")]
    assert trail[-1] == (2, "deepseek", "accepted")
    assert view["page"]["attempts"] == view["attempts"]
    assert (view["state"], view["error"], view["retry_error"], view["rereading"]) == ("done", None, None, False)


def test_events_tell_of_the_page_and_of_the_revision(service, with_a_failed_page):
    retry(service, with_a_failed_page)
    settled(service, with_a_failed_page)
    found = without_status(streamed(service, with_a_failed_page))[-2:]
    assert [event["event"] for event in found] == ["page.retried", "job.revised"]
    assert (found[0]["data"]["page"], found[0]["data"]["outcome"], found[1]["data"]["revision"]) == (BAD, "replaced", 2)


def test_another_engine_can_be_chosen(service, with_a_failed_page):
    answer = service.client.post(f"/v1/jobs/{with_a_failed_page}/pages/1/retry", data={"engine": "nanonets"})
    assert answer.status_code == 202, answer.text
    status = settled(service, with_a_failed_page)
    page = view_of(service, with_a_failed_page, 1)["page"]
    assert (page["engine"], page["route"]) == ("nanonets", "nanonets was asked for")
    assert (status["revision"], status["complete"]) == (2, False)
    progress = status["progress"]
    assert (progress["deepseek_pages"], progress["nanonets_pages"], progress["failed_pages"]) == (1, 1, 1)


def test_pages_are_read_again_one_after_the_other_each_with_its_revision(service, with_a_failed_page):
    assert [retry(service, with_a_failed_page, number).status_code for number in (1, 2, 3)] == [202, 202, 202]
    status = settled(service, with_a_failed_page)
    assert (status["revision"], status["complete"], status["progress"]["deepseek_pages"]) == (4, True, 3)
    document = service.result(with_a_failed_page, format="json")["document"]
    assert sorted(page["revision"] for page in document["pages"]) == [2, 3, 4]


def test_a_reading_that_fails_replaces_nothing_and_says_why(service, servers, with_a_failed_page):
    before = shown(service, with_a_failed_page, "markdown")
    servers["deepseek"].script("refuse_400", stamp=1, sticky=True)
    retry(service, with_a_failed_page, 1, engine="deepseek")
    status = settled(service, with_a_failed_page)
    view = view_of(service, with_a_failed_page, 1)
    assert status["revision"] == 1
    assert (view["state"], view["page"]["engine"], view["retry_error"]["code"]) == ("done", "deepseek", "PAGE_UNREADABLE")
    assert [attempt["outcome"] for attempt in view["attempts"]] == ["accepted", "error"]
    assert shown(service, with_a_failed_page, "markdown") == before


def test_a_kill_in_the_middle_leaves_the_old_revision_whole_and_the_page_is_read_all_the_same(
    service, servers, with_a_failed_page
):
    job_id = with_a_failed_page
    before = {name: shown(service, job_id, name) for name in FORMATS}
    servers["deepseek"].script("stall", stamp=BAD, sticky=True)
    retry(service, job_id)
    wait_until(lambda: servers["deepseek"].asked(BAD), 30, "the page is being read again")
    assert service.status(job_id)["stage"] == f"rereading page {BAD}"
    assert view_of(service, job_id)["rereading"]
    assert refusal(retry(service, job_id)) == (409, "PAGE_BEING_READ")
    for pid in horses(service):
        os.kill(pid, signal.SIGKILL)
    # What a crash between the storing of the new files and the raising of the revision leaves behind.
    folder = service.data_dir / "jobs" / job_id
    (folder / "result.r2.md").write_text("half a re")
    (folder / "pages" / "000002.r2.json").write_text("{")
    assert {name: shown(service, job_id, name) for name in FORMATS} == before
    status = service.status(job_id)
    assert (status["status"], status["revision"], status["complete"]) == ("completed", 1, False)
    assert view_of(service, job_id)["state"] == "failed"
    servers["deepseek"].reset()
    status = settled(service, job_id)
    assert (status["revision"], status["complete"]) == (2, True)
    assert all(f"stamp-{BAD}" in shown(service, job_id, name) for name in FORMATS)


def test_what_cannot_be_read_again_is_refused_with_a_reason(service, servers, with_a_failed_page, tmp_path):
    job_id = with_a_failed_page
    assert refusal(retry(service, job_id, 9)) == (404, "PAGE_NOT_FOUND")
    assert refusal(retry(service, "0" * 8 + "-0000-4000-8000-" + "0" * 12)) == (404, "JOB_NOT_FOUND")
    assert refusal(retry(service, job_id, engine="rapidocr")) == (409, "ENGINE_ABSENT")
    assert refusal(retry(service, job_id, engine="crystal ball")) == (422, "INVALID_OPTION")
    assert refusal(retry(service, job_id, speed="high")) == (422, "INVALID_OPTION")
    assert refusal(service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", json=[1])) == (400, "BAD_REQUEST")
    servers["deepseek"].script("stall", stamp=7, sticky=True)
    held = service.submit(stamped_pdf(tmp_path / "held.pdf", [7]))
    wait_until(lambda: servers["deepseek"].asked(7), 30, "its page is being read")
    assert refusal(retry(service, held, 1)) == (409, "JOB_NOT_COMPLETE")
    service.client.post(f"/v1/jobs/{held}/cancel")
    assert refusal(retry(service, held, 1)) == (409, "JOB_ENDED")
    assert service.status(job_id)["revision"] == 1


def test_no_request_of_a_deleted_job_stays_at_the_model_server(service, servers, with_a_failed_page):
    servers["deepseek"].script("stall", stamp=BAD, sticky=True)
    retry(service, with_a_failed_page)
    wait_until(lambda: servers["deepseek"].asked(BAD), 30, "the page is being read again")
    assert service.client.delete(f"/v1/jobs/{with_a_failed_page}").status_code == 200
    wait_until(lambda: servers["deepseek"].asked(BAD)[-1].state == "aborted", 20, "the request is aborted")
    assert not (service.data_dir / "jobs" / with_a_failed_page).exists()


def test_an_encrypted_document_wants_its_password_again(service, tmp_path):
    job_id = service.submit(encrypted_pdf(tmp_path / "locked.pdf", "open sesame"), password="open sesame")
    assert service.ended(job_id)["status"] == "completed"
    assert refusal(retry(service, job_id, 1)) == (409, "PASSWORD_GONE")
    assert retry(service, job_id, 1, password="wrong").status_code == 202
    assert settled(service, job_id)["revision"] == 1
    assert view_of(service, job_id, 1)["retry_error"]["code"] == "WRONG_PASSWORD"
    assert retry(service, job_id, 1, password="open sesame", engine="text_layer").status_code == 202
    assert settled(service, job_id)["revision"] == 2
    assert "Secret text" in shown(service, job_id, "markdown")


def test_figures_of_the_new_page_stand_beside_those_of_the_old(service, tmp_path):
    job_id = service.submit(illustrated_pdf(tmp_path / "plans.pdf"))
    service.ended(job_id)
    assert retry(service, job_id, 1, engine="text_layer").status_code == 202
    assert settled(service, job_id)["revision"] == 2
    names = [block["picture"] for block in view_of(service, job_id, 1)["page"]["blocks"] if block.get("picture")]
    assert names
    for name in (*names, *(name.replace("-r2-", "-") for name in names)):
        assert service.client.get(f"/v1/jobs/{job_id}/figures/{name}").status_code == 200, name
    assert all("-r2-" in name for name in names)


# --- the ledger alone -------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(valkey, redis):
    """Of a completed job with one page that failed, and one that was read."""
    ledger = Ledger(redis, valkey)
    planned(ledger, redis, 2)
    ledger.heartbeat("a", [])
    for page in (Page(number=1, status="failed"), Page(number=2, engine="rapidocr")):
        ledger.finish(ledger.claim("a", empty_handed=False), page)
    assert ledger.end(JOB, JobState.COMPLETED) == "ok"
    return ledger


def test_a_page_that_kills_its_worker_twice_stays_as_it_was(ledger, redis, valkey, tmp_path):
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    assert ledger.want_retry(JOB, RetryOrder(page=1), passwords.seal(valkey, "secret")) == "ok"
    assert record.load(redis, JOB).show().stage == "rereading page 1"
    for worker in ("b", "c"):
        ledger.heartbeat(worker, [])
        assert ledger.claim_stage(JOB, "retry", worker, alone=True) is not None
        dead(redis, worker)
        sweep.release_the_dead()
    job = record.load(redis, JOB)
    assert (job.show().stage, job.revision, job.counts["failed"]) == ("completed", 1, 1)
    assert ledger.entries(JOB)[1]["retry_error"]["code"] == "WORKER_CRASHED"
    assert ledger.claim_stage(JOB, "retry", "d", alone=True) is None
    assert not redis.exists(f"job:{JOB}:password", f"job:{JOB}:retries", "jobs:rereading")


def test_only_the_claims_token_and_the_next_revision_change_a_page(ledger, redis):
    entry = {"state": "done", "engine": "deepseek"}
    ledger.heartbeat("b", [])
    ledger.want_retry(JOB, RetryOrder(page=1), None)
    claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
    changes = {"failed": -1, "done": 1, "deepseek": 1}
    assert ledger.settle_retry(None, JOB, RetryOutcome(1, entry, "done", 2, counts=changes)) == "not_yours"
    assert ledger.settle_retry(claim, JOB, RetryOutcome(2, entry, "done", 2, counts=changes)) == "not_yours"
    assert ledger.settle_retry(claim, JOB, RetryOutcome(1, entry, "done", 3, counts=changes)) == "not_yours"
    assert record.load(redis, JOB).complete is False
    assert ledger.settle_retry(claim, JOB, RetryOutcome(1, entry, "done", 2, counts=changes)) == "ok"
    job = record.load(redis, JOB)
    assert (job.revision, job.complete, job.counts["failed"], job.counts["done"]) == (2, True, 0, 2)
    assert ledger.settle_retry(claim, JOB, RetryOutcome(1, entry, "done", 3, counts=changes)) == "not_yours"


def test_no_key_of_a_page_to_be_read_again_outlives_the_job(ledger, redis, valkey):
    ledger.want_retry(JOB, RetryOrder(page=1), passwords.seal(valkey, "secret"))
    assert 0 < redis.pttl(f"job:{JOB}:retries") <= redis.pttl(f"job:{JOB}") + 1
    assert 0 < redis.pttl(f"job:{JOB}:password") <= redis.pttl(f"job:{JOB}") + 1


def test_an_order_that_nobody_rang_for_is_found_by_the_sweep(ledger, redis, valkey, tmp_path):
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    ledger.want_retry(JOB, RetryOrder(page=1), None)
    sweep.ring_again()
    sweep.ring_again()
    assert b"retry" in b"".join(redis.lrange("rq:queue:finish", 0, -1))


def test_the_revision_outlives_the_loss_of_redis(ledger, redis, valkey):
    ledger.heartbeat("b", [])
    ledger.want_retry(JOB, RetryOrder(page=1), None)
    claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
    ledger.settle_retry(claim, JOB, RetryOutcome(1, {"state": "done"}, "done", 2))
    job = record.load(redis, JOB)
    redis.flushall()
    record.restore(redis, job, 60_000, 1000)
    assert record.load(redis, JOB).revision == 2
