"""What is logged says nothing of documents and no secret: whole runs are read for words that must not be there."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, StoreSettings
from tests.support.document_host import Served, document_host
from tests.support.documents import encrypted_pdf, pdf_of_text
from tests.support.owners import client_of, make_key
from tests.support.service import SOON, Service, gunicorn, wait_until

TEXT = "Sentinelwordofthetext"
NAME = "sentinel-file-name-of-anna-k"
PASSWORD = "sentinel-password-of-a-pdf"
QUERY = "X-Amz-Signature=sentinel-signature"
HOOK = "sentinel-webhook-token"
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The log of a whole run, the secrets that were in it, and the names of Redis' keys."""
    folder = tmp_path_factory.mktemp("run")
    paper = pdf_of_text(folder / f"{NAME}.pdf", [f"{TEXT} stands here."])
    locked = encrypted_pdf(folder / f"{NAME}-locked.pdf", PASSWORD, TEXT)
    logger = "document_parser.api.server.logger.GunicornLogger"
    command = gunicorn("--access-logfile", "-", "--logger-class", logger, "--workers", "1", "--log-level", "debug")
    with document_host() as host:
        host.paths["/a.pdf"] = Served(paper.read_bytes())
        settings = {
            "AUTH_MODE": "required",
            "ADMIN_TOKEN": "sentinel-admin-token-0123456789",
            "LOG_LEVEL": "DEBUG",
            "NUM_WORKERS": 1,
            "FETCH_ALLOW_HOSTS": '["127.0.0.1"]',
            "WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]',
            **SOON,
        }
        service = Service(folder / "service", command, **settings)
        service.environment["GUNICORN_CMD_ARGS"] = f"--bind 127.0.0.1:{service.port}"
        with service:
            made = make_key(service.data_dir, "anna", ("process", "read"))
            revoked = make_key(service.data_dir, "anna")
            service.client.post(f"/v1/keys/{revoked.key.id}/revoke")
            with client_of(service.port, made.secret) as client:
                use(client, host, paper, locked)
            with client_of(service.port, revoked.secret) as client:
                client.get("/v1/jobs", params={"api_key": revoked.secret})
            service.client.get("/v1/jobs", headers={"Authorization": f"Bearer {settings['ADMIN_TOKEN']}"})
            service.client.get("/v1/jobs", headers={"Authorization": "Bearer wrong-sentinel-token"})
            service.client.get("/operator", params={"code": "sentinel-code"})
            redis = connect(Settings(store=StoreSettings(data_dir=service.data_dir, redis_url="")))
            keys = " ".join(key.decode() for key in redis.scan_iter(count=1000))
            secrets = [made.secret, revoked.secret, settings["ADMIN_TOKEN"], service.operator_token]
        yield service, secrets, keys


def use(client, host, paper, locked):
    """All ways in and out, right ones and wrong ones."""

    def send(path, **fields):
        with path.open("rb") as stream:
            return client.post("/v1/process/async", files={"file": (path.name, stream)}, data=fields)

    sent = [
        send(paper, webhook_url=f"http://127.0.0.1:{host.port}/hook?token={HOOK}"),
        send(locked, password=PASSWORD),
        send(locked, password=f"{PASSWORD}-that-is-wrong"),
        client.post(f"/v1/process/async?filename={NAME}.pdf&password={PASSWORD}", content=locked.read_bytes()),
        client.post("/v1/process/url", json={"url": host.url("/a.pdf", QUERY)}),
        client.post("/v1/process/url", json={"url": host.url("/absent.pdf", QUERY)}),
        send(paper, retention_hours="0"),
    ]
    jobs = [answer.json()["job_id"] for answer in sent if answer.status_code == 202]
    assert len(jobs) == 7, [answer.text for answer in sent]
    for job_id in jobs:
        wait_until(lambda job_id=job_id: has_ended(client, job_id), 90, "it ends")
        for path in ("result", "pages/1", "pages/1/image", "events", "download?format=html", "source"):
            client.get(f"/v1/jobs/{job_id}/{path}")
    name = base64.b64encode(paper.name.encode()).decode()
    length = {"Upload-Length": str(paper.stat().st_size), "Upload-Metadata": f"filename {name}"}
    where = client.post("/v1/uploads", headers={**TUS, **length}).headers["Location"]
    piece = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    client.patch(where, headers=piece, content=paper.read_bytes())
    client.post(f"/v1/process/async?{quote(NAME)}={TEXT}", content=b"%PDF-")
    client.get(f"/v1/jobs/{NAME}/{TEXT}", params={"q": TEXT})


def has_ended(client, job_id):
    return client.get(f"/v1/jobs/{job_id}", params={"wait": 20}).json()["status"] in ("completed", "failed")


@pytest.mark.parametrize(
    "word", [TEXT, NAME, PASSWORD, "sentinel-signature", HOOK, "sentinel-code", "wrong-sentinel-token", "anna"]
)
def test_no_log_line_has_what_was_sent(run, word):
    service, _, _ = run
    lines = [line for line in service.log.splitlines() if word in line.replace(str(service.folder), "")]
    assert lines == []


def test_no_log_line_has_a_key_or_a_token(run):
    service, secrets, _ = run
    assert [line for line in service.log.splitlines() for secret in secrets if secret in line] == []
    assert "dp_live_" not in service.log


def test_the_log_is_that_of_the_web_the_workers_and_the_access_log(run):
    service, _, _ = run
    assert '"GET /v1/jobs/' in service.log, "gunicorn's access log"
    assert '"event": "request"' in service.log
    assert '"event": "job_ended"' in service.log


@pytest.mark.parametrize("word", [TEXT, NAME, PASSWORD, "sentinel", "dp_live_"])
def test_no_key_of_redis_is_named_after_a_document_or_a_secret(run, word):
    assert word not in run[2]
