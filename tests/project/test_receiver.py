"""The receiver of docs/webhooks.md, run as it is printed, answers the ping of the docs and the end of a job."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.support.receiver import secret_of, settings
from tests.support.service import ROOT, Service, free_port, listens, wait_until

DOCS = (ROOT / "docs" / "webhooks.md").read_text()


@pytest.fixture
def receiver(tmp_path):
    """Starts the program of the docs on a free port, with a secret; the address and what it printed."""
    port, running = free_port(), []
    program = re.search(r"^```python\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)[1]
    assert program.count("port=8000") == 1
    path = tmp_path / "receiver.py"
    path.write_text(program.replace("port=8000", f"port={port}"))
    log = tmp_path / "receiver.log"

    def start(secret):
        with log.open("wb") as out:
            environment = {"WEBHOOK_SECRET": secret, "PATH": ""}
            running.append(subprocess.Popen([sys.executable, path], env=environment, stdout=out, stderr=subprocess.STDOUT))
        wait_until(lambda: listens(port), 60, "the receiver listens")
        return f"http://127.0.0.1:{port}/hooks/documents", log

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def test_the_receiver_of_the_docs_answers_the_ping_of_the_docs_and_is_told_of_a_job(tmp_path, paper, receiver):
    command = re.search(r"^\$ curl .*webhooks/ping\n(\{.*\})$", DOCS, re.MULTILINE)
    promised = command[1]
    with Service(tmp_path, NUM_WORKERS=1, **settings()) as service:
        url, log = receiver(secret_of(service))
        told = service.client.post("/v1/webhooks/ping", json={"url": url}).json()
        assert set(told) == set(re.findall(r'"(\w+)":', promised))
        assert (told["delivered"], told["status"], told["error"]) == (True, 204, None)
        job_id = service.submit(paper, webhook_url=url)
        line = f"job.completed {job_id} completed"
        wait_until(lambda: line in log.read_text(), 60, "the receiver is told of the job")
        assert "Traceback" not in log.read_text()


def test_it_takes_a_message_once_and_none_that_is_not_signed_with_its_secret(receiver):
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    url, log = receiver(secret)
    body = '{"type": "job.completed", "timestamp": "2026-01-01T00:00:00Z", "data": {"job_id": "j-1", "status": "completed"}}'

    def post(signed_with):
        now = datetime.now(UTC)
        signature = Webhook(signed_with).sign("msg_j-1", now, body)
        headers = {"webhook-id": "msg_j-1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        return httpx2.post(url, content=body, headers=headers).status_code

    assert [post(secret), post(secret)] == [204, 204]
    assert post("whsec_" + "QUFB" * 11) == 401
    assert log.read_text().count("job.completed j-1") == 1
