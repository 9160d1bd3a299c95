"""Documents that a process beside the workers fetches, and results that it puts into buckets."""

from __future__ import annotations

import json
import os
import signal
import threading
import zipfile

import pytest

from tests.support.bucket import NAME, Bucket
from tests.support.document_host import SECRET, Served, document_host
from tests.support.processes import pids_named
from tests.support.receiver import receiving, told
from tests.support.service import SOON, Service, redis_url_of, wait_until

HTML = b"<!doctype html><title>A page</title><h1>Opening hours</h1><p>Monday to Friday</p>"


@pytest.fixture(scope="module")
def host():
    with document_host() as found:
        yield found


@pytest.fixture(scope="module")
def bucket():
    pytest.importorskip("moto.server", reason="moto is in the extra 'dev'")
    with Bucket() as started:
        yield started


@pytest.fixture(scope="module")
def objects(bucket):
    import boto3

    options = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=bucket.settings["S3_ENDPOINT_URL"], **options)
    yield client
    client.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory, bucket):
    settings = {name: value for name, value in bucket.settings.items() if name != "STORAGE_URL"} | {
        "FETCH_ALLOW_HOSTS": '["127.0.0.1"]',
        "FETCH_S3_BUCKETS": json.dumps([NAME, "no-such-bucket"]),
        "RESULT_S3_BUCKETS": json.dumps([NAME, "no-such-bucket"]),
        "RESULT_S3_RETRY_SECONDS": "[0.1]",
        "FETCH_STALL_SECONDS": 30,
        "WEBHOOK_ALLOW_HOSTS": '["127.0.0.1"]',
        "MAX_UPLOAD_MB": 2,
        "CACHE_HOURS": 24,
        **SOON,
    }
    with Service(tmp_path_factory.mktemp("transfers"), **settings) as started:
        yield started


@pytest.fixture
def letter(paper):
    return paper.read_bytes()


def post(service, path="url", headers=None, **body):
    answer = service.client.post(f"/v1/process/{path}", json=body, headers=headers or {})
    assert answer.status_code == 202, answer.text
    return answer.json()["job_id"]


def error_of(service, job_id):
    return service.ended(job_id)["error"]["code"]


def held(host, path, body):
    """A path that sends a part of its body, then waits."""
    served = Served(body, cut_after=100, hold=threading.Event())
    host.paths[path] = served
    return served.hold


def staged_files(service):
    return list((service.data_dir / "staging").glob("*"))


def test_a_document_is_fetched_read_and_named_and_its_query_is_told_to_nobody(service, host, letter):
    host.paths["/in/letter.pdf"] = Served(letter)
    job_id = post(service, url=host.url("/in/letter.pdf", SECRET), output_format="text")
    status = service.ended(job_id)
    assert status["status"] == "completed", status
    assert (status["filename"], status["source"]["address"]) == ("letter.pdf", host.url("/in/letter.pdf"))
    assert status["source"]["received_bytes"] == status["source"]["total_bytes"] == len(letter)
    assert "quick brown fox" in service.result(job_id)["text"]
    assert any(one.path.endswith(SECRET) for one in host.asked)
    kept = [path.read_bytes() for path in (service.data_dir / "jobs" / job_id).rglob("*") if path.is_file()]
    for text in (service.log.encode(), json.dumps(status).encode(), *kept):
        assert SECRET.encode() not in text


def test_an_address_is_sealed_in_redis_and_forgotten_once_fetched(service, host, letter):
    from redis import Redis

    release = held(host, "/sealed.pdf", letter)
    job_id = post(service, url=host.url("/sealed.pdf", SECRET))
    wait_until(lambda: service.status(job_id)["stage"] == "fetching", 20, "it is being fetched")
    with Redis.from_url(redis_url_of(service)) as redis:
        record = redis.hgetall(f"job:{job_id}")
        assert record[b"address"]
        assert SECRET.encode() not in b"".join(record.values())
        release.set()
        assert service.ended(job_id)["status"] == "completed"
        assert not redis.hexists(f"job:{job_id}", "address")


def test_a_web_page_is_a_document_and_what_it_loads_is_not_fetched(service, host):
    host.paths["/hours"] = Served(
        HTML + f'<img src="{host.url("/tracker.png")}">'.encode(), headers={"Content-Type": "text/html; charset=utf-8"}
    )
    job_id = post(service, url=host.url("/hours"))
    assert service.ended(job_id)["filename"] == "hours.html"
    assert "# Opening hours" in service.result(job_id)["markdown"]
    assert host.count("/tracker.png") == 0


def test_a_document_that_another_job_reads_already_is_read_once(service, host, letter):
    host.paths["/twin.pdf"] = Served(letter.replace(b"%PDF-1", b"%PDF-1") + b"\n% twins")
    first = service.ended(post(service, url=host.url("/twin.pdf")))
    assert first["status"] == "completed"
    assert first["cache"] == "miss"
    assert service.ended(post(service, url=host.url("/twin.pdf")))["cache"] == "hit"


@pytest.mark.parametrize(
    ("served", "code"),
    [
        (Served(status=403), "FETCH_DENIED"),
        (Served(status=404), "FETCH_NOT_FOUND"),
        (Served(status=418), "FETCH_REJECTED"),
        (Served(status=302, headers={"Location": "http://10.0.0.1/"}), "FETCH_REFUSED"),
        (Served(status=302, headers={"Location": "/x.pdf"}), "FETCH_REDIRECTS"),
        (Served(b"x", headers={"Content-Encoding": "br"}), "FETCH_ENCODING"),
        (Served(b"", length=9 << 20), "FILE_TOO_LARGE"),
        (Served(b""), "EMPTY_FILE"),
        (Served(HTML), "CONTENT_MISMATCH"),
        (Served(b"\x7fELF" + bytes(99)), "CONTENT_MISMATCH"),
    ],
)
def test_what_cannot_be_fetched_fails_the_job_with_its_code_and_leaves_nothing(service, host, served, code):
    host.paths["/x.pdf"] = served
    job_id = post(service, url=host.url("/x.pdf", SECRET))
    status = service.ended(job_id)
    assert (status["status"], status["error"]["code"]) == ("failed", code)
    answer = service.client.get(f"/v1/jobs/{job_id}/result")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status["error"]["status"], code)
    assert SECRET not in answer.text
    assert not (service.data_dir / "jobs" / job_id / "source").exists()


def test_a_webhook_tells_of_a_document_that_could_not_be_fetched(service, host):
    with receiving() as receiver:
        job_id = post(service, url=host.url("/nothing-there.pdf"), webhook_url=receiver.url)
        told(service, job_id)
        assert receiver.about(job_id)[0].content["data"]["error"]["code"] == "FETCH_NOT_FOUND"


@pytest.mark.parametrize("end", ["cancel", "delete"])
def test_a_job_that_is_cancelled_or_deleted_ends_its_fetch(service, host, letter, end):
    release = held(host, "/slow.pdf", letter)
    job_id = post(service, url=host.url("/slow.pdf"))
    wait_until(lambda: service.status(job_id)["source"]["received_bytes"] == 100, 20, "some bytes have come")
    assert service.status(job_id)["source"]["total_bytes"] == len(letter)
    if end == "cancel":
        assert service.client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
        assert service.ended(job_id)["status"] == "cancelled"
    else:
        assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
        wait_until(lambda: not (service.data_dir / "jobs" / job_id).exists(), 20, "its files are gone")
    wait_until(lambda: not staged_files(service), 20, "the staged file is gone")
    release.set()
    assert not (service.data_dir / "jobs" / job_id / "source").exists()


def test_a_fetch_whose_process_was_killed_is_taken_up_again_and_makes_one_job(service, host, letter):
    release = held(host, "/killed.pdf", letter)
    job_id = post(service, url=host.url("/killed.pdf"), headers={"Idempotency-Key": "killed"})
    wait_until(lambda: service.status(job_id)["stage"] == "fetching" and host.count("/killed.pdf") == 1, 20, "it is fetched")
    (process,) = pids_named(service, "docparse-fetch")
    os.kill(process, signal.SIGKILL)
    host.paths["/killed.pdf"] = Served(letter)
    status = service.ended(job_id)
    release.set()
    assert status["status"] == "completed", status
    assert host.count("/killed.pdf") == 2
    assert post(service, url=host.url("/killed.pdf"), headers={"Idempotency-Key": "killed"}) == job_id


def test_slow_hosts_keep_no_worker_from_reading(service, host, letter, paper):
    releases = [held(host, f"/slow-{number}.pdf", letter) for number in range(4)]
    slow = [post(service, url=host.url(f"/slow-{number}.pdf")) for number in range(4)]
    wait_until(lambda: all(host.count(f"/slow-{number}.pdf") for number in range(4)), 20, "all are being fetched")
    assert service.ended(service.submit(paper))["status"] == "completed"
    for release in releases:
        release.set()
    assert {service.ended(job_id)["status"] for job_id in slow} == {"completed"}


# --- buckets


def test_an_object_is_fetched_with_the_servers_credentials(service, objects, letter):
    objects.put_object(Bucket=NAME, Key="in/a letter?.pdf", Body=letter, ContentType="application/pdf")
    job_id = post(service, "s3", s3_uri=f"s3://{NAME}/in/a letter?.pdf", region="us-east-1")
    status = service.ended(job_id)
    assert (status["status"], status["filename"]) == ("completed", "a letter?.pdf")
    assert "quick brown fox" in service.result(job_id)["markdown"]


def test_a_pre_signed_address_is_fetched_as_any_other(service, objects, letter):
    objects.put_object(Bucket=NAME, Key="signed.pdf", Body=letter)
    signed = objects.generate_presigned_url("get_object", Params={"Bucket": NAME, "Key": "signed.pdf"})
    job_id = post(service, "s3", url=signed)
    assert service.ended(job_id)["status"] == "completed"
    assert signed.partition("?")[2] not in service.log


def test_objects_that_are_not_there_or_too_large_fail_the_job(service, objects):
    objects.put_object(Bucket=NAME, Key="large.pdf", Body=bytes(3 << 20))
    assert error_of(service, post(service, "s3", s3_uri=f"s3://{NAME}/nothing.pdf")) == "FETCH_NOT_FOUND"
    assert error_of(service, post(service, "s3", s3_uri="s3://no-such-bucket/a.pdf")) == "FETCH_NOT_FOUND"
    assert error_of(service, post(service, "s3", s3_uri=f"s3://{NAME}/large.pdf")) == "FILE_TOO_LARGE"


def copied(service, job_id):
    """The state of a result's copy once it is settled."""
    wait_until(lambda: service.status(job_id)["result_s3"]["state"] != "pending", 40, "the copy is settled")
    return service.status(job_id)["result_s3"]


def test_a_result_is_put_into_the_bucket_as_markdown_json_and_what_was_asked_for(service, objects, paper):
    job_id = service.submit(paper, output_format="html", result_s3=f"s3://{NAME}/out/")
    assert service.ended(job_id)["status"] == "completed"
    copy = copied(service, job_id)
    assert (copy["state"], copy["uri"], copy["error"]) == ("stored", f"s3://{NAME}/out/{job_id}/", None)
    found = objects.list_objects_v2(Bucket=NAME, Prefix=f"out/{job_id}/")["Contents"]
    assert [entry["Key"].rpartition("/")[2] for entry in found] == ["result.html", "result.json", "result.md"]
    kept = objects.get_object(Bucket=NAME, Key=f"out/{job_id}/result.md")
    assert (kept["Body"].read().decode(), kept["ContentType"]) == (
        service.result(job_id, format="markdown")["markdown"],
        "text/markdown; charset=utf-8",
    )


def test_when_a_page_is_read_again_the_result_is_put_again(service, objects, paper):
    job_id = service.submit(paper, result_s3=f"s3://{NAME}/again")
    service.ended(job_id)
    key = f"again/{job_id}/result.json"
    assert copied(service, job_id)["revision"] == 1
    assert service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", json={"engine": "text_layer"}).status_code == 202
    wait_until(lambda: service.status(job_id)["revision"] == 2, 40, "the page is read again")
    copy = copied(service, job_id)
    assert (copy["state"], copy["revision"]) == ("stored", 2)
    assert json.loads(objects.get_object(Bucket=NAME, Key=key)["Body"].read())["revision"] == 2


def test_the_results_of_documents_inside_are_put_under_their_names_below_the_outer_one(service, objects, tmp_path):
    outer = tmp_path / "all.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        for name in ("a.txt", "b/a.txt"):
            archive.writestr(name, f"words of {name}\n")
    job_id = service.submit(outer, result_s3=f"s3://{NAME}/inside")
    service.ended(job_id)
    for child in service.result(job_id)["children"]:
        assert copied(service, child["job_id"])["state"] == "stored"
    for name, words in (("a.txt", "words of a.txt\n"), ("a.txt.2", "words of b/a.txt\n")):
        kept = objects.get_object(Bucket=NAME, Key=f"inside/{job_id}/children/{name}/result.md")
        assert kept["Body"].read().decode() == words


def test_a_result_that_cannot_be_put_is_tried_again_then_given_up_and_the_job_is_completed_all_the_same(service, paper):
    job_id = service.submit(paper, result_s3="s3://no-such-bucket/out")
    assert service.ended(job_id)["status"] == "completed"
    copy = copied(service, job_id)
    assert (copy["state"], copy["attempts"], copy["error"]["code"]) == ("failed", 2, "RESULT_NOT_STORED")
    assert copy["error"]["details"]["reason"] == "NoSuchBucket"
    assert "quick brown fox" in service.result(job_id)["markdown"]


def test_a_job_without_a_result_says_that_none_was_put(service, host):
    job_id = post(service, url=host.url("/nothing-at-all.pdf"), result_s3=f"s3://{NAME}/out")
    assert service.ended(job_id)["status"] == "failed"
    assert copied(service, job_id)["state"] == "skipped"
