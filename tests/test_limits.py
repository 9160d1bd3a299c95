"""How often one caller may ask: shared by web workers and hosts, refused before a body is read, honest about when to return."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from http.client import HTTPResponse

import pytest
from limits import parse_many

from document_parser.api.factory import create_app
from document_parser.settings import ApiSettings, Settings, StoreSettings
from tests.service import ROOT, Service, redis_url_of, wait_until

UNKNOWN = "/v1/jobs/no-job/status"
"""A limited route that needs nothing of Redis itself."""


def refused(answer):
    """The details of a 429, in the one shape."""
    assert answer.status_code == 429, answer.text
    body = answer.get_json()
    assert set(body) == {"error", "request_id", "timestamp"}
    assert (body["error"]["code"], body["error"]["retryable"]) == ("RATE_LIMITED", True)
    return body["error"]["details"]


def test_web_workers_and_hosts_count_together(tmp_path, paper):
    limit = {"RATE_LIMIT_UPLOADS": "7/hour"}
    with Service(tmp_path / "a", WEB_WORKERS=2, NUM_WORKERS=1, **limit) as first:
        second = Service(tmp_path / "b", WEB_WORKERS=1, NUM_WORKERS=0, REDIS_URL=redis_url_of(first), **limit).start()
        try:
            wait_until(lambda: second.answers("/v1/health/live"), 30, "the second host answers")
            codes = []
            for _ in range(5):
                for host in (first, first, second):
                    # A connection of its own, so that any web worker may take it.
                    with host._client() as client, paper.open("rb") as stream:
                        codes.append(client.post("/v1/process/async", files={"file": ("a.pdf", stream)}).status_code)
            assert codes == [202] * 7 + [429] * 8
            second.stop()
        finally:
            second.kill_everything()
            second.client.close()


def test_a_refused_upload_is_told_when_to_come_back_and_nothing_of_it_is_kept(app, tmp_path, paper):
    client = app(rate_limit_uploads="1/hour")
    client.post("/v1/process/async", data={"no": "file"})
    answer = client.post("/v1/process/async", data={"file": (paper.open("rb"), "paper.pdf")})
    details = refused(answer)
    assert details["limit"] == "1 per 1 hour"
    assert answer.headers["Retry-After"] == str(details["retry_after_seconds"])
    assert 3000 < details["retry_after_seconds"] <= 3600
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("1", "0")
    assert not (tmp_path / "data" / "staging").exists()


def test_a_client_that_is_still_sending_learns_of_the_limit(tmp_path):
    with Service(tmp_path, NUM_WORKERS=0, WEB_WORKERS=1, RATE_LIMIT_UPLOADS="1/hour") as service:
        service.client.post("/v1/process/async")
        size = 24 << 20
        lines = (
            "POST /v1/process/async HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {size}",
            "Content-Type: application/pdf",
        )
        head = "\r\n".join((*lines, "", ""))
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
            connection.sendall(head.encode() + bytes(size))  # to its end, as many clients do before they listen
            assert b"RATE_LIMITED" in _whole_answer(connection)
        staging = service.data_dir / "staging"
        assert not staging.exists() or not list(staging.iterdir())


def _whole_answer(connection):
    answer = HTTPResponse(connection)
    answer.begin()
    return answer.read()


def test_answers_tell_what_is_left(app):
    client = app(rate_limit_reads="5/minute")
    left = [client.get(UNKNOWN).headers["X-RateLimit-Remaining"] for _ in range(3)]
    answer = client.get(UNKNOWN)
    assert left == ["4", "3", "2"]
    assert answer.headers["X-RateLimit-Limit"] == "5"
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() < 62
    assert "Retry-After" not in answer.headers


def test_uploads_and_reads_are_counted_apart_and_health_and_preflights_not_at_all(app):
    client = app(operator=True, rate_limit_uploads="1/minute", rate_limit_reads="2/minute")
    assert client.post("/v1/process/async").status_code == 400
    for _ in range(5):
        assert client.get("/v1/health/live").status_code == 200
        assert client.get("/v1/health/ready").status_code in (200, 503)
        assert client.options("/v1/jobs").status_code == 200
        assert client.get("/openapi.json").status_code == 200
    assert client.get(UNKNOWN).status_code == 404
    assert client.get("/v1/jobs").status_code == 200
    refused(client.get(UNKNOWN))
    refused(client.post("/v1/process/sync"))


def test_of_several_limits_the_full_one_is_told(app):
    client = app(rate_limit_reads="100/second;2/day")
    for _ in range(2):
        assert client.get(UNKNOWN).status_code == 404
    answer = client.get(UNKNOWN)
    assert refused(answer)["limit"] == "2 per 1 day"
    assert int(answer.headers["Retry-After"]) > 80_000


def test_after_the_window_the_caller_goes_on(app):
    client = app(rate_limit_reads="1/second")
    wait_until(lambda: client.get(UNKNOWN).status_code == 429, 10, "the limit is reached")
    wait_until(lambda: client.get(UNKNOWN).status_code == 404, 10, "the window has passed")


def test_none_is_no_limit(app):
    answer = app(rate_limit_reads="none").get(UNKNOWN)
    assert answer.status_code == 404
    assert "X-RateLimit-Limit" not in answer.headers


def test_what_a_caller_forwards_is_not_believed(app):
    client = app(rate_limit_reads="1/minute")
    assert client.get(UNKNOWN, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    refused(client.get(UNKNOWN, headers={"X-Forwarded-For": "192.0.2.2"}))


def test_behind_a_trusted_proxy_each_client_counts_for_itself_but_nobody_becomes_the_operator(app):
    client = app(rate_limit_reads="1/minute", trusted_proxies=1)
    assert client.get(UNKNOWN, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    # Whatever the client itself has put in front is not what the proxy saw.
    refused(client.get(UNKNOWN, headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.1"}))
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
    assert client.get("/v1/jobs", headers=forged).status_code == 403


def test_the_addresses_of_one_ipv6_network_are_one_caller(app):
    client = app(rate_limit_reads="1/minute")
    codes = [
        client.get(UNKNOWN, environ_base={"REMOTE_ADDR": address}).status_code
        for address in ("2001:db8:1:1::5", "2001:db8:1:1:ffff::6", "2001:db8:1:2::5", "::ffff:192.0.2.7", "192.0.2.7")
    ]
    assert codes == [404, 429, 404, 404, 429]


def test_a_request_costs_one_command(app, redis):
    client = app()
    client.get(UNKNOWN)  # loads the script
    redis.config_resetstat()
    assert client.get(UNKNOWN).headers["X-RateLimit-Remaining"]
    used = redis.info("commandstats")
    # What the script itself calls costs no further trip.
    outside = {name for name in used if name.removeprefix("cmdstat_").partition("|")[0] not in ("config", "info")}
    assert outside == {"cmdstat_evalsha", "cmdstat_incrby", "cmdstat_pttl"}
    assert used["cmdstat_evalsha"]["calls"] == 1


def test_without_redis_nothing_passes_uncounted_and_health_still_tells(tmp_path):
    store = StoreSettings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    client = create_app(Settings(store=store)).test_client()
    for answer in (client.get(UNKNOWN), client.post("/v1/process/async")):
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "QUEUE_UNAVAILABLE")
    health = client.get("/v1/health")
    assert (health.status_code, health.get_json()["status"]) == (503, "down")
    assert not health.get_json()["checks"]["redis"]["ok"]


@pytest.mark.parametrize("name", ["RATE_LIMIT_UPLOADS", "RATE_LIMIT_READS"])
def test_a_malformed_limit_stops_the_start_and_is_named(tmp_path, name):
    command = [sys.executable, "-m", "document_parser.api"]
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "DATA_DIR": str(tmp_path), name: "many/fortnight"}
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{name}: {name} is written like 600/minute")
    assert (ended.stderr.count("\n"), "fortnight" in ended.stderr) == (1, False)


@pytest.mark.parametrize("text", ["600/minute", "10/second;5000/day", "10/5minutes", "1/month"])
def test_every_form_that_the_settings_take_is_one_that_the_limiter_knows(text):
    assert parse_many(ApiSettings(rate_limit_reads=text).rate_limit_reads)


@pytest.mark.parametrize("text", ["600", "0/minute", "-1/minute", "5/fortnight", "5/minute;", "x"])
def test_other_forms_are_refused(text):
    with pytest.raises(ValueError, match="RATE_LIMIT_READS"):
        ApiSettings(rate_limit_reads=text)
