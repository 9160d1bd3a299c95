"""Whatever way a file comes in, the virus scanner sees it before anything reads it."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from tests.support.clamd import SAMPLE, SIGNATURE, fake_clamd
from tests.support.doctor import run_checks
from tests.support.service import Service, wait_until

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
    clamd.mood, clamd.limit, clamd.fails_on = "well", 1 << 30, None


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


def packed(**members: bytes) -> bytes:
    """An archive whose bytes show none of its members' words."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return out.getvalue()


def only_child(service, data: bytes) -> dict[str, Any]:
    """The one document inside an archive that is completed."""
    job_id = send(service, "all.zip", data).json()["job_id"]
    assert service.ended(job_id)["status"] == "completed"
    (child,) = service.result(job_id)["children"]
    return child


def test_a_file_in_an_archive_waits_for_the_scanner_unread_and_is_read_once_that_is_back(service, clamd):
    clamd.fails_on = b"patient"
    child = only_child(service, packed(a_txt=b"patient words\n"))
    tries = len(clamd.scanned)
    wait_until(lambda: len(clamd.scanned) >= tries + 2, 60, "the file is scanned again and again")
    status = service.status(child["job_id"])
    assert (child.get("error"), status["status"], status["stage"]) == (None, "processing", "scanning")
    assert service.client.get(child["source_url"]).json()["error"]["code"] == "JOB_NOT_COMPLETE"
    clamd.fails_on = None
    assert service.ended(child["job_id"])["status"] == "completed"
    assert service.result(child["job_id"])["markdown"] == "patient words\n"


def test_a_file_in_an_archive_that_is_found_infected_later_fails_and_is_deleted(service, clamd):
    clamd.fails_on = SAMPLE
    child = only_child(service, packed(bad_pdf=SAMPLE))
    clamd.fails_on = None
    assert service.ended(child["job_id"])["error"]["code"] == "INFECTED_FILE"
    assert service.client.get(child["source_url"]).json()["error"]["code"] == "INFECTED_FILE"
    assert not (service.data_dir / "jobs" / child["job_id"] / "source").exists()


def test_a_file_that_the_scanner_refuses_for_its_size_is_an_entry_with_its_error_at_once(service, clamd):
    data = packed(a_txt=b"words " * 1000)
    clamd.limit = len(data)
    error = only_child(service, data)["error"]
    assert error["code"] == "VIRUS_SCAN_UNAVAILABLE"


def test_after_the_bound_a_file_that_could_not_be_scanned_fails_unread_and_can_be_run_again(tmp_path, clamd):
    settings = {"INFERENCE_MODE": "cpu", "NUM_WORKERS": 1, "CLAMD_URL": clamd.url, "CLAMD_RETRY_HOURS": 1 / 3600}
    with Service(tmp_path, **settings) as service:
        clamd.fails_on = b"patient"
        child = only_child(service, packed(a_txt=b"patient words\n"))
        assert service.ended(child["job_id"])["error"]["code"] == "VIRUS_SCAN_UNAVAILABLE"
        assert service.client.get(child["source_url"]).json()["error"]["code"] == "VIRUS_SCAN_UNAVAILABLE"
        clamd.fails_on = None
        answer = service.client.post(f"/v1/jobs/{child['job_id']}/retry")
        assert (answer.status_code, answer.json()["job_id"]) == (202, child["job_id"])
        assert service.ended(child["job_id"])["status"] == "completed"
        assert service.result(child["job_id"])["markdown"] == "patient words\n"
        assert service.client.post(f"/v1/jobs/{child['job_id']}/retry").status_code == 409


def test_an_infected_file_in_an_archive_is_an_entry_with_its_error_and_the_others_are_read(service):
    job_id = send(service, "all.zip", packed(bad_pdf=SAMPLE, good_txt=CLEAN)).json()["job_id"]
    service.ended(job_id)
    found = {child["name"]: child for child in service.result(job_id)["children"]}
    assert found["bad.pdf"]["job_id"] is None
    assert found["bad.pdf"]["error"]["code"] == "INFECTED_FILE"
    service.ended(found["good.txt"]["job_id"])
    assert service.result(found["good.txt"]["job_id"])["markdown"] == "clean words\n"


def test_health_system_and_doctor_say_that_files_are_scanned(service, clamd, tmp_path):
    assert service.client.get("/v1/health").json()["checks"]["virus_scan"] == {"ok": True, "detail": "ClamAV 1.0 (a fake)"}
    assert service.client.get("/v1/system").json()["virus_scan"] is True
    assert run_checks(tmp_path, "--only", "virus-scan", CLAMD_URL=clamd.url)["virus scan"]["status"] == "ok"
    gone = run_checks(tmp_path, "--only", "virus-scan", CLAMD_URL="unix:///nowhere/clamd.sock")["virus scan"]
    assert gone["status"] == "missing"
    assert "CLAMD_URL" in gone["advice"]
