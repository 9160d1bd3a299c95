"""The master of Redis dies in the middle of a job: its replica takes over, and the job goes on there."""

from __future__ import annotations

import contextlib

from tests.support.service import UNCHECKED, Service, asking, start_reading, wait_until
from tests.support.valkey import master_port, wait_for_replica, watched_pair

STAMPS = range(100, 130)


def stored(service, job_id) -> set[int]:
    """Stamps of the pages in storage."""
    return {int(path.stem) - 1 + STAMPS[0] for path in (service.data_dir / "jobs" / job_id / "pages").glob("*.json")}


def test_a_job_goes_on_at_the_replica_and_no_stored_page_is_read_again(tmp_path, server, scan):
    with contextlib.ExitStack() as stack:
        url, processes = stack.enter_context(watched_pair(tmp_path / "servers"))
        settings = {"REDIS_URL": url, "PAGE_CONCURRENCY": 4, **asking(server.url, "auto"), **UNCHECKED}
        service = stack.enter_context(Service(tmp_path / "service", **settings))
        job_id = start_reading(service, scan)
        lost = master_port(url)
        kept, asked = stored(service, job_id), len(server.log)
        wait_for_replica(url)
        processes[lost].kill()
        wait_until(lambda: master_port(url) not in (0, lost), 60, "the Sentinels have chosen the replica")
        wait_until(lambda: service.answers(f"/v1/jobs/{job_id}/status"), 60, "the API has found it")
        status = service.ended(job_id)
        assert (status["status"], status["complete"]) == ("completed", True), status
        pages = service.result(job_id, format="json")["document"]["pages"]
        texts = [" ".join(block["text"] for block in page["blocks"]) + " " for page in pages]
        assert [f"stamp-{stamp} " in text for stamp, text in zip(STAMPS, texts, strict=True)] == [True] * len(STAMPS)
        again = {entry.stamp for entry in server.log[asked:]}
        assert again, "the master died in the middle of the job"
        assert not again & kept
