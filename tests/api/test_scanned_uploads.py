"""Whatever way a file comes in, the virus scanner sees it before anything reads it."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.support.clamd import SAMPLE, SIGNATURE, fake_clamd
from tests.support.doctor import run_checks
from tests.support.service import Service

CLEAN = b"clean words\n"


@pytest.fixture(scope="module")
def clamd():
    with fake_clamd() as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory, clamd):
    folder = tmp_path_factory.mktemp("scanned")
    with Service(folder, INFERENCE_MODE="cpu", NUM_WORKERS=1, CLAMD_URL=clamd.url, CLAMD_TIMEOUT_SECONDS=1) as running:
        yield running


@pytest.fixture(autouse=True)
def well(clamd):
    yield
    clamd.mood, clamd.limit = "well", 1 << 30


def send(service, name: str, data: bytes, route: str = "async"):
    return service.client.post(f"/v1/process/{route}", files={"file": (name, data)})


@pytest.mark.parametrize("route", ["async", "sync"])
def test_an_infected_upload_is_422_and_leaves_no_job(service, route):
    before = service.client.get("/v1/jobs").json()["jobs"]
    answer = send(service, "letter.pdf", SAMPLE, route)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "INFECTED_FILE"
    assert answer.json()["error"]["details"] == {"signature": SIGNATURE}
    assert service.client.get("/v1/jobs").json()["jobs"] == before
    assert not list((service.data_dir / "jobs").glob("*"))


def test_a_raw_body_is_scanned_too(service):
    answer = service.client.post("/v1/process/async", params={"filename": "a.pdf"}, content=SAMPLE)
    assert answer.json()["error"]["code"] == "INFECTED_FILE"


@pytest.mark.parametrize("mood", ["slow", "failing"])
def test_without_a_verdict_an_upload_is_503_to_be_sent_again(service, clamd, mood):
    clamd.mood = mood
    answer = send(service, "a.txt", CLEAN)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "VIRUS_SCAN_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0


def test_an_infected_file_in_an_archive_is_an_entry_with_its_error_and_the_others_are_read(service):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bad.pdf", SAMPLE)
        archive.writestr("good.txt", CLEAN)
    job_id = send(service, "all.zip", out.getvalue()).json()["job_id"]
    service.ended(job_id)
    found = {child["name"]: child for child in service.result(job_id)["children"]}
    assert found["bad.pdf"]["job_id"] is None
    assert found["bad.pdf"]["error"]["code"] == "INFECTED_FILE"
    service.ended(found["good.txt"]["job_id"])
    assert service.result(found["good.txt"]["job_id"])["markdown"] == "clean words\n"


def test_health_system_and_doctor_say_that_files_are_scanned(service, clamd, tmp_path):
    assert service.client.get("/v1/health").json()["checks"]["virus_scan"] == {"ok": True, "detail": "ClamAV 1.0 (a fake)"}
    assert service.client.get("/v1/system").json()["virus_scan"] is True
    assert run_checks(tmp_path, CLAMD_URL=clamd.url)["virus scan"]["status"] == "ok"
    gone = run_checks(tmp_path, CLAMD_URL="unix:///nowhere/clamd.sock")["virus scan"]
    assert gone["status"] == "missing"
    assert "CLAMD_URL" in gone["advice"]
