"""Requests that wait are answered when their web worker stops, and not cut off when its time to drain is over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from document_parser.api.routes import waiting
from document_parser.api.server import options
from document_parser.jobs.records import record
from tests.support.ledger_jobs import JOB, make_card

FOR_EVER = 1e9


@pytest.fixture
def services(redis, monkeypatch):
    """Services of a web worker that was asked to stop, and a job that nobody reads."""
    monkeypatch.setattr(options, "_workers", [SimpleNamespace(alive=False)])
    record.create(redis, make_card(), None)
    return SimpleNamespace(redis=redis, waiting=SimpleNamespace(take=lambda: True, release=lambda: None))


def test_whoever_waits_for_the_end_of_a_job_gets_it_as_it_is(services):
    assert waiting.wait_for_end(services, JOB, FOR_EVER).state == "queued"


def test_whoever_waits_for_a_format_is_told_that_it_is_not_there_yet(services):
    waiting.wait_for_format(services, JOB, "text", b"0", FOR_EVER)
