"""Whoever can write to Redis can make our workers do nothing but our own tasks."""

from __future__ import annotations

import pickle
import sys
import zlib

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from document_parser.jobs.queue import QUEUES, TASKS, is_own_task
from document_parser.workers import tasks
from document_parser.workers.pool import make_worker
from tests.support.service import Service, redis_url_of, wait_until

PLAN = "document_parser.workers.tasks.plan"


class Folder:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return (os.mkdir, (str(self.path),))


def test_the_names_are_those_of_our_tasks():
    names = ("plan", "read", "deliver", "assemble", "export", "extract", "classify", "retry")
    assert {f"document_parser.workers.tasks.{name}" for name in names} == TASKS
    assert all(callable(getattr(tasks, name.rpartition(".")[2])) for name in TASKS)


def test_what_others_wrote_is_counted_and_dropped_and_documents_are_read(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=1) as service, Redis.from_url(redis_url_of(service)) as redis:
        made = [tmp_path / f"made-{number}" for number in range(4)]
        queue = Queue("express", connection=redis, serializer=JSONSerializer)
        queue.enqueue_call("os.mkdir", args=[str(made[0])])
        queue.enqueue_call(PLAN, args=[str(made[1])], on_success=Callback("os.mkdir"), on_failure=Callback("os.mkdir"))
        queue.enqueue_call("document_parser.jobs.tasks.os.mkdir", args=[str(made[2])])
        bell = queue.enqueue_call("os.mkdir", args=["x"])
        redis.hset(bell.key, "data", zlib.compress(pickle.dumps(Folder(made[3]))))
        job_id = service.submit(paper)
        assert service.ended(job_id)["status"] == "completed"
        wait_until(lambda: "docparse_foreign_tasks_total 4.0" in service.client.get("/v1/metrics").text, 20, "they are counted")
        assert [path for path in made if path.exists()] == []
        assert "foreign_task_dropped" in service.log
        assert redis.llen(queue.key) == 0


def test_a_plan_under_the_task_name_of_another_release_is_enqueued_again_and_the_document_is_read(tmp_path, paper):
    """As while machines are updated one after the other: web processes of one release, workers of another."""
    with Service(tmp_path, NUM_WORKERS=0) as service, Redis.from_url(redis_url_of(service)) as redis:
        job_id = service.submit(paper)
        plan = Job.fetch(job_id, connection=redis, serializer=JSONSerializer)
        plan.func_name = "document_parser.jobs.tasks.plan"
        plan.save()
        service.also([sys.executable, "-m", "document_parser.worker", "--workers", "1"])
        assert service.ended(job_id)["status"] == "completed"
        assert "foreign_task_dropped" in service.log
        assert "quick brown fox" in service.result(job_id)["markdown"]


@pytest.mark.parametrize("name", ["", "os.system", "document_parser.workers.tasks", PLAN.upper(), f"{PLAN} ", "plan"])
def test_only_the_whole_name_is_ours(redis, name):
    assert is_own_task(Job.create(PLAN, connection=redis, serializer=JSONSerializer, args=["x"]))
    assert not is_own_task(Job.create(name or "x", connection=redis, serializer=JSONSerializer))


def test_a_task_that_reports_to_an_address_is_none_of_ours(redis):
    told = Job.create(PLAN, connection=redis, serializer=JSONSerializer)
    told.webhooks = ["http://127.0.0.1:9/"]
    assert not is_own_task(told)


heard = []


def hear(*arguments):
    """What somebody else would have run."""
    heard.append(arguments)


@pytest.fixture
def abandoned(redis):
    """A task of somebody else in each registry of tasks that were started and never ended, as RQ would tidy them."""
    jobs = []
    for name in QUEUES:
        queue = Queue(name, connection=redis, serializer=JSONSerializer)
        job = Job.create("os.mkdir", connection=redis, serializer=JSONSerializer, origin=name, on_failure=Callback(hear))
        job.webhooks = [Webhook("http://127.0.0.1:9/", JobStatus.FAILED)]
        job.set_status(JobStatus.STARTED)
        job.save()
        redis.zadd(queue.started_job_registry.key, {f"{job.id}:execution": 1})
        jobs.append(job)
    return jobs


def test_tidying_up_after_tasks_that_were_abandoned_runs_nothing_of_them(redis, valkey, abandoned, caplog):
    heard.clear()
    worker = make_worker(valkey, redis, prefers_pages=True, is_alone=False)
    worker.clean_registries()
    assert {job.get_status() for job in abandoned} == {JobStatus.FAILED}, "they were tidied"
    assert heard == []
    assert "webhook" not in caplog.text
