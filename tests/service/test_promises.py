"""A service that loses a page file, cannot delete, cannot write a format, or is asked by many at once says what is so."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from document_parser.jobs.records import storage_keys
from document_parser.jobs.redis.connection import connect
from document_parser.settings import Settings, StoreSettings
from tests.support import documents
from tests.support.service import SOON, Service, redis_url_of, wait_until
from tests.support.stubborn import undeletable


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("promises"), CACHE_HOURS="1", WEB_WORKERS=1, WEB_THREADS=8, **SOON) as running:
        yield running


@pytest.fixture(scope="module")
def redis(service):
    with connect(Settings(store=StoreSettings(redis_url=redis_url_of(service)))) as client:
        yield client


def completed(service, path, **fields) -> str:
    job_id = service.submit(path, **fields)
    assert service.ended(job_id)["status"] == "completed"
    return job_id


def keys_with(redis, job_id: str) -> list[str]:
    """Every key that has the id in its name or in what it holds."""
    found = []
    for key in redis.scan_iter(count=1000):
        kind = redis.type(key).decode()
        held = {
            "string": redis.get,
            "hash": redis.hgetall,
            "list": lambda name: redis.lrange(name, 0, -1),
            "set": redis.smembers,
            "zset": lambda name: redis.zrange(name, 0, -1),
            "stream": redis.xrange,
            "none": lambda _: "",  # it has gone meanwhile
        }[kind](key)
        if job_id.encode() in key or job_id in str(held):
            found.append(key.decode())
    return found


def test_after_a_deletion_no_key_has_the_id(service, redis, tmp_path):
    page = documents.pdf_of_text(tmp_path / "a.pdf", [f"The first of its kind. {documents.PARAGRAPH}"])
    job_id = completed(service, page)
    service.result(job_id, format="html")
    assert keys_with(redis, job_id)
    assert service.client.delete(f"/v1/jobs/{job_id}").status_code == 200
    wait_until(lambda: not keys_with(redis, job_id), 10, f"nothing is left: {keys_with(redis, job_id)}")
    assert not list(redis.scan_iter("reading:*"))


def test_a_document_deleted_while_it_is_read_is_not_being_read_any_more(redis, service, tmp_path):
    """Whoever sends it next reads it, and does not wait for a job that is gone."""
    pages = documents.scanned_pdf(tmp_path / "many.pdf", [f"A page of many, number {number}." for number in range(12)])
    first = service.submit(pages)
    wait_until(lambda: list(redis.scan_iter("reading:*")), 10, "it is being read")
    second = service.submit(pages)
    assert service.client.delete(f"/v1/jobs/{second}").status_code == 200
    assert service.client.delete(f"/v1/jobs/{first}").status_code == 200
    assert not list(redis.scan_iter("reading:*"))
    for job_id in (first, second):
        wait_until(lambda job_id=job_id: not _but_rq(keys_with(redis, job_id)), 20, f"left: {keys_with(redis, job_id)}")


def _but_rq(keys: list[str]) -> list[str]:
    """RQ's own record of a task that is running goes some minutes after that."""
    return [key for key in keys if not key.startswith("rq:")]


def test_a_job_sent_fifty_deletions_at_once_answers_each_in_its_own_words(service, paper, tmp_path):
    jobs = [service.submit(paper) for _ in range(10)]
    headers = {"Authorization": f"Bearer {service.operator_token}"}
    with ThreadPoolExecutor(50) as pool, httpx2.Client(base_url=service.client.base_url, headers=headers, timeout=60) as client:
        codes = list(pool.map(lambda job_id: client.delete(f"/v1/jobs/{job_id}").status_code, jobs * 5))
    assert set(codes) <= {200, 404}, codes
    assert codes.count(200) >= len(jobs)


@pytest.mark.parametrize("content", [b"", b'{"number": 1, "status": "do', b"\0" * 200], ids=["empty", "torn", "zeros"])
def test_a_torn_page_file_is_read_again_before_the_job_ends(service, redis, tmp_path, content):
    """As after a power cut: the ledger knows the page as read, its file is not whole."""
    words = f"Words of a page {len(content)} that is torn."
    path = documents.pdf_of_text(tmp_path / "torn.pdf", [words, "The second page.", "The third page."])
    job_id = completed(service, path)
    torn = service.data_dir / storage_keys.page(job_id, 1)
    torn.write_bytes(content)
    for name in service.data_dir.joinpath(storage_keys.folder(job_id)).glob("result*"):
        name.unlink()
    # The same moment in the life of a job again: closed, not assembled yet.
    redis.hset(f"job:{job_id}", "state", "processing")
    redis.hdel(f"job:{job_id}:stages", "assemble")
    redis.zadd("jobs:active", {job_id: time.time()})
    assert service.ended(job_id)["complete"] is True
    assert words in service.result(job_id)["markdown"]
    assert service.status(job_id)["progress"]["text_layer_pages"] + service.status(job_id)["progress"]["cpu_pages"] == 3
    assert json.loads(torn.read_text())["status"] == "done"


def test_a_format_with_a_lost_page_is_refused_at_once_and_names_the_page(service, tmp_path):
    path = documents.pdf_of_text(tmp_path / "lost.pdf", ["The first page is lost.", "The second page."])
    job_id = completed(service, path)
    (service.data_dir / storage_keys.page(job_id, 1)).write_bytes(b"{")
    started = time.monotonic()
    answer = service.client.get(f"/v1/jobs/{job_id}/result", params={"format": "html"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "PAGES_LOST")
    assert answer.json()["error"]["details"] == {"pages": [1]}
    assert time.monotonic() - started < 20, "not after the 30 s that a format may take"
    assert service.client.get(f"/v1/jobs/{job_id}/pages/1").json()["page"] is None
    assert service.client.post(f"/v1/jobs/{job_id}/pages/1/retry").status_code == 202
    wait_until(lambda: service.status(job_id)["revision"] == 2, 60, "the page is read again")
    assert "The first page is lost." in service.result(job_id, format="html")["html"]


def test_a_format_that_cannot_be_stored_is_told_at_once(service, tmp_path):
    job_id = completed(service, documents.pdf_of_text(tmp_path / "x.pdf", ["A page without a place for its HTML."]))
    (service.data_dir / storage_keys.result(job_id, "html")).mkdir()
    (service.data_dir / storage_keys.result(job_id, "html") / "in the way").touch()
    answer = service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "html"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")
    shutil.rmtree(service.data_dir / storage_keys.result(job_id, "html"))
    assert "without a place" in service.client.get(f"/v1/jobs/{job_id}/download", params={"format": "html"}).text


def test_events_tell_of_a_format_and_go_with_their_job(service, redis, tmp_path):
    job_id = completed(service, documents.pdf_of_text(tmp_path / "e.pdf", ["A page whose events are lost."]))
    redis.delete(f"job:{job_id}:events")
    service.result(job_id, format="text")
    kinds = [(fields[b"kind"], fields.get(b"format")) for _, fields in redis.xrange(f"job:{job_id}:events")]
    assert kinds == [(b"format.written", b"text")]
    assert 0 < redis.pttl(f"job:{job_id}:events") <= redis.pttl(f"job:{job_id}") + 1000


def test_what_could_not_be_deleted_is_an_error_and_goes_once_it_can(service, redis, tmp_path):
    job_id = completed(service, documents.pdf_of_text(tmp_path / "stays.pdf", ["A page that stays for a while."]))
    with undeletable(service.data_dir / storage_keys.page(job_id, 1)):
        answer = service.client.delete(f"/v1/jobs/{job_id}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "STORAGE_UNAVAILABLE")
        assert service.status(job_id)["status"] == "completed", "it is not said to be gone"
        redis.zadd("jobs:deleting", {job_id: 0})
        wait_until(lambda: '"not_removed"' in service.log, 20, "the sweep has tried again")
    redis.zadd("jobs:deleting", {job_id: 0})
    wait_until(lambda: service.client.get(f"/v1/jobs/{job_id}").status_code == 404, 20, "the sweep has deleted it")
    assert not (service.data_dir / storage_keys.folder(job_id)).exists()
    # The history is told of it within seconds.
    wait_until(lambda: not keys_with(redis, job_id), 20, "nothing is left")


def test_one_expired_job_that_cannot_be_removed_does_not_keep_the_others(service, redis, tmp_path):
    stays, goes = (completed(service, documents.pdf_of_text(tmp_path / f"{n}.pdf", [f"Expired, {n}."])) for n in "ab")
    with undeletable(service.data_dir / storage_keys.page(stays, 1)):
        redis.zadd("jobs:expiring", {stays: 1, goes: 2})
        wait_until(lambda: not (service.data_dir / storage_keys.folder(goes)).exists(), 20, "the other one has expired")
        assert (service.data_dir / storage_keys.page(stays, 1)).exists()


def test_what_redis_refuses_of_a_request_is_no_outage(service, redis, paper):
    job_id = completed(service, paper)
    far = "18446744073709551616"
    for path, options in (
        (f"/v1/jobs/{job_id}/events", {"headers": {"Last-Event-ID": f"{far}-1"}}),
        (f"/v1/jobs/{job_id}/events", {"headers": {"Last-Event-ID": far}}),
        (f"/v1/jobs/{job_id}/events", {"params": {"last_event_id": f"1-{far}"}}),
        ("/v1/jobs", {"params": {"cursor": "nan"}}),
        ("/v1/webhooks/deliveries", {"params": {"cursor": "inf"}}),
        ("/dashboard/documents", {"params": {"before": "nan"}}),
        ("/dashboard/documents", {"params": {"before": "1e999"}}),
    ):
        answer = service.client.get(path, **options)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_OPTION"), path
    redis.set(f"job:{job_id}:events:saved", 0)


def test_a_wait_beyond_the_places_says_when_to_ask_again(service, tmp_path):
    scan = documents.scanned_pdf(tmp_path / "slow.pdf", [f"A page that takes its time, {number}." for number in range(30)])
    job_id = service.submit(scan)
    answers: list[httpx2.Response] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(httpx2.get(f"{service.client.base_url}/v1/jobs/{job_id}/status?wait=6", timeout=60))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.client.delete(f"/v1/jobs/{job_id}")
    told = [answer.headers.get("Retry-After") for answer in answers if answer.json()["status"] not in ("completed", "failed")]
    assert "2" in told, "half of eight threads wait, the others are told"
    assert None in told, "who waited is not"


def test_the_hole_in_a_form_is_named(service, paper):
    too_many = [("file", ("paper.pdf", paper.read_bytes()))] + [(f"field{number}", (None, "x")) for number in range(60)]
    latin = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="\xdcbung.pdf"\r\n\r\n%PDF-1.7\r\n--edge--\r\n'
    long = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="' + b"x" * 9000 + b'"\r\n\r\n%PDF\r\n--edge--\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    reasons = []
    for options in ({"files": too_many}, {"content": latin, "headers": form}, {"content": long, "headers": form}):
        answer = service.client.post("/v1/process/async", **options)
        assert answer.status_code == 400
        reasons.append((answer.json()["error"]["details"]["reason"], answer.json()["error"]["message"]))
    assert [reason for reason, _ in reasons] == ["parts", "names", "headers"]
    assert "more than 40 parts" in reasons[0][1]
    assert "is not UTF-8" in reasons[1][1]


def test_the_fields_of_a_plain_form_that_are_too_long_are_no_file(service, paper):
    job_id = completed(service, paper)
    answer = service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", data={"engine": "x" * (2 << 20)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert answer.json()["error"]["details"]["reason"] == "fields"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = service.client.post(f"/v1/jobs/{job_id}/pages/1/retry", content=b"engine=\xff", headers=form)
    assert (answer.status_code, answer.json()["error"]["details"]["reason"]) == (400, "names")


def test_an_idempotency_key_goes_with_its_job(service, redis, paper):
    def send(key: str) -> tuple[str, bool]:
        with paper.open("rb") as stream:
            answer = service.client.post("/v1/process/async", files={"file": stream}, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"], "Idempotency-Replayed" in answer.headers

    first, _ = send("one")
    service.ended(first)
    held = redis.hget(f"job:{first}", "idempotency")
    assert 0 < redis.pttl(held) <= redis.pttl(f"job:{first}") + 1000
    assert send("one") == (first, True)
    service.client.delete(f"/v1/jobs/{first}")
    assert send("one")[1] is False, os.fsdecode(held)


@pytest.mark.parametrize(("share", "title"), [(0, "An empty copy"), (0.5, "Half a copy")])
def test_a_torn_entry_of_the_cache_counts_as_none(service, tmp_path, share, title):
    path = documents.scanned_pdf(tmp_path / "twice.pdf", [f"{title} is left of what was sent twice."])

    def kept() -> list[Path]:
        """What is kept of this document, and not of one that an earlier test has sent."""
        return [
            found for found in (service.data_dir / "cache").rglob("*") if found.is_file() and title in str(found.read_bytes())
        ]

    first = service.submit(path)
    assert service.ended(first)["cache"] == "miss"
    wait_until(lambda: len(kept()) == 2, 30, "the page's reading and, after the job's end, the document are kept")
    for entry in kept():
        entry.write_bytes(entry.read_bytes()[: int(entry.stat().st_size * share)])
    second = service.submit(path)
    assert service.ended(second)["cache"] == "miss"
    assert service.result(second)["markdown"] == service.result(first)["markdown"]
