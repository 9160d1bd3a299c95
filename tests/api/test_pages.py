"""Pages of a job while it runs: the ledger, a page with its why-trail, its picture; and the job's events as they happen."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from PIL import Image
from redis import Redis

from tests.support.documents import encrypted_pdf, page_picture, scanned_pdf, stamped_pdf
from tests.support.events import stream_events, without_status
from tests.support.processes import pids_named
from tests.support.service import Service, asking, redis_url_of, wait_until
from tests.support.stamp import read_stamp
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, served_from_thread

PAGES = 6
HELD = 4
"""The page whose answer never comes."""


@pytest.fixture(scope="module")
def server():
    with served_from_thread(ModelServer(speed=Speed(), tokens=60)) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("pages")
    with Service(folder, WEB_THREADS=4, WEB_WORKERS=1, EVENTS_HEARTBEAT_SECONDS=0.5, **asking(server.url)) as running:
        yield running


@pytest.fixture
def running_job(service, server, tmp_path):
    """A job all of whose pages are read but one."""
    server.reset()
    server.script("stall", stamp=HELD, sticky=True)
    job_id = service.submit(stamped_pdf(tmp_path / "held.pdf", range(1, PAGES + 1)))
    wait_until(lambda: service.status(job_id)["progress"]["deepseek_pages"] == PAGES - 1, 60, "all pages but one are read")
    yield job_id
    service.client.post(f"/v1/jobs/{job_id}/cancel")


def pages_of(service, job_id) -> dict[int, dict]:
    answer = service.client.get(f"/v1/jobs/{job_id}/pages").json()
    assert answer["job_id"] == job_id
    return {entry["number"]: entry for entry in answer["pages"]}


def test_finished_pages_are_readable_while_the_job_runs(service, running_job):
    assert service.status(running_job)["status"] == "processing"
    ledger = pages_of(service, running_job)
    assert {number: entry["state"] for number, entry in ledger.items()} == {
        number: "reading" if number == HELD else "done" for number in range(1, PAGES + 1)
    }
    view = service.client.get(f"/v1/jobs/{running_job}/pages/2").json()
    assert view["state"] == "done"
    assert view["page"]["engine"] == "deepseek"
    assert view["page"]["blocks"]
    assert [attempt["outcome"] for attempt in view["attempts"]] == ["accepted"]
    assert view["route"]


def test_a_page_that_is_being_read_says_so_and_has_a_picture_already(service, running_job):
    view = service.client.get(f"/v1/jobs/{running_job}/pages/{HELD}").json()
    assert (view["state"], view["page"]) == ("reading", None)
    answer = service.client.get(view["image_url"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_page_that_the_document_lacks_is_refused(service, running_job):
    for path in ("pages/7", "pages/7/image"):
        answer = service.client.get(f"/v1/jobs/{running_job}/{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "PAGE_NOT_FOUND")
        assert answer.json()["error"]["details"] == {"page": 7, "total_pages": PAGES}
    assert service.client.get(f"/v1/jobs/{running_job}/pages/0").status_code in (404, 422)
    assert service.client.get(f"/v1/jobs/{running_job}/pages/x").status_code == 404


def test_a_picture_is_that_of_its_page_and_is_drawn_once(service, running_job):
    for number in (1, 5):
        answers = [service.client.get(f"/v1/jobs/{running_job}/pages/{number}/image") for _ in range(2)]
        assert answers[0].content == answers[1].content
        assert answers[0].headers["Cache-Control"].startswith("private")
        assert read_stamp(answers[0].content) == number


def test_a_page_that_lies_on_its_side_is_shown_as_it_was_read(tmp_path):
    words = "Minutes of the meeting of the housing association. " * 12
    scan = scanned_pdf(tmp_path / "sideways.pdf", [words, words], turned={2: 90})
    with Service(tmp_path) as service:
        job_id = service.submit(scan)
        service.ended(job_id)
        for number in (1, 2):
            view = service.client.get(f"/v1/jobs/{job_id}/pages/{number}").json()
            picture = Image.open(io.BytesIO(service.client.get(view["image_url"]).content))
            page = view["page"]
            assert picture.width / picture.height == pytest.approx(page["width"] / page["height"], rel=0.01)
            assert picture.height > picture.width
        assert view["page"]["rotation"] in (90, 270)


def test_the_picture_of_an_encrypted_document_is_gone_with_its_password(service, tmp_path):
    path = encrypted_pdf(tmp_path / "locked.pdf", "open sesame")
    job_id = service.submit(path, password="open sesame")
    assert service.ended(job_id)["status"] == "completed"
    answer = service.client.get(f"/v1/jobs/{job_id}/pages/1/image")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PICTURE_UNAVAILABLE")


def test_the_picture_of_a_job_that_is_deleted_while_it_is_drawn_is_that_of_no_job(service, paper):
    job_id = service.submit(paper)
    service.ended(job_id)
    (drawer,) = pids_named(service, "docparse-drawer")
    os.kill(drawer, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as pool, Redis.from_url(redis_url_of(service)) as store:
            asked = pool.submit(service.client.get, f"/v1/jobs/{job_id}/pages/1/image", timeout=60)
            wait_until(lambda: store.exists(f"pictures:{job_id}|1|0"), 30, "the picture is asked for")
            assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
            os.kill(drawer, signal.SIGCONT)
            answer = asked.result(60)
    finally:
        os.kill(drawer, signal.SIGCONT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "JOB_NOT_FOUND")


def test_pictures_are_drawn_again_after_the_drawer_was_killed(service, running_job):
    before = service.client.get(f"/v1/jobs/{running_job}/pages/1/image").content
    (drawer,) = pids_named(service, "docparse-drawer")
    os.kill(drawer, signal.SIGKILL)

    def drawn():
        return service.client.get(f"/v1/jobs/{running_job}/pages/3/image").status_code == 200

    wait_until(drawn, 40, "a new drawer draws")
    assert service.client.get(f"/v1/jobs/{running_job}/pages/1/image").content == before


def test_events_tell_a_job_from_its_upload_to_its_end(service, server, tmp_path):
    server.reset()
    job_id = service.submit(stamped_pdf(tmp_path / "told.pdf", range(1, 4)))
    found = without_status(stream_events(service, job_id))
    kinds = [event["event"] for event in found]
    assert kinds[:3] == ["job.queued", "job.started", "job.opened"]
    assert kinds[-1] == "job.completed"
    assert found[2]["data"] == {"job_id": job_id, "pages": 3}
    pages = [event["data"] for event in found if event["event"] == "page.completed"]
    assert sorted(page["page"] for page in pages) == [1, 2, 3]
    assert {(page["status"], page["engine"], tuple(page["warnings"])) for page in pages} == {("done", "deepseek", ())}


def test_the_last_status_in_a_stream_is_that_of_the_end(service, server, tmp_path):
    server.reset()
    job_id = service.submit(stamped_pdf(tmp_path / "last.pdf", range(1, 4)))
    found = stream_events(service, job_id)
    assert found[0]["event"] == "status"
    last = [event["data"] for event in found if event["event"] == "status"][-1]
    assert last == service.status(job_id)
    assert last["status"] == "completed"


def test_a_stream_goes_on_after_the_last_event_its_client_saw(service, server, tmp_path):
    server.reset()
    job_id = service.submit(stamped_pdf(tmp_path / "again.pdf", range(1, 6)))
    whole = without_status(stream_events(service, job_id))
    for seen in (1, 4, len(whole) - 1):
        assert without_status(stream_events(service, job_id, last=whole[seen - 1]["id"])) == whole[seen:]


def test_a_stream_asked_for_after_the_last_event_says_how_the_job_ended(service, server, tmp_path):
    server.reset()
    job_id = service.submit(stamped_pdf(tmp_path / "over.pdf", [1]))
    last = without_status(stream_events(service, job_id))[-1]["id"]
    assert [event["event"] for event in stream_events(service, job_id, last=last)] == ["status", "job.completed"]


def test_an_event_id_that_cannot_be_one_is_refused(service, running_job):
    for asked in ({"headers": {"Last-Event-ID": "yesterday"}}, {"params": {"last_event_id": "yesterday"}}):
        answer = service.client.get(f"/v1/jobs/{running_job}/events", **asked)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_OPTION")


def test_a_silent_stream_says_that_it_lives(service, running_job):
    with service.client.stream("GET", f"/v1/jobs/{running_job}/events") as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": alive"


def test_streams_take_no_more_than_half_of_the_threads_and_the_rest_is_answered_at_once(service, running_job):
    url = f"http://127.0.0.1:{service.port}/v1/jobs/{running_job}/events"
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(2):
            client = stack.enter_context(httpx2.Client(timeout=30))
            held.append(stack.enter_context(client.stream("GET", url)).iter_lines())
            next(line for line in held[-1] if line.startswith(":"))
        found = without_status(stream_events(service, running_job))
        assert [event["event"] for event in found].count("page.completed") == PAGES - 1
        assert service.client.get("/v1/health/live").status_code == 200


def test_a_stream_ends_when_its_job_is_deleted(service, running_job):
    found: list[dict] = []
    reader = threading.Thread(target=lambda: found.extend(stream_events(service, running_job)))
    reader.start()
    with httpx2.Client(base_url=service.client.base_url, auth=service.client.auth) as other:
        assert other.delete(f"/v1/jobs/{running_job}").status_code == 200
    reader.join(30)
    assert not reader.is_alive()
    assert found[-1]["event"] == "job.deleted"


def test_a_stream_ends_when_the_server_is_told_to_stop(tmp_path, server):
    server.reset()
    server.script("stall", stamp=1, sticky=True)
    service = Service(tmp_path, DRAIN_SECONDS=60, **asking(server.url))
    try:
        service.start().ready()
        job_id = service.submit(stamped_pdf(tmp_path / "held.pdf", [1]))
        with service.client.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
            lines = answer.iter_lines()
            next(lines)
            os.kill(service.pid, signal.SIGTERM)
            assert not any(line.startswith("event: job.completed") for line in lines)
    finally:
        service.kill_everything()
        service.client.close()


def test_pictures_are_never_larger_than_a_screen_needs(service, server, tmp_path):
    server.reset()
    path = tmp_path / "large.png"
    page_picture("A plan of the whole estate", size=(5000, 3000)).save(path)
    job_id = service.submit(path)
    service.ended(job_id)
    picture = Image.open(io.BytesIO(service.client.get(f"/v1/jobs/{job_id}/pages/1/image").content))
    assert max(picture.size) == 1600
