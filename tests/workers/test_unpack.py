"""Documents inside a document become jobs of their own: each once, whatever dies, and none without a word."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest

from document_parser.host.libreoffice import find_libreoffice
from document_parser.jobs.records import children
from tests.support.documents import stamped_pdf
from tests.support.old_documents import old_text
from tests.support.processes import kill_horses
from tests.support.service import Service, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("unpack"), INFERENCE_MODE="cpu", MAX_NESTING_DEPTH="1") as running:
        yield running


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def zip_bytes(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_every_file_of_an_archive_is_a_job_with_its_own_result(service, tmp_path):
    pdf = stamped_pdf(tmp_path / "a.pdf", [1, 2]).read_bytes()
    members = {"letters/a.pdf": pdf, "../../data.csv": b"a;b\n1;2\n", "notes.txt": b"hello", "odd.bin": b"\x00\x01" * 90}
    job_id = service.submit(zipped(tmp_path / "all.zip", members))
    assert service.ended(job_id)["children"] == 4
    result = service.result(job_id)
    assert result["markdown"].split("\n") == ["- letters/a.pdf", "- data.csv", "- notes.txt", "- odd.bin", ""]
    found = {child["name"]: child for child in result["children"]}
    assert found["odd.bin"]["job_id"] is None
    assert found["odd.bin"]["error"]["code"] == "UNSUPPORTED_FORMAT"
    texts = {}
    for name in ("letters/a.pdf", "data.csv", "notes.txt"):
        assert found[name]["status_url"] == f"/v1/jobs/{found[name]['job_id']}/status"
        status = service.ended(found[name]["job_id"])
        assert (status["status"], status["filename"]) == ("completed", name.rpartition("/")[2])
        texts[name] = service.result(found[name]["job_id"])["markdown"]
    assert texts["notes.txt"] == "hello\n"
    assert texts["data.csv"].startswith("| a | b |")
    document = json.loads(json.dumps(service.result(job_id, format="json")["document"]))
    assert [child["name"] for child in document["children"]] == [name.removeprefix("../../") for name in members]


def test_a_packed_file_is_a_job_named_without_the_extension_of_packing(service, tmp_path):
    path = tmp_path / "notes.txt.gz"
    path.write_bytes(gzip.compress(b"hello"))
    job_id = service.submit(path)
    service.ended(job_id)
    (child,) = service.result(job_id)["children"]
    assert child["name"] == "notes.txt"
    service.ended(child["job_id"])
    assert service.result(child["job_id"])["markdown"] == "hello\n"


@pytest.mark.skipif(find_libreoffice("soffice") is None, reason="LibreOffice is not installed")
def test_a_document_of_an_old_format_says_in_its_result_what_converted_it(service, tmp_path):
    job_id = service.submit(old_text(tmp_path / "letter.sxw", "<text:p>Words of old</text:p>"))
    assert service.ended(job_id)["status"] == "completed"
    result = service.result(job_id, format="json")["document"]
    assert [block["text"] for block in result["pages"][0]["blocks"]] == ["Words of old"]
    assert [warning["code"] for warning in result["pages"][0]["warnings"]] == ["converted"]
    formats = {found["name"]: found for found in service.client.get("/v1/system").json()["formats"]}
    assert (formats["sxw"]["needs"], formats["sxw"]["available"]) == ("libreoffice", True)
    assert (formats["pdf"]["needs"], formats["pdf"]["available"]) == (None, True)


def test_files_deeper_than_the_limit_are_listed_with_the_reason(service, tmp_path):
    inner = zip_bytes({"deep.txt": b"words", "deeper.txt": b"more"})
    job_id = service.submit(zipped(tmp_path / "outer.zip", {"inner.zip": inner}))
    service.ended(job_id)
    (child,) = service.result(job_id)["children"]
    service.ended(child["job_id"])
    deepest = service.result(child["job_id"])["children"]
    assert [one["error"]["code"] for one in deepest] == ["NESTED_TOO_DEEP"] * 2


def test_deleting_an_archive_deletes_the_jobs_of_its_files(service, tmp_path):
    job_id = service.submit(zipped(tmp_path / "some.zip", {"a.txt": b"a", "b.txt": b"b"}))
    service.ended(job_id)
    inside = [child["job_id"] for child in service.result(job_id)["children"]]
    for one in inside:
        service.ended(one)
    assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
    assert [service.client.get(f"/v1/jobs/{one}/status").status_code for one in (job_id, *inside)] == [404] * 3


def test_a_planner_killed_in_the_middle_makes_no_file_a_second_job(service, tmp_path):
    members = {f"{number:02}.txt": f"text {number}".encode() for number in range(30)}
    job_id = service.submit(zipped(tmp_path / "thirty.zip", members))
    first = children.child_id(job_id, 0)
    wait_until(lambda: service.client.get(f"/v1/jobs/{first}/status").status_code == 200, 60, "the first child")
    kill_horses(service)
    service.ended(job_id, 120)
    found = service.result(job_id)["children"]
    assert [child["job_id"] for child in found] == [children.child_id(job_id, index) for index in range(30)]
    for index, child in enumerate(found):
        service.ended(child["job_id"], 120)
        assert service.result(child["job_id"])["markdown"] == f"text {index}\n"
    listed = service.client.get("/v1/jobs", params={"limit": 200}).json()["jobs"]
    names = [job["filename"] for job in listed if job["filename"] in members]
    assert sorted(names) == sorted(members)


def test_a_damaged_file_in_an_archive_costs_only_itself(service, tmp_path):
    data = bytearray(zip_bytes({"good.txt": b"fine words", "bad.txt": b"broken words", "last.txt": b"also fine"}))
    place = data.index(b"broken words")
    data[place : place + 6] = b"BROKEN"
    path = tmp_path / "torn.zip"
    path.write_bytes(data)
    job_id = service.submit(path)
    service.ended(job_id)
    found = {child["name"]: child for child in service.result(job_id)["children"]}
    assert found["bad.txt"]["error"]["code"] == "PAGE_UNREADABLE"
    assert "damaged" in found["bad.txt"]["error"]["message"]
    assert found["good.txt"]["job_id"]
    assert found["last.txt"]["job_id"]
