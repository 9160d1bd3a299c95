"""Uploads by the real clients of tus over a line that breaks and a server that is killed: they go on where they were."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import httpx2
import pytest

from document_parser.client import Client
from document_parser.jobs.records import storage_keys
from document_parser.storage import SYNC_BYTES
from tests.support.bucket import Bucket
from tests.support.cut_line import CutLine
from tests.support.service import ROOT, Service, gunicorn, wait_until

TUS_JS_CLIENT = "tus-js-client@4.3.1"
"""What the tests install from the registry of npm."""
SIZE = 30_000_000
RETRIES = 1200
"""Four a second: a client waits longer than the tests do for a service that starts again."""
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A file that passes for a PDF, and no other has its bytes."""
    path = tmp_path_factory.mktemp("large") / "large.pdf"
    path.write_bytes(b"%PDF-1.7\n" + random.Random(7).randbytes(SIZE - 9))
    return path


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory):
    """A folder with tus-js-client."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), TUS_JS_CLIENT]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if installed.returncode:
        pytest.skip(f"npm could not install {TUS_JS_CLIENT}: {installed.stderr[-200:]}")
    return folder


def by_tuspy(endpoint, path, piece, checksum=False):
    from tusclient.client import TusClient

    # From a stream: tuspy leaves a file open that it opened itself.
    with path.open("rb") as stream:
        uploader = TusClient(endpoint).uploader(
            file_stream=stream,
            chunk_size=piece or 1 << 40,
            retries=RETRIES,
            retry_delay=0.25,
            metadata={"filename": path.name},
            upload_checksum=checksum,
        )
        uploader.upload()
        return uploader.url


def by_tus_js_client(folder, endpoint, path, piece):
    script = ROOT / "tests" / "support" / "tus_upload.mjs"
    command = ["node", str(script), endpoint, str(path), path.name, str(piece), str(RETRIES)]
    sent = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert sent.returncode == 0, sent.stderr
    return sent.stdout.strip()


@pytest.fixture(params=["tuspy", "tus-js-client"])
def send(request):
    """Sends a file: ``send(endpoint, path, bytes of a piece)`` returns the address of the upload."""
    if request.param == "tuspy":
        pytest.importorskip("tusclient", reason="tuspy is in the extra 'dev'")
        return by_tuspy
    return partial(by_tus_js_client, request.getfixturevalue("node_modules"))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Two web workers under gunicorn. Nothing is read: the document that is stored is what counts."""
    command = gunicorn("--config", str(ROOT / "gunicorn.conf.py"))
    with Service(tmp_path_factory.mktemp("tus"), command, NUM_WORKERS=0, WEB_WORKERS=2) as started:
        yield started


def id_of(url):
    found = re.fullmatch(r".*/v1/uploads/([0-9a-f-]{36})", url)
    assert found, url
    return found[1]


def stored_by(service, url):
    """The bytes that the job of an upload has as its document."""
    answer = service.client.post("/v1/process/async", json={"upload_id": id_of(url)})
    assert answer.status_code == 202, answer.text
    return (service.data_dir / storage_keys.source(answer.json()["job_id"])).read_bytes()


def offset_of(service, location):
    """The offset that the server tells; -1 while it does not."""
    try:
        answer = service.client.head(location, headers=TUS)
    except httpx2.TransportError:
        return -1
    return int(answer.headers.get("Upload-Offset", -1))


def arrived(service, url, document):
    return hashlib.sha256(stored_by(service, url)).digest() == hashlib.sha256(document.read_bytes()).digest()


@pytest.mark.parametrize("piece", [0, 5_000_000], ids=["in one piece", "in pieces"])
def test_a_real_client_sends_a_document(service, document, send, piece):
    assert arrived(service, send(f"http://127.0.0.1:{service.port}/v1/uploads", document, piece), document)


def test_a_real_client_sends_checksums(service, document):
    pytest.importorskip("tusclient", reason="tuspy is in the extra 'dev'")
    assert arrived(service, by_tuspy(f"http://127.0.0.1:{service.port}/v1/uploads", document, 5_000_000, True), document)


@pytest.mark.parametrize("piece", [0, 12_000_000], ids=["in one piece", "in pieces"])
def test_after_a_lost_connection_the_client_goes_on_at_its_offset(service, document, send, piece):
    """Nothing before the offset is sent twice: all in all little more than the document passes."""
    with CutLine(service.port, cut_after=[10_000_000, 22_000_000]) as line:
        url = send(f"http://127.0.0.1:{line.port}/v1/uploads", document, piece)
        assert line.cuts == []
        assert SIZE < line.passed < SIZE + 2 * SYNC_BYTES
    assert arrived(service, url, document)


@pytest.mark.parametrize("piece", [0, 12_000_000], ids=["in one piece", "in pieces"])
def test_after_a_killed_server_the_client_goes_on_at_its_offset(tmp_path, document, send, piece):
    """Everything is killed by -9 in the middle of a piece, store of records included, and starts again."""
    command = gunicorn("--config", str(ROOT / "gunicorn.conf.py"))
    with Service(tmp_path, command, NUM_WORKERS=0, WEB_WORKERS=2) as service:
        offsets = []

        def kill() -> None:
            (folder,) = (service.data_dir / "uploads").iterdir()
            location = f"/v1/uploads/{folder.name}"
            wait_until(lambda: offset_of(service, location) >= SYNC_BYTES, 20, "some of it is stored")
            offsets.append(offset_of(service, location))
            service.kill_everything()
            service.start().ready()
            wait_until(lambda: offset_of(service, location) >= 0, 20, "the record is there")
            offsets.append(offset_of(service, location))

        with CutLine(service.port, cut_after=[20_000_000], before_cut=kill) as line:
            url = send(f"http://127.0.0.1:{line.port}/v1/uploads", document, piece)
            assert line.cuts == []
        # Clients that come again while the lease of the dead lasts are refused, and begin no other upload.
        assert SYNC_BYTES <= offsets[0] <= offsets[1]
        assert [folder.name for folder in (service.data_dir / "uploads").iterdir()] == [id_of(url)]
        assert arrived(service, url.replace(str(line.port), str(service.port)), document)


def test_a_killed_web_worker_leaves_the_upload_to_another_process(service, document):
    location = service.client.post("/v1/uploads", headers={**TUS, "Upload-Length": str(SIZE)}).headers["Location"]
    data = document.read_bytes()

    def kill() -> None:
        wait_until(lambda: offset_of(service, location) >= SYNC_BYTES, 20, "some of it is stored")
        before = service.pids("gunicorn")
        for pid in before:
            if pid != service.pid:
                os.kill(pid, signal.SIGKILL)

    piece = {**TUS, "Content-Type": "application/offset+octet-stream"}
    with CutLine(service.port, cut_after=[SIZE // 2], before_cut=kill) as line:
        sent = subprocess.run(
            [
                "curl",
                "-s",
                "-X",
                "PATCH",
                "-T",
                str(document),
                *_headers({**piece, "Upload-Offset": "0"}),
                f"http://127.0.0.1:{line.port}{location}",
            ],
            check=False,
        )
        assert sent.returncode
    service.ready()
    wait_until(lambda: service.client.head(location, headers=TUS).status_code == 200, 20, "a new worker answers")
    offset = offset_of(service, location)
    assert SYNC_BYTES <= offset <= SIZE // 2 + (1 << 20)
    # The lease of the request that was killed ends by itself.
    wait_until(
        lambda: (
            service.client.patch(location, content=data[offset:], headers={**piece, "Upload-Offset": str(offset)}).status_code
            == 204
        ),
        30,
        "the lease of the killed request ends",
    )
    assert arrived(service, location, document)


def _headers(headers):
    return [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]


def test_hosts_go_on_with_each_others_uploads_in_a_bucket(tmp_path, document):
    """One Redis, one bucket, two hosts: the pieces alternate, and end at no border of a part."""
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    from tests.support.service import redis_url_of

    with Bucket() as bucket, Service(tmp_path / "a", NUM_WORKERS=0, WEB_WORKERS=1, **bucket.settings) as first:
        second = Service(tmp_path / "b", NUM_WORKERS=0, WEB_WORKERS=1, REDIS_URL=redis_url_of(first), **bucket.settings)
        try:
            second.start()
            wait_until(lambda: second.answers("/v1/health/live"), 30, "the second host answers")
            data = document.read_bytes()
            headers = {**TUS, "Upload-Length": str(SIZE), "Upload-Metadata": "filename bGFyZ2UucGRm"}
            location = first.client.post("/v1/uploads", headers=headers).headers["Location"]
            piece = {**TUS, "Content-Type": "application/offset+octet-stream"}
            for number, start in enumerate(range(0, SIZE, 7_000_000)):
                host = (first, second)[number % 2]
                answer = host.client.patch(
                    location, content=data[start : start + 7_000_000], headers={**piece, "Upload-Offset": str(start)}
                )
                assert answer.status_code == 204, answer.text
            answer = second.client.post("/v1/process/async", json={"upload_id": id_of(location)})
            assert answer.status_code == 202, answer.text
            assert stored_in(bucket, storage_keys.source(answer.json()["job_id"])) == data
            assert not any(path.is_file() for path in Path(second.data_dir, "staging").glob("*"))
            second.stop()
        finally:
            second.kill_everything()
            second.client.close()


def stored_in(bucket, key):
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=bucket.settings["S3_ENDPOINT_URL"], **keys)
    return client.get_object(Bucket="documents", Key=f"all/{key}")["Body"].read()


def test_our_own_client_goes_on_after_a_lost_connection_and_tells_how_far_it_is(service, document):
    told = []
    with (
        CutLine(service.port, cut_after=[10_000_000, 22_000_000]) as line,
        Client(f"http://127.0.0.1:{line.port}", pause=lambda seconds: time.sleep(min(seconds, 0.1))) as client,
    ):
        upload_id = client.upload(document, on_progress=lambda sent, size: told.append((sent, size)))
        assert line.cuts == []
        assert SIZE < line.passed < SIZE + 2 * SYNC_BYTES
        job_id = client.submit_upload(upload_id, output_format="json")
    assert told == sorted(set(told))
    assert told[-1] == (SIZE, SIZE)
    assert (service.data_dir / storage_keys.source(job_id)).read_bytes() == document.read_bytes()


def test_our_own_client_sends_large_documents_in_pieces_by_itself(service, document):
    with CutLine(service.port, cut_after=[20_000_000]) as line, Client(f"http://127.0.0.1:{line.port}") as client:
        job_id = client.submit(document, output_format="json")
        assert line.cuts == []
    card = json.loads((service.data_dir / storage_keys.card(job_id)).read_text())["card"]
    assert (card["filename"], card["size"], card["options"]["output_format"]) == ("large.pdf", SIZE, "json")
