"""Reports to Sentry: the service's own faults and no others, without any value; and nothing while no DSN is set."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from document_parser.settings import ErrorReportSettings
from tests.support.peer import Answer, Asked, Peer, good, peer
from tests.support.service import ROOT

SECRET = "zebra"
PROGRAM = """
import multiprocessing, sys
import structlog
from document_parser.errors import PageUnreadable
from document_parser.settings import ErrorReportSettings, LogSettings
from document_parser.telemetry import error_reports, logs
from document_parser.workers.context import task_boundary

logs.configure(LogSettings())
error_reports.configure(ErrorReportSettings(dsn="{dsn}"))
kept = []

def fail(word):
    try:
        raise KeyError(word)
    except KeyError as error:
        raise ValueError(word) from error

@logs.CrashLogged()
def crash():
    fail("zebra")

with structlog.contextvars.bound_contextvars(job_id="j-1", request_id="r-1", page=3, user_id="zebra"):
    with task_boundary(kept.append, page=3):
        raise PageUnreadable("zebra")
    with task_boundary(kept.append, page=3):
        fail("zebra")
child = multiprocessing.get_context("fork").Process(target=crash)
child.start()
child.join()
error_reports.flush()
print(len(kept), "sentry_sdk" in sys.modules)
"""


def run(dsn: str) -> subprocess.CompletedProcess:
    program = PROGRAM.replace("{dsn}", dsn)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60)


def take(asked: Asked) -> Answer:
    assert asked.path == "/api/7/envelope/"
    return good({"id": "0" * 32})


def dsn_of(server: Peer) -> str:
    return server.url.replace("http://", "http://public@") + "/7"


def reports_to(server: Peer) -> list[dict[str, Any]]:
    """The events in the envelopes that came: a line for the envelope, then two for each item."""
    found = []
    for asked in server.asked:
        encoding = {"content-encoding": asked.headers.get("Content-Encoding", "identity")}
        body = httpx2.Response(200, headers=encoding, content=asked.body).content
        _, *items = map(json.loads, filter(None, body.split(b"\n")))
        found += [item for head, item in zip(items[::2], items[1::2], strict=True) if head["type"] == "event"]
    return found


def test_faults_of_the_service_are_reported_from_every_process_and_errors_of_documents_are_not():
    with peer(take) as sentry:
        done = run(dsn_of(sentry))
    assert done.stdout.splitlines()[-1] == "2 True"
    reports = sorted(reports_to(sentry), key=lambda report: str(report["tags"]["event"]))  # each is sent by a thread of its own
    assert [report["tags"]["event"] for report in reports] == ["task_error", "uncaught_error"]
    assert reports[0]["tags"] == {"event": "task_error", "job_id": "j-1", "request_id": "r-1", "page": "3"}
    for report in reports:
        assert [error["type"] for error in report["exception"]["values"]] == ["KeyError", "ValueError"]
        assert [error["stacktrace"]["frames"][-1]["function"] for error in report["exception"]["values"]] == ["fail", "fail"]


def test_no_report_holds_a_message_a_variable_a_caller_or_the_machine():
    with peer(take) as sentry:
        run(dsn_of(sentry))
    for report in reports_to(sentry):
        assert not {"request", "user", "extra", "breadcrumbs", "server_name", "modules", "contexts"} & report.keys()
        for error in report["exception"]["values"]:
            assert "value" not in error
            assert not [line for line in error["stacktrace"]["frames"] if "vars" in line]
        assert f'"{SECRET}"' not in json.dumps(report).replace('\\"', "'")


def test_a_sentry_that_is_away_breaks_nothing():
    assert run("http://public@127.0.0.1:9/7").stdout.splitlines()[-1] == "2 True"


def test_nothing_is_imported_without_a_dsn():
    assert run("").stdout.splitlines()[-1] == "2 False"


@pytest.mark.parametrize("dsn", ["zebra", "https://sentry.example/7", "https://key@sentry.example", "file://key@x/7"])
def test_what_is_no_dsn_is_refused_without_being_repeated(dsn):
    with pytest.raises(ValidationError, match="needs a DSN") as refused:
        ErrorReportSettings(dsn=dsn)
    assert dsn not in str(refused.value)
