"""An extraction whose worker is killed: another one makes it, and it is made once."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from reportlab.pdfgen.canvas import Canvas

from tests.support.processes import kill_horses
from tests.support.receiver import receiving, settings
from tests.support.service import Service, redis_url_of, wait_until

NAMES = [f"reading {number}" for number in range(400)]
PAGES = 40
TRIES = 5


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("killed"), **settings(NUM_WORKERS=2, WEB_WORKERS=1)) as running:
        yield running


@pytest.fixture(scope="module")
def redis(service):
    with Redis.from_url(redis_url_of(service)) as client:
        yield client


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    """A document of many pages with many labels, from which extracting takes a while."""
    path = tmp_path_factory.mktemp("documents") / "readings.pdf"
    canvas = Canvas(str(path), pagesize=(595, 842))
    for page in range(PAGES):
        for line in range(20):
            number = (page * 20 + line) % len(NAMES)
            canvas.drawString(60, 780 - 30 * line, f"Reading {number}:")
            canvas.drawString(200, 780 - 30 * line, str(7 * number))
        canvas.showPage()
    canvas.save()
    return path


def state_of_stage(redis, job_id, extraction_id):
    return json.loads(redis.hget(f"job:{job_id}:stages", f"extract-{extraction_id}") or b"{}").get("state")


def was_killed_in_the_middle(service, redis, job_id):
    """Kill the workers as soon as the extraction of a document has begun. Return whether it had not ended by then."""
    extraction_id = service.status(job_id)["extractions"][0]["id"]
    begun = ("claimed", "done")
    wait_until(lambda: state_of_stage(redis, job_id, extraction_id) in begun, 60, "it is extracted", pause=0.002)
    kill_horses(service)
    return state_of_stage(redis, job_id, extraction_id) == "claimed"


def test_a_worker_killed_while_it_extracts_costs_nothing_and_the_values_are_there_once(service, redis, readings):
    with receiving() as receiver:
        sent = (service.submit(readings, extract_fields=json.dumps(NAMES), webhook_url=receiver.url) for _ in range(TRIES))
        job_id = next(job_id for job_id in sent if was_killed_in_the_middle(service, redis, job_id))
        assert service.status(job_id)["stage"] == "extracting"
        wait_until(lambda: service.status(job_id, wait=5)["stage"] == "completed", 60, "the values are there")
        (listed,) = service.status(job_id)["extractions"]
        assert (listed["status"], listed["number"]) == ("completed", 1)
        assert service.result(job_id)["extraction"]["data"]["reading 3"] == "21"
        kinds = [fields[b"kind"] for _, fields in redis.xrange(f"job:{job_id}:events")]
        assert (kinds.count(b"job.extracted"), kinds.count(b"extraction.failed")) == (1, 0)
        wait_until(lambda: len(receiver.about(job_id)) >= 2, 40, "the webhooks are delivered")
    assert sorted(call.content["type"] for call in receiver.about(job_id)) == ["job.completed", "job.extracted"]
    assert "claim_of_the_dead" in service.log


def test_an_extraction_whose_task_was_lost_is_found_by_the_sweep(service, redis, readings):
    job_id = service.submit(readings)
    service.ended(job_id)
    order = {"fields": ["reading 5"]}
    answer = service.client.post(f"/v1/jobs/{job_id}/extract", json=order)
    extraction_id = service.status(job_id)["extractions"][0]["id"]
    assert answer.json()["data"] == {"reading 5": "35"}
    # As if the answer and its task had been lost: it is pending, and nobody was asked for it.
    for stored in service.data_dir.rglob(f"{job_id}/extractions/{extraction_id}.json"):
        stored.unlink()
    listed = json.loads(redis.hget(f"job:{job_id}", "extractions"))
    redis.hset(f"job:{job_id}", "extractions", json.dumps([one | {"status": "pending"} for one in listed]))
    redis.sadd("jobs:extracting", job_id)
    wait_until(lambda: service.status(job_id, wait=5)["stage"] == "completed", 60, "the sweep has it made again")
    assert service.status(job_id)["extractions"][0]["number"] == 2
