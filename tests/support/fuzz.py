"""Thousands of requests that the OpenAPI document allows, and as many that it does not: ``python -m tests.support.fuzz``.

Schemathesis sends them to a real service of its own and holds every answer against the document. It ends with 1 where an
answer is not as the document says, or is an error of ours.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from zipfile import ZipFile

from document_parser.models import FORMAT_FILES
from tests.support.documents import illustrated_pdf
from tests.support.receiver import Receiver, receiving, told
from tests.support.receiver import settings as webhooks
from tests.support.service import Service, wait_until

EACH = 450
SEED = 20
JOBS = 12
BUSY = {
    "NUM_WORKERS": 1,
    "WEB_WORKERS": 2,
    "RATE_LIMIT_READS": "none",
    "RATE_LIMIT_UPLOADS": "none",
    "SYNC_TIMEOUT_SECONDS": 0.5,
    "EVENTS_STREAM_SECONDS": 0.5,
    "QUEUE_MAX_JOBS": 0,
    "QUEUE_MAX_PAGES": 0,
    "QUEUE_MAX_MB": 0,
    "UPLOAD_MAX_PER_CALLER": 0,
    "UPLOAD_MAX_MB_PER_CALLER": 0,
    "UPLOAD_MAX_COUNT": 0,
    "UPLOAD_MAX_MB": 0,
    "CACHE_HOURS": 24,
}
REFUSED = [400, 401, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422, 428, 429, 431]
TAKEN = ["2xx", "3xx", 401, 403, 404, 409, 410]
CONTENT = [400, 413, 414, 415, 422]
"""What is no document, or a range from 5 to 3, or no address, or a table of a format other than CSV, no schema can tell."""

RECEIVING = [
    "process_async",
    "process_sync",
    "process_batch",
    "extract",
    "alias_post_documents",
    "alias_post_documents_sync",
    "alias_post_documents_batch",
]
CONTENT_ROUTES = [
    *RECEIVING,
    "process_url",
    "process_object",
    "alias_post_documents_from_url",
    "alias_post_documents_from_bucket",
    "ping_webhook",
    "job_result",
    "job_chunks",
    "cite_span",
    "job_download",
    "alias_get_jobs_result",
    "alias_get_jobs_download",
]
UPLOADS = [
    "create_upload",
    "send_piece",
    "delete_upload",
    "alias_upload_init",
    "alias_upload_chunk",
    "alias_upload_complete",
]
"""What headers have to do with each other and with what has come no schema can tell; tests/api/test_uploads.py does."""


@dataclass(frozen=True)
class Found:
    """What came of a run. ``cases`` were sent; ``output`` is what Schemathesis printed."""

    passed: bool
    cases: int
    output: str


def configuration(
    jobs: list[str], doomed: list[str], batches: list[str], receiver: Receiver, token: str, *, whole: bool
) -> str:
    """Schemathesis' settings: most jobs, pages and figures that it asks for are there."""
    return f"""
seed = {SEED}
request-timeout = 60
continue-on-failure = true
suppress-health-check = ["all"]
hooks = "tests.support.fuzz_hooks"

[auth.openapi.admin_token]
bearer = {json.dumps(token)}

[dictionaries]
jobs = {{ values = {json.dumps(jobs)} }}
doomed = {{ values = {json.dumps(doomed)} }}
batches = {{ values = {json.dumps(batches)} }}
figures = {{ values = ["page-0001-figure-1.jpg"] }}
numbers = {{ values = [1, 2] }}
urls = {{ values = [{json.dumps(receiver.url)}] }}
waits = {{ values = [0, 0.3] }}

[parameters]
"path.job_id" = {{ dictionary = "jobs", probability = 0.6 }}
"path.batch_id" = {{ dictionary = "batches", probability = 0.6 }}
"path.name" = {{ dictionary = "figures", probability = 0.6 }}
"path.number" = {{ dictionary = "numbers", probability = 0.6 }}
"body.url" = {{ dictionary = "urls", probability = 0.4 }}
"query.wait" = {{ dictionary = "waits", probability = 1.0 }}

[checks]
missing_required_header.enabled = false  # knows only 401; tests/api/test_token.py holds 403 where no token came
negative_data_rejection.expected-statuses = {json.dumps(REFUSED)}
positive_data_acceptance.expected-statuses = {json.dumps(TAKEN)}

[[operations]]
include-operation-id = {json.dumps(CONTENT_ROUTES)}
checks.positive_data_acceptance.expected-statuses = {json.dumps(TAKEN + CONTENT)}

[[operations]]
include-operation-id = {json.dumps(UPLOADS)}
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false

[[operations]]
include-operation-id = ["delete_job", "alias_delete_jobs"]
parameters."path.job_id" = {{ dictionary = "doomed", probability = 0.1 }}

[[operations]]
include-operation-id = {json.dumps(OPERATORS)}
checks.ignored_auth.enabled = false  # wrong tokens beyond MAX_GUESSES are answered 429; other routes use them up

[[operations]]
include-operation-id = ["create_key"]
checks.positive_data_acceptance.enabled = false  # a schema cannot say that a moment must be in the future

[[operations]]
include-operation-id = {json.dumps(TAKING_THE_SAME)}
phases.coverage.enabled = {json.dumps(whole)}
"""


OPERATORS = [
    *("delete_job", "delete_batch", "alias_delete_jobs", "replay_delivery", "replay_failed_deliveries"),
    *("list_keys", "create_key", "rotate_key", "revoke_key", "list_audit", "get_usage"),
]
"""Operations for the operator that are asked often."""


TAKING_THE_SAME = [
    "process_sync",
    *("alias_post_documents", "alias_post_documents_sync", "alias_post_documents_batch"),
    *("alias_post_documents_from_url", "alias_post_documents_from_bucket"),
    *("alias_get_jobs", "alias_get_jobs_result", "alias_get_jobs_download"),
]
"""Operations that take what another one takes, by the same code: a short run goes to the edges of that one only."""


def make_jobs(service: Service, receiver: Receiver) -> list[str]:
    """Jobs that have ended, in all formats, each with a figure and a webhook that was delivered."""
    document = illustrated_pdf(service.folder / "illustrated.pdf")
    formats = islice(cycle(FORMAT_FILES), JOBS)
    jobs = [service.submit(document, output_format=name, webhook_url=receiver.url) for name in formats]
    for job_id in jobs:
        service.ended(job_id)
        told(service, job_id)
    return jobs


def make_batches(service: Service) -> list[str]:
    """Batches that have ended: one that was read in part, and one of an archive."""
    archive = io.BytesIO()
    with ZipFile(archive, "w") as out:
        out.writestr("inside.txt", "words")
    sent = ([("a.txt", b"words"), ("b.bin", bytes(99))], [("all.zip", archive.getvalue())])
    found = []
    for files in sent:
        answer = service.client.post("/v1/process/batch", files=[("files", file) for file in files])
        found.append(answer.json()["batch_id"])
        path = f"/v1/batches/{found[-1]}"
        wait_until(lambda path=path: service.client.get(path).json()["status"] != "processing", 60, "its end")
    return found


def run(folder: Path, each: int, *options: str, whole: bool = True) -> Found:
    """Send ``each`` requests of each operation, and those that stand at the edges of what is allowed.

    ``whole``: the latter also of the operations that take what another one takes.
    """
    with receiving() as receiver, Service(folder, **webhooks(**BUSY)) as service:
        jobs = make_jobs(service, receiver)
        (folder / "schemathesis.toml").write_text(
            configuration(jobs[:-2], jobs[-2:], make_batches(service), receiver, service.operator_token, whole=whole)
        )
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")]
        address = f"http://127.0.0.1:{service.port}/openapi.json"
        ran = subprocess.run(
            [*command, "run", address, "--no-color", "--max-examples", str(each), "--generation-deterministic", *options],
            cwd=folder,
            env=service.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        broken = [line for line in service.log.splitlines() if '"request_error"' in line or "Traceback" in line]
    cases = re.search(r"^  (\d+) generated", ran.stdout, re.MULTILINE)
    return Found(ran.returncode == 0 and not broken, int(cases[1]) if cases else 0, "\n".join([ran.stdout, *broken]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.fuzz", description=__doc__.partition(".")[0])
    parser.add_argument("--each", type=int, default=EACH, help=f"most requests of each operation ({EACH}: over 8,000 in all)")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = run(Path(folder), parser.parse_args().each)
    sys.stdout.write(f"{found.output}\n{found.cases} cases: {'nothing found' if found.passed else 'see above'}\n")
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main())
