"""Webhooks, to a real receiver: who is told what, how often, and never what is nobody's business."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import ValidationError
from redis import Redis
from standardwebhooks import Webhook as Verifier

from document_parser.jobs.records import record
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.webhooks.http_post import Answer, retry_after_seconds
from document_parser.models import JobState, Webhook
from document_parser.settings import StoreSettings, WebhookSettings
from document_parser.storage import make_storage
from document_parser.workers.deliver import MAX_DELIVERIES_PER_HOST, Deliverer, state_after_try
from tests.support import documents
from tests.support.addresses import REFUSED
from tests.support.ledger_jobs import card_with_webhook
from tests.support.processes import kill_horses
from tests.support.receiver import RETRIES, receiving, secret_of, settings, told
from tests.support.service import Service, redis_url_of, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("webhooks"), **settings()) as service:
        yield service


def test_a_webhook_tells_that_a_job_is_completed_and_its_signature_verifies(service, paper):
    with receiving() as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        webhook = told(service, job_id)
    (call,) = receiver.calls
    content = Verifier(secret_of(service)).verify(call.body, call.headers)
    status = service.status(job_id)
    shown = {name: value for name, value in status.items() if not name.endswith("webhook")}
    assert content == {
        "type": "job.completed",
        "timestamp": status["completed_at"],
        "data": {**shown, "result_url": f"/v1/jobs/{job_id}/result"},
    }
    assert service.client.get(content["data"]["result_url"]).status_code == 200
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"].startswith("document-parser/")
    assert (webhook["attempts"], webhook["last_status"], webhook["next_attempt_at"]) == (1, 200, None)


def test_a_job_without_webhook_shows_none(service, paper):
    job_id = service.submit(paper)
    assert service.ended(job_id)["webhook"] is None


def test_a_failed_job_is_announced_with_its_error(service, tmp_path):
    with receiving() as receiver:
        job_id = service.submit(documents.encrypted_pdf(tmp_path / "locked.pdf", "key"), webhook_url=receiver.url)
        told(service, job_id)
    (call,) = receiver.calls
    assert (call.content["type"], call.content["data"]["error"]["code"]) == ("job.failed", "ENCRYPTED_DOCUMENT")


def test_a_cancelled_job_is_announced(service, tmp_path):
    scan = documents.scanned_pdf(tmp_path / "scan.pdf", [documents.PARAGRAPH] * 30)
    with receiving() as receiver:
        job_id = service.submit(scan, webhook_url=receiver.url)
        assert service.client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
        told(service, job_id)
    assert [call.content["type"] for call in receiver.calls] == ["job.cancelled"]


def test_jobs_get_one_delivery_each_when_nothing_goes_wrong(service, paper):
    with receiving() as receiver:
        jobs = [service.submit(paper, webhook_url=receiver.url) for _ in range(12)]
        for job_id in jobs:
            told(service, job_id)
    assert sorted(call.content["data"]["job_id"] for call in receiver.calls) == sorted(jobs)
    assert len({call.id for call in receiver.calls}) == len(jobs)


def test_an_answer_other_than_2xx_is_tried_again_with_the_same_id_and_body_and_a_new_signature(service, paper):
    with receiving(500, (302, {"Location": "/elsewhere"})) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        webhook = told(service, job_id)
    assert [attempt["status"] for attempt in webhook["tries"]] == [500, 302, 200]
    assert (webhook["attempts"], len(receiver.calls)) == (3, 3)
    assert len({call.id for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    for call in receiver.calls:
        Verifier(secret_of(service)).verify(call.body, call.headers)


def test_it_gives_up_after_the_last_retry(service, paper):
    with receiving(*[500] * 20) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        webhook = told(service, job_id, "failed")
    assert len(receiver.calls) == 1 + RETRIES
    assert (webhook["attempts"], webhook["last_status"], webhook["next_attempt_at"]) == (1 + RETRIES, 500, None)


def test_gone_stops_at_once(service, paper):
    with receiving(410) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        webhook = told(service, job_id, "failed")
    assert (len(receiver.calls), webhook["attempts"], webhook["last_status"]) == (1, 1, 410)


def test_a_server_that_is_not_there_is_tried_again(service, paper):
    with receiving() as receiver:
        pass
    job_id = service.submit(paper, webhook_url=receiver.url)
    webhook = told(service, job_id, "failed")
    assert (webhook["attempts"], webhook["last_status"], webhook["last_error"]) == (1 + RETRIES, None, "connect_failed")


def test_a_server_that_does_not_answer_in_time_is_tried_again(service, paper):
    answered = threading.Event()
    with receiving(answered) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        webhook = told(service, job_id)
        answered.set()
    assert [attempt["error"] for attempt in webhook["tries"]] == ["timeout", None]


def test_a_host_that_answers_slowly_is_asked_a_few_times_at_once_and_holds_up_no_other(valkey, redis, tmp_path):
    names = WebhookSettings(allow_hosts=("127.0.0.1", "localhost"))
    here = valkey.model_copy(update={"webhooks": names, "store": valkey.store.model_copy(update={"data_dir": tmp_path})})
    answered = threading.Event()
    with receiving(*[answered] * 8) as slow, receiving() as quick:
        for url in [slow.url] * 8 + [quick.url.replace("127.0.0.1", "localhost")]:
            cancelled(redis, here, card_with_webhook(url))
        deliverer = Deliverer(here, redis, make_storage(here))
        thread = threading.Thread(target=asyncio.run, args=(deliverer.run(),))
        thread.start()
        wait_until(lambda: quick.calls and len(slow.calls) >= MAX_DELIVERIES_PER_HOST, 10, "both hosts are asked")
        answered.set()
        thread.join(30)
        assert (len(slow.calls), len(quick.calls)) == (MAX_DELIVERIES_PER_HOST, 1)
    assert redis.zcard("webhooks:due") == 8 - MAX_DELIVERIES_PER_HOST


def cancelled(redis, settings, card: JobCard) -> None:
    record.create(redis, card, None)
    assert Ledger(redis, settings).end(card.job_id, JobState.CANCELLED) == "ok"


def test_a_server_that_does_not_speak_tls_is_told_from_one_that_is_not_there(service, paper):
    with receiving() as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url.replace("http:", "https:"))
        assert told(service, job_id, "failed")["last_error"] == "tls_failed"
    assert receiver.calls == []


def test_pages_are_read_while_a_webhook_waits_for_its_answer(tmp_path, paper):
    answered = threading.Event()
    patient = settings(WEBHOOK_TIMEOUT_SECONDS=100, DRAIN_SECONDS=20)
    with receiving(answered) as receiver, Service(tmp_path, **patient) as service:
        waiting = service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: receiver.calls, 30, "the server is asked")
        assert service.ended(service.submit(paper))["status"] == "completed"
        assert service.status(waiting)["webhook"]["attempts"] == 0
        answered.set()
        assert told(service, waiting)["attempts"] == 1


def test_a_deleted_job_is_announced_no_more(service, paper):
    with receiving((500, {"Retry-After": "3000"})) as receiver, Redis.from_url(redis_url_of(service)) as store:
        job_id = service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: service.status(job_id)["webhook"]["attempts"] == 1, 30, "one try")
        seconds, _ = store.time()
        assert store.zscore("webhooks:due", job_id) / 1000 - seconds > 2900
        assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
        assert store.zscore("webhooks:due", job_id) is None
        assert not store.keys(f"job:{job_id}*")


def test_deleting_a_job_in_mid_delivery_leaves_nothing_behind(service, paper):
    answered = threading.Event()
    with receiving(answered) as receiver, Redis.from_url(redis_url_of(service)) as store:
        job_id = service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: receiver.calls, 30, "the server is asked")
        assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
        answered.set()
        wait_until(lambda: not store.exists("webhooks:deliverer"), 30, "the deliverer ends")
        assert store.zscore("webhooks:due", job_id) is None
        assert not store.keys(f"job:{job_id}*")
    assert not (service.data_dir / "jobs" / job_id).exists()


def test_a_worker_killed_in_mid_delivery_delivers_again_under_the_same_id(service, paper):
    answered = threading.Event()
    with receiving(answered) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: receiver.calls, 30, "the server is asked")
        kill_horses(service)
        webhook = told(service, job_id)
        answered.set()
    first, second = receiver.calls
    assert (first.id, first.body) == (second.id, second.body)
    assert webhook["attempts"] == 1


def test_neither_secrets_nor_addresses_are_logged_or_shown(service, paper):
    with receiving(500) as receiver:
        job_id = service.submit(paper, webhook_url=receiver.url)
        told(service, job_id)
        shown = json.dumps(service.status(job_id))
    for kept in ("path-secret", "query-secret", "/hooks/", f":{receiver.port}", secret_of(service), "answer-body"):
        assert kept not in service.log, kept
        assert kept not in shown, kept
    assert '"webhook_tried"' in service.log


def test_addresses_that_are_not_public_are_refused_and_nothing_is_kept(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        for url in (url for url in REFUSED if len(url) < 200):
            answer = service.client.post(
                "/v1/process/async", files={"file": ("a.pdf", paper.read_bytes())}, data={"webhook_url": url}
            )
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], set(error["details"])) == (422, "WEBHOOK_REFUSED", {"reason"}), url
            assert not {"127.0.0.1", "10.0.0.1"} & set(json.dumps(error).split('"')), url
        assert service.client.get("/v1/jobs").json()["jobs"] == []
        assert not list((service.data_dir / "jobs").glob("*"))
        assert not list((service.data_dir / "staging").glob("*"))


def test_the_schedule_survives_a_restart(tmp_path, paper):
    slow = settings(WEBHOOK_RETRY_SECONDS="[3, 3, 3]")
    with receiving(500) as receiver:
        service = Service(tmp_path, **slow)
        with service:
            job_id = service.submit(paper, webhook_url=receiver.url)
            wait_until(lambda: service.status(job_id)["webhook"]["attempts"] == 1, 30, "one try")
            service.kill_everything()
            service.start().ready()
            webhook = told(service, job_id)
    assert [attempt["status"] for attempt in webhook["tries"]] == [500, 200]
    assert len({call.id for call in receiver.calls}) == 1


def test_after_the_loss_of_redis_what_was_delivered_is_not_announced_again_and_the_rest_is(tmp_path, paper):
    with receiving() as receiver, Service(tmp_path, **settings(WEBHOOK_RETRY_SECONDS="[3000]")) as service:
        delivered = service.submit(paper, webhook_url=receiver.url)
        told(service, delivered)
        card = service.data_dir / "jobs" / delivered / "job.json"
        wait_until(lambda: '"delivered"' in card.read_text(), 10, "the outcome is stored")
        receiver.answers = [500]
        pending = service.submit(paper, webhook_url=receiver.url)
        wait_until(lambda: service.status(pending)["webhook"]["attempts"] == 1, 30, "one try")
        service.kill_everything()
        shutil.rmtree(service.data_dir / "valkey")
        service.start().ready()
        wait_until(lambda: "webhook" in service.status(pending), 30, "the job is rebuilt")
        told(service, pending)
        assert service.status(delivered)["webhook"]["state"] == "delivered"
    assert len(receiver.about(delivered)) == 1
    assert len(receiver.about(pending)) == 2
    assert len({call.id for call in receiver.about(pending)}) == 1


def test_the_secret_is_the_operators_or_made_once_for_this_user_alone(tmp_path):
    made = Service(tmp_path)
    tmp_path.mkdir(exist_ok=True)
    assert secret_of(made, "--create") == secret_of(made)
    assert secret_of(made).startswith("whsec_")
    assert (made.data_dir / "webhook.secret").stat().st_mode & 0o777 == 0o600
    given = "whsec_" + "QUJDRA" * 8
    assert secret_of(Service(tmp_path, WEBHOOK_SECRET=given)) == given


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "*" * 40, "whsec_" + "A" * 33])
def test_a_secret_of_another_form_is_refused_without_being_repeated(secret):
    with pytest.raises(ValidationError) as refused:
        WebhookSettings(secret=secret)
    assert f"'{secret}'" not in str(refused.value)


def ended_job(attempts: int = 0, lives_seconds: float = 86_400) -> Job:
    now = datetime.now(UTC)
    card = card_with_webhook("http://hooks.test/")
    expires = now + timedelta(seconds=lives_seconds)
    return Job(card=card, state=JobState.COMPLETED, webhook=Webhook(attempts=attempts), completed_at=now, expires_at=expires)


def tried(job: Job, answer: Answer, pauses):
    return state_after_try(job.webhook, job.expires_at, answer, pauses, datetime.now(UTC))


def test_the_default_schedule_covers_a_day_and_leaves_an_hour_before_the_job_expires():
    pauses = WebhookSettings(_env_file=None).retry_seconds
    lives, waited, attempts = StoreSettings(_env_file=None).job_ttl_hours * 3600, 0.0, 0
    while (outcome := tried(ended_job(attempts, lives - waited), Answer(500), pauses))[0].state == "pending":
        assert outcome[1] <= pauses[attempts] * 1.1
        waited, attempts = waited + outcome[1], attempts + 1
    assert (outcome[0].state, attempts) == ("failed", len(pauses))
    assert waited == pytest.approx(23 * 3600, abs=5)


def test_a_job_that_lives_longer_is_tried_for_the_whole_schedule():
    pauses, waited, attempts = (5.0, 300.0, 90_000.0), 0.0, 0
    while (outcome := tried(ended_job(attempts, 200_000 - waited), Answer(500), pauses))[0].state == "pending":
        waited, attempts = waited + outcome[1], attempts + 1
    assert sum(pauses) <= waited <= sum(pauses) * 1.1


@pytest.mark.parametrize(("asked", "least", "most"), [(0, 5, 5.5), (2, 5, 5.5), (60, 60, 60), (1e9, 3600, 3600)])
def test_retry_after_lengthens_a_pause_within_bounds(asked, least, most):
    _, delay = tried(ended_job(), Answer(429, retry_after=asked), [5])
    assert least <= delay <= most


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [("", 0, 0), ("120", 120, 120), ("soon", 0, 0), ("-5", 0, 0), ("²", 0, 0), ("Mon, 21 Oct 2019 07:28:00 GMT", 0, 0)],
)
def test_retry_after_is_read_as_seconds_and_nonsense_as_none(header, least, most):
    assert least <= retry_after_seconds({"retry-after": header, "date": "Tue, 22 Oct 2019 07:28:00 GMT"}) <= most


def test_a_date_to_come_back_at_counts_from_the_answers_own_date_whatever_our_clock_says():
    theirs = datetime.now(UTC) + timedelta(hours=3)
    asked = {"date": format_datetime(theirs), "retry-after": format_datetime(theirs + timedelta(seconds=60))}
    assert retry_after_seconds(asked) == 60
    assert retry_after_seconds({"retry-after": asked["retry-after"]}) == 0


def test_no_try_is_planned_for_a_time_when_the_job_is_gone():
    assert tried(ended_job(lives_seconds=10), Answer(500), [60])[0].state == "failed"


def test_only_the_last_tries_are_kept():
    job, pauses = ended_job(), [1.0] * 50
    for _ in range(30):
        webhook, _ = tried(job, Answer(500), pauses)
        job = job.model_copy(update={"webhook": webhook})
    assert (webhook.attempts, len(webhook.tries)) == (30, 10)
