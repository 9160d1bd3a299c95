"""Documents inside a document become jobs of their own: each once, whatever dies, and none without a word."""

from __future__ import annotations

import io
import json
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from redis import Redis

from document_parser.jobs.records import children
from tests.support.documents import stamped_pdf
from tests.support.processes import kill_horses
from tests.support.service import Service, redis_url_of, wait_until


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


def mail_with(attachments: dict[str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Many files"
    message.set_content("They are attached.")
    for name, data in attachments.items():
        message.add_attachment(data, maintype="text", subtype="plain", filename=name)
    return message.as_bytes()


def test_a_worker_killed_in_the_middle_of_a_mail_with_30_attachments_loses_none_and_reads_none_twice(service, tmp_path):
    names = [f"attachment {number:02}.txt" for number in range(30)]
    path = tmp_path / "many.eml"
    path.write_bytes(mail_with({name: f"words of {name}".encode() for name in names}))
    with path.open("rb") as stream:
        taken = service.client.post("/v1/process/batch", files=[("files", (path.name, stream))]).json()
    job_id = taken["jobs"][0]["job_id"]
    halfway = children.child_id(job_id, 12)
    wait_until(lambda: service.client.get(f"/v1/jobs/{halfway}/status").status_code == 200, 60, "some children")
    kill_horses(service)
    status = {"status": "processing"}
    for _ in range(12):
        if status["status"] == "processing":
            status = service.client.get(f"/v1/batches/{taken['batch_id']}", params={"wait": 15}).json()
    assert (status["status"], status["counts"]) == ("completed", {"completed": 31}), service.log[-4000:]
    inside = [job for job in status["jobs"] if job["parent"] == job_id]
    assert [job["name"] for job in inside] == names
    for job in inside:
        assert service.result(job["job_id"])["markdown"] == f"words of {job['name']}\n"
        pages = service.client.get(f"/v1/jobs/{job['job_id']}/pages/1").json()
        assert len(pages["attempts"]) == 1
    listed = service.client.get("/v1/jobs", params={"limit": 500}).json()["jobs"]
    assert sorted(job["filename"] for job in listed if job["batch_id"] == taken["batch_id"]) == sorted([path.name, *names])
    with Redis.from_url(redis_url_of(service)) as redis:
        events = redis.xrange(f"batch:{taken['batch_id']}:events")
    kinds = [fields[b"kind"].decode() for _, fields in events]
    assert (kinds.count("job.completed"), kinds.count("batch.ended")) == (31, 1)
