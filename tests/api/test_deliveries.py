"""The operator's side of webhooks: the log, delivering again, trying a receiver, changing the secret."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from standardwebhooks import Webhook as Verifier

from document_parser.errors import JobNotComplete
from document_parser.host.files import load_or_create_secret
from document_parser.jobs.records import deliveries, record
from document_parser.jobs.records.job import Job
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.webhooks.outbox import Outbox
from document_parser.jobs.webhooks.replay import replay, replay_failed
from document_parser.models import JobState, Webhook, WebhookTry
from document_parser.settings import WebhookSettings
from tests.support.addresses import REFUSED
from tests.support.ledger_jobs import card_with_webhook
from tests.support.receiver import receiving, secret_of, settings, told
from tests.support.service import Service, redis_url_of, wait_until

TOKEN = "operators-own-token"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
HOOK = "http://hooks.test/path-secret"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("deliveries"), ADMIN_TOKEN=TOKEN, **settings()) as service:
        yield service


def listed(service, **query):
    answer = service.client.get("/v1/webhooks/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(redis, settings, webhook: Webhook | None = None) -> str:
    """A job that has ended, its webhook due; or settled so."""
    card, ledger = card_with_webhook(HOOK), Ledger(redis, settings)
    record.create(redis, card, None)
    assert ledger.end(card.job_id, JobState.CANCELLED) == "ok"
    if webhook is not None:
        assert Outbox(redis).complete_delivery(card.job_id, webhook, 3000)
    return card.job_id


def given_up(attempts: int = 7) -> Webhook:
    tries = [WebhookTry(at=datetime.now(UTC), status=500)]
    return Webhook(state="failed", attempts=attempts, last_status=500, tries=tries)


def webhook_of(redis, job_id: str) -> Webhook:
    found = record.load(redis, job_id).webhook
    assert found is not None
    return found


# --- the log


def test_the_log_shows_how_each_delivery_stands_newest_first_and_of_the_address_the_host(service, paper):
    with receiving(410) as receiver:
        failed = service.submit(paper, webhook_url=receiver.url)
        told(service, failed, "failed")
        delivered = service.submit(paper, webhook_url=receiver.url)
        told(service, delivered)
    service.ended(service.submit(paper))
    newest, older = listed(service, limit=2)["deliveries"]
    assert [newest["job_id"], older["job_id"]] == [delivered, failed]
    assert (older["state"], older["last_status"], older["event"], older["host"]) == (
        "failed",
        410,
        "job.completed",
        "127.0.0.1",
    )
    assert older["tries"][0]["status"] == 410
    assert older["expires_at"] == service.status(failed)["expires_at"]
    assert "path-secret" not in json.dumps(older)


def test_the_log_is_read_page_by_page_and_by_state(service, paper):
    with receiving(410) as receiver:
        for _ in range(3):
            told(service, service.submit(paper, webhook_url=receiver.url), "delivered" if not receiver.answers else "failed")
    found, cursor = [], ""
    while True:
        page = listed(service, limit=2, cursor=cursor)
        assert len(page["deliveries"]) <= 2
        found += page["deliveries"]
        if not (cursor := page["next_cursor"]):
            break
    everything = listed(service, limit=500)["deliveries"]
    assert found == everything
    for state in ("delivered", "failed", "pending"):
        there = {one["job_id"] for one in everything if one["state"] == state}
        assert {one["job_id"] for one in listed(service, state=state, limit=500)["deliveries"]} == there
    assert service.client.get("/v1/webhooks/deliveries", params={"cursor": "nan"}).json()["error"]["code"] == "INVALID_OPTION"


def test_jobs_that_end_in_the_same_moment_are_all_listed(redis, valkey):
    jobs = {ended(redis, valkey) for _ in range(50)}
    found, before = [], None
    while page := deliveries.newest(redis, failed=False, before=before, limit=3):
        found += [job_id for job_id, _ in page]
        before = page[-1][1]
    assert (len(found), set(found)) == (50, jobs)


def test_a_deleted_job_leaves_the_log(redis, valkey):
    job_id = ended(redis, valkey, given_up())
    assert deliveries.failed_count(redis) == 1
    record.delete(redis, record.load(redis, job_id))
    assert not redis.keys("webhooks:*")


def test_a_job_rebuilt_from_storage_is_in_the_log_again(redis, valkey):
    now = datetime.now(UTC)
    times = {"completed_at": now, "expires_at": now + timedelta(hours=1)}
    for state in ("pending", "delivered", "failed"):
        job = Job(card=card_with_webhook(HOOK), state=JobState.COMPLETED, webhook=Webhook(state=state), **times)
        record.restore(redis, job, 3_600_000, 1000)
    assert (redis.zcard("webhooks:log"), redis.zcard("webhooks:failed"), redis.zcard("webhooks:due")) == (3, 1, 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/webhooks/deliveries"),
        ("POST", "/v1/webhooks/deliveries/replay"),
        ("POST", f"/v1/jobs/{uuid.UUID(int=1)}/webhook/replay"),
        ("POST", "/v1/webhooks/ping"),
    ],
)
def test_the_operator_may_it_and_pages_of_other_sites_not(service, method, path):
    body = {"json": {"url": "https://example.org/"}} if path.endswith("ping") else {}
    assert service.client.request(method, path, headers=OPERATOR, **body).status_code != 403
    if method == "POST":
        foreign = service.client.post(path, headers={"Origin": "https://evil.example"}, **body)
        assert foreign.json()["error"]["code"] == "FORBIDDEN"


# --- delivering again


def test_what_was_given_up_is_delivered_again_under_the_same_id_on_a_new_schedule(service, paper):
    with receiving(410, 500) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        told(service, job_id, "failed")
        answer = service.client.post(f"/v1/jobs/{job_id}/webhook/replay")
        assert (answer.status_code, answer.json()["state"], answer.json()["replays"]) == (202, "pending", 1)
        webhook = told(service, job_id)
    assert [attempt["status"] for attempt in webhook["tries"]] == [410, 500, 200]
    assert (webhook["attempts"], webhook["replays"]) == (2, 1)
    assert len({(call.id, call.body) for call in receiver.calls}) == 1
    assert job_id not in {one["job_id"] for one in listed(service, state="failed")["deliveries"]}


def test_what_was_delivered_can_be_delivered_again(service, paper):
    with receiving() as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        told(service, job_id)
        service.client.post(f"/v1/jobs/{job_id}/webhook/replay")
        wait_until(lambda: len(receiver.calls) == 2, 30, "it comes a second time")
        told(service, job_id)
    first, second = receiver.calls
    assert (first.id, first.body) == (second.id, second.body)


def test_all_dead_letters_are_replayed_at_once(service, paper):
    with receiving(410, 410, 410) as receiver:
        jobs = [service.submit(paper, webhook_url=receiver.url) for _ in range(3)]
        for job_id in jobs:
            told(service, job_id, "failed")
        assert service.client.get("/v1/metrics").text.count("docparse_webhooks_given_up 0") == 0
        answer = service.client.post("/v1/webhooks/deliveries/replay")
        assert (answer.status_code, answer.json()["left"]) == (202, 0)
        assert answer.json()["replayed"] >= 3
        for job_id in jobs:
            assert told(service, job_id)["replays"] == 1
    assert {call.id for call in receiver.calls[3:]} == {f"msg_{job_id}" for job_id in jobs}


def test_a_replay_does_not_wait_for_the_pause_and_leaves_the_schedule_where_it_is(redis, valkey):
    waits = Webhook(attempts=2, next_attempt_at=datetime.now(UTC) + timedelta(seconds=3000))
    job_id = ended(redis, valkey, waits)
    replay(redis, job_id)
    assert webhook_of(redis, job_id) == waits.model_copy(update={"next_attempt_at": None})
    assert redis.zscore("webhooks:due", job_id) / 1000 <= datetime.now(UTC).timestamp() + 1


def test_a_try_under_way_is_not_doubled_by_a_replay(redis, valkey):
    job_id, outbox = ended(redis, valkey), Outbox(redis)
    assert outbox.claim(1, 20) == [job_id]
    replay(redis, job_id)
    assert outbox.claim(1, 20) == []


def test_a_replay_of_what_has_moved_on_changes_nothing(redis, valkey):
    job_id, outbox = ended(redis, valkey, given_up(attempts=3)), Outbox(redis)
    assert not outbox.replay(job_id, given_up(attempts=2), Webhook())
    assert not outbox.replay(job_id, Webhook(attempts=3), Webhook())
    assert webhook_of(redis, job_id).state == "failed"


def test_dead_letters_of_jobs_that_are_gone_are_dropped_and_the_rest_is_counted(redis, valkey):
    gone, there = ended(redis, valkey, given_up()), ended(redis, valkey, given_up())
    redis.delete(f"job:{gone}")
    assert replay_failed(redis) == 1
    assert deliveries.failed_count(redis) == 0
    assert redis.zscore("webhooks:due", there) is not None


def test_a_job_without_webhook_or_without_end_cannot_be_replayed(service, paper, redis, valkey):
    job_id = service.submit(paper)
    service.ended(job_id)
    refused = service.client.post(f"/v1/jobs/{job_id}/webhook/replay")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "NO_WEBHOOK")
    missing = service.client.post(f"/v1/jobs/{uuid.UUID(int=7)}/webhook/replay")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "JOB_NOT_FOUND")
    card = card_with_webhook(HOOK)
    record.create(redis, card, None)
    with pytest.raises(JobNotComplete):
        replay(redis, card.job_id)


# --- trying a receiver


def test_a_ping_is_signed_like_a_delivery_and_tells_what_came_of_it(service):
    with receiving(200, 503) as receiver:
        told_well = service.client.post("/v1/webhooks/ping", json={"url": receiver.url})
        told_ill = service.client.post("/v1/webhooks/ping", json={"url": receiver.url})
    first, second = receiver.calls
    assert Verifier(secret_of(service)).verify(first.body, first.headers)["type"] == "webhook.ping"
    answer = told_well.json()
    assert (told_well.status_code, answer["delivered"], answer["status"], answer["error"]) == (200, True, 200, None)
    assert answer["webhook_id"] == first.id != second.id
    assert (told_ill.json()["delivered"], told_ill.json()["status"]) == (False, 503)


def test_a_ping_says_why_no_answer_came(service):
    with receiving() as receiver:
        pass
    answer = service.client.post("/v1/webhooks/ping", json={"url": receiver.url}).json()
    assert (answer["delivered"], answer["status"], answer["error"]) == (False, None, "connect_failed")


def test_a_ping_goes_only_where_a_webhook_may_go(service):
    here = [url for url in REFUSED if len(url) < 200 and "//127.0.0.1" not in url]
    assert len(here) > 10
    for url in here:
        answer = service.client.post("/v1/webhooks/ping", json={"url": url})
        code = answer.json()["error"]["code"]
        assert (answer.status_code, code) == (422, "WEBHOOK_REFUSED" if url else "INVALID_OPTION"), url


def test_pings_hold_no_more_threads_than_may_wait(tmp_path):

    answered = threading.Event()
    one = settings(NUM_WORKERS=0, WEB_WORKERS=1, WEB_THREADS=4, WEBHOOK_TIMEOUT_SECONDS=60)
    with receiving(answered, answered) as receiver, Service(tmp_path, **one) as service:
        threads = [
            threading.Thread(target=service.client.post, args=("/v1/webhooks/ping",), kwargs={"json": {"url": receiver.url}})
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(receiver.calls) == 2, 30, "two pings wait")
        busy = service.client.post("/v1/webhooks/ping", json={"url": receiver.url})
        assert (busy.status_code, busy.json()["error"]["code"]) == (503, "SERVER_BUSY")
        assert "Retry-After" in busy.headers
        answered.set()
        for thread in threads:
            thread.join(30)


# --- changing the secret


def test_after_a_rotation_both_secrets_verify_without_a_restart_and_after_it_the_new_one_alone(service, paper):
    old = secret_of(service)
    new = secret_of(service, "--rotate")
    assert new != old
    assert secret_of(service, "--all").split() == [new, old]
    with receiving() as receiver:
        told(service, service.submit(paper, webhook_url=receiver.url))
        assert secret_of(service, "--retire") == new
        told(service, service.submit(paper, webhook_url=receiver.url))
    during, after = receiver.calls
    assert len(during.headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Verifier(secret).verify(during.body, during.headers)
    assert len(after.headers["webhook-signature"].split()) == 1
    Verifier(new).verify(after.body, after.headers)
    assert (service.data_dir / "webhook.secret").stat().st_mode & 0o777 == 0o600


def test_threads_that_make_a_secret_at_once_all_read_the_same_and_leave_nothing_beside_it(tmp_path):
    together = threading.Barrier(8)

    def new():
        together.wait(30)
        return uuid.uuid4().hex.encode()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create_secret(tmp_path / "data" / "one.secret", new), range(8)))
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["one.secret"]
    assert (tmp_path / "data" / "one.secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("between", [" ", ",", ", ", "\n"])
def test_several_secrets_of_the_operator_all_sign(between):
    secrets = ("whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8 + "QQ==")
    assert WebhookSettings(secret=between.join(secrets)).secrets == secrets
    assert WebhookSettings(secret=secrets[1]).secrets == secrets[1:]


def test_secrets_of_the_environment_are_not_changed_but_the_line_to_write_is_told(tmp_path):
    old = "whsec_" + "QUJD" * 8
    service = Service(tmp_path, WEBHOOK_SECRET=old)
    command = [sys.executable, "-m", "document_parser", "webhook-secret", "--rotate"]
    done = subprocess.run(command, env=service.environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    new, kept = done.stderr.rpartition('WEBHOOK_SECRET="')[2].strip().rstrip('"').split()
    assert (kept, WebhookSettings(secret=new).secrets) == (old, (new,))
    assert not (tmp_path / "data").exists()


def test_the_store_keeps_nothing_of_deliveries_once_jobs_have_expired(tmp_path, paper):
    short = settings(JOB_TTL_HOURS=2 / 3600, TOMBSTONE_DAYS=2 / 86_400)
    with receiving(410) as receiver, Service(tmp_path, **short) as service, Redis.from_url(redis_url_of(service)) as store:
        for _ in range(2):
            service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: len(receiver.calls) == 2, 30, "both were tried")
        wait_until(lambda: not store.keys("webhooks:log") + store.keys("webhooks:failed"), 30, "the log is empty")
