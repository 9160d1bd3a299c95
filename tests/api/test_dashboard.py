"""The dashboard: who may see it, what it shows, and that neither a file's name nor another site can make it act."""

from __future__ import annotations

import pickle
import re
import zlib
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import redis as redis_library
from playwright.sync_api import TimeoutError
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from document_parser.api.factory import create_app
from document_parser.jobs import queue
from document_parser.jobs.records import record
from document_parser.jobs.records.job import JobCard
from document_parser.jobs.records.ledger import Ledger
from document_parser.models import Options
from document_parser.settings import Settings, StoreSettings
from document_parser.settings.operator_access import operator_token
from tests.support.browser import becomes_true
from tests.support.documents import pdf_of_text, scanned_pdf
from tests.support.service import Service, redis_url_of
from tests.support.watching import asked_elsewhere, watched_page

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)<-script>.pdf'
ADDRESSES = (
    "/dashboard/",
    "/dashboard",
    "/dashboard/documents",
    "/dashboard/0/data/queues.json",
    "/dashboard/static/css/main.css",
)
TOKEN = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("dashboard"), WEB_WORKERS=1, INFERENCE_MODE="cpu") as running:
        yield running


@pytest.fixture(scope="module")
def jobs(service, tmp_path_factory):
    """A scan of two pages and a digital document with a hostile name, both read."""
    folder = tmp_path_factory.mktemp("documents")
    scan = scanned_pdf(
        folder / "letter to the tax office.pdf", ["Dear Sir or Madam, this is the first page.", "And the second."]
    )
    data = pdf_of_text(folder / "plain.pdf", ["Nothing but text on this page."]).read_bytes()
    answer = service.client.post("/v1/process/async", files={"file": (HOSTILE, data)})
    found = {"scan": service.submit(scan), "hostile": answer.json()["job_id"]}
    for job_id in found.values():
        assert service.ended(job_id)["status"] == "completed"
    return found


def problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.get_json()["error"]["code"] == code


def failed_bell(redis):
    """A task that has failed, as the dashboard may requeue it."""
    bell = queue.queue(redis, "normal").enqueue_call("document_parser.workers.tasks.plan", args=["no-job"], job_id="bell")
    redis.lrem(bell_list(redis), 0, "bell")
    bell.set_status(JobStatus.FAILED)
    queue.queue(redis, "normal").failed_job_registry.add(bell, ttl=60)
    return bell


def bell_list(redis):
    return queue.queue(redis, "normal").key


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_asks_everybody_for_a_token(app, address):
    client = app(admin_token=TOKEN)
    for wrong in ({}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic !"}, {"Authorization": "Basic Og=="}):
        answer = client.get(address, headers=wrong)
        problem(answer, 401, "LOGIN_REQUIRED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    for right in ({"headers": {"Authorization": f"Bearer {TOKEN}"}}, {"auth": ("anybody", TOKEN)}):
        assert client.get(address, **right, follow_redirects=True, buffered=True).status_code == 200
    assert app(operator=True).get(address, follow_redirects=True, buffered=True).status_code == 200


def test_a_browsers_password_opens_the_dashboard_and_not_the_listing(app):
    problem(app(admin_token=TOKEN).get("/v1/jobs", auth=("anybody", TOKEN)), 403, "FORBIDDEN")


def test_it_only_shows_unless_told_otherwise(app, redis):
    failed_bell(redis)
    client = app(operator=True)
    actions = (
        "job/bell/requeue",
        "job/bell/delete",
        "requeue/normal",
        "queue/normal/failed/empty",
        "queue/normal/compact",
    )
    for action in actions:
        problem(client.post(f"/dashboard/{action}"), 403, "DASHBOARD_READ_ONLY")
    problem(client.get("/dashboard/requeue/normal"), 403, "DASHBOARD_READ_ONLY")
    assert redis.exists("rq:job:bell")
    assert redis.llen(bell_list(redis)) == 0


def test_with_writes_the_operator_acts_and_another_site_does_not(app, redis):
    failed_bell(redis)
    client = app(operator=True, dashboard_writes=True, cors_origins=("https://app.example.org",))
    for origin in ("https://evil.example", "https://app.example.org", "null"):
        problem(client.post("/dashboard/job/bell/requeue", headers={"Origin": origin}), 403, "FORBIDDEN")
    # A link or a picture on any page makes a browser send this.
    problem(client.get("/dashboard/requeue/normal"), 405, "METHOD_NOT_ALLOWED")
    assert redis.llen(bell_list(redis)) == 0
    own = {"Origin": "http://localhost"}
    assert client.post("/dashboard/job/bell/requeue", headers=own).get_json() == {"status": "OK"}
    assert redis.lrange(bell_list(redis), 0, -1) == [b"bell"]
    assert client.post("/dashboard/job/bell/delete", headers=own).get_json() == {"status": "OK"}
    assert not redis.exists("rq:job:bell")


def test_what_it_does_not_know_is_answered_in_the_one_shape(app):
    client = app(operator=True)
    problem(client.get("/dashboard/0/view/job/no-job"), 404, "JOB_NOT_FOUND")
    problem(client.get("/dashboard/documents/no-job"), 404, "JOB_NOT_FOUND")
    problem(client.get("/dashboard/nothing/here"), 404, "NOT_FOUND")
    problem(client.get("/dashboard/documents?before=x"), 422, "INVALID_OPTION")
    for path in (
        "1/",
        "0/data/jobs/q/queued/0/asc/1.json",
        "0/data/jobs/q/queued/x/asc/1.json",
        "0/data/jobs/q/odd/8/asc/1.json",
    ):
        problem(client.get(f"/dashboard/{path}"), 422, "INVALID_OPTION")


def test_making_an_app_connects_to_nothing_and_two_live_in_one_process(tmp_path):
    store = StoreSettings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    for _ in range(2):
        settings = Settings(store=store)
        client = create_app(settings).test_client()
        bearer = {"Authorization": f"Bearer {operator_token(settings)}"}
        problem(client.get("/dashboard/documents", headers=bearer), 503, "QUEUE_UNAVAILABLE")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def test_what_stands_in_redis_is_never_unpickled(app, redis):
    bell = failed_bell(redis)
    bomb = pickle.dumps(Bomb())
    redis.hset("rq:job:bell", mapping={"data": zlib.compress(bomb), "meta": bomb})
    redis.hset("rq:worker:w", mapping={"current_job": "bell", "birth": "2026-01-01T00:00:00.0Z", "queues": "normal"})
    redis.sadd("rq:workers", "rq:worker:w")
    client = app(operator=True, dashboard_writes=True)
    for path in ("0/view/job/bell", "0/data/job/bell.json", "0/data/workers.json", "0/data/jobs/normal/failed/8/asc/1.json"):
        assert client.get(f"/dashboard/{path}").status_code in (200, 500)
    assert client.post("/dashboard/job/bell/requeue").status_code in (200, 500)
    assert bell.serializer is JSONSerializer


def test_documents_stand_there_by_name_and_their_pages_with_the_why(service, jobs):
    listing = service.client.get("/dashboard/documents").text
    assert "letter to the tax office.pdf" in listing
    assert listing.count('class="state completed"') == 2
    assert f"/dashboard/documents/{jobs['scan']}" in listing
    page = service.client.get(f"/dashboard/documents/{jobs['scan']}").text
    assert len(re.findall(r'class="state done"', page)) == 2
    assert page.count("rapidocr accepted") == 2
    assert "no text layer" in page
    rq = service.client.get(f"/dashboard/0/data/job/{jobs['scan']}.json").json()
    assert (rq["description"], rq["origin"], rq["status"]) == ("letter to the tax office.pdf", "express", "finished")
    assert "data-refresh" not in page  # what has ended does not change


def written(redis, job_id, seconds=0):
    """A record of a job that nobody works at."""
    facts = {"filename": f"{job_id}.pdf", "media_type": "application/pdf", "kind": "pdf", "sha256": "0", "size": 1}
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    record.create(redis, JobCard(job_id=job_id, options=Options(), created_at=created, **facts), None)


def test_who_reads_which_page_right_now_is_shown(app, redis, valkey):
    ledger = Ledger(redis, valkey)
    written(redis, "busy")
    ledger.heartbeat("host.1.planner", [])
    plan = ledger.claim_stage("busy", "plan", "host.1.planner", alone=True)
    ledger.create_entries("busy", 3, [1, 2, 3])
    ledger.make_ready("busy", [1, 2, 3])
    ledger.close_plan(plan)
    for actor in ("host.2.reader", "host.3.reader"):
        ledger.claim(actor, empty_handed=True)
    client = app(operator=True)
    assert '<td class="number">2</td>' in client.get("/dashboard/documents").text
    page = client.get("/dashboard/documents/busy").text
    assert page.count('class="state reading"') == 2
    assert page.count('class="state ready"') == 1
    assert "host.2.reader" in page
    assert "host.3.reader" in page
    assert 'data-refresh="5"' in page


def test_more_documents_than_a_page_holds_are_reached_by_the_link(app, redis):
    for number in range(60):
        written(redis, f"file-{number}", number)
    client = app(operator=True)
    first = client.get("/dashboard/documents").text
    assert "file-59.pdf" in first
    assert "file-9.pdf" not in first
    second = client.get(re.search(r'href="([^"]+before=[^"]+)"', first)[1]).text
    assert re.findall(r"file-(\d+)\.pdf", second) == [str(number) for number in range(9, -1, -1)]


def test_in_a_browser_every_page_works_within_its_policy_and_a_hostile_name_is_only_text(service, jobs):
    base = f"http://127.0.0.1:{service.port}"
    pages = {
        "/dashboard/documents": ".state.completed",
        f"/dashboard/documents/{jobs['hostile']}": ".state.done",
        "/dashboard/": "tr[data-role=queue]",
        "/dashboard/0/view/jobs/express/finished/20/asc/1": "tr[data-role=job]",
        f"/dashboard/0/view/job/{jobs['hostile']}": ".description-scroll",
        "/dashboard/0/view/workers": "tr[data-role=worker]",
    }
    with watched_page(base) as watched:
        watched.page.goto(service.operator_link())
        for path, shown in pages.items():
            watched.page.goto(base + path)
            watched.page.wait_for_selector(shown, timeout=20_000)
            assert watched.page.locator("img").count() == 0
            if jobs["hostile"] in path:
                assert 'onerror="alert(1)"' in watched.page.inner_text("body")
        watched.page.click("text=Documents")
        watched.page.click("text=letter to the tax office.pdf")
        watched.page.wait_for_selector("text=rapidocr accepted")
        assert watched.complaints == []
        assert asked_elsewhere(watched) == []


def test_its_pages_change_by_themselves_while_somebody_looks_and_wants_that(service, jobs, tmp_path):
    base = f"http://127.0.0.1:{service.port}"
    with watched_page(base) as watched:
        watched.page.goto(service.operator_link())
        watched.page.goto(f"{base}/dashboard/documents")
        page = watched.page
        page.get_by_label("Autorefresh").uncheck()
        service.submit(pdf_of_text(tmp_path / "newcomer.pdf", ["New here."]))
        with pytest.raises(TimeoutError):
            page.wait_for_selector("text=newcomer.pdf", timeout=6_000)
        page.get_by_label("Autorefresh").check()
        page.wait_for_selector("text=newcomer.pdf", timeout=20_000)
        assert watched.complaints == []


def test_a_browser_is_asked_for_the_password_then_let_in_and_may_act_where_that_is_allowed(tmp_path, paper):
    options = {"ADMIN_TOKEN": TOKEN, "API_HOST": "0.0.0.0", "AUTH_MODE": "off", "DASHBOARD_WRITES": "true"}
    with Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1, **options) as service:
        base = f"http://127.0.0.1:{service.port}"
        assert httpx2.get(f"{base}/dashboard/").status_code == 401
        job_id = service.submit(paper)
        with watched_page(base, http_credentials={"username": "operator", "password": TOKEN}) as watched:
            watched.page.goto(f"{base}/dashboard/documents")
            assert "paper.pdf" in watched.page.inner_text("body")
            watched.page.click("text=Jobs")
            watched.page.click(f"tr[data-job-id='{job_id}'] [data-role=delete-job-btn]")
            # It takes keys once it has faded in, and the focus with them.
            becomes_true(watched.page, "document.activeElement.id === 'confirmation-modal'")
            watched.page.keyboard.press("Escape")
            watched.page.wait_for_selector("#confirmation-modal", state="hidden")
            watched.page.click(f"tr[data-job-id='{job_id}'] [data-role=delete-job-btn]")
            watched.page.click("#confirmation-modal-yes")
            watched.page.wait_for_selector("text=No jobs.")
        with redis_library.Redis.from_url(redis_url_of(service)) as store:
            assert not store.exists(f"rq:job:{job_id}")
