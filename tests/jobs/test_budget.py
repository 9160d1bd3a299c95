"""A document that takes much processor time makes way for others; no picture takes more memory than it may."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from document_parser.errors import OversizedImage
from document_parser.jobs.records.ledger import Ledger
from document_parser.jobs.redis import scripts
from document_parser.jobs.scheduling import budget
from document_parser.settings import QueueSettings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from tests.support import documents
from tests.support.service import Service


def ready_job(redis: Any, valkey: Any, job_id: str, pages: int = 3) -> Ledger:
    ledger = Ledger(redis, valkey)
    redis.hset(f"job:{job_id}", mapping={"state": "processing", "owner": "public", "lane": "express"})
    ledger.create_entries(job_id, pages, range(1, pages + 1), "express")
    ledger.make_ready(job_id, range(1, pages + 1))
    return ledger


def charge(redis: Any, job_id: str, seconds: float, most: float = 10) -> int:
    return int(scripts.run_script(redis, "charge", job_id, seconds, most, 3_600_000))


def test_within_the_budget_a_job_keeps_its_lane(redis, valkey):
    ready_job(redis, valkey, "a")
    assert [charge(redis, "a", 4), charge(redis, "a", 5)] == [0, 0]
    assert redis.hget("job:a", "lane") == b"express"
    assert budget.spent_seconds(redis, "public") == pytest.approx(9)
    assert 3500 < redis.ttl("spent:public") <= 3600


def test_beyond_the_budget_a_job_moves_with_its_ready_pages_and_others_are_read_first(redis, valkey):
    ledger = ready_job(redis, valkey, "heavy")
    redis.zadd("actors", {"reader": 2**53})
    assert charge(redis, "heavy", 11) == 1
    ready_job(redis, valkey, "light", 2)
    read = [ledger.claim("reader", empty_handed=True, lanes=("express", "normal", "batch")) for _ in range(5)]
    assert [claim.job_id for claim in read] == ["light", "light", "heavy", "heavy", "heavy"]
    assert charge(redis, "heavy", 1) == 0, "it is there already"


def test_without_a_bound_nothing_moves(redis, valkey):
    ready_job(redis, valkey, "a")
    assert charge(redis, "a", 1e6, most=0) == 0
    assert not budget.is_spent(redis, "public", QueueSettings(owner_processor_seconds=0))


def test_a_job_that_is_gone_is_charged_to_nobody(redis):
    assert charge(redis, "gone", 5) == 0
    assert not redis.keys("spent:*")


def test_an_upload_of_an_owner_beyond_the_budget_waits_in_the_lane_batch(tmp_path, paper):
    with Service(tmp_path, OWNER_PROCESSOR_SECONDS=0.001, NUM_WORKERS=1) as service:
        assert service.ended(service.submit(paper))["status"] == "completed"
        told = service.client.get("/v1/system").json()["processor_budget"]
        assert told["spent"] > told["most"] == 0.001
        second = service.submit(paper, priority="express")
        assert service.ended(second)["status"] == "completed"
        (card,) = (service.data_dir / "jobs" / second).glob("job.json")
        assert '"lane":"batch"' in card.read_text().replace(" ", "")


def test_what_a_document_takes_is_counted(tmp_path):
    path = documents.pdf_of_text(tmp_path / "a.pdf", [documents.PARAGRAPH * 20])

    async def run() -> list[float]:
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(path, "pdf") as source:
                await source.words(1)
                too_little = source.take_processor_seconds(least=1000)
                return [too_little, source.take_processor_seconds(), source.take_processor_seconds()]

    too_little, taken, again = asyncio.run(run())
    assert (too_little, again) == (0, 0)
    assert 0 < taken < 60


@pytest.mark.parametrize(("mode", "accepted"), [("1", True), ("L", True), ("RGB", False), ("RGBA", False), ("I;16", False)])
def test_a_picture_is_refused_by_the_memory_it_would_take(tmp_path: Path, mode: str, accepted: bool):
    path = tmp_path / "a.png"
    Image.new(mode, (700, 1000)).save(path)

    async def run(openers: Openers) -> int:
        async with await openers.open(path, "image") as source:
            return source.page_count

    with Openers.start(OpenerLimits(max_image_memory_mb=2)) as openers:
        if accepted:
            assert asyncio.run(run(openers)) == 1
        else:
            with pytest.raises(OversizedImage, match=r"at most 0\.\d \(MAX_IMAGE_MEMORY_MB\)"):
                asyncio.run(run(openers))


def test_by_the_defaults_no_process_holds_more_than_a_gigabyte_and_a_half():
    from document_parser.settings import WorkerSettings

    workers, loaded_mb = WorkerSettings(), 100
    assert (workers.opener_memory_mb + loaded_mb) << 20 < 1.5e9
    assert workers.worker_max_rss_mb << 20 < 1.5e9
    assert workers.max_image_memory_mb < workers.opener_memory_mb
