"""The HTTP API through gunicorn with three web workers: nothing may live in one of their memories."""

from __future__ import annotations

import concurrent.futures
import json
import re
import socket

import httpx2
import pytest
import redis

from document_parser.settings import example_environment
from tests.support import documents
from tests.support.error_kinds import error_kinds
from tests.support.service import ROOT, TLS, Service, gunicorn, redis_url_of, wait_until


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    settings = {"MAX_UPLOAD_MB": 1, "MAX_PAGES": 5, "NUM_WORKERS": 2, "SYNC_TIMEOUT_SECONDS": 60}
    with Service(tmp_path_factory.mktemp("api"), gunicorn("--workers", "3"), ROOT, **settings) as service:
        yield service


@pytest.fixture(scope="module")
def done(service, paper):
    """The id of a completed job."""
    job_id = service.submit(paper)
    assert service.ended(job_id)["status"] == "completed"
    return job_id


def upload(service, name, data, route="async", **fields):
    return service.client.post(f"/v1/process/{route}", files={"file": (name, data)}, data=fields)


def problem(answer, status, code):
    """The error of an answer, in the one shape."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "request_id", "timestamp"}
    assert set(body["error"]) == {"code", "message", "details", "retryable"}
    assert body["error"]["code"] == code
    assert answer.headers["X-Request-ID"] == body["request_id"]
    return body["error"]


def left_behind(service):
    return list((service.data_dir / "staging").iterdir())


def test_an_upload_is_accepted_and_its_result_is_the_text(service, paper):
    with paper.open("rb") as stream:
        answer = upload(service, "paper.pdf", stream)
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "queued"
    job_id = body["job_id"]
    assert body["status_url"] == f"/v1/jobs/{job_id}/status"
    status = service.client.get(body["status_url"], params={"wait": 30}).json()
    assert (status["status"], status["progress"]["total_pages"], status["progress"]["percent"]) == ("completed", 2, 100.0)
    assert status["progress"]["text_layer_pages"] == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", status["completed_at"])
    result = service.client.get(body["result_url"]).json()
    assert "quick brown fox" in result["markdown"]
    assert (result["complete"], result["failed_pages"], result["format"]) == (True, [], "markdown")


def test_sync_waits_for_the_result(service, paper):
    answer = upload(service, "paper.pdf", paper.read_bytes(), "sync")
    assert answer.status_code == 200
    assert "liquor jugs" in answer.json()["markdown"]


def test_sync_that_takes_too_long_becomes_a_202(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0, SYNC_TIMEOUT_SECONDS=0.2) as quick:
        answer = upload(quick, "paper.pdf", paper.read_bytes(), "sync")
        assert (answer.status_code, answer.json()["status"]) == (202, "queued")


def test_waiting_requests_hold_half_of_the_threads_and_the_others_are_answered_at_once(tmp_path, paper):
    settings = {"NUM_WORKERS": 0, "WEB_WORKERS": 1, "WEB_THREADS": 4}
    with Service(tmp_path, **settings) as waiting, concurrent.futures.ThreadPoolExecutor(3) as pool:
        job_id = waiting.submit(paper)
        url = f"http://127.0.0.1:{waiting.port}/v1/jobs/{job_id}/status?wait=30"
        asked = [pool.submit(httpx2.get, url, timeout=60) for _ in range(3)]
        at_once, held = concurrent.futures.wait(asked, 20, concurrent.futures.FIRST_COMPLETED)
        assert [request.result().json()["status"] for request in at_once] == ["queued"]
        waiting.client.post(f"/v1/jobs/{job_id}/cancel")
        assert [request.result().json()["status"] for request in held] == ["cancelled", "cancelled"]


def test_the_raw_body_is_a_document_too(service, paper):
    answer = service.client.post(
        "/v1/process/sync",
        content=paper.read_bytes(),
        params={"filename": "raw.pdf", "page_range": "2"},
        headers={"Content-Type": "application/pdf"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"] == "raw.pdf"
    assert answer.json()["markdown"].strip() == "Pack my box with five dozen liquor jugs."


def test_a_file_below_the_limit_is_taken_in_pieces(service, paper):
    data = paper.read_bytes()
    larger = data + b"\n%" + b"x" * (900_000 - len(data))
    assert upload(service, "large.pdf", larger, "sync").status_code == 200


def test_every_format_can_be_asked_for_later(service, done):
    names = {"markdown": str, "html": str, "text": str, "json": dict, "tables": list}
    contents = {"markdown": "markdown", "html": "html", "text": "text", "json": "document", "tables": "tables"}
    for name, kind in names.items():
        body = service.result(done, format=name)
        assert body["format"] == name
        assert isinstance(body[contents[name]], kind)
    document = service.result(done, format="json")["document"]
    assert [page["number"] for page in document["pages"]] == [1, 2]
    assert document["pages"][0]["attempts"][0]["engine"] == "text_layer"
    assert document["pages"][0]["route"] == "sound text layer"
    archive = service.client.get(f"/v1/jobs/{done}/download", params={"format": "zip"})
    assert archive.content[:2] == b"PK"
    assert archive.headers["Content-Type"] == "application/zip"


def test_accept_picks_the_bare_content_and_anything_the_json_body(service, done):
    url = f"/v1/jobs/{done}/result"
    bare = service.client.get(url, headers={"Accept": "text/markdown"})
    assert bare.headers["Content-Type"].startswith("text/markdown")
    assert "quick brown fox" in bare.text
    assert service.client.get(url, headers={"Accept": "*/*"}).json()["format"] == "markdown"
    page = service.client.get(url, headers={"Accept": "text/html"})
    assert "sandbox" in page.headers["Content-Security-Policy"]


def test_download_is_a_file_of_the_documents_name(service, done):
    answer = service.client.get(f"/v1/jobs/{done}/download")
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"paper.md\"; filename*=UTF-8''paper.md"
    assert "quick brown fox" in answer.text


def test_a_result_can_be_read_any_number_of_times_from_any_web_worker(service, done):
    url = f"http://127.0.0.1:{service.port}/v1/jobs/{done}/result"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: httpx2.get(url, verify=TLS), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({json.dumps(answer.json()) for answer in answers}) == 1


def test_many_uploads_at_once_all_complete_with_their_own_text(service, tmp_path):
    def one(number):
        path = tmp_path / f"{number}.pdf"
        documents.pdf_of_text(path, [f"Letter number {number} to nobody in particular."])
        answer = upload(service, path.name, path.read_bytes(), "sync")
        if answer.status_code == 202:  # half of this web worker's threads wait already
            service.ended(answer.json()["job_id"])
            return service.result(answer.json()["job_id"])
        assert answer.status_code == 200, answer.text
        return answer.json()

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        bodies = list(pool.map(one, range(24)))
    for number, body in enumerate(bodies):
        assert f"Letter number {number} to nobody" in body["markdown"]


def test_jobs_are_listed_newest_first_page_by_page(service, paper, done):
    newest = service.submit(paper)
    service.ended(newest)
    first = service.client.get("/v1/jobs", params={"limit": 1}).json()
    assert [job["job_id"] for job in first["jobs"]] == [newest]
    rest = service.client.get("/v1/jobs", params={"limit": 500, "cursor": first["next_cursor"]}).json()
    ids = [job["job_id"] for job in rest["jobs"]]
    assert newest not in ids
    assert done in ids
    completed = service.client.get("/v1/jobs", params={"status": "completed", "limit": 3}).json()["jobs"]
    assert {job["status"] for job in completed} == {"completed"}
    problem(service.client.get("/v1/jobs", params={"cursor": "x"}), 422, "INVALID_OPTION")


def test_a_page_of_another_site_cannot_send_anything(service, paper, done):
    origin = {"Origin": "https://evil.example"}
    answer = service.client.post("/v1/process/async", files={"file": ("a.pdf", paper.read_bytes())}, headers=origin)
    problem(answer, 403, "FORBIDDEN")
    problem(service.client.post(f"/v1/jobs/{done}/cancel", headers=origin), 403, "FORBIDDEN")


def test_deleting_removes_every_key_and_file(service, paper):
    job_id = service.submit(paper)
    service.ended(job_id)
    answer = service.client.delete(f"/v1/jobs/{job_id}")
    assert answer.json()["deleted_files"] >= 4
    assert answer.json()["deleted_keys"] >= 4
    assert not (service.data_dir / "jobs" / job_id).exists()
    problem(service.client.get(f"/v1/jobs/{job_id}/status"), 404, "JOB_NOT_FOUND")


def test_unknown_jobs_and_addresses_are_404_in_the_one_shape(service):
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in ("status", "result", "download"):
        problem(service.client.get(f"/v1/jobs/{unknown}/{path}"), 404, "JOB_NOT_FOUND")
        problem(service.client.get(f"/v1/jobs/..%2f..%2fetc/{path}"), 404, "NOT_FOUND")
        problem(service.client.get(f"/v1/jobs/*/{path}"), 404, "JOB_NOT_FOUND")
    problem(service.client.post(f"/v1/jobs/{unknown}/cancel"), 404, "JOB_NOT_FOUND")
    problem(service.client.delete(f"/v1/jobs/{unknown}"), 404, "JOB_NOT_FOUND")
    problem(service.client.get("/v1/nothing"), 404, "NOT_FOUND")
    problem(service.client.put("/v1/process/async"), 405, "METHOD_NOT_ALLOWED")


def test_an_ended_job_cannot_be_cancelled(service, done):
    problem(service.client.post(f"/v1/jobs/{done}/cancel"), 409, "JOB_ENDED")


def test_a_request_id_is_given_back(service):
    assert service.client.get("/v1/health/live", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert service.client.get("/v1/health/live", headers={"X-Request-ID": "a b"}).headers["X-Request-ID"] != "a b"


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("empty.pdf", b"", 400, "EMPTY_FILE"),
        ("noise.bin", bytes(range(256)) * 8, 415, "UNSUPPORTED_FORMAT"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "UNSUPPORTED_FORMAT"),
        ("photo.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", 415, "CONTENT_MISMATCH"),
    ],
)
def test_what_is_no_document_is_refused_at_once_and_leaves_nothing(service, name, data, status, code):
    before = set((service.data_dir / "jobs").iterdir())
    problem(upload(service, name, data), status, code)
    assert left_behind(service) == []
    assert set((service.data_dir / "jobs").iterdir()) == before


def test_an_unsupported_format_is_answered_with_the_list(service):
    details = problem(upload(service, "a.psd", b"8BPS" + bytes(100)), 415, "UNSUPPORTED_FORMAT")["details"]
    assert {"pdf", "png", "jpeg", "tiff", "bmp", "webp"} <= set(details["supported"])


def test_a_file_that_is_too_large_is_refused_with_and_without_a_length(service):
    data = b"%PDF-1.7\n" + bytes(4 << 20)
    problem(upload(service, "big.pdf", data), 413, "FILE_TOO_LARGE")

    def pieces():
        for start in range(0, len(data), 1 << 16):
            yield data[start : start + (1 << 16)]

    headers = {"Content-Type": "application/pdf"}
    problem(service.client.post("/v1/process/async", content=pieces(), headers=headers), 413, "FILE_TOO_LARGE")
    assert left_behind(service) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"accuracy_mode": "best"},
        {"output_format": "docx"},
        {"page_range": "5-2"},
        {"page_range": "one"},
        {"headers_footers": "maybe"},
        {"password": "x" * 600},
    ],
)
def test_an_unknown_option_or_value_is_named(service, paper, fields):
    found = problem(upload(service, "paper.pdf", paper.read_bytes(), **fields), 422, "INVALID_OPTION")
    assert next(iter(fields)) in found["message"]
    assert left_behind(service) == []


SENT_BY_HAND = {"raw": b"Content-Type: application/pdf\r\n", "form": b"Content-Type: multipart/form-data; boundary=b\r\n"}


def by_hand(service, headers, body):
    """The answer to a request whose sender stops after this much of its body."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as wire:
        wire.sendall(b"POST /v1/process/async?filename=a.pdf HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + b"\r\n" + body)
        wire.shutdown(socket.SHUT_WR)
        with wire.makefile("rb") as answered:
            head, _, content = answered.read().partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    given = dict(line.split(": ", 1) for line in lines[1:])
    return httpx2.Response(int(lines[0].split()[1]), headers=given, content=content)


@pytest.mark.parametrize("form", SENT_BY_HAND)
def test_a_document_of_which_only_a_part_arrives_is_none(service, paper, form):
    before = len(service.client.get("/v1/jobs", params={"limit": 500}).json()["jobs"])
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n' if form == "form" else b""
    sent = part + paper.read_bytes()
    announced = b"Content-Length: %d\r\nConnection: close\r\n" % (len(sent) + 1000)
    error = problem(by_hand(service, SENT_BY_HAND[form] + announced, sent), 400, "UPLOAD_CUT_OFF")
    assert error["retryable"]
    assert len(service.client.get("/v1/jobs", params={"limit": 500}).json()["jobs"]) == before
    assert left_behind(service) == []


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\n%PDF-\r\n", b"5\r\n%P"])
def test_broken_and_unfinished_chunks_are_no_document_either(service, body):
    chunked = b"Transfer-Encoding: chunked\r\nConnection: close\r\n"
    problem(by_hand(service, SENT_BY_HAND["raw"] + chunked, body), 400, "UPLOAD_CUT_OFF")


def test_a_refused_method_is_told_which_ones_are_taken(service):
    answer = service.client.put("/v1/process/async")
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("pages", ["0", "-1", "5-2", "abc", "1,,2", "1,", "1;DROP", "\uff11"])
def test_a_page_range_of_another_form_is_refused_in_a_sentence(service, paper, pages):
    error = problem(upload(service, "paper.pdf", paper.read_bytes(), page_range=pages), 422, "INVALID_OPTION")
    assert re.fullmatch(r"Not understood: page_range: (has the form|counts pages) [^.]+[^.]\.", error["message"])


def test_options_of_a_form_may_stand_in_the_query_and_none_is_ignored_there(service, paper):
    def ask(query, **fields):
        files = {"file": ("paper.pdf", paper.read_bytes())}
        return service.client.post(f"/v1/process/sync{query}", files=files, data=fields)

    assert ask("?output_format=text&page_range=2", headers_footers="keep").json()["text"].startswith("Pack my box")
    assert "bogus" in problem(ask("?bogus=1"), 422, "INVALID_OPTION")["message"]
    twice = ask("?output_format=text", output_format="html"), ask("", output_format=["html", "json"])
    assert ["given twice" in problem(answer, 422, "INVALID_OPTION")["message"] for answer in twice] == [True, True]


def test_numbers_are_text_where_an_option_is_text(service, paper):
    answer = upload(service, "paper.pdf", paper.read_bytes(), "sync", page_range="2", password="123456")
    assert answer.status_code == 200, answer.text


def test_no_file_and_two_files_are_bad_requests(service, paper):
    problem(service.client.post("/v1/process/async", data={"accuracy_mode": "fast"}), 400, "FILE_MISSING")
    problem(service.client.post("/v1/process/async", files={"document": ("a.pdf", b"%PDF-")}), 400, "FILE_MISSING")
    two = [("file", ("a.pdf", paper.read_bytes())), ("file", ("b.pdf", paper.read_bytes()))]
    problem(service.client.post("/v1/process/async", files=two), 400, "BAD_REQUEST")


def test_an_encrypted_document_asks_for_its_password_and_opens_with_it(service, tmp_path):
    path = tmp_path / "secret.pdf"
    documents.encrypted_pdf(path, "open sesame")
    for fields, code in (({}, "ENCRYPTED_DOCUMENT"), ({"password": "wrong"}, "WRONG_PASSWORD")):
        answer = upload(service, "secret.pdf", path.read_bytes(), **fields)
        job_id = answer.json()["job_id"]
        status = service.ended(job_id)
        assert (status["status"], status["error"]["code"], status["error"]["status"]) == ("failed", code, 422)
        problem(service.client.get(f"/v1/jobs/{job_id}/result"), 422, code)
        problem(upload(service, "secret.pdf", path.read_bytes(), "sync", **fields), 422, code)
    assert upload(service, "secret.pdf", path.read_bytes(), "sync", password="open sesame").status_code == 200


def test_a_job_whose_every_page_failed_is_failed_with_their_code(service, tmp_path):
    raw = documents.pdf_of_text(tmp_path / "lost.pdf", ["A page whose contents get lost."]).read_bytes()
    contents = int(re.search(rb"/Contents (\d+) 0 R", raw)[1])
    lost = raw.replace(b"/Contents %d 0 R" % contents, b"/Contents 9%d 0 R" % contents)
    job_id = upload(service, "lost.pdf", lost).json()["job_id"]
    status = service.ended(job_id)
    assert (status["status"], status["error"]["code"], status["error"]["status"]) == ("failed", "PAGE_DAMAGED", 422)
    assert status["error"]["details"] == {"failed_pages": [1]}
    problem(service.client.get(f"/v1/jobs/{job_id}/result"), 422, "PAGE_DAMAGED")
    problem(upload(service, "lost.pdf", lost, "sync"), 422, "PAGE_DAMAGED")


def test_a_password_is_nowhere_to_be_read_while_its_job_waits_and_gone_after(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as waiting:
        job_id = upload(waiting, "paper.pdf", paper.read_bytes(), password="hush-hush").json()["job_id"]
        with redis.Redis.from_url(redis_url_of(waiting)) as store:
            token = store.get(f"job:{job_id}:password")
            assert token
            assert b"hush-hush" not in token
            waiting.client.post(f"/v1/jobs/{job_id}/cancel")
            assert store.get(f"job:{job_id}:password") is None
        texts = [path.read_bytes() for path in waiting.folder.rglob("*") if path.is_file()]
        assert not any(b"hush-hush" in text for text in texts)


def test_a_truncated_document_fails_with_a_clear_error(service, tmp_path, paper):
    whole = paper.read_bytes()
    answer = upload(service, "cut.pdf", whole[: len(whole) // 3], "sync")
    problem(answer, 422, "DAMAGED_DOCUMENT")


def test_too_many_pages_fail_and_a_page_range_chooses(service, tmp_path):
    path = tmp_path / "long.pdf"
    documents.pdf_of_text(path, [f"Page {number} of many." for number in range(1, 9)])
    problem(upload(service, "long.pdf", path.read_bytes(), "sync"), 422, "TOO_MANY_PAGES")
    answer = upload(service, "long.pdf", path.read_bytes(), "sync", page_range="7-,2", output_format="json")
    assert [page["number"] for page in answer.json()["document"]["pages"]] == [2, 7, 8]
    problem(upload(service, "long.pdf", path.read_bytes(), "sync", page_range="20-30"), 422, "PAGE_RANGE_EMPTY")


def test_before_its_end_a_job_has_no_result_but_can_be_cancelled(tmp_path, paper):
    with Service(tmp_path, NUM_WORKERS=0) as waiting:
        job_id = waiting.submit(paper)
        found = problem(waiting.client.get(f"/v1/jobs/{job_id}/result"), 409, "JOB_NOT_COMPLETE")
        assert found["retryable"]
        assert waiting.client.post(f"/v1/jobs/{job_id}/cancel").json()["status"] == "cancelled"
        assert waiting.status(job_id)["status"] == "cancelled"


def test_an_expired_job_answers_410(tmp_path, paper):
    with Service(tmp_path, JOB_TTL_HOURS=0.0005, NUM_WORKERS=1) as short:
        job_id = short.submit(paper)
        short.ended(job_id)
        wait_until(lambda: short.client.get(f"/v1/jobs/{job_id}/status").status_code == 410, 20, "the job expires")
        problem(short.client.get(f"/v1/jobs/{job_id}/result"), 410, "JOB_EXPIRED")
        wait_until(lambda: not (short.data_dir / "jobs" / job_id).exists(), 20, "its files go")


def test_health_tells_what_works(service):
    assert service.client.get("/v1/health/live").json() == {"status": "ok"}
    body = service.client.get("/v1/health").json()
    assert (body["status"], body["workers"], body["warnings"]) == ("ok", 2, [])
    assert body["checks"]["redis"]["ok"]
    assert body["checks"]["storage"]["ok"]


def test_without_redis_the_api_answers_503_and_says_when_to_come_back(tmp_path, paper):
    service = Service(tmp_path, NUM_WORKERS=0, REDIS_URL="redis://127.0.0.1:1/0").start()
    try:
        wait_until(lambda: service.answers("/v1/health/live"), 30, "the API answers")
        answer = upload(service, "paper.pdf", paper.read_bytes())
        assert problem(answer, 503, "QUEUE_UNAVAILABLE")["retryable"]
        assert int(answer.headers["Retry-After"]) >= 1
        assert service.client.get("/v1/health/ready").status_code == 503
        assert not any((service.data_dir / "jobs").glob("*"))
        service.stop()
    finally:
        service.kill_everything()
        service.client.close()


def test_the_documentation_is_served_without_the_internet(service):
    spec = service.client.get("/openapi.json").json()
    for path in ("/v1/process/async", "/v1/process/sync", "/v1/jobs", "/v1/jobs/{job_id}/result", "/v1/health/ready"):
        assert path in spec["paths"]
    assert "password" in json.dumps(spec["paths"]["/v1/process/async"])
    page = service.client.get("/docs", follow_redirects=True)
    assert page.status_code == 200
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert links
    assert not [link for link in links if link.startswith(("http://", "https://", "//"))]
    for link in links:
        assert service.client.get(str(page.url.join(link))).status_code == 200, link


def test_every_error_has_a_code_of_its_own_and_a_sentence():
    kinds = error_kinds()
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.message.endswith(".") and 400 <= kind.status < 600 for kind in kinds)


def test_every_setting_stands_in_the_example_environment():
    assert (ROOT / ".env.example").read_text() == example_environment()
