"""The ids under which tasks are enqueued."""

from __future__ import annotations

from uuid import uuid4

from rq.job import validate_job_id

from document_parser.jobs.queue import job_of, rq_id
from document_parser.models import shape_export


def test_rq_takes_the_id_of_every_export():
    job_id = str(uuid4())
    ids = [rq_id(job_id, f"export-{shape_export('elements', variant)}") for variant in ("", "a.1", "a_1", "a1", "a.1.2")]
    for one in ids:
        validate_job_id(one)
        assert job_of(one) == job_id
    assert len(set(ids)) == len(ids)
