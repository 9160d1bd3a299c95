"""Documents inside a document become jobs of their own: each once, whatever dies, and none without a word."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pikepdf
import pytest
from redis import Redis

from document_parser.host.libreoffice import find_libreoffice
from document_parser.jobs.records import children
from tests.support.documents import stamped_pdf
from tests.support.invoices import CII
from tests.support.old_documents import old_text
from tests.support.processes import kill_horses
from tests.support.service import Service, redis_url_of, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(
        tmp_path_factory.mktemp("unpack"), INFERENCE_MODE="cpu", MAX_NESTING_DEPTH="1", MAX_UNPACKED_MB="1"
    ) as running:
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
    assert "which is 1 deep" in deepest[0]["error"]["message"]
    assert "MAX_NESTING_DEPTH" in deepest[0]["error"]["message"]


def test_what_unpacks_to_more_than_the_limit_is_listed_with_the_reason_and_the_rest_is_read(service, tmp_path):
    mail = EmailMessage()
    mail["Subject"] = "files"
    mail.set_content("See the files.")
    for name in ("first.txt", "second.txt"):
        mail.add_attachment("words " * 120_000, filename=name)
    path = tmp_path / "files.eml"
    path.write_bytes(mail.as_bytes())
    job_id = service.submit(path)
    service.ended(job_id)
    first, second = service.result(job_id)["children"]
    assert service.ended(first["job_id"])["status"] == "completed"
    assert second["error"]["code"] == "UNPACKED_TOO_LARGE"
    assert "at most 1 MiB (MAX_UNPACKED_MB)" in second["error"]["message"]


def test_archives_in_an_archive_are_bounded_together(tmp_path_factory, tmp_path):
    inner = {f"{name}.zip": zip_bytes({f"{name}{number}.txt": b"words" for number in range(4)}) for name in "abc"}
    path = zipped(tmp_path / "outer.zip", inner)
    with Service(tmp_path_factory.mktemp("bounded"), NUM_WORKERS="1", MAX_MEMBERS="9") as bounded:
        job_id = bounded.submit(path)
        bounded.ended(job_id)
        outer = bounded.result(job_id)["children"]
        found = []
        for child in outer:
            bounded.ended(child["job_id"])
            found += bounded.result(child["job_id"])["children"]
    assert len(found) == 12
    refused = [child["error"]["code"] for child in found if "error" in child]
    assert refused == ["TOO_MANY_MEMBERS"] * (3 + 12 - 9)
    assert sum(bool(child.get("job_id")) for child in found) == 9 - 3


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


def test_the_data_of_an_electronic_invoice_is_listed_read_and_kept(service, tmp_path):
    plain, path = stamped_pdf(tmp_path / "plain.pdf", [1]), tmp_path / "invoice.pdf"
    with pikepdf.open(plain) as pdf:
        pdf.attachments["factur-x.xml"] = pikepdf.AttachedFileSpec(pdf, CII.encode(), mime_type="text/xml")
        pdf.attachments["terms.txt"] = pikepdf.AttachedFileSpec(pdf, b"the terms")
        pdf.save(path)
    job_id = service.submit(path)
    service.ended(job_id)
    result = service.result(job_id)
    (invoice,) = result["attachments"]
    assert (invoice["name"], invoice["invoice"]) == ("factur-x.xml", "urn:cen.eu:en16931:2017")
    assert {child["name"] for child in result["children"]} == {"factur-x.xml", "terms.txt"}
    service.ended(invoice["job_id"])
    assert "# Invoice 471102" in service.result(invoice["job_id"])["markdown"]
    kept = service.client.get(invoice["source_url"])
    assert (kept.content, kept.headers["Content-Type"]) == (CII.encode(), "application/octet-stream")
    assert 'filename="factur-x.xml"' in kept.headers["Content-Disposition"]
    document = service.result(job_id, format="json")["document"]
    assert [child["name"] for child in document["attachments"]] == ["factur-x.xml"]


def test_a_container_and_what_is_in_it_can_be_had_as_one_text(service, tmp_path):
    inner = zip_bytes({"deep.txt": b"deep words"})
    members = {"a.txt": b"first words", "odd.bin": b"\x00\x01" * 90, "inner.zip": inner}
    job_id = service.submit(zipped(tmp_path / "whole.zip", members))
    service.ended(job_id)
    for child in service.result(job_id)["children"]:
        if child["job_id"]:
            service.ended(child["job_id"])
    answer = service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "markdown", "children": "append"})
    head, first, odd, packed, deep = answer.text.split("\n#")
    assert head.startswith("- a.txt\n")
    assert first.strip() == "`a.txt`\n\nfirst words"
    assert odd.strip().startswith("`odd.bin`\n\n*Not read: ")
    assert packed.strip() == "`inner.zip`\n\n- deep.txt"
    assert deep.strip().startswith("# `deep.txt`\n\n*Not read: ")
    assert service.result(job_id, format="markdown", children="append")["markdown"] == answer.text
    plain = service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "text", "children": "append"}).text
    assert "\na.txt\n\nfirst words\n" in plain
    refused = service.client.get(f"/v1/jobs/{job_id}/result", params={"format": "json", "children": "append"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "INVALID_OPTION")


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
