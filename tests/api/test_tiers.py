"""Tiers over HTTP: what their callers may send, by every way in, and what they are told."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import time
import uuid

import pytest

from document_parser.accounts.secret_keys import new_key
from document_parser.api.factory import create_app
from document_parser.jobs.records import record
from document_parser.jobs.records.ledger import Ledger
from document_parser.models import JobState
from document_parser.settings import AccountSettings, ApiSettings, QueueSettings, Settings, StoreSettings
from document_parser.settings.operator_access import operator_token
from document_parser.settings.tiers import Tier, load_tiers
from tests.support.ledger_jobs import read_blank
from tests.support.owners import make_key
from tests.support.service import ROOT

TUS = {"Tus-Resumable": "1.0.0"}


class Caller:
    """A program with a key of a tier, or without one, at two web hosts in turns."""

    def __init__(self, hosts, headers):
        self.hosts, self.headers, self.turn = hosts, headers, 0

    def __call__(self, method, path, headers=(), **options):
        self.turn += 1
        host = self.hosts[self.turn % len(self.hosts)]
        return host.open(path, method=method, headers={**self.headers, **dict(headers)}, **options)

    def get(self, path, **options):
        return self("GET", path, **options)

    def post(self, path, **options):
        return self("POST", path, **options)

    def send(self, paper, path="/v1/process/async", headers=(), **fields):
        return self.post(path, data={"file": (io.BytesIO(paper.read_bytes()), "paper.pdf"), **fields}, headers=headers)


@pytest.fixture
def callers(valkey, redis, tmp_path):
    """Makes callers of a service with these tiers: ``make(tier)`` with a key, ``make("")`` without one."""

    def serve(tiers, auth="required", **api):
        path = tmp_path / "tiers.toml"
        path.write_text(tiers)
        settings = Settings(
            api=ApiSettings(sync_timeout_seconds=0, **api),
            accounts=AccountSettings(auth_mode=auth, tiers_file=str(path)),
            queue=QueueSettings(),
            store=StoreSettings(data_dir=tmp_path / "data", redis_url=valkey.redis_url),
        )
        hosts = [create_app(settings).test_client() for _ in range(2)]

        def make(tier="key", owner="acme", scopes=("process", "read")):
            key = make_key(tmp_path / "data", owner, scopes, tier=tier).secret if tier else ""
            return Caller(hosts, {"X-API-Key": key} if key else {})

        make.operator = Caller(hosts, {"Authorization": f"Bearer {operator_token(settings)}"})
        return make

    return serve


def refused(answer, code, status=429):
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), answer.get_data(as_text=True)
    return error["details"]


# --- quotas


def test_a_full_redis_takes_no_document_and_counts_none(callers, redis, paper, tmp_path):
    caller = callers("[key]\ndocuments_per_day = 5\npages_per_month = 50\nconcurrent_jobs = 5")()
    assert caller.send(paper).status_code == 202
    redis.setrange("filling", 8 << 20, b"end")
    redis.config_set("maxmemory", 4 << 20)
    try:
        for _ in range(3):
            answer = caller.send(paper)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "QUEUE_UNAVAILABLE")
            assert answer.headers["Retry-After"]
    finally:
        redis.config_set("maxmemory", 0)
        redis.delete("filling")
    assert [one["used"] for one in caller.get("/v1/usage").get_json()["quotas"]] == [1, 1, 1]
    assert len(list((tmp_path / "data" / "jobs").iterdir())) == 1, "what came meanwhile left no file"
    assert caller.send(paper).status_code == 202


def test_beyond_the_documents_of_a_day_the_answer_says_what_is_left_and_when_it_begins_anew(callers, paper, tmp_path):
    caller = callers("[key]\ndocuments_per_day = 2")()
    first = caller.send(paper)
    assert first.status_code == 202
    assert first.headers["X-Quota-Documents-Per-Day-Limit"] == "2"
    assert first.headers["X-Quota-Documents-Per-Day-Remaining"] == "1"
    assert 0 < int(first.headers["X-Quota-Documents-Per-Day-Reset"]) - time.time() <= 86_400
    assert caller.send(paper).headers["X-Quota-Documents-Per-Day-Remaining"] == "0"
    answer = caller.send(paper)
    details = refused(answer, "QUOTA_EXCEEDED")
    assert {name: details[name] for name in ("quota", "limit", "used", "left", "wanted")} == {
        "quota": "documents_per_day",
        "limit": 2,
        "used": 2,
        "left": 0,
        "wanted": 1,
    }
    assert details["resets_at"] > "2026"
    assert "Retry-After" not in answer.headers
    assert len(list((tmp_path / "data" / "jobs").iterdir())) == 2


def test_a_tier_may_call_it_a_matter_of_payment(callers, paper):
    caller = callers("[key]\npages_per_month = 1\nquota_status = 402")()
    caller.send(paper)
    assert refused(caller.send(paper), "QUOTA_EXCEEDED", 402)["quota"] == "pages_per_month"


def test_a_place_is_free_when_a_job_ends(callers, paper):
    caller = callers("[key]\nconcurrent_jobs = 1")()
    job_id = caller.send(paper).get_json()["job_id"]
    answer = caller.send(paper)
    details = refused(answer, "RATE_LIMIT_EXCEEDED")
    assert (details["quota"], details["left"]) == ("concurrent_jobs", 0)
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["X-Quota-Concurrent-Jobs-Remaining"] == "0"
    assert caller.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
    assert caller.send(paper).status_code == 202


def test_all_keys_of_an_owner_share_its_quotas_and_other_owners_have_their_own(callers, paper):
    make = callers("[key]\nconcurrent_jobs = 1\n[better]\nconcurrent_jobs = 2")
    assert make().send(paper).status_code == 202
    refused(make().send(paper), "RATE_LIMIT_EXCEEDED")
    assert make("better").send(paper).status_code == 202
    assert make(owner="other").send(paper).status_code == 202


def uploaded(caller, paper):
    """The id of a complete resumable upload."""
    headers = {**TUS, "Upload-Length": str(paper.stat().st_size), "Content-Type": "application/offset+octet-stream"}
    headers["Upload-Metadata"] = f"filename {base64.b64encode(b'paper.pdf').decode()}"
    answer = caller.post("/v1/uploads", data=paper.read_bytes(), headers=headers)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return answer.headers["Location"].rpartition("/")[2]


def batch(caller, paper, files=1, path="/v1/process/batch"):
    return caller.post(path, data={"files": [(io.BytesIO(paper.read_bytes()), f"{number}.pdf") for number in range(files)]})


WAYS = {
    "async": lambda caller, paper: caller.send(paper),
    "sync": lambda caller, paper: caller.send(paper, "/v1/process/sync"),
    "alias": lambda caller, paper: caller.send(paper, "/api/v1/documents"),
    "raw": lambda caller, paper: caller.post(
        "/v1/process/async?filename=a.pdf", data=paper.read_bytes(), content_type="application/pdf"
    ),
    "url": lambda caller, _: caller.post("/v1/process/url", json={"url": "http://192.0.2.1/paper.pdf"}),
    "upload": lambda caller, paper: caller.post("/v1/process/async", json={"upload_id": uploaded(caller, paper)}),
    "batch": batch,
    "keyed": lambda caller, paper: caller.send(paper, headers={"Idempotency-Key": str(uuid.uuid4())}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("limit", "code"), [("concurrent_jobs", "RATE_LIMIT_EXCEEDED"), ("documents_per_day", "QUOTA_EXCEEDED")]
)
def test_every_way_in_counts(callers, paper, way, limit, code, monkeypatch):
    monkeypatch.setattr("document_parser.api.routes.links.check_origin", lambda *_: None)
    caller = callers(f"[key]\n{limit} = 1")()
    assert WAYS[way](caller, paper).status_code == 202
    refused(caller.send(paper), code)
    refused(WAYS[way](caller, paper), code)


def test_a_batch_with_more_files_than_there_are_places_is_refused_whole(callers, paper):
    caller = callers("[key]\nconcurrent_jobs = 3")()
    assert refused(batch(caller, paper, 4), "RATE_LIMIT_EXCEEDED")["wanted"] == 4
    answer = batch(caller, paper, 3)
    assert answer.status_code == 202
    assert answer.headers["X-Quota-Concurrent-Jobs-Remaining"] == "0"
    batch_id = answer.get_json()["batch_id"]
    caller.post(f"/v1/batches/{batch_id}/cancel")
    assert caller.get("/v1/jobs").headers["X-Quota-Concurrent-Jobs-Remaining"] == "3"


def test_a_request_that_is_sent_again_takes_nothing(callers, paper):
    caller, key = callers("[key]\nconcurrent_jobs = 1")(), {"Idempotency-Key": "the-same"}
    job_id = caller.send(paper, headers=key).get_json()["job_id"]
    again = caller.send(paper, headers=key)
    assert (again.status_code, again.get_json()["job_id"]) == (202, job_id)
    assert again.headers["Idempotency-Replayed"] == "true"


# --- requests in a minute


def test_requests_in_a_minute_are_counted_on_all_hosts_together(callers):
    make = callers("[key]\nrequests_per_minute = 3", rate_limit_reads="100/minute")
    caller = make()
    answers = [caller.get("/v1/jobs") for _ in range(4)]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert 0 < int(answers[0].headers["X-RateLimit-Reset"]) - time.time() <= 61
    details = refused(answers[-1], "RATE_LIMIT_EXCEEDED")
    assert (details["quota"], details["limit"]) == ("requests_per_minute", 3)
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert make(owner="other").get("/v1/jobs").status_code == 200


ANSWERS = {
    ("GET", "/v1/jobs"): 200,
    ("HEAD", "/v1/jobs"): 200,
    ("OPTIONS", "/v1/jobs"): 200,
    ("OPTIONS", "/v1/uploads"): 204,
    ("GET", "/v1/jobs/none/status"): 404,
    ("GET", "/v1/nothing"): 404,
    ("PUT", "/v1/jobs"): 405,
    ("GET", "/v1//jobs"): 308,
    ("GET", "/v1/audit"): 403,
    ("GET", "/dashboard/"): 403,
    ("POST", "/v1/process/async"): 400,
    ("POST", "/v1/uploads"): 413,
}


def test_headers_are_on_every_answer_to_a_known_caller_and_on_no_other(callers):
    caller = callers("[key]\nrequests_per_minute = 100\npages_per_month = 7\nmax_file_mb = 1")()
    headers = {**TUS, "Upload-Length": str(2 << 20)}
    for (method, path), status in ANSWERS.items():
        answer = caller(method, path, headers=headers)
        found = (
            answer.status_code,
            answer.headers.get("X-RateLimit-Limit"),
            answer.headers["X-Quota-Pages-Per-Month-Remaining"],
        )
        assert found == (status, "100", "7"), (method, path)
        for key in ({}, {"X-API-Key": "dp_live_cut-off"}, {"X-API-Key": new_key()}):
            answer = caller.hosts[0].open(path, method=method, headers={**headers, **key})
            assert "X-Quota" not in str(answer.headers)
            assert answer.status_code in (401, status), "whether a key works changes nothing of what no route answers"
    assert caller("OPTIONS", "/v1/uploads").headers["Tus-Max-Size"] == str(1 << 20), "of the caller's tier"


def test_what_no_route_answers_counts_as_no_request(callers):
    caller = callers("[key]\nrequests_per_minute = 1")()
    answers = [caller(method, path) for method, path in (("OPTIONS", "/v1/jobs"), ("GET", "/v1/nothing"), ("PUT", "/v1/jobs"))]
    assert {answer.headers["X-RateLimit-Remaining"] for answer in answers} == {"1"}
    assert [caller.get("/v1/jobs").status_code for _ in range(2)] == [200, 429]
    assert caller.get("/v1/nothing").status_code == 404


# --- what a tier allows


def test_modes_lanes_and_sizes_that_a_tier_does_not_allow_are_refused(callers, paper):
    caller = callers('[key]\nmodes = ["fast"]\nlanes = ["normal"]\nmax_file_mb = 1\nengines = ["rapidocr"]')()
    details = refused(caller.send(paper, accuracy_mode="maximum"), "NOT_IN_TIER", 403)
    assert details == {"tier": "key", "field": "accuracy_mode", "allowed": ["fast"]}
    assert refused(caller.send(paper, priority="express"), "NOT_IN_TIER", 403)["allowed"] == ["normal"]
    large = b"%PDF-1.7\n" + b"\0" * (1 << 20)
    answer = caller.post("/v1/process/async?filename=a.pdf", data=large, content_type="application/pdf")
    assert refused(answer, "FILE_TOO_LARGE", 413)["limit_mb"] == 1
    headers = {**TUS, "Upload-Length": str(2 << 20)}
    assert caller.post("/v1/uploads", headers=headers).status_code == 413


LARGE = 2 << 20
ASKED = {
    "async": lambda caller, paper, asked: caller.send(paper, **asked),
    "sync": lambda caller, paper, asked: caller.send(paper, "/v1/process/sync", **asked),
    "alias": lambda caller, paper, asked: caller.send(paper, "/api/v1/documents", **asked),
    "alias of sync": lambda caller, paper, asked: caller.send(paper, "/api/v1/documents/sync", **asked),
    "raw": lambda caller, paper, asked: caller.post(
        "/v1/process/async",
        query_string={"filename": "a.pdf", **asked},
        data=paper.read_bytes(),
        content_type="application/pdf",
    ),
    "url": lambda caller, _, asked: caller.post("/v1/process/url", json={"url": "http://192.0.2.1/paper.pdf", **asked}),
    "s3": lambda caller, _, asked: caller.post("/v1/process/s3", json={"url": "http://192.0.2.1/paper.pdf", **asked}),
    "alias of url": lambda caller, _, asked: caller.post(
        "/api/v1/documents/from-url", json={"url": "http://192.0.2.1/paper.pdf", **asked}
    ),
    "upload": lambda caller, paper, asked: caller.post(
        "/v1/process/async", json={"upload_id": uploaded(caller, paper), **asked}
    ),
    "chunks": lambda caller, paper, asked: caller.post(
        "/api/v1/documents/upload/complete", json={"upload_id": uploaded(caller, paper), **asked}
    ),
    "batch": lambda caller, paper, asked: caller.post(
        "/v1/process/batch", data={"files": [(io.BytesIO(paper.read_bytes()), "a.pdf")], **asked}
    ),
    "alias of batch": lambda caller, paper, asked: caller.post(
        "/api/v1/documents/batch", data={"files": [(io.BytesIO(paper.read_bytes()), "a.pdf")], **asked}
    ),
}


def test_by_no_way_in_a_tier_gives_what_it_does_not_allow(callers, paper, monkeypatch):
    monkeypatch.setattr("document_parser.api.routes.links.check_origin", lambda *_: None)
    caller = callers('[key]\nmodes = ["fast"]\nlanes = ["normal"]\nretention_hours = 2')()
    asked = {"accuracy_mode": "maximum", "priority": "express"}
    for way, send in ASKED.items():
        for name, value in asked.items():
            details = refused(send(caller, paper, {name: value}), "NOT_IN_TIER", 403)
            assert details["field"] == name, way
        details = refused(send(caller, paper, {"retention_hours": 3}), "INVALID_OPTION", 422)
        assert "more than the 2 hours" in details["fields"][0]["problem"], way
        assert send(caller, paper, {"accuracy_mode": "fast", "priority": "normal", "retention_hours": 2}).status_code == 202, (
            way
        )


def test_by_no_way_in_a_tier_takes_a_larger_file(callers):
    large = b"%PDF-1.7\n" + b"\0" * LARGE
    caller = callers("[key]\nmax_file_mb = 1")()
    head = '--edge\r\nContent-Disposition: form-data; name="{}"; filename="a.pdf"\r\n\r\n'
    form = {"content_type": "multipart/form-data; boundary=edge"}
    for path in ("/v1/process/async", "/v1/process/sync", "/api/v1/documents", "/api/v1/documents/sync"):
        answer = caller.post(path, data=head.format("file").encode() + large + b"\r\n--edge--\r\n", **form)
        assert refused(answer, "FILE_TOO_LARGE", 413)["limit_mb"] == 1, path
        answer = caller.post(f"{path}?filename=a.pdf", data=large, content_type="application/pdf")
        assert refused(answer, "FILE_TOO_LARGE", 413)["limit_mb"] == 1, path
    for path in ("/v1/process/batch", "/api/v1/documents/batch"):
        answer = caller.post(path, data=head.format("files").encode() + large + b"\r\n--edge--\r\n", **form)
        [sent] = answer.get_json()["jobs"]
        assert (sent.get("job_id"), sent["error"]["code"]) == (None, "FILE_TOO_LARGE"), path
    piece = {**TUS, "Content-Type": "application/offset+octet-stream"}
    deferred = caller.post("/v1/uploads", headers={**TUS, "Upload-Defer-Length": "1"}).headers["Location"]
    for headers in ({"Upload-Length": str(LARGE)}, {}):
        sent = {"data": large, "headers": {**piece, "Upload-Offset": "0", **headers}}
        refused(caller("PATCH", deferred, **sent), "FILE_TOO_LARGE", 413)
    chunks = "/api/v1/documents/upload"
    refused(caller.post(f"{chunks}/init", json={"filename": "a.pdf", "size": LARGE}), "FILE_TOO_LARGE", 413)
    upload_id = caller.post(f"{chunks}/init", json={"filename": "a.pdf"}).get_json()["upload_id"]
    answer = caller.post(f"{chunks}/chunk", query_string={"upload_id": upload_id, "offset": 0}, data=large)
    refused(answer, "FILE_TOO_LARGE", 413)


def test_a_page_is_read_again_only_by_what_the_tier_allows(callers, redis, paper, valkey):
    caller = callers('[key]\nmodes = ["fast", "balanced"]\nengines = ["rapidocr"]')()
    job_id = caller.send(paper).get_json()["job_id"]
    ledger = Ledger(redis, valkey)
    read_blank(ledger, job_id, 1)
    assert ledger.end(job_id, JobState.COMPLETED) == "ok"
    retry = f"/v1/jobs/{job_id}/pages/1/retry"
    details = refused(caller.post(retry, json={"engine": "deepseek"}), "NOT_IN_TIER", 403)
    assert details == {"tier": "key", "field": "engine", "allowed": ["rapidocr"]}
    assert refused(caller.post(retry, json={"accuracy_mode": "maximum"}), "NOT_IN_TIER", 403)["allowed"] == ["fast", "balanced"]
    assert caller.post(retry, json={"engine": "text_layer"}).status_code == 202, "text layers are always read"


def test_what_a_request_leaves_out_is_chosen_as_the_tier_allows(callers, redis, paper):
    caller = callers('[key]\nmodes = ["fast"]\nlanes = ["batch"]', default_accuracy_mode="maximum")()
    job_id = caller.send(paper).get_json()["job_id"]
    job = record.load(redis, job_id)
    assert (job.card.options.accuracy_mode, job.lane) == ("fast", "batch")


def test_the_key_of_an_unknown_tier_is_refused_and_none_is_made(callers):
    make = callers("[key]\n")
    refused(make("gone").get("/v1/jobs"), "TIER_UNKNOWN", 403)
    wanted = {"name": "n", "owner": "acme", "tier": "gone", "scopes": ["read"]}
    answer = make.operator.post("/v1/keys", json=wanted)
    assert refused(answer, "INVALID_OPTION", 422)["fields"][0]["problem"] == "is not one of key (TIERS_FILE)"


# --- callers without a key


def test_callers_without_a_key_have_the_anonymous_tier_by_their_address(callers, paper):
    make = callers("[free]\nanonymous = true\nconcurrent_jobs = 1\n[key]")
    caller = make("")
    sent = caller.send(paper)
    assert sent.status_code == 202
    job_id = sent.get_json()["job_id"]
    # Headers that a stranger sends change nothing of who it is.
    refused(caller.send(paper, headers={"X-Forwarded-For": "198.51.100.9"}), "RATE_LIMIT_EXCEEDED")
    elsewhere = {"environ_base": {"REMOTE_ADDR": "198.51.100.9"}}
    assert caller.get(f"/v1/jobs/{job_id}/status", **elsewhere).status_code == 404
    assert caller.get(f"/v1/jobs/{job_id}/status").status_code == 200
    # Others may have the same address: nothing of it is listed or deleted.
    for method, path in (("GET", "/v1/jobs"), ("GET", "/v1/usage"), ("DELETE", f"/v1/jobs/{job_id}"), ("GET", "/v1/metrics")):
        assert refused(caller(method, path), "KEY_REQUIRED", 401) is not None
    assert make().get(f"/v1/jobs/{job_id}/status").status_code == 404


def test_behind_a_proxy_the_client_has_the_quota_and_not_the_proxy(callers, paper):
    make = callers("[free]\nanonymous = true\nconcurrent_jobs = 1", trusted_proxies=("127.0.0.1",))
    caller = make("")
    for client, status in (("198.51.100.1", 202), ("198.51.100.2", 202), ("198.51.100.1", 429)):
        assert caller.send(paper, headers={"X-Forwarded-For": client}).status_code == status


def test_without_an_anonymous_tier_a_key_is_needed(callers):
    refused(callers("[free]\nconcurrent_jobs = 1")("").get("/v1/system"), "KEY_REQUIRED", 401)


def test_no_tier_applies_while_no_key_is_needed(callers, paper):
    make = callers("[free]\nanonymous = true\nconcurrent_jobs = 1\n[key]\nconcurrent_jobs = 1", auth="off")
    for caller in (make(""), make(""), make("key"), make("key")):
        answer = caller.send(paper)
        assert answer.status_code == 202
        assert "X-Quota" not in str(answer.headers)


# --- what is shown


def test_usage_and_system_show_the_tier_and_what_is_left(callers, paper):
    caller = callers("[key]\npages_per_month = 9\nconcurrent_jobs = 4\n[other]\nmodes = ['fast']")()
    caller.send(paper)
    report = caller.get("/v1/usage?by=day,key,engine").get_json()
    assert report["tier"] == "key"
    found = {one["quota"]: (one["limit"], one["used"], one["left"]) for one in report["quotas"]}
    assert found == {"concurrent_jobs": (4, 1, 3), "pages_per_month": (9, 1, 8)}
    system = caller.get("/v1/system").get_json()
    assert system["tier"] == "key"
    assert system["tiers"]["key"]["pages_per_month"] == 9
    assert system["tiers"]["other"]["modes"] == ["fast"]


def test_the_program_brings_the_four_tiers_along():
    assert list(load_tiers("")) == ["free", "key", "oauth", "enterprise"]
    assert load_tiers("")["enterprise"] == Tier()


BAD = {
    "[key]\npages_per_moon = 1": "TIERS_FILE: tier key: pages_per_moon is unknown, did you mean pages_per_month?",
    "[key]\nmodes = ['quick']": "TIERS_FILE: tier key: modes is not one of fast, balanced, maximum",
    "[key]\nconcurrent_jobs = 0": "TIERS_FILE: tier key: concurrent_jobs is less than 1",
    "[Key]": "TIERS_FILE: 'Key' is no name of a tier: 1 to 32 of a-z",
    "[a]\nanonymous = true\n[b]\nanonymous = true": "TIERS_FILE: tiers a, b: anonymous is true in several",
    "[key": "is not TOML",
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_cannot_be_used_refuses_the_start_and_says_why(text, tmp_path):
    path = tmp_path / "tiers.toml"
    path.write_text(text)
    environment = {"TIERS_FILE": str(path), "DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "document_parser.api"]
    ended = subprocess.run(command, cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert ended.returncode == 2
    assert BAD[text] in ended.stderr


def test_the_doctor_shows_the_tiers(tmp_path):
    from document_parser.cli.checks.machine import check_tiers

    path = tmp_path / "tiers.toml"
    path.write_text("[key]\npages_per_month = 5\nmodes = ['fast', 'balanced']\n[all]")
    found = {one.name: one.detail for one in check_tiers(Settings(accounts=AccountSettings(tiers_file=str(path))))}
    assert found["tiers"] == f"key, all ({path}); none applies with AUTH_MODE=off"
    assert found["tier key"] == "pages_per_month 5; modes fast, balanced"
    assert found["tier all"] == "no limits"
    assert json.dumps(found)
