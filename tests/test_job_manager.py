"""Old jobs go when they are told to: ``JobManager().cleanup_old_jobs(days=7)`` and ``docparse cleanup --days 7``."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest

from document_parser.errors import QueueUnavailable
from document_parser.job_manager import JobManager
from document_parser.jobs.records import record, storage_keys
from document_parser.jobs.records.job import Job, JobCard
from document_parser.jobs.redis import clock
from document_parser.models import JobState, Options
from document_parser.settings import Settings, StoreSettings
from document_parser.storage import make_storage
from tests.support.commands import docparse
from tests.support.service import ROOT, Service

DAY = 86_400_000


@pytest.fixture
def settings(valkey, redis, tmp_path):
    return Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url, job_ttl_hours=24 * 30))


@pytest.fixture
def ended(settings, redis):
    """Makes jobs that ended some days ago and stay for a month; their ids."""

    def make(days, **more):
        now = clock.now(redis)
        moment = now - timedelta(days=days)
        card = JobCard(
            job_id=str(uuid4()),
            filename="letter.pdf",
            media_type="application/pdf",
            kind="pdf",
            sha256="0" * 64,
            size=1,
            options=Options(),
            created_at=moment - timedelta(minutes=1),
        )
        job = Job(
            card=card, state=JobState.COMPLETED, completed_at=moment, expires_at=moment + timedelta(days=30), complete=True
        )
        record.store_card(make_storage(settings), card, ended=job)
        record.restore(redis, job, int((30 - days) * DAY), 7 * DAY)
        if more:
            redis.hset(f"job:{card.job_id}", mapping=more)
        return card.job_id

    return make


def left(settings):
    return set(make_storage(settings).folders(storage_keys.ALL_JOBS))


def test_jobs_that_ended_more_than_so_many_days_ago_go_with_their_files(settings, redis, ended):
    old, older, young = ended(7.1), ended(20), ended(6.9)
    assert JobManager(settings).cleanup_old_jobs(days=7) == 2
    assert left(settings) == {young}
    assert [job.card.job_id for job in record.load_many(redis, [old, older, young])] == [young]
    assert JobManager(settings).cleanup_old_jobs(days=7) == 0


def test_none_is_deleted_while_a_page_of_it_is_read_again(settings, ended):
    reread = ended(9, rereading=3)
    assert JobManager(settings).cleanup_old_jobs(days=7) == 0
    assert left(settings) == {reread}


def test_more_jobs_go_than_are_looked_at_in_one_step(settings, ended):
    for _ in range(150):
        ended(8)
    assert JobManager(settings).cleanup_old_jobs(days=7) == 150
    assert left(settings) == set()


def test_days_are_not_negative(settings):
    with pytest.raises(ValueError, match="must not be negative"):
        JobManager(settings).cleanup_old_jobs(days=-1)


def call(settings, *arguments):
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "REDIS_URL": settings.store.redis_url}
    return subprocess.run(docparse(*arguments), env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_says_how_many(settings, ended):
    ended(8)
    ended(3)
    assert call(settings, "cleanup").stdout == "deleted jobs: 1\n"
    assert call(settings, "cleanup", "--days", "0").stdout == "deleted jobs: 1\n"


@pytest.mark.parametrize("days", ["-1", "many", "nan"])
def test_the_command_refuses_days_that_are_none(settings, days):
    told = call(settings, "cleanup", f"--days={days}")
    assert told.returncode == 2
    assert f"'{days}' is not a number of days from 0 on" in told.stderr


def test_where_redis_does_not_answer_it_says_so_and_makes_nothing(tmp_path):
    settings = Settings(store=StoreSettings(data_dir=tmp_path / "data", redis_url=""))
    with pytest.raises(QueueUnavailable, match="Start the service, or set REDIS_URL"):
        JobManager(settings).cleanup_old_jobs()
    told = call(settings, "cleanup")
    assert told.returncode == 4
    assert told.stderr == "docparse cleanup: Redis does not answer. Start the service, or set REDIS_URL to its Redis.\n"
    assert not settings.data_dir.exists()


def test_a_job_of_a_running_service_is_asked_for_by_its_id_alone_and_cleaned_up(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=1) as service:
        job_id = service.submit(paper)
        status = service.client.get(f"/v1/jobs/{job_id}", params={"wait": 60}).json()
        assert status["status"] == "completed"
        assert status == service.client.get(f"/v1/jobs/{job_id}/status").json()
        listed = service.client.get("/v1/jobs?limit=50").json()["jobs"]
        assert [job["job_id"] for job in listed] == [job_id]
        command = [sys.executable, "-m", "document_parser", "cleanup", "--days", "0"]
        told = subprocess.run(command, env=service.environment, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert told.stdout == "deleted jobs: 1\n"
        assert service.client.get(f"/v1/jobs/{job_id}").status_code == 404
