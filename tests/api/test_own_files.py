"""Types and schemas of the operator's own that cannot be used: refused at the start, shown by the doctor, never a 500."""

from __future__ import annotations

import subprocess
import sys

import pytest

from document_parser.cli.checks.machine import check_own_files
from document_parser.settings import ExtractionSettings, Settings
from tests.support.service import ROOT, Service

LABELS = '[{"name": "note", "words": ["delivery note"]}]'
SCHEMA = """{"name": "meter", "version": 1, "title": "Meter", "json_schema":
{"type": "object", "properties": {"meter": {"type": "string"}}}}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def service(tmp_path_factory, folder):
    (folder / "labels.json").write_text(LABELS)
    (folder / "schemas").mkdir()
    (folder / "schemas" / "meter.json").write_text(SCHEMA)
    own = {"LABELS_FILE": folder / "labels.json", "SCHEMAS_DIR": folder / "schemas"}
    with Service(tmp_path_factory.mktemp("service"), NUM_WORKERS=0, WEB_WORKERS=1, **own) as running:
        yield running


def code_of(answer):
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["details"]


def test_a_file_that_breaks_after_the_start_is_the_operator_s_and_named_by_its_setting_alone(service, folder):
    assert any(one["name"] == "meter" for one in service.client.get("/v1/schemas").json()["schemas"])
    (folder / "labels.json").write_text("[")
    (folder / "schemas" / "meter.json").write_text("{")
    listed = service.client.get("/v1/schemas")
    assert code_of(listed) == (503, "OWN_FILE_BROKEN", {"setting": "SCHEMAS_DIR"})
    assert str(folder) not in listed.text
    sent = service.client.post("/v1/process/async", files={"file": ("a.txt", b"words")}, data={"labels": "invoice"})
    assert code_of(sent) == (503, "OWN_FILE_BROKEN", {"setting": "LABELS_FILE"})


@pytest.mark.parametrize("setting", ["LABELS_FILE", "SCHEMAS_DIR"])
def test_a_start_with_a_file_that_cannot_be_used_is_refused_and_the_file_is_named(tmp_path, setting):
    broken = tmp_path / "own" / "mine.json"
    broken.parent.mkdir()
    broken.write_text("{")
    path = broken if setting == "LABELS_FILE" else broken.parent
    environment = {setting: str(path), "DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "document_parser.api"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"API_PORT": "0", "WEB_WORKERS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert f"{setting}: {broken}" in ended.stderr
    assert f"Correct the file, or leave {setting} empty." in ended.stderr


def test_the_doctor_names_what_can_be_used_and_what_cannot(tmp_path):
    (tmp_path / "labels.json").write_text(LABELS)
    (tmp_path / "mine.json").write_text("{")
    own = ExtractionSettings(labels_file=str(tmp_path / "labels.json"), schemas_dir=str(tmp_path))
    found = {one.name: one for one in check_own_files(Settings(extraction=own))}
    assert (found["own types"].status, found["own types"].detail) == ("ok", f"note ({tmp_path / 'labels.json'})")
    assert found["own schemas"].status == "missing"
    assert "SCHEMAS_DIR" in found["own schemas"].advice
    gone = ExtractionSettings(labels_file=str(tmp_path / "none.json"), schemas_dir=str(tmp_path / "none"))
    assert {one.status for one in check_own_files(Settings(extraction=gone))} == {"missing"}
    assert list(check_own_files(Settings())) == []
