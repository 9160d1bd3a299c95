"""A page of a completed job is read again: under a new revision, and nothing is lost on the way."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier

from document_parser.jobs.records import deliveries, passwords, record
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.records.retries import RetryOrder, RetryOutcome, failed_retry
from document_parser.jobs.webhooks import messages
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.models import JobState, Page, Webhook, format_utc
from document_parser.storage import LocalStorage
from document_parser.workers.sweep import Sweep
from tests.support.documents import encrypted_pdf, illustrated_pdf, stamped_pdf
from tests.support.events import stream_events, without_status
from tests.support.ledger_jobs import JOB, add_ready_job, mark_dead
from tests.support.processes import kill_horses
from tests.support.receiver import receiving, secret_of, told
from tests.support.receiver import settings as webhook_settings
from tests.support.service import Service, wait_until
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
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
    urls = {"VLLM_DEEPSEEK_URL": servers["deepseek"].url, "VLLM_NANONETS_URL": servers["nanonets"].url}
    settings = webhook_settings(INFERENCE_MODE="vllm", **urls)
    with Service(tmp_path_factory.mktemp("retry"), **settings) as running:
        yield running


@pytest.fixture
def with_a_failed_page(service, servers, tmp_path):
    """A completed job of three pages, the second of which nobody could read; from now on everybody can."""
    return job_with_a_failed_page(service, servers, tmp_path)


def job_with_a_failed_page(service, servers, tmp_path, **options):
    for server in servers.values():
        server.reset()
        server.script("refuse_400", stamp=BAD, sticky=True)
    job_id = service.submit(stamped_pdf(tmp_path / "register.pdf", [1, BAD, 3]), **options)
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
    found = without_status(stream_events(service, with_a_failed_page))[-3:]
    assert [event["event"] for event in found] == ["page.rereading", "page.retried", "job.revised"]
    assert [event["data"]["page"] for event in found[:2]] == [BAD, BAD]
    assert (found[1]["data"]["outcome"], found[2]["data"]["revision"]) == ("replaced", 2)


def test_who_waits_or_listens_while_a_page_is_read_again_hears_of_the_new_revision(service, servers, with_a_failed_page):
    job_id, heard = with_a_failed_page, {}
    servers["deepseek"].script("stall", stamp=BAD, sticky=True)
    retry(service, job_id)
    wait_until(lambda: servers["deepseek"].asked(BAD), 30, "the page is being read again")
    assert service.client.get(f"/v1/jobs/{job_id}/status", params={"wait": 0.2}).json()["revision"] == 1

    def wait():
        heard["wait"] = service.client.get(f"/v1/jobs/{job_id}/status", params={"wait": 60}, timeout=90).json()["revision"]

    def listen():
        heard["events"] = [event["event"] for event in without_status(stream_events(service, job_id))]

    threads = [threading.Thread(target=work) for work in (wait, listen)]
    for thread in threads:
        thread.start()
    # A reader that dies hands on a page that stands still.
    servers["deepseek"].reset()
    kill_horses(service)
    for thread in threads:
        thread.join(60)
    assert heard["wait"] == 2
    assert heard["events"][-4:-1] == ["page.rereading", "page.retried", "job.revised"]
    assert heard["events"][-1] == "job.completed"


def test_a_webhook_tells_of_the_revision_signed_and_tried_again_like_that_of_the_end(service, servers, tmp_path):
    with receiving() as receiver:
        job_id = job_with_a_failed_page(service, servers, tmp_path, webhook_url=receiver.url)
        told(service, job_id)
        assert service.status(job_id)["revised_webhook"] is None
        receiver.answers = [500]
        retry(service, job_id)
        webhook = told(service, job_id, which="revised_webhook")
        assert service.client.post(f"/v1/jobs/{job_id}/webhook/replay").json()["event"] == "job.revised"
        wait_until(lambda: len(receiver.calls) == 4, 30, "the newest is delivered again")
        told(service, job_id, which="revised_webhook")
    first, *rest = receiver.calls
    assert (first.id, first.content["type"], first.content["data"]["revision"]) == (f"msg_{job_id}", "job.completed", 1)
    assert {(call.id, call.body) for call in rest} == {(f"msg_{job_id}_r2", rest[0].body)}
    content = Verifier(secret_of(service)).verify(rest[0].body, rest[0].headers)
    data = content["data"]
    assert (content["type"], data["revision"], data["complete"]) == ("job.revised", 2, True)
    assert data["revised_pages"] == [{"number": BAD, "revision": 2}]
    status = service.status(job_id)
    assert {name: data[name] for name in ("progress", "stage", "status")} == {
        name: status[name] for name in ("progress", "stage", "status")
    }
    assert ([attempt["status"] for attempt in webhook["tries"]], webhook["revision"]) == ([500, 200], 2)
    listed = service.client.get("/v1/webhooks/deliveries").json()["deliveries"]
    assert [one["event"] for one in listed if one["job_id"] == job_id] == ["job.revised", "job.completed"]


def test_a_retry_that_fails_is_told_by_webhook_by_events_and_by_the_status_and_no_more_once_it_succeeds(
    service, servers, tmp_path
):
    with receiving() as receiver:
        job_id = job_with_a_failed_page(service, servers, tmp_path, webhook_url=receiver.url)
        told(service, job_id)
        servers["deepseek"].script("refuse_400", stamp=1, sticky=True)
        retry(service, job_id, 1, engine="deepseek")
        webhook = told(service, job_id, which="retry_failed_webhook")
        status = service.status(job_id)
        assert service.client.post(f"/v1/jobs/{job_id}/webhook/replay").json()["event"] == "job.retry_failed"
        wait_until(lambda: len(receiver.calls) == 3, 30, "the newest is delivered again")
        servers["deepseek"].reset()
        retry(service, job_id, 1)
        told(service, job_id, which="revised_webhook")
    _, call, again, revised = receiver.calls
    assert (call.id, call.body) == (again.id, again.body) == (f"msg_{job_id}_retry1", call.body)
    content = Verifier(secret_of(service)).verify(call.body, call.headers)
    assert (content["type"], content["data"]["revision"], content["data"]["stage"]) == ("job.retry_failed", 1, "completed")
    (error,) = content["data"]["retry_errors"]
    assert (error["number"], error["code"]) == (1, "PAGE_UNREADABLE")
    assert content["data"]["retry_failed_pages"] == status["retry_failed_pages"] == [1]
    assert (webhook["retry"], webhook["revision"], status["revised_webhook"]) == (1, None, None)
    assert revised.content["data"]["retry_failed_pages"] == service.status(job_id)["retry_failed_pages"] == []
    assert service.status(job_id)["revised_webhook"]["retry"] == 2
    told_of = [event for event in without_status(stream_events(service, job_id)) if event["event"] == "job.retry_failed"]
    assert [(event["data"]["page"], event["data"]["error"]) for event in told_of] == [(1, "PAGE_UNREADABLE")]
    listed = service.client.get("/v1/webhooks/deliveries").json()["deliveries"]
    events = [one["event"] for one in listed if one["job_id"] == job_id]
    assert events == ["job.revised", "job.retry_failed", "job.completed"]


def test_what_the_end_was_told_with_stays_the_same_when_a_page_is_read_again_before_it_arrives(service, servers, tmp_path):
    with receiving(500, (500, {"Retry-After": "3"})) as receiver:
        job_id = job_with_a_failed_page(service, servers, tmp_path, webhook_url=receiver.url)
        wait_until(lambda: len(receiver.calls) == 2, 30, "two tries")
        retry(service, job_id)
        told(service, job_id, which="revised_webhook")
        told(service, job_id)
    of_end = [call for call in receiver.calls if call.id == f"msg_{job_id}"]
    assert (len(of_end), len({call.body for call in of_end})) == (3, 1)
    assert [call.content["type"] for call in receiver.calls].count("job.revised") == 1


def test_the_picture_of_a_page_has_another_address_with_another_revision_and_is_asked_for_anew_where_it_was_turned(
    service, with_a_failed_page
):
    before = view_of(service, with_a_failed_page, 1)["image_url"]
    old = service.client.get(before)
    assert "max-age" in old.headers["Cache-Control"]
    retry(service, with_a_failed_page, 1)
    settled(service, with_a_failed_page)
    after = view_of(service, with_a_failed_page, 1)["image_url"]
    assert (before.rpartition("?")[2], after.rpartition("?")[2]) == ("revision=1", "revision=2")
    # As though the new reading had turned the page.
    stored = service.data_dir / "jobs" / with_a_failed_page / "pages" / "000001.r2.json"
    stored.write_text(json.dumps(json.loads(stored.read_text()) | {"rotation": 90}))
    new = service.client.get(before, headers={"If-None-Match": old.headers["ETag"]})
    assert (new.status_code, new.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (new.content != old.content, new.headers["ETag"] != old.headers["ETag"]) == (True, True)
    assert "max-age" in service.client.get(after).headers["Cache-Control"]
    assert service.client.get(after, headers={"If-None-Match": new.headers["ETag"]}).status_code == 304


def zipped(service, job_id):
    wait_until(lambda: found(service, job_id).status_code == 200, 30, "the archive is written")
    return found(service, job_id).content


def found(service, job_id):
    return service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "zip"})


def test_every_format_is_that_of_the_new_revision(service, servers, tmp_path):
    for server in servers.values():
        server.reset()
    contents = {"tables": "tables", **FORMATS}
    job_id = service.submit(stamped_pdf(tmp_path / "report.pdf", [1]), output_format="tables")
    service.ended(job_id)
    before = {name: service.result(job_id, format=name)[content] for name, content in contents.items()}
    assert before["tables"] == []
    old = zipped(service, job_id)
    assert retry(service, job_id, 1, engine="nanonets").status_code == 202
    assert settled(service, job_id)["revision"] == 2
    after = {name: service.result(job_id, format=name) for name in contents}
    assert {name: found["revision"] for name, found in after.items()} == dict.fromkeys(contents, 2)
    assert [name for name, content in contents.items() if after[name][content] == before[name]] == []
    assert "stamp-1" in after["tables"]["tables"][0]["csv"]
    new = zipped(service, job_id)
    assert new != old
    with zipfile.ZipFile(io.BytesIO(new)) as archive:
        texts = {name.rpartition(".")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert texts["md"] == after["markdown"]["markdown"]
    assert texts["csv"] == after["tables"]["tables"][0]["csv"]


def test_the_options_of_a_retry_decide_who_reads(service, servers, paper):
    for server in servers.values():
        server.reset()
    job_id = service.submit(paper)
    assert service.ended(job_id)["progress"]["text_layer_pages"] > 0
    routes = {}
    for revision, mode in enumerate(("maximum", "fast"), start=2):
        assert retry(service, job_id, 1, accuracy_mode=mode).status_code == 202
        settled(service, job_id)
        view = view_of(service, job_id, 1)
        routes[mode] = {attempt["engine"] for attempt in view["attempts"] if attempt.get("reading") == revision}
    assert routes["maximum"] & {"deepseek", "nanonets"}
    assert routes["fast"] == {"text_layer"}


def test_another_engine_can_be_chosen(service, with_a_failed_page):
    answer = service.client.post(f"/v1/jobs/{with_a_failed_page}/pages/1/retry", data={"engine": "nanonets"})
    assert answer.status_code == 202, answer.text
    status = settled(service, with_a_failed_page)
    page = view_of(service, with_a_failed_page, 1)["page"]
    assert (page["engine"], page["route"]) == ("nanonets", "nanonets was requested")
    assert (status["revision"], status["complete"]) == (2, False)
    progress = status["progress"]
    assert (progress["deepseek_pages"], progress["nanonets_pages"], progress["failed_pages"]) == (1, 1, 1)


def test_a_page_read_again_without_its_warning_is_flagged_no_more(service, servers, tmp_path):
    servers["deepseek"].reset()
    servers["deepseek"].script("loop", stamp=1, sticky=True)
    job_id = service.submit(stamped_pdf(tmp_path / "register.pdf", [1, 2]))
    assert service.ended(job_id)["progress"]["flagged_pages"] == 1
    servers["deepseek"].reset()
    assert retry(service, job_id, 1).status_code == 202
    assert settled(service, job_id)["progress"]["flagged_pages"] == 0


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
    kill_horses(service)
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
    for body in (b"[1]", b"{", b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        answer = service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", content=body, headers=headers)
        assert refusal(answer) == (400, "BAD_REQUEST")
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
    add_ready_job(ledger, redis, 2)
    ledger.heartbeat("a", [])
    for page in (Page(number=1, status="failed"), Page(number=2, engine="rapidocr")):
        ledger.finish(ledger.claim("a", empty_handed=False), page)
    assert ledger.end(JOB, JobState.COMPLETED) == "ok"
    return ledger


def test_a_page_that_kills_its_worker_twice_stays_as_it_was(ledger, redis, valkey, tmp_path):
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    redis.hset(f"job:{JOB}", "webhook", Webhook(state="delivered").model_dump_json())
    assert ledger.request_retry(JOB, RetryOrder(page=1), passwords.seal(valkey, "secret")) == "ok"
    assert record.load(redis, JOB).to_status().stage == "rereading page 1"
    for worker in ("b", "c"):
        ledger.heartbeat(worker, [])
        assert ledger.claim_stage(JOB, "retry", worker, alone=True) is not None
        mark_dead(redis, worker)
        sweep.release_dead_claims()
    job = record.load(redis, JOB)
    assert (job.to_status().stage, job.revision, job.counts["failed"]) == ("completed", 1, 1)
    assert ledger.entries(JOB)[1]["retry_error"]["code"] == "WORKER_CRASHED"
    assert ledger.claim_stage(JOB, "retry", "d", alone=True) is None
    assert not redis.exists(f"job:{JOB}:password", f"job:{JOB}:retries", "jobs:rereading")
    assert job.to_status().retry_failed_pages == [1]
    (told_of,) = messages.load_announcements(redis, Outbox(redis).claim(5, 60))
    assert (told_of.event, told_of.message.id) == ("job.retry_failed", f"msg_{JOB}_retry1")
    assert json.loads(told_of.body)["data"]["retry_errors"][0]["code"] == "WORKER_CRASHED"


def test_only_the_claims_token_and_the_next_revision_change_a_page(ledger, redis):
    entry = {"state": "done", "engine": "deepseek"}
    ledger.heartbeat("b", [])
    ledger.request_retry(JOB, RetryOrder(page=1), None)
    claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
    changes = {"failed": -1, "done": 1, "deepseek": 1}
    assert ledger.complete_retry(None, JOB, RetryOutcome(1, entry, "done", 2, counts=changes)) == "not_yours"
    assert ledger.complete_retry(claim, JOB, RetryOutcome(2, entry, "done", 2, counts=changes)) == "not_yours"
    assert ledger.complete_retry(claim, JOB, RetryOutcome(1, entry, "done", 3, counts=changes)) == "not_yours"
    assert record.load(redis, JOB).complete is False
    assert ledger.complete_retry(claim, JOB, RetryOutcome(1, entry, "done", 2, counts=changes)) == "ok"
    job = record.load(redis, JOB)
    assert (job.revision, job.complete, job.counts["failed"], job.counts["done"]) == (2, True, 0, 2)
    assert ledger.complete_retry(claim, JOB, RetryOutcome(1, entry, "done", 3, counts=changes)) == "not_yours"


def test_the_newest_revision_is_told_and_a_try_of_the_one_before_settles_nothing(ledger, redis):
    redis.hset(f"job:{JOB}", "webhook", Webhook(state="delivered").model_dump_json())
    ledger.heartbeat("b", [])
    for revision in (2, 3):
        ledger.request_retry(JOB, RetryOrder(page=1), None)
        claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
        outcome = RetryOutcome(1, {"state": "done"}, "done", revision, announced=f"revision {revision}")
        assert ledger.complete_retry(claim, JOB, outcome) == "ok"
        ledger.finish_stage(claim)
        (name,) = Outbox(redis).claim(5, 60)
        (told_of,) = messages.load_announcements(redis, [name])
        assert (told_of.event, told_of.body, told_of.message.id) == (
            "job.revised",
            f"revision {revision}",
            f"msg_{JOB}_r{revision}",
        )
    before, now = Webhook(revision=2, retry=1), Webhook(revision=3, retry=2)
    assert not Outbox(redis).complete_delivery(name, before.model_copy(update={"state": "delivered"}), 0)
    assert not Outbox(redis).replay(name, before, before.model_copy(update={"replays": 1}))
    assert Outbox(redis).complete_delivery(name, now.model_copy(update={"state": "failed"}), 0)
    assert deliveries.failed_count(redis) == 1
    record.delete(redis, record.load(redis, JOB))
    assert not redis.keys("webhooks:*")


def test_of_retries_that_fail_the_newest_is_told_with_all_pages_and_stands_before_an_earlier_revision(ledger, redis):
    redis.hset(f"job:{JOB}", "webhook", Webhook(state="delivered").model_dump_json())
    ledger.heartbeat("b", [])
    for page, revision in ((2, 2), (1, None), (2, None)):
        ledger.request_retry(JOB, RetryOrder(page=page), None)
        claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
        job, entries = record.load(redis, JOB), ledger.entries(JOB)
        outcome = RetryOutcome(page, entries[page] | {"revision": 2}, "done", 2)
        if revision is None:
            outcome = failed_retry(page, entries[page], "PAGE_TIMEOUT", "It took too long.")
        outcome = messages.add_body(job, entries | {page: outcome.entry}, outcome, NOW)
        assert ledger.complete_retry(claim, JOB, outcome) == "ok"
        ledger.finish_stage(claim)
    due = [told_of.event for told_of in messages.load_announcements(redis, Outbox(redis).claim(5, 60))]
    assert due == ["job.revised", "job.retry_failed"]
    job = record.load(redis, JOB)
    newest = messages.announcements_of(job)[-1]
    assert (newest.event, newest.message.id) == ("job.retry_failed", f"msg_{JOB}_retry3")
    said = json.loads(newest.body)
    assert (said["timestamp"], [error["number"] for error in said["data"]["retry_errors"]]) == (format_utc(NOW), [1, 2])
    redis.flushall()
    record.restore(redis, job, 60_000, 1000)
    restored = record.load(redis, JOB)
    assert restored.to_status() == job.to_status()
    assert [told_of.body for told_of in messages.announcements_of(restored)] == [
        told_of.body for told_of in messages.announcements_of(job)
    ]
    assert len(deliveries.newest(redis, failed=False, before=None, limit=9)) == 3


def test_no_key_of_a_page_to_be_read_again_outlives_the_job(ledger, redis, valkey):
    ledger.request_retry(JOB, RetryOrder(page=1), passwords.seal(valkey, "secret"))
    ends = redis.pexpiretime(f"job:{JOB}")
    assert 0 < redis.pexpiretime(f"job:{JOB}:retries") <= ends + 1
    assert 0 < redis.pexpiretime(f"job:{JOB}:password") <= ends + 1


def test_an_order_that_nobody_rang_for_is_found_by_the_sweep(ledger, redis, valkey, tmp_path):
    sweep = Sweep(valkey, redis, LocalStorage(tmp_path), "test")
    ledger.request_retry(JOB, RetryOrder(page=1), None)
    sweep.enqueue_lost_stages()
    sweep.enqueue_lost_stages()
    assert b"retry" in b"".join(redis.lrange("rq:queue:finish", 0, -1))


def test_the_revision_outlives_the_loss_of_redis(ledger, redis, valkey):
    ledger.heartbeat("b", [])
    ledger.request_retry(JOB, RetryOrder(page=1), None)
    claim = ledger.claim_stage(JOB, "retry", "b", alone=True)
    ledger.complete_retry(claim, JOB, RetryOutcome(1, {"state": "done"}, "done", 2))
    job = record.load(redis, JOB)
    redis.flushall()
    record.restore(redis, job, 60_000, 1000)
    assert record.load(redis, JOB).revision == 2
