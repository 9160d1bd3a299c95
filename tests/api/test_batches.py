"""Batches: many files in one request, one progress, one end, one archive; what cannot be read is told, never lost."""

from __future__ import annotations

import io
import json
import threading
import uuid
import zipfile

import pytest
from standardwebhooks import Webhook as Verifier

from tests.support.bucket import Bucket
from tests.support.documents import encrypted_pdf, stamped_pdf
from tests.support.receiver import receiving, secret_of, settings
from tests.support.service import Service, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    bounds = {"MAX_BATCH_FILES": "40", "MAX_BATCH_MB": "3", "MAX_UPLOAD_MB": "1", "MAX_NESTING_DEPTH": "1"}
    with Service(tmp_path_factory.mktemp("batches"), **settings(**bounds)) as running:
        yield running


def zip_bytes(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def send(service, files, headers=None, **fields):
    parts = [("files", (name, data)) for name, data in files]
    return service.client.post("/v1/process/batch", files=parts, data=fields, headers=headers or {})


def sent(service, files, **fields) -> dict:
    answer = send(service, files, **fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(service, batch_id: str) -> dict:
    for _ in range(20):
        found = service.client.get(f"/v1/batches/{batch_id}", params={"wait": 10}).json()
        if found["status"] != "processing":
            return found
    raise AssertionError(f"{found}\n{service.log[-4000:]}")


def downloaded(service, batch_id: str, **query) -> tuple[dict, dict[str, bytes]]:
    answer = service.client.get(f"/v1/batches/{batch_id}/download", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(found.pop("manifest.json")), found


def test_every_file_of_a_batch_is_a_job_and_its_result_is_in_one_archive(service, tmp_path):
    pdf = stamped_pdf(tmp_path / "a.pdf", [1, 2]).read_bytes()
    taken = sent(service, [("letters/a.pdf", pdf), ("notes.txt", b"hello")])
    batch_id = taken["batch_id"]
    assert [job["name"] for job in taken["jobs"]] == ["letters/a.pdf", "notes.txt"]
    assert taken["status_url"] == f"/v1/batches/{batch_id}"
    status = ended(service, batch_id)
    assert (status["status"], status["counts"], status["files"]) == ("completed", {"completed": 2}, 2)
    assert status["pages"] == {"total": 3, "finished": 3}
    assert [job["job_id"] for job in status["jobs"]] == [job["job_id"] for job in taken["jobs"]]
    assert status["expires_at"]
    manifest, results = downloaded(service, batch_id)
    assert sorted(results) == ["a.pdf.json", "a.pdf.md", "notes.txt.json", "notes.txt.md"]
    assert results["notes.txt.md"] == b"hello\n"
    assert json.loads(results["a.pdf.json"])["page_count"] == 2
    assert [file["results"] for file in manifest["files"]] == [["a.pdf.md", "a.pdf.json"], ["notes.txt.md", "notes.txt.json"]]
    _, texts = downloaded(service, batch_id, format="text")
    assert texts["notes.txt.txt"] == b"hello\n"


def test_what_cannot_be_read_is_an_entry_with_its_reason_and_the_batch_is_partial(service, tmp_path):
    locked = encrypted_pdf(tmp_path / "locked.pdf", "key").read_bytes()
    files = [("good.txt", b"words"), ("odd.bin", b"\x00\x01" * 90), ("empty.txt", b""), ("locked.pdf", locked)]
    taken = sent(service, [*files, ("large.txt", b"x" * ((1 << 20) + 1))])
    assert [job.get("error", {}).get("code") for job in taken["jobs"]] == [
        None, "UNSUPPORTED_FORMAT", "EMPTY_FILE", None, "FILE_TOO_LARGE",
    ]  # fmt: skip
    status = ended(service, taken["batch_id"])
    assert status["status"] == "partial"
    assert status["counts"] == {"completed": 1, "refused": 3, "failed": 1}
    assert [job["status"] for job in status["jobs"]] == ["completed", "refused", "refused", "failed", "refused"]
    assert status["jobs"][3]["error"]["code"] == "ENCRYPTED_DOCUMENT"
    manifest, results = downloaded(service, taken["batch_id"])
    assert sorted(results) == ["good.txt.json", "good.txt.md"]
    codes = [(file["error"] or {}).get("code") for file in manifest["files"]]
    assert codes == [None, "UNSUPPORTED_FORMAT", "EMPTY_FILE", "ENCRYPTED_DOCUMENT", "FILE_TOO_LARGE"]


def test_a_batch_of_which_nothing_can_be_read_has_failed(service):
    taken = sent(service, [("a.bin", b"\x00\x01" * 90), ("b.txt", b"")])
    assert taken["status"] == "failed"
    assert ended(service, taken["batch_id"])["counts"] == {"refused": 2}
    manifest, results = downloaded(service, taken["batch_id"])
    assert (results, len(manifest["files"])) == ({}, 2)


def test_the_files_of_an_archive_that_is_sent_alone_are_the_files_of_the_batch(service):
    inner = zip_bytes({"deep.txt": b"deep"})
    data = zip_bytes({"one/a.txt": b"first", "two/a.txt": b"second", "odd.bin": b"\x00\x01" * 90, "in.zip": inner})
    answer = service.client.post(
        "/v1/process/batch", content=data, params={"filename": "all.zip"}, headers={"Content-Type": "application/zip"}
    )
    assert answer.status_code == 202, answer.text
    status = ended(service, answer.json()["batch_id"])
    assert status["archive"] == answer.json()["jobs"][0]["job_id"]
    assert [(job["name"], job["status"]) for job in status["jobs"]] == [
        ("one/a.txt", "completed"),
        ("two/a.txt", "completed"),
        ("odd.bin", "refused"),
        ("in.zip", "completed"),
        ("deep.txt", "refused"),
    ]
    assert status["jobs"][4]["parent"] == status["jobs"][3]["job_id"]
    assert status["counts"] == {"completed": 3, "refused": 2}
    manifest, results = downloaded(service, answer.json()["batch_id"], format="markdown")
    assert results["a.txt.md"] == b"first\n"
    assert results["a.txt (2).md"] == b"second\n"
    assert manifest["files"][4]["error"]["code"] == "NESTED_TOO_DEEP"


def test_the_files_are_listed_one_page_at_a_time(service):
    taken = sent(service, [(f"{number}.txt", b"words") for number in range(7)])
    status = ended(service, taken["batch_id"])
    names, cursor = [], ""
    while cursor is not None:
        page = service.client.get(f"/v1/batches/{taken['batch_id']}", params={"limit": 3, "cursor": cursor}).json()
        names.append([job["name"] for job in page["jobs"]])
        cursor = page["next_cursor"]
    assert names == [["0.txt", "1.txt", "2.txt"], ["3.txt", "4.txt", "5.txt"], ["6.txt"]]
    assert (status["next_cursor"], page["files"]) == (None, 7)
    refused = service.client.get(f"/v1/batches/{taken['batch_id']}", params={"cursor": "first"})
    assert refused.json()["error"]["code"] == "INVALID_OPTION"


def events_of(service, batch_id: str, last: str = "") -> list[tuple[str, str, dict]]:
    found, event = [], {}
    headers = {"Last-Event-ID": last} if last else {}
    with service.client.stream("GET", f"/v1/batches/{batch_id}/events", headers=headers, timeout=120) as answer:
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif "event" in event:
                found.append((event.get("id", ""), event["event"], json.loads(event["data"])))
                event = {}
    return found


def test_events_tell_of_each_file_and_once_of_the_end_and_resume_where_they_stopped(service):
    taken = sent(service, [(f"{number}.txt", b"words") for number in range(5)])
    found = events_of(service, taken["batch_id"])
    kinds = [kind for _, kind, _ in found]
    assert kinds.count("job.completed") == 5
    assert (kinds[0], kinds[-1], kinds.count("batch.ended")) == ("status", "batch.ended", 1)
    assert found[-1][2] == {"batch_id": taken["batch_id"], "state": "completed"}
    assert {facts["job_id"] for _, kind, facts in found if kind == "job.completed"} == {job["job_id"] for job in taken["jobs"]}
    numbered = [one for one in found if one[0]]
    again = events_of(service, taken["batch_id"], last=numbered[-3][0])
    assert [one for one in again if one[0]] == numbered[-2:]


def test_one_webhook_tells_of_the_end_of_a_batch_and_none_of_its_jobs(service):
    with receiving() as receiver:
        taken = sent(service, [(f"{number}.txt", b"words") for number in range(6)], webhook_url=receiver.url)
        status = ended(service, taken["batch_id"])
        wait_until(lambda: receiver.calls, 30, "the webhook")
        wait_until(lambda: ended(service, taken["batch_id"])["webhook"]["state"] == "delivered", 30, "it is delivered")
    (call,) = receiver.calls
    content = Verifier(secret_of(service)).verify(call.body, call.headers)
    assert (content["type"], call.id) == ("batch.ended", f"msg_{taken['batch_id']}")
    assert (content["data"]["status"], content["data"]["counts"]) == ("completed", {"completed": 6})
    assert content["timestamp"] == status["completed_at"]
    listed = service.client.get("/v1/webhooks/deliveries").json()["deliveries"]
    assert [one["event"] for one in listed if one["job_id"] == taken["batch_id"]] == ["batch.ended"]


def test_deleting_a_batch_deletes_its_jobs_and_all_files(service):
    taken = sent(service, [("a.txt", b"a"), ("in.zip", zip_bytes({"b.txt": b"b"}))])
    status = ended(service, taken["batch_id"])
    ids = [job["job_id"] for job in status["jobs"]]
    assert len(ids) == 3
    path = f"/v1/batches/{taken['batch_id']}"
    assert service.client.delete(path, headers={"Authorization": "Basic eDp5"}).status_code == 403
    assert service.client.delete(path).status_code == 200
    assert service.client.get(path).json()["error"]["code"] == "BATCH_NOT_FOUND"
    assert [service.client.get(f"/v1/jobs/{one}/status").status_code for one in ids] == [404] * 3
    assert not [one for one in ids if (service.data_dir / "jobs" / one).exists()]
    assert not (service.data_dir / "batches" / taken["batch_id"] / "batch.json").exists()


def test_a_job_that_is_deleted_counts_as_deleted(service):
    taken = sent(service, [("a.txt", b"a"), ("b.txt", b"b")])
    ended(service, taken["batch_id"])
    assert service.client.delete(f"/v1/jobs/{taken['jobs'][0]['job_id']}").status_code == 200
    status = ended(service, taken["batch_id"])
    assert (status["counts"], [job["status"] for job in status["jobs"]]) == (
        {"deleted": 1, "completed": 1},
        ["deleted", "completed"],
    )
    manifest, results = downloaded(service, taken["batch_id"])
    assert sorted(results) == ["b.txt.json", "b.txt.md"]
    assert manifest["files"][0]["status"] == "deleted"


def test_a_cancelled_batch_ends_and_keeps_what_is_finished(service, tmp_path):
    with receiving() as receiver:
        scan = stamped_pdf(tmp_path / "long.pdf", range(1, 60)).read_bytes()
        taken = sent(service, [(f"{number}.pdf", scan) for number in range(8)], webhook_url=receiver.url)
        path = f"/v1/batches/{taken['batch_id']}"
        assert service.client.get(f"{path}/download").json()["error"]["code"] == "BATCH_NOT_COMPLETE"
        assert service.client.post(f"{path}/cancel").status_code == 200
        status = ended(service, taken["batch_id"])
        wait_until(lambda: receiver.calls, 30, "the webhook")
    assert status["counts"].get("cancelled")
    assert sum(status["counts"].values()) == 8
    assert service.client.post(f"{path}/cancel").json()["error"]["code"] == "BATCH_ENDED"
    assert len(receiver.calls) == 1


def test_the_same_key_returns_the_same_batch_and_another_request_with_it_is_refused(service):
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    files = [("a.txt", b"a"), ("b.txt", b"b")]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(send(service, files, headers))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [202] * 4
    (batch_id,) = {answer.json()["batch_id"] for answer in answers}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert ended(service, batch_id)["counts"] == {"completed": 2}
    again = send(service, files, headers)
    assert (again.json()["batch_id"], again.headers["Idempotency-Replayed"]) == (batch_id, "true")
    for other in ([*files, ("c.txt", b"c")], [("a.txt", b"a"), ("b.txt", b"B")]):
        assert send(service, other, headers).json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    one = service.client.post("/v1/process/async", files={"file": ("a.txt", b"a")}, headers=headers)
    assert one.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert service.client.delete(f"/v1/batches/{batch_id}").status_code == 200
    assert send(service, files, headers).json()["batch_id"] != batch_id


def all_jobs(service) -> list[str]:
    return [job["job_id"] for job in service.client.get("/v1/jobs", params={"limit": 500}).json()["jobs"]]


def test_what_concerns_all_files_refuses_the_request_and_keeps_nothing(service):
    before = all_jobs(service)
    many = [(f"{number}.txt", b"words") for number in range(41)]
    refused = send(service, many)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "TOO_MANY_FILES")
    assert refused.json()["error"]["details"] == {"limit_files": 40, "files": 41}
    assert send(service, many * 3).json()["error"]["code"] == "TOO_MANY_FILES"
    large = send(service, [(f"{number}.txt", b"x" * (1 << 20)) for number in range(6)])
    assert (large.status_code, large.json()["error"]["code"]) == (413, "BATCH_TOO_LARGE")
    assert large.json()["error"]["details"]["limit_mb"] == 3
    assert send(service, [("a.txt", b"a")], accuracy_mode="best").json()["error"]["code"] == "INVALID_OPTION"
    nothing = service.client.post("/v1/process/batch", files={"other": ("a.txt", b"a")})
    assert nothing.json()["error"]["code"] == "FILE_MISSING"
    assert all_jobs(service) == before
    assert not list((service.data_dir / "staging").glob("upload-*"))


def test_ids_that_no_batch_has_are_not_found(service):
    for name in (str(uuid.uuid4()), "nothing"):
        for path in ("", "/events", "/download"):
            answer = service.client.get(f"/v1/batches/{name}{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "BATCH_NOT_FOUND")


def test_results_are_streamed_from_a_bucket_too(tmp_path):
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as bucket, Service(tmp_path, NUM_WORKERS=1, WEB_WORKERS=1, **bucket.settings) as running:
        taken = sent(running, [("a.txt", b"words"), ("in.zip", zip_bytes({"b.txt": b"more"}))])
        assert ended(running, taken["batch_id"])["counts"] == {"completed": 3}
        _, results = downloaded(running, taken["batch_id"], format="markdown")
        assert (results["a.txt.md"], results["b.txt.md"]) == (b"words\n", b"more\n")
        assert running.client.delete(f"/v1/batches/{taken['batch_id']}").status_code == 200
