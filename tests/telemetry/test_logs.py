"""The log: every line of every process is JSON, names its job and request, and quotes nothing that a customer sent."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import httpx2
import pytest
import redis

from tests.support import documents
from tests.support.processes import kill_horses
from tests.support.service import ROOT, SOON, Service, gunicorn, redis_url_of, wait_until

SECRETS = ("zebra", "walrus", "giraffe", "okapi", "quagga", "axolotl", "narwhal")
"""Words of file names, contents, passwords and queries."""
PROGRAM = """\
import {imports}
from document_parser.telemetry import logs
from document_parser.settings import LogSettings
logs.configure(LogSettings(log_format="{form}"))
{body}
"""


def lines_of(log: str) -> list[dict]:
    """Every line, parsed."""
    found = []
    for line in log.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            raise AssertionError(f"not JSON: {line}") from None
    return found


def check_form(lines):
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"]), line
        assert line["level"] in ("debug", "info", "warning", "error", "critical"), line
        assert line["event"], line
        assert line["logger"], line
        assert line["pid"], line


def check_silence(log):
    assert not [word for word in SECRETS if word in log.lower()]


def run(body: str, imports: str = "logging", form: str = "json") -> tuple[list[dict], subprocess.CompletedProcess]:
    """What a program logs."""
    program = PROGRAM.format(imports=imports, body=body, form=form)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    lines = lines_of(done.stdout + done.stderr) if form == "json" else []
    return lines, done


# --- libraries, warnings, crashes


def test_an_uncaught_error_is_one_line_with_its_class_and_place():
    (line,), done = run("def f():\n    raise ValueError('walrus')\nf()")
    assert done.returncode == 1
    assert (line["event"], line["error"], line["where"]) == (
        "uncaught_error",
        "ValueError",
        ["<string>:7 <module>", "<string>:6 f"],
    )
    check_silence(done.stdout + done.stderr)


def test_an_uncaught_error_of_a_thread_is_one_line_too():
    body = "def f():\n    raise ValueError('walrus')\nt = threading.Thread(target=f)\nt.start()\nt.join()"
    (line,), done = run(body, "threading")
    assert (line["event"], line["error"]) == ("uncaught_error", "ValueError")
    check_silence(done.stdout + done.stderr)


def test_the_crash_of_a_forked_process_is_one_line_too():
    body = (
        "@logs.CrashLogged()\ndef f():\n    raise ValueError('walrus')\n"
        "p = multiprocessing.get_context('fork').Process(target=f)\np.start()\np.join()\nprint('{\"code\": %d}' % p.exitcode)"
    )
    lines, done = run(body, "multiprocessing")
    assert lines[0]["event"] == "uncaught_error"
    assert lines[1] == {"code": 1}
    check_silence(done.stdout + done.stderr)


def test_a_warning_is_told_by_class_and_place():
    (line,), done = run("warnings.warn('walrus', RuntimeWarning)", "warnings")
    assert (line["event"], line["category"], line["where"]) == ("python_warning", "RuntimeWarning", ["<string>:5"])
    check_silence(done.stdout + done.stderr)


@pytest.mark.parametrize("name", ["pdfminer.pdfinterp", "PIL.Image", "asyncio", "RapidOCR"])
def test_a_librarys_message_is_told_by_its_place_only(name):
    (line,), done = run(f"logging.getLogger({name!r}).error('cannot read %s', 'walrus')")
    assert (line["event"], line["logger"], line["level"]) == ("library_message", name, "error")
    assert line["where"] == ["<string>:5 <module>"]
    check_silence(done.stdout + done.stderr)


def test_rqs_traceback_becomes_class_and_places():
    text = 'Traceback (most recent call last):\\n  File \\"/a/b.py\\", line 3, in f\\nValueError: walrus'
    body = f'logging.getLogger("rq.worker").error("Worker %s: job %s: exception raised\\n%s", "w", "j", "{text}")'
    (line,), done = run(body)
    assert (line["event"], line["error"], line["where"]) == ("Worker w: job j: exception raised", "ValueError", ["b.py:3 f"])
    check_silence(done.stdout + done.stderr)


def test_what_rq_says_of_a_task_names_the_job():
    job = "73c468f0-df12-4a0b-9c11-59714006e570"
    body = f'logging.getLogger("rq.registry").warning("%s cleanup: %s %s", "Started", "{job}:plan", "abandoned")'
    (line,), _ = run(body)
    assert (line["event"], line["job_id"]) == (f"Started cleanup: {job}:plan abandoned", job)


def test_gunicorn_does_not_tell_the_address_of_a_request_that_broke():
    body = "logging.getLogger('gunicorn.error').warning('Invalid request from ip=1.2.3.4: bad line /?q=walrus')"
    (line,), _ = run(body)
    assert line["event"] == "Invalid request"


def test_text_is_for_people():
    body = "logs.get_logger('document_parser.x').info('job_ended', job_id='abc', pages=3)"
    _, done = run(body, form="text")
    assert re.search(r"info.*job_ended.*job_id=abc.*pages=3", done.stdout)
    assert not done.stdout.startswith("{")


# --- a whole service


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    text = documents.pdf_of_text(folder / "zebra.pdf", ["The walrus stands on a sound text layer. " * 5] * 2)
    return {
        "text": text,
        "scan": documents.scanned_pdf(folder / "zebra-scan.pdf", ["A giraffe on a scanned page, in large letters."] * 2),
        "encrypted": documents.encrypted_pdf(folder / "zebra-locked.pdf", "okapi", "The walrus is secret"),
        "broken": documents.truncated(text, folder / "zebra-broken.pdf", 0.3),
        "hanging": documents.endless_page_pdf(folder / "zebra-hanging.pdf"),
    }


def test_every_line_of_a_service_is_json_names_its_job_and_quotes_nothing(tmp_path, files):
    jobs: dict[str, str] = {}

    def submit(name, request_id, **fields):
        with files[name].open("rb") as stream:
            headers = {"X-Request-ID": request_id}
            upload = {"file": (files[name].name, stream)}
            answer = service.client.post("/v1/process/async", files=upload, data=fields, headers=headers)
        jobs[answer.json()["job_id"]] = request_id
        return answer.json()["job_id"]

    with Service(tmp_path, WEB_WORKERS=2, LOG_LEVEL="DEBUG", OPENER_TIMEOUT_SECONDS=2) as service:
        states = {
            "text": service.ended(submit("text", "r-text"))["status"],
            "scan": service.ended(submit("scan", "r-scan"))["status"],
            "locked": service.ended(submit("encrypted", "r-locked"))["status"],
            "opened": service.ended(submit("encrypted", "r-opened", password="okapi"))["status"],
            "wrong": service.ended(submit("encrypted", "r-wrong", password="okapi-quagga"))["status"],
            "broken": service.ended(submit("broken", "r-broken"))["status"],
            "hanging": service.ended(submit("hanging", "r-hanging"))["status"],
        }
        failed = {"locked", "wrong", "broken"}
        assert states == {name: "failed" if name in failed else "completed" for name in states}
        raw = files["text"].read_bytes()
        query = {"filename": "zebra.pdf", "password": "okapi", "page_separator": "quagga"}
        assert service.client.post("/v1/process/async", params=query, content=raw).status_code == 202
        assert service.client.get("/axolotl/path", params={"q": "narwhal"}).status_code == 404
        assert service.client.post("/v1/process/async", data={"axolotl": "narwhal"}).status_code >= 400
        assert service.client.get(f"/v1/jobs/{next(iter(jobs))}/result", params={"format": "narwhal"}).status_code == 422
        with socket.create_connection(("127.0.0.1", service.port)) as raw_socket:
            raw_socket.sendall(b"QUAGGA /axolotl?q=narwhal NOT/HTTP\r\n\r\n")
            assert b" 400 " in raw_socket.recv(1000)
    lines = lines_of(service.log)
    check_form(lines)
    check_silence(service.log)
    for job_id, request_id in jobs.items():
        of_job = [line for line in lines if job_id in json.dumps(line)]
        assert {"job_queued", "job_ended", "request"} <= {line["event"] for line in of_job}, request_id
        assert [line for line in of_job if line.get("job_id") != job_id] == []
        others = [line for line in of_job if line["event"] != "request" and line.get("request_id") != request_id]
        assert not others
        uploads = [line for line in of_job if line["event"] == "request" and line["method"] == "POST"]
        assert [(line["request_id"], line["route"], line["status"]) for line in uploads] == [
            (request_id, "/v1/process/async", 202)
        ]
    assert all("request_id" in line for line in lines if line["event"] == "request")


def test_a_line_of_gunicorn_does_not_carry_the_request_before_it(tmp_path):
    with Service(tmp_path, WEB_WORKERS=1, WEB_THREADS=1, NUM_WORKERS=0) as service:
        assert service.client.get("/v1/jobs", headers={"X-Request-ID": "r-before", "Connection": "close"}).status_code == 200
        with socket.create_connection(("127.0.0.1", service.port)) as raw_socket:
            raw_socket.sendall(b"QUAGGA /axolotl?q=narwhal NOT/HTTP\r\n\r\n")
            assert b" 400 " in raw_socket.recv(1000)
        wait_until(lambda: "Invalid request" in service.log, 5, "gunicorn tells of it")
    (line,) = [line for line in lines_of(service.log) if line["event"] == "Invalid request"]
    assert "request_id" not in line
    check_silence(service.log)


def test_lines_about_a_killed_reader_name_the_job_and_the_upload(tmp_path):
    # Enough pages that some are unread when the kill comes, on a busy machine too.
    scan = documents.scanned_pdf(tmp_path / "zebra-long.pdf", ["A giraffe on a scanned page, in large letters."] * 6)
    with Service(tmp_path / "service", NUM_WORKERS=1, **SOON) as service:
        with scan.open("rb") as stream:
            answer = service.client.post("/v1/process/async", files={"file": stream}, headers={"X-Request-ID": "r-killed"})
        job_id = answer.json()["job_id"]
        kill_the_reader(service, job_id)
        assert service.ended(job_id)["status"] == "completed"
        wait_until(lambda: "claim_of_the_dead" in service.log, 10, "the sweep tells of it")
    lines = lines_of(service.log)
    check_form(lines)
    check_silence(service.log)
    dead = [line for line in lines if line["event"] == "claim_of_the_dead"]
    assert {(line["job_id"], line["request_id"]) for line in dead} == {(job_id, "r-killed")}
    assert [line for line in lines if line["logger"].startswith("rq.")], "RQ tells of its work horse"


def kill_the_reader(service, job_id):
    """Kill the work horse once it reads a page."""

    def reads():
        pages = service.client.get(f"/v1/jobs/{job_id}/pages").json().get("pages", [])
        return "reading" in {page["state"] for page in pages}

    wait_until(reads, 60, "a page is being read")
    kill_horses(service)


def test_an_unexpected_error_is_told_by_class_and_place(tmp_path, files):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        job_id = service.submit(files["text"])
        with redis.Redis.from_url(redis_url_of(service)) as store:
            store.hset(f"job:{job_id}", "card", '{"filename": "walrus"}')
        assert service.client.get(f"/v1/jobs/{job_id}/status").status_code == 500
        wait_until(lambda: '"status": 500' in service.log, 5, "the request is logged")
    lines = lines_of(service.log)
    check_silence(service.log)
    (line,) = [line for line in lines if line["level"] == "error"]
    assert (line["event"], line["error"], line["job_id"]) == ("request_error", "ValidationError", job_id)
    assert any(place.startswith("record.py:") for place in line["where"])


def test_gunicorn_started_by_hand_writes_json_with_our_logger_class(tmp_path):
    options = ("--bind", "127.0.0.1:0", "--logger-class", "document_parser.api.server.logger.GunicornLogger")
    service = Service(tmp_path, gunicorn(*options), NUM_WORKERS=0)
    service.start()
    try:
        wait_until(lambda: "valkey_started" in service.log, 60, "Valkey has started")
        service.stop()
    finally:
        service.kill_everything()
    check_form(lines_of(service.log))


def test_the_access_line_tells_method_route_status_time_and_bytes(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0) as service:
        url = f"http://127.0.0.1:{service.port}/v1/jobs?cursor=&limit=5"
        body = service.client.get(url, headers={"X-Request-ID": "r-access"}).content
        wait_until(lambda: "r-access" in service.log, 5, "the request is logged")
        (line,) = [line for line in lines_of(service.log) if line.get("request_id") == "r-access"]
        httpx2.get(f"http://127.0.0.1:{service.port}/static/docs.js", headers={"X-Request-ID": "r-file"}).raise_for_status()
        wait_until(lambda: "r-file" in service.log, 5, "a file that is sent is logged too")
    facts = {name: line[name] for name in ("event", "method", "route", "status", "bytes", "level")}
    expected = {"event": "request", "method": "GET", "route": "/v1/jobs", "status": 200, "bytes": len(body), "level": "info"}
    assert facts == expected
    assert line["milliseconds"] > 0
